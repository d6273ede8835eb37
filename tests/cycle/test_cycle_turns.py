"""The rarer turns of a cycle."""

from dataclasses import replace

import pytest

from dusk.changelog import views
from dusk.changelog.log import Log
from dusk.cycle.datagrams import Opened
from dusk.cycle.leader import START_GAP_S, Leader
from dusk.cycle.messages import (
    Kind,
    Pong,
    decode_respond,
    decode_start,
)
from dusk.cycle.peers import roster
from dusk.cycle.questions import Hello
from dusk.cycle.status import Status, encode_health
from dusk.effects import Address, Link
from dusk.ids import DeviceId
from tests.cycle.ring import CYCLE_S, Ring, quiet_ring, respond_of, rest, start_by


def test_nobody_waits_for_answers_to_an_idle_start_p7() -> None:
    ring = quiet_ring()
    leader, sent_at = ring.leader, ring.leader.deadline
    ring.run(sent_at - ring.now)
    window_s = leader.unhurried_until - sent_at
    assert window_s == pytest.approx(4 * (len(ring.nodes)) / 1000)
    ring.commit()
    assert leader.unhurried_until <= ring.now
    ring.run(1.0)
    assert leader.unhurried_until == pytest.approx(sent_at + START_GAP_S)


def test_status_and_health_reach_the_master_and_are_sent_until_they_did() -> None:
    ring = quiet_ring()
    member = ring.nodes[1]
    head = member.log.head
    status = Status(*member.follower.version, 0, head.seq, head.chain, head.seq, (), "applied", "", ())
    member.follower.answers.status = lambda: status.sign(member.key, ring.world.cluster)
    member.follower.answers.health = encode_health({"uptime": 5})
    ring.loss = 1.0
    ring.run(2 * CYCLE_S)
    ring.loss = 0.0
    ring.run(3 * CYCLE_S)
    peer = ring.master.station.peers.get(member.station.peers.own_id)
    assert peer is not None
    assert (peer.status, peer.health) == (status, member.follower.answers.health)
    ring.sent.clear()
    ring.run(2 * CYCLE_S)
    assert all(len(data) <= 180 for node, data, _ in ring.sent if node is member)
    restarted = replace(status, epoch=0, state="idle")
    member.follower.answers.status = lambda: restarted.sign(member.key, ring.world.cluster)
    ring.run(2 * CYCLE_S)
    assert peer.status == restarted
    member.follower.answers.status = lambda: bytes(2000)
    ring.run(2 * CYCLE_S)
    assert peer.status == restarted


def test_an_apply_that_ends_is_told_at_once_and_a_replay_of_it_changes_nothing() -> None:
    ring = quiet_ring()
    member, head = ring.nodes[1], ring.master.log.head
    assert member.follower.reported(ring.now)
    status = Status(*member.follower.version, 9, head.seq, head.chain, head.seq, (), "committed", "", ())
    older = replace(status, count=8, state="applied")
    peer = ring.master.station.peers.get(member.station.peers.own_id)
    assert peer is not None
    member.follower.answers.status = lambda: status.sign(member.key, ring.world.cluster)
    datagrams = member.follower.reported(ring.now)
    member.follower.answers.status = lambda: older.sign(member.key, ring.world.cluster)
    datagrams += member.follower.reported(ring.now)
    member.follower.answers.status = lambda: status.sign(member.key, ring.world.cluster)
    member.do(datagrams)
    ring.run(0.1)
    assert peer.status == status
    heard_at = peer.heard_at
    member.do(datagrams)
    ring.run(0.1)
    assert (peer.status, peer.heard_at) == (status, heard_at)
    answers = [member.follower.reported(ring.now) for _ in range(4)]
    assert answers[-1] == [], "four answers to one START, no more"


def test_who_answered_a_start_as_often_as_it_may_does_not_answer_again_as_its_log_grows() -> None:
    ring = quiet_ring()
    frugal, eager = (node.follower for node in ring.nodes[1:])
    while frugal.reported(ring.now):
        pass
    for node in ring.nodes[1:]:
        node.on = False
    ring.commit()
    for node in ring.nodes[1:]:
        node.log.extend(ring.world.items)
    assert eager.stored(ring.now + CYCLE_S)
    assert frugal.stored(ring.now + CYCLE_S) == []


