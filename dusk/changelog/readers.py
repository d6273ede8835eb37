"""Who may read the secrets of a section: by name alone, never by what a device says of itself (R15, A52).

A key K of a section is for the owners, for the people who are granted the section, and for the
active devices in its scope. Whoever wraps K, and whoever hands it on, asks here, at a verified head.

A device that a group takes in by its facts alone is in no scope by that. Somebody has to sign a record
of section ``reader/ID`` for it: that it may read the secrets of this group as a member would.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol

from dusk.changelog.authority import Grant, covers, grant_for, holds
from dusk.changelog.holders import Holder
from dusk.changelog.returning import REBOUND
from dusk.changelog.sections import SectionKind, SectionPath, device_path, parse_path
from dusk.changelog.views import groups_of
from dusk.ids import DeviceId, KeyId, PublicKey, key_id

SECRET_KINDS = frozenset(
    {SectionKind.POLICY, SectionKind.DEVICE_CONFIG, SectionKind.GROUP, SectionKind.CLUSTER}
)
"""Sections that may have secrets, and a key K each."""
READ_GROUP = "group/"
"""Before a group's name in a record of ``reader/ID``."""


class Store(Protocol):
    """What is read of the sections: a state, or one with somebody's draft on top."""

    def value(self, section: str, key: str) -> list[Any] | None:
        """Return a record's decoded value, None where there is none."""

    def records(self, section: str, prefix: str = "") -> Mapping[str, Any]:
        """Return the records of a section by key."""

    def sections(self, prefix: str = "") -> Iterator[str]:
        """Iterate over the paths of sections, sorted."""

    def holder(self, name: KeyId) -> Holder | None:
        """Return whose key that is."""


def reader_path(device: bytes) -> str:
    """Return the section that says of which groups a device may read the secrets, beside its own."""
    return f"reader/{device.hex()}"


def is_entitled(store: Store, section: str, device: DeviceId) -> bool:
    """Tell whether a device may read the secrets of a section.

    A policy's are for the devices that it is assigned to: all, those of a group, or those named.
    A device's own are for it, a group's for its members, the cluster's for all. Members of a group
    are here those that a signed record says to be in it, or to read as if they were; who was retired
    may read none, nor one that took a member's place without a person, until somebody confirms it.
    """
    at = device_path(device)
    if store.value(at, "key") is None or _may_read_none(store, at):
        return False
    path = parse_path(section)
    if path.kind is SectionKind.DEVICE_CONFIG:
        return path.name == device.hex()
    if path.kind is SectionKind.GROUP:
        return path.name in _groups_read(store, device)
    return path.kind is SectionKind.CLUSTER or (
        path.kind is SectionKind.POLICY and _is_assigned(store, path, device)
    )


def _groups_read(store: Store, device: DeviceId) -> set[str]:
    """Return the groups of which a device reads the secrets: it is a member, or may read as one."""
    read = (key.removeprefix(READ_GROUP) for key in store.records(reader_path(device), READ_GROUP))
    return {*groups_of(store, device), *read}


def _may_read_none(store: Store, section: str) -> bool:
    """Tell whether a device's membership ended, or rests on its label and a writer's word alone (A20)."""
    return any(store.value(section, key) is not None for key in ("retired", REBOUND))


def _is_assigned(store: Store, policy: SectionPath, device: DeviceId) -> bool:
    row = store.value(f"assignment/{policy.name}", "to")
    if row is None:
        return False
    to, names, _priority = row
    if to == "groups":
        return not set(names).isdisjoint(_groups_read(store, device))
    return to == "all" or device.hex() in names


class Devices:
    """The active devices of a store with their groups, for many sections at once.

    Args:
        store: the sections; what is asked later is of now.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys: dict[KeyId, PublicKey] = {}
        self._members: dict[str, set[KeyId]] = {}
        for path in store.sections("device/"):
            row = store.value(path, "key") if path.count("/") == 1 else None
            if row is not None and not _may_read_none(store, path):
                name = key_id(row[0])
                self._keys[name] = PublicKey(row[0])
                groups = store.value(path, "groups")
                for group in groups[0] if groups else ():
                    self._members.setdefault(group, set()).add(name)
        for path in store.sections("group/"):
            listed = {bytes.fromhex(key.removeprefix("member/")) for key in store.records(path, "member/")}
            self._members.setdefault(path.removeprefix("group/"), set()).update(map(KeyId, listed))
        for path in store.sections("reader/"):
            reader = KeyId(bytes.fromhex(path.removeprefix("reader/")))
            for key in store.records(path, READ_GROUP):
                self._members.setdefault(key.removeprefix(READ_GROUP), set()).add(reader)

    def of(self, section: str) -> dict[KeyId, PublicKey]:
        """Return the devices that may read the secrets of a section (see `is_entitled`)."""
        path = parse_path(section)
        if path.kind is SectionKind.DEVICE_CONFIG:
            chosen = {KeyId(bytes.fromhex(path.name))}
        elif path.kind is SectionKind.GROUP:
            chosen = self._members.get(path.name, set())
        elif path.kind is SectionKind.POLICY:
            chosen = self._assigned(path.name)
        else:
            chosen = set(self._keys) if path.kind is SectionKind.CLUSTER else set()
        return {name: self._keys[name] for name in sorted(chosen) if name in self._keys}

    def _assigned(self, policy: str) -> set[KeyId]:
        row = self._store.value(f"assignment/{policy}", "to")
        if row is None:
            return set()
        to, names, _priority = row
        if to == "groups":
            return set[KeyId]().union(*(self._members.get(name, ()) for name in names))
        return set(self._keys) if to == "all" else {KeyId(bytes.fromhex(name)) for name in names}


def people_of(store: Store, section: str, records: Collection[str] = ()) -> dict[KeyId, PublicKey]:
    """Return the people who may read secrets of a section: owners, and those whose grant holds it.

    Args:
        store: the sections.
        section: which.
        records: where the secrets stand, all that one key K seals; a grant that is for some packages
            holds settings of these alone, and nothing where that is not said.
    """
    owners = (store.value("trust", key) for key in store.records("trust", "owner/"))
    found = {key_id(row[0]): PublicKey(row[0]) for row in owners if row is not None}
    grant = _grant(store, section)
    if grant is None or not covers(grant, records):
        return found
    granted = frozenset[KeyId]().union(*(one.keys for one in grant.chain()))
    for path in store.sections("user/"):
        row = store.value(path, "key")
        if row is not None and key_id(row[0]) in granted and store.value(path, "disabled") is None:
            found[key_id(row[0])] = PublicKey(row[0])
    return found


def is_for_granted(store: Store, section: str, record: str) -> bool:
    """Tell whether the secret in a record is for all who are granted the section, if anybody is.

    Those whose grant is for some packages may read what the others may not be told with the same K.
    """
    grant = _grant(store, section)
    return grant is None or covers(grant, (record,))


def _grant(store: Store, section: str) -> Grant | None:
    """Return the grant whose people may read secrets of a section."""
    kind = parse_path(section).kind
    grant = None if kind is SectionKind.CLUSTER else grant_for(store, section)
    return grant if grant is not None and holds(store, grant, section) else None


def wraps_in(store: Store, section: str) -> Iterator[tuple[str, bytes, dict[KeyId, bytes]]]:
    """Yield each record of a section that has a key K wrapped: its key, K's id, reader → wrap."""
    for key in store.records(section, "wrap/"):
        row = store.value(section, key)
        assert row is not None, "records that are listed have values"
        yield key, row[0], {KeyId(reader): box for reader, box in row[1]}
