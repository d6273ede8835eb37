"""What a radio of ``wireless`` does: whether it is on, links to another router, and listens for radar first.

One judgement for all who ask: the marks and the seconds that people are shown before they sign, the
way that stays whatever is made exclusive, and how long an apply is waited for.
"""

from collections.abc import Collection

from dusk.config.parts import Section, texts_of

YES = frozenset({"1", "yes", "on", "true", "enabled"})
"""What UCI's readers take for true."""
LINKS = frozenset({"sta", "mesh", "adhoc"})
"""Modes of a radio's interface that is a link to another router; one with ``wds`` is another."""
_DFS_FIRST, _DFS_LAST = 52, 144
_WEATHER = frozenset({120, 124, 128})
"""Channels that overlap 5,600 to 5,650 MHz."""
LISTENS_S, LISTENS_WEATHER_S = 60, 600
"""Channel availability check: ETSI EN 301 893, table D.1."""
_NO_RADAR_MAX = 14
_SPACING = 4
"""Between the numbers of channels of 20 MHz."""
WIDTH_USUAL_MHZ = 80
"""What a radio of 5 GHz has in a fresh system; taken where nothing says it."""
_WIDTHS_MHZ = {"20": 20, "40": 40, "80": 80, "160": 160, "320": 160}
"""Digits at the end of an ``htmode`` → how much of it there is at 5 GHz."""
_CHANNEL_DIGITS_MAX = 3


def is_off(section: Section) -> bool:
    """Tell whether a section of ``wireless`` is switched off."""
    return section.get("disabled") in YES


def is_link(interface: Section) -> bool:
    """Tell whether a ``wifi-iface`` is a link to another router, be it on or off."""
    return is_link_of(texts_of(interface, "mode"), texts_of(interface, "wds"))


def is_link_of(modes: Collection[str], wds: Collection[str]) -> bool:
    """Tell the same by the values that its options have, or may have."""
    return not (LINKS.isdisjoint(modes) and YES.isdisjoint(wds))


def width_of(htmode: str) -> int:
    """Return the MHz that an ``htmode`` says, 0 for none that is known."""
    mode = htmode.rstrip("+-")
    return _WIDTHS_MHZ.get(mode[len(mode.rstrip("0123456789")) :], 0)


def listens_for_radar(radio: Section) -> bool:
    """Tell whether a ``wifi-device`` may use a channel on which radar goes first."""
    band, channel = radio.get("band"), radio.get("channel") or "auto"
    if is_off(radio) or band not in (None, "5g") or not isinstance(channel, str):
        return False
    is_number = channel.isascii() and channel.isdigit() and len(channel) <= _CHANNEL_DIGITS_MAX
    if not is_number:
        return band == "5g" or radio.get("hwmode") == "11a"
    width_mhz = max(map(width_of, texts_of(radio, "htmode")), default=0) or WIDTH_USUAL_MHZ
    return listens_s(int(channel), width_mhz) > 0


def listens_s(channel: int, width_mhz: int) -> int:
    """Return how long a radio must listen for radar before it sends on a channel, in seconds.

    Args:
        channel: the primary channel's number.
        width_mhz: 20, 40, 80 or 160: the whole block must be free.
    """
    if channel <= _NO_RADAR_MAX:
        return 0
    first = 149 if channel > _DFS_LAST else 100 if channel >= 100 else 36
    count = width_mhz // 20
    place = (channel - first) // _SPACING // count * count
    block = {first + _SPACING * (place + number) for number in range(count)}
    if block & _WEATHER:
        return LISTENS_WEATHER_S
    return LISTENS_S if any(_DFS_FIRST <= one <= _DFS_LAST for one in block) else 0
