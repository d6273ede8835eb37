"""The air that all devices of a forecast share: one sends at a time, and each frame takes its time.

The model is one 802.11 channel, half duplex, on which frames follow each other as they were handed
in. A frame takes a fixed time, then its bits at the rate it is sent with. Multicast is sent once, at
a basic rate, and not acknowledged: each receiver loses it by itself. Unicast is acknowledged and
sent again by the MAC until it arrives, `ATTEMPTS_MAX` times at most; each attempt costs air.

A wired link is the same with a higher rate and no fixed time. Left out: collisions, back-off that
grows, rate control, aggregation, traffic of others, and meshes that repeat each frame.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from dusk.effects import Address, Datagram, Link
from dusk.sim.clock import Clock
from dusk.sim.network import DELAY_S, PORT, Network, Station, host_of
from dusk.sim.transcript import Transcript

ATTEMPTS_MAX = 7
"""IEEE 802.11-2020 C.3, dot11ShortRetryLimit: 7 unless set."""
FRAME_S = 0.0002
"""What a frame costs besides its bits, about: DIFS 34 µs, half of the smallest contention window 68 µs,
preamble 20 µs (IEEE 802.11-2020 17.4.4: slot 9, SIFS 16, CWmin 15); for unicast also SIFS and the
acknowledgement at 6 Mbit/s, 60 µs. The figure is that of unicast, rounded up."""
MAC_BYTES = 26 + 4 + 8 + 16
"""QoS data header and FCS (IEEE 802.11-2020 9.3.2.1), LLC/SNAP (RFC 1042), CCMP header and MIC (12.5.3)."""
UDP_BYTES = 8
TCP_BYTES = 20 + 12
"""RFC 9293, with the timestamps of RFC 7323 as Linux sends them."""
IP_BYTES = {4: 20, 6: 40}
SEGMENT_BYTES = 1500 - 40 - TCP_BYTES
"""Data in a TCP segment over IPv6 in an Ethernet's MTU."""
TCP_FRAME_BYTES = MAC_BYTES + 40 + TCP_BYTES
RETRANSMIT_S = 0.2
"""Linux' least TCP_RTO: what it costs a stream when the MAC gave up."""
QUEUE_S = 1.0
"""A datagram that would wait for longer is dropped by its sender's queue."""


@dataclass(frozen=True, slots=True)
class Radio:
    """The link.

    Attributes:
        loss: share of the frames that do not arrive, for each receiver and attempt.
        multicast_bits_per_s, unicast_bits_per_s: rates.
        frame_s: what each frame costs besides.
    """

    loss: float
    multicast_bits_per_s: float
    unicast_bits_per_s: float
    frame_s: float = FRAME_S


@dataclass(frozen=True, slots=True)
class Tally:
    """What the air has carried up to a moment.

    Attributes:
        at: that moment, seconds.
        air_s: how long it was busy.
        frames, data: way → frames, repeated ones too; bytes of UDP and TCP data, counted once.
        sent: device → its bytes of data.
        dropped: datagrams that found the queue full.
    """

    at: float
    air_s: float
    frames: Counter[str]
    data: Counter[str]
    sent: Counter[int]
    dropped: int

    def since(self, before: "Tally") -> "Tally":
        """Return what came on top."""
        return Tally(
            self.at - before.at,
            self.air_s - before.air_s,
            self.frames - before.frames,
            self.data - before.data,
            self.sent - before.sent,
            self.dropped - before.dropped,
        )


