"""What a storm does to a cluster, and when: decided by a seed before anything happens."""

import enum
import random
from collections.abc import Iterator
from dataclasses import dataclass

from tests.network.switch import Strength
from tests.network.wiring import Cuts, between

WALL_S = (86_400.0, 3_976_214_400.0)
"""Clocks jump to anywhere from 1970 to 2096."""


class Kind(enum.Enum):
    """What can happen; the text is for people."""

    PARTITION = "partition"
    ONE_WAY = "one way cut"
    KILL = "kill -9"
    KILL_MASTER = "kill -9 of the master"
    PAUSE = "pause"
    EMPTY_DISK = "empty disk"
    NEW_ROUTER = "empty disk and another key"
    OLD_DISK = "older disk"
    CLOCK = "clock jump"


DISKS = frozenset({Kind.EMPTY_DISK, Kind.NEW_ROUTER, Kind.OLD_DISK})
"""A disk is lost: spares who makes promises alone."""


@dataclass(frozen=True, slots=True)
class Strike:
    """One thing that happens.

    Attributes:
        at_s: seconds since the beginning of the storm.
        kind: what.
        lasts_s: how long it is so.
        victim: number of the router that it happens to, 0 if it happens to the network.
        cuts: the ways on which nothing passes.
        wall_s: what the victim's clock shows.
    """

    at_s: float
    kind: Kind
    lasts_s: float
    victim: int = 0
    cuts: Cuts = frozenset()
    wall_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Size:
    """How large a storm is.

    Attributes:
        nodes: routers; the first one is the master.
        seconds: how long it lasts.
        every_s: seconds between two strikes, in the middle.
        lasts_s_max: the longest that one thing lasts.
        backups: holders of the succession besides the master: where there are some, changes are
            written on both sides of a cut, and not only the master's disk is spared.
        cycle: as for ``dusk init --cycle``.
        strength: of what happens to single frames.
        without: what does not happen.
    """

    nodes: int
    seconds: float
    every_s: float
    lasts_s_max: float
    backups: int = 0
    cycle: str = "0.5s"
    strength: Strength = Strength(loss=0.2, double=0.1, late=0.2, late_s_max=0.08)  # noqa: RUF009 — frozen
    without: frozenset[Kind] = frozenset()

    @property
    def spared(self) -> frozenset[int]:
        """Numbers of the routers that keep their disks: the writers, and one where changes are signed."""
        return frozenset(range(1, 2 + self.backups)) | {self.nodes}

    @property
    def committing(self) -> tuple[int, int]:
        """Numbers of the routers where the owner commits: the master and one that is never a holder."""
        return 1, self.nodes


def plan(seed: int, size: Size) -> list[Strike]:
    """Return what happens, in order; every kind as often as any other."""
    chance = random.Random(f"strikes {seed}")
    found: list[Strike] = []
    at_s = 0.0
    for kind in _kinds(chance, size):
        at_s += chance.uniform(0.3, 1.7) * size.every_s
        if at_s >= size.seconds:
            return found
        found.append(_strike(chance, size, at_s, kind))
    return found


def _kinds(chance: random.Random, size: Size) -> Iterator[Kind]:
    kinds = [kind for kind in Kind if kind not in size.without]
    while kinds:
        chance.shuffle(kinds)
        yield from kinds


def _strike(chance: random.Random, size: Size, at_s: float, kind: Kind) -> Strike:
    numbers = list(range(1, size.nodes + 1))
    lasts_s = size.lasts_s_max * chance.uniform(0.1, 1.0)
    if kind is Kind.PARTITION:
        return Strike(at_s, kind, lasts_s, cuts=_parts(chance, numbers))
    if kind is Kind.ONE_WAY:
        return Strike(at_s, kind, lasts_s, cuts=_one_way(chance, numbers))
    if kind is Kind.KILL_MASTER:
        return Strike(
            at_s, kind, lasts_s if size.backups else lasts_s / 4, victim=1
        )  # long enough to succeed
    victims = [number for number in numbers if number not in size.spared] if kind in DISKS else numbers
    victim, wall_s = chance.choice(victims), chance.uniform(*WALL_S)
    if kind is Kind.KILL:
        return Strike(at_s, kind, lasts_s / 2, victim=chance.choice(numbers[1:]))
    return Strike(at_s, kind, lasts_s / 2, victim=victim, wall_s=wall_s if kind is Kind.CLOCK else 0.0)


def _parts(chance: random.Random, numbers: list[int]) -> Cuts:
    """Part all routers into two or three groups."""
    shuffled = chance.sample(numbers, len(numbers))
    ends = sorted(chance.sample(range(1, len(numbers)), chance.choice((1, 1, 2))))
    starts = [0, *ends]
    return between(shuffled[start:end] for start, end in zip(starts, [*ends, len(numbers)], strict=True))


def _one_way(chance: random.Random, numbers: list[int]) -> Cuts:
    """Cut single ways, or let one router hear nobody, or be heard by nobody."""
    deaf = chance.choice(numbers)
    others = [number for number in numbers if number != deaf]
    ways = chance.choice(
        (
            {(other, deaf) for other in others},
            {(deaf, other) for other in others},
            {tuple(chance.sample(numbers, 2)) for _ in range(len(numbers))},
        )
    )
    return frozenset((sender, receiver) for sender, receiver in ways)
