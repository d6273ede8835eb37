"""A device that a START reached alone, and the others of its link (`specs/cycles.md`, section 11).

On a link that the master's multicast does not reach, one device repeats for all: the one with the
lowest id among those that hear each other. Each says in its answers whom it hears, and the
master sends a START to that one as RELAY. It sends it on to its link, collects the answers and
hands them over in bundles. What it carries is sealed between the master and the others: it
can drop it, and then the others are served without it.

A device that got a START alone, and hears of nobody with a lower id, says now and then that it
would repeat. Where one repeats already, nobody needs to.
"""

from collections import Counter

from dusk.cycle.datagrams import PAIRWISE_OVERHEAD_BYTES, Opened, sender_in, without_name
from dusk.cycle.far_messages import Repeat, decode_bundle, encode_bundle
from dusk.cycle.heard import Came
from dusk.cycle.messages import Kind, Rest
from dusk.cycle.peers import Peer
from dusk.cycle.station import Station
from dusk.effects import Address, Effect, SendDatagram
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId
from dusk.lazy import dataclass
from dusk.limits import BATCHES_MAX, BUNDLE_ANSWERS_MAX, DATAGRAM_BYTES_MAX, FRAGMENTS_MAX

HEARD_CYCLES = 2.5
"""Who repeated a START is the link's relay for so long: two may get lost."""
WOULD_CYCLES = 20.0
"""Who said that it would repeat is remembered for so long."""
OFFER_EVERY_CYCLES_MAX = 16
"""Between two offers to repeat, at most: twice as long each time."""
HEARD_MAX = 32
"""Devices of the link that are remembered."""
REPEATS_MAX = 6
"""How often one START is repeated: as often as the master does."""
DATA_MAX = BATCHES_MAX * FRAGMENTS_MAX
"""Pieces of DATA that are repeated between two STARTs."""
ANSWERS_MAX = 12
"""Answers of one member to one START that are carried: four, and eight that ask for DATA."""
GATHER_S = 0.02
"""Behind the window of the answers, and from a late one to its bundle."""
BUNDLE_BYTES_MAX = DATAGRAM_BYTES_MAX - PAIRWISE_OVERHEAD_BYTES - 3


@dataclass(slots=True)
class _Relaying:
    """The newest START that this device repeats."""

    plaintext: bytes
    master: Peer
    source: Address
    at: float
    repeats: int = 0
    pieces: int = 0


def size_in_bundle(answer: bytes) -> int:
    """Return how many bytes of a BUNDLE an answer takes."""
    return len(answer) + 3


