"""Files that are read no further than what may be in them: who types the name may be root."""

from pathlib import Path

from dusk.errors import Refused


def read_bounded(file: str, bytes_max: int) -> bytes:
    """Return what a file begins with: one byte more than there may be, where it is too long.

    Args:
        file: its name, as somebody typed it.
        bytes_max: how many it may have.

    Raises:
        Refused: ``cannot-read``.
    """
    try:
        with Path(file).open("rb") as stream:
            return stream.read(bytes_max + 1)
    except OSError as error:
        raise Refused("cannot-read", f"cannot read {file}: {error.strerror}") from None
