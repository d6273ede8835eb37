"""A message in either direction: a line with the sizes of its fields in bytes, and the fields.

Apart from the helper itself, for its client in the daemon needs this much of it.
"""

from collections.abc import Iterable

HEADER_BYTES_MAX = 2048
MESSAGE_BYTES_MAX = 4 * 1024 * 1024  # all managed files of a router, many times over


def first_line(lengths: Iterable[int]) -> bytes:
    """Return the line that announces fields of these sizes."""
    return b" ".join(b"%d" % length for length in lengths) + b"\n"


def encode(*fields: bytes) -> bytes:
    """Return a message."""
    return first_line(map(len, fields)) + b"".join(fields)


def sizes(header: bytes) -> list[int]:
    """Return the sizes in a message's first line, of bounded sum (R10); ``ValueError`` if they are not."""
    found = [int(size) for size in header.split()]
    if min(found) < 0 or sum(found) > MESSAGE_BYTES_MAX or header != first_line(found):
        raise ValueError(f"a message's first line is malformed or announces over {MESSAGE_BYTES_MAX} bytes")
    return found
