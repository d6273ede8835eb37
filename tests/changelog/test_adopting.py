"""Going over to a checkpoint: only forward, with the owners' word, never over what is final (R4, R5)."""

from dataclasses import replace

import pytest

from dusk.changelog.adopting import Unfit, adopt
from dusk.changelog.history import ForkFound
from dusk.changelog.log import Log
from dusk.changelog.newer import NewerVersion
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import Seq
from tests.checkpoints import (
    above,
    attest,
    commit,
    compacted,
    foundation,
    later_item,
    with_a_conflict_of_another,
)
from tests.world import World

pytestmark = pytest.mark.usefixtures("small_steps")


def served() -> tuple[World, bytes, list[LogItem]]:
    """Return a cluster, its checkpoint, and what stands above that."""
    world = World()
    world.allow_joining()
    commit(world, 20)
    attest(world)
    return world, foundation(world), above(world.items, world.log.checkpoint)


def test_who_has_come_to_a_checkpoint_by_itself_stays() -> None:
    world, data, items = served()
    assert adopt(world.log, data, items) is None
    assert adopt(compacted(world), data, items) is None


def test_who_has_nothing_begins_with_the_checkpoint() -> None:
    world, data, items = served()
    adopted = adopt(Log(world.cluster), data, items)
    assert adopted is not None
    assert (adopted.seq, adopted.lost, adopted.items) == (world.log.checkpoint, None, tuple(items))
    assert adopted.log.head == world.log.head
    assert adopted.log.settled == world.log.settled


def test_who_stands_on_a_former_checkpoint_goes_on_to_a_later_one() -> None:
    world, _, _ = served()
    former = compacted(world)
    commit(world, 20)
    attest(world)
    adopted = adopt(former, foundation(world), above(world.items, world.log.checkpoint))
    assert adopted is not None
    assert (adopted.lost, adopted.log.head) == (None, world.log.head)


def test_a_checkpoint_without_a_signed_head_behind_it_is_refused() -> None:
    world, data, items = served()
    entries = [item for item in items if item.kind is ItemKind.ENTRY]
    for unsigned in ([], entries):
        with pytest.raises(UntrustedInput, match="without a signed head"):
            adopt(Log(world.cluster), data, unsigned)


def test_r13_who_reads_an_older_version_goes_over_as_far_as_it_can_read() -> None:
    world, data, items = served()
    adopted = adopt(Log(world.cluster), data, [*items, *later_item(world)])
    assert adopted is not None
    assert (adopted.items, adopted.log.head) == (tuple(items), world.log.head)


def test_r13_where_nothing_above_a_checkpoint_can_be_read_that_is_said_and_nobody_blamed() -> None:
    world, data, items = served()
    entries = [item for item in items if item.kind is ItemKind.ENTRY]
    with pytest.raises(NewerVersion) as error:
        adopt(Log(world.cluster), data, [*entries, *later_item(world)])
    assert error.value.seq == world.log.head.seq + 1


def _before_it_was_attested(world: World) -> tuple[World, list[LogItem]]:
    """Return the cluster before the owner's newest word, and what then stood above the checkpoint."""
    before = World()
    before.allow_joining()
    commit(before, 20)
    assert world.items[: len(before.items)] == before.items
    return before, above(before.items, world.log.checkpoint)


def test_a42_a_checkpoint_that_the_log_above_it_does_not_put_in_force_is_refused() -> None:
    world, data, _ = served()
    _, items = _before_it_was_attested(world)
    with pytest.raises(UntrustedInput, match="does not put in force"):
        adopt(Log(world.cluster), data, items)


def test_r13_a_checkpoint_that_a_later_version_put_in_force_waits_for_that_version() -> None:
    world, data, _ = served()
    before, items = _before_it_was_attested(world)
    with pytest.raises(NewerVersion) as error:
        adopt(Log(world.cluster), data, [*items, *later_item(before)])
    assert error.value.seq == before.log.head.seq + 1


def test_a36_what_merely_says_that_it_is_of_a_later_version_is_a_lie_above_a_checkpoint_too() -> None:
    world, data, items = served()
    entry, _ = later_item(world)
    for lie in ([*items, entry], [*items, *later_item(world, by=world.owner)]):
        with pytest.raises(UntrustedInput) as error:
            adopt(Log(world.cluster), data, lie)
        assert not isinstance(error.value, NewerVersion)


def test_a9_what_is_wrong_above_a_checkpoint_is_refused_whole() -> None:
    world, data, items = served()
    with pytest.raises(UntrustedInput, match="does not follow"):
        adopt(Log(world.cluster), data, items[2:])


def test_a_checkpoint_that_says_of_our_log_that_it_had_other_owners_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    bob = world.key()
    world.commit(world.edit("user/bob", "key", (bob.public,)))
    early = world.replica()
    world.commit(world.edit("trust", "owner/bob", (bob.public,)))
    late = world.replica()
    commit(world, 20)
    attest(world)
    items = above(world.items, world.log.checkpoint)
    for log in (early, late):
        assert adopt(log, foundation(world), items) is not None
    trusted = late._history.trusted
    monkeypatch.setattr(late._history, "trusted", [*trusted[:-1], trusted[-1]._replace(hash=bytes(32))])
    with pytest.raises(Unfit, match="other owners"):
        adopt(late, foundation(world), items)


def test_who_goes_on_from_a_change_without_effect_by_who_is_no_owner_goes_over_too() -> None:
    world = World()
    with_a_conflict_of_another(world)
    early = world.replica()
    commit(world, 20)
    attest(world)
    assert adopt(early, foundation(world), above(world.items, world.log.checkpoint)) is not None


def parted(world: World, *, count: int = 2, settled: int = 0) -> Log:
    """Return a log that has some of its own behind what it shares, of which no more than that is final."""
    other = World()
    commit(other, count)
    log = other.replica()
    log._settling.settled = Seq(settled)
    assert log.cluster == world.cluster
    return log


@pytest.mark.parametrize(("count", "settled"), [(2, 0), (2, 1), (20, 0), (40, 0)])
def test_a_branch_that_is_not_final_is_left_for_a_checkpoint_that_owners_of_here_attested(
    count: int, settled: int
) -> None:
    world, data, items = served()
    log = parted(world, count=count, settled=settled)
    before = log.head
    adopted = adopt(log, data, items)
    assert adopted is not None
    assert adopted.lost is not None
    assert (adopted.lost.seq, len(adopted.lost.items)) == (1, 2 * count)
    assert adopted.log.head == world.log.head
    assert log.head == before, "the own log is as it was"


def test_r4_a_branch_stays_whose_going_would_undo_what_is_final_or_what_owners_said() -> None:
    world, data, items = served()
    with pytest.raises(ForkFound, match="undo what is final"):
        adopt(parted(world, settled=2), data, items)
    raised = parted(world)
    raised.head = replace(raised.head, mandate=1)
    with pytest.raises(ForkFound, match="forced a role"):
        adopt(raised, data, items)
    foreign = parted(world)
    foreign.state.quorum = 2
    with pytest.raises(ForkFound, match="did not attest"):
        adopt(foreign, data, items)
    short = parted(world)
    short.give_up(Seq(2))
    with pytest.raises(ForkFound, match="too long ago"):
        adopt(short, data, items)
