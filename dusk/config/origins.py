"""Why an option of a device is what it is: which layer said so, by which group, with whose variables.

The merge knows the layers that had the last word; this module reads their settings once more, for
people who ask. Nothing of it is part of what a device gets.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from dusk.changelog.views import groups_in_effect
from dusk.config.device import SET, Datastore, variables_of
from dusk.config.merge import ManagedOption
from dusk.config.names import Each, parse_key
from dusk.config.selection import Scope
from dusk.config.settings import Verb, setting_from_row
from dusk.config.variables import FACT, VariableValue, uses_in
from dusk.ids import DeviceId

DEFAULT, FACTS = "default", "facts"
"""Where a variable's value is from if nobody set it: behind ``:-``, or what the device reports."""

NOBODYS = frozenset({DEFAULT, FACTS})


class Used(NamedTuple):
    """A variable in a setting, and whose value it has: a section, ``default``, or ``facts``."""

    name: str
    scope: str


class Origin(NamedTuple):
    """A layer that had a part in an option.

    Args:
        section: the policy's, or that of the device's own config.
        groups: through which groups the device has the policy; none if by itself, or as all have it.
        used: the variables in what it says, each once.
    """

    section: str
    groups: tuple[str, ...]
    used: tuple[Used, ...]


class Origins:
    """Finds the origins of one device's options.

    Args:
        store: the datastore.
        device: whose.
    """

    def __init__(self, store: Datastore, device: DeviceId) -> None:
        self._store = store
        self._own = f"device/{device.hex()}/config"
        self._groups = sorted(groups_in_effect(store, device))
        scopes = (self._own, *(f"group/{group}" for group in self._groups), "cluster")
        self._variables = [(scope, variables_of(store, scope)) for scope in scopes]

    def of(self, option: ManagedOption) -> tuple[Origin, ...]:
        """Return the layers that an option's ``origin`` names, the strongest last."""
        return tuple(self._origin(layer, option.key) for layer in option.origin.split(", "))

    def _origin(self, layer: str, key: str) -> Origin:
        section = layer if layer.startswith("policy/") else self._own
        row = self._store.value(section, f"{SET}{key}")
        assert row is not None, "the layer said so"
        setting = setting_from_row(row)
        values = () if setting.verb is Verb.FILE else (*setting.values, *setting.removed)
        each = parse_key(key).section
        hidden = each.name if isinstance(each, Each) else None
        used = dict.fromkeys(one for value in values for one in self._used(value) if one.name != hidden)
        return Origin(section, self._through(section), tuple(used))

    def _through(self, section: str) -> tuple[str, ...]:
        """Return the groups that bring a policy."""
        room, _, policy = section.partition("/")
        row = self._store.value(f"assignment/{policy}", "to") if room == "policy" else None
        if row is None or Scope(row[0]) is not Scope.GROUPS:
            return ()
        return tuple(group for group in self._groups if group in row[1])

    def _used(self, value: str) -> Iterator[Used]:
        for name, has_default in uses_in(value):
            scope = FACTS if FACT.fullmatch(name) else _scope(self._variables, name)
            if scope or has_default:
                yield Used(name, scope or DEFAULT)


def _scope(variables: Sequence[tuple[str, Mapping[str, VariableValue]]], name: str) -> str:
    """Return the strongest section that has a variable, "" if none has."""
    return next((scope for scope, said in variables if name in said), "")
