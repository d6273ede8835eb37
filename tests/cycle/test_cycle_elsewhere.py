"""Members on another link than the master, in virtual time (`specs/cycles.md`, section 11)."""

from collections.abc import Callable
from dataclasses import replace

from dusk.cycle.contacts import Contacts
from dusk.cycle.datagrams import Opened
from dusk.cycle.groupkeys import GroupKeys
from dusk.cycle.messages import Kind, Offer, decode_pong, sign_start
from dusk.cycle.peers import Peer
from dusk.cycle.questions import Hello, Refer
from dusk.cycle.station import Conflict, Offered
from dusk.effects import Address, Effect, SendDatagram
from dusk.ids import ChainHash, DeviceId
from tests.cycle.ring import CYCLE_S, Node, Ring, quiet_ring, rest


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
    member.follower._place.moved(None)
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
        refer = Refer(b"c" * 8, asker, Address("10.0.0.9", 3875), b"nonce-it")
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


# --- served one by one, and by a relay --------------------------------------------------------


class Sites(Ring):
    """Devices on links between which no multicast passes; each elsewhere knows the master's address.

    Args:
        sizes: how many are on each link; the master is the first on the first.
    """

    def __init__(self, *sizes: int, seed: int = 1) -> None:
        super().__init__(sum(sizes), seed)
        links = [link for link, size in enumerate(sizes) for _ in range(size)]
        self.link_of = dict(zip(self.nodes, links, strict=True))
        self.share_a_link = lambda one, other: self.link_of[one] == self.link_of[other]
        for node in self.nodes:
            if self.link_of[node]:
                node.station.contacts = Contacts((self.master.address,))

    def on(self, link: int) -> list[Node]:
        """Return who is on a link, by id."""
        found = (node for node in self.nodes if self.link_of[node] == link)
        return sorted(found, key=lambda node: node.station.peers.own_id)

    def over(self, one: int, other: int) -> list[tuple[Node, Kind, int]]:
        """Return what went from one link to another: who, what, how many bytes."""
        hosts = {node.address: node for node in self.on(other)}
        return [
            (sender, Kind(data[8]), len(data))
            for sender, data, to in self.sent
            if self.link_of[sender] == one and to in hosts
        ]

    def hears(self) -> bool:
        return all(
            node.follower.fresh(self.now) for node in self.nodes if node is not self.master and node.on
        )


def settled_in(ring: Sites, cycles: int = 12) -> None:
    """Let everybody find its place."""
    ring.run(cycles * CYCLE_S)
    assert ring.hears()
    ring.sent.clear()


def test_across_a_routed_link_one_start_goes_to_one_member_and_a_bundle_comes_back() -> None:
    ring = Sites(3, 5)
    settled_in(ring)
    relay = ring.on(1)[0]
    ring.run(20 * CYCLE_S)
    assert ring.hears()
    there = ring.over(0, 1)
    assert {kind for _, kind, _ in there} <= {Kind.RELAY, Kind.PONG}
    assert len([1 for _, kind, _ in there if kind is Kind.RELAY]) == 20
    back = ring.over(1, 0)
    assert {(sender, kind) for sender, kind, _ in back} <= {(relay, Kind.RESPOND), (relay, Kind.BUNDLE)}
    assert len(back) == 40
    seq = ring.commit()
    ring.run(0.2)
    assert all(seq in node.advanced_at for node in ring.nodes[1:])
    assert {peer.stored for peer in ring.master.station.peers.others} == {seq}


def test_what_crosses_a_routed_link_grows_with_the_members_there_by_their_answers_alone() -> None:
    there, back = {}, {}
    for size in (3, 9):
        ring = Sites(2, size)
        settled_in(ring)
        ring.run(20 * CYCLE_S)
        there[size] = sum(size for _, kind, size in ring.over(0, 1) if kind is Kind.RELAY)
        back[size] = sum(size for _, _, size in ring.over(1, 0))
    assert abs(there[9] - there[3]) <= 20 * 8
    a_member = (back[9] - back[3]) / 6 / 20
    print(f"a START over the link: {there[3] / 20:.0f} bytes; each member's answer: {a_member:.0f} bytes")
    assert a_member <= 190


