"""Questions that members pass on, what the master echoes of them, and STARTs that come back (A44)."""

from dataclasses import replace

import pytest

from dusk.cycle.datagrams import Opened
from dusk.cycle.echoes import Echoes
from dusk.cycle.messages import Kind, sign_start
from dusk.cycle.questions import Forward, Hello, decode_forward
from dusk.cycle.relays import FORWARDS_MAX, HOSTS_MAX
from dusk.cycle.station import HELLO_ANSWERS, Behind, Conflict
from dusk.effects import Address
from dusk.ids import ChainHash, DeviceId, Seq
from dusk.keys.signing import SigningKey
from dusk.limits import CHALLENGES_MAX, ECHOES_MAX
from tests.cycle.holders import Holder, HolderRing
from tests.cycle.ring import CYCLE_S, rest

ONE, TWO, THREE = (DeviceId(bytes([number]) * 16) for number in (1, 2, 3))


def challenge(number: int) -> bytes:
    return number.to_bytes(8, "big")


def question(number: int, asker: DeviceId, *, is_proven: bool = False) -> Forward:
    return Forward(challenge(number), asker, b"nonce-it", is_proven)


def opened_by(node: Holder, data: bytes, source: Address) -> Opened:
    opened = node.station.channel.open(data, source)
    assert isinstance(opened, Opened)
    return opened


def calm(size: int = 3, holders: int = 2) -> HolderRing:
    ring = HolderRing(size, holders)
    ring.run(6 * CYCLE_S)
    ring.sent.clear()
    return ring


def hello(ring: HolderRing, asker: int, number: int, first: int | None = None) -> bytes:
    node = ring.all[asker]
    return node.station.channel.seal_group(
        Kind.HELLO, Hello(node.own_id, challenge(number), may_lead=True, first=first).encode()
    )


# --- the master's echoes ----------------------------------------------------------------------


def test_what_was_passed_on_goes_before_what_a_pong_can_answer() -> None:
    ring, echoes = calm(), Echoes()
    opened = opened_by(ring.all[0], hello(ring, 1, 0), ring.nodes[1].address)
    echoes.challenged(ONE, challenge(1), opened)
    echoes.forwarded(TWO, question(2, THREE))
    assert echoes.goes_first()
    assert echoes.pick(2) == (challenge(2), challenge(1))
    assert echoes.pick(0) == (challenge(2),)
    assert echoes.sent((challenge(2),)) == [(challenge(1), opened)]
    assert echoes.pick(8) == ()
    assert not Echoes().goes_first()


def test_a44_questions_without_end_leave_a_start_in_four_to_a_certificate_and_come_in_the_next() -> None:
    ring, echoes = calm(), Echoes()
    opened = opened_by(ring.all[0], hello(ring, 1, 0), ring.nodes[1].address)
    echoes.challenged(ONE, challenge(1), opened)
    echoes.forwarded(TWO, question(2, THREE))
    assert [echoes.goes_first() for _ in range(8)] == 2 * [True, True, True, False]
    assert echoes.pick(8, is_short=False) == (challenge(1),)
    assert echoes.sent((challenge(1),)) == []
    assert echoes.pick(8) == (challenge(2),)


def test_members_that_pass_on_have_their_turns_and_one_challenge_is_echoed_once() -> None:
    echoes = Echoes()
    for number in range(20):
        echoes.forwarded(ONE, question(number, DeviceId(number.to_bytes(16, "big"))))
    echoes.forwarded(TWO, question(99, THREE))
    echoes.forwarded(THREE, question(0, THREE))
    assert echoes.pick(3) == (challenge(0), challenge(99), challenge(1))
    assert len(echoes.pick(100)) == ECHOES_MAX
    echoes.sent(echoes.pick(3))
    assert echoes.pick(1) == (challenge(2),)


def test_a10_only_so_many_wait() -> None:
    ring, echoes = calm(), Echoes()
    opened = opened_by(ring.all[0], hello(ring, 1, 0), ring.nodes[1].address)
    for number in range(2 * CHALLENGES_MAX):
        device = DeviceId(number.to_bytes(16, "big"))
        echoes.challenged(device, challenge(number), opened)
        echoes.forwarded(ONE, question(number, device, is_proven=number == 3))
    assert len(echoes.sent(())) == CHALLENGES_MAX
    assert len(echoes._forwarded[ONE]) == CHALLENGES_MAX
    echoes.forwarded(TWO, question(999, THREE))
    assert len(echoes._forwarded[ONE]) == CHALLENGES_MAX - 1, "who passed on most makes room"
    assert echoes.pick(8)[:1] == (challenge(3),)


