"""What hostile members and outsiders try on a running cluster, and the rarer turns of a cycle."""

from dataclasses import replace

import pytest

from dusk import codec
from dusk.changelog import views
from dusk.changelog.entry import sign_head
from dusk.changelog.log import Log
from dusk.cycle.datagrams import Opened
from dusk.cycle.leader import Leader
from dusk.cycle.messages import (
    Fragment,
    Hello,
    Kind,
    Pong,
    Respond,
    Rest,
    decode_pong,
    decode_respond,
    decode_start,
    sign_start,
)
from dusk.cycle.station import Advance, Behind, Conflict
from dusk.cycle.status import Status, encode_health
from dusk.effects import Address, Link, SendDatagram
from dusk.ids import ChainHash, DeviceId, Head, Seq
from dusk.keys.signing import SigningKey
from tests.cycle.ring import CYCLE_S, Node, Ring


def rest(sender: SigningKey, cycle: int = 10_000, *, data: bool = False) -> Rest:
    return Rest(cycle, b"nonce-it", (), 0, bytes(8), 0, 3, 10, data, DeviceId(sender.key_id))


def start_by(ring: Ring, key: SigningKey, head: Head, what: Rest) -> bytes:
    """Seal a START that ``key`` signed; every member has the group key."""
    start = sign_start(key, ring.world.cluster, head, what)
    return ring.nodes[-1].station.channel.seal_group(Kind.START, start.encode())


def quiet_ring(size: int = 3) -> Ring:
    ring = Ring(size)
    ring.run(30.0)
    for node in ring.nodes:
        node.dropped.clear()
        node.outcomes.clear()
    ring.sent.clear()
    return ring


def respond_of(ring: Ring, node: Node, kind: Kind = Kind.RESPOND) -> bytes:
    return next(data for sender, data, _ in reversed(ring.sent) if sender is node and data[8] == kind)


def test_a11_a_member_with_the_group_key_cannot_pose_as_master() -> None:
    ring = quiet_ring()
    victim, liar = ring.nodes[1], ring.nodes[2]
    head = ring.world.log.head
    for sender in (liar.key, ring.master.key):
        victim.handle(start_by(ring, liar.key, head, rest(sender)), liar.address)
    assert victim.dropped == [
        "START: not by a holder of our succession",
        "START: not signed by its sender",
    ]
    assert victim.follower.master_address == ring.master.address


def test_a11_a_changed_rest_breaks_the_signature_of_a_start() -> None:
    ring = quiet_ring()
    good = sign_start(ring.master.key, ring.world.cluster, ring.world.log.head, rest(ring.master.key))
    other = replace(good.rest, cycle=10_001)
    forged = replace(good, rest_bytes=other.encode(), rest=other)
    data = ring.nodes[2].station.channel.seal_group(Kind.START, forged.encode())
    ring.nodes[1].handle(data, ring.master.address)
    assert ring.nodes[1].dropped == ["START: not signed by its sender"]


def test_a12_a_replayed_respond_neither_counts_nor_moves_an_address() -> None:
    ring = quiet_ring()
    ring.run(CYCLE_S)
    member = ring.nodes[1]
    data = respond_of(ring, member)
    peer = ring.master.station.peers.get(member.station.peers.own_id)
    assert peer is not None
    evil = Address("10.9.9.9", 1)
    heard_at = peer.heard_at
    ring.master.handle(data, evil)
    assert (peer.address, peer.heard_at) == (member.address, heard_at)
    ring.run(6 * CYCLE_S)
    ring.master.dropped.clear()
    ring.master.handle(data, evil)
    assert ring.master.dropped == ["RESPOND: not to a START of ours, or to an old one"]


def test_a12_an_older_answer_after_a_newer_one_is_refused() -> None:
    ring = quiet_ring()
    ring.run(CYCLE_S)
    old = respond_of(ring, ring.nodes[1])
    ring.run(CYCLE_S)
    ring.master.handle(old, ring.nodes[1].address)
    assert ring.master.dropped[-1] == "RESPOND: older than one that was heard"


