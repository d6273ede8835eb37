"""Entries: what a writer adds to the log, and the chain over them (`specs/log.md`, section 3)."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from dusk import codec, limits
from dusk.ids import BootId, ChainHash, ChangeId, ClusterId, DeviceId, Head, Seq, labelled_hash
from dusk.keys.signing import SigningKey, verify
from dusk.lazy import Lazy, dataclass

VERSION = 1
HEAD_LABEL = b"dusk.head"
REASON_BYTES_MAX = 64
"""The code of a rejection: a few words with hyphens."""


class EntryKind(IntEnum):
    """Kinds of entries; a kind that is not known halts the reader (R13)."""

    OPEN = 1
    CHANGE = 2
    HANDOVER = 3
    GATE = 4
    VOID = 5
    CHECKPOINT = 6
    EXPIRE = 7
    FREEZE = 8


OPEN, CHANGE, HANDOVER, FREEZE = EntryKind.OPEN, EntryKind.CHANGE, EntryKind.HANDOVER, EntryKind.FREEZE
VOID = EntryKind.VOID
ATTESTED = EntryKind.CHECKPOINT
"""For what is done at each entry: Python 3.11 looks a member up in its class slower than it calls (P4)."""


class OutcomeCode(IntEnum):
    """What became of the change that an entry carries."""

    APPLIED = 0
    SUPERSEDED = 1
    REJECTED = 2


class Outcome(NamedTuple):
    """The verdict on a change: ``by`` names the superseding change, ``reason`` the rejection."""

    code: OutcomeCode
    by: ChangeId | None = None
    reason: str = ""


APPLIED = Outcome(OutcomeCode.APPLIED)

_KINDS = {int(kind): kind for kind in EntryKind}
_CODES = {int(code): code for code in OutcomeCode}
_NUMBER = codec.number(0, limits.NUMBER_MAX)
_POSITION = {"generation": _NUMBER, "mandate": _NUMBER, "epoch": _NUMBER, "seq": _NUMBER}
_OUTCOME = codec.Row(
    "outcome",
    code=codec.number(0, max(_CODES)),
    by=codec.size(32, or_nil=True),
    reason=codec.text_to(REASON_BYTES_MAX),
)
_SECTION_HASH = codec.Row(
    "section hash", section=codec.text_to(limits.SECTION_BYTES_MAX), hash=codec.size(32)
)
_ABSENT = codec.Row("absent", device=codec.size(16), cycles=_NUMBER)
_PLACES = {
    "version": codec.number(VERSION, VERSION),
    **_POSITION,
    "previous": codec.size(32),
    "writer": codec.size(16),
    "boot": codec.size(8),
    "time_s": _NUMBER,
    "clock_trusted": codec.FLAG,
    "kind": codec.number(1, max(_KINDS)),
    "change": codec.size(32, or_nil=True),
    "signatures": codec.size(32, or_nil=True),
    "outcome": codec.row(_OUTCOME),
    "sections": codec.rows_to(limits.OPERATIONS_MAX, _SECTION_HASH),
    "derived": codec.size(32),
}
_ENTRY = codec.Row("entry", **_PLACES)
_ATTESTING = codec.Row("entry", **_PLACES, absent=codec.row(_ABSENT))
_ATTESTING_START = bytes((0xDC, 0, len(_PLACES) + 1))
"""How the encoding of an array with that many items begins."""
_OWN = codec.Row("entry", seq=_NUMBER, boot=codec.size(8), time_s=_NUMBER, clock_trusted=codec.FLAG)
HEAD_ROW = codec.Row("head", **_POSITION, chain=codec.size(32))
_SIGNED_HEAD = codec.Row(
    "signed head", head=codec.row(HEAD_ROW), rest=codec.size(32), signature=codec.size(64)
)


class Absent(NamedTuple):
    """What a writer says of a member whose place another device takes without a person (A20).

    Attributes:
        device: the member.
        cycles: for how many in a row it was not heard.
    """

    device: DeviceId
    cycles: int


class _Fields(NamedTuple):
    """What stands in an entry, see `Entry`."""

    generation: int
    mandate: int
    epoch: int
    seq: Seq
    previous: ChainHash
    writer: DeviceId
    boot: BootId
    time_s: int
    clock_trusted: bool
    kind: EntryKind
    change: ChangeId | None
    signatures: bytes | None
    outcome: Outcome
    sections: tuple[tuple[str, bytes], ...]
    derived: bytes
    absent: Absent | None = None


class Entry(_Fields):
    """One position of the log.

    Args:
        generation, mandate, epoch, seq: the position, see `dusk.ids.Head`.
        previous: chain hash before this entry.
        writer, boot: who wrote it, in which run.
        time_s, clock_trusted: the writer's wall time; people see it, order never needs it (R11).
        kind: what the entry does.
        change, signatures: id and hash of signatures of the change it carries, or None.
        outcome: what became of that change.
        sections: touched sections, sorted, each with its hash afterwards.
        derived: hash of the derived state afterwards.
        absent: of the member whose place a device takes by this entry; no other entry has it.
    """

    @Lazy
    def encoded(self) -> bytes:
        """The exact bytes that are hashed."""
        return codec.pack((VERSION, *(self[:-1] if self.absent is None else self)))

    @Lazy
    def digest(self) -> bytes:
        """Hash of the entry; the first entry's digest is the cluster's id."""
        return labelled_hash(b"dusk.entry", self.encoded)

    @Lazy
    def head(self) -> Head:
        """The head that a log has once this entry is its newest."""
        chain = ChainHash(labelled_hash(b"dusk.chain", self.previous, self.digest))
        return Head(self.generation, self.mandate, self.epoch, self.seq, chain)


def trust_behind(entry: Entry) -> bytes | None:
    """Return the hash of section `trust` behind an entry that wrote it, as the entry says; else None."""
    return next((said for section, said in entry.sections if section == "trust"), None)


class Glance(NamedTuple):
    """Where an entry says that it stands, and what its writer alone could know of it."""

    seq: int
    boot: BootId
    time_s: int
    clock_trusted: bool


def glance(data: bytes) -> Glance:
    """Read these of an entry, and check nothing else: who has the log can make up the rest.

    Raises:
        UntrustedInput: they are not there.
    """
    row = codec.unproven(data, size_max=limits.ENTRY_BYTES_MAX)
    return Glance._make(_OWN.read(row[4:5] + row[7:10]))


def decode_entry(data: bytes) -> Entry:
    """Read an entry from its exact bytes.

    Raises:
        UntrustedInput: anything but the one encoding of an entry; also an unknown kind.
    """
    form = _ATTESTING if data.startswith(_ATTESTING_START) else _ENTRY
    row = form.decode(data, size_max=limits.ENTRY_BYTES_MAX)
    kind, change, signatures, outcome, sections, derived, *absent = row[10:]
    hashes = tuple(map(tuple, sections))
    said = Absent(*absent[0]) if absent else None
    verdict = _decode_outcome(outcome)
    entry = Entry(*[*row[1:10], _KINDS[kind], change, signatures, verdict, hashes, derived, said])
    vars(entry)["encoded"] = data  # what was accepted encodes to itself
    return entry


def _decode_outcome(row: Sequence[Any]) -> Outcome:
    code, by, reason = row
    return APPLIED if (code, by, reason) == (0, None, "") else Outcome(_CODES[code], by, reason)


def pack_head(head: Head) -> bytes:
    """Return the exact bytes of a head."""
    return codec.pack((head.generation, head.mandate, head.epoch, head.seq, head.chain))


def head_from_row(item: object) -> Head:
    """Read a head from a decoded row."""
    return Head(*HEAD_ROW.read(item))


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head with its writer's signature, which also covers ``rest`` (hash of the START around it).

    So the head of every START proves itself to those who did not see the START (A9, A11).
    """

    head: Head
    rest: bytes
    signature: bytes

    def encode(self) -> bytes:
        """Return the bytes as stored and sent."""
        h = self.head
        return codec.pack(((h.generation, h.mandate, h.epoch, h.seq, h.chain), self.rest, self.signature))

    def signed_by(self, public: bytes, cluster: ClusterId) -> bool:
        """Tell whether the signature is that key's."""
        return verify(public, HEAD_LABEL, cluster, _signed_bytes(self.head, self.rest), self.signature)


def _signed_bytes(head: Head, rest: bytes) -> bytes:
    return labelled_hash(b"dusk.head", pack_head(head)) + rest


def sign_head(key: SigningKey, cluster: ClusterId, head: Head, rest: bytes) -> SignedHead:
    """Sign a head.

    Args:
        key: the writer's.
        cluster: 32 bytes.
        head: position and chain hash.
        rest: 32 bytes, the hash of whatever is sent along, zeros for nothing.
    """
    return SignedHead(head, rest, key.sign(HEAD_LABEL, cluster, _signed_bytes(head, rest)))


def decode_signed_head(data: bytes) -> SignedHead:
    """Read a signed head; its signature is not checked here.

    Raises:
        UntrustedInput: anything but the one encoding.
    """
    head, rest, signature = _SIGNED_HEAD.decode(data, size_max=limits.SIGNED_HEAD_BYTES_MAX)
    return SignedHead(Head(*head), rest, signature)


class Stamp(NamedTuple):
    """What a writer adds of itself to each entry; ``absent`` is in one that rests on that alone."""

    writer: DeviceId
    boot: BootId
    time_s: int
    clock_trusted: bool
    absent: Absent | None = None
