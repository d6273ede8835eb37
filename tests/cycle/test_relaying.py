"""What a member that passed questions on gives back of a START, and when it passes on again (A15, A44)."""

from dataclasses import replace

from dusk.cycle.datagrams import PAIRWISE_OVERHEAD_BYTES
from dusk.cycle.messages import Start, sign_start
from dusk.cycle.relays import FORWARDS_MAX
from dusk.effects import SendDatagram
from tests.cycle.holders import HolderRing
from tests.cycle.ring import CYCLE_S, rest
from tests.cycle.test_relays import calm, challenge, forwards, hello


def start_for(ring: HolderRing, *numbers: int) -> Start:
    """Return a START of the master's that echoes these questions."""
    key = ring.master.key
    what = replace(rest(key, 10_000), echoes=tuple(map(challenge, numbers)))
    return sign_start(key, ring.world.cluster, ring.master.log.head, what)


def test_a15_a_start_goes_back_once_to_who_asked_what_it_echoes_if_it_is_no_longer_than_the_question() -> (
    None
):
    ring = calm()
    relays = ring.all[2].follower._relays
    asked = [hello(ring, 1, number) for number in (1, 2)]
    for data in asked:
        ring.nodes[2].handle(data, ring.nodes[1].address)
    assert len(forwards(ring)) == 2
    fits = bytes(len(asked[0]) - PAIRWISE_OVERHEAD_BYTES)
    (back,) = relays.heard(start_for(ring, 1), fits)
    assert isinstance(back, SendDatagram)
    assert back.to == ring.nodes[1].address
    assert len(back.data) == len(asked[0])
    assert relays.heard(start_for(ring, 1), fits) == [], "it was answered"
    assert relays.heard(start_for(ring, 2), fits + b"x") == [], "that would be more than was asked with"
    assert relays.heard(start_for(ring, 2), fits) == []


def test_a_cycle_after_the_first_question_there_is_room_for_another() -> None:
    ring = calm()
    fresh_at = ring.all[2].follower.fresh_at
    assert fresh_at is not None
    ring.now = float(int(fresh_at) + 1)
    for number in range(FORWARDS_MAX + 1):
        ring.nodes[2].handle(hello(ring, 1, number), ring.nodes[1].address)
    assert len(forwards(ring)) == FORWARDS_MAX
    for after_s, passed in ((CYCLE_S - 0.25, 0), (0.25, 1)):
        ring.now += after_s
        ring.nodes[2].handle(hello(ring, 1, 99), ring.nodes[1].address)
        assert len(forwards(ring)) == FORWARDS_MAX + passed
