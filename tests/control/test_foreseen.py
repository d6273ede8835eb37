"""What a draft would do on each router is shown before it is signed; what may cut it off asks for a yes."""

from typing import Any

import pytest

from dusk import codec
from dusk.changelog.body import Edit
from dusk.changelog.sections import device_path
from dusk.control import foreseen
from dusk.errors import Refused
from dusk.ids import DeviceId
from tests.desk import FakeDesk, desk_of_two
from tests.secret_desk import KEY, put_secret, secret_desk


@pytest.fixture
def desk() -> FakeDesk:
    return desk_of_two()


def drafted(desk: FakeDesk, **pairs: str) -> Any:
    """Put settings for all into the draft and show it."""
    desk.set("policy/p", **pairs)
    desk.do("policy.assign", name="p", to="all")
    return desk.do("draft.show")


def report(desk: FakeDesk, **facts: list[str]) -> None:
    """Have the first device report facts."""
    section = f"{device_path(DeviceId(desk.world.master.key_id))}/facts"
    edits = [Edit(section, name, codec.pack([value]), None) for name, value in facts.items()]
    desk.world.write(desk.world.change(*edits, signers=(desk.world.master,)))


def test_each_router_is_shown_with_its_own_differences(desk: FakeDesk) -> None:
    desk.do("var.set", scope="cluster", variables=[{"name": "name", "values": ["a"]}])
    desk.do("var.set", scope="device/hall", variables=[{"name": "name", "values": ["b"]}])
    shown = drafted(desk, system__s__hostname="${name}", system__s__log="1")
    first, second = shown["effects"]
    assert (first["devices"], second["devices"], shown["effects_more"]) == (["attic"], ["hall"], 0)
    row = {"key": "system.s.hostname", "before": None, "after": "'a'", "mark": None}
    assert first["changes"][0] == row
    assert second["changes"][0] == {**row, "after": "'b'"}
    desk.commit()
    desk.do("draft.edit", target="policy/p", verb="unset", edits=[{"key": "system.s.log", "values": []}])
    shown = desk.do("draft.show")
    gone = {"key": "system.s.log", "before": "'1'", "after": None, "mark": None}
    assert shown["effects"] == [{"devices": ["attic", "hall"], "changes": [gone], "more": 0, "restarts": []}]


def test_what_may_cut_a_router_off_is_marked_and_asks_for_a_yes(desk: FakeDesk) -> None:
    shown = drafted(desk, network__lan__ipaddr="192.0.2.1")
    (line,) = shown["marked"]
    assert line.startswith("network.lan.ipaddr touches ")
    assert line.endswith("(attic, hall)")
    for yes in ({}, {"yes": False}):
        with pytest.raises(Refused) as refused:
            desk.do("draft.commit", message="x", **yes)
        assert (refused.value.code, line in refused.value.reason) == ("needs-yes", True)
        assert "--yes" in refused.value.reason
    assert desk.do("draft.show")["edits"] == 2, "nothing is lost"
    desk.do("draft.commit", message="x", yes=True)
    desk.set("policy/p", network__lan__ipaddr="192.0.2.9")
    seq = desk.commit()["seq"]
    with pytest.raises(Refused) as refused:
        desk.do("log.revert", seq=seq)
    assert refused.value.code == "needs-yes"
    assert desk.do("log.revert", seq=seq, yes=True)["ticket"] is not None


def test_of_many_marks_the_first_are_named_and_the_others_counted(desk: FakeDesk) -> None:
    drafted(desk, **{f"network__lan__o{number}": "1" for number in range(7)})
    with pytest.raises(Refused) as refused:
        desk.do("draft.commit", message="x")
    assert refused.value.reason.count("network.lan.o") == 5
    assert "and 2 more" in refused.value.reason


def test_what_a_router_reported_of_its_way_decides_about_its_marks(desk: FakeDesk) -> None:
    report(desk, interfaces=["br-mgmt"], networks=["mgmt"], uplinks=["up:radio1"])
    shown = drafted(desk, network__lan__ipaddr="192.0.2.1", wireless__up__ssid="x")
    marked = {tuple(e["devices"]): [c["key"] for c in e["changes"] if c["mark"]] for e in shown["effects"]}
    assert marked == {("attic",): ["wireless.up.ssid"], ("hall",): ["network.lan.ipaddr"]}


