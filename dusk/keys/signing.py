"""Ed25519 signatures over exact bytes with a domain label: the whole signature surface (R6).

What is signed is always ``label ‖ 0 ‖ cluster id ‖ data``. A label has no zero byte and a
cluster id has 32 bytes, so two different triples never make the same bytes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from typing import NamedTuple, NewType

from nacl.bindings import (
    crypto_sign,
    crypto_sign_ed25519_pk_to_curve25519,
    crypto_sign_ed25519_sk_to_curve25519,
    crypto_sign_open,
    crypto_sign_seed_keypair,
)
from nacl.exceptions import CryptoError

from dusk.errors import UntrustedInput
from dusk.ids import KeyId, PublicKey, key_id
from dusk.lazy import dataclass

CLUSTER_ID_BYTES = 32
PUBLIC_KEY_BYTES = 32
SEED_BYTES = 32
SIGNATURE_BYTES = 64

_FIELD_PRIME = 2**255 - 19
_SIGN_BIT = 2**255
_ORDER = 2**252 + 27742317777372353535851937790883648493
"""Of the main group; so many times any of its points is nothing."""

_TORSION_PUBLIC = bytes.fromhex("ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c")
_TORSION_SIGNED = bytes.fromhex(
    "607055ca3d4aa8af26961afb12b1e60a75fac88f9c260ff25806631dbb2691593"
    "b2532ae93bdb28d0af645d548d0bcdd3e0cd403975282ffb3c4d3860bec0500"
    "6475736b"
)
"""Four bytes signed with an R that has a part of order 8: true only when multiplied by the cofactor."""


_ORDER_TWO_PUBLIC = bytes.fromhex("95" + "99" * 31)
"""The base point and the point of order 2."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private Ed25519 key; ``repr`` shows the public half only.

    Attributes:
        public: 32 bytes, what others verify with.
        key_id: 16 bytes, how the log names this key.
        seed: 32 bytes, the secret; all else follows from it.
    """

    public: PublicKey
    key_id: KeyId
    seed: bytes = field(repr=False, compare=False)
    _secret: bytes = field(repr=False, compare=False)

    @classmethod
    def from_seed(cls, seed: bytes) -> "SigningKey":
        """Make the key of a 32-byte seed."""
        assert len(seed) == SEED_BYTES, "a seed has 32 bytes"
        public, secret = crypto_sign_seed_keypair(seed)
        return cls(PublicKey(public), key_id(public), seed, secret)

    def sign(self, label: bytes, cluster_id: bytes, data: bytes) -> bytes:
        """Return the 64-byte signature of ``data`` under a domain label, for one cluster (R6).

        Args:
            label: what kind of bytes these are, without a zero byte, such as ``b"dusk.change"``.
            cluster_id: 32 bytes; ``NO_CLUSTER`` where there is none yet.
            data: the exact bytes.
        """
        assert len(cluster_id) == CLUSTER_ID_BYTES, "a cluster id has 32 bytes"
        assert b"\0" not in label, "a label has no zero byte"
        signed = crypto_sign(label + b"\0" + cluster_id + data, self._secret)
        return signed[:SIGNATURE_BYTES]

    def x25519_private(self) -> bytes:
        """Return the 32-byte X25519 private key that belongs to this key."""
        return crypto_sign_ed25519_sk_to_curve25519(self._secret)


def verify(public: bytes, label: bytes, cluster_id: bytes, data: bytes, signature: bytes) -> bool:
    """Tell whether ``signature`` is that of ``public`` over these bytes; never raises.

    libsodium refuses a non-canonical S, a small-order R and small-order or non-canonical
    public keys. Keys with a torsion part are kept out by :func:`check_public_key` where a
    key is first accepted, so that this hot path need not look again. An R with a torsion
    part is refused here by a libsodium that compares R, and by us where it multiplies by the
    cofactor: else two releases in one cluster would split its log (A18, R2).

    Args:
        public: 32 bytes, an Ed25519 public key.
        label: what kind of bytes these are, as in :meth:`SigningKey.sign`.
        cluster_id: 32 bytes.
        data: the exact bytes.
        signature: 64 bytes.
    """
    if len(signature) != SIGNATURE_BYTES or len(public) != PUBLIC_KEY_BYTES:
        return False
    if len(cluster_id) != CLUSTER_ID_BYTES:
        return False
    if not _opens(signature + label + b"\0" + cluster_id + data, public):
        return False
    return not _TAKES_TORSION or _is_in_main_group(signature[:32])


def _opens(signed: bytes, public: bytes) -> bool:
    try:
        crypto_sign_open(signed, public)
    except CryptoError:
        return False
    return True


_TAKES_TORSION = _opens(_TORSION_SIGNED, _TORSION_PUBLIC)
"""Whether this libsodium multiplies by the cofactor."""


def _is_in_main_group(point: bytes) -> bool:
    try:
        check_public_key(point)
    except UntrustedInput:
        return False
    return True


class SignedBytes(NamedTuple):
    """A claim: the arguments of :func:`verify`."""

    public: bytes
    label: bytes
    cluster_id: bytes
    data: bytes
    signature: bytes


Verified = NewType("Verified", frozenset[SignedBytes])
"""Claims that were verified; made by the three functions below alone (R6)."""

VerifyAhead = Callable[[Sequence[SignedBytes]], Verified]
"""Verifies many claims at once, as the machine does it best; may leave out any of them."""

NONE_VERIFIED = Verified(frozenset())


def verified_of(claims: Iterable[SignedBytes]) -> Verified:
    """Return those claims that are true."""
    return Verified(frozenset(claim for claim in claims if verify(*claim)))


def verified_before(claims: Iterable[SignedBytes]) -> Verified:
    """Return claims that this device itself verified when it took what they stand in."""
    return Verified(frozenset(claims))


def all_verified(parts: Iterable[Verified]) -> Verified:
    """Return what was verified in several places."""
    return Verified(NONE_VERIFIED.union(*parts))


def x25519_public(public: bytes) -> bytes:
    """Return the 32-byte X25519 public key that belongs to an Ed25519 public key.

    Raises:
        UntrustedInput: wrong size, not canonical, not on the curve, of small order, or with
            a torsion part (A18).
    """
    if len(public) != PUBLIC_KEY_BYTES:
        raise UntrustedInput(f"public key: {len(public)} bytes, not {PUBLIC_KEY_BYTES}")
    if int.from_bytes(public, "little") % _SIGN_BIT >= _FIELD_PRIME:
        raise UntrustedInput("public key: not canonical")
    try:
        converted = crypto_sign_ed25519_pk_to_curve25519(public)
    except CryptoError:
        raise UntrustedInput("public key: not a point of the main group") from None
    if _MISSES_TORSION and not _vanishes(converted):
        raise UntrustedInput("public key: not a point of the main group")
    return converted


def _vanishes(converted: bytes) -> bool:
    """Tell whether a point of the curve, times the order of the main group, is nothing.

    The ladder of RFC 7748, section 5, over the whole order. It takes its time by the bits of a
    constant and touches nothing secret.
    """
    x1 = int.from_bytes(converted, "little")
    x2, z2, x3, z3 = 1, 0, x1, 1
    for bit in f"{_ORDER:b}":
        if bit == "1":
            x2, z2, x3, z3 = x3, z3, x2, z2
        plus, minus = x2 + z2, x2 - z2
        square, other = plus * plus, minus * minus
        one, two = (x3 - z3) * plus, (x3 + z3) * minus
        x3, z3 = (one + two) ** 2 % _FIELD_PRIME, x1 * (one - two) ** 2 % _FIELD_PRIME
        rest = square - other
        x2, z2 = square * other % _FIELD_PRIME, rest * (square + 121665 * rest) % _FIELD_PRIME
        if bit == "1":
            x2, z2, x3, z3 = x3, z3, x2, z2
    return z2 == 0


def _converts(public: bytes) -> bool:
    try:
        crypto_sign_ed25519_pk_to_curve25519(public)
    except CryptoError:
        return False
    return True


_MISSES_TORSION = _converts(_ORDER_TWO_PUBLIC)
"""Whether this libsodium takes keys with a part of order 2, as 1.0.18 does; any other part it finds."""


def check_public_key(public: bytes) -> None:
    """Accept a public key or raise; to be called wherever one enters a log or a table (A18).

    Raises:
        UntrustedInput: as :func:`x25519_public`.
    """
    x25519_public(public)