def test_a_change_of_many_pieces_crosses_the_link_once() -> None:
    ring = Sites(2, 6)
    settled_in(ring)
    seq = ring.commit(size_bytes=12_000)
    ring.run(0.3)
    assert all(seq in node.advanced_at for node in ring.nodes[1:])
    assert 11 <= len([1 for _, kind, _ in ring.over(0, 1) if kind is Kind.DATA]) <= 14


def test_a_relay_that_dies_is_replaced_within_two_cycles() -> None:
    ring = Sites(2, 5)
    settled_in(ring)
    relay, *others = ring.on(1)
    relay.on = False
    ring.run(2.1 * CYCLE_S)
    assert ring.hears()
    ring.run(CYCLE_S)
    ring.sent.clear()
    ring.run(5 * CYCLE_S)
    assert ring.hears()
    relays = {to for _, data, to in ring.sent if data[8] == Kind.RELAY}
    assert len(relays) == 1
    assert relays <= {node.address for node in others}
    relay.on = True
    settled_in(ring)
    ring.run(5 * CYCLE_S)
    assert {to for _, data, to in ring.sent if data[8] == Kind.RELAY} == relays


def test_two_links_elsewhere_have_a_relay_each() -> None:
    ring = Sites(1, 3, 3)
    settled_in(ring)
    ring.run(4 * CYCLE_S)
    assert {to for _, data, to in ring.sent if data[8] == Kind.RELAY} == {
        ring.on(1)[0].address,
        ring.on(2)[0].address,
    }


def test_who_left_a_branch_behind_a_relay_says_so_where_the_master_sees_whom_to_ask() -> None:
    ring = Sites(2, 4)
    settled_in(ring)
    member = ring.on(1)[2]
    known = ring.master.station.peers.get(member.station.peers.own_id)
    assert known is not None
    known.address = None
    ring.run(2 * CYCLE_S)
    assert known.address is None, "what a relay brings moves no address"
    head = ring.master.station.log.head
    offer = member.follower.answers.offer = Offer(head.seq, ChainHash(bytes(32)))
    ring.run(CYCLE_S)
    assert Offered(member.address, offer) in ring.master.outcomes


def test_a_member_alone_elsewhere_is_served_alone() -> None:
    ring = Sites(2, 1)
    settled_in(ring)
    ring.run(10 * CYCLE_S)
    assert {kind for _, kind, _ in ring.over(0, 1)} <= {Kind.START, Kind.PONG}
    seq = ring.commit(size_bytes=5_000)
    ring.run(0.1)
    assert seq in ring.on(1)[0].advanced_at
    assert ring.leader.elsewhere.unreached == {ring.on(1)[0].station.peers.own_id: False}


def test_multicast_that_dies_is_noticed_within_two_cycles_and_used_again_when_it_is_back() -> None:
    ring = Sites(5)
    settled_in(ring)
    deaf = ring.nodes[4]
    ring.multicast_reaches = lambda node: node is not deaf
    ring.run(2.1 * CYCLE_S)
    assert ring.leader.elsewhere.unreached == {deaf.station.peers.own_id: True}
    ring.sent.clear()
    for _ in range(100):
        ring.run(0.1 * CYCLE_S)
        assert deaf.follower.fresh(ring.now)
    copies = [data for _, data, to in ring.sent if data[8] == Kind.START and to == deaf.address]
    assert len(copies) == 10
    ring.multicast_reaches = lambda _: True
    ring.run(1.1 * CYCLE_S)
    assert ring.leader.elsewhere.unreached == {}
    ring.sent.clear()
    ring.run(10 * CYCLE_S)
    assert not [data for _, data, to in ring.sent if data[8] == Kind.START and to == deaf.address]


# --- hostile relays ---------------------------------------------------------------------------


def drop(ring: Sites, lost: Callable[[Node, bytes, Address | None], bool]) -> None:
    """Lose what a relay would not send."""
    send = ring.send
    ring.send = lambda sender, data, to: None if lost(sender, data, to) else send(sender, data, to)  # type: ignore[method-assign]  # the hostile device


def test_a44_a_relay_that_repeats_nothing_is_passed_over_and_nobody_loses_the_master() -> None:
    ring = Sites(2, 5)
    settled_in(ring)
    relay = ring.on(1)[0]
    drop(ring, lambda sender, data, _: sender is relay and data[8] == Kind.REPEAT)
    stale = 0
    for _ in range(200):
        ring.run(0.2 * CYCLE_S)
        stale += not ring.hears()
    assert stale <= 10
    seq = ring.commit()
    ring.run(0.5)
    assert all(seq in node.advanced_at for node in ring.nodes[1:])


