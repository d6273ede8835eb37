"""For how long the brake is on: a hold with an end counts on a clock that neither jumps nor needs to be set.

A hold names the boot in which it began and the moment on that boot's clock. In a later boot it
counts from the beginning of that, as nobody knows for how long there was no power; so it lasts
too long rather than too short. That it is over is kept, or each boot would begin it anew.
"""

from dusk.daemon import boot
from dusk.daemon.settings import Settings

FILE = "hold-over"
"""Of the node's folder: names the hold that came to its end."""
ENDLESS = float("inf")


def left_s(settings: Settings, over: bytes | None) -> float:
    """Return for how many seconds more this device is on hold: 0 if it is not, infinity without an end.

    Args:
        settings: this device's own.
        over: the hold that came to its end.
    """
    if not settings.hold:
        return 0.0
    if not settings.hold_for_s:
        return ENDLESS
    if over == settings.hold_since.encode():
        return 0.0
    began_in, _, at = settings.hold_since.partition("/")
    now_s = boot.since_boot_s()
    began_s = min(float(at), now_s) if began_in == boot.boot_id() and at.isdecimal() else 0.0
    return max(0.0, began_s + settings.hold_for_s - now_s)


def words(left: float) -> str:
    """Return a length of time, seconds, as people say it."""
    minutes = max(1, round(left / 60))
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
