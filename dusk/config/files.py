"""Files beside UCI as bytes: what one is to be, and what is told of one that is another.

To whoever writes it a file is its mode as ``ls`` shows it, a line end, and its content; nothing at all
is no file (``specs/privileges.md``).
"""

from dusk.config.merge import ManagedOption
from dusk.config.settings import Verb

_MODE = "rwxrwxrwx"


def file_bytes(option: ManagedOption) -> bytes:
    """Return what the file is to be."""
    if option.verb is Verb.ABSENT:
        return b""
    content, mode = option.values
    bits = int(mode, 8)
    letters = (one if bits >> 8 - at & 1 else "-" for at, one in enumerate(_MODE))
    return f"-{''.join(letters)}\n{content}".encode()


def line_of(found: bytes) -> str | None:
    """Return what people, and other devices, are told of a file: its mode and its size; None for none.

    Not its content: whoever changed it on the device has put into it what nobody else need know.

    Args:
        found: the file, as `file_bytes` has it.
    """
    mode, _, content = found.partition(b"\n")
    return f"{mode.decode('ascii', 'replace')}, {len(content)} bytes" if found else None
