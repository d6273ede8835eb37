"""Routers whose reload command really sets addresses, VLANs, radios and firewall (`reloading.py`)."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dusk.demo.net import COMMAND_TIMEOUT_S
from dusk.demo.place import BridgePlace
from tests.network import reloading
from tests.network.cluster import Cluster, Machine, Owner, running

WINDOW_S = 5
"""Of a change that is none of the network's; the least that 0.5 s cycles allow is 4.5 s."""
NETWORK_WINDOW_S = 2 * WINDOW_S
CYCLE = "0.5s"
_NETWORK = """
config interface 'lan'
	option device 'eth0'
	option proto 'static'
	option ipaddr '10.77.0.{number}/24'
	option ip6addr 'fe80::{number:x}/64'
"""
_WIRELESS = """
config wifi-device 'radio0'
	option type 'mac80211'
	option band '5g'
	option channel '36'
	option disabled '1'

config wifi-iface 'default_radio0'
	option device 'radio0'
	option mode 'ap'
	option ssid 'OpenWrt'
"""
_MESH = """
config wifi-device 'radio1'
	option type 'mac80211'
	option band '2g'
	option channel '1'

config wifi-iface 'mesh1'
	option device 'radio1'
	option mode 'mesh'
	option mesh_id 'backhaul'
	option key '{key}'
"""


class Switchboard(BridgePlace):
    """A bridge for each VLAN; routers are moved from one to the other by their reload."""

    def wiring(self, number: int) -> dict[str, Any]:
        """Return what a router's reload has to know of its cable."""
        host = self._network.hosts[number - 1]
        return {"switch": self._network._switch, "port": host.port}

    def unplug(self, number: int) -> None:
        """Take a router's cable out."""
        self._network.unplug(self._network.hosts[number - 1])

    def plug(self, number: int) -> None:
        """Put it back."""
        self._network.plug(self._network.hosts[number - 1])


class AppliedMachine(Machine):
    """A router whose settings have effect."""

    def _make_files(self) -> None:
        super()._make_files()
        (self.config / "network").write_text(_NETWORK.format(number=self.number))
        (self.config / "wireless").write_text(_WIRELESS)
        (self.config / "firewall").write_text("")
        self.set_wiring()
        settings = self.config / "dusk"
        lines = [line for line in settings.read_text().splitlines() if "option reload" not in line]
        command = f'{sys.executable} -I {Path(reloading.__file__)} "$@"'
        lines += [f"\toption reload '{command}'", f"\toption window '{WINDOW_S}'", ""]
        settings.write_text("\n".join(lines))

    def set_wiring(self, *without: str) -> None:
        """Say what its switch port passes on: all VLANs, but for these."""
        assert isinstance(self._place, Switchboard)
        wiring = {**self._place.wiring(self.number), "without": without}
        (self.root / "wiring.json").write_text(json.dumps(wiring))

    def add_interface(self, name: str) -> None:
        """Give it another port, with a cable to nowhere else."""
        wiring = json.loads((self.root / "wiring.json").read_text())
        peer, switch = f"{name}{wiring['port']}", str(wiring["switch"])
        self.run("ip", "link", "add", name, "type", "veth", "peer", "name", peer, "netns", switch)
        self.run("ip", "link", "set", name, "up")
        self.run("nsenter", f"--net=/proc/{switch}/ns/net", "--", "ip", "link", "set", peer, "up")

    def hang_on_mesh(self) -> None:
        """Let it reach the others by a mesh alone, with the right key."""
        (self.config / "wireless").write_text(_WIRELESS + _MESH.format(key=reloading.MESH_KEY))

    def slow_reload(self, seconds: float) -> None:
        """Let each of its reloads take longer."""
        (self.root / "slow").write_text(str(seconds))

    def run(self, *words: str) -> str:
        """Run a program on it as its root, and return what it printed."""
        command = self._place.command(self.number, list(words))
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S)
        return done.stdout

    def text(self, package: str) -> str:
        """Return one of its UCI files."""
        return (self.config / package).read_text()

    @property
    def apply(self) -> tuple[str, str]:
        """The state of its apply as itself says, and the reason; nothing while it does not answer."""
        state = self.state()
        return ("", "") if state is None else (state["apply"]["state"], state["apply"]["reason"])


def shown(at: Machine, name: str) -> tuple[str, str]:
    """Return state and reason as ``dusk device show`` has them at another router."""
    found = at.ask("device", "show", name)
    return found["apply"], found["reason"]


def edit(owner: Owner, router: Machine, **options: str) -> None:
    """Set options of a router in the draft; two underscores stand for a dot."""
    for key, value in options.items():
        owner.set(f"device/{router.name}", key.replace("__", "."), value)


@contextmanager
def applying(routers: int) -> Iterator[Cluster]:
    """Run a cluster of such routers."""
    with running(routers, CYCLE, make_place=Switchboard, machine=AppliedMachine, step_s_max=60.0) as cluster:
        yield cluster
