"""Remembers what libsodium said: one process plays all devices, so it is asked the same again and again.

Verifying a signature and agreeing on a key have no state and no randomness: the same bytes give
the same answer. Every device still takes its whole path there; only the arithmetic is spared.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from nacl.exceptions import CryptoError

from dusk.cycle import datagrams, follower, fragments
from dusk.keys import box, signing
from dusk.node import rooms

REMEMBERED_MAX = 50_000
"""Answers of one function; a simulation asks for some thousands."""

_FUNCTIONS = (
    (signing, "crypto_sign_open"),
    (signing, "crypto_sign_ed25519_pk_to_curve25519"),
    (box, "crypto_scalarmult"),
)

READ_MAX = 1024
"""Newest answers of one reader; nobody is so late that it asks for older ones."""
_READERS = (
    (datagrams, "open_sealed"),
    (follower, "decode_start"),
    (follower, "decode_fragment"),
    (fragments, "_read"),
    (rooms, "verified_entry"),
)


def remembering(function: Callable[..., bytes]) -> Callable[..., bytes]:
    """Return a function that asks once for each choice of arguments, refusals included."""
    known: dict[tuple[bytes, ...], bytes | CryptoError] = {}

    def remembered(*arguments: bytes) -> bytes:
        answer = known.get(arguments)
        if answer is None:
            if len(known) >= REMEMBERED_MAX:
                known.clear()
            try:
                answer = function(*arguments)
            except CryptoError as refusal:
                answer = refusal
            known[arguments] = answer
        if isinstance(answer, CryptoError):
            raise type(answer)(*answer.args)
        return answer

    return remembered


def reading_once(function: Callable[..., Any], known_max: int = READ_MAX) -> Callable[..., Any]:
    """Return a function that reads the same bytes once; what it refuses it reads again."""
    known: dict[tuple[bytes, ...], Any] = {}

    def read(*arguments: bytes) -> Any:  # noqa: ANN401 - that of the function
        answer = known.get(arguments)
        if answer is None:
            if len(known) >= known_max:
                known.clear()
            answer = known[arguments] = function(*arguments)
        return answer

    return read


@contextmanager
def remembered_crypto() -> Iterator[None]:
    """Let ``dusk.keys`` ask through a memory for as long as this lasts."""
    with _replaced(_FUNCTIONS, remembering):
        yield


@contextmanager
def read_once() -> Iterator[None]:
    """Let what goes to all be opened and decoded once: it is the same for each of them and never changed."""
    with _replaced(_READERS, reading_once):
        yield


@contextmanager
def _replaced(
    functions: Sequence[tuple[ModuleType, str]], make: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> Iterator[None]:
    former = [(module, name, getattr(module, name)) for module, name in functions]
    for module, name, function in former:
        setattr(module, name, make(function))
    try:
        yield
    finally:
        for module, name, function in former:
            setattr(module, name, function)
