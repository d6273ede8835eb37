"""What routers of a forecast share: it is the real log that verifies, and nobody changes what others read."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from dusk.changelog import log as log_module
from dusk.changelog.body import Edit
from dusk.changelog.log import Log
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.effects import Append, ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import Seq
from dusk.sim.disk import Disk
from dusk.sim.forecast_shared import WRITES, Flash, Replica, Snapshots, fork
from tests.world import World

NOTES = "set/system.@system[0].notes"


def grown() -> World:
    world = World()
    world.allow_joining()
    world.join()
    return world


def note(world: World, text: str) -> tuple[LogItem, ...]:
    """Commit a setting; return what the log took on."""
    before = len(world.items)
    section = "policy/a"
    record = world.log.state.record(section, NOTES)
    data = encode_setting(Setting(Verb.SET, (text,), 0))
    world.commit(Edit(section, NOTES, data, None if record is None else record.base))
    return tuple(world.items[before:])


def looks(log: Log) -> tuple[object, ...]:
    state = log.state
    sections = [(path, state.section_hash(path)) for path in state.sections()]
    chain = [log.chain_at(seq) for seq in range(log.head.seq + 1)]
    return log.head, log.newest, log.leader, state.derived_hash, sections, chain, dict(state.device_names())


def test_a_fork_says_the_same_and_goes_its_own_way() -> None:
    world = grown()
    original, world.log = world.log, fork(world.log)
    before = looks(original)
    assert looks(world.log) == before
    items = note(world, "x")
    assert looks(original) == before
    other = fork(original)
    other.extend(items)
    assert looks(other) == looks(world.log)


def test_a_fork_that_refuses_leaves_the_other_as_it_was() -> None:
    world = grown()
    original, world.log = world.log, fork(world.log)
    before = looks(original)
    items = note(world, "x")
    forged = (*items[:-1], LogItem(ItemKind.HEAD, items[-1].data[:-1] + bytes((items[-1].data[-1] ^ 1,))))
    other = fork(original)
    with pytest.raises(UntrustedInput):
        other.extend(forged)
    assert looks(other) == looks(original) == before


def test_what_many_take_is_verified_once_and_is_one_log_for_all() -> None:
    world = grown()
    original, world.log = world.log, fork(world.log)
    items = [note(world, text) for text in "abc"]
    snapshots = Snapshots()
    replicas = [Replica(snapshots.of(original)) for _ in range(20)]
    for replica in replicas:
        for each in items:
            assert replica.extend(each) == each
    assert snapshots.verified == len(items)
    assert len({id(replica.state) for replica in replicas}) == 1
    assert looks(replicas[0]) == looks(world.log)


def test_who_comes_by_another_way_to_the_same_head_shares_it_too() -> None:
    world = grown()
    original, world.log = world.log, fork(world.log)
    first, second = note(world, "a"), note(world, "b")
    snapshots = Snapshots()
    in_steps, at_once = Replica(snapshots.of(original)), Replica(snapshots.of(original))
    in_steps.extend(first)
    in_steps.extend(second)
    at_once.extend((*first, *second))
    assert in_steps.state is at_once.state


def test_forged_items_are_refused_by_each_that_gets_them() -> None:
    world = grown()
    original, world.log = world.log, fork(world.log)
    items = note(world, "a")
    replica = Replica(Snapshots().of(original))
    for _ in range(2):
        with pytest.raises(UntrustedInput):
            replica.extend((LogItem(ItemKind.ENTRY, items[0].data[:-1] + b"?"), items[1]))
    assert looks(replica) == looks(original)


def test_who_writes_has_a_log_of_its_own() -> None:
    world = grown()
    original = world.log
    before = looks(original)
    snapshot = Snapshots().of(original)
    world.log, reader = Replica(snapshot), Replica(snapshot)
    items = note(world, "a")
    assert looks(reader) == looks(original) == before
    reader.extend(items)
    assert looks(reader) == looks(world.log)


def test_every_method_of_a_log_is_known_to_write_or_only_reads() -> None:
    reads = {"check_head", "check_role", "extend", "signed_by_leader"}
    public = {name for name in vars(log_module.Log) if not name.startswith("_")}
    assert public - reads == set(WRITES)


# --- disks -----------------------------------------------------------------------------------


def _disks() -> Iterator[tuple[Disk, Disk, Callable[[str], tuple[LogItem, ...]]]]:
    world = grown()
    plain = Disk(world.items)
    yield plain, Flash(*plain.shared()), lambda text: note(world, text)


def test_a_disk_with_a_shared_beginning_is_a_disk() -> None:
    for plain, flash, more in _disks():
        assert list(flash.items) == list(plain.items)
        for disk in (plain, flash):
            assert disk.recover() == 0
        items = more("a")
        for disk in (plain, flash):
            disk.do(Append(items))
        assert (flash.last, flash.items[-1], flash.items[0]) == (plain.last, plain.items[-1], plain.items[0])
        for first in range(1, plain.last + 1):
            assert flash.read_items(Seq(first), 1000) == plain.read_items(Seq(first), 1000)
        uncovered = more("b")[:1]
        for disk in (plain, flash):
            disk.do(Append(uncovered))
            assert disk.recover() == 1
        assert list(flash.items) == list(plain.items)
        assert list(flash.copy().items) == list(plain.copy().items)


def test_a_disk_that_changes_its_beginning_changes_no_other() -> None:
    for plain, flash, _ in _disks():
        other = Flash(*plain.shared())
        flash.items[0] = replace(flash.items[0], data=b"rot")
        del flash.items[1]
        flash.items.insert(0, plain.items[0])
        assert len(flash.items) == len(plain.items)
        assert list(other.items) == list(plain.items)
        flash.items.clear()
        assert list(flash.items) == []
        assert list(other.items) == list(plain.items)
