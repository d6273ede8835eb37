"""What a node does with a log that parts from its own, by what the log says of it."""

import pytest

from dusk import limits
from dusk.changelog.branches import BeyondReach, stranded
from dusk.changelog.log import ForkFound
from dusk.changelog.rewinds import LostBranch
from dusk.cycle.messages import Offer
from dusk.cycle.station import Conflict, Step
from dusk.effects import Append, Connect, Event
from dusk.errors import UntrustedInput
from dusk.ids import Seq
from tests.node.site import Box, Site

STEP_S = 0.05


def _both_sides() -> tuple[Site, Box, Box]:
    """Return one device of each side of a cut: of the side whose branch is to be left, and of the other."""
    site = Site(4, holders=2, cycle_ms=500)
    site.run(3.0)
    site.part(site.all[0::2], site.all[1::2])
    site.until(lambda: len(site.leaders) == 2, 10.0, STEP_S)
    site.all[2].commit("here")
    site.all[3].commit("there", policy="other")
    site.run(2.0)
    return site, site.all[2], site.all[3]


def _as_lost(losing: Box, winning: Box) -> LostBranch:
    """Return what one device has behind the last entry that both have."""
    common = sum(one == other for one, other in zip(losing.items, winning.items, strict=False))
    return LostBranch(Seq(1), tuple(losing.items[common:]))


def test_what_only_follows_our_log_is_taken() -> None:
    site = Site(2)
    site.run(6.0)
    member = site.all[1]
    site.part([site.master], [member])
    site.master.commit("follows")
    site.run(1.0)
    assert member.node.log.head != site.master.node.log.head
    effects = member.node._rooms.branching.took_branch(site.master.items, site.now)
    assert isinstance(effects[0], Append)
    assert member.node.log.head == site.master.node.log.head


def test_r5_a_fork_from_too_long_ago_is_found_and_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    site, losing, winning = _both_sides()
    head = losing.node.log.head
    monkeypatch.setattr(limits, "BRANCH_STEPS_MAX", 0)
    with pytest.raises(ForkFound, match="too long ago"):
        losing.node._rooms.branching.took_branch(winning.items, site.now)
    assert losing.node.log.head == head


def test_r6_a_branch_that_does_not_verify_changes_nothing() -> None:
    site, losing, winning = _both_sides()
    head, items = losing.node.log.head, list(winning.items)
    with pytest.raises(UntrustedInput):
        losing.node._rooms.branching.took_branch([*items[:-2], items[-1]], site.now)
    assert losing.node.log.head == head


def test_r5_the_better_branch_is_appended_at_once_before_anybody_is_told() -> None:
    site, losing, winning = _both_sides()
    effects = losing.node._rooms.branching.took_branch(winning.items, site.now)
    assert isinstance(effects[0], Append)
    assert [e.name for e in effects if isinstance(e, Event)] == ["switched"]
    assert losing.node.log.head == winning.node.log.head
    assert losing.node._rooms.forks.offer is not None
    assert losing.node.waiting(site.world.owner.key_id), "it is handed in again"


def test_a_member_that_stays_does_nothing_else() -> None:
    site, losing, winning = _both_sides()
    assert winning.node._rooms.branching.took_branch(losing.items, site.now) == []
    assert not winning.node._rooms.forks.has_dealt_with(losing.node.log.head), "that is for who leads"


def test_a40_only_what_would_undo_what_is_final_and_nobody_offers_as_left_is_refused() -> None:
    site, losing, winning = _both_sides()
    items, head = list(losing.items), losing.node.log.head
    branching = winning.node._rooms.branching
    refused = branching._refusals._branches
    branching.took_branch(items, site.now)
    assert not refused, "nothing is final behind the fork"
    site.heal()
    site.until(lambda: len(site.heads) == 1, 30.0, STEP_S)
    site.until(lambda: all(b.node.settled == b.node.log.head.seq for b in site.all), 30.0, STEP_S)
    refused.clear()
    winning.node._rooms.forks.asks_for(Offer(head.seq, head.chain))
    branching.took_branch(items, site.now)
    assert not refused, "who offers it stands on it no more"
    branching.took_branch(items, site.now)
    assert len(refused) == 1


def test_a_leader_that_stays_takes_up_what_the_other_branch_has_alone() -> None:
    site, losing, winning = _both_sides()
    leader = site.all[1]
    (change,) = (row.change for row in stranded(_as_lost(losing, winning), winning.node.log))
    leader.do(leader.node._rooms.branching.took_branch(losing.items, site.now))
    epoch = leader.node.log.head.epoch
    site.run(1.0)
    assert leader.node.log.position_of(change.id) is not None
    assert leader.node.log.head.epoch == epoch
    assert leader.branches == []


def test_r3_of_a_branch_below_a_checkpoint_what_is_proven_is_taken_up_whoever_wrote_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site, losing, winning = _both_sides()
    leader, head, lost = site.all[1], losing.node.log.head, _as_lost(losing, winning)
    (change,) = (row.change for row in stranded(lost, winning.node.log))
    losing.commit("behind that")
    site.run(1.0)
    end = losing.node.log.head
    assert end != head
    forks = leader.node._rooms.forks
    forks.asks_for(Offer(end.seq, end.chain))
    with monkeypatch.context() as patched:
        patched.setattr("dusk.node.branching.try_branch", lambda *_: BeyondReach(Seq(1)))
        patched.setattr("dusk.node.branching.proven", lambda *_: lost)
        leader.do(leader.node._rooms.branching.took_branch(losing.items, site.now))
    assert forks.has_dealt_with(end), "it is not fetched again for what stands behind"
    site.run(1.0)
    assert leader.node.log.position_of(change.id) is not None


def test_a_leader_that_owners_took_out_of_the_succession_opens_no_epoch_above_another_branch() -> None:
    site, _, _ = _both_sides()
    first, leader = site.all[:2]
    first.restart()
    site.run(3.0)
    world, node = site.world, leader.node
    world.log = node.log
    edit = world.edit("cluster", "succession", [[first.node.device_id]])
    leader.do(node.submit(world.change(edit), site.now))
    site.run(1.0)
    head = node.log.head
    assert leader in site.leaders
    assert first.node.log.head.epoch == head.epoch
    assert node._rooms.branching.took_branch(first.items, site.now) == []
    assert leader not in site.leaders, "it leads no more"
    assert node.log.head == head


def test_r10_a_branch_that_was_dealt_with_is_not_fetched_of_everybody_who_still_stands_on_it() -> None:
    site, losing, _ = _both_sides()
    leader, head = site.all[1], losing.node.log.head

    def fetched_from() -> list[str]:
        step = Step(outcome=Conflict(losing.address, head, None))
        effects = leader.node._rooms.receiving.do(step, site.now)
        return [effect.to.host for effect in effects if isinstance(effect, Connect)]

    leader.do(leader.node._rooms.branching.took_branch(losing.items, site.now))
    assert fetched_from() == []
    leader.do(leader.node._rooms.leading.lead(site.now))
    assert fetched_from() == [losing.name], "another epoch looks again"
