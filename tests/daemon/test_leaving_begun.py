"""What a router does from ``dusk leave`` on until it is out, or stays after all."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import trio
import trio.testing

from dusk import codec
from dusk.apply.events import Mode
from dusk.changelog.body import Edit
from dusk.daemon import leaving
from dusk.daemon.builder import LEAVING_FILE, Builder
from dusk.daemon.core import Core
from dusk.daemon.leaving import AGAIN_S, BEGUN, KNOWN_CYCLES, LEFT, Leaving
from dusk.daemon.service import own_key
from dusk.daemon.sessions import Sessions
from dusk.daemon.settings import Settings
from dusk.daemon.tickets import Tickets
from dusk.effects import ChangeState, Effect, Event, Progress, RemoveFile, Restart, StoreFile
from dusk.errors import Refused
from dusk.ids import ChangeId, DeviceId, Seq
from tests.world import World

CYCLE_S = 5.0


class StandIn:
    """A node of a member that leaves; it hands its changes to nobody."""

    def __init__(self, world: World) -> None:
        self.log, self.device_id, self.settled = world.log, DeviceId(world.join("shed").key_id), Seq(0)
        self.applied = SimpleNamespace(
            is_changing=False, has_given_back=False, state="committed", reason="nobody answered"
        )
        self.wanted: list[bool] = []
        self.is_to_be_wiped = self.is_out = self.is_full = False
        self.said = 0
        self.outcomes: dict[ChangeId, Progress] = {}
        self.modes: list[Mode] = []

    def give_back(self, _now: float, *, is_wanted: bool = True) -> list[Effect]:
        self.wanted.append(is_wanted)
        return []

    def set_mode(self, mode: Mode, _now: float) -> list[Effect]:
        self.modes.append(mode)
        return []

    def is_removed(self, _now: float) -> bool:
        return self.is_out

    def leave(self, _now: float) -> tuple[ChangeId, list[Effect]]:
        if self.is_full:
            raise Refused("busy", "the outbox is full")
        self.said += 1
        change = ChangeId(bytes([self.said]) * 32)
        self.outcomes[change] = Progress(change, ChangeState.QUEUED, Seq(0), "")
        return change, []

    def progress(self, change: ChangeId) -> Progress | None:
        return self.outcomes.get(change)


class Bench:
    """One daemon's part that leaves, over that node."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "node"
        self.folder.mkdir()
        self.world = World()
        self.world.allow_joining()
        self.node = StandIn(self.world)
        self.effects: list[Effect] = []
        self.builder = Builder(own_key(self.folder), Settings(), {}, "02:aa", "router")
        self.tickets = Tickets()
        self.leaving = Leaving(
            cast("Core", self),
            self.builder,
            Sessions(lambda _: None),
            self.tickets,
            directory=self.folder,
            make_key=own_key,
        )

    def add(self, effects: Sequence[Effect]) -> None:
        self.effects += effects

    async def outcome(self, ticket: str) -> dict[str, object]:
        for _ in range(1000):
            if (answer := self.tickets.poll(ticket))["done"]:
                return answer
            await trio.sleep(0.1)
        raise TimeoutError(ticket)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return a bench."""
    monkeypatch.setattr(leaving, "Node", StandIn)
    return Bench(tmp_path)


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        await nursery.start(bench.tickets.run)
        nursery.start_soon(bench.leaving.run)
        yield
        nursery.cancel_scope.cancel()


async def test_it_is_on_hold_at_once_and_says_so_until_it_is_out(
    bench: Bench, autojump_clock: trio.testing.MockClock
) -> None:
    del autojump_clock  # it lets time pass
    async with running(bench):
        ticket = bench.leaving.begin(600.0)
        assert bench.effects == [StoreFile(LEAVING_FILE, BEGUN)]
        assert (bench.node.modes, bench.builder.mode) == ([Mode.HOLD], Mode.HOLD)
        assert len(bench.leaving.alarms) == 1
        other = bench.leaving.begin(1.0)
        assert (await bench.outcome(other))["result"] == {"left": False, "missing": leaving._QUEUED}
        assert bench.node.said == 1
        bench.node.is_out = True
        await trio.sleep(KNOWN_CYCLES * CYCLE_S - 2)
        assert not any(isinstance(effect, Restart) for effect in bench.effects)
        await trio.sleep(4)
        assert bench.effects[1] == StoreFile(LEAVING_FILE, LEFT)
        assert isinstance(bench.effects[2], Restart)
        (bench.folder / LEAVING_FILE).write_bytes(LEFT)
        bench.leaving.before_life()
        assert (await bench.outcome(ticket))["result"] == {"left": True, "missing": ""}
        assert not bench.leaving.alarms


async def test_a31_where_the_disk_does_not_keep_that_it_leaves_nobody_is_told_that_it_left(
    bench: Bench, autojump_clock: trio.testing.MockClock
) -> None:
    del autojump_clock  # it lets time pass
    async with running(bench):
        ticket = bench.leaving.begin(600.0)
        await trio.sleep(1)
        bench.builder.is_leaving = False  # as a node has it that was built anew from what the disk holds
        answer = await bench.outcome(ticket)
        assert cast("dict[str, str]", answer["error"])["code"] == "storage"
        again = bench.leaving.begin(1.0)
        assert (await bench.outcome(again))["result"] == {"left": False, "missing": leaving._QUEUED}


async def test_it_does_not_go_before_the_join_key_of_its_image_has(
    bench: Bench, autojump_clock: trio.testing.MockClock
) -> None:
    del autojump_clock  # it lets time pass
    line = bench.folder.parent / "join"
    line.write_text("a join key")
    async with running(bench):
        bench.leaving.begin(600.0)
        bench.node.is_out = True
        await trio.sleep(100)
        assert not any(isinstance(effect, Restart) for effect in bench.effects)
        line.unlink()
        await trio.sleep(1)
        assert any(isinstance(effect, Restart) for effect in bench.effects)


async def test_what_came_to_nothing_is_said_again_and_what_people_sent_comes_first(
    bench: Bench, autojump_clock: trio.testing.MockClock
) -> None:
    del autojump_clock  # it lets time pass
    bench.node.is_full = True
    async with running(bench):
        bench.leaving.begin(600.0)
        await trio.sleep(1)
        bench.node.is_full = False
        await trio.sleep(AGAIN_S)
        assert bench.node.said == 1
        await trio.sleep(3 * AGAIN_S)
        assert bench.node.said == 1
        bench.node.outcomes.clear()
        await trio.sleep(1)
        assert bench.node.said == 2
        (change,) = bench.node.outcomes
        bench.node.outcomes[change] = Progress(change, ChangeState.DURABLE, Seq(9), "counter-used")
        await trio.sleep(AGAIN_S)
        assert bench.node.said == 3


@pytest.mark.parametrize("word", ["removed", "in-succession"])
async def test_a22_it_stays_after_all_if_it_is_to_be_wiped_or_to_lead(
    bench: Bench, word: str, autojump_clock: trio.testing.MockClock
) -> None:
    del autojump_clock  # it lets time pass
    async with running(bench):
        ticket = bench.leaving.begin(600.0)
        await trio.sleep(2)
        if word == "removed":
            bench.node.is_to_be_wiped = bench.node.is_out = True
        else:
            heads = [bench.world.master.key_id, bytes(bench.node.device_id)]
            record = bench.world.log.state.record("cluster", "succession")
            assert record is not None
            bench.world.commit(Edit("cluster", "succession", codec.pack([heads]), record.base))
        answer = await bench.outcome(ticket)
    assert cast("dict[str, str]", answer["error"])["code"] == word
    assert bench.node.modes == [Mode.HOLD, Mode.RUN]
    assert bench.effects[1] == RemoveFile(LEAVING_FILE)
    assert [effect.loud for effect in bench.effects if isinstance(effect, Event)] == [True]
    assert not bench.builder.is_leaving


async def test_r9_it_does_not_begin_while_files_are_being_changed(
    bench: Bench, autojump_clock: trio.testing.MockClock
) -> None:
    del autojump_clock  # it lets time pass
    bench.node.applied.is_changing = True
    async with running(bench):
        with pytest.raises(Refused, match="right now") as refusal:
            bench.leaving.begin(600.0)
    assert refusal.value.code == "applying"
    assert (bench.effects, bench.builder.is_leaving) == ([], False)


async def test_its_files_are_as_they_were_before_it_leaves_if_that_is_wanted(
    bench: Bench, autojump_clock: trio.testing.MockClock
) -> None:
    del autojump_clock  # it lets time pass
    async with running(bench):
        ticket = bench.leaving.begin(1.0, restore_local=True)
        assert (bench.node.wanted, bench.builder.is_leaving, bench.effects) == ([True], False, [])
        missing = (await bench.outcome(ticket))["result"]
        assert missing == {"left": False, "missing": leaving._GIVING_BACK}
        bench.leaving.begin(1.0)
        assert not bench.builder.is_leaving, "first the files, as was said first"
        bench.node.applied.has_given_back = True
        await trio.sleep(1.0)
        assert bench.effects == [StoreFile(LEAVING_FILE, BEGUN)]
        assert (bench.builder.is_leaving, bench.node.said, bench.node.wanted) == (True, 1, [True])


async def test_r9_it_stays_where_nobody_confirms_the_files_of_before(
    bench: Bench, autojump_clock: trio.testing.MockClock
) -> None:
    del autojump_clock  # it lets time pass
    async with running(bench):
        ticket = bench.leaving.begin(600.0, restore_local=True)
        bench.node.applied.state = "failed"
        answer = await bench.outcome(ticket)
        assert "nobody answered; it stays" in str(answer["error"])
        assert (bench.node.wanted, bench.builder.is_leaving) == ([True, False], False)


async def test_it_stays_where_the_daemon_began_anew_meanwhile(
    bench: Bench, autojump_clock: trio.testing.MockClock
) -> None:
    del autojump_clock  # it lets time pass
    async with running(bench):
        ticket = bench.leaving.begin(600.0, restore_local=True)
        bench.node = StandIn(bench.world)
        assert "say it again" in str((await bench.outcome(ticket))["error"])
        assert (bench.node.wanted, bench.builder.is_leaving) == ([], False)
