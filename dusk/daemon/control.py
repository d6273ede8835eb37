"""The control socket: JSON-RPC 2.0, one object a line (`specs/control-api.md`).

Whoever may open the socket may read; the methods judge everything else. Lines are bounded both
ways, connections are few, and a line that is begun has to end soon (A6).
"""

import errno
import json
import os
import socket
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import trio

from dusk.control.outside import ToSign
from dusk.daemon.disk import in_words
from dusk.daemon.mistakes import MISTAKES, report
from dusk.errors import ConfigError, DuskError, Refused
from dusk.limits import (
    CONTROL_CONNECTIONS_MAX,
    CONTROL_EVENTS_MAX,
    CONTROL_IDLE_S_MAX,
    CONTROL_LINE_BYTES_MAX,
    CONTROL_LINE_S_MAX,
)

NAME = "control.sock"
ACCEPT_PAUSE_S = 0.1
"""After running out of file descriptors."""
_PATH_BYTES_MAX = 107
"""What a socket address holds; a longer path goes over ``/proc/self/fd``."""
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, REFUSED, INTERNAL = -32700, -32600, -32601, -32000, -32603

Json = dict[str, Any]


class Methods(Protocol):
    """What answers calls."""

    async def call(self, name: str, params: object, connection: object) -> Json:
        """Run one method; raises ``DuskError`` for what it refuses."""


class Connection:
    """One client of the socket.

    Args:
        stream: to the client.
    """

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._send = trio.Lock()
        self._events: deque[Json] = deque()
        self._arrival = trio.Event()
        self._lost = 0
        self.is_subscribed = False

    def notify(self, name: str, params: Json) -> None:
        """Queue an event; a client that does not read loses the oldest, and is told how many."""
        if not self.is_subscribed:
            return
        if len(self._events) >= CONTROL_EVENTS_MAX:
            self._events.popleft()
            self._lost += 1
        self._events.append({"jsonrpc": "2.0", "method": name, "params": params})
        self._arrival.set()

    async def send_events(self) -> None:
        """Send events as they come, until cancelled."""
        while True:
            await self._arrival.wait()
            self._arrival = trio.Event()
            if self._lost:
                lost, self._lost = self._lost, 0
                await self.send({"jsonrpc": "2.0", "method": "events.lost", "params": {"count": lost}})
            while self._events:
                await self.send(self._events.popleft())

    async def send(self, answer: Json) -> None:
        """Send one object; one that is too long is replaced by an error that says so."""
        line = _encode(answer)
        if len(line) > CONTROL_LINE_BYTES_MAX:
            text = f"the answer has {len(line)} bytes, at most {CONTROL_LINE_BYTES_MAX}; ask for less at once"
            line = _encode(_error(answer.get("id"), REFUSED, text, "too-large"))
        async with self._send:
            with trio.fail_after(CONTROL_LINE_S_MAX):
                await self._stream.send_all(line)


def _encode(answer: Json) -> bytes:
    return json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _error(request: object, code: int, message: str, word: str) -> Json:
    return {
        "jsonrpc": "2.0",
        "id": request,
        "error": {"code": code, "message": message, "data": {"code": word}},
    }


