"""A member without a daemon that hands in signed changes as fast as they are taken.

Run as a program where the member stands: what it needs comes as one document on standard input,
it seals its datagrams, says that it is ready, and begins when it is told to. Only so many changes
are on their way at once; one without an answer is sent again. With the word ``each`` it sends one
change for each line that it reads.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import msgpack

from benchmarks.cluster import ClusterError, Switch
from dusk.changelog.views import Member
from dusk.cycle.datagrams import Channel, Unreadable
from dusk.cycle.messages import AnswerCode, Kind, decode_answer, encode_submit
from dusk.cycle.peers import Peers, roster
from dusk.effects import Address
from dusk.ids import ChangeId, ClusterId, DeviceId, PublicKey, key_id
from dusk.keys.signing import SigningKey

AGAIN_S = 3.0
LOOK_S = 0.05
RECEIVE_BYTES = 4 * 2**20
UDP_BYTES = 2048


@dataclass(frozen=True, slots=True)
class Order:
    """What to hand in.

    Args:
        seed: of the member's key.
        writer: public key of who writes the log.
        cluster: its id.
        address: the writer's, host and port.
        changes: (id, encoded change), in the order of their counters.
        seconds: for how long.
        window: how many are on their way at once.
    """

    seed: bytes
    writer: bytes
    cluster: bytes
    address: tuple[str, int]
    changes: Sequence[tuple[bytes, bytes]]
    seconds: float
    window: int

    def encode(self) -> bytes:
        """Return the document."""
        fields = (self.seed, self.writer, self.cluster, self.address, self.changes, self.seconds, self.window)
        data: bytes = msgpack.packb(fields)
        return data


def _decode(data: bytes) -> Order:
    seed, writer, cluster, address, changes, seconds, window = msgpack.unpackb(data)
    return Order(seed, writer, cluster, (address[0], address[1]), changes, seconds, window)


class Submitter:
    """Hands in the changes of an order."""

    def __init__(self, order: Order) -> None:
        self._order = order
        own = SigningKey.from_seed(order.seed)
        peers = Peers(own, ClusterId(order.cluster))
        self._channel = Channel(peers, os.urandom)
        keys = sorted((PublicKey(order.writer), own.public), key=key_id)
        members = [Member(DeviceId(key_id(key)), key, "", "", (), retired=False) for key in keys]
        peers.take(roster(members, [DeviceId(key_id(PublicKey(order.writer)))]))
        writer = peers.others[0]
        self._datagrams = {
            ChangeId(ident): self._channel.seal_to(writer, Kind.SUBMIT, encode_submit(change))
            for ident, change in order.changes
        }
        self.counts = {"answered": 0, "refused": 0, "sent again": 0, "busy": 0}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        self._socket.settimeout(LOOK_S)

    def run(self) -> float:
        """Hand in until the time is over; return how long it took, seconds."""
        began = time.monotonic()
        waiting = deque(self._datagrams)
        under_way: dict[ChangeId, float] = {}
        while (now := time.monotonic()) - began < self._order.seconds and (waiting or under_way):
            while waiting and len(under_way) < self._order.window:
                under_way[self._send(waiting.popleft())] = now
            self._send_again(under_way, now)
            for change in self._answers():
                under_way.pop(change, None)
        return time.monotonic() - began

    def send_each(self) -> None:
        """Send one change for each line of standard input, without a look at the answers."""
        for datagram in self._datagrams.values():
            if not sys.stdin.buffer.readline():
                return
            self._socket.sendto(datagram, self._order.address)

    def _send(self, change: ChangeId) -> ChangeId:
        self._socket.sendto(self._datagrams[change], self._order.address)
        return change

    def _send_again(self, under_way: dict[ChangeId, float], now: float) -> None:
        oldest = next(iter(under_way.items()), None)
        if oldest is None or now - oldest[1] < AGAIN_S:
            return
        for change, sent_at in under_way.items():
            if now - sent_at >= AGAIN_S:
                under_way[self._send(change)] = now
                self.counts["sent again"] += 1

    def _answers(self) -> list[ChangeId]:
        """Wait for answers and return the changes that have their outcome."""
        found = []
        try:
            data, source = self._socket.recvfrom(UDP_BYTES)
        except TimeoutError:
            return []
        opened = self._channel.open(data, Address(source[0], source[1]))
        if not isinstance(opened, Unreadable) and opened.kind is Kind.ANSWER:
            answer = decode_answer(opened.plaintext)
            if answer.code is AnswerCode.BUSY:
                self.counts["busy"] += 1
                return []
            self.counts["answered" if answer.code is AnswerCode.STORED else "refused"] += 1
            found.append(answer.change)
        return found


def main() -> int:
    """Read the order, say ``ready``, wait for a line, hand in, print what came of it."""
    size = int(sys.stdin.buffer.readline())
    submitter = Submitter(_decode(sys.stdin.buffer.read(size)))
    print("ready", flush=True)
    if sys.argv[1:] == ["each"]:
        submitter.send_each()
        return 0
    sys.stdin.buffer.readline()
    took_s = submitter.run()
    print(json.dumps({"seconds": took_s, **submitter.counts}), flush=True)
    return 0


@contextmanager
def submitting(switch: Switch, host: int, order: Order, *words: str) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Run this program on a host of the bridge; yields what it reads and what it prints, once it is ready.

    Raises:
        ClusterError: it does not start.
    """
    command = switch.command(host, [sys.executable, "-m", "benchmarks.submitter", *words])
    data = order.encode()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(b"%d\n" % len(data))
            _write_all(process.stdin, data)
            if process.stdout.readline() != b"ready\n":
                raise ClusterError("the load did not start")
            yield process.stdin, process.stdout
        finally:
            process.kill()


def _write_all(stream: IO[bytes], data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[stream.write(rest) :]


if __name__ == "__main__":
    sys.exit(main())
