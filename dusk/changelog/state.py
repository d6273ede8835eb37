"""The datastore that the log adds up to, and what is derived from it (R2).

A `State` is changed in one place, `State.take`, which returns what it needs to be undone;
who verifies several entries in a row undoes them all when one fails (R7). Every section
and the derived state keep a hash whose cost does not grow with them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import field
from functools import lru_cache
from typing import Any, NamedTuple

from dusk import codec, limits
from dusk.changelog import merkle
from dusk.changelog.holders import Holder, HolderKind, Holders
from dusk.changelog.milestone import Milestone
from dusk.changelog.sections import SectionKind, SectionPath, parse_path
from dusk.ids import NO_CLUSTER, ChangeId, ClusterId, DeviceId, KeyId, PublicKey, labelled_hash
from dusk.lazy import dataclass

__all__ = [
    "DerivedWrite",
    "Holder",
    "HolderKind",
    "Record",
    "RecordWrite",
    "State",
    "Undo",
    "Whole",
    "counter_key",
    "record_bytes",
    "section_bytes",
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
    salt: bytes | None = None
    """What the value's hash was salted with; who is handed the state checks its values by it."""


NO_TRACE = Record(None, None, ChangeId(b""))
"""Written where a record is to be as if it had never been: of what only the fold writes, and for a time."""


class RecordWrite(NamedTuple):
    """What an entry does to one record."""

    section: str
    key: str
    record: Record


class DerivedWrite(NamedTuple):
    """What an entry does to the derived state: a counter or a use."""

    key: str
    number: int


class Size(NamedTuple):
    """How many records a section has, tombstones too, and how long their values are in all."""

    records: int
    data_bytes: int


class Whole(NamedTuple):
    """How large the whole state is, tombstones too; see `dusk.changelog.room`.

    Args:
        sections: how many there are.
        records: how many they have.
        numbers: derived ones.
        size_bytes: of sections and records, about as a foundation has them.
    """

    sections: int
    records: int
    numbers: int
    size_bytes: int

    @property
    def items(self) -> int:
        """How many items the arrays of a foundation have for it."""
        return 3 * self.sections + 5 * self.records + 3 * self.numbers


@dataclass(slots=True)
class _Section:
    records: dict[str, Record] = field(default_factory=dict)
    data_bytes: int = 0
    root: merkle.Node | None = None


class Undo(NamedTuple):
    """What `State.take` changed, newest last: each record or number as it was before.

    Without the hashes: hundreds of these are kept, and are hardly ever used (P6).
    """

    records: list[tuple[str, str, Record | None]]
    derived: list[tuple[str, int | None]]


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
_NOT_INDEXED = {
    SectionKind.POLICY,
    SectionKind.ASSIGNMENT,
    SectionKind.READER,
    SectionKind.FACTS,
    SectionKind.DEVICE_CONFIG,
    SectionKind.EXPECTED,
    SectionKind.VOID,
    SectionKind.ROLLOUT,
    SectionKind.FORMER,
}
"""Nothing is looked up of these but what stands there."""
_MEMBERS_KINDS = (SectionKind.DEVICE, SectionKind.CLUSTER, SectionKind.GROUP)


class _Texts:
    """Which devices have a text in one of their records, and which that is."""

    def __init__(self) -> None:
        self.devices: dict[str, dict[str, None]] = {}
        self._texts: dict[str, str] = {}

    def put(self, device: str, row: list[Any] | None) -> None:
        """Say what a device's record says now; None for nothing."""
        former = self._texts.pop(device, None)
        if former is not None:
            del self.devices[former][device]
            if not self.devices[former]:
                del self.devices[former]
        if row is not None:
            self._texts[device] = row[0]
            self.devices.setdefault(row[0], {})[device] = None