class ControlServer:
    """The server.

    Args:
        directory: ``var/run/dusk`` below the root; must exist.
        methods: answers calls.
    """

    def __init__(self, directory: Path, methods: Methods) -> None:
        self._directory = directory
        self._methods = methods
        self._connections: set[Connection] = set()

    def notify(self, name: str, params: Json) -> None:
        """Send an event to everybody who asked for events."""
        for connection in self._connections:
            connection.notify(name, params)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled.

        Raises:
            ConfigError: another daemon answers there, or the socket cannot be made.
        """
        listener = listen(self._directory)
        try:
            async with trio.open_nursery() as nursery:
                task_status.started()
                while True:
                    try:
                        accepted, _ = await listener.accept()
                    except OSError:  # no descriptor is left on this machine: who asks waits, nobody ends
                        await trio.sleep(ACCEPT_PAUSE_S)
                        continue
                    nursery.start_soon(self._serve, trio.SocketStream(accepted))
        finally:
            listener.close()
            with suppress(OSError):
                (self._directory / NAME).unlink()

    async def _serve(self, stream: trio.SocketStream) -> None:
        connection = Connection(stream)
        with suppress(*_GONE):
            async with stream:
                if len(self._connections) >= CONTROL_CONNECTIONS_MAX:
                    await connection.send(_error(None, REFUSED, "too many connections; close some", "busy"))
                    return
                self._connections.add(connection)
                try:
                    await self._talk(stream, connection)
                finally:
                    self._connections.discard(connection)

    async def _talk(self, stream: trio.SocketStream, connection: Connection) -> None:
        with _flattened():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(connection.send_events)
                rest = bytearray()
                while (line := await _read_line(stream, connection, rest)) is not None:
                    await connection.send(await self._answer(line, connection))
                nursery.cancel_scope.cancel()

    async def _answer(self, line: bytes, connection: Connection) -> Json:
        try:
            request = json.loads(line.decode())
        except (ValueError, RecursionError):
            return _error(None, PARSE_ERROR, "not a line of JSON", "parse-error")
        if not _is_request(request):
            text = 'not a request: {"jsonrpc":"2.0","id":…,"method":…,"params":{…}}; one a line, no batches'
            return _error(None, INVALID_REQUEST, text, "invalid-request")
        number = request["id"]
        try:
            params = request.get("params", {})
            result = await self._methods.call(request["method"], params, connection)
        except ToSign as error:
            refused = _error(number, REFUSED, error.reason, error.code)
            refused["error"]["data"]["to_sign"] = error.request
            return refused
        except Refused as error:
            code = METHOD_NOT_FOUND if error.code == "no-method" else REFUSED
            return _error(number, code, error.reason, error.code)
        except DuskError as error:
            return _error(number, REFUSED, str(error), "failed")
        except MISTAKES as error:
            return _error(number, INTERNAL, report(error), "internal")
        return {"jsonrpc": "2.0", "id": number, "result": result}


_GONE = (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError)
"""How a client's leaving shows."""


@contextmanager
def _flattened() -> Iterator[None]:
    """Turn a group of a client's failures, two tasks' at once, into one of them.

    Not by ``except*``: what is raised inside that comes out in a group again.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        others = group.split(_GONE)[1]
        if others is not None:
            raise others from None
        raise trio.BrokenResourceError from None


def _is_request(request: object) -> bool:
    return (
        isinstance(request, dict)
        and request.get("jsonrpc") == "2.0"
        and isinstance(request.get("method"), str)
        and type(request.get("id")) in (int, str)
        and isinstance(request.get("params", {}), dict)
    )


async def _read_line(stream: trio.SocketStream, connection: Connection, rest: bytearray) -> bytes | None:
    """Return the next line, or None at the end, after a line too long, or after too long a wait."""
    while (end := rest.find(b"\n")) < 0:
        if len(rest) > CONTROL_LINE_BYTES_MAX:
            text = f"a line of over {CONTROL_LINE_BYTES_MAX} bytes; send less at once"
            await connection.send(_error(None, REFUSED, text, "too-large"))
            return None
        wait_s = CONTROL_LINE_S_MAX if rest else CONTROL_IDLE_S_MAX
        if connection.is_subscribed and not rest:
            wait_s = float("inf")
        with trio.fail_after(wait_s):
            part = await stream.receive_some(65536)
        if not part:
            return None
        rest += part
    line = bytes(rest[:end])
    del rest[: end + 1]
    return line


# --- the socket itself -----------------------------------------------------------------------


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Yield a name of the path that fits into a socket address."""
    if len(os.fsencode(path)) <= _PATH_BYTES_MAX:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def listen(directory: Path) -> trio.socket.SocketType:
    """Return the listening socket, mode 0600 from its first moment (A35).

    A socket that nobody answers is what a dead daemon left; it is replaced.

    Raises:
        ConfigError: a live daemon answers, or the socket cannot be made.
    """
    path = directory / NAME
    try:
        with _short(path) as name:
            if _is_alive(name):
                raise ConfigError(f"another daemon answers at {path}; stop it first")
            with suppress(FileNotFoundError):
                path.unlink()
            return trio.socket.from_stdlib_socket(_bound(name))
    except OSError as error:
        raise ConfigError(f"cannot make {path}: {in_words(error)}") from None


def _is_alive(name: str) -> bool:
    with socket.socket(
        socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    ) as probe:
        try:
            probe.connect(name)
        except OSError as error:
            return error.errno == errno.EAGAIN
    return True


def _bound(name: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    former = os.umask(0o177)
    try:
        made.bind(name)
        made.listen(CONTROL_CONNECTIONS_MAX)
    except OSError:
        made.close()
        raise
    finally:
        os.umask(former)
    return made
