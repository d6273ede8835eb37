"""Whole nodes of which several may lead: one takes over, gives the lead back, and never too early."""

import pytest

from dusk.catchup.messages import Answer as StreamAnswer
from dusk.changelog.log import Log, verified_entry
from dusk.cycle.handback import STABLE_CYCLES
from dusk.cycle.messages import Kind
from dusk.effects import ChangeState, Datagram, Effect, ItemKind, SendMulticast
from dusk.ids import ChangeId
from tests.node.site import Box, Site

STEP_S = 0.05


def _settled_by_all(site: Site) -> bool:
    """Tell whether all that are on hold one log, and hold all of it for final."""
    return len(site.heads) == 1 and all(box.node.settled == box.node.log.head.seq for box in site.all)


def _ready(size: int = 4, holders: int = 2, cycle_ms: int = 5000) -> Site:
    """Return a cluster in which all is settled."""
    site = Site(size, holders=holders, cycle_ms=cycle_ms)
    site.until(lambda: _settled_by_all(site), 5 * cycle_ms / 1000, STEP_S)
    return site


def _is(box: Box, change: ChangeId, state: ChangeState) -> bool:
    told = box.told(change)
    return bool(told) and told[-1][0] is state


def _outbox(box: Box) -> list[str]:
    """Return the names of the changes that a disk keeps for its people."""
    return [name for name in box.saved if name.startswith("outbox/")]


def _epochs(box: Box) -> list[int]:
    """Return the epochs of a log, in its order, each as often as it has entries."""
    return [verified_entry(item).epoch for item in box.items if item.kind is ItemKind.ENTRY]


def _cut_to(items: list, seq: int) -> int:  # type: ignore[type-arg]  # items as a disk holds them
    """Return how many items hold all entries up to a position, with a signed head."""
    log, count = Log(None), 0
    for place in range(1, len(items) + 1):
        if items[place - 1].kind is ItemKind.HEAD:
            log = Log(None)
            log.extend(items[:place])
            if log.head.seq == seq:
                count = place
    assert count, "no signed head there"
    return count


# --- takeover -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("cycle_ms", "within_s"), [(5000, 20.0), (500, 3.0)])
def test_p11_the_backup_takes_over_in_time_and_makes_a_change_of_another_member_durable(
    cycle_ms: int, within_s: float
) -> None:
    site = _ready(cycle_ms=cycle_ms)
    backup, member = site.all[1:3]
    site.master.on = False
    change = member.commit("while nobody led")
    took_s = site.until(lambda: _is(member, change.id, ChangeState.DURABLE), within_s, STEP_S)
    assert took_s <= within_s
    assert site.leaders == [backup]
    assert member.node.log.position_of(change.id) is not None


def test_p11_where_two_are_silent_the_third_of_the_succession_takes_over() -> None:
    site = _ready(4, holders=3)
    site.master.on = site.all[1].on = False
    took_s = site.until(lambda: site.all[2].node.leads, 35.0, STEP_S)
    assert took_s > 3 * 5.0, "the one before it is waited for"
    site.until(lambda: len(site.heads) == 1, 10.0, STEP_S)


def test_of_three_that_may_lead_the_next_one_does_and_no_other_tries() -> None:
    site = _ready(4, holders=3)
    before = site.all[2].node.log.head.epoch
    site.master.on = False
    site.until(lambda: bool(site.leaders), 20.0, STEP_S)
    site.run(60.0)
    assert site.leaders == [site.all[1]]
    assert site.all[2].node.log.head.epoch == before + 1


def test_a_member_without_a_place_in_the_succession_never_leads() -> None:
    site = _ready(3, holders=2)
    site.master.on = site.all[1].on = False
    site.run(300.0)
    assert site.leaders == []


def test_r5_the_old_master_returns_follows_and_leads_again_by_a_handover_without_a_fork() -> None:
    site = _ready(cycle_ms=500)
    old, backup = site.all[:2]
    old.on = False
    site.until(lambda: backup.node.leads, 3.0, STEP_S)
    change = site.all[3].commit("under the backup")
    site.run(2.0)
    old.restart()
    site.until(lambda: len(site.heads) == 1, 10.0, STEP_S)
    assert not old.node.leads
    waited_s = site.until(lambda: old.node.leads, 30.0, STEP_S)
    assert waited_s >= STABLE_CYCLES * 0.5
    assert site.leaders == [old]
    site.until(lambda: _settled_by_all(site), 10.0, STEP_S)
    assert old.node.log.position_of(change.id) is not None
    assert [box.branches for box in site.all] == [[]] * 4
    assert [box.node.alarms for box in site.all] == [{}] * 4
    epochs = _epochs(site.all[2])
    assert epochs == sorted(epochs)


def test_the_lead_is_kept_while_the_first_is_away_now_and_then() -> None:
    site = _ready(3, cycle_ms=500)
    old, backup = site.all[:2]
    old.on = False
    site.until(lambda: backup.node.leads, 3.0, STEP_S)
    for _ in range(4):
        old.restart()
        site.run(0.9 * STABLE_CYCLES * 0.5)
        old.on = False
        site.run(1.0)
    assert site.leaders == [backup]


