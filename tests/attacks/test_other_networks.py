"""What goes between networks, sent by who may not, again, too often, or without end (REFER to BUNDLE)."""

from dataclasses import replace

import pytest

from dusk import codec
from dusk.cycle.datagrams import Opened, without_name
from dusk.cycle.far_messages import Repeat, encode_bundle
from dusk.cycle.messages import Kind
from dusk.cycle.peers import Peer
from dusk.cycle.peers import roster as roster_with
from dusk.cycle.questions import Refer
from dusk.cycle.repeater import DATA_MAX, REPEATS_MAX
from dusk.effects import Address
from dusk.ids import DeviceId
from dusk.limits import BUNDLE_ANSWERS_MAX
from tests.cycle.ring import CYCLE_S, Node, quiet_ring, respond_of
from tests.cycle.test_cycle_elsewhere import Sites, hello_of, sent_by, settled_in

VICTIM = Address("198.51.100.66", 3875)


def peer_of(at: Node, other: Node) -> Peer:
    peer = at.station.peers.get(other.station.peers.own_id)
    assert peer is not None
    return peer


def sealed(sender: Node, to: Node, kind: Kind, plaintext: bytes) -> bytes:
    return sender.station.channel.seal_to(peer_of(sender, to), kind, plaintext)


def plaintext_of(reader: Node, data: bytes, source: Address) -> bytes:
    opened = reader.station.channel.open(data, source)
    assert isinstance(opened, Opened)
    return opened.plaintext


def remove(ring: Sites, gone: Node) -> None:
    """Let everybody else know that a device is a member no more."""
    for node in ring.nodes:
        roster = node.station.peers.roster
        members = [one for one in roster.members if one.device_id != gone.station.peers.own_id]
        node.station.peers.take(roster_with(members, roster.succession))


# --- REFER ------------------------------------------------------------------------------------


def test_a15_a_recorded_refer_brings_the_victim_nothing() -> None:
    ring = quiet_ring(3)
    asker, member = ring.nodes[1], ring.nodes[2]
    asker.on = False
    member.handle(hello_of(asker, 3), VICTIM)
    ((recorded, _),) = sent_by(ring, member, Kind.REFER)
    ring.run(5 * CYCLE_S)
    ring.sent.clear()
    ring.master.dropped.clear()
    for _ in range(20):
        ring.master.handle(recorded, member.address)
        ring.run(0.06)
    assert ring.master.dropped.count("REFER: names no START of ours, or an old one") == 20
    assert not [data for _, data, to in ring.sent if to == VICTIM]


def test_a15_a_member_that_lies_in_refers_brings_a_victim_no_more_bytes_than_it_sent_itself() -> None:
    ring = quiet_ring(6)
    liar = ring.nodes[5]
    heard = liar.follower._heard
    assert heard is not None
    spent = 0
    for number in range(50):
        asker = ring.nodes[1 + number % 4].station.peers.own_id
        refer = Refer(number.to_bytes(8, "big"), asker, VICTIM, heard.start.rest.nonce)
        data = sealed(liar, ring.master, Kind.REFER, refer.encode())
        spent += len(data)
        ring.master.handle(data, liar.address)
        ring.now += 0.06
    back = [data for _, data, to in ring.sent if to == VICTIM]
    assert back
    assert sum(map(len, back)) <= spent


# --- RELAY ------------------------------------------------------------------------------------


def test_a38_a_relay_order_that_is_doubled_or_late_is_repeated_a_few_times_and_then_not_at_all() -> None:
    ring = Sites(2, 3)
    settled_in(ring)
    relay = ring.on(1)[0]
    ring.run(CYCLE_S)
    orders = [data for _, data, to in ring.sent if data[8] == Kind.RELAY and to == relay.address]
    newest = orders[-1]
    ring.sent.clear()
    for _ in range(100):
        relay.handle(newest, VICTIM)
    assert len(sent_by(ring, relay, Kind.REPEAT)) <= REPEATS_MAX
    assert not [to for _, _, to in ring.sent if to == VICTIM]
    ring.run(3 * CYCLE_S)
    ring.sent.clear()
    relay.dropped.clear()
    for _ in range(100):
        relay.handle(newest, ring.master.address)
    assert sent_by(ring, relay, Kind.REPEAT) == []
    assert relay.dropped


