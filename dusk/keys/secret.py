"""Secret values in the log: sealed under a key K, which is wrapped to each of its readers (R15).

K belongs to one section of one cluster. Its id is a hash of it, so that all who open a wrap have
the same K, and a value that one of them opens is the same for all. A wrap is a sealed box of
libsodium; nonces, keys and the ephemeral seed are arguments, so the same inputs make the same bytes.
"""

import hashlib

from nacl.bindings import crypto_box, crypto_box_seal_open, crypto_scalarmult_base
from nacl.exceptions import CryptoError

from dusk import codec
from dusk.errors import UntrustedInput
from dusk.ids import labelled_hash
from dusk.keys.box import KEY_BYTES, NONCE_BYTES, TAG_BYTES, open_sealed, seal
from dusk.keys.signing import SigningKey, x25519_public
from dusk.lazy import dataclass
from dusk.limits import SECRET_BYTES_MAX, SECRET_VALUES_MAX, WRAP_BYTES_MAX

SECRET_KEY_ID_BYTES = 16
EPHEMERAL_BYTES = 32
WRAP_OVERHEAD_BYTES = 48
"""Of a sealed box: the sender's public key and the tag."""
_LENGTH_BYTES = 4
_STEP_BYTES = 128
"""What is sealed is padded to a multiple: a passphrase of 8 characters is as long as one of 63 (A53)."""

SecretValue = str | tuple[str, ...]
"""One text, or the items of a list."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a key K counts.

    Attributes:
        cluster: 32 bytes, the cluster's id.
        section: path of the section of which it seals values.
    """

    cluster: bytes
    section: str


def secret_key_id(secret: bytes) -> bytes:
    """Return the 16-byte id of a key K."""
    assert len(secret) == KEY_BYTES, "a key K has 32 bytes"
    return labelled_hash(b"dusk.secret-key", secret)[:SECRET_KEY_ID_BYTES]


def seal_value(secret: bytes, nonce: bytes, scope: Scope, record: str, value: SecretValue) -> bytes:
    """Seal a value for its record; nobody can put what comes out anywhere else.

    Args:
        secret: 32 bytes, the key K.
        nonce: 24 random bytes.
        scope: where K counts.
        record: the record's key.
        value: a text, or the items of a list.

    Returns:
        Nonce and ciphertext.
    """
    packed = codec.pack([value if isinstance(value, str) else list(value)])
    plain = len(packed).to_bytes(_LENGTH_BYTES, "big") + packed
    padded = plain + bytes(-len(plain) % _STEP_BYTES)
    return nonce + seal(secret, nonce, _associated(scope, record, secret_key_id(secret)), padded)


def open_value(secret: bytes, scope: Scope, record: str, sealed: bytes) -> SecretValue:
    """Return the value of what :func:`seal_value` made.

    Raises:
        UntrustedInput: sealed with another key or for another record, or not a value.
    """
    associated = _associated(scope, record, secret_key_id(secret))
    padded = open_sealed(secret, sealed[:NONCE_BYTES], associated, sealed[NONCE_BYTES:])
    size = int.from_bytes(padded[:_LENGTH_BYTES], "big")
    packed, rest = padded[_LENGTH_BYTES : _LENGTH_BYTES + size], padded[_LENGTH_BYTES + size :]
    if len(packed) != size or len(padded) % _STEP_BYTES or len(rest) >= _STEP_BYTES or any(rest):
        raise UntrustedInput("secret: wrong padding")
    (value,) = codec.fields(codec.unpack(packed, size_max=SECRET_BYTES_MAX), 1, "secret")
    if isinstance(value, list):
        items = codec.items(value, SECRET_VALUES_MAX, "secret")
        return tuple(codec.text(item, SECRET_BYTES_MAX, "secret") for item in items)
    return codec.text(value, SECRET_BYTES_MAX, "secret")


def check_sealed_value(key_id: object, sealed: object) -> tuple[bytes, bytes]:
    """Return the id of K and the sealed bytes of a record, their form proven.

    Raises:
        UntrustedInput: of another form.
    """
    name = codec.exactly(key_id, SECRET_KEY_ID_BYTES, "secret: key id")
    data = codec.blob(sealed, SECRET_BYTES_MAX, "secret")
    padded_bytes = len(data) - NONCE_BYTES - TAG_BYTES
    if padded_bytes < _STEP_BYTES or padded_bytes % _STEP_BYTES:
        raise UntrustedInput("secret: no sealed value has this size")
    return name, data


def wrap(secret: bytes, scope: Scope, reader: bytes, ephemeral: bytes) -> bytes:
    """Wrap a key K to a reader, as ``crypto_box_seal`` does.

    Args:
        secret: 32 bytes, the key K.
        scope: where K counts.
        reader: 32 bytes, the reader's Ed25519 public key.
        ephemeral: 32 random bytes, never used twice.

    Raises:
        UntrustedInput: the reader's key is not acceptable (A18).
    """
    assert len(ephemeral) == EPHEMERAL_BYTES, "an ephemeral seed has 32 bytes"
    public = x25519_public(reader)
    sender = crypto_scalarmult_base(ephemeral)
    plain = codec.pack([scope.cluster, scope.section, secret_key_id(secret), secret])
    return sender + crypto_box(plain, _box_nonce(sender, public), public, ephemeral)


def unwrap(own: SigningKey, scope: Scope, box: bytes) -> bytes:
    """Return the key K of a wrap to ``own``.

    Raises:
        UntrustedInput: wrapped to somebody else, for another section or cluster, or not a key K.
    """
    if len(box) < WRAP_OVERHEAD_BYTES:
        raise UntrustedInput("wrapped key: too short")
    try:
        plain = crypto_box_seal_open(box, x25519_public(own.public), own.x25519_private())
    except CryptoError:
        raise UntrustedInput("wrapped key: not for this key") from None
    cluster, section, name, secret = codec.fields(
        codec.unpack(plain, size_max=WRAP_BYTES_MAX), 4, "wrapped key"
    )
    found = codec.exactly(secret, KEY_BYTES, "wrapped key")
    if (cluster, section) != (scope.cluster, scope.section) or name != secret_key_id(found):
        raise UntrustedInput("wrapped key: for another section")
    return found


def _box_nonce(sender: bytes, public: bytes) -> bytes:
    """Return the nonce of a sealed box."""
    return hashlib.blake2b(sender + public, digest_size=NONCE_BYTES).digest()


def _associated(scope: Scope, record: str, key_id: bytes) -> bytes:
    return codec.pack([scope.cluster, scope.section, record, key_id])
