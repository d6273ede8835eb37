"""``dusk backup``: a copy of what this router keeps, made without its daemon, beside a running one.

The log comes last: it only grows, so it never lacks what another file says is in it. The archive is one
of those that ``sysupgrade -b`` makes, so what puts these back puts it back, too.
"""

import argparse
import os
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from dusk.cli.command import Command, Context
from dusk.cli.passwords import check_new, new_secret
from dusk.cli.verify import check, log_here
from dusk.daemon import disk
from dusk.daemon.logfiles import DAMAGED_NAME, NAME
from dusk.errors import Refused, StorageError

_STANDARD_OUTPUT = "-"
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
    """Write the archive to an open file."""
    with disk.told_as_storage("there is no copy"), tarfile.open(fileobj=stream, mode="w|gz") as archive:
        for path in (*_files(context, _SETTINGS), *_files(context, _OWN), *_files(context, _LOG)):
            _add(archive, context.root, path)


def _files(context: Context, path: Path) -> Iterator[Path]:
    """Yield a path, and of a folder all that is in it; say what is neither file nor folder."""
    place = context.root / path
    if place.is_symlink() or not (place.is_file() or place.is_dir()):
        if os.path.lexists(place):
            context.note(f"left out, as it is neither file nor folder: {place}")
        return
    yield path
    if place.is_dir():
        for inner in sorted(path / found.name for found in place.iterdir()):
            if inner not in _LEFT_OUT and not (inner.name.startswith(".") and inner.name.endswith(".tmp")):
                yield from _files(context, inner)


def _add(archive: tarfile.TarFile, root: Path, path: Path) -> None:
    """Add a folder, or a file as it is now; one that has gone meanwhile is missed by nobody."""
    if (root / path).is_dir():
        archive.add(root / path, str(path), recursive=False)
        return
    try:
        descriptor = os.open(root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "rb") as file:
        archive.addfile(archive.gettarinfo(arcname=str(path), fileobj=file), file)


COMMANDS = {
    "backup": Command(
        "Copy what this router keeps into a file: its key, the log that all routers share, group keys, "
        "drafts, its own settings of Dusk. The log is checked first. Needs no daemon, and disturbs none.",
        "dusk backup attic.tar.gz\n  ssh root@attic dusk backup - > attic.tar.gz",
        _arguments,
        _backup,
    ),
}
