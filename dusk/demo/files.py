"""The UCI files of a fresh router, and a reader of our own to check what became of them.

The reader shares no code with ``dusk.config``: a mistake there must not hide itself here.
"""

import hashlib
import shlex
from pathlib import Path

PACKAGES = ("system", "network", "wireless", "firewall", "dhcp")

_SYSTEM = """
config system
	option hostname 'OpenWrt'
	option timezone 'GMT0'
	option zonename 'UTC'
	option ttylogin '0'
	option log_size '128'
	option urandom_seed '0'

config timeserver 'ntp'
	option enabled '1'
	option enable_server '0'
	list server '0.openwrt.pool.ntp.org'
	list server '1.openwrt.pool.ntp.org'
"""
_NETWORK = """
config interface 'loopback'
	option device 'lo'
	option proto 'static'
	list ipaddr '127.0.0.1/8'

config globals 'globals'
	option dhcp_default_duid '00040123456789ab4cdef0123456789abc{number:02x}'
	option ula_prefix 'fd10:2030:40{number:02x}::/48'

config device
	option name 'br-lan'
	option type 'bridge'
	list ports 'lan1'
	list ports 'lan2'
	list ports 'lan3'

config interface 'lan'
	option device 'br-lan'
	option proto 'static'
	list ipaddr '192.168.1.1/24'
	option ip6assign '60'

config interface 'wan'
	option device 'wan'
	option proto 'dhcp'

config interface 'wan6'
	option device 'wan'
	option proto 'dhcpv6'
"""
_WIRELESS = """
config wifi-device 'radio0'
	option type 'mac80211'
	option path 'platform/soc/18000000.wifi'
	option band '2g'
	option channel '1'
	option htmode 'HE20'
	option disabled '1'

config wifi-iface 'default_radio0'
	option device 'radio0'
	option network 'lan'
	option mode 'ap'
	option ssid 'OpenWrt'
	option encryption 'none'

config wifi-device 'radio1'
	option type 'mac80211'
	option path 'platform/soc/18000000.wifi+1'
	option band '5g'
	option channel '36'
	option htmode 'HE80'
	option disabled '1'

config wifi-iface 'default_radio1'
	option device 'radio1'
	option network 'lan'
	option mode 'ap'
	option ssid 'OpenWrt'
	option encryption 'none'
"""
_FIREWALL = """
config defaults
	option syn_flood '1'
	option input 'REJECT'
	option output 'ACCEPT'
	option forward 'REJECT'

config zone
	option name 'lan'
	list network 'lan'
	option input 'ACCEPT'
	option output 'ACCEPT'
	option forward 'ACCEPT'

config zone
	option name 'wan'
	list network 'wan'
	list network 'wan6'
	option input 'REJECT'
	option output 'ACCEPT'
	option forward 'DROP'
	option masq '1'
	option mtu_fix '1'

config forwarding
	option src 'lan'
	option dest 'wan'

# replies to our own DHCP requests
config rule
	option name 'Allow-DHCP-Renew'
	option src 'wan'
	option proto 'udp'
	option dest_port '68'
	option target 'ACCEPT'
	option family 'ipv4'

config rule
	option name 'Allow-Ping'
	option src 'wan'
	option proto 'icmp'
	option icmp_type 'echo-request'
	option family 'ipv4'
	option target 'ACCEPT'
"""
_DHCP = """
config dnsmasq
	option domainneeded '1'
	option localise_queries '1'
	option rebind_protection '1'
	option local '/lan/'
	option domain 'lan'
	option expandhosts '1'
	option authoritative '1'
	option readethers '1'
	option leasefile '/tmp/dhcp.leases'
	option localservice '1'

config dhcp 'lan'
	option interface 'lan'
	option start '100'
	option limit '150'
	option leasetime '12h'
	option dhcpv6 'server'
	option ra 'server'

config dhcp 'wan'
	option interface 'wan'
	option ignore '1'

config odhcpd 'odhcpd'
	option maindhcp '0'
	option leasefile '/tmp/odhcpd.leases'
	option loglevel '4'
"""
_FRESH = {"system": _SYSTEM, "network": _NETWORK, "wireless": _WIRELESS, "firewall": _FIREWALL, "dhcp": _DHCP}


def fresh(number: int) -> dict[str, str]:
    """Return package → text as a router has them after its first boot."""
    texts = {package: _FRESH[package] for package in PACKAGES}
    texts["network"] = _NETWORK.format(number=number)
    return texts


def own_settings(name: str, interface: str, address: str | None, reload: str) -> str:
    """Return the text of ``etc/config/dusk`` for one router."""
    lines = ["", "config dusk 'main'", "\toption enabled '1'", f"\toption name '{name}'"]
    lines.append(f"\tlist interface '{interface}'")
    if address is not None:
        lines.append(f"\tlist address '{address}'")
    lines.append(f"\toption reload '{reload}'")
    return "\n".join([*lines, ""])


def read(text: str) -> dict[str, list[str]]:
    """Return ``section.option`` → values, in a few lines; sections without a name by number.

    Raises:
        ValueError: quotes that do not end.
    """
    found: dict[str, list[str]] = {}
    section = ""
    for number, line in enumerate(text.splitlines()):
        words = shlex.split(line, comments=True)
        if words[:1] == ["config"]:
            section = words[2] if len(words) > 2 else f"@{words[1]}:{number}"
        elif words[:1] in (["option"], ["list"]):
            found.setdefault(f"{section}.{words[1]}", []).append(words[2])
    return found


def values(config: Path, key: str) -> list[str]:
    """Return what ``package.section.option`` is in the files of a folder.

    A section written ``@type`` is the first without a name of that type.
    """
    package, section, option = key.split(".", 2)
    text = (config / package).read_text()
    for name, found in read(text).items():
        own, _, last = name.rpartition(".")
        if last == option and (own == section or own.startswith(f"{section}:")):
            return found
    return []


def kept(before: str, after: str, changed: frozenset[str]) -> bool:
    """Tell whether all lines stand as they did, but those of the ``changed`` options."""

    def others(text: str) -> list[str]:
        return [line for line in text.splitlines() if not _is_of(line, changed)]

    return others(before) == others(after)


def _is_of(line: str, options: frozenset[str]) -> bool:
    words = line.split(maxsplit=2)
    return len(words) == 3 and words[0] in {"option", "list"} and words[1].strip("'\"") in options


def hashes(config: Path) -> dict[str, str]:
    """Return package → the first 16 hex digits of the SHA-256 of its file."""
    return {package: hashlib.sha256((config / package).read_bytes()).hexdigest()[:16] for package in PACKAGES}
