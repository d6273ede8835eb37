"""Sockets of one address: what is set on them, and why (`specs/cycles.md` has the addresses).

A socket that is bound to the group shares port 3875 with every other daemon of the machine
and hears multicast of one interface alone. Unicast is received, and everything is sent, by
exclusive sockets bound to one address each: a wildcard would collide with the group's port,
and the source of a multicast is where to answer.
"""

import socket
import struct

from dusk.daemon.interfaces import IpAddress, IpNetwork

PORT = 3875
"""Multicast always goes here."""
GROUP_V4 = "239.255.38.75"
GROUP_V6 = "ff12::3875"

_IP_MULTICAST_ALL = 49
_IPV6_MULTICAST_ALL = 29
"""Python 3.11 has no names for these. Unless they are 0, a socket hears groups that others joined."""
_RECEIVE_BUFFER_BYTES = 256 * 1024
"""A burst of a hundred members' answers while the daemon writes to flash."""

__all__ = [
    "GROUP_V4",
    "GROUP_V6",
    "PORT",
    "IpAddress",
    "IpNetwork",
    "group_socket",
    "tcp_listener",
    "unicast_socket",
]


def _family(version: int) -> socket.AddressFamily:
    return socket.AF_INET6 if version == 6 else socket.AF_INET


def _new(version: int, kind: socket.SocketKind) -> socket.socket:
    made = socket.socket(_family(version), kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    if version == 6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if kind is socket.SOCK_DGRAM:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    return made


def group_socket(version: int, index: int) -> socket.socket:
    """Return a socket that hears the group on one interface.

    Args:
        version: 4 or 6.
        index: the interface's.

    Raises:
        OSError: the interface is gone, or cannot do this.
    """
    made = _new(version, socket.SOCK_DGRAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if version == 6:
            made.setsockopt(socket.IPPROTO_IPV6, _IPV6_MULTICAST_ALL, 0)
            made.bind((GROUP_V6, PORT, 0, index))
            group = socket.inet_pton(socket.AF_INET6, GROUP_V6)
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + struct.pack("@I", index))
        else:
            made.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
            made.bind((GROUP_V4, PORT))
            group = socket.inet_aton(GROUP_V4) + bytes(4)
            made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group + struct.pack("@i", index))
    except OSError:
        made.close()
        raise
    return made


def _name(ip: IpAddress, port: int, index: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """Return what ``bind`` wants; link-local addresses need the interface."""
    if ip.version == 4:
        return str(ip), port
    return str(ip), port, 0, index if ip.is_link_local else 0


def unicast_socket(ip: IpAddress, port: int, index: int) -> socket.socket:
    """Return an exclusive UDP socket of one address, whose multicast leaves by one interface.

    Args:
        ip: the address, of this machine.
        port: UDP port.
        index: the interface's; 0 if no multicast is sent by it.

    Raises:
        OSError: ``EADDRINUSE`` if the port is taken, ``EADDRNOTAVAIL`` while the address is not
            usable yet (duplicate detection takes over a second).
    """
    made = _new(ip.version, socket.SOCK_DGRAM)
    try:
        made.bind(_name(ip, port, index))
        if index and ip.version == 6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 1)
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 1)
        elif index:
            by_index = socket.inet_aton("0.0.0.0") + ip.packed + struct.pack("@i", index)  # noqa: S104 - ip_mreqn
            made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, by_index)
            made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
            made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
    except OSError:
        made.close()
        raise
    return made


def tcp_listener(ip: IpAddress, port: int, index: int) -> socket.socket:
    """Return a listening TCP socket; ``SO_REUSEADDR`` lets a restart follow at once, two never share.

    Raises:
        OSError: as :func:`unicast_socket`.
    """
    made = _new(ip.version, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(_name(ip, port, index))
        made.listen(64)
    except OSError:
        made.close()
        raise
    return made
