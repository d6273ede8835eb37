"""Recoveries on branches: which one stands, and that a spent phrase makes none stand (A37, A40)."""

import pytest

from dusk.changelog.adopting import Adopted, Apart, adopt
from dusk.changelog.branches import Stayed, Switched, lapsed, try_branch
from dusk.changelog.forkchoice import Choice, Rule
from dusk.changelog.foundation import read
from dusk.changelog.history import ForkFound
from dusk.changelog.log import Log
from dusk.changelog.rewinds import LostBranch
from dusk.effects import LogItem
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash
from dusk.keys.signing import SigningKey
from tests.checkpoints import above, attest, commit, foundation
from tests.holders import Holders


class Sides:
    """Two sides of a partition of one cluster: that of the attic, and that of the kitchen.

    Both hold the role, so that nothing that one side writes is final there.
    """

    def __init__(self) -> None:
        self.attic, self.kitchen = Holders(), Holders()
        for each in (self.attic, self.kitchen):
            each.succeed(each.master, each.kitchen)
            each.settle(each.master, each.kitchen)
        assert self.attic.items == self.kitchen.items
        self.fork = self.attic.log.head.seq
        self.items = len(self.attic.items)
        self.phrase = self.attic.recovery
        self.kitchen.random.seed(99)

    @property
    def ours(self) -> Log:
        return self.attic.log

    def judge(self) -> Stayed | Switched:
        """Have the attic's side judge the kitchen's."""
        found = try_branch(self.attic.log, self.kitchen.items)
        assert isinstance(found, Stayed | Switched)
        return found

    def judge_back(self) -> Stayed | Switched:
        """Have the kitchen's side judge the attic's."""
        found = try_branch(self.kitchen.log, self.attic.items)
        assert isinstance(found, Stayed | Switched)
        return found


def stays(found: Stayed | Switched, choice: Choice, rule: Rule) -> bool:
    return isinstance(found, Stayed) and (found.chosen.choice, found.chosen.rule) == (choice, rule)


def goes(found: Stayed | Switched, rule: Rule) -> bool:
    return isinstance(found, Switched) and found.chosen.rule is rule


def test_r4_a_recover_from_below_what_is_final_stands_with_the_phrase_alone() -> None:
    sides = Sides()
    sides.attic.commit(sides.attic.set("a", "system.s.x", "1"))
    sides.attic.settle(sides.attic.master, sides.attic.kitchen)
    sides.kitchen.recover(sides.kitchen.kitchen)
    back = sides.judge_back()
    assert stays(back, Choice.REFUSED, Rule.CERTIFIED)
    assert isinstance(back, Stayed)
    assert back.is_yielding, "it is not for people to see"
    assert goes(sides.judge(), Rule.GENERATION)
    assert sides.ours.head == sides.kitchen.log.head


def test_a_recover_outranks_any_number_of_forced_roles() -> None:
    sides = Sides()
    for _ in range(3):
        sides.attic.lead(sides.attic.master, sides.attic.role(sides.attic.master))
    assert sides.ours.settled == sides.ours.head.seq
    sides.kitchen.recover(sides.kitchen.kitchen)
    assert goes(sides.judge(), Rule.GENERATION)


def test_a_recover_counts_that_stands_behind_a_role_of_who_is_no_owner_here() -> None:
    sides = Sides()
    bob = sides.attic.key()
    sides.attic.commit(sides.attic.edit("trust", "owner/bob", [bob.public]))
    sides.attic.commit(sides.attic.edit("trust", "owner/alice", None))
    sides.attic.settle(sides.attic.master, sides.attic.kitchen)
    sides.kitchen.lead(sides.kitchen.kitchen, sides.kitchen.role(sides.kitchen.kitchen))
    assert stays(sides.judge(), Choice.REFUSED, Rule.CERTIFIED)
    sides.kitchen.recover(sides.kitchen.kitchen)
    assert goes(sides.judge(), Rule.GENERATION)


