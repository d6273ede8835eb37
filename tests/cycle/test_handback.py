"""How long the first of the succession must have been there before it gets the lead back."""

from dataclasses import replace

from dusk.cycle.handback import STABLE_CYCLES, Handback
from dusk.cycle.peers import Peer
from dusk.ids import BootId, DeviceId, PublicKey

FIRST = Peer(DeviceId(bytes(16)), PublicKey(bytes(32)), 0, boot=BootId(b"boot one"))


def judge(handback: Handback, first: Peer | None, cycles: range, *, is_well: bool = True) -> None:
    for cycle in cycles:
        handback.judged(first, 5.0 * cycle, is_well=is_well)


def test_twenty_cycles_without_a_miss_are_enough_and_fewer_are_not() -> None:
    handback = Handback()
    assert not handback.is_due(1e9, 5.0)
    judge(handback, FIRST, range(STABLE_CYCLES))
    assert not handback.is_due(5.0 * STABLE_CYCLES - 0.1, 5.0)
    judge(handback, FIRST, range(STABLE_CYCLES, STABLE_CYCLES + 1))
    assert handback.is_due(5.0 * STABLE_CYCLES, 5.0)


def test_a_miss_begins_the_count_anew() -> None:
    handback = Handback()
    judge(handback, FIRST, range(15))
    judge(handback, FIRST, range(15, 16), is_well=False)
    judge(handback, FIRST, range(16, 30))
    assert not handback.is_due(150.0, 5.0)


def test_another_run_another_device_or_none_begins_the_count_anew() -> None:
    for other in (
        replace(FIRST, boot=BootId(b"boot two")),
        replace(FIRST, device_id=DeviceId(b"x" * 16)),
        None,
    ):
        handback = Handback()
        judge(handback, FIRST, range(STABLE_CYCLES))
        judge(handback, other, range(STABLE_CYCLES, STABLE_CYCLES + 2))
        assert not handback.is_due(5.0 * (STABLE_CYCLES + 2), 5.0)