class State:
    """Sections with records, derived numbers, and an index of the keys that may sign."""

    def __init__(self) -> None:
        self.cluster: ClusterId = NO_CLUSTER
        self._sections: dict[str, _Section] = {}
        self._derived: dict[str, int] = {}
        self._derived_root: merkle.Node | None = None
        self._holders = Holders()
        self._paths: dict[str, set[str]] = {}
        self._records = self._size_bytes = 0
        self._names, self._labels = _Texts(), _Texts()
        self.quorum = 1
        """How many owners must sign together."""
        self.members_version = 0
        """Rises whenever a device is made or changed: caches of members compare it."""
        self.of_members: dict[str, Any] = {}
        """What was worked out from members and cluster; a new, empty one when `members_version` rises."""
        self.milestones: dict[int, Milestone] = {}
        """What the whole state was at the positions at which owners may attest it."""

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

    def size(self, section: str) -> Size:
        """Return how large a section is; that costs the same however large."""
        held = self._sections.get(section)
        return Size(0, 0) if held is None else Size(len(held.records), held.data_bytes)

    @property
    def whole(self) -> Whole:
        """How large all of it is; that costs the same however large."""
        return Whole(len(self._sections), self._records, len(self._derived), self._size_bytes)

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

    def numbers(self) -> Mapping[str, int]:
        """Return all derived numbers."""
        return self._derived

    def tombstones(self, section: str) -> Mapping[str, Record]:
        """Return the records of a section, deleted ones too."""
        held = self._sections.get(section)
        return {} if held is None else held.records

    def holder(self, name: KeyId) -> Holder | None:
        """Return whose key that is."""
        return self._holders.get(name)

    def owners(self) -> Mapping[KeyId, str]:
        """Return the owners' key ids with their names."""
        return self._holders.owners()

    def device_names(self) -> Mapping[str, Collection[str]]:
        """Return name → hex ids of the devices that have it, retired ones too."""
        return self._names.devices

    def device_labels(self) -> Mapping[str, Collection[str]]:
        """Return hardware label → hex ids of the devices that say it is theirs, retired ones too."""
        return self._labels.devices

    # --- writing ---------------------------------------------------------------------------

    def take(self, writes: Sequence[RecordWrite], derived: Sequence[DerivedWrite]) -> Undo:
        """Do what an entry does; the caller has verified every part of it."""
        undo = Undo([], [])
        for section, key, record in writes:
            undo.records.append((section, key, self.record(section, key)))
            self._put(section, key, None if record is NO_TRACE else record)
        for key, number in derived:
            undo.derived.append((key, self._derived.get(key)))
            self._derived[key] = number
            self._derived_root = merkle.put(self._derived_root, _place(key), _digest_number(number))
        self._reindex(undo)
        return undo

    def writes_of(self, undo: Undo) -> tuple[tuple[RecordWrite, ...], tuple[DerivedWrite, ...]]:
        """Return what the newest `take` wrote, to do it again after it was undone."""
        records = dict.fromkeys((section, key) for section, key, _ in undo.records)
        numbers = dict.fromkeys(key for key, _ in undo.derived)
        writes = (RecordWrite(s, k, self.record(s, k) or NO_TRACE) for s, k in records)
        return tuple(writes), tuple(DerivedWrite(key, self._derived[key]) for key in numbers)

    def undo(self, undo: Undo) -> None:
        """Take one `take` back; undo them newest first."""
        for section, key, record in reversed(undo.records):
            self._put(section, key, record)
        for key, number in reversed(undo.derived):
            former = None if number is None else _digest_number(number)
            self._derived_root = _before(self._derived_root, key, former)
            if number is None:
                del self._derived[key]
            else:
                self._derived[key] = number
        self._reindex(undo)

    def _put(self, section: str, key: str, record: Record | None) -> None:
        """Set a record, or take it away as if it had never been."""
        held = self._section(section)
        former = held.records.get(key)
        held.data_bytes += _length(record) - _length(former)
        self._records += (record is not None) - (former is not None)
        self._size_bytes += record_bytes(key, record) - record_bytes(key, former)
        if record is not None:
            held.records[key] = record
            held.root = merkle.put(held.root, _place(key), _digest(record))
            return
        assert held.root is not None, "only what was put is taken away"
        del held.records[key]
        held.root = merkle.without(held.root, _place(key))
        if not held.records:
            del self._sections[section]
            self._size_bytes -= section_bytes(section)
            self._paths[section.partition("/")[0]].discard(section)

    def _section(self, path: str) -> _Section:
        held = self._sections.get(path)
        if held is None:
            held = self._sections[path] = _Section()
            self._size_bytes += section_bytes(path)
            self._paths.setdefault(path.partition("/")[0], set()).add(path)
        return held

    def _reindex(self, changed: Undo) -> None:
        """Make what is looked up by key id or by name true again for records that changed."""
        for section in dict.fromkeys([record[0] for record in changed.records]):
            path = parse_path(section)
            if path.kind not in _NOT_INDEXED:
                self._reindex_section(section, path, [r[1] for r in changed.records if r[0] == section])

    def _reindex_section(self, section: str, path: SectionPath, keys: Collection[str]) -> None:
        if path.kind is SectionKind.TRUST:
            for key in keys:
                self._index_owner(key)
            quorum = self.value("trust", "quorum")
            self.quorum = quorum[0] if quorum else 1
        elif path.kind in _KEY_RECORDS:
            self._index_holder(section, path)
        if path.kind is SectionKind.DEVICE:
            self._names.put(path.name, self.value(section, "name"))
            self._labels.put(path.name, self.value(section, "label"))
        if path.kind in _MEMBERS_KINDS:
            self.members_version += 1
            self.of_members = {}

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


def record_bytes(key: str, record: Record | None) -> int:
    """Return how much of the room a record takes: key, value, and 64 bytes for base, salt and heads."""
    return 0 if record is None else len(key.encode()) + _length(record) + 64


def section_bytes(path: str) -> int:
    """Return how much of the room a section takes besides its records."""
    return len(path) + 8


def _length(record: Record | None) -> int:
    return 0 if record is None or record.data is None else len(record.data)


@lru_cache(maxsize=1024)
def _place(key: str) -> bytes:
    return merkle.place_of(key.encode())


def _before(root: merkle.Node | None, key: str, former: bytes | None) -> merkle.Node | None:
    """Return a trie as it was before a key was written: with its former digest, or without it."""
    assert root is not None, "the key was written"
    return merkle.without(root, _place(key)) if former is None else merkle.put(root, _place(key), former)


def _digest(record: Record) -> bytes:
    return labelled_hash(b"dusk.record", record.value_hash or _GONE, record.base)


def _digest_number(number: int) -> bytes:
    return labelled_hash(b"dusk.derived", number.to_bytes(8, "big"))


@lru_cache(maxsize=1024)
def counter_key(author: KeyId, device: DeviceId) -> str:
    """Return the derived key of an author's counter at a device."""
    return f"counter/{author.hex()}/{device.hex()}"


def proposals_key(author: KeyId) -> str:
    """Return the derived key of how many proposals of an author wait for signatures."""
    return f"proposals/{author.hex()}"


def passed_key(key: KeyId) -> str:
    """Return the derived key of how many grants somebody ever passed on."""
    return f"passed/{key.hex()}"


def uses_key(joinkey: str) -> str:
    """Return the derived key of how often a join key was used."""
    return f"uses/{joinkey}"
