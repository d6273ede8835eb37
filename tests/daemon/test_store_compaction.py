"""A store whose log stands on a checkpoint reads and grows as any other."""

from pathlib import Path

import pytest

from dusk.changelog.basis import basis_of, decode_plan, lay
from dusk.changelog.foundation import pieces
from dusk.changelog.items import verified_entry
from dusk.changelog.rewinds import LostBranch, Rewind
from dusk.daemon.rewriting import Job
from dusk.daemon.storage import Storage, open_storage
from dusk.effects import Append, Compact, ItemKind, LogItem, Rebase, UseCompacted
from dusk.errors import StorageError
from dusk.ids import Seq
from tests.checkpoints import above, attest, commit, foundation, grown
from tests.world import World

pytestmark = pytest.mark.usefixtures("small_steps")


def stored(root: Path, world: World) -> Storage:
    storage, _ = open_storage(root)
    storage.do([Append(tuple(world.items))])
    return storage


def compact(storage: Storage, world: World) -> bytes:
    effect = Compact(world.cluster, world.log.checkpoint, ())
    storage.do([effect])
    made = storage.job(effect).run(world.cluster)
    storage.made(made)
    storage.do([UseCompacted(effect.seq)])
    return made.plan


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def written(world: World, count: int) -> tuple[LogItem, ...]:
    """Write some more entries, each with its signed head."""
    before = len(world.items)
    commit(world, count)
    return tuple(world.items[before:])


def test_a_compacted_log_reads_from_its_checkpoint_on_also_after_a_start(tmp_path: Path) -> None:
    world = grown(40)
    storage = stored(tmp_path, world)
    before = storage.store.size_bytes
    plan = decode_plan(compact(storage, world))
    seq, last = world.log.checkpoint, world.log.head.seq
    assert plan.seq == seq
    assert storage.store.size_bytes < before
    for _ in range(2):
        store = storage.store
        assert (store.floor, store.last, store.plan) == (seq, last, plan)
        assert store.read_items(seq, 1000) == ()
        assert store.read_items(Seq(seq + 1), 10**6) == tuple(above(world.items, seq))
        assert [store.read_piece(seq, at) for at in range(len(plan.hashes))] == list(
            pieces(foundation(world))
        )
        assert store.read_piece(Seq(seq - 8), 0) is None
        assert store.read_piece(seq, len(plan.hashes)) is None
        entries = [verified_entry(item).seq for item in store.read_entries(Seq(1), last)]
        assert entries == [1, *range(seq + 1, last + 1)]
        assert [verified_entry(item).seq for item in store.read_entries(Seq(1), 3)] == [1]
        storage.close()
        storage, saved = open_storage(tmp_path)
        assert saved.foundation == foundation(world)
        assert saved.items == tuple(above(world.items, seq))
    storage.close()


def test_a_compacted_log_grows_and_is_compacted_again(tmp_path: Path) -> None:
    world = grown()
    storage = stored(tmp_path, world)
    compact(storage, world)
    for _ in range(3):
        count = len(world.items)
        commit(world, 9)
        attest(world)
        storage.do([Append(tuple(world.items[count:]))])
        compact(storage, world)
        assert storage.store.reading.foundation() == foundation(world)
    storage.close()
    storage, saved = open_storage(tmp_path)
    assert saved.items == tuple(above(world.items, world.log.checkpoint))
    storage.close()


def test_what_is_appended_while_a_log_is_compacted_is_behind_it(tmp_path: Path) -> None:
    world = grown()
    storage = stored(tmp_path, world)
    effect = Compact(world.cluster, world.log.checkpoint, ())
    storage.do([effect])
    job, count = storage.job(effect), len(world.items)
    commit(world, 2)
    storage.do([Append(tuple(world.items[count:]))])
    storage.made(job.run(world.cluster))
    count = len(world.items)
    commit(world, 2)
    storage.do([Append(tuple(world.items[count:])), UseCompacted(effect.seq)])
    assert storage.store.read_items(Seq(effect.seq + 1), 10**6) == tuple(above(world.items, effect.seq))
    storage.close()


