"""Sealing bytes: XChaCha20-Poly1305 under a key, and the key that two devices share.

Nonces are arguments: a caller draws 24 random bytes for each seal.
"""

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_scalarmult,
)
from nacl.exceptions import CryptoError

from dusk.errors import UntrustedInput
from dusk.ids import labelled_hash
from dusk.keys.signing import SigningKey, x25519_public

KEY_BYTES = 32
NONCE_BYTES = 24
TAG_BYTES = 16
X25519_BYTES = 32


def seal(key: bytes, nonce: bytes, associated: bytes, plaintext: bytes) -> bytes:
    """Encrypt and authenticate.

    Args:
        key: 32 bytes.
        nonce: 24 bytes, never used twice with one key.
        associated: bytes that the reader must know and that are authenticated, not sent.
        plaintext: what to hide.

    Returns:
        The ciphertext, 16 bytes longer than the plaintext.
    """
    return crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, associated, nonce, key)


def open_sealed(key: bytes, nonce: bytes, associated: bytes, ciphertext: bytes) -> bytes:
    """Return the plaintext of what :func:`seal` made.

    Raises:
        UntrustedInput: wrong nonce size, too short, or not sealed with this key, nonce and
            associated bytes.
    """
    if len(nonce) != NONCE_BYTES or len(ciphertext) < TAG_BYTES:
        raise UntrustedInput("sealed bytes: wrong size")
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, associated, nonce, key)
    except CryptoError:
        raise UntrustedInput("sealed bytes: not authentic") from None


def exchange(private: bytes, public: bytes) -> bytes:
    """Return the 32-byte X25519 result of an own private and an outside public key.

    Raises:
        UntrustedInput: wrong size, or the result is all zero (a small-order point; A16).
    """
    assert len(private) == X25519_BYTES, "an X25519 private key has 32 bytes"
    if len(public) != X25519_BYTES:
        raise UntrustedInput("key exchange: wrong size")
    try:
        return crypto_scalarmult(private, public)
    except CryptoError:
        raise UntrustedInput("key exchange: point of small order") from None


def pairwise_key(own: SigningKey, other_public: bytes, cluster_id: bytes) -> bytes:
    """Return the 32-byte key that two devices of a cluster share; both ends compute the same.

    It serves both directions, so the associated bytes of every seal must name the sender, or
    a message could be played back to where it came from.

    Args:
        own: this device's key.
        other_public: 32 bytes, the other device's Ed25519 public key.
        cluster_id: 32 bytes.

    Raises:
        UntrustedInput: the other key is not acceptable (A18).
    """
    shared = exchange(own.x25519_private(), x25519_public(other_public))
    lower, higher = sorted((bytes(own.public), other_public))
    return labelled_hash(b"dusk.pairwise", cluster_id, shared, lower, higher)
