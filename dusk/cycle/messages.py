"""Plaintexts of the datagrams (`specs/cycles.md`, section 3): strict both ways (R6, R10)."""

from enum import IntEnum
from typing import Any, NamedTuple

from dusk import codec, limits
from dusk.changelog.entry import HEAD_ROW, SignedHead, head_from_row, sign_head
from dusk.cycle.far_messages import Via, decode_via
from dusk.errors import UntrustedInput
from dusk.ids import BootId, ChainHash, ChangeId, ClusterId, DeviceId, Head, Seq, labelled_hash
from dusk.keys.signing import SIGNATURE_BYTES, SigningKey
from dusk.lazy import dataclass

CHALLENGE_BYTES = 8
"""Challenges and START nonces: guessed with 2⁻⁶⁴, and only while open."""
CHAIN_PREFIX_BYTES = 8
"""Of a chain hash: names a batch among those in flight."""
START_PLAINTEXT_BYTES = 199
"""Echoes go into a START while it is no longer than this: a datagram of 256 bytes (P8)."""
BITMAP_BYTES_MIN = 8
"""Keeps the shortest START as long as the PONG that corrects a lower epoch (A15)."""
_NUMBER_MAX = limits.NUMBER_MAX


class Kind(IntEnum):
    """What a datagram is; the first three are sealed with the group key, the others pairwise."""

    START = 1
    DATA = 2
    HELLO = 3
    RESPOND = 4
    PONG = 5
    ASK = 6
    SUBMIT = 7
    ANSWER = 8
    FORWARD = 9
    RELAYED = 10
    REFER = 11
    RELAY = 12
    REPEAT = 13
    BUNDLE = 14


@dataclass(frozen=True, slots=True)
class Rest:
    """What a START says besides the head.

    Attributes:
        cycle: number of this START within its epoch, from 1, each START one more.
        nonce: 8 random bytes that answers repeat.
        echoes: open challenges of members, at most ``ECHOES_MAX``.
        time_s: the master's wall time, 0 if nothing vouches for it; shown to people only.
        bitmap: who answered the last START, bit i = member ``its slice_first + i``, low bit first.
        slice_first, slice_count: indices of the members that answer this one.
        window_ms: over how long their slots are spread.
        data: whether DATA with the head's batch is, or was, on the air.
        sender: the device that signed.
        certificate: an encoded certificate that some member lacks, or None; it proves itself.
    """

    cycle: int
    nonce: bytes
    echoes: tuple[bytes, ...]
    time_s: int
    bitmap: bytes
    slice_first: int
    slice_count: int
    window_ms: int
    data: bool
    sender: DeviceId
    certificate: bytes | None = None

    def encode(self) -> bytes:
        """Return the exact bytes that are hashed and signed."""
        said = (self.cycle, self.nonce, b"".join(self.echoes), self.time_s)
        answers = (self.bitmap, self.slice_first, self.slice_count, self.window_ms)
        return codec.pack((*said, *answers, self.data, self.sender, self.certificate))


