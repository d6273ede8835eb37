"""A device that was off when owners removed it and wanted its secrets off: told by any member (A22)."""

from dusk.apply.machine import State
from dusk.changelog.body import Edit
from dusk.changelog.items import verified_entry
from dusk.changelog.sections import device_path
from dusk.effects import CommitFiles, ItemKind, RollbackFiles, StoreFile
from dusk.keys.signing import x25519_public
from dusk.node.dismissal import FILE
from tests.node.site import Box, Site
from tests.node.test_node_secrets import has_it, submit, wifi_site

STEP_S = 0.05


def _site() -> tuple[Site, Box, Box]:
    """Return devices of which one is off while owners remove it and want its secrets off."""
    site = Site(3, cycle_ms=500)
    site.until(lambda: len(site.heads) == 1, 10.0, STEP_S)
    master, _, gone = site.all
    gone.on = False
    site.run(1.0)
    _submit(site, *_wiping(site, gone))
    return site, master, gone


def _wiping(site: Site, box: Box) -> list[Edit]:
    site.world.log, section = site.master.node.log, device_path(box.key.key_id)
    return [site.world.edit(section, "retired", [True]), site.world.edit(section, "wipe", [True])]


def _submit(site: Site, *edits: Edit) -> None:
    master, world = site.master, site.world
    change = world.change(*edits, device=master.key, counter=master.node.next_counter(world.owner.key_id))
    master.do(master.node.submit(change, site.now))
    site.run(2.0)


def _stored(box: Box) -> bool:
    return any(isinstance(e, StoreFile) and e.name == FILE for e in box.effects)


def test_a22_who_was_off_at_its_removal_takes_its_secrets_off_and_shows_it_after_a_restart_too() -> None:
    site, _, gone = _site()
    gone.on = True
    site.until(lambda: gone.node.is_removed(site.now), 60.0, STEP_S)
    head = gone.node.log.head
    assert _stored(gone)
    assert "managed secrets come off" in gone.node.alarms["wiped"]
    store = gone.node._rooms.dismissal.over(gone.node.log.state)
    section = device_path(gone.key.key_id)
    assert store.value(section, "wipe") == store.value(section, "retired") == [True]
    assert store.value(section, "name") == ["r2"]
    assert set(store.records(section)) >= {"name"}
    assert section in store.sections("device/")
    gone.restart()
    assert gone.node.is_removed(site.now)
    assert gone.node._rooms.dismissal.is_proven
    assert gone.node.log.head == head, "nothing else is for it"


def test_a22_what_comes_off_stays_off_though_nobody_answers_who_was_removed() -> None:
    site = wifi_site("123", "123")
    site.run(30)
    gone = site.all[3]
    assert has_it(gone)
    gone.on = False
    site.run(1.0)
    submit(site, *_wiping(site, gone))
    site.run(30)
    gone.on = True
    gone.effects.clear()
    site.until(lambda: gone.node.is_removed(site.now), 60.0, STEP_S)
    site.run(2 * site.settings.apply_window_s)
    assert not has_it(gone)
    assert gone.of(CommitFiles)
    assert not gone.of(RollbackFiles)
    assert gone.node.applied.state == State.COMMITTED


def test_a22_who_keeps_what_it_has_is_told_and_no_more() -> None:
    site = Site(3, cycle_ms=500)
    site.until(lambda: len(site.heads) == 1, 10.0, STEP_S)
    gone = site.all[2]
    gone.on = False
    site.run(1.0)
    _submit(site, _wiping(site, gone)[0])
    gone.on = True
    site.until(lambda: gone.node.is_removed(site.now), 60.0, STEP_S)
    assert not _stored(gone)
    assert "wiped" not in gone.node.alarms


def test_a22_junk_proves_nothing_and_a_device_that_gets_past_it_goes_by_its_log() -> None:
    site, master, gone = _site()
    other = site.all[1]
    host = master.node._rooms.exchanges._host
    at = host.removal_at(x25519_public(gone.key.public))
    assert at is not None
    assert host.removal_at(x25519_public(other.key.public)) is None
    assert host.removal_at(x25519_public(site.world.key().public)) is None
    assert host.removal_proof(x25519_public(site.world.key().public), ()) is None
    master.node.log.ground.floor = at
    assert host.removal_at(x25519_public(gone.key.public)) is None, "it is below a checkpoint"
    dismissal = gone.node._rooms.dismissal
    for junk in (b"", b"\x90"):
        assert dismissal.took(junk, site.now) == []
    assert not dismissal.is_proven
    entries = [n for n, item in enumerate(master.items) if item.kind is ItemKind.ENTRY]
    start = next(n for n in entries if verified_entry(master.items[n]).seq == at)
    proof = host.removal_proof(x25519_public(gone.key.public), master.items[start:])
    assert proof is not None
    assert other.node._rooms.dismissal.took(proof, site.now) == [], "it is another's"
    assert dismissal.took(proof, site.now) != []
    assert dismissal.took(proof, site.now) == [], "once"
    assert dismissal.log_moved() == []
    gone.node.log.extend(master.items)
    assert dismissal.log_moved() != []
    assert not dismissal.is_proven
    assert "wiped" not in gone.node.alarms
