"""The small files of a node's folder: replaced whole or not at all, 0600, names checked (R7, A35)."""

import os
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from dusk.daemon import disk, logfiles
from dusk.errors import StorageError
from dusk.limits import SMALL_FILE_BYTES_MAX, SMALL_FILES_MAX

_COMPONENT = "[a-z0-9_-][a-z0-9._-]{0,79}"
_NAME = re.compile(f"(?:({_COMPONENT})/)?({_COMPONENT})")
RESERVED = frozenset({logfiles.NAME, logfiles.DAMAGED_NAME})
"""Names that belong to the log."""


def _split(name: str, reserved: Collection[str] = RESERVED) -> tuple[str, str]:
    """Return folder (may be empty) and file of a name such as ``outbox/1f``."""
    match = _NAME.fullmatch(name)
    assert match is not None, f"{name!r} is no name of a small file"
    assert name not in reserved, f"{name} is the log's"
    return match[1] or "", match[2]


class SmallFiles:
    """The small files below one folder; folders in it are made when needed.

    Args:
        directory: ``etc/dusk/node`` below a root; must exist.

    Raises:
        StorageError: the folder cannot be opened.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory
        with disk.told_as_storage(f"cannot open {directory}"):
            self._fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        """Close the folder."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def store(self, name: str, data: bytes) -> None:
        """Replace a file; on disk when this returns.

        Raises:
            StorageError: the former content is there, or the new one if the last sync alone failed.
        """
        folder, file = _split(name)
        with disk.told_as_storage(f"cannot write {self._path / name}"):
            parent = self._open_folder(folder, make=True)
            try:
                disk.replace(parent, file, data)
            finally:
                os.close(parent)

    def check_room(self, *sizes_bytes: int) -> None:
        """Refuse what there is no room for, before anything depends on it.

        Raises:
            StorageError: the disk is full; nothing was tried.
        """
        with disk.told_as_storage(f"cannot write below {self._path}"):
            disk.check_room(self._fd, *sizes_bytes)

    def remove(self, *names: str) -> None:
        """Remove files, those that are there, and what was set aside of a log; on disk when this returns.

        Raises:
            StorageError: some may still be there.
        """
        folders: dict[str, list[str]] = {}
        for name in names:
            folder, file = _split(name, (logfiles.NAME,))
            folders.setdefault(folder, []).append(file)
        for folder, files in folders.items():
            with disk.told_as_storage(f"cannot remove {self._path / folder / files[0]}"):
                self._remove_in(folder, files)

    def _remove_in(self, folder: str, files: list[str]) -> None:
        try:
            parent = self._open_folder(folder, make=False)
        except FileNotFoundError:
            return
        try:
            for file in files:
                with suppress(FileNotFoundError):
                    disk.unlink(parent, file)
            disk.sync_directory(parent)
        finally:
            os.close(parent)

    def read(self, name: str) -> bytes | None:
        """Return a file's content, or None if it is not there.

        Raises:
            StorageError: it cannot be read, or is larger than any file of ours.
        """
        folder, file = _split(name)
        with disk.told_as_storage(f"cannot read {self._path / name}"), suppress(FileNotFoundError):
            parent = self._open_folder(folder, make=False)
            try:
                return _read_at(parent, file, self._path / name)
            finally:
                os.close(parent)
        return None

    def names(self) -> list[str]:
        """Return the names of all small files, sorted; leftovers of cut writes are no files.

        Raises:
            StorageError: the folder cannot be read.
        """
        with disk.told_as_storage(f"cannot read {self._path}"):
            found = [name for name in self._list("") if name not in RESERVED]
            folders = [name for name in found if self._is_folder(name)]
            inner = [f"{folder}/{name}" for folder in folders for name in self._list(folder)]
        return sorted([name for name in found if name not in folders] + inner)

    def read_all(self) -> Mapping[str, bytes]:
        """Return name → content of every small file.

        Raises:
            StorageError: one cannot be read, or there are more than any node has.
        """
        names = self.names()
        if len(names) > SMALL_FILES_MAX:
            raise StorageError(f"{self._path} has {len(names)} files, at most {SMALL_FILES_MAX}")
        return {name: data for name in names if (data := self.read(name)) is not None}

    def remove_leftovers(self) -> None:
        """Remove temporary files of writes that a power cut ended, and bring all names to the disk.

        What a former process renamed and did not sync is read now, so it has to stay (R8).

        Raises:
            StorageError: the disk refused.
        """
        with disk.told_as_storage(f"cannot clean {self._path}"):
            for folder in ("", *(name for name in self._list("") if self._is_folder(name))):
                parent = self._open_folder(folder, make=False)
                try:
                    for name in os.listdir(parent):
                        if disk.is_leftover(name):
                            disk.unlink(parent, name)
                    disk.sync_directory(parent)
                finally:
                    os.close(parent)

    def _list(self, folder: str) -> list[str]:
        parent = self._open_folder(folder, make=False)
        try:
            return [name for name in os.listdir(parent) if re.fullmatch(_COMPONENT, name)]
        finally:
            os.close(parent)

    def _is_folder(self, name: str) -> bool:
        return os.path.isdir(self._path / name) and not os.path.islink(self._path / name)

    def _open_folder(self, folder: str, *, make: bool) -> int:
        if make and folder:
            with suppress(FileExistsError):
                os.mkdir(folder, 0o700, dir_fd=self._fd)
                disk.sync_directory(self._fd)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(folder or ".", flags, dir_fd=self._fd)


def _read_at(parent: int, file: str, path: Path) -> bytes:
    fd = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent)
    try:
        size = os.fstat(fd).st_size
        if size > SMALL_FILE_BYTES_MAX:
            raise StorageError(f"{path} has {size} bytes, at most {SMALL_FILE_BYTES_MAX}")
        return disk.read_whole(fd)
    finally:
        os.close(fd)
