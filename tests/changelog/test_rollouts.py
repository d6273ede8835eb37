"""Rollouts: what waits for whom is said by the log alone, whoever reads it, and however (R1, R2)."""

from collections.abc import Sequence
from typing import Any

import pytest

from dusk import codec
from dusk.changelog import former, rollouts
from dusk.changelog.body import Change, Edit
from dusk.changelog.entry import APPLIED, EntryKind, Outcome, OutcomeCode
from dusk.changelog.items import unpack_entry_item, verified_entry
from dusk.changelog.log import Log
from dusk.changelog.released import Waits, released
from dusk.changelog.rollouts import ABORT, DONE, FORCE, GO, HOLD, OPEN_WORD, STOP_WORD, Progress
from dusk.changelog.sections import device_path
from dusk.config.device import managed_config, options_of
from dusk.effects import ItemKind
from dusk.errors import Refused, UntrustedInput
from dusk.ids import DeviceId
from dusk.keys.signing import NONE_VERIFIED, SigningKey
from tests.changelog.test_returning import came, comes_back, silent
from tests.granting import refuse
from tests.world import TIME_S, World

ONE, TWO = "0" * 31 + "1", "0" * 31 + "2"
SSID = "wireless.lan.ssid"


class Cluster(World):
    """A master, a canary and another router, which have policy wifi in common."""

    def __init__(self) -> None:
        super().__init__()
        self.allow_joining()
        self.canary, self.other = self.join("canary"), self.join("other")
        self.commit(self.set("wifi", SSID, "before"), self.assigned("wifi"))

    def assigned(self, policy: str, to: str = "all", names: Sequence[str] = (), priority: int = 100) -> Edit:
        return self.edit(f"assignment/{policy}", "to", (to, names, priority))

    def plan(self, name: str = ONE, *, waves: int = 2, failures: int = 0) -> Edit:
        return self.edit(f"rollout/{name}", "plan", (waves, failures))

    def wave(self, number: int, *devices: SigningKey, name: str = ONE, part: int = 0) -> Edit:
        ids = sorted(device.key_id for device in devices)
        return self.edit(f"rollout/{name}", f"part/{part}", (number, ids))

    def order(self, word: str, *, at_s: int = 0, failures: int | None = None, name: str = ONE) -> Edit:
        return self.edit(f"rollout/{name}", "order", (word, at_s, failures))

    def roll(self, *edits: Edit, name: str = ONE, waves: int = 2) -> Change:
        """Begin a rollout that reaches the canary at once."""
        change = self.change(*edits, self.plan(name, waves=waves), self.wave(0, self.canary, name=name))
        assert self.write(change).outcome == APPLIED
        return change

    def gate(self, word: str, name: str = ONE) -> None:
        self._keep(self.log.write_gate(f"rollout/{name}", word, self.stamp()))

    def refuses_gate(self, word: str, name: str = ONE) -> None:
        with pytest.raises(Refused) as refusal:
            self.log.write_gate(f"rollout/{name}", word, self.stamp())
        assert refusal.value.code == "no-gate"

    def progress(self, name: str = ONE) -> Progress:
        return rollouts.progress_of(self.log.state, name)

    def has(self, device: SigningKey, key: str = SSID, log: Log | None = None) -> str | None:
        """Return the value of an option, as it counts for a device."""
        of = DeviceId(device.key_id)
        found = options_of(managed_config(released(log or self.log, of).store, of))
        return found[key][1][0] if key in found else None

    def position(self, device: SigningKey) -> int:
        return released(self.log, DeviceId(device.key_id)).head.seq

    def under_way(self) -> list[str]:
        return [each.id for each in rollouts.under_way(self.log.state)]

    def replicas_agree(self) -> None:
        replica = self.replica()
        assert replica.head == self.log.head
        for device in (self.master, self.canary, self.other):
            assert self.has(device, log=replica) == self.has(device)


