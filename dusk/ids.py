"""Names for the byte strings and numbers that everything else is made of."""

from hashlib import blake2b
from typing import NamedTuple, NewType

from dusk.lazy import dataclass

ClusterId = NewType("ClusterId", bytes)
"""32 bytes: digest of the genesis entry."""
KeyId = NewType("KeyId", bytes)
"""16 bytes: names a public key in bodies, signatures and grants."""
DeviceId = NewType("DeviceId", bytes)
"""16 bytes: the key id of the device's own key."""
ChangeId = NewType("ChangeId", bytes)
"""32 bytes: digest of a change's body."""
ChainHash = NewType("ChainHash", bytes)
"""32 bytes: digest over all entries up to a position."""
BootId = NewType("BootId", bytes)
"""8 random bytes, new at every start of a daemon."""
PublicKey = NewType("PublicKey", bytes)
"""32 bytes: an Ed25519 public key."""
Seq = NewType("Seq", int)
"""Position in the log; the genesis entry is 1, the empty log is 0."""

NO_CLUSTER = ClusterId(bytes(32))
NO_CHAIN = ChainHash(bytes(32))


def labelled_hash(label: bytes, *parts: bytes) -> bytes:
    """Return BLAKE2b-256 of ``label ‖ 0 ‖ parts`` (R6: hashes carry a domain label).

    Callers make the parts unambiguous themselves: fixed sizes, or one variable part last.
    """
    digest = (_labelled.get(label) or _begun(label)).copy()
    digest.update(b"".join(parts))
    return digest.digest()


_labelled: "dict[bytes, blake2b]" = {}
"""Hashes that have taken their label: labels are a few constants, and this is the hottest path."""


def _begun(label: bytes) -> blake2b:
    begun = _labelled[label] = blake2b(label + b"\0", digest_size=32)
    return begun


def key_id(public: bytes) -> KeyId:
    """Return the 16-byte name of a public key."""
    return KeyId(labelled_hash(b"dusk.key", public)[:16])


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry's position, as writers sign it and members report it."""

    generation: int
    mandate: int
    epoch: int
    seq: Seq
    chain: ChainHash


EMPTY_HEAD = Head(0, 0, 0, Seq(0), NO_CHAIN)


class Named(NamedTuple):
    """An entry that somebody knows before he has the log: a log without it is another one (A2).

    Of the entries below a checkpoint nobody is shown more than their hashes, so it says who the owners
    were there, too: nobody who was removed before it can leave his removal out.

    Args:
        generation: of the entry.
        seq: its position.
        chain: its chain hash, 32 bytes.
        trust: hash of section `trust` behind it, 32 bytes.
    """

    generation: int
    seq: Seq
    chain: ChainHash
    trust: bytes
