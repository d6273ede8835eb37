"""A router that leaves its cluster by its root's word (`specs/joining.md`, *Leaving*).

What was begun goes on until the router is out, through restarts: the file ``leaving`` says so. Once it
is, that file says that nothing of the cluster is to stay here, and is the last that goes.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import trio

from dusk.apply.machine import State
from dusk.changelog import views
from dusk.daemon import disk
from dusk.daemon.builder import LEAVING_FILE, Builder
from dusk.daemon.core import Core
from dusk.daemon.sessions import Sessions
from dusk.daemon.smallfiles import SmallFiles
from dusk.daemon.tickets import Ticket, Tickets
from dusk.effects import Event, RemoveFile, Restart, StoreFile
from dusk.errors import Refused
from dusk.ids import ChangeId
from dusk.keys.signing import SigningKey
from dusk.node import Node

BEGUN, LEFT = b"begun", b"left"
"""What the file says: the cluster is to know; it does, and nothing of it is to stay here."""
LOOK_S, REST_S = 0.5, 5.0
"""Between two looks while it is under way, and else: a start finds that it was begun before."""
KNOWN_CYCLES = 3
"""Who leaves hears of no certificate any more, as a rule: the backup has fsynced it after so many."""
AGAIN_S = 30.0
"""Between two changes that say so, where the first came to nothing."""
_HELD = (
    "a rollout or a rollback is changing files right now: wait until `dusk status` says committed or failed"
)
_TEXT = "this router is leaving the cluster: nothing is applied here any more"
_GIVING_BACK = "its files are not as they were before yet; it leaves as soon as they are"
_QUEUED = "nobody who may write has been heard; this router goes as soon as somebody is, and applies nothing"

Json = dict[str, Any]


class Leaving:
    """Takes this device out of its cluster.

    Args:
        core: the loop, with its living node.
        builder: has the mode of the apply.
        sessions: who has logged in; they are people of the cluster.
        tickets: work under way.
        directory: ``etc/dusk/node`` below the root.
        make_key: returns the key of that folder, and makes one where there is none.
    """

    def __init__(
        self,
        core: Core,
        builder: Builder,
        sessions: Sessions,
        tickets: Tickets,
        *,
        directory: Path,
        make_key: Callable[[Path], SigningKey],
    ) -> None:
        self._core, self._builder, self._sessions, self._tickets = core, builder, sessions, tickets
        self._directory, self._make_key = directory, make_key
        self._joined_with = directory.parent / "join"
        """An image's join key, which is removed soon after joining: with it, this device would join again."""
        self._begun, self._over = trio.Event(), trio.Event()
        self._change: ChangeId | None = None
        self._again_at = float("-inf")
        self._gone_at: float | None = None
        self._called_off: Refused | None = None
        self._giving_back: Node | None = None
        """Whose files become what they were, before it leaves."""
        self._is_said = False
        """It was begun by somebody who was told so, in this run of the daemon."""

    @property
    def alarms(self) -> Sequence[str]:
        """A line for people while it is under way."""
        return [_TEXT] if self._builder.is_leaving else []

    def begin(self, timeout_s: float, *, restore_local: bool = False) -> str:
        """Begin, and return a ticket as of `Desk.leave`.

        Raises:
            Refused: ``applying``; ``held`` where files are to change first; or there is no node.
        """
        node, builder = self._core.node, self._builder
        if not isinstance(node, Node):
            raise Refused("no-cluster", "this device is in no cluster")
        if node.applied.is_changing:
            raise Refused("applying", _HELD)
        is_new = not builder.is_leaving and self._giving_back is None
        if is_new and restore_local:
            self._core.add(node.give_back(trio.current_time()))
            self._giving_back = node
        if is_new:
            self._called_off, self._over = None, trio.Event()
        ticket = self._tickets.start(lambda ticket: self._wait(ticket, timeout_s))
        if is_new and not restore_local:
            self._go(node)
        self._begun.set()
        return ticket

    def _go(self, node: Node) -> None:
        """Begin to leave with the files as they are."""
        self._change, self._again_at, self._gone_at = None, float("-inf"), None
        self._builder.is_leaving = self._is_said = True
        self._core.add([StoreFile(LEAVING_FILE, BEGUN)])
        self._core.add(node.set_mode(self._builder.mode, trio.current_time()))

    async def run(self) -> None:
        """Go on with what was begun, until cancelled."""
        while True:
            node = self._core.node
            if self._giving_back is not None:
                self._give_back(self._giving_back, is_there=node is self._giving_back)
            if self._builder.is_leaving and isinstance(node, Node):
                self._step(node, trio.current_time())
            elif self._is_said and isinstance(node, Node):  # the disk refused the file
                self._end(Refused("storage", "the disk did not keep that it is to leave; say it again"))
            is_under_way = self._builder.is_leaving or self._is_said or self._giving_back is not None
            with trio.move_on_after(LOOK_S if is_under_way else REST_S):
                await self._begun.wait()
            self._begun = trio.Event()

    def before_life(self) -> None:
        """Forget the cluster before a node is built, if this device has left it.

        Raises:
            StorageError: the disk refused; it is tried again.
        """
        if forget_if_left(self._directory, self._builder, self._make_key):
            self._end(None)

    async def _wait(self, ticket: Ticket, timeout_s: float) -> Json:
        ticket.progress = {"state": "leaving"}
        with trio.move_on_after(timeout_s):
            await self._over.wait()
        if self._called_off is not None:
            raise self._called_off
        if self._giving_back is not None:
            return {"left": False, "missing": _GIVING_BACK}
        is_left = self._over.is_set()
        return {"left": is_left, "missing": "" if is_left else _QUEUED}

    def _give_back(self, node: Node, *, is_there: bool) -> None:
        """Leave once the files are what they were; stay, as the log says, if that fails or is cut short."""
        if not is_there:
            self._stay("the daemon began anew meanwhile; say it again")
        elif node.applied.has_given_back:
            self._giving_back = None
            self._go(node)
        elif node.applied.state == State.FAILED:
            self._stay(node.applied.reason)
            self._core.add(node.give_back(trio.current_time(), is_wanted=False))

    def _stay(self, why: str) -> None:
        self._giving_back = None
        self._end(Refused("not-restored", f"its files are not as they were before: {why}; it stays"))

    def _end(self, why: Refused | None) -> None:
        """Tell whoever waits that this router is out, or why it stays."""
        self._is_said, self._called_off = False, why
        self._over.set()

    def _step(self, node: Node, now: float) -> None:
        """Do what is due: say it, see that it is known, or stay after all."""
        if node.is_to_be_wiped:
            text = "owners removed this router, and what was managed comes off its files"
            self._call_off(node, Refused("removed", text), now)
        elif node.is_removed(now):
            self._gone_at = now if self._gone_at is None else self._gone_at
            is_used_up = not os.path.lexists(self._joined_with)
            if is_used_up and self._is_known(node, now - self._gone_at):
                self._sessions.end_all()
                self._core.add([StoreFile(LEAVING_FILE, LEFT), Restart("this router left its cluster")])
        elif node.device_id in views.succession(node.log.state):
            text = "this router stays: meanwhile owners said that it may lead; `dusk role` shows it"
            self._call_off(node, Refused("in-succession", text), now)
        elif not self._is_handed_in(node) and now >= self._again_at:
            self._again_at = now + AGAIN_S
            try:
                self._change, effects = node.leave(now)
            except Refused:  # the outbox is full of what people sent: that comes first
                return
            self._core.add(effects)

    def _is_known(self, node: Node, gone_s: float) -> bool:
        """Tell whether others have it for good, or had the time to: this device's copy goes with it."""
        seq = None if self._change is None else node.log.position_of(self._change)
        is_settled = seq is not None and seq <= node.settled
        return is_settled or gone_s >= KNOWN_CYCLES * views.cycle_ms(node.log.state) / 1000

    def _is_handed_in(self, node: Node) -> bool:
        """Tell whether a change that says it is on its way, or in the log with effect."""
        progress = None if self._change is None else node.progress(self._change)
        return progress is not None and not progress.reason

    def _call_off(self, node: Node, why: Refused, now: float) -> None:
        self._builder.is_leaving = False
        effects = [*node.set_mode(self._builder.mode, now), *node.give_back(now, is_wanted=False)]
        self._core.add([RemoveFile(LEAVING_FILE), *effects, Event("leaving", why.reason, loud=True)])
        self._end(why)


