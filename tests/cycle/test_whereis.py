"""A member that hears the master through others alone finds out where he is (`specs/cycles.md`)."""

from dusk.cycle.messages import Kind
from dusk.effects import Address
from tests.cycle.ring import CYCLE_S, Node
from tests.cycle.test_cycle_elsewhere import Sites, sent_by, settled_in

NOWHERE = Address("192.0.2.9", 3875)


def parted(*, proven: bool = True) -> tuple[Sites, Node, Node]:
    """Return two links, the relay of the second one and a member behind it."""
    ring = Sites(2, 3)
    settled_in(ring)
    relay, _, member = ring.on(1)
    if not proven:
        member.follower._place.moved(NOWHERE)
        member.follower._place.moved(ring.master.address)
    return ring, relay, member


def forget(member: Node) -> None:
    """Let a member know of no master."""
    member.follower.master = None
    member.follower._place.moved(None)


def forge(ring: Sites, member: Node) -> None:
    """Let the newest START come to a member once more, from elsewhere."""
    heard = member.follower._heard
    assert heard is not None
    member.handle(ring.master.station.channel.seal_group(Kind.START, heard.start.encode()), NOWHERE)
    assert member.follower.master_address == NOWHERE


def test_who_hears_of_a_new_master_by_what_is_repeated_alone_asks_the_device_that_repeats() -> None:
    ring, relay, member = parted()
    forget(member)
    ring.sent.clear()
    ring.run(1.1 * CYCLE_S)
    assert member.follower.master == ring.master.station.peers.own_id
    assert [to for _, to in sent_by(ring, member, Kind.HELLO)] == [relay.address]
    assert [to for _, to in sent_by(ring, relay, Kind.REFER)] == [ring.master.address]
    assert member.follower.master_address == ring.master.address
    assert member.follower.fresh(ring.now)


def test_who_was_never_answered_where_he_was_heard_asks_there_once() -> None:
    ring, _, member = parted(proven=False)
    ring.sent.clear()
    ring.run(40 * CYCLE_S)
    asked = [to for _, to in sent_by(ring, member, Kind.ASK)]
    assert asked == [ring.master.address]
    assert sent_by(ring, member, Kind.HELLO) == []
    assert member.follower.master_address == ring.master.address


def test_a12_an_address_that_a_recording_forged_is_found_out_though_nothing_else_comes_from_him() -> None:
    ring, relay, member = parted()
    forge(ring, member)
    ring.sent.clear()
    ring.run(8 * CYCLE_S)
    assert [to for _, to in sent_by(ring, member, Kind.ASK)] == [NOWHERE, NOWHERE]
    assert [to for _, to in sent_by(ring, member, Kind.HELLO)] == [relay.address]
    assert member.follower.master_address == ring.master.address
    ring.sent.clear()
    ring.run(20 * CYCLE_S)
    assert sent_by(ring, member, Kind.HELLO) == [], "he has answered"


def test_questions_that_nobody_answers_become_ever_rarer() -> None:
    ring, relay, member = parted()
    forge(ring, member)
    for node in (ring.master, relay):
        peer = node.station.peers.get(member.station.peers.own_id)
        assert peer is not None
        peer.pong_at = float("inf")
    ring.sent.clear()
    ring.run(100 * CYCLE_S)
    asked = sent_by(ring, member, Kind.HELLO)
    assert 4 <= len(asked) <= 9
    assert member.follower.fresh(ring.now), "what is repeated proves itself"


def test_nobody_asks_where_he_is_who_hears_him_himself() -> None:
    ring, _, _ = parted()
    member = next(node for node in ring.on(0) if node is not ring.master)
    member.follower._place.moved(NOWHERE)
    ring.sent.clear()
    ring.run(20 * CYCLE_S)
    assert member.follower.master_address == ring.master.address
    assert sent_by(ring, member, Kind.HELLO) == []
