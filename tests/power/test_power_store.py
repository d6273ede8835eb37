"""The log through power cuts, kills and refusals at every call (Q2, A31): at or after the last promise."""

from functools import partial
from pathlib import Path

import pytest

from dusk.daemon import frames
from dusk.daemon.logfiles import DAMAGED_NAME, MUST_HEAR_NAME
from dusk.daemon.opening import open_store, read_log
from dusk.daemon.smallfiles import SmallFiles
from dusk.daemon.store import Store
from dusk.effects import ItemKind, LogItem
from tests.power.cuts import Bench, Told, Work

Items = tuple[LogItem, ...]


def batch(first: int, count: int, size: int = 40) -> Items:
    """Return entries and the head that covers them."""
    entries = [LogItem(ItemKind.ENTRY, bytes([first + at]) * size) for at in range(count)]
    return (*entries, LogItem(ItemKind.HEAD, b"head" + bytes([first])))


BATCHES = (batch(1, 1), batch(2, 3), batch(5, 2, 300))
ALL = tuple(item for each in BATCHES for item in each)


def append(store: Store, told: Told[Items], had: Items, more: Items) -> Items:
    """Append and promise."""
    told.begin(had + more)
    store.append(more)
    told.keep(had + more)
    return had + more


def nothing(_: Path) -> Told[Items]:
    """A disk without a log."""
    return Told(())


def filled(root: Path) -> Told[Items]:
    store = open_store(root).store
    for each in BATCHES:
        store.append(each)
    store.close()
    return Told(ALL)


def write(root: Path, told: Told[Items]) -> None:
    opened = open_store(root)
    try:
        found = opened.items
        for each in BATCHES:
            found = append(opened.store, told, found, each)
    finally:
        opened.store.close()


def recover(root: Path, told: Told[Items]) -> None:
    """Open the log, and append to it: what is found is what others are told of."""
    files = SmallFiles(root)
    files.remove_leftovers()
    files.close()
    opened = open_store(root)
    try:
        kept = told.kept
        assert kept is not None
        assert opened.items[: len(kept)] == kept
        assert opened.items == kept or opened.items in {items[: len(opened.items)] for items in told.begun}
        assert opened.report.damage_at is None
        told.keep(opened.items)
        append(opened.store, told, opened.items, batch(200, 2))
        assert read_log(root).items == told.kept
    finally:
        opened.store.close()


APPENDING = Work(nothing, write, recover)
GROWING = Work(filled, write, recover)


@pytest.fixture(autouse=True)
def _every_call(bench: Bench) -> None:
    """The log alone is soon done: nothing is left to a longer run."""
    bench.every = 1


@pytest.mark.parametrize("work", [APPENDING, GROWING], ids=["new", "filled"])
def test_q2_a_power_cut_at_any_call_of_the_log_and_of_its_recovery_loses_no_promise(
    bench: Bench, work: Work[Items]
) -> None:
    tally = bench.cut(work)
    assert tally.points > 10
    assert tally.states > tally.points


@pytest.mark.parametrize("work", [APPENDING, GROWING], ids=["new", "filled"])
def test_q2_what_a_daemon_reads_behind_a_kill_outlives_a_power_cut(bench: Bench, work: Work[Items]) -> None:
    assert bench.kill(work).points > 5


@pytest.mark.parametrize("work", [APPENDING, GROWING], ids=["new", "filled"])
def test_a31_q2_a_disk_that_refuses_any_call_of_the_log_breaks_no_promise_even_in_a_power_cut(
    bench: Bench, work: Work[Items]
) -> None:
    assert bench.refuse(work).points > 5


def clear(root: Path, told: Told[Items]) -> None:
    """What a device does that joins another cluster."""
    opened = open_store(root)
    try:
        told.begin(())
        opened.store.clear()
        told.keep(())
        append(opened.store, told, (), BATCHES[1])
    finally:
        opened.store.close()


def test_q2_a_log_that_is_cleared_is_whole_or_empty(bench: Bench) -> None:
    work = Work(filled, clear, recover_cleared)
    assert bench.cut(work).points > 3
    assert bench.kill(work).points > 5
    assert bench.refuse(work).points > 5


def recover_cleared(root: Path, told: Told[Items]) -> None:
    """Open it: the empty log is a state that may be found, though it has less than was promised."""
    if () in told.begun:
        opened = open_store(root)
        opened.store.close()
        assert opened.report.damage_at is None
        assert opened.items in {(), told.kept}
        told.keep(opened.items)
    recover(root, told)


def damaged(root: Path, at: int) -> Told[bytes]:
    """A log in whose first write a bit has turned over."""
    filled(root)
    data = bytearray((root / "log").read_bytes())
    data[at] ^= 1
    (root / "log").write_bytes(data)
    (root / DAMAGED_NAME).write_bytes(b"an older one")
    return Told(bytes(data))


def open_damaged(root: Path, told: Told[bytes]) -> None:
    """Open a damaged log: what it had is to stay findable, and that it was cut is to be known."""
    assert told.kept is not None
    files = SmallFiles(root)
    try:
        files.remove_leftovers()
        opened = open_store(root)
        opened.store.close()
        assert opened.items == frames.parse(told.kept).items
        assert (root / "log").read_bytes() == told.kept or (root / DAMAGED_NAME).read_bytes() == told.kept
        assert read_log(root).damage_at is None
        assert files.read(MUST_HEAR_NAME) is not None
    finally:
        files.close()


@pytest.mark.parametrize("at", [3, 30, 130], ids=["first bytes", "first write", "second write"])
def test_a28_q2_damage_is_set_aside_whole_and_known_however_often_the_power_is_cut(
    bench: Bench, at: int
) -> None:
    work = Work(partial(damaged, at=at), open_damaged, open_damaged)
    assert bench.cut(work).points > 30
    assert bench.kill(work).points > 5
    assert bench.refuse(work).points > 5
