"""What hostile members and outsiders try on a running cluster."""

from dataclasses import replace

import pytest

from dusk import codec
from dusk.changelog.entry import sign_head
from dusk.cycle.datagrams import Opened
from dusk.cycle.messages import (
    Fragment,
    Kind,
    Pong,
    Respond,
    decode_pong,
    decode_start,
    sign_start,
)
from dusk.cycle.questions import Hello
from dusk.cycle.station import Advance, Behind, Conflict
from dusk.effects import Address, SendDatagram
from dusk.ids import ChainHash, DeviceId, Seq
from dusk.limits import ECHOES_MAX
from tests.cycle.ring import CYCLE_S, Node, Ring, quiet_ring, respond_of, rest, start_by


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


def assert_told_of_the_newest_head(ring: Ring, member: Node) -> None:
    """Check that the master was sent a PONG which answers nothing and has the newest signed head."""
    told = ring.master.station.channel.open(respond_of(ring, member, Kind.PONG), member.address)
    assert isinstance(told, Opened)
    pong = decode_pong(told.plaintext)
    assert (pong.challenge, pong.cycle, pong.signed_head) == (None, 0, ring.world.log.newest)


def test_a2_a_lower_epoch_is_answered_with_the_higher_signed_head() -> None:
    ring = quiet_ring()
    member = ring.nodes[1]
    old = ring.of(Kind.START) or [start_by(ring, ring.master.key, ring.world.log.head, rest(ring.master.key))]
    ring.world.open()
    member.log.extend(ring.world.items)
    ring.sent.clear()
    member.handle(old[-1], ring.master.address)
    assert_told_of_the_newest_head(ring, member)
    assert len(respond_of(ring, member, Kind.PONG)) <= len(old[-1])


def test_a2_who_says_to_lead_a_lower_epoch_is_told_of_the_higher_one_and_is_no_contact() -> None:
    ring = quiet_ring()
    member = ring.nodes[1]
    peer = ring.master.station.peers.get(member.station.peers.own_id)
    older = ring.world.log.newest
    assert peer is not None
    assert older is not None
    ring.world.open()
    member.log.extend(ring.world.items)
    ring.master.on = False
    ring.run(4 * CYCLE_S)
    ring.sent.clear()
    challenge = member.follower._freshness.challenge(ring.now)
    leading = Pong(challenge, ring.leader.cycle + 1, b"8 bytes!", older)
    member.handle(ring.master.station.channel.seal_to(peer, Kind.PONG, leading.encode()), ring.master.address)
    assert_told_of_the_newest_head(ring, member)
    assert not member.follower.fresh(ring.now)


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


def test_a15_unreadable_bytes_of_others_keep_nobody_from_asking_who_leads_nor_make_it_ask_all() -> None:
    ring = quiet_ring()
    follower, liars = ring.nodes[1].follower, [Address(f"192.0.2.{last}", 3875) for last in range(9)]

    def asks(source: Address, now: float) -> bool:
        return follower.unreadable(source, now).outcome == Behind(source, None)

    assert asks(liars[0], 100.0)
    assert asks(ring.master.address, 101.0)
    assert not asks(ring.master.address, 110.9)
    assert not asks(Address(ring.master.address.host, 1), 110.9)
    assert [asks(liar, 102.0) for liar in liars] == [False] + [True] * 6 + [False] * 2
    assert asks(liars[8], 110.0), "that of the first one is over"
    assert asks(ring.master.address, 111.0)


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


def test_a3_a_challenge_without_room_in_a_start_is_answered_by_a_pong() -> None:
    ring = quiet_ring(ECHOES_MAX + 4)
    members = ring.nodes[1:]
    for node in members:
        node.on = False
    ring.run(CYCLE_S)
    cycle, nonce = decode_start_of(ring)
    for number, node in enumerate(members):
        respond = Respond(cycle, nonce, node.log.head, Seq(0), node.station.boot, bytes([number]) * 8)
        peer = node.station.peers.get(ring.master.station.peers.own_id)
        assert peer is not None
        ring.master.handle(node.station.channel.seal_to(peer, Kind.RESPOND, respond.encode()), node.address)
    ring.sent.clear()
    ring.run(CYCLE_S)
    opened = members[0].station.channel.open(ring.of(Kind.START)[0], ring.master.address)
    assert isinstance(opened, Opened)
    echoes = decode_start(opened.plaintext).rest.echoes
    assert 0 < len(echoes) <= ECHOES_MAX
    by_pong = set()
    for node in members:
        for _, data, to in ring.sent:
            if data[8] == Kind.PONG and to == node.address:
                pong = node.station.channel.open(data, ring.master.address)
                assert isinstance(pong, Opened)
                by_pong.add(decode_pong(pong.plaintext).challenge)
    assert by_pong == {bytes([number]) * 8 for number in range(len(members))} - set(echoes)


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
