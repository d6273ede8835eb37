"""A state with edits on top: a draft's, or those that lead back to before a rollout; it stays untouched."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dusk import codec, limits
from dusk.changelog.body import Edit
from dusk.changelog.holders import Holder
from dusk.changelog.state import Record, State
from dusk.ids import ChangeId, KeyId

_NOT_WRITTEN = ChangeId(bytes(32))
"""Stands where an edited record will have the id of the change that writes it."""


class Overlay:
    """A state with edits on top, for reading.

    Args:
        state: what the log says.
        edits: what is other than there; the last one of a record counts.
    """

    def __init__(self, state: State, edits: Sequence[Edit] = ()) -> None:
        self.state = state
        self._edits: dict[str, dict[str, bytes | None]] = {}
        for edit in edits:
            self._edits.setdefault(edit.section, {})[edit.key] = edit.data

    def data(self, section: str, key: str) -> bytes | None:
        """Return a record's bytes, None where there is none."""
        edited = self._edits.get(section, {})
        if key in edited:
            return edited[key]
        record = self.state.record(section, key)
        return None if record is None else record.data

    def value(self, section: str, key: str) -> list[Any] | None:
        """Return a record's decoded value, None where there is none."""
        data = self.data(section, key)
        return None if data is None else codec.unpack(data, size_max=limits.VALUE_BYTES_MAX)

    def holder(self, name: KeyId) -> Holder | None:
        """Return whose key that is by the log; what edits say of its holder, its records say."""
        return self.state.holder(name)

    def records(self, section: str, prefix: str = "") -> Mapping[str, Record]:
        """Return the records of a section whose keys start with a prefix."""
        found = dict(self.state.records(section, prefix))
        for key, data in self._edits.get(section, {}).items():
            if data is None:
                found.pop(key, None)
            elif key.startswith(prefix):
                found[key] = Record(data, None, _NOT_WRITTEN)
        return found

    def sections(self, prefix: str = "") -> Iterator[str]:
        """Iterate over the paths of sections that start with a prefix, sorted."""
        edited = {path for path in self._edits if path.startswith(prefix)}
        return iter(sorted(edited.union(self.state.sections(prefix))))
