"""At the bounds of what is tried, left and kept of branches, and who yields to whom."""

import pytest

from dusk import limits
from dusk.changelog.branches import (
    BeyondReach,
    Left,
    Stayed,
    Switched,
    remembered,
    stranded,
    try_branch,
)
from dusk.changelog.forkchoice import Choice
from dusk.changelog.rewinds import LostBranch
from tests.parted import RADIO, certificate, force, from_fork, lonely_attic, parted
from tests.world import World


def test_a_branch_as_long_as_the_bounds_is_tried_however_much_is_known_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attic, barn, fork = parted()
    behind = barn.items[2 * fork :]
    monkeypatch.setattr(limits, "BRANCH_STEPS_MAX", len(behind))
    monkeypatch.setattr(limits, "BRANCH_BYTES_MAX", sum(len(item.data) for item in behind))
    assert isinstance(try_branch(attic.log, barn.items), Switched)


def test_an_own_branch_longer_than_what_is_kept_is_not_left(monkeypatch: pytest.MonkeyPatch) -> None:
    attic, barn, fork = parted()
    attic.commit(attic.set("wifi", RADIO, "3"))
    short = from_fork(attic, fork, barn.master)
    short.open()
    monkeypatch.setattr(limits, "BRANCH_STEPS_MAX", 2)
    log = attic.replica()
    before = log.head, log.state.derived_hash
    assert try_branch(log, short.items) == BeyondReach(fork)
    assert (log.head, log.state.derived_hash) == before


def test_two_branches_may_part_right_behind_the_genesis() -> None:
    world = World()
    other = from_fork(world, 1, world.master)
    world.commit(world.set("wifi", RADIO, "1"))
    other.open()
    found = try_branch(world.log, other.items)
    assert isinstance(found, Stayed)
    assert (found.lost.seq, found.chosen.choice) == (1, Choice.REFUSED)


def test_of_branches_without_a_certificate_nobody_is_said_to_yield() -> None:
    attic, barn, _ = parted()
    found = try_branch(barn.log, attic.items)
    assert isinstance(found, Stayed)
    assert not found.is_yielding


@pytest.mark.parametrize("theirs", [False, True])
def test_who_is_refused_yields_to_a_certificate_unless_there_is_one_for_his_branch_too(
    *, theirs: bool
) -> None:
    attic, barn, _ = parted()
    attic.log.extend([certificate(attic, attic.log.head.seq, attic.master, barn.master)])
    more = [certificate(barn, barn.log.head.seq, attic.master, barn.master)] if theirs else []
    found = try_branch(attic.log, [*barn.items, *more])
    assert isinstance(found, Stayed)
    assert found.chosen.choice is Choice.REFUSED
    assert found.is_yielding != theirs


def test_who_has_the_lower_mandate_yields_whatever_is_certified_for_it() -> None:
    attic, barn, _ = lonely_attic()
    found = try_branch(barn.log, attic.items)
    assert isinstance(found, Stayed)
    assert (found.chosen.choice, found.is_yielding) == (Choice.REFUSED, True)


def test_who_has_the_higher_mandate_does_not_yield_to_a_certificate() -> None:
    attic, barn, fork = lonely_attic()
    carol = attic.key()
    attic.commit(attic.edit("trust", "owner/carol", [carol.public]))
    attic.commit(attic.edit("trust", "owner/alice", None))
    both = from_fork(barn, fork, barn.master)
    both._keep(both.log.write_open(both.stamp(), force(both, 1, fork - 1, barn.master, attic.master)))
    found = try_branch(attic.log, both.items)
    assert isinstance(found, Stayed)
    assert (found.chosen.choice, found.is_yielding) == (Choice.REFUSED, False)


def test_a_handover_in_a_branch_that_was_left_is_no_change() -> None:
    attic, barn, fork = parted()
    attic._keep(attic.log.write_handover(attic.stamp()))
    lost = LostBranch(fork, tuple(attic.items[2 * fork :]))
    assert [row.seq for row in stranded(lost, barn.log)] == [fork + 1, fork + 2]


def test_branches_of_just_the_bytes_that_are_kept_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    attic, barn, _ = parted()
    found = try_branch(attic.log, barn.items)
    assert isinstance(found, Switched)
    for row in stranded(found.lost, barn.log):
        barn.write(row.change)
    size_bytes = sum(len(item.data) for item in found.lost.items)
    monkeypatch.setattr(limits, "BRANCH_BYTES_MAX", size_bytes)
    left = Left(found.lost)
    assert remembered([left], barn.log) == (left,)
    monkeypatch.setattr(limits, "BRANCH_BYTES_MAX", size_bytes - 1)
    assert remembered([left], barn.log) == ()
