"""Which layers and variables a device has."""

import pytest

from dusk.changelog.body import Edit
from dusk.config.device import managed_config, options_of
from dusk.config.merge import DEVICE_PRIORITY
from dusk.config.selection import Assignment, Scope, select_layers, select_variables
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.errors import ConfigError
from tests.world import World

ONE = {"a.b.c": Setting(Verb.SET, ("x",))}


def chosen(device: str, *groups: str) -> list[tuple[str, int]]:
    assignments = [
        Assignment("mine", Scope.DEVICES, frozenset({"d1"}), 300),
        Assignment("office", Scope.GROUPS, frozenset({"g1", "g2"})),
        Assignment("all", Scope.ALL),
        Assignment("empty", Scope.ALL),
        Assignment("unknown", Scope.ALL),
    ]
    policies = {"mine": ONE, "office": ONE, "all": ONE, "empty": {}, "nobody": ONE}
    layers = select_layers(device, frozenset(groups), assignments, policies, {})
    return [(layer.origin, layer.priority) for layer in layers]


def test_a_device_has_the_policies_assigned_to_it_by_priority_then_its_own_config() -> None:
    everyone, own = ("policy/all", 100), DEVICE_PRIORITY
    assert chosen("d2") == [everyone, ("device/d2", own)]
    assert chosen("d2", "g2", "g9") == [everyone, ("policy/office", 100), ("device/d2", own)]
    assert chosen("d1") == [everyone, ("policy/mine", 300), ("device/d1", own)]


def test_variables_of_the_device_go_before_its_groups_and_these_before_the_cluster() -> None:
    groups = {"g1": {"b": "g", "c": "g"}, "g2": {"b": "g", "c": "other"}}
    assert select_variables({"a": "c", "b": "c", "c": "c"}, groups, {"c": "d"}) == {
        "a": "c",
        "b": "g",
        "c": "d",
    }


def test_groups_that_disagree_are_named_unless_the_device_decides() -> None:
    groups = {"g2": {"v": "2"}, "g1": {"v": "1"}, "g3": {"v": "1"}}
    with pytest.raises(ConfigError, match="the groups g1 and g2 have different values for the variable 'v'"):
        select_variables({}, groups, {})
    assert select_variables({}, groups, {"v": "3"}) == {"v": "3"}


def test_what_is_managed_is_told_with_the_sections_that_must_be_there() -> None:
    world = World()
    kind = Setting(Verb.TYPE, ("timeserver",), 0)
    world.commit(
        Edit("policy/time", "set/system.ntp", encode_setting(kind), None),
        world.set("time", "system.ntp.enabled", "1"),
        world.edit("assignment/time", "to", ("all", [], 1)),
    )
    told = options_of(managed_config(world.log.state, world.device_id))
    assert told["system.ntp"] == ("section", ("timeserver",), "policy/time")
    assert told["system.ntp.enabled"] == ("set", ("1",), "policy/time")
