"""How long what was applied may take to be confirmed (`specs/apply.md`, *Windows*).

A window is never shorter than three times what a takeover takes: a device that applied while the
master died is not to blame its config for that (A48).
"""

from collections.abc import Callable, Mapping

from dusk.config.radios import is_link, is_off, listens_for_radar
from dusk.config.uci import parse
from dusk.errors import ConfigError, UntrustedInput
from dusk.lazy import dataclass

WINDOW_S = 90.0
NETWORK_TIMES = 2
"""Interfaces, bridges and addresses come back one after the other: 180 s."""
RADAR_TIMES = 8
"""A radio listens for radar before it sends, ten minutes on some channels: 720 s."""
TAKEOVERS = 3
"""A window is at least as long as so many of them."""

Changes = Mapping[str, tuple[bytes | None, bytes]]
"""Package → (content before, content after) of each file that changes."""


@dataclass(slots=True)
class Windows:
    """The windows of a device, and what it grants others; ``base_s`` follows the device's own settings.

    Args:
        base_s: of a change that is none of the network's, seconds.
        takeover_s: gives how long it takes until the last holder of the succession leads, seconds.
    """

    base_s: float = WINDOW_S
    takeover_s: Callable[[], float] = lambda: 0.0

    def of(self, changes: Changes, wireless: bytes | None = None) -> float:
        """Return for how long a change may be unconfirmed, seconds.

        Args:
            changes: what changes.
            wireless: content of that package where it stays as it is, if it is known.
        """
        times = NETWORK_TIMES if "network" in changes else 1
        if not changes.keys().isdisjoint({"network", "wireless"}):
            contents = changes.get("wireless", (wireless, wireless))
            if any(content is not None and has_radar_uplink(content) for content in contents):
                times = RADAR_TIMES
        return max(self.base_s * times, TAKEOVERS * self.takeover_s())

    def silence(self) -> float:
        """Return after how long somebody who changes nothing counts as gone, seconds."""
        return max(WINDOW_S, self.takeover_s())

    def patience(self) -> float:
        """Return how long another device may be silent for what it applies, at most, seconds.

        It is the longest window, and what it takes around one to reload, go back, and be heard again. What
        this device's own people set says nothing of others: it counts what holds where nobody set anything.
        """
        return max(RADAR_TIMES * WINDOW_S, TAKEOVERS * self.takeover_s()) + self.silence()


WINDOWS = Windows()
"""Those of a device that says nothing else, and knows no takeover."""


def has_radar_uplink(wireless: bytes) -> bool:
    """Tell whether a link to other routers goes over a radio that has to listen for radar first.

    Args:
        wireless: content of the package; one that is no UCI has none.
    """
    try:
        sections = parse(wireless, "wireless").sections
    except (ConfigError, UntrustedInput):
        return False
    radios = {one.name for one in sections if one.type == "wifi-device" and listens_for_radar(one)}
    return any(
        one.get("device") in radios and is_link(one) and not is_off(one)
        for one in sections
        if one.type == "wifi-iface"
    )
