"""Devices that a group takes in by facts, and who says that they may read its secrets (R15, A52)."""

import pytest

from dusk import codec
from dusk.changelog.body import Edit
from dusk.changelog.overlay import Overlay
from dusk.control.asks import asks_of
from dusk.control.reading import readings
from dusk.errors import Refused
from tests.desk import FakeDesk
from tests.secret_desk import KEY, SECRET, key_ids, opened, put_secret, readers, refusal, secret_desk


def says(desk: FakeDesk, name: str, board: str) -> None:
    """Have a device say which board it is."""
    device, world = desk.devices[name], desk.world
    fact = world.edit(f"device/{device.key_id.hex()}/facts", "board", [board])
    world.write(world.change(fact, signers=[device], device=device))


def rows(desk: FakeDesk, group: str = "") -> list[tuple[str, str, bool, bool, bool]]:
    found = desk.ask("group.readers", name=group)["readers"]
    return [tuple(row[k] for k in ("group", "device", "selected", "allowed", "waits")) for row in found]


def asks(desk: FakeDesk) -> list[str]:
    return [line for line in asks_of(desk) if " ap" in line]


@pytest.fixture
def desk() -> FakeDesk:
    """Return a desk of which roof is in the group ap by its facts, hall as a member, and ap has a secret."""
    desk = secret_desk()
    desk.do("group.select", name="ap", facts=[{"fact": "board", "values": ["fine"]}])
    desk.commit()
    says(desk, "roof", "fine")
    put_secret(desk)
    desk.do("policy.assign", name="wifi", to="groups", names=["ap"])
    return desk


def test_the_draft_names_who_waits_and_the_status_until_somebody_lets_it_read(desk: FakeDesk) -> None:
    (note,) = (line for line in desk.do("draft.show")["notes"] if "facts" in line)
    assert note.startswith("ap takes in roof by facts alone, so its secrets wait")
    desk.commit()
    assert opened(desk, "roof") == {KEY: None}
    assert asks(desk) == [note]
    assert rows(desk) == rows(desk, "ap") == [("ap", "roof", True, False, True)]
    desk.do("group.allow", name="ap")
    draft = desk.do("draft.show")
    assert "reader/roof" in draft["text"]
    assert "secrets of group/ap: may read them" in draft["text"]
    assert draft["notes"] == []
    desk.commit()
    assert opened(desk, "roof") == {KEY: SECRET}
    assert readers(desk) >= {"hall", "roof"}
    assert asks(desk) == []
    assert rows(desk) == [("ap", "roof", True, True, False)]
    assert refusal(desk, "group.allow", name="ap").code == "nobody-waits"
    assert [row["title"] for row in desk.ask("section.list", prefix="reader/roof")["sections"]] == [
        "reader/roof"
    ]
    (said,) = (
        r for r in desk.ask("log.blame", target="device/roof")["records"] if r["where"] == "reader/roof"
    )
    assert (said["item"], said["says"]) == ("secrets of group/ap", "may read them")


def test_who_is_let_in_beside_the_policy_is_named_by_its_draft_alone(desk: FakeDesk) -> None:
    desk.do("group.allow", name="ap", devices=["roof"])
    assert desk.do("draft.show")["notes"] == []
    desk.do("group.deny", name="ap", devices=["roof"])
    assert refusal(desk, "group.deny", name="ap", devices=["roof"]).code == "not-allowed"
    desk.commit()
    desk.set("policy/other", system__a__hostname="x")
    desk.do("policy.assign", name="other", to="all", names=[])
    desk.do("var.set", scope="cluster", variables=[{"name": "place", "values": ["x"]}])
    assert all("facts" not in note for note in desk.do("draft.show")["notes"])
    desk.commit()
    assert rows(desk) == [("ap", "roof", True, False, True)]


def test_what_is_taken_back_is_sealed_anew_without_it(desk: FakeDesk) -> None:
    desk.do("group.allow", name="ap", devices=["roof"])
    desk.commit()
    former = key_ids(desk)
    desk.do("group.deny", name="ap", devices=["roof"])
    desk.commit()
    assert key_ids(desk).isdisjoint(former)
    assert opened(desk, "roof") == {KEY: None}
    assert opened(desk, "hall") == {KEY: SECRET}
    assert any("somebody who left knows" in line for line in asks_of(desk))