class Repeater:
    """One device as a part of its link.

    Args:
        station: this device.
        cycle_s: seconds; to be set anew when the log says so.
    """

    def __init__(self, station: Station, cycle_s: float) -> None:
        self.cycle_s = cycle_s
        self.flush_at: float | None = None
        """When the answers that were collected go to the master, monotonic seconds."""
        self.offer_at: float | None = None
        """When this device says that it would repeat."""
        self._station = station
        self._relaying: _Relaying | None = None
        self._answers: dict[DeviceId, bytes] = {}
        self._carried: Counter[DeviceId] = Counter()
        self._repeated: dict[DeviceId, float] = {}
        self._would: dict[DeviceId, float] = {}
        self._offer_cycles = 1
        self._offered_at = float("-inf")

    # --- who repeats on this link ------------------------------------------------------------

    def is_relay(self, now: float) -> bool:
        """Tell whether this device was told to repeat STARTs."""
        return self._relaying is not None and now - self._relaying.at <= HEARD_CYCLES * self.cycle_s

    def named(self, now: float) -> DeviceId:
        """Return the device that repeats on this link, or would; the lowest id of several."""
        own = self._station.peers.own_id
        repeating = _since(self._repeated, now - HEARD_CYCLES * self.cycle_s)
        if self.is_relay(now):
            repeating.add(own)
        return min(repeating or {own, *_since(self._would, now - WOULD_CYCLES * self.cycle_s)})

    def heard(self, repeat: Repeat, now: float) -> None:
        """Note that another device of the link repeats, or would.

        Raises:
            UntrustedInput: it is no other member.
        """
        if repeat.sender not in self._station.peers:
            raise UntrustedInput("REPEAT: not from another member")
        heard = self._would if repeat.start is None else self._repeated
        if repeat.start is None and repeat.sender > self._station.peers.own_id:
            self._offer_cycles = 1  # it does not know of us
        heard.pop(repeat.sender, None)
        heard[repeat.sender] = now
        if len(heard) > HEARD_MAX:
            del heard[next(iter(heard))]

    def reached(self, now: float, *, alone: bool) -> None:
        """Note whether a START came to this device alone: then it may have to offer itself."""
        if not alone:
            self.offer_at = None
            return
        is_other = self.named(now) != self._station.peers.own_id or self.is_relay(now)
        due = now - self._offered_at >= (self._offer_cycles - 0.5) * self.cycle_s
        if self.offer_at is None and not is_other and due:
            self.offer_at = now + self.cycle_s * (0.1 + 0.3 * self._station.fraction())

    # --- time --------------------------------------------------------------------------------

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` is wanted, monotonic seconds."""
        return min((at for at in (self.flush_at, self.offer_at) if at is not None), default=None)

    def tick(self, now: float) -> list[Effect]:
        """Hand over what was collected, or offer to repeat."""
        effects: list[Effect] = []
        if self.flush_at is not None and now >= self.flush_at:
            effects += self._flush()
        if self.offer_at is not None and now >= self.offer_at:
            self.offer_at = None
            if self.named(now) == self._station.peers.own_id:
                self._offered_at = now
                self._offer_cycles = min(OFFER_EVERY_CYCLES_MAX, 2 * self._offer_cycles)
                effects += self._send(None)
        return effects

    # --- as a relay --------------------------------------------------------------------------

    def relay(self, opened: Opened, rest: Rest, now: float) -> list[Effect]:
        """Repeat a START that counts, or the same again.

        Args:
            opened: the RELAY, by the START's signer.
            rest: of the START.
            now: monotonic seconds.
        """
        assert opened.sender is not None, "a RELAY is sealed pairwise"
        known = self._relaying
        if known is None or known.plaintext != opened.plaintext:
            effects = self._flush()
            self._carried.clear()
            known = self._relaying = _Relaying(opened.plaintext, opened.sender, opened.source, now)
            self.flush_at = now + rest.window_ms / 1000 + GATHER_S
            self.offer_at = None
        else:
            effects = []
        if known.repeats >= REPEATS_MAX:
            return effects
        known.repeats += 1
        return effects + self._send(opened.plaintext)

    def data(self, opened: Opened, now: float) -> list[Effect]:
        """Repeat DATA that the master sent to this device alone."""
        known = self._relaying
        if known is None or opened.by_multicast or opened.source != known.source or not self.is_relay(now):
            return []
        if known.pieces >= DATA_MAX or not self._station.can_send:
            return []
        known.pieces += 1
        sealed = self._station.channel.seal_group(Kind.DATA, opened.plaintext)
        return self._station.multicast([sealed], self._station.links)

    def _send(self, start: bytes | None) -> list[Effect]:
        station = self._station
        if not station.can_send:
            return []
        plaintext = Repeat(station.peers.own_id, start).encode()
        return station.multicast([station.channel.seal_group(Kind.REPEAT, plaintext)], station.links)

    def collect(self, opened: Opened, now: float) -> list[Effect]:
        """Take a member's answer, to carry it to the master.

        Raises:
            UntrustedInput: malformed, of somebody else, too many, or nothing is repeated here.
        """
        assert opened.sender is not None, "a BUNDLE is sealed pairwise"
        device, answers = opened.sender.device_id, decode_bundle(opened.plaintext)
        if not self.is_relay(now):
            raise UntrustedInput("BUNDLE: nothing is repeated here")
        if len(answers) != 1 or sender_in(answers[0]) != device:
            raise UntrustedInput("BUNDLE: not one answer of its sender")
        if self._carried[device] >= ANSWERS_MAX:
            raise UntrustedInput("BUNDLE: more answers than anybody has")
        self._carried[device] += 1
        others = sum(size_in_bundle(answer) for one, answer in self._answers.items() if one != device)
        is_full = others + size_in_bundle(answers[0]) > BUNDLE_BYTES_MAX
        effects = self._flush() if is_full or len(self._answers) >= BUNDLE_ANSWERS_MAX else []
        self._answers[device] = answers[0]
        if self.flush_at is None:
            self.flush_at = now + GATHER_S
        return effects

    def _flush(self) -> list[Effect]:
        known, answers = self._relaying, list(self._answers.values())
        self._answers, self.flush_at = {}, None
        if known is None or not answers:
            return []
        sealed = self._station.channel.seal_to(known.master, Kind.BUNDLE, encode_bundle(answers))
        return [SendDatagram(sealed, known.source)]


def answer(
    station: Station, came: Came, datagram: bytes, master: Address | None, *, is_to_find_us: bool
) -> list[Effect]:
    """Send an answer back the way that its START came.

    Args:
        station: this device.
        came: that way.
        datagram: the answer, sealed for the master.
        master: where he is, if that is known: one that is too long for a bundle goes there.
        is_to_find_us: whether he has to come for something, and so to know where this device is, which
            no bundle tells: then it goes there as well.
    """
    if came.repeater is None:
        return [SendDatagram(datagram, came.source)]
    bare = without_name(datagram)
    is_long = size_in_bundle(bare) > BUNDLE_BYTES_MAX
    alone: list[Effect] = []
    if master is not None and (is_long or is_to_find_us):
        alone.append(SendDatagram(datagram, master))
    if is_long:
        return alone
    sealed = station.channel.seal_to(came.repeater, Kind.BUNDLE, encode_bundle([bare]))
    return [*alone, SendDatagram(sealed, came.source)]


def _since(heard: dict[DeviceId, float], moment: float) -> set[DeviceId]:
    return {device for device, at in heard.items() if at >= moment}
