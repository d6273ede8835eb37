"""Entries: what a writer adds to the log, and the chain over them (`specs/log.md`, section 3)."""

from dataclasses import dataclass
from enum import IntEnum

from dusk import codec, limits
from dusk.ids import BootId, ChainHash, ChangeId, ClusterId, DeviceId, Head, Seq, labelled_hash
from dusk.keys.signing import SigningKey, verify
from dusk.lazy import Lazy

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


class OutcomeCode(IntEnum):
    """What became of the change that an entry carries."""

    APPLIED = 0
    SUPERSEDED = 1
    REJECTED = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on a change: ``by`` names the superseding change, ``reason`` the rejection."""

    code: OutcomeCode
    by: ChangeId | None = None
    reason: str = ""


APPLIED = Outcome(OutcomeCode.APPLIED)

_KIND_LAST, _CODE_LAST = max(EntryKind), max(OutcomeCode)


@dataclass(frozen=True)
class Entry:
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
    """

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

    @Lazy
    def encoded(self) -> bytes:
        """The exact bytes that are hashed."""
        position = (self.generation, self.mandate, self.epoch, self.seq, self.previous)
        stamp = (self.writer, self.boot, self.time_s, self.clock_trusted)
        outcome = (int(self.outcome.code), self.outcome.by, self.outcome.reason)
        carried = (int(self.kind), self.change, self.signatures, outcome)
        return codec.pack((VERSION, *position, *stamp, *carried, self.sections, self.derived))

    @Lazy
    def digest(self) -> bytes:
        """Hash of the entry; the first entry's digest is the cluster's id."""
        return labelled_hash(b"dusk.entry", self.encoded)

    @Lazy
    def head(self) -> Head:
        """The head that a log has once this entry is its newest."""
        chain = ChainHash(labelled_hash(b"dusk.chain", self.previous, self.digest))
        return Head(self.generation, self.mandate, self.epoch, self.seq, chain)


def decode_entry(data: bytes) -> Entry:
    """Read an entry from its exact bytes.

    Raises:
        UntrustedInput: anything but the one encoding of an entry; also an unknown kind.
    """
    row = codec.fields(codec.unpack(data, size_max=limits.ENTRY_BYTES_MAX), 16, "entry")
    codec.integer(row[0], VERSION, VERSION, "entry version")
    sections = codec.items(row[14], limits.OPERATIONS_MAX, "entry sections")
    entry = Entry(
        generation=_number(row[1], "generation"),
        mandate=_number(row[2], "mandate"),
        epoch=_number(row[3], "epoch"),
        seq=Seq(_number(row[4], "seq")),
        previous=ChainHash(codec.exactly(row[5], 32, "previous chain hash")),
        writer=DeviceId(codec.exactly(row[6], 16, "writer")),
        boot=BootId(codec.exactly(row[7], 8, "boot id")),
        time_s=_number(row[8], "time"),
        clock_trusted=codec.boolean(row[9], "clock flag"),
        kind=EntryKind(codec.integer(row[10], 1, _KIND_LAST, "entry kind")),
        change=None if row[11] is None else ChangeId(codec.exactly(row[11], 32, "change id")),
        signatures=None if row[12] is None else codec.exactly(row[12], 32, "signatures hash"),
        outcome=_decode_outcome(row[13]),
        sections=tuple(_decode_section_hash(item) for item in sections),
        derived=codec.exactly(row[15], 32, "derived hash"),
    )
    vars(entry)["encoded"] = data  # what was accepted encodes to itself
    return entry


def _number(value: object, what: str) -> int:
    return codec.integer(value, 0, limits.NUMBER_MAX, what)


def _decode_outcome(item: object) -> Outcome:
    code, by, reason = codec.fields(item, 3, "outcome")
    return Outcome(
        OutcomeCode(codec.integer(code, 0, _CODE_LAST, "outcome")),
        None if by is None else ChangeId(codec.exactly(by, 32, "outcome's change")),
        codec.text(reason, REASON_BYTES_MAX, "outcome's reason"),
    )


def _decode_section_hash(item: object) -> tuple[str, bytes]:
    path, digest = codec.fields(item, 2, "section hash")
    return codec.text(path, limits.SECTION_BYTES_MAX, "section"), codec.exactly(digest, 32, "section hash")


def pack_head(head: Head) -> bytes:
    """Return the exact bytes of a head."""
    return codec.pack((head.generation, head.mandate, head.epoch, head.seq, head.chain))


def head_from_row(item: object) -> Head:
    """Read a head from a decoded row."""
    row = codec.fields(item, 5, "head")
    return Head(
        _number(row[0], "generation"),
        _number(row[1], "mandate"),
        _number(row[2], "epoch"),
        Seq(_number(row[3], "seq")),
        ChainHash(codec.exactly(row[4], 32, "chain hash")),
    )


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
    """Sign a head; ``rest`` is the 32-byte hash of whatever is sent along (zeros for nothing)."""
    return SignedHead(head, rest, key.sign(HEAD_LABEL, cluster, _signed_bytes(head, rest)))


def decode_signed_head(data: bytes) -> SignedHead:
    """Read a signed head; its signature is not checked here.

    Raises:
        UntrustedInput: anything but the one encoding.
    """
    head, rest, signature = codec.fields(codec.unpack(data, size_max=512), 3, "signed head")
    return SignedHead(
        head_from_row(head), codec.exactly(rest, 32, "rest"), codec.exactly(signature, 64, "signature")
    )


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a writer adds of itself to each entry."""

    writer: DeviceId
    boot: BootId
    time_s: int
    clock_trusted: bool
