"""Which sockets a node wants, by its settings and what the machine has now. Decides only."""

import socket
from collections.abc import Iterable, Sequence

from dusk.daemon.interfaces import Interface, IpAddress, IpNetwork
from dusk.effects import Address, Link
from dusk.lazy import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address to receive on and to send from.

    Attributes:
        ip: the address, without scope.
        interface: kernel name of its interface; empty if it is on none of those wanted.
        index: of that interface; 0 if none.
    """

    ip: IpAddress
    interface: str
    index: int

    @property
    def host(self) -> str:
        """The address as peers and messages write it, with its scope if it needs one."""
        return (
            f"{self.ip}%{self.interface}" if self.ip.is_link_local and self.ip.version == 6 else str(self.ip)
        )

    @property
    def link(self) -> Link | None:
        """Where multicast from here goes; IPv6 multicast does not work on loopback."""
        if not self.index or (self.ip.version == 6 and self.ip.is_loopback):
            return None
        return Link(self.interface, self.ip.version)


@dataclass(frozen=True, slots=True)
class Plan:
    """What should be open.

    Attributes:
        endpoints: in order of preference.
        networks: what is reached directly from an endpoint.
        missing: what is not there, one line each.
    """

    endpoints: tuple[Endpoint, ...]
    networks: tuple[tuple[IpNetwork, Endpoint], ...]
    missing: tuple[str, ...]


def plan(found: Sequence[Interface], wanted: Sequence[str], addresses: Sequence[IpAddress]) -> Plan:
    """Return what to open.

    Args:
        found: the wanted interfaces that are there.
        wanted: names of interfaces from the settings.
        addresses: the only addresses to use; empty for all of those interfaces.
    """
    names = {interface.name for interface in found}
    missing = [f"interface {name} is missing" for name in wanted if name not in names]
    missing += [
        f"interface {interface.name} has no address"
        for interface in found
        if not interface.addresses and not addresses
    ]
    pairs = list(_chosen(found, addresses) if addresses else _all(found))
    endpoints = sorted({endpoint for _, endpoint in pairs}, key=_preference)
    networks = tuple((network, endpoint) for network, endpoint in pairs if network is not None)
    return Plan(tuple(endpoints), networks, tuple(missing))


def _preference(endpoint: Endpoint) -> tuple[str, int, bool, str]:
    """Sort IPv6 before IPv4 and link-local first: it is there before any other."""
    return endpoint.interface, -endpoint.ip.version, not endpoint.ip.is_link_local, str(endpoint.ip)


def _all(found: Sequence[Interface]) -> Iterable[tuple[IpNetwork | None, Endpoint]]:
    for interface in found:
        for address in interface.addresses:
            yield address.network, Endpoint(address.ip, interface.name, interface.index)


def _chosen(
    found: Sequence[Interface], addresses: Sequence[IpAddress]
) -> Iterable[tuple[IpNetwork | None, Endpoint]]:
    for ip in addresses:
        network, home = _home(found, ip)
        yield network, Endpoint(ip, home.name, home.index) if home else Endpoint(ip, "", 0)


def _home(found: Sequence[Interface], ip: IpAddress) -> tuple[IpNetwork | None, Interface | None]:
    """Return the interface that an address belongs to: all of 127/8 belongs to lo."""
    for interface in found:
        for address in interface.addresses:
            if ip in address.network:
                return address.network, interface
    return None, None


def links(endpoints: Iterable[Endpoint]) -> tuple[Link, ...]:
    """Return the links on which multicast can be sent, without repetition, in order."""
    return tuple(dict.fromkeys(endpoint.link for endpoint in endpoints if endpoint.link is not None))


def sockaddr(to: Address, index_of: dict[str, int]) -> tuple[str, int] | tuple[str, int, int, int]:
    """Return an address as ``sendto`` and ``connect`` want it.

    Args:
        to: numeric host, with ``%scope`` for link-local.
        index_of: interface name → index.

    Raises:
        ValueError: not numeric, or an unknown scope.
    """
    host, _, scope = to.host.partition("%")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.inet_pton(family, host)  # a name would be looked up, whoever told it
    except OSError:
        raise ValueError(f"{host!a} is no address") from None
    if family == socket.AF_INET:
        return host, to.port
    if not scope:
        return host, to.port, 0, 0
    index = index_of.get(scope, 0) or (int(scope) if scope.isdecimal() else 0)
    if not index:
        raise ValueError(f"no interface {scope}")
    return host, to.port, 0, index
