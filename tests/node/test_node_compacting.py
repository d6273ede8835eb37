"""Nodes and checkpoints: what is final is compacted unasked, and who was away goes on from it (R5, A42)."""

from collections.abc import Sequence

import pytest

from dusk.changelog.adopting import Unfit
from dusk.changelog.basis import Plan, plan_of
from dusk.changelog.foundation import pieces
from dusk.changelog.history import ForkFound
from dusk.changelog.log import Log
from dusk.changelog.newer import NewerVersion
from dusk.changelog.rewinds import LostBranch
from dusk.effects import Compact, Compacted, Event, ItemKind, LogItem, Rebase, Restart, UseCompacted
from dusk.errors import UntrustedInput
from dusk.ids import Seq
from dusk.node.alarms import Alarms
from dusk.node.compacting import AGAIN_S_MAX, AGAIN_S_MIN, Compacting
from dusk.node.forks import Forks
from tests.checkpoints import above, attest, attestation, commit, compacted, foundation, grown, later_item
from tests.node.site import Box, Site
from tests.world import World

pytestmark = pytest.mark.usefixtures("small_steps")


class Alone:
    """The compacting of a node without the rest of it."""

    def __init__(self, log: Log, plan: Plan | None = None, left: Sequence[LostBranch] = ()) -> None:
        self.lines: dict[str, str] = {}
        alarms = Alarms(self.lines, lambda: 5.0)
        self.compacting = Compacting(log, Forks(log, left), plan, alarms)


def plan(world: World) -> Plan:
    """Return the plan of a world's checkpoint."""
    return plan_of(world.log.checkpoint, pieces(foundation(world)))


def served(world: World) -> tuple[bytes, list[LogItem]]:
    """Return the newest checkpoint, and what stands above it."""
    return foundation(world), above(world.items, world.log.checkpoint)


def parted(*, settled: int) -> Log:
    """Return a log that has one change of its own behind the first entry, and up to where that is final."""
    other = World()
    other.commit(other.set("wifi", "wireless.a.ssid", "own"))
    log = other.replica()
    log._settling.settled = Seq(settled)
    return log


# --- the own log ------------------------------------------------------------------------------------


def test_each_checkpoint_is_ordered_once_and_nothing_below_it_is_gone_back_to() -> None:
    world = World()
    node = Alone(world.log)
    assert node.compacting.step(1.0) == []
    commit(world, 20)
    attest(world)
    first = world.log.checkpoint
    assert node.compacting.step(1.0) == [Compact(world.cluster, first, ())]
    assert world.log.floor == first
    assert node.compacting.step(1.0) == []
    commit(world, 10)
    attest(world)
    assert world.log.checkpoint > first
    assert node.compacting.step(1.0) == [Compact(world.cluster, world.log.checkpoint, ())]


def test_a_log_that_stands_on_a_checkpoint_already_is_not_compacted_to_it_again() -> None:
    world = grown()
    node = Alone(compacted(world), plan(world))
    assert node.compacting.step(1.0) == []
    assert node.compacting.plan == plan(world)


def test_r3_branches_that_are_still_of_use_are_kept_by_a_compaction() -> None:
    world = World()
    other = world.replica()
    item, _ = other.write_change(world.change(world.set("wifi", "wireless.a.ssid", "left")), world.stamp())
    commit(world, 20)
    attest(world)
    branch = LostBranch(Seq(1), (item,))
    (order,) = Alone(world.log, left=[branch]).compacting.step(1.0)
    assert isinstance(order, Compact)
    assert order.left == (branch,)


def test_what_was_made_is_used_and_told_of() -> None:
    world = grown()
    node, made = Alone(world.log), plan(world)
    node.compacting.step(1.0)
    used, told = node.compacting.compacted(Compacted(made.seq, made.encode()), 1.0)
    assert used == UseCompacted(made.seq)
    assert isinstance(told, Event)
    assert (told.name, told.loud) == ("compacted", False)
    assert node.compacting.plan == made


def test_what_was_made_of_another_checkpoint_is_not_used() -> None:
    world = grown()
    node, made = Alone(world.log), plan(world)
    node.compacting.step(1.0)
    assert node.compacting.compacted(Compacted(Seq(3), made.encode()), 1.0) == []
    assert node.compacting.compacted(Compacted(Seq(3), None, "no room"), 1.0) == []
    assert (node.compacting.plan, node.lines) == (None, {})


def test_a31_what_could_not_be_made_is_shown_and_tried_again_less_and_less_often() -> None:
    world = grown()
    node, made = Alone(world.log), plan(world)
    failed, now, pauses = Compacted(made.seq, None, "the disk is full"), 1.0, list[float]()
    order = node.compacting.step(now)
    assert world.log.floor == made.seq
    (told,) = node.compacting.compacted(failed, now)
    assert world.log.floor == 0, "what is on the disk may be gone back to"
    assert told == Event("compaction", "the log keeps its size, for now: the disk is full", loud=True)
    for _ in range(12):
        before = now
        while not (again := node.compacting.step(now)):
            now += 5.0
            assert now - before < 2 * AGAIN_S_MAX, "it is tried again"
        pauses.append(now - before)
        assert again == order
        assert node.compacting.step(now + AGAIN_S_MAX) == [], "it is under way"
        assert node.compacting.compacted(failed, now) == [], "it was told"
    assert pauses[:3] == [AGAIN_S_MIN, 2 * AGAIN_S_MIN, 4 * AGAIN_S_MIN]
    assert pauses[-2:] == [AGAIN_S_MAX, AGAIN_S_MAX]
    assert list(node.lines) == ["compaction"]
    used, _, over = node.compacting.compacted(Compacted(made.seq, made.encode()), now)
    assert used == UseCompacted(made.seq)
    assert over == Event("compaction", f"over: {told.text}", loud=True)
    assert node.lines == {}