_REST = codec.Row(
    "START rest",
    cycle=codec.number(1, _NUMBER_MAX),
    nonce=codec.size(CHALLENGE_BYTES),
    echoes=codec.blob_to(limits.ECHOES_MAX * CHALLENGE_BYTES),
    time=codec.number(0, _NUMBER_MAX),
    bitmap=codec.Place((bytes,), BITMAP_BYTES_MIN, limits.SLICE_MEMBERS_MAX // 8),
    slice_first=codec.number(0, limits.MEMBERS_MAX),
    slice_count=codec.number(0, limits.SLICE_MEMBERS_MAX),
    window=codec.number(1, 60_000),
    data=codec.FLAG,
    sender=codec.size(16),
    certificate=codec.blob_to(limits.CERTIFICATE_IN_START_BYTES_MAX, or_nil=True),
)


def decode_rest(data: bytes) -> Rest:
    """Read what :meth:`Rest.encode` wrote."""
    cycle, nonce, joined, *others = _REST.decode(data, size_max=limits.START_REST_BYTES_MAX)
    if len(joined) % CHALLENGE_BYTES:
        raise UntrustedInput("START rest: echoes cut short")
    echoes = tuple(joined[at : at + CHALLENGE_BYTES] for at in range(0, len(joined), CHALLENGE_BYTES))
    return Rest(cycle, nonce, echoes, *others)


@dataclass(frozen=True, slots=True)
class Start:
    """A START: its signed head proves itself, ``rest_bytes`` are covered through their hash."""

    signed_head: SignedHead
    rest_bytes: bytes
    rest: Rest

    @property
    def head(self) -> Head:
        """The master's head."""
        return self.signed_head.head

    def encode(self) -> bytes:
        """Return the plaintext."""
        return codec.pack((_head_row(self.head), self.rest_bytes, self.signed_head.signature))


def sign_start(key: SigningKey, cluster: ClusterId, head: Head, rest: Rest) -> Start:
    """Make a START; its signature is the head's.

    Args:
        key: the master's.
        cluster: 32 bytes.
        head: the newest on the master's disk (R8).
        rest: all that a START says besides.
    """
    rest_bytes = rest.encode()
    return Start(sign_head(key, cluster, head, _rest_hash(rest_bytes)), rest_bytes, rest)


def echo_room(head: Head, rest: Rest) -> int:
    """Return how many echoes, besides those in it, keep a START's plaintext in its usual size."""
    size = 1 + len(codec.pack(_head_row(head))) + 2 + len(rest.encode()) + 66
    return max(0, (START_PLAINTEXT_BYTES - size) // CHALLENGE_BYTES)


_START = codec.Row(
    "START",
    head=codec.row(HEAD_ROW),
    rest=codec.blob_to(limits.START_REST_BYTES_MAX),
    signature=codec.size(64),
)


def decode_start(data: bytes) -> Start:
    """Read a START; its signature is not checked here."""
    head, rest_bytes, signature = _START.decode(data, size_max=limits.DATAGRAM_BYTES_MAX)
    signed = SignedHead(Head(*head), _rest_hash(rest_bytes), signature)
    return Start(signed, rest_bytes, decode_rest(rest_bytes))


@dataclass(frozen=True, slots=True)
class Fragment:
    """DATA: piece ``index`` of ``count`` of the batch that ends at position ``last``.

    Attributes:
        epoch: the writer's.
        last: position of the batch's newest entry.
        chain: first 8 bytes of the chain hash there.
        index, count: which piece of how many.
        chunk: its bytes.
    """

    epoch: int
    last: Seq
    chain: bytes
    index: int
    count: int
    chunk: bytes

    def encode(self) -> bytes:
        """Return the plaintext."""
        return codec.pack((self.epoch, self.last, self.chain, self.index, self.count, self.chunk))


def decode_fragment(data: bytes) -> Fragment:
    """Read DATA."""
    row = codec.fields(_unpack(data), 6, "DATA")
    count = codec.integer(row[4], 1, limits.FRAGMENTS_MAX, "DATA count")
    return Fragment(
        epoch=_number(row[0], "DATA epoch"),
        last=Seq(codec.integer(row[1], 1, _NUMBER_MAX, "DATA position")),
        chain=codec.exactly(row[2], CHAIN_PREFIX_BYTES, "DATA chain"),
        index=codec.integer(row[3], 0, count - 1, "DATA index"),
        count=count,
        chunk=codec.blob(row[5], limits.FRAGMENT_BYTES_MAX, "DATA chunk"),
    )


@dataclass(frozen=True, slots=True)
class Held:
    """Which pieces of a batch a member holds already.

    Attributes:
        chain: first 8 bytes of the chain hash at the batch's end.
        pieces: bit i is piece i.
    """

    chain: bytes
    pieces: int


@dataclass(frozen=True, slots=True)
class Request:
    """A member's question for the DATA up to a START's head, but for what it holds.

    Attributes:
        number: 1 for the first question about this START, then rising: no question counts twice.
        held: what it holds of these batches.
    """

    number: int
    held: tuple[Held, ...]

    def row(self) -> list[int | bytes]:
        """Return it as it stands in a RESPOND."""
        return [self.number, *(held.chain + held.pieces.to_bytes(2, "big") for held in self.held)]


def _decode_request(row: list[Any]) -> Request:
    number, *held = row
    return Request(
        codec.integer(number, 1, limits.REQUESTS_MAX, "RESPOND request"),
        tuple(_decode_held(item) for item in held),
    )


def _decode_held(value: object) -> Held:
    data = codec.exactly(value, CHAIN_PREFIX_BYTES + 2, "RESPOND request")
    pieces = int.from_bytes(data[CHAIN_PREFIX_BYTES:], "big")
    if pieces >> limits.FRAGMENTS_MAX:
        raise UntrustedInput("RESPOND request: more pieces than any batch has")
    return Held(data[:CHAIN_PREFIX_BYTES], pieces)


class Offer(NamedTuple):
    """Where a branch ends that a member has left (`log.md`): changes in it may be wanted."""

    seq: Seq
    chain: ChainHash


@dataclass(frozen=True, slots=True)
class Respond:
    """A member's answer to a START.

    Attributes:
        cycle, nonce: of the START that it answers.
        head: the member's newest entry, on its disk (R8).
        settled: the newest position that it knows to be settled.
        boot: its run.
        challenge: 8 bytes to be echoed, or None.
        request: for missing DATA, or None.
        status: a signed status if it changed, or None.
        health: unsigned figures, or None.
        ack: a holder's acknowledgement of ``head`` while that is not settled, 64 bytes, or None.
        offer: newest position of a branch that the member left, and the chain hash there, or None:
            changes of that branch still wait for their outcome.
        via: how the START came, if not by its sender's multicast.
    """

    cycle: int
    nonce: bytes
    head: Head
    settled: Seq
    boot: BootId
    challenge: bytes | None = None
    request: Request | None = None
    status: bytes | None = None
    health: bytes | None = None
    ack: bytes | None = None
    offer: Offer | None = None
    via: Via | None = None

    def encode(self) -> bytes:
        """Return the plaintext."""
        request = None if self.request is None else self.request.row()
        via = None if self.via is None else self.via.row()
        about = (self.challenge, request, self.status, self.health, self.ack, self.offer, via)
        return codec.pack((self.cycle, self.nonce, _head_row(self.head), self.settled, self.boot, *about))


_RESPOND = codec.Row(
    "RESPOND",
    cycle=codec.number(1, _NUMBER_MAX),
    nonce=codec.size(CHALLENGE_BYTES),
    head=codec.row(HEAD_ROW),
    settled=codec.number(0, _NUMBER_MAX),
    boot=codec.size(8),
    challenge=codec.size(CHALLENGE_BYTES, or_nil=True),
    request=codec.Place((list, type(None)), 1, 1 + limits.BATCHES_MAX),
    status=codec.blob_to(limits.STATUS_IN_RESPOND_BYTES_MAX, or_nil=True),
    health=codec.blob_to(limits.HEALTH_BYTES_MAX, or_nil=True),
    ack=codec.size(SIGNATURE_BYTES, or_nil=True),
    offer=codec.Place((list, type(None)), 2, 2),
    via=codec.Place((list, type(None)), 2, 2),
)


def decode_respond(data: bytes) -> Respond:
    """Read a RESPOND; the status inside is not looked at."""
    row = _RESPOND.decode(data, size_max=limits.DATAGRAM_BYTES_MAX)
    asked, status, offer, via = row[6], row[7], row[10], row[11]
    if asked is not None and status is not None:
        raise UntrustedInput("RESPOND: a status beside a request")
    row[2] = Head(*row[2])
    row[6] = None if asked is None else _decode_request(asked)
    row[10] = None if offer is None else _decode_offer(offer)
    row[11] = None if via is None else decode_via(via)
    return Respond(*row)


def _decode_offer(value: object) -> Offer:
    row = codec.fields(value, 2, "RESPOND offer")
    seq = Seq(codec.integer(row[0], 1, _NUMBER_MAX, "RESPOND offer"))
    return Offer(seq, ChainHash(codec.exactly(row[1], 32, "RESPOND offer")))


@dataclass(frozen=True, slots=True)
class Pong:
    """Answer to HELLO, ASK, a challenge without room in a START, or a START of a lower epoch.

    Attributes:
        challenge: the one that it answers; None if nobody asked.
        cycle: number of the newest START of the sender; 0 if it does not lead.
        nonce: that START's; None if it does not lead.
        signed_head: the sender's newest.
    """

    challenge: bytes | None
    cycle: int
    nonce: bytes | None
    signed_head: SignedHead

    def encode(self) -> bytes:
        """Return the plaintext."""
        head = self.signed_head
        return codec.pack(
            (self.challenge, self.cycle, self.nonce, _head_row(head.head), head.rest, head.signature)
        )


def decode_pong(data: bytes) -> Pong:
    """Read a PONG; the head's signature is not checked here."""
    row = codec.fields(_unpack(data), 6, "PONG")
    cycle, nonce = _number(row[1], "PONG cycle"), _optional_challenge(row[2])
    if (cycle == 0) != (nonce is None):
        raise UntrustedInput("PONG: leads and does not")
    rest, signature = codec.exactly(row[4], 32, "PONG rest"), codec.exactly(row[5], 64, "PONG signature")
    return Pong(_optional_challenge(row[0]), cycle, nonce, SignedHead(head_from_row(row[3]), rest, signature))


def encode_submit(change: bytes, after: ChangeId | None = None) -> bytes:
    """Return the plaintext of a SUBMIT.

    Args:
        change: encoded.
        after: the change that the writer must have before this one, or None: an author's numbers
            rise, so what overtook another would keep it out for ever.
    """
    return codec.pack((change, after))


def decode_submit(data: bytes) -> tuple[bytes, ChangeId | None]:
    """Return the encoded change in a SUBMIT, and which one goes before it."""
    change, after = codec.fields(_unpack(data), 2, "SUBMIT")
    before = None if after is None else ChangeId(codec.exactly(after, 32, "SUBMIT after"))
    return codec.blob(change, limits.DATAGRAM_BYTES_MAX, "SUBMIT change"), before


class AnswerCode(IntEnum):
    """What a writer says to a SUBMIT."""

    STORED = 0
    """The change has its outcome at ``seq``, on the writer's disk."""
    REFUSED = 1
    """Answered and forgotten: it can never be written as it is."""
    NOT_WRITER = 2
    """Ask the master."""
    BUSY = 3
    """Ask again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """ANSWER: what became of a SUBMIT.

    Attributes:
        change, code, seq: of which change, what, and where it stands.
        reason: a line for people; cut to ``REASON_BYTES_MAX`` when it is sent.
        word: for programs: why it was refused, or why its outcome is not *applied*; else empty.
    """

    change: ChangeId
    code: AnswerCode
    seq: Seq
    reason: str
    word: str = ""

    def encode(self) -> bytes:
        """Return the plaintext."""
        reason = codec.shortened(self.reason, limits.REASON_BYTES_MAX)
        return codec.pack((self.change, int(self.code), self.seq, self.word, reason))


def decode_answer(data: bytes) -> Answer:
    """Read an ANSWER."""
    row = codec.fields(_unpack(data), 5, "ANSWER")
    return Answer(
        ChangeId(codec.exactly(row[0], 32, "ANSWER change")),
        AnswerCode(codec.integer(row[1], 0, max(AnswerCode), "ANSWER code")),
        Seq(_number(row[2], "ANSWER position")),
        reason=codec.text(row[4], limits.REASON_BYTES_MAX, "ANSWER reason"),
        word=codec.text(row[3], limits.WORD_BYTES_MAX, "ANSWER word"),
    )


def _unpack(data: bytes) -> list[Any]:
    return codec.unpack(data, size_max=limits.DATAGRAM_BYTES_MAX, depth_max=2)


def _number(value: object, what: str) -> int:
    return codec.integer(value, 0, _NUMBER_MAX, what)


def _optional_challenge(value: object) -> bytes | None:
    return None if value is None else codec.exactly(value, CHALLENGE_BYTES, "challenge")


def _head_row(head: Head) -> tuple[int, int, int, Seq, bytes]:
    return head.generation, head.mandate, head.epoch, head.seq, head.chain


def _rest_hash(rest_bytes: bytes) -> bytes:
    return labelled_hash(b"dusk.rest", rest_bytes)
