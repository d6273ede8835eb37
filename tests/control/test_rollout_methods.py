"""Rollouts as people say and see them: waves out of shares and names, how far it is, why it stands still."""

from dataclasses import replace
from typing import Any

import pytest

from dusk.changelog import rollouts
from dusk.changelog.rollouts import DONE, OPEN_WORD, STOP_WORD
from dusk.config.device import managed_config, options_of
from dusk.control import history, reached
from dusk.control import rollouts as shown
from dusk.control.desk import Json, Peer
from dusk.control.drafts import written_by
from dusk.errors import Refused
from dusk.ids import DeviceId, Seq
from tests.desk import FakeDesk

SSID = "wireless.r.ssid"


def device(desk: FakeDesk, name: str) -> DeviceId:
    (found,) = desk.log.state.device_names()[name]
    return DeviceId(bytes.fromhex(found))


def see(desk: FakeDesk, *names: str, applied: int = 0, state: str = "committed", **more: Any) -> None:
    """Let routers be there, with a version in effect."""
    for name in names:
        peer = Peer(
            online=True,
            head_seq=desk.log.head.seq,
            applied_seq=Seq(applied),
            apply_state=state,
            reason="",
            alarms=(),
            seen_s_ago=0.0,
        )
        desk.seen[device(desk, name)] = peer if not more else _with(peer, **more)


def _with(peer: Peer, **more: Any) -> Peer:
    return replace(peer, **more)


def edited(desk: FakeDesk, ssid: str = "new") -> None:
    """Have alice's draft set a name on all routers."""
    desk.set("policy/wifi", wireless__r__ssid=ssid)
    if desk.log.state.value("assignment/wifi", "to") is None:
        desk.do("policy.assign", name="wifi", to="all")


def rolled(desk: FakeDesk, how: str = "canary", **more: Any) -> Json:
    """Commit alice's draft in waves, and return the rollout."""
    desk.poll(desk.do("draft.commit", message="another name", rollout=how, **more)["ticket"])
    rollout = desk.ask("rollout.list")["rollouts"][0]
    return desk.ask("rollout.show", id=rollout["id"])


def waves(rollout: Json) -> list[list[str]]:
    return [[each["name"] for each in wave["devices"]] for wave in rollout["waves"]]


def gate(desk: FakeDesk, word: str) -> None:
    (rollout,) = rollouts.under_way(desk.log.state)
    desk.world._keep(desk.log.write_gate(f"rollout/{rollout.id}", word, desk.world.stamp()))


def order(desk: FakeDesk, what: str, **more: Any) -> Json:
    ident = desk.ask("rollout.list")["rollouts"][0]["id"]
    started = desk.do("rollout.order", id=ident, what=what, **more)
    assert desk.poll(started["ticket"])["result"]["state"] == "durable"
    return started


def refused(desk: FakeDesk, method: str, **params: Any) -> Refused:
    head = desk.log.head.seq
    with pytest.raises(Refused) as found:
        desk.do(method, **params)
    assert desk.log.head.seq == head, "nothing was signed"
    return found.value


def commit_refused(desk: FakeDesk, code: str, how: str = "waves", **more: Any) -> None:
    assert refused(desk, "draft.commit", message="why", rollout=how, **more).code == code


def test_a_canary_is_a_router_that_is_there_and_does_not_lead(desk: FakeDesk) -> None:
    see(desk, "attic", "roof")
    edited(desk)
    rollout = rolled(desk)
    assert waves(rollout) == [["roof"], ["attic", "hall"]]
    assert (rollout["wave"], rollout["waves_count"], rollout["state"]) == (1, 2, "running")
    assert (rollout["message"], rollout["author"], rollout["ended"]) == ("another name", "alice", None)
    assert rollout["seq"] == desk.log.head.seq


def test_a_canary_may_be_named(desk: FakeDesk) -> None:
    edited(desk)
    assert waves(rolled(desk, waves=["hall"])) == [["hall"], ["attic", "roof"]]


def test_nothing_is_tried_on_routers_that_are_not_there_or_not_concerned(desk: FakeDesk) -> None:
    edited(desk)
    commit_refused(desk, "bad-wave", "canary")
    desk.do("policy.assign", name="wifi", to="devices", names=["roof"])
    commit_refused(desk, "bad-wave", "canary", waves=["hall"])


def test_waves_are_shares_counted_together_and_the_rest_is_last(desk: FakeDesk) -> None:
    for number in range(7):
        desk.world.join(f"ap-{number}")
    see(desk, "attic", "hall", "roof", *(f"ap-{number}" for number in range(7)))
    edited(desk)
    found = waves(rolled(desk, "waves", waves=["10%", "15%", "20%", "50%"]))
    assert [len(wave) for wave in found] == [1, 1, 3, 5]
    assert "attic" in found[-1]