def test_the_next_checkpoint_is_another_chance_for_what_could_not_be_made() -> None:
    world = grown()
    node = Alone(world.log)
    node.compacting.step(1.0)
    node.compacting.compacted(Compacted(world.log.checkpoint, None, "the disk is full"), 1.0)
    commit(world, 10)
    attest(world)
    assert node.compacting.step(1.0) == [Compact(world.cluster, world.log.checkpoint, ())]
    assert node.compacting.step(1.0 + AGAIN_S_MIN) == []


def test_a_checkpoint_that_owners_took_back_is_no_occasion_to_compact_to_an_older_one() -> None:
    world = grown()
    node = Alone(world.log)
    node.compacting.step(1.0)
    node.compacting.compacted(Compacted(world.log.checkpoint, None, "the disk is full"), 1.0)
    world.log._settling.settled = Seq(1)
    assert world.log.checkpoint == 0
    assert node.compacting.step(1.0 + AGAIN_S_MAX) == []
    assert world.log.floor == 0


# --- checkpoints of others --------------------------------------------------------------------------


def test_who_has_come_to_a_checkpoint_by_itself_does_nothing() -> None:
    world = grown()
    assert Alone(world.log).compacting.took(*served(world), 1.0) == []


def test_r3_what_stands_in_our_log_alone_is_kept_when_a_checkpoint_takes_its_place() -> None:
    world = World()
    commit(world, 20)
    attest(world)
    data, items = served(world)
    log = parted(settled=0)
    own = log.kept_behind(Seq(1))
    node = Alone(log)
    rebase, told, restart = node.compacting.took(data, items, 1.0)
    assert own is not None
    assert rebase == Rebase(world.log.checkpoint, data, tuple(items), (LostBranch(Seq(1), own),))
    assert isinstance(told, Event)
    assert (told.name, told.loud) == ("rebased", True)
    assert isinstance(restart, Restart)
    assert node.lines == {}


def test_r5_a_checkpoint_that_would_undo_what_is_final_is_refused_and_people_are_told_once() -> None:
    world = World()
    commit(world, 20)
    attest(world)
    node = Alone(parted(settled=2))
    for _ in range(2):
        with pytest.raises(ForkFound, match="undo what is final"):
            node.compacting.took(*served(world), 1.0)
    (text,) = node.lines.values()
    assert node.lines == {"conflict": text}
    assert node.compacting.step(1.0) == [Event("conflict", text, loud=True)]
    assert node.compacting.step(1.0) == []


def test_r13_that_nothing_above_a_checkpoint_can_be_read_here_is_told() -> None:
    world = grown()
    node = Alone(Log(world.cluster))
    data, items = served(world)
    entries = [item for item in items if item.kind is ItemKind.ENTRY]
    with pytest.raises(NewerVersion):
        node.compacting.took(data, [*entries, *later_item(world)], 0.0)
    assert node.lines["version"].endswith(
        "is of a later version: update this device; until then it stays before"
    )


def test_a42_a_checkpoint_of_another_cluster_is_refused_without_an_alarm() -> None:
    node = Alone(World().log)
    with pytest.raises(UntrustedInput):
        node.compacting.took(*served(grown(seed=5)), 1.0)
    assert node.lines == {}
    assert node.compacting.step(1.0) == []


def test_a6_a_node_remembers_the_checkpoint_that_it_refused() -> None:
    world, site = grown(seed=5), Site(1)
    host = site.master.node._rooms.exchanges._host
    data, items = served(world)
    host.gatherings.of(plan(world))
    for call in (lambda: host.took_checkpoint(data, items, 1.0), lambda: host.gatherings.of(plan(world))):
        with pytest.raises(Unfit, match="another cluster"):
            call()


# --- whole nodes ------------------------------------------------------------------------------------


def attested(site: Site) -> Seq:
    """Have the owner attest the newest state that is due, and let all hear of it; returns where."""
    site.world.log = site.master.node.log
    newest = next(reversed(site.world.log.state.milestones))
    site.master.do(site.master.node.submit(attestation(site.world, newest), site.now))
    site.run(12.0)
    return site.master.node.log.checkpoint


def restarted(box: Box) -> None:
    """Begin another life with what is on the disk."""
    box.effects.clear()
    box.restart()


def test_all_devices_compact_what_owners_attested_and_start_again_from_it() -> None:
    site = Site(3, lambda world: commit(world, 20))
    site.run(6.0)
    seq = attested(site)
    assert seq > 0
    head = site.master.node.log.head
    for box in site.all:
        assert [effect.seq for effect in box.effects if isinstance(effect, UseCompacted)] == [seq]
        assert box.node._rooms.exchanges._host.plan == box.plan
        assert box.items == above(box.items, seq)
        restarted(box)
        assert box.node.log.head == head
        assert box.node.log.floor == seq
    site.run(12.0)
    assert len(site.heads) == 1
    assert not any(box.of(Compact) or box.node.alarms for box in site.all)


def test_r5_a_node_that_was_away_for_long_goes_on_from_a_checkpoint_of_one_that_has_compacted() -> None:
    site = Site(3)
    site.run(6.0)
    stale = site.all[2]
    stale.on = False
    for number in range(20):
        site.master.commit(f"version {number}")
        site.run(1.0)
    seq = attested(site)
    assert stale.node.log.head.seq < seq
    stale.restart()
    site.until(lambda: bool(stale.of(Restart)), 30.0)
    restarted(stale)
    assert stale.node.log.floor == seq
    site.run(12.0)
    assert stale.node.log.head == site.master.node.log.head
    assert stale.node.log.state.derived_hash == site.master.node.log.state.derived_hash
    assert not stale.node.alarms
