"""A daemon with a profiler around it: ``python -m benchmarks.profiled ROOT FILE``.

The file is opened before the rights of root are gone, and gets the most expensive functions as
text when the daemon is told to stop. Time spent waiting in `epoll` is left in: it is idle time.
"""

import cProfile
import importlib
import sys
from pathlib import Path

from benchmarks.measure import write_profile
from dusk.daemon.main import run


def main(root: str, file: str) -> int:
    """Run a daemon until it is told to stop, then write its profile."""
    importlib.import_module("dusk.daemon.service")  # before: what is looked for is not the imports
    with Path(file).open("w") as out:
        profile = cProfile.Profile()
        code = profile.runcall(run, root)
        write_profile(profile, out)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
