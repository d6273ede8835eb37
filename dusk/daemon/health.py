"""How this machine is now, as far as anybody may read: from ``/proc`` and the kernel."""

import fcntl
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dusk import codec
from dusk.daemon.clock import is_trusted
from dusk.daemon.interfaces import hardware_address, look_up
from dusk.limits import (
    HEALTH_ADDRESSES_MAX,
    HEALTH_INTERFACES_MAX,
    HEALTH_RADIOS_MAX,
    HEALTH_TEXT_BYTES_MAX,
    NUMBER_MAX,
)
from dusk.membership.health import Health, Interface, Radio

_FILE_BYTES_MAX = 64 * 1024
_SENT_ERRORS_AT = 11
_RADIO_WORDS = 5
_GET_FLAGS, _REQUEST_BYTES, _CARRIES = 0x8913, 40, 0x41
"""SIOCGIFFLAGS, ``struct ifreq``, and the flags of an interface that is up and running."""


def gather(root: Path, radios: Sequence[Radio] = ()) -> Health:
    """Return how this machine is.

    Args:
        root: the node's root; a ``proc`` below it is read in the place of the machine's own.
        radios: what the helper had said of them.
    """
    proc = _either(root / "proc", Path("/proc"))
    now_s = time.time()
    return Health(
        uptime_s=_uptime_s(proc),
        load=_load(proc),
        memory_kib=_memory_kib(proc),
        flash_kib=_flash_kib(root),
        time_s=max(0, int(now_s)),
        is_trusted=is_trusted(now_s),
        interfaces=_interfaces(proc),
        radios=tuple(radios),
    )


def radios_in(line: str) -> tuple[Radio, ...]:
    """Read what `dusk-device radios` says: ``NAME BAND CHANNEL up|down CLIENTS`` of each, ``-``: not known.

    What makes no sense is left out: the program may be an older one, or of this router's own root.
    """
    found = {}
    for words in (part.split() for part in line.split(";")):
        if len(words) == _RADIO_WORDS:
            name, band, channel, state, clients = words
            count = _number(clients) if clients.isdecimal() else None
            shown = "" if band == "-" else plain_text(band)
            found[plain_text(name)] = Radio(plain_text(name), shown, _number(channel), state == "up", count)
    return tuple(found[name] for name in sorted(found)[:HEALTH_RADIOS_MAX])


def plain_text(text: str) -> str:
    """Return text as it may be told: UTF-8, and of bounded length."""
    return codec.shortened(text.encode("utf-8", "replace").decode(), HEALTH_TEXT_BYTES_MAX)


def _either(own: Path, machine: Path) -> Path:
    return own if own.is_dir() else machine


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(_FILE_BYTES_MAX).decode("utf-8", "replace").strip("\0\n ")
    except OSError:
        return ""


def _number(text: str, scale: int = 1) -> int:
    """Return a decimal number times a scale; 0 where it is none."""
    try:
        return min(max(0, int(float(text) * scale)), NUMBER_MAX)
    except (ValueError, OverflowError):
        return 0


def _uptime_s(proc: Path) -> int:
    return _number(next(iter(_read(proc / "uptime").split()), ""))


def _load(proc: Path) -> tuple[int, ...]:
    words = _read(proc / "loadavg").split()[:3]
    return tuple(_number(word, 100) for word in words) if len(words) == 3 else ()


def _memory_kib(proc: Path) -> tuple[int, ...]:
    lines = dict(line.split(":", 1) for line in _read(proc / "meminfo").splitlines() if ":" in line)
    found = [lines.get(name, "").split()[:1] for name in ("MemTotal", "MemAvailable")]
    return tuple(_number(words[0]) for words in found) if all(found) else ()


def _flash_kib(root: Path) -> tuple[int, ...]:
    try:
        found = os.statvfs(root / "etc")
    except OSError:
        return ()
    return found.f_blocks * found.f_frsize // 1024, found.f_bavail * found.f_frsize // 1024


def _interfaces(proc: Path) -> tuple[Interface, ...]:
    counters = _counters(proc)
    names = sorted({name for _, name in socket.if_nameindex()})[:HEALTH_INTERFACES_MAX]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        return tuple(_interface(name, counters.get(name, (0, 0, 0)), asking) for name in names)


def _counters(proc: Path) -> dict[str, tuple[int, int, int]]:
    """Return the bytes received and sent, and the errors, of each interface of this network."""
    found = {}
    for line in _read(proc / "self/net/dev").splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if len(words) >= _SENT_ERRORS_AT:
            received, errors, sent, others = (_number(words[at]) for at in (0, 2, 8, 10))
            found[name.strip()] = received, sent, min(errors + others, NUMBER_MAX)
    return found


def _interface(name: str, counters: tuple[int, int, int], asking: socket.socket) -> Interface:
    looked = look_up(name)
    addresses = () if looked is None else looked.addresses
    shown = tuple(f"{at.ip}/{at.network.prefixlen}" for at in addresses[:HEALTH_ADDRESSES_MAX])
    return Interface(plain_text(name), _is_up(name, asking), hardware_address(name), shown, *counters)


def _is_up(name: str, asking: socket.socket) -> bool:
    try:
        answer = fcntl.ioctl(asking, _GET_FLAGS, name.encode()[:15].ljust(_REQUEST_BYTES, b"\0"))
    except OSError:
        return False
    return int.from_bytes(answer[16:18], sys.byteorder) & _CARRIES == _CARRIES
