"""What the items of a disk add up to once some took the place of others (`specs/storage.md`).

A log file only grows. A device that leaves its branch for another writes a *rewind* and, with
the same write, the items of the other branch: what stood behind the fork no longer counts. It
stays on the disk as a replaced branch, for the changes in it may be the only copy of somebody's
work. Nothing here looks into entries; `Log` verifies what is left.
"""

from collections.abc import Sequence

from dusk import codec, limits
from dusk.changelog.basis import NO_BASIS, Basis, basis_of
from dusk.effects import ItemKind, LogItem, LostBranch
from dusk.errors import UntrustedInput
from dusk.ids import Seq
from dusk.lazy import dataclass

_REWIND = codec.Row(
    "rewind", seq=codec.number(0, limits.NUMBER_MAX), count=codec.number(1, limits.NUMBER_MAX)
)
REWIND_BYTES_MAX = 32
AT_THE_BEGINNING = (ItemKind.PLAN, ItemKind.PIECE, ItemKind.LEFT)
"""Kinds of what a log stands on; they are written with it, and behind nothing."""
__all__ = ["AT_THE_BEGINNING", "LostBranch", "Resolved", "Rewind", "decode_rewind", "resolve"]


@dataclass(frozen=True, slots=True)
class Rewind:
    """What stands behind entry ``seq`` is replaced by the ``count`` items that follow."""

    seq: Seq
    count: int

    def item(self) -> LogItem:
        """Return it as it is stored."""
        return LogItem(ItemKind.REWIND, codec.pack((self.seq, self.count)))


def decode_rewind(data: bytes) -> Rewind:
    """Read a rewind.

    Raises:
        UntrustedInput: anything but the one encoding.
    """
    seq, count = _REWIND.decode(data, size_max=REWIND_BYTES_MAX)
    return Rewind(Seq(seq), count)


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the items of a disk add up to.

    Attributes:
        items: the log.
        branches: what it replaced, oldest first.
        used: how many of the items count; what follows is a rewind without all its items, or
            one that says what cannot be, and whatever stands behind it.
        basis: what the log stands on, which the items begin with.
    """

    items: tuple[LogItem, ...]
    branches: tuple[LostBranch, ...]
    used: int
    basis: Basis = NO_BASIS


def resolve(items: Sequence[LogItem]) -> Resolved:
    """Follow the rewinds among the items of a disk; any items at all give an answer.

    A rewind counts only with all of its items, none of them another rewind or of a log's beginning:
    a switch that the power cut short leaves the branch before it (R5, R7).
    """
    basis = basis_of(items)
    if basis is None:
        return Resolved((), (), 0)
    ending = {ItemKind.REWIND, *AT_THE_BEGINNING}
    ends = [at for at, item in enumerate(items) if item.kind in ending]
    next_of = dict(zip(ends, [*ends[1:], len(items)], strict=False))
    log: list[LogItem] = []
    starts: list[int] = []
    branches = list(basis.branches)
    for at, item in enumerate(items[basis.taken :], basis.taken):
        if item.kind is ItemKind.REWIND:
            rewind = _counting(item.data, next_of[at] - at - 1, basis.floor, len(starts))
            if rewind is None:
                return Resolved(tuple(log), tuple(branches), at, basis)
            first = rewind.seq - basis.floor
            cut = starts[first] if first < len(starts) else len(log)
            left = tuple(item for item in log[cut:] if item.kind is not ItemKind.WITNESS)
            branches.append(LostBranch(rewind.seq, left))
            del log[cut:], starts[first:]
            continue
        if item.kind in AT_THE_BEGINNING:
            return Resolved(tuple(log), tuple(branches), at, basis)
        if item.kind is ItemKind.ENTRY:
            starts.append(len(log))
        log.append(item)
    return Resolved(tuple(log), tuple(branches), len(items), basis)


def _counting(data: bytes, behind: int, floor: Seq, entries: int) -> Rewind | None:
    """Read a rewind; None for one that does not count.

    Args:
        data: of the item.
        behind: how many items follow it, up to the next rewind.
        floor: on which position the log stands.
        entries: how many stand there before it.
    """
    try:
        rewind = decode_rewind(data)
    except UntrustedInput:
        return None
    return rewind if rewind.count <= behind and floor <= rewind.seq <= floor + entries else None
