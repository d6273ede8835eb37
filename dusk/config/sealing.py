"""Secret values as they stand in settings and variables: sealed, and compared byte by byte (R15)."""

import re
from typing import NamedTuple

from dusk.keys.secret import check_sealed_value

_REFERENCE = re.compile(r"\$\{(?!mac6\})([A-Za-z0-9_]+)\}")


class Sealed(NamedTuple):
    """A sealed value, and the record of which section it is for.

    Args:
        key_id: 16 bytes, which key K sealed it.
        data: nonce and ciphertext.
        section, record: what else must be known to open it; empty where that goes without saying.
    """

    key_id: bytes
    data: bytes
    section: str = ""
    record: str = ""


def sealed_from(pair: object) -> Sealed:
    """Read what a record has in place of a plain value.

    Raises:
        UntrustedInput: not a key's id with a sealed value.
    """
    key_id, data = pair if isinstance(pair, list) and len(pair) == 2 else (None, None)
    return Sealed(*check_sealed_value(key_id, data))


def reference_in(value: str) -> str | None:
    """Return the name of the variable that a value is, if it is just one ``${name}``; no fact is one."""
    found = _REFERENCE.fullmatch(value)
    return None if found is None else found[1]