def test_a25_who_was_removed_orders_no_repeating_and_hands_no_answers_over() -> None:
    ring = Sites(2, 4)
    settled_in(ring)
    relay, gone, *_ = ring.on(1)
    ring.run(CYCLE_S)
    bundle = next(data for n, data, to in reversed(ring.sent) if data[8] == Kind.BUNDLE and n is gone)
    start = plaintext_of(gone, ring.last(Kind.START)[1], ring.master.address)
    order = sealed(gone, relay, Kind.RELAY, start)
    refer = sealed(gone, ring.master, Kind.REFER, bytes(215))
    remove(ring, gone)
    ring.sent.clear()
    for node, data in ((relay, bundle), (relay, order), (ring.master, refer)):
        node.dropped.clear()
        node.handle(data, gone.address)
        assert node.dropped == ["datagram: not from another member"]
    repeat = gone.station.channel.seal_group(Kind.REPEAT, Repeat(gone.station.peers.own_id, None).encode())
    relay.handle(repeat, gone.address, by_multicast=True)
    assert relay.dropped[-1] == "REPEAT: not from another member"
    assert ring.sent == []


# --- REPEAT -----------------------------------------------------------------------------------


def test_a38_two_devices_that_repeat_on_one_link_make_no_loop() -> None:
    ring = Sites(2, 4)
    settled_in(ring)
    one, other, *_ = ring.on(1)
    ring.run(1.4 * CYCLE_S)
    start = plaintext_of(other, ring.last(Kind.START)[1], ring.master.address)
    ring.sent.clear()
    for relay in (one, other):
        relay.handle(sealed(ring.master, relay, Kind.RELAY, start), ring.master.address)
    repeats = [data for _, data, _ in ring.sent if data[8] == Kind.REPEAT]
    ring.run(0.05)  # they hear each other
    assert len(repeats) == 2
    assert len([data for _, data, _ in ring.sent if data[8] == Kind.REPEAT]) == 2
    for relay, data in zip((other, one), repeats, strict=True):
        relay.handle(data, Address("10.0.0.9", 3875), by_multicast=True)
    assert len([data for _, data, _ in ring.sent if data[8] == Kind.REPEAT]) == 2


def test_a38_data_that_a_relay_repeated_is_repeated_by_no_other() -> None:
    ring = Sites(2, 4)
    settled_in(ring)
    ring.commit(size_bytes=3000)
    ring.run(CYCLE_S)
    relay = ring.on(1)[0]
    pieces = [data for n, data, to in ring.sent if data[8] == Kind.DATA and n is relay and to is None]
    assert pieces
    ring.sent.clear()
    for data in pieces * 50:
        for node in ring.on(1):
            node.handle(data, relay.address, by_multicast=True)
            node.handle(data, relay.address)
    assert [data for _, data, _ in ring.sent if data[8] == Kind.DATA] == []
    for data in pieces * DATA_MAX:
        relay.handle(data, ring.master.address)
    assert len(sent_by(ring, relay, Kind.DATA)) <= DATA_MAX


def test_a12_repeats_in_anothers_name_keep_no_member_from_the_master() -> None:
    ring = Sites(2, 5)
    settled_in(ring)
    liar = ring.on(1)[-1]
    names = [node.station.peers.own_id for node in (*ring.on(1), ring.nodes[1])]
    stale = 0
    for number in range(150):
        name = names[number % len(names)]
        start = plaintext_of(liar, ring.last(Kind.START)[1], ring.master.address) if number > 10 else None
        data = liar.station.channel.seal_group(Kind.REPEAT, Repeat(name, start).encode())
        for node in ring.nodes:
            if node is not liar:
                node.handle(data, liar.address, by_multicast=True)
        ring.run(0.2 * CYCLE_S)
        stale += not all(node.follower.fresh(ring.now) for node in ring.nodes[1:] if node is not liar)
    assert stale <= 15
    seq = ring.commit()
    ring.run(1.5 * CYCLE_S)
    assert all(seq in node.advanced_at for node in ring.nodes[1:])


# --- BUNDLE -----------------------------------------------------------------------------------


