"""One policy makes a guest network on fresh systems with other radios and ports, and touches nothing else.

What a fresh system has is written down here as facts: which radios of which band, which ports its bridge
has. Every file that comes out is compared as a whole.
"""

from dataclasses import dataclass
from difflib import ndiff

import pytest

from dusk.config.merge import Layer, Managed, merge
from dusk.config.result import Result, resulting
from dusk.config.selection import select_variables
from dusk.config.text import import_text

POLICY = """\
set network.vlan_home=bridge-vlan
set network.vlan_home.device=br-lan
set network.vlan_home.vlan=1
add_list network.vlan_home.ports='${ports}'
set network.vlan_guest=bridge-vlan
set network.vlan_guest.device=br-lan
set network.vlan_guest.vlan='${vlan:-30}'
add_list network.vlan_guest.ports='${trunks}'
set network.lan.device=br-lan.1
set network.guest=interface
set network.guest.proto=static
set network.guest.device='br-lan.${vlan:-30}'
set network.guest.ipaddr='192.168.${vlan:-30}.1/24'
set 'wireless.each wifi-device[band=5g] as r'=wifi-iface
set 'wireless.each wifi-device[band=5g] as r.device'='${r}'
set 'wireless.each wifi-device[band=5g] as r.mode'=ap
set 'wireless.each wifi-device[band=5g] as r.network'=guest
set 'wireless.each wifi-device[band=5g] as r.ssid'='Guests of ${place}'
set firewall.guest=zone
set firewall.guest.name=guest
add_list firewall.guest.network=guest
set firewall.guest.input=REJECT
set firewall.guest.output=ACCEPT
set firewall.guest.forward=REJECT
set firewall.guest_wan=forwarding
set firewall.guest_wan.src=guest
set firewall.guest_wan.dest=wan
set firewall.guest_dhcp=rule
before firewall.guest_dhcp='rule[name=Allow-Ping]'
set firewall.guest_dhcp.src=guest
set firewall.guest_dhcp.proto=udp
set firewall.guest_dhcp.dest_port=67
set firewall.guest_dhcp.target=ACCEPT
set firewall.guest_dns=rule
before firewall.guest_dns='rule[name=Allow-Ping]'
set firewall.guest_dns.src=guest
set firewall.guest_dns.dest_port=53
set firewall.guest_dns.target=ACCEPT
set dhcp.guest=dhcp
set dhcp.guest.interface=guest
set dhcp.guest.start=100
set dhcp.guest.limit=100
set dhcp.guest.leasetime=1h
"""


@dataclass(frozen=True)
class System:
    """A fresh system: the bands of ``radio0``, ``radio1``, …, and the ports of its bridge."""

    bands: tuple[str, ...]
    ports: tuple[str, ...]

    def wireless(self) -> str:
        return "".join(
            f"config wifi-device 'radio{n}'\n\toption type 'mac80211'\n\toption path 'platform/wifi{n}'\n"
            f"\toption band '{band}'\n\toption channel 'auto'\n\toption disabled '1'\n\n"
            f"config wifi-iface 'default_radio{n}'\n\toption device 'radio{n}'\n\toption network 'lan'\n"
            "\toption mode 'ap'\n\toption ssid 'Fresh'\n\toption encryption 'none'\n\n"
            for n, band in enumerate(self.bands)
        )

    def network(self) -> str:
        ports = "".join(f"\tlist ports '{port}'\n" for port in self.ports)
        return (
            "\nconfig interface 'loopback'\n\toption device 'lo'\n\toption proto 'static'\n"
            "\toption ipaddr '127.0.0.1'\n\nconfig globals 'globals'\n\toption ula_prefix 'fd00::/48'\n\n"
            f"config device\n\toption name 'br-lan'\n\toption type 'bridge'\n{ports}\n"
            "config interface 'lan'\n\toption device 'br-lan'\n\toption proto 'static'\n"
            "\toption ipaddr '192.168.1.1'\n\n"
        )


FIREWALL = """\
config defaults
\toption input\t\tREJECT
\toption output\t\tACCEPT

config zone
\toption name\t\tlan
\tlist   network\t\t'lan'

config zone
\toption name\t\twan
\tlist   network\t\t'wan'

config forwarding
\toption src\t\tlan
\toption dest\t\twan

config rule
\toption name\t\tAllow-DHCP-Renew
\toption target\t\tACCEPT

# Allow IPv4 ping
config rule
\toption name\t\tAllow-Ping
\toption target\t\tACCEPT
"""
DHCP = """
config dnsmasq
\toption domain 'lan'

config dhcp 'lan'
\toption interface 'lan'
\toption start '100'
"""

