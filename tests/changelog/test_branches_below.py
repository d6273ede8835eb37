"""Branches that fork below a checkpoint: not judged, but what stands in them is proven to have stood (R3)."""

from dataclasses import replace

import pytest

from dusk.changelog.branches import BeyondReach, Stayed, proven, stranded, try_branch
from dusk.changelog.items import unpack_entry_item
from dusk.changelog.log import Log
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import Seq
from dusk.keys.signing import SigningKey
from tests.checkpoints import above, attest, commit, compacted
from tests.holders import Holders
from tests.parted import side

pytestmark = pytest.mark.usefixtures("small_steps")


def _parted() -> tuple[Holders, Holders, Log]:
    """Return both sides of a fork, the second of which stands on a checkpoint above it, as a log."""
    mine, other = Holders(), Holders()
    for world in (mine, other):
        world.succeed(world.master, world.kitchen)
        world.settle(world.master, world.kitchen)
    mine.write(mine.change(mine.set("wifi", "wireless.a.ssid", "own"), counter=50))
    other.lead(other.kitchen)
    commit(other, 20)
    other.settle(other.master, other.kitchen)
    attest(other)
    other.settle(other.master, other.kitchen)
    assert other.log.checkpoint > 0
    return mine, other, compacted(other)


def _behind(world: Holders, fork: int) -> list[LogItem]:
    found = world.log.kept_behind(fork)
    assert found is not None
    return list(found)


def test_r3_the_changes_of_a_branch_below_a_checkpoint_are_known_by_its_writers_word() -> None:
    mine, _, log = _parted()
    fork = Seq(mine.log.head.seq - 1)
    items = _behind(mine, fork)
    assert try_branch(log, items) == BeyondReach(fork)
    lost = proven(log, items)
    assert lost is not None
    assert (lost.seq, lost.items) == (fork, tuple(items))
    (row,) = stranded(lost, log)
    _, entry = log.write_stranded(row.change, _parted()[1].stamp())
    assert entry.outcome.code == 0


def test_a_branch_that_can_be_judged_is() -> None:
    mine, other, _ = _parted()
    assert proven(other.log, _behind(mine, mine.log.head.seq - 1)) is None


def test_a_branch_that_forks_right_at_the_checkpoint_can_be_judged() -> None:
    _, other, log = _parted()
    rest = above(other.items, log.floor)
    twin = side(other, other.kitchen)
    twin.log = Log(other.cluster)
    twin.log.extend(other.items[: len(other.items) - len(rest)])
    twin.items.clear()
    twin.commit(twin.set("wifi", "wireless.a.ssid", "twin"))
    assert proven(log, twin.items) is None
    assert isinstance(try_branch(log, twin.items), Stayed)


def test_a1_a_branch_ends_where_its_entries_hang_together_no_more() -> None:
    mine, _, log = _parted()
    fork = mine.log.head.seq - 1
    for name in ("two", "three"):
        mine.commit(mine.set("wifi", "wireless.a.ssid", name))
    one, head_one, two, _, three, head_three = _behind(mine, fork)
    found = proven(log, [one, head_one, three, head_three])
    assert found is not None
    assert found.items == (one, head_one)
    assert proven(log, [one, two, head_one]) is None, "not of the newest entry"


def test_a_certificate_in_a_branch_below_a_checkpoint_is_passed_over() -> None:
    mine, _, log = _parted()
    fork = mine.log.head.seq - 1
    entry, head = _behind(mine, fork)
    items = (entry, mine.certificate(mine.master).item(), head)
    found = proven(log, items)
    assert found is not None
    assert found.items == items


def _signed_by(world: Holders, key: SigningKey) -> LogItem:
    """Return a signed head of the newest entry by another device."""
    log, world.leading = world.log, key
    items: list[LogItem] = []
    world.items, kept = items, world.items
    world._keep(kept[-2])
    world.items, world.leading = kept, world.master
    assert world.log is log
    return items[-1]


def test_a1_what_no_holder_of_then_signed_for_proves_nothing() -> None:
    mine, _, log = _parted()
    fork = mine.log.head.seq - 1
    entry, head = _behind(mine, fork)
    assert proven(log, [entry]) is None
    assert proven(log, [entry, _signed_by(mine, mine.garage)]) is None
    stranger = Holders()
    stranger.succeed(stranger.master, stranger.kitchen)
    stranger.lead(stranger.kitchen)
    assert proven(log, [entry, stranger.items[-1]]) is None, "a head of another entry"
    assert proven(log, [entry, head, replace(entry)]) is not None


def test_a1_an_entry_by_who_held_nothing_then_ends_a_branch() -> None:
    mine, _, log = _parted()
    fork = mine.log.head.seq - 1
    good = _behind(mine, fork)
    mine.succeed(mine.master, mine.garage)
    mine.settle(mine.master, mine.garage, mine.kitchen)
    mine.lead(mine.garage)
    items = _behind(mine, fork)
    lost = proven(log, items)
    assert lost is not None
    entries = [unpack_entry_item(item.data)[0] for item in lost.items if item.kind is ItemKind.ENTRY]
    assert len(lost.items) > len(good)
    assert {entry.writer for entry in entries} == {mine.device_id}
    assert proven(log, [good[1], *good]) is not None, "a head before all entries says nothing"


def test_a9_what_does_not_meet_the_log_is_refused() -> None:
    mine, _, log = _parted()
    mine.commit(mine.set("wifi", "wireless.a.ssid", "more"))
    with pytest.raises(UntrustedInput, match="does not meet our log"):
        proven(log, _behind(mine, mine.log.head.seq - 1))