def test_a5_an_epoch_near_its_end_is_refused() -> None:
    ring = quiet_ring()
    head = replace(ring.world.log.head, epoch=2**52)
    ring.nodes[1].handle(start_by(ring, ring.master.key, head, rest(ring.master.key)), ring.master.address)
    assert ring.nodes[1].dropped == ["START: its epoch is out of reach"]


def test_a5_a_position_near_its_end_leads_to_catch_up_at_most() -> None:
    ring = quiet_ring()
    member = ring.nodes[1]
    member.catch_up = False
    head = replace(ring.world.log.head, seq=Seq(2**53 - 1))
    before = member.log.head
    member.handle(start_by(ring, ring.master.key, head, rest(ring.master.key)), ring.master.address)
    ring.run(1.0)
    assert member.outcomes == [Behind(ring.master.address, head)]
    assert member.log.head == before


def test_a2_a_lower_epoch_is_answered_with_the_higher_signed_head() -> None:
    ring = quiet_ring()
    member = ring.nodes[1]
    old = ring.of(Kind.START) or [start_by(ring, ring.master.key, ring.world.log.head, rest(ring.master.key))]
    ring.world.open()
    member.log.extend(ring.world.items)
    ring.sent.clear()
    member.handle(old[-1], ring.master.address)
    peer = ring.master.station.channel.open(respond_of(ring, member, Kind.PONG), member.address)
    assert isinstance(peer, Opened)
    pong = decode_pong(peer.plaintext)
    assert (pong.challenge, pong.cycle, pong.signed_head) == (None, 0, ring.world.log.newest)
    assert len(respond_of(ring, member, Kind.PONG)) <= len(old[-1])


def test_who_is_told_of_a_higher_head_catches_up() -> None:
    ring = quiet_ring()
    first, second = ring.nodes[1], ring.nodes[2]
    ring.world.open()
    first.log.extend(ring.world.items)
    first.handle(start_by(ring, ring.master.key, second.log.head, rest(ring.master.key)), second.address)
    peer = first.station.peers.get(second.station.peers.own_id)
    assert peer is not None
    assert first.log.newest is not None
    pong = Pong(None, 0, None, first.log.newest)
    second.handle(first.station.channel.seal_to(peer, Kind.PONG, pong.encode()), first.address)
    assert second.outcomes == [Behind(first.address, first.log.head)]


def test_a_pong_nobody_asked_for_or_by_nobody_of_the_succession_is_refused() -> None:
    ring = quiet_ring()
    liar, victim = ring.nodes[2], ring.nodes[1]
    peer = liar.station.peers.get(victim.station.peers.own_id)
    assert peer is not None
    newest = liar.log.newest
    assert newest is not None
    forged = sign_head(liar.key, ring.world.cluster, liar.log.head, bytes(32))
    challenge = victim.follower._freshness.challenge(ring.now)
    for pong in (
        Pong(b"8 bytes!", 0, None, newest),
        Pong(None, 0, None, forged),
        Pong(challenge, 1, b"8 bytes!", newest),
    ):
        victim.handle(liar.station.channel.seal_to(peer, Kind.PONG, pong.encode()), liar.address)
    assert victim.dropped == [
        "PONG: to no open challenge of ours",
        "PONG: its head is not signed by a holder of our succession",
        "PONG: by who may not lead",
    ]


def test_a_held_back_pong_is_refused() -> None:
    ring = quiet_ring()
    victim = ring.nodes[1]
    peer = ring.master.station.peers.get(victim.station.peers.own_id)
    newest = ring.world.log.newest
    assert peer is not None
    assert newest is not None
    challenge = victim.follower._freshness.challenge(ring.now)
    late = ring.master.station.channel.seal_to(
        peer, Kind.PONG, Pong(challenge, 1, b"8 bytes!", newest).encode()
    )
    victim.handle(late, ring.master.address)
    ring.run(4 * CYCLE_S)
    victim.handle(late, ring.master.address)
    assert victim.dropped == [
        "PONG: older than a START that was heard",
        "PONG: to no open challenge of ours",
    ]


