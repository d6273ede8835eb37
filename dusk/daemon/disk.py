"""The few system calls by which anything reaches the disk, with errors in words for people.

Tests cut the power at each of them by replacing this module's functions, so the rest of the
shell writes files through here only.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dusk.errors import StorageError

_WORDS = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EIO: "the disk fails (input/output error)",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ELOOP: "it is a symbolic link, which is refused",
}


def in_words(error: OSError) -> str:
    """Return what an operating system error means, in words for people."""
    return _WORDS.get(error.errno or 0, (error.strerror or str(error)).lower())


@contextmanager
def told_as_storage(what: str) -> Iterator[None]:
    """Turn an ``OSError`` inside into a ``StorageError`` that says what could not be done."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{what}: {in_words(error)}") from None


def write_all(fd: int, data: bytes) -> None:
    """Write every byte, or raise ``OSError``; a short write goes on until the reason shows."""
    rest = memoryview(data)
    while rest:
        written = os.write(fd, rest)
        if written == 0:
            raise OSError(errno.ENOSPC, "nothing could be written")
        rest = rest[written:]


def sync_data(fd: int) -> None:
    """Bring a file's bytes, and the length by which they are found, to the disk."""
    os.fdatasync(fd)


def settle(fd: int) -> None:
    """Let a file that is about to be read have nothing that a power cut would take (R8).

    A former process may have ended between a write and its sync; and what a disk refused to take
    stays in memory, as if it were written, until it is forgotten.
    """
    sync_data(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def sync_directory(fd: int) -> None:
    """Bring a folder's names to the disk: creations, renames, removals."""
    os.fsync(fd)


def truncate(fd: int, size_bytes: int) -> None:
    """Cut a file."""
    os.ftruncate(fd, size_bytes)


def rename(directory: int, source: str, target: str) -> None:
    """Rename within a folder, replacing what is there."""
    os.rename(source, target, src_dir_fd=directory, dst_dir_fd=directory)


def unlink(directory: int, name: str) -> None:
    """Remove a name from a folder."""
    os.unlink(name, dir_fd=directory)


def create(directory: int, name: str) -> int:
    """Create a file of mode 0600 for writing; a leftover of that name is emptied, never followed."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(name, flags, 0o600, dir_fd=directory)


def check_room(fd: int, *sizes_bytes: int) -> None:
    """Refuse what the disk that a file or folder is on has no room for.

    A look ahead, for what would cost more than an answer if it failed; room may still end later.

    Args:
        fd: an open file or folder.
        sizes_bytes: what is about to be written, each to a place of its own.

    Raises:
        OSError: the disk is full.
    """
    found = os.fstatvfs(fd)
    if not found.f_blocks:
        return  # a file system in memory, without a limit, counts nothing
    blocks = sum(-(-size // found.f_frsize) for size in sizes_bytes)
    if blocks > found.f_bavail:
        raise OSError(errno.ENOSPC, "no room")


def read_whole(fd: int) -> bytes:
    """Return all bytes of an open file from its start."""
    size = os.fstat(fd).st_size
    parts: list[bytes] = []
    position = 0
    while position < size and (part := os.pread(fd, size - position, position)):
        parts.append(part)
        position += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def replace(directory: int, name: str, data: bytes) -> None:
    """Replace a file so that it is the old or the new one through a power cut (R7).

    Raises:
        OSError: nothing changed, and no temporary file stays if it can be removed.
    """
    temporary = f".{name}.tmp"
    fd = create(directory, temporary)
    try:
        try:
            write_all(fd, data)
            sync_data(fd)
        finally:
            os.close(fd)
        rename(directory, temporary, name)
    except OSError:
        with suppress(OSError):
            unlink(directory, temporary)
        raise
    sync_directory(directory)


def is_leftover(name: str) -> bool:
    """Tell whether a name is one that nothing keeps: of a file that was to take another's place."""
    return name.startswith(".") and name.endswith(".tmp")
