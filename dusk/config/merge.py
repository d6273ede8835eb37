"""Layers of settings become one managed config, with the origin of every option.

Layers stand in order of priority; a higher one wins. Layers of equal priority must agree: what
they say together may not depend on their names. The device's own config is above all policies.
The result is a function of layers, variables and facts alone, all of them from the log (R2).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from types import MappingProxyType
from typing import NamedTuple

from dusk.config.names import Address, Each, is_file, parse_key
from dusk.config.sealing import Sealed
from dusk.config.settings import Setting, Verb, is_secret
from dusk.config.variables import USE, Expander, VariableValue
from dusk.errors import ConfigError
from dusk.lazy import dataclass
from dusk.limits import MANAGED_FILES_BYTES_MAX, MANAGED_FILES_MAX

PRIORITY_DEFAULT = 100
PRIORITY_MAX = 999
"""The highest that a policy may have."""
DEVICE_PRIORITY = PRIORITY_MAX + 1
"""The device's own config."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What one policy, or the device's own config, says.

    Args:
        origin: where it is from, such as ``policy/wifi``; unique among the layers of a device.
        priority: 0 to 999, or ``DEVICE_PRIORITY``.
        settings: canonical KEY → setting.
    """

    origin: str
    priority: int
    settings: Mapping[str, Setting]


@dataclass(frozen=True, slots=True)
class ManagedOption:
    """What must be true of one option, or of a section's being there (``TYPE``, ``ABSENT``).

    Args:
        verb: ``SET``, ``SET_LIST``, ``ABSENT``, ``EDIT_LIST``, ``TYPE``, ``SEALED`` or ``FILE``.
        values: the value, the items, the items to add, or the type; variables are put in.
        removed: items to take out.
        origin: the layer, or the layers joined by ", ", that said so.
        key: the setting's KEY.
        sealed: the secret that it is to have (``SEALED``), with the record that it stands in.
        is_template: whether the values are to be read once more, by who knows the hits of an ``each``.
    """

    verb: Verb
    values: tuple[str, ...]
    removed: tuple[str, ...]
    origin: str
    key: str
    sealed: Sealed | None = None
    is_template: bool = False


@dataclass(frozen=True, slots=True)
class ManagedSection:
    """What is managed in the section at one address.

    Args:
        address: where it is.
        existence: its type, or that it is absent; None if nothing says either.
        options: option → what must be true of it, in order.
    """

    address: Address
    existence: ManagedOption | None
    options: Mapping[str, ManagedOption]


Managed = Mapping[str, tuple[ManagedSection, ...]]
"""Package → its managed sections, in the order in which new ones are made."""


def without_secrets(managed: Managed, further: Collection[str] = ()) -> Managed:
    """Return a managed config of which every secret is to be absent: its device was told to take them off.

    Args:
        managed: with them.
        further: options that the cluster takes for secrets beside the usual ones, in lower case.
    """
    return {
        package: tuple(
            replace(section, options={n: _without(n, o, further) for n, o in section.options.items()})
            for section in sections
        )
        for package, sections in managed.items()
    }


def _without(name: str, option: ManagedOption, further: Collection[str]) -> ManagedOption:
    if option.sealed is None and not is_secret(name, further):
        return option
    return replace(option, verb=Verb.ABSENT, values=(), removed=(), sealed=None)


class _Said(NamedTuple):
    """One setting of one layer, with variables put in."""

    priority: int
    key: str
    option: ManagedOption


def merge(
    layers: Sequence[Layer],
    variables: Mapping[str, VariableValue],
    facts: Mapping[str, str],
    further: Collection[str] = (),
) -> Managed:
    """Return the managed config of one device.

    Args:
        layers: those that apply to the device, in any order.
        variables: the device's, with those of its groups and the cluster (``selection``).
        facts: what the device reported.
        further: options that the cluster takes for secrets beside the usual ones, in lower case.

    Raises:
        ConfigError: layers of equal priority that disagree (both are named), an undefined
            variable, a secret one in an option that is no secret, a plain one in one that is, a
            value that UCI cannot hold, or more made of variables than a device may have. Which of
            several errors, depends on nothing but these arguments. Nothing is merged by half (R7).
    """
    expander = Expander(variables, facts)
    by_key: dict[str, list[_Said]] = {}
    settings = [  # sorted by what comes before the layer, unique together
        (layer.priority, layer.origin, setting.position, key, layer, setting)
        for layer in layers
        for key, setting in layer.settings.items()
        if setting.verb
        is not Verb.LOCAL  # it yields to all others: `dusk.config.local` has what nobody manages
    ]
    for _, _, _, key, layer, setting in sorted(settings):
        by_key.setdefault(key, []).append(_said(layer, key, setting, expander, further))
    sections: dict[tuple[str, Address], dict[str | None, _Said]] = {}
    for text, several in by_key.items():
        parsed = parse_key(text)
        winner = several[0] if len(several) == 1 else _combine(several)
        sections.setdefault((parsed.package, parsed.section), {})[parsed.option] = winner
    packages: dict[str, list[ManagedSection]] = {}
    for (package, address), winners in sections.items():
        packages.setdefault(package, []).append(_section(address, winners))
    _check_files(packages)
    return MappingProxyType({package: tuple(found) for package, found in packages.items()})


def _check_files(packages: Mapping[str, Sequence[ManagedSection]]) -> None:
    """Raise if a device would have more files beside UCI, or larger ones, than it can apply at once."""
    files = [section.existence for name, (section, *_) in packages.items() if is_file(name)]
    size = sum(len(file.values[0].encode()) for file in files if file is not None and file.values)
    if len(files) > MANAGED_FILES_MAX or size > MANAGED_FILES_BYTES_MAX:
        raise ConfigError(
            f"{len(files)} managed files of {size} bytes together; a device has at most {MANAGED_FILES_MAX}"
            f" of {MANAGED_FILES_BYTES_MAX}"
        )


def _said(layer: Layer, key: str, setting: Setting, expander: Expander, further: Collection[str]) -> _Said:
    """Return what a layer says in a setting; an empty text or list is an option that is not there."""
    verb, values, removed = setting.verb, setting.values, setting.removed
    each = parse_key(key).section
    inside = expander.keeping(each.name) if isinstance(each, Each) else expander
    sealed = _sealed(layer, inside, key, setting, further)
    if sealed is not None:
        verb, values = Verb.SEALED, ()
    elif verb is Verb.SET:
        values = (inside.text(values[0], key),)
    elif verb in (Verb.SET_LIST, Verb.EDIT_LIST):
        values, removed = inside.items(values, key), inside.items(removed, key)
    if (verb is Verb.SET and values == ("",)) or (verb is Verb.SET_LIST and not values):
        verb, values = Verb.ABSENT, ()
    if verb is Verb.EDIT_LIST:
        values, removed = edits_once(values, removed, f"{key}: {layer.origin}")
    is_template = inside is not expander and sealed is None
    option = ManagedOption(verb, values, removed, layer.origin, key, sealed, is_template)
    return _Said(layer.priority, key, option)


def edits_once(
    values: Iterable[str], removed: Iterable[str], what: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what a list edit adds and removes, each text once.

    Args:
        values: what it adds.
        removed: what it removes.
        what: the setting and who said it, for the error.

    Raises:
        ConfigError: it adds and removes one text.
    """
    added, taken = dict.fromkeys(values), dict.fromkeys(removed)
    if not taken.keys().isdisjoint(added):
        raise ConfigError(f"{what} adds and removes {next(value for value in added if value in taken)!a}")
    return tuple(added), tuple(taken)


