"""Which devices, and which of their settings, edits may change: all others need no merge.

A draft is reviewed within a call, and there may be a thousand devices.
"""

from collections.abc import Iterable

from dusk.changelog.body import Edit
from dusk.changelog.overlay import Overlay
from dusk.changelog.views import groups_in_effect
from dusk.config.device import SET, VAR, Configs
from dusk.config.lifeline import TELLING
from dusk.config.names import Address, is_file, parse_key
from dusk.errors import ConfigError
from dusk.ids import DeviceId
from dusk.lazy import dataclass

MEMBER = "member/"
"""Before a device's id in a group's record key."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What edits are about.

    Attributes:
        is_general: whether all devices may be concerned.
        devices: ids of devices that are, in hex.
        groups: groups whose members are.
        policies: policies; those are that have one of them.
        places: packages and sections of the settings that may change; None: any.
    """

    is_general: bool
    devices: frozenset[str]
    groups: frozenset[str]
    policies: frozenset[str]
    places: frozenset[tuple[str, Address]] | None

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

    def has(self, device: DeviceId, stores: Iterable[Overlay], configs: Iterable[Configs]) -> bool:
        """Tell whether a device may be concerned, before the edits or behind them."""
        return (
            self.is_general
            or device.hex() in self.devices
            or (
                bool(self.policies)
                and any(not self.policies.isdisjoint(c.policies_of(device)) for c in configs)
            )
            or (
                bool(self.groups)
                and any(not self.groups.isdisjoint(groups_in_effect(s, device)) for s in stores)
            )
        )


def reach_of(edits: Iterable[Edit]) -> Reach:
    """Return what edits are about."""
    found: dict[str, set[str]] = {"cluster": set(), "device": set(), "group": set(), "policy": set()}
    places: set[tuple[str, Address]] = set()
    only_settings = True
    for edit in edits:
        room, _, rest = edit.section.partition("/")
        name = rest.partition("/")[0]
        if room == "cluster" and not edit.key.startswith(VAR):
            continue
        if room == "group" and edit.key.startswith(MEMBER):
            room, name = "device", edit.key.removeprefix(MEMBER)
        found.setdefault("policy" if room == "assignment" else room, set()).add(name)
        if room in {"policy", "device"} and edit.key.startswith(SET):
            places.add(_place(edit.key.removeprefix(SET)))
        else:
            only_settings = False
    return Reach(
        is_general=bool(found["cluster"]),
        devices=frozenset(found["device"]),
        groups=frozenset(found["group"]),
        policies=frozenset(found["policy"]),
        places=frozenset(places) if only_settings else None,
    )


def _place(key: str) -> tuple[str, Address]:
    parsed = parse_key(key)
    return parsed.package, parsed.section
