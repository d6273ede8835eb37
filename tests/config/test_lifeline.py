"""What touches the way by which Dusk reaches a device, and which radios restart."""

import pytest

from dusk.config.lifeline import Restart, changes, marks, networks_on, restarts, uplinks_in
from dusk.config.merge import DEVICE_PRIORITY, Layer, Managed, merge
from dusk.config.radios import listens_s
from dusk.config.text import import_text
from dusk.config.uci import parse

FACTS = {"interfaces": "br-lan", "networks": "lan"}


def managed(text: str) -> Managed:
    """Return what `uci batch` text manages."""
    return merge([Layer("policy/p", DEVICE_PRIORITY, dict(import_text(text)))], {}, {})


def marked(text: str, before: str = "", facts: dict[str, str] = FACTS) -> set[str]:
    return set(marks(managed(before), managed(text), facts))


def restarted(text: str, before: str = "") -> dict[str, int | None]:
    return dict(restarts(managed(before), managed(text)))


GUEST = """
set network.br_guest=device
set network.br_guest.type=bridge
set network.br_guest.name=br-guest
set network.guest=interface
set network.guest.proto=static
set network.guest.device=br-guest
set network.guest.ipaddr=192.168.9.1
set firewall.guest=zone
set firewall.guest.name=guest
set firewall.guest.network=guest
set firewall.guest.input=REJECT
set firewall.guest_dns=rule
set firewall.guest_dns.src=guest
set firewall.guest_dns.target=REJECT
set wireless.guest=wifi-iface
set wireless.guest.device=radio0
set wireless.guest.mode=ap
set wireless.guest.ssid=Guests
set wireless.guest.network=guest
set dhcp.guest=dhcp
set network.r1=route
set network.r1.target=10.0.0.0/8
"""


def test_a_guest_network_beside_the_own_one_is_not_marked() -> None:
    assert marked(GUEST) == set()


@pytest.mark.parametrize(
    "line",
    [
        "set network.lan.ipaddr=10.0.0.1",
        "set network.lan=interface",
        "delete network.lan",
        "delete network.lan.netmask",
        "set network.x.device=br-lan",
        "set network.x.device=@lan",
        "set network.x.ifname='eth5 br-lan'",
        "set network.@interface[1].proto=dhcp",
        "set network.@device[0].ports=lan1",
        "set network.device[name=br-lan].ports=lan1",
        "set network.bridge-vlan[device=br-lan].ports=lan1",
        "set network.@switch_vlan[0].ports=1",
        "set network.@switch[0].reset=1",
        "set firewall.@defaults[0].input=DROP",
        "set firewall.zone[name=lan].input=DROP",
        "set firewall.zone[network=lan].input=DROP",
        "set firewall.@zone[0].input=DROP",
        "set firewall.mine.network=lan",
        "set firewall.lan=zone",
        "set firewall.lan.input=REJECT",
        "set firewall.lan.output=DROP",
    ],
)
def test_what_is_on_the_way_is_marked(line: str) -> None:
    assert len(marked(line)) == 1
    assert len(marked(line, facts={})) == 1, "of a device that reported nothing, too"


@pytest.mark.parametrize(
    "line",
    [
        "set network.wan.proto=dhcp",
        "set network.lan.dns=192.0.2.1",
        "set network.device[name=eth9].mtu=1400",
        "set network.bridge-vlan[device=br-x].ports=lan1",
        "set network.globals.ula_prefix=fd00::/48",
        "set firewall.@defaults[0].forward=DROP",
        "set firewall.zone[name=lan].masq=1",
        "set firewall.zone[name=wan].input=DROP",
        "set firewall.zone[network=wan].input=DROP",
        "set firewall.@rule[0].name=x",
        "set firewall.guest=zone",
        "set firewall.guest.input=REJECT",
        "set firewall.lan.forward=REJECT",
        "set wireless.default_radio0.ssid=Home",
        "set wireless.radio0.channel=36",
        "set system.@system[0].hostname=x",
    ],
)
def test_what_is_not_on_the_way_is_not_marked(line: str) -> None:
    assert marked(line) == set()


def test_what_is_managed_no_more_stays_as_it_is_and_is_not_marked() -> None:
    assert marked("", before="set network.lan.ipaddr=10.0.0.1") == set()


def test_what_says_the_same_is_not_marked() -> None:
    line = "set network.lan.ipaddr=10.0.0.1"
    assert marked(line, before=line) == set()
    assert changes(managed(line), managed(line)) == ()


