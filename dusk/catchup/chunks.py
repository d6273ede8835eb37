"""Chunks of the log and positions in it: pure functions that both sides share."""

from collections.abc import Iterator, Sequence

from dusk.changelog.certificate import decode_certificate
from dusk.changelog.entry import decode_signed_head
from dusk.changelog.items import verified_entry
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash, Head, Seq
from dusk.limits import ITEM_BYTES_MIN

_CERTIFICATES_FEW = 2
"""In a chunk: nothing is gained by looking closer."""
_SUCCESSION_SECTION = b"\xa7cluster"
"""How the section of the succession stands in the bytes of an entry that wrote it."""

__all__ = [
    "batches",
    "end_of",
    "entries_in",
    "locator_positions",
    "newest_head",
    "size_bytes",
    "thin",
    "up_to_last_head",
]


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


def size_bytes(items: Sequence[LogItem]) -> int:
    """Return what items cost in memory: one without bytes is not for nothing (R10)."""
    return sum(max(len(item.data), ITEM_BYTES_MIN) for item in items)


def end_of(items: Sequence[LogItem]) -> tuple[Seq, ChainHash]:
    """Return where a branch ends, as its last entry says; whether it leads there is the log's to verify.

    Raises:
        UntrustedInput: there is no entry, or none can be read.
    """
    last = next((item for item in reversed(items) if item.kind is ItemKind.ENTRY), None)
    if last is None:
        raise UntrustedInput("exchange: a branch without an entry")
    head = verified_entry(last).head
    return head.seq, head.chain


def newest_head(items: Sequence[LogItem]) -> Head:
    """Return the newest signed head among items, of which there is one."""
    newest = next(item for item in reversed(items) if item.kind is ItemKind.HEAD)
    return decode_signed_head(newest.data).head


def up_to_last_head(items: Sequence[LogItem]) -> tuple[LogItem, ...]:
    """Return the items up to the last signed head, with the certificates right behind it."""
    end = max((at for at, item in enumerate(items, 1) if item.kind is ItemKind.HEAD), default=0)
    while 0 < end < len(items) and items[end].kind is ItemKind.CERTIFICATE:
        end += 1
    return tuple(items[:end])


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
    (P4: a signature costs as much as the rest of an entry). Of the certificates the newest is
    kept, and those without which the newest could not be checked. What stands behind the last
    head waits for the next chunk, unless there is no head at all.
    """
    kept = up_to_last_head(items) or tuple(items)
    needed = _needed_certificates(kept)
    proven: set[int] = set()
    thinned: list[LogItem] = []
    for at in range(len(kept) - 1, -1, -1):
        item = kept[at]
        if item.kind is ItemKind.HEAD:
            epoch = decode_signed_head(item.data).head.epoch
            if epoch in proven:
                continue
            proven.add(epoch)
        elif item.kind is ItemKind.CERTIFICATE and at not in needed:
            continue
        thinned.append(item)
    return tuple(reversed(thinned))


def _needed_certificates(items: Sequence[LogItem]) -> set[int]:
    """Return where the certificates stand that a reader needs.

    These are the newest, those about entries before the chunk, and for the chunk's beginning
    and each entry that may change the succession the first certificate that is no older: until
    that is settled, others have a say in what comes later.
    """
    found = [at for at, item in enumerate(items) if item.kind is ItemKind.CERTIFICATE]
    if len(found) <= _CERTIFICATES_FEW:
        return set(found)
    seqs = {at: decode_certificate(items[at].data).head.seq for at in found}
    turns = _turns(items)
    needed = {found[-1], *(at for at in found if not turns or seqs[at] < turns[0])}
    for turn in turns:
        needed.update([at for at in found if seqs[at] >= turn][:1])
    return needed


def _turns(items: Sequence[LogItem]) -> list[int]:
    """Return the position of the first entry, and of those that may change the succession.

    To decode them all would cost more than a certificate too many.
    """
    entries = [item for item in items if item.kind is ItemKind.ENTRY]
    if not entries:
        return []
    first = verified_entry(entries[0]).seq
    may_turn = (seq for seq, item in enumerate(entries, first) if _SUCCESSION_SECTION in item.data)
    return sorted({int(first), *may_turn})
