"""Facts of the device, as far as the machine tells: board, release, radios, ports.

OpenWrt's files are looked for below the root, so that every node of a demo has its own. On
another system the kernel answers. Radios, and by what Dusk reaches this
device, come from UCI files, which the helper reads.
"""

import json
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from dusk.config.lifeline import INTERFACES, NETWORKS, UPLINKS, networks_on, uplinks_in
from dusk.config.uci import parse
from dusk.errors import ConfigError, UntrustedInput

FILE_BYTES_MAX = 64 * 1024
Facts = dict[str, str | list[str]]


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(FILE_BYTES_MAX).decode("utf-8", "replace").strip("\0\n ")
    except OSError:
        return ""


def gather(
    root: Path,
    wireless: bytes | None = None,
    network: bytes | None = None,
    interfaces: Sequence[str] = (),
) -> Facts:
    """Return the facts that can be told.

    Args:
        root: the node's root.
        wireless: content of ``etc/config/wireless``, if there is one.
        network: content of ``etc/config/network``, if there is one.
        interfaces: kernel names of those that Dusk uses.
    """
    facts: Facts = {"hostname": _text(root / "proc/sys/kernel/hostname") or socket.gethostname()}
    facts |= _board(root) | _release(root) | _radios(wireless) | _way(network, interfaces)
    return {name: value for name, value in facts.items() if value}


def _board(root: Path) -> Facts:
    facts: Facts = {
        "board": _text(root / "tmp/sysinfo/board_name"),
        "model": _text(root / "tmp/sysinfo/model") or _text(Path("/sys/class/dmi/id/product_name")),
        "machine": os.uname().machine,
        "kernel": os.uname().release,
    }
    try:
        described = json.loads(_text(root / "etc/board.json") or "{}")
        facts["ports"] = _ports(described["network"])
        facts["board"] = facts["board"] or str(described["model"]["id"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass  # a file of another form tells nothing
    return facts


def _ports(network: dict[str, dict[str, object]]) -> list[str]:
    found: list[str] = []
    for role in sorted(network):
        ports = network[role].get("ports") or [network[role].get("device")]
        if isinstance(ports, list):
            found += [f"{role}:{port}" for port in ports if isinstance(port, str)]
    return found


_RELEASE = {"DISTRIB_ID": "distribution", "DISTRIB_RELEASE": "release", "DISTRIB_TARGET": "target"}
_OS_RELEASE = {"NAME": "distribution", "VERSION_ID": "release"}


def _release(root: Path) -> Facts:
    own = _text(root / "etc/openwrt_release")
    names = _RELEASE if own else _OS_RELEASE
    facts: Facts = {}
    for line in (own or _text(Path("/etc/os-release"))).splitlines():
        key, _, value = line.partition("=")
        if key in names:
            facts[names[key]] = value.strip("'\" ")
    return facts


def _radios(wireless: bytes | None) -> Facts:
    if wireless is None:
        return {}
    try:
        document = parse(wireless, "wireless")
    except (ConfigError, UntrustedInput):
        return {}
    sections = [one for one in document.sections if one.type == "wifi-device"]
    bands = [band for one in sections if isinstance(band := one.get("band"), str)]
    radios = [one.name for one in sections if one.name]
    return {"radios": radios, "bands": sorted(set(bands)), UPLINKS: uplinks_in(document)}


def _way(network: bytes | None, interfaces: Sequence[str]) -> Facts:
    """Return by what Dusk reaches this device; nothing where the file cannot be read: then custom counts."""
    if network is None:
        return {}
    try:
        networks = networks_on(parse(network, "network"), interfaces)
    except (ConfigError, UntrustedInput):
        return {}
    return {INTERFACES: list(interfaces), NETWORKS: networks}