def test_a_leader_that_handed_over_leads_again_if_its_successor_died() -> None:
    site = _ready(3, cycle_ms=500)
    old, backup, member = site.all
    old.on = False
    site.until(lambda: backup.node.leads, 3.0, STEP_S)
    old.restart()
    site.until(lambda: backup.node.log.handed_over, 30.0)
    old.on = False
    change = member.commit("between two leaders")
    assert member.node.log.position_of(change.id) is None
    site.until(lambda: _is(member, change.id, ChangeState.DURABLE), 5.0, STEP_S)
    assert site.leaders == [backup]
    assert not backup.node.log.handed_over


def test_a_change_that_comes_between_a_handover_and_the_next_epoch_is_written_in_that() -> None:
    site = _ready(3, cycle_ms=500)
    old, backup, _ = site.all
    old.on = False
    site.until(lambda: backup.node.leads, 3.0, STEP_S)
    old.restart()
    site.until(lambda: backup.node.log.handed_over, 30.0)
    assert backup.node.leads, "its cycles go on until another leads"
    change = backup.commit("too late for this epoch")
    site.until(lambda: old.node.leads, 2.0)
    site.until(lambda: _is(backup, change.id, ChangeState.DURABLE), 5.0, STEP_S)
    seq = backup.node.log.position_of(change.id)
    assert seq is not None
    assert site.leaders == [old]


# --- what is no reason to take over ----------------------------------------------------------------


@pytest.mark.parametrize("cycle_ms", [5000, 500])
def test_a44_a_dead_link_between_master_and_backup_changes_no_leader(cycle_ms: int) -> None:
    site = _ready(cycle_ms=cycle_ms)
    epoch = site.master.node.log.head.epoch
    site.cut_link(site.master, site.all[1])
    site.run(40 * cycle_ms / 1000)
    assert site.leaders == [site.master]
    site.all[2].commit("reaches both sides")
    site.run(4 * cycle_ms / 1000)
    assert len(site.heads) == 1
    assert site.master.node.log.head.epoch == epoch


def _recorded(site: Site, kind: Kind) -> list[Datagram]:
    """Return what the master has sent to all of one kind, as it would arrive again."""
    sent = (effect for effect in site.master.of(SendMulticast) if isinstance(effect, SendMulticast))
    return [Datagram(effect.data, site.master.address, None) for effect in sent if effect.data[8] == kind]


def test_a3_starts_that_are_withheld_from_the_backup_alone_are_no_reason_to_lead() -> None:
    site = _ready(3)
    backup = site.all[1]
    site.lost = lambda _, to, data: to == backup.name and data[8] == Kind.START
    site.run(100.0)
    assert site.leaders == [site.master]
    assert backup.node.fresh(site.now)


def test_a3_replayed_starts_of_a_dead_master_do_not_stop_the_backup() -> None:
    site = _ready(3)
    backup = site.all[1]
    recorded = _recorded(site, Kind.START)
    site.master.on = False
    died_at, replayed = site.now, 0
    while not backup.node.leads:
        assert site.now - died_at < 20.0
        backup.give(recorded[replayed % len(recorded)])
        replayed += 1
        site.run(0.5)
    assert replayed > 10


def test_a3_a_master_whose_starts_and_answers_are_all_withheld_is_shown_stale_and_replaced() -> None:
    site = _ready(3)
    old, backup, member = site.all
    site.lost = lambda sender, _, data: (
        sender == old.name and data[8] in (Kind.START, Kind.PONG, Kind.RELAYED)
    )
    site.until(lambda: not member.node.fresh(site.now), 20.0, STEP_S)
    site.until(lambda: backup.node.leads, 20.0, STEP_S)
    site.until(lambda: not old.node.leads, 20.0, STEP_S)
    assert site.leaders == [backup]
    site.lost = lambda *_: False
    site.until(lambda: len(site.heads) == 1, 20.0, STEP_S)


# --- an older disk ----------------------------------------------------------------------------------


def _forget(site: Site, box: Box) -> int:
    """Give a device its disk as it was before the last change; return how many items that has."""
    return _cut_to(box.items, box.node.log.head.seq - 1)


@pytest.mark.parametrize("place", [0, 1], ids=["master", "backup"])
def test_a28_a_holder_with_an_older_disk_fetches_what_it_lacks_before_it_leads(place: int) -> None:
    site = _ready(4)
    box = site.all[place]
    others = [other for other in site.all if other is not box]
    site.master.commit("kept by the others")
    site.until(lambda: _settled_by_all(site), 20.0, STEP_S)
    newest, count = box.node.log.head, _forget(site, box)
    box.on = False
    site.run(1.0)
    others[0].on = False  # nobody else may lead
    box.restart(count)
    assert box.node.log.head.seq < newest.seq
    site.until(lambda: box.node.leads, 40.0, STEP_S)
    assert box.node.log.chain_at(newest.seq) == newest.chain
    site.until(lambda: len(site.heads) == 1, 20.0, STEP_S)
    assert [other.branches for other in site.all] == [[]] * 4


