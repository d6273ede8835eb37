"""What a log keeps of its positions, when it goes back."""

from tests.holders import Holders


def test_a_handover_that_was_left_is_forgotten() -> None:
    world = Holders()
    before = world.log.head.seq
    world.hand_over()
    assert world.log.handed_over
    world.log.leave(before)
    assert not world.log.handed_over
    world.commit(world.set("a", "system.s.x", "1"))
    assert not world.log.handed_over


def test_who_goes_back_to_a_handover_stands_behind_one() -> None:
    world = Holders()
    world.hand_over()
    handover = world.log.head.seq
    world.open()
    assert not world.log.handed_over
    world.log.leave(handover)
    assert world.log.handed_over
