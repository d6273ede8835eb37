"""What the methods answer at their edges: bounds, what waits, what another version wrote."""

from dataclasses import replace
from typing import Any

import pytest

from dusk import codec, limits
from dusk.changelog.body import Edit
from dusk.changelog.entry import Outcome, OutcomeCode
from dusk.changelog.log import Log, unpack_entry_item
from dusk.config.settings import Setting, Verb
from dusk.control import drafts, history, joinkeys, names, roster, schema, words
from dusk.control.calling import is_signing
from dusk.control.drafts import Draft, Sent
from dusk.control.methods import METHODS
from dusk.control.signing import check_verdict, sign
from dusk.control.words import Difference
from dusk.effects import ChangeState, Progress
from dusk.errors import Refused, StorageError, UntrustedInput
from dusk.ids import ChangeId, KeyId, Named, Seq
from dusk.keys.joinkey import parse_join_line
from tests.desk import FakeDesk
from tests.holders import Holders

SSID = "wireless__default_radio0__ssid"
NO_LIMITS = joinkeys.Limits(1, 0, (), is_auto=True, labels=(), rebind="ask", template="")
ID = ChangeId(bytes(32))


def refusal(desk: FakeDesk, method: str, **params: Any) -> Refused:
    signs = "token" in METHODS[method].parameters
    with pytest.raises(Refused) as caught:
        (desk.do if signs else desk.ask)(method, **params)
    return caught.value


# --- drafts --------------------------------------------------------------------------------------


def test_a_draft_holds_no_more_edits_than_a_change_may_have(desk: FakeDesk) -> None:
    state = desk.log.state
    full = Draft(tuple(Edit("policy/x", f"set/a.b.{i}", b"", None) for i in range(limits.OPERATIONS_MAX)))
    with pytest.raises(Refused, match="commit it in parts"):
        drafts.put(state, full, "policy/x", "set/a.b.new", b"", builds_on=False)
    again = drafts.put(state, full, "policy/x", "set/a.b.0", b"other")
    assert len(again.edits) == limits.OPERATIONS_MAX


def test_a_draft_too_large_for_a_change_is_refused_before_it_is_signed() -> None:
    edits = [Edit("policy/x", f"set/{i}", bytes(limits.VALUE_BYTES_MAX), None) for i in range(4)]
    with pytest.raises(Refused) as refused:
        drafts.check_size(edits)
    assert refused.value.code == "too-large"
    drafts.check_size(edits[:3])


def test_what_was_sent_is_the_base_of_what_comes_after_it(desk: FakeDesk) -> None:
    older, newer = ChangeId(b"o" * 32), ChangeId(b"n" * 32)
    sent = (
        Sent(older, "one", (Edit("policy/x", "set/a.b.c", b"1", None),)),
        Sent(newer, "two", (Edit("policy/x", "set/a.b.d", b"2", None),)),
    )
    state, draft = desk.log.state, Draft((), sent)
    assert drafts.base_of(state, draft, "policy/x", "set/a.b.c") == older
    assert drafts.base_of(state, draft, "policy/x", "set/a.b.d") == newer
    assert drafts.base_of(state, draft, "policy/x", "set/a.b.e") is None
    assert drafts.put(state, draft, "policy/x", "set/a.b.c", b"1") == draft
    assert drafts.put(state, draft, "policy/x", "set/a.b.e", b"3").edits[0].base is None


@pytest.mark.parametrize("state", [ChangeState.QUEUED, ChangeState.DURABLE, ChangeState.LOCAL, None])
def test_what_was_sent_waits_until_it_is_in_the_log_or_lost(state: ChangeState | None) -> None:
    sent = Sent(ID, "one", (Edit("policy/x", "set/a.b.c", b"1", None),))
    found = None if state is None else Progress(ID, state, Seq(1), "")
    draft, notes = drafts.resolve(Draft((), (sent,)), lambda _change: found)
    assert draft.sent == ((sent,) if state is ChangeState.QUEUED else ())
    assert draft.edits == (sent.edits if state is None else ())
    assert any("it was lost" in note for note in notes) == (state is None)


