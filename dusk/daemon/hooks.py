"""What root's own programs are told: alarms that begin or end, members that come and go (`specs/hooks.md`).

Found out by comparing what is with what was, now and then; told to the helper one at a time.
"""

import os
from collections import deque
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Protocol

import trio

from dusk.changelog import views
from dusk.daemon.say import say
from dusk.errors import Refused, StorageError
from dusk.ids import ClusterId, Head
from dusk.node import Node

FOLDER = "etc/dusk/hooks.d"
"""Below the root: without it no alarm is looked at and nobody is asked."""
LOOKS_MIN = 3
"""At so many looks in a row an alarm has to stand, or be missing, before it counts."""
WAITING_MAX = 64
"""Of more that wait to be told, the oldest are dropped."""
AGAIN_S = 3.0
"""Between two tries while former programs run, which is for 31 s at most."""

Words = tuple[str, str, str]


class Happenings:
    """Keeps what was there at the last look, so that only what has changed since is told."""

    def __init__(self) -> None:
        self._cluster: ClusterId | None = None
        self._head: Head | None = None
        self._members: Sequence[views.Member] = ()
        self._told: set[str] = set()
        self._changing: dict[str, int] = {}

    def look(self, resident: object, alarms: Collection[str] | None) -> list[Words]:
        """Return what has happened, as arguments of a program.

        Args:
            resident: what lives in the core; only a node has members.
            alarms: words of those that stand; None where nobody wants to know what happens.
        """
        members = self._look_at_members(resident) if isinstance(resident, Node) else []
        if alarms is None:
            self._told, self._changing = set(), {}
            return []
        return [*members, *self._look_at_alarms(set(alarms))]

    def _look_at_alarms(self, standing: set[str]) -> list[Words]:
        self._changing = {word: self._changing.get(word, 0) + 1 for word in standing ^ self._told}
        due = sorted(word for word, looks in self._changing.items() if looks >= LOOKS_MIN)
        self._told ^= set(due)
        return [("alarm", "begin" if word in self._told else "over", word) for word in due]

    def _look_at_members(self, node: Node) -> list[Words]:
        state, former = node.log.state, self._members
        if node.log.head == self._head:
            return []
        is_first, self._cluster, self._head = state.cluster != self._cluster, state.cluster, node.log.head
        self._members = views.members(state)  # the log's own, so that it costs a router nothing
        if is_first or self._members is former:
            return []
        ids, former_ids = ({member.device_id for member in some} for some in (self._members, former))
        gone = [("remove", one.device_id.hex(), one.name) for one in former if one.device_id not in ids]
        new = [("approve", m.device_id.hex(), m.name) for m in self._members if m.device_id not in former_ids]
        return [*gone, *new]


class Helper(Protocol):
    """The root helper, as far as it runs programs of root's."""

    async def hook(self, *words: str) -> bool:
        """Have them follow what has happened; return whether they began."""


class Hooks:
    """Tells the helper, one at a time, and keeps nobody else waiting.

    Args:
        root: the folder that all paths are below.
        helper: runs the programs.
    """

    def __init__(self, root: Path, helper: Helper) -> None:
        self._folder, self._helper = root / FOLDER, helper
        self._happenings = Happenings()
        self._waiting, self._wanted = deque[Words](), trio.Event()

    def look(self, resident: object, alarms: Callable[[], Collection[str]]) -> None:
        """Compare with the last look, if root wants to know; what has happened then waits to be told.

        Args:
            resident: what lives in the core.
            alarms: gives the words of those that stand.
        """
        is_wanted = os.path.isdir(self._folder)  # no error where it cannot be seen
        self._add(self._happenings.look(resident, alarms() if is_wanted else None))

    def _add(self, happened: Sequence[Words]) -> None:
        self._waiting.extend(happened)
        dropped = max(0, len(self._waiting) - WAITING_MAX)
        for _ in range(dropped):
            self._waiting.popleft()
        if dropped:
            say(f"hook: over {WAITING_MAX} waited to be told: the oldest {dropped} are dropped")
        if self._waiting:
            self._wanted.set()

    async def run(self) -> None:
        """Tell what waits, each once; nothing is done while nothing waits."""
        while True:
            await self._wanted.wait()
            self._wanted = trio.Event()
            while self._waiting:
                await self._tell(self._waiting.popleft())

    async def _tell(self, words: Words) -> None:
        try:
            while True:
                if await self._helper.hook(*words):
                    return
                await trio.sleep(AGAIN_S)
        except (Refused, StorageError) as error:
            say(f"hook: {' '.join(words)} is told to nobody: {error}")
