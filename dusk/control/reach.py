"""Which devices, and which of their settings, edits may change: all others need no merge.

There may be a thousand devices, and a person waits for what a draft would do.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

from dusk.changelog.body import Edit
from dusk.changelog.overlay import Overlay
from dusk.changelog.sealed import WRAP
from dusk.changelog.sections import device_path
from dusk.changelog.selector import SELECT
from dusk.changelog.views import is_selected
from dusk.config.device import SET, VAR
from dusk.config.lifeline import TELLING
from dusk.config.names import Address, is_file, parse_key
from dusk.config.selection import Assignment, Scope
from dusk.config.variables import USE
from dusk.errors import ConfigError
from dusk.ids import DeviceId
from dusk.lazy import dataclass

MEMBER = "member/"
"""Before a device's id in a group's record key."""
Place = tuple[str, Address]
"""A package, and a section of it."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What edits are about.

    Attributes:
        devices: ids of devices that may be concerned, in hex.
        groups: groups whose members are.
        policies: policies; those are that have one of them.
        places: packages and sections of the settings that may change; None: any.
    """

    devices: frozenset[str]
    groups: frozenset[str]
    policies: frozenset[str]
    places: frozenset[Place] | None

    def reads(self, key: str) -> bool:
        """Tell whether a KEY stands where something may change; one that is none is for the merge to name."""
        if self.places is None:
            return True
        try:
            return _place(key) in self.places or self._tells(key)
        except ConfigError:
            return True

    def _tells(self, key: str) -> bool:
        """Tell whether a KEY says what another section of a touched package stands on (`config.lifeline`).

        Of files beside UCI each, for a device has so many of them at most.
        """
        parsed = parse_key(key)
        if is_file(key):
            return self.places is not None and any(is_file(package) for package, _ in self.places)
        touched = self.places is not None and any(package == parsed.package for package, _ in self.places)
        return touched and parsed.option in TELLING.get(parsed.package, ())


class Reached:
    """Whom edits may concern in one datastore; what groups and assignments say is read once.

    Args:
        reach: what the edits are about.
        store: the datastore before them, or with them on top.
    """

    def __init__(self, reach: Reach, store: Overlay) -> None:
        self._reach, self._store = reach, store
        self._named: dict[str, set[str]] = {}
        self._selecting: list[str] = []
        for path in store.sections("group/"):
            group = path.removeprefix("group/")
            for key in store.records(path, MEMBER):
                self._named.setdefault(key.removeprefix(MEMBER), set()).add(group)
            if store.value(path, SELECT) is not None:
                self._selecting.append(group)
        rows = ((policy, store.value(f"assignment/{policy}", "to")) for policy in sorted(reach.policies))
        self._assignments = [
            Assignment(policy, Scope(row[0]), frozenset(row[1]), row[2]) for policy, row in rows if row
        ]

    def has(self, device: DeviceId) -> bool:
        """Tell whether a device may be concerned."""
        name = device.hex()
        if name in self._reach.devices or any(one.scope is Scope.ALL for one in self._assignments):
            return True
        if not self._reach.groups and not self._assignments:
            return False
        groups = self._groups(device)
        is_member = not self._reach.groups.isdisjoint(groups)
        return is_member or any(one.is_for(name, groups) for one in self._assignments)

    def _groups(self, device: DeviceId) -> frozenset[str]:
        """Return the groups that a device is in in effect, as `views.groups_in_effect`."""
        row = self._store.value(device_path(device), "groups")
        selecting = (group for group in self._selecting if is_selected(self._store, group, device))
        return frozenset((*self._named.get(device.hex(), ()), *(row[0] if row else ()), *selecting))


def reach_of(edits: Iterable[Edit], store: Overlay) -> Reach:
    """Return what edits are about.

    Args:
        edits: what is looked at.
        store: the datastore with them on top. What it says otherwise than before is in the edits, so that
            nothing else has to be looked up in the one before.
    """
    found = _Found(store)
    for edit in edits:
        found.take(edit)
    return found.reach()


class _Found:
    """Collects what edits are about."""

    def __init__(self, store: Overlay) -> None:
        self._store = store
        self._devices: set[str] = set()
        self._groups: set[str] = set()
        self._policies: set[str] = set()
        self._places: set[Place] = set()
        self._variables: set[str] = set()
        self._of_cluster: set[str] = set()
        self._is_everything = False

    def take(self, edit: Edit) -> None:
        """Note what one edit is about; who may read a secret is nothing of the settings."""
        room, _, rest = edit.section.partition("/")
        name, key = rest.partition("/")[0], edit.key
        if key.startswith(WRAP):
            return
        if key.startswith(VAR):
            (self._of_cluster if room == "cluster" else self._variables).add(key.removeprefix(VAR))
        elif room in {"policy", "device"} and key.startswith(SET):
            self._places.add(_place(key.removeprefix(SET)))
        elif room == "assignment":
            self._places.update(self._places_of(name))
        elif room == "group":
            self._take_group(name)
        elif room in {"policy", "device"}:
            self._is_everything = True
        if room == "group" and key.startswith(MEMBER):
            self._devices.add(key.removeprefix(MEMBER))
        elif room == "device":
            self._devices.add(name)
        elif room == "group":
            self._groups.add(name)
        elif room in {"policy", "assignment"}:
            self._policies.add(name)

    def _take_group(self, group: str) -> None:
        """Note what who comes into a group, or leaves it, gets or loses."""
        self._variables.update(key.removeprefix(VAR) for key in self._store.records(f"group/{group}", VAR))
        for path in self._store.sections("assignment/"):
            row = self._store.value(path, "to")
            if row is not None and row[0] == "groups" and group in row[1]:
                self._places.update(self._places_of(path.removeprefix("assignment/")))

    def _places_of(self, policy: str) -> Iterator[Place]:
        return _places(self._store.records(f"policy/{policy}", SET))

    def reach(self) -> Reach:
        """Return it, with where the variables are used: of the cluster's also by whom."""
        for names, is_by_whom in ((self._variables, False), (self._of_cluster, True)):
            for section, keys in _uses(self._store, names):
                self._places.update(_places(keys))
                room, name = section.split("/")[:2]
                if is_by_whom:
                    (self._policies if room == "policy" else self._devices).add(name)
        return Reach(
            devices=frozenset(self._devices),
            groups=frozenset(self._groups),
            policies=frozenset(self._policies),
            places=None if self._is_everything else frozenset(self._places),
        )


def _uses(store: Overlay, names: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield where variables are used: sections, and the record keys of the settings in them.

    Settings are looked through as they are stored, for there are many: a text that only looks like a use
    makes a merge more.
    """
    wanted = b"|".join(re.escape(name.encode()) for name in sorted(names))
    if not wanted:
        return
    use = re.compile(re.escape(USE.encode()) + b"(?:" + wanted + b")[:}]")
    own = (path for path in store.sections("device/") if path.endswith("/config"))
    for section in (*store.sections("policy/"), *own):
        records = store.records(section, SET).items()
        keys = [key for key, record in records if record.data is not None and use.search(record.data)]
        if keys:
            yield section, keys


def _places(keys: Iterable[str]) -> Iterator[Place]:
    """Yield the places of settings by their record keys; what is wrong with one, the merge says."""
    for key in keys:
        with suppress(ConfigError):
            yield _place(key.removeprefix(SET))


def _place(key: str) -> Place:
    parsed = parse_key(key)
    return parsed.package, parsed.section
