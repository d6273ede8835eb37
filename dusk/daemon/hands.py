"""What does the effects that reach other devices, the helper and people."""

from collections import deque
from collections.abc import Callable
from typing import Protocol

import trio

from dusk.apply.events import Restored
from dusk.daemon.inbox import Inbox
from dusk.daemon.mistakes import MISTAKES, describe
from dusk.daemon.rewriting import Job
from dusk.daemon.sockets import Sockets
from dusk.daemon.storage import Storage
from dusk.daemon.streams import Streams
from dusk.effects import (
    Answered,
    CommitFiles,
    Compact,
    Compacted,
    Connect,
    Consult,
    Disconnect,
    Event,
    FilesRead,
    FilesSeen,
    HelperDone,
    ItemsRead,
    LookAtFiles,
    Obey,
    PieceRead,
    Progress,
    ReadFiles,
    ReadItems,
    ReadPiece,
    RollbackFiles,
    SendDatagram,
    SendFrame,
    SendMulticast,
    WriteFiles,
)
from dusk.errors import StorageError
from dusk.links import LookUp, Seen

HelperEffect = ReadFiles | LookAtFiles | LookUp | WriteFiles | CommitFiles | RollbackFiles
HandEffect = (
    SendDatagram
    | SendMulticast
    | Connect
    | SendFrame
    | Disconnect
    | ReadItems
    | ReadPiece
    | Compact
    | HelperEffect
    | Consult
    | Obey
    | Answered
    | Progress
    | Event
)


UNDO_AGAIN_S = 30.0
"""Between two tries to put back what could not be: nobody comes to a router that it keeps cut off."""


class Helper(Protocol):
    """The root helper as the core sees it."""

    async def perform(self, effect: HelperEffect) -> FilesRead | FilesSeen | HelperDone | Seen:
        """Do one request and return the input that answers it."""

    async def let_go(self) -> Restored | None:
        """Put back what a node that is gone had not made final; return what the next one is told."""

    async def undo_again(self) -> None:
        """Try again to put back what could not be at the start, if there is such."""


class Hands:
    """Does effects at once or, for the helper, one after the other in the background.

    Args:
        sockets: sends datagrams.
        streams: carries frames.
        inbox: takes answers.
        helper: writes and reads UCI files.
        tell: whoever listens for progress, events, and answers to questions.
        consult: answers other members' questions, and does what was ordered.
        put_back: takes what the next node is told of an apply that the last one did not end.
    """

    def __init__(
        self,
        sockets: Sockets,
        streams: Streams,
        inbox: Inbox,
        helper: Helper,
        tell: Callable[[Progress | Event | Answered], None],
        *,
        consult: Callable[[Consult | Obey], None],
        put_back: Callable[[Restored], None],
    ) -> None:
        self._sockets = sockets
        self.streams = streams
        self._inbox = inbox
        self._helper = helper
        self.tell = tell
        self._consult = consult
        self._put_back = put_back
        self._asked: deque[HelperEffect] = deque()
        self._request = trio.Event()
        self._jobs, self._wanted = deque[tuple[Storage, Job, Compact]](), trio.Event()

    def do(self, effect: HandEffect, storage: Storage) -> None:
        """Do one effect.

        Raises:
            StorageError: the log could not be read.
        """
        match effect:
            case SendDatagram(data, to):
                self._sockets.send(data, to)
            case SendMulticast(data, link):
                self._sockets.send_multicast(data, link)
            case Connect(conn, to):
                self.streams.connect(conn, to)
            case SendFrame(conn, frame):
                self.streams.send(conn, frame)
            case Disconnect(conn):
                self.streams.disconnect(conn)
            case ReadItems(conn, first, bytes_max):
                self._inbox.put(ItemsRead(conn, first, storage.store.read_items(first, bytes_max)))
            case ReadPiece(conn, seq, piece):
                self._inbox.put(PieceRead(conn, piece, storage.store.read_piece(seq, piece)))
            case Compact():
                self._jobs.append((storage, storage.job(effect), effect))
                self._wanted.set()
            case Progress() | Event() | Answered():
                self.tell(effect)
            case Consult() | Obey():
                self._consult(effect)
            case _:
                self._asked.append(effect)
                self._request.set()

    async def run(self) -> None:
        """Pass requests to the helper in their order, until cancelled."""
        while True:
            while self._asked:
                self._inbox.put(await self._helper.perform(self._asked.popleft()))
            self._request = trio.Event()
            with trio.move_on_after(UNDO_AGAIN_S):
                await self._request.wait()
            if not self._asked:
                await self._helper.undo_again()

    async def run_compactions(self) -> None:
        """Compact logs in a thread, one after the other, until cancelled."""
        while True:
            while self._jobs:
                storage, job, effect = self._jobs[0]
                try:
                    job.begin()
                    made = await trio.to_thread.run_sync(job.run, effect.cluster)
                    storage.made(made)
                    answer = Compacted(effect.seq, made.plan)
                except StorageError as error:
                    answer = Compacted(effect.seq, None, str(error))
                except MISTAKES as error:  # the log in use is whole: no reason to end
                    answer = Compacted(effect.seq, None, describe(error))
                if self._jobs and self._jobs[0][1] is job:  # else the node that asked is gone
                    self._jobs.popleft()
                    self._inbox.put(answer)
            self._wanted = trio.Event()
            await self._wanted.wait()

    async def let_go(self) -> None:
        """Forget what a node that is gone has asked for."""
        self._asked.clear()
        while self._jobs:
            self._jobs.pop()[1].drop()
        await self.streams.end_all()
        restored = await self._helper.let_go()
        if restored is not None:
            self._put_back(restored)
        self._inbox.clear()
