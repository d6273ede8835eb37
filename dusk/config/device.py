"""One device's managed config, out of the datastore: a function of the log alone (R2).

The datastore may be the log's state, or that state with somebody's draft on top.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from dusk.changelog.secrecy import secret_names
from dusk.changelog.views import groups_in_effect
from dusk.config.merge import Layer, Managed, ManagedOption, merge, without_secrets
from dusk.config.names import is_file
from dusk.config.sealing import sealed_from
from dusk.config.selection import Assignment, Scope, select_layers, select_variables
from dusk.config.settings import Setting, Verb, decode_setting
from dusk.config.variables import USE, VariableValue
from dusk.ids import DeviceId

SET = "set/"
"""Before the KEY in a setting's record key."""
LOCAL = "local"
"""Of an assignment: to whom a policy was assigned that are to have what they had before it."""
VAR = "var/"
"""Before the name in a variable's record key."""
FILE = "file"
"""What `options_of` calls a file beside UCI."""


class Datastore(Protocol):
    """What is read of the sections and records; ``dusk.changelog.state.State`` is one."""

    def value(self, section: str, key: str) -> list[Any] | None:
        """Return a record's decoded value, None where there is none."""

    def records(self, section: str, prefix: str = "") -> Mapping[str, Any]:
        """Return the records of a section by key; each has its bytes in ``data``."""

    def sections(self, prefix: str = "") -> Iterator[str]:
        """Iterate over the paths of sections, sorted."""


class Configs:
    """The managed configs of many devices of one datastore; policies are read once.

    Devices that have the same policies share one result where nothing is their own.

    Args:
        store: the datastore.
        reads: which KEYs are read; all others count as not there.
    """

    def __init__(self, store: Datastore, reads: Callable[[str], bool] = lambda _: True) -> None:
        self._store = store
        self._reads = reads
        self._policies = {
            path.removeprefix("policy/"): settings_of(store, path, reads)
            for path in store.sections("policy/")
        }
        self._own = {name for name, settings in self._policies.items() if _has_variables(settings)}
        self._shared: dict[tuple[str, ...], Managed] = {}
        self._assignments = tuple(_assignments(store, "to"))
        self._given_back = tuple(_assignments(store, LOCAL))
        self._cluster = variables_of(store, "cluster")
        self._secrets = secret_names(store)
        self._groups: dict[str, Mapping[str, VariableValue]] = {}

    def managed(self, device: DeviceId) -> Managed:
        """Return what the log says a device's settings are.

        Raises:
            ConfigError: a clash, an undefined variable or an impossible value; nothing counts then.
        """
        groups = frozenset(groups_in_effect(self._store, device))
        own = f"device/{device.hex()}/config"
        settings = settings_of(self._store, own, self._reads)
        layers = select_layers(device.hex(), groups, self._assignments, self._policies, settings)
        variables = select_variables(
            self._cluster,
            {group: self._group_variables(group) for group in groups},
            variables_of(self._store, own),
        )
        if self._store.value(f"device/{device.hex()}", "wipe") is not None:
            return without_secrets(self._merged(layers, variables, device), self._secrets)
        policies = tuple(layer.origin.removeprefix("policy/") for layer in layers[:-1])
        if settings or not self._own.isdisjoint(policies):
            return self._merged(layers, variables, device)
        if policies not in self._shared:
            self._shared[policies] = merge(layers, {}, {})
        return self._shared[policies]

    def _merged(
        self, layers: Sequence[Layer], variables: Mapping[str, VariableValue], device: DeviceId
    ) -> Managed:
        return merge(layers, variables, facts_of(self._store, device), self._secrets)

    def local(self, device: DeviceId, managed: Managed) -> frozenset[str]:
        """Return the KEYs that are to be as the device had them before: asked for, and managed by nobody.

        Args:
            device: whose.
            managed: as `managed` gave it.
        """
        groups = frozenset(groups_in_effect(self._store, device))
        said = {a.policy for a in self._assignments if a.is_for(device.hex(), groups)}
        layers = [settings_of(self._store, f"device/{device.hex()}/config", self._reads)]
        layers += [self._policies.get(name, {}) for name in sorted(said)]
        keys = {key for layer in layers for key, one in layer.items() if one.verb is Verb.LOCAL}
        for one in self._given_back:
            if one.policy not in said and one.is_for(device.hex(), groups):
                keys.update(self._policies.get(one.policy, {}))
        keys.difference_update(option.key for option in every_option(managed))
        return frozenset(key for key in keys if not is_file(key))  # of which nothing is remembered

    def policies_of(self, device: DeviceId) -> tuple[str, ...]:
        """Return the names of the policies that a device has, the highest priority last."""
        groups = frozenset(groups_in_effect(self._store, device))
        chosen = (a for a in self._assignments if a.is_for(device.hex(), groups))
        return tuple(a.policy for a in sorted(chosen, key=lambda a: (a.priority, a.policy)))

    def _group_variables(self, group: str) -> Mapping[str, VariableValue]:
        if group not in self._groups:
            self._groups[group] = variables_of(self._store, f"group/{group}")
        return self._groups[group]


