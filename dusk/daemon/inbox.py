"""The bounded queue of a node's inputs (R10).

Datagrams are dropped when it is full, as on the wire; streams wait, which slows their peers;
what the shell itself has to say always finds room. So a flood of one kind holds up no other.
"""

from collections import deque

import trio

from dusk.effects import Datagram, Input
from dusk.limits import INBOX_BATCH_MAX, INBOX_DATAGRAMS_MAX, INBOX_STREAM_INPUTS_MAX


class Inbox:
    """Inputs on their way to the node."""

    def __init__(self) -> None:
        self._own: deque[Input] = deque()
        self._datagrams: deque[Datagram] = deque()
        self._streams: deque[Input] = deque()
        self._arrival = trio.Event()
        self._room = trio.lowlevel.ParkingLot()
        self.unhurried_until = float("-inf")
        """Until then datagrams may gather in the kernel, monotonic seconds; set by the core."""
        self.dropped = 0
        """Datagrams for which there was no room."""

    def put(self, item: Input) -> None:
        """Take an input of the shell itself: their number is bounded by what was asked for."""
        self._own.append(item)
        self._arrival.set()

    def offer(self, datagram: Datagram) -> None:
        """Take a datagram, or drop and count it."""
        if len(self._datagrams) >= INBOX_DATAGRAMS_MAX:
            self.dropped += 1
            return
        self._datagrams.append(datagram)
        self._arrival.set()

    async def put_stream(self, item: Input) -> None:
        """Take an input of a stream; wait while there is no room."""
        await trio.lowlevel.checkpoint()
        while len(self._streams) >= INBOX_STREAM_INPUTS_MAX:
            await self._room.park()
        self._streams.append(item)
        self._arrival.set()

    def wake(self) -> None:
        """Let ``wait`` return although nothing arrived."""
        self._arrival.set()

    async def wait(self, seconds: float) -> None:
        """Wait until something is there, for at most so long (infinity: for ever)."""
        with trio.move_on_after(max(0.0, seconds)):
            await self._arrival.wait()

    def take(self) -> list[Input]:
        """Return what waits, each kind in its order, at most ``INBOX_BATCH_MAX`` of each."""
        self._arrival = trio.Event()
        taken: list[Input] = []
        for lane in (self._own, self._datagrams, self._streams):
            taken += [lane.popleft() for _ in range(min(len(lane), INBOX_BATCH_MAX))]
        if self._own or self._datagrams or self._streams:
            self._arrival.set()
        self._room.unpark_all()
        return taken

    def clear(self) -> None:
        """Forget what was meant for a node that is gone."""
        self.unhurried_until = float("-inf")
        self._own.clear()
        self._datagrams.clear()
        self._streams.clear()
