"""Which interfaces and radios of this machine are up, as the kernel says: no right is needed to ask."""

import fcntl
import socket
import struct
from pathlib import Path

from dusk.limits import INTERFACES_MAX
from dusk.links import Up

_SIOCGIFFLAGS = 0x8913
_IFF_UP, _IFF_RUNNING = 0x1, 0x40
_REQUEST = struct.Struct("16sH22x")
_NAME_BYTES_MAX = 64


def look(root: Path) -> Up:
    """Return what is up: its link is there, which the kernel calls running.

    Args:
        root: the node's root; which interfaces are radios' is looked up below it.
    """
    interfaces: set[str] = set()
    radios: set[str] = set()
    silent: set[str] = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as asking:
        for _, name in socket.if_nameindex()[:INTERFACES_MAX]:
            flags = _flags(asking, name)
            radio = _radio(root, name)
            if flags & _IFF_RUNNING:
                (interfaces if radio is None else radios).add(radio or name)
            elif flags & _IFF_UP and radio is not None:
                silent.add(radio)
    return Up(frozenset(interfaces), frozenset(radios), frozenset(silent - radios))


def _flags(asking: socket.socket, name: str) -> int:
    """Return an interface's flags; one that went away this moment has none."""
    try:
        answer = fcntl.ioctl(asking, _SIOCGIFFLAGS, _REQUEST.pack(name.encode(), 0))
    except OSError:
        return 0
    flags: int = _REQUEST.unpack(answer)[1]
    return flags


def _radio(root: Path, name: str) -> str | None:
    """Return the radio that an interface belongs to; None for a wired one."""
    try:
        with (root / "sys/class/net" / name / "phy80211/name").open("rb") as stream:
            return stream.read(_NAME_BYTES_MAX).decode("ascii", "replace").strip() or None
    except OSError:
        return None