def test_r4_a_witness_above_the_checkpoint_stays_in_a_compacted_log(tmp_path: Path) -> None:
    world = grown()
    storage = stored(tmp_path, world)
    witness, fork = LogItem(ItemKind.WITNESS, b"w"), Seq(world.log.head.seq - 1)
    behind = tuple(above(world.items, fork))
    storage.do([Append((Rewind(fork, 1 + len(behind)).item(), witness, *behind))])
    compact(storage, world)
    storage.close()
    storage, saved = open_storage(tmp_path)
    kept = tuple(above(world.items, world.log.checkpoint))
    assert saved.items == (*kept[: -len(behind)], witness, *behind)
    storage.close()


def test_r3_a_branch_that_is_left_in_the_round_in_which_a_compaction_begins_stays_on_the_disk(
    tmp_path: Path,
) -> None:
    world = grown()
    storage = stored(tmp_path, world)
    effect, fork = Compact(world.cluster, world.log.checkpoint, ()), world.log.head.seq
    lost = written(world, 2)
    other = lost[:2]  # as good as another branch: the disk looks into no entry
    switch = Append((Rewind(fork, len(other)).item(), *other))
    storage.do([Append(lost), effect, switch])
    storage.made(storage.job(effect).run(world.cluster))
    storage.do([UseCompacted(effect.seq)])
    storage.close()
    storage, saved = open_storage(tmp_path)
    assert saved.foundation is not None
    assert saved.branches == (LostBranch(fork, lost),)
    assert saved.items[-2:] == other
    storage.close()


def test_what_nobody_took_of_a_compaction_is_closed_with_the_log(tmp_path: Path) -> None:
    world = grown()
    storage = stored(tmp_path, world)
    before = open_files()
    storage.do([Compact(world.cluster, world.log.checkpoint, ())])
    assert open_files() == before + 1
    storage.close()
    assert open_files() < before


def test_what_was_not_made_is_not_used(tmp_path: Path) -> None:
    world = grown()
    storage = stored(tmp_path, world)
    storage.do([UseCompacted(Seq(16))])
    assert storage.store.floor == 0
    with pytest.raises(StorageError, match="cannot be compacted"):
        Job(storage.store, tmp_path, Seq(8), ()).run(world.cluster)
    assert storage.store.read_items(Seq(1), 10**6) == tuple(world.items)
    storage.close()


def test_a_checkpoint_takes_the_place_of_a_log(tmp_path: Path) -> None:
    world, other = grown(), World(2)
    storage = stored(tmp_path, other)
    items = tuple(above(world.items, world.log.checkpoint))
    storage.do([Rebase(world.log.checkpoint, foundation(world), items, ())])
    assert storage.store.read_items(Seq(world.log.checkpoint + 1), 10**6) == items
    storage.close()


@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize("at", [12, 40, 200, 3000])
def test_damage_to_what_a_log_stands_on_is_damage_and_no_torn_tail(
    tmp_path: Path, at: int, more: int
) -> None:
    world = grown()
    storage = stored(tmp_path, world)
    compact(storage, world)
    count = len(world.items)
    commit(world, more)
    if more:  # a later write proves that what stands before it was on the disk; a piece proves it alone
        storage.do([Append(tuple(world.items[count:]))])
    storage.close()
    data = bytearray((tmp_path / "log").read_bytes())
    data[at] ^= 1
    (tmp_path / "log").write_bytes(data)
    storage, saved = open_storage(tmp_path)
    assert saved.report.damage_at is not None
    assert (saved.foundation, saved.items) == (None, ())
    assert storage.files.read("must-hear") is not None
    storage.close()


def test_half_of_what_a_log_stands_on_is_nothing() -> None:
    world = grown()
    items = list(lay(world.log.checkpoint, foundation(world), ()))
    assert basis_of(items) is not None
    assert basis_of(items[:-1]) is None
