"""Why an option is what it is: layer, group, variable, all out of the log."""

import pytest

from dusk.config.device import every_option, managed_config
from dusk.config.origins import DEFAULT, FACTS, Origin, Origins, Used
from dusk.config.variables import uses_in
from dusk.ids import DeviceId
from tests.desk import FakeDesk, desk_of_two

KEY = "wireless.r.channel"


@pytest.fixture
def desk() -> FakeDesk:
    desk = desk_of_two()
    desk.do("group.create", name="up")
    desk.do("group.create", name="big")
    desk.do("group.create", name="other")
    for name in ("up", "big"):
        desk.do("group.add", name=name, devices=["hall"])
    return desk


def variable(desk: FakeDesk, scope: str, **pairs: str) -> None:
    rows = [{"name": name, "values": [value]} for name, value in pairs.items()]
    desk.do("var.set", scope=scope, variables=rows)


def origins(desk: FakeDesk, key: str = KEY) -> tuple[Origin, ...]:
    """Commit, and return the origins of an option of hall."""
    desk.commit()
    state = desk.log.state
    device = next(d for d in desk.ask("device.list")["devices"] if d["name"] == "hall")
    hall = DeviceId(bytes.fromhex(device["id"]))
    (option,) = [one for one in every_option(managed_config(state, hall)) if one.key == key]
    return Origins(state, hall).of(option)


def test_policy_group_and_variable_are_named(desk: FakeDesk) -> None:
    variable(desk, "group/up", channel="36")
    desk.set("policy/wifi", wireless__r__channel="${channel}")
    desk.do("policy.assign", name="wifi", to="groups", names=["up", "other"])
    assert origins(desk) == (Origin("policy/wifi", ("up",), (Used("channel", "group/up"),)),)
    (option,) = desk.ask("effective", device="hall", key=KEY)["options"]
    assert (option["value"], option["origin"]) == ("'36'", "policy/wifi")
    used = [{"name": "channel", "of": "group/up"}]
    assert option["origins"] == [{"section": "policy/wifi", "groups": ["up"], "variables": used}]


def test_the_name_of_a_hit_is_no_variable_whatever_the_cluster_calls_so(desk: FakeDesk) -> None:
    variable(desk, "cluster", r="hidden", band="5g")
    each = "wireless.each wifi-device as r"
    edits = [{"key": f"{each}.network", "values": ["${r}-${band}"]}]
    desk.do("draft.edit", target="policy/wifi", verb="set", edits=edits)
    desk.do("policy.assign", name="wifi", to="all", names=[])
    (found,) = origins(desk, f"{each}.network")
    assert found.used == (Used("band", "cluster"),)


def test_all_groups_that_bring_a_policy_are_named(desk: FakeDesk) -> None:
    desk.set("policy/wifi", wireless__r__channel="36")
    desk.do("policy.assign", name="wifi", to="groups", names=["up", "big"])
    assert origins(desk) == (Origin("policy/wifi", ("big", "up"), ()),)


@pytest.mark.parametrize(("to", "names"), [("all", []), ("devices", ["hall"])])
def test_a_policy_for_all_or_by_name_needs_no_group(desk: FakeDesk, to: str, names: list[str]) -> None:
    desk.set("policy/wifi", wireless__r__channel="36")
    desk.do("policy.assign", name="wifi", to=to, names=names)
    assert origins(desk) == (Origin("policy/wifi", (), ()),)


def test_the_strongest_value_of_a_variable_is_the_one_named(desk: FakeDesk) -> None:
    variable(desk, "cluster", a="1", b="1", c="1")
    variable(desk, "group/big", a="2", b="2")
    variable(desk, "device/hall", a="3")
    desk.set("policy/wifi", wireless__r__channel="${a}${b}${c}${a}")
    desk.do("policy.assign", name="wifi", to="all")
    state, (found,) = desk.log.state, origins(desk)
    own = next(path for path in state.sections("device/") if path.endswith("/config"))
    assert found.used == (Used("a", own), Used("b", "group/big"), Used("c", "cluster"))
    (option,) = desk.ask("effective", device="hall", key=KEY)["options"]
    assert [one["of"] for one in option["origins"][0]["variables"]] == ["device/hall", "group/big", "cluster"]


def test_defaults_and_what_the_device_reports_are_told_apart(desk: FakeDesk) -> None:
    desk.set("policy/wifi", wireless__r__channel="${a:-x}${fact.board:-y}${mac6:-z}$${no}")
    desk.do("policy.assign", name="wifi", to="all")
    (found,) = origins(desk)
    assert found.used == (Used("a", DEFAULT), Used("fact.board", FACTS), Used("mac6", FACTS))


def test_a_devices_own_settings_and_several_layers_are_named(desk: FakeDesk) -> None:
    edits = [{"key": "system.ntp.server", "values": ["a", "${b:-b}"]}]
    desk.do("draft.edit", target="policy/time", verb="add-list", edits=edits)
    desk.do("policy.assign", name="time", to="all")
    edits = [{"key": "system.ntp.server", "values": ["c"]}]
    desk.do("draft.edit", target="device/hall", verb="add-list", edits=edits)
    first, second = origins(desk, "system.ntp.server")
    assert (first.section, first.used) == ("policy/time", (Used("b", DEFAULT),))
    assert (second.section.startswith("device/"), second.groups, second.used) == (True, (), ())


def test_a_name_that_nobody_set_is_no_variable(desk: FakeDesk) -> None:
    assert list(uses_in("${a} $${b} ${c:-} ${fact.d}")) == [("a", False), ("c", True), ("fact.d", False)]
    desk.set("policy/wifi", wireless__r__channel="36")
    desk.do("policy.assign", name="wifi", to="all")
    (found,) = origins(desk)
    assert list(Origins(desk.log.state, desk.device_id)._used("${nothing}")) == []
    assert found.used == ()
