"""The datastore that the log adds up to, and what is derived from it (R2).

A `State` is changed in one place, `State.take`, which returns what it needs to be undone;
who verifies several entries in a row undoes them all when one fails (R7). Every section
and the derived state keep a hash whose cost does not grow with them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from dusk import codec, limits
from dusk.changelog import merkle
from dusk.changelog.holders import Holder, HolderKind, Holders
from dusk.changelog.sections import SectionKind, SectionPath, parse_path
from dusk.ids import NO_CLUSTER, ChangeId, ClusterId, DeviceId, KeyId, PublicKey, labelled_hash

__all__ = [
    "DerivedWrite",
    "Holder",
    "HolderKind",
    "Record",
    "RecordWrite",
    "State",
    "Undo",
    "counter_key",
    "uses_key",
]

_GONE = bytes(32)


class Record(NamedTuple):
    """One record: its value, the hash that was signed for it, the change that last wrote it.

    A deleted record stays as a tombstone (``data`` and ``value_hash`` None), so that a later
    author names the deletion as his base and a stale one is told apart.
    """

    data: bytes | None
    value_hash: bytes | None
    base: ChangeId


class RecordWrite(NamedTuple):
    """What an entry does to one record."""

    section: str
    key: str
    record: Record


class DerivedWrite(NamedTuple):
    """What an entry does to the derived state: a counter or a use."""

    key: str
    number: int


@dataclass(slots=True)
class _Section:
    records: dict[str, Record] = field(default_factory=dict)
    root: merkle.Node | None = None


class Undo(NamedTuple):
    """What `State.take` changed, newest last."""

    sections: tuple[tuple[str, merkle.Node | None], ...]
    records: tuple[tuple[str, str, Record | None], ...]
    derived: tuple[tuple[str, int | None], ...]
    derived_root: merkle.Node | None


_KEY_RECORDS = {
    SectionKind.USER: "key",
    SectionKind.DEVICE: "key",
    SectionKind.JOINKEY: "rule",
}
_ENDING_RECORDS = {
    SectionKind.USER: "disabled",
    SectionKind.DEVICE: "retired",
    SectionKind.JOINKEY: "revoked",
}
_MEMBERS_KINDS = (SectionKind.DEVICE, SectionKind.CLUSTER, SectionKind.GROUP)


class State:
    """Sections with records, derived numbers, and an index of the keys that may sign."""

    def __init__(self) -> None:
        self.cluster: ClusterId = NO_CLUSTER
        self._sections: dict[str, _Section] = {}
        self._derived: dict[str, int] = {}
        self._derived_root: merkle.Node | None = None
        self._holders = Holders()
        self._paths: dict[str, set[str]] = {}
        self._names: dict[str, dict[str, None]] = {}
        self._named: dict[str, str] = {}
        self.quorum = 1
        """How many owners must sign together."""
        self.members_version = 0
        """Rises whenever a device is made or changed: caches of members compare it."""

    # --- reading ---------------------------------------------------------------------------

    def record(self, section: str, key: str) -> Record | None:
        """Return a record, tombstones included."""
        held = self._sections.get(section)
        return None if held is None else held.records.get(key)

    def value(self, section: str, key: str) -> list[Any] | None:
        """Return a record's decoded value, None where there is none."""
        record = self.record(section, key)
        if record is None or record.data is None:
            return None
        return codec.unpack(record.data, size_max=limits.VALUE_BYTES_MAX)

    def records(self, section: str, prefix: str = "") -> Mapping[str, Record]:
        """Return the records of a section whose keys start with a prefix, without tombstones."""
        held = self._sections.get(section)
        if held is None:
            return {}
        return {k: r for k, r in held.records.items() if r.data is not None and k.startswith(prefix)}

    def keys(self, section: str) -> AbstractSet[str]:
        """Return the keys that a section ever had, those of tombstones too."""
        held = self._sections.get(section)
        return set() if held is None else held.records.keys()

    def sections(self, prefix: str = "") -> Iterator[str]:
        """Iterate over the paths of sections that start with a prefix, sorted."""
        first, slash, _ = prefix.partition("/")
        paths = self._paths.get(first, ()) if slash else self._sections
        return iter(sorted(path for path in paths if path.startswith(prefix)))

    def section_hash(self, section: str) -> bytes:
        """Return the hash over a section's records (zeros when there never were any)."""
        held = self._sections.get(section)
        return merkle.root_hash(None if held is None else held.root)

    @property
    def derived_hash(self) -> bytes:
        """Hash over counters and uses."""
        return merkle.root_hash(self._derived_root)

    def derived(self, key: str) -> int:
        """Return a derived number, 0 when it was never set."""
        return self._derived.get(key, 0)

    def holder(self, name: KeyId) -> Holder | None:
        """Return whose key that is."""
        return self._holders.get(name)

    def owners(self) -> Mapping[KeyId, str]:
        """Return the owners' key ids with their names."""
        return self._holders.owners()

    def device_names(self) -> Mapping[str, Collection[str]]:
        """Return name → hex ids of the devices that have it, retired ones too."""
        return self._names

    # --- writing ---------------------------------------------------------------------------

    def take(self, writes: Sequence[RecordWrite], derived: Sequence[DerivedWrite]) -> Undo:
        """Do what an entry does; the caller has verified every part of it."""
        roots: dict[str, merkle.Node | None] = {}
        keys: dict[str, list[str]] = {}
        before: list[tuple[str, str, Record | None]] = []
        for write in writes:
            held = self._section(write.section)
            roots.setdefault(write.section, held.root)
            keys.setdefault(write.section, []).append(write.key)
            before.append((write.section, write.key, held.records.get(write.key)))
            held.records[write.key] = write.record
            held.root = merkle.put(held.root, _place(write.key), _digest(write.record))
        undo = Undo(
            tuple(roots.items()),
            tuple(before),
            tuple((d.key, self._derived.get(d.key)) for d in derived),
            self._derived_root,
        )
        for number in derived:
            self._derived[number.key] = number.number
            self._derived_root = merkle.put(
                self._derived_root, _place(number.key), _digest_number(number.number)
            )
        for section, changed in keys.items():
            self._reindex(section, changed)
        return undo

    def undo(self, undo: Undo) -> None:
        """Take one `take` back; undo them newest first."""
        keys: dict[str, list[str]] = {}
        for section, key, record in reversed(undo.records):
            keys.setdefault(section, []).append(key)
            records = self._sections[section].records
            if record is None:
                del records[key]
            else:
                records[key] = record
        for section, root in undo.sections:
            self._sections[section].root = root
            if not self._sections[section].records:
                del self._sections[section]
                self._paths[section.partition("/")[0]].discard(section)
        for key, number in undo.derived:
            if number is None:
                self._derived.pop(key, None)
            else:
                self._derived[key] = number
        self._derived_root = undo.derived_root
        for section, changed in keys.items():
            self._reindex(section, changed)

    def _section(self, path: str) -> _Section:
        held = self._sections.get(path)
        if held is None:
            held = self._sections[path] = _Section()
            self._paths.setdefault(path.partition("/")[0], set()).add(path)
        return held

    def _reindex(self, section: str, keys: Collection[str]) -> None:
        """Make what is looked up by key id or by name true again for records that changed."""
        path = parse_path(section)
        if path.kind is SectionKind.TRUST:
            for key in keys:
                self._index_owner(key)
            quorum = self.value("trust", "quorum")
            self.quorum = quorum[0] if quorum else 1
        elif path.kind in _KEY_RECORDS:
            self._index_holder(section, path)
        if path.kind is SectionKind.DEVICE:
            self._index_name(section, path.name)
        if path.kind in _MEMBERS_KINDS:
            self.members_version += 1

    def _index_owner(self, key: str) -> None:
        """Owners are what ``trust`` says, whatever their user sections say."""
        name = key.removeprefix("owner/")
        if name != key:
            row = self.value("trust", key)
            holder = None if row is None else Holder(HolderKind.OWNER, name, PublicKey(row[0]), active=True)
            self._holders.put(f"trust/{key}", holder)

    def _index_holder(self, section: str, path: SectionPath) -> None:
        row, holder = self.value(section, _KEY_RECORDS[path.kind]), None
        if row is not None:
            active = self.value(section, _ENDING_RECORDS[path.kind]) is None
            holder = Holder(HolderKind(path.kind.value), path.name, PublicKey(row[0]), active)
        self._holders.put(section, holder)

    def _index_name(self, section: str, device: str) -> None:
        former, row = self._named.pop(device, None), self.value(section, "name")
        if former is not None:
            del self._names[former][device]
            if not self._names[former]:
                del self._names[former]
        if row is not None:
            self._named[device] = row[0]
            self._names.setdefault(row[0], {})[device] = None


@lru_cache(maxsize=1024)
def _place(key: str) -> bytes:
    return merkle.place_of(key.encode())


def _digest(record: Record) -> bytes:
    return labelled_hash(b"dusk.record", record.value_hash or _GONE, record.base)


def _digest_number(number: int) -> bytes:
    return labelled_hash(b"dusk.derived", number.to_bytes(8, "big"))


def counter_key(author: KeyId, device: DeviceId) -> str:
    """Return the derived key of an author's counter at a device."""
    return f"counter/{author.hex()}/{device.hex()}"


def uses_key(joinkey: str) -> str:
    """Return the derived key of how often a join key was used."""
    return f"uses/{joinkey}"
