"""Opening the log file ``log`` of a node: checked, and where needed repaired; its form is in ``frames.py``.

A torn tail is cut off, as nothing that depended on it was promised (R8). A file with damage is set
aside, and its good beginning takes its place.
"""

import os
import stat
from pathlib import Path

from dusk.changelog.rewinds import LostBranch
from dusk.daemon import disk, frames, logfiles
from dusk.daemon.frames import Contents
from dusk.daemon.store import Store
from dusk.effects import LogItem
from dusk.errors import StorageError
from dusk.lazy import dataclass
from dusk.limits import STORE_BYTES_MAX


@dataclass(frozen=True, slots=True)
class Report:
    """What opening found.

    Attributes:
        cut_bytes: size of a torn tail that was cut; nothing that depended on it was promised.
        damage_at: position of damage to what had been on disk; None if there is none. The
            log then ends before it and catch-up brings the rest again.
        salvaged: good items from behind the damage.
        file: the log file, for messages.
    """

    cut_bytes: int
    damage_at: int | None
    salvaged: tuple[LogItem, ...]
    file: Path

    @property
    def lines(self) -> tuple[str, ...]:
        """What to tell people, one line each."""
        found = []
        if self.cut_bytes:
            found.append(f"{self.file}: an unfinished write of {self.cut_bytes} bytes was cut off")
        if self.damage_at is not None:
            found.append(
                f"{self.file}: damaged at byte {self.damage_at}, {len(self.salvaged)} good items behind it; "
                f"kept as {logfiles.DAMAGED_NAME}, the rest comes from other devices"
            )
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Opened:
    """A store that is ready for appends, and what it held: the log, and branches that were replaced."""

    store: Store
    items: tuple[LogItem, ...]
    report: Report
    branches: tuple[LostBranch, ...] = ()
    foundation: bytes | None = None


def read_log(directory: Path) -> Contents:
    """Read the log of a node's folder without changing anything; for ``dusk verify``.

    Args:
        directory: ``etc/dusk/node`` below a root.

    Raises:
        StorageError: there is no log, or it cannot be read.
    """
    path = directory / logfiles.NAME
    with disk.told_as_storage(f"cannot read {path}"):
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode) or found.st_size > STORE_BYTES_MAX:
                raise StorageError(f"{path} is no log: not a regular file, or larger than any log")
            return frames.parse(disk.read_whole(fd))
        finally:
            os.close(fd)


def open_store(directory: Path) -> Opened:
    """Open, check and, where needed, repair the log of a node's folder; make it if it is missing.

    Args:
        directory: ``etc/dusk/node`` below a root.

    Raises:
        StorageError: the disk refused; nothing was lost.
    """
    path = directory / logfiles.NAME
    with disk.told_as_storage(f"cannot open {path}"):
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return _open_in(folder, path)
        finally:
            os.close(folder)


def _open_in(folder: int, path: Path) -> Opened:
    """Do the work of :func:`open_store` with ``OSError`` for errors."""
    fd = _open_file(folder)
    try:
        disk.settle(fd)
        contents = frames.parse(disk.read_whole(fd))
        if contents.damage_at is not None:
            os.close(fd)
            fd = -1
            logfiles.set_aside(folder, [frame.item for frame in contents.frames])
            fd = _open_file(folder)
        elif contents.cut_bytes or contents.end == 0:
            _cut(fd, contents.end)
        disk.sync_directory(folder)
        store = Store(fd, path, contents.frames)
    except OSError:
        if fd >= 0:
            os.close(fd)
        raise
    report = Report(contents.cut_bytes, contents.damage_at, contents.salvaged, path)
    return Opened(store, contents.items, report, contents.branches, contents.foundation)


def _open_file(folder: int) -> int:
    """Open the log; a new one appears with its first bytes, for without them it would be a damaged one."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(logfiles.NAME, flags, dir_fd=folder)
    except FileNotFoundError:
        disk.replace(folder, logfiles.NAME, frames.MAGIC)
        return os.open(logfiles.NAME, flags, dir_fd=folder)


def _cut(fd: int, end: int) -> None:
    """Cut a torn tail; an unfinished file gets its first bytes."""
    disk.truncate(fd, end)
    if end == 0:
        os.lseek(fd, 0, os.SEEK_SET)
        disk.write_all(fd, frames.MAGIC)
    disk.sync_data(fd)