def test_a_rollout_reaches_its_first_wave_at_once_and_the_others_by_gates() -> None:
    world = Cluster()
    before = world.log.head.seq
    world.roll(world.set("wifi", SSID, "new"))
    assert (world.has(world.canary), world.has(world.other)) == ("new", "before")
    assert (world.position(world.canary), world.position(world.other)) == (world.log.head.seq, before)
    assert world.progress() == Progress(1, "", "")
    world.gate(OPEN_WORD)
    assert (world.has(world.other), world.progress().opened) == ("new", 2)
    assert world.under_way() == [ONE]
    world.gate(DONE)
    assert (world.under_way(), world.progress()) == ([], Progress(2, DONE, ""))
    assert "former/" + ONE not in list(world.log.state.sections())
    world.replicas_agree()


def test_what_comes_behind_a_rollout_waits_for_those_that_wait_for_it() -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "new"))
    world.commit(world.set("wifi", SSID, "newer"), world.set("wifi", "wireless.lan.key_x", "more"))
    world.commit(world.set("dns", "dhcp.lan.start", "7"), world.assigned("dns"))
    assert (world.has(world.canary), world.has(world.canary, "dhcp.lan.start")) == ("newer", "7")
    assert (world.has(world.other), world.has(world.other, "dhcp.lan.start")) == ("before", None)
    world.gate(OPEN_WORD)
    assert (world.has(world.other), world.has(world.other, "dhcp.lan.start")) == ("newer", "7")
    world.replicas_agree()


def test_who_is_not_concerned_waits_for_nothing() -> None:
    world = Cluster()
    alone = world.assigned("only", "devices", [world.canary.key_id.hex(), world.other.key_id.hex()])
    world.roll(world.set("only", "system.main.zonename", "x"), alone)
    world.commit(world.set("wifi", SSID, "newer"))
    assert (world.has(world.master), world.has(world.canary), world.has(world.other)) == (
        "newer",
        "newer",
        "before",
    )


def test_a_device_waits_where_a_rollout_gives_it_something_takes_it_away_or_moves_it() -> None:
    world = Cluster()
    world.commit(world.edit("group/attic", "made", (True,)), world.set("attic", "system.a.b", "old"))
    member = f"member/{world.other.key_id.hex()}"
    world.commit(world.assigned("attic", "groups", ["attic"]), world.edit("group/attic", member, (True,)))
    assert world.has(world.other, "system.a.b") == "old"
    world.roll(world.edit("assignment/attic", "to", None))
    assert world.has(world.other, "system.a.b") == "old"
    world.gate(OPEN_WORD)
    world.gate(DONE)
    assert world.has(world.other, "system.a.b") is None
    own = world.edit(f"{device_path(world.other.key_id)}/config", "var/name", ("x",))
    world.roll(own, name=TWO)
    assert Waits(world.log.state).of(DeviceId(world.other.key_id)) is not None
    assert Waits(world.log.state).of(DeviceId(world.master.key_id)) is None


@pytest.mark.parametrize("record", [("cluster", "var/x"), ("group/attic", "var/x")])
def test_a_variable_concerns_whom_it_is_for(record: tuple[str, str]) -> None:
    world = Cluster()
    world.commit(world.edit("group/attic", "made", (True,)))
    world.commit(world.edit("group/attic", f"member/{world.other.key_id.hex()}", (True,)))
    world.roll(world.edit(*record, ("v",)))
    waits = Waits(world.log.state)
    assert waits.of(DeviceId(world.other.key_id)) is not None
    assert (waits.of(DeviceId(world.master.key_id)) is not None) == (record[0] == "cluster")


def test_who_joins_meanwhile_waits_for_the_last_wave_and_is_what_it_is() -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "new"))
    late = world.join("late")
    assert world.has(late) == "before"
    world.commit(world.edit(device_path(late.key_id), "groups", (["attic"],)))
    world.gate(OPEN_WORD)
    assert world.has(late) == "new"
    world.commit(world.edit(device_path(late.key_id), "retired", (True,)))
    assert world.position(late) == world.log.head.seq


