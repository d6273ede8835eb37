"""Acknowledgements, and the certificates that a leader makes and carries."""

from dataclasses import dataclass, field, replace

import pytest

from dusk.changelog.certificate import Certificate, decode_certificate, sign_ack
from dusk.cycle.acks import STARTS_WITH_CERTIFICATE, THEN_EVERY, Acks, Carried, OwnAck
from dusk.cycle.messages import Kind, Respond
from dusk.cycle.peers import Peer
from dusk.effects import Address
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash, DeviceId, Head, Seq
from dusk.limits import ACKNOWLEDGED_HEADS_MAX, CERTIFICATE_IN_START_BYTES_MAX
from tests.cycle.holders import HolderRing
from tests.cycle.ring import CYCLE_S, rest, start_by


def two() -> HolderRing:
    """Master and backup, with an entry that is not settled: the backup has not been heard."""
    ring = HolderRing(3, 2)
    assert ring.master.log.settled < ring.master.log.head.seq
    return ring


def collecting(ring: HolderRing) -> Acks:
    acks = Acks(ring.master.station)
    acks.announced(ring.master.log.head)
    return acks


def test_a_head_is_certified_when_all_required_holders_acknowledged_it() -> None:
    ring = two()
    acks, head, backup = collecting(ring), ring.master.log.head, ring.all[1]
    assert acks.ready() is None
    acks.take(backup.own_id, head, sign_ack(backup.key, ring.world.cluster, head))
    certificate = acks.ready()
    assert certificate is not None
    assert {device for device, _ in certificate.acks} == {backup.own_id, ring.all[0].own_id}
    assert ring.nodes[2].log.take_certificate(certificate)
    assert ring.master.log.take_certificate(certificate)
    assert acks.ready() is None


def test_a41_an_acknowledgement_by_another_key_is_refused() -> None:
    ring = two()
    acks, head, backup = collecting(ring), ring.master.log.head, ring.all[1]
    with pytest.raises(UntrustedInput, match="does not verify"):
        acks.take(backup.own_id, head, sign_ack(ring.nodes[2].key, ring.world.cluster, head))
    assert acks.ready() is None


def test_what_settles_nothing_is_not_looked_at() -> None:
    ring = two()
    acks, head, backup = collecting(ring), ring.master.log.head, ring.all[1]
    junk = bytes(64)
    acks.take(ring.all[2].own_id, head, junk)  # holds nothing
    acks.take(DeviceId(bytes(16)), head, junk)  # a stranger
    acks.take(backup.own_id, replace(head, chain=ChainHash(bytes(32))), junk)  # another entry
    acks.take(backup.own_id, replace(head, seq=Seq(1)), junk)  # never announced
    acks.take(backup.own_id, head, sign_ack(backup.key, ring.world.cluster, head))
    acks.take(backup.own_id, head, junk)  # known
    certificate = acks.ready()
    assert certificate is not None
    ring.master.log.take_certificate(certificate)
    acks.take(backup.own_id, head, junk)  # settled


def test_what_is_settled_already_is_not_looked_at() -> None:
    ring = two()
    acks, head, backup = collecting(ring), ring.master.log.head, ring.all[1]
    proof = {n.own_id: sign_ack(n.key, ring.world.cluster, head) for n in ring.all[:2]}
    assert ring.master.log.take_certificate(Certificate.of(head, proof))
    acks.take(backup.own_id, head, bytes(64))
    assert acks.ready() is None


def test_a_head_that_is_announced_again_keeps_its_acknowledgements() -> None:
    ring = two()
    acks, head, backup = collecting(ring), ring.master.log.head, ring.all[1]
    acks.take(backup.own_id, head, sign_ack(backup.key, ring.world.cluster, head))
    acks.announced(head)
    assert acks.ready() is not None


def test_as_many_heads_as_are_remembered_are_remembered() -> None:
    ring = two()
    acks, head, backup = collecting(ring), ring.master.log.head, ring.all[1]
    for number in range(ACKNOWLEDGED_HEADS_MAX - 1):
        ring.commit(str(number))
        acks.announced(ring.master.log.head)
    acks.take(backup.own_id, head, sign_ack(backup.key, ring.world.cluster, head))
    certificate = acks.ready()
    assert certificate is not None
    assert certificate.head == head


def test_a_few_heads_are_remembered_and_the_newest_is_certified() -> None:
    ring = two()
    acks, backup = collecting(ring), ring.all[1]
    heads = [ring.master.log.head]
    for number in range(ACKNOWLEDGED_HEADS_MAX + 1):
        ring.commit(str(number))
        heads.append(ring.master.log.head)
        acks.announced(heads[-1])
        acks.announced(heads[-1])
    acks.take(backup.own_id, heads[0], bytes(64))
    for head in heads[-3:-1]:
        acks.take(backup.own_id, head, sign_ack(backup.key, ring.world.cluster, head))
    certificate = acks.ready()
    assert certificate is not None
    assert certificate.head == heads[-2]


def test_a_head_is_acknowledged_by_its_holders_while_it_is_not_settled_and_signed_once() -> None:
    ring = two()
    own, stranger = OwnAck(ring.master.station), OwnAck(ring.nodes[2].station)
    first = own.wanted()
    assert first == sign_ack(ring.master.key, ring.world.cluster, ring.master.log.head)
    assert own.wanted() is first
    assert stranger.wanted() is None
    ring.run(3 * CYCLE_S)
    assert own.wanted() is None


