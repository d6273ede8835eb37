"""Which of two branches a device must take: the order of `specs/log.md`, written a second time and plainly.

It shares no code with the nodes' own, which it judges.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from dusk.ids import Seq
from dusk.sim.tree import NOWHERE, Logged, behind, fork_of


class Choice(Enum):
    """What a device may do about another branch."""

    STAYS = "stays"
    SWITCHES = "switches"
    REFUSES = "refuses"
    """It forks below what the device knows to be settled."""


@dataclass(frozen=True, slots=True)
class Side:
    """A branch and what is known of it.

    Attributes:
        head: its newest entry; None for the empty log.
        settled: up to where it is proven to be settled to the one who chooses.
    """

    head: Logged | None
    settled: Seq = NOWHERE


MayRaise = Callable[[Logged, Logged], bool]
"""Whether an entry that forces the role is signed by who has that right at a head."""


def choose(ours: Side, theirs: Side, may_raise: MayRaise) -> Choice:
    """Choose between two branches as a device must that holds ``ours``."""
    fork = fork_of(ours.head, theirs.head)
    mine, others = behind(fork, ours.head), behind(fork, theirs.head)
    if not mine or not others:
        return Choice.SWITCHES if others else Choice.STAYS
    at = 0 if fork is None else fork.seq
    if ours.settled > at and not _raised(others, mine[-1], may_raise):
        return Choice.REFUSES  # (0)
    for other, own in _keys(fork, ours, theirs, may_raise):
        if other != own:
            return Choice.SWITCHES if other > own else Choice.STAYS
    return Choice.STAYS


def _raised(entries: list[Logged], reader: Logged, may_raise: MayRaise) -> bool:
    """Tell whether the first that recovers, or without one that forces the role, may in the reader's eyes."""
    first = next((logged for logged in entries if logged.is_recovery), None)
    first = first or next((logged for logged in entries if logged.is_forced), None)
    return first is not None and may_raise(first, reader)


def _keys(
    fork: Logged | None, ours: Side, theirs: Side, may_raise: MayRaise
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return what is compared, theirs before ours, in the order in which it decides."""
    reader = ours.head
    assert reader is not None, "there are two branches"
    at = 0 if fork is None else fork.seq

    def keys(side: Side) -> list[tuple[int, ...]]:  # more is better
        entries = behind(fork, side.head)
        first, last = entries[0], entries[-1]
        floor = (0, 0) if fork is None else fork.rank
        rank = last.rank if _raised(entries, reader, may_raise) else floor
        order = () if fork is None else fork.holders
        writer = first.entry.writer
        place = order.index(writer) if writer in order else len(order)
        low_hash = -int.from_bytes(first.chain, "big")
        return [rank, (int(side.settled > at),), (first.entry.epoch, -place, low_hash)]  # (1, 2), (3), (4)

    return list(zip(keys(theirs), keys(ours), strict=True))
