"""Serf, the yardstick of P1: agents on loopback, and when a user event reaches each of them.

Every agent is subscribed to over its RPC port, by one process for all: nothing is started for an
event, and Serf waits for nobody. Debian's build with the settings that it has by itself.
"""

import select
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgpack

BIND_PORT, RPC_PORT = 27946, 27373
PAYLOAD_BYTES = 400
READY_S_MAX, EVENT_S_MAX = 30.0, 8.0
END_S_MAX = 5.0
PAUSE_S = 0.1
_MEMORY_KEY = "VmRSS:"


class SerfError(Exception):
    """Serf is not here, or does not do what it should; the text says which."""


def why_unavailable() -> str | None:
    """Return None if Serf can be run here, else why not."""
    return None if shutil.which("serf") else "serf is not installed"


class _Subscriber:
    """One connection to one agent's RPC port, with its stream of user events open."""

    def __init__(self, port: int) -> None:
        self.socket = _connect(port)
        self._unpacker = msgpack.Unpacker()
        self._seq = 0
        self.ask("handshake", {"Version": 1})
        self._read_header()
        self.ask("stream", {"Type": "user"})
        self._read_header()

    def ask(self, command: str, body: dict[str, Any]) -> None:
        self._seq += 1
        request = msgpack.packb({"Command": command, "Seq": self._seq}) + msgpack.packb(body)
        self.socket.sendall(request)

    def _read_header(self) -> None:
        self.socket.settimeout(READY_S_MAX)
        while not (found := self.documents()):
            pass
        if found[0].get("Error"):
            raise SerfError(f"serf refuses: {found[0]['Error']}")

    def documents(self) -> list[dict[str, Any]]:
        """Read what is there; headers and bodies as they come.

        Raises:
            SerfError: the agent is gone.
        """
        data = self.socket.recv(65536)
        if not data:
            raise SerfError("a serf agent ended")
        self._unpacker.feed(data)
        return list(self._unpacker)


def _connect(port: int) -> socket.socket:
    end = time.monotonic() + READY_S_MAX
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), READY_S_MAX)
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise SerfError(f"no serf agent answers at port {port}") from None
            time.sleep(PAUSE_S)


class Agents:
    """Running agents that know each other.

    Args:
        processes: of all agents.
    """

    def __init__(self, processes: list[subprocess.Popen[bytes]]) -> None:
        self._processes = processes
        self._subscribers = [_Subscriber(RPC_PORT + number) for number in range(len(processes))]
        self._asker = _Subscriber(RPC_PORT + len(processes) - 1)

    def close(self) -> None:
        """Close the connections."""
        for subscriber in (*self._subscribers, self._asker):
            subscriber.socket.close()

    def wait_for_members(self) -> None:
        """Wait until the last agent knows all others.

        Raises:
            SerfError: it does not in time.
        """
        end = time.monotonic() + READY_S_MAX
        while self._known() < len(self._processes):
            if time.monotonic() > end:
                raise SerfError("the serf agents do not find each other")
            time.sleep(PAUSE_S)

    def _known(self) -> int:
        self._asker.ask("members", {})
        while True:
            for document in self._asker.documents():
                if "Members" in document:
                    return sum(member["Status"] == "alive" for member in document["Members"])

    def spread(self, name: str) -> list[float]:
        """Send one event at the last agent; return when each agent told of it, in seconds.

        Gossip may miss an agent; then that one's moment is when we stopped waiting.
        """
        numbers = {subscriber.socket.fileno(): n for n, subscriber in enumerate(self._subscribers)}
        moments: dict[int, float] = {}
        poll = select.epoll()
        for descriptor in numbers:
            poll.register(descriptor, select.EPOLLIN)
        began = time.monotonic()
        self._asker.ask("event", {"Name": name, "Payload": b"x" * PAYLOAD_BYTES, "Coalesce": False})
        with poll:
            while len(moments) < len(numbers) and time.monotonic() - began < EVENT_S_MAX:
                for descriptor, _ in poll.poll(1.0):
                    number = numbers[descriptor]
                    documents = self._subscribers[number].documents()
                    if any(document.get("Name") == name for document in documents):
                        moments[number] = time.monotonic() - began
        return [moments.get(number, EVENT_S_MAX) for number in numbers.values()]

    def memory_mb(self) -> list[float]:
        """Return the resident memory of each agent, MB."""
        return [_resident_mb(process.pid) for process in self._processes]


def _resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(_MEMORY_KEY)) / 1024


@contextmanager
def agents(count: int) -> Iterator[Agents]:
    """Run agents on loopback; nothing is left behind.

    Raises:
        SerfError: they do not come up.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dusk-serf-")))
        processes: list[subprocess.Popen[bytes]] = []
        stack.callback(_end, processes)
        for number in range(count):
            with (folder / f"{number}.log").open("wb") as log:
                processes.append(subprocess.Popen(_command(number), stdout=log, stderr=log, cwd=folder))
        running = Agents(processes)
        stack.callback(running.close)
        running.wait_for_members()
        yield running


def _command(number: int) -> list[str]:
    command = ["serf", "agent", f"-node=n{number}", f"-bind=127.0.0.1:{BIND_PORT + number}"]
    command += [f"-rpc-addr=127.0.0.1:{RPC_PORT + number}", "-log-level=warn"]
    return [*command, f"-retry-join=127.0.0.1:{BIND_PORT}", "-retry-interval=1s"]


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(END_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