def _sealed(
    layer: Layer, expander: Expander, key: str, setting: Setting, further: Collection[str]
) -> Sealed | None:
    """Return the secret that a setting says: its own, or that of the variable that it names.

    A secret variable stands in secret options alone: whoever may write some policy of a device would
    have it put on the air, or into a page, with another option's name (A47).
    """
    if setting.sealed is not None:
        section = layer.origin if layer.priority < DEVICE_PRIORITY else f"{layer.origin}/config"
        return setting.sealed._replace(section=section, record=f"set/{key}")
    if setting.verb is not Verb.SET or USE not in setting.values[0]:
        return None
    named, option = expander.secret(setting.values[0]), key.rpartition(".")[2]
    if named is not None and not is_secret(option, further):
        raise ConfigError(
            f"{key}: the variable is a secret, but '{option}' is none here;"
            " name it in `dusk cluster set secrets`"
        )
    if named is None and is_secret(option, further) and not expander.is_empty(setting.values[0], key):
        raise ConfigError(f"{key}: a secret, but the variable is none; set it with `dusk var set --secret`")
    return named


def _combine(several: Sequence[_Said]) -> _Said:
    """Return what layers say together about one key, from the lowest priority up."""
    current: ManagedOption | None = None
    for _, group in groupby(several, key=lambda one: one.priority):
        level = [one.option for one in group]
        for index, option in enumerate(level):
            for other in level[:index]:
                _check_agree(other, option)
        wholes = [option for option in level if option.verb is not Verb.EDIT_LIST]
        if wholes:
            current = _with_origins(wholes[0], wholes)
        for option in level:
            if option.verb is Verb.EDIT_LIST:
                current = option if current is None else _edited(current, option)
    assert current is not None  # several is not empty
    return several[-1]._replace(option=current)


