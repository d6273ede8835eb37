"""Changes: what authors sign (`specs/log.md`, section 2).

A change is three parts. The *body* names what is replaced by hash and is what is signed;
*signatures* stand beside it; *values* travel along and may be dropped one day, for the body
holds only their salted hashes.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from dusk import codec, limits
from dusk.errors import UntrustedInput
from dusk.ids import ChangeId, ClusterId, DeviceId, KeyId, labelled_hash
from dusk.keys.signing import SigningKey
from dusk.lazy import Lazy, dataclass

CHANGE_LABEL = b"dusk.change"
VERSION = 1
SALT_BYTES = 16

_OPERATION = codec.Row(
    "operation",
    section=codec.text_to(limits.SECTION_BYTES_MAX),
    key=codec.text_to(limits.RECORD_KEY_BYTES_MAX),
    value_hash=codec.size(32, or_nil=True),
    base=codec.size(32, or_nil=True),
)
_BODY = codec.Row(
    "body",
    version=codec.number(VERSION, VERSION),
    cluster=codec.size(32),
    author=codec.size(16),
    device=codec.size(16),
    counter=codec.number(0, limits.NUMBER_MAX),
    message=codec.text_to(limits.MESSAGE_BYTES_MAX),
    operations=codec.rows_to(limits.OPERATIONS_MAX, _OPERATION, 1),
)
_SIGNATURE = codec.Row("signature", key_id=codec.size(16), signature=codec.size(64))
_VALUE = codec.Row("value", salt=codec.size(SALT_BYTES), data=codec.blob_to(limits.VALUE_BYTES_MAX))
_CHANGE = codec.Row(
    "change",
    body=codec.blob_to(limits.CHANGE_BYTES_MAX),
    signatures=codec.rows_to(limits.SIGNATURES_MAX, _SIGNATURE),
    values=codec.rows_to(limits.OPERATIONS_MAX, _VALUE, or_nil=True),
)


class Operation(NamedTuple):
    """One record's replacement or removal.

    Args:
        section: path of the section.
        key: the record's key.
        value_hash: 32 bytes, salted hash of the new value; None deletes the record.
        base: id of the change that last wrote the record as the author saw it, None for none.
    """

    section: str
    key: str
    value_hash: bytes | None
    base: ChangeId | None


class Body(NamedTuple):
    """What an author signs: one atomic list of operations.

    ``counter`` rises strictly per (author, device); 0 stands in device creations and joint changes.
    """

    cluster: ClusterId
    author: KeyId
    device: DeviceId
    counter: int
    message: str
    operations: tuple[Operation, ...]

    def encode(self) -> bytes:
        """Return the exact bytes that are signed and hashed (R6)."""
        operations = [(o.section, o.key, o.value_hash, o.base) for o in self.operations]
        return codec.pack(
            (VERSION, self.cluster, self.author, self.device, self.counter, self.message, operations)
        )


class Signature(NamedTuple):
    """A signature over a body, by the key of that name."""

    key_id: KeyId
    signature: bytes


class Value(NamedTuple):
    """A record's value with the salt that its hash in the body carries."""

    salt: bytes
    data: bytes

    @property
    def hash(self) -> bytes:
        """The 32-byte hash that operations name; the salt leaves nothing to guess from (A53)."""
        return labelled_hash(b"dusk.value", self.salt, self.data)


class _Parts(NamedTuple):
    """What a change is made of, see `Change`."""

    body_bytes: bytes
    signatures: tuple[Signature, ...]
    values: tuple[Value | None, ...]


class Change(_Parts):
    """A body's exact bytes, its signatures sorted by key id, one value for each operation."""

    @Lazy
    def id(self) -> ChangeId:
        """Hash of the body: what records, outcomes and authors name."""
        return change_id(self.body_bytes)

    @Lazy
    def body(self) -> Body:
        """The decoded body."""
        return decode_body(self.body_bytes)

    @Lazy
    def signatures_hash(self) -> bytes:
        """Hash that an entry keeps of who signed."""
        return labelled_hash(
            b"dusk.signatures", codec.pack([(s.key_id, s.signature) for s in self.signatures])
        )

    def encode(self) -> bytes:
        """Return the change as it is stored and sent."""
        return codec.pack(
            (
                self.body_bytes,
                [(s.key_id, s.signature) for s in self.signatures],
                [None if v is None else (v.salt, v.data) for v in self.values],
            )
        )


