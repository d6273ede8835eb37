"""Noise_XX_25519_ChaChaPoly_BLAKE2s (Noise Protocol Framework, revision 34), and nothing more.

One handshake object serves one attempt. It fails closed: after any error it is dead, every
later call raises the same one error, and no key comes out of it (A16). Both ephemeral keys
are arguments; a caller draws a new one for each attempt.
"""

import hashlib
import hmac
from enum import Enum, auto

from nacl.bindings import (
    crypto_aead_chacha20poly1305_ietf_decrypt,
    crypto_aead_chacha20poly1305_ietf_encrypt,
    crypto_scalarmult_base,
)
from nacl.exceptions import CryptoError

from dusk.errors import UntrustedInput
from dusk.keys.box import KEY_BYTES, TAG_BYTES, X25519_BYTES, exchange
from dusk.limits import FRAME_BYTES_MAX

_PROTOCOL_NAME = b"Noise_XX_25519_ChaChaPoly_BLAKE2s"
_NONCE_RESERVED = 2**64 - 1
"""Noise 5.1 keeps this nonce for rekeying; reaching it is the end of a key."""


class _Token(Enum):
    """What a message pattern is made of (Noise 7.1)."""

    E = auto()
    S = auto()
    EE = auto()
    ES = auto()
    SE = auto()


_XX = (
    (_Token.E,),
    (_Token.E, _Token.EE, _Token.S, _Token.ES),
    (_Token.S, _Token.SE),
)
"""The pattern XX; the initiator writes the first and third message, the responder the second."""


class _Stage(Enum):
    """How far a handshake is; ``DEAD`` is also where it stands while a call is under way."""

    RUNNING = auto()
    DONE = auto()
    SPLIT = auto()
    DEAD = auto()


class CipherState:
    """One direction of a stream: a key and a counter (Noise 5.1), dead after any error."""

    __slots__ = ("_key", "_nonce")

    def __init__(self, key: bytes, nonce: int = 0) -> None:
        """Take a 32-byte key and the number of messages already sealed with it."""
        self._key: bytes | None = key
        self._nonce = nonce

    def encrypt(self, plaintext: bytes, ad: bytes = b"") -> bytes:
        """Seal the next message; at most 65,519 bytes, 16 more come out.

        Raises:
            UntrustedInput: too long, counter used up, or dead.
        """
        key = self._take()
        if len(plaintext) + TAG_BYTES > FRAME_BYTES_MAX:
            raise UntrustedInput("noise: message too long")
        sealed = crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, ad, self._nonce_bytes(), key)
        self._give_back(key)
        return sealed

    def decrypt(self, ciphertext: bytes, ad: bytes = b"") -> bytes:
        """Open the next message.

        Raises:
            UntrustedInput: wrong size, not authentic (changed, repeated, left out, reordered),
                counter used up, or dead.
        """
        key = self._take()
        if not TAG_BYTES <= len(ciphertext) <= FRAME_BYTES_MAX:
            raise UntrustedInput("noise: message of wrong size")
        try:
            opened = crypto_aead_chacha20poly1305_ietf_decrypt(ciphertext, ad, self._nonce_bytes(), key)
        except CryptoError:
            raise UntrustedInput("noise: message not authentic") from None
        self._give_back(key)
        return opened

    def _take(self) -> bytes:
        """Take the key out; a call that raises never gives it back."""
        key, self._key = self._key, None
        if key is None:
            raise UntrustedInput("noise: stream failed earlier")
        if self._nonce >= _NONCE_RESERVED:
            raise UntrustedInput("noise: key used up")
        return key

    def _give_back(self, key: bytes) -> None:
        """End a call that went well."""
        self._key = key
        self._nonce += 1

    def _nonce_bytes(self) -> bytes:
        """Return the 12-byte nonce of ChaChaPoly (Noise 12.3)."""
        return bytes(4) + self._nonce.to_bytes(8, "little")


class _SymmetricState:
    """Chaining key, transcript hash and the current handshake cipher (Noise 5.2)."""

    __slots__ = ("_chaining_key", "_cipher", "hash")

    def __init__(self, prologue: bytes) -> None:
        self.hash = hashlib.blake2s(_PROTOCOL_NAME).digest()
        self._chaining_key = self.hash
        self._cipher: CipherState | None = None
        self.mix_hash(prologue)

    def mix_hash(self, data: bytes) -> None:
        """Add to the transcript."""
        self.hash = hashlib.blake2s(self.hash + data).digest()

    def mix_key(self, material: bytes) -> None:
        """Add the result of a key exchange."""
        self._chaining_key, key = _hkdf(self._chaining_key, material)
        self._cipher = CipherState(key)

    def seal(self, plaintext: bytes) -> bytes:
        """EncryptAndHash: in the clear until there is a key."""
        sealed = self._cipher.encrypt(plaintext, self.hash) if self._cipher else plaintext
        self.mix_hash(sealed)
        return sealed

    def open(self, sealed: bytes) -> bytes:
        """DecryptAndHash."""
        plaintext = self._cipher.decrypt(sealed, self.hash) if self._cipher else sealed
        self.mix_hash(sealed)
        return plaintext

    def split(self) -> tuple[CipherState, CipherState]:
        """Return the ciphers of initiator to responder and back."""
        first, second = _hkdf(self._chaining_key, b"")
        return CipherState(first), CipherState(second)