class Air(Network):
    """A network whose datagrams and streams share one channel.

    Args:
        clock, random, transcript: see `Network`.
        radio: the link.
        families: of the addresses that each device has.
    """

    def __init__(
        self, clock: Clock, random: Random, transcript: Transcript, radio: Radio, families: Sequence[int]
    ) -> None:
        super().__init__(clock, random, transcript, families)
        self.is_starting = True
        """Whether multicasts come from the first station and else go to it alone: all ask for the master as
        they start, which is not measured and for nobody else, and costs the square of their number."""
        self._radio = radio
        self._free_at = 0.0
        self._air_s = 0.0
        self._frames: Counter[str] = Counter()
        self._data: Counter[str] = Counter()
        self._sent: Counter[int] = Counter()
        self._dropped = 0
        self._flight_s, self._flight_loss = 0.0, 0.0
        """How long what is being handed in takes to arrive, and what share does not."""

    @property
    def tally(self) -> Tally:
        """What was carried so far."""
        frames, data, sent = self._frames.copy(), self._data.copy(), self._sent.copy()
        return Tally(self._clock.now, self._air_s, frames, data, sent, self._dropped)

    # --- what devices send -------------------------------------------------------------------

    def multicast(self, sender: Station, data: bytes, link: Link) -> None:
        """Send once, for all."""
        if self._is_full():
            return
        self._note("multicast", sender, len(data))
        frame_bytes = MAC_BYTES + IP_BYTES[link.family] + UDP_BYTES + len(data)
        self._flight_s = self._occupy("multicast", frame_bytes, self._radio.multicast_bits_per_s)
        self._flight_loss = self._radio.loss
        if self.is_starting and sender is not self.stations[0]:
            self._carry(
                sender, self.stations[0], data, Address(host_of(sender.index, link.family), PORT), link
            )
        elif self._is_plain:
            self._spread(sender, data, link)
        else:
            super().multicast(sender, data, link)

    @property
    def _is_plain(self) -> bool:
        """Whether nothing goes wrong with datagrams but that they are lost."""
        faults = self.faults
        strange = faults.replay_s or faults.duplicate or faults.truncate or faults.flip or faults.delay_s
        return not (strange or self._cut_pairs or self.taps)

    def _spread(self, sender: Station, data: bytes, link: Link) -> None:
        """Carry to all at once, as one thing that happens: they are thousands."""
        loss, draw = self._flight_loss, self._random.random
        hearers = [station for station in self.stations if station is sender or draw() >= loss]
        self._transcript.counts["lost"] += len(self.stations) - len(hearers)
        datagram = Datagram(data, Address(host_of(sender.index, link.family), PORT), link)

        def arrive() -> None:
            for station in hearers:
                if station.listens:
                    station.deliver(datagram)

        self._clock.after(self._delay_s(), arrive)

    def unicast(self, sender: Station, data: bytes, to: Address) -> None:
        """Send until it is acknowledged."""
        if self._is_full():
            return
        self._note("unicast", sender, len(data))
        receiver = self.at(to.host)
        is_there = receiver is not None and receiver.listens and self.reaches(sender, receiver)
        frame_bytes = MAC_BYTES + IP_BYTES[6 if ":" in to.host else 4] + UDP_BYTES + len(data)
        self._flight_s, has_come = self._attempt("unicast", frame_bytes, is_there=is_there)
        self._flight_loss = 0.0 if has_come else 1.0
        super().unicast(sender, data, to)

    def connect(self, sender: Station, conn: int, to: Address) -> None:
        """Open a stream: SYN and its answer."""
        self._flight_s = self._stream(0, segments=2)
        self._flight_loss = 0.0
        super().connect(sender, conn, to)

    def frame(self, sender: Station, conn: int, frame: bytes) -> None:
        """Send a frame of a stream in segments, with an acknowledgement for every two."""
        self._note("stream", sender, len(frame) + 2)
        segments = -(-(len(frame) + 2) // SEGMENT_BYTES)
        self._flight_s = self._stream(len(frame) + 2, segments)
        self._stream(0, -(-segments // 2))
        self._flight_loss = 0.0
        super().frame(sender, conn, frame)

    def disconnect(self, owner: Station, conn: int) -> None:
        """Close a stream: both sides say so, and hear it."""
        self._flight_s = self._stream(0, segments=4)
        super().disconnect(owner, conn)

    # --- the channel -------------------------------------------------------------------------

    def _note(self, way: str, sender: Station, size_bytes: int) -> None:
        self._data[way] += size_bytes
        self._sent[sender.index] += size_bytes

    def _is_full(self) -> bool:
        if self._free_at - self._clock.now <= QUEUE_S:
            return False
        self._dropped += 1
        return True

    def _occupy(self, way: str, frame_bytes: int, bits_per_s: float) -> float:
        """Send a frame when the channel is free; return when it is over, from now."""
        lasts_s = self._radio.frame_s + 8 * frame_bytes / bits_per_s
        self._free_at = max(self._free_at, self._clock.now) + lasts_s
        self._air_s += lasts_s
        self._frames[way] += 1
        return self._free_at - self._clock.now

    def _attempt(self, way: str, frame_bytes: int, *, is_there: bool) -> tuple[float, bool]:
        """Send a frame until it arrives or the MAC gives up; return when that is, and which."""
        after_s = 0.0
        for _ in range(ATTEMPTS_MAX):
            after_s = self._occupy(way, frame_bytes, self._radio.unicast_bits_per_s)
            if is_there and self._random.random() >= self._radio.loss:
                return after_s, True
        return after_s, False

    def _stream(self, size_bytes: int, segments: int) -> float:
        """Send segments, again and again if need be; return when all have arrived, from now."""
        after_s, waited_s = 0.0, 0.0
        for _ in range(segments):
            frame_bytes = TCP_FRAME_BYTES + min(size_bytes, SEGMENT_BYTES)
            size_bytes -= min(size_bytes, SEGMENT_BYTES)
            after_s, has_come = self._attempt("stream", frame_bytes, is_there=True)
            while not has_come:
                waited_s += RETRANSMIT_S
                after_s, has_come = self._attempt("stream", frame_bytes, is_there=True)
        return after_s + waited_s

    # --- for `Network` -----------------------------------------------------------------------

    def _loss(self, sender: Station, receiver: Station) -> float:
        return 0.0 if sender is receiver else self._flight_loss

    def _delay_s(self) -> float:
        return self._flight_s + DELAY_S + self._random.random() * self.faults.delay_s