def test_what_a_bridge_or_vlan_of_dusk_stands_on_is_on_the_way() -> None:
    facts = {"interfaces": "br-mgmt.7", "networks": "mgmt"}
    bridge = "set network.b=device\nset network.b.name=br-mgmt\nadd_list network.b.ports=eth3\n"
    port = "set network.p=device\nset network.p.name=eth3\nset network.p.mtu=1400\n"
    assert {"network.p.mtu", "network.b.name"} <= marked(bridge + port, facts=facts)
    assert marked("set network.device[name=br-lan].mtu=9", facts=facts) == set()
    assert marked("set network.br_x.vlan_filtering=1", facts=facts) == {"network.br_x.vlan_filtering"}
    assert marked("set network.v.vlan=1\nadd_list network.v.ports=lan1", facts=facts) == {
        "network.v.vlan",
        "network.v.ports",
    }
    assert marked("set network.mgmt.vlan=1\nset network.mgmt.ports=a", facts=facts) == {
        "network.mgmt.vlan",
        "network.mgmt.ports",
    }
    assert marked("set network.mgmt=alias", facts=facts) == {"network.mgmt"}
    assert marked("set firewall.zone[name=trusted].input=DROP", facts=facts), "it may be around mgmt"


@pytest.mark.parametrize(
    ("more", "is_marked"),
    [
        ("", True),
        ("set firewall.x.src='*'", True),
        ("set firewall.x.src=lan", True),
        ("set firewall.x.src=wan", False),
        ("set firewall.x.dest=wan", False),
        ("set firewall.x.dest_port='22 3875'", True),
        ("set firewall.x.dest_port=3000-4000", True),
        ("set firewall.x.dest_port=3000:4000", True),
        ("set firewall.x.dest_port=4000-5000", False),
        ("set firewall.x.dest_port=3875-", False),
        ("set firewall.x.dest_port=000003875", False),
        ("set firewall.x.dest_port=22", False),
    ],
)
def test_a_rule_that_may_close_dusks_port_is_marked(more: str, *, is_marked: bool) -> None:
    text = f"set firewall.x=rule\nset firewall.x.target=DROP\n{more}"
    assert ("firewall.x.target" in marked(text)) == is_marked


DUSKS_RULE = """
set firewall.dusk=rule
set firewall.dusk.name=Dusk
set firewall.dusk.src=vpn
set firewall.dusk.dest_port=3875
set firewall.dusk.target=ACCEPT
"""


@pytest.mark.parametrize(
    ("after", "found"),
    [
        ("delete firewall.dusk", {"firewall.dusk"}),
        (DUSKS_RULE.replace("3875", "22"), {"firewall.dusk.dest_port"}),
        (DUSKS_RULE.replace("vpn", "wan"), {"firewall.dusk.src"}),
        (DUSKS_RULE.replace("ACCEPT", "DROP"), {"firewall.dusk.target"}),
        (f"{DUSKS_RULE}set firewall.dusk.enabled=0", {"firewall.dusk.enabled"}),
        (f"{DUSKS_RULE}set firewall.dusk.name=other", set()),
        (f"{DUSKS_RULE}set firewall.dusk.dest=wan", set()),
        ("", set()),
    ],
)
def test_what_lets_dusk_in_is_marked_when_it_changes_or_goes(after: str, found: set[str]) -> None:
    assert marked(after, before=DUSKS_RULE, facts={"interfaces": "wg0", "networks": "wg0"}) == found


def test_a_new_rule_that_lets_dusk_in_is_not_marked_and_what_nobody_knows_is_when_it_goes() -> None:
    assert marked(DUSKS_RULE) == set()
    assert marked("delete firewall.dusk") == {"firewall.dusk"}
    assert marked("delete firewall.dusk.log") == set()


def test_of_a_device_without_a_network_of_its_own_no_custom_is_assumed() -> None:
    facts = {"interfaces": "eth0"}
    assert marked("set network.lan.ipaddr=10.0.0.1", facts=facts) == set()
    assert marked("set network.lan.device=eth0", facts=facts) == {"network.lan.device"}
    loop = "set network.b.name=eth0\nadd_list network.b.ports=eth0\nset network.b.mtu=9"
    assert marked(loop, facts=facts) == {"network.b.name", "network.b.ports", "network.b.mtu"}


def test_a_link_by_radio_and_its_radio_are_marked() -> None:
    facts = {**FACTS, "uplinks": "wifinet1:radio1 @wifi-iface[3]:radio2"}
    assert marked("set wireless.wifinet1.ssid=Mesh", facts=facts) == {"wireless.wifinet1.ssid"}
    assert marked("set wireless.@wifi-iface[3].encryption=none", facts=facts)
    assert marked("set wireless.radio1.channel=36", facts=facts) == {"wireless.radio1.channel"}
    assert marked("set wireless.radio0.channel=36", facts=facts) == set()
    assert marked("set wireless.wifi-iface[device=radio1].ssid=x", facts=facts)
    assert not marked("set wireless.wifi-iface[device=radio1,mode=ap].ssid=x", facts=facts)
    mesh = "set wireless.m=wifi-iface\nset wireless.m.mode=mesh\nset wireless.m.device=radio0\n"
    assert marked(f"{mesh}set wireless.m.mesh_id=x", before=mesh) == {"wireless.m.mesh_id"}
    assert "wireless.radio0.htmode" in marked(f"{mesh}set wireless.radio0.htmode=HE40", before=mesh)


