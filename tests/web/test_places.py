"""Silence takes nobody's place (A34)."""

from contextlib import ExitStack

import pytest
import trio

from dusk.web import places as module
from dusk.web.places import CONNECTIONS_MAX, OF_ADDRESS_MAX, Place, Places


class Hall:
    """Places, and what became of those who took one; each waits until it is sent away."""

    def __init__(self) -> None:
        self.now = 0.0
        self.places = Places(lambda: self.now)
        self.gone: list[int] = []
        self.refused: list[int] = []
        self.taken: dict[int, Place] = {}

    async def one(self, number: int, address: str) -> None:
        with self.places.take(address) as place:
            if place is None:
                self.refused.append(number)
                return
            self.taken[number] = place
            await trio.Event().wait()
        self.gone.append(number)


async def _come(hall: Hall, nursery: trio.Nursery, numbers: range, address: str = "") -> None:
    for number in numbers:
        hall.now += 1
        nursery.start_soon(hall.one, number, address or f"192.0.2.{number}")
        await trio.testing.wait_all_tasks_blocked()


async def test_a34_of_silent_connections_the_one_that_waits_longest_makes_room() -> None:
    hall = Hall()
    async with trio.open_nursery() as nursery:
        await _come(hall, nursery, range(CONNECTIONS_MAX + 2))
        assert (hall.gone, hall.refused) == ([0, 1], [])
        nursery.cancel_scope.cancel()


async def test_a34_one_address_takes_its_own_places_alone() -> None:
    hall = Hall()
    async with trio.open_nursery() as nursery:
        await _come(hall, nursery, range(1), "192.0.2.1")
        await _come(hall, nursery, range(1, 1 + 3 * OF_ADDRESS_MAX), "192.0.2.2")
        assert hall.gone == list(range(1, 1 + 2 * OF_ADDRESS_MAX))
        nursery.cancel_scope.cancel()


async def test_a34_who_is_being_answered_stays_and_waits_anew_from_then_on() -> None:
    hall = Hall()
    async with trio.open_nursery() as nursery:
        await _come(hall, nursery, range(OF_ADDRESS_MAX), "192.0.2.1")
        with hall.places.answering(hall.taken[0]):
            await _come(hall, nursery, range(100, 101), "192.0.2.1")
        assert hall.gone == [1]
        await _come(hall, nursery, range(101, 102), "192.0.2.1")
        assert hall.gone == [1, 2]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("bound", ["OF_ADDRESS_MAX", "CONNECTIONS_MAX"])
async def test_where_all_are_being_answered_one_more_goes_away(
    bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, bound, 2)
    hall = Hall()
    async with trio.open_nursery() as nursery:
        await _come(hall, nursery, range(2), "192.0.2.1")
        with ExitStack() as answers:
            for place in hall.taken.values():
                answers.enter_context(hall.places.answering(place))
            await _come(hall, nursery, range(2, 3), "192.0.2.1")
        assert (hall.gone, hall.refused) == ([], [2])
        nursery.cancel_scope.cancel()


async def test_who_leaves_gives_the_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECTIONS_MAX", 1)
    places = Places(trio.current_time)
    for _ in range(3):
        with places.take("192.0.2.1") as place:
            assert place is not None
