"""``dusk daemon``: the order of a start, and what runs side by side afterwards.

The helper is forked while the process is a bare Python, so this module imports little at its
top; everything else is imported before the rights of root are given up, since nothing may be
importable afterwards (R14).
"""

import os
import sys

from dusk.daemon.helper_start import start_helper


def run(root: str) -> int:
    """Run a node in the foreground until SIGTERM or SIGINT; return the exit code.

    Args:
        root: the folder that all paths are below.
    """
    root = os.path.join(os.getcwd(), root)
    reading, writing = -1, -1
    if os.path.isdir(f"{root}/etc") or _make(f"{root}/etc"):
        _, reading, writing = start_helper(root)
    from pathlib import Path  # this and all the rest, after the fork

    from dusk.daemon import service

    sys.excepthook = service.one_line_excepthook
    return service.serve(Path(root), reading, writing)


def _make(folder: str) -> bool:
    """Make a root's first folder, so that the helper finds its own."""
    try:
        os.makedirs(folder, mode=0o755, exist_ok=True)
    except OSError:
        return False
    return True
