"""A device that repeats STARTs on its link: what it carries, and what it refuses (A44)."""

from dataclasses import replace

import pytest

from dusk.cycle.datagrams import Opened, without_name
from dusk.cycle.far_messages import Repeat, encode_bundle
from dusk.cycle.heard import ANSWERS_MAX as ANSWERS_TO_A_START
from dusk.cycle.heard import Came, Heard, Way
from dusk.cycle.messages import Kind, decode_start
from dusk.cycle.repeater import (
    ANSWERS_MAX,
    BUNDLE_BYTES_MAX,
    DATA_MAX,
    HEARD_MAX,
    REPEATS_MAX,
    Repeater,
    answer,
    size_in_bundle,
)
from dusk.effects import Address, Effect, SendDatagram
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId
from dusk.limits import BUNDLE_ANSWERS_MAX
from tests.cycle.ring import CYCLE_S, Node, Ring, quiet_ring

FOUR, SIX = Address("10.0.0.1", 3875), Address("fe80::1%lan", 3875)
ELSEWHERE = Address("10.0.9.9", 3875)


def opened_at(node: Node, data: bytes, source: Address, *, by_multicast: bool = False) -> Opened:
    opened = node.station.channel.open(data, source, by_multicast=by_multicast)
    assert isinstance(opened, Opened)
    return opened


def relaying(size: int = 4) -> tuple[Ring, Node, Repeater, Opened]:
    """Return a ring whose second device was told to repeat the newest START, and that RELAY."""
    ring = quiet_ring(size)
    ring.run(CYCLE_S)
    node = ring.nodes[1]
    start = opened_at(node, ring.last(Kind.START)[1], ring.master.address).plaintext
    peer = ring.master.station.peers.get(node.station.peers.own_id)
    assert peer is not None
    relay = opened_at(node, ring.master.station.channel.seal_to(peer, Kind.RELAY, start), ring.master.address)
    repeater = Repeater(node.station, CYCLE_S)
    assert len(repeater.relay(relay, decode_start(start).rest, ring.now)) == 1
    return ring, node, repeater, relay


def bundle_of(member: Node, relay: Node, plaintext: bytes) -> Opened:
    peer = member.station.peers.get(relay.station.peers.own_id)
    assert peer is not None
    return opened_at(relay, member.station.channel.seal_to(peer, Kind.BUNDLE, plaintext), member.address)


def own_answer(member: Node, size: int = 100) -> bytes:
    return member.station.peers.own_id + bytes(size)


def test_one_start_is_repeated_as_often_as_the_master_does_and_no_more() -> None:
    ring, _, repeater, relay = relaying()
    rest = decode_start(relay.plaintext).rest
    sent = [len(repeater.relay(relay, rest, ring.now)) for _ in range(2 * REPEATS_MAX)]
    assert sum(sent) == REPEATS_MAX - 1


def test_another_start_is_repeated_anew_hands_over_what_waited_and_makes_room_for_as_many_answers() -> None:
    ring, node, repeater, relay = relaying()
    member, rest = ring.nodes[2], decode_start(relay.plaintext).rest
    honest = bundle_of(member, node, encode_bundle([own_answer(member)]))
    for _ in range(ANSWERS_MAX):
        repeater.collect(honest, ring.now)
        repeater.relay(relay, rest, ring.now)
    assert repeater.relay(relay, rest, ring.now) == []
    waiting, repeated = repeater.relay(replace(relay, plaintext=b"another"), rest, ring.now)
    assert isinstance(waiting, SendDatagram)
    assert waiting.to == ring.master.address
    assert not isinstance(repeated, SendDatagram)
    for _ in range(ANSWERS_MAX):
        assert repeater.collect(honest, ring.now) == []


def test_what_was_collected_goes_when_it_is_due_and_an_offer_too() -> None:
    ring, node, repeater, _ = relaying()
    member = ring.nodes[2]
    repeater.collect(bundle_of(member, node, encode_bundle([own_answer(member)])), ring.now)
    assert repeater.flush_at is not None
    assert repeater.tick(repeater.flush_at - 0.001) == []
    assert len(repeater.tick(repeater.flush_at)) == 1
    offering = Repeater(node.station, CYCLE_S)
    offering.reached(ring.now, alone=True)
    assert offering.offer_at is not None
    assert offering.tick(offering.offer_at - 0.001) == []
    assert len(offering.tick(offering.offer_at)) == 1


