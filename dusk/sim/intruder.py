"""The hostile side of streams: half-open, garbage, abused handshakes, lies behind good ones (A6–A9, A16)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol

from dusk.catchup.channel import Channel
from dusk.catchup.messages import (
    Answer,
    Common,
    Fetch,
    GetKeys,
    GetReports,
    Items,
    Join,
    Keys,
    Locate,
    Position,
    Removed,
    Reply,
    Report,
    Reports,
    Request,
    Submit,
    decode_request,
    encode,
)
from dusk.catchup.questions import Ask
from dusk.cycle.groupkeys import GroupKeys, decode_group_keys, new_group_key
from dusk.effects import (
    Accepted,
    Address,
    Connected,
    Disconnected,
    Input,
    ItemKind,
    LogItem,
    Question,
    Received,
    Told,
)
from dusk.errors import UntrustedInput
from dusk.ids import NO_CHAIN, ChainHash, ClusterId, DeviceId, Seq
from dusk.keys.signing import SigningKey
from dusk.limits import ANSWER_BYTES_MAX, FRAME_BYTES_MAX
from dusk.sim.clock import Clock
from dusk.sim.network import Network, Station
from dusk.sim.transcript import Transcript

TRICKLE_S = 3.0
"""Between two frames of who keeps a stream open for long."""
FLOOD = 8
"""Requests at once."""
ENDLESS_MAX = 50
"""Chunks of a log without an end."""
_SERVED = (ItemKind.ENTRY, ItemKind.HEAD, ItemKind.CERTIFICATE)
"""What has an encoding in an answer: the rest of a log stays on its disk."""


class Owner(Station, Protocol):
    """Whose streams they are."""

    @property
    def key(self) -> SigningKey:
        """The key that it speaks with."""

    def mutated(self, data: bytes) -> bytes:
        """Return bytes with something changed."""

    def twisted(self, encoded: bytes) -> bytes:
        """Return a message with a field changed."""


@dataclass(slots=True)
class _Stream:
    conn: int
    channel: Channel
    manner: str
    sent: int = 0


class Intruder:
    """Opens and answers streams for an attacker.

    Args:
        owner: the attacker.
        clock, network, transcript: of the simulation.
        random: the attacker's.
        cluster: its id.
    """

    def __init__(
        self,
        owner: Owner,
        *,
        clock: Clock,
        network: Network,
        transcript: Transcript,
        random: Random,
        cluster: ClusterId,
    ) -> None:
        self._owner, self._clock, self._network = owner, clock, network
        self._transcript, self._random, self._cluster = transcript, random, cluster
        self._streams: dict[int, _Stream] = {}
        self._next_conn = 2
        self._former_opening = b""
        self._orders: list[bytes] = []
        self.ring = b""
        """The real group keys, if it has them, to hand out others by their names."""

    def open(self, to: Address) -> None:
        """Connect to a device; what follows depends on the manner."""
        manners = ("silent", "garbage", "cut", "long", "replayed", "trickle", "flood", "requests", "requests")
        manner = self._random.choice(manners)
        for _ in range(40 if manner == "silent" and self._random.random() < 0.3 else 1):
            conn, self._next_conn = self._next_conn, self._next_conn + 2
            self._streams[conn] = _Stream(conn, self._channel(initiator=True), manner)
            self._network.connect(self._owner, conn, to)
        self._transcript.count(f"{self._owner.name}: opens a stream, {manner}")

    def _channel(self, *, initiator: bool) -> Channel:
        return Channel(
            initiator=initiator,
            static_private=self._owner.key.x25519_private(),
            ephemeral_private=self._random.randbytes(32),
            cluster_id=self._cluster,
            message_bytes_max=ANSWER_BYTES_MAX,
        )

    def deliver(self, event: Input, items: Sequence[LogItem]) -> None:
        """Take an input; ``items`` are a real log, to lie with."""
        match event:
            case Accepted(conn):
                manner = self._random.choice(("silent", "garbage", "endless", "lies", "lies", "lies"))
                self._streams[conn] = _Stream(conn, self._channel(initiator=False), manner)
                self._transcript.count(f"{self._owner.name}: answers a stream, {manner}")
            case Connected(conn) if conn in self._streams:
                self._connected(self._streams[conn])
            case Received(conn, frame) if conn in self._streams:
                self._received(self._streams[conn], frame, items)
            case Disconnected(conn):
                self._streams.pop(conn, None)

    def _frame(self, stream: _Stream, frame: bytes) -> None:
        if stream.conn in self._streams and self._owner.listens:
            self._network.frame(self._owner, stream.conn, frame[:FRAME_BYTES_MAX])

    def _later(self, stream: _Stream, frame: bytes, delay_s: float) -> None:
        self._clock.after(delay_s, lambda: self._frame(stream, frame))

    # --- the opening side ----------------------------------------------------------------------

    def _connected(self, stream: _Stream) -> None:
        opening = stream.channel.open()
        former, self._former_opening = self._former_opening or opening, opening
        random = self._random
        match stream.manner:
            case "silent":
                return
            case "garbage":
                opening = random.choice((bytes(32), bytes(len(opening)), random.randbytes(len(opening))))
            case "cut":
                opening = self._owner.mutated(opening)
            case "long":
                opening += random.randbytes(60_000)
            case "replayed":
                opening = former
        self._frame(stream, opening)

    def _received(self, stream: _Stream, frame: bytes, items: Sequence[LogItem]) -> None:
        if stream.manner == "garbage":
            self._frame(stream, self._random.randbytes(self._random.choice((1, 48, 96, 4000))))
            return
        if stream.manner == "silent":
            return
        in_handshake = not stream.channel.established
        try:
            step = stream.channel.receive(frame)
        except UntrustedInput:
            self._network.disconnect(self._owner, stream.conn)
            self._streams.pop(stream.conn, None)
            return
        for answer in step.frames:
            self._frame(stream, answer)
        is_opener = stream.conn % 2 == 0
        if stream.channel.established and is_opener and (in_handshake or step.message is not None):
            self._ask(stream, items)
        elif step.message is not None:
            self._answer(stream, step.message, items)

    def _say(self, stream: _Stream, message: bytes, delay_s: float = 0.0) -> None:
        if not stream.channel.established:
            return
        for place, frame in enumerate(stream.channel.send(message)):
            self._later(stream, frame, delay_s * (place + 1))

    def _ask(self, stream: _Stream, items: Sequence[LogItem]) -> None:
        """Ask one thing, many at once, or so slowly that it never ends."""
        stream.sent += 1
        if stream.sent > ENDLESS_MAX:
            return
        match stream.manner:
            case "flood":
                for _ in range(FLOOD):
                    self._say(stream, self._request(items))
            case "trickle":
                self._say(stream, encode(Submit(bytes(200_000))), TRICKLE_S)
            case _:
                self._say(stream, self._request(items))

    def _request(self, items: Sequence[LogItem]) -> bytes:
        random = self._random
        entries = [item.data for item in items if item.kind is ItemKind.ENTRY]
        junk = random.choice(entries) if entries and random.random() < 0.5 else random.randbytes(300)
        position = Position(Seq(random.choice((1, 5, 2**40))), ChainHash(random.randbytes(32)))
        request = random.choice(
            (
                Locate((position,)),
                Fetch(Seq(random.choice((1, 2, 10, 2**40)))),
                GetKeys(),
                GetReports(random.choice((b"", random.randbytes(16)))),
                Ask(Question(random.choice(("health", "where", "challenge", "order")), random.randbytes(16))),
                Ask(Question("order", random.choice(self._orders or [b""]))),
                Report(DeviceId(self._owner.key.key_id), random.randbytes(80)),
                Submit(junk),
                Join(junk),
            )
        )
        encoded = encode(request)
        return self._owner.twisted(encoded) if random.random() < 0.3 else encoded

    # --- the answering side --------------------------------------------------------------------

    def _answer(self, stream: _Stream, message: bytes, items: Sequence[LogItem]) -> None:
        """Answer a question with another log, none, one without an end, or what was not asked."""
        stream.sent += 1
        if stream.sent > ENDLESS_MAX:
            return
        random = self._random
        if stream.manner == "endless":
            many = tuple(item for item in items if item.kind is ItemKind.ENTRY)
            self._say(stream, encode(random.choice((Common(Seq(0), None), Items(many[-3:], more=True)))))
            return
        request = _request_of(message)
        if isinstance(request, Ask):  # a person ordered something: it orders others the same (A58)
            self._orders = [*self._orders[-7:], request.question.argument]
        fitting = self._lies(request, items)
        reply = random.choice(fitting if fitting and random.random() < 0.8 else self._lies(None, items))
        encoded = encode(reply)
        self._say(stream, self._owner.twisted(encoded) if random.random() < 0.1 else encoded)

    def _lies(self, request: Request | None, items: Sequence[LogItem]) -> list[Reply]:
        """Return answers to a request; None: to any."""
        random, newest = self._random, self._newest(items)
        lies: list[Reply] = []
        if request is None or isinstance(request, Locate):
            lies += [Common(Seq(random.choice((0, 1, 3, 2**40))), newest), Common(Seq(0), newest)]
        if request is None or isinstance(request, Fetch):
            served = [item for item in items if item.kind in _SERVED]
            lies.append(Items(tuple(self._tampered(served)), more=random.random() < 0.3))
        if request is None or isinstance(request, GetKeys):
            lies.append(Keys(self._poisoned_ring()))
        if request is None or isinstance(request, Join | Submit | Report):
            code = random.choice(("applied", "device-exists", "refused", "no-answer"))
            lies.append(Answer(code, Seq(3), "no"))
        if request is None or isinstance(request, Ask):
            lies.append(Told(random.choice(("", "not-reachable")), "no", random.randbytes(32)))
        if request is None or isinstance(request, GetReports):
            lies.append(Reports((), more=random.random() < 0.5))
        return lies if request is not None else [*lies, Removed()]

    def _newest(self, items: Sequence[LogItem]) -> bytes | None:
        heads = [item.data for item in items if item.kind is ItemKind.HEAD]
        if not heads or self._random.random() < 0.2:
            return None
        return heads[-1] if self._random.random() < 0.7 else self._owner.twisted(heads[-1])

    def _tampered(self, items: list[LogItem]) -> list[LogItem]:
        """Return a part of a real log with something wrong in it (A9)."""
        random = self._random
        if len(items) < 3:
            return items
        at = random.randrange(len(items) - 1)
        match random.randrange(6):
            case 0:
                del items[at]
            case 1:
                items[at], items[at + 1] = items[at + 1], items[at]
            case 2:
                items.insert(at, items[at])
            case 3:
                items[at] = replace(items[at], data=self._owner.mutated(items[at].data))
            case 4:
                items[at] = replace(items[at], data=self._owner.twisted(items[at].data))
            case 5:
                del items[at + 1 :]
        return items[random.choice((0, 0, at)) :]

    def _poisoned_ring(self) -> bytes:
        """Return group keys that nobody has: new ones, or others by the names of the real ones."""
        random = self._random
        if not self.ring:
            return random.randbytes(100)
        ring = decode_group_keys(self.ring)
        keys = ring.keys
        if random.random() < 0.5:
            keys = tuple(replace(key, key=random.randbytes(32)) for key in keys)
        else:
            keys = tuple(
                new_group_key(random.randbytes, ring.generation, ring.removal or NO_CHAIN) for _ in range(4)
            )
        return GroupKeys(keys, ring.generation, ring.removal).encode()


def _request_of(message: bytes) -> Request | None:
    try:
        return decode_request(message)
    except UntrustedInput:
        return None
