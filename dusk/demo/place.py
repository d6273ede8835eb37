"""Where the demo's routers stand: on a bridge of their own, or on addresses of loopback."""

import contextlib
from dataclasses import dataclass
from typing import Protocol

from dusk.demo import net


@dataclass(frozen=True, slots=True)
class Spot:
    """What one router has to know of the place where it stands."""

    interface: str
    address: str | None


class Place(Protocol):
    """Where daemons are started."""

    name: str

    def spot(self, number: int) -> Spot:
        """Return the interface, and the address to bind, of router ``number`` (from 1)."""

    def command(self, number: int, arguments: list[str]) -> list[str]:
        """Return the command line that runs ``arguments`` where router ``number`` stands."""

    def close(self) -> None:
        """Leave nothing behind."""


class BridgePlace:
    """Every router is a host in a namespace; all hang on one bridge."""

    def __init__(self, routers: int) -> None:
        self._network = net.Network(routers)
        self.name = self._network.mode.value

    def spot(self, number: int) -> Spot:
        """Return the host's only interface; its addresses are found by the daemon."""
        assert self._network.hosts[number - 1].number == number
        return Spot(net.INTERFACE, None)

    def command(self, number: int, arguments: list[str]) -> list[str]:
        """Enter the host's namespace."""
        return self._network.command(self._network.hosts[number - 1], arguments)

    def close(self) -> None:
        """End the namespaces."""
        self._network.close()


class LoopbackPlace:
    """Every router has an address of 127.0.0.0/8; multicast goes over ``lo``."""

    name = "loopback"

    def spot(self, number: int) -> Spot:
        """Return an address of its own on ``lo``."""
        return Spot("lo", f"127.0.0.{number}")

    def command(self, number: int, arguments: list[str]) -> list[str]:
        """Nothing is to be entered."""
        assert number > 0
        return arguments

    def close(self) -> None:
        """Nothing was made."""


def best(routers: int) -> Place:
    """Return the best place that this machine offers."""
    with contextlib.suppress(net.NetworkError):
        return BridgePlace(routers)
    return LoopbackPlace()
