"""The state that a log comes to: records, derived numbers, whose keys, and the hashes (log.md, 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.vectors.reader.keys import ZEROS, key_id, labelled
from tests.vectors.reader.packing import Decoded


@dataclass(frozen=True)
class Record:
    """A record as it stands, or its tombstone."""

    value: Decoded | None
    value_hash: bytes | None
    base: bytes


def leaves_hash(leaves: Mapping[str, bytes]) -> bytes:
    """Hash a set of leaves, each a digest under the name of its place."""
    placed = {labelled("dusk.place", name.encode()): digest for name, digest in leaves.items()}
    return _subtree({place: labelled("dusk.leaf", place, digest) for place, digest in placed.items()}, 0)


def _subtree(leaves: dict[bytes, bytes], depth: int) -> bytes:
    if len(leaves) < 2:
        return next(iter(leaves.values()), ZEROS)
    children: list[dict[bytes, bytes]] = [{} for _ in range(16)]
    for place, leaf in leaves.items():
        byte = place[depth // 2]
        children[byte & 15 if depth % 2 else byte >> 4][place] = leaf
    return labelled("dusk.branch", *(_subtree(child, depth + 1) for child in children))


def section_hash(records: Mapping[str, Record]) -> bytes:
    """Hash a section."""
    return leaves_hash(
        {key: labelled("dusk.record", (one.value_hash or ZEROS) + one.base) for key, one in records.items()}
    )


@dataclass(frozen=True)
class Subject:
    """Whose a key is."""

    kind: str
    name: str
    public: bytes
    active: bool
    owner: bool = False


@dataclass
class State:
    """The datastore with the derived numbers."""

    sections: dict[str, dict[str, Record]] = field(default_factory=dict)
    derived: dict[str, int] = field(default_factory=dict)

    def copy(self) -> State:
        """Copy it, so that a change is judged whole."""
        return State({path: dict(records) for path, records in self.sections.items()}, dict(self.derived))

    def get(self, section: str, key: str) -> Any:
        """Give a record's value, or none."""
        one = self.sections.get(section, {}).get(key)
        return one.value if one else None

    def base(self, section: str, key: str) -> bytes | None:
        """Give the id of the change that last wrote a record."""
        one = self.sections.get(section, {}).get(key)
        return one.base if one else None

    def write(self, section: str, key: str, written: Record) -> None:
        """Write or delete a record."""
        self.sections.setdefault(section, {})[key] = written

    def derived_hash(self) -> bytes:
        """Hash the derived state."""
        return leaves_hash(
            {name: labelled("dusk.derived", one.to_bytes(8, "big")) for name, one in self.derived.items()}
        )

    def paths(self, kind: str) -> list[str]:
        """Give the paths of two components that begin so."""
        return [path for path in self.sections if path.split("/")[0] == kind and path.count("/") == 1]

    def owners(self) -> dict[str, bytes]:
        """Give the owners' keys by name."""
        rows = self.sections.get("trust", {})
        return {key[6:]: one.value[0] for key, one in rows.items() if key.startswith("owner/") and one.value}

    def subjects(self) -> dict[bytes, list[Subject]]:
        """Whose each key id is."""
        found: dict[bytes, list[Subject]] = {}
        for name, public in self.owners().items():
            found.setdefault(key_id(public), []).append(Subject("person", name, public, True, True))
        for path in self.paths("user"):
            if public := self.get(path, "key"):
                active = self.get(path, "disabled") is None
                found.setdefault(key_id(public[0]), []).append(Subject("person", path[5:], public[0], active))
        for path in self.paths("device"):
            if public := self.get(path, "key"):
                active = self.get(path, "retired") is None
                found.setdefault(key_id(public[0]), []).append(Subject("device", path[7:], public[0], active))
        for path in self.paths("joinkey"):
            if rule := self.get(path, "rule"):
                found.setdefault(key_id(rule[0]), []).append(Subject("joinkey", path[8:], rule[0], True))
        return found

    def device_active(self, device: bytes) -> bool:
        """Whether a device is a member."""
        path = f"device/{device.hex()}"
        return self.get(path, "key") is not None and self.get(path, "retired") is None

    def succession(self) -> list[bytes]:
        """Give the devices that may lead."""
        value = self.get("cluster", "succession")
        return value[0] if value else []

    def names(self, but: str = "") -> set[str]:
        """Give the names of all devices, but for one."""
        rows = [self.get(path, "name") for path in self.paths("device") if path != but]
        return {row[0] for row in rows if row}