def test_whoever_has_heard_no_start_or_is_about_to_answer_reports_nothing() -> None:
    ring = Ring(3)
    member = ring.nodes[1]
    assert member.follower.reported(ring.now) == []
    assert member.follower.present(ring.now) == set()
    ring.run(0.0015)
    assert member.follower.reported(ring.now) == []


def test_a_member_knows_from_the_bitmap_who_is_there() -> None:
    ring = quiet_ring(4)
    ids = [node.station.peers.own_id for node in ring.nodes]
    member, lost = ring.nodes[1], ring.nodes[3]
    assert member.follower.present(ring.now) == {ids[2], ids[3]}
    lost.on = False
    ring.run(5 * CYCLE_S)
    assert member.follower.present(ring.now) == {ids[2]}
    ring.master.on = False
    ring.run(2 * CYCLE_S)
    assert member.follower.present(ring.now) == set()


def test_a_master_that_starts_again_gets_every_status_again() -> None:
    ring = quiet_ring()
    member, head = ring.nodes[1], ring.master.log.head
    status = Status(*member.follower.version, 0, head.seq, head.chain, head.seq, (), "committed", "", ())
    member.follower.answers.status = lambda: status.sign(member.key, ring.world.cluster)
    ring.run(2 * CYCLE_S)
    peer = ring.master.station.peers.get(member.station.peers.own_id)
    assert peer is not None
    peer.status, peer.status_bytes, peer.answered = None, b"", (0, 0, 0, 0)
    ring.world.open()
    ring.leader = ring.master.leader = Leader(ring.master.station, CYCLE_S, ring.now)
    ring.run(3 * CYCLE_S)
    assert peer.status == status


def test_a_member_that_left_is_not_asked_and_does_not_answer() -> None:
    ring = quiet_ring()
    member = ring.nodes[1]
    others = [each for each in views.members(member.log.state) if each.public != member.key.public]
    member.station.peers.take(roster(others, [DeviceId(ring.master.key.key_id)]))
    ring.sent.clear()
    ring.run(CYCLE_S)
    assert not [data for node, data, _ in ring.sent if node is member and data[8] == Kind.RESPOND]


def test_links_ipv6_alone_once_all_answer_on_it_and_both_while_somebody_is_missing() -> None:
    ring = quiet_ring()
    both = (Link("lan", 4), Link("lan", 6), Link("guest", 4))
    ring.master.station.links = both
    audience = ring.leader._audience
    online = audience.online(ring.now, CYCLE_S)
    assert audience.links(1, online) == (both[0], both[2])
    for peer in online:
        peer.address = Address("fe80::1%lan", 3875)
    assert audience.links(1, online) == (both[1], both[2])
    assert audience.links(60, online) == both
    online[0].address = Address("2001:db8::1", 3875)
    online[1].address = Address("10.0.0.1", 3875)
    assert set(audience.links(1, online)) == set(both)
    online[0].missed = 1
    audience.judge(range(0), set(), online)
    assert audience.links(1, online) == both


def test_a_member_prefers_to_answer_by_ipv6() -> None:
    ring = quiet_ring()
    member = ring.nodes[1]
    six = Address("fe80::1%lan", 3875)
    data = start_by(ring, ring.master.key, ring.world.log.head, rest(ring.master.key))
    member.handle(data, ring.master.address)
    member.handle(data, six)
    assert member.follower.master_address == six


def test_above_256_members_slices_answer_in_turn_and_new_heads_are_repeated_blindly() -> None:
    ring = quiet_ring()
    peers = ring.master.station.peers
    peers.count = 300
    ring.sent.clear()
    ring.leader.announce([((), ring.world.log.head)], ring.now)
    firsts = []
    for _ in range(4):
        ring.run(CYCLE_S)
        opened = ring.nodes[1].station.channel.open(ring.of(Kind.START)[-1], ring.master.address)
        assert isinstance(opened, Opened)
        what = decode_start(opened.plaintext).rest
        firsts.append((what.slice_first, what.slice_count))
    assert set(firsts) == {(0, 256), (256, 44)}
    ring.sent.clear()
    ring.commit()
    ring.run(0.5)
    assert len(ring.of(Kind.START)) == 4