def test_only_so_many_changes_of_one_user_wait_at_a_time(desk: FakeDesk) -> None:
    desk.is_cut_off = True
    for number in range(drafts.SENT_MAX):
        desk.set("policy/wifi", **{SSID: str(number)})
        desk.commit()
    desk.set("policy/wifi", **{SSID: "one more"})
    assert refusal(desk, "draft.commit", message="m").code == "too-many-waiting"


def test_a_change_needs_a_cluster_and_one_that_can_be_sent(desk: FakeDesk) -> None:
    session = desk.people["token-alice"]
    twice = [Edit("policy/x", "set/a.b.c", b"1", None)] * 2
    with pytest.raises(Refused) as refused:
        sign(desk, session, "m", twice)
    assert refused.value.code == "bad-change"
    desk.world.log = Log(None)
    with pytest.raises(Refused) as refused:
        sign(desk, session, "m", twice[:1])
    assert refused.value.code == "no-cluster"


def test_a_change_that_would_be_superseded_is_refused_before_it_is_sent(desk: FakeDesk) -> None:
    world = desk.world
    stale = world.change(world.set("wifi", "system.s.x", "1"))
    world.commit(world.set("wifi", "system.s.x", "2"))
    fresh = world.change(replace(world.set("wifi", "system.s.x", "1"), base=None))
    for change in (fresh, stale):
        with pytest.raises(Refused):
            check_verdict(desk, change)
    with pytest.raises(Refused, match="somebody else changed"):
        check_verdict(desk, fresh)


# --- history -------------------------------------------------------------------------------------


def test_outcomes_are_told_with_what_they_name(desk: FakeDesk) -> None:
    entry, change = unpack_entry_item(desk.read_items(Seq(2), 1)[0].data)
    assert change is not None
    rejected = entry._replace(outcome=Outcome(OutcomeCode.REJECTED, None, "not-allowed"))
    assert history._outcome(desk, rejected) == "rejected: not-allowed"
    by = entry._replace(outcome=Outcome(OutcomeCode.SUPERSEDED, change.id))
    assert history._outcome(desk, by) == "superseded by 2"
    for unknown in (None, ID):
        other = entry._replace(outcome=Outcome(OutcomeCode.SUPERSEDED, unknown))
        assert history._outcome(desk, other) == "superseded"


def test_entries_without_a_message_say_what_they_did(desk: FakeDesk) -> None:
    desk.world.open()
    said = [row["message"] for row in desk.ask("log.list")["entries"]]
    assert said[0] == "the master started"
    assert "a device joined" in said
    opened, _ = unpack_entry_item(desk.read_items(desk.log.head.seq, 1)[0].data)
    assert history._message(desk.log.state, opened._replace(kind=opened.kind.CHANGE), None) == ""
    assert desk.ask("log.show", seq=desk.log.head.seq)["diff"] == ""


