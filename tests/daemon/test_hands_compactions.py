"""Compactions run beside the loop; what goes wrong with one ends it alone."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
import trio.testing

from dusk.apply.events import Restored
from dusk.daemon import rewriting
from dusk.daemon.hands import Hands, HelperEffect
from dusk.daemon.inbox import Inbox
from dusk.daemon.rewriting import Rewritten
from dusk.daemon.sockets import Sockets, Wanted
from dusk.daemon.storage import Storage, open_storage
from dusk.daemon.streams import Streams
from dusk.effects import Answered, Append, Compact, Compacted, Event, FilesRead, HelperDone, Input, Progress
from tests.checkpoints import grown

pytestmark = pytest.mark.usefixtures("small_steps")


class NoHelper:
    async def perform(self, effect: HelperEffect) -> FilesRead | HelperDone:
        raise AssertionError(f"nobody asks the helper: {effect}")

    async def let_go(self) -> Restored | None:
        return None

    async def undo_again(self) -> None:
        raise AssertionError("nothing is put back here")


class Bench:
    """Hands without a loop, and a log with a checkpoint that is final."""

    def __init__(self, root: Path) -> None:
        self.told: list[Progress | Event | Answered] = []
        self.inbox = Inbox()
        streams = Streams(self.inbox)
        sockets = Sockets(Wanted((), (), 0), self.inbox, streams.accept)
        self.hands = Hands(
            sockets,
            streams,
            self.inbox,
            NoHelper(),
            self.told.append,
            consult=lambda _: None,
            put_back=lambda _: None,
        )
        world = grown()
        self.storage: Storage = open_storage(root)[0]
        self.storage.do([Append(tuple(world.items))])
        self.effect = Compact(world.cluster, world.log.checkpoint, ())

    def order(self) -> None:
        """Do the effect as the core does."""
        self.storage.do([self.effect])
        self.hands.do(self.effect, self.storage)

    async def answers(self) -> list[Input]:
        """Return what comes of it."""
        with trio.fail_after(60):
            await self.inbox.wait(float("inf"))
        return self.inbox.take()


@contextlib.asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.hands.run_compactions)
        yield
        nursery.cancel_scope.cancel()
    bench.storage.close()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _mistake(*_: object) -> bytes:
    raise AssertionError("a mistake of our own")


async def test_a_mistake_in_a_compaction_is_told_and_the_next_one_is_another_chance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path)
    async with running(bench):
        with monkeypatch.context() as patched:
            patched.setattr(rewriting, "compact", _mistake)
            bench.order()
            text = "internal error: AssertionError: a mistake of our own"
            assert await bench.answers() == [Compacted(bench.effect.seq, None, text)]
        bench.order()
        (made,) = await bench.answers()
        assert isinstance(made, Compacted)
        assert made.plan is not None


async def test_who_is_gone_before_the_thread_begins_takes_no_file_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, made, is_made = Bench(tmp_path), list[Rewritten](), trio.Event()

    def take(_: Storage, rewritten: Rewritten) -> None:
        made.append(rewritten)
        is_made.set()

    monkeypatch.setattr(Storage, "made", take)
    run_sync = trio.to_thread.run_sync

    async def late(*work: object) -> object:
        await bench.hands.let_go()
        return await run_sync(*work)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(trio.to_thread, "run_sync", late)
    async with running(bench):
        bench.order()
        with trio.fail_after(60):
            await is_made.wait()
        assert made[0].seq == bench.effect.seq
        await trio.testing.wait_all_tasks_blocked()
        assert bench.inbox.take() == []


async def test_what_was_not_begun_is_closed_when_who_asked_is_gone(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    before = open_files()
    bench.order()
    assert open_files() == before + 1
    await bench.hands.let_go()
    assert open_files() == before
    bench.storage.close()
