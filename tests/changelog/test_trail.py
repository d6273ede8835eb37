"""The way back: how far a log can go, and that it forgets nothing while it is on the way."""

import pytest

from dusk import limits
from dusk.changelog.log import Log
from dusk.changelog.trail import Trail
from tests.parted import RADIO, parted, two_holders
from tests.world import World


def reach(log: Log) -> int:
    """Return how many entries a log can take back."""
    return sum(log.reaches(seq) for seq in range(log.head.seq))


@pytest.fixture
def grown() -> World:
    world, _ = two_holders()
    for channel in "1234":
        world.commit(world.set("wifi", RADIO, channel))
    return world


def test_so_many_entries_can_be_taken_back_and_no_more(monkeypatch: pytest.MonkeyPatch, grown: World) -> None:
    assert not Log(grown.cluster).reaches(0)
    assert reach(grown.log) > 3
    monkeypatch.setattr(limits, "BRANCH_STEPS_MAX", 3)
    assert reach(grown.replica()) == 3


def test_entries_of_just_so_many_bytes_can_be_taken_back(
    monkeypatch: pytest.MonkeyPatch, grown: World
) -> None:
    newest = grown.items[-2].data, grown.items[-4].data
    size_bytes = sum(map(len, newest))
    for room_bytes, count in ((size_bytes, 2), (size_bytes - 1, 1)):
        monkeypatch.setattr(limits, "BRANCH_BYTES_MAX", room_bytes)
        assert reach(grown.replica()) == count


def test_a_branch_that_is_tried_is_taken_back_however_long_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    attic, barn, fork = parted()
    for channel in "3456":
        barn.commit(barn.set("wifi", RADIO, channel))
    monkeypatch.setattr(limits, "BRANCH_STEPS_MAX", 2)
    log = attic.replica()
    before = log.head, log.state.derived_hash, log.newest, reach(log)
    left = log.leave(fork)
    log.extend(barn.items[2 * fork :])
    log.restore(left)
    assert (log.head, log.state.derived_hash, log.newest, reach(log)) == before


def test_who_stays_on_another_branch_forgets_what_is_beyond_the_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attic, barn, fork = parted()
    for channel in "3456":
        barn.commit(barn.set("wifi", RADIO, channel))
    monkeypatch.setattr(limits, "BRANCH_STEPS_MAX", 2)
    log = attic.replica()
    log.leave(fork)
    log.extend(barn.items[2 * fork :])
    assert reach(log) > 2
    log.stay()
    assert reach(log) == 2


def test_only_the_next_entry_is_kept_behind_another(grown: World) -> None:
    kept = grown.log._trail.behind(0)
    trail = Trail()
    trail.add(kept[0])
    with pytest.raises(AssertionError):
        trail.add(kept[2])
    with pytest.raises(AssertionError):
        trail.add(kept[0])
