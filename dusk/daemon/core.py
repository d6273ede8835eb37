"""The loop around a node: inputs in, effects out, in the order of `dusk/effects.py` (R8).

Crash-only: when the disk refuses, or the node itself makes a mistake, it is thrown away and built
again from what the disk holds, after a pause that grows. What is shown meanwhile is ``trouble``.
"""

import gc
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import trio

from dusk.daemon.clock import read_clock
from dusk.daemon.hands import Hands
from dusk.daemon.inbox import Inbox
from dusk.daemon.mistakes import MISTAKES, describe
from dusk.daemon.say import say
from dusk.daemon.storage import DiskEffect, Saved, Storage, UnverifiedLogError, open_storage
from dusk.effects import (
    Compact,
    Effect,
    Event,
    Input,
    Link,
    Links,
    Restart,
    Tick,
)
from dusk.errors import DuskError, StorageError

PAUSE_S_MIN, PAUSE_S_MAX = 1.0, 60.0
"""Between one life of a node and the next, after trouble: doubled each time."""
RESTARTS_AT_ONCE_MAX = 5
"""Lives in a row that begin again at once because a node asked: a join, a founding, a checkpoint do that."""
RESTART_S_MAX = 600.0
"""Then after a pause, doubled each time up to this; and a life that lasts longer ends the row (R12)."""


class NodeLike(Protocol):
    """A node, or what joins a cluster before there is one."""

    @property
    def deadline(self) -> float | None:
        """When it wants a ``Tick``."""

    @property
    def unhurried_until(self) -> float:
        """Until when datagrams may wait for others to be taken with them, monotonic seconds."""

    def handle(self, event: Input, now: float, /) -> list[Effect]:
        """Return what an input leads to."""


Build = Callable[[Saved, float], tuple[NodeLike, list[Effect]]]
"""Makes and starts a node: what the disk holds, and now → the node and its first effects."""


def spare_what_is_there() -> None:
    """Have the collector of garbage leave alone what a life begins with: modules, and what the log says.

    It stays for as long as that life. Of a thousand routers it is so much that each full look through
    it would hold the loop, and a cycle with it, for 60 to 110 ms on a laptop.
    """
    gc.unfreeze()  # what a former life left is none of it
    gc.collect()
    gc.freeze()


