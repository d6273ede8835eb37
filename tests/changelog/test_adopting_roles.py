"""A checkpoint of a branch that owners forced: what is final here gives way to their word alone (R4)."""

from collections.abc import Sequence

import pytest

from dusk import limits
from dusk.changelog.adopting import Adopted, Apart, NotInForce, Unfit, adopt
from dusk.changelog.body import Change, Edit
from dusk.changelog.compaction import compact
from dusk.changelog.foundation import read
from dusk.changelog.history import ForkFound
from dusk.changelog.items import verified_entry
from dusk.changelog.log import Log
from dusk.changelog.raises import is_raise, rights_at
from dusk.effects import LogItem
from dusk.ids import Seq
from dusk.keys.signing import SigningKey
from tests.checkpoints import RETENTION, STEP, above, attest, commit, foundation
from tests.holders import Holders

pytestmark = pytest.mark.usefixtures("small_steps")


class Parted:
    """A log that settled two entries behind a fork, and the branch of a backup from there.

    Both of the first two holders signed for what is final here; the branch is that of the second.
    With ``behind_a_role`` both have a role that owners forced, and so many entries behind it.
    """

    def __init__(self, owners: int = 1, *, behind_a_role: int | None = None) -> None:
        self.world, self.mine = Holders(), Holders()
        self.bob = self.world.key()
        assert self.bob == self.mine.key()
        for each in (self.world, self.mine):
            if owners == 2:
                each.commit(each.edit("user/bob", "key", (self.bob.public,)))
                both = each.edit("trust", "owner/bob", (self.bob.public,)), each.edit("trust", "quorum", (2,))
                each.commit(*both)
                each.write(each.change(self._successors(each), signers=(each.owner, self.bob)))
            else:
                each.commit(self._successors(each))
            if behind_a_role is not None:
                each.lead(each.kitchen, each.role(each.kitchen, each.master))
                commit(each, behind_a_role)
            each.settle(each.master, each.kitchen)
        self.fork = self.mine.log.head.seq
        assert self.world.items == self.mine.items
        self.signers = (self.mine.owner, self.bob)[:owners]

    def _successors(self, world: Holders) -> Edit:
        keys = [world.master.key_id, world.kitchen.key_id]
        return world.edit("cluster", "succession", [keys])

    def go_on(self, *, settled: int = 2, count: int = 2) -> Log:
        """Write entries that stand here alone, of which so many are final; returns that log."""
        for at in range(count):
            change = self.mine.change(
                self.mine.set("wifi", "wireless.a.ssid", f"own {at}"), signers=self.signers
            )
            self.mine.write(change)
            if at + 1 == settled:
                self.mine.settle(self.mine.master, self.mine.kitchen)
        return self.mine.log

    def role(self, *signers: SigningKey, counter: int | None = None) -> Change:
        """Return a role for the backup alone, signed where the branch is by now."""
        return self.world.role(self.world.kitchen, signers=signers or self.signers, counter=counter)

    def compact(self) -> tuple[bytes, list[LogItem]]:
        """Grow the branch past a checkpoint, and return that with what stands above."""
        commit(self.world, 20, self.signers)
        for owner in self.signers:
            attest(self.world, owner)
        self.world.settle(self.world.kitchen)
        return foundation(self.world), above(self.world.items, self.world.log.checkpoint)


def sides(owners: int = 1) -> Parted:
    """Return both sides, of which the backup's was forced right behind the fork."""
    parted = Parted(owners)
    parted.world.lead(parted.world.kitchen, parted.role())
    return parted


@pytest.mark.parametrize("owners", [1, 2])
def test_r4_who_settled_beyond_the_fork_goes_over_to_a_checkpoint_of_the_side_that_owners_forced(
    owners: int,
) -> None:
    parted = sides(owners)
    log = parted.go_on()
    before = log.head
    own = log.kept_behind(parted.fork)
    adopted = adopt(log, *parted.compact())
    assert adopted is not None
    assert adopted.lost is not None
    assert (adopted.lost.seq, adopted.lost.items, adopted.settled) == (parted.fork, own, parted.fork + 2)
    assert adopted.log.head == parted.world.log.head
    assert log.head == before, "the own log is as it was"


def test_r4_the_first_role_counts_wherever_it_stands_below_or_above_the_checkpoint() -> None:
    parted = Parted()
    log = parted.go_on()
    parted.world.lead(parted.world.kitchen)
    commit(parted.world, 3)
    parted.world.lead(parted.world.kitchen, parted.role())
    assert isinstance(adopt(log, *parted.compact()), Adopted)


