"""Whom the master serves how, of those that its multicast does not reach."""

from collections.abc import Sequence

from dusk.cycle.datagrams import path_of
from dusk.cycle.elsewhere import COPIES_MAX, DATA_COPIES_MAX, GIVEN_UP_MISSES, Elsewhere, Served
from dusk.cycle.far_messages import Via
from dusk.cycle.messages import Kind
from dusk.cycle.peers import Peer
from dusk.cycle.peers import roster as roster_with
from dusk.cycle.station import Station
from dusk.effects import Address, SendDatagram
from dusk.ids import DeviceId
from tests.cycle.ring import quiet_ring


def scene(size: int = 5) -> tuple[Elsewhere, Station, list[Peer]]:
    """Return a master's view of members with proven addresses, by id."""
    station = quiet_ring(size).master.station
    peers = sorted(station.peers.others, key=lambda peer: peer.device_id)
    for number, peer in enumerate(peers):
        peer.address = Address(f"10.0.9.{number}", 3875)
        peer.path.heard(peer.address, 0)
        peer.path.sent(b"proof")
        peer.path.answered(b"proof", peer.address)
    return Elsewhere(station), station, peers


def ids(peers: Sequence[Peer]) -> list[DeviceId]:
    return [peer.device_id for peer in peers]


def name(elsewhere: Elsewhere, peers: Sequence[Peer], repeater: Peer) -> None:
    for peer in peers:
        elsewhere.answered(peer, Via(None, repeater.device_id))


def test_who_was_never_heard_to_be_reached_gets_copies_until_multicast_reaches_it() -> None:
    elsewhere, _, peers = scene()
    assert set(elsewhere.plan().alone) == set(ids(peers))
    for peer in peers[:3]:
        elsewhere.answered(peer, None)
    peers[0].missed = 1
    assert set(elsewhere.plan().alone) == {peers[0].device_id, peers[3].device_id}


def test_a_silent_member_gets_every_tenth_start_and_one_without_an_address_none() -> None:
    elsewhere, _, (first, second, *others) = scene()
    for peer in others:
        elsewhere.answered(peer, None)
    first.missed, second.address = GIVEN_UP_MISSES + 1, None
    assert sum(len(elsewhere.plan().alone) for _ in range(40)) == 4


def test_what_was_known_of_a_removed_member_is_forgotten() -> None:
    elsewhere, station, peers = scene()
    gone, near = peers[0], peers[3]
    name(elsewhere, peers[:3], gone)
    elsewhere.answered(near, None)
    for _ in range(2):
        elsewhere.judge(elsewhere.plan(), ())
    roster, left = station.peers.roster, (gone.device_id, near.device_id)
    members = [member for member in roster.members if member.device_id not in left]
    station.peers.take(roster_with(members, roster.succession))
    elsewhere.plan()
    kept = (elsewhere._far, elsewhere._near, elsewhere._passed_over, elsewhere._failures)
    assert not {device for known in kept for device in known} & set(left)
    assert elsewhere._far


def test_of_many_at_most_64_get_a_copy_and_all_in_turn() -> None:
    elsewhere, station, peers = scene()
    station.peers._others = tuple(peers) * 20
    assert len(elsewhere.plan().alone) == COPIES_MAX


def test_those_who_name_one_of_their_link_are_served_by_it() -> None:
    elsewhere, _, peers = scene()
    name(elsewhere, peers, peers[0])
    served = elsewhere.plan()
    assert served == Served({peers[0].device_id: tuple(ids(peers[1:]))}, ())
    assert served.relay_of(peers[2].device_id) == peers[0].device_id
    assert served.relay_of(peers[0].device_id) is None
    assert elsewhere.ways == {peers[0].device_id: None} | dict.fromkeys(ids(peers[1:]), peers[0].device_id)
    assert elsewhere.unreached == dict.fromkeys(ids(peers), False)


def test_a_device_that_is_near_unproven_or_silent_is_no_relay() -> None:
    elsewhere, _, peers = scene()
    name(elsewhere, peers, peers[0])
    peers[0].path.is_proven = False
    assert set(elsewhere.plan().relays) == {peers[1].device_id}
    peers[1].missed = 1
    assert set(elsewhere.plan().relays) == {peers[2].device_id}
    elsewhere.answered(peers[2], None)
    assert set(elsewhere.plan().relays) == {peers[3].device_id}
    peers[3].missed = 1
    assert elsewhere.plan().relays == {}


