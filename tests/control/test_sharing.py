"""A policy is made of what several routers say alike, and no router's settings change by it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dusk.changelog.overlay import Overlay
from dusk.config.device import every_option, managed_config, settings_of
from dusk.config.settings import ABSENT, Setting, Verb, encode_setting
from dusk.control.drafts import Draft, put
from dusk.control.sharing import propose_policy
from dusk.errors import Refused
from dusk.ids import DeviceId
from tests.desk import FakeDesk, refusal
from tests.world import World

NAMES = ("attic", "hall", "roof")


def import_all(desk: FakeDesk, **texts: str) -> None:
    for name, text in texts.items():
        desk.do("draft.import", target=f"device/{name}", text=text)


def draft_says(desk: FakeDesk, target: str) -> str:
    text: str = desk.do("draft.text", target=target)["text"]
    return text


COMMON = "set wireless.a=wifi-iface\nset wireless.a.ssid=Home\n"


def test_what_all_say_alike_is_the_policys_and_the_rest_stays_with_each(desk: FakeDesk) -> None:
    import_all(
        desk,
        attic=f"{COMMON}set system.@system[0].hostname=attic\nset network.lan.proto=static\n",
        hall=f"set system.@system[0].hostname=hall\n{COMMON}",
    )
    assert desk.do("policy.propose", name="office", devices=["hall", "attic"])["notes"] == []
    assert draft_says(desk, "policy/office") == "set wireless.a='wifi-iface'\nset wireless.a.ssid='Home'\n"
    assert draft_says(desk, "device/hall") == "set system.@system[0].hostname='hall'\n"
    left = "set system.@system[0].hostname='attic'\nset network.lan.proto='static'\n"
    assert draft_says(desk, "device/attic") == left
    desk.commit()
    shown = next(one for one in desk.ask("policy.list")["policies"] if one["name"] == "office")
    assert (shown["to"], shown["priority"]) == ("devices attic hall", 100)


def test_what_most_say_is_the_policys_and_who_says_otherwise_goes_on_to(desk: FakeDesk) -> None:
    import_all(
        desk,
        attic="set network.lan.mtu=1400\nadd_list dhcp.a.s=1\nset dhcp.a.key=x\n",
        hall="set network.lan.mtu=1400\nadd_list dhcp.a.s=1\nset dhcp.a.key=x\n",
        roof="delete network.lan.mtu\nadd_list dhcp.a.s=2\nset dhcp.a.key=x\n",
    )
    notes = desk.do("policy.propose", name="office")["notes"]
    assert "1 of them some routers say otherwise" in notes[0]
    assert "a secret that all have stays with each" in notes[1]
    assert draft_says(desk, "policy/office") == "set network.lan.mtu='1400'\n"
    assert "delete network.lan.mtu" in draft_says(desk, "device/roof")
    assert "mtu" not in draft_says(desk, "device/hall")


def test_a_policy_for_a_group_is_of_its_members(desk: FakeDesk) -> None:
    desk.do("group.create", name="up")
    desk.do("group.add", name="up", devices=["hall", "roof"])
    two = "set dhcp.a.psk=x\nset dhcp.a.key=y\n"
    import_all(desk, hall=f"{COMMON}{two}", roof=f"{COMMON}{two}", attic="set network.lan.mtu=1\n")
    notes = desk.do("policy.propose", name="office", group="up")["notes"]
    assert "secrets that all have stay with each" in notes[0]
    desk.commit()
    shown = next(one for one in desk.ask("policy.list")["policies"] if one["name"] == "office")
    assert shown["to"] == "groups up"
    assert desk.ask("effective", device="roof", key="wireless.a.ssid")["options"][0]["value"] == "'Home'"


@pytest.mark.parametrize(
    ("params", "code", "words"),
    [
        ({"name": "there"}, "policy-exists", "choose another name"),
        ({"name": "assigned"}, "policy-exists", "choose another name"),
        ({"name": "A"}, "bad-name", "no name for a policy"),
        ({"group": "up", "devices": ["hall"]}, "bad-params", "not both"),
        ({"group": "nowhere"}, "no-group", "no group 'nowhere'"),
        ({"group": "up"}, "too-few", "routers in the group up: 0"),
        ({"devices": ["hall", "hall"]}, "too-few", "routers named: 1"),
        ({"devices": ["nobody", "hall"]}, "no-device", "nobody"),
        ({"devices": ["attic", "hall", "roof"]}, "no-settings", "no settings of their own: roof; "),
        ({"devices": ["attic", "hall"]}, "nothing-shared", "attic, hall: there is no setting"),
        ({}, "nothing-shared", "attic, hall: there is no setting"),
    ],
)
def test_what_cannot_be_proposed_is_refused_in_words(
    desk: FakeDesk, params: dict[str, Any], code: str, words: str
) -> None:
    desk.do("group.create", name="up")
    desk.set("policy/there", network__lan__mtu="1400")
    desk.set("policy/assigned", network__wan="interface")
    desk.do("policy.assign", name="assigned", to="all", names=[])
    desk.commit()
    desk.do(
        "draft.edit", target="policy/assigned", verb="unset", edits=[{"key": "network.wan", "values": []}]
    )
    desk.set("policy/taken", network__wan__proto="dhcp", network__guest="interface")
    desk.do("policy.assign", name="taken", to="devices", names=["hall"])
    taken = "set network.wan.proto=pppoe\nset network.guest.proto=static\n"
    import_all(desk, attic=f"{taken}set system.a.b=1\n", hall=f"{taken}set system.a.b=2\n")
    refused = refusal(desk, "policy.propose", **{"name": "office", **params})
    assert (refused.code, words in refused.reason) == (code, True), refused.reason


def test_a_router_that_was_removed_shares_nothing(desk: FakeDesk) -> None:
    desk.do("device.remove", names=["roof"])
    refused = refusal(desk, "policy.propose", name="office", devices=["hall", "attic", "roof"])
    assert refused.code == "no-device"


def test_of_many_routers_some_are_named(desk: FakeDesk) -> None:
    desk.world.join("shed")
    desk.world.join("yard")
    refused = refusal(desk, "policy.propose", name="a", devices=["attic", "hall", "roof", "shed", "yard"])
    assert "attic, hall, roof and 2 more" in refused.reason


VALUES = st.sampled_from(("1", "2", "${fact.x:-3}"))
SETTINGS = st.one_of(
    st.builds(lambda value: Setting(Verb.SET, (value,)), VALUES),
    st.builds(lambda value: Setting(Verb.SET_LIST, (value, "z")), VALUES),
    st.builds(lambda value: Setting(Verb.EDIT_LIST, (value,), 0, ("y",)), VALUES),
    st.just(ABSENT),
)
SAID = st.dictionaries(st.sampled_from([f"dhcp.lan.o{i}" for i in range(4)]), SETTINGS, min_size=1)
WORLD = World()
WORLD.allow_joining()
DEVICES = [WORLD.device_id, *(DeviceId(WORLD.join(name).key_id) for name in NAMES[1:])]


def proposed(store: Overlay, draft: Draft) -> Draft | None:
    """Return the draft with the policy; None where nothing is shared."""
    try:
        return propose_policy(store, draft, "office", "", ()).draft
    except Refused:
        return None


@settings(max_examples=150, deadline=None)
@given(st.tuples(SAID, SAID, SAID), SAID, st.integers(0, 2), st.sampled_from((50, 100, 900)))
def test_no_managed_config_changes(
    own: tuple[dict[str, Setting], ...], policy: dict[str, Setting], whose: int, priority: int
) -> None:
    state, draft = WORLD.log.state, Draft()

    def said(draft: Draft, section: str, found: dict[str, Setting]) -> Draft:
        for place, (key, setting) in enumerate(found.items()):
            data = encode_setting(setting._replace(position=place))
            draft = put(state, draft, section, f"set/{key}", data)
        return draft

    for device, found in zip(DEVICES, own, strict=True):
        draft = said(draft, f"device/{device.hex()}/config", found)
    draft = said(draft, "policy/there", policy)
    to = ("devices", [DEVICES[whose].hex()], priority)
    draft = put(state, draft, "assignment/there", "to", WORLD.edit("assignment/there", "to", to).data)
    after = proposed(Overlay(state, draft.edits), draft)
    if after is None:
        return
    assert settings_of(Overlay(state, after.edits), "policy/office")

    def managed(draft: Draft, device: DeviceId) -> dict[str, object]:
        options = every_option(managed_config(Overlay(state, draft.edits), device))
        return {one.key: (one.verb, one.values, one.removed) for one in options}

    assert all(managed(draft, device) == managed(after, device) for device in DEVICES)
