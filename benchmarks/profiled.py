"""A daemon with a profiler around it: ``python -m benchmarks.profiled ROOT FILE``.

The file is opened before the rights of root are gone, and gets the most expensive functions as
text when the daemon is told to stop. Time spent waiting in `epoll` is left in: it is idle time.
"""

import cProfile
import pstats
import sys
from pathlib import Path

from dusk.daemon.main import run

FUNCTIONS = 45


def main(root: str, file: str) -> int:
    """Run a daemon until it is told to stop, then write its profile."""
    with Path(file).open("w") as out:
        profile = cProfile.Profile()
        code = profile.runcall(run, Path(root))
        for order in ("tottime", "cumulative"):
            pstats.Stats(profile, stream=out).strip_dirs().sort_stats(order).print_stats(FUNCTIONS)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
