"""A plain blocking client of the control socket (`specs/control-api.md`)."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dusk.errors import Refused
from dusk.limits import CONTROL_LINE_BYTES_MAX

ANSWER_S_MAX = 20.0
"""A daemon answers within 100 ms; a loaded router gets two hundred times that."""
_VIA_S_MAX = 120.0
"""The same through ssh, which may ask for a password first."""
SOCKET_PATH = "var/run/dusk/control.sock"
POLL_S = (0.02, 0.05, 0.1, 0.25)
"""Pauses between polls of a ticket; the last one repeats."""
_SUN_PATH_BYTES = 107
_ANSWER_BYTES_MAX = CONTROL_LINE_BYTES_MAX + 65536
"""The longest line of a daemon, and what came with it."""

if TYPE_CHECKING:
    import subprocess

    from dusk.cli.via import Via

Json = dict[str, Any]


class Client:
    """One connection, opened at the first call.

    Args:
        root: the node's root.
        via: a router elsewhere; None: the daemon is on this machine.
    """

    def __init__(self, root: Path, via: "Via | None" = None) -> None:
        self._root, self._via = root, via
        self._ssh: subprocess.Popen[bytes] | None = None
        self._path = root / SOCKET_PATH
        self._socket: socket.socket | None = None
        self._rest = b""
        self._number = 0
        self._has_answered = False

    def call(self, method: str, **params: Any) -> Any:  # noqa: ANN401 — JSON is what it is
        """Call a method and return its result.

        Raises:
            Refused: no daemon, no right to the socket, no answer, or the method's own refusal.
        """
        answer = _read_answer(self._exchange(self._request(method, params)))
        _check_no_error(answer)
        return answer["result"]

    def reach(self) -> None:
        """Open the connection, if that is to this machine: where nothing answers, nothing else matters.

        Raises:
            Refused: as `connect`.
        """
        if self._socket is None and self._via is None:
            self._socket = self.connect()

    def _request(self, method: str, params: Json) -> bytes:
        self._number += 1
        request = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}
        try:
            line = json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        except UnicodeEncodeError:
            raise Refused("not-text", "what was given on the command line is not UTF-8 text") from None
        if len(line) > CONTROL_LINE_BYTES_MAX:
            raise Refused("too-large", f"{len(line)} bytes are too many for one request; send it in parts")
        return line

    def wait(self, ticket: str, timeout_s: float, show: Callable[[Json], None] | None = None) -> Json:
        """Poll a ticket until it is done and return its result.

        Args:
            ticket: from a method that takes long.
            timeout_s: when to give up; the daemon goes on with what it does.
            show: called with each poll's ``progress``.

        Raises:
            Refused: as the ticket's error says, or ``timeout``.
        """
        end_s = time.monotonic() + timeout_s
        polls = 0
        while True:
            answer = self.call("ticket.poll", ticket=ticket)
            if answer["done"]:
                return _outcome(answer)
            if show is not None and answer.get("progress"):
                show(answer["progress"])
            if time.monotonic() > end_s:
                raise Refused("timeout", "the daemon has not finished in time; see `dusk status`")
            time.sleep(POLL_S[min(polls, len(POLL_S) - 1)])
            polls += 1

    def outcome(self, ticket: str) -> Json | None:
        """Return the result of a ticket; None as long as it is not done.

        Raises:
            Refused: as the ticket's error says.
        """
        answer = self.call("ticket.poll", ticket=ticket)
        return _outcome(answer) if answer["done"] else None

    def events(self) -> Iterator[tuple[str, Json]]:
        """Subscribe, and yield each event's name and what it says, for ever.

        Raises:
            Refused: as `call`; ``no-answer`` where the daemon ends.
        """
        line = self._exchange(self._request("events.subscribe", {}))
        assert self._socket is not None, "it was just asked something"
        self._socket.settimeout(None)  # nothing happens for hours in a quiet cluster
        while True:
            event = _read_event(line)
            if event is not None:
                yield event
            line = self._read_line(self._socket)

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._ssh is not None:
            self._ssh.wait()
            self._ssh = None

    def _exchange(self, line: bytes) -> bytes:
        """Send one line and return the answer's, notifications left out."""
        try:
            if self._socket is None:
                self._socket = self.connect()
            self._socket.sendall(line)
            return self._read_line(self._socket)
        except TimeoutError:
            raise Refused("no-answer", self._silent()) from None
        except (BrokenPipeError, ConnectionResetError):
            raise Refused("no-answer", self._closed()) from None

    @property
    def _where(self) -> str:
        """What people call the other end."""
        return str(self._path) if self._via is None else f"ssh to {self._via.name}"

    def connect(self) -> socket.socket:
        """Open a connection.

        Raises:
            Refused: ``no-daemon``, ``no-permission`` or ``no-answer``.
        """
        if self._via is not None:
            from dusk.cli.via import connect

            ours, self._ssh = connect(self._via)
            ours.settimeout(_VIA_S_MAX)
            return ours
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(ANSWER_S_MAX)
        try:
            _connect_path(connection, self._path)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            connection.close()
            raise Refused("no-daemon", self._no_daemon()) from None
        except BlockingIOError:  # a socket of this kind does not wait for a place
            connection.close()
            raise Refused("no-answer", f"too many others wait for the daemon behind {self._path}") from None
        except PermissionError:
            connection.close()
            reason = f"no permission to open {self._path}; run this as root or as the daemon's user"
            raise Refused("no-permission", reason) from None
        return connection

    def _no_daemon(self) -> str:
        root = "" if self._root == Path("/") else f" --root {self._root}"
        return f"no daemon answers at {self._path}; start it with `dusk{root} daemon`"

    def _closed(self) -> str:
        if self._via is not None and not self._has_answered:
            return f"{self._where} closed the connection: it did not get there, or no dusk is installed there"
        return f"the daemon behind {self._where} closed the connection"

    def _silent(self) -> str:
        if self._via is not None:
            return f"the daemon behind {self._where} has not answered for {_VIA_S_MAX:.0f} s"
        return f"the daemon behind {self._where} has not answered for {ANSWER_S_MAX:.0f} s; restart it"

    def _read_line(self, connection: socket.socket) -> bytes:
        while b"\n" not in self._rest:
            data = connection.recv(65536)
            if not data:
                raise Refused("no-answer", self._closed())
            self._has_answered = True
            self._rest += data
            if len(self._rest) > _ANSWER_BYTES_MAX:
                raise Refused("bad-answer", f"the daemon behind {self._where} sends a line without an end")
        line, self._rest = self._rest.split(b"\n", 1)
        return line