def test_r4_a_former_holder_acknowledges_on_for_a_leader_alone_that_may_have_settled_less() -> None:
    ring = two()
    backup, stranger = ring.nodes[1], ring.nodes[2]
    ring.run(3 * CYCLE_S)
    world = ring.world
    world.commit(world.edit("cluster", "succession", [[ring.master.station.peers.own_id]]))
    head = ring.master.log.head
    proof = Certificate.of(
        head, {n.station.peers.own_id: sign_ack(n.key, world.cluster, head) for n in ring.nodes[:2]}
    )
    for node in (backup, stranger):
        node.log.extend([*world.items[-2:], proof.item()])
        assert node.log.settled == head.seq > ring.master.log.settled
    former, other = OwnAck(backup.station), OwnAck(stranger.station)
    ack = former.wanted()
    assert ack is not None
    assert other.wanted() is None
    acks = collecting(ring)
    acks.take(backup.station.peers.own_id, head, ack)
    assert acks.ready() == proof


def test_a41_an_answer_with_a_false_acknowledgement_changes_nothing() -> None:
    ring = HolderRing(3, 2)
    backup = ring.nodes[1]
    backup.on = False
    ring.run(CYCLE_S)
    peer = backup.station.peers.get(ring.all[0].own_id)
    assert peer is not None
    sent = ring.leader._sent[-1].start
    respond = Respond(sent.rest.cycle, sent.rest.nonce, sent.head, Seq(0), backup.station.boot, ack=bytes(64))
    ring.master.handle(backup.station.channel.seal_to(peer, Kind.RESPOND, respond.encode()), backup.address)
    assert ring.master.dropped[-1:] == ["RESPOND: its acknowledgement does not verify"]
    known = ring.master.station.peers.get(ring.all[1].own_id)
    assert known is not None
    assert (known.heard_at, known.address) == (None, None)


# --- what STARTs carry ------------------------------------------------------------------------


@dataclass
class Shelf:
    """A log's certificates."""

    certificates: list[Certificate] = field(default_factory=list)

    @property
    def certified(self) -> Certificate | None:
        return self.certificates[-1] if self.certificates else None

    def certificates_above(self, settled: int) -> tuple[Certificate, ...]:
        return tuple(one for one in self.certificates if one.head.seq > settled)


def certificate(seq: int, acks: int = 2) -> Certificate:
    rows = tuple((DeviceId(bytes([number]) * 16), bytes(64)) for number in range(acks))
    return Certificate(Head(0, 0, 1, Seq(seq), ChainHash(bytes(32))), rows)


def carried(*seqs: int, acks: int = 2) -> Carried:
    ring = two()
    ring.master.station.log = Shelf([certificate(seq, acks) for seq in seqs])  # type: ignore[assignment]  # a part
    return Carried(ring.master.station)


def member(settled: int, stored: int) -> Peer:
    ring = two()
    peer = ring.master.station.peers.others[0]
    peer.settled, peer.stored = Seq(settled), Seq(stored)
    return peer


def test_a_start_carries_what_a_member_that_has_the_entry_lacks() -> None:
    assert carried().choose([member(0, 9)]) is None
    assert carried(5).choose([]) is None
    assert carried(5).choose([member(5, 9)]) is None
    assert carried(5).choose([member(0, 4)]) is None
    chosen = carried(3, 5).choose([member(4, 9), member(2, 9)])
    assert chosen is not None
    assert decode_certificate(chosen) == certificate(3)


def test_p8_who_never_takes_a_certificate_makes_few_starts_long() -> None:
    shelf, lagging = carried(5), [member(0, 9)]
    sent = [shelf.choose(lagging) is not None for _ in range(STARTS_WITH_CERTIFICATE + 4 * THEN_EVERY)]
    assert all(sent[:STARTS_WITH_CERTIFICATE])
    assert sum(sent[STARTS_WITH_CERTIFICATE:]) == 4


def test_a_certificate_of_nine_holders_fits_and_a_larger_one_goes_another_way() -> None:
    lagging = [member(0, 9)]
    assert carried(5, acks=9).choose(lagging) is not None
    assert carried(5, acks=10).choose(lagging) is None
    assert len(certificate(2**32 - 1, 9).encode()) <= CERTIFICATE_IN_START_BYTES_MAX


def test_a_start_with_what_is_no_certificate_changes_nothing() -> None:
    ring = HolderRing(3, 2)
    ring.run(3 * CYCLE_S)
    member_, head = ring.nodes[2], ring.master.log.head
    before = member_.follower.version
    said = replace(rest(ring.master.key), certificate=b"no certificate")
    member_.handle(start_by(ring, ring.master.key, head, said), Address("10.9.9.9", 1))
    assert member_.follower.version == before
    assert member_.follower.master_address == ring.master.address


def test_a_certificate_that_is_known_is_not_handed_to_the_log_again() -> None:
    ring = HolderRing(3, 2)
    ring.run(3 * CYCLE_S)
    settled = ring.master.log.certified
    assert settled is not None
    said = replace(rest(ring.master.key), certificate=settled.encode())
    opened = ring.nodes[2].station.channel.open(
        start_by(ring, ring.master.key, ring.master.log.head, said), ring.master.address
    )
    step = ring.nodes[2].follower.on_start(opened, ring.now)  # type: ignore[arg-type]  # it opens
    assert step.certificate is None
