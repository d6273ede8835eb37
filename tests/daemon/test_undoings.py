"""What undoes a thief's changes is worked out beside the daemon's work, from the disk, and kept (A23)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from dusk.changelog.undoing import Since, Suspect, Undoing, undoing
from dusk.daemon.reading import Reading
from dusk.daemon.storage import open_storage
from dusk.daemon.tickets import Ticket, Tickets
from dusk.daemon.undoing import KEPT_MAX, Undoings
from dusk.effects import Append
from dusk.errors import Refused
from dusk.ids import ClusterId, Seq
from tests.stolen import Stolen

Json = dict[str, Any]


@pytest.fixture
def world() -> Stolen:
    """Return a cluster in which Bob's key, which a thief has, has ended; he signed from version 6 on."""
    world = Stolen()
    world.by(world.carol, world.host("wifi", "good"))
    world.by(world.bob, world.host("wifi", "evil"))
    world.disable("bob")
    return world


SINCE = Since(Seq(6))
BOB = Suspect("bob")


class Awaited(Tickets):
    """Tickets whose end is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: dict[str, trio.Event] = {}

    def start(self, work: Callable[[Ticket], Awaitable[Json]]) -> str:
        end = trio.Event()

        async def watched(ticket: Ticket) -> Json:
            try:
                return await work(ticket)
            finally:
                end.set()

        name = super().start(watched)
        self.ends[name] = end
        return name


class Shown:
    """Work under way over a log on a disk, and what was told of it."""

    def __init__(self, root: Path, world: Stolen) -> None:
        self.world = world
        self.storage, _ = open_storage(root)
        self.storage.do([Append(tuple(world.items))])
        self.tickets = Awaited()
        self.undoings = Undoings(self.tickets)
        self.copies: list[Reading] = []

    def start(self, cluster: ClusterId | None = None, since: Since = SINCE) -> str:
        """Begin, on a copy of the log as it is."""
        self.copies.append(copy := self.storage.store.reading.copy())
        return self.undoings.start(cluster or self.world.cluster, copy, BOB, since, self._tell)

    def _tell(self, plan: str, found: Undoing) -> Json:
        return {"plan": plan, "voided": [one.seq for one in found.voided]}

    async def ended(self, ticket: str) -> Json:
        """Return what a ticket ended with."""
        await self.tickets.ends[ticket].wait()
        told = self.tickets.poll(ticket)
        assert told["done"]
        return told

    @property
    def closed(self) -> list[bool]:
        """Which copies of the log's file are closed."""
        return [not Path(f"/proc/self/fd/{copy.fd}").exists() for copy in self.copies]


@asynccontextmanager
async def running(root: Path, world: Stolen) -> AsyncIterator[Shown]:
    shown = Shown(root, world)
    async with trio.open_nursery() as nursery:
        await nursery.start(shown.tickets.run)
        yield shown
        nursery.cancel_scope.cancel()
    shown.storage.store.close()
    shown.storage.files.close()


async def test_a23_what_is_found_is_told_kept_and_its_file_closed(tmp_path: Path, world: Stolen) -> None:
    async with running(tmp_path, world) as shown:
        told = (await shown.ended(shown.start()))["result"]
        assert told["voided"] == [6]
        found = shown.undoings.get(told["plan"])
        assert found == world.found("bob", 6)
        assert shown.closed == [True]


async def test_a23_the_log_is_read_as_it_was_while_it_grows(tmp_path: Path, world: Stolen) -> None:
    async with running(tmp_path, world) as shown:
        ticket, before, head = shown.start(), len(world.items), world.log.head.seq
        world.by(world.carol, world.host("hall", "later"))
        shown.storage.do([Append(tuple(world.items[before:]))])
        told = (await shown.ended(ticket))["result"]
        assert shown.undoings.get(told["plan"]).seq == head


async def test_a23_the_oldest_of_what_was_found_is_forgotten(tmp_path: Path, world: Stolen) -> None:
    async with running(tmp_path, world) as shown:
        plans = [(await shown.ended(shown.start()))["result"]["plan"] for _ in range(KEPT_MAX + 1)]
        assert len(set(plans)) == KEPT_MAX + 1
        for plan in (plans[0], "another"):
            with pytest.raises(Refused) as refusal:
                shown.undoings.get(plan)
            assert refusal.value.code == "no-plan"
        assert all(shown.undoings.get(plan).voided for plan in plans[1:])


async def test_a23_what_cannot_be_undone_is_said_and_nothing_kept(tmp_path: Path, world: Stolen) -> None:
    async with running(tmp_path, world) as shown:
        error = (await shown.ended(shown.start(since=Since(Seq(99)))))["error"]
        assert error["code"] == "no-version"
        assert shown.closed == [True]
        with pytest.raises(Refused):
            shown.undoings.get("1")


async def test_a23_a_log_that_is_not_what_it_was_is_told(tmp_path: Path, world: Stolen) -> None:
    async with running(tmp_path, world) as shown:
        error = (await shown.ended(shown.start(ClusterId(bytes(32)))))["error"]
        assert (error["code"], "cannot be read again" in error["message"]) == ("failed", True)
        assert shown.closed == [True]


async def test_a23_one_log_is_read_at_a_time(
    tmp_path: Path, world: Stolen, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = most = 0

    def counted(*arguments: Any) -> Undoing:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        found = undoing(*arguments)
        at_once -= 1
        return found

    monkeypatch.setattr("dusk.daemon.undoing.undoing", counted)
    async with running(tmp_path, world) as shown:
        tickets = [shown.start() for _ in range(3)]
        told = [(await shown.ended(ticket))["result"]["plan"] for ticket in tickets]
    assert (len(set(told)), most) == (3, 1)


async def test_a23_where_too_much_is_under_way_the_file_is_closed_at_once(
    tmp_path: Path, world: Stolen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dusk.daemon.tickets.TICKETS_MAX", 0)
    async with running(tmp_path, world) as shown:
        with pytest.raises(Refused) as refusal:
            shown.start()
        assert (refusal.value.code, shown.closed) == ("busy", [True])