def test_no_pong_before_the_first_start_and_none_from_an_empty_log() -> None:
    ring = Ring(2)
    member = ring.nodes[1]
    hello = member.station.channel.seal_group(
        Kind.HELLO, Hello(member.station.peers.own_id, bytes(8)).encode()
    )
    ring.master.leader = Leader(ring.master.station, CYCLE_S, ring.now)
    ring.master.handle(hello, member.address)
    assert ring.sent == []
    member.station.log = Log(ring.world.cluster)
    ring.master.station.log = Log(ring.world.cluster)
    opened = ring.master.station.channel.open(hello, member.address)
    assert isinstance(opened, Opened)
    assert ring.master.follower.on_hello(replace(opened, kind=Kind.ASK), ring.now) == []


def test_respond_to_the_start_that_a_pong_names_makes_the_master_know_us_at_once() -> None:
    ring = Ring(2)
    ring.nodes[1].on = False
    ring.run(12.0)
    ring.nodes[1].on = True
    ring.run(0.5)
    assert ring.leader.online(ring.now) == [ring.nodes[1].station.peers.own_id]
    assert ring.nodes[1].follower.fresh(ring.now)
    opened = ring.master.station.channel.open(respond_of(ring, ring.nodes[1]), ring.nodes[1].address)
    assert isinstance(opened, Opened)
    assert decode_respond(opened.plaintext).head == ring.world.log.head


def test_an_empty_log_answers_no_lower_epoch_and_nothing_is_due_early() -> None:
    ring = quiet_ring()
    member = ring.nodes[1]
    step = member.follower.tick(ring.now)
    assert (step.effects, step.outcome) == ((), None)
    assert ring.leader.tick(ring.now) == []
    assert member.follower.refused().outcome is None
    newest, member.log.newest = member.log.newest, None
    member.log.head = replace(member.log.head, epoch=2)
    member.handle(
        start_by(ring, ring.master.key, ring.world.log.head, rest(ring.master.key)), ring.master.address
    )
    assert newest is not None
    assert (member.outcomes, member.dropped, ring.of(Kind.PONG)) == ([], [], [])


def test_a_pong_is_not_longer_than_what_it_answers_unless_the_source_is_proven() -> None:
    ring = quiet_ring()
    member = ring.nodes[1]
    newest = ring.world.log.newest
    peer = ring.master.station.peers.get(member.station.peers.own_id)
    assert peer is not None
    assert newest is not None
    opened = Opened(Kind.RESPOND, peer, b"", bytes(24), member.address, 150)
    pong = Pong(bytes(8), 1, bytes(8), newest)
    station = ring.master.station
    assert station.pong(opened, peer, pong, ring.now) == []
    assert len(station.pong(opened, peer, pong, ring.now, proven=True)) == 1
    assert station.pong(opened, peer, pong, ring.now + 0.01, proven=True) == []


def test_the_cycle_time_can_change() -> None:
    ring = quiet_ring()
    ring.leader.cycle_s = 1.0
    for node in ring.nodes:
        node.follower.cycle_changed(1.0)
    ring.run(CYCLE_S)
    ring.sent.clear()
    ring.run(10.0)
    assert 9 <= len(ring.of(Kind.START)) <= 11
    assert ring.nodes[1].follower.fresh(ring.now)


def test_a_restart_of_the_master_is_a_new_epoch_that_all_follow() -> None:
    ring = quiet_ring(4)
    item = ring.world.log.write_open(ring.world.stamp())
    ring.leader = ring.master.leader = Leader(ring.master.station, CYCLE_S, ring.now)
    announced = ring.leader.announce([((item,), ring.world.log.head)], ring.now)
    ring.world.items += [item, ring.world.log.signed(announced.signed_head)]
    ring.master.do(announced.effects)
    ring.run(2 * CYCLE_S)
    assert {node.log.head for node in ring.nodes} == {ring.world.log.head}
    assert all(node.follower.fresh(ring.now) for node in ring.nodes[1:])
    assert ring.leader.durable == ring.world.log.head.seq


def test_a_holder_of_the_succession_answers_every_start_in_its_own_slot() -> None:
    ring = quiet_ring()
    backup = ring.nodes[1]
    members = views.members(backup.log.state)
    succession = [DeviceId(ring.master.key.key_id), DeviceId(backup.key.key_id)]
    backup.station.peers.take(roster(members, succession))
    peer = ring.master.station.peers.get(backup.station.peers.own_id)
    assert peer is not None
    ring.master.station.peers.count = 300
    ring.sent.clear()
    ring.run(6 * CYCLE_S)
    answers = [d for node, d, _ in ring.sent if node is backup and d[8] == Kind.RESPOND]
    assert len(answers) == len(ring.of(Kind.START))
    assert peer.missed == 0
