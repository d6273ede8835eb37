"""Members on another link than the master, in virtual time (`specs/cycles.md`, section 10)."""

from dusk.cycle.contacts import Contacts
from dusk.cycle.datagrams import Opened
from dusk.cycle.far_messages import Refer
from dusk.cycle.groupkeys import GroupKeys
from dusk.cycle.messages import Hello, Kind, decode_pong
from dusk.cycle.peers import Peer
from dusk.effects import Address, SendDatagram
from dusk.ids import DeviceId
from tests.cycle.ring import CYCLE_S, Node, Ring, quiet_ring


def hello_of(asker: Node, first: int) -> bytes:
    """Return a HELLO whose challenge begins with a byte: odd ones are passed on to the master."""
    challenge = bytes((first,)) + b"7 bytes"
    plaintext = Hello(asker.station.peers.own_id, challenge).encode()
    return asker.station.channel.seal_group(Kind.HELLO, plaintext)


def sent_by(ring: Ring, node: Node, kind: Kind) -> list[tuple[bytes, Address | None]]:
    return [(data, to) for sender, data, to in ring.sent if sender is node and data[8] == kind]


def test_a_hello_to_a_member_alone_is_answered_by_it_or_by_the_master_in_its_stead() -> None:
    ring = quiet_ring(3)
    asker, member = ring.nodes[1], ring.nodes[2]
    asker.on = False
    member.handle(hello_of(asker, 2), asker.address)
    ring.run(0.1)
    ((pong, to),) = sent_by(ring, member, Kind.PONG)
    assert to == asker.address
    opened = asker.station.channel.open(pong, member.address)
    assert isinstance(opened, Opened)
    assert decode_pong(opened.plaintext).cycle == 0

    member.handle(hello_of(asker, 3), asker.address)
    ring.run(0.1)
    assert [to for _, to in sent_by(ring, member, Kind.REFER)] == [ring.master.address]
    ((pong, to),) = sent_by(ring, ring.master, Kind.PONG)
    assert to == asker.address
    opened = asker.station.channel.open(pong, ring.master.address)
    assert isinstance(opened, Opened)
    assert decode_pong(opened.plaintext).cycle == ring.leader.cycle


def test_a15_a_question_to_one_member_brings_no_more_bytes_than_it_had_to_where_it_came_from() -> None:
    ring = quiet_ring(3)
    asker, member = ring.nodes[1], ring.nodes[2]
    asker.on = False
    for first in range(40):
        ring.sent.clear()
        question = hello_of(asker, first)
        member.handle(question, asker.address)
        ring.run(0.06)
        back = [data for _, data, to in ring.sent if to == asker.address]
        assert len(back) == 1
        assert len(back[0]) <= len(question)


def test_a15_one_members_questions_are_passed_on_rarely() -> None:
    ring = quiet_ring(3)
    for _ in range(20):
        ring.nodes[2].handle(hello_of(ring.nodes[1], 1), ring.nodes[1].address)
    assert len(sent_by(ring, ring.nodes[2], Kind.REFER)) == 1
    assert sent_by(ring, ring.nodes[2], Kind.PONG) == []


def test_a_hello_that_the_master_could_not_answer_where_it_came_from_is_answered_by_the_member() -> None:
    ring = quiet_ring(3)
    asker, member = ring.nodes[1], ring.nodes[2]
    member.handle(hello_of(asker, 1), Address("fe80::7%lan", 3875))
    ring.run(0.1)
    member.follower.master_address = None
    member.handle(hello_of(asker, 1), asker.address)
    ring.run(0.1)
    member.handle(hello_of(ring.master, 1), ring.master.address)
    assert sent_by(ring, member, Kind.REFER) == []
    assert len(sent_by(ring, member, Kind.PONG)) == 3


def test_a15_a_refer_for_no_other_member_is_refused() -> None:
    ring = quiet_ring(3)
    member = ring.nodes[2]
    master = member.station.peers.get(ring.master.station.peers.own_id)
    assert isinstance(master, Peer)
    for asker in (DeviceId(b"?" * 16), ring.master.station.peers.own_id):
        refer = Refer(b"c" * 8, asker, Address("10.0.0.9", 3875))
        data = member.station.channel.seal_to(master, Kind.REFER, refer.encode())
        ring.master.handle(data, member.address)
    assert ring.master.dropped == ["REFER: for no other member"] * 2


def test_who_hears_no_start_asks_at_configured_addresses_with_growing_pauses() -> None:
    ring = quiet_ring(3)
    lonely = ring.nodes[2]
    lonely.station.contacts = Contacts((Address("198.51.100.7", 3875),))
    ring.master.on = ring.nodes[1].on = False
    ring.sent.clear()
    since = ring.now
    asked: list[float] = []
    while ring.now < since + 60 * CYCLE_S:
        ring.run(0.1)
        asked += [ring.now] * len(sent_by(ring, lonely, Kind.HELLO))
        ring.sent.clear()
    multicasts = len(asked) // 2
    assert len(asked) == 2 * multicasts
    pauses = [after - before for before, after in zip(asked[::2], asked[2::2], strict=False)]
    assert 8 <= len(pauses) <= 20
    assert max(pauses) <= 8 * CYCLE_S * 1.26
    assert min(pauses[-3:]) >= 8 * CYCLE_S * 0.74


def test_who_leads_asks_at_configured_addresses_only_while_nothing_comes_from_there() -> None:
    ring = quiet_ring(3)
    station, follower = ring.master.station, ring.master.follower
    assert follower.seek(ring.now) == []
    station.contacts = Contacts((ring.nodes[1].address, Address("198.51.100.7", 3875)))
    station.contacts.heard(ring.nodes[1].address, ring.now)
    (effect,) = follower.seek(ring.now)
    assert isinstance(effect, SendDatagram)
    assert effect.to.host == "198.51.100.7"
    assert follower.seek(ring.now + CYCLE_S) == []
    station.channel.keys = GroupKeys()
    assert follower.seek(ring.now + 20 * CYCLE_S) == []
