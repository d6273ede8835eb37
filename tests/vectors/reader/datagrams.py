"""Datagrams, and what stands in them: statuses, health, rings of group keys (cycles.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.vectors.reader import keys
from tests.vectors.reader.changes import Head, SignedHead, head
from tests.vectors.reader.keys import ZEROS, labelled, seal, unseal, verify
from tests.vectors.reader.packing import (
    Refused,
    array,
    flag,
    need,
    number,
    octets,
    octets_or_none,
    routed,
    text,
    unpack,
)

SIZE_MAX = 1_200
_USUAL = ("START", "DATA", "HELLO", "RESPOND", "PONG", "ASK", "SUBMIT", "ANSWER")
KINDS = (*_USUAL, "FORWARD", "RELAYED", "REFER", "RELAY", "REPEAT", "BUNDLE")
GROUP_KINDS = (*KINDS[:3], "REPEAT")
HELLO_SIZE = 223


def _texts_in_order(names: list[str]) -> None:
    need(all(one.encode() < other.encode() for one, other in pairwise(names)), "order")


@dataclass(frozen=True)
class Rest:
    """What a START says besides its head."""

    cycle: int
    nonce: bytes
    echoes: list[bytes]
    time_s: int
    bitmap: bytes
    slice_first: int
    slice_count: int
    window_ms: int
    data: bool
    sender: bytes
    certificate: bytes | None


@dataclass(frozen=True)
class Start:
    """A START."""

    head: Head
    rest: Rest
    rest_bytes: bytes
    rest_hash: bytes
    signature: bytes


def rest(data: bytes) -> Rest:
    """Read what a START says besides its head."""
    cycle, nonce, echoes, time_s, bitmap, first, count, window, *more = unpack(data, 11, 1_024)
    on_air, sender, certificate = more
    joined = octets(echoes, most=64)
    need(len(joined) % 8 == 0, "wrong-shape")
    need(8 <= len(octets(bitmap)) <= 32, "wrong-shape")
    return Rest(
        number(cycle, 1),
        octets(nonce, 8),
        [joined[at : at + 8] for at in range(0, len(joined), 8)],
        number(time_s),
        bitmap,
        number(first, 0, 10_000),
        number(count, 0, 256),
        number(window, 1, 60_000),
        flag(on_air),
        octets(sender, 16),
        octets_or_none(certificate, most=840),
    )


def start(fields: list[Any], cluster: bytes, sender_public: bytes | None) -> Start:
    """Read a START; where the sender is known, verify its signature."""
    inside, rest_bytes, signature = array(fields, 3)
    octets(signature, 64)
    rest_hash = labelled("dusk.rest", octets(rest_bytes))
    read = Start(head(inside), rest(rest_bytes), rest_bytes, rest_hash, signature)
    if sender_public:
        SignedHead(read.head, rest_hash, signature).verify(sender_public, cluster)
    return read


@dataclass(frozen=True)
class Data:
    """A piece of a batch."""

    epoch: int
    last: int
    chain: bytes
    index: int
    count: int
    chunk: bytes


def data(fields: list[Any]) -> Data:
    """Read a piece of a batch."""
    epoch, last, chain, index, count, chunk = array(fields, 6)
    pieces = number(count, 1, 15)
    return Data(
        number(epoch),
        number(last, 1),
        octets(chain, 8),
        number(index, 0, pieces - 1),
        pieces,
        octets(chunk, most=1_100),
    )


@dataclass(frozen=True)
class Hello:
    """A HELLO, or an ASK."""

    sender: bytes
    challenge: bytes
    may_lead: bool
    first: int | None


def hello(fields: list[Any], size: int) -> Hello:
    """Read a HELLO or an ASK of a plaintext of this size."""
    sender, challenge, may_lead, first, padding = array(fields, 5)
    need(size == (HELLO_SIZE if first is None else 1_143) and not any(octets(padding)), "wrong-shape")
    place = None if first is None else number(first, 0, 65_535)
    return Hello(octets(sender, 16), octets(challenge, 8), flag(may_lead), place)


@dataclass(frozen=True)
class Held:
    """Pieces of a batch that need not be sent."""

    chain: bytes
    pieces: list[int]


@dataclass(frozen=True)
class Request:
    """A request for the pieces of batches."""

    number: int
    held: list[Held]


def _held(item: object) -> Held:
    octets(item, 10)
    assert isinstance(item, bytes)
    bits = int.from_bytes(item[8:], "big")
    need(bits < 2**15, "wrong-shape")
    return Held(item[:8], [piece for piece in range(15) if bits >> piece & 1])


def request(item: object) -> Request | None:
    """Read a request, if there is one."""
    if item is None:
        return None
    first, *held = array(item, most=9, least=1)
    return Request(number(first, 1, 8), [_held(one) for one in held])


@dataclass(frozen=True)
class Offer:
    """Where a branch ends that was left."""

    seq: int
    chain: bytes


def offer(item: object) -> Offer | None:
    """Read an offer, if there is one."""
    if item is None:
        return None
    seq, chain = array(item, 2)
    return Offer(number(seq, 1), octets(chain, 32))


@dataclass(frozen=True)
class Via:
    """How a START came."""

    path: bytes | None
    repeater: bytes


def via(item: object) -> Via | None:
    """Read how a START came, if it was not by its sender's multicast."""
    if item is None:
        return None
    path, repeater = array(item, 2)
    return Via(octets_or_none(path, 8), octets(repeater, 16))