def test_r4_a_change_of_the_succession_before_the_first_role_is_none() -> None:
    parted = Parted()
    log = parted.go_on()
    world = parted.world
    world.lead(world.kitchen)
    keys = [key.key_id for key in (world.kitchen, world.master)]
    world.commit(world.edit("cluster", "succession", [keys]))
    world.lead(world.kitchen, parted.role())
    assert isinstance(adopt(log, *parted.compact()), Adopted)


@pytest.mark.parametrize("behind", [0, 2])
def test_r4_a_role_that_both_sides_have_is_not_the_first_of_either(behind: int) -> None:
    parted = Parted(behind_a_role=behind)
    log = parted.go_on()
    parted.world.lead(parted.world.kitchen, parted.role())
    assert isinstance(adopt(log, *parted.compact()), Adopted)


def test_a40_a_role_right_at_the_checkpoint_is_of_what_can_be_judged_for_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parted = Parted()
    log, world = parted.go_on(), parted.world
    world.lead(world.kitchen)
    commit(world, 2 * STEP - 1 - world.log.head.seq)
    world.lead(world.kitchen, parted.role())
    commit(world, RETENTION + 1)
    world.settle(world.kitchen)
    attest(world)
    world.settle(world.kitchen)
    assert world.log.checkpoint == 2 * STEP
    rights = rights_at(log.state)._replace(owners={})
    monkeypatch.setattr("dusk.changelog.adopting.rights_at", lambda _: rights)
    with pytest.raises(Apart, match="undo what is final"):
        adopt(log, foundation(world), above(world.items, world.log.checkpoint))


def forced_above() -> tuple[Parted, bytes, list[LogItem], list[LogItem]]:
    """Return a branch that was forced above its checkpoint, and what stands above without and with that."""
    parted = Parted()
    parted.world.lead(parted.world.kitchen)
    commit(parted.world, 20)
    parted.world.settle(parted.world.master, parted.world.kitchen)
    attest(parted.world)
    parted.world.settle(parted.world.master, parted.world.kitchen)
    seq = parted.world.log.checkpoint
    data, before = foundation(parted.world), above(parted.world.items, seq)
    parted.world.lead(parted.world.kitchen, parted.role())
    return parted, data, before, above(parted.world.items, seq)


def test_r4_a_role_above_the_checkpoint_counts_and_until_it_comes_nothing_is_decided() -> None:
    parted, data, before, after = forced_above()
    log = parted.go_on()
    with pytest.raises(ForkFound, match="undo what is final") as refused:
        adopt(log, data, before)
    assert not isinstance(refused.value, Apart), "owners may still say so"
    assert isinstance(adopt(log, data, after), Adopted)


def test_a40_a_role_above_the_checkpoint_that_counts_for_nothing_leaves_room_for_one_that_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parted, data, _, after = forced_above()
    log = parted.go_on()
    rights = rights_at(log.state)._replace(owners={})
    monkeypatch.setattr("dusk.changelog.adopting.rights_at", lambda _: rights)
    with pytest.raises(ForkFound, match="undo what is final") as refused:
        adopt(log, data, after)
    assert not isinstance(refused.value, Apart)


def test_r4_without_a_forced_role_nothing_final_is_given_up_for_a_checkpoint() -> None:
    parted = Parted()
    parted.world.lead(parted.world.kitchen)
    commit(parted.world, 20)
    parted.world.settle(parted.world.master, parted.world.kitchen)
    attest(parted.world)
    parted.world.settle(parted.world.master, parted.world.kitchen)
    items = above(parted.world.items, parted.world.log.checkpoint)
    with pytest.raises(ForkFound, match="undo what is final"):
        adopt(parted.go_on(), foundation(parted.world), items)


def test_a40_a_role_of_who_is_no_owner_here_any_more_undoes_nothing() -> None:
    parted = sides(owners=2)
    log = parted.go_on()
    carol = parted.mine.key()
    mine = parted.mine
    mine.write(mine.change(mine.edit("user/carol", "key", (carol.public,)), signers=parted.signers))
    edits = (mine.edit("trust", "owner/bob", None), mine.edit("trust", "owner/carol", (carol.public,)))
    mine.write(mine.change(*edits, signers=parted.signers))
    served = parted.compact()
    with pytest.raises(Apart, match="owners of here did not attest"):
        adopt(log, *served)
    log.state.quorum = 1
    assert rights_at(log.state).quorum == 1
    assert isinstance(adopt(log, *served), Adopted), "one of two is enough where one must sign"


def test_a40_a_role_by_the_owners_of_here_is_not_yet_their_word_for_what_became_of_its_branch() -> None:
    parted = sides()
    log = parted.go_on()
    world, bob = parted.world, parted.bob
    world.commit(world.edit("user/bob", "key", (bob.public,)))
    world.commit(world.edit("trust", "owner/bob", (bob.public,)), world.edit("trust", "owner/alice", None))
    parted.signers = (bob,)
    with pytest.raises(Apart, match="owners of here did not attest"):
        adopt(log, *parted.compact())


