"""Who is not in the log reads nothing of it: after a branch was lost, and at the end of an exchange."""

from dusk.changelog.body import Edit
from dusk.changelog.log import Log
from dusk.effects import ItemKind, SendDatagram
from dusk.keys.signing import x25519_public
from dusk.node.host import MemberHost
from tests.holders import Holders
from tests.node.site import Box, Site

STEP_S = 0.05


def _submit(box: Box, edit: Edit) -> None:
    """Have the owner sign an edit at a device, which is durable soon."""
    world, node = box.site.world, box.node
    change = world.change(edit, device=box.key, counter=node.next_counter(world.owner.key_id))
    box.do(node.submit(change, box.site.now))


def _keys(box: Box) -> set[bytes]:
    return {key.key for key in box.node._rooms.station.channel.keys.keys}


def test_a45_a_device_that_only_a_lost_branch_let_in_has_no_key_that_datagrams_are_sealed_with_later() -> (
    None
):
    site = Site(4, holders=2, cycle_ms=500)
    site.until(lambda: len(site.heads) == 1, 5.0, STEP_S)
    site.part(site.all[0::2], site.all[1::2])
    site.until(lambda: len(site.leaders) == 2, 5.0, STEP_S)
    master, backup = site.all[:2]
    ghost = site.world.key()
    request = site.world.request(ghost)
    backup.do(backup.node.submit(request, site.now))
    site.world.log = master.node.log
    joinkey = f"joinkey/{site.world.joinkey.key_id.hex()}"
    _submit(master, site.world.edit(joinkey, "revoked", [True]))
    site.run(3.0)
    section = f"device/{ghost.key_id.hex()}"
    assert backup.node.log.state.value(section, "key") is not None
    known = _keys(master) | _keys(backup)
    site.heal()
    site.until(lambda: all(box.node.log.position_of(request.id) for box in site.all), 30.0, STEP_S)
    site.run(10.0)
    newest = {box.node._rooms.station.channel.keys.newest for box in site.all}
    assert len(site.heads) == len(newest) == 1
    assert all(key is not None and key.key not in known for key in newest)
    assert site.master.node.log.state.value(section, "key") is None


def test_r5_a_recovery_proves_itself_by_the_key_that_is_in_force_here_and_by_no_other() -> None:
    world = Holders()
    second = world.join()
    site_log = Log(world.cluster)
    site_log.extend(world.items)
    world.recover(second)
    site = Site(1)
    host = site.master.node._rooms.exchanges._host
    assert isinstance(host, MemberHost)
    there = [item for item in world.items if item.kind is ItemKind.ENTRY]
    host._log = site_log
    assert host.recovers(there)
    assert not host.recovers(there[:-1])
    host._log = world.log
    assert not host.recovers(there), "the phrase of that recovery is spent"


def test_members_alone_are_told_where_the_log_ends_and_only_by_a_head_that_is_signed() -> None:
    site = Site(2)
    site.run(6.0)
    master, member = site.all
    host, static = master.node._rooms.exchanges._host, x25519_public(member.key.public)
    (told,) = host.stayed(member.address, static)
    assert isinstance(told, SendDatagram)
    assert told.to == member.address
    assert host.stayed(member.address, x25519_public(site.world.key().public)) == []
    master.node.log.newest = None
    assert host.stayed(member.address, static) == []