def test_data_is_repeated_only_from_where_the_master_is_and_up_to_a_bound() -> None:
    ring, node, repeater, _ = relaying()
    sealed = ring.master.station.channel.seal_group(Kind.DATA, b"a piece")
    piece = opened_at(node, sealed, ring.master.address)
    assert repeater.data(replace(piece, source=ELSEWHERE), ring.now) == []
    assert repeater.data(replace(piece, by_multicast=True), ring.now) == []
    assert repeater.data(piece, ring.now + 3 * CYCLE_S) == []
    assert sum(len(repeater.data(piece, ring.now)) for _ in range(DATA_MAX + 9)) == DATA_MAX
    assert Repeater(node.station, CYCLE_S).data(piece, ring.now) == []


def test_who_lost_the_group_key_repeats_nothing() -> None:
    ring, node, repeater, relay = relaying()
    piece = opened_at(node, ring.master.station.channel.seal_group(Kind.DATA, b"x"), ring.master.address)
    node.station.channel.keys = type(node.station.channel.keys)()
    assert repeater.data(piece, ring.now) == []
    assert repeater.relay(relay, decode_start(relay.plaintext).rest, ring.now) == []


def test_a44_only_a_members_own_answers_are_carried_and_not_more_than_anybody_has() -> None:
    ring, node, repeater, _ = relaying()
    member = ring.nodes[2]
    honest = bundle_of(member, node, encode_bundle([own_answer(member)]))
    for plaintext in (
        encode_bundle([own_answer(ring.nodes[3])]),
        encode_bundle([own_answer(member), own_answer(member)]),
    ):
        with pytest.raises(UntrustedInput, match="not one answer of its sender"):
            repeater.collect(bundle_of(member, node, plaintext), ring.now)
    for _ in range(ANSWERS_MAX):
        assert repeater.collect(honest, ring.now) == []
    with pytest.raises(UntrustedInput, match="more answers"):
        repeater.collect(honest, ring.now)
    with pytest.raises(UntrustedInput, match="nothing is repeated"):
        repeater.collect(honest, ring.now + 3 * CYCLE_S)
    with pytest.raises(UntrustedInput, match="nothing is repeated"):
        Repeater(node.station, CYCLE_S).collect(honest, ring.now)


def test_a_full_bundle_goes_at_once_and_a_late_answer_soon() -> None:
    ring, node, repeater, _ = relaying()
    first, second = ring.nodes[2], ring.nodes[3]
    assert repeater.collect(bundle_of(first, node, encode_bundle([own_answer(first, 700)])), ring.now) == []
    (full,) = repeater.collect(bundle_of(second, node, encode_bundle([own_answer(second, 700)])), ring.now)
    assert isinstance(full, SendDatagram)
    assert full.to == ring.master.address
    assert repeater.flush_at is not None
    (last,) = repeater.tick(repeater.flush_at)
    assert isinstance(last, SendDatagram)
    repeater.flush_at = ring.now
    assert repeater.tick(ring.now) == [], "nothing waits"
    assert repeater.deadline is None
    assert repeater.collect(bundle_of(first, node, encode_bundle([own_answer(first)])), ring.now + 1) == []
    assert repeater.deadline == ring.now + 1.02


def test_a_bundle_takes_what_fits_and_of_each_member_the_newest_answer_alone() -> None:
    ring, node, repeater, _ = relaying()
    first, second = ring.nodes[2], ring.nodes[3]
    for _ in range(2):
        answered = bundle_of(first, node, encode_bundle([own_answer(first, 700)]))
        assert repeater.collect(answered, ring.now) == []
    rest = BUNDLE_BYTES_MAX - size_in_bundle(own_answer(first, 700)) - size_in_bundle(own_answer(second, 0))
    fits = bundle_of(second, node, encode_bundle([own_answer(second, rest)]))
    assert repeater.collect(fits, ring.now) == []
    beyond = bundle_of(second, node, encode_bundle([own_answer(second, rest + 1)]))
    assert len(repeater.collect(beyond, ring.now)) == 1


def test_a_bundle_has_no_more_answers_than_are_read() -> None:
    ring, node, repeater, _ = relaying(BUNDLE_ANSWERS_MAX + 3)
    members = [one for one in ring.nodes if one not in (node, ring.master)]
    handed = [
        len(repeater.collect(bundle_of(one, node, encode_bundle([own_answer(one, 0)])), ring.now))
        for one in members[: BUNDLE_ANSWERS_MAX + 1]
    ]
    assert handed == [0] * BUNDLE_ANSWERS_MAX + [1]


