"""`merges.json`: from policies, variables and facts to a file."""

from collections.abc import Sequence
from functools import partial

from dusk.config.merge import Layer, Managed, ManagedOption, merge
from dusk.config.result import resulting
from dusk.config.selection import Assignment, Scope, select_layers, select_variables
from dusk.config.settings import check_setting
from dusk.config.variables import VariableValue
from tools.vectors.case import Case, invalid, valid
from tools.vectors.settings import setting_of
from tools.vectors.show import Json
from tools.vectors.worlds import bad_merges, bad_results, good_merges
from tools.vectors.worlds_each import (
    bad_each,
    bad_orders,
    bad_quoting,
    good_each,
    good_exclusive,
    good_orders,
    moving,
    too_much,
    too_much_of_each,
)


def managed_of(world: Json) -> Managed:
    """Return the managed config of a datastore, its settings checked as the log checks them."""
    policies = {
        name: {key: setting_of(row) for key, row in found.items()}
        for name, found in world["policies"].items()
    }
    for found in (
        *policies.values(),
        {key: setting_of(row) for key, row in world["device_settings"].items()},
    ):
        for key, setting in found.items():
            check_setting(key, setting)
    assignments = [
        Assignment(name, Scope(to), frozenset(names), priority)
        for name, (to, names, priority) in world["assignments"].items()
    ]
    own = {key: setting_of(row) for key, row in world["device_settings"].items()}
    groups = frozenset(world["groups_of_device"])
    layers: Sequence[Layer] = select_layers(world["device"], groups, assignments, policies, own)
    scopes = world["variables"]
    variables = select_variables(
        _variables(scopes["cluster"]),
        {group: _variables(found) for group, found in scopes["groups"].items() if group in groups},
        _variables(scopes["device"]),
    )
    return merge(layers, variables, world["facts"])


def _variables(found: Json) -> dict[str, VariableValue]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}


def show_managed(managed: Managed) -> Json:
    """Return the managed config: package → sections with their options, in order."""
    return {
        package: [
            {
                "address": str(section.address),
                "existence": section.existence and _show_option(section.existence),
                "options": {name: _show_option(option) for name, option in section.options.items()},
            }
            for section in sections
        ]
        for package, sections in managed.items()
    }


def _show_option(option: ManagedOption) -> Json:
    return {
        "verb": int(option.verb),
        "values": list(option.values),
        "removed": list(option.removed),
        "origin": option.origin,
        "key": option.key,
    }


def merges() -> list[Case]:
    """Return the cases of `merges.json`."""
    cases = []
    for name, shows, world in (*good_merges(), *good_each(), *good_orders(), *good_exclusive()):
        managed = managed_of(world)
        content = world["file"]
        package = world["package"]
        made = resulting(None if content is None else content.encode(), package, managed.get(package, ()))
        again = resulting(made.content, package, managed.get(package, ()))
        assert (again.content, again.changed) == (made.content, ()), name
        result = {"file": made.content.decode(), "changed": list(made.changed)}
        cases.append(valid(name, shows, **world, managed=show_managed(managed), result=result))
    for name, reason, says, world in (*bad_merges(), *bad_quoting(), *too_much()):
        wrong = partial(managed_of, world)
        cases.append(invalid(name, "There is no managed config.", reason, wrong, says, **world))
    for name, reason, says, world in (
        *bad_results(),
        *moving(),
        *bad_each(),
        *too_much_of_each(),
        *bad_orders(),
    ):
        managed = managed_of(world)
        package = world["package"]
        content = world["file"].encode()
        shows = "There is a managed config, and no resulting file: the file stays as it is."
        cases.append(
            invalid(
                name,
                shows,
                reason,
                partial(resulting, content, package, managed[package]),
                says,
                **world,
                managed=show_managed(managed),
            )
        )
    return cases