def test_who_was_removed_waits_for_nothing() -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "new"))
    world.commit(world.edit(device_path(world.other.key_id), "retired", (True,)))
    assert world.position(world.other) == world.log.head.seq


def test_two_rollouts_reach_a_device_one_after_the_other_in_the_order_of_the_log() -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "one"))
    world.roll(world.set("wifi", SSID, "two"), world.set("wifi", "wireless.lan.mode", "ap"), name=TWO)
    assert (world.has(world.canary), world.has(world.other)) == ("two", "before")
    world.gate(OPEN_WORD, TWO)
    assert world.has(world.other) == "before"
    world.gate(OPEN_WORD)
    assert world.has(world.other) == "two"
    world.replicas_agree()


def test_a_device_gets_what_came_before_a_later_rollout_when_the_first_has_reached_it() -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "one"))
    world.commit(world.set("wifi", "wireless.lan.mode", "ap"))
    world.roll(world.set("wifi", SSID, "two"), name=TWO)
    world.commit(world.set("wifi", SSID, "three"), world.set("wifi", "wireless.lan.mode", "sta"))
    world.gate(OPEN_WORD)
    assert (world.has(world.other), world.has(world.other, "wireless.lan.mode")) == ("one", "ap")
    world.gate(DONE)
    assert (world.has(world.other), world.has(world.other, "wireless.lan.mode")) == ("one", "ap")
    world.replicas_agree()


def test_what_a_rollout_kept_goes_to_the_one_before_it_when_it_ends_first() -> None:
    world = Cluster()
    world.roll(world.set("dns", "dhcp.lan.start", "1"), world.assigned("dns"))
    world.roll(world.set("wifi", SSID, "two"), world.set("dns", "dhcp.lan.start", "2"), name=TWO)
    world.commit(world.order(FORCE, name=TWO))
    assert world.under_way() == [ONE]
    assert (world.has(world.other), world.has(world.other, "dhcp.lan.start")) == ("before", None)
    assert (world.has(world.canary), world.has(world.canary, "dhcp.lan.start")) == ("two", "2")
    world.replicas_agree()
    world.commit(world.order(FORCE))
    assert (world.has(world.other), world.has(world.other, "dhcp.lan.start")) == ("two", "2")


def test_a_failure_stops_it_and_a_person_lets_it_go_on() -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "new"))
    canary = world.canary.key_id.hex()
    world.gate(STOP_WORD + canary)
    assert world.progress() == Progress(1, "", canary)
    world.refuses_gate(OPEN_WORD)
    world.commit(world.order(GO, failures=1))
    (running,) = rollouts.under_way(world.log.state)
    assert (running.runs, running.failures_max, running.progress.stopped_by) == (True, 1, "")
    world.gate(OPEN_WORD)
    world.replicas_agree()


def test_a_person_holds_it_and_lets_it_go() -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "new"))
    world.commit(world.order(HOLD))
    world.refuses_gate(OPEN_WORD)
    assert world.progress() == Progress(1, "", "")
    world.commit(world.order(GO))
    world.gate(OPEN_WORD)
    assert world.has(world.other) == "new"


def test_one_that_waits_for_a_person_begins_when_that_says_so() -> None:
    world = Cluster()
    world.commit(world.set("wifi", SSID, "new"), world.plan(), world.order(HOLD))
    assert (world.progress(), world.has(world.canary)) == (Progress(0, "", ""), "before")
    world.refuses_gate(OPEN_WORD)
    world.commit(world.order(GO))
    assert world.progress() == Progress(1, "", "")


def test_one_that_waits_for_a_time_begins_by_a_clock_that_is_trusted() -> None:
    world = Cluster()
    world.commit(world.set("wifi", SSID, "new"), world.plan(), world.order(GO, at_s=TIME_S + 60))
    assert world.progress() == Progress(0, "", "")
    world.refuses_gate(OPEN_WORD)
    world.time_s = TIME_S + 60
    with pytest.raises(Refused):
        world.log.write_gate(f"rollout/{ONE}", OPEN_WORD, world.stamp()._replace(clock_trusted=False))
    world.gate(OPEN_WORD)
    assert world.progress().opened == 1
    world.replicas_agree()


