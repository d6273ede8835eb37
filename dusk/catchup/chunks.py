"""Chunks of the log and positions in it: pure functions that both sides share."""

from collections.abc import Iterator, Sequence

from dusk.changelog.entry import decode_signed_head
from dusk.effects import ItemKind, LogItem
from dusk.ids import Seq

__all__ = ["batches", "entries_in", "locator_positions", "thin", "up_to_last_head"]


def locator_positions(head: Seq) -> list[Seq]:
    """Return positions from ``head`` down in steps of powers of two, and genesis; newest first.

    At most 55 for any log, so a locator always fits its bound.
    """
    positions, step, seq = [], 1, head
    while seq > 1:
        positions.append(seq)
        seq, step = Seq(head - step), step * 2
    return [*positions, Seq(1)] if head else []


def entries_in(items: Sequence[LogItem]) -> int:
    """Count the entries: each is one position."""
    return sum(item.kind is ItemKind.ENTRY for item in items)


def up_to_last_head(items: Sequence[LogItem]) -> tuple[LogItem, ...]:
    """Return the items up to the last signed head; nothing if there is none."""
    ends = [at for at, item in enumerate(items, 1) if item.kind is ItemKind.HEAD]
    return tuple(items[: ends[-1]]) if ends else ()


def batches(items: Sequence[LogItem], count_min: int) -> Iterator[tuple[LogItem, ...]]:
    """Yield the items in pieces of at least so many that end with a signed head, and the rest."""
    start = 0
    for end, item in enumerate(items, 1):
        if item.kind is ItemKind.HEAD and end - start >= count_min:
            yield tuple(items[start:end])
            start = end
    if start < len(items):
        yield tuple(items[start:])


def thin(items: Sequence[LogItem]) -> tuple[LogItem, ...]:
    """Leave out what a reader does not need to verify a chunk of our own log.

    Only the last signed head of each epoch proves anything that the ones before it do not
    (P4: a signature costs as much as the rest of an entry). What stands behind the last
    head waits for the next chunk, unless there is no head at all.
    """
    kept = up_to_last_head(items) or tuple(items)
    proven: set[int] = set()
    thinned: list[LogItem] = []
    for item in reversed(kept):
        if item.kind is ItemKind.HEAD:
            epoch = decode_signed_head(item.data).head.epoch
            if epoch in proven:
                continue
            proven.add(epoch)
        thinned.append(item)
    return tuple(reversed(thinned))