def test_a44_whose_answers_a_relay_drops_is_served_alone_and_stays_online() -> None:
    ring = Sites(2, 5)
    settled_in(ring)
    relay, victim = ring.on(1)[0], ring.on(1)[3]
    collect = relay.follower.repeater.collect

    def hostile(opened: Opened, now: float) -> list[Effect]:
        assert opened.sender is not None
        is_victim = opened.sender.device_id == victim.station.peers.own_id
        return [] if is_victim else collect(opened, now)

    relay.follower.repeater.collect = hostile  # type: ignore[method-assign]  # the hostile device
    ring.run(2 * CYCLE_S)
    for _ in range(60):
        ring.run(CYCLE_S)
        assert victim.station.peers.own_id in ring.leader.online(ring.now)
        assert victim.follower.fresh(ring.now)
    copies = [data for _, data, to in ring.sent if data[8] == Kind.START and to == victim.address]
    assert len(copies) >= 40
    seq = ring.commit()
    ring.run(0.5)
    assert ring.master.station.peers.get(victim.station.peers.own_id).stored == seq  # type: ignore[union-attr]  # a member


def test_a44_what_a_relay_replays_or_doubles_changes_nothing() -> None:
    ring = Sites(2, 4)
    settled_in(ring)
    relay, *others = ring.on(1)
    ring.run(3 * CYCLE_S)
    old = [(data, to) for sender, data, to in ring.sent if sender is relay]
    before = {node: (node.follower.version, node.log.head) for node in others}
    stored = [peer.answered for peer in ring.master.station.peers.others]
    for data, to in old:
        for node in [ring.master, *others]:
            if to in (None, node.address):
                node.handle(data, relay.address, by_multicast=to is None)
    assert {node: (node.follower.version, node.log.head) for node in others} == before
    assert [peer.answered for peer in ring.master.station.peers.others] == stored
    assert ring.master.dropped
    seq = ring.commit()
    ring.run(0.5)
    assert all(seq in node.advanced_at for node in ring.nodes[1:])


def test_a44_a_relay_that_spoils_an_answer_spoils_no_other() -> None:
    ring = Sites(2, 4)
    settled_in(ring)
    relay = ring.on(1)[0]
    flush = relay.follower.repeater._flush

    def hostile() -> list[Effect]:
        answers = relay.follower.repeater._answers
        for device in list(answers)[:1]:
            answers[device] = answers[device][:-1] + bytes((answers[device][-1] ^ 1,))
        return flush()

    relay.follower.repeater._flush = hostile  # type: ignore[method-assign]  # the hostile device
    ring.master.dropped.clear()
    ring.run(1.1 * CYCLE_S)
    assert "sealed bytes: not authentic" in ring.master.dropped
    heard = [peer for peer in ring.master.station.peers.others if ring.now - (peer.heard_at or 0) < CYCLE_S]
    assert len(heard) == 4


def test_a15_an_address_that_was_never_proven_gets_no_more_than_came_from_it() -> None:
    ring = Sites(2, 1)
    lonely = ring.on(1)[0]
    spoofed = Address("198.51.100.66", 3875)
    handle = ring.master.handle
    ring.master.handle = lambda data, source, **how: handle(  # type: ignore[method-assign]  # who spoofs
        data, spoofed if source == lonely.address else source, **how
    )
    came = 0
    for _ in range(300):
        ring.run(0.1 * CYCLE_S)
        came += sum(
            len(data) for sender, data, to in ring.sent if sender is lonely and to == ring.master.address
        )
        ring.sent = [row for row in ring.sent if row[2] == spoofed]
        assert sum(len(data) for _, data, _ in ring.sent) <= came


# --- lost datagrams, and what is not what it says -----------------------------------------------


def test_a38_changes_reach_members_elsewhere_though_datagrams_are_lost() -> None:
    ring = Sites(2, 4, 1)
    settled_in(ring)
    ring.loss = 0.2
    for number in range(6):
        seq = ring.commit(size_bytes=6_000 + number)
        ring.run(3.0)
        assert all(seq in node.advanced_at for node in ring.nodes[1:])
    resent = [to for sender, data, to in ring.sent if sender is ring.master and data[8] == Kind.RELAY]
    assert len(resent) > len(set(resent))


