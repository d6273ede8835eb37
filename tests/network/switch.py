"""A switch in user space: one TAP device in each host's namespace, and faults between them by a seed.

A program of its own, started by `wiring.py` where the namespaces may be entered: it alone touches
frames, so nobody's pause is another's. It imports nothing of ours. Standard input has one JSON object
a line: ``strength``, ``cuts`` and ``deaf``, as far as they change; each is answered by the counts so far.
The end of standard input ends it, and the devices with it.
"""

import ctypes
import fcntl
import hashlib
import heapq
import itertools
import json
import os
import select
import struct
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FRAME_BYTES_MAX = 2048
"""More than an Ethernet frame of the usual 1,500 bytes of payload."""
_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_MAC_BYTES = 6
_DRAWS = struct.Struct("<6I")
_ONE = float(1 << 32)

_GROUPS = (bytes.fromhex("01005e7f264b"), bytes.fromhex("333300003875"))
"""Where the group of the cluster's multicast goes on Ethernet, by IPv4 and IPv6."""

Port = int
"""Number of a host, from 1."""


@dataclass(frozen=True, slots=True)
class Strength:
    """How often what happens to a frame on its way from one host to another; each way counts alone.

    Attributes:
        loss: share of frames that are lost.
        double: share of the others that arrive twice.
        late: share of all copies that are delayed, so that others overtake them.
        late_s_max: the longest delay.
    """

    loss: float = 0.0
    double: float = 0.0
    late: float = 0.0
    late_s_max: float = 0.0


def fate(seed: int, pair: tuple[Port, Port], number: int, strength: Strength) -> tuple[float, ...]:
    """Return the delay of each copy of a frame that arrives; nothing else but the arguments decides.

    Args:
        seed: of the run.
        pair: sender and receiver.
        number: how many frames went this way before.
        strength: how often what happens.
    """
    name = f"{seed} {pair[0]} {pair[1]} {number}".encode()
    draws = _DRAWS.unpack(hashlib.blake2b(name, digest_size=_DRAWS.size).digest())
    lost, double, *lateness = (draw / _ONE for draw in draws)
    if lost < strength.loss:
        return ()
    copies = 2 if double < strength.double else 1
    return tuple(
        lateness[2 * copy + 1] * strength.late_s_max if lateness[2 * copy] < strength.late else 0.0
        for copy in range(copies)
    )


@dataclass(frozen=True, slots=True, order=True)
class _Copy:
    """A frame on its way; ordered by when it arrives, then by when it was taken."""

    at_s: float
    order: int
    pair: tuple[Port, Port]
    number: int
    frame: bytes


