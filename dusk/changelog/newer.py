"""What a later version of this program wrote: there a reader stops, and says so (R13, A36).

Who cannot read an entry can still tell that the leader of its epoch wrote it, for the chain and
the signed heads are over bytes. Then it is no lie of whoever passed it on, and nothing that
stands behind it is read either. What merely says so is refused as any junk.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from dusk import codec, limits
from dusk.changelog import entry as entries
from dusk.changelog.body import decode_change
from dusk.changelog.entry import EntryKind, decode_entry, decode_signed_head, glance
from dusk.changelog.log import Log
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash, DeviceId, Head, Seq, labelled_hash

LEVEL = 1
"""The highest `level` of a cluster whose log this version reads."""
KNOWN_KINDS = frozenset(
    {
        EntryKind.OPEN,
        EntryKind.CHANGE,
        EntryKind.HANDOVER,
        EntryKind.CHECKPOINT,
        EntryKind.EXPIRE,
        EntryKind.FREEZE,
        EntryKind.VOID,
        EntryKind.GATE,
    }
)
_BODY_VERSION = 1
_ITEM_BYTES_MAX = limits.ENTRY_BYTES_MAX + limits.CHANGE_BYTES_MAX + 64


class NewerVersion(UntrustedInput):
    """What was sent is no lie, and cannot be read here.

    Args:
        seq: the entry that this version does not know.
    """

    def __init__(self, seq: Seq) -> None:
        super().__init__(f"entry {seq} is of a later version: update this device; until then it stays before")
        self.seq = seq


class Parted(NamedTuple):
    """Items that a log refused: what it can read up to a signed head, and the rest."""

    before: tuple[LogItem, ...]
    rest: tuple[LogItem, ...]


def part(items: Sequence[LogItem]) -> Parted | None:
    """Cut items before the first that a later version wrote; None if all are of this one."""
    later = next((at for at, item in enumerate(items) if _is_later(item)), None)
    if later is None:
        return None
    heads = (at for at in range(later - 1, -1, -1) if items[at].kind is ItemKind.HEAD)
    cut = next(heads, -1) + 1
    return Parted(tuple(items[:cut]), tuple(items[cut:]))


def position(item: LogItem) -> Seq:
    """Return where an entry says that it stands, be it of a kind that is not known.

    Raises:
        UntrustedInput: it does not say that.
    """
    return Seq(glance(_halves(item)[0]).seq)


def later_entry(log: Log, base: Head, leader: DeviceId | None, rest: Sequence[LogItem]) -> Seq | None:
    """Return the first entry of a later version, if the leader of its epoch signed for it.

    Args:
        log: knows the keys of those that may lead.
        base: a head of the log, behind which the items stand.
        leader: who leads its epoch.
        rest: the items; a signed head of that epoch follows what is of a later version.
    """
    chain, seq = base.chain, base.seq
    later: Seq | None = None
    for item in rest:
        if item.kind is ItemKind.ENTRY:
            entry_bytes = _halves(item)[0]
            chain, seq = _chained(chain, entry_bytes), Seq(seq + 1)
            if later is None and _is_later(item):
                later = seq
            elif later is None:
                leader = _leader_behind(entry_bytes, leader)
        elif later is not None and item.kind is ItemKind.HEAD:
            return later if _covers(log, item, Head(0, 0, 0, seq, chain), leader) else None
    return None


def _chained(chain: ChainHash, entry_bytes: bytes) -> ChainHash:
    digest = labelled_hash(b"dusk.entry", entry_bytes)
    return ChainHash(labelled_hash(b"dusk.chain", chain, digest))


def _leader_behind(entry_bytes: bytes, leader: DeviceId | None) -> DeviceId | None:
    entry = decode_entry(entry_bytes)
    return entry.writer if entry.kind is EntryKind.OPEN else leader


def _covers(log: Log, item: LogItem, at: Head, leader: DeviceId | None) -> bool:
    """Tell whether a signed head is for this position and chain, by a leader that the log knows."""
    signed = decode_signed_head(item.data)
    if leader is None or (signed.head.seq, signed.head.chain) != (at.seq, at.chain):
        return False
    key = log.device_key(leader)
    may_lead = leader == log.leader or log.may_lead(leader)
    return may_lead and key is not None and signed.signed_by(key, log.state.cluster)


def _is_later(item: LogItem) -> bool:
    """Tell whether an entry, by what can be read of it, is of a later version."""
    if item.kind is not ItemKind.ENTRY:
        return False
    try:
        entry_bytes, change_bytes = _halves(item)
        row = codec.unpack(entry_bytes, size_max=limits.ENTRY_BYTES_MAX)
        if _is_above(row, 0, entries.VERSION):
            return True
        kind = row[10] if len(row) > 10 else EntryKind.OPEN
        if isinstance(kind, int) and kind not in KNOWN_KINDS:
            return True
        return change_bytes is not None and _is_later_change(change_bytes, row[11] if len(row) > 11 else None)
    except UntrustedInput:
        return False


def _halves(item: LogItem) -> tuple[bytes, bytes | None]:
    """Return the bytes of an entry, and of its change."""
    row = codec.fields(codec.unpack(item.data, size_max=_ITEM_BYTES_MAX), 2, "log item")
    change = None if row[1] is None else codec.blob(row[1], limits.CHANGE_BYTES_MAX, "change")
    return codec.blob(row[0], limits.ENTRY_BYTES_MAX, "entry"), change


def _is_later_change(data: bytes, named: object) -> bool:
    """Tell whether a change has another form, or raises the cluster's level above what is known here.

    Args:
        data: the change, as it came.
        named: the id of the change that the entry names: another one is put there by who sent it.
    """
    row = codec.unpack(data, size_max=limits.CHANGE_BYTES_MAX)
    body_bytes = codec.blob(row[0] if row else None, limits.CHANGE_BYTES_MAX, "body")
    body = codec.unpack(body_bytes, size_max=len(data))
    if labelled_hash(b"dusk.change", body_bytes) != named:
        return False
    if _is_above(body, 0, _BODY_VERSION):
        return True
    change = decode_change(data)
    values = zip(change.body.operations, change.values, strict=True)
    levels = (value.data for o, value in values if (o.section, o.key) == ("cluster", "level") and value)
    return any(_is_above(codec.unpack(level, size_max=len(level)), 0, LEVEL) for level in levels)


def _is_above(row: Sequence[Any], at: int, known: int) -> bool:
    return len(row) > at and isinstance(row[at], int) and row[at] > known
