"""What ``dusk status`` says of a node, a joiner and a device without a cluster."""

from dusk.daemon.builder import Idle
from dusk.daemon.status import peers_of, status_of
from tests.node.site import Site
from tests.world import World


def _manage(world: World) -> None:
    world.commit(
        world.set("base", "system.@system[0].hostname", "x"),
        world.edit("assignment/base", "to", ("all", [], 100)),
    )


def _change(site: Site, value: str) -> None:
    world = site.world
    world.log = site.master.node.log
    change = world.change(world.set("base", "system.@system[0].hostname", value))
    site.master.do(site.master.node.submit(change, site.now))


def _site() -> Site:
    site = Site(2, _manage)
    for box in site.all:
        box.files["system"] = b"config system\n"
    site.run(12)
    return site


def test_the_status_has_the_fields_of_the_contract() -> None:
    site = _site()
    status = status_of(site.master.node, "", ("eth9: there is no such interface",), site.now)
    head = site.master.node.log.head
    assert status == {
        "cluster": "home",
        "device": site.master.node.device_id.hex(),
        "name": "attic",
        "role": "master",
        "epoch": 2,
        "head": {"seq": head.seq, "hash": head.chain.hex()},
        "settled": head.seq,
        "master": "attic",
        "members": 2,
        "online": 2,
        "apply": {"state": "committed", "head": head.seq, "reason": ""},
        "alarms": ["eth9: there is no such interface"],
    }
    assert status_of(site.all[1].node, "", (), site.now)["role"] == "member"


def test_a_device_that_hears_nobody_says_why_it_changes_nothing() -> None:
    site = _site()
    site.all[1].on = False
    site.run(30)
    _change(site, "y")
    site.run(30)
    apply = status_of(site.master.node, "", (), site.now)["apply"]
    assert apply["reason"].startswith("waits until another member is heard")
    assert peers_of(site.master.node, site.now)[site.master.node.device_id].reason == apply["reason"]
    site.all[1].on = True
    site.run(30)
    assert status_of(site.master.node, "", (), site.now)["apply"]["reason"] == ""
    assert site.master.files["system"] == b"config system\n\toption hostname 'y'\n"


def test_a_master_waits_for_the_others_and_says_so() -> None:
    site = _site()
    site.all[1].helper_s = 3.0
    _change(site, "y")
    site.run(1)
    reason = status_of(site.master.node, "", (), site.now)["apply"]["reason"]
    assert reason == "waits until the other members have applied it"


def test_a_member_that_hears_no_master_is_stale() -> None:
    site = _site()
    site.master.on = False
    site.run(60)
    assert "stale: the master is not heard" in status_of(site.all[1].node, "", (), site.now)["alarms"]


def test_a_device_without_a_cluster_or_in_trouble_says_what_to_do() -> None:
    assert status_of(Idle(), "", (), 0.0)["alarms"] == ["in no cluster: dusk init, or dusk join --file F"]
    status = status_of(None, "the disk is full", (), 0.0)
    assert (status["role"], status["alarms"]) == ("none", ["the disk is full"])
