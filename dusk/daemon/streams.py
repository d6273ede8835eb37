"""TCP streams to and from other devices: frames with a two-byte length, deadlines, bounds (A6, A7).

An accepted stream is *young* until its peer sent the two frames of its handshake. Young ones
have little time, are few from one address and few in all; when a new one comes and all places
are taken, the oldest young one goes, so half-open connections never keep others out.
"""

import os
import socket
from collections import deque
from dataclasses import field
from typing import TypeVar

import trio

from dusk.daemon.disk import in_words
from dusk.daemon.endpoints import sockaddr
from dusk.daemon.inbox import Inbox
from dusk.daemon.interfaces import look_up
from dusk.effects import Accepted, Address, Connected, Disconnected, Received
from dusk.lazy import dataclass
from dusk.limits import (
    FRAME_BYTES_MAX,
    HANDSHAKE_S_MAX,
    HANDSHAKES_MAX,
    HANDSHAKES_PER_ADDRESS_MAX,
    STREAM_ANSWER_S_MAX,
    STREAM_BYTES_PER_S_MIN,
    STREAM_CONNECT_S_MAX,
    STREAM_IDLE_S_MAX,
    STREAM_SEND_BYTES_MAX,
    STREAMS_MAX,
)

E = TypeVar("E", bound=Exception)

HANDSHAKE_FRAMES = 2
"""What an initiator sends of Noise XX."""


@dataclass(slots=True)
class _Stream:
    """One stream, from the moment that the node or a peer asked for it."""

    conn: int
    peer: Address
    is_accepted: bool
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    queue: deque[bytes] = field(default_factory=deque)
    queued_bytes: int = 0
    work: trio.Event = field(default_factory=trio.Event)
    ending: bool = False
    frames_received: int = 0
    moved_bytes: int = 0
    waited_s: float = 0.0
    reason: str = "closed here"

    @property
    def is_young(self) -> bool:
        """Whether its peer has not finished the handshake."""
        return self.is_accepted and self.frames_received < HANDSHAKE_FRAMES

    def end(self, reason: str) -> None:
        """Stop it at once."""
        self.reason = reason
        self.scope.cancel()


class Streams:
    """All streams of a node.

    Args:
        inbox: takes ``Accepted``, ``Connected``, ``Received``, ``Disconnected``.
    """

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._streams: dict[int, _Stream] = {}
        self._next_conn = 1
        self._nursery: trio.Nursery | None = None
        self._gone = trio.Event()
        self.refused = 0
        """Connections that found no place."""

    @property
    def count(self) -> int:
        """Streams now."""
        return len(self._streams)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the tasks of all streams until cancelled."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    # --- from the node --------------------------------------------------------------------

    def connect(self, conn: int, to: Address) -> None:
        """Open a stream; ``Connected`` or ``Disconnected`` follows."""
        if len(self._streams) >= STREAMS_MAX:
            self._inbox.put(Disconnected(conn, "too many streams"))
            return
        stream = self._streams[conn] = _Stream(conn, to, is_accepted=False)
        self._start(stream, None)

    def send(self, conn: int, frame: bytes) -> None:
        """Queue a frame; a peer that does not read them is left."""
        assert 0 < len(frame) <= FRAME_BYTES_MAX, "a frame has its bounds"
        stream = self._streams.get(conn)
        if stream is None or stream.ending:
            return
        if stream.queued_bytes + len(frame) > STREAM_SEND_BYTES_MAX:
            stream.end("the peer does not read what it asked for")
            return
        stream.queue.append(len(frame).to_bytes(2, "big") + frame)
        stream.queued_bytes += len(frame)
        stream.work.set()

    def disconnect(self, conn: int) -> None:
        """Close a stream once what was sent before is out."""
        stream = self._streams.get(conn)
        if stream is not None:
            stream.ending = True
            stream.work.set()

    async def end_all(self) -> None:
        """Close everything and wait for it: a new node numbers its streams from the start."""
        for stream in self._streams.values():
            stream.end("the node starts again")
        while self._streams:
            await self._gone.wait()

    # --- from peers -----------------------------------------------------------------------

    def accept(self, accepted: socket.socket, source: Address) -> None:
        """Take an accepted connection, or close it if there is no place for it."""
        if not self._make_room(source):
            self.refused += 1
            accepted.close()
            return
        conn = self._next_conn
        self._next_conn += 2
        stream = self._streams[conn] = _Stream(conn, source, is_accepted=True)
        self._start(stream, accepted)

    def _make_room(self, source: Address) -> bool:
        young = [stream for stream in self._streams.values() if stream.is_young]
        young = [stream for stream in young if not stream.scope.cancel_called]
        if sum(stream.peer.host == source.host for stream in young) >= HANDSHAKES_PER_ADDRESS_MAX:
            return False
        if len(young) >= HANDSHAKES_MAX:
            young[0].end("made room for a newer connection")
        return len(self._streams) < STREAMS_MAX + HANDSHAKES_MAX

    # --- the life of one stream -----------------------------------------------------------

    def _start(self, stream: _Stream, sock: socket.socket | None) -> None:
        assert self._nursery is not None, "streams are used while they run"
        self._nursery.start_soon(self._live, stream, sock)

    async def _live(self, stream: _Stream, sock: socket.socket | None) -> None:
        try:
            with stream.scope:
                tcp = await _connected(stream.peer) if sock is None else trio.socket.from_stdlib_socket(sock)
                with tcp:
                    tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    greeting = Accepted(stream.conn, stream.peer) if sock else Connected(stream.conn)
                    await self._inbox.put_stream(greeting)
                    await self._move(stream, tcp)
        except* OSError as group:
            stream.reason = in_words(_first(group))
        except* ValueError as group:
            stream.reason = str(_first(group))
        finally:
            if sock is not None:
                sock.close()
            del self._streams[stream.conn]
            self._gone.set()
            self._gone = trio.Event()
        self._inbox.put(Disconnected(stream.conn, stream.reason))

    async def _move(self, stream: _Stream, tcp: trio.socket.SocketType) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write, stream, tcp)
            if stream.is_accepted:
                nursery.start_soon(_expect_handshake, stream)
            while stream.reason == "closed here":
                await self._read_frame(stream, tcp)
            nursery.cancel_scope.cancel()

    async def _read_frame(self, stream: _Stream, tcp: trio.socket.SocketType) -> None:
        """Pass on one frame, or set the reason why there is none."""
        began = trio.current_time()
        deadline_s = STREAM_IDLE_S_MAX if stream.is_accepted else STREAM_ANSWER_S_MAX
        frame = None
        with trio.move_on_after(deadline_s) as deadline:
            header = await _exactly(tcp, 2)
            if header is not None:
                deadline.deadline = min(deadline.deadline, trio.current_time() + STREAM_IDLE_S_MAX)
                frame = await _exactly(tcp, int.from_bytes(header, "big"))
        if not frame:
            stream.reason = "too slow" if deadline.cancelled_caught else "closed by the peer"
            return
        stream.waited_s += trio.current_time() - began
        stream.moved_bytes += len(frame)
        stream.frames_received += 1
        if stream.is_accepted and _is_trickling(stream):
            stream.reason = "too slow"
            return
        await self._inbox.put_stream(Received(stream.conn, frame))


