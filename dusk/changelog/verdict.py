"""What judging a change yields."""

from typing import NamedTuple

from dusk.changelog.body import Operation, Value
from dusk.changelog.entry import Absent, Outcome
from dusk.changelog.state import DerivedWrite, Record, RecordWrite
from dusk.ids import ChangeId


class Verdict(NamedTuple):
    """An outcome and what an entry with it does to the state; ``absent`` is what it rests on, if anything."""

    outcome: Outcome
    writes: tuple[RecordWrite, ...]
    derived: tuple[DerivedWrite, ...]
    absent: Absent | None = None


def written(operation: Operation, value: Value | None, change: ChangeId) -> RecordWrite:
    """Return what an operation of a change does to its record."""
    section, key, value_hash, _base = operation
    if value is None:
        return RecordWrite(section, key, Record(None, None, change))
    return RecordWrite(section, key, Record(value.data, value_hash, change, value.salt))
