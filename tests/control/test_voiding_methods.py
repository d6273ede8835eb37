"""Owners look at what a stolen key did, and undo it (A23)."""

from typing import Any

import pytest

from dusk.control import voiding
from dusk.errors import Refused
from dusk.keys.signing import SigningKey
from tests.desk import FakeDesk, Person
from tests.stolen import Stolen

Json = dict[str, Any]


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk(Stolen())


def stolen(desk: FakeDesk) -> Stolen:
    assert isinstance(desk.world, Stolen)
    return desk.world


def planned(desk: FakeDesk, **whom: object) -> Json:
    ticket = desk.do("void.plan", **whom)["ticket"]
    found: Json = desk.poll(ticket)
    return found


def undone(desk: FakeDesk, **whom: object) -> Json:
    plan: Json = planned(desk, **whom)["result"]
    desk.do("void.submit", plan=plan["plan"])
    return plan


def test_a23_what_would_be_undone_is_shown_before_anything_is_signed(desk: FakeDesk) -> None:
    world = stolen(desk)
    world.by(world.carol, world.host("wifi", "good"))
    since = world.by(world.bob, world.host("wifi", "evil"), world.host("hall", "evil")).seq
    later = world.by(world.carol, world.host("hall", "honest")).seq
    desk.do("user.disable", name="bob")
    head = world.log.head
    plan = planned(desk, user="bob", since=since)["result"]
    assert world.log.head == head
    assert [(one["seq"], one["author"]) for one in plan["voided"]] == [(since, "bob")]
    assert (plan["voided_count"], plan["edits"], plan["since"]) == (1, 1, since)
    assert "'evil' -> 'good'" in plan["diff"] or "good" in plan["diff"]
    assert plan["kept"] == [{"where": "policy/hall", "item": "system.@system[0].hostname", "seq": later}]
    assert plan["left"] == []


def test_a23_log_blame_and_people_tell_what_is_void(desk: FakeDesk) -> None:
    world = stolen(desk)
    good = world.by(world.carol, world.host("wifi", "good")).seq
    since = world.by(world.bob, world.host("wifi", "evil")).seq
    world.by(world.bob, world.host("wifi", "evil again"))
    desk.do("user.disable", name="bob")
    undone(desk, user="bob", since=since)
    void = world.log.head.seq
    rows = {row["seq"]: row for row in desk.ask("log.list")["entries"]}
    assert (rows[since]["void"], rows[since + 1]["void"], rows[good]["void"]) == (void, void, None)
    assert rows[void]["kind"] == "void"
    assert desk.ask("log.show", seq=since)["void"] == void
    (record,) = [r for r in desk.ask("log.blame", target="policy/wifi")["records"] if "host" in r["item"]]
    assert (record["seq"], record["restored"]) == (void, good)
    (bob,) = [user for user in desk.ask("user.list")["users"] if user["name"] == "bob"]
    assert (bob["disabled"], bob["compromised_since"]) == (True, since)
    shown = desk.ask("log.show", seq=void)["diff"]
    assert "2 changes since version" in shown
    assert planned(desk, user="bob", since=since)["result"]["voided_count"] == 0
    again = desk.do("void.submit", plan="1")
    assert (again["ticket"], again["left_edits"]) == (None, 0)


def test_a23_what_others_wrote_is_not_told_to_be_put_back(desk: FakeDesk) -> None:
    world = stolen(desk)
    since = world.by(world.bob, world.host("wifi", "evil")).seq
    desk.do("user.disable", name="bob")
    undone(desk, user="bob", since=since)
    world.by(world.carol, world.host("wifi", "honest"))
    (record,) = desk.ask("log.blame", target="policy/wifi")["records"]
    assert record["restored"] is None


def test_a23_an_owner_who_was_compromised_owns_no_more(desk: FakeDesk) -> None:
    world = stolen(desk)
    desk.do("owner.add", name="bob")
    since = world.by(world.bob, world.edit("cluster", "name", ["stolen"])).seq
    desk.do("user.disable", name="bob", owner_too=True)
    undone(desk, user="bob", since=since)
    assert world.log.state.value("cluster", "name") == ["home"]
    assert desk.do("user.disable", name="bob", owner_too=True)["ticket"] is None


