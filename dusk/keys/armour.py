"""A person's key as a line of a file: the secret half for who keeps it, the public half for who is told.

Both lines end in a check of what stands before it, so that a typing error names nobody else.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from dusk.errors import Refused, UntrustedInput
from dusk.ids import PublicKey, labelled_hash
from dusk.keys.signing import SEED_BYTES, SigningKey, check_public_key

SECRET_MARK, PUBLIC_MARK = "dusk-key-1:", "dusk-public-1:"
LINE_CHARACTERS_MAX = 128
_CHECK_BYTES = 4
_PUBLIC_BYTES = 32


def key_line(key: SigningKey) -> str:
    """Return the line that a person keeps; it is a secret."""
    return _line(SECRET_MARK, key.seed)


def public_line(public: PublicKey) -> str:
    """Return the line of a public key."""
    return _line(PUBLIC_MARK, public)


def parse_key_line(text: str) -> SigningKey:
    """Read a secret key's line; nothing of it is repeated in an error.

    Raises:
        Refused: ``bad-key``.
    """
    return SigningKey.from_seed(_parse(SECRET_MARK, text, SEED_BYTES, "a key"))


def parse_public_line(text: str) -> PublicKey:
    """Read a public key's line.

    Raises:
        Refused: ``bad-key``: no such line, not whole, or not a key that may sign.
    """
    if text.strip().startswith(SECRET_MARK):
        raise Refused("bad-key", "this is the secret key itself: keep it, and give the public line only")
    public = PublicKey(_parse(PUBLIC_MARK, text, _PUBLIC_BYTES, "a public key"))
    try:
        check_public_key(public)
    except UntrustedInput as error:
        raise Refused("bad-key", str(error)) from None
    return public


def _line(mark: str, data: bytes) -> str:
    return mark + urlsafe_b64encode(data + _check(mark, data)).decode().rstrip("=")


def _check(mark: str, data: bytes) -> bytes:
    return labelled_hash(b"dusk.key-line", mark.encode(), data)[:_CHECK_BYTES]


def _parse(mark: str, text: str, size: int, what: str) -> bytes:
    line = text.strip()
    if not line.startswith(mark):
        raise Refused("bad-key", f"{what} is a line that begins with {mark}")
    payload = line.removeprefix(mark)
    try:
        data = urlsafe_b64decode(payload + "=" * (-len(payload) % 4)) if payload.isascii() else b""
    except ValueError:
        data = b""
    if _line(mark, data[:size]) != line:  # the one spelling of so many bytes, with their check
        raise Refused("bad-key", f"the line of {what} is damaged or not whole")
    return data[:size]
