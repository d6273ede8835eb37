"""Who leads when the master is silent, cut off, replayed or back: rings of real logs and followers."""

from functools import partial

import pytest

from dusk.changelog.entry import EntryKind
from dusk.changelog.log import verified_entry
from dusk.cycle.messages import Kind
from dusk.effects import Address, ItemKind
from tests.cycle.holders import HolderRing
from tests.cycle.ring import CYCLE_S


def calm(size: int = 4, holders: int = 2, seed: int = 1, loss: float = 0.0) -> HolderRing:
    ring = HolderRing(size, holders, seed, loss)
    ring.run(6 * CYCLE_S)
    for node in ring.nodes:
        node.dropped.clear()
    ring.sent.clear()
    return ring


def kinds(ring: HolderRing) -> list[EntryKind]:
    return [verified_entry(item).kind for item in ring.world.items if item.kind is ItemKind.ENTRY]


def test_p11_the_backup_leads_within_three_cycles_of_the_last_start() -> None:
    ring = calm()
    ring.master.on, at = False, ring.now
    ring.run(4 * CYCLE_S)
    ((place, led_at),) = ring.led_since(at)
    assert place == 1
    assert led_at - at <= 3 * CYCLE_S + 0.1
    ring.run(2 * CYCLE_S)
    assert all(node.follower.fresh(ring.now) for node in ring.nodes[2:])
    assert {node.log.head for node in ring.nodes[1:]} == {ring.nodes[1].log.head}


def test_while_the_master_is_heard_nobody_else_leads() -> None:
    ring = calm(loss=0.1)
    at = ring.now
    ring.run(100 * CYCLE_S)
    assert ring.led_since(at) == []


def test_the_third_leads_when_master_and_backup_are_gone_and_not_before() -> None:
    ring = calm(holders=3)
    ring.nodes[0].on = ring.nodes[1].on = False
    at = ring.now
    ring.run(6 * CYCLE_S)
    ((place, led_at),) = ring.led_since(at)
    assert place == 2
    assert 3 * CYCLE_S < led_at - at <= 4 * CYCLE_S + 1.1


def test_a3_recorded_starts_of_a_dead_master_do_not_keep_the_backup_from_leading() -> None:
    ring = calm()
    backup = ring.all[1]
    backup.on = False  # what the attacker holds back
    ring.run(3 * CYCLE_S)
    held_back = [data for data in ring.of(Kind.START) if data not in ring.of(Kind.RELAYED)]
    ring.master.on, backup.on = False, True
    at = ring.now
    for number, data in enumerate(held_back * 3):
        ring.after(1.5 * number, partial(backup.handle, data, ring.master.address))
    ring.run(4 * CYCLE_S)
    assert ring.leaders == [1]
    assert ring.led_since(at)[0][1] - at <= 3 * CYCLE_S + 0.1


def test_a3_stale_is_said_from_when_the_last_start_is_one_and_a_half_cycles_old() -> None:
    ring = calm()
    ring.master.on = False
    ring.run(1.6 * CYCLE_S)
    assert not any(node.follower.fresh(ring.now) for node in ring.nodes[1:])


@pytest.mark.parametrize("loss", [0.0, 0.1])
def test_a44_a_dead_link_between_master_and_backup_makes_no_second_master(loss: float) -> None:
    ring = calm(size=5, loss=loss)
    ring.cut(0, 1)
    at = ring.now
    ring.run(60 * CYCLE_S)
    assert ring.led_since(at) == []
    assert ring.leaders == [0]
    assert ring.nodes[1].follower.master == ring.master.station.peers.own_id


def test_a44_through_a_single_member_too() -> None:
    ring = calm(size=3)
    ring.cut(0, 1)
    at = ring.now
    ring.run(60 * CYCLE_S)
    assert ring.led_since(at) == []


def test_a44_a_cut_off_backup_still_takes_over_when_the_master_dies() -> None:
    ring = calm(size=3)
    ring.cut(0, 1)
    ring.run(20 * CYCLE_S)
    ring.master.on, at = False, ring.now
    ring.run(5 * CYCLE_S)
    ((place, led_at),) = ring.led_since(at)
    assert place == 1
    assert led_at - at <= 3 * CYCLE_S + 0.1


