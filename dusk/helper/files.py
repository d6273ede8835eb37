"""Trusted folders, and plain files opened without following links (A51)."""

import fcntl
import os
import stat
import time
from errno import EINVAL
from io import FileIO

FILE_BYTES_MAX = 512 * 1024
LOCK_S_MAX = 5.0


class Refusal(Exception):
    """A rule of the helper says no: a short code, and the reason in one line for people."""


def check_owned(facts: os.stat_result, name: str) -> None:
    """Refuse what is not ours, or what others may write."""
    if facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
        raise Refusal("untrusted", f"{name} must be uid {os.geteuid()}'s alone to write: see chown, chmod")


def open_folder(parent: int, name: str, mode: int) -> int:
    """Open a folder that is ours alone, made if missing; its name is on the disk."""
    if name not in os.listdir(parent):
        os.mkdir(name, mode, dir_fd=parent)
    try:
        os.fsync(parent)  # a former start may have made it and gone no further
    except OSError as error:
        if error.errno != EINVAL:  # a disk that cannot sync folders is none that we made any on
            raise
    fd = os.open(name, os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    check_owned(os.fstat(fd), name)
    return fd


def open_file(folder: int, name: str) -> FileIO | None:
    """Open a plain file of bounded size that is ours alone; None if there is nothing of that name."""
    try:
        facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > FILE_BYTES_MAX:
            raise Refusal("not-a-file", f"{name} is not a plain file of at most {FILE_BYTES_MAX} bytes")
        check_owned(facts, name)
        return FileIO(os.open(name, os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder))
    except FileNotFoundError:
        return None


def read_file(folder: int, name: str) -> bytes | None:
    """Return a file's content, None for no file."""
    if (file := open_file(folder, name)) is None:
        return None
    with file:
        return file.read(FILE_BYTES_MAX)


def lock(fd: int, refusal: str, more_s: float = 0) -> None:
    """Take the exclusive lock, waiting up to five seconds and more."""
    deadline_s = time.monotonic() + LOCK_S_MAX + more_s
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline_s:
                raise Refusal("busy", refusal) from None
            time.sleep(0.02)


def write_file(folder: int, name: str, content: bytes, like: os.stat_result | None = None) -> None:
    """Write a new file through to the disk, with the owner and mode of another, else 0600."""
    with open(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder), "wb") as file:
        file.write(content)
        file.flush()
        if like is not None:
            os.fchown(file.fileno(), like.st_uid, like.st_gid)
            os.fchmod(file.fileno(), like.st_mode & 0o777)
        os.fsync(file.fileno())
