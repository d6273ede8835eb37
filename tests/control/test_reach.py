"""A review merges little, and finds what merging everything would find."""

from collections.abc import Callable, Sequence

import pytest

from dusk.changelog.body import Edit
from dusk.changelog.overlay import Overlay
from dusk.config.device import Configs, options_of
from dusk.control import drafts, names, reach
from dusk.errors import ConfigError
from dusk.ids import DeviceId
from tests.desk import FakeDesk

ONE, OTHER = "system__main__hostname", "system__main__zonename"


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
    reached, state = reach.reach_of(edits), desk.log.state
    stores = Overlay(state), Overlay(state, edits)
    configs = [Configs(store, reached.reads) for store in stores]
    assert not any(reached.has(m.device_id, stores, configs) for m in names.members(state))
    assert reached.reads("network.lan.mtu")
    assert not reached.reads("network.wan.mtu")
    assert reached.reads("no key at all"), "the merge says what is wrong with it"


def test_a_cluster_setting_that_no_config_reads_reaches_nobody() -> None:
    reached = reach.reach_of([Edit("cluster", "cycle", b"", None)])
    assert not reached.is_general
    assert not reached.devices | reached.groups | reached.policies
