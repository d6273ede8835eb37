"""A joiner whose cluster has compacted its log: it begins with a checkpoint (A2, R5, R13)."""

from dataclasses import replace
from typing import Any

import pytest

from dusk.catchup.stages import ServerRefused
from dusk.changelog.adopting import Unfit
from dusk.changelog.basis import lay, plan_of
from dusk.changelog.body import Change
from dusk.changelog.entry import decode_signed_head
from dusk.changelog.foundation import pieces, read
from dusk.changelog.history import ForkFound
from dusk.changelog.log import Log
from dusk.changelog.rewinds import resolve
from dusk.effects import Address, Append, Effect, LogItem, Rebase, Restart
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash, Named, Seq
from dusk.keys.joinkey import JoinKey
from dusk.limits import BACK_OFF_S_MIN
from dusk.membership.joiner import Joiner
from tests.checkpoints import above, attest, commit, compacted, foundation, later_item
from tests.holders import Holders
from tests.omitting import Omitting, omitting
from tests.streams import Member, Wires
from tests.world import World

pytestmark = pytest.mark.usefixtures("small_steps")


def cluster() -> World:
    """Return a cluster with a checkpoint."""
    world = World()
    world.allow_joining()
    commit(world, 30)
    attest(world)
    return world


def serving(world: World) -> Member:
    """Return the master, whose log stands on the checkpoint."""
    server = Member(world.master, compacted(world), above(world.items, world.log.checkpoint), world)
    server.foundation = foundation(world)
    server.plan = plan_of(world.log.checkpoint, pieces(server.foundation))
    return server


def joiner_of(world: World, log: Log | None = None, seq: int = 1, **otherwise: Any) -> Joiner:
    """Return a joiner whose join key names an entry, or one that says something else of itself."""
    named = world.named(min(seq, world.log.head.seq))._replace(seq=Seq(seq), **otherwise)
    return Joiner(
        join_key=JoinKey(world.cluster, named, world.joinkey.seed, ("master",)),
        device=world.key(),
        log=Log(world.cluster) if log is None else log,
        label="02:00:00:00:00:aa",
        wanted="attic",
        random_bytes=world.random.randbytes,
        now=100.0,
    )


def join(world: World, joiner: Joiner) -> Wires:
    wires = Wires({"master": serving(world), "joiner": joiner})
    wires.do("joiner", joiner.start(wires.now))
    return wires


def disk_of(wires: Wires) -> list[LogItem]:
    """Return what the joiner's disk has: the newest basis, and what was appended."""
    disk: list[LogItem] = []
    for who, effect in wires.events:
        match effect:
            case Rebase(seq, data, items, left) if who == "joiner":
                disk = [*lay(seq, data, left), *items]
            case Append(items) if who == "joiner":
                disk += items
    return disk


@pytest.mark.parametrize("seq", [1, 20, 30])
def test_a_joiner_begins_with_the_checkpoint_and_has_the_same_log(seq: int) -> None:
    world = cluster()
    joiner = joiner_of(world, seq=seq)
    wires = join(world, joiner)
    assert joiner.head == world.log.head
    assert len(wires.of("joiner", Rebase)) == 1
    assert len(wires.of("joiner", Restart)) == 1
    resolved = resolve(disk_of(wires))
    log = Log(world.cluster, ground=read(resolved.basis.data, world.cluster).ground)
    log.extend(resolved.items)
    assert log.head == world.log.head
    assert log.state.derived_hash == world.log.state.derived_hash


@pytest.mark.parametrize("seq", [8, 30])
def test_a2_a_checkpoint_without_the_entry_of_the_join_key_is_not_begun_with(seq: int) -> None:
    world = cluster()
    joiner = joiner_of(world, seq=seq, chain=ChainHash(bytes(32)))
    with pytest.raises(ServerRefused, match="lacks the entry that the join key names"):
        joiner.took_checkpoint(foundation(world), above(world.items, world.log.checkpoint), 0.0)
    assert joiner.head.seq == 0
    wires = join(world, joiner)
    assert wires.of("joiner", Rebase) == []


def captured(world: World, named: Named, lie: Omitting) -> None:
    """Show that a joiner is not captured whose join key names an entry, and that another one would be."""
    joiner = joiner_of(world, seq=named.seq)
    assert joiner._join_key.named == named
    for _ in range(2):
        with pytest.raises(Unfit, match="of the join key's entry that there were other owners"):
            joiner.took_checkpoint(lie.data, lie.above, 0.0)
        assert joiner.head.seq == 0
    with pytest.raises(Unfit):  # nor is it fetched again
        joiner.gatherings.of(plan_of(lie.seq, pieces(lie.data)))
    assert joiner.took_checkpoint(foundation(world), above(world.items, world.log.checkpoint), 0.0) != []
    before = joiner_of(world)
    assert before.took_checkpoint(lie.data, lie.above, 0.0) != []


