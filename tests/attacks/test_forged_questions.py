"""Questions in another's name, and recorded ones: who asks whether anybody leads need not be who it says."""

from functools import partial

import pytest

from dusk.cycle.messages import Kind
from dusk.cycle.questions import Hello
from dusk.effects import Address
from tests.cycle.holders import Holder, HolderRing
from tests.cycle.ring import CYCLE_S

VICTIM = Address("198.51.100.66", 3875)


def calm(size: int, holders: int = 2) -> HolderRing:
    ring = HolderRing(size, holders)
    ring.run(6 * CYCLE_S)
    ring.sent.clear()
    return ring


def flood(ring: HolderRing, every_s: float, seconds: float) -> None:
    """Have somebody with the group key ask in the backup's name all the time, from addresses without end."""
    backup, member = ring.all[1], ring.all[2]

    def forge(number: int) -> None:
        challenge = number.to_bytes(8, "big")
        hello = Hello(backup.own_id, challenge, may_lead=True, first=number)
        data = member.station.channel.seal_group(Kind.HELLO, hello.encode())
        for node in ring.nodes:
            if node is not backup:
                node.handle(data, Address(f"10.1.{number % 251}.7", 3875), by_multicast=True)

    for number in range(int(seconds / every_s)):
        ring.after(every_s * number, partial(forge, number))


@pytest.mark.parametrize("every_s", [1.0, 0.05])
def test_a44_hellos_forged_in_the_backups_name_displace_no_question_of_it(every_s: float) -> None:
    ring = calm(size=5)
    backup = ring.all[1]
    for _ in range(3):  # as at its start: the answers show where members are
        backup.do(backup.follower.ask_all(ring.now))
        ring.run(0.2)
    ring.run(CYCLE_S)
    ring.cut(0, 1)
    at = ring.now
    flood(ring, every_s, 30 * CYCLE_S)
    ring.run(30 * CYCLE_S)
    assert ring.led_since(at) == []
    assert ring.leaders == [0]


def _asked(ring: HolderRing, asker: Holder) -> list[bytes]:
    """Return the questions to all that a device asks when it starts, as somebody records them."""
    ring.sent.clear()
    for _ in range(14):
        asker.do(asker.station.hello(ring.random.randbytes(8)))
    recorded = [data for _, data, to in ring.sent if to is None and data[8] == Kind.HELLO]
    ring.run(3 * CYCLE_S)
    ring.sent.clear()
    return recorded


@pytest.mark.parametrize("size", [3, 9, 17])
@pytest.mark.parametrize("pause_s", [0.0, 0.06, CYCLE_S])
def test_a15_recorded_questions_to_all_bring_a_victim_no_more_bytes_than_they_had(
    size: int, pause_s: float
) -> None:
    ring = calm(size)
    recorded = _asked(ring, ring.all[1])
    for data in recorded:
        for node in ring.nodes:
            node.handle(data, VICTIM, by_multicast=True)
        ring.run(pause_s)
    ring.run(2 * CYCLE_S)
    back = [data for _, data, to in ring.sent if to == VICTIM]
    assert back
    assert sum(map(len, back)) <= sum(map(len, recorded))


@pytest.mark.parametrize("kind", [Kind.HELLO, Kind.ASK])
def test_a15_recorded_questions_to_one_member_bring_a_victim_no_more_bytes_than_they_had(kind: Kind) -> None:
    ring = calm(5)
    backup, member = ring.all[1], ring.all[2]
    peer = backup.station.peers.get(member.own_id)
    assert peer is not None
    challenges = [ring.random.randbytes(8) for _ in range(14)]
    plain = [Hello(backup.own_id, challenge, may_lead=True).encode() for challenge in challenges]
    channel = backup.station.channel
    seal = partial(channel.seal_group, kind) if kind is Kind.HELLO else partial(channel.seal_to, peer, kind)
    recorded = [seal(one) for one in plain]
    for data in recorded:
        member.handle(data, VICTIM)
        ring.run(0.3 * CYCLE_S)
    ring.run(2 * CYCLE_S)
    back = [data for _, data, to in ring.sent if to == VICTIM]
    assert back
    assert sum(map(len, back)) <= sum(map(len, recorded))