def test_a23_a_routers_words_are_void_and_it_is_shown(desk: FakeDesk) -> None:
    world = stolen(desk)
    world.allow_joining()
    porch = world.join("porch")
    since = world.by(porch, world.edit(f"device/{porch.key_id.hex()}/facts", "board", ["liar"])).seq
    desk.do("device.remove", names=["porch"])
    undone(desk, device="porch", since=since)
    assert desk.ask("device.show", name="porch")["compromised_since"] == since
    assert desk.ask("device.show", name="attic")["compromised_since"] is None


def refused(desk: FakeDesk, **arguments: object) -> str:
    with pytest.raises(Refused) as refusal:
        desk.do("void.plan", **arguments)
    return refusal.value.code


def test_a23_what_may_not_be_undone_is_refused(desk: FakeDesk) -> None:
    assert refused(desk, user="bob", since=1) == "still-active"
    assert refused(desk, user="nobody", since=1) == "no-user"
    assert refused(desk, device="nobody", since=1) == "no-device"
    assert refused(desk, since=1) == "bad-params"
    assert refused(desk, user="bob") == "bad-params"
    desk.people["token-alice"] = Person("carol", stolen(desk).carol)
    assert refused(desk, user="bob", since=1) == "missing-signatures"


def test_a23_since_when_may_be_a_time(desk: FakeDesk) -> None:
    world = stolen(desk)
    desk.do("user.disable", name="bob")
    error = planned(desk, user="bob", since_time=world.time_s + 1)["error"]
    assert error["code"] == "no-version"


def test_a23_more_than_a_change_holds_is_undone_by_several(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = stolen(desk)
    since = world.by(world.bob, *(world.host(f"p{n}", "evil") for n in range(7))).seq
    desk.do("user.disable", name="bob")
    monkeypatch.setattr(voiding, "_ROOM_BYTES", 700)
    left = 1
    rounds = 0
    while left:
        plan = planned(desk, user="bob", since=since)["result"]
        left = desk.do("void.submit", plan=plan["plan"])["left_edits"]
        rounds += 1
    assert rounds > 1
    assert [world.says(f"p{n}") for n in range(7)] == [None] * 7


def test_a23_as_often_as_may_be_and_no_more(desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    world = stolen(desk)
    since = world.by(world.bob, world.host("wifi", "evil")).seq
    desk.do("user.disable", name="bob")
    plan = planned(desk, user="bob", since=since)["result"]
    monkeypatch.setattr(voiding, "VOID_PARTS_MAX", 0)
    with pytest.raises(Refused) as refusal:
        desk.do("void.submit", plan=plan["plan"])
    assert refusal.value.code == "too-many"


def test_a23_what_a_former_key_did_is_undone_and_its_person_goes_on(desk: FakeDesk) -> None:
    world = stolen(desk)
    since = world.by(world.bob, world.host("wifi", "evil")).seq
    old = world.bob.key_id.hex()
    assert refused(desk, user="bob", old_key=old, since=since) == "still-active"
    assert refused(desk, device="attic", old_key=old, since=since) == "bad-params"
    world.replace("bob")
    assert refused(desk, user="bob", since=since) == "still-active"
    plan = undone(desk, user="bob", old_key=old, since=since)
    assert ([one["author"] for one in plan["voided"]], world.says("wifi")) == ([old], None)
    (bob,) = [user for user in desk.ask("user.list")["users"] if user["name"] == "bob"]
    assert bob["disabled"] is False
    newest = desk.ask("log.list", count=1)["entries"][0]["message"]
    assert newest == f"void since version {since}: 1 change of a former key of bob"
    unknown = planned(desk, user="bob", old_key="0" * 32, since=since)["error"]
    assert unknown["code"] == "no-key"


def test_a23_a_key_that_is_nobodys_by_now_is_told_by_its_id(desk: FakeDesk) -> None:
    world = stolen(desk)
    since = world.by(world.bob, world.host("wifi", "evil")).seq
    new: SigningKey = world.key()
    world.commit(world.edit("user/bob", "key", [new.public]), world.edit("user/bob", "disabled", [True]))
    undone(desk, user="bob", since=since)
    assert world.says("wifi") is None
    assert f"void/{world.bob.key_id.hex()}" in desk.ask("log.show", seq=world.log.head.seq)["diff"]
