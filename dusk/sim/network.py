"""Links, datagrams and streams between devices, with all that goes wrong on them (A38)."""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Protocol

from dusk.effects import (
    Accepted,
    Address,
    Connect,
    Connected,
    Datagram,
    Disconnect,
    Disconnected,
    Input,
    Link,
    Received,
    SendDatagram,
    SendFrame,
    SendMulticast,
)
from dusk.limits import STREAM_CONNECT_S_MAX, STREAMS_MAX
from dusk.sim.clock import Clock
from dusk.sim.faults import NONE, Faults
from dusk.sim.transcript import Transcript

PORT = 3875
DELAY_S = 0.001
RETRANSMIT_S = 0.2
"""What each lost piece of a stream costs."""
GIVE_UP_S = 20.0
"""How long at most TCP holds on to a peer that is gone."""
REMEMBERED = 64
"""Old datagrams that an attacker has recorded."""


class Station(Protocol):
    """A device as the network sees it."""

    name: str
    index: int

    @property
    def listens(self) -> bool:
        """Whether its daemon runs."""

    def deliver(self, event: Input) -> None:
        """Take an input."""


def host_of(index: int, family: int) -> str:
    """Return a device's address on the one link that all share."""
    return f"10.0.0.{index + 1}" if family == 4 else f"fe80::{index + 1:x}%lan"


@dataclass(slots=True)
class _End:
    """One end of a stream."""

    owner: Station
    conn: int
    other: "_End | None" = None
    open: bool = True
    free_at: float = 0.0
    """When the last thing that was sent to this end arrives: a stream keeps its order."""


@dataclass(frozen=True, slots=True)
class _Recorded:
    data: bytes
    source: Address
    link: Link | None


Tap = Callable[[bytes, Address, Link | None], None]
"""Hears every datagram where it is sent: its bytes, its source, the link of a multicast."""