@dataclass(frozen=True)
class Respond:
    """A RESPOND."""

    cycle: int
    nonce: bytes
    head: Head
    settled: int
    boot: bytes
    challenge: bytes | None
    request: Request | None
    status: bytes | None
    health: bytes | None
    ack: bytes | None
    offer: Offer | None
    via: Via | None


def respond(fields: list[Any]) -> Respond:
    """Read a RESPOND."""
    cycle, nonce, inside, settled, boot, challenge, asked, *more = array(fields, 12)
    status_, health_, ack, offered, came = more
    need(asked is None or status_ is None, "wrong-shape")
    return Respond(
        number(cycle, 1),
        octets(nonce, 8),
        head(inside),
        number(settled),
        octets(boot, 8),
        octets_or_none(challenge, 8),
        request(asked),
        octets_or_none(status_, most=768),
        octets_or_none(health_, most=128),
        octets_or_none(ack, 64),
        offer(offered),
        via(came),
    )


@dataclass(frozen=True)
class Pong:
    """A PONG."""

    challenge: bytes | None
    cycle: int
    nonce: bytes | None
    signed_head: SignedHead


def pong(fields: list[Any]) -> Pong:
    """Read a PONG."""
    challenge, cycle, nonce, inside, rest_hash, signature = array(fields, 6)
    signed = SignedHead(head(inside), octets(rest_hash, 32), octets(signature, 64))
    read = Pong(octets_or_none(challenge, 8), number(cycle), octets_or_none(nonce, 8), signed)
    need((read.cycle == 0) == (read.nonce is None), "wrong-shape")
    return read


@dataclass(frozen=True)
class Forward:
    """A FORWARD."""

    challenge: bytes
    asker: bytes
    nonce: bytes
    is_proven: bool


@dataclass(frozen=True)
class Refer:
    """A REFER."""

    challenge: bytes
    asker: bytes
    host: str
    port: int
    nonce: bytes


def refer(fields: list[Any], size: int) -> Refer:
    """Read a REFER of a plaintext of this size."""
    challenge, asker, host, port, nonce, padding = array(fields, 6)
    need(size == 215 and not any(octets(padding)), "wrong-shape")
    asked = octets(challenge, 8), octets(asker, 16)
    return Refer(*asked, routed(host), number(port, 1, 65535), octets(nonce, 8))


@dataclass(frozen=True)
class Repeat:
    """A REPEAT."""

    sender: bytes
    start: bytes | None


@dataclass(frozen=True)
class Bundle:
    """A BUNDLE."""

    answers: list[bytes]


@dataclass(frozen=True)
class Submit:
    """A SUBMIT."""

    change: bytes
    after: bytes | None


@dataclass(frozen=True)
class Answer:
    """An ANSWER."""

    change: bytes
    code: int
    seq: int
    word: str
    reason: str


def message(
    kind: str, plaintext: bytes, cluster: bytes = ZEROS, sender_public: bytes | None = None
) -> object:
    """Read the plaintext of a datagram."""
    fields = unpack(plaintext, None, SIZE_MAX)
    match kind:
        case "START" | "RELAYED" | "RELAY":
            return start(fields, cluster, sender_public)
        case "DATA":
            return data(fields)
        case "HELLO" | "ASK":
            return hello(fields, len(plaintext))
        case "RESPOND":
            return respond(fields)
        case "PONG":
            return pong(fields)
        case "FORWARD":
            challenge, asker, nonce, is_proven = array(fields, 4)
            return Forward(octets(challenge, 8), octets(asker, 16), octets(nonce, 8), flag(is_proven))
        case "REFER":
            return refer(fields, len(plaintext))
        case "REPEAT":
            sender, repeated = array(fields, 2)
            return Repeat(octets(sender, 16), octets_or_none(repeated, most=SIZE_MAX))
        case "BUNDLE":
            return Bundle([octets(one) for one in array(fields, most=16, least=1)])
        case "SUBMIT":
            change, after = array(fields, 2)
            return Submit(octets(change), octets_or_none(after, 32))
    change, code, seq, word, reason = array(fields, 5)
    return Answer(octets(change, 32), number(code, 0, 3), number(seq), text(word, 63), text(reason, 200))


@dataclass(frozen=True)
class GroupKey:
    """A group key with what it covers."""

    generation: int
    removal: bytes
    salt: bytes
    key: bytes
    id: bytes


