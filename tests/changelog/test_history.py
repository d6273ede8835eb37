"""What a log keeps of its positions, when it goes back."""

from tests.holders import Holders


def hands_over(world: Holders) -> bool:
    """Tell whether the newest entry is a handover."""
    return world.log.handed_over


def test_a_handover_that_was_left_is_forgotten() -> None:
    world = Holders()
    before = world.log.head.seq
    world.hand_over()
    assert hands_over(world)
    world.log.leave(before)
    assert not hands_over(world)
    world.commit(world.set("a", "system.s.x", "1"))
    assert not hands_over(world)


def test_who_goes_back_to_a_handover_stands_behind_one() -> None:
    world = Holders()
    world.hand_over()
    handover = world.log.head.seq
    world.open()
    assert not hands_over(world)
    world.log.leave(handover)
    assert hands_over(world)
