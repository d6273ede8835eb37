"""Changes that came too late: shown with both sides on every device, and decided by one change."""

from typing import Any

import pytest

from dusk.changelog.body import Change
from dusk.changelog.sections import device_path
from dusk.config.settings import Setting, Verb, decode_setting
from dusk.control import conflicts
from dusk.control.asks import asks_of
from dusk.errors import Refused
from tests.desk import FakeDesk, Person
from tests.holders import Holders

OPTION = "system.s.x"


@pytest.fixture
def world() -> Holders:
    return Holders()


@pytest.fixture
def desk(world: Holders) -> FakeDesk:
    return FakeDesk(world)


def listed(desk: FakeDesk) -> list[Any]:
    found: list[Any] = desk.ask("conflict.list")["conflicts"]
    return found


def two_sides(world: Holders, ours: str = "ours", theirs: str = "theirs") -> Change:
    """Let a change of a branch that lost come behind one of ours about the same option."""
    late = world.change(world.set("wifi", OPTION, theirs), message="from the other side", counter=50)
    world.commit(world.set("wifi", OPTION, ours))
    world.strand(late)
    return late


def value(world: Holders) -> Setting:
    data = world.log.state.records("policy/wifi")[f"set/{OPTION}"].data
    assert data is not None
    return decode_setting(data)


def test_both_sides_of_a_change_that_came_too_late_are_shown_on_every_device(
    desk: FakeDesk, world: Holders
) -> None:
    assert listed(desk) == []
    late = two_sides(world)
    (row,) = listed(desk)
    head = world.log.head.seq
    assert (row["id"], row["seq"], row["author"], row["device"]) == (late.id.hex(), head, "alice", "attic")
    assert (row["outcome"], row["message"]) == (f"superseded by {head - 1}", "from the other side")
    (record,) = row["records"]
    assert (record["where"], record["item"]) == ("policy/wifi", OPTION)
    assert (record["a"], record["b"]) == ("'ours'", "'theirs'")
    by = record["by"]
    assert (by["seq"], by["author"], by["message"], by["device"]) == (head - 1, "alice", "a change", "attic")
    assert any(ask.startswith("1 change stands in the log without effect") for ask in asks_of(desk))
    world.log = world.replica()
    assert listed(desk) == [row]


@pytest.mark.parametrize(("take", "expected"), [("A", "ours"), ("B", "theirs")])
def test_one_command_decides_a_conflict(desk: FakeDesk, world: Holders, take: str, expected: str) -> None:
    late = two_sides(world)
    desk.counter = 100
    started = desk.do("conflict.resolve", id=late.id.hex()[:8], take=take)
    assert desk.poll(started["ticket"])["result"]["state"] == "durable"
    assert value(world).values == (expected,)
    assert listed(desk) == []
    world.log = world.replica()
    assert listed(desk) == []
    assert [ask for ask in asks_of(desk) if "without effect" in ask] == []


@pytest.mark.parametrize("take", ["A", "B"])
def test_who_decides_a_conflict_of_his_own_finds_nothing_of_it_in_his_draft(
    desk: FakeDesk, world: Holders, take: str
) -> None:
    desk.is_cut_off, desk.counter = True, 100
    desk.set("policy/wifi", system__s__x="mine")
    ident = desk.commit("from the other side")["hash"]
    world.commit(world.set("wifi", OPTION, "theirs"))
    desk.deliver()
    desk.set("policy/lan", system__s__y="later")
    assert desk.do("draft.show")["edits"] == 2
    desk.is_cut_off = False
    desk.do("conflict.resolve", id=ident, take=take)
    shown = desk.do("draft.show")
    assert (shown["edits"], shown["problems"]) == (1, [])
    assert not any("was not applied" in note for note in shown["notes"])
    assert desk.commit("what else there was")["state"] == "durable"


def test_a_damaged_draft_of_who_decides_a_conflict_stays_as_it_is(desk: FakeDesk, world: Holders) -> None:
    late = two_sides(world)
    desk.drafts["alice"], desk.counter = b"\x93\x01", 100
    desk.do("conflict.resolve", id=late.id.hex(), take="A")
    assert desk.drafts["alice"] == b"\x93\x01"


def test_a_later_change_of_the_same_record_decides_as_well(desk: FakeDesk, world: Holders) -> None:
    first, second = two_sides(world, theirs="1"), world.change(world.set("lan", OPTION, "2"), counter=60)
    world.commit(world.set("lan", OPTION, "3"))
    world.strand(second)
    assert [row["id"] for row in listed(desk)] == [second.id.hex(), first.id.hex()]
    assert any(ask.startswith("2 changes stand") for ask in asks_of(desk))
    world.write(world.change(world.set("wifi", OPTION, "4"), counter=70))
    assert [row["id"] for row in listed(desk)] == [second.id.hex()]


