"""What a member does for a device of the succession that may not hear the master (A44).

It passes the challenge in that device's question on to the master that it hears itself, and
the next START that echoes it back. It is believed nothing: the START is signed by the master,
and the challenge is the asker's. It can only fail to do it.
"""

from collections import deque

from dusk.cycle.datagrams import PAIRWISE_OVERHEAD_BYTES, Opened
from dusk.cycle.messages import Forward, Hello, Kind, Start
from dusk.cycle.peers import Peer
from dusk.cycle.station import Station
from dusk.effects import Address, Effect, SendDatagram
from dusk.ids import DeviceId
from dusk.lazy import dataclass

FORWARDS_MAX = 4
"""Questions of one device that are passed on within a cycle: as many as it asks."""


@dataclass(frozen=True, slots=True)
class _Question:
    """What was passed on for whom."""

    challenge: bytes
    asker: Peer
    source: Address
    size_bytes: int
    at: float


class Relays:
    """Questions that this member passed on.

    Args:
        station: this device.
        cycle_s: seconds; to be set anew when the log says so.
    """

    def __init__(self, station: Station, cycle_s: float) -> None:
        self.cycle_s = cycle_s
        self._station = station
        self._open: dict[DeviceId, deque[_Question]] = {}

    def ask(
        self, opened: Opened, hello: Hello, master: tuple[DeviceId | None, Address | None], now: float
    ) -> list[Effect]:
        """Pass a question on to the master; the caller hears him freshly.

        Args:
            opened: the HELLO or ASK.
            hello: what it says.
            master: who leads, and where he was heard from.
            now: monotonic seconds.
        """
        peers, (device, at) = self._station.peers, master
        asker, leader = peers.holder(hello.sender), None if device is None else peers.get(device)
        if asker is None or leader is None or at is None or asker is leader:
            return []
        line = self._open.setdefault(asker.device_id, deque())
        while line and now - line[0].at >= self.cycle_s:
            line.popleft()
        if len(line) >= FORWARDS_MAX:
            return []
        line.append(_Question(hello.challenge, asker, opened.source, opened.size_bytes, now))
        plaintext = Forward(hello.challenge, asker.device_id).encode()
        return [SendDatagram(self._station.channel.seal_to(leader, Kind.FORWARD, plaintext), at)]

    def heard(self, start: Start, plaintext: bytes) -> list[Effect]:
        """Pass a START back to those whose questions it answers, never with more bytes than they sent.

        Args:
            start: one that counts.
            plaintext: the same, as it came.
        """
        effects: list[Effect] = []
        for line in self._open.values() if start.rest.echoes else ():
            for question in [one for one in line if one.challenge in start.rest.echoes]:
                line.remove(question)
                if PAIRWISE_OVERHEAD_BYTES + len(plaintext) <= question.size_bytes:
                    sealed = self._station.channel.seal_to(question.asker, Kind.RELAYED, plaintext)
                    effects.append(SendDatagram(sealed, question.source))
        return effects
