"""The group key follows the log: who was removed reads nothing from then on (A22)."""

from dusk.changelog.sections import device_path
from dusk.cycle.datagrams import cluster_tag
from dusk.cycle.groupkeys import GroupKeys
from dusk.cycle.messages import Kind
from dusk.effects import SendMulticast
from dusk.ids import NO_CHAIN
from dusk.node.rotating import newest_removal, store_keys
from tests.node.site import Box, Site

STEP_S = 0.05


def _ready(size: int = 4) -> Site:
    site = Site(size, holders=2, cycle_ms=500)
    site.until(lambda: len(site.heads) == 1, 10.0, STEP_S)
    site.run(3.0)
    return site


def _ring(box: Box) -> GroupKeys:
    return box.node._rooms.station.channel.keys


def _retire(site: Site, box: Box) -> None:
    """Have the owner remove a device, at the master."""
    site.world.log, master = site.master.node.log, site.master
    edit = site.world.edit(device_path(box.node.device_id), "retired", (True,))
    change = site.world.change(edit, counter=500)
    master.do(master.node.submit(change, site.now))
    site.until(lambda: master.node.log.position_of(change.id) is not None, 10.0, STEP_S)


def _starts(site: Site, since: int) -> list[bytes]:
    sent = (e.data for e in site.master.effects[since:] if isinstance(e, SendMulticast))
    tag = cluster_tag(site.world.cluster)
    return [data for data in sent if data.startswith(tag + bytes((Kind.START,)))]


def test_a22_at_a_removal_the_key_changes_and_the_removed_device_reads_no_later_start() -> None:
    site = _ready()
    gone, others, before = site.all[3], site.all[:3], _ring(site.all[0])
    assert newest_removal(site.master.node.log) == NO_CHAIN
    _retire(site, gone)
    site.run(STEP_S)
    since = len(site.master.effects)
    site.until(lambda: len({_ring(box).newest for box in others}) == 1, 30.0, STEP_S)
    site.run(10.0)
    ring = _ring(site.master)
    assert ring.newest not in before.keys
    assert ring.removal == newest_removal(site.master.node.log) != NO_CHAIN
    assert {_ring(box).newest for box in others} == {ring.newest}
    assert all(box.node.fresh(site.now) for box in others)
    readable = {key.id for ring in (before, _ring(gone)) for key in ring.keys}
    later = _starts(site, since)
    assert later
    assert not [data for data in later if data[9:17] in readable]


def test_a22_a_removed_device_reads_that_at_once_knows_it_when_started_again_and_hears_nothing() -> None:
    site = _ready()
    gone, others = site.all[3], site.all[:3]
    _retire(site, gone)
    site.run(STEP_S)
    assert gone.node.log.head == site.master.node.log.head
    gone.restart()
    assert gone.node.is_removed(site.now)
    at, ring = gone.node.log.head, _ring(gone)
    change = site.world.change(site.world.set("wifi", "wireless.radio0.channel", "7"), counter=501)
    site.master.do(site.master.node.submit(change, site.now))
    site.until(lambda: len({box.node.log.head for box in others}) == 1, 10.0, STEP_S)
    site.run(10.0)
    assert site.master.node.log.position_of(change.id) is not None
    assert (gone.node.log.head, _ring(gone)) == (at, ring)
    assert gone.node.is_removed(site.now)
    assert not gone.node.fresh(site.now)


def test_a22_who_was_off_when_the_key_changed_is_served_by_its_device_key() -> None:
    site = _ready()
    gone, away = site.all[3], site.all[2]
    away.on = False
    _retire(site, gone)
    site.run(5.0)
    away.restart()
    site.until(lambda: away.node.fresh(site.now), 60.0, STEP_S)
    assert _ring(away).newest == _ring(site.master).newest


def test_a22_a_new_leader_makes_a_key_that_covers_its_log() -> None:
    site = _ready()
    _retire(site, site.all[3])
    site.all[3].on = False
    site.until(lambda: len({box.node.log.head for box in site.all[:3]}) == 1, 10.0, STEP_S)
    site.master.on = False
    backup, member = site.all[1], site.all[2]
    site.until(lambda: backup.node.leads and member.node.fresh(site.now), 60.0, STEP_S)
    assert _ring(backup).removal == newest_removal(backup.node.log)
    assert _ring(member).newest == _ring(backup).newest


def test_a_key_is_kept_over_a_restart_as_long_as_nobody_was_removed() -> None:
    site = _ready(3)
    key = _ring(site.master).newest
    site.all[1].restart()
    site.run(5.0)
    assert _ring(site.all[1]).newest == key


def test_a22_two_sides_that_removed_somebody_each_and_read_nothing_of_the_other_come_to_one_log() -> None:
    site = _ready(6)
    sides = site.all[0::2], site.all[1::2]
    site.part(*sides)
    site.until(lambda: len(site.leaders) == 2, 30.0, STEP_S)
    for leader, gone in ((site.all[0], site.all[4]), (site.all[1], site.all[5])):
        site.world.log = leader.node.log
        edit = site.world.edit(device_path(gone.node.device_id), "retired", (True,))
        change = site.world.change(edit, counter=600 + gone.node.log.head.seq, device=leader.key)
        leader.do(leader.node.submit(change, site.now))
        site.run(1.0)
        assert leader.node.log.position_of(change.id) is not None
    site.run(5.0)
    stay = site.all[:4]
    assert len({_ring(box).newest for box in stay}) == 2
    site.heal()
    site.until(lambda: len({box.node.log.head for box in stay}) == 1, 90.0, STEP_S)
    site.until(lambda: len({_ring(box).newest for box in stay}) == 1, 60.0, STEP_S)
    for gone in site.all[4:]:
        assert stay[0].node.log.device_key(gone.node.device_id) is None


def test_a_ring_that_the_disk_has_is_not_written_again() -> None:
    site = _ready(3)
    channel = site.all[1].node._rooms.station.channel
    assert channel.stored == channel.keys.encode()
    assert store_keys(channel) == []