def test_two_sides_that_say_the_same_are_no_conflict(desk: FakeDesk, world: Holders) -> None:
    two_sides(world, ours="same", theirs="same")
    assert listed(desk) == []


def test_of_a_change_with_several_records_those_are_decided_that_are_open(
    desk: FakeDesk, world: Holders
) -> None:
    late = world.change(
        world.set("wifi", OPTION, "1"), world.set("lan", OPTION, "2"), message="both", counter=50
    )
    world.commit(world.set("wifi", OPTION, "3"))
    world.strand(late)
    (row,) = listed(desk)
    assert [(r["where"], r["a"], r["by"]) for r in row["records"]][1] == ("policy/lan", None, None)
    world.write(world.change(world.set("wifi", OPTION, "4"), counter=60))
    (row,) = listed(desk)
    assert [(r["where"], r["a"], r["b"]) for r in row["records"]] == [("policy/lan", None, "'2'")]
    desk.counter = 100
    desk.do("conflict.resolve", id=late.id.hex(), take="A")
    assert listed(desk) == []
    assert world.log.state.value("policy/lan", f"set/{OPTION}") is None


def test_a_deletion_that_came_too_late_is_a_side_too(desk: FakeDesk, world: Holders) -> None:
    world.commit(world.set("wifi", OPTION, "1"))
    late = world.change(world.edit("policy/wifi", f"set/{OPTION}", None), counter=50)
    world.commit(world.set("wifi", OPTION, "2"))
    world.strand(late)
    (row,) = listed(desk)
    assert (row["records"][0]["a"], row["records"][0]["b"]) == ("'2'", None)
    desk.counter = 100
    desk.do("conflict.resolve", id=late.id.hex(), take="B")
    assert world.log.state.value("policy/wifi", f"set/{OPTION}") is None


def test_a_rejected_change_is_shown_with_the_reason(desk: FakeDesk, world: Holders) -> None:
    world.commit(world.set("wifi", OPTION, "1"))
    used = world.change(world.set("wifi", OPTION, "2"), counter=1)
    world.strand(used)
    (row,) = listed(desk)
    assert row["outcome"] == "rejected: counter-used"
    desk.do("conflict.resolve", id=row["id"], take="B")
    assert value(world).values == ("2",)


def test_what_devices_and_join_keys_say_is_for_nobody_to_decide(desk: FakeDesk, world: Holders) -> None:
    facts = device_path(world.kitchen.key_id) + "/facts"
    who = {"signers": (world.kitchen,), "device": world.kitchen}
    late = world.change(world.edit(facts, "board", ["old"]), counter=50, **who)  # type: ignore[arg-type]  # passed on
    world.write(world.change(world.edit(facts, "board", ["new"]), **who))  # type: ignore[arg-type]  # passed on
    world.strand(late)
    again = world.request(world.kitchen)
    name = world.joinkey.key_id.hex()
    rule: tuple[object, ...] = (world.joinkey.public, 5, 0, (), "auto", [], "ask", "")
    key = world.change(world.edit(f"joinkey/{name}", "rule", rule), counter=60)
    for change in (again, key):
        world.strand(change)
    assert len(world.log.not_applied) == 3
    assert listed(desk) == []


def test_an_unknown_or_short_id_is_no_conflict(desk: FakeDesk, world: Holders) -> None:
    late = two_sides(world)
    for wanted in ("00000000", late.id.hex()[:7], ""):
        with pytest.raises(Refused) as refused:
            desk.do("conflict.resolve", id=wanted, take="A")
        assert refused.value.code == "no-conflict"


def test_who_may_not_write_a_record_decides_nothing_about_it(desk: FakeDesk, world: Holders) -> None:
    late = two_sides(world)
    desk.people["token-alice"] = Person("eve", world.garage)
    with pytest.raises(Refused) as refused:
        desk.do("conflict.resolve", id=late.id.hex(), take="B")
    assert refused.value.code == "missing-signatures"
    assert value(world) == Setting(Verb.SET, ("ours",), 0)


def test_so_many_of_the_newest_are_looked_at(
    desk: FakeDesk, world: Holders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conflicts, "SCANNED_MAX", 2)
    late = [world.change(world.set(f"p{n}", OPTION, "1"), counter=50 + n) for n in range(3)]
    for n in range(3):
        world.commit(world.set(f"p{n}", OPTION, "2"))
    for change in late:
        world.strand(change)
    assert [row["id"] for row in listed(desk)] == [change.id.hex() for change in late[:0:-1]]