def test_a_share_of_all_is_the_last_wave_itself(desk: FakeDesk) -> None:
    edited(desk)
    assert [len(w) for w in waves(rolled(desk, "waves", waves=["34%", "100%", "100%"]))] == [2, 1]


def test_waves_may_be_groups(desk: FakeDesk) -> None:
    desk.do("group.create", name="floor")
    desk.do("group.add", name="floor", devices=["hall"])
    desk.commit()
    edited(desk)
    assert waves(rolled(desk, "waves", waves=["floor", "floor"])) == [["hall"], ["attic", "roof"]]


@pytest.mark.parametrize("parts", [[], ["0%"], ["101%"], ["x%"], ["nowhere"], ["-5%"]])
def test_what_is_no_wave_is_refused(parts: list[str], desk: FakeDesk) -> None:
    edited(desk)
    commit_refused(desk, "bad-wave", waves=parts)


def test_waves_for_all_at_once_and_for_nobody_are_refused(desk: FakeDesk) -> None:
    edited(desk)
    commit_refused(desk, "bad-wave", "all", waves=["10%"])
    desk.commit()
    desk.do("var.set", scope="cluster", variables=[{"name": "x", "values": ["y"]}])
    commit_refused(desk, "no-waves", "canary")


def test_many_routers_of_a_wave_take_several_records(desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dusk.limits.WAVE_PART_DEVICES_MAX", 1)
    edited(desk)
    rollout = rolled(desk, "waves", waves=["50%"])
    assert [len(wave) for wave in waves(rollout)] == [2, 1]
    (running,) = rollouts.under_way(desk.log.state)
    parts = desk.log.state.records(f"rollout/{running.id}", "part/")
    assert len(parts) == sum(len(wave) for wave in waves(rollout)[:-1])


def test_what_counts_for_a_router_is_shown_everywhere(desk: FakeDesk) -> None:
    edited(desk, "before")
    desk.commit()
    before = desk.log.head.seq
    edited(desk)
    ident = rolled(desk, waves=["hall"])["id"]
    rows = {row["name"]: row["rollout"] for row in desk.ask("device.list")["devices"]}
    assert rows == {"attic": ident, "hall": None, "roof": ident}
    assert desk.ask("device.show", name="roof")["rollout"] == ident
    one, other = (desk.ask("effective", device=name, key=SSID) for name in ("hall", "roof"))
    assert (one["head"], one["options"][0]["values"]) == (desk.log.head.seq, ["new"])
    assert (other["head"], other["options"][0]["values"]) == (before, ["before"])


def _origin(desk: FakeDesk, name: str) -> tuple[list[str], list[str]]:
    """Return the values of the one option that a router has, and the variables in it."""
    (option,) = desk.ask("effective", device=name, key=SSID)["options"]
    (origin,) = option["origins"]
    return option["values"], [one["name"] for one in origin["variables"]]


def test_where_a_setting_is_from_is_said_as_it_counts_for_a_router_that_waits(desk: FakeDesk) -> None:
    desk.do("var.set", scope="cluster", variables=[{"name": "site", "values": ["office"]}])
    edited(desk, "${site}")
    desk.commit()
    edited(desk, "plain")
    rolled(desk, waves=["hall"])
    assert _origin(desk, "hall") == (["plain"], [])
    assert _origin(desk, "roof") == (["office"], ["site"])
    order(desk, "force")
    desk.do("draft.edit", target="policy/wifi", verb="unset", edits=[{"key": SSID, "values": []}])
    rolled(desk, waves=["hall"])
    assert desk.ask("effective", device="hall", key=SSID)["options"] == []
    assert _origin(desk, "roof") == (["plain"], [])


def test_each_router_says_how_far_it_is(desk: FakeDesk) -> None:
    edited(desk)
    rolled(desk, waves=["hall", "roof"])
    seq = desk.log.head.seq

    def states() -> list[tuple[str, str]]:
        found = desk.ask("rollout.show", id=desk.ask("rollout.list")["rollouts"][0]["id"])["waves"]
        return [(each["state"], each["reason"]) for each in found[0]["devices"]]

    assert states() == [("offline", ""), ("offline", "")]
    see(desk, "hall", applied=seq)
    see(desk, "roof", applied=seq - 1)
    assert states() == [("applied", ""), ("applying", "")]
    see(desk, "roof", applied=seq - 1, state="applied")
    assert states()[1] == ("applying", ""), "written, and not in effect before it is confirmed"
    see(desk, "roof", state="failed", judged_seq=Seq(seq), reason="no contact")
    assert states()[1] == ("failed", "no contact")
    see(desk, "roof", state="failed", judged_seq=Seq(seq - 1), reason="no contact")
    assert states()[1] == ("applying", "")
    see(desk, "roof", state="held")
    assert states()[1] == ("held", "")


def test_why_it_stands_still_is_said_with_the_router_and_its_reason(desk: FakeDesk) -> None:
    edited(desk)
    ident = rolled(desk, waves=["hall"])["id"]
    gate(desk, STOP_WORD + device(desk, "hall").hex())

    def why() -> str:
        found = desk.ask("rollout.show", id=ident)
        assert found["state"] == "stopped"
        return str(found["why"])

    assert why() == "hall was not heard any more"
    see(desk, "hall", state="failed", reason="the reload ended with 1")
    assert why() == "hall failed: the reload ended with 1"
    see(desk, "hall", state="failed")
    assert why() == "hall failed"
    see(desk, "hall", applied=desk.log.head.seq)
    assert why() == "hall failed, and has it in effect by now"
    order(desk, "resume", failures=1)
    assert desk.ask("rollout.show", id=ident)["failures_max"] == 1
    assert desk.ask("rollout.show", id=ident)["state"] == "running"


def test_the_log_says_what_gates_did(desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    edited(desk)
    ident = rolled(desk, waves=["hall"])["id"]
    gate(desk, OPEN_WORD)
    gate(desk, DONE)
    edited(desk, "newer")
    later = rolled(desk, waves=["hall"])["id"]
    gate(desk, STOP_WORD + device(desk, "hall").hex())
    said = [row["message"] for row in desk.ask("log.list", count=4)["entries"]]
    assert said[0] == f"rollout {later} stopped: hall failed"
    assert said[2:] == [f"rollout {ident} is done", f"rollout {ident} goes on to its next wave"]
    see(desk, "hall", applied=desk.log.head.seq)
    ended = desk.ask("rollout.show", id=ident)
    assert (ended["state"], ended["ended"], ended["why"]) == ("done", "done", "")
    assert ended["waves"][0]["devices"] == [{"name": "hall", "state": "applied", "reason": ""}]
    see(desk, "hall", state="failed", reason="no contact", judged_seq=desk.log.head.seq)
    (followed,) = desk.ask("rollout.show", id=ident)["waves"][0]["devices"]
    assert (followed["state"], followed["reason"]) == ("failed", "no contact")
    assert [row["id"] for row in desk.ask("rollout.list")["rollouts"]] == [later, ident]
    monkeypatch.setattr("dusk.control.history.change_of", lambda _desk, _change: None)
    assert [wave["devices"] for wave in desk.ask("rollout.show", id=ident)["waves"]] == [[], []]


def test_a_person_starts_what_waits_now_or_at_a_time(desk: FakeDesk) -> None:
    edited(desk)
    rollout = rolled(desk, "all", hold=True)
    assert (rollout["state"], rollout["wave"], rollout["waves_count"]) == ("held", 0, 1)
    assert rollout["why"] == f"waits for a person: `dusk rollout start {rollout['id']}`"
    assert refused(desk, "rollout.order", id=rollout["id"], what="resume").code == "not-paused"
    order(desk, "start", at_s=1_900_000_000)
    rollout = desk.ask("rollout.show", id=rollout["id"])
    assert (rollout["state"], rollout["starts"]) == ("scheduled", 1_900_000_000)
    order(desk, "start")
    assert desk.ask("rollout.show", id=rollout["id"])["wave"] == 1
    assert refused(desk, "rollout.order", id=rollout["id"], what="start").code == "rollout-started"


def test_r11_a_time_without_a_clock_is_refused(desk: FakeDesk) -> None:
    edited(desk)
    ident = rolled(desk, "all", hold=True)["id"]
    desk.clock = desk.clock.__class__(0, trusted=False)
    found = refused(desk, "rollout.order", id=ident, what="start", at_s=1_900_000_000)
    assert found.code == "clock-unknown"


def test_it_is_paused_resumed_and_forced(desk: FakeDesk) -> None:
    edited(desk)
    ident = rolled(desk, waves=["hall"])["id"]
    order(desk, "pause")
    found = desk.ask("rollout.show", id=ident)
    assert (found["state"], found["why"]) == (
        "paused",
        f"waits for a person: `dusk rollout resume {ident}`",
    )
    order(desk, "resume")
    started = order(desk, "force")
    assert started["text"] == f"rollout {ident} forced"
    assert desk.ask("rollout.show", id=ident)["why"] == "it went to all at once"
    assert all(wave["open"] for wave in desk.ask("rollout.show", id=ident)["waves"])
    over = refused(desk, "rollout.order", id=ident, what="pause")
    assert (over.code, over.reason) == ("rollout-over", f"rollout {ident} has ended: forced")


def test_how_many_may_fail_outlasts_pauses(desk: FakeDesk) -> None:
    edited(desk)
    ident = rolled(desk, waves=["hall"], failures=1)["id"]
    allowed = []
    for what, more in [
        ("pause", {}),
        ("resume", {}),
        ("pause", {}),
        ("resume", {"failures": 2}),
        ("pause", {}),
        ("resume", {}),
        ("pause", {}),
        ("resume", {}),
    ]:
        order(desk, what, **more)
        allowed.append(desk.ask("rollout.show", id=ident)["failures_max"])
    assert allowed == [1, 1, 1, 2, 2, 2, 2, 2]
    assert rollouts.under_way(desk.log.state)[0].failures_max == 2, "who leads goes by that"
    gate(desk, STOP_WORD + device(desk, "hall").hex())
    order(desk, "resume")
    assert desk.ask("rollout.show", id=ident)["failures_max"] == 2
    order(desk, "force")
    assert desk.ask("rollout.show", id=ident)["failures_max"] == 1


def test_what_was_said_before_a_hold_at_the_start_is_the_plan(desk: FakeDesk) -> None:
    edited(desk)
    ident = rolled(desk, waves=["hall"], failures=1, hold=True)["id"]
    order(desk, "start", failures=3)
    assert desk.ask("rollout.show", id=ident)["failures_max"] == 3
    edited(desk, "newer")
    other = rolled(desk, waves=["hall"], failures=1, hold=True)["id"]
    assert desk.ask("rollout.show", id=other)["failures_max"] == 1
    order(desk, "start")
    assert desk.ask("rollout.show", id=other)["failures_max"] == 1


@pytest.mark.parametrize("is_kept", [False, True], ids=["compacted", "the pause is kept"])
def test_how_many_may_fail_is_asked_for_where_it_is_not_kept(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch, *, is_kept: bool
) -> None:
    edited(desk)
    ident = rolled(desk, waves=["hall"])["id"]
    order(desk, "pause")
    order(desk, "resume", failures=2)
    order(desk, "pause")
    record = desk.log.state.record(f"rollout/{rollouts.under_way(desk.log.state)[0].id}", "order")
    assert record is not None
    change_of = history.change_of
    monkeypatch.setattr(
        "dusk.control.history.change_of",
        lambda at, name: change_of(at, name) if is_kept and name == record.base else None,
    )
    assert desk.ask("rollout.show", id=ident)["failures_max"] is None
    found = refused(desk, "rollout.order", id=ident, what="resume")
    assert (found.code, "--failures" in found.reason) == ("compacted", True)
    order(desk, "resume", failures=2)
    assert desk.ask("rollout.show", id=ident)["failures_max"] == 2


def test_words_to_hold_are_looked_behind_so_far_and_no_further(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown, "_WORDS_READ_MAX", 1)
    edited(desk)
    ident = rolled(desk, waves=["hall"])["id"]
    order(desk, "pause")
    assert refused(desk, "rollout.order", id=ident, what="resume").code == "compacted"


def test_what_is_paused_is_not_paused_again(desk: FakeDesk) -> None:
    edited(desk)
    ident = rolled(desk, waves=["hall"])["id"]
    order(desk, "pause")
    found = refused(desk, "rollout.order", id=ident, what="pause")
    assert (found.code, "it is paused: waits for a person" in found.reason) == ("nothing-to-pause", True)


def test_to_abort_puts_back_what_it_brought_and_nothing_newer(desk: FakeDesk) -> None:
    edited(desk, "before")
    desk.set("policy/wifi", wireless__r__country="DE", wireless__r__mode="ap")
    desk.commit()
    edited(desk)
    desk.set("policy/wifi", wireless__r__country="FR", wireless__r__channel="36")
    rolled(desk, waves=["hall"])
    desk.set("policy/wifi", wireless__r__country="IT", wireless__r__mode="sta")
    desk.commit()
    order(desk, "abort", yes=True)
    assert rollouts.under_way(desk.log.state) == ()
    options = options_of(managed_config(desk.log.state, desk.device_id))
    values = {key.rpartition(".")[2]: option[1][0] for key, option in options.items()}
    assert values == {"ssid": "before", "country": "IT", "mode": "sta"}
    taken_back = desk.ask("rollout.list")["rollouts"][0]
    assert taken_back["state"] == "abort"
    waves = desk.ask("rollout.show", id=taken_back["id"])["waves"]
    assert waves[0]["devices"] == [{"name": "hall", "state": "", "reason": ""}]


def test_to_abort_asks_for_a_yes_where_it_may_cut_a_router_off(desk: FakeDesk) -> None:
    desk.set("policy/lan", network__lan__ipaddr="192.0.2.1")
    desk.do("policy.assign", name="lan", to="all")
    desk.poll(desk.do("draft.commit", message="before", yes=True)["ticket"])
    for address, hold in (("192.0.2.2", True), ("192.0.2.3", False)):
        desk.set("policy/lan", network__lan__ipaddr=address)
        ident = rolled(desk, waves=["hall"], hold=hold, yes=True)["id"]
        if not hold:
            found = refused(desk, "rollout.order", id=ident, what="abort")
            assert (found.code, "network.lan.ipaddr touches " in found.reason) == ("needs-yes", True)
            assert "--yes" in found.reason
            assert desk.ask("rollout.show", id=ident)["state"] == "running", "nothing was signed"
        order(desk, "abort", **({} if hold else {"yes": True}))
        options = options_of(managed_config(desk.log.state, desk.device_id))
        assert options["network.lan.ipaddr"][1] == ("192.0.2.1",)


def test_to_abort_is_refused_where_routers_could_not_follow(desk: FakeDesk) -> None:
    edited(desk, "before")
    desk.commit()
    desk.do("var.set", scope="cluster", variables=[{"name": "name", "values": ["a"]}])
    edited(desk, "plain")
    ident = rolled(desk, waves=["hall"])["id"]
    edited(desk, "${name}")
    desk.commit()
    found = refused(desk, "rollout.order", id=ident, what="abort", yes=True)
    assert (found.code, found.reason.startswith("not put back: ")) == ("bad-config", True)
    order(desk, "force")


@pytest.mark.parametrize("ident", ["", "0123456", "ffffffff"])
def test_what_is_no_rollout_is_refused(ident: str, desk: FakeDesk) -> None:
    edited(desk)
    rolled(desk, waves=["hall"])
    assert refused(desk, "rollout.order", id=ident, what="pause").code == "no-rollout"


def test_a_rolled_out_version_is_reverted_like_any_other(desk: FakeDesk) -> None:
    edited(desk, "before")
    desk.commit()
    edited(desk)
    rollout = rolled(desk, waves=["hall"])
    order(desk, "force")
    desk.do("log.revert", seq=rollout["seq"])
    options = options_of(managed_config(desk.log.state, desk.device_id))
    assert options[SSID][1] == ("before",)


def test_a_rollout_that_came_too_late_is_decided_and_begins_anew(desk: FakeDesk) -> None:
    edited(desk, "before")
    desk.commit()
    edited(desk)
    desk.is_cut_off = True
    desk.do("draft.commit", message="late", rollout="canary", waves=["hall"])
    waiting, desk.outbox = desk.outbox, []
    desk.is_cut_off = False
    desk.world.commit(desk.world.set("wifi", SSID, "other"))
    desk.outbox = [desk.world.change(*_edits(waiting[0]), counter=90)]
    desk.deliver()
    (conflict,) = desk.ask("conflict.list")["conflicts"]
    assert [row["item"] for row in conflict["records"]] == [SSID]
    desk.do("conflict.resolve", id=conflict["id"], take="B")
    (running,) = rollouts.under_way(desk.log.state)
    assert running.progress.opened == 1
    assert desk.ask("conflict.list")["conflicts"] == []


def _edits(change: Any) -> list[Any]:
    return list(written_by(change))


def test_who_waits_for_nothing_is_told_so(desk: FakeDesk) -> None:
    assert reached.waits_for(desk, [desk.device_id]) == {}


@pytest.mark.parametrize("method", ["device.list", "rollout.show"])
def test_p12_who_is_there_is_not_asked_for_each_device(
    method: str, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    see(desk, "hall", "roof")
    edited(desk)
    ident = rolled(desk)["id"]
    gate(desk, OPEN_WORD)
    asked: list[int] = []

    def peers() -> dict[DeviceId, Peer]:
        asked.append(1)
        return dict(desk.seen)

    monkeypatch.setattr(desk, "peers", peers)
    desk.ask(method, **({"id": ident} if method == "rollout.show" else {}))
    assert len(asked) <= 2, "once of all, and once of those that wait to be let in"
