"""A user's private key, sealed under a password: what ``user/<name>`` holds as ``sealed``.

The key is made slow to guess by Argon2id. Its parameters are stored with it and bounded on
opening, both ways: too low would be a weakened copy, too high would fell a router (A22, R10).
A digest tells damage from a wrong password before any memory is spent.
"""

from argon2.exceptions import HashingError
from argon2.low_level import Type, hash_secret_raw

from dusk import codec
from dusk.errors import Refused, UntrustedInput
from dusk.ids import labelled_hash
from dusk.keys.box import KEY_BYTES, NONCE_BYTES, TAG_BYTES, open_sealed, seal
from dusk.keys.signing import SEED_BYTES, SigningKey
from dusk.lazy import dataclass
from dusk.limits import (
    ARGON2_LANES,
    ARGON2_MEMORY_KIB_MAX,
    ARGON2_MEMORY_KIB_MIN,
    ARGON2_PASSES_MAX,
    ARGON2_PASSES_MIN,
    SEALED_KEY_BYTES_MAX,
)

SALT_BYTES = 16
_FORMAT = 1
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Argon2Parameters:
    """How costly one guess at a password is.

    Attributes:
        memory_kib: memory in KiB.
        passes: how often the memory is gone over.
        lanes: always 1, which is what libsodium computes too.
    """

    memory_kib: int
    passes: int
    lanes: int

    def __post_init__(self) -> None:
        """Refuse what is out of bounds, wherever it came from."""
        codec.integer(self.memory_kib, ARGON2_MEMORY_KIB_MIN, ARGON2_MEMORY_KIB_MAX, "sealed key: memory")
        codec.integer(self.passes, ARGON2_PASSES_MIN, ARGON2_PASSES_MAX, "sealed key: passes")
        codec.integer(self.lanes, ARGON2_LANES, ARGON2_LANES, "sealed key: lanes")


DEFAULT = Argon2Parameters(memory_kib=19 * 1024, passes=2, lanes=1)
"""OWASP's recommendation; 40 ms and 19 MiB on one core of a PC."""


def seal_user_key(
    seed: bytes,
    password: bytes,
    *,
    salt: bytes,
    nonce: bytes,
    name: str,
    parameters: Argon2Parameters = DEFAULT,
) -> bytes:
    """Seal a user's seed.

    Args:
        seed: 32 bytes.
        password: UTF-8 as typed.
        salt: 16 random bytes.
        nonce: 24 random bytes.
        name: the user; the sealed key opens for that name only.
        parameters: cost of a guess.

    Raises:
        Refused: ``empty-password``, or ``no-memory``.
    """
    assert len(seed) == SEED_BYTES, "a seed has 32 bytes"
    assert len(salt) == SALT_BYTES, "a salt has 16 bytes"
    if not password:
        raise Refused("empty-password", "the password is empty; choose one")
    key = _password_key(password, salt, parameters)
    ciphertext = seal(key, nonce, _associated(name), seed)
    cost = (parameters.memory_kib, parameters.passes, parameters.lanes)
    inner = codec.pack([_FORMAT, *cost, salt, nonce, ciphertext])
    return codec.pack([inner, _digest(inner, name)])


def open_user_key(sealed: bytes, password: bytes, *, name: str) -> SigningKey:
    """Open what :func:`seal_user_key` made; takes as long as its parameters say.

    Args:
        sealed: the sealed key, from the log or a file.
        password: UTF-8 as typed.
        name: the user.

    Raises:
        UntrustedInput: damaged, another user's, of another format, or cost out of bounds;
            known before the password is looked at.
        Refused: ``wrong-password``, or ``no-memory``.
    """
    parameters, salt, nonce, ciphertext = _parse(sealed, name)
    key = _password_key(password, salt, parameters)
    try:
        return SigningKey.from_seed(open_sealed(key, nonce, _associated(name), ciphertext))
    except UntrustedInput:
        raise Refused("wrong-password", f"wrong password for user {name}") from None


def cost_of(sealed: bytes, *, name: str) -> Argon2Parameters:
    """Return what it costs to open a sealed key, before anything of it is spent (R10).

    Raises:
        UntrustedInput: as :func:`open_user_key`.
    """
    return _parse(sealed, name)[0]


def check_sealed_key(sealed: bytes, *, name: str) -> None:
    """Accept a sealed key for the log by its form and bounds, without the password.

    Raises:
        UntrustedInput: as :func:`open_user_key`.
    """
    _parse(sealed, name)


def _parse(sealed: bytes, name: str) -> tuple[Argon2Parameters, bytes, bytes, bytes]:
    """Return parameters, salt, nonce and ciphertext, all of them checked."""
    outer = codec.fields(codec.unpack(sealed, size_max=SEALED_KEY_BYTES_MAX), 2, "sealed key")
    inner = codec.blob(outer[0], SEALED_KEY_BYTES_MAX, "sealed key: content")
    if outer[1] != _digest(inner, name):
        raise UntrustedInput(f"sealed key: damaged, or not that of user {name}")
    parts = codec.fields(codec.unpack(inner, size_max=SEALED_KEY_BYTES_MAX), 7, "sealed key: content")
    codec.integer(parts[0], _FORMAT, _FORMAT, "sealed key: format")
    return (
        Argon2Parameters(parts[1], parts[2], parts[3]),
        codec.exactly(parts[4], SALT_BYTES, "sealed key: salt"),
        codec.exactly(parts[5], NONCE_BYTES, "sealed key: nonce"),
        codec.exactly(parts[6], SEED_BYTES + TAG_BYTES, "sealed key: ciphertext"),
    )


def _password_key(password: bytes, salt: bytes, parameters: Argon2Parameters) -> bytes:
    """Return Argon2id of a password, 32 bytes."""
    try:
        return hash_secret_raw(
            password,
            salt,
            time_cost=parameters.passes,
            memory_cost=parameters.memory_kib,
            parallelism=parameters.lanes,
            hash_len=KEY_BYTES,
            type=Type.ID,
        )
    except HashingError:
        reason = f"not enough free memory ({parameters.memory_kib} KiB) for the password; try again later"
        raise Refused("no-memory", reason) from None


def _associated(name: str) -> bytes:
    """Return the associated bytes of the seal."""
    return codec.pack(["dusk.user-key", _FORMAT, name])


def _digest(inner: bytes, name: str) -> bytes:
    """Return what tells a damaged or foreign sealed key from a wrong password."""
    return labelled_hash(b"dusk.sealed-key", codec.pack([name]), inner)[:_DIGEST_BYTES]
