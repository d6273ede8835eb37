"""Two branches of one log: going over or staying, whole or not at all (R5, R7), and what is left behind."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import limits
from dusk.changelog import fold
from dusk.changelog.branches import (
    BeyondReach,
    Extended,
    Left,
    Stayed,
    Switched,
    lapsed,
    remembered,
    stranded,
    try_branch,
)
from dusk.changelog.certificate import decode_certificate
from dusk.changelog.forkchoice import Choice, Rule
from dusk.changelog.log import Log, unpack_entry_item
from dusk.changelog.rewinds import LostBranch, resolve
from dusk.effects import ItemKind, LogItem
from dusk.errors import Refused, UntrustedInput
from dusk.ids import Seq
from tests.parted import (
    RADIO,
    certificate,
    force,
    from_fork,
    lonely_attic,
    parted,
    side,
    two_holders,
)
from tests.world import World


def snapshot(log: Log) -> tuple[object, ...]:
    """Return all that a log says, and all that it would need to go back."""
    sections = {s: (log.state.section_hash(s), dict(log.state.records(s))) for s in log.state.sections()}
    chains = [log.chain_at(seq) for seq in range(log.head.seq + 2)]
    positions = {change: (seq, log.outcome_of(change)) for change, seq in log._positions.items()}
    holders = [sorted(log.required_at(seq)) for seq in range(1, log.head.seq + 1)]
    trail = [(kept.item, kept.head, kept.step.head) for kept in log._trail.behind(0)]
    settling = log.settled, log.certificates_above(0), holders
    said = log.head, log.leader, log.newest, log.cluster, sections, log.state.derived_hash, chains, positions
    return (*said, settling, trail, log._trail._bytes, log._trail._held)


def test_r5_the_master_goes_over_to_who_took_over_in_a_higher_epoch() -> None:
    attic, barn, fork = parted()
    log = attic.log
    left = attic.items[len(attic.items) - 4 :]
    found = try_branch(log, barn.items)
    assert isinstance(found, Switched)
    assert (found.chosen.choice, found.chosen.rule) == (Choice.THEIRS, Rule.FIRST_ENTRY)
    assert found.lost == LostBranch(fork, tuple(left))
    assert snapshot(log) == snapshot(barn.replica())
    disk = resolve([*attic.items, *found.items])
    assert (list(disk.items), disk.branches) == (barn.items, (found.lost,))


def test_r5_who_took_over_stays_and_has_the_other_branch_verified() -> None:
    attic, barn, fork = parted()
    before = snapshot(barn.log)
    found = try_branch(barn.log, attic.items)
    assert isinstance(found, Stayed)
    assert (found.chosen.choice, found.chosen.rule) == (Choice.OURS, Rule.FIRST_ENTRY)
    assert found.lost == LostBranch(fork, tuple(attic.items[len(attic.items) - 4 :]))
    assert snapshot(barn.log) == before
    barn.commit(barn.set("wifi", RADIO, "12"))
    assert snapshot(barn.replica()) == snapshot(barn.log)


def test_to_come_back_needs_no_signature_again(monkeypatch: pytest.MonkeyPatch) -> None:
    _, barn, _ = parted()
    before = snapshot(barn.log)
    left = barn.log.leave(2)
    monkeypatch.setattr(fold, "verify", None)
    barn.log.restore(left)
    assert snapshot(barn.log) == before


def test_an_entry_whose_head_is_not_signed_yet_can_be_left_too() -> None:
    attic, _, fork = parted()
    item, _ = attic.log.write_change(attic.change(attic.set("wifi", RADIO, "3")), attic.stamp())
    before = snapshot(attic.log)
    left = attic.log.leave(fork)
    assert left.items == (*attic.items[2 * fork :], item)
    attic.log.restore(left)
    assert snapshot(attic.log) == before


def test_r5_a_log_only_rises_however_often_it_goes_over() -> None:
    attic, barn, fork = parted()
    log, disk = attic.replica(), list(attic.items)
    for epoch in (5, 8, 6, 11, 7):
        other = from_fork(attic, fork, (attic if epoch % 2 else barn).master)
        other._keep(other.log.write_open(other.stamp(), epoch_above=epoch - 1))
        is_higher = log.head.epoch < epoch
        before = snapshot(log)
        found = try_branch(log, other.items)
        assert isinstance(found, Switched if is_higher else Stayed)
        disk += found.items if isinstance(found, Switched) else ()
        assert snapshot(log) == (snapshot(other.replica()) if is_higher else before)
        assert snapshot_of(resolve(disk).items, attic) == snapshot(log)
    assert len(resolve(disk).branches) == 3


def snapshot_of(items: Sequence[LogItem], world: World) -> tuple[object, ...]:
    log = Log(world.cluster)
    log.extend(items)
    return snapshot(log)


def test_what_goes_on_where_the_log_ends_is_no_fork() -> None:
    attic, _, fork = parted()
    log = Log(attic.cluster)
    log.extend(attic.items[: 2 * fork])
    assert try_branch(log, attic.items) == Extended(tuple(attic.items[2 * fork :]))
    assert snapshot(log) == snapshot(attic.replica())
    assert try_branch(log, attic.items) == Extended(())
    assert try_branch(log, attic.items[:4]) == Extended(())
    assert try_branch(log, ()) == Extended(())
    assert snapshot(log) == snapshot(attic.replica())


@pytest.mark.parametrize("steps", [1, 2])
def test_a_fork_that_is_out_of_reach_changes_nothing(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    attic, barn, fork = parted()
    monkeypatch.setattr(limits, "BRANCH_STEPS_MAX", steps)
    log = attic.replica()
    before = snapshot(log)
    assert try_branch(log, barn.items) == BeyondReach(fork)
    assert snapshot(log) == before


@pytest.mark.parametrize("limit", ["BRANCH_STEPS_MAX", "BRANCH_BYTES_MAX"])
def test_a_branch_beyond_the_bounds_is_not_tried(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    attic, barn, fork = parted()
    before = snapshot(attic.log)
    monkeypatch.setattr(limits, limit, 3)
    assert try_branch(attic.log, barn.items) == BeyondReach(fork)
    assert snapshot(attic.log) == before


def test_bytes_bound_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    world, _ = two_holders()
    monkeypatch.setattr(limits, "BRANCH_BYTES_MAX", 1000)
    log = world.replica()
    kept = log._trail.behind(0)
    assert sum(len(k.item.data) for k in kept) == log._trail._bytes <= 1000
    assert kept
    assert log.reaches(kept[0].seq - 1)
    assert not log.reaches(kept[0].seq - 2)


def test_of_settled_entries_a_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BRANCH_SETTLED_STEPS_MAX", 2)
    world = World()
    for channel in "1234":
        world.commit(world.set("wifi", RADIO, channel))
    assert world.log.settled == 5
    assert [kept.seq for kept in world.log._trail.behind(0)] == [4, 5]
    assert [kept.seq for kept in world.replica()._trail.behind(4)] == [5]


def test_of_what_a_certificate_settles_a_few_entries_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BRANCH_SETTLED_STEPS_MAX", 2)
    world, barn = two_holders()
    for channel in "1234":
        world.commit(world.set("wifi", RADIO, channel))
    seq = world.log.head.seq
    assert len(world.log._trail.behind(0)) > 2
    world.log.take_certificate(decode_certificate(certificate(world, seq, world.master, barn).data))
    assert [kept.seq for kept in world.log._trail.behind(0)] == [seq - 1, seq]


def test_a_longer_branch_than_is_kept_can_be_left_again(monkeypatch: pytest.MonkeyPatch) -> None:
    attic, barn, _ = parted()
    for channel in "3456":
        attic.commit(attic.set("wifi", RADIO, channel))
    monkeypatch.setattr(limits, "BRANCH_SETTLED_STEPS_MAX", 1)
    barn.log.stay()
    before = snapshot(barn.log)
    assert isinstance(try_branch(barn.log, attic.items), Stayed)
    assert snapshot(barn.log) == before


def test_a8_a_branch_from_another_genesis_is_refused() -> None:
    attic, _, _ = parted()
    other = World(seed=2)
    before = snapshot(attic.log)
    with pytest.raises(UntrustedInput, match="does not meet"):
        try_branch(attic.log, other.items)
    assert snapshot(attic.log) == before


def test_a9_a_branch_that_does_not_start_at_the_own_log_is_refused() -> None:
    attic, barn, fork = parted()
    before = snapshot(attic.log)
    with pytest.raises(UntrustedInput, match="does not meet"):
        try_branch(attic.log, barn.items[2 * fork + 2 :])
    assert snapshot(attic.log) == before


def test_a9_a_branch_that_no_head_covers_is_refused() -> None:
    attic, barn, _ = parted()
    before = snapshot(attic.log)
    with pytest.raises(UntrustedInput, match="no signed head"):
        try_branch(attic.log, [i for i in barn.items if i.kind is ItemKind.ENTRY])
    assert snapshot(attic.log) == before


@given(st.data())
def test_r7_a_branch_with_anything_wrong_in_it_leaves_the_log_as_it_was(data: st.DataObject) -> None:
    log = ATTIC.replica()
    before = snapshot(log)
    at = data.draw(st.integers(2 * FORK, len(BARN.items) - 1))
    damaged = bytearray(BARN.items[at].data)
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    items = list(BARN.items)
    items[at] = LogItem(items[at].kind, bytes(damaged))
    with pytest.raises(UntrustedInput):
        try_branch(log, items)
    assert snapshot(log) == before


ATTIC, BARN, FORK = parted()


@given(
    ours=st.lists(st.booleans(), max_size=4),
    theirs=st.lists(st.booleans(), max_size=4),
    seed=st.integers(0, 9),
)
def test_a41_two_sides_of_a_partition_heal_to_one_log(
    ours: list[bool], theirs: list[bool], seed: int
) -> None:
    """Each side writes and opens at will; whoever hears the other first, both end with one log."""
    world, barn = two_holders()
    sides = side(world, world.master, seed), side(world, barn, seed + 10)
    for one, steps in zip(sides, ((True, *ours), (True, *theirs)), strict=True):
        one.open()
        for number, opens in enumerate(steps):
            if opens:
                one.open()
            else:
                one.commit(one.set("wifi", RADIO, f"{number}"))
    logs = [one.replica() for one in sides]
    found = [try_branch(logs[0], sides[1].items), try_branch(logs[1], sides[0].items)]
    assert sorted(type(f).__name__ for f in found) == ["Stayed", "Switched"]
    winner = sides[[type(f) for f in found].index(Stayed)]
    assert snapshot(logs[0]) == snapshot(logs[1]) == snapshot(winner.replica())
    (lost,) = (f.lost for f in found if isinstance(f, Switched))
    (also,) = (f.lost for f in found if isinstance(f, Stayed))
    assert lost == also
    loser = sides[1 - sides.index(winner)]
    wanted = [e.change for e in loser.entries if e.change is not None and e.seq > lost.seq]
    assert [row.change.id for row in stranded(lost, logs[0])] == wanted


def test_certificates_before_the_fork_are_taken_with_a_branch() -> None:
    attic, barn, fork = parted()
    shared = certificate(barn, fork, attic.master, barn.master)
    items = [*barn.items[: 2 * fork], shared, *barn.items[2 * fork :]]
    newest = certificate(barn, barn.log.head.seq, attic.master, barn.master)
    found = try_branch(attic.log, [*items, newest])
    assert isinstance(found, Switched)
    assert found.items[1:] == (shared, *barn.items[2 * fork :], newest)
    assert attic.log.settled == barn.log.head.seq
    later = try_branch(barn.log, [*items, newest])
    assert later == Extended((shared, newest))


def test_a40_a_branch_below_the_own_certificate_is_refused_and_stays_refused() -> None:
    attic, barn, _ = parted()
    attic.log.extend([certificate(attic, attic.log.head.seq, attic.master, barn.master)])
    before = snapshot(attic.log)
    for _ in range(2):
        found = try_branch(attic.log, barn.items)
        assert isinstance(found, Stayed)
        assert (found.chosen.choice, found.chosen.rule) == (Choice.REFUSED, Rule.CERTIFIED)
        assert snapshot(attic.log) == before


def test_a_certificate_above_the_fork_outweighs_a_higher_epoch() -> None:
    attic, barn, _ = parted()
    settled = certificate(attic, attic.log.head.seq, attic.master, barn.master)
    found = try_branch(barn.log, [*attic.items, settled])
    assert isinstance(found, Switched)
    assert found.chosen.rule is Rule.CERTIFICATE
    assert barn.log.settled == attic.log.head.seq
    assert found.items[-1] == settled


def test_a55_owners_may_force_a_role_from_below_what_a_lost_master_settled_alone() -> None:
    attic, barn, fork = lonely_attic()
    assert attic.log.settled == fork + 3
    found = try_branch(attic.log, barn.items)
    assert isinstance(found, Switched)
    assert found.chosen.rule is Rule.MANDATE
    assert found.lost.seq == fork
    assert snapshot(attic.log)[:9] == snapshot(barn.replica())[:9]
    assert attic.log.settled == fork + 1
    assert [row.seq for row in stranded(found.lost, attic.log)] == [fork + 1, fork + 2, fork + 3]


def test_a40_a_role_forced_by_an_owner_who_was_removed_lifts_nothing_off_a_certificate() -> None:
    attic, barn, _ = lonely_attic()
    carol = attic.key()
    attic.commit(attic.edit("trust", "owner/carol", [carol.public]))
    attic.commit(attic.edit("trust", "owner/alice", None))
    before = snapshot(attic.log)
    found = try_branch(attic.log, barn.items)
    assert isinstance(found, Stayed)
    assert (found.chosen.choice, found.chosen.rule) == (Choice.REFUSED, Rule.CERTIFIED)
    assert snapshot(attic.log) == before


def test_a40_mandates_that_a_removed_owner_chains_count_no_more_than_one() -> None:
    attic, barn, _ = lonely_attic()
    carol = attic.key()
    attic.commit(attic.edit("trust", "owner/carol", [carol.public]))
    attic.commit(attic.edit("trust", "owner/alice", None))
    for mandate in (2, 3):
        barn.commit(barn.set("wifi", RADIO, "5"))
        role = force(barn, mandate, barn.log.head.seq, barn.master)
        barn._keep(barn.log.write_open(barn.stamp(), role))
    found = try_branch(attic.log, barn.items)
    assert isinstance(found, Stayed)
    assert found.chosen.choice is Choice.REFUSED


def test_a56_a_role_that_stands_in_the_own_log_lifts_nothing_when_it_is_attached_again() -> None:
    _, barn, fork = lonely_attic()
    role = unpack_entry_item(barn.items[-2].data)[1]
    again = from_fork(barn, fork, barn.master)
    again._keep(again.log.write_open(again.stamp(), role, epoch_above=50))
    assert again.log.head.epoch == 51
    before = snapshot(barn.log)
    found = try_branch(barn.log, again.items)
    assert isinstance(found, Stayed)
    assert found.chosen.choice is Choice.REFUSED
    assert snapshot(barn.log) == before


def test_what_an_open_carries_is_no_stranded_change() -> None:
    attic, barn, fork = lonely_attic()
    barn.commit(barn.set("wifi", RADIO, "9"))
    lost = LostBranch(Seq(fork), tuple(barn.items[2 * fork :]))
    assert [row.seq for row in stranded(lost, attic.log)] == [fork + 2]
    _, opened = unpack_entry_item(lost.items[0].data)
    assert opened is not None
    assert lapsed(lost, attic.log) == (opened.id,), "it is not waited for, either"
    assert lapsed(lost, barn.log) == ()


def test_a26_of_two_mutual_removals_the_one_in_the_log_that_stands_stands() -> None:
    world, barn_key = two_holders()
    bob = world.key()
    world.commit(world.edit("trust", "owner/bob", [bob.public]))
    attic, barn = side(world, world.master), side(world, barn_key, 8)
    attic.commit(attic.edit("trust", "owner/bob", None))
    barn.open()
    barn.write(barn.change(barn.edit("trust", "owner/alice", None), signers=(bob,)))
    one, other = try_branch(attic.log, barn.items), try_branch(barn.log, attic.items)
    assert isinstance(one, Switched)
    assert isinstance(other, Stayed)
    assert snapshot(attic.log) == snapshot(barn.log)
    assert set(barn.log.state.owners().values()) == {"bob"}
    (row,) = stranded(one.lost, barn.log)
    with pytest.raises(Refused, match=r"needs the signatures of 1 of the owners bob$"):
        barn.log.write_change(row.change, barn.stamp())


def test_certificates_for_what_both_branches_have_go_over_with_the_switch() -> None:
    attic, barn, fork = parted()
    shared = certificate(attic, fork, attic.master, barn.master)
    disk = [*attic.items, shared]
    attic.log.extend([shared])
    found = try_branch(attic.log, barn.items)
    assert isinstance(found, Switched)
    log = Log(attic.cluster)
    log.extend(resolve([*disk, *found.items]).items)
    assert log.settled == attic.log.settled == fork
    assert log.certificates_above(0) == attic.log.certificates_above(0)


def test_r3_a_change_waits_until_its_outcome_is_settled() -> None:
    attic, barn, _ = parted()
    found = try_branch(attic.log, barn.items)
    assert isinstance(found, Switched)
    log = barn.log
    rows = stranded(found.lost, log)
    assert [row.seq for row in rows] == [found.lost.seq + 1, found.lost.seq + 2]
    assert all(row.item in found.lost.items for row in rows)
    left = Left(found.lost)
    assert left.waits(log)
    assert left.stranded(log) == [row.change for row in rows]
    for row in rows:
        barn.write(row.change)
    assert stranded(found.lost, log) == ()
    assert left.waits(log)
    assert left.stranded(log) == []
    assert remembered([left], log) == (left,)
    log.extend([certificate(barn, log.head.seq, attic.master, barn.master)])
    assert not left.waits(log)
    assert remembered([left], log) == ()


def test_r3_beyond_the_bounds_only_branches_are_forgotten_of_which_all_stands_in_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attic, barn, _ = parted()
    found = try_branch(attic.log, barn.items)
    assert isinstance(found, Switched)
    rows = stranded(found.lost, barn.log)
    barn.write(rows[0].change)
    standing = Left(LostBranch(found.lost.seq, (rows[0].item,)))
    waiting = Left(LostBranch(found.lost.seq, (rows[1].item,)))
    branches = (waiting, standing, standing, waiting)
    assert remembered(branches, barn.log) == branches
    monkeypatch.setattr(limits, "BRANCHES_MAX", 3)
    assert remembered(branches, barn.log) == (waiting, standing, waiting)
    monkeypatch.setattr(limits, "BRANCH_BYTES_MAX", 1)
    assert remembered(branches, barn.log) == (waiting, waiting)