def test_until_they_name_the_new_relay_its_members_get_copies_too() -> None:
    elsewhere, _, peers = scene()
    name(elsewhere, peers, peers[0])
    peers[0].missed = 1
    served = elsewhere.plan()
    assert served.relays == {peers[1].device_id: ()}
    assert set(served.alone) == {peers[0].device_id, *ids(peers[2:])}
    elsewhere.judge(served, set(ids(peers[1:])))
    name(elsewhere, peers[1:], peers[1])
    assert elsewhere.plan().relays == {peers[1].device_id: tuple(ids(peers[2:]))}


def test_a44_a_relay_behind_which_nobody_is_heard_is_passed_over_for_ever_longer() -> None:
    elsewhere, _, peers = scene()
    name(elsewhere, peers, peers[0])
    rests = []
    for _ in range(8):
        rested = 0
        while peers[0].device_id not in (served := elsewhere.plan()).relays:
            rested += 1
            elsewhere.judge(served, set(ids(peers)))
        rests.append(rested)
        while not served.relays.get(peers[0].device_id):
            elsewhere.judge(served, set(ids(peers)))
            served = elsewhere.plan()
        elsewhere.judge(served, {peers[0].device_id})
    assert rests[1] < rests[2] < rests[3]
    assert max(rests) <= 64


def test_a44_whom_a_relay_fails_gets_copies_for_ever_longer() -> None:
    elsewhere, _, peers = scene()
    relay, victim, *others = peers
    name(elsewhere, peers, relay)
    alone = []
    for _ in range(200):
        served = elsewhere.plan()
        is_alone = victim.device_id in served.alone
        alone.append(is_alone)
        elsewhere.judge(served, {relay.device_id, *ids(others), *([victim.device_id] if is_alone else [])})
    assert alone.count(False) <= 9
    assert alone[:8] == [False, True, False, True, True, False, True, True]
    assert elsewhere.plan().relay_of(others[0].device_id) == relay.device_id
    elsewhere.judge(Served({relay.device_id: (victim.device_id, DeviceId(bytes(16)))}), {victim.device_id})
    assert elsewhere.plan().relay_of(victim.device_id) is None


def test_a_member_that_left_is_served_by_nothing() -> None:
    elsewhere, station, peers = scene()
    name(elsewhere, peers, peers[0])
    served = elsewhere.plan()
    members = [m for m in station.peers.roster.members if m.device_id != peers[0].device_id]
    station.peers.take(roster_with(members, station.peers.succession))
    assert elsewhere.send(served, b"start", []) == []
    assert elsewhere.doors(served, peers[1:]) == []
    assert set(elsewhere.plan().relays) == {peers[1].device_id}
    assert set(elsewhere.unreached) == set(ids(peers[1:]))
    members = [m for m in members if m.device_id != peers[4 - 1].device_id]
    station.peers.take(roster_with(members, station.peers.succession))
    assert peers[3].device_id not in elsewhere.plan().alone


def test_what_a_far_member_lacks_goes_to_who_repeats_for_it_once() -> None:
    elsewhere, _, peers = scene()
    name(elsewhere, peers[:3], peers[0])
    served = elsewhere.plan()
    elsewhere.answered(peers[3], Via(b"p" * 8, peers[3].device_id))
    assert elsewhere.doors(served, peers) == [(peers[0], True), (peers[3], False)]
    assert elsewhere.doors(served, peers[:1]) == [(peers[0], True)]


def test_data_goes_alone_to_proven_addresses_of_far_members_up_to_a_bound() -> None:
    elsewhere, _, (first, second, third, *_) = scene()
    for peer in (first, second):
        elsewhere.answered(peer, Via(None, peer.device_id))
    second.path.is_proven, second.path.credit_bytes = False, 100
    pieces = [b"piece"] * (DATA_COPIES_MAX - 1)
    served = Served({}, tuple(ids((first, second, third))))
    sent = [effect for effect in elsewhere.send(served, b"start", pieces) if isinstance(effect, SendDatagram)]
    assert [effect.to for effect in sent].count(first.path.address) == DATA_COPIES_MAX  # type: ignore[arg-type]  # it has one
    assert [effect.data[8] for effect in sent if effect.to == second.address] == [Kind.START]
    assert [effect.data[8] for effect in sent if effect.to == third.address] == [Kind.START]
    elsewhere.answered(third, Via(None, third.device_id))
    served = Served({}, tuple(ids((first, third))))
    sent = [effect for effect in elsewhere.send(served, b"start", pieces) if isinstance(effect, SendDatagram)]
    assert len([effect for effect in sent if effect.to == third.address]) == 1


