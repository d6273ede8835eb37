"""A review merges little, and finds what merging everything would find."""

from collections.abc import Callable, Sequence

import pytest

from dusk import codec
from dusk.changelog.body import Edit
from dusk.changelog.overlay import Overlay
from dusk.changelog.sections import device_path
from dusk.changelog.state import State
from dusk.config.device import Configs, options_of
from dusk.config.names import Named
from dusk.control import drafts, names, reach
from dusk.errors import ConfigError
from dusk.ids import DeviceId
from tests.desk import FakeDesk

ONE, OTHER = "system__main__hostname", "system__main__zonename"
PLACE = "network", Named("lan")


def settle(desk: FakeDesk) -> None:
    """Assign policies in every way, to devices some of which have own settings."""
    desk.do("group.create", name="up")
    desk.do("group.add", name="up", devices=["roof"])
    desk.do("var.set", scope="cluster", variables=[{"name": "site", "values": ["Hall"]}])
    desk.set("policy/all", **{ONE: "one", OTHER: "UTC"})
    desk.set("policy/some", system__main__log_size="${site}")
    desk.set("policy/one", network__lan__mtu="1400")
    desk.set("policy/none", network__lan__mtu="1300")
    desk.do("policy.assign", name="all", to="all")
    desk.do("policy.assign", name="some", to="groups", names=["up"])
    desk.do("policy.assign", name="one", to="devices", names=["hall"])
    desk.set("device/hall", **{ONE: "mine"})
    desk.commit()


def whole(configs: Configs, device: DeviceId) -> object:
    try:
        return options_of(configs.managed(device))
    except ConfigError as error:
        return str(error)


def reached(desk: FakeDesk, edits: Sequence[Edit]) -> list[str]:
    """Return who may be concerned, before the edits or behind them."""
    state = desk.log.state
    after = Overlay(state, edits)
    found = reach.reach_of(edits, after)
    sides = reach.Reached(found, Overlay(state)), reach.Reached(found, after)
    return [m.name for m in names.members(state) if any(side.has(m.device_id) for side in sides)]


def differing(desk: FakeDesk, edits: Sequence[Edit]) -> list[str]:
    """Merge everything for everybody."""
    state = desk.log.state
    before, after = Configs(Overlay(state)), Configs(Overlay(state, edits))
    return [m.name for m in names.members(state) if whole(before, m.device_id) != whole(after, m.device_id)]


