"""Which kind of entry carries a change: the records that it touches say so, and nobody chooses."""

from dusk.changelog.body import Change
from dusk.changelog.entry import ATTESTED, CHANGE, FREEZE, OPEN, EntryKind

MANDATE = ("cluster", "mandate")
"""The record that only a forced role writes."""
CHECKPOINT = "checkpoint"
"""The section in which owners attest the state; each writes a record of his own."""
FROZEN = "frozen"
"""The record of a device that only a proof sets."""


def kind_of(change: Change) -> EntryKind:
    """Return `OPEN` for a forced role, `FREEZE` for a proof, `CHECKPOINT` for owners' word, else `CHANGE`."""
    kind = CHANGE
    for section, key, value_hash, _base in change.body.operations:
        if key == FROZEN and value_hash is not None and is_device(section):
            kind = FREEZE
        elif key == MANDATE[1] and section == MANDATE[0]:
            return OPEN
        elif section == CHECKPOINT:
            kind = ATTESTED
    return kind


def is_device(section: str) -> bool:
    """Tell whether a section is a device's own."""
    return section.startswith("device/") and section.count("/") == 1
