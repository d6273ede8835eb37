"""What a start leaves is no garbage, and costs the loop nothing any more."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from dusk.daemon.core import spare_what_is_there


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_the_collector_looks_no_more_at_what_was_there_at_the_start() -> None:
    kept = [[number] for number in range(10_000)]
    spare_what_is_there()
    assert gc.get_freeze_count() > len(kept)
    assert len(gc.get_objects()) < len(kept)
    later = list(range(3))
    assert any(one is later for one in gc.get_objects())


def test_what_a_former_life_left_is_collected_with_the_next_one() -> None:
    class Life:
        """Refers to itself, so that the collector alone takes it away."""

        def __init__(self) -> None:
            self.me = self

    life = Life()
    gone = weakref.ref(life)
    spare_what_is_there()
    del life
    gc.collect()
    assert gone() is not None, "it was spared"
    spare_what_is_there()
    assert gone() is None
