"""The services of a router under test: sets addresses, VLANs, radios and firewall by its UCI files.

A router's helper runs it as its reload command, in the router's namespace, with the packages that
changed. It reads the files with the demo's reader, which shares no code with what wrote them. Where
an 802.1Q device would be made (``eth0.20``), the router's cable is put into another bridge.

What it cannot set up ends it with a line on standard error, as services do. A lease time ``hang`` is
a service that never comes back; ``delegate`` says ``up`` or ``down`` of port eth1. Where there is an
interface of mode ``mesh``, the cable stands for it: with another key than the others' it meets nobody.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from dusk.demo.files import read

NATIVE_VLAN = "1"
MESH_KEY = "all routers know this"
TABLE = "router"
_TIMEOUT_S = 20


def main() -> int:
    """Reload what changed; return the exit status."""
    root = Path(os.environ["DUSK_ROOT"])
    wiring = json.loads((root / "wiring.json").read_text())
    config, changed = root / "etc/config", sys.argv[1:]
    slow = root / "slow"
    time.sleep(float(slow.read_text()) if slow.exists() else 0.0)
    try:
        if "dhcp" in changed:
            _serve_leases(config)
        if "network" in changed:
            _connect(config, wiring)
        if "wireless" in changed:
            _send(config, root, wiring)
        if "firewall" in changed:
            _filter(config)
    except subprocess.CalledProcessError as error:
        sys.stderr.write((error.stderr or str(error)).strip() + "\n")
        return 1
    return 0


def _run(command: list[str], lines: str = "") -> None:
    subprocess.run(command, input=lines, text=True, capture_output=True, check=True, timeout=_TIMEOUT_S)


def _sections(config: Path, package: str) -> dict[str, dict[str, list[str]]]:
    """Return section → option → values."""
    file = config / package
    found: dict[str, dict[str, list[str]]] = {}
    for key, values in read(file.read_text() if file.exists() else "").items():
        section, _, option = key.rpartition(".")
        found.setdefault(section, {})[option] = values
    return found


def _serve_leases(config: Path) -> None:
    if _sections(config, "dhcp").get("lan", {}).get("leasetime") == ["hang"]:
        time.sleep(3600)


def _connect(config: Path, wiring: dict[str, Any]) -> None:
    """Set the addresses of each static interface, and the bridge that the cable of ``lan`` is in."""
    for name, options in _sections(config, "network").items():
        if options.get("proto") != ["static"] or name == "loopback":
            continue
        device, _, vlan = options["device"][0].partition(".")
        if name == "lan":
            _plug(wiring, vlan or NATIVE_VLAN)
        addresses = [*options.get("ipaddr", []), *options.get("ip6addr", [])]
        lines = [f"addr flush dev {device}", f"link set {device} up"]
        lines += [f"addr add {one} dev {device}{' nodad' if ':' in one else ''}" for one in addresses]
        if "delegate" in options:  # what only a test's port can do
            lines.append(f"link set eth1 {options['delegate'][0]}")
        _run(["ip", "-batch", "-"], "\n".join(lines))


def _at_the_switch(wiring: dict[str, Any]) -> list[str]:
    return ["nsenter", f"--net=/proc/{wiring['switch']}/ns/net", "--"]


def _plug(wiring: dict[str, Any], vlan: str) -> None:
    """Put the cable of this router into the bridge of a VLAN, which is made if it is not there."""
    bridge = "br0" if vlan == NATIVE_VLAN else f"br{vlan}"
    if vlan in wiring["without"]:
        bridge += f"-{wiring['port']}"  # the switch does not pass it on: nobody else is there
    enter = [*_at_the_switch(wiring), "ip", "-force", "-batch", "-"]
    lines = [
        f"link add {bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
        f"link set {bridge} up",
        f"link set {wiring['port']} master {bridge}",
    ]
    done = subprocess.run(
        enter, input="\n".join(lines), text=True, capture_output=True, check=False, timeout=_TIMEOUT_S
    )
    wrong = [line for line in done.stderr.splitlines() if line and not _is_known(line)]
    if wrong:
        raise subprocess.CalledProcessError(1, enter, stderr=wrong[0])


def _is_known(line: str) -> bool:
    """Tell whether ``ip`` only says that the bridge was there, and where it read that."""
    return "File exists" in line or line.startswith("Command failed")


def _send(config: Path, root: Path, wiring: dict[str, str]) -> None:
    """Switch radios on and off: each is an interface here; one on channel 0 does not come up."""
    for name, options in _sections(config, "wireless").items():
        if "channel" not in options:
            continue
        phy = name.replace("radio", "phy")
        interface = f"{phy}-ap0"
        subprocess.run(["ip", "link", "del", interface], capture_output=True, check=False, timeout=_TIMEOUT_S)
        if options.get("disabled") == ["1"]:
            continue
        known = root / "sys/class/net" / interface / "phy80211"
        known.mkdir(parents=True, exist_ok=True)
        (known / "name").write_text(f"{phy}\n")
        air = f"{phy}{wiring['port']}"
        peer = f"peer name {air} netns {wiring['switch']}"
        _run(["ip", "-batch", "-"], f"link add {interface} type veth {peer}\nlink set {interface} up")
        if options["channel"] != ["0"]:
            _run([*_at_the_switch(wiring), "ip", "link", "set", air, "up"])
    for options in _sections(config, "wireless").values():
        if options.get("mode") == ["mesh"]:
            _plug(wiring, NATIVE_VLAN if options["key"] == [MESH_KEY] else "alone")


def _filter(config: Path) -> None:
    """Set the rules that drop ports: with a source zone what comes in, else what goes out."""
    chains: dict[str, list[str]] = {"input": [], "output": []}
    for options in _sections(config, "firewall").values():
        if options.get("target") != ["DROP"] or "dest_port" not in options:
            continue
        chain = chains["input" if "src" in options else "output"]
        chain += [f"{proto} dport {options['dest_port'][0]} drop" for proto in options["proto"][0].split()]
    text = [f"table inet {TABLE} {{}}", f"delete table inet {TABLE}", f"table inet {TABLE} {{"]
    for chain_name, rules in chains.items():
        text += [f"chain {chain_name} {{ type filter hook {chain_name} priority 0;", *rules, "}"]
    _run(["nft", "-f", "-"], "\n".join([*text, "}", ""]))


if __name__ == "__main__":
    sys.exit(main())