@dataclass(frozen=True)
class Ring:
    """The file of group keys."""

    generation: int
    removal: bytes
    keys: list[GroupKey]


def group_key_id(generation: int, removal: bytes, salt: bytes) -> bytes:
    """Compute the id of a group key."""
    return labelled("dusk.group-key", generation.to_bytes(8, "big"), removal, salt)[:8]


def _group_key(item: object) -> GroupKey:
    generation, removal, salt, key = array(item, 4)
    number(generation)
    key_id = group_key_id(generation, octets(removal, 32), octets(salt, 8))
    return GroupKey(generation, removal, salt, octets(key, 32), key_id)


def ring(packed: bytes) -> Ring:
    """Read the file of group keys."""
    generation, removal, keys = unpack(packed, 3, 1_024)
    return Ring(number(generation), octets(removal, 32), [_group_key(key) for key in array(keys, most=4)])


@dataclass(frozen=True)
class Status:
    """What a device says of its apply."""

    version: tuple[int, int, int]
    seq: int
    chain: bytes
    judged: int
    files: list[tuple[str, bytes]]
    state: str
    reason: str
    alarms: list[str]
    drift: int


def _file(item: object) -> tuple[str, bytes]:
    package, digest = array(item, 2)
    return text(package, 128), octets(digest, 16)


def status(packed: bytes, public: bytes, cluster: bytes) -> Status:
    """Read a status and verify that the device signed it."""
    payload, signature = unpack(packed, 2, 16_384)
    epoch, cycle, count, seq, chain, judged, files, state, reason, alarms, drift = unpack(payload, 11)
    rows = [_file(item) for item in array(files, most=512)]
    _texts_in_order([package for package, _ in rows])
    read = Status(
        (number(epoch), number(cycle), number(count)),
        number(seq),
        octets(chain, 32),
        number(judged),
        rows,
        text(state, 63),
        text(reason, 200),
        [text(alarm, 63) for alarm in array(alarms, most=16)],
        number(drift, most=65_535),
    )
    verify(public, "dusk.status", cluster, payload, octets(signature, 64))
    return read


def health(packed: bytes) -> dict[str, int]:
    """Read the figures of a device's health."""
    rows = [array(item, 2) for item in unpack(packed, None, 128)]
    figures = {text(name, 16): number(figure) for name, figure in rows}
    _texts_in_order([name for name, _ in rows])
    return figures


@dataclass
class Setting:
    """What a reader of datagrams knows."""

    cluster: bytes
    members: Mapping[bytes, bytes]
    group_keys: list[GroupKey]
    seeds: Mapping[bytes, bytes] = field(default_factory=dict)

    @property
    def tag(self) -> bytes:
        """Give the first bytes of every datagram."""
        return labelled("dusk.tag", self.cluster)[:8]

    def opened(self, datagram: bytes, reader: bytes) -> tuple[str, bytes | None, bytes]:
        """Open a datagram as one member: its kind, its pairwise sender, the plaintext."""
        need(9 <= len(datagram) <= SIZE_MAX, "wrong-size")
        need(datagram[:8] == self.tag, "other-cluster")
        need(1 <= datagram[8] <= len(KINDS), "unknown-kind")
        kind = KINDS[datagram[8] - 1]
        size = 17 if kind in GROUP_KINDS else 25
        need(len(datagram) > size + 24 + 16, "wrong-size")
        name, nonce, sealed = datagram[9:size], datagram[size : size + 24], datagram[size + 24 :]
        if kind in GROUP_KINDS:
            found = [one.key for one in self.group_keys[-4:] if one.id == name]
            need(found, "unknown-key")
            return kind, None, unseal(found[0], nonce, datagram[: size + 24], sealed)
        need(name in self.members and name != reader, "not-a-member")
        key = keys.pairwise(self.seeds[reader], self.members[name], self.cluster)
        return kind, name, unseal(key, nonce, datagram[: size + 24] + reader, sealed)

    def sealed(self, like: bytes, plaintext: bytes, reader: bytes | None) -> bytes:
        """Seal a plaintext with the header of another datagram, as its sender did."""
        if reader is None:
            key = next(one.key for one in self.group_keys if one.id == like[9:17])
            return like[:41] + seal(key, like[17:41], like[:41], plaintext)
        key = keys.pairwise(self.seeds[like[9:25]], self.members[reader], self.cluster)
        return like[:49] + seal(key, like[25:49], like[:49] + reader, plaintext)


def batch(pieces: list[Data]) -> list[bytes]:
    """Join the pieces of a batch to its entries' items."""
    ordered = sorted(pieces, key=lambda piece: piece.index)
    if [piece.index for piece in ordered] != list(range(ordered[0].count)):
        raise Refused("wrong-shape")
    return [octets(item) for item in unpack(b"".join(piece.chunk for piece in ordered), None, 16_384)]