@pytest.mark.parametrize("count", [1, 4])
def test_a40_generations_that_a_spent_phrase_chains_below_the_certificate_are_refused(count: int) -> None:
    sides = Sides()
    sides.attic.recover(sides.attic.master)
    assert sides.ours.settled == sides.ours.head.seq
    for _ in range(count):
        sides.kitchen.recover(sides.kitchen.kitchen)
        sides.kitchen.commit(sides.kitchen.set("a", "system.s.x", "1"))
    before = sides.ours.head, sides.ours.settled
    assert stays(sides.judge(), Choice.REFUSED, Rule.CERTIFIED)
    assert (sides.ours.head, sides.ours.settled) == before
    with pytest.raises(UntrustedInput):
        sides.ours.extend(sides.kitchen.items[sides.items :])


def test_a40_who_was_an_owner_before_a_recovery_undoes_nothing_of_it() -> None:
    sides = Sides()
    sides.attic.recover(sides.attic.master)
    for _ in range(3):
        sides.kitchen.lead(sides.kitchen.kitchen, sides.kitchen.role(sides.kitchen.kitchen))
    assert stays(sides.judge(), Choice.REFUSED, Rule.CERTIFIED)
    assert goes(sides.judge_back(), Rule.GENERATION)


def test_a40_a_phrase_that_owners_replaced_undoes_nothing_that_is_final() -> None:
    sides = Sides()
    sides.attic.commit(sides.attic.edit("trust", "recovery", [sides.attic.key().public, 0]))
    sides.attic.settle(sides.attic.master, sides.attic.kitchen)
    sides.kitchen.recover(sides.kitchen.kitchen)
    assert stays(sides.judge(), Choice.REFUSED, Rule.CERTIFIED)


def test_a37_of_two_recoveries_that_are_not_final_the_lower_id_stands_on_both_sides() -> None:
    sides = Sides()
    ids = []
    for world, first, other in (
        (sides.attic, sides.attic.master, sides.attic.garage),
        (sides.kitchen, sides.kitchen.kitchen, sides.kitchen.garage),
    ):
        world.recover(first, other)
        change = world.log.state.record("trust", "recovered")
        assert change is not None
        ids.append(change.base)
    assert sides.ours.settled < sides.ours.head.seq
    lost = LostBranch(sides.fork, tuple(sides.attic.items[sides.items :]))
    if ids[0] < ids[1]:
        assert stays(sides.judge(), Choice.OURS, Rule.RECOVERY)
        assert goes(sides.judge_back(), Rule.RECOVERY)
    else:
        assert stays(sides.judge_back(), Choice.OURS, Rule.RECOVERY)
        assert goes(sides.judge(), Rule.RECOVERY)
        assert lapsed(lost, sides.ours) == (ids[0],)
    assert sides.attic.log.head == sides.kitchen.log.head


def test_a37_of_two_recoveries_the_one_that_is_final_stands() -> None:
    sides = Sides()
    sides.attic.recover(sides.attic.master, sides.attic.garage)
    sides.kitchen.recover(sides.kitchen.kitchen)
    assert goes(sides.judge(), Rule.CERTIFICATE)


def test_a37_two_recoveries_that_are_both_final_refuse_each_other() -> None:
    sides = Sides()
    sides.attic.recover(sides.attic.master)
    sides.kitchen.recover(sides.kitchen.kitchen)
    assert stays(sides.judge(), Choice.REFUSED, Rule.CERTIFIED)
    assert stays(sides.judge_back(), Choice.REFUSED, Rule.CERTIFIED)


def _give_up(world: Holders, chain: ChainHash | None, *keys: SigningKey) -> None:
    """Sign with the phrase in force that this side gives way to a history with an entry; None: to none."""
    owner, following = (world.owner if chain is None else None), world.key()
    more = [world.edit("trust", "joins", None if chain is None else [chain])]
    change = world.recovering(world.recovery, *keys, owner=owner, following=following, more=more)
    world.lead(keys[0], change)
    world.recovery = following


def _both_final() -> Sides:
    sides = Sides()
    sides.attic.recover(sides.attic.master)
    sides.kitchen.recover(sides.kitchen.kitchen)
    return sides