VARIABLE = [{"name": "site", "values": ["Roof"]}]
EDITS: dict[str, Callable[[FakeDesk], object]] = {
    "a policy of all": lambda d: d.set("policy/all", **{ONE: "two"}),
    "another option of it": lambda d: d.set("policy/all", **{OTHER: "CET"}),
    "a policy of a group": lambda d: d.set("policy/some", system__main__log_size="9"),
    "a policy of a device": lambda d: d.set("policy/one", network__lan__mtu="1"),
    "a policy of nobody": lambda d: d.set("policy/none", network__lan__mtu="1"),
    "an own setting": lambda d: d.set("device/roof", **{ONE: "mine"}),
    "a new assignment": lambda d: d.do("policy.assign", name="none", to="devices", names=["roof"]),
    "no assignment": lambda d: d.do("policy.unassign", name="some"),
    "a priority": lambda d: d.do("policy.assign", name="all", to="all", priority=200),
    "a cluster's variable": lambda d: d.do("var.set", scope="cluster", variables=VARIABLE),
    "a group's variable": lambda d: d.do("var.set", scope="group/up", variables=VARIABLE),
    "a device's variable": lambda d: d.do("var.set", scope="device/roof", variables=VARIABLE),
    "a selector": lambda d: d.do("group.select", name="up", facts=[{"fact": "board", "values": ["x"]}]),
    "a new member": lambda d: d.do("group.add", name="up", devices=["hall"]),
    "a lost member": lambda d: d.do("group.remove", name="up", devices=["roof"]),
    "a section": lambda d: d.do(
        "draft.edit", target="policy/all", verb="delete", edits=[{"key": "system.main", "values": []}]
    ),
    "what is not defined": lambda d: d.set("policy/all", **{ONE: "${nowhere}"}),
    "a clash": lambda d: d.do("policy.assign", name="none", to="all"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_a_review_names_the_devices_that_a_merge_of_everything_finds(
    desk: FakeDesk, edit: Callable[[FakeDesk], object]
) -> None:
    settle(desk)
    edit(desk)
    edits = drafts.load(desk.drafts["alice"]).edits
    assert desk.do("draft.show")["devices"] == differing(desk, edits)


def test_a_policy_of_nobody_reaches_nobody_and_one_option_leaves_the_others_unread(desk: FakeDesk) -> None:
    settle(desk)
    desk.set("policy/none", network__lan__mtu="1")
    edits = drafts.load(desk.drafts["alice"]).edits
    found = reach.reach_of(edits, Overlay(desk.log.state, edits))
    assert reached(desk, edits) == []
    assert found.reads("network.lan.mtu")
    assert not found.reads("network.wan.mtu")
    assert found.reads("no key at all"), "the merge says what is wrong with it"


def test_a_variable_reaches_who_uses_it_and_leaves_what_does_not_use_it_unread(desk: FakeDesk) -> None:
    settle(desk)
    desk.set("device/hall", network__wan__label="in ${site:-nowhere}", network__wan__mtu="1500")
    desk.commit()
    desk.do("var.set", scope="cluster", variables=VARIABLE)
    edits = drafts.load(desk.drafts["alice"]).edits
    found = reach.reach_of(edits, Overlay(desk.log.state, edits))
    assert reached(desk, edits) == ["hall", "roof"], "by a setting of its own, and by a group's policy"
    assert found.reads("system.main.log_size")
    assert found.reads("network.wan.label")
    assert not found.reads("dhcp.lan.start")
    assert not found.reads("system.ntp.enabled")


def test_a_variable_of_a_group_or_a_device_reaches_nobody_else(desk: FakeDesk) -> None:
    settle(desk)
    desk.do("var.set", scope="group/up", variables=VARIABLE)
    desk.do("var.set", scope="device/hall", variables=VARIABLE)
    assert reached(desk, drafts.load(desk.drafts["alice"]).edits) == ["hall", "roof"]


def test_a_name_that_only_begins_like_a_variable_is_another_one(desk: FakeDesk) -> None:
    settle(desk)
    desk.do("var.set", scope="cluster", variables=[{"name": "sit", "values": ["x"]}])
    edits = drafts.load(desk.drafts["alice"]).edits
    assert reached(desk, edits) == []
    assert not reach.reach_of(edits, Overlay(desk.log.state, edits)).reads("system.main.log_size")


def test_an_assignment_leaves_what_other_policies_say_unread(desk: FakeDesk) -> None:
    settle(desk)
    desk.do("policy.unassign", name="one")
    edits = drafts.load(desk.drafts["alice"]).edits
    found = reach.reach_of(edits, Overlay(desk.log.state, edits))
    assert reached(desk, edits) == ["hall"], "who had it before"
    assert found.reads("network.lan.mtu")
    assert not found.reads("system.main.hostname")


def test_a_cluster_setting_that_no_config_reads_reaches_nobody() -> None:
    edits = [Edit("cluster", "cycle", b"", None), Edit("cluster", "wrap/a", b"", None)]
    found = reach.reach_of(edits, Overlay(State(), edits))
    assert not found.devices | found.groups | found.policies
    assert found.places == frozenset()


def test_what_is_no_key_keeps_nobody_from_reading_the_others() -> None:
    setting = codec.pack((0, 1, "${site}"))
    edits = [Edit("assignment/p", "to", codec.pack(("all", (), 1)), None)]
    there = [Edit("policy/p", f"set/{key}", setting, None) for key in ("nonsense", "network.lan.mtu")]
    for edit in (*edits, Edit("cluster", "var/site", setting, None)):
        found = reach.reach_of([edit], Overlay(State(), [*there, edit]))
        assert list(found.places or ()) == [PLACE]


def test_a_record_that_is_no_setting_has_everything_read(desk: FakeDesk) -> None:
    edits = [Edit(device_path(desk.device_id), "wipe", b"", None)]
    found = reach.reach_of(edits, Overlay(desk.log.state))
    assert found.places is None
    assert found.reads("network.lan.mtu")
    assert reach.reach_of([Edit("reader/00", "group/up", b"", None)], Overlay(State())).places == frozenset()