class Fabric:
    """What the switch decides: who gets which frame when; learns where addresses are.

    Args:
        seed: of all draws.
        ports: of all hosts.
    """

    def __init__(self, seed: int, ports: Collection[Port]) -> None:
        self.counts: Counter[str] = Counter()
        self.strength = Strength()
        self.cuts: frozenset[tuple[Port, Port]] = frozenset()
        self.deaf: frozenset[Port] = frozenset()
        """Ports that get no multicast of the group, as of a switch that snoops without a querier."""
        self._seed, self._ports = seed, tuple(ports)
        self._where: dict[bytes, Port] = {}
        self._numbers: Counter[tuple[Port, Port]] = Counter()
        self._newest: dict[tuple[Port, Port], int] = {}
        self._order = itertools.count()
        self._under_way: list[_Copy] = []

    def take(self, sender: Port, frame: bytes, now: float) -> None:
        """Take a frame from a host."""
        self.counts["taken"] += 1
        target, source = frame[:_MAC_BYTES], frame[_MAC_BYTES : 2 * _MAC_BYTES]
        self._where[source] = sender
        known = self._where.get(target)
        for receiver in self._ports if known is None else (known,):
            if receiver in self.deaf and target in _GROUPS:
                self.counts["not given to the deaf"] += 1
            elif receiver != sender:
                self._send((sender, receiver), frame, now)

    def _send(self, pair: tuple[Port, Port], frame: bytes, now: float) -> None:
        number = self._numbers[pair]
        self._numbers[pair] += 1
        if pair in self.cuts:
            self.counts["cut"] += 1
            return
        delays_s = fate(self._seed, pair, number, self.strength)
        self.counts["lost"] += not delays_s
        self.counts["doubled"] += len(delays_s) > 1
        self.counts["late"] += sum(1 for delay_s in delays_s if delay_s)
        for delay_s in delays_s:
            copy = _Copy(now + delay_s, next(self._order), pair, number, frame)
            heapq.heappush(self._under_way, copy)

    @property
    def next_at_s(self) -> float | None:
        """When the next copy arrives."""
        return self._under_way[0].at_s if self._under_way else None

    def due(self, now: float) -> Iterator[tuple[Port, bytes]]:
        """Give out the frames that arrive until ``now``, with who gets them."""
        while self._under_way and self._under_way[0].at_s <= now:
            copy = heapq.heappop(self._under_way)
            newest = self._newest.get(copy.pair, -1)
            self.counts["overtaken"] += copy.number < newest
            self._newest[copy.pair] = max(newest, copy.number)
            yield copy.pair[1], copy.frame

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Take over what a line of standard input says."""
        if "strength" in wanted:
            self.strength = Strength(**wanted["strength"])
        if "deaf" in wanted:
            self.deaf = frozenset(wanted["deaf"])
        if "cuts" in wanted:
            self.cuts = frozenset((sender, receiver) for sender, receiver in wanted["cuts"])


def open_tap(pid: int, interface: str) -> int:
    """Make a TAP device in the namespace of a process, which is ours from then on; return its descriptor.

    Raises:
        OSError: the machine, or the namespace's owner, does not let us.
    """
    with Path(f"/proc/{pid}/ns/net").open("rb") as namespace:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter the namespace of process {pid}")
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    request = struct.pack("16sH22x", interface.encode(), _IFF_TAP | _IFF_NO_PI)
    fcntl.ioctl(descriptor, _TUNSETIFF, request)
    return descriptor


class Loop:
    """Carries frames between the devices until standard input ends.

    Args:
        fabric: decides.
        taps: descriptor of each port.
    """

    def __init__(self, fabric: Fabric, taps: Mapping[Port, int]) -> None:
        self._fabric, self._taps = fabric, taps
        self._ports = {descriptor: port for port, descriptor in taps.items()}
        self._poll = select.epoll()
        for descriptor in taps.values():
            self._poll.register(descriptor, select.EPOLLIN)
        self._input = sys.stdin.fileno()
        self._poll.register(self._input, select.EPOLLIN)
        self._line = b""
        self._is_open = True

    def run(self) -> None:
        """Carry on."""
        while self._is_open:
            at_s = self._fabric.next_at_s
            timeout_s = -1.0 if at_s is None else max(0.0, at_s - time.monotonic())
            for descriptor, events in self._poll.poll(timeout_s):
                if descriptor == self._input:
                    self._hear()
                elif events & select.EPOLLIN:
                    self._take(descriptor)
            for port, frame in self._fabric.due(time.monotonic()):
                self._give(port, frame)

    def _take(self, descriptor: int) -> None:
        with suppress(BlockingIOError):
            for _ in range(64):  # then the others, too
                frame = os.read(descriptor, FRAME_BYTES_MAX)
                self._fabric.take(self._ports[descriptor], frame, time.monotonic())

    def _give(self, port: Port, frame: bytes) -> None:
        try:
            os.write(self._taps[port], frame)
        except OSError:  # the host's interface is down, or its queue full
            self._fabric.counts["refused by the host"] += 1
        else:
            self._fabric.counts["given"] += 1

    def _hear(self) -> None:
        data = os.read(self._input, 65536)
        self._is_open = bool(data)
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            self._fabric.change(json.loads(line))
            print(json.dumps(self._fabric.counts), flush=True)


def main(seed: str, interface: str, *pids: str) -> int:
    """Make the devices, say ``{}``, and carry frames."""
    taps = {port: open_tap(int(pid), interface) for port, pid in enumerate(pids, 1)}
    print("{}", flush=True)
    Loop(Fabric(int(seed), tuple(taps)), taps).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
