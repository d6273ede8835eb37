"""The append-only log file ``log`` of a node in use (R7, R8); its form is in ``frames.py``.

Any failed write ends the use of a :class:`Store`: what the page cache holds is not known
then, so the file is cut back and opened again from what the disk has (``opening.py``).
"""

import os
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from itertools import takewhile
from pathlib import Path

from dusk.changelog.basis import Plan, decode_plan
from dusk.changelog.foundation import kept_entries
from dusk.changelog.items import verified_entry
from dusk.changelog.rewinds import decode_rewind
from dusk.daemon import disk, frames, logfiles
from dusk.daemon.frames import Frame
from dusk.daemon.reading import Reading, Span
from dusk.effects import ItemKind, LogItem
from dusk.errors import StorageError
from dusk.ids import Seq
from dusk.limits import STORE_BYTES_MAX

_WORDS = (ItemKind.CERTIFICATE, ItemKind.WITNESS)
_BASIS = (ItemKind.PLAN, ItemKind.PIECE, ItemKind.LEFT)


class Store:
    """The open log file: appends whole batches, reads items by position.

    Args:
        fd: the open file; the store closes it.
        path: its name, for messages.
        present: the frames in it.
    """

    def __init__(self, fd: int, path: Path, present: Sequence[Frame]) -> None:
        self._fd = fd
        self._path = path
        self._usable = True
        self._begin(fd)
        self._take([frame.item for frame in present])

    def _begin(self, fd: int) -> None:
        """Stand at the beginning of a file."""
        self._fd, self._end = fd, len(frames.MAGIC)
        self._offsets = array("I")
        self._spans = [Span(self._end, self._end)]
        self._pieces: list[Span] = []
        self.reading = Reading(fd, self._path, self._spans, self._pieces)
        """Reads it; a copy of it may be used in another thread."""
        self.plan: Plan | None = None
        """What the log stands on; None for its first entry."""
        self._kept: dict[Seq, LogItem] | None = None

    @property
    def last(self) -> Seq:
        """Position of the newest entry; 0 for an empty log."""
        return Seq(self.floor + len(self._offsets))

    @property
    def floor(self) -> Seq:
        """Up to where entries are here no more, but for those that were kept."""
        return Seq(0) if self.plan is None else self.plan.seq

    @property
    def size_bytes(self) -> int:
        """Bytes in the file."""
        return self._end

    def append(self, items: Sequence[LogItem]) -> None:
        """Append items with one write and bring them to the disk (R8).

        Raises:
            StorageError: none of them is promised; the store must be opened again.
        """
        if not self._usable:
            raise StorageError(f"{self._path} must be opened again after a failed write")
        data = frames.encode(items, self._end)
        if self._end + len(data) > STORE_BYTES_MAX:
            raise StorageError(f"{self._path} would grow over {STORE_BYTES_MAX} bytes")
        self._usable = False
        with disk.told_as_storage(f"cannot write {self._path}"):
            self._write(data)
        self._usable = True
        self._take(items)

    def _write(self, data: bytes) -> None:
        try:
            os.lseek(self._fd, self._end, os.SEEK_SET)
            disk.write_all(self._fd, data)
            disk.sync_data(self._fd)
        except OSError:
            with suppress(OSError):
                disk.truncate(self._fd, self._end)
                disk.sync_data(self._fd)
            raise

    def _take(self, items: Sequence[LogItem]) -> None:
        """Know where items stand that are on the disk; a rewind has all of its own behind it."""
        for item in items:
            start, self._end = self._end, self._end + frames.HEADER_BYTES + len(item.data)
            if item.kind is ItemKind.REWIND:
                self._rewind(decode_rewind(item.data).seq)
                continue
            if item.kind is ItemKind.ENTRY:
                self._offsets.append(start)
            elif item.kind in _BASIS:
                self._take_basis(item, start)
            self._spans[-1].end = self._end

    def _take_basis(self, item: LogItem, start: int) -> None:
        """Know what the log stands on; it begins behind that."""
        if item.kind is ItemKind.PLAN:
            self.plan = decode_plan(item.data)
        elif item.kind is ItemKind.PIECE:
            self._pieces.append(Span(start + frames.HEADER_BYTES, self._end))
        self._spans[-1].start = self._end

    def _rewind(self, seq: Seq) -> None:
        """Let the log go on at the end of the file, behind entry ``seq``."""
        if seq < self.last:
            cut = self._offsets[seq - self.floor]
            del self._offsets[seq - self.floor :]
            while self._spans[-1].start > cut:
                self._spans.pop()
            self._spans[-1].end = cut
        self._spans.append(Span(self._end, self._end))

    def read_items(self, first: Seq, bytes_max: int) -> tuple[LogItem, ...]:
        """Return whole items from entry ``first`` on, in log order, but for those that are for no other disk.

        What is returned ends with a signed head if there is one: entries are of use only up
        to a head that covers them. So it may be shorter than ``bytes_max``, and is longer only
        if the first head, or the first entry, ends behind that.

        Raises:
            StorageError: the file cannot be read any more.
        """
        if not self.floor < first <= self.last:
            return ()
        with disk.told_as_storage(f"cannot read {self._path}"):
            found = self._read(self._offsets[first - self.floor - 1], bytes_max)
        return tuple(item for item in found if item.kind is not ItemKind.WITNESS)

    def read_piece(self, seq: Seq, piece: int) -> bytes | None:
        """Return a piece of the foundation at ``seq``; None where the log stands on another one.

        Raises:
            StorageError: the file cannot be read any more.
        """
        if self.floor != seq or not 0 <= piece < len(self._pieces):
            return None
        return self.reading.piece(piece)

    def written_behind(self, end: int) -> tuple[LogItem, ...]:
        """Return all that was written behind an offset, rewinds too.

        Raises:
            StorageError: the file cannot be read any more.
        """
        with disk.told_as_storage(f"cannot read {self._path}"):
            data = os.pread(self._fd, self._end - end, end)
        return tuple(frame.item for frame in frames.frames_of(data, 0, end))

    def change_over(self, fd: int) -> None:
        """Go on with another file, which has the name of this one now."""
        os.close(self._fd)
        self._begin(fd)
        self._take([frame.item for frame in frames.frames_of(disk.read_whole(fd), len(frames.MAGIC))])

    def _read(self, start: int, bytes_max: int) -> tuple[LogItem, ...]:
        size = max(bytes_max, frames.HEADER_BYTES)
        while True:
            found, at_end = self.reading.frames(start, size)
            if not at_end:
                found = self._covered(found)
            if found:
                return tuple(frame.item for frame in found)
            size *= 2

    def _covered(self, found: list[Frame]) -> list[Frame]:
        """Return the frames up to the last signed head, with all certificates that stand behind it."""
        while found and found[-1].item.kind is not ItemKind.HEAD:
            found.pop()
        if not found:
            return []
        head = found[-1]
        behind = bisect_right(self._offsets, head.offset)
        entry = self._offsets[behind] if behind < len(self._offsets) else None
        words, _ = self.reading.frames(head.end, self._end, entry)
        return [*found, *takewhile(lambda frame: frame.item.kind in _WORDS, words)]

    def read_entries(self, first: Seq, count: int) -> tuple[LogItem, ...]:
        """Return at most ``count`` entries from ``first`` on, without heads.

        Of those that a checkpoint took the place of, the ones that were kept.

        Raises:
            StorageError: the file cannot be read any more.
        """
        last, floor = Seq(min(self.last, first + count - 1)), self.floor
        if first < 1 or last < first:
            return ()
        if first <= floor:
            kept = (self._kept_entry(Seq(seq)) for seq in range(first, min(last, floor) + 1))
            below = tuple(item for item in kept if item is not None)
            return below if last <= floor else (*below, *self.read_entries(Seq(floor + 1), last - floor))
        start = self._offsets[first - floor - 1]
        end = None if last == self.last else self._offsets[last - floor]
        with disk.told_as_storage(f"cannot read {self._path}"):
            found, _ = self.reading.frames(start, self._end, end)
        return tuple(frame.item for frame in found if frame.item.kind is ItemKind.ENTRY)

    def _kept_entry(self, seq: Seq) -> LogItem | None:
        if self._kept is None:
            found = kept_entries(self.reading.foundation() or b"")
            self._kept = {verified_entry(item).seq: item for item in found}
        return self._kept.get(seq)

    def set_aside(self, good: Sequence[LogItem]) -> None:
        """Keep the file as ``log.damaged`` and make its good beginning the log; open it again then.

        Raises:
            StorageError: the file is as it was.
        """
        self._usable = False
        with disk.told_as_storage(f"cannot set {self._path} aside"):
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                logfiles.set_aside(folder, good)
            finally:
                os.close(folder)

    def clear(self) -> None:
        """Forget all items, on the disk too.

        Raises:
            StorageError: they may still be there.
        """
        with disk.told_as_storage(f"cannot empty {self._path}"):
            disk.truncate(self._fd, len(frames.MAGIC))
            disk.sync_data(self._fd)
        self._begin(self._fd)

    def close(self) -> None:
        """Close the file; nothing waits to be written."""
        self._usable = False
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
