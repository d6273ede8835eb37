"""Runs Dusk with a wall clock that is wrong by so many seconds as a file says, at any moment.

``python skewed.py FILE daemon ...``. The file's first eight bytes are a double. It is mapped before
the daemon gives its rights up, so whoever writes to it makes the clock jump while the daemon runs.
The monotonic clock needs no help: trio starts its own at a random value in every process.
"""

import mmap
import struct
import sys
import time

FORM = struct.Struct("=d")


def main() -> int:
    """Take our own argument away and run the command line."""
    with open(sys.argv[1], "rb") as file:  # noqa: PTH123 — little is imported before the helper forks
        wrong_s = mmap.mmap(file.fileno(), FORM.size, access=mmap.ACCESS_READ)
    true_time = time.time
    time.time = lambda: true_time() + float(FORM.unpack_from(wrong_s)[0])
    sys.argv = ["dusk", *sys.argv[2:]]
    del sys.path[0]  # the folder of this file, which `python -m dusk` would not have
    from dusk.__main__ import main as dusk

    return dusk()


if __name__ == "__main__":
    sys.exit(main())