def forget_if_left(directory: Path, builder: Builder, make_key: Callable[[Path], SigningKey]) -> bool:
    """Remove all that this device has of a cluster that it left, its key too; another one is made.

    A power cut on the way leaves the file that says so, and the next start goes on. No device may ever
    have the id of a former one, so who joins again does it under a new key.

    Args:
        directory: ``etc/dusk/node`` below the root.
        builder: has the key, and a join key of an image, which let this device in once.
        make_key: returns the key of the folder, and makes one where there is none.

    Returns:
        Whether there was something to forget.

    Raises:
        StorageError: the disk refused; it is tried again.
    """
    files = SmallFiles(directory)
    try:
        if files.read(LEAVING_FILE) != LEFT:
            return False
        with disk.told_as_storage(f"cannot remove what is below {directory}"):
            for name in sorted(set(os.listdir(directory)) - {LEAVING_FILE}):
                _remove(directory / name)
            _sync(directory)
        files.remove(LEAVING_FILE)
    finally:
        files.close()
    builder.key, builder.join_line, builder.is_leaving = make_key(directory), None, False
    return True


def _sync(directory: Path) -> None:
    """See to it that what went is gone for good before it is forgotten that it has to go."""
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        disk.sync_directory(folder)
    finally:
        os.close(folder)


def _remove(path: Path) -> None:
    """Remove a file, or a folder of files: a node's has no others."""
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    for file in path.iterdir():
        file.unlink()
    path.rmdir()
