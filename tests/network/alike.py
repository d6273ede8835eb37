"""Hosts on one bridge as they leave the factory: one IPv4 address for all, and IPv6 by link-local alone."""

from dusk.demo.net import INTERFACE, Host, Network
from dusk.demo.place import Spot

FACTORY = "192.168.1.1"
"""What OpenWrt gives to every fresh router."""


class AlikeNetwork(Network):
    """Hosts that nobody has configured yet.

    Args:
        hosts: how many.
        first: the IPv4 address of the first one, which a person may have configured.

    Raises:
        NetworkError: this machine cannot.
    """

    def __init__(self, hosts: int, first: str = FACTORY) -> None:
        self._first = first
        super().__init__(hosts)

    def _addresses(self, host: Host) -> list[str]:
        own = self._first if host.number == 1 else FACTORY
        return [line.replace(host.address4, own) for line in super()._addresses(host)]


class AlikePlace:
    """Where such routers stand.

    Args:
        routers: how many.
        first: the IPv4 address of the first one.
    """

    name = "a bridge of routers with one address"

    def __init__(self, routers: int, first: str = FACTORY) -> None:
        self.network = AlikeNetwork(routers, first)

    def spot(self, number: int) -> Spot:
        """Return the host's only interface; its addresses are found by the daemon."""
        assert self.network.hosts[number - 1].number == number
        return Spot(INTERFACE, None)

    def command(self, number: int, arguments: list[str]) -> list[str]:
        """Enter the host's namespace."""
        return self.network.command(self.network.hosts[number - 1], arguments)

    def close(self) -> None:
        """End the namespaces."""
        self.network.close()