def test_to_abort_takes_back_what_it_brought() -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "new"), world.set("wifi", "wireless.lan.mode", "ap"))
    refuse(world, world.change(world.order(ABORT)), "not-put-back")
    refuse(world, world.change(world.order(ABORT), world.set("wifi", SSID, "before")), "not-put-back")
    mode = world.edit("policy/wifi", "set/wireless.lan.mode", None)
    world.commit(world.order(ABORT), world.set("wifi", SSID, "before"), mode)
    assert (world.under_way(), world.progress().ended) == ([], ABORT)
    for device in (world.canary, world.other):
        assert (world.has(device), world.has(device, "wireless.lan.mode")) == ("before", None)
    world.replicas_agree()


def test_to_abort_leaves_what_was_changed_since() -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "new"))
    world.commit(world.set("wifi", SSID, "mended"))
    world.commit(world.order(ABORT))
    assert world.has(world.other) == "mended"


@pytest.mark.parametrize("word", ["done", "opened", "stop ", "stop zz", f"stop {ONE}", ""])
def test_gates_do_nothing_else(word: str) -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "new"))
    world.refuses_gate(word)
    world.refuses_gate(OPEN_WORD, TWO)


def test_no_more_waves_are_opened_than_there_are() -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "new"))
    world.gate(OPEN_WORD)
    world.refuses_gate(OPEN_WORD)
    world.gate(DONE)
    world.refuses_gate(DONE)


def test_nothing_stops_that_has_not_begun() -> None:
    world = Cluster()
    world.commit(world.set("wifi", SSID, "new"), world.plan(), world.order(GO, at_s=TIME_S))
    world.refuses_gate(STOP_WORD + world.canary.key_id.hex())


def test_r2_a_replica_refuses_a_gate_that_is_not_open() -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "new"))
    replica = world.replica()
    world.gate(OPEN_WORD)
    entry, _ = unpack_entry_item(next(i for i in reversed(world.items) if i.kind is ItemKind.ENTRY).data)
    assert (entry.kind, entry.outcome) == (EntryKind.GATE, Outcome(OutcomeCode.APPLIED, None, OPEN_WORD))
    for outcome in (Outcome(OutcomeCode.APPLIED, None, DONE), APPLIED):
        with pytest.raises((Refused, UntrustedInput)):
            replica._judging.later(entry._replace(outcome=outcome), None, world.stamp(), NONE_VERIFIED)
    with pytest.raises(Refused):
        replica._judging.later(entry._replace(sections=()), None, world.stamp(), NONE_VERIFIED)
    replica.extend(world.items)
    assert replica.head == world.log.head


def test_r7_entries_that_end_rollouts_are_taken_back_whole() -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "new"))
    world.roll(world.set("wifi", SSID, "two"), name=TWO)
    at, state = world.log.head.seq, world.log.state
    looks = {path: state.section_hash(path) for path in state.sections()}
    world.gate(OPEN_WORD, TWO)
    world.commit(world.order(FORCE))
    world.commit(world.order(FORCE, name=TWO))
    ended = {path: state.section_hash(path) for path in state.sections()}
    left = world.log.leave(at)
    assert {path: state.section_hash(path) for path in state.sections()} == looks
    assert world.under_way() == [ONE, TWO]
    world.log.restore(left)
    assert {path: state.section_hash(path) for path in state.sections()} == ended


