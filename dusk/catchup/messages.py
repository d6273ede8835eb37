"""Requests and answers of the exchange, as one strict array each (`specs/catchup.md`).

The initiator asks, one request at a time; the server answers each with exactly one answer.
"""

from typing import Any

from dusk import codec
from dusk.catchup.questions import Ask, ask_from_row, ask_row, told_from_row, told_row
from dusk.changelog.basis import PIECES_MAX, Plan, plan_from_row
from dusk.cycle.whereabouts import table_from_rows
from dusk.effects import Address, ItemKind, LogItem, Told
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash, ChangeId, DeviceId, Seq
from dusk.lazy import dataclass
from dusk.limits import (
    ADDRESS_BYTES_MAX,
    ANSWER_BYTES_MAX,
    CHANGE_BYTES_MAX,
    CHUNK_BYTES_MAX,
    HEALTH_BYTES_MAX,
    JOIN_BYTES_MAX,
    LOCATOR_MAX,
    MEMBERS_MAX,
    NUMBER_MAX,
    PENDING_MAX,
    PIECE_BYTES_MAX,
    REMOVAL_BYTES_MAX,
    REQUEST_BYTES_MAX,
    SECRETS_ELSEWHERE_MAX,
    SECRETS_SOUGHT_MAX,
    SECTION_BYTES_MAX,
    STATUS_BYTES_MAX,
    WHY_BYTES_MAX,
    WRAP_BYTES_MAX,
)

GROUP_KEYS_BYTES_MAX = 1024
SIGNED_HEAD_BYTES_MAX = 512
CODE_BYTES_MAX = 63
REASON_BYTES_MAX = 512
_ID_BYTES = 16
_ITEM_KINDS = {int(kind): kind for kind in (ItemKind.ENTRY, ItemKind.HEAD, ItemKind.CERTIFICATE)}
"""The others say how a disk has a log; no log has one, so none is sent or taken."""
_ITEM = codec.Row("item", kind=codec.number(1, max(_ITEM_KINDS)), data=codec.blob_to(ANSWER_BYTES_MAX))


@dataclass(frozen=True, slots=True)
class Position:
    """A position in a log and the chain hash there."""

    seq: Seq
    chain: ChainHash


@dataclass(frozen=True, slots=True)
class Locate:
    """Which of these positions are in your log? Newest first."""

    positions: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class Fetch:
    """Send me the log from this position on."""

    first: Seq


@dataclass(frozen=True, slots=True)
class GetKeys:
    """Send me the group keys."""


@dataclass(frozen=True, slots=True)
class Join:
    """Make me a member: an encoded device creation."""

    change: bytes


@dataclass(frozen=True, slots=True)
class Submit:
    """Have this encoded change written, behind another if that is named."""

    change: bytes
    after: ChangeId | None = None


@dataclass(frozen=True, slots=True)
class GetReports:
    """What do you know of the devices, and of those that wait, behind these (empty: of all)?"""

    after: bytes
    after_waiting: bytes = b""


@dataclass(frozen=True, slots=True)
class Report:
    """This is a device's signed status; for one that is too large for a datagram."""

    device: DeviceId
    status: bytes


@dataclass(frozen=True, slots=True)
class GetBranch:
    """Send me the branch that you left and that ends with this chain hash, from its item ``first`` on."""

    chain: ChainHash
    first: int


@dataclass(frozen=True, slots=True)
class GetPiece:
    """Send me a piece of the checkpoint at this position, counted from 0."""

    seq: Seq
    piece: int


@dataclass(frozen=True, slots=True)
class Addresses:
    """This is where members are, as who leads has heard them, by rising id."""

    rows: tuple[tuple[DeviceId, Address], ...]


@dataclass(frozen=True, slots=True)
class SecretName:
    """A key K of secrets: of which section, and its id."""

    section: str
    key_id: bytes


@dataclass(frozen=True, slots=True)
class GetSecrets:
    """Wrap these keys K to me."""

    names: tuple[SecretName, ...]