def change_id(body_bytes: bytes) -> ChangeId:
    """Return the id of the change with this body."""
    return ChangeId(labelled_hash(CHANGE_LABEL, body_bytes))


def decode_body(data: bytes) -> Body:
    """Read a body from its exact bytes.

    Raises:
        UntrustedInput: anything but the one encoding of a body within its bounds.
    """
    row = _BODY.decode(data, size_max=limits.CHANGE_BYTES_MAX)
    _version, cluster, author, device, counter, message, operations = row
    decoded = tuple(map(Operation._make, operations))
    if len(decoded) > 1 and len({(o.section, o.key) for o in decoded}) != len(decoded):
        raise UntrustedInput("body: a record stands twice")
    return Body(cluster, author, device, counter, message, decoded)


def decode_change(data: bytes) -> Change:
    """Read a change; bytes, order of signatures and hashes of values are all checked.

    Raises:
        UntrustedInput: see `decode_body`; also signatures unsorted or double, a value that
            is missing, surplus or hashes to something else.
    """
    row = _CHANGE.decode(data, size_max=limits.CHANGE_BYTES_MAX)
    body_bytes, unverified_signatures, unverified_values = row
    signatures = tuple(map(Signature._make, unverified_signatures))
    if len(signatures) > 1 and any(a.key_id >= b.key_id for a, b in pairwise(signatures)):
        raise UntrustedInput("signatures: not sorted, or one twice")
    values = tuple([None if item is None else Value._make(item) for item in unverified_values])
    change = Change(body_bytes, signatures, values)
    _check_values(change.body.operations, values)
    return change


def _check_values(operations: Sequence[Operation], values: Sequence[Value | None]) -> None:
    if len(operations) != len(values):
        raise UntrustedInput("values: not one for each operation")
    for operation, value in zip(operations, values, strict=True):
        if (None if value is None else value.hash) != operation.value_hash:
            raise UntrustedInput(f"value: not the one that was signed for {operation.section}")


@dataclass(frozen=True, slots=True)
class Edit:
    """What an author wants of one record, before it is hashed and signed.

    Attributes:
        section, key: which record.
        data: its new value; None deletes it.
        base: the change that the author saw there.
        salt: for a value that somebody else hashed and signed already; None: a fresh one.
    """

    section: str
    key: str
    data: bytes | None
    base: ChangeId | None
    salt: bytes | None = None


def build_change(
    *,
    cluster: ClusterId,
    device: DeviceId,
    counter: int,
    message: str,
    edits: Sequence[Edit],
    signers: Sequence[SigningKey],
    random_bytes: Callable[[int], bytes],
) -> Change:
    """Build and sign a change; the first of ``signers`` is its author.

    Args:
        cluster: 32 bytes, in the body and under each signature (R6).
        device: where it is made.
        counter: above all that this author used there; 0 where a change carries none.
        message: for people.
        edits: what each record becomes, and the change that the author saw there.
        signers: one or more keys.
        random_bytes: gives so many bytes, for the salts of values.

    Raises:
        UntrustedInput: the edits do not make a valid change (too large, a record twice, ...).
    """
    values = tuple(
        None if e.data is None else Value(e.salt or random_bytes(SALT_BYTES), e.data) for e in edits
    )
    body_bytes = Body(
        cluster=cluster,
        author=signers[0].key_id,
        device=device,
        counter=counter,
        message=message,
        operations=tuple(
            Operation(e.section, e.key, None if v is None else v.hash, e.base)
            for e, v in zip(edits, values, strict=True)
        ),
    ).encode()
    signatures = tuple(
        sorted(
            (Signature(key.key_id, key.sign(CHANGE_LABEL, cluster, body_bytes)) for key in signers),
            key=lambda s: s.key_id,
        )
    )
    return decode_change(Change(body_bytes, signatures, values).encode())
