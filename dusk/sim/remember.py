"""Remembers what libsodium said: one process plays all devices, so it is asked the same again and again.

Verifying a signature and agreeing on a key have no state and no randomness: the same bytes give
the same answer. Every device still takes its whole path there; only the arithmetic is spared.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nacl.exceptions import CryptoError

from dusk.keys import box, signing

REMEMBERED_MAX = 50_000
"""Answers of one function; a simulation asks for some thousands."""

_FUNCTIONS = (
    (signing, "crypto_sign_open"),
    (signing, "crypto_sign_ed25519_pk_to_curve25519"),
    (box, "crypto_scalarmult"),
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


@contextmanager
def remembered_crypto() -> Iterator[None]:
    """Let ``dusk.keys`` ask through a memory for as long as this lasts."""
    former = [(module, name, getattr(module, name)) for module, name in _FUNCTIONS]
    for module, name, function in former:
        setattr(module, name, remembering(function))
    try:
        yield
    finally:
        for module, name, function in former:
            setattr(module, name, function)