class Core:
    """One device's loop.

    Args:
        directory: ``etc/dusk/node`` below the root.
        build: makes the node from what the disk holds.
        inbox: where inputs arrive.
        hands: does what is not the disk's.
        links: the links that work now.
    """

    def __init__(
        self,
        directory: Path,
        build: Build,
        inbox: Inbox,
        hands: Hands,
        links: Callable[[], tuple[Link, ...]],
    ) -> None:
        self._directory = directory
        self._build = build
        self._inbox = inbox
        self._hands = hands
        self._links = links
        self._pending: list[Effect] = []
        self._restarting = False
        self._is_writing = False
        self._written = trio.lowlevel.ParkingLot()
        self._pause_s = PAUSE_S_MIN
        self._failures = self._restarts = 0
        self._reason = ""
        self.node: NodeLike | None = None
        """The living node; None while it is being built, or in trouble."""
        self.storage: Storage | None = None
        """The open disk of the living node."""
        self.prepare: Callable[[], None] = lambda: None
        """What is done to the folder before each life; the daemon's."""
        self.trouble = ""
        """Why there is no node, in one line; empty if there is one."""

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep a node alive until cancelled; started with its first life, or its first trouble."""
        started = False
        while True:
            began = trio.current_time()
            try:
                await self._begin()
                spare_what_is_there()
                if not started:
                    task_status.started()
                    started = True
                while not self._restarting:
                    await self._round()
                self._count_restart(began)
            except StorageError as error:
                self._calm_down(began)
                self._fail(str(error))
            except (DuskError, *MISTAKES) as error:
                self._calm_down(began)
                self._fail(describe(error))
            finally:
                self._end()
            if not started:
                task_status.started()
                started = True
            await self._hands.let_go()
            await self._rest()

    async def quiet(self) -> None:
        """Wait until what the node already counts on is on the disk: nothing is shown before (R8).

        While a node is being built it is waited for, too: nobody is told of a device without one.
        """
        while self._pending or self._is_writing or (self.node is None and not self.trouble):
            await self._written.park()

    async def kept(self) -> None:
        """Wait until what was added just now is on the disk (R8).

        Raises:
            StorageError: it is not promised: the disk refused it, or the node was lost before.
        """
        failures = self._failures
        while self._pending or self._is_writing:
            await self._written.park()
        if self._failures != failures:
            raise StorageError(self.trouble or "the node was lost before it was written; try again")

    def add(self, effects: Iterable[Effect]) -> None:
        """Do these effects, which a call of the node from outside the loop returned."""
        self._pending += effects
        self._inbox.wake()

    # --- one life -------------------------------------------------------------------------

    async def _begin(self) -> None:
        self._restarting = False
        # In the loop: nobody is answered before there is a node, and C libraries keep heaps for each
        # thread: what a thread had read of the log would stay resident for good (P6).
        self.prepare()
        storage, saved = open_storage(self._directory)
        self.storage = storage
        for line in saved.report.lines:
            say(line)
        now = trio.current_time()
        try:
            node, effects = self._build(saved, now)
        except UnverifiedLogError as error:
            await trio.to_thread.run_sync(storage.store.set_aside, error.good)
            raise
        effects = [*effects, *node.handle(read_clock(), now), *node.handle(Links(self._links()), now)]
        self.node = node
        self.trouble = ""
        await self._perform(effects)

    async def _round(self) -> None:
        assert self.node is not None, "a living node"
        deadline = self.node.deadline
        await self._inbox.wait(math.inf if deadline is None else deadline - trio.current_time())
        inputs = self._inbox.take()
        now = trio.current_time()
        effects, self._pending = self._pending, []
        if not any(isinstance(effect, Restart) for effect in effects):
            effects += self._handled(inputs, now)  # else it is over: nothing of its own may reach the disk
        self._inbox.unhurried_until = self.node.unhurried_until
        await self._perform(effects)

    def _handled(self, inputs: Sequence[Input], now: float) -> list[Effect]:
        assert self.node is not None, "a living node"
        effects = [effect for item in inputs for effect in self.node.handle(item, now)]
        deadline = self.node.deadline
        if deadline is not None and deadline <= now:
            effects += self.node.handle(Tick(), now)
        return effects

    async def _perform(self, effects: Sequence[Effect]) -> None:
        """Do all disk effects first, then the rest in order; a compaction begins there, and runs here."""
        assert self.storage is not None, "an open disk"
        on_disk: list[DiskEffect] = [effect for effect in effects if isinstance(effect, DiskEffect)]
        if on_disk:
            self._is_writing = True
            await trio.to_thread.run_sync(self.storage.do, on_disk)
        self._note_written()
        for effect in effects:
            if isinstance(effect, Restart):
                say(f"starting again: {effect.reason}")
                self._restarting, self._reason = True, effect.reason
                return
            if not isinstance(effect, DiskEffect) or isinstance(effect, Compact):
                self._hands.do(effect, self.storage)

    def _note_written(self) -> None:
        self._is_writing = False
        self._written.unpark_all()

    # --- between two lives ----------------------------------------------------------------

    def _fail(self, reason: str) -> None:
        self._failures += 1
        self.trouble = reason
        text = f"{reason}; trying again in {self._pause_s:.0f} s"
        self._hands.tell(Event("trouble", text, loud=True))

    def _end(self) -> None:
        self.node = None
        if self.storage is not None:
            self.storage.close()
            self.storage = None
        if self._pending:  # they came too late for this node, and the next one knows nothing of them
            self._failures += 1
        self._pending.clear()
        self._note_written()

    async def _rest(self) -> None:
        if self._restarting:
            await self._rest_between_restarts()
            return
        await trio.sleep(self._pause_s)
        self._pause_s = min(2 * self._pause_s, PAUSE_S_MAX)

    def _count_restart(self, began: float) -> None:
        lasted_s = trio.current_time() - began
        self._restarts = 1 if lasted_s > RESTART_S_MAX else self._restarts + 1

    async def _rest_between_restarts(self) -> None:
        """Let who starts again all the time do it less and less; people are told, and nobody waits for it."""
        row = self._restarts - RESTARTS_AT_ONCE_MAX
        if row > 0:
            pause_s = min(PAUSE_S_MIN * 2.0 ** min(row - 1, 32), RESTART_S_MAX)
            self.trouble = f"starts again all the time: {self._reason}; the next time in {pause_s:.0f} s"
            self._hands.tell(Event("trouble", self.trouble, loud=True))
            self._note_written()
            await trio.sleep(pause_s)

    def _calm_down(self, began: float) -> None:
        """A life that lasted is no part of a row of troubles."""
        if trio.current_time() - began > PAUSE_S_MAX:
            self._pause_s = PAUSE_S_MIN
