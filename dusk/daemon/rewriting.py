"""Another log file in the place of the one in use: written beside it, synced, renamed (R7).

A compaction is made while the log grows: what was appended meanwhile is copied behind it in the
end, in the same moment in which it takes the place of the old file.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from dusk.changelog.basis import lay, plan_of
from dusk.changelog.compaction import compact
from dusk.changelog.foundation import pieces
from dusk.daemon import disk, frames
from dusk.daemon.logfiles import NAME
from dusk.daemon.reading import Reading
from dusk.daemon.store import Store
from dusk.effects import ItemKind, LogItem, LostBranch
from dusk.errors import Refused, StorageError, UntrustedInput
from dusk.ids import ClusterId, Seq
from dusk.lazy import dataclass

_COMPACTED, _REBASED = f".{NAME}-compacted.tmp", f".{NAME}-rebased.tmp"
_WRITE_BYTES = 64 * 1024
"""Written at once, and a batch of its own: damage to it is told from an append that was cut short."""


@dataclass(slots=True)
class Rewritten:
    """A file that is ready to take the place of the log.

    Attributes:
        seq: on what it stands.
        plan: of its foundation, encoded.
        end: size of the file.
        copied: offset in the log in use up to which all is in it.
    """

    seq: Seq
    plan: bytes
    end: int
    copied: int


def _folder(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _write(fd: int, items: Iterable[LogItem], at: int) -> int:
    """Append items in batches of some size; returns the offset behind them."""
    group: list[LogItem] = []
    size_bytes = 0
    for item in items:
        group.append(item)
        size_bytes += len(item.data)
        if size_bytes >= _WRITE_BYTES:
            at = _write_group(fd, group, at)
            group, size_bytes = [], 0
    return _write_group(fd, group, at)


def _write_group(fd: int, group: Sequence[LogItem], at: int) -> int:
    data = frames.encode(group, at)
    disk.write_all(fd, data)
    return at + len(data)


def _make(directory: Path, name: str, items: Iterable[LogItem]) -> int:
    """Write a whole file beside the log, and sync it; returns its size."""
    folder = _folder(directory)
    try:
        fd = disk.create(folder, name)
        try:
            disk.write_all(fd, frames.MAGIC)
            end = _write(fd, items, len(frames.MAGIC))
            disk.sync_data(fd)
        finally:
            os.close(fd)
    except OSError:
        with suppress(OSError):
            disk.unlink(folder, name)
        raise
    finally:
        os.close(folder)
    return end


class Job:
    """A compaction under way: made where the log in use stands still, run in a thread while it grows.

    Args:
        store: the log in use.
        directory: where it is.
        seq: of a checkpoint that is final.
        left: branches that are still of use.
    """

    def __init__(self, store: Store, directory: Path, seq: Seq, left: Sequence[LostBranch]) -> None:
        self._reading, self._copied, self._floor = store.reading.copy(), store.size_bytes, store.floor
        self._directory, self._seq, self._left = directory, seq, left
        self._is_begun = False

    def drop(self) -> None:
        """Let it be, unless it was begun: then it ends by itself, and nobody takes what it makes."""
        if not self._is_begun:
            os.close(self._reading.fd)

    def begin(self) -> None:
        """Note that a thread is about to run it: from now on only that one closes what it reads."""
        self._is_begun = True

    def run(self, cluster: ClusterId) -> Rewritten:
        """Make a compacted log beside the one in use.

        Raises:
            StorageError: the log in use is as it was.
        """
        reading, seq = self._reading, self._seq
        try:
            data = compact(cluster, reading.foundation(), reading.items(), seq)
            items = _chained(lay(seq, data, self._left), _above(reading, seq - self._floor))
            with disk.told_as_storage(f"cannot write {self._directory / _COMPACTED}"):
                end = _make(self._directory, _COMPACTED, items)
        except (UntrustedInput, Refused) as error:
            raise StorageError(f"the log on this device cannot be compacted: {error}") from None
        finally:
            os.close(reading.fd)
        return Rewritten(seq, plan_of(seq, pieces(data)).encode(), end, self._copied)


def _chained(first: Iterable[LogItem], then: Iterable[LogItem]) -> Iterator[LogItem]:
    yield from first
    yield from then


def _above(reading: Reading, entries: int) -> Iterator[LogItem]:
    """Yield what stands behind so many entries, from the next entry on."""
    passed = 0
    for item in reading.items():
        passed += item.kind is ItemKind.ENTRY
        if passed > entries:
            yield item


def use(store: Store, directory: Path, made: Rewritten) -> None:
    """Let a compacted log take the place of the one in use, with all that was appended since.

    Raises:
        StorageError: the disk has the one or the other, whole.
    """
    rest = store.written_behind(made.copied)
    with disk.told_as_storage(f"cannot write {directory / _COMPACTED}"):
        if rest:
            fd = os.open(directory / _COMPACTED, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.lseek(fd, made.end, os.SEEK_SET)
                _write(fd, rest, made.end)
                disk.sync_data(fd)
            finally:
                os.close(fd)
        _change_over(store, directory, _COMPACTED)


def rebase(store: Store, directory: Path, items: Iterable[LogItem]) -> None:
    """Let the log be another one.

    Args:
        store: the log in use.
        directory: where it is.
        items: all of the other log's file.

    Raises:
        StorageError: the disk has the one or the other, whole.
    """
    with disk.told_as_storage(f"cannot write {directory / _REBASED}"):
        _make(directory, _REBASED, items)
        _change_over(store, directory, _REBASED)


def _change_over(store: Store, directory: Path, name: str) -> None:
    folder = _folder(directory)
    try:
        disk.rename(folder, name, NAME)
        disk.sync_directory(folder)
        store.change_over(os.open(NAME, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder))
    finally:
        os.close(folder)