REFUSED = {
    "a second rollout in one change": lambda w: [w.plan(), w.plan(TWO)],
    "what the fold writes": lambda w: [w.edit(f"rollout/{ONE}", "progress", (1, "", ""))],
    "what is kept": lambda w: [w.edit(f"former/{ONE}", "of", (1, bytes(32)))],
    "a plan that is taken away": lambda w: [w.edit(f"rollout/{ONE}", "plan", None)],
    "waves alone": lambda w: [w.wave(0, w.canary)],
    "nothing that is rolled out": lambda w: [w.plan()],
    "a wave that there is not": lambda w: [w.set("wifi", SSID, "x"), w.plan(waves=1), w.wave(1, w.canary)],
    "a device twice": lambda w: [
        w.set("wifi", SSID, "x"),
        w.plan(),
        w.wave(0, w.canary),
        w.wave(1, w.canary, part=1),
    ],
    "an end at once": lambda w: [w.set("wifi", SSID, "x"), w.plan(), w.order(FORCE)],
}


@pytest.mark.parametrize("what", REFUSED)
def test_nobody_writes_what_is_not_a_rollout(what: str) -> None:
    world = Cluster()
    refuse(world, world.change(*REFUSED[what](world)), "bad-value")


def test_a_rollout_begins_once_and_what_has_ended_takes_no_order() -> None:
    world = Cluster()
    refuse(world, world.change(world.order(GO)), "rollout-over")
    world.roll(world.set("wifi", SSID, "x"))
    world.commit(world.order(FORCE))
    refuse(world, world.change(world.order(GO)), "rollout-over")
    refuse(world, world.change(world.set("wifi", SSID, "y"), world.plan()), "bad-value")


def test_r10_so_many_rollouts_are_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dusk.limits.ROLLOUTS_MAX", 1)
    world = Cluster()
    world.roll(world.set("wifi", SSID, "x"))
    more = world.change(world.set("wifi", SSID, "y"), world.plan(TWO))
    refuse(world, more, "too-many-rollouts")


@pytest.mark.parametrize("bound", ["FORMER_RECORDS_MAX", "FORMER_BYTES_MAX", "VALUE_BYTES_MAX"])
def test_r10_what_waits_behind_rollouts_is_bounded(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = Cluster()
    world.commit(world.set("wifi", SSID, "y" * 60_000))
    world.roll(world.set("wifi", "wireless.lan.mode", "ap"))
    more = world.change(world.set("wifi", SSID, "y"))
    state = world.log.state
    kept = sum(len(r.data or b"") for r in state.records(f"former/{ONE}").values())
    small = {"FORMER_RECORDS_MAX": 2, "FORMER_BYTES_MAX": kept + 60_000, "VALUE_BYTES_MAX": 60_010}[bound]
    monkeypatch.setattr(f"dusk.limits.{bound}", small)
    with pytest.raises(Refused) as refusal:
        world.log.write_change(more, world.stamp())
    assert refusal.value.code == "rollout-full"


def test_superseded_changes_do_nothing_to_rollouts() -> None:
    world = Cluster()
    stale = world.set("wifi", SSID, "stale")
    world.commit(world.set("wifi", SSID, "x"))
    entry = world.write(world.change(stale, world.plan()))
    assert entry.outcome.code is OutcomeCode.SUPERSEDED
    assert world.under_way() == []


def test_a_grant_for_rollouts_is_for_those_without_limits_to_groups() -> None:
    world = Cluster()
    bob = world.key()
    world.commit(world.edit("user/bob", "key", (bob.public,)))
    for prefix in ("policy", "rollout"):
        world.commit(world.edit("trust", f"grant/{prefix}", ([bob.key_id], 1, None, None, None)))
    world.write(world.change(world.set("wifi", SSID, "bob"), world.plan(), signers=(bob,)))
    assert world.under_way() == [ONE]
    world.commit(world.edit("trust", "grant/rollout", ([bob.key_id], 1, None, ["attic"], None)))
    refuse(world, world.change(world.order(FORCE), signers=(bob,)), "outside-grant")


def test_joint_changes_roll_out_too() -> None:
    world = Cluster()
    joint = world.change(world.set("wifi", SSID, "x"), world.plan(), counter=0)
    assert world.write(joint).outcome == APPLIED
    assert world.under_way() == [ONE]


def test_entries_name_what_they_keep() -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "x"))
    item = next(i for i in reversed(world.items) if i.kind is ItemKind.ENTRY)
    named = [path for path, _ in verified_entry(item).sections]
    assert named == [f"former/{ONE}", "policy/wifi", f"rollout/{ONE}"]
    row = world.log.state.value(f"former/{ONE}", "of")
    assert row is not None
    assert row[0] == 1