def test_a6_a_bundle_of_a_thousand_answers_and_one_within_another_are_refused() -> None:
    ring = quiet_ring(3)
    member = ring.nodes[2]
    for plaintext in (codec.pack((b"a",) * 1000), codec.pack((b"",) * 1000)):
        ring.master.dropped.clear()
        ring.master.handle(sealed(member, ring.master, Kind.BUNDLE, plaintext), member.address)
        assert len(ring.master.dropped) == 1
    inner = without_name(sealed(member, ring.master, Kind.BUNDLE, encode_bundle([b"answer"])))
    ring.master.dropped.clear()
    ring.master.handle(sealed(member, ring.master, Kind.BUNDLE, encode_bundle([inner])), member.address)
    assert ring.master.dropped == ["sealed bytes: not authentic"]


def test_a12_answers_that_are_bundled_again_without_end_change_nothing_and_move_no_address() -> None:
    ring = quiet_ring(4)
    member, carrier = ring.nodes[2], ring.nodes[3]
    ring.run(CYCLE_S)
    peer = peer_of(ring.master, member)
    before = peer.answered, peer.address, peer.path.address, peer.missed
    answer = without_name(respond_of(ring, member))
    for _ in range(20):
        bundle = encode_bundle([answer] * 16)
        ring.master.handle(sealed(carrier, ring.master, Kind.BUNDLE, bundle), VICTIM)
    assert (peer.answered, peer.address, peer.path.address, peer.missed) == before
    ring.sent.clear()
    ring.run(2 * CYCLE_S)
    assert not [to for _, _, to in ring.sent if to == VICTIM]


def test_a6_what_a_relay_holds_is_bounded_whatever_its_link_sends() -> None:
    ring = Sites(2, 4)
    settled_in(ring)
    relay, *others = ring.on(1)
    relay.handle(sealed(ring.master, relay, Kind.RELAY, _newest_start(ring, relay)), ring.master.address)
    ring.sent.clear()
    for number in range(200):
        member = others[number % len(others)]
        bare = replace_tail(without_name(sealed(member, ring.master, Kind.RESPOND, bytes(700))), number)
        relay.handle(sealed(member, relay, Kind.BUNDLE, encode_bundle([bare])), member.address)
    repeater = relay.follower.repeater
    assert len(repeater._answers) <= BUNDLE_ANSWERS_MAX
    assert sum(repeater._carried.values()) <= 12 * len(others)
    assert len(sent_by(ring, relay, Kind.BUNDLE)) <= 12 * len(others)


def _newest_start(ring: Sites, reader: Node) -> bytes:
    ring.run(CYCLE_S)
    heard = reader.follower._heard
    assert heard is not None
    return heard.start.encode()


def replace_tail(data: bytes, number: int) -> bytes:
    return data[:-2] + number.to_bytes(2, "big")


# --- a relay that delays, and strangers ---------------------------------------------------------


@pytest.mark.parametrize("delay_s", [0.3, 0.6 * CYCLE_S, 1.5 * CYCLE_S])
def test_a44_a_relay_that_delays_all_that_it_carries_costs_nobody_the_master(delay_s: float) -> None:
    ring = Sites(2, 4)
    settled_in(ring)
    relay, send = ring.on(1)[0], ring.send

    def late(sender: Node, data: bytes, to: Address | None) -> None:
        if sender is relay and data[8] in (Kind.REPEAT, Kind.BUNDLE):
            ring.after(delay_s, lambda: send(sender, data, to))
        else:
            send(sender, data, to)

    ring.send = late  # type: ignore[method-assign]  # the hostile device
    stale = 0
    for _ in range(150):
        ring.run(0.2 * CYCLE_S)
        stale += not ring.hears()
    assert stale <= 30
    seq = ring.commit()
    ring.run(3 * CYCLE_S)
    assert all(seq in node.advanced_at for node in ring.nodes[1:])


def test_a6_strangers_leave_nothing_behind() -> None:
    ring = quiet_ring(3)
    node = ring.master
    station = node.station
    kinds = (Kind.REFER, Kind.RELAY, Kind.BUNDLE, Kind.ASK, Kind.PONG, Kind.FORWARD, Kind.RELAYED)
    template = sealed(ring.nodes[2], node, Kind.RESPOND, bytes(300))
    known = dict(station.peers._known)
    for number in range(300):
        name = DeviceId(number.to_bytes(16, "big"))
        data = template[:8] + bytes((kinds[number % len(kinds)],)) + name + template[25:]
        node.handle(data, replace(VICTIM, port=number + 1))
    assert station.peers._known == known
    assert station.whereabouts.some(4, None) == []
    assert not [to for _, _, to in ring.sent if to is not None and to.host == VICTIM.host]
