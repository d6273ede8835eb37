"""The files of a log by name, and how one with damage is set aside (R7)."""

import os
from collections.abc import Sequence
from contextlib import suppress

from dusk.daemon import disk, frames
from dusk.effects import LogItem

NAME = "log"
MUST_HEAR_NAME = "must-hear"
"""A small file: the log was cut, so another member must be caught up with before this one leads."""
DAMAGED_NAME = "log.damaged"
"""Where a file with damage is kept, for people and for what only it may hold."""


def set_aside(folder: int, good: Sequence[LogItem]) -> None:
    """Keep a damaged file under another name and put its good beginning in its place.

    Batches are written again as one: all of it is on disk before the name changes. That the
    log was cut is on disk before it is.

    Args:
        folder: the open folder of the node.
        good: the items of the good beginning.

    Raises:
        OSError: the log is as it was.
    """
    disk.replace(folder, MUST_HEAR_NAME, b"1")
    with suppress(FileNotFoundError):
        disk.unlink(folder, DAMAGED_NAME)
    os.link(NAME, DAMAGED_NAME, src_dir_fd=folder, dst_dir_fd=folder)
    disk.sync_directory(folder)  # before the log is replaced: else both names of the old file may be gone
    disk.replace(folder, NAME, frames.MAGIC + frames.encode(good, len(frames.MAGIC)))