def test_an_answer_that_is_too_long_for_a_bundle_goes_to_the_master_if_it_is_known_where_he_is() -> None:
    ring = quiet_ring(3)
    member = ring.nodes[1]
    peer = member.station.peers.get(ring.nodes[2].station.peers.own_id)
    came = Came(Way.REPEATED, ring.nodes[2].address, repeater=peer)
    data = bytes(1195)

    def sent(data: bytes, master: Address | None, *, is_to_find_us: bool = False) -> list[Effect]:
        return answer(member.station, came, data, master, is_to_find_us=is_to_find_us)

    assert sent(data, None) == []
    for is_to_find_us in (False, True):
        assert sent(data, FOUR, is_to_find_us=is_to_find_us) == [SendDatagram(data, FOUR)]
    named = len(data) - len(without_name(data))
    longest = bytes(BUNDLE_BYTES_MAX - size_in_bundle(b"") + named)
    assert len(sent(longest, None)) == 1
    assert sent(longest + b"x", None) == []
    (effect,) = sent(data[:300], FOUR)
    assert isinstance(effect, SendDatagram)
    assert effect.to == ring.nodes[2].address
    assert without_name(data[:300]) not in effect.data
    found, bundled = sent(data[:300], FOUR, is_to_find_us=True)
    assert found == SendDatagram(data[:300], FOUR), "no bundle says where this device is"
    assert isinstance(bundled, SendDatagram)
    assert bundled.to == ring.nodes[2].address


def test_of_those_who_repeat_or_would_the_lowest_is_named_and_few_are_remembered() -> None:
    ring = quiet_ring(3)
    node = ring.nodes[1]
    repeater, own = Repeater(node.station, CYCLE_S), node.station.peers.own_id
    assert repeater.named(ring.now) == own
    with pytest.raises(UntrustedInput):
        repeater.heard(Repeat(own, None), ring.now)
    with pytest.raises(UntrustedInput):
        repeater.heard(Repeat(DeviceId(bytes(16)), None), ring.now)
    others = sorted(peer.device_id for peer in node.station.peers.others)
    for other in reversed(others):
        repeater.heard(Repeat(other, None), ring.now)
    assert repeater.named(ring.now) == min(own, *others)
    repeater.heard(Repeat(others[1], b"start"), ring.now)
    assert repeater.named(ring.now) == others[1]
    assert repeater.named(ring.now + 3 * CYCLE_S) == min(own, *others)
    assert repeater.named(ring.now + 20 * CYCLE_S) == min(own, *others)
    assert repeater.named(ring.now + 20.01 * CYCLE_S) == own
    assert repeater.named(ring.now + 21 * CYCLE_S) == own


def test_a6_a_flood_of_names_is_not_all_remembered() -> None:
    ring = quiet_ring(HEARD_MAX + 4)
    node = ring.nodes[1]
    repeater = Repeater(node.station, CYCLE_S)
    for peer in node.station.peers.others:
        repeater.heard(Repeat(peer.device_id, b"start"), ring.now)
    assert len(repeater._repeated) == HEARD_MAX


def test_who_would_repeat_says_so_ever_more_rarely_and_again_to_a_newcomer() -> None:
    ring = quiet_ring(3)
    node = min(ring.nodes, key=lambda one: one.station.peers.own_id)
    higher = max(peer.device_id for peer in node.station.peers.others)
    repeater, now, said = Repeater(node.station, CYCLE_S), ring.now, []
    for cycle in range(40):
        if cycle == 30:
            repeater.heard(Repeat(higher, None), now)
        repeater.reached(now, alone=True)
        repeater.reached(now, alone=True)
        if repeater.tick(now + 0.5 * CYCLE_S):
            said.append(cycle)
        now += CYCLE_S
    assert said[:4] == [0, 2, 6, 14]
    assert 30 in said
    repeater.reached(now + 99 * CYCLE_S, alone=True)
    assert repeater.deadline is not None
    repeater.reached(now + 99 * CYCLE_S, alone=False)
    assert repeater.deadline is None


def test_who_is_told_to_repeat_names_itself_for_two_and_a_half_cycles_and_offers_nothing() -> None:
    ring, node, repeater, _ = relaying()
    own = node.station.peers.own_id
    lower = min(peer.device_id for peer in node.station.peers.others)
    assert lower < own
    repeater.heard(Repeat(lower, None), ring.now)
    until = ring.now + 2.5 * CYCLE_S
    assert repeater.is_relay(until)
    assert repeater.named(until) == own
    repeater.reached(until, alone=True)
    assert repeater.offer_at is None
    assert not repeater.is_relay(until + 0.01)
    assert repeater.named(until + 0.01) == lower


def test_of_many_devices_those_that_were_heard_last_are_remembered() -> None:
    ring = quiet_ring(HEARD_MAX + 4)
    node = ring.nodes[1]
    repeater = Repeater(node.station, CYCLE_S)
    others = [peer.device_id for peer in node.station.peers.others]
    for device in [*others[:HEARD_MAX], others[0], others[HEARD_MAX]]:
        repeater.heard(Repeat(device, None), ring.now)
    assert set(repeater._would) == {others[0], *others[2 : HEARD_MAX + 1]}