def test_a44_what_the_master_writes_reaches_a_backup_that_hears_him_through_others() -> None:
    ring = calm(size=3)
    ring.cut(0, 1)
    ring.run(3 * CYCLE_S)
    seq = ring.commit()
    ring.run(5 * CYCLE_S)
    assert ring.nodes[1].log.head.seq == seq


def test_a44_a_start_that_was_passed_on_moves_no_address_and_gets_no_answer() -> None:
    ring = calm(size=3)
    backup, before = ring.nodes[1], ring.nodes[1].follower.master_address
    ring.cut(0, 1)
    ring.run(3 * CYCLE_S)
    assert ring.of(Kind.RELAYED)
    assert backup.follower.fresh(ring.now)
    assert backup.follower.master_address == before == ring.master.address
    since = len(ring.sent)
    relayed = next(data for data in reversed(ring.of(Kind.RELAYED)))
    backup.handle(relayed, Address("10.0.0.2", 1))  # once more: its challenge is spent
    assert backup.dropped[-1] == "RELAYED: echoes no open challenge of ours"
    assert len(ring.sent) == since


def test_a28_a_backup_with_an_old_disk_fetches_before_it_leads() -> None:
    ring = calm(size=4)
    backup = ring.all[1]
    backup.on = False
    ring.commit()
    ring.run(CYCLE_S)
    ring.master.on, backup.on, backup.catch_up = False, True, False  # only the takeover fetches
    at = ring.now
    ring.run(6 * CYCLE_S)
    ((place, _),) = ring.led_since(at)
    assert place == 1
    assert backup.fetched
    assert backup.log.head.seq > ring.master.log.head.seq


def test_what_all_holders_have_is_settled_at_every_member() -> None:
    ring = calm(size=4)
    seq = ring.commit()
    ring.run(3 * CYCLE_S)
    assert [node.log.settled for node in ring.nodes] == [seq] * 4
    long = [len(data) for data in ring.of(Kind.START)]
    assert max(long) > 256
    ring.sent.clear()
    ring.run(10 * CYCLE_S)
    assert max(map(len, ring.of(Kind.START))) <= 256
    assert max(map(len, ring.of(Kind.RESPOND))) <= 160


def test_a41_with_a_holder_away_nothing_is_settled_and_writing_goes_on() -> None:
    ring = calm(size=4)
    ring.nodes[1].on = False
    before = ring.master.log.settled
    seq = ring.commit()
    ring.run(10 * CYCLE_S)
    assert {node.log.settled for node in ring.nodes} == {before}
    assert ring.nodes[2].log.head.seq == seq


def test_the_lead_goes_back_to_the_first_when_it_was_there_for_twenty_cycles() -> None:
    ring = calm()
    ring.master.on = False
    ring.run(5 * CYCLE_S)
    backup, first = ring.all[1], ring.all[0]
    assert backup.leader is not None
    first.on, at = True, ring.now
    first.step_down()
    first.log.extend(ring.world.items)
    first.place()
    while not backup.leader.may_hand_back(ring.now):
        ring.run(CYCLE_S)
    assert 20 * CYCLE_S <= ring.now - at <= 24 * CYCLE_S
    backup.hand_over()
    handed_at = ring.now
    ring.run(1.0)
    assert ring.leaders == [0]
    assert ring.led_since(handed_at)[0][0] == 0
    ring.run(30 * CYCLE_S)
    assert ring.leaders == [0]
    assert kinds(ring)[-2:] == [EntryKind.HANDOVER, EntryKind.OPEN]


def test_a_first_that_misses_starts_is_not_given_the_lead() -> None:
    ring = calm()
    ring.master.on = False
    ring.run(5 * CYCLE_S)
    backup = ring.all[1]
    assert backup.leader is not None
    for _ in range(40):
        ring.run(CYCLE_S)
        assert not backup.leader.may_hand_back(ring.now)