def test_an_entry_that_this_device_does_not_have_is_named(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refusal(desk, "log.show", seq=desk.log.head.seq + 1).code == "no-version"
    monkeypatch.setattr(desk, "read_items", lambda _first, _count: [])
    assert "not on this device" in refusal(desk, "log.show", seq=2).reason


def test_what_was_there_before_is_looked_up_in_the_change_that_is_named(desk: FakeDesk) -> None:
    world = desk.world
    for value in ("1", "2"):
        world.commit(world.set("wifi", "system.s.x", value))
    _, change = unpack_entry_item(desk.read_items(desk.log.head.seq, 1)[0].data)
    assert change is not None
    (operation,) = change.body.operations
    assert history.value_before(desk, operation, {}) is not None
    assert history.value_before(desk, operation._replace(base=None), {}) is None
    assert history.value_before(desk, operation._replace(base=ID), {}) is None
    assert history.value_before(desk, operation._replace(key="set/system.s.y"), {}) is None
    assert operation.base is not None
    assert history.value_before(desk, operation, {operation.base: None}) is None


def test_a_change_is_told_by_its_version_and_author(desk: FakeDesk) -> None:
    world = desk.world
    entry = world.commit(world.set("wifi", "system.s.x", "1"))
    assert entry.change is not None
    assert history.change_words(desk, entry.change) == f"version {entry.seq} by alice"
    assert history.change_words(desk, ID) == "another change"


# --- keys, names, values -------------------------------------------------------------------------


def test_a2_a_join_key_and_a_line_by_hand_name_the_last_entry_that_is_settled() -> None:
    world = Holders()
    log = world.log

    def named() -> set[Named | None]:
        key, _ = joinkeys.create(log, NO_LIMITS, time_s=None, addresses=(), random_bytes=bytes)
        by_hand = parse_join_line(joinkeys.contact(log, (), bytes))
        return {key.named, by_hand.named}

    def at(seq: int) -> set[Named | None]:
        return {log.named(seq)}

    assert named() == at(log.head.seq), "one holder settles what it signs"
    alone = log.head.seq
    world.succeed(world.master, world.kitchen)
    world.commit(world.set("a", "system.s.x", "1"))
    assert named() == at(alone), "the other has not said that it has more"
    world.settle(world.master, world.kitchen)
    settled = log.head.seq
    world.commit(world.set("a", "system.s.x", "2"))
    assert named() == at(settled)
    world.recover(world.kitchen)
    assert [each.generation for each in named() if each is not None] == [1]
    assert named() == at(log.head.seq)


def test_a_router_in_no_cluster_makes_no_join_key() -> None:
    with pytest.raises(Refused) as refused:
        joinkeys.create(Log(None), NO_LIMITS, time_s=None, addresses=(), random_bytes=bytes)
    assert refused.value.code == "no-cluster"


def test_a_router_that_has_no_log_yet_leads_nobody_to_a_cluster(desk: FakeDesk) -> None:
    assert parse_join_line(desk.ask("join.contact")["line"]).cluster_id == desk.world.cluster
    for log in (Log(None), Log(desk.world.cluster)):
        desk.world.log = log
        assert refusal(desk, "join.contact").code == "no-cluster"


def test_a20_a_join_key_lets_devices_come_back_by_themselves_with_labels_that_it_lists_alone(
    desk: FakeDesk,
) -> None:
    before = desk.ask("joinkey.list")
    refused = refusal(desk, "joinkey.create", rebind="auto")
    assert refused.code == "bad-params"
    assert "--label" in refused.reason
    for vague in ("*", "?*", "*:*", "", "0*", "**02"):
        refused = refusal(desk, "joinkey.create", rebind="auto", labels=["02:00", vague])
        assert (refused.code, "any hardware" in refused.reason) == ("bad-params", True)
    assert desk.ask("joinkey.list") == before
    desk.do("joinkey.create", rebind="auto", labels=["02:*", "ubnt-?"])
    desk.do("joinkey.create", rebind="ask", labels=["*"])


def test_join_keys_are_shown_with_why_they_let_nobody_in(desk: FakeDesk) -> None:
    world, key = desk.world, desk.world.joinkey.key_id.hex()
    assert [row["state"] for row in desk.ask("joinkey.list")["joinkeys"]] == ["open"]
    world.joinkey = world.key()
    world.allow_joining(uses=1)
    world.join("once")
    world.commit(world.edit(f"joinkey/{key}", "revoked", [True]))
    world.joinkey = world.key()
    world.allow_joining(expires_s=desk.clock.time_s)
    states = {row["state"] for row in desk.ask("joinkey.list")["joinkeys"]}
    assert states == {"revoked", "used up", "expired"}


def test_a_device_is_found_by_the_start_of_its_id_if_that_is_long_and_its_own(desk: FakeDesk) -> None:
    state = desk.log.state
    hall = names.device_id(state, "hall")
    assert names.device_id(state, hall.hex()[:12]) == hall
    for unknown in (hall.hex()[:3], "f" * 32, "nowhere"):
        with pytest.raises(Refused, match="there is no device"):
            names.device_id(state, unknown)


def test_an_author_is_a_person_a_device_or_a_key_that_nobody_knows(desk: FakeDesk) -> None:
    state, hall = desk.log.state, names.device_id(desk.log.state, "hall")
    assert names.author_name(state, desk.world.owner.key_id) == "alice"
    assert names.author_name(state, KeyId(hall)) == "hall"
    assert names.author_name(state, KeyId(bytes(16))) == "00" * 16


def test_a_policy_without_an_assignment_is_renamed_and_priorities_are_bounded(desk: FakeDesk) -> None:
    desk.set("policy/wifi", **{SSID: "x"})
    desk.do("policy.rename", name="wifi", new_name="radio")
    assert "policy/radio" in desk.do("draft.show")["text"]
    state = desk.log.state
    draft = drafts.decode_draft(desk.drafts["alice"])
    for priority in (-1, 1000):
        with pytest.raises(Refused) as refused:
            roster.assign_policy(state, draft, "radio", "all", (), priority=priority)
        assert refused.value.code == "bad-priority"
    for to, targets in (("some", ()), ("all", ("hall",)), ("devices", ())):
        with pytest.raises(Refused) as refused:
            roster.assign_policy(state, draft, "radio", to, targets, priority=None)
        assert refused.value.code == "bad-target"


def test_a_group_is_made_once_and_goes_from_devices_alone(desk: FakeDesk) -> None:
    world, hall = desk.world, names.device_id(desk.log.state, "hall").hex()
    desk.do("group.create", name="ap")
    assert refusal(desk, "group.create", name="ap").code == "group-exists"
    desk.commit()
    world.commit(
        world.edit(f"device/{hall}", "groups", [["ap", "core"]]),
        world.edit(f"device/{hall}/config", "var/x", ["y"]),
    )
    desk.do("group.delete", name="ap")
    text = desk.do("draft.show")["text"]
    assert "hall" in text
    desk.commit()
    assert desk.log.state.value(f"device/{hall}", "groups") == [["core"]]


@pytest.mark.parametrize("value", [-1, 61, "5", True, None, float("nan")])
def test_a_length_of_time_is_a_number_within_its_bound(value: object) -> None:
    with pytest.raises(Refused, match="a number of seconds from 0 to 60"):
        schema.seconds(60)(value, "timeout_s")
    assert schema.seconds(60)(60, "timeout_s") == 60.0
    assert schema.seconds(60)(0.5, "timeout_s") == 0.5


@pytest.mark.parametrize("value", ["", "ab" * 31, "ab" * 33, "AB" * 32, "zz" * 32, " " + "ab" * 31 + "a", 7])
def test_an_id_or_key_is_its_bytes_in_lower_case_hex(desk: FakeDesk, value: object) -> None:
    refused = refusal(desk, "recovery.join", head=value, following="cd" * 32)
    assert (refused.code, refused.reason) == ("bad-params", "head: 32 bytes in hex is wanted")


def test_settings_of_a_policy_or_a_device_are_given_out_and_of_no_other(desk: FakeDesk) -> None:
    desk.set("policy/wifi", **{SSID: "x"})
    desk.set("device/hall", **{SSID: "y"})
    desk.commit()
    for target, value in (("policy/wifi", "x"), ("device/hall", "y")):
        assert f"'{value}'" in desk.ask("settings.export", target=target)["text"]
    assert refusal(desk, "settings.export", target="policy/none").code == "no-policy"


def test_what_is_managed_is_asked_for_one_key_or_all_below_it(desk: FakeDesk) -> None:
    desk.set("policy/wifi", **{SSID: "x", "system__s__y": "1"})
    desk.do("policy.assign", name="wifi", to="all")
    desk.commit()
    for key, count in (("", 2), ("wireless", 1), ("system.s.y", 1), ("system.s", 1), ("sys", 0)):
        assert len(desk.ask("effective", device="hall", key=key)["options"]) == count


def test_a_device_without_a_valid_config_says_why(desk: FakeDesk) -> None:
    world = desk.world
    world.commit(world.set("wifi", "system.s.x", "${site}"))
    world.commit(world.edit("assignment/wifi", "to", ["all", [], 1]))
    assert "it keeps its last one" in refusal(desk, "effective", device="hall").reason


def test_text_that_is_replaced_forgets_what_it_does_not_name(desk: FakeDesk) -> None:
    both = "set system.s=system\nset system.s.a='1'\nset system.s.b='2'\n"
    desk.do("draft.import", target="policy/sys", text=both)
    desk.commit()
    desk.do(
        "draft.import", target="policy/sys", text="set system.s=system\nset system.s.b='3'\n", replace=True
    )
    desk.commit()
    text = desk.ask("settings.export", target="policy/sys")["text"]
    assert "system.s.a" not in text
    assert "system.s.b='3'" in text


@pytest.mark.parametrize(
    ("values", "removed", "says"),
    [
        (("a",), (), "list with 'a'"),
        ((), ("b",), "list without 'b'"),
        (("a",), ("b",), "list with 'a', list without 'b'"),
    ],
)
def test_an_edited_list_is_told_by_what_comes_and_goes(
    values: tuple[str, ...], removed: tuple[str, ...], says: str
) -> None:
    assert words.setting_words(Setting(Verb.EDIT_LIST, values, 0, removed)) == says


def test_differences_are_listed_below_the_place_that_they_share() -> None:
    found = [
        Difference("policy/x", "a", None, "1"),
        Difference("policy/x", "b", "1", None),
        Difference("policy/y", "c", "1", "2"),
        Difference("policy/y", "d", None, None),
    ]
    assert words.diff_text(found).splitlines() == [
        "policy/x",
        "  + a: 1",
        "  - b: 1",
        "policy/y",
        "  ~ c: 1 → 2",
        f"  + d: {words.NOTHING}",
    ]


def test_what_other_devices_say_may_be_asked_for_anew(desk: FakeDesk) -> None:
    assert desk.poll(desk.ask("device.refresh")["ticket"])["result"] == {"fresh": True}


def test_variables_of_groups_are_listed_with_the_others(desk: FakeDesk) -> None:
    desk.do("group.create", name="ap")
    desk.do("var.set", scope="group/ap", variables=[{"name": "site", "values": ["Hall"]}])
    desk.commit()
    (row,) = desk.ask("var.list")["variables"]
    assert (row["scope"], row["name"]) == ("group/ap", "site")


def test_errors_of_values_and_of_the_disk_are_refusals_to_who_asked(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def garbled(_line: str) -> None:
        raise UntrustedInput("join key: damaged")

    def full(_user: str, _data: bytes | None) -> None:
        raise StorageError("the disk is full")

    desk.drafts["alice"] = codec.pack([7])
    assert refusal(desk, "draft.show").code == "draft-damaged"
    desk.drafts.clear()
    monkeypatch.setattr(desk, "join", garbled)
    assert refusal(desk, "join", line="x").code == "bad-value"
    monkeypatch.setattr(desk, "store_draft", full)
    with pytest.raises(Refused) as refused:
        desk.set("policy/wifi", **{SSID: "x"})
    assert (refused.value.code, refused.value.reason) == ("storage", "the disk is full")


def test_a_power_cut_between_the_change_and_the_draft_signs_nothing_twice(desk: FakeDesk) -> None:
    desk.set("policy/wifi", **{SSID: "Home"})
    before = desk.drafts["alice"]
    desk.is_cut_off = True
    first = desk.commit("name it")
    desk.drafts["alice"] = before
    assert desk.do("draft.show")["edits"] == 0
    again = desk.do("draft.commit", message="once more")
    assert (again["hash"], len(desk.outbox)) == (first["hash"], 1)
    assert "'name it', which was signed before" in again["notes"][0]


def test_a_draft_whose_change_reached_the_log_behind_a_power_cut_is_done(desk: FakeDesk) -> None:
    desk.set("policy/wifi", **{SSID: "Home", "wireless__radio0__channel": "6"})
    before = desk.drafts["alice"]
    desk.commit("name it")
    desk.drafts["alice"] = before
    shown = desk.do("draft.show")
    assert (shown["edits"], shown["problems"]) == (0, [])
    assert refusal(desk, "draft.commit", message="again").code == "empty-draft"
    assert "2 edits are in the log already" in refusal(desk, "draft.commit", message="again").reason


def test_what_the_outbox_has_no_room_for_stays_in_the_draft(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_change: object, _timeout_s: float, _answer: object) -> str:
        raise Refused("outbox-full", "no room")

    desk.set("policy/wifi", **{SSID: "Home"})
    monkeypatch.setattr(desk, "submit", full)
    assert refusal(desk, "draft.commit", message="x").code == "outbox-full"
    shown = desk.do("draft.show")
    assert shown["edits"] == 1
    (note,) = shown["notes"]
    assert note.startswith(
        "policy wifi is assigned to nobody; assign it with `dusk policy assign wifi --all`"
    )
    assert note.endswith("(owners, and whom they granted assignment/wifi)")


@pytest.mark.parametrize(
    ("name", "signs"), [("draft.commit", True), ("draft.edit", True), ("status", False), ("no.such", False)]
)
def test_methods_that_take_a_session_are_told_from_the_others(name: str, *, signs: bool) -> None:
    assert is_signing(name) is signs
