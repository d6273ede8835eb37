"""What a log keeps of its positions, when it goes back."""

import pytest

from dusk.changelog.history import Epoch, History, Passed
from dusk.changelog.log import Log
from dusk.ids import BootId, ChainHash, DeviceId, Seq
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


def test_the_changes_of_entries_that_were_left_are_forgotten() -> None:
    world = Holders()
    before = world.log.head.seq
    world.commit(world.set("a", "system.s.x", "1"))
    world.log.leave(before)
    entry = world.commit(world.set("a", "system.s.x", "2"))
    assert world.log._history.changes(before + 1, before + 2) == [entry.change]


@pytest.mark.parametrize("handed_over", [True, False])
def test_a_history_from_a_checkpoint_on_knows_whether_a_handover_stands_there(*, handed_over: bool) -> None:
    epoch = Epoch(Seq(1), 0, 0, 1, DeviceId(bytes(16)), BootId(bytes(8)))
    history = History.up_to(Passed([ChainHash(bytes(32))], [None]), epoch, handed_over=handed_over)
    assert history.handed_over == handed_over


def test_a_log_has_an_entry_as_somebody_knows_it_and_no_other() -> None:
    world = Holders()
    named = world.named()
    assert world.log.has(named)
    for other in (named._replace(trust=bytes(32)), named._replace(seq=Seq(world.log.head.seq + 1))):
        assert not world.log.has(other)


def test_owners_of_entries_that_were_left_are_forgotten_and_those_before_them_are_not() -> None:
    world = Holders()
    before, named = world.log.head.seq, world.named()
    world.commit(world.edit("trust", "quorum", [1]))
    behind = world.log.head.seq
    assert world.named(behind).trust != world.named(before).trust
    world.commit(world.set("a", "system.s.x", "1"))
    world.log.leave(behind)
    assert world.named(behind).trust != world.named(before).trust
    world.log.leave(before)
    assert world.log.named(behind) is None
    world.commit(world.set("a", "system.s.x", "1"))
    assert (world.log.head.seq, world.named(behind).trust) == (behind, named.trust)
    assert Log(None).named(0) is None