def managed_config(store: Datastore, device: DeviceId) -> Managed:
    """Return what the log says one device's settings are.

    Raises:
        ConfigError: see :meth:`Configs.managed`.
    """
    return Configs(store).managed(device)


def managed_and_local(store: Datastore, device: DeviceId) -> tuple[Managed, frozenset[str]]:
    """Return what the log says one device's settings are, and the KEYs that are to be as it had them.

    Raises:
        ConfigError: see :meth:`Configs.managed`.
    """
    configs = Configs(store)
    managed = configs.managed(device)
    return managed, configs.local(device, managed)


def concerns(section: str, device: DeviceId) -> bool:
    """Tell whether a device's managed config may depend on a section (any other changes nothing)."""
    room = section.partition("/")[0]
    if room == "device":
        return f"{section}/".startswith(f"device/{device.hex()}/")
    return room in ("policy", "assignment", "group", "cluster")


def settings_of(
    store: Datastore, section: str, reads: Callable[[str], bool] = lambda _: True
) -> dict[str, Setting]:
    """Return KEY → setting of a policy or of a device's own config, of the KEYs that are read."""
    return {
        key.removeprefix(SET): decode_setting(record.data)
        for key, record in store.records(section, SET).items()
        if reads(key.removeprefix(SET))
    }


def _has_variables(settings: Mapping[str, Setting]) -> bool:
    plain = (setting for setting in settings.values() if setting.verb is not Verb.FILE)
    values = (value for setting in plain for value in (*setting.values, *setting.removed))
    return any(USE in value for value in values)


def variables_of(store: Datastore, section: str) -> dict[str, VariableValue]:
    """Return the variables that a section has."""
    found: dict[str, VariableValue] = {}
    for key in store.records(section, VAR):
        row = store.value(section, key)
        assert row is not None, "records that are listed have values"
        found[key.removeprefix(VAR)] = _variable(section, key, row)
    return found


def _variable(section: str, key: str, row: list[Any]) -> VariableValue:
    if len(row) > 1:
        return sealed_from(row)._replace(section=section, record=key)
    return tuple(row[0]) if isinstance(row[0], list) else str(row[0])


def facts_of(store: Datastore, device: DeviceId) -> dict[str, str]:
    """Return what a device said about itself; of a list, its items with spaces between."""
    section = f"device/{device.hex()}/facts"
    found: dict[str, str] = {}
    for key in store.records(section):
        row = store.value(section, key)
        assert row is not None, "records that are listed have values"
        found[key] = " ".join(row[0]) if isinstance(row[0], list) else row[0]
    return found


def _assignments(store: Datastore, key: str) -> Iterator[Assignment]:
    for path in store.sections("assignment/"):
        row = store.value(path, key)
        if row is not None:
            scope, names, priority = row
            yield Assignment(path.removeprefix("assignment/"), Scope(scope), frozenset(names), priority)


def options_of(managed: Managed) -> dict[str, tuple[str, tuple[str, ...], str]]:
    """Return KEY → (verb, values, origin) of everything that is managed, for people."""
    found: dict[str, tuple[str, tuple[str, ...], str]] = {}
    for option in every_option(managed):
        values = (*option.values, *(f"-{value}" for value in option.removed))
        found[option.key] = (_WORDS[option.verb.name], values, option.origin)
    return found


def every_option(managed: Managed) -> Iterator[ManagedOption]:
    """Yield all that is managed: of each section its being there, if that is, and its options."""
    for sections in managed.values():
        for section in sections:
            if section.existence is not None:
                yield section.existence
            yield from section.options.values()


_WORDS = {
    "SET": "set",
    "SET_LIST": "list",
    "ABSENT": "absent",
    "EDIT_LIST": "list edit",
    "TYPE": "section",
    "SEALED": "secret",
    "EXCLUSIVE": "exclusive",
    "FILE": FILE,
}