def _read_answer(line: bytes) -> Json:
    """Read an answer; who runs as root does not take what a hijacked daemon says on trust (A46)."""
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or not isinstance(answer.get("error", answer.get("result")), dict):
        raise Refused("bad-answer", "the daemon's answer cannot be read; restart it")
    return answer


def _check_no_error(answer: Json) -> None:
    """Raise what a method refused."""
    if "error" not in answer:
        return
    error = answer["error"]
    data = error.get("data") or {}
    if data.get("code") == "to-sign" and isinstance(data.get("to_sign"), dict):
        from dusk.control.outside import ToSign

        raise ToSign(data["to_sign"])
    raise Refused(str(data.get("code", "error")), str(error.get("message", "refused without a reason")))


def _read_event(line: bytes) -> tuple[str, Json] | None:
    """Read an event; None for the answer to having subscribed, which events may come before."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        event = None
    if isinstance(event, dict) and isinstance(event.get("params"), dict):
        return str(event.get("method")), event["params"]
    _check_no_error(_read_answer(line))
    return None


def _connect_path(connection: socket.socket, path: Path) -> None:
    """Connect, also where the path is longer than a socket address holds."""
    if len(os.fsencode(path)) <= _SUN_PATH_BYTES:
        connection.connect(str(path))
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        connection.connect(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


def _outcome(answer: Json) -> Json:
    if answer.get("error"):
        error = answer["error"]
        code = (
            error.get("code") if isinstance(error.get("code"), str) else (error.get("data") or {}).get("code")
        )
        raise Refused(str(code or "error"), str(error.get("message", "refused without a reason")))
    result: Json = answer["result"]
    return result