def test_a37_of_two_final_recoveries_the_one_given_up_with_its_own_phrase_gives_way() -> None:
    sides = _both_final()
    sides.attic.commit(sides.attic.set("a", "system.s.x", "1"))
    chain = sides.ours.head.chain
    sides.attic.commit(sides.attic.set("a", "system.s.x", "2"))
    _give_up(sides.kitchen, chain, sides.kitchen.kitchen)
    stayed = sides.judge()
    assert stays(stayed, Choice.OURS, Rule.JOINED), "its generation is higher"
    assert isinstance(stayed, Stayed)
    assert stayed.is_yielding
    assert goes(sides.judge_back(), Rule.JOINED)
    assert sides.attic.log.head == sides.kitchen.log.head


def test_a37_a_history_without_the_named_entry_takes_nothing_of_what_was_given_up() -> None:
    sides = _both_final()
    _give_up(sides.kitchen, ChainHash(bytes(32)), sides.kitchen.kitchen)
    assert stays(sides.judge_back(), Choice.REFUSED, Rule.CERTIFIED)
    assert stays(sides.judge(), Choice.REFUSED, Rule.CERTIFIED)


def test_a37_two_sides_that_each_gave_up_for_the_other_stay_where_they_are() -> None:
    sides = _both_final()
    chains = sides.attic.log.head.chain, sides.kitchen.log.head.chain
    _give_up(sides.kitchen, chains[0], sides.kitchen.kitchen)
    _give_up(sides.attic, chains[1], sides.attic.master)
    assert stays(sides.judge(), Choice.REFUSED, Rule.CERTIFIED)
    assert stays(sides.judge_back(), Choice.REFUSED, Rule.CERTIFIED)
    _give_up(sides.attic, None, sides.attic.master)
    assert stays(sides.judge(), Choice.OURS, Rule.JOINED)
    assert goes(sides.judge_back(), Rule.JOINED)


def test_a37_what_is_not_final_takes_nothing_of_what_was_given_up() -> None:
    sides = Sides()
    sides.attic.recover(sides.attic.master, sides.attic.garage)
    sides.kitchen.recover(sides.kitchen.kitchen)
    _give_up(sides.kitchen, sides.ours.head.chain, sides.kitchen.kitchen)
    back = sides.judge_back()
    assert stays(back, Choice.REFUSED, Rule.CERTIFIED)
    assert isinstance(back, Stayed)
    assert not back.is_yielding
    stayed = sides.judge()
    assert stays(stayed, Choice.OURS, Rule.JOINED)
    assert isinstance(stayed, Stayed)
    assert not stayed.is_yielding, "the other side refuses ours"


def test_a37_who_recovered_once_more_than_the_other_side_stands() -> None:
    sides = Sides()
    sides.attic.recover(sides.attic.master, sides.attic.garage)
    for _ in range(2):
        sides.kitchen.recover(sides.kitchen.kitchen, sides.kitchen.garage)
    assert stays(sides.judge_back(), Choice.OURS, Rule.GENERATION)
    assert goes(sides.judge(), Rule.GENERATION)


def test_a56_a_recover_that_stands_in_the_own_log_lifts_nothing_when_it_is_attached_again() -> None:
    sides = Sides()
    change = sides.attic.recovering(
        sides.phrase, sides.attic.kitchen, owner=sides.attic.key(), following=sides.attic.key()
    )
    sides.attic.commit(sides.attic.set("a", "system.s.x", "1"))
    sides.attic.lead(sides.attic.kitchen, change)
    assert sides.ours.settled == sides.ours.head.seq
    sides.kitchen.lead(sides.kitchen.kitchen, change)
    assert stays(sides.judge(), Choice.REFUSED, Rule.CERTIFIED)


# --- past checkpoints -----------------------------------------------------------------------------


def compact(sides: Sides) -> tuple[bytes, list[LogItem]]:
    """Grow the kitchen's side past a checkpoint, and return that with what stands above."""
    world = sides.kitchen
    commit(world, 20)
    attest(world)
    if world.log.settled < world.log.head.seq:
        world.settle(world.kitchen)
    return foundation(world), above(world.items, world.log.checkpoint)