@pytest.mark.parametrize("known", [1, 4], ids=["founding", "before the others joined"])
def test_a28_a_backup_whose_old_disk_knows_nobody_that_is_there_leads_only_with_their_log(known: int) -> None:
    site = Site(2, holders=2)
    backup = site.all[1]
    site.until(lambda: _settled_by_all(site), 20.0, STEP_S)
    count = _cut_to(backup.items, 1) if known == 1 else len(backup.items)
    for name in ("10.0.0.8", "10.0.0.9"):
        site.let_in(name)
    site.until(lambda: _settled_by_all(site), 30.0, STEP_S)
    newest = backup.node.log.head
    backup.on = site.master.on = False
    site.run(1.0)
    backup.restart(count)
    site.until(lambda: backup.node.leads, 60.0, STEP_S)
    assert backup.node.log.chain_at(newest.seq) == newest.chain
    assert backup.branches == []


# --- what is settled --------------------------------------------------------------------------------


def test_r3_settled_rises_at_all_devices_and_stays_where_it_was_while_a_holder_is_absent() -> None:
    site = _ready(4)
    backup, member = site.all[1:3]
    change = member.commit("acknowledged by both")
    assert _outbox(member)
    site.until(lambda: not _outbox(member), 15.0, STEP_S)
    assert member.node.log.position_of(change.id) is not None
    site.until(lambda: _settled_by_all(site), 15.0, STEP_S)
    before = site.master.node.settled
    backup.on = False
    change = member.commit("acknowledged by one")
    site.run(60.0)
    assert _is(member, change.id, ChangeState.DURABLE)
    assert {box.node.settled for box in site.all} == {before}
    assert site.master.node.log.head.seq > before
    assert _outbox(member), "it is kept until it is settled"
    backup.restart()
    site.until(lambda: _settled_by_all(site), 20.0, STEP_S)
    assert not _outbox(member)


# --- who leads no more ------------------------------------------------------------------------------


def test_who_steps_down_passes_on_what_streams_brought(monkeypatch: pytest.MonkeyPatch) -> None:
    site = _ready(3, cycle_ms=500)
    old, backup, _ = site.all
    told: list[ChangeId] = []

    def tell(about: ChangeId, _answer: StreamAnswer, _now: float) -> list[Effect]:
        told.append(about)
        return []

    monkeypatch.setattr(old.node._rooms.writing, "_answer_streams", tell)
    site.part([old], [backup, site.all[2]])
    site.until(lambda: backup.node.leads, 3.0, STEP_S)
    world = site.world
    change = world.change(world.set("wifi", "wireless.a.ssid", "by a stream"), device=site.all[2].key)
    by_datagram = world.change(world.set("wifi", "wireless.b.ssid", "by none"), device=site.all[2].key)
    writing = old.node._rooms.writing
    writing.queue(by_datagram, b"somebody", site.now)
    assert writing.on_stream(change, site.now, b"somebody") == []
    old.do(writing.step_down(site.now))
    assert old.node.waiting_changes() == (change.id,)
    assert not old.node.leads
    site.heal()
    site.until(lambda: told == [change.id], 10.0, STEP_S)
    site.until(lambda: old.node.log.position_of(change.id) is not None, 5.0, STEP_S)
    assert old.node.log.position_of(by_datagram.id) is None


def test_r3_what_a_stream_brought_before_what_it_follows_is_written_by_no_new_leader() -> None:
    """Whoever handed it in comes again; written first it would keep the other out for ever."""
    site = _ready(3, cycle_ms=500)
    world, author = site.world, site.all[2].key
    first = world.change(world.set("wifi", "wireless.a.ssid", "1"), device=author, counter=5)
    second = world.change(world.set("wifi", "wireless.b.ssid", "2"), device=author, counter=6)
    backup = site.all[1]
    assert backup.node._rooms.writing.on_stream(second, site.now, b"somebody", first.id) == []
    site.part([site.all[0]], site.all[1:])
    site.until(lambda: backup.node.leads, 5.0, STEP_S)
    site.run(1.0)
    assert backup.node.log.position_of(second.id) is None
    for change, after in ((first, None), (second, first.id)):
        backup.do(backup.node._rooms.writing.on_stream(change, site.now, b"somebody", after))
    site.run(1.0)
    seqs = [backup.node.log.position_of(change.id) for change in (first, second)]
    assert seqs[0] is not None
    assert seqs[1] == seqs[0] + 1


def test_a_certificate_that_a_stream_brings_ends_the_wait_of_the_outbox_too() -> None:
    site = _ready(3)
    member = site.all[2]
    site.all[1].on = False
    change = member.commit("waits for the backup")
    site.until(lambda: _is(member, change.id, ChangeState.DURABLE), 10.0, STEP_S)
    site.all[1].restart()
    site.part(site.all[:2], [member])
    site.until(lambda: site.master.node.settled == site.master.node.log.head.seq, 20.0, STEP_S)
    assert _outbox(member)
    certificates = [item for item in site.master.items if item.kind is ItemKind.CERTIFICATE]
    member.do(member.node._rooms.took(certificates[-1:], site.now))
    assert member.node.settled == site.master.node.settled
    assert not _outbox(member)