def test_what_other_sections_of_a_policy_tell_is_known(desk: FakeDesk) -> None:
    drafted(desk, wireless__m__mode="mesh", wireless__m__device="radio0")
    desk.commit()
    (line,) = drafted(desk, wireless__radio0__country="DE")["marked"]
    assert "radio of a link" in line
    assert desk.do("draft.show")["effects"][0]["restarts"] == [{"radio": "radio0", "listens_s": None}]
    assert drafted(desk, system__s__hostname="x")["effects"][0]["restarts"]


def test_radios_that_restart_are_shown_with_how_long_they_listen(desk: FakeDesk) -> None:
    drafted(desk, wireless__radio1__channel="120", wireless__radio1__htmode="VHT20")
    desk.commit()
    shown = drafted(desk, wireless__radio1__country="DE")
    assert shown["effects"][0]["restarts"] == [{"radio": "radio1", "listens_s": 600}]


def test_a_router_whose_settings_could_not_be_merged_before_is_shown_whole(desk: FakeDesk) -> None:
    desk.world.commit(desk.world.set("p", "system.s.hostname", "${name}"))
    desk.do("policy.assign", name="p", to="all")
    shown = desk.do("draft.show")
    assert (len(shown["problems"]), shown["effects"]) == (1, [])
    desk.do("var.set", scope="cluster", variables=[{"name": "name", "values": ["a"]}])
    (row,) = desk.do("draft.show")["effects"][0]["changes"]
    assert (row["before"], row["after"]) == (None, "'a'")


def test_of_a_router_that_a_draft_has_a_mistake_for_nothing_is_foreseen(desk: FakeDesk) -> None:
    drafted(desk, system__s__hostname="a", system__s__log="1")
    desk.commit()
    desk.do("var.set", scope="device/hall", variables=[{"name": "name", "values": ["b"]}])
    shown = drafted(desk, system__s__hostname="${name}")
    assert (shown["devices"], len(shown["problems"])) == (["attic", "hall"], 1)
    (effect,) = shown["effects"]
    assert (effect["devices"], [c["after"] for c in effect["changes"]]) == (["hall"], ["'b'"])


def test_what_is_shown_is_bounded(desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreseen, "ROWS_MAX", 3)
    monkeypatch.setattr(foreseen, "EFFECTS_MAX", 1)
    monkeypatch.setattr("dusk.control.editing.EFFECTS_MAX", 1)
    desk.do("var.set", scope="device/hall", variables=[{"name": "a", "values": ["1"]}])
    shown = drafted(desk, system__s__a="${a:-x}", system__s__b="1", system__s__c="2", system__s__d="y" * 9000)
    (effect,) = shown["effects"]
    assert (len(effect["changes"]), effect["more"], shown["effects_more"]) == (3, 1, 1)
    monkeypatch.setattr(foreseen, "ROWS_MAX", 4)
    value = desk.do("draft.show")["effects"][0]["changes"][3]["after"]
    assert (len(value), value[-1]) == (foreseen.VALUE_CHARACTERS_MAX + 1, "…")


def test_many_routers_are_counted_in_one_line() -> None:
    names = [f"r{number}" for number in range(10)]
    assert foreseen.names_words(names) == "r0, r1, r2, r3, r4, r5, r6, r7 and 2 more"


def test_secrets_are_masked_in_what_would_happen() -> None:
    desk = secret_desk()
    put_secret(desk)
    desk.do("policy.assign", name="wifi", to="all")
    shown = desk.do("draft.show")
    assert "correct" not in str(shown)
    assert [c["after"] for e in shown["effects"] for c in e["changes"] if c["key"] == KEY] == ["(secret)"]
    desk.commit()
    put_secret(desk, "another one")
    shown = desk.do("draft.show")
    (row,) = shown["effects"][0]["changes"]
    assert (row["before"], row["after"]) == ("(secret)", "(secret changed)")


def test_what_became_a_secret_later_is_masked_too(desk: FakeDesk) -> None:
    desk.set("policy/p", system__s__door="open sesame")
    desk.do("policy.assign", name="p", to="all")
    desk.commit()
    desk.do("cluster.set", values=[{"name": "secrets", "values": ["door"]}])
    desk.do("draft.edit", target="policy/p", verb="unset", edits=[{"key": "system.s.door", "values": []}])
    assert "sesame" not in str(desk.do("draft.show")["effects"])
