"""Notices that somebody wrote a file that is managed: by one ``stat`` a file and look alone (R12)."""

import os
from collections.abc import Callable
from pathlib import Path

import trio

from dusk.changelog import views
from dusk.config.names import is_file
from dusk.daemon.inbox import Inbox
from dusk.effects import FilesTouched
from dusk.node import Node

LOOK_S_MAX = 5.0
"""Between two looks, however long a cycle is: who asks what was changed means what is there now."""

Signature = tuple[int, ...] | None
"""What is another once a file was written; None where there is none, or it cannot be seen."""


def signature(path: Path) -> Signature:
    """Return what tells one writing of a file from the next: nobody but root can keep the change time."""
    try:
        found = os.stat(path, follow_symlinks=False)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def place(root: Path, package: str) -> Path:
    """Return where a package's file is; that of one beside UCI is its path."""
    if is_file(package):
        return root / package.partition("/")[2]
    return root / "etc/config" / package


async def watch_files(root: Path, resident: Callable[[], object], inbox: Inbox) -> None:
    """Tell each node once, and then whenever a file is another, until cancelled.

    Args:
        root: the folder that all paths are below.
        resident: gives what lives in the core.
        inbox: where it is told.
    """
    told: object = None
    while True:
        node, pause_s = resident(), LOOK_S_MAX
        if isinstance(node, Node):
            pause_s = min(views.cycle_ms(node.log.state) / 1000, LOOK_S_MAX)
            packages = node.applied.watched
            seen = (node, [(package, signature(place(root, package))) for package in packages])
            if packages and seen != told:
                told = seen
                inbox.put(FilesTouched())
        await trio.sleep(pause_s)