class Network:
    """Carries what devices send.

    Args:
        clock, random: of the simulation.
        transcript: counts and digests.
        families: address families on the link.
        sites: how many links there are; unicast goes from each to all.
    """

    def __init__(
        self,
        clock: Clock,
        random: Random,
        transcript: Transcript,
        families: Sequence[int] = (4,),
        sites: int = 1,
    ) -> None:
        self.sites = sites
        self.steady_since = 0.0
        """When what goes wrong on all links was last changed."""
        self._faults: Faults = NONE
        self.stations: list[Station] = []
        self.links = tuple(Link("lan", family) for family in families)
        self.heard: dict[tuple[int, int], float] = {}
        """(sender, receiver) → when a datagram last arrived."""
        self._clock, self._random, self._transcript = clock, random, transcript
        self.taps: list[Tap] = []
        self._cut_pairs: set[tuple[int, int]] = set()
        self._former_cuts: list[tuple[float, set[tuple[int, int]]]] = []
        """Until when which pairs were cut."""
        self._uneven: dict[tuple[int, int], float] = {}
        self._streams: Counter[int] = Counter()
        self._hosts: dict[str, Station] = {}
        self._ends: dict[tuple[int, int], _End] = {}
        self._next_accepted = 1
        self._recorded: deque[_Recorded] = deque(maxlen=REMEMBERED)

    def add(self, station: Station) -> None:
        """Plug a device in."""
        self.stations.append(station)
        for link in self.links:
            self._hosts[host_of(station.index, link.family)] = station

    def at(self, host: str) -> Station | None:
        """Return who has an address."""
        return self._hosts.get(host)

    @property
    def now(self) -> float:
        """The simulation's time, seconds."""
        return self._clock.now

    @property
    def faults(self) -> Faults:
        """What goes wrong on all links."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults, self.steady_since = faults, self.now

    def contacts(self, index: int) -> tuple[Address, ...]:
        """Return what a device's settings name where there are several links: somebody on each."""
        others = (other for other in range(self.sites) if other != index and self.sites > 1)
        return tuple(Address(host_of(other, self.links[0].family), PORT) for other in others)

    # --- partitions --------------------------------------------------------------------------

    def split(self, apart: set[int], *, one_way: bool) -> None:
        """Cut devices off from the others; one way: they still hear, nobody hears them."""
        others = {station.index for station in self.stations} - apart
        cut = {(a, b) for a in apart for b in others}
        self.cut(cut if one_way else cut | {(b, a) for a, b in cut})

    def cut(self, pairs: set[tuple[int, int]]) -> None:
        """Cut directed pairs (sender, receiver) and mend all others."""
        self._former_cuts.append((self.now, self._cut_pairs))
        self._cut_pairs = pairs

    def heal(self) -> None:
        """Mend all links."""
        self.cut(set())

    def reaches(self, sender: Station, receiver: Station) -> bool:
        """Tell whether a path leads from one to the other now."""
        return (sender.index, receiver.index) not in self._cut_pairs

    def joined_since(self, moment: float, one: Station, other: Station) -> bool:
        """Tell whether paths led from each of two to the other ever since."""
        ways = {(one.index, other.index), (other.index, one.index)}
        former = [pairs for until, pairs in self._former_cuts if until >= moment]
        return not any(ways & pairs for pairs in (*former, self._cut_pairs))

    def _loss(self, sender: Station, receiver: Station) -> float:
        """Return what share is lost from one to the other: the two ways may differ."""
        most = self.faults.uneven
        if not most:
            return self.faults.loss
        pair = sender.index, receiver.index
        if pair not in self._uneven:
            self._uneven[pair] = max(0.0, self._random.uniform(-1, 1))
        return min(0.9, self.faults.loss + most * self._uneven[pair])

    # --- datagrams ---------------------------------------------------------------------------

    def multicast(self, sender: Station, data: bytes, link: Link) -> None:
        """Carry to all on the sender's link; the sender hears itself."""
        source = Address(host_of(sender.index, link.family), PORT)
        self._transcript.sent(sender.name, data, link.interface)
        self._tap(data, source, link)
        for receiver in self.stations:
            if (receiver.index - sender.index) % self.sites == 0:
                self._carry(sender, receiver, data, source, link)

    def unicast(self, sender: Station, data: bytes, to: Address) -> None:
        """Carry to one address, if somebody has it."""
        self._transcript.sent(sender.name, data, to.host)
        receiver = self.at(to.host)
        source = Address(host_of(sender.index, 6 if ":" in to.host else 4), PORT)
        self._tap(data, source, None)
        if receiver is not None:
            self._carry(sender, receiver, data, source, None)

    def _tap(self, data: bytes, source: Address, link: Link | None) -> None:
        for tap in self.taps:
            tap(data, source, link)

    def inject(self, receiver: Station, data: bytes, source: Address, link: Link | None) -> None:
        """Put a datagram before a device, from wherever its sender says that it comes."""
        self._transcript.sent(source.host, data, receiver.name)

        def arrive() -> None:
            if receiver.listens:
                receiver.deliver(Datagram(data, source, link))

        self._clock.after(self._delay_s(), arrive)

    def _carry(
        self, sender: Station, receiver: Station, data: bytes, source: Address, link: Link | None
    ) -> None:
        faults, random = self.faults, self._random
        if faults.replay_s and random.random() < 0.1:
            self._recorded.append(_Recorded(data, source, link))
        if not self.reaches(sender, receiver):
            self._transcript.count("partitioned")
            return
        loss = self._loss(sender, receiver)
        if loss and random.random() < loss:
            self._transcript.count("lost")
            return
        if faults.duplicate and random.random() < faults.duplicate:
            self._transcript.count("duplicated")
            self._arrive(sender, receiver, Datagram(data, source, link))
        self._arrive(sender, receiver, Datagram(self._damage(data), source, link))

    def _damage(self, data: bytes) -> bytes:
        faults, random = self.faults, self._random
        if faults.truncate and random.random() < faults.truncate:
            self._transcript.count("truncated")
            return data[: random.randrange(len(data))]
        if faults.flip and random.random() < faults.flip:
            self._transcript.count("flipped")
            place = random.randrange(len(data))
            return data[:place] + bytes((data[place] ^ 1 << random.randrange(8),)) + data[place + 1 :]
        return data

    def _arrive(self, sender: Station, receiver: Station, datagram: Datagram) -> None:
        def arrive() -> None:
            if receiver.listens:
                self.heard[sender.index, receiver.index] = self._clock.now
                receiver.deliver(datagram)

        self._clock.after(self._delay_s(), arrive)

    def _delay_s(self) -> float:
        most_s = self.faults.delay_s
        return DELAY_S + self._random.random() * (most_s or DELAY_S)

    def replay(self) -> None:
        """Send a recorded datagram again, to anyone, from anywhere (A2, A12)."""
        if not self._recorded or not self.stations:
            return
        old = self._random.choice(self._recorded)
        receiver = self._random.choice(self.stations)
        host = host_of(self._random.randrange(len(self.stations) + 1), 4)
        source = old.source if self._random.random() < 0.5 else Address(host, PORT)
        self._transcript.count("replayed")
        if receiver.listens:
            receiver.deliver(Datagram(old.data, source, old.link))

    # --- streams -----------------------------------------------------------------------------

    def do(
        self, sender: Station, effect: SendDatagram | SendMulticast | Connect | SendFrame | Disconnect
    ) -> None:
        """Do what a device wants of the network."""
        match effect:
            case SendDatagram(data, to):
                self.unicast(sender, data, to)
            case SendMulticast(data, link):
                self.multicast(sender, data, link)
            case Connect(conn, to):
                self.connect(sender, conn, to)
            case SendFrame(conn, frame):
                self.frame(sender, conn, frame)
            case Disconnect(conn):
                self.disconnect(sender, conn)

    def connect(self, sender: Station, conn: int, to: Address) -> None:
        """Open a stream: the other side accepts, then the opener knows; or nobody answers."""
        end = self._add(_End(sender, conn))
        receiver = self.at(to.host)
        delay_s = self._delay_s()

        def arrive() -> None:
            if receiver is None or not self._both_ways(sender, receiver) or not receiver.listens:
                self._later(STREAM_CONNECT_S_MAX, lambda: self._cut(end, "timed out"))
                return
            if self.open_streams(receiver) >= STREAMS_MAX:
                self._cut(end, "connection refused")
                return
            self._accept(end, receiver, Address(host_of(sender.index, 6 if ":" in to.host else 4), 40_000))
            end.free_at = self._clock.now + delay_s
            self._clock.at(end.free_at, lambda: self._give(end, Connected(conn)))

        self._clock.after(delay_s, arrive)

    def _both_ways(self, one: Station, other: Station) -> bool:
        return self.reaches(one, other) and self.reaches(other, one)

    def _accept(self, end: _End, receiver: Station, source: Address) -> None:
        conn, self._next_accepted = self._next_accepted, self._next_accepted + 2
        end.other = self._add(_End(receiver, conn, end))
        receiver.deliver(Accepted(conn, source))

    def _add(self, end: _End) -> _End:
        self._ends[end.owner.index, end.conn] = end
        self._streams[end.owner.index] += 1
        return end

    def frame(self, sender: Station, conn: int, frame: bytes) -> None:
        """Carry a frame in order; a loss costs time only, a break ends the stream."""
        end = self._ends.get((sender.index, conn))
        self._transcript.sent(sender.name, frame, "a stream")
        if end is None or end.other is None or not end.open:
            return
        other, faults = end.other, self.faults
        delay_s = self._delay_s()
        loss = max(self._loss(end.owner, other.owner), self._loss(other.owner, end.owner))
        while loss and self._random.random() < loss:
            delay_s += RETRANSMIT_S
        other.free_at = max(other.free_at, self._clock.now + delay_s)
        if faults.stream_break and self._random.random() < faults.stream_break:
            self._transcript.count("stream broken")
            self._break(end)
            return
        self._clock.at(other.free_at, lambda: self._arrive_frame(end, other, frame))

    def _arrive_frame(self, end: _End, other: _End, frame: bytes) -> None:
        """Deliver a frame; where only the way back is cut it arrives, and its sender gives up some day."""
        arrives = self.reaches(end.owner, other.owner)
        if arrives:
            self._give(other, Received(other.conn, frame))
        if not arrives or not self.reaches(other.owner, end.owner):
            self._break(end)

    def _give(self, end: _End, event: Input) -> None:
        if end.open and end.owner.listens:
            end.owner.deliver(event)

    def _break(self, end: _End) -> None:
        """End a stream as a lost path does: each side learns of it some day, or on its own."""
        for side in (end, end.other):
            if side is not None:
                self._later(self._random.random() * GIVE_UP_S, partial(self._cut, side, "connection lost"))
        if self._random.random() < 0.5:
            end.other = None

    def _later(self, delay_s: float, what: Callable[[], None]) -> None:
        self._clock.after(delay_s, what)

    def _cut(self, end: _End, reason: str) -> None:
        if end.open:
            event = Disconnected(end.conn, reason)
            self._give(end, event)
            self._forget(end)

    def _forget(self, end: _End) -> None:
        end.open = False
        if self._ends.pop((end.owner.index, end.conn), None) is not None:
            self._streams[end.owner.index] -= 1

    def disconnect(self, owner: Station, conn: int) -> None:
        """Close one end; the other learns of it behind all that was sent."""
        end = self._ends.get((owner.index, conn))
        if end is None:
            return
        self._forget(end)
        other = end.other
        if other is not None and other.open:
            other.free_at = max(other.free_at, self._clock.now + self._delay_s())
            self._clock.at(other.free_at, lambda: self._cut(other, "closed by the peer"))

    def open_streams(self, owner: Station) -> int:
        """Return how many streams a device has."""
        return self._streams[owner.index]

    def drop_all(self, owner: Station, *, politely: bool) -> None:
        """End all streams of a device whose daemon is gone.

        Args:
            owner: whose.
            politely: its kernel still tells the others; else they find out late.
        """
        for end in [end for end in self._ends.values() if end.owner is owner]:
            other = end.other
            self._forget(end)
            if other is not None and other.open:
                delay_s = self._delay_s() if politely else self._random.uniform(1.0, 2 * GIVE_UP_S)
                self._later(delay_s, partial(self._cut, other, "connection lost"))