def go_on(sides: Sides, *, settled: bool = True) -> Log:
    """Write entries that stand on the attic's side alone."""
    commit(sides.attic, 2)
    if settled:
        sides.attic.settle(sides.attic.master, sides.attic.kitchen)
    return sides.ours


@pytest.mark.usefixtures("small_steps")
class TestPastCheckpoints:
    def test_a_foundation_shows_each_recovery_however_long_ago(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("dusk.limits.ROLES_KEPT_MAX", 1)
        sides = Sides()
        world = sides.kitchen
        world.lead(world.kitchen, world.role(world.kitchen))
        world.recover(world.kitchen)
        world.lead(world.kitchen, world.role(world.kitchen))
        world.lead(world.kitchen, world.role(world.kitchen))
        data, items = compact(sides)
        found = read(data, world.cluster)
        assert (found.head.generation, found.head.mandate) == (1, 3)
        assert sum(b"recovered" in item.data for item in found.kept) == 1
        adopted = adopt(Log(world.cluster), data, items)
        assert adopted is not None
        assert adopted.log.head == world.log.head

    @pytest.mark.parametrize("settled", [True, False])
    def test_who_was_off_goes_over_to_a_recovered_side_though_its_own_owners_attested_nothing(
        self, *, settled: bool
    ) -> None:
        sides = Sides()
        log = go_on(sides, settled=settled)
        sides.kitchen.recover(sides.kitchen.kitchen)
        adopted = adopt(log, *compact(sides))
        assert isinstance(adopted, Adopted)
        assert adopted.log.head == sides.kitchen.log.head

    def test_a_recovery_counts_past_a_checkpoint_that_stands_behind_a_forced_role(self) -> None:
        sides = Sides()
        log = go_on(sides)
        other = sides.kitchen
        other.lead(other.kitchen, other.role(other.kitchen))
        other.recover(other.kitchen)
        assert isinstance(adopt(log, *compact(sides)), Adopted)

    def test_who_was_off_and_wrote_nothing_follows_past_the_checkpoint(self) -> None:
        sides = Sides()
        sides.kitchen.recover(sides.kitchen.kitchen)
        adopted = adopt(sides.ours, *compact(sides))
        assert isinstance(adopted, Adopted)
        assert adopted.lost is None

    def test_a40_a_checkpoint_of_a_spent_phrases_side_is_refused(self) -> None:
        sides = Sides()
        sides.attic.recover(sides.attic.master)
        log = go_on(sides, settled=False)
        for _ in range(2):
            sides.kitchen.recover(sides.kitchen.kitchen)
        with pytest.raises(Apart, match="did not attest"):
            adopt(log, *compact(sides))

    def test_a_checkpoint_of_before_the_recovery_here_is_refused(self) -> None:
        sides = Sides()
        sides.attic.recover(sides.attic.garage, sides.attic.master)
        log = go_on(sides, settled=False)
        sides.kitchen.lead(sides.kitchen.kitchen, sides.kitchen.role(sides.kitchen.kitchen))
        with pytest.raises(ForkFound):
            adopt(log, *compact(sides))

    def test_a_recovery_above_the_checkpoint_is_waited_for_while_more_may_come(self) -> None:
        sides = Sides()
        bob, world = sides.attic.key(), sides.attic
        world.commit(world.edit("trust", "owner/bob", [bob.public]))
        world.commit(world.edit("trust", "owner/alice", None))
        world.settle(world.master, world.kitchen)
        other = sides.kitchen
        other.lead(other.kitchen)
        commit(other, 20)
        other.settle(other.master, other.kitchen)
        attest(other)
        other.settle(other.master, other.kitchen)
        seq = other.log.checkpoint
        before = above(other.items, seq)
        with pytest.raises(Apart, match="did not attest"):
            adopt(world.log, foundation(other), before)
        data = foundation(other)
        other.recover(other.kitchen)
        assert isinstance(adopt(world.log, data, above(other.items, seq)), Adopted)
