"""``dusk daemon``: the order of a start, and what runs side by side afterwards.

The helper is forked while the process is a bare Python, so this module imports little at its
top; everything else is imported before the rights of root are given up, since nothing may be
importable afterwards (R14).
"""

import os
import sys
from pathlib import Path

from dusk.daemon.helper_start import start_helper


def run(root: Path) -> int:
    """Run a node in the foreground until SIGTERM or SIGINT; return the exit code.

    Args:
        root: the folder that all paths are below.
    """
    root = root.absolute()
    reading, writing = -1, -1
    if (root / "etc").is_dir() or _make(root / "etc"):
        _, reading, writing = start_helper(str(root))
    from dusk.daemon import service  # all the rest, after the fork

    sys.excepthook = service.one_line_excepthook
    return service.serve(root, reading, writing)


def _make(folder: Path) -> bool:
    """Make a root's first folder, so that the helper finds its own."""
    try:
        os.makedirs(folder, mode=0o755, exist_ok=True)
    except OSError:
        return False
    return True