def test_a_hello_of_a_stranger_or_under_two_names_is_refused() -> None:
    ring = quiet_ring()
    member = ring.nodes[1]
    channel = member.station.channel
    stranger = channel.seal_group(Kind.HELLO, Hello(DeviceId(bytes(16)), bytes(8)).encode())
    peer = member.station.peers.get(ring.master.station.peers.own_id)
    assert peer is not None
    other = Hello(ring.nodes[2].station.peers.own_id, bytes(8))
    two_names = channel.seal_to(peer, Kind.ASK, other.encode())
    for data in (stranger, two_names):
        ring.master.handle(data, member.address)
    assert ring.master.dropped == ["HELLO: not from another member"] * 2


def test_who_does_not_lead_answers_an_ask_and_leaves_a_hello_to_the_master() -> None:
    ring = quiet_ring()
    first, second = ring.nodes[1], ring.nodes[2]
    peer = first.station.peers.get(second.station.peers.own_id)
    assert peer is not None
    challenge = first.follower._freshness.challenge(ring.now)
    (ask,) = first.station.ask(peer, second.address, challenge)
    assert isinstance(ask, SendDatagram)
    second.handle(ask.data, first.address)
    first.handle(respond_of(ring, second, Kind.PONG), second.address)
    assert first.dropped == []
    assert first.follower.master_address == ring.master.address
    ring.sent.clear()
    second.handle(
        first.station.channel.seal_group(Kind.HELLO, Hello(first.station.peers.own_id, bytes(8)).encode()),
        first.address,
    )
    assert ring.sent == []


def test_an_unreadable_start_is_a_reason_to_catch_up_now_and_then() -> None:
    ring = quiet_ring()
    member = ring.nodes[1]
    member.catch_up = False
    member.station.channel.keys = member.station.channel.keys.covering(1, ChainHash(bytes(32)))
    ring.run(30.0)
    assert 1 <= member.outcomes.count(Behind(ring.master.address, None)) <= 4
    assert member.station.hello(bytes(8)) == []


def test_data_that_does_not_verify_leads_to_catch_up() -> None:
    ring = quiet_ring()
    member, liar = ring.nodes[1], ring.nodes[2]
    member.catch_up = False
    head = replace(ring.world.log.head, seq=Seq(ring.world.log.head.seq + 1), chain=ChainHash(b"x" * 32))
    what = rest(ring.master.key, data=True)
    fragment = Fragment(1, head.seq, head.chain[:8], 0, 1, codec.pack([b"junk"]))
    data = liar.station.channel.seal_group(Kind.DATA, fragment.encode())
    member.handle(start_by(ring, ring.master.key, head, what), ring.master.address)
    member.handle(data, liar.address)
    assert isinstance(member.outcomes[0], Advance)
    assert member.outcomes[1] == Behind(ring.master.address, head)


def test_data_for_what_we_have_is_ignored() -> None:
    ring = quiet_ring()
    ring.commit()
    ring.run(1.0)
    member = ring.nodes[1]
    count = len(member.outcomes)
    for data in ring.of(Kind.DATA):
        member.handle(data, ring.master.address)
    assert len(member.outcomes) == count
    assert member.dropped == []


def test_a_signed_head_that_does_not_fit_our_log_is_a_conflict() -> None:
    ring = quiet_ring()
    member = ring.nodes[1]
    head = replace(ring.world.log.head, chain=ChainHash(b"x" * 32))
    member.handle(start_by(ring, ring.master.key, head, rest(ring.master.key)), ring.master.address)
    (outcome,) = member.outcomes
    assert isinstance(outcome, Conflict)
    assert outcome.head == head
    assert outcome.signed_head is not None
    assert outcome.signed_head.signed_by(ring.master.key.public, ring.world.cluster)


@pytest.mark.parametrize("ahead", [-1, 5])
def test_the_leader_is_told_of_members_that_hold_other_or_more_entries(ahead: int) -> None:
    ring = quiet_ring()
    member = ring.nodes[1]
    ring.run(CYCLE_S)
    start = decode_start_of(ring)
    own = ring.world.log.head
    head = replace(own, seq=Seq(own.seq + ahead), chain=ChainHash(b"x" * 32))
    peer = member.station.peers.get(ring.master.station.peers.own_id)
    assert peer is not None
    respond = Respond(start[0], start[1], head, Seq(0), member.station.boot)
    ring.master.handle(member.station.channel.seal_to(peer, Kind.RESPOND, respond.encode()), member.address)
    expected = Behind(member.address, head) if ahead > 0 else Conflict(member.address, head, None)
    assert ring.master.outcomes == [expected]
    assert ring.leader.durable <= own.seq