class Handshake:
    """One side of one XX handshake.

    Args:
        initiator: whether this side opens the stream.
        static_private: 32 bytes, this device's X25519 private key.
        ephemeral_private: 32 fresh random bytes, for this attempt only.
        prologue: bytes that both sides must agree on: protocol, version, cluster id.
    """

    __slots__ = (
        "_ephemeral_private",
        "_initiator",
        "_position",
        "_remote_ephemeral",
        "_remote_static",
        "_stage",
        "_static_private",
        "_symmetric",
    )

    def __init__(
        self, *, initiator: bool, static_private: bytes, ephemeral_private: bytes, prologue: bytes
    ) -> None:
        """See the class; keywords only, as two of these are easily swapped."""
        assert len(static_private) == len(ephemeral_private) == KEY_BYTES, "private keys have 32 bytes"
        self._initiator = initiator
        self._static_private = static_private
        self._ephemeral_private = ephemeral_private
        self._remote_ephemeral = b""
        self._remote_static = b""
        self._symmetric = _SymmetricState(prologue)
        self._position = 0
        self._stage = _Stage.RUNNING

    @property
    def done(self) -> bool:
        """Whether all three messages went through."""
        return self._stage in (_Stage.DONE, _Stage.SPLIT)

    @property
    def remote_static(self) -> bytes:
        """The other side's X25519 public key, as soon as its possession is proven.

        The initiator has it after the second message, before it shows its own.

        Raises:
            UntrustedInput: not proven yet, or dead.
        """
        if self._stage is _Stage.DEAD or not self._remote_static:
            raise UntrustedInput("noise: other side not known")
        return self._remote_static

    @property
    def hash(self) -> bytes:
        """The transcript hash, 32 bytes: names this very handshake in signatures (Noise 11.2).

        Raises:
            UntrustedInput: not done.
        """
        if not self.done:
            raise UntrustedInput("noise: handshake not done")
        return self._symmetric.hash

    def write(self, payload: bytes) -> bytes:
        """Return this side's next message.

        The first message carries its payload in the clear, and the payloads of the first two
        go to someone who has proven nothing yet.

        Raises:
            UntrustedInput: not this side's turn, too long, a bad point of the other side,
                or dead.
        """
        tokens = self._begin(initiator_turn=self._initiator)
        message = b"".join(self._write_token(token) for token in tokens) + self._symmetric.seal(payload)
        if len(message) > FRAME_BYTES_MAX:
            raise UntrustedInput("noise: message too long")
        self._finish()
        return message

    def read(self, message: bytes) -> bytes:
        """Take the other side's next message and return its payload.

        Raises:
            UntrustedInput: not its turn, wrong size, a bad point, not authentic, another
                prologue, or dead.
        """
        tokens = self._begin(initiator_turn=not self._initiator)
        if len(message) > FRAME_BYTES_MAX:
            raise UntrustedInput("noise: message too long")
        rest = message
        for token in tokens:
            rest = self._read_token(token, rest)
        payload = self._symmetric.open(rest)
        self._finish()
        return payload

    def split(self) -> tuple[CipherState, CipherState]:
        """Return the ciphers to send and to receive with; once, or nonces would repeat.

        Raises:
            UntrustedInput: not done, or taken before.
        """
        if self._stage is not _Stage.DONE:
            self._stage = _Stage.DEAD
            raise UntrustedInput("noise: no keys to be had")
        self._stage = _Stage.SPLIT
        forth, back = self._symmetric.split()
        return (forth, back) if self._initiator else (back, forth)

    def _begin(self, *, initiator_turn: bool) -> tuple[_Token, ...]:
        """Open a call: dead until :meth:`_finish`, so that no error leaves it usable."""
        stage, self._stage = self._stage, _Stage.DEAD
        if stage is not _Stage.RUNNING:
            raise UntrustedInput("noise: handshake over or failed")
        if initiator_turn != (self._position % 2 == 0):
            raise UntrustedInput("noise: message out of order")
        return _XX[self._position]

    def _finish(self) -> None:
        """End a call that went well."""
        self._position += 1
        self._stage = _Stage.RUNNING if self._position < len(_XX) else _Stage.DONE

    def _write_token(self, token: _Token) -> bytes:
        """Do one token of an own message and return its bytes."""
        if token is _Token.E:
            public = crypto_scalarmult_base(self._ephemeral_private)
            self._symmetric.mix_hash(public)
            return public
        if token is _Token.S:
            return self._symmetric.seal(crypto_scalarmult_base(self._static_private))
        self._mix(token)
        return b""

    def _read_token(self, token: _Token, message: bytes) -> bytes:
        """Do one token of the other side's message and return what is left of it."""
        if token is _Token.E:
            self._remote_ephemeral, rest = _cut(message, X25519_BYTES)
            self._symmetric.mix_hash(self._remote_ephemeral)
            return rest
        if token is _Token.S:
            sealed, rest = _cut(message, X25519_BYTES + TAG_BYTES)
            self._remote_static = self._symmetric.open(sealed)
            return rest
        self._mix(token)
        return message

    def _mix(self, token: _Token) -> None:
        """Mix in a key exchange; a token's first letter is the initiator's key."""
        own_static = token is (_Token.SE if self._initiator else _Token.ES)
        remote_static = token is (_Token.ES if self._initiator else _Token.SE)
        private = self._static_private if own_static else self._ephemeral_private
        public = self._remote_static if remote_static else self._remote_ephemeral
        self._symmetric.mix_key(exchange(private, public))


def _cut(message: bytes, size: int) -> tuple[bytes, bytes]:
    """Split a message after ``size`` bytes."""
    if len(message) < size:
        raise UntrustedInput("noise: message cut short")
    return message[:size], message[size:]


def _hkdf(chaining_key: bytes, material: bytes) -> tuple[bytes, bytes]:
    """Return the two 32-byte outputs of HKDF with HMAC-BLAKE2s (Noise 4.3)."""
    secret = hmac.digest(chaining_key, material, "blake2s")
    first = hmac.digest(secret, b"\1", "blake2s")
    return first, hmac.digest(secret, first + b"\2", "blake2s")
