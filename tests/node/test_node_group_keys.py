"""From whom a device takes group keys, and how it gets rid of forged ones."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from dusk.catchup.host import Giver
from dusk.cycle.groupkeys import FILE, GroupKeys, new_group_key
from dusk.cycle.messages import Kind
from dusk.effects import Connect, Datagram, StoreFile
from dusk.ids import Seq
from dusk.keys.signing import x25519_public
from tests.node.site import Box, Site


def _forged(site: Site) -> GroupKeys:
    """Keys that nobody has, as a hostile member makes them."""
    random_bytes = site.world.random.randbytes
    return GroupKeys(tuple(new_group_key(random_bytes, 0, GroupKeys().removal) for _ in range(4)))


def _renamed(site: Site) -> GroupKeys:
    """Others by the names of the real ones."""
    ring = site.master.node._rooms.station.channel.keys
    return GroupKeys(tuple(replace(key, key=site.world.random.randbytes(32)) for key in ring.keys))


def _take(box: Box, ring: GroupKeys, giver: Box) -> list[StoreFile]:
    host = box.node._rooms.exchanges._host
    given = Giver(x25519_public(giver.key.public), Seq(0))
    effects = host.took_keys(ring.encode(), given, box.site.now)
    return [effect for effect in effects if isinstance(effect, StoreFile)]


def test_a54_keys_of_a_member_that_may_not_lead_are_written_nowhere_by_who_has_one() -> None:
    site = Site(3)
    site.run(6.0)
    member, hostile = site.all[1:]
    before = member.node._rooms.station.channel.keys
    for _ in range(5):
        assert _take(member, _forged(site), hostile) == []
        assert _take(member, _renamed(site), hostile) == []
    assert member.node._rooms.station.channel.keys is before


def test_a54_who_has_no_key_takes_one_ring_of_any_member_and_no_second() -> None:
    site = Site(3)
    site.run(6.0)
    member, hostile = site.all[1:]
    member.node._rooms.station.channel.keys = GroupKeys()
    assert [effect.name for effect in _take(member, _forged(site), hostile)] == [FILE]
    assert _take(member, _forged(site), hostile) == []


def test_a_holder_is_asked_for_keys_and_its_word_is_written_once() -> None:
    site = Site(3)
    site.run(6.0)
    member, real = site.all[1], site.master.node._rooms.station.channel.keys
    member.node._rooms.station.channel.keys = _forged(site)
    assert len(_take(member, real, site.master)) == 1
    assert _take(member, real, site.master) == []
    assert member.node._rooms.station.channel.keys.newest == real.newest


def test_a45_who_leads_seals_with_its_own_newest_key_whatever_another_holder_hands_it() -> None:
    site = Site(3, holders=2)
    site.run(6.0)
    master, backup = site.all[:2]
    older = master.node._rooms.station.channel.keys
    master.do(master.node._rooms._new_group_key())
    newest = master.node._rooms.station.channel.keys.newest
    for ring in (older, _renamed(site), _forged(site)):
        _take(master, ring, backup)
        assert master.node._rooms.station.channel.keys.newest == newest
    _take(backup, older, master)
    assert backup.node._rooms.station.channel.keys.newest == older.newest


@pytest.mark.parametrize("forge", [_forged, _renamed])
def test_a2_a_device_that_was_given_forged_keys_gets_the_real_ones_of_the_master(
    forge: Callable[[Site], GroupKeys],
) -> None:
    site = Site(3)
    site.run(6.0)
    member = site.all[1]
    member.node._rooms.station.channel.keys = forge(site)
    real = site.master.node._rooms.station.channel.keys.newest
    site.until(lambda: member.node._rooms.station.channel.keys.newest == real, 30.0)
    site.run(10.0)
    assert member.node.fresh(site.now)


def test_a15_junk_by_the_name_of_a_real_key_asks_nothing_of_who_hears_the_master() -> None:
    site = Site(2)
    site.run(6.0)
    for box in site.all:
        sealed = site.master.node._rooms.station.channel.seal_group(Kind.START, b"x")
        before, dropped = len(box.of(Connect)), box.node.dropped
        box.give(Datagram(sealed[:-1] + bytes(1), site.master.address, None))
        assert len(box.of(Connect)) == before
        assert box.node.dropped == dropped + 1