def decode_start_of(ring: Ring) -> tuple[int, bytes]:
    """Return cycle and nonce of the newest START."""
    opened = ring.nodes[1].station.channel.open(ring.of(Kind.START)[-1], ring.master.address)
    assert isinstance(opened, Opened)
    start = decode_start(opened.plaintext)
    return start.rest.cycle, start.rest.nonce


def test_a_member_on_another_branch_is_a_conflict_for_the_leader() -> None:
    ring = quiet_ring()
    ring.nodes[1].log.head = replace(ring.nodes[1].log.head, chain=ChainHash(b"x" * 32))
    ring.run(CYCLE_S)
    assert any(isinstance(outcome, Conflict) for outcome in ring.master.outcomes)


def test_a21_two_devices_with_one_key_are_noticed() -> None:
    ring = quiet_ring()
    member = ring.nodes[1]
    boots = [member.station.boot, type(member.station.boot)(b"the twin")]
    for number in range(4):
        member.station.boot = boots[number % 2]
        ring.run(CYCLE_S)
    assert [event.name for event in ring.master.events][:1] == ["clone"]


def test_status_and_health_reach_the_master_and_are_sent_until_they_did() -> None:
    ring = quiet_ring()
    member = ring.nodes[1]
    status = Status(
        *member.follower.version, member.log.head.seq, member.log.head.chain, (), "applied", "", ()
    )
    member.follower.status = status.sign(member.key, ring.world.cluster)
    member.follower.health = encode_health({"uptime": 5})
    ring.loss = 1.0
    ring.run(2 * CYCLE_S)
    ring.loss = 0.0
    ring.run(3 * CYCLE_S)
    peer = ring.master.station.peers.get(member.station.peers.own_id)
    assert peer is not None
    assert (peer.status, peer.health) == (status, member.follower.health)
    ring.sent.clear()
    ring.run(2 * CYCLE_S)
    assert all(len(data) <= 180 for node, data, _ in ring.sent if node is member)
    older = replace(status, epoch=0)
    member.follower.status = older.sign(member.key, ring.world.cluster)
    ring.run(2 * CYCLE_S)
    assert peer.status == status
    member.follower.status = bytes(2000)
    ring.run(2 * CYCLE_S)
    assert peer.status == status


def test_a_member_that_left_is_not_asked_and_does_not_answer() -> None:
    ring = quiet_ring()
    member = ring.nodes[1]
    others = [each for each in views.members(member.log.state) if each.public != member.key.public]
    member.station.peers.members_changed(others, [DeviceId(ring.master.key.key_id)])
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
    audience.judge(range(0), set(), set(), online)
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
    ring.leader.announce((), ring.world.log.head, ring.now)
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


def test_many_members_without_an_answer_get_64_copies_at_most() -> None:
    ring = quiet_ring()
    audience = ring.leader._audience
    (first, second) = ring.master.station.peers.others
    ring.master.station.peers.others = tuple(replace(first, missed=1) for _ in range(100))
    effects, _ = audience.copies(b"start", 1)
    assert len(effects) <= 64
    ring.master.station.peers.others = (replace(second, missed=99),)
    sent = [len(audience.copies(b"start", cycle)[0]) for cycle in range(20)]
    assert sum(sent) == 2


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
    announced = ring.leader.announce((item,), ring.world.log.head, ring.now)
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
    backup.station.peers.members_changed(members, succession)
    peer = ring.master.station.peers.get(backup.station.peers.own_id)
    assert peer is not None
    ring.master.station.peers.count = 300
    ring.sent.clear()
    ring.run(6 * CYCLE_S)
    answers = [d for node, d, _ in ring.sent if node is backup and d[8] == Kind.RESPOND]
    assert len(answers) == len(ring.of(Kind.START))
    assert peer.missed == 0