Asked = (
    Locate | Fetch | GetKeys | Submit | GetReports | Report | GetBranch | GetPiece | Addresses | GetSecrets
)
"""What members ask, besides questions."""
Request = Join | Ask | Asked


@dataclass(frozen=True, slots=True)
class Common:
    """The highest position asked for that the server has (0: none), and its newest signed head."""

    seq: Seq
    newest: bytes | None


@dataclass(frozen=True, slots=True)
class Items:
    """A chunk of the log, and whether the server has more behind it."""

    items: tuple[LogItem, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Keys:
    """The ring of group keys, encoded; empty if the server has none."""

    ring: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a change: a short word, its position (0: none), one line for people.

    The line is cut to ``REASON_BYTES_MAX`` when it is sent.
    """

    code: str
    seq: Seq
    reason: str


@dataclass(frozen=True, slots=True)
class Removed:
    """The server's log says that the asker was removed; the proof (`changelog.removal`) is unverified."""

    proof: bytes | None = None


@dataclass(frozen=True, slots=True)
class ReportRow:
    """What a server knows of a device.

    Attributes:
        device: which.
        status: its signed status, as the device made it; None if there is none.
        health: its unsigned figures, encoded.
        stored: the highest position that it reported.
        age_ms: how long ago the server heard it; None: not in its run.
    """

    device: DeviceId
    status: bytes | None
    health: bytes | None
    stored: Seq
    age_ms: int | None


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A device that waits to be let in, as the leader knows it.

    Attributes:
        device: the id that it would have.
        request: its encoded request to join.
        why: what it waits for, a word.
        asked_ms, seen_ms: how long ago it asked first, and last.
    """

    device: DeviceId
    request: bytes
    why: str
    asked_ms: int
    seen_ms: int


@dataclass(frozen=True, slots=True)
class Reports:
    """A page of reports, then of who waits, each sorted by device, and whether there are more behind it."""

    rows: tuple[ReportRow, ...]
    more: bool
    waiting: tuple[WaitingRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Compacted:
    """What was asked for is below the checkpoint that the server's log stands on: this is its plan."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a checkpoint."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Secrets:
    """Keys K, each wrapped to who asked, and where others may be asked for those that are missing."""

    wraps: tuple[tuple[SecretName, bytes], ...]
    elsewhere: tuple[Address, ...] = ()


Reply = Secrets | Common | Items | Keys | Answer | Removed | Reports | Compacted | Piece | Told

APPLIED = "applied"
DEVICE_EXISTS = "device-exists"
"""The asking device is in the log already: an earlier answer got lost."""
NOT_MASTER = "not-master"
"""Only who leads may say this."""
NO_ANSWER = "no-answer"
"""The outcome was not known in time; ask again."""


def encode(message: Request | Reply) -> bytes:
    """Return a message's one encoding."""
    return codec.pack(_row(message))


def _row(message: Request | Reply) -> list[Any]:
    match message:
        case Common(seq, newest):
            return [17, seq, newest]
        case Items(items, more):
            assert all(int(i.kind) in _ITEM_KINDS for i in items), "no log has others"
            return [18, [[int(i.kind), i.data] for i in items], more]
        case Keys(ring):
            return [19, ring]
        case Answer(code, seq, reason):
            return [20, code, seq, codec.shortened(reason, REASON_BYTES_MAX)]
        case Removed(proof):
            return [21] if proof is None else [21, proof]
        case Reports(rows, more, waiting):
            reports = [[r.device, r.status, r.health, r.stored, r.age_ms] for r in rows]
            return [22, reports, [[w.device, w.request, w.why, w.asked_ms, w.seen_ms] for w in waiting], more]
        case Compacted(plan):
            return [23, plan.seq, plan.hashes]
        case Piece(data):
            return [24, data]
        case Secrets(wraps, elsewhere):
            boxes = [[name.section, name.key_id, box] for name, box in wraps]
            return [25, boxes, [[address.host, address.port] for address in elsewhere]]
        case Told():
            return [26, *told_row(message)]
    return _request_row(message)


def _request_row(message: Request) -> list[Any]:
    match message:
        case Locate(positions):
            return [1, [[p.seq, p.chain] for p in positions]]
        case Fetch(first):
            return [2, first]
        case GetKeys():
            return [3]
        case Join(change):
            return [4, change]
        case Submit(change, before):
            return [5, change, before]
        case GetReports(after, after_waiting):
            return [6, after, after_waiting]
        case Report(device, status):
            return [7, device, status]
        case GetPiece(seq, piece):
            return [9, seq, piece]
        case Addresses(rows):
            return [10, [[device, at.host, at.port] for device, at in rows]]
        case GetSecrets(names):
            return [11, [[name.section, name.key_id] for name in names]]
        case Ask():
            return [12, *ask_row(message)]
    return [8, message.chain, message.first]


def decode_request(data: bytes) -> Request:
    """Read a request.

    Raises:
        UntrustedInput: anything but the one encoding of a request within its bounds.
    """
    kind, rest = _open(data, REQUEST_BYTES_MAX)
    match kind:
        case 1:
            (positions,) = codec.fields(rest, 1, "locate")
            rows = codec.items(positions, LOCATOR_MAX, "locate")
            return Locate(tuple(_position(row) for row in rows))
        case 2:
            return Fetch(_seq(codec.fields(rest, 1, "fetch")[0], 1))
        case 3:
            codec.fields(rest, 0, "get keys")
            return GetKeys()
        case 4:
            return Join(codec.blob(codec.fields(rest, 1, "join")[0], CHANGE_BYTES_MAX, "join"))
        case 5:
            change, before = codec.fields(rest, 2, "submit")
            return Submit(
                codec.blob(change, CHANGE_BYTES_MAX, "submit"),
                None if before is None else ChangeId(codec.exactly(before, 32, "change before")),
            )
        case 6:
            both = codec.fields(rest, 2, "get reports")
            return GetReports(*(codec.blob(after, _ID_BYTES, "device") for after in both))
        case 7:
            device, status = codec.fields(rest, 2, "report")
            return Report(_device(device), codec.blob(status, STATUS_BYTES_MAX, "status"))
        case 8:
            chain, first = codec.fields(rest, 2, "get branch")
            return GetBranch(
                ChainHash(codec.exactly(chain, 32, "chain hash")),
                codec.integer(first, 0, NUMBER_MAX, "place"),
            )
        case 9:
            seq, piece = codec.fields(rest, 2, "get piece")
            return GetPiece(_seq(seq, 1), codec.integer(piece, 0, PIECES_MAX - 1, "piece"))
        case 10:
            return Addresses(table_from_rows(codec.fields(rest, 1, "addresses")[0]))
        case 11 | 12:
            return _get_secrets(rest) if kind == 11 else ask_from_row(rest)
    raise UntrustedInput("exchange: unknown request")


def _get_secrets(row: list[Any]) -> GetSecrets:
    (names,) = codec.fields(row, 1, "get secrets")
    sought = codec.items(names, SECRETS_SOUGHT_MAX, "get secrets")
    return GetSecrets(tuple(_secret_name(*codec.fields(name, 2, "get secrets")) for name in sought))


def _removed(rest: list[object]) -> Removed:
    """Read a REMOVED: nothing more, or what is said to prove it."""
    proofs = codec.fields(rest, 1, "removed") if rest else ()
    return Removed(*(codec.blob(proof, REMOVAL_BYTES_MAX, "removal") for proof in proofs))


def decode_reply(data: bytes) -> Reply:
    """Read an answer.

    Raises:
        UntrustedInput: anything but the one encoding of an answer within its bounds.
    """
    kind, rest = _open(data, ANSWER_BYTES_MAX)
    match kind:
        case 17:
            seq, newest = codec.fields(rest, 2, "common")
            if newest is not None:
                codec.blob(newest, SIGNED_HEAD_BYTES_MAX, "signed head")
            return Common(_seq(seq, 0), newest)
        case 18:
            items, more = codec.fields(rest, 2, "items")
            rows = codec.items(items, CHUNK_BYTES_MAX, "items")
            return Items(tuple(_item(row) for row in rows), codec.boolean(more, "more"))
        case 19:
            return Keys(codec.blob(codec.fields(rest, 1, "keys")[0], GROUP_KEYS_BYTES_MAX, "keys"))
        case 20:
            code, seq, reason = codec.fields(rest, 3, "answer")
            return Answer(
                codec.text(code, CODE_BYTES_MAX, "code"),
                _seq(seq, 0),
                codec.text(reason, REASON_BYTES_MAX, "reason"),
            )
        case 21:
            return _removed(rest)
        case 22:
            found, waiting, more = codec.fields(rest, 3, "reports")
            reports = tuple(_report_row(row) for row in codec.items(found, MEMBERS_MAX, "reports"))
            asking = tuple(_waiting_row(row) for row in codec.items(waiting, PENDING_MAX, "waiting"))
            return Reports(reports, codec.boolean(more, "more"), asking)
        case 23:
            return Compacted(plan_from_row(rest))
        case 24:
            return Piece(codec.blob(codec.fields(rest, 1, "piece")[0], PIECE_BYTES_MAX, "piece"))
        case 25:
            wraps, elsewhere = codec.fields(rest, 2, "secrets")
            boxes = codec.items(wraps, SECRETS_SOUGHT_MAX, "secrets")
            places = codec.items(elsewhere, SECRETS_ELSEWHERE_MAX, "secrets")
            return Secrets(tuple(_wrap(box) for box in boxes), tuple(_address(place) for place in places))
        case 26:
            return told_from_row(rest)
    raise UntrustedInput("exchange: unknown answer")


def _open(data: bytes, size_max: int) -> tuple[int, list[Any]]:
    """Return a message's kind and the rest of its array."""
    row = codec.unpack(data, size_max=size_max)
    if not row:
        raise UntrustedInput("exchange: empty message")
    return codec.integer(row[0], 1, 255, "message kind"), row[1:]


def _seq(value: object, low: int) -> Seq:
    return Seq(codec.integer(value, low, NUMBER_MAX, "position"))


def _position(row: object) -> Position:
    seq, chain = codec.fields(row, 2, "position")
    return Position(_seq(seq, 1), ChainHash(codec.exactly(chain, 32, "chain hash")))


def _device(value: object) -> DeviceId:
    return DeviceId(codec.exactly(value, _ID_BYTES, "device"))


def _report_row(row: object) -> ReportRow:
    device, status, health, stored, age_ms = codec.fields(row, 5, "report")
    return ReportRow(
        _device(device),
        None if status is None else codec.blob(status, STATUS_BYTES_MAX, "status"),
        None if health is None else codec.blob(health, HEALTH_BYTES_MAX, "health"),
        _seq(stored, 0),
        None if age_ms is None else codec.integer(age_ms, 0, NUMBER_MAX, "age"),
    )


def _waiting_row(row: object) -> WaitingRow:
    device, request, why, asked_ms, seen_ms = codec.fields(row, 5, "waiting")
    return WaitingRow(
        _device(device),
        codec.blob(request, JOIN_BYTES_MAX, "waiting request"),
        codec.text(why, WHY_BYTES_MAX, "waiting reason"),
        codec.integer(asked_ms, 0, NUMBER_MAX, "waiting age"),
        codec.integer(seen_ms, 0, NUMBER_MAX, "waiting age"),
    )


def _secret_name(section: object, key_id: object) -> SecretName:
    return SecretName(
        codec.text(section, SECTION_BYTES_MAX, "section"), codec.exactly(key_id, _ID_BYTES, "key id")
    )


def _wrap(row: object) -> tuple[SecretName, bytes]:
    section, key_id, box = codec.fields(row, 3, "secrets")
    return _secret_name(section, key_id), codec.blob(box, WRAP_BYTES_MAX, "secrets")


def _address(row: object) -> Address:
    host, port = codec.fields(row, 2, "address")
    return Address(codec.text(host, ADDRESS_BYTES_MAX, "address"), codec.integer(port, 1, 65_535, "address"))


def _item(row: object) -> LogItem:
    kind, data = _ITEM.read(row)
    return LogItem(_ITEM_KINDS[kind], data)