SYSTEMS = {
    "one radio": System(("2g",), ("eth0",)),
    "two radios, 5 GHz first": System(("5g", "2g"), ("lan1", "lan2", "lan3", "lan4")),
    "three radios": System(("5g", "2g", "5g"), ("lan1", "lan2")),
    "one port": System(("2g", "5g"), ("eth0",)),
}


def managed_on(system: System) -> Managed:
    """Return the managed config; variables are from the cluster, a group and the device."""
    variables = select_variables(
        {"place": "Home"},
        {"big": {"place": "Big House"}},
        {"ports": system.ports, "trunks": (f"{system.ports[-1]}:t",)},
    )
    return merge([Layer("policy/guest", 100, dict(import_text(POLICY)))], variables, {})


def section(kind: str, name: str, *options: str) -> str:
    """Write a section as it is written anew; of ``option value``, ``-option`` is of a list."""
    lines = [f"config {kind} '{name}'\n"]
    for option in options:
        word, _, value = option.partition(" ")
        lines.append(f"\t{'list' if word[0] == '-' else 'option'} {word.removeprefix('-')} '{value}'\n")
    return "".join(lines)


def expected(system: System) -> dict[str, str]:
    """Return the files as they should be, written down line by line."""
    home = section(
        "bridge-vlan", "vlan_home", "device br-lan", "vlan 1", *(f"-ports {p}" for p in system.ports)
    )
    trunk = f"-ports {system.ports[-1]}:t"
    vlan = section("bridge-vlan", "vlan_guest", "device br-lan", "vlan 30", trunk)
    guest = section("interface", "guest", "proto static", "device br-lan.30", "ipaddr 192.168.30.1/24")
    network = system.network().replace("\toption device 'br-lan'\n", "\toption device 'br-lan.1'\n")
    radios = [f"radio{n}" for n, band in enumerate(system.bands) if band == "5g"]
    ssid = "ssid Guests of Big House"
    fast = [
        section("wifi-iface", f"dusk_r_{r}", f"device {r}", "mode ap", "network guest", ssid) for r in radios
    ]
    policy = ("input REJECT", "output ACCEPT", "forward REJECT")
    zone = section("zone", "guest", "name guest", "-network guest", *policy)
    out = section("forwarding", "guest_wan", "src guest", "dest wan")
    leases = section("rule", "guest_dhcp", "src guest", "proto udp", "dest_port 67", "target ACCEPT")
    names = section("rule", "guest_dns", "src guest", "dest_port 53", "target ACCEPT")
    before = FIREWALL.replace("# Allow IPv4 ping\n", f"{leases}\n{names}\n# Allow IPv4 ping\n")
    pool = section("dhcp", "guest", "interface guest", "start 100", "limit 100", "leasetime 1h")
    return {
        "network": f"{network}{home}\n{vlan}\n{guest}",
        "wireless": system.wireless() + "\n".join(fast),
        "firewall": f"{before}\n{zone}\n{out}",
        "dhcp": f"{DHCP}\n{pool}",
    }


def fresh(system: System) -> dict[str, str]:
    return {"network": system.network(), "wireless": system.wireless(), "firewall": FIREWALL, "dhcp": DHCP}


@pytest.mark.parametrize("name", SYSTEMS)
def test_one_policy_makes_the_guest_network_on_every_fresh_system(name: str) -> None:
    system = SYSTEMS[name]
    managed, wanted = managed_on(system), expected(system)
    assert set(managed) == set(wanted)
    for package, before in fresh(system).items():
        result = resulting(before.encode(), package, managed[package])
        assert result.content.decode() == wanted[package]
        assert resulting(result.content, package, managed[package]) == Result(result.content, ())


@pytest.mark.parametrize("name", SYSTEMS)
def test_nothing_else_is_touched(name: str) -> None:
    system = SYSTEMS[name]
    managed = managed_on(system)
    for package, before in fresh(system).items():
        after = resulting(before.encode(), package, managed[package]).content.decode()
        gone = [line[2:] for line in ndiff(before.splitlines(), after.splitlines()) if line.startswith("- ")]
        assert gone == (["\toption device 'br-lan'"] if package == "network" else [])


def test_the_guest_network_follows_radios_that_come_and_go_and_leaves_the_rest() -> None:
    before, after = SYSTEMS["three radios"], System(("2g", "5g", "5g"), ("lan1", "lan2"))
    managed = managed_on(before)["wireless"]
    made = resulting(before.wireless().encode(), "wireless", managed).content.decode()
    moved = made.replace(before.wireless(), after.wireless())
    content = resulting(moved.encode(), "wireless", managed).content.decode()
    assert content.startswith(after.wireless())
    sections = [line for line in content.splitlines() if line.startswith("config wifi-iface 'dusk")]
    assert sections == ["config wifi-iface 'dusk_r_radio2'", "config wifi-iface 'dusk_r_radio1'"]
