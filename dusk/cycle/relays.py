"""What a member does for a device of the succession that may not hear the master (A44).

It passes the challenge in that device's question on to the master that it hears itself, and
the next START that echoes it back. It is believed nothing: the START is signed by the master,
and the challenge is the asker's. It can only fail to do it.
"""

from collections import deque
from collections.abc import Collection

from dusk.cycle.datagrams import PAIRWISE_OVERHEAD_BYTES, Opened
from dusk.cycle.messages import Kind, Start
from dusk.cycle.peers import Peer
from dusk.cycle.questions import Forward, Hello
from dusk.cycle.station import Station
from dusk.effects import Address, Effect, SendDatagram
from dusk.ids import DeviceId
from dusk.lazy import dataclass

FORWARDS_MAX = 4
"""Questions of one device that are passed on within a cycle: as many as it asks."""
HOSTS_MAX = 4
"""Addresses at which one device asks all within a cycle: it has a few links; anybody could add more."""


@dataclass(frozen=True, slots=True)
class Master:
    """Who is heard to lead.

    Attributes:
        peer: who.
        at: where he was heard.
        nonce: of his newest START that was heard: what names it was not recorded before.
    """

    peer: Peer
    at: Address
    nonce: bytes


@dataclass(frozen=True, slots=True)
class _Question:
    """What was passed on for whom."""

    challenge: bytes
    asker: Peer
    source: Address
    is_proven: bool
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

    def ask(self, opened: Opened, hello: Hello, master: Master, now: float) -> list[Effect]:
        """Pass a question on to the master; the caller hears him freshly.

        Args:
            opened: the HELLO or ASK.
            hello: what it says.
            master: who leads.
            now: monotonic seconds.
        """
        asker = self._station.peers.holder(hello.sender)
        if asker is None or asker is master.peer:
            return []
        line = self._open.setdefault(asker.device_id, deque())
        while line and now - line[0].at >= self.cycle_s:
            line.popleft()
        is_proven = opened.kind is Kind.ASK
        if not _has_room(line, None if is_proven else opened.source.host):
            return []
        line.append(_Question(hello.challenge, asker, opened.source, is_proven, opened.size_bytes, now))
        plaintext = Forward(hello.challenge, asker.device_id, master.nonce, is_proven).encode()
        return [SendDatagram(self._station.channel.seal_to(master.peer, Kind.FORWARD, plaintext), master.at)]

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


def _has_room(line: Collection[_Question], host: str | None) -> bool:
    """Tell whether one more question of a device is passed on.

    An ASK is its own, and where one was passed on HELLOs are not needed. A HELLO may be of anybody
    with the group key, so those of one address take nothing from those of another.

    Args:
        line: what was passed on for it within a cycle.
        host: where the HELLO came from; None for an ASK.
    """
    proven = sum(one.is_proven for one in line)
    if host is None or proven:
        return host is None and proven < FORWARDS_MAX
    hosts = [one.source.host for one in line]
    return hosts.count(host) < FORWARDS_MAX and len({*hosts, host}) <= HOSTS_MAX
