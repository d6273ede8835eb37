"""Hosts on two bridges, and a router between them that passes no multicast on."""

import subprocess

from dusk.demo.net import COMMAND_TIMEOUT_S, INTERFACE, Host, Network
from dusk.demo.place import Spot
from tests.network.cluster import Machine

HERE = "10.77.0"
THERE = "10.78.0"
_ROUTER = 254


class SitesNetwork(Network):
    """The namespace of the bridges is the router between them.

    Args:
        hosts: how many in all.
        here: how many of them, the first ones, are on the first bridge.

    Raises:
        NetworkError: this machine cannot.
    """

    def __init__(self, hosts: int, here: int) -> None:
        self._here = here
        super().__init__(hosts)

    def net_of(self, host: Host) -> str:
        """Return the first three numbers of a host's IPv4 address."""
        return HERE if host.number <= self._here else THERE

    def _wire(self) -> None:
        lines = []
        for bridge, net in (("br0", HERE), ("br1", THERE)):
            lines += [
                f"link add {bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
                f"addr add {net}.{_ROUTER}/24 dev {bridge}",
                f"link set {bridge} up",
            ]
        for host in self.hosts:
            bridge = "br0" if self.net_of(host) == HERE else "br1"
            lines += [
                f"link add {host.port} type veth peer name {INTERFACE} netns {host.pid}",
                f"link set {host.port} master {bridge} up",
            ]
        self._ip(self._switch, lines)
        self._forward()
        for host in self.hosts:
            own = self._addresses(host)
            address = f"addr add {self.net_of(host)}.{host.number}/24 brd + dev {INTERFACE}"
            own = [address if line.startswith("addr add 10.") else line for line in own]
            self._ip(host.pid, [*own, f"route add default via {self.net_of(host)}.{_ROUTER}"])

    def _forward(self) -> None:
        command = ["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"]
        subprocess.run(self.command_on_the_switch(command), check=True, timeout=COMMAND_TIMEOUT_S)


class SitesPlace:
    """Where routers of two sites stand.

    Args:
        routers: how many in all.
        here: how many of them are on the first bridge.
    """

    name = "two bridges and a router between them"

    def __init__(self, routers: int, here: int) -> None:
        self._network = SitesNetwork(routers, here)

    def spot(self, number: int) -> Spot:
        """Return the host's only interface; its addresses are found by the daemon."""
        assert self._network.hosts[number - 1].number == number
        return Spot(INTERFACE, None)

    def is_here(self, number: int) -> bool:
        """Tell whether a router is on the first bridge."""
        return self._network.net_of(self._network.hosts[number - 1]) == HERE

    def command(self, number: int, arguments: list[str]) -> list[str]:
        """Enter the host's namespace."""
        return self._network.command(self._network.hosts[number - 1], arguments)

    def close(self) -> None:
        """End the namespaces."""
        self._network.close()


class FarMachine(Machine):
    """A router whose own settings name one of the first bridge, if it stands on the other."""

    def _make_files(self) -> None:
        super()._make_files()
        assert isinstance(self._place, SitesPlace)
        if not self._place.is_here(self.number):
            settings = self.config / "dusk"
            settings.write_text(settings.read_text() + f"\tlist peer '{HERE}.2'\n")
