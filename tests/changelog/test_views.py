"""Views: what the records say, in the words that the rest asks in."""

from dusk import codec
from dusk.changelog import views
from dusk.changelog.sections import device_path
from dusk.changelog.state import Record, RecordWrite, State
from dusk.config.device import facts_of, variables_of
from dusk.ids import ChangeId, DeviceId
from tests.world import World, sealed_key


def populated() -> tuple[World, DeviceId]:
    world = World()
    world.allow_joining(uses=5, expires_s=1_800_000_000, groups=["ap"], template="")
    kitchen = DeviceId(world.join("kitchen").key_id)
    world.commit(
        world.edit("group/core", "made", [True]),
        world.edit("group/core", f"member/{kitchen.hex()}", [True]),
        world.edit("group/core", "var/x", ["1"]),
        world.edit("group/core", "var/l", [["1", "2"]]),
        world.edit("group/loose", f"member/{world.device_id.hex()}", [True]),
        world.edit("assignment/wifi", "to", ["groups", ["core"], 7]),
        world.set("wifi", "system.s.x", "1"),
        world.set("empty", "system.s.x", "1"),
        world.edit("cluster", "succession", [[world.device_id, kitchen]]),
    )
    world.commit(world.edit("policy/empty", "set/system.s.x", None))
    return world, kitchen


WORLD, KITCHEN = populated()
STATE = WORLD.log.state


def test_members_are_the_active_devices_in_the_order_of_their_ids() -> None:
    found = views.members(STATE)
    assert [m.device_id for m in found] == sorted([WORLD.device_id, KITCHEN])
    kitchen = views.member(STATE, KITCHEN)
    assert kitchen is not None
    label = f"02:{kitchen.device_id.hex()[:8]}"
    assert (kitchen.name, kitchen.label, kitchen.groups) == ("kitchen", label, ("ap", "core"))
    assert views.groups_of(STATE, WORLD.device_id) == ("loose",)


def test_a_section_of_a_device_that_never_joined_is_no_device() -> None:
    state = State()
    record = Record(codec.pack([[]]), bytes(32), ChangeId(bytes(32)))
    state.take([RecordWrite(device_path(KITCHEN), "groups", record)], [])
    assert views.devices(state) == []


def with_records(*records: tuple[DeviceId, str, list[object]]) -> State:
    """Return a state that has these records and was checked by nobody."""
    state = State()
    for device, key, row in records:
        record = Record(codec.pack(row), bytes(32), ChangeId(bytes(32)))
        state.take([RecordWrite(device_path(device), key, record)], [])
    return state


def test_a_device_has_a_key_and_a_name() -> None:
    key: tuple[DeviceId, str, list[object]] = (KITCHEN, "key", [WORLD.master.public])
    name: tuple[DeviceId, str, list[object]] = (KITCHEN, "name", ["kitchen"])
    assert views.member(with_records(key), KITCHEN) is None
    assert views.member(with_records(name), KITCHEN) is None
    assert views.member(with_records(key, name), KITCHEN) is not None


def test_a_name_means_the_active_device_before_a_retired_one() -> None:
    first, second = DeviceId(bytes(16)), DeviceId(bytes([1]) * 16)
    for retired, active in ((first, second), (second, first)):
        state = with_records((first, "name", ["x"]), (second, "name", ["x"]), (retired, "retired", [True]))
        assert views.device_by_name(state, "x") == active
        state = with_records((retired, "name", ["x"]), (retired, "retired", [True]), (active, "name", ["x"]))
        assert views.device_by_name(state, "x") == active


def test_a_retired_device_is_known_but_no_member() -> None:
    world, kitchen = populated()
    world.commit(world.edit("cluster", "succession", [[world.device_id]]))
    world.commit(world.edit(device_path(kitchen), "retired", [True]))
    state = world.log.state
    assert [m.device_id for m in views.members(state)] == [world.device_id]
    assert {m.device_id: m.retired for m in views.devices(state)} == {world.device_id: False, kitchen: True}
    assert views.device_by_name(state, "kitchen") == kitchen


def test_devices_are_found_by_name() -> None:
    assert views.device_by_name(STATE, "attic") == WORLD.device_id
    assert views.device_by_name(STATE, "nobody") is None


def test_the_cluster_says_its_name_cycle_and_succession() -> None:
    assert views.cluster_name(STATE) == "home"
    assert views.cycle_ms(STATE) == 5000
    assert views.succession(STATE) == (WORLD.device_id, KITCHEN)


def test_users_are_people_with_a_key() -> None:
    world = World()
    bob = world.key()
    world.commit(
        world.edit("user/bob", "key", [bob.public]),
        world.edit("user/bob", "disabled", [True]),
        world.edit("user/half", "disabled", [True]),
    )
    sealed = sealed_key(world.owner, "alice")
    assert views.users(world.log.state) == [
        views.User("alice", world.owner.public, sealed, disabled=False, owner=True),
        views.User("bob", bob.public, None, disabled=True, owner=False),
    ]


def test_join_keys_show_their_rule_and_their_use() -> None:
    world, _ = populated()
    world.commit(world.edit(f"joinkey/{bytes(16).hex()}", "revoked", [True]))
    (rule,) = views.joinkeys(world.log.state)
    assert rule == views.JoinRule(
        id=world.joinkey.key_id.hex(),
        uses_max=5,
        used=1,
        expires_s=1_800_000_000,
        groups=("ap",),
        auto=True,
        labels=(),
        rebind="ask",
        template="",
        revoked=False,
    )


def test_policies_groups_and_assignments() -> None:
    assert views.policies(STATE) == ["wifi"]
    assert views.assignment(STATE, "wifi") == views.Assignment("groups", ("core",), 7)
    assert views.assignment(STATE, "empty") is None
    assert views.group_names(STATE) == ["core"]


def test_variables_and_facts_are_texts_or_lists() -> None:
    world, kitchen = populated()
    assert variables_of(world.log.state, "group/core") == {"x": "1", "l": ("1", "2")}
    section = f"{device_path(world.device_id)}/facts"
    edits = [world.edit(section, "board", ["x86"]), world.edit(section, "ports", [["lan1"]])]
    world.write(world.change(*edits, signers=(world.master,)))
    assert facts_of(world.log.state, world.device_id) == {"board": "x86", "ports": "lan1"}
    assert facts_of(world.log.state, kitchen) == {}
    assert {d.device_id for d in views.devices(world.log.state)} == {world.device_id, kitchen}


def test_an_empty_state_has_answers_too() -> None:
    state = State()
    assert views.members(state) == ()
    assert views.users(state) == []
    assert views.succession(state) == ()
    assert views.cycle_ms(state) == views.CYCLE_MS_DEFAULT
    assert views.cluster_name(state) == ""
    assert views.member(state, KITCHEN) is None
    assert views.groups_of(state, KITCHEN) == ()


def test_members_and_the_cycle_are_worked_out_once_for_a_state() -> None:
    world, _ = populated()
    state = world.log.state
    assert views.members(state) is views.members(state)
    assert [views.cycle_ms(state) for _ in range(2)] == [5000, 5000]
    world.commit(world.edit("cluster", "cycle", [7000]))
    assert views.cycle_ms(state) == 7000
