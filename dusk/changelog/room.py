"""How much of the state others than owners fill, so that a checkpoint holds it for ever (R12, A54).

A record stays for good, as a tombstone at last, and a log whose state no foundation holds is never
compacted again. So what no owner signed makes no section, and not the whole, larger than this; the
rest is the owners', who are bounded by what one section of a foundation has. Sections whose records
the table of records names one by one are counted, and may always grow: a device comes with a few
records, and says what it is.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

from dusk import limits
from dusk.changelog.sections import SectionKind, parse_path
from dusk.changelog.state import RecordWrite, State, Whole, record_bytes, section_bytes
from dusk.errors import Refused
from dusk.ids import KeyId

_NAMED = frozenset(
    {
        SectionKind.DEVICE,
        SectionKind.FACTS,
        SectionKind.USER,
        SectionKind.CHECKPOINT,
        SectionKind.TRUST,
        SectionKind.CLUSTER,
    }
)
"""Sections of a few records each, or that owners alone write."""


class _Growth(NamedTuple):
    """What a change makes larger: records by section, new sections, bytes."""

    records: Counter[str]
    sections: int
    size_bytes: int


def check_room(state: State, writes: Sequence[RecordWrite], signers: Collection[KeyId]) -> None:
    """Check that a change leaves room.

    Args:
        state: what the log says before it.
        writes: what it writes.
        signers: whose signatures it has.

    Raises:
        Refused: ``no-room``.
    """
    growth = _growth(state, writes)
    by_owner = any(signer in state.owners() for signer in signers)
    most = limits.FOUNDATION_RECORDS_MAX if by_owner else limits.ROOM_SECTION_RECORDS_MAX
    for section, more in growth.records.items():
        if state.size(section).records + more > most:
            raise Refused("no-room", _full(section, most, by_owner=by_owner))
    if by_owner or (not growth.records and growth.size_bytes <= 0):
        return
    whole = state.whole
    after = Whole(
        whole.sections + growth.sections,
        whole.records + growth.records.total(),
        whole.numbers,
        whole.size_bytes + growth.size_bytes,
    )
    if (
        after.items > limits.ROOM_ITEMS_MAX
        or after.sections > limits.ROOM_SECTIONS_MAX
        or after.size_bytes > limits.ROOM_BYTES_MAX
    ):
        raise Refused(
            "no-room",
            f"the cluster's settings have grown to {after.records} records in {after.sections} sections,"
            f" {after.size_bytes >> 10} KiB, deleted ones included: what comes now an owner has to sign",
        )


def _growth(state: State, writes: Sequence[RecordWrite]) -> _Growth:
    records, size_bytes = Counter[str](), 0
    for section, key, record in writes:
        if parse_path(section).kind in _NAMED:
            continue
        former = state.record(section, key)
        size_bytes += record_bytes(key, record) - record_bytes(key, former)
        if former is None:
            records[section] += 1
    fresh = [section for section in records if not state.size(section).records]
    return _Growth(records, len(fresh), size_bytes + sum(map(section_bytes, fresh)))


def _full(section: str, most: int, *, by_owner: bool) -> str:
    who = "a section" if by_owner else "others than owners"
    way = "take another one" if by_owner else "an owner can, or take another section"
    return f"{section}: {who} may have {most} records there, deleted ones included: {way}"