def test_a11_a_relay_order_by_who_did_not_sign_the_start_is_refused_and_nothing_repeated() -> None:
    ring = Sites(2, 3)
    settled_in(ring)
    relay, hostile = ring.on(1)[:2]
    peer = hostile.station.peers.get(relay.station.peers.own_id)
    assert isinstance(peer, Peer)
    ring.run(CYCLE_S)
    opened = ring.nodes[1].station.channel.open(ring.last(Kind.START)[1], ring.master.address)
    assert isinstance(opened, Opened)
    ring.sent.clear()
    relay.dropped.clear()
    relay.handle(hostile.station.channel.seal_to(peer, Kind.RELAY, opened.plaintext), hostile.address)
    assert relay.dropped == ["RELAY: not by who signed the START"]
    assert ring.sent == []


def test_a_start_of_another_history_is_not_repeated() -> None:
    ring = Sites(2, 3)
    settled_in(ring)
    relay = ring.on(1)[0]
    peer = ring.master.station.peers.get(relay.station.peers.own_id)
    assert isinstance(peer, Peer)
    head = replace(relay.log.head, chain=ChainHash(bytes(32)))
    start = sign_start(ring.world.master, ring.world.cluster, head, rest(ring.world.master))
    ring.sent.clear()
    relay.handle(ring.master.station.channel.seal_to(peer, Kind.RELAY, start.encode()), ring.master.address)
    assert not [data for _, data, _ in ring.sent if data[8] == Kind.REPEAT]
    assert isinstance(relay.outcomes[-1], Conflict)


def test_more_than_256_members_are_repeated_to_blindly_and_alone_where_multicast_does_not_reach() -> None:
    ring = Sites(3, 3)
    settled_in(ring)
    ring.master.station.peers.count = 300
    relay = ring.on(1)[0]
    ring.on(1)[1].on = False
    ring.commit()
    ring.run(0.3)
    sent = [(Kind(data[8]), to) for sender, data, to in ring.sent if sender is ring.master]
    assert sent.count((Kind.START, None)) >= 2
    assert [kind for kind, to in sent if to == relay.address].count(Kind.RELAY) >= 2


def test_who_leads_serves_who_answers_from_where_it_is_said_to_be_and_nobody_else_there() -> None:
    ring = Sites(2, 1)
    lonely, master = ring.on(1)[0], ring.master
    lonely.station.contacts = Contacts()
    where, device = master.station.whereabouts, lonely.station.peers.own_id
    ring.run(3 * CYCLE_S)
    assert not lonely.follower.fresh(ring.now)
    where.told([(device, lonely.address)])
    where.leads_anew(CYCLE_S, ring.now)
    assert master.follower.seek(ring.now) == []
    ring.run(1.3 * CYCLE_S)
    master.do(master.follower.seek(ring.now))
    ring.run(2.2 * CYCLE_S)
    assert lonely.follower.fresh(ring.now)
    assert where.missing(CYCLE_S, ring.now + CYCLE_S) == []
    peer = master.station.peers.get(device)
    assert isinstance(peer, Peer)
    assert peer.path.is_proven
    (pong,) = [data for data, to in sent_by(ring, lonely, Kind.PONG) if to == master.address][:1]
    opened = master.station.channel.open(pong, lonely.address)
    assert isinstance(opened, Opened)
    ring.leader.told(replace(opened, source=Address("198.51.100.66", 3875)))
    assert peer.address == lonely.address, "what is proven stays"


def test_a_device_that_may_lead_asks_members_that_it_knows_and_all_who_hear() -> None:
    ring = quiet_ring(4)
    first, other = ring.nodes[0], ring.nodes[1]
    first.station.whereabouts.heard(other.station.peers.own_id, other.address)
    asked = first.follower.ask_all(ring.now)
    assert [effect.to for effect in asked if isinstance(effect, SendDatagram)] == [other.address]
    first.station.channel.keys = GroupKeys()
    assert first.station.hello_to((other.address,), bytes(8)) == []
    plain = other.follower.ask_all(ring.now)
    assert [effect.to for effect in plain if isinstance(effect, SendDatagram)] == [ring.master.address]
