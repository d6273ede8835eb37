"""Who leads ends what has its time, by its own clock and only if that is trusted (R11, A30)."""

from collections.abc import Callable, Sequence

from dusk.effects import Append, ItemKind, WallClock
from dusk.node.writing import EXPIRIES_MAX
from tests.node.site import Box, Site
from tests.world import TIME_S, World

STEP_S = 0.05
ENDS_S = 20
"""When keys end, seconds from the start."""


def _keys(count: int, names: list[str]) -> Callable[[World], None]:
    """Return what makes join keys that end; their ids go into the list."""

    def make(world: World) -> None:
        keys = [world.key() for _ in range(count)]
        rows = [[key.public, 5, TIME_S + ENDS_S, [], "auto", [], "ask", ""] for key in keys]
        names.extend(key.key_id.hex() for key in keys)
        edits = [world.edit(f"joinkey/{n}", "rule", row) for n, row in zip(names, rows, strict=True)]
        world.commit(*edits)

    return make


def _site(names: list[str], count: int = 1, *, trusted: bool = True) -> tuple[Site, float]:
    """Return three devices, of which two may lead, and the wall time minus that of the site."""
    site = Site(3, _keys(count, names), holders=2, cycle_ms=500)
    offset_s = TIME_S - site.now
    for box in site.all:
        box.give(WallClock(offset_s, trusted))
    return site, offset_s


def _ended(box: Box, names: Sequence[str]) -> list[bool]:
    return [box.node.log.state.value(f"joinkey/{name}", "expired") is not None for name in names]


def _due_at(box: Box) -> float | None:
    return box.node._rooms.writing.expiry_at


def test_r11_a_join_key_ends_on_all_devices_when_the_clock_of_who_leads_says_so() -> None:
    names: list[str] = []
    site, offset_s = _site(names)
    site.until(lambda: _ended(site.master, names) == [True], 30.0, STEP_S)
    assert 0 <= site.now + offset_s - (TIME_S + ENDS_S) < 1.0
    site.until(lambda: all(_ended(box, names) == [True] for box in site.all), 2.0, STEP_S)
    head = site.master.node.log.head
    site.run(ENDS_S)
    assert site.master.node.log.head == head, "it ended once"
    assert _due_at(site.master) is None


def test_a30_nothing_ends_by_a_clock_that_nobody_vouches_for_and_at_once_by_one_that_is_right() -> None:
    names: list[str] = []
    site, offset_s = _site(names, trusted=False)
    site.run(2 * ENDS_S)
    assert _ended(site.master, names) == [False]
    site.master.give(WallClock(offset_s, trusted=True))
    site.until(lambda: _ended(site.master, names) == [True], 1.0, STEP_S)


def test_all_that_end_in_one_second_end_soon_few_in_one_batch() -> None:
    names: list[str] = []
    site, _ = _site(names, EXPIRIES_MAX + 3)
    site.run(ENDS_S - 1)
    assert not any(_ended(site.master, names))
    site.master.effects.clear()
    site.until(lambda: all(_ended(site.master, names)), 3.0, STEP_S)
    appended = [effect.items for effect in site.master.effects if isinstance(effect, Append)]
    batches = [sum(item.kind is ItemKind.ENTRY for item in items) for items in appended]
    assert [size for size in batches if size] == [EXPIRIES_MAX, 3]


def test_r11_who_has_handed_over_ends_nothing_and_the_next_leader_does() -> None:
    names: list[str] = []
    site, _ = _site(names)
    site.run(ENDS_S - 3)
    (leader,) = site.leaders
    assert _due_at(leader) is not None
    leader.do(leader.node._rooms.writing.hand_back(site.now))
    assert _due_at(leader) is None
    leader.on = False
    rest = [box for box in site.all if box is not leader]
    site.until(lambda: all(_ended(box, names) == [True] for box in rest), 40.0, STEP_S)
