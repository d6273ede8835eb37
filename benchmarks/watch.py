"""Learns when each node has something on its disk, from outside and at next to no cost for it.

The kernel tells when a node's log file grows (inotify). That is the write, not yet the fsync, so the
node is asked something at once over its control socket: a daemon answers only when all that it
counts on is on its disk (R8). The moment is when its answer is here: a little late, never early.
"""

import ctypes
import json
import os
import select
import socket
import struct
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

IN_MODIFY, IN_CLOEXEC, IN_NONBLOCK = 0x2, 0o2000000, 0o4000
_EVENT = struct.Struct("iIII")
_LIBC = ctypes.CDLL(None, use_errno=True)
_ANSWER_BYTES = 1 << 16


class WatchError(Exception):
    """What was waited for did not come; the text says what."""


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


class Line:
    """A control connection that is asked without waiting for the answer."""

    def __init__(self, root: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self.socket.connect(str(root / "var/run/dusk/control.sock"))
        self._rest = b""

    def ask(self, method: str, **params: object) -> None:
        """Send a request."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self.socket.sendall(json.dumps(request).encode() + b"\n")

    def answer(self) -> dict[str, Any] | None:
        """Read what is there; the answer if that ends it."""
        self._rest += self.socket.recv(_ANSWER_BYTES)
        if not self._rest.endswith(b"\n"):
            return None
        line, self._rest = self._rest, b""
        answer: dict[str, Any] = json.loads(line)
        return answer


class Watch:
    """Watches the logs of nodes.

    Args:
        roots: of the nodes, whose daemons run.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self._inotify = _checked(_LIBC.inotify_init1(IN_CLOEXEC | IN_NONBLOCK))
        self._node_of: dict[int, int] = {}
        for node, root in enumerate(roots):
            path = os.fsencode(root / "etc/dusk/node/log")
            self._node_of[_checked(_LIBC.inotify_add_watch(self._inotify, path, IN_MODIFY))] = node
        self._lines = [Line(root) for root in roots]
        self._poll = select.epoll()
        self._poll.register(self._inotify, select.EPOLLIN)
        for line in self._lines:
            self._poll.register(line.socket, select.EPOLLIN)

    def __enter__(self) -> Self:
        """Everything is open already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all."""
        self._poll.close()
        for line in self._lines:
            line.socket.close()
        os.close(self._inotify)

    def _grown(self) -> set[int]:
        """Return the nodes whose logs have grown since this was asked last."""
        try:
            data = os.read(self._inotify, 65536)
        except BlockingIOError:
            return set()
        found, at = set(), 0
        while at < len(data):
            descriptor, _, _, size = _EVENT.unpack_from(data, at)
            at += _EVENT.size + size
            found.add(self._node_of[descriptor])
        return found

    def spread(self, begin: Callable[[], None], timeout_s: float) -> list[float]:
        """Do something that makes all logs grow; return when each node had it on its disk.

        Args:
            begin: does it; time runs from before it is called.
            timeout_s: when to give up.

        Returns:
            Seconds, for each node.

        Raises:
            WatchError: not everybody had it in time.
        """
        self._grown()
        asked: set[int] = set()
        moments: dict[int, float] = {}
        lines = {line.socket.fileno(): node for node, line in enumerate(self._lines)}
        began = time.monotonic()
        begin()
        while len(moments) < len(self._lines):
            if (left_s := began + timeout_s - time.monotonic()) <= 0:
                raise WatchError(f"{len(moments)} of {len(self._lines)} nodes within {timeout_s:.0f} s")
            for descriptor, _ in self._poll.poll(left_s):
                if descriptor == self._inotify:
                    for node in self._grown() - asked:
                        asked.add(node)
                        self._lines[node].ask("ticket.poll", ticket="none")
                elif self._lines[lines[descriptor]].answer() is not None:
                    moments[lines[descriptor]] = time.monotonic() - began
        return [moments[node] for node in range(len(self._lines))]
