"""What a change touches: the sections afterwards, and what follows from what it does."""

from dusk import codec
from dusk.changelog.body import Operation, Value
from dusk.changelog.sealed import Sealing
from dusk.changelog.sections import parse_path
from dusk.changelog.touching import UNGROUPED, Becoming, Step, groups_touched, steps_of
from dusk.ids import ChangeId
from tests.world import World

DEVICE = "ab" * 16
BASE = ChangeId(bytes(32))


def operation(section: str, key: str) -> Operation:
    return Operation(section, key, bytes(32), BASE)


def test_sections_afterwards_are_those_of_the_prefix_that_are_asked_for() -> None:
    world = World()
    world.commit(world.set("wifi", "wireless.radio0.channel", "6"))
    value = Value(bytes(16), codec.pack(["x"]))
    operations = [operation("policy/guests", "set/a.b.c"), operation("group/aps", "var/x")]
    becoming = Becoming(world.log.state, operations, [value, value])
    assert list(becoming.sections("policy/")) == ["policy/guests", "policy/wifi"]
    assert list(becoming.sections("group/")) == ["group/aps"]


def test_only_who_puts_a_device_into_a_group_changes_the_device() -> None:
    world = World()
    becoming, sealing = Becoming(world.log.state, (), ()), Sealing(world.log.state)
    for section, also in (("group/aps", [f"device/{DEVICE}"]), ("policy/aps", [])):
        step = Step(
            parse_path(section), operation(section, f"member/{DEVICE}"), None, None, becoming, sealing
        )
        found = list(steps_of(step, {}))
        assert [s.operation.section for s in found] == [section, *also]


def test_deleting_a_join_keys_rule_touches_the_groups_that_it_was_for() -> None:
    world = World()
    for groups, touched in ((["aps"], {"aps"}), ([], {UNGROUPED})):
        world.joinkey = world.key()
        world.allow_joining(groups=groups)
        becoming, sealing = Becoming(world.log.state, (), ()), Sealing(world.log.state)
        section = f"joinkey/{world.joinkey.key_id.hex()}"
        step = Step(parse_path(section), operation(section, "rule"), None, None, becoming, sealing)
        assert groups_touched(world.log.state, "group/", step) == touched


def test_who_lets_a_group_read_touches_that_group() -> None:
    world, section = World(), f"reader/{DEVICE}"
    becoming, sealing = Becoming(world.log.state, (), ()), Sealing(world.log.state)
    step = Step(parse_path(section), operation(section, "group/aps"), None, None, becoming, sealing)
    assert groups_touched(world.log.state, "reader/", step) == {"aps"}