def _first(group: BaseExceptionGroup[E]) -> E:
    """Return the first error of a group, however deep."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _is_trickling(stream: _Stream) -> bool:
    """Whether the time spent waiting for this peer is out of proportion to what was moved."""
    return stream.moved_bytes < STREAM_BYTES_PER_S_MIN * (stream.waited_s - STREAM_IDLE_S_MAX)


async def _expect_handshake(stream: _Stream) -> None:
    await trio.sleep(HANDSHAKE_S_MAX)
    if stream.is_young:
        stream.end("no handshake")


async def _connected(peer: Address) -> trio.socket.SocketType:
    """Return a connected socket.

    Raises:
        OSError: refused, unreachable, or no answer in time.
        ValueError: not an address.
    """
    _, _, scope = peer.host.partition("%")
    interface = look_up(scope) if scope else None
    target = sockaddr(peer, {scope: interface.index} if interface else {})
    family = socket.AF_INET6 if len(target) == 4 else socket.AF_INET
    made = trio.socket.socket(family, socket.SOCK_STREAM)
    try:
        with trio.fail_after(STREAM_CONNECT_S_MAX):
            await made.connect(target)
    except trio.TooSlowError:
        made.close()
        raise TimeoutError("no answer in time") from None
    except OSError as error:
        made.close()
        raise OSError(error.errno, _why(error, peer.port)) from None
    except trio.Cancelled:
        made.close()
        raise
    return made


def _why(error: OSError, port: int) -> str:
    """Say why nobody was reached; the library's own text has the address as a tuple in it."""
    if isinstance(error, ConnectionRefusedError):
        return f"nothing listens on port {port} there: no daemon runs, or it has another port"
    return os.strerror(error.errno) if error.errno else str(error)


async def _exactly(tcp: trio.socket.SocketType, size_bytes: int) -> bytes | None:
    """Return so many bytes, or None at the end of the stream."""
    received = bytearray()
    while len(received) < size_bytes:
        part = await tcp.recv(size_bytes - len(received))
        if not part:
            return None
        received += part
    return bytes(received)


async def _write(stream: _Stream, tcp: trio.socket.SocketType) -> None:
    """Send what is queued, each frame in its time; close once the node wants it and all is out."""
    while True:
        stream.work = trio.Event()
        while stream.queue:
            frame = stream.queue.popleft()
            with trio.move_on_after(STREAM_IDLE_S_MAX) as deadline:
                await _send_all(tcp, frame)
            if deadline.cancelled_caught:
                stream.end("too slow")
                return
            stream.queued_bytes -= len(frame) - 2
            stream.moved_bytes += len(frame)
        if stream.ending:
            stream.scope.cancel()
            return
        await stream.work.wait()


async def _send_all(tcp: trio.socket.SocketType, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[await tcp.send(rest) :]
