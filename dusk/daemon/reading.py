"""Reading a log out of its file, piece by piece: a store's own, or a copy's while the log grows."""

import os
from collections.abc import Iterator
from pathlib import Path

from dusk.daemon import disk, frames
from dusk.daemon.frames import Frame
from dusk.effects import LogItem
from dusk.errors import StorageError
from dusk.lazy import dataclass

_READ_BYTES = 256 * 1024
"""Of a log that is read from its beginning, in memory at once."""


@dataclass(slots=True)
class Span:
    """A piece of the file that belongs to the log: between two of them stands what was replaced."""

    start: int
    end: int


class Reading:
    """Reads frames of a log out of its file.

    Args:
        fd: the open file.
        path: its name, for messages.
        spans: the pieces of the file that are the log's.
        pieces: those that are what it stands on.
    """

    def __init__(self, fd: int, path: Path, spans: list[Span], pieces: list[Span]) -> None:
        self.fd, self.spans, self.pieces = fd, spans, pieces
        self._path = path

    def copy(self) -> "Reading":
        """Return what reads the log as it is now, while it grows; the caller closes its file."""
        spans = [Span(span.start, span.end) for span in self.spans]
        return Reading(os.dup(self.fd), self._path, spans, list(self.pieces))

    def piece(self, at: int) -> bytes:
        """Return a piece of what the log stands on.

        Raises:
            StorageError: the file cannot be read any more.
        """
        span = self.pieces[at]
        with disk.told_as_storage(f"cannot read {self._path}"):
            return os.pread(self.fd, span.end - span.start, span.start)

    def foundation(self) -> bytes | None:
        """Return the bytes of what the log stands on; None for its first entry.

        Raises:
            StorageError: the file cannot be read any more.
        """
        return b"".join(map(self.piece, range(len(self.pieces)))) if self.pieces else None

    def frames(self, start: int, size: int, end: int | None = None) -> tuple[list[Frame], bool]:
        """Return the frames of the log in so many bytes of it, and whether these are its last.

        Args:
            start: offset of a frame of the log.
            size: how many bytes of the log, at most.
            end: offset of an entry behind it at which to end; None for the end of the log.

        Raises:
            StorageError: a frame is not what it was.
        """
        found: list[Frame] = []
        for span in self.spans:
            if span.end <= start or (end is not None and end <= span.start):
                continue
            first = max(start, span.start)
            last = span.end if end is None else min(span.end, end)
            piece = os.pread(self.fd, min(size, last - first), first)
            found += frames.frames_of(piece, 0, first)
            if first + size < last:
                return found, False
            if last > first and (not found or found[-1].end != last):
                raise StorageError(f"{self._path} was damaged while in use")
            size -= last - first
        return found, True

    def items(self) -> Iterator[LogItem]:
        """Yield all items of the log, with little of it in memory.

        Raises:
            StorageError: a frame is not what it was.
        """
        start, size, at_end = 0, _READ_BYTES, False
        while not at_end:
            with disk.told_as_storage(f"cannot read {self._path}"):
                found, at_end = self.frames(start, size)
            size = 2 * size if not found else _READ_BYTES
            yield from (frame.item for frame in found)
            start = found[-1].end if found else start
