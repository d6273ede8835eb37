"""What is exclusive: sections that nothing names go, but for loopback and what the device is reached by."""

import pytest

from dusk.config.merge import Layer, merge
from dusk.config.result import Result, resulting
from dusk.config.settings import Setting, Verb
from dusk.config.uci import parse
from dusk.config.way import FRESH, Way
from dusk.errors import ConfigError

ALONE = Setting(Verb.EXCLUSIVE)
NETWORK = b"""\
config interface 'loopback'
	option device 'lo'

config interface 'lo6'
	option device 'lo'

config globals 'globals'

config device 'bridge'
	option name 'br-lan'
	list ports 'lan1'

config device 'port'
	option name 'lan1'

config bridge-vlan 'vlan'
	option device 'br-lan'

config interface 'lan'
	option device 'br-lan.1'

config interface 'alias'
	option device '@lan'

config interface 'old'
	option type 'bridge'
	option ifname 'eth9'

config interface 'wan'
	option device 'eth0'

config route 'home'
	option interface 'lan'

config route 'out'
	option interface 'wan'

config wireguard_wan 'peer'

config wireguard_lan 'friend'

config switch_vlan 'switch'
"""
WIRELESS = b"""\
config wifi-device 'radio0'

config wifi-device 'radio1'

config wifi-iface 'own'
	option device 'radio0'
	option mode 'ap'
	option network 'lan'

config wifi-iface 'mesh'
	option device 'radio1'
	option mode 'mesh'
"""
FIREWALL = b"""\
config defaults 'defaults'

config zone 'home'
	option network 'lan more'

config zone 'device'
	list device 'br-lan.1'

config zone 'wan'
	list network 'wan'

config rule 'dusk'
	option dest_port '3875'

config rule 'other'
	option dest_port '22'
"""


def apply(
    content: bytes, package: str, settings: dict[str, Setting], way: Way = FRESH
) -> tuple[list[object], Result]:
    managed = merge([Layer("policy/p", 100, settings)], {}, {})[package]
    result = resulting(content, package, managed, way)
    assert resulting(result.content, package, managed, way) == Result(result.content, ())
    return [section.name for section in parse(result.content, package).sections], result


def test_r9_a_package_keeps_loopback_and_the_way_and_nothing_else() -> None:
    names, result = apply(NETWORK, "network", {"network.*": ALONE}, Way(("br-lan.1",)))
    ours = ["bridge", "port", "vlan", "lan", "alias", "home", "friend", "switch"]
    assert names == ["loopback", "lo6", *ours]
    assert result.changed == ("network.*",)


def test_the_way_follows_what_dusk_listens_on() -> None:
    names, _ = apply(NETWORK, "network", {"network.*": ALONE}, Way(("eth0", "br-old")))
    assert names == ["loopback", "lo6", "old", "wan", "out", "peer", "switch"]


def test_a_type_is_exclusive_and_others_are_not() -> None:
    names, _ = apply(NETWORK, "network", {"network.@route[*]": ALONE}, Way(("br-lan.1",)))
    assert "out" not in names
    assert len(names) == NETWORK.count(b"config ") - 1


def test_radios_and_links_to_other_routers_stay_and_own_networks_in_the_air_go() -> None:
    assert apply(WIRELESS, "wireless", {"wireless.*": ALONE})[0] == ["radio1", "mesh"]
    assert apply(WIRELESS, "wireless", {"wireless.@wifi-iface[*]": ALONE})[0] == ["radio0", "radio1", "mesh"]


@pytest.mark.parametrize(("network", "kept"), [(NETWORK, ["home", "device"]), (None, ["home"])])
def test_the_firewall_keeps_the_zone_that_dusk_is_in_and_its_port(
    network: bytes | None, kept: list[str]
) -> None:
    way = Way(("br-lan.1",), parse(network, "network")) if network else FRESH
    assert apply(FIREWALL, "firewall", {"firewall.*": ALONE}, way)[0] == ["defaults", *kept, "dusk"]


def test_the_way_is_that_of_the_file_that_comes_out() -> None:
    settings = {"network.*": ALONE, "network.wan.device": Setting(Verb.SET, ("br-lan.1",))}
    names, _ = apply(NETWORK, "network", settings, Way(("br-lan.1",)))
    assert {"lan", "wan", "out", "peer"} <= set(names)


def test_a_package_that_is_on_no_way_keeps_only_what_is_named() -> None:
    settings = {
        "dhcp.*": ALONE,
        "dhcp.lan.start": Setting(Verb.SET, ("1",)),
        "dhcp.dnsmasq[domain=x].port": Setting(Verb.ABSENT),
    }
    local = b"config dnsmasq 'd'\n\toption domain x\nconfig dhcp 'lan'\nconfig dhcp 'wan'\nconfig host\n"
    assert apply(local, "dhcp", settings)[0] == ["d", "lan"]


def test_hits_of_each_and_places_are_named() -> None:
    settings = {
        "firewall.*": ALONE,
        "firewall.each rule[dest_port=22] as r": Setting(Verb.TYPE, ("redirect", "zone[network=wan]"), 1),
        "firewall.made": Setting(Verb.TYPE, ("rule",), 2),
    }
    names = apply(FIREWALL, "firewall", settings)[0]
    assert names == ["defaults", "home", "dusk_r_other", "wan", "dusk", "other", "made"]


def test_an_index_that_would_shift_is_an_error() -> None:
    settings = {"firewall.@zone[*]": ALONE, "firewall.@zone[2].name": Setting(Verb.SET, ("x",))}
    with pytest.raises(ConfigError, match="would no longer hit the same section"):
        apply(FIREWALL, "firewall", settings)