def offers(repeater: Repeater, start: float, heard: dict[int, Repeat]) -> list[int]:
    """Return the cycles in which a device to which all STARTs come alone offers to repeat."""
    said = []
    for cycle in range(60):
        now = start + cycle * CYCLE_S
        if cycle in heard:
            repeater.heard(heard[cycle], now)
        repeater.reached(now, alone=True)
        at = repeater.offer_at
        repeater.reached(now, alone=True)
        assert repeater.offer_at == at, "it is put off by nothing that comes again"
        said += [cycle] if repeater.tick(now + 0.5 * CYCLE_S) else []
    return said


@pytest.mark.parametrize(
    ("is_lower", "start", "said"),
    [
        (False, None, [0, 2, 6, 7, 9, 13, 21, 37, 53]),
        (False, b"start", [0, 2, 6, 14, 30, 46]),
        (True, None, [0, 2, 6, 28, 44]),
        (True, b"start", [0, 2, 6, 14, 30, 46]),
    ],
)
def test_only_one_that_would_repeat_and_does_not_know_of_a_lower_one_brings_offers_forward(
    start: bytes | None, said: list[int], *, is_lower: bool
) -> None:
    ring = quiet_ring(3)
    node = sorted(ring.nodes, key=lambda one: one.station.peers.own_id)[1]
    pick = min if is_lower else max
    other = pick(peer.device_id for peer in node.station.peers.others)
    assert offers(Repeater(node.station, CYCLE_S), ring.now, {7: Repeat(other, start)}) == said


def test_who_hears_of_a_lower_one_meanwhile_does_not_offer_itself() -> None:
    ring = quiet_ring(3)
    node = max(ring.nodes, key=lambda one: one.station.peers.own_id)
    lower = min(peer.device_id for peer in node.station.peers.others)
    repeater = Repeater(node.station, CYCLE_S)
    repeater.reached(ring.now, alone=True)
    repeater.heard(Repeat(lower, None), ring.now)
    assert repeater.tick(ring.now + CYCLE_S) == []
    repeater.reached(ring.now, alone=True)
    assert repeater.deadline is None


# --- how a START came --------------------------------------------------------------------------


def heard(came: Came, answered_at: float | None = None, answers: int = 1) -> Heard:
    ring = RING
    start = decode_start(opened_at(ring.nodes[1], ring.last(Kind.START)[1], FOUR).plaintext)
    peer = ring.nodes[1].station.peers.get(ring.master.station.peers.own_id)
    assert peer is not None
    return Heard(start, peer, came, 0.0, 0.0, answers=answers, answered_at=answered_at)


RING = quiet_ring(2)
RING.run(CYCLE_S)
REPEATED, ALONE, ALL = Came(Way.REPEATED, ELSEWHERE), Came(Way.ALONE, FOUR, b"path"), Came(Way.ALL, FOUR)


@pytest.mark.parametrize(
    ("first", "then", "at", "is_again", "kept"),
    [
        (REPEATED, ALONE, None, False, ALONE),
        (REPEATED, ALL, 9.0, True, ALL),
        (ALONE, ALL, 9.0, False, ALL),
        (ALONE, REPEATED, None, False, ALONE),
        (ALL, REPEATED, 5.0, False, ALL),
        (ALL, ALONE, None, False, ALL),
        (ALL, ALL._replace(source=SIX), None, False, ALL._replace(source=SIX)),
        (ALL, ALONE._replace(source=SIX), None, False, ALL._replace(source=SIX)),
        (ALL._replace(source=SIX), ALL, None, False, ALL._replace(source=SIX)),
        (ALL, ALONE, 9.99, False, ALL),
        (ALL, ALONE, 9.0, True, ALL),
        (ALONE, ALONE._replace(path=b"new"), 9.0, True, ALONE._replace(path=b"new")),
        (REPEATED, REPEATED, 9.0, True, REPEATED),
    ],
)
def test_a_start_that_comes_again_is_answered_the_best_way(
    first: Came, then: Came, at: float | None, *, is_again: bool, kept: Came
) -> None:
    start = heard(first, at)
    assert start.also(then, 10.0) is is_again
    assert start.came == kept


@pytest.mark.parametrize(("first", "then"), [(REPEATED, ALL), (ALL, ALONE)])
def test_a_start_is_answered_four_times_at_most(first: Came, then: Came) -> None:
    assert not heard(first, 9.0, ANSWERS_TO_A_START).also(then, 10.0)