def test_p12_whom_a_rollout_concerns_is_read_once_for_all_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Cluster()
    world.commit(world.edit("group/attic", "made", (True,)))
    world.commit(world.assigned("attic", "groups", ["attic"]))
    joined = [DeviceId(world.join(f"box{at}").key_id) for at in range(4)]
    world.roll(*(world.set("attic", f"dhcp.lan.option{at}", "x") for at in range(40)))
    read: list[bytes] = []
    unpack = codec.unpack

    def counted(data: bytes, *, size_max: int) -> list[Any]:
        read.append(data)
        return unpack(data, size_max=size_max)

    waits = Waits(world.log.state)
    monkeypatch.setattr(codec, "unpack", counted)
    assert waits.of(joined[0]) is None
    assert len(read) > 40, "what is kept"
    read.clear()
    assert [waits.of(device) for device in joined] == [None] * 4
    assert len(read) < 40, "a device costs its groups, and not what the rollout changes"


def test_p12_what_nobody_waits_for_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "new"))
    world.gate(OPEN_WORD)
    monkeypatch.setattr("dusk.changelog.released.kept_of", lambda *_: pytest.fail("it was read"))
    assert world.position(world.other) == world.log.head.seq


def test_p12_a_change_that_nothing_is_kept_of_is_not_held_against_what_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "new"))
    monkeypatch.setattr(former.Keeping, "_check_room", lambda _: pytest.fail("it was counted"))
    world.commit(world.edit("user/bob", "key", (world.key().public,)))
    world.commit(world.set("wifi", SSID, "newer"))


def test_a20_who_takes_a_device_s_place_meanwhile_has_what_that_had() -> None:
    world = Cluster()
    world.joinkey = world.key()
    _, old = came(world)
    listed = ["devices", sorted([old.hex(), world.other.key_id.hex()]), 8]
    world.commit(world.edit("group/up", "made", (True,)), world.edit("group/down", "made", (True,)))
    world.commit(world.set("up", "system.up.name", "up"), world.assigned("up", "groups", ["up"]))
    world.commit(world.set("dns", "dhcp.lan.start", "1"))
    world.roll(world.set("wifi", SSID, "new"), world.edit("assignment/dns", "to", listed))
    config = f"{device_path(old)}/config"
    world.roll(world.set("dns", "dhcp.lan.start", "2"), world.edit(config, "var/x", ("x",)), name=TWO)
    key, other = world.key(), world.other
    assert comes_back(world, silent(old), key).outcome == APPLIED
    new = DeviceId(key.key_id)
    config = f"{device_path(new)}/config"
    store = released(world.log, new).store
    assert (world.has(key, "system.led.name"), world.has(key, "system.up.name")) == ("on", "up")
    assert store.value(config, "var/floor") == ["2"]
    assert (world.has(key), world.has(key, "dhcp.lan.start")) == ("before", None)
    assert world.has(other, "dhcp.lan.start") is None
    world.commit(world.edit(config, "set/system.led.name", None))
    assert (world.has(key, "system.led.name"), world.position(key)) == ("on", world.position(other))
    world.gate(OPEN_WORD)
    assert (world.has(key), world.has(key, "dhcp.lan.start")) == ("new", "1"), "the second is still to come"
    assert world.has(other, "dhcp.lan.start") == "1"
    world.gate(OPEN_WORD, TWO)
    assert (world.has(key, "dhcp.lan.start"), world.has(key, "system.led.name")) == ("2", None)
    world.replicas_agree()
