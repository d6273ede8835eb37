"""Which packages this machine has, from the list that apk or opkg keeps: read as anybody may read it."""

from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from dusk.errors import Refused, StorageError, UntrustedInput
from dusk.membership.packages import APK, OPKG, Form, encode_packages, read_list, told_of

LISTS = (("lib/apk/db/installed", APK), ("usr/lib/opkg/status", OPKG))
"""Of OpenWrt from 25.12 on, and before."""
LIST_BYTES_MAX = 8 * 1024 * 1024
"""apk's list names each file of each package: on a router that is some hundred KiB."""
_Version = tuple[Path, int, int, int]


class PackageList:
    """What this machine tells of its packages; a list is read again only after it has changed.

    Args:
        root: the node's root, below which the lists lie.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._told: tuple[_Version, bytes] | None = None

    def answer(self) -> bytes:
        """Return the answer to *packages*; call it from a thread, for it waits for the disk.

        Raises:
            Refused: no list is kept here.
            StorageError: it cannot be read.
            UntrustedInput: it says what no list says.
        """
        version, form = self._kept()
        told = self._told
        if told is None or told[0] != version:
            told = self._told = version, self._read(version[0], form)
        return told[1]

    def _kept(self) -> tuple[_Version, Form]:
        """Return which list is kept here, and in which version."""
        for place, form in LISTS:
            path = self._root / place
            try:
                found = path.stat()
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise _unread(error) from None
            if S_ISREG(found.st_mode):
                return (path, found.st_ino, found.st_size, found.st_mtime_ns), form
        raise Refused("no-list", "neither apk nor opkg keeps a list of packages there")

    def _read(self, path: Path, form: Form) -> bytes:
        try:
            with path.open("rb") as stream:
                return encode_packages(told_of(read_list(_lines(stream), form)))
        except OSError as error:
            raise _unread(error) from None


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a list that is not too long.

    Raises:
        UntrustedInput: it is longer.
    """
    left = LIST_BYTES_MAX
    while line := stream.readline(left + 1):
        left -= len(line)
        if left < 0:
            raise UntrustedInput(f"the list of packages is longer than {LIST_BYTES_MAX // 2**20} MiB")
        yield line


def _unread(error: OSError) -> StorageError:
    return StorageError(f"its list of packages cannot be read: {error.strerror}")