def test_a15_nothing_goes_to_an_address_that_has_sent_less_or_is_not_known() -> None:
    elsewhere, _, (first, *_) = scene()
    first.path.heard(Address("10.9.9.9", 3875), 10)
    assert elsewhere.start_to(first, b"start", is_relay=False) == []
    assert elsewhere.give(first, [b"12345", b"123456", b"12345"]) == [
        SendDatagram(b"12345", Address("10.9.9.9", 3875)),
        SendDatagram(b"12345", Address("10.9.9.9", 3875)),
    ]
    first.path.address = None
    assert elsewhere.give(first, [b"1"]) == []


def test_whom_multicast_reaches_no_more_gets_copies_and_is_shown_as_reached_before() -> None:
    elsewhere, station, (first, second, *_) = scene()
    for peer in (first, second):
        elsewhere.answered(peer, None)
    elsewhere.answered(first, Via(None, first.device_id))
    assert [elsewhere.is_far(peer) for peer in (first, second)] == [True, False]
    assert elsewhere.unreached == {first.device_id: True}
    assert elsewhere.ways == {first.device_id: None, second.device_id: second.device_id}
    assert first.device_id in elsewhere.plan().alone
    assert second.device_id not in elsewhere.plan().alone
    members = [m for m in station.peers.roster.members if m.device_id != first.device_id]
    station.peers.take(roster_with(members, station.peers.succession))
    assert elsewhere.unreached == {}, "it is no member any more"
    assert first.device_id not in elsewhere.ways


def test_a44_a_relay_that_is_silent_is_passed_over_and_one_that_served_again_begins_anew() -> None:
    elsewhere, _, peers = scene()
    name(elsewhere, peers, peers[0])
    relay, behind = peers[0].device_id, tuple(ids(peers[1:]))

    def rest() -> int:
        return next(count for count in range(99) if relay in elsewhere.plan().relays)

    elsewhere.judge(Served({relay: ()}), ())
    assert rest() == 1
    elsewhere.judge(Served({relay: ()}), {relay})
    assert rest() == 0, "it had nobody to serve"
    elsewhere.judge(Served({relay: behind}), {relay, *behind})
    elsewhere.judge(Served({relay: ()}), ())
    assert rest() == 1


def test_who_is_alone_or_reached_itself_relays_for_nobody_and_who_missed_one_gets_a_copy() -> None:
    elsewhere, _, peers = scene()
    relay, *others = peers
    name(elsewhere, [relay], relay)
    assert elsewhere.plan().relays == {}, "there is nobody behind it"
    others[0].missed = GIVEN_UP_MISSES
    name(elsewhere, others[:1], relay)
    assert set(elsewhere.plan().relays) == {relay.device_id}
    others[0].missed += 1
    assert elsewhere.plan().relays == {}, "nobody that is not given up"
    others[0].missed = 0
    name(elsewhere, others, relay)
    others[1].missed = 1
    served = elsewhere.plan()
    assert served.relays == {relay.device_id: (others[0].device_id, others[2].device_id)}
    assert served.alone == (others[1].device_id,)
    elsewhere.answered(relay, None)
    assert relay.device_id not in elsewhere.plan().relays, "multicast reaches it: it repeats nothing"


def test_a15_data_goes_alone_to_nobody_that_multicast_reaches_and_to_no_unproven_address() -> None:
    elsewhere, _, (near, unproven, far, *_) = scene()
    for peer in (unproven, far):
        elsewhere.answered(peer, Via(None, peer.device_id))
    elsewhere.answered(near, None)
    unproven.path.is_proven, unproven.path.credit_bytes = False, 10_000
    served = Served({}, tuple(ids((near, unproven, far))))
    sent = [e for e in elsewhere.send(served, b"start", [b"piece"]) if isinstance(e, SendDatagram)]
    assert [e.to for e in sent if e.data == b"piece"] == [far.address]
    assert len(sent) == 4


def test_the_bounds_of_what_is_given_alone() -> None:
    elsewhere, _, (first, second, *others) = scene()
    for peer in others:
        elsewhere.answered(peer, None)
    first.missed, second.missed = GIVEN_UP_MISSES, 0
    assert [first.device_id in elsewhere.plan().alone for _ in range(12)] == [True] * 12
    elsewhere.answered(second, Via(None, second.device_id))
    served = Served({}, (second.device_id,))
    for count, given in ((DATA_COPIES_MAX, DATA_COPIES_MAX), (DATA_COPIES_MAX + 1, 0)):
        assert len(elsewhere.send(served, b"start", [b"piece"] * count)) == given + 1


def test_what_an_answer_to_a_start_that_came_alone_must_name_is_noted() -> None:
    elsewhere, _, (first, *_) = scene()
    for is_relay in (False, True):
        (sent,) = elsewhere.start_to(first, b"start", is_relay=is_relay)
        assert isinstance(sent, SendDatagram)
        assert path_of(sent.data) in first.path._sent
