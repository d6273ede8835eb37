"""Whose key is it? An index from key ids to the people, devices and join keys of the state.

Each key comes from one record, its *source*. Two sources may name one key: an owner's record
in ``trust`` and his user section. Then the owner counts. The index depends on the sources
alone, never on the order in which they came, so that taking an entry back is exact.
"""

from collections.abc import Mapping
from enum import Enum

from dusk.ids import KeyId, PublicKey, key_id
from dusk.lazy import dataclass


class HolderKind(Enum):
    """Whose key a key id names."""

    OWNER = "owner"
    USER = "user"
    DEVICE = "device"
    JOINKEY = "joinkey"


DEVICE, JOINKEY = HolderKind.DEVICE, HolderKind.JOINKEY
"""For what is done at each entry, as those of `EntryKind`."""


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
        self._by_source: dict[str, KeyId] = {}
        self._sources: dict[KeyId, dict[str, Holder]] = {}
        self._holders: dict[KeyId, Holder] = {}
        self._owners: dict[KeyId, str] = {}

    def get(self, name: KeyId) -> Holder | None:
        """Return who holds a key; of several sources the first kind counts, then the first source."""
        return self._holders.get(name)

    def owners(self) -> Mapping[KeyId, str]:
        """Return the owners' key ids with their names."""
        return self._owners

    def put(self, source: str, holder: Holder | None) -> None:
        """Say what a source says now; None for nothing."""
        former = self._by_source.pop(source, None)
        if former is not None:
            del self._sources[former][source]
            self._choose(former)
        if holder is not None:
            name = self._by_source[source] = key_id(holder.public)
            self._sources.setdefault(name, {})[source] = holder
            self._choose(name)

    def _choose(self, name: KeyId) -> None:
        """Decide anew who counts as the holder of a key."""
        found = self._sources[name]
        self._holders.pop(name, None)
        self._owners.pop(name, None)
        if not found:
            del self._sources[name]
            return
        _, holder = min(found.items(), key=lambda item: (_RANKS[item[1].kind], item[0]))
        self._holders[name] = holder
        if holder.kind is HolderKind.OWNER:
            self._owners[name] = holder.name
