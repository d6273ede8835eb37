"""What has to be up again after a reload: all that was, but for what the new files switch off."""

import pytest

from dusk.apply.standing import in_words, missing
from dusk.links import Up

NETWORK = b"""
config interface 'lan'
	option device 'br-lan'
config device
	option name 'br-lan'
	option type 'bridge'
	list ports 'lan1'
	list ports 'lan2'
config bridge-vlan
	option device 'br-lan'
	option vlan '20'
	list ports 'lan1:t*'
config interface 'wan'
	option proto 'pppoe'
	option device 'wan0'
config interface 'guest'
	option type 'bridge'
	option ifname 'eth1 eth2'
config globals 'globals'
"""
WIRELESS = b"""
config wifi-device 'radio0'
	option channel '36'
config wifi-device 'radio1'
	option channel '1'
config wifi-device 'radio2'
config wifi-iface 'a'
	option device 'radio0'
config wifi-iface 'b'
	option device 'radio1'
"""
ALL = Up(
    frozenset(
        {"br-lan", "lan1", "lan2", "br-lan.20", "pppoe-wan", "wan0", "br-guest", "eth1", "eth2", "eth0"}
    ),
    frozenset({"phy0", "phy1"}),
)


def _without(*names: str) -> Up:
    return Up(ALL.interfaces - set(names), ALL.radios - set(names))


@pytest.mark.parametrize("name", sorted(ALL.interfaces))
def test_each_interface_that_is_still_wanted_is_missed(name: str) -> None:
    assert missing(ALL, _without(name), {"network": (NETWORK, NETWORK + b"\n")}, None) == (name,)
    assert missing(ALL, _without(name), {"system": (b"", b"x")}, None) == (name,)
    assert missing(ALL, _without(name), {}, None) == (name,)


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        (b"list ports 'lan2'", b"", ("lan2",)),
        (b"option proto 'pppoe'", b"option proto 'dhcp'", ("pppoe-wan",)),
        (
            b"config interface 'guest'",
            b"config interface 'guest'\n\toption disabled '1'",
            ("br-guest", "eth1"),
        ),
        (b"config bridge-vlan", b"config bridge-vlan\n\toption enabled '0'", ("br-lan.20",)),
        (b"'eth1 eth2'", b"'eth1'", ("eth2",)),
    ],
)
def test_what_the_new_network_does_not_want_is_not_missed(
    old: bytes, new: bytes, names: tuple[str, ...]
) -> None:
    changes = {"network": (NETWORK, NETWORK.replace(old, new))}
    assert missing(ALL, _without(*names), changes, None) == ()
    assert missing(ALL, _without(*names, "eth0"), changes, None) == ("eth0",)


def test_a_radio_is_missed_by_name_unless_it_is_switched_off() -> None:
    off = WIRELESS.replace(b"option channel '1'", b"option disabled '1'")
    assert missing(ALL, _without("phy1"), {"wireless": (WIRELESS, WIRELESS + b"\n")}, WIRELESS) == (
        "radio phy1",
    )
    assert missing(ALL, _without("phy1"), {"wireless": (WIRELESS, off)}, off) == ()
    assert missing(ALL, _without("phy0"), {"wireless": (WIRELESS, off)}, off) == ("radio phy0",)
    gone = WIRELESS.replace(b"option device 'radio1'", b"option device 'radio1'\n\toption disabled '1'")
    assert missing(ALL, _without("phy1"), {"wireless": (WIRELESS, gone)}, gone) == ()


@pytest.mark.parametrize(
    ("wireless", "down"),
    [
        (WIRELESS, ("radio phy0",)),
        (WIRELESS.replace(b"'36'", b"'100'"), ()),
        (None, ()),
        (b"config wifi-device 'x", ("radio phy0",)),
    ],
)
def test_a_radio_that_listens_for_radar_is_not_missed_where_there_may_be_some(
    wireless: bytes | None, down: tuple[str, ...]
) -> None:
    now = Up(ALL.interfaces, frozenset({"phy1"}), frozenset({"phy0"}))
    assert missing(ALL, now, {"system": (b"", b"x")}, wireless) == down


def test_files_that_were_not_there_switch_nothing_off() -> None:
    changes = {"network": (None, NETWORK), "wireless": (None, WIRELESS)}
    assert missing(ALL, _without("lan1", "phy0"), changes, WIRELESS) == ("lan1", "radio phy0")


def test_what_is_missing_is_said_in_one_short_line() -> None:
    assert in_words(("a",)) == "a"
    assert in_words(("a", "b", "c", "d", "e")) == "a, b, c and 2 more"
