"""Which kind of entry carries a change: the records that it touches say so, and nobody chooses."""

from dusk.changelog.body import Change
from dusk.changelog.entry import ATTESTED, CHANGE, FREEZE, OPEN, VOID, EntryKind
from dusk.ids import Head

MANDATE = ("cluster", "mandate")
"""The record that only a forced role writes."""
RECOVERED = ("trust", "recovered")
"""The record that only a RECOVER writes."""
_RAISED = dict((MANDATE[::-1], RECOVERED[::-1]))
CHECKPOINT = "checkpoint"
"""The section in which owners attest the state; each writes a record of his own."""
VOIDS = "void/"
"""How the sections begin in which owners list what is void; see `dusk.changelog.voiding`."""
FROZEN = "frozen"
"""The record of a device that only a proof sets."""


def kind_of(change: Change) -> EntryKind:
    """Return `OPEN` for a raise, `FREEZE` for a proof, `CHECKPOINT` or `VOID` for owners' word, `CHANGE`."""
    kind = CHANGE
    for section, key, value_hash, _base in change.body.operations:
        if key == FROZEN and value_hash is not None and is_device(section):
            kind = FREEZE
        elif key in _RAISED and section == _RAISED[key]:
            return OPEN
        elif section == CHECKPOINT:
            kind = ATTESTED
        elif section.startswith(VOIDS):
            kind = VOID
    return kind


def is_recovery(change: Change) -> bool:
    """Tell whether a change is a RECOVER: no other touches that record."""
    return any((section, key) == RECOVERED for section, key, _hash, _base in change.body.operations)


def raised(head: Head, kind: EntryKind, change: Change | None) -> tuple[int, int]:
    """Return generation and mandate of an entry behind a head: an `open` with a change raises one by one."""
    if kind is not OPEN or change is None or head.seq == 0:
        return head.generation, head.mandate
    if is_recovery(change):
        return head.generation + 1, head.mandate
    return head.generation, head.mandate + 1


def is_device(section: str) -> bool:
    """Tell whether a section is a device's own."""
    return section.startswith("device/") and section.count("/") == 1
