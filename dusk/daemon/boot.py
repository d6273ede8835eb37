"""This boot of the machine: a name for it, and a clock that neither jumps nor needs to be set (R11)."""

import time
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Return the kernel's id of this boot."""
    try:
        return BOOT_ID.read_text("utf-8").strip()
    except OSError:
        return "unknown"


def since_boot_s() -> float:
    """Return seconds since this boot began, those in which the machine slept included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def this_moment() -> str:
    """Return this moment as later ones of this boot can be compared with it: the boot, and whole seconds."""
    return f"{boot_id()}/{int(since_boot_s())}"