def _check_agree(one: ManagedOption, other: ManagedOption) -> None:
    """Raise if two layers of equal priority cannot both have their will."""
    if one.verb is Verb.EDIT_LIST:
        one, other = other, one
    if one.verb is Verb.EDIT_LIST:
        agree = not {*one.values} & {*other.removed} and not {*one.removed} & {*other.values}
    elif other.verb is Verb.EDIT_LIST:
        is_list = one.verb in (Verb.SET_LIST, Verb.ABSENT)
        agree = is_list and {*other.values} <= {*one.values} and not {*other.removed} & {*one.values}
    else:
        agree = (one.verb, one.values, one.sealed) == (other.verb, other.values, other.sealed)
    if not agree:
        first, second = sorted((one.origin, other.origin))
        raise ConfigError(
            f"{one.key}: {first} and {second} have equal priority and disagree;"
            " give one of them another priority or change one"
        )


def _edited(current: ManagedOption, edit: ManagedOption) -> ManagedOption:
    """Apply a list edit to what lower layers, or layers of the same priority, said."""
    if current.sealed is not None:
        raise ConfigError(f"{edit.key}: {edit.origin} edits a list that {current.origin} keeps secret")
    values = list_edited(current.values, edit.removed, edit.values)
    if current.verb is Verb.EDIT_LIST:
        removed = list_edited(current.removed, edit.values, edit.removed)
        return _with_origins(replace(current, values=values, removed=removed), (current, edit))
    if current.verb is Verb.SET and not edit.values:
        return current
    if current.verb is Verb.SET:
        values = list_edited(current.values, (), edit.values)
    if (values, len(values) > 0) == (current.values, current.verb is not Verb.ABSENT):
        return current
    verb = Verb.SET_LIST if values else Verb.ABSENT
    return _with_origins(replace(current, verb=verb, values=values), (current, edit))


def list_edited(had: Sequence[str], removed: Collection[str], added: Sequence[str]) -> tuple[str, ...]:
    """Return a list without some items, and with those at its end that it lacks then; linear in all three."""
    taken = frozenset(removed)
    kept = tuple(value for value in had if value not in taken)
    there = frozenset(kept)
    return kept + tuple(value for value in added if value not in there)


def _with_origins(option: ManagedOption, said: Iterable[ManagedOption]) -> ManagedOption:
    """Name every layer that had a part in an option, once."""
    origins = dict.fromkeys(origin for one in said for origin in one.origin.split(", "))
    return replace(option, origin=", ".join(origins))


def _section(address: Address, winners: Mapping[str | None, _Said]) -> ManagedSection:
    """Put a section together; one that must be absent has no options."""
    existence = winners.get(None)
    options = {name: one for name, one in winners.items() if name is not None}
    if existence is not None and existence.option.verb is Verb.ABSENT:
        for one in options.values():
            if one.option.verb is not Verb.ABSENT and one.priority >= existence.priority:
                raise ConfigError(
                    f"{one.option.key}: set by {one.option.origin},"
                    f" but {existence.option.origin} deletes the section"
                )
        options = {}
    return ManagedSection(
        address,
        existence.option if existence is not None else None,
        MappingProxyType({name: one.option for name, one in options.items()}),
    )
