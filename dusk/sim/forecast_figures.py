"""What a forecast saw, as figures: how long changes took, what the air carried."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from dusk.sim.forecast import Answer, Made
from dusk.sim.forecast_air import Tally


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took, over all that came to an end.

    Attributes:
        count: how many did.
        unfinished: how many did not.
        p50_s, p90_s, p99_s: what half, nine in ten, 99 in 100 took at most; None without any.
        worst_s: the longest.
    """

    count: int
    unfinished: int
    p50_s: float | None
    p90_s: float | None
    p99_s: float | None
    worst_s: float | None


@dataclass(frozen=True, slots=True)
class Durations:
    """From a commit at a random router until this or that.

    Attributes:
        told: its author is told that it stands on two disks.
        on_a_disk: it is on a router's disk, over all changes and routers.
        on_all_disks: it is on every disk, over all changes.
        in_effect: its router has it in effect, over all changes and routers.
        in_effect_on_all: all have.
    """

    told: Spread
    on_a_disk: Spread
    on_all_disks: Spread
    in_effect: Spread
    in_effect_on_all: Spread


@dataclass(frozen=True, slots=True)
class RouterFigures:
    """One router: how long until changes were on its disk, and what it sent in idle cycles."""

    name: str
    on_its_disk: Spread
    idle_bytes_per_cycle: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What something cost the air, in each of its units.

    Attributes:
        air_s: how long it was busy.
        frames: sent, repetitions by the MAC among them.
        data_bytes: of UDP and TCP, without headers and repetitions.
        multicast_bytes, unicast_bytes, stream_bytes: the same by the way that they went.
        first_bytes: the same from the first router, which leads.
        other_bytes: from any other, on average.
    """

    air_s: float
    frames: float
    data_bytes: float
    multicast_bytes: float
    unicast_bytes: float
    stream_bytes: float
    first_bytes: float
    other_bytes: float


@dataclass(frozen=True, slots=True)
class Figures:
    """All of them.

    Attributes:
        durations: of changes.
        routers: each by itself.
        idle_cycles: so many were measured.
        idle_cycle: cost of one.
        idle_air_share: share of the time that the air was busy in them.
        change: cost of one, besides that of the cycles meanwhile.
        dropped: datagrams that found the queue full.
    """

    durations: Durations
    routers: tuple[RouterFigures, ...]
    idle_cycles: int
    idle_cycle: Cost
    idle_air_share: float
    change: Cost
    dropped: int

    @property
    def slowest(self) -> RouterFigures:
        """The router that changes took longest to reach."""
        return max(self.routers, key=lambda router: router.on_its_disk.worst_s or 0.0)


def spread(taken_s: Iterable[float | None]) -> Spread:
    """Return the spread of durations, by nearest rank; None stands for what did not end."""
    every = list(taken_s)
    ended = sorted(value for value in every if value is not None)

    def rank(share: float) -> float | None:
        return ended[math.ceil(share * len(ended)) - 1] if ended else None

    return Spread(len(ended), len(every) - len(ended), rank(0.5), rank(0.9), rank(0.99), rank(1.0))


def figures_of(answer: Answer) -> Figures:
    """Work the figures out."""
    question = answer.question
    cycles = max(1, round(answer.idle.at / question.cycle_s))
    idle_cycle = _cost(answer.idle, question.nodes, 1 / cycles)
    meanwhile = answer.busy.at / answer.idle.at
    per_change = 1 / max(1, len(answer.positions))
    both, usual = (
        _cost(answer.busy, question.nodes, per_change),
        _cost(answer.idle, question.nodes, per_change),
    )
    return Figures(
        durations=_durations(answer),
        routers=tuple(_router(answer, index, cycles) for index in range(question.nodes)),
        idle_cycles=cycles,
        idle_cycle=idle_cycle,
        idle_air_share=answer.idle.air_s / answer.idle.at,
        change=_beyond(both, usual, meanwhile),
        dropped=answer.idle.dropped + answer.busy.dropped,
    )


# --- time ------------------------------------------------------------------------------------


def _durations(answer: Answer) -> Durations:
    meter = answer.meter
    disks = [_taken(answer, made, meter.on_disk) for made in answer.made]
    effects = [_taken(answer, made, meter.in_effect) for made in answer.made]
    told = [(meter.told.get(made.change), made.at) for made in answer.made]
    return Durations(
        told=spread(None if at is None else at - since for at, since in told),
        on_a_disk=spread(value for taken in disks for value in taken),
        on_all_disks=spread(map(_longest, disks)),
        in_effect=spread(value for taken in effects for value in taken),
        in_effect_on_all=spread(map(_longest, effects)),
    )


def _taken(answer: Answer, made: Made, moments: Sequence[list[float]]) -> list[float | None]:
    """Return how long a change took to each router."""
    position = answer.positions.get(made.change)
    if position is None:
        return [None] * len(moments)
    at = [answer.meter.moment(of_one, position) for of_one in moments]
    return [None if moment is None else moment - made.at for moment in at]


def _longest(taken_s: Sequence[float | None]) -> float | None:
    """Return when the last one was there; None if one never was."""
    longest = 0.0
    for value in taken_s:
        if value is None:
            return None
        longest = max(longest, value)
    return longest


def _router(answer: Answer, index: int, cycles: int) -> RouterFigures:
    moments = [answer.meter.on_disk[index]]
    taken = [_taken(answer, made, moments)[0] for made in answer.made]
    return RouterFigures(f"r{index}", spread(taken), answer.idle.sent[index] / cycles)


# --- the air ---------------------------------------------------------------------------------


def _cost(tally: Tally, nodes: int, share: float) -> Cost:
    """Return a share of what a tally counted."""
    data = sum(tally.data.values())
    return Cost(
        air_s=tally.air_s * share,
        frames=sum(tally.frames.values()) * share,
        data_bytes=data * share,
        multicast_bytes=tally.data["multicast"] * share,
        unicast_bytes=tally.data["unicast"] * share,
        stream_bytes=tally.data["stream"] * share,
        first_bytes=tally.sent[0] * share,
        other_bytes=(data - tally.sent[0]) * share / max(1, nodes - 1),
    )


def _beyond(both: Cost, usual: Cost, times: float) -> Cost:
    """Return what is left of a cost without so many times another; chance may make that negative: 0 then."""
    names = [field.name for field in fields(Cost)]
    return Cost(**{name: max(0.0, getattr(both, name) - times * getattr(usual, name)) for name in names})
