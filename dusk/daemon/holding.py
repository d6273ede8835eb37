"""For how long the brake is on: a hold with an end counts on a clock that neither jumps nor needs to be set.

The brake stands in the device's own settings, which are root's to write, and in a file of the node,
where an order of people puts it. The newest word counts: an order names what the settings said of
the brake when it came, and is void once they say anything else. It is removed then, so that it is not in
force again when they say the former thing anew.

A hold names the boot in which it began and the moment on that boot's clock. In a later boot it
counts from the beginning of that, as nobody knows for how long there was no power; so it lasts
too long rather than too short. That it is over is kept, or each boot would begin it anew.
"""

import hashlib
from dataclasses import replace

from dusk import codec
from dusk.daemon import boot
from dusk.daemon.settings import Settings
from dusk.errors import UntrustedInput
from dusk.limits import HOLD_S_MAX

FILE = "hold-over"
"""Of the node's folder: names the hold that came to its end."""
ORDERED = "hold-ordered"
"""Of the node's folder: what was ordered of the brake."""
ENDLESS = float("inf")
_SINCE_BYTES_MAX = 128
_SAID_BYTES = 16
_ROW = codec.Row(
    ORDERED,
    hold=codec.FLAG,
    for_s=codec.number(0, HOLD_S_MAX),
    since=codec.text_to(_SINCE_BYTES_MAX),
    said=codec.size(_SAID_BYTES),
)


def ordered(settings: Settings, for_s: int | None) -> bytes:
    """Return the file of an order, as it comes now.

    Args:
        settings: this device's own, as root wrote them.
        for_s: for how many seconds the brake is on, 0: without an end; None: it is off.
    """
    return codec.pack((for_s is not None, for_s or 0, boot.this_moment(), _said(settings)))


def in_force(settings: Settings, unverified: bytes | None) -> Settings:
    """Return the settings with the newest word of the brake in them; as they are if no order has it."""
    if unverified is None:
        return settings
    try:
        hold, for_s, since, said = _ROW.read(codec.unpack(unverified, size_max=512))
    except UntrustedInput:
        return settings
    if said != _said(settings):
        return settings
    return replace(settings, hold=hold, hold_for_s=for_s, hold_since=since)


def is_void(settings: Settings, unverified: bytes) -> bool:
    """Tell whether the settings say something newer than this order, or it is damaged."""
    return in_force(settings, unverified) is settings


def _said(settings: Settings) -> bytes:
    """Return a name for what the settings say of the brake."""
    said = codec.pack((settings.hold, settings.hold_for_s, name_of(settings)))
    return hashlib.blake2b(said, digest_size=_SAID_BYTES).digest()


def name_of(settings: Settings) -> bytes:
    """Return what tells the hold of these settings from others: its beginning, in the bytes of the file."""
    return settings.hold_since.encode("utf-8", "surrogateescape")


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
    if over == name_of(settings):
        return 0.0
    began_in, _, at = settings.hold_since.partition("/")
    now_s = boot.since_boot_s()
    began_s = min(float(at), now_s) if began_in == boot.boot_id() and at.isdecimal() else 0.0
    return max(0.0, began_s + settings.hold_for_s - now_s)


def words(left: float) -> str:
    """Return a length of time, seconds, as people say it."""
    minutes = max(1, round(left / 60))
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
