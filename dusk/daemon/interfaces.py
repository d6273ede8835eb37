"""The network interfaces of this machine: the only user of netifaces.

Only ``ifaddresses`` is used, which asks the kernel; ``gateways`` would run programs. There are two packages
of this name: netifaces2 here, and on OpenWrt the first one, in C; what they say has not the same form.
Indexes come from ``socket``.
"""

import ipaddress
import socket
from collections.abc import Mapping
from typing import cast

import netifaces

from dusk.lazy import dataclass

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class LocalAddress:
    """An address of an interface.

    Attributes:
        ip: the address, without scope.
        network: what is reached directly through it.
    """

    ip: IpAddress
    network: IpNetwork


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface that is there now."""

    name: str
    index: int
    addresses: tuple[LocalAddress, ...]


def look_up(name: str) -> Interface | None:
    """Return an interface by its kernel name, or None while there is none."""
    try:
        index = socket.if_nametoindex(name)
    except OSError:
        return None
    found = _entries(name)
    entries = [*found.get(netifaces.AF_INET6, ()), *found.get(netifaces.AF_INET, ())]
    addresses = (
        _address(entry.get("addr", ""), entry.get("mask") or entry.get("netmask", "")) for entry in entries
    )
    return Interface(name, index, tuple(address for address in addresses if address is not None))


def hardware_address(name: str) -> str:
    """Return the MAC address of an interface; empty where it has none."""
    entries = _entries(name).get(netifaces.AF_LINK, ())
    return next((entry["addr"] for entry in entries if "addr" in entry), "")


def _entries(name: str) -> Mapping[int, list[dict[str, str]]]:
    """Return what netifaces says; an interface that went away this moment has nothing."""
    try:
        found = netifaces.ifaddresses(name)
    except (OSError, ValueError):
        return {}
    return cast("Mapping[int, list[dict[str, str]]]", found)  # its stubs name keys that the C one lacks


def _address(address: str, mask: str) -> LocalAddress | None:
    """Return an address of either netifaces; they name masks, and write them and scopes, differently."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
        length = int(ipaddress.ip_address(mask.partition("/")[0])).bit_count()
        return LocalAddress(ip, ipaddress.ip_network((ip, length), strict=False))
    except ValueError:
        return None
