"""What is said beside a draft: what goes for good, whom a group takes in, one address for several."""

from typing import Any

import pytest

from dusk import codec
from dusk.changelog.body import Edit
from dusk.changelog.sections import device_path
from dusk.control.hints import RETURNS, STAYS
from dusk.ids import DeviceId
from tests.desk import FakeDesk, desk_of_two


@pytest.fixture
def desk() -> FakeDesk:
    return desk_of_two()


def tell(desk: FakeDesk, **facts: list[str] | str) -> None:
    """Have the first device, attic, say something of itself."""
    section = f"{device_path(DeviceId(desk.world.master.key_id))}/facts"
    edits = [Edit(section, name, codec.pack([value]), None) for name, value in facts.items()]
    desk.world.write(desk.world.change(*edits, signers=(desk.world.master,)))


def edit(desk: FakeDesk, verb: str, key: str, *values: str) -> Any:
    rows = [{"key": key, "values": list(values)}]
    return desk.do("draft.edit", target="policy/p", verb=verb, edits=rows)


def notes(desk: FakeDesk) -> list[str]:
    found: list[str] = desk.do("draft.show")["notes"]
    return found


def test_what_exclusive_takes_away_is_said_before_it_is_signed(desk: FakeDesk) -> None:
    (typed,) = edit(desk, "exclusive", "firewall.@rule[*]")["notes"]
    assert typed.startswith("firewall.@rule[*]: each section of type rule in firewall that no policy names")
    assert "a revert does not bring it back" in typed
    (whole,) = edit(desk, "exclusive", "dhcp.*")["notes"]
    assert whole.startswith("dhcp.*: each section in dhcp that no policy names goes,")
    assert {typed, whole} <= set(notes(desk))
    assert {typed, whole} <= set(desk.commit()["notes"])
    assert edit(desk, "unset", "firewall.@rule[*]")["notes"] == []


def test_what_becomes_what_it_was_before_is_not_said_to_stay(desk: FakeDesk) -> None:
    for key in ("wireless.a.ssid", "wireless.a.mode"):
        edit(desk, "set", key, "x")
    desk.do("policy.assign", name="p", to="all")
    desk.commit()
    edit(desk, "restore-local", "wireless.a.ssid")
    assert notes(desk) == [RETURNS]
    edit(desk, "unset", "wireless.a.mode")
    assert notes(desk) == [STAYS, RETURNS]
    edit(desk, "set", "wireless.a.mode", "x")
    assert (desk.do("draft.discard")["discarded"], notes(desk)) == (1, [])
    desk.do("policy.unassign", name="p", restore_local=True)
    assert RETURNS in notes(desk)
    assert STAYS not in notes(desk)


def test_what_is_managed_no_more_is_said_to_stay_as_it_is(desk: FakeDesk) -> None:
    edit(desk, "set", "system.s.hostname", "a")
    desk.do("policy.assign", name="p", to="all")
    assert STAYS not in notes(desk)
    seq = desk.commit()["seq"]
    assert STAYS in desk.do("policy.unassign", name="p")["notes"]
    assert desk.do("policy.unassign", name="p")["notes"] == []
    assert STAYS in notes(desk)
    desk.do("draft.discard")
    assert STAYS in desk.do("log.revert", seq=seq)["notes"]


def test_a_fact_that_no_router_tells_is_named_with_what_was_meant(desk: FakeDesk) -> None:
    tell(desk, board="cudy", bands=["2g", "5g"])
    desk.do("group.create", name="outdoor")

    def said(**facts: str) -> list[str]:
        rows = [{"fact": fact, "values": [value]} for fact, value in facts.items()]
        found: list[str] = desk.do("group.select", name="outdoor", facts=rows)["notes"]
        return found

    (note,) = said(bord="cudy", bands="5g")
    assert note.startswith("group outdoor: no router says 'bord' of itself; did you mean board?")
    assert note in notes(desk)
    assert said(board="other") == ["group outdoor: no router has these facts, so it takes in nobody"]
    assert said(board="cudy", bands="5g") == []
    assert desk.do("group.select", name="outdoor")["notes"] == []


def test_who_is_taken_out_of_a_group_by_name_and_stays_by_facts_is_named(desk: FakeDesk) -> None:
    tell(desk, board="cudy")
    desk.do("group.create", name="outdoor")
    desk.do("group.add", name="outdoor", devices=["attic", "hall"])
    desk.do("group.select", name="outdoor", facts=[{"fact": "board", "values": ["cudy"]}])
    desk.commit()
    (note,) = desk.do("group.remove", name="outdoor", devices=["attic", "hall"])["notes"]
    assert note == "attic stays in outdoor by its facts, for settings; secrets of outdoor are not for it"
    assert note in notes(desk)
    desk.commit()
    rows = {
        row["name"]: (row["groups"], row["groups_by_facts"]) for row in desk.ask("device.list")["devices"]
    }
    assert rows == {"attic": ([], ["outdoor"]), "hall": ([], [])}
    shown = desk.ask("device.show", name="attic")
    assert (shown["groups"], shown["groups_by_facts"]) == ([], ["outdoor"])


def test_a_group_that_a_router_came_with_ends_by_name_too(desk: FakeDesk) -> None:
    tell(desk, board="cudy")
    attic = desk.world.device_id.hex()
    desk.world.commit(desk.world.edit(f"device/{attic}", "groups", [["outdoor"]]))
    desk.do("group.create", name="outdoor")
    desk.do("group.select", name="outdoor", facts=[{"fact": "board", "values": ["cudy"]}])
    desk.commit()
    (note,) = desk.do("group.remove", name="outdoor", devices=["attic"])["notes"]
    assert note.startswith("attic stays in outdoor by its facts")


def test_one_address_for_several_routers_is_named(desk: FakeDesk) -> None:
    edit(desk, "set", "network.lan.ipaddr", "10.0.0.1")
    edit(desk, "set", "network.loopback.ipaddr", "127.0.0.1")
    edit(desk, "set", "network.lan.dns", "192.0.2.1")
    desk.do("policy.assign", name="p", to="all")
    (note,) = [note for note in notes(desk) if "same address" in note]
    assert note == "network.lan.ipaddr: the same address '10.0.0.1' on 2 routers (attic, hall)"
    desk.do("policy.assign", name="p", to="devices", names=["hall"])
    assert not [note for note in notes(desk) if "same address" in note]


def test_edits_of_a_router_that_is_gone_by_now_are_said_to_reach_nobody(desk: FakeDesk) -> None:
    row = {"key": "system.s.hostname", "values": ["hall"]}
    desk.do("draft.edit", target="device/hall", verb="set", edits=[row])
    assert [note for note in notes(desk) if "reaches nobody" in note] == []
    desk.do("device.remove", names=["hall"])
    (found,) = [note for note in notes(desk) if "reaches nobody" in note]
    target = found.partition(" ")[0]
    assert found.endswith(f"`dusk draft discard {target}`")
    assert desk.do("draft.discard", target=target)["discarded"] == 1


def test_edits_of_a_router_that_was_replaced_meanwhile_are_said_to_reach_nobody_at_commit_too(
    desk: FakeDesk,
) -> None:
    row = {"key": "system.s.hostname", "values": ["hall"]}
    desk.do("draft.edit", target="device/hall", verb="set", edits=[row])
    desk.do("device.replace", old="hall", new="attic")
    (found,) = [note for note in notes(desk) if "reaches nobody" in note]
    assert found in desk.do("draft.commit", message="a name")["notes"]