def test_a_reader_that_is_removed_reads_nothing_that_is_sealed_later(desk: FakeDesk) -> None:
    desk.do("group.allow", name="ap", devices=["roof"])
    desk.commit()
    former = key_ids(desk)
    desk.do("device.remove", names=["roof"])
    assert key_ids(desk).isdisjoint(former)
    assert readers(desk).isdisjoint({"roof"})


def test_only_whom_a_group_selects_is_let_read(desk: FakeDesk) -> None:
    desk.commit()
    for name in ("hall", "attic"):
        assert refusal(desk, "group.allow", name="ap", devices=[name]).code == "not-selected"
    assert refusal(desk, "group.allow", name="ap", devices=["nobody"]).code == "no-device"
    assert refusal(desk, "group.allow", name="none").code == "no-group"
    with pytest.raises(Refused, match="there is no group"):
        desk.ask("group.readers", name="none")


def test_who_may_read_and_is_taken_in_no_longer_is_named(desk: FakeDesk) -> None:
    desk.do("group.allow", name="ap", devices=["roof"])
    desk.commit()
    says(desk, "roof", "another")
    assert opened(desk, "hall") == {KEY: SECRET}
    assert "roof" in readers(desk)
    (line,) = asks(desk)
    assert line.startswith("roof may read secrets of ap, which takes in nobody with such facts")
    assert rows(desk) == [("ap", "roof", False, True, False)]
    desk.do("group.remove", name="ap", devices=["hall"])
    desk.do("group.add", name="ap", devices=["roof"])
    desk.do("group.remove", name="ap", devices=["roof"])
    desk.commit()
    assert rows(desk) == []
    assert readers(desk).isdisjoint({"hall", "roof"})


def test_a_group_that_is_deleted_leaves_no_readers_to_the_next_of_its_name(desk: FakeDesk) -> None:
    desk.do("group.allow", name="ap", devices=["roof"])
    desk.commit()
    desk.do("policy.unassign", name="wifi")
    desk.do("group.delete", name="ap")
    desk.commit()
    assert rows(desk) == []
    assert not desk.log.state.records(f"reader/{desk.devices['roof'].key_id.hex()}")


def test_who_takes_a_devices_place_reads_nothing_by_its_record(desk: FakeDesk) -> None:
    desk.do("group.allow", name="ap", devices=["roof"])
    desk.commit()
    desk.devices["new"] = desk.world.join("new")
    desk.do("device.replace", old="roof", new="new")
    assert rows(desk) == []
    says(desk, "new", "fine")
    assert rows(desk) == [("ap", "roof", True, False, True)]
    assert "new" not in readers(desk)


def test_who_came_back_by_itself_is_not_offered_before_somebody_says_that_it_is_the_same(
    desk: FakeDesk,
) -> None:
    desk.commit()
    section = f"device/{desk.devices['roof'].key_id.hex()}"
    store = Overlay(desk.log.state, (Edit(section, "rebound", codec.pack([bytes(16)]), None),))
    assert [(one.name, one.waits) for one in readings(store)] == [("roof", False)]
    assert [(one.name, one.waits) for one in readings(Overlay(desk.log.state))] == [("roof", True)]


def test_a_group_without_secrets_lets_nobody_wait() -> None:
    desk = secret_desk()
    desk.do("group.select", name="ap", facts=[{"fact": "board", "values": ["fine"]}])
    desk.set("policy/wifi", system__a__hostname="x")
    desk.do("policy.assign", name="wifi", to="groups", names=["ap"])
    desk.commit()
    says(desk, "roof", "fine")
    assert rows(desk) == [("ap", "roof", True, False, False)]
    assert asks(desk) == []


def test_many_groups_are_counted(desk: FakeDesk) -> None:
    for number in range(9):
        desk.do("group.create", name=f"g{number}")
        desk.do("group.select", name=f"g{number}", facts=[{"fact": "board", "values": ["fine"]}])
    groups = ["ap", *(f"g{number}" for number in range(9))]
    desk.do("policy.assign", name="wifi", to="groups", names=groups)
    desk.commit()
    lines = [line for line in asks_of(desk) if "facts alone" in line]
    assert len(lines) == 8
    assert asks_of(desk)[-1] == "and 2 more such groups: dusk group readers"