def test_a44_a_later_hello_in_the_name_of_who_asks_displaces_nothing_that_it_sealed_itself() -> None:
    echoes = Echoes()
    echoes.forwarded(ONE, question(1, THREE))
    echoes.forwarded(ONE, question(2, THREE, is_proven=True))
    echoes.forwarded(ONE, question(3, THREE))
    for number in range(10, 30):
        echoes.forwarded(TWO, question(number, DeviceId(number.to_bytes(16, "big"))))
    assert echoes.pick(1) == (challenge(2),)
    echoes.forwarded(ONE, question(4, THREE, is_proven=True))
    assert echoes.pick(1) == (challenge(4),), "its newest counts"


def test_a44_of_what_anybody_may_have_asked_for_a_device_the_newest_counts() -> None:
    echoes = Echoes()
    for number in (1, 2):
        echoes.forwarded(ONE, question(number, THREE))
    assert echoes.pick(8) == (challenge(2),)


def test_a_question_for_who_may_not_lead_is_refused() -> None:
    ring = calm()
    member = ring.all[2]
    peer = member.station.peers.get(ring.all[0].own_id)
    assert peer is not None
    for asker in (member.own_id, ring.all[0].own_id):
        forward = question(1, asker).encode()
        ring.master.handle(member.station.channel.seal_to(peer, Kind.FORWARD, forward), member.address)
    assert ring.master.dropped[-2:] == ["FORWARD: for no other holder of our succession"] * 2


def test_a44_a_recorded_forward_takes_no_place_of_a_new_one() -> None:
    ring = calm()
    ring.nodes[2].handle(hello(ring, 1, 1), ring.nodes[1].address)
    recorded = ring.last(Kind.FORWARD)[1]
    ring.run(5 * CYCLE_S)
    ring.nodes[2].handle(hello(ring, 1, 2), ring.nodes[1].address)
    ring.run(0.01)
    ring.master.dropped.clear()
    ring.master.handle(recorded, ring.nodes[2].address)
    assert ring.master.dropped == ["FORWARD: names no START of ours, or an old one"]
    assert ring.leader._echoes.pick(1) == (challenge(2),)


# --- members that pass on ---------------------------------------------------------------------


def forwards(ring: HolderRing) -> list[bytes]:
    found = [data for _, data, _ in ring.sent if data[8] == Kind.FORWARD]
    return [opened_by(ring.all[0], data, ring.nodes[2].address).plaintext for data in found]


def test_a_holders_question_is_passed_on_to_the_master_a_few_times_a_cycle() -> None:
    ring = calm()
    for number in range(2 * FORWARDS_MAX):
        ring.nodes[2].handle(hello(ring, 1, number), ring.nodes[1].address)
    passed = [decode_forward(plaintext) for plaintext in forwards(ring)]
    assert [(one.challenge, one.asker) for one in passed] == [
        (challenge(number), ring.all[1].own_id) for number in range(FORWARDS_MAX)
    ]
    ring.run(CYCLE_S / 2)
    ring.sent.clear()
    ring.run(CYCLE_S)
    ring.nodes[2].handle(hello(ring, 1, 77), ring.nodes[1].address)
    assert len(forwards(ring)) == 1


def asks(ring: HolderRing, number: int) -> bytes:
    backup, member = ring.all[1], ring.all[2]
    peer = backup.station.peers.get(member.own_id)
    assert peer is not None
    question = Hello(backup.own_id, challenge(number), may_lead=True).encode()
    return backup.station.channel.seal_to(peer, Kind.ASK, question)


def test_a44_forged_hellos_take_nothing_from_what_the_asker_asks_elsewhere_or_proves() -> None:
    ring = calm()
    own, member = ring.all[1].own_id, ring.nodes[2]
    for number in range(2 * FORWARDS_MAX):
        member.handle(hello(ring, 1, number), Address("fe80::bad", number + 1))
    for number in range(100, 100 + 2 * FORWARDS_MAX):
        member.handle(hello(ring, 1, number), ring.nodes[1].address)
    for number in range(200, 200 + 2 * FORWARDS_MAX):
        member.handle(asks(ring, number), ring.nodes[1].address)
    for number in range(300, 300 + 2 * FORWARDS_MAX):
        member.handle(hello(ring, 1, number), Address("fe80::77", 1))
    passed = [decode_forward(plaintext) for plaintext in forwards(ring)]
    shares = [first + number for first in (0, 100, 200) for number in range(FORWARDS_MAX)]
    assert [(one.challenge, one.asker, one.is_proven) for one in passed] == [
        (challenge(number), own, number >= 200) for number in shares
    ]


