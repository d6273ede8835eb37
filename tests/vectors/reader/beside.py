"""Files beside UCI (settings.md, *Files beside UCI*)."""

import re
from collections.abc import Callable, Sequence

from tests.vectors.reader.packing import need

_PART = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._+][A-Za-z0-9._+-]*"
_SECRET_PIECES = {"secrets", "shadow", "gshadow", "htpasswd", "passwords", "p12", "pfx", "keytab"}
_Q, _NAME, _VALUE = "[\"']?", "([A-Za-z0-9_]+)", "[^\\x00-\\x20\"'$`]"
_LINES = (
    re.compile(rf"[ \t]*(?:export[ \t]+)?{_Q}{_NAME}{_Q}[ \t]*[=:][ \t]*{_Q}{_VALUE}"),
    re.compile(rf"[ \t]*option[ \t]+{_Q}{_NAME}{_Q}(?:[ \t]*[=:][ \t]*|[ \t]+){_Q}{_VALUE}"),
)
_LETTERS = "rwxrwxrwx"


def is_key(text: str) -> bool:
    """Whether a text is `file:` and a path."""
    path = text.removeprefix("file:")
    return (
        path != text
        and len(text) <= 128
        and re.fullmatch(rf"(?:/{_PART})+", path) is not None
        and re.search("[A-Za-z0-9]", path) is not None
    )


def check(key: str, values: Sequence[str] | None, is_secret: Callable[[str], bool]) -> None:
    """Refuse a file that is refused wherever it enters; no values: it is not to be there."""
    need(not re.match(r"file:/etc/(?:config|dusk)(?:/|\Z)", key), "bad-value")
    if values is None:
        return
    need(len(values) == 2 and re.fullmatch("0[4-7][0145]{2}", values[1]), "bad-value")
    need(len(values[0].encode()) <= 48 * 1024, "bad-value")
    check_no_secret(key, values[0], is_secret)


def check_no_secret(key: str, content: str, is_secret: Callable[[str], bool]) -> None:
    """Refuse what is or has a secret."""
    name = key.rsplit("/", 1)[1]
    for piece in [name, *re.split(r"[._+-]", name)]:
        need(not is_secret(piece) and piece.lower() not in _SECRET_PIECES, "bad-value")
    need("PRIVATE KEY-----" not in content, "bad-value")
    for line in content.split("\n"):
        found = [one.match(line) for one in _LINES]
        need(not any(one and is_secret(one[1]) for one in found), "bad-value")


def as_bytes(content: str, mode: str) -> bytes:
    """What a file is to whoever writes it (privileges.md)."""
    bits = int(mode, 8)
    shown = "".join(letter if bits & 256 >> at else "-" for at, letter in enumerate(_LETTERS))
    return f"-{shown}\n{content}".encode()