def test_a2_a25_who_was_removed_captures_no_joiner_whose_key_was_made_behind_that() -> None:
    world = World()
    mallory = world.key()
    world.commit(world.edit("user/mallory", "key", (mallory.public,)))
    world.commit(world.edit("trust", "owner/mallory", (mallory.public,)))
    at = world.commit(world.edit("trust", "owner/mallory", None)).seq
    commit(world, 3)
    named = world.named(world.log.head.seq)
    commit(world, 18)
    attest(world)
    captured(world, named, omitting(world, [at], mallory, world.key()))


def test_a22_one_owner_of_a_quorum_captures_no_joiner_by_leaving_the_quorum_out() -> None:
    world = World()
    bob = world.key()
    world.commit(world.edit("user/bob", "key", (bob.public,)))
    world.commit(world.edit("trust", "owner/bob", (bob.public,)))
    at = world.commit(world.edit("trust", "quorum", (2,))).seq
    both = (world.owner, bob)
    commit(world, 3, both)
    named = world.named(world.log.head.seq)
    commit(world, 18, both)
    attest(world)
    attest(world, bob)
    captured(world, named, omitting(world, [at], bob, world.key()))


def test_a40_who_a_recover_shut_out_captures_no_joiner_whose_key_was_made_behind_that() -> None:
    world = Holders()
    thief = world.owner
    at = world.recover(world.kitchen).seq
    commit(world, 3)
    named = world.named(world.log.head.seq)
    assert named.generation == 1
    commit(world, 18)
    attest(world)
    captured(world, named, omitting(world, [at], thief, world.key()))


def test_a2_a_log_of_another_generation_than_the_join_key_says_is_another_log() -> None:
    world = cluster()
    joiner = joiner_of(world, world.replica(), seq=20, generation=1)
    assert joiner.head.seq != 0
    joiner.start(0.0)
    assert joiner.head.seq == 0
    with pytest.raises(Unfit, match="other owners"):
        joiner.took_checkpoint(foundation(world), above(world.items, world.log.checkpoint), 0.0)


def test_a_checkpoint_that_the_owners_did_not_attest_changes_nothing() -> None:
    world = cluster()
    joiner = joiner_of(world)
    data = foundation(world)[:-1]
    plan = plan_of(world.log.checkpoint, pieces(data))
    joiner.gatherings.of(plan)
    with pytest.raises(UntrustedInput):
        joiner.took_checkpoint(data, above(world.items, world.log.checkpoint), 0.0)
    assert joiner.head.seq == 0
    with pytest.raises(Unfit):  # nor is it fetched again
        joiner.gatherings.of(plan)


def test_a_joiner_whose_log_has_come_to_the_checkpoint_goes_on_from_there() -> None:
    world = cluster()
    items = above(world.items, world.log.checkpoint)
    longer = world.replica()
    commit(world, 3)
    for log in (longer, world.replica(), compacted(world)):
        joiner = joiner_of(world, log)
        before = joiner.head
        assert joiner.took_checkpoint(foundation(world), items, 0.0) == []
        assert joiner.head == before


@pytest.mark.parametrize("alone", [3, 60])
def test_a_joiner_that_fetched_another_branch_leaves_it_for_a_checkpoint_however_long_it_is(
    alone: int,
) -> None:
    world = cluster()
    other = World()
    other.allow_joining()
    commit(other, 4)
    other.open()
    commit(other, alone)
    assert other.cluster == world.cluster
    joiner = joiner_of(world, other.replica())
    wires = join(world, joiner)
    assert joiner.head == world.log.head
    assert len(wires.of("joiner", Rebase)) == 1


def test_a40_a_joiner_that_fetched_a_recovered_log_takes_no_checkpoint_of_before_that() -> None:
    world, other = Holders(), Holders()
    assert other.cluster == world.cluster
    commit(world, 30)
    attest(world)
    commit(other, 4)
    other.recover(other.kitchen)
    joiner = joiner_of(world, other.replica())
    with pytest.raises(ForkFound, match="recovered since"):  # what follows may be behind a recovery, too
        joiner.took_checkpoint(foundation(world), above(world.items, world.log.checkpoint), 0.0)
    assert joiner.head == other.log.head


def test_r13_a_joiner_of_an_older_version_says_so_behind_a_checkpoint_and_blames_nobody() -> None:
    world = cluster()
    joiner = joiner_of(world)
    server = serving(world)
    wires = Wires({"master": server, "joiner": joiner})

    def answer(change: Change, now: float) -> list[Effect]:
        before = len(world.items)
        written, *effects = Member.join_requested(server, change, now)
        assert isinstance(written, Append)
        head, later = world.log.head, later_item(world)
        server.items += [*world.items[before:], *later]
        server.log.head, server.log.newest = (
            replace(head, seq=Seq(head.seq + 1)),
            decode_signed_head(later[1].data),
        )
        return effects

    server.join_requested = answer  # type: ignore[method-assign]  # the cluster goes on in a later version
    wires.do("joiner", joiner.start(wires.now))
    assert joiner.reason.endswith("is of a later version: update this device; until then it stays before")
    assert wires.of("joiner", Restart) == []
    assert joiner._back_off._failures[Address("master", 3875)].pause_s == BACK_OFF_S_MIN