def test_a44_where_a_question_was_passed_on_that_the_asker_sealed_no_hello_is_needed() -> None:
    ring = calm()
    ring.nodes[2].handle(asks(ring, 1), ring.nodes[1].address)
    ring.nodes[2].handle(hello(ring, 1, 2), ring.nodes[1].address)
    assert [decode_forward(plaintext).challenge for plaintext in forwards(ring)] == [challenge(1)]


def test_a44_hellos_of_addresses_without_end_are_passed_on_a_bounded_number_of_times() -> None:
    ring = calm()
    for number in range(50):
        ring.nodes[2].handle(hello(ring, 1, number), Address(f"fe80::{number % 25:x}", 1))
    assert len(forwards(ring)) == 2 * HOSTS_MAX
    ring.nodes[2].handle(asks(ring, 99), ring.nodes[1].address)
    last = decode_forward(forwards(ring)[-1])
    assert (last.challenge, last.asker, last.is_proven) == (challenge(99), ring.all[1].own_id, True)


def test_nothing_is_passed_on_for_others_for_the_master_or_by_who_does_not_hear_him() -> None:
    ring = calm(size=4)
    ring.nodes[2].handle(hello(ring, 3, 1), ring.nodes[3].address)
    ring.nodes[2].handle(hello(ring, 0, 2), ring.nodes[0].address)
    assert forwards(ring) == []
    ring.master.on = False
    ring.run(2 * CYCLE_S)
    ring.sent.clear()
    ring.nodes[2].handle(hello(ring, 1, 3), ring.nodes[1].address)
    assert forwards(ring) == []
    assert [data for _, data, _ in ring.sent if data[8] == Kind.PONG]


def test_who_does_not_know_where_the_master_is_passes_nothing_on() -> None:
    ring = calm()
    ring.all[2].follower._place.moved(None)
    ring.nodes[2].handle(hello(ring, 1, 1), ring.nodes[1].address)
    ring.all[2].follower.master = None
    ring.nodes[2].handle(hello(ring, 1, 2), ring.nodes[1].address)
    assert forwards(ring) == []


def test_of_a_question_to_all_the_few_that_it_names_answer_and_the_next_one_names_the_next() -> None:
    ring = calm(size=9)
    asker = ring.all[1].own_id
    places = {node.own_id: node.station.peers.own_index for node in ring.all}
    for first in (0, 2, 4, 6, 8, 65_535):
        ring.sent.clear()
        for node in ring.nodes[2:]:
            node.handle(hello(ring, 1, 100 + first, first), ring.nodes[1].address, by_multicast=True)
        named = {(first + step) % 9 for step in range(HELLO_ANSWERS)}
        kinds = (Kind.PONG, Kind.FORWARD)
        for kind in kinds:
            who = {
                places[node.own_id]
                for node in ring.all
                if any(n is node and d[8] == kind for n, d, _ in ring.sent)
            }
            assert who == named - {places[asker], places[ring.all[0].own_id]}
        ring.run(1.1 * CYCLE_S)


def test_a28_a_question_to_all_that_names_nobody_is_answered_by_one_where_nobody_is_heard_to_lead() -> None:
    ring = calm(size=5)
    ring.master.on = False
    ring.run(2 * CYCLE_S)
    for asker, answers in ((1, 4), (2, 0)):
        ring.sent.clear()
        for number in range(5):
            for node in {0: (), 1: ring.nodes[2:], 2: ring.nodes[3:]}[asker]:
                node.handle(hello(ring, asker, number), ring.nodes[asker].address, by_multicast=True)
            ring.now += 0.06
        pongs = [data for _, data, _ in ring.sent if data[8] == Kind.PONG]
        assert len(pongs) <= answers
        assert bool(pongs) is bool(answers)


def test_a_question_to_all_that_names_nobody_is_for_who_leads_and_one_to_a_member_names_nobody() -> None:
    ring = calm()
    ring.nodes[2].handle(hello(ring, 1, 1), ring.nodes[1].address, by_multicast=True)
    ring.nodes[2].handle(hello(ring, 1, 2, first=0), ring.nodes[1].address)
    ring.all[2].station.peers.own_index = None
    ring.nodes[2].handle(hello(ring, 1, 3, first=0), ring.nodes[1].address, by_multicast=True)
    assert ring.sent == []


def relayed(ring: HolderRing) -> list[bytes]:
    return [data for _, data, _ in ring.sent if data[8] == Kind.RELAYED]


def test_a15_a_start_that_is_longer_than_the_question_was_is_not_passed_back() -> None:
    ring = calm()
    member = ring.all[2]
    opened = opened_by(member, hello(ring, 1, 1), ring.nodes[1].address)
    member.do(member.follower.on_hello(replace(opened, size_bytes=200), ring.now))
    ring.run(1.5 * CYCLE_S)
    assert forwards(ring)
    assert relayed(ring) == []