# --- radios -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("set wireless.radio0.channel=36", {"radio0": 0}),
        ("set wireless.radio0.channel=36\nset wireless.radio0.htmode=VHT160", {"radio0": 60}),
        ("set wireless.radio0.channel=100\nset wireless.radio0.htmode=HE80", {"radio0": 60}),
        ("set wireless.radio0.channel=116\nset wireless.radio0.htmode=HT40+", {"radio0": 600}),
        ("set wireless.radio0.channel=116\nset wireless.radio0.htmode=HE20", {"radio0": 60}),
        ("set wireless.radio0.channel=11", {"radio0": 0}),
        ("set wireless.radio0.channel=101\nset wireless.radio0.band=6g", {"radio0": 0}),
        ("set wireless.radio0.channel=auto", {"radio0": None}),
        ("set wireless.radio0.channel=0", {"radio0": None}),
        ("set wireless.radio0.country=DE", {"radio0": None}),
        ("set wireless.default_radio1.ssid=x", {"radio1": None}),
        ("set wireless.w.ssid=x\nset wireless.w.device=radio2", {"radio2": None}),
        ("set wireless.wifi-iface[device=radio0].ssid=x", {"radio0": None}),
        ("set wireless.w.ssid=x", {"of w": None}),
        ("set wireless.five=wifi-device\nset wireless.five.channel=52", {"five": 60}),
        ("set network.lan.ipaddr=10.0.0.1", {}),
    ],
)
def test_the_radios_that_restart_are_named_with_how_long_they_listen(
    text: str, expected: dict[str, int | None]
) -> None:
    assert restarted(text) == expected


def test_a_radio_whose_settings_stay_or_are_managed_no_more_goes_on() -> None:
    before = "set wireless.radio0.channel=36\nset wireless.radio1.channel=52"
    assert restarted("set wireless.radio0.channel=36", before=before) == {}
    (one,) = restarts(managed(before), managed(before.replace("36", "40")))
    assert one == Restart("radio0", 0)


@pytest.mark.parametrize(
    ("channel", "width_mhz", "expected"),
    [
        (1, 20, 0),
        (36, 20, 0),
        (48, 80, 0),
        (48, 160, 60),
        (52, 20, 60),
        (64, 80, 60),
        (100, 80, 60),
        (112, 80, 60),
        (100, 160, 600),
        (116, 40, 600),
        (120, 20, 600),
        (124, 20, 600),
        (128, 20, 600),
        (132, 80, 60),
        (144, 20, 60),
        (149, 160, 0),
        (165, 20, 0),
    ],
)
def test_the_time_of_listening_is_that_of_the_whole_block(
    channel: int, width_mhz: int, expected: int
) -> None:
    assert listens_s(channel, width_mhz) == expected


# --- what a device reports -----------------------------------------------------------------------------


def test_a_device_reports_the_sections_on_its_own_interfaces() -> None:
    text = (
        "config interface 'lan'\n option device 'br-lan.1'\n"
        "config interface 'old'\n option type 'bridge'\n option ifname 'eth7 eth8'\n"
        "config interface 'wan'\n option device 'eth1'\n"
        "config device 'bridge'\n option name 'br-lan'\n list ports 'lan1'\n list ports 'lan2'\n"
        "config device 'port'\n option name 'lan2'\n"
        "config bridge-vlan\n option device 'br-lan'\n"
        "config bridge-vlan 'v1'\n option device 'br-lan'\n"
    )
    network = parse(text.encode(), "network")
    assert networks_on(network, ["br-lan.1"]) == ["bridge", "lan", "port", "v1"]
    assert networks_on(network, ["br-old"]) == ["old"]
    assert networks_on(network, []) == []


def test_a_device_reports_its_links_by_radio() -> None:
    text = (
        "config wifi-device 'radio0'\n"
        "config wifi-iface 'a'\n option device 'radio0'\n option mode 'ap'\n"
        "config wifi-iface\n option device 'radio1'\n option mode 'mesh'\n"
        "config wifi-iface 'up'\n option device 'radio0'\n option mode 'sta'\n"
    )
    assert uplinks_in(parse(text.encode(), "wireless")) == ["@wifi-iface[1]:radio1", "up:radio0"]
