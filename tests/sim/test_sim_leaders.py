"""What the simulator takes for a hand-back."""

from dusk.changelog.entry import EntryKind
from dusk.sim.leaders import is_handed_back
from tests.plain_branches import Grove


def test_a_lead_that_went_back_to_the_first_is_a_hand_back_also_while_it_is_under_way() -> None:
    grove = Grove((0, 1))
    stands_in = grove.grow(grove.trunk, writer=1, on=(0,))
    gave = grove.grow(stands_in, kind=EntryKind.HANDOVER, on=(0,))
    first = grove.grow(gave, writer=0, on=(1,))
    assert is_handed_back(stands_in, gave)
    assert is_handed_back(gave, first)
    assert is_handed_back(stands_in, first)


def test_nothing_new_is_no_hand_back_and_neither_is_an_epoch_or_a_change() -> None:
    grove = Grove((0, 1))
    stands_in = grove.grow(grove.trunk, writer=1, on=(0,))
    gave = grove.grow(stands_in, kind=EntryKind.HANDOVER, on=(0,))
    again = grove.grow(gave, writer=1, on=(0,))
    first = grove.grow(again, writer=0, on=(1,))
    changed = grove.grow(first, grove.setting(first, 1), on=(1,))
    assert not is_handed_back(gave, gave)
    assert not is_handed_back(stands_in, again), "the first did not come"
    assert not is_handed_back(again, first), "nobody handed over"
    assert not is_handed_back(first, changed)