def test_a15_the_usual_start_is_no_longer_than_the_question() -> None:
    ring = calm()
    asked = hello(ring, 1, 1)
    ring.nodes[2].handle(asked, ring.nodes[1].address)
    ring.run(1.5 * CYCLE_S)
    (passed,) = relayed(ring)
    assert len(passed) <= len(asked)
    assert [to for _, data, to in ring.sent if data == passed] == [ring.nodes[1].address]


def test_a_start_that_answers_a_question_carries_no_certificate() -> None:
    ring = HolderRing(3, 2)
    ring.run(CYCLE_S + 0.5)
    ring.nodes[2].handle(hello(ring, 1, 1), ring.nodes[1].address)
    ring.commit()
    ring.run(3 * CYCLE_S)
    assert len(relayed(ring)) == 1
    assert ring.nodes[2].log.settled == ring.master.log.head.seq


# --- what comes back --------------------------------------------------------------------------


def passed_back(
    ring: HolderRing, key: SigningKey, *, echo: bytes, cycle: int = 10_000, **head: object
) -> bytes:
    """Seal a START that a member passes to the backup."""
    member, backup = ring.all[2], ring.all[1]
    peer = member.station.peers.get(backup.own_id)
    assert peer is not None
    what = replace(rest(key, cycle), echoes=(echo,))
    signed = sign_start(key, ring.world.cluster, replace(ring.master.log.head, **head), what)  # type: ignore[arg-type]  # its fields
    return member.station.channel.seal_to(peer, Kind.RELAYED, signed.encode())


@pytest.mark.parametrize(
    ("signer", "cycle", "head", "reason"),
    [
        (2, 10_000, {}, "START: not by a holder of our succession"),
        (1, 10_000, {}, "START: not by a holder of our succession"),
        (0, 1, {}, "RELAYED: older than a START that was heard"),
        (0, 10_000, {"epoch": 0}, "RELAYED: older than a START that was heard"),
        (0, 10_000, {"epoch": 2**40}, "RELAYED: its epoch is out of reach"),
    ],
)
def test_a44_what_is_passed_back_must_be_the_masters_and_new(
    signer: int, cycle: int, head: dict[str, object], reason: str
) -> None:
    ring = calm()
    backup = ring.all[1]
    backup.dropped.clear()
    echo = backup.follower._freshness.challenge(ring.now)
    before = backup.follower.version, backup.follower.fresh_at
    backup.handle(passed_back(ring, ring.nodes[signer].key, echo=echo, cycle=cycle, **head), Address("x", 1))
    assert backup.dropped == [reason]
    assert (backup.follower.version, backup.follower.fresh_at) == before


def test_a44_without_a_challenge_of_ours_it_is_nothing() -> None:
    ring = calm()
    backup = ring.all[1]
    backup.dropped.clear()
    backup.handle(passed_back(ring, ring.master.key, echo=b"a record"), Address("x", 1))
    assert backup.dropped == ["RELAYED: echoes no open challenge of ours"]


def test_a44_it_tells_who_leads_and_of_more_but_not_where_the_master_is() -> None:
    ring = calm(holders=3)
    backup, third = ring.all[1], ring.all[2]
    echo = backup.follower._freshness.challenge(ring.now)
    seq = Seq(ring.master.log.head.seq + 5)
    backup.catch_up = False
    backup.outcomes.clear()
    data = passed_back(ring, third.key, echo=echo, epoch=9, seq=seq, chain=ChainHash(b"x" * 32))
    backup.handle(data, third.address)
    assert backup.follower.master == third.own_id
    assert backup.follower.master_address is None
    assert backup.follower.fresh_at == ring.now
    assert isinstance(backup.outcomes[0], Behind)
    assert backup.outcomes[0].address == third.address


def test_a44_another_history_is_a_conflict_and_no_contact() -> None:
    ring = calm()
    backup = ring.all[1]
    echo = backup.follower._freshness.challenge(ring.now)
    fresh_at = backup.follower.fresh_at
    backup.outcomes.clear()
    backup.handle(passed_back(ring, ring.master.key, echo=echo, chain=ChainHash(b"x" * 32)), Address("x", 1))
    assert isinstance(backup.outcomes[0], Conflict)
    assert backup.follower.fresh_at == fresh_at


def test_who_hears_through_others_asks_all_again_before_it_would_be_stale() -> None:
    ring = calm()
    ring.cut(0, 1)
    ring.run(10 * CYCLE_S)
    stale = 0
    for _ in range(200):
        ring.run(CYCLE_S / 10)
        stale += not ring.nodes[1].follower.fresh(ring.now)
    assert stale < 20
