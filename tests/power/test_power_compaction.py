"""A log that is compacted, or replaced by a checkpoint, through power cuts, kills and refusals (Q2, A31)."""

from functools import cache
from pathlib import Path

import pytest

from dusk.changelog.attesting import due
from dusk.daemon.rewriting import Job
from dusk.daemon.smallfiles import SmallFiles
from dusk.daemon.storage import Storage, open_storage
from dusk.effects import Append, Compact, ItemKind, LogItem, LostBranch, Rebase, UseCompacted
from dusk.ids import Seq
from tests.checkpoints import above, attest, commit, foundation
from tests.power.cuts import Bench, Told, Work
from tests.world import World

pytestmark = pytest.mark.usefixtures("small_steps")
LEFT = (LostBranch(Seq(3), (LogItem(ItemKind.ENTRY, b"work of somebody"), LogItem(ItemKind.HEAD, b"head"))),)


class Story:
    """What is written one after the other, and what the log then stands on."""

    def __init__(self) -> None:
        self.world = world = World()
        commit(world, 14)
        attest(world)
        self.first = len(world.items)
        self.seq, self.foundation = world.log.checkpoint, foundation(world)
        commit(world, 3)
        self.second = len(world.items)
        commit(world, 2)
        self.items = tuple(world.items)
        assert due(world.log.state, world.owner.key_id, 0, 0) is None

    def found(self, whole: bytes | None, items: tuple[LogItem, ...]) -> int:
        """Return how many items of the story a disk has; fails for any that is not of it."""
        skipped = 0
        if whole is not None:
            assert whole == self.foundation
            skipped = len(self.items) - len(above(self.items, self.seq))
        assert items == self.items[skipped : skipped + len(items)]
        return skipped + len(items)


@cache
def story() -> Story:
    return Story()


def filled(root: Path) -> Told[int]:
    """A log with a checkpoint that is final."""
    storage, _ = open_storage(root)
    storage.do([Append(story().items[: story().first])])
    storage.close()
    return Told(story().first)


def compacting(root: Path, told: Told[int]) -> None:
    """Compact it while it grows."""
    storage, saved = open_storage(root)
    tale = story()
    try:
        have = tale.found(saved.foundation, saved.items)
        compact = Compact(tale.world.cluster, tale.seq, LEFT)
        job = begun(storage, compact) if saved.foundation is None else None
        have = append(storage, told, have, tale.second)
        if job is not None:
            storage.made(job.run(compact.cluster))
            storage.do([UseCompacted(tale.seq)])
        append(storage, told, have, len(tale.items))
    finally:
        storage.close()


def begun(storage: Storage, compact: Compact) -> Job:
    storage.do([compact])
    return storage.job(compact)


def rebasing(root: Path, told: Told[int]) -> None:
    """Let a checkpoint take the place of it."""
    storage, saved = open_storage(root)
    tale = story()
    try:
        have = tale.found(saved.foundation, saved.items)
        items = above(tale.items[: tale.second], tale.seq)
        if have < tale.second:
            told.begin(tale.second)
            storage.do([Rebase(tale.seq, tale.foundation, tuple(items), LEFT)])
            told.keep(tale.second)
            have = tale.second
        append(storage, told, have, len(tale.items))
    finally:
        storage.close()


def append(storage: Storage, told: Told[int], have: int, count: int) -> int:
    """Append up to so many items of the story."""
    if have < count:
        told.begin(count)
        storage.do([Append(story().items[have:count])])
        told.keep(count)
    return max(have, count)


def recover(root: Path, told: Told[int]) -> None:
    """Open it: all that was promised is there, and the branch that was left if the log is another file."""
    files = SmallFiles(root)
    files.remove_leftovers()
    files.close()
    assert [path.name for path in root.iterdir() if path.name.endswith(".tmp")] == []
    storage, saved = open_storage(root)
    try:
        assert saved.report.damage_at is None
        have = story().found(saved.foundation, saved.items)
        assert told.kept is not None
        assert have == told.kept or have in {*told.begun, *range(told.kept, max(told.begun, default=0))}
        assert saved.branches == (() if saved.foundation is None else LEFT)
        told.keep(have)
        append(storage, told, have, len(story().items))
    finally:
        storage.close()


WORKS = [Work(filled, compacting, recover), Work(filled, rebasing, recover)]


@pytest.mark.parametrize("work", WORKS, ids=["compacted", "replaced"])
def test_q2_a_power_cut_at_any_call_leaves_the_old_log_or_the_new_one(bench: Bench, work: Work[int]) -> None:
    tally = bench.cut(work)
    assert tally.points > 8
    assert tally.states > tally.points


@pytest.mark.parametrize("work", WORKS, ids=["compacted", "replaced"])
def test_q2_a_kill_at_any_call_leaves_the_old_log_or_the_new_one(bench: Bench, work: Work[int]) -> None:
    bench.every = 1
    assert bench.kill(work).points > 5


@pytest.mark.parametrize("work", WORKS, ids=["compacted", "replaced"])
def test_a31_q2_a_disk_that_refuses_any_call_leaves_the_old_log_or_the_new_one(
    bench: Bench, work: Work[int]
) -> None:
    bench.every = 1
    assert bench.refuse(work).points > 5