def test_a40_a_role_is_judged_by_the_own_owners_keys_whoever_attested(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parted = sides()
    log = parted.go_on()
    served = parted.compact()
    stranger = parted.mine.key()
    rights = rights_at(log.state)
    for changed in (
        rights._replace(owners={}),
        rights._replace(owners={parted.mine.owner.key_id: stranger.public}),
        rights._replace(quorum=2),
        rights._replace(quorum=0),
    ):
        monkeypatch.setattr("dusk.changelog.adopting.rights_at", lambda _, it=changed: it)
        with pytest.raises(Apart, match="undo what is final"):
            adopt(log, *served)


def test_a56_a_role_that_stands_in_the_own_log_too_undoes_nothing() -> None:
    parted = Parted()
    role = parted.role(counter=50)
    parted.go_on(settled=1, count=1)
    parted.mine.lead(parted.mine.kitchen, role)
    parted.mine.settle(parted.mine.kitchen)
    parted.world.lead(parted.world.kitchen, role)
    with pytest.raises(Apart, match="undo what is final"):
        adopt(parted.mine.log, *parted.compact())


def test_r2_where_both_sides_were_forced_the_higher_mandate_stands_and_of_equal_ones_the_own() -> None:
    parted = sides()
    log = parted.go_on()
    parted.mine.lead(parted.mine.master, parted.mine.role(parted.mine.master))
    parted.mine.settle(parted.mine.master)
    with pytest.raises(ForkFound, match="as many roles here") as refused:
        adopt(log, *parted.compact())
    assert not isinstance(refused.value, Apart), "they may force another"
    parted.world.lead(parted.world.kitchen, parted.role())
    items = above(parted.world.items, parted.world.log.checkpoint)
    assert isinstance(adopt(log, foundation(parted.world), items), Adopted)
    for _ in range(2):
        parted.mine.lead(parted.mine.master, parted.mine.role(parted.mine.master))
    with pytest.raises(ForkFound, match="before owners forced a role here"):
        adopt(log, foundation(parted.world), items)


def test_a_role_that_is_kept_no_more_is_judged_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROLES_KEPT_MAX", 1)
    parted = sides()
    log = parted.go_on()
    parted.world.lead(parted.world.kitchen, parted.role())
    with pytest.raises(Apart, match="undo what is final"):
        adopt(log, *parted.compact())


def test_an_open_without_a_change_and_the_first_entry_raise_no_mandate() -> None:
    parted = Parted()
    world = parted.world
    opened = world.lead(world.kitchen)
    assert [is_raise(entry) for entry in (verified_entry(world.items[0]), opened)] == [False, False]
    assert is_raise(world.lead(world.kitchen, parted.role()))


def test_r4_what_nobody_can_go_back_over_stays_whoever_forced_what() -> None:
    parted = sides()
    log = parted.go_on()
    log.give_up(Seq(parted.fork + 1))
    with pytest.raises(Apart, match="too long ago"):
        adopt(log, *parted.compact())


def test_r2_roles_go_from_one_foundation_into_the_next() -> None:
    parted = sides()
    first, _ = parted.compact()
    world, seq = parted.world, parted.world.log.checkpoint
    world.lead(world.kitchen, parted.role())
    parted.compact()
    again = compact(world.cluster, first, above(world.items, seq), world.log.checkpoint)
    assert again == foundation(world)
    assert sum(b"mandate" in item.data for item in read(again, world.cluster).kept) == 2


def test_r4_a_branch_of_a_checkpoint_that_is_not_final_there_waits() -> None:
    parted = Parted()
    world = parted.world
    world.lead(world.kitchen)
    commit(world, 20)
    world.settle(world.master, world.kitchen)
    attest(world)
    seq = Seq(world.log.state.derived("checkpoint"))
    assert world.log.checkpoint == 0, "nobody but who attested it says that it is final"
    data = compact(world.cluster, None, world.items, seq)
    unsigned: Sequence[LogItem] = above(world.items, seq)
    with pytest.raises(NotInForce, match="not for good"):
        adopt(Log(world.cluster), data, unsigned)
    world.settle(world.master, world.kitchen)
    assert isinstance(adopt(Log(world.cluster), data, above(world.items, seq)), Adopted)


def test_a42_what_hangs_not_together_takes_the_place_of_no_log_whatever_stands_above() -> None:
    parted = sides()
    data, items = parted.compact()
    with pytest.raises(Unfit):
        adopt(parted.go_on(), data[:-1], items)
