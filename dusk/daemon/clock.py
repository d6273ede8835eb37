"""Wall time for people, and whether anything vouches for it (R11).

The kernel knows whether a time service disciplines its clock (``adjtimex``, which anybody may
ask). Where that cannot be asked, a year from 2025 on counts: without a battery a router boots in
1970, or at the time of its newest file.
"""

import ctypes
import time

import trio

from dusk.daemon.inbox import Inbox
from dusk.effects import WallClock

LOOK_S = 10.0
JUMP_S = 0.5
"""A difference that the node is told."""
_TIME_ERROR = 5
_TIMEX_BYTES = 512
"""More than ``struct timex`` has anywhere; all zero asks and changes nothing."""
_YEAR_2025_S = 1_735_689_600


def is_trusted(wall_s: float) -> bool:
    """Return whether something vouches for the wall time."""
    try:
        state = int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
    except (OSError, AttributeError):
        return wall_s >= _YEAR_2025_S
    return wall_s >= _YEAR_2025_S if state < 0 else state != _TIME_ERROR


def read_clock() -> WallClock:
    """Return the wall clock against the clock of the node's ``now``."""
    wall_s = time.time()
    return WallClock(wall_s - trio.current_time(), is_trusted(wall_s))


async def watch_clock(inbox: Inbox) -> None:
    """Tell the node when the clock jumps or becomes trusted, until cancelled."""
    told = read_clock()
    while True:
        await trio.sleep(LOOK_S)
        seen = read_clock()
        if seen.trusted != told.trusted or abs(seen.offset_s - told.offset_s) > JUMP_S:
            told = seen
            inbox.put(seen)
