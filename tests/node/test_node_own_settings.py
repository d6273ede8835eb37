"""What a running device takes over when its own settings, `etc/config/dusk`, are read again."""

from dusk.changelog.body import Edit
from dusk.config.settings import Setting, Verb, encode_setting
from tests.node.site import Box, Site
from tests.world import World

WIRELESS = b"config wifi-iface 'default_radio0'\n\toption ssid 'old'\n"
NETWORK = (
    b"config interface 'a'\n\toption device 'br-lan'\n\nconfig interface 'b'\n\toption device 'br-mgmt'\n"
)
ZONES = b"config zone\n\toption network 'a'\n\nconfig zone\n\toption network 'b'\n"


def _manage(world: World) -> None:
    world.commit(world.edit("assignment/wifi", "to", ("all", [], 100)))


def _apply(site: Site, *edits: Edit) -> None:
    site.master.do(site.master.node.submit(site.world.change(*edits), site.now))


def _site() -> tuple[Site, Box]:
    site = Site(2, _manage)
    for box in site.all:
        box.files |= {"wireless": WIRELESS, "network": NETWORK, "firewall": ZONES}
    site.run(20.0)
    return site, site.all[1]


def test_the_window_is_that_of_the_settings_as_they_were_read_last() -> None:
    site, member = _site()
    site.lost = lambda sender, _to, _data: sender == member.name and bool(member.written_at)
    member.node.set_own(50.0, ("br-lan",))
    _apply(site, site.world.set("wifi", "wireless.default_radio0.ssid", "new"))
    site.run(60.0)
    assert member.node.applied.reason == "no contact within 50 s after the reload"


def test_what_is_made_exclusive_spares_the_interfaces_of_the_settings_as_they_were_read_last() -> None:
    site, member = _site()
    member.node.set_own(90.0, ("br-mgmt",))
    alone = encode_setting(Setting(Verb.EXCLUSIVE))
    _apply(site, Edit("policy/wifi", "set/firewall.*", alone, None))
    site.run(20.0)
    assert [b"'a'" in (box.files["firewall"] or b"") for box in site.all] == [True, False]
    assert [b"'b'" in (box.files["firewall"] or b"") for box in site.all] == [False, True]
