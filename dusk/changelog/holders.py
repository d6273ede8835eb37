"""Whose key is it? An index from key ids to the people, devices and join keys of the state.

Each key comes from one record, its *source*. Two sources may name one key: an owner's record
in ``trust`` and his user section. Then the owner counts. The index depends on the sources
alone, never on the order in which they came, so that taking an entry back is exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from dusk.ids import KeyId, PublicKey, key_id


class HolderKind(Enum):
    """Whose key a key id names."""

    OWNER = "owner"
    USER = "user"
    DEVICE = "device"
    JOINKEY = "joinkey"


@dataclass(frozen=True, slots=True)
class Holder:
    """A key that the log knows, and whether it may still sign."""

    kind: HolderKind
    name: str
    public: PublicKey
    active: bool


_RANKS = {kind: rank for rank, kind in enumerate(HolderKind)}


class Holders:
    """Key ids with who holds them."""

    def __init__(self) -> None:
        self._by_source: dict[str, tuple[KeyId, Holder]] = {}
        self._by_key: dict[KeyId, dict[str, Holder]] = {}
        self._owners: dict[KeyId, str] = {}

    def get(self, name: KeyId) -> Holder | None:
        """Return who holds a key; of several sources the first kind counts, then the first source."""
        found = self._by_key.get(name)
        if found is None:
            return None
        if len(found) == 1:
            return next(iter(found.values()))
        return min(found.items(), key=lambda item: (_RANKS[item[1].kind], item[0]))[1]

    def owners(self) -> Mapping[KeyId, str]:
        """Return the owners' key ids with their names."""
        return self._owners

    def put(self, source: str, holder: Holder | None) -> None:
        """Say what a source says now; None for nothing."""
        former = self._by_source.pop(source, None)
        if former is not None:
            self._remove(source, former[0])
        if holder is not None:
            name = key_id(holder.public)
            self._by_source[source] = (name, holder)
            self._by_key.setdefault(name, {})[source] = holder
            self._note_owner(name)

    def _remove(self, source: str, name: KeyId) -> None:
        del self._by_key[name][source]
        if not self._by_key[name]:
            del self._by_key[name]
        self._note_owner(name)

    def _note_owner(self, name: KeyId) -> None:
        holder = self.get(name)
        if holder is not None and holder.kind is HolderKind.OWNER:
            self._owners[name] = holder.name
        else:
            self._owners.pop(name, None)
