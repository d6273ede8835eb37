"""The form of changes, entries, signed heads and log items (log.md, 2 and 3)."""

from dataclasses import dataclass
from itertools import pairwise

from tests.vectors.reader.keys import labelled, verify
from tests.vectors.reader.packing import (
    Decoded,
    NotPacked,
    Refused,
    array,
    flag,
    need,
    number,
    octets,
    octets_or_none,
    pack,
    text,
    unpack,
    unpack_closely,
)

SIZE_MAX = 262_144
ITEM_SIZE_MAX = 524_352
SIGNED_HEAD_SIZE_MAX = 512
CERTIFICATE_SIZE_MAX = 4_096


@dataclass(frozen=True)
class Operation:
    """One record that a change writes or deletes."""

    section: str
    key: str
    value_hash: bytes | None
    base: bytes | None


@dataclass(frozen=True)
class Body:
    """What the signatures of a change are over."""

    cluster: bytes
    author: bytes
    device: bytes
    counter: int
    message: str
    operations: list[Operation]


@dataclass(frozen=True)
class Value:
    """A value as it came, and its array, or text that says that it is none."""

    salt: bytes
    data: bytes
    value: Decoded | str


@dataclass(frozen=True)
class Change:
    """A change as its bytes say it."""

    id: bytes
    body: Body
    signatures: list[tuple[bytes, bytes]]
    signatures_hash: bytes
    values: list[Value | None]


def operation(item: object) -> Operation:
    """Read one operation."""
    section, key, value_hash, base = array(item, 4)
    return Operation(
        text(section, 191), text(key, 512), octets_or_none(value_hash, 32), octets_or_none(base, 32)
    )


def body(data: bytes) -> Body:
    """Read the body of a change."""
    version, cluster, author, device, counter, message, operations = unpack(data, 7, SIZE_MAX)
    number(version, 1, 1)
    result = Body(
        octets(cluster, 32),
        octets(author, 16),
        octets(device, 16),
        number(counter),
        text(message, 1_024),
        [operation(item) for item in array(operations, most=4_096, least=1)],
    )
    records = {(item.section, item.key) for item in result.operations}
    need(len(records) == len(result.operations), "record-twice")
    return result


def _signature(item: object) -> tuple[bytes, bytes]:
    signer, signature = array(item, 2)
    return octets(signer, 16), octets(signature, 64)


def _value(item: object) -> Value | None:
    if item is None:
        return None
    salt, data = array(item, 2)
    octets(salt, 16)
    octets(data, most=65_536)
    try:
        return Value(salt, data, Decoded(unpack_closely(data, 65_536)))
    except NotPacked:
        return Value(salt, data, "not in our encoding")


def change(data: bytes) -> Change:
    """Read a change; only its form is judged."""
    packed, signatures, values = unpack(data, 3, SIZE_MAX)
    octets(packed)
    read = body(packed)
    signed = [_signature(item) for item in array(signatures, most=32)]
    need(all(one[0] < other[0] for one, other in pairwise(signed)), "order")
    brought = [_value(item) for item in array(values)]
    hashes = [item and labelled("dusk.value", item.salt, item.data) for item in brought]
    need(hashes == [item.value_hash for item in read.operations], "values")
    return Change(
        labelled("dusk.change", packed), read, signed, labelled("dusk.signatures", pack(signatures)), brought
    )


@dataclass(frozen=True)
class Head:
    """A position, and the chain hash after it."""

    generation: int
    mandate: int
    epoch: int
    seq: int
    chain: bytes


@dataclass(frozen=True)
class Entry:
    """An entry as its bytes say it."""

    generation: int
    mandate: int
    epoch: int
    seq: int
    previous: bytes
    writer: bytes
    boot: bytes
    time_s: int
    clock_trusted: bool
    kind: int
    change: bytes | None
    signatures: bytes | None
    outcome: tuple[int, bytes | None, str]
    sections: list[tuple[str, bytes]]
    derived: bytes
    absent: tuple[bytes, int] | None = None

    def head(self, digest: bytes) -> Head:
        """Give the head of which this entry, with this digest, is the newest."""
        chain = labelled("dusk.chain", self.previous, digest)
        return Head(self.generation, self.mandate, self.epoch, self.seq, chain)


def _section(item: object) -> tuple[str, bytes]:
    path, digest = array(item, 2)
    return text(path, 191), octets(digest, 32)


def entry(data: bytes) -> Entry:
    """Read an entry; only its form is judged."""
    fields = unpack(data, None, SIZE_MAX)
    need(len(fields) in {16, 17}, "wrong-shape")
    number(fields[0], 1, 1)
    generation, mandate, epoch, seq = (number(item) for item in fields[1:5])
    code, by, reason = array(fields[13], 3)
    kind = number(fields[10])
    need(1 <= kind <= 8, "unknown-kind")
    return Entry(
        generation,
        mandate,
        epoch,
        seq,
        octets(fields[5], 32),
        octets(fields[6], 16),
        octets(fields[7], 8),
        number(fields[8]),
        flag(fields[9]),
        kind,
        octets_or_none(fields[11], 32),
        octets_or_none(fields[12], 32),
        (number(code, 0, 2), octets_or_none(by, 32), text(reason, 64)),
        [_section(item) for item in array(fields[14], most=4_096)],
        octets(fields[15], 32),
        _absent(fields[16]) if len(fields) > 16 else None,
    )


def _absent(item: object) -> tuple[bytes, int]:
    device, cycles = array(item, 2)
    return octets(device, 16), number(cycles)


@dataclass(frozen=True)
class SignedHead:
    """A head, what was sent around it as a hash, and the signature over both."""

    head: Head
    rest: bytes
    signature: bytes

    def signed(self) -> bytes:
        """Give what follows the cluster id under the signature."""
        head = self.head
        packed = pack([head.generation, head.mandate, head.epoch, head.seq, head.chain])
        return labelled("dusk.head", packed) + self.rest

    def verify(self, public: bytes, cluster: bytes) -> None:
        """Refuse it if this key did not sign it for this cluster."""
        verify(public, "dusk.head", cluster, self.signed(), self.signature)


def head(item: object) -> Head:
    """Read a head."""
    generation, mandate, epoch, seq, chain = array(item, 5)
    return Head(number(generation), number(mandate), number(epoch), number(seq), octets(chain, 32))


def signed_head(data: bytes) -> SignedHead:
    """Read a signed head, without its signature being verified."""
    inside, rest, signature = unpack(data, 3, SIGNED_HEAD_SIZE_MAX)
    return SignedHead(head(inside), octets(rest, 32), octets(signature, 64))


def item(data: bytes) -> tuple[bytes, bytes | None]:
    """Read an entry with its change, which must be the one that it names."""
    packed, brought = unpack(data, 2, ITEM_SIZE_MAX)
    named = entry(octets(packed))
    if brought is None:
        need(named.change is None and named.signatures is None, "entry-without-change")
        return packed, None
    read = change(octets(brought))
    if (read.id, read.signatures_hash) != (named.change, named.signatures):
        raise Refused("other-change")
    return packed, brought


@dataclass(frozen=True)
class Certificate:
    """A head with the acknowledgements of devices."""

    head: Head
    acks: list[tuple[bytes, bytes]]


def certificate(data: bytes) -> Certificate:
    """Read a certificate, without its signatures being verified."""
    inside, acks = unpack(data, 2, CERTIFICATE_SIZE_MAX)
    read = [_signature(item) for item in array(acks, most=32, least=1)]
    need(all(one[0] < other[0] for one, other in pairwise(read)), "order")
    return Certificate(head(inside), read)
