"""``dusk backup``: a copy of what this router keeps, made without its daemon, beside a running one.

The log comes last: it only grows, so it never lacks what another file says is in it. The archive is one
of those that ``sysupgrade -b`` makes, so what puts these back puts it back, too.
"""

import argparse
import os
import stat
import sys
import tarfile
from contextlib import suppress
from errno import ELOOP, ENXIO
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from dusk.cli.command import Command, Context
from dusk.cli.passwords import check_new, new_secret
from dusk.cli.verify import check, log_here
from dusk.daemon import disk
from dusk.daemon.logfiles import DAMAGED_NAME, NAME
from dusk.errors import Refused, StorageError

_STANDARD_OUTPUT = "-"
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER = _FILE | os.O_DIRECTORY
_OWN = Path("etc/dusk")
_LOG = _OWN / "node" / NAME
_SETTINGS = Path("etc/config/dusk")
_LEFT_OUT = frozenset({_OWN / "journal", _OWN / "node" / DAMAGED_NAME, _LOG})
"""A journal undoes the apply that is under way now: put back on another day it would undo another one."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a new file, or - for standard output")


def _backup(context: Context, arguments: argparse.Namespace) -> int:
    contents, folder = log_here(context.root)
    found = check(contents, folder)
    if found.fault:
        raise StorageError(
            f"there is no copy: the log is not sound at version {found.position}: {found.fault}"
        )
    file: str = arguments.file
    if file == _STANDARD_OUTPUT:
        _to_standard_output(context)
    else:
        check_new(file)
        with new_secret(file) as stream:
            _write(context, stream)
        document = {
            "file": file,
            "bytes": Path(file).stat().st_size,
            "cluster": found.cluster,
            "head": {"seq": found.entries, "hash": found.head},
        }
        context.fields([("done", file), ("entries", found.entries), ("head", found.head)], document)
    context.note("whoever has it is this router, and reads what it may: keep it like a password")
    return 0


def _to_standard_output(context: Context) -> None:
    if context.json:
        raise Refused("no-file", "with --json standard output has the document: give a file")
    if sys.stdout.isatty():
        raise Refused("no-file", "a copy is no text for a terminal: give a file, or send the output into one")
    _write(context, sys.stdout.buffer)
    sys.stdout.buffer.flush()


def _write(context: Context, stream: BinaryIO) -> None:
    """Write the archive to an open file.

    Folders are gone through by their descriptors, and no link is followed: what lies below ``node`` is the
    daemon's to move, and who runs this is root as a rule (R14).
    """
    with disk.told_as_storage("there is no copy"), tarfile.open(fileobj=stream, mode="w|gz") as archive:
        copy = _Copy(context, archive)
        for path in (_SETTINGS, _OWN, _LOG):
            with suppress(FileNotFoundError):  # a router may have no settings of its own
                copy.begin(path)


class _Copy:
    """An archive in the making."""

    def __init__(self, context: Context, archive: tarfile.TarFile) -> None:
        self._context, self._archive = context, archive

    def begin(self, path: Path) -> None:
        """Add a path below the root, with all that is in it.

        Raises:
            FileNotFoundError: there is no such folder.
        """
        folder = os.open(self._context.root / path.parent, _FOLDER)
        try:
            self.add(folder, path)
        finally:
            os.close(folder)

    def add(self, folder: int, path: Path) -> None:
        """Add what has a name in an open folder; what has gone is not missed, what is neither is said."""
        try:
            descriptor = os.open(path.name, _FILE, dir_fd=folder)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in (ELOOP, ENXIO):
                raise
            self._leave_out(path)
            return
        try:
            self._add(descriptor, path, os.fstat(descriptor))
        finally:
            os.close(descriptor)

    def _add(self, descriptor: int, path: Path, found: os.stat_result) -> None:
        info = tarfile.TarInfo(str(path))
        info.mode, info.uid, info.gid = stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid
        info.mtime = int(found.st_mtime)
        if stat.S_ISREG(found.st_mode):
            info.size = found.st_size
            with FileIO(descriptor, closefd=False) as file:
                self._archive.addfile(info, file)
        elif stat.S_ISDIR(found.st_mode):
            info.type = tarfile.DIRTYPE
            self._archive.addfile(info)
            for name in sorted(os.listdir(descriptor)):
                if path / name not in _LEFT_OUT and not disk.is_leftover(name):
                    self.add(descriptor, path / name)
        else:
            self._leave_out(path)

    def _leave_out(self, path: Path) -> None:
        self._context.note(f"left out, as it is neither file nor folder: {self._context.root / path}")


COMMANDS = {
    "backup": Command(
        "Copy what this router keeps into a file: its key, the log that all routers share, group keys, "
        "drafts, its own settings of Dusk. The log is checked first. Needs no daemon, and disturbs none.",
        "dusk backup attic.tar.gz\n  ssh root@attic dusk backup - > attic.tar.gz",
        _arguments,
        _backup,
    ),
}
