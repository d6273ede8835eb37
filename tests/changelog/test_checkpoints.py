"""Owners attest the state; a log that stands on a checkpoint is the same log (R2, A42)."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import codec, limits
from dusk.changelog.attesting import attest_key, attested_row, due, is_undone, read_attested, to_attest
from dusk.changelog.body import Edit
from dusk.changelog.compaction import compact
from dusk.changelog.entry import EntryKind, OutcomeCode
from dusk.changelog.foundation import (
    form,
    kept_entries,
    position_of,
    read,
)
from dusk.changelog.history import ForkFound
from dusk.changelog.items import verified_entry
from dusk.changelog.kinds import CHECKPOINT
from dusk.changelog.log import Log
from dusk.changelog.milestones import Milestones
from dusk.effects import ItemKind
from dusk.errors import Refused, UntrustedInput
from dusk.ids import NO_CHAIN, ChainHash, Seq
from dusk.keys.signing import SigningKey
from tests.checkpoints import (
    STEP,
    above,
    attest,
    attestation,
    commit,
    compacted,
    foundation,
    grown,
    looks,
    quorum_of_two,
    said_of,
)
from tests.holders import Holders
from tests.world import World

DEEDS = ["commit", "many", "open", "attest", "grant", "join", "stale", "delete"]
pytestmark = pytest.mark.usefixtures("small_steps")


def test_an_owners_word_for_the_state_makes_a_checkpoint() -> None:
    world = grown()
    assert world.log.checkpoint == 16
    entry = world.entries[-1]
    assert (entry.kind, entry.outcome.code) == (EntryKind.CHECKPOINT, OutcomeCode.APPLIED)
    assert due(world.log.state, world.owner.key_id, world.log.head.seq, world.log.settled) is None


def test_what_is_due_is_final_and_no_recent_history() -> None:
    world = World()
    assert due(world.log.state, world.owner.key_id, 100, 100) is None
    commit(world, 20)
    state, owner = world.log.state, world.owner.key_id
    assert due(state, owner, 21, 21) == 16
    assert due(state, owner, 19, 19) == 8
    assert due(state, owner, 21, 9) == due(state, owner, 21, 8) == 8
    assert due(state, owner, 21, 7) is None
    assert due(state, world.master.key_id, 21, 21) is None


def test_recent_history_is_due_too_where_the_log_stands_on_what_is_no_checkpoint_any_more() -> None:
    world = World()
    commit(world, 20)
    state, owner = world.log.state, world.owner.key_id
    assert due(state, owner, 19, 19, 8) == 16
    assert due(state, owner, 19, 15, 8) == 8
    attest(world)
    assert (world.log.checkpoint, is_undone(state, 16), is_undone(state, 17)) == (16, False, True)
    commit(world, 3)
    assert due(state, owner, 25, 25, 16) is None
    assert due(state, owner, 25, 25, 17) == 24
    commit(world, 1)
    world.log.ground.floor = Seq(17)
    edit = to_attest(world.log, owner)
    assert edit is not None
    assert edit.data is not None
    assert read_attested(edit.data).seq == 24


def test_what_an_owner_should_attest_is_an_edit_on_top_of_his_last_word() -> None:
    world = World()
    assert to_attest(world.log, world.owner.key_id) is None
    commit(world, 20)
    for position in (16, 24):
        edit = to_attest(world.log, world.owner.key_id)
        assert edit is not None
        assert edit.base == world.base(CHECKPOINT, edit.key)
        world.commit(edit)
        assert world.log.checkpoint == position
        assert to_attest(world.log, world.owner.key_id) is None
        commit(world, STEP)


def test_who_was_no_owner_then_or_is_none_now_has_nothing_to_attest() -> None:
    world = World()
    bob = world.key()
    commit(world, 20)
    world.commit(world.edit("user/bob", "key", (bob.public,)))
    world.commit(world.edit("trust", "owner/bob", (bob.public,)))
    assert to_attest(world.log, bob.key_id) is None
    commit(world, STEP)
    assert to_attest(world.log, bob.key_id) is not None
    world.commit(world.edit("trust", "owner/bob", None))
    assert to_attest(world.log, bob.key_id) is None


def test_who_has_attested_and_who_comes_behind_enough_others_has_nothing_to_attest() -> None:
    world, bob = quorum_of_two()
    commit(world, 20, (world.owner, bob))
    attest(world)
    assert to_attest(world.log, world.owner.key_id) is None
    assert to_attest(world.log, bob.key_id) is not None
    world.write(world.change(world.edit("trust", "quorum", (1,)), signers=(world.owner, bob)))
    commit(world, 2 * STEP)
    assert world.log.checkpoint == 0
    attest(world)
    assert world.log.checkpoint > 0
    assert to_attest(world.log, bob.key_id) is None


def test_r2_a_log_on_a_checkpoint_is_the_same_log() -> None:
    world = grown()
    commit(world, 5)
    assert looks(compacted(world)) == looks(world.log)


def test_r2_a_foundation_is_the_same_bytes_however_its_maker_got_there() -> None:
    world = grown()
    first, seq = foundation(world), world.log.checkpoint
    commit(world, 13)
    world.open()
    attest(world)
    assert world.log.checkpoint > seq
    again = compact(world.cluster, first, above(world.items, seq), world.log.checkpoint)
    assert again == foundation(world)


@given(
    st.lists(
        st.sampled_from(["commit", "many", "open", "attest", "grant", "join", "stale", "delete"]), max_size=24
    )
)
def test_r2_whatever_is_below_a_checkpoint(what: list[str]) -> None:
    world = grown()
    below = None
    for each in what:
        _do(world, each)
        if world.log.checkpoint and each == "attest":
            seq = 0 if below is None else position_of(below)
            if world.log.checkpoint > seq:
                below = compact(world.cluster, below, above(world.items, seq), world.log.checkpoint)
    assert looks(compacted(world)) == looks(world.log)
    assert below is None or below == foundation(world)


def _do(world: World, what: str) -> None:
    match what:
        case "commit":
            commit(world, 1)
        case "many":
            commit(world, STEP)
        case "open":
            world.open()
        case "attest" if (
            due(world.log.state, world.owner.key_id, world.log.head.seq, world.log.settled) is not None
        ):
            attest(world)
        case "grant":
            prefix = f"policy/p{world.log.head.seq}"
            world.commit(world.edit("trust", f"grant/{prefix}", ([world.owner.key_id], 1, None, None, None)))
        case "join":
            world.join()
        case "delete":
            setting = world.set("office", "system.@system[0].hostname", "")
            if world.log.state.records(setting.section).get(setting.key) is not None:
                world.commit(world.edit(setting.section, setting.key, None))
        case "stale":
            setting = world.set("office", "system.@system[0].hostname", "late")
            world.write(world.change(Edit(setting.section, setting.key, setting.data, None)))


def test_changes_without_effect_are_kept_whole_and_others_are_not() -> None:
    world = World()
    commit(world, 3)
    _do(world, "stale")
    lost = world.entries[-1]
    assert lost.outcome.code is OutcomeCode.SUPERSEDED
    commit(world, 20)
    attest(world)
    kept = [verified_entry(item).seq for item in kept_entries(foundation(world))]
    assert kept == [1, lost.seq]
    log = compacted(world)
    assert lost.change is not None
    assert log.outcome_of(lost.change) == world.log.outcome_of(lost.change)


def test_a_replayed_change_is_known_on_a_checkpoint_as_everywhere() -> None:
    world = World()
    change = world.change(world.set("office", "system.@system[0].hostname", "a"))
    world.write(change)
    commit(world, 20)
    attest(world)
    for log in (world.log, compacted(world)):
        with pytest.raises(Refused) as refused:
            log.write_change(change, world.stamp())
        assert refused.value.code == "known"


def test_an_attestation_without_effect_stands_in_no_foundation() -> None:
    world = grown()
    commit(world, 20)
    good = said_of(world, 32)
    late = world.write(world.change(replace(good, base=None)))
    assert late.outcome.code is OutcomeCode.SUPERSEDED
    change = world.change(good)
    world.write(change)
    assert world.log.checkpoint == 32
    assert form(foundation(world))[-1] == [change.encode()]


def test_a_log_goes_back_as_far_as_to_what_it_stands_on() -> None:
    world = grown()
    log = compacted(world)
    assert log.reaches(log.floor)
    assert log.kept_behind(log.floor) == tuple(above(world.items, log.floor))
    assert not log.reaches(log.floor - 1)


def test_a_log_goes_back_below_nothing_that_it_has_given_up_though_it_keeps_that_yet() -> None:
    world = World()
    commit(world, 4)
    assert world.log.reaches(2)
    world.log.give_up(Seq(3))
    assert world.log.reaches(3)
    assert not world.log.reaches(2)
    assert world.log.kept_behind(2) is None


def test_the_milestones_that_count_are_above_the_checkpoint_and_no_more_than_may_be_attested(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dusk.limits.MILESTONES_MAX", 2)
    world = World()
    commit(world, 36)
    ground = world.log.ground
    rows = Milestones(ground.state, ground.history, ground.not_applied, ground.terms).rows
    assert [row[0] for row in rows(Seq(32))] == [24]
    assert [row[0] for row in rows(Seq(33))] == [24, 32]
    world.commit(said_of(world, 24))
    assert world.log.checkpoint == 24
    assert [row[0] for row in rows(Seq(33))] == [32]


# --- what owners may attest -----------------------------------------------------------------------


def refused(world: World, edit: Edit, signers: Sequence[SigningKey] = ()) -> str:
    with pytest.raises(Refused) as error:
        world.write(world.change(edit, signers=signers))
    return error.value.code


def test_a42_an_owners_word_for_another_state_is_refused() -> None:
    world = World()
    commit(world, 20)
    assert refused(world, said_of(world, 16, state=bytes(32))) == "other-state"
    assert refused(world, said_of(world, 16, chain=ChainHash(bytes(32)))) == "other-state"
    world.write(world.change(said_of(world, 16)))


def test_an_attestation_is_one_record_of_its_author_and_nothing_else() -> None:
    world = World()
    commit(world, 20)
    good = said_of(world, 16)
    other = world.set("office", "system.@system[0].hostname", "a")
    foreign = Edit(CHECKPOINT, attest_key(world.master.key_id), good.data, None)
    gone = Edit(CHECKPOINT, good.key, None, None)
    assert refused(world, foreign) == "bad-value"
    assert refused(world, gone) == "bad-value"
    with pytest.raises(Refused, match="nothing else"):
        world.write(world.change(good, other))
    with pytest.raises(Refused, match="nothing else"):
        world.write(world.change(good, signers=(world.owner, world.master)))
    assert refused(world, Edit(CHECKPOINT, "by/x", good.data, None)) == "bad-value"
    assert refused(world, Edit(CHECKPOINT, good.key, codec.pack((1, 2, 3)), None)) == "bad-value"


def test_a1_nobody_but_an_owner_of_then_and_now_attests() -> None:
    world = World()
    world.allow_joining()
    device = world.join()
    commit(world, 20)
    milestone = world.log.state.milestones[16]
    edit = Edit(CHECKPOINT, attest_key(device.key_id), attested_row(16, milestone), None)
    assert refused(world, edit, signers=(device,)) == "missing-signatures"
    bob = world.key()
    world.commit(world.edit("user/bob", "key", (bob.public,)))
    world.commit(world.edit("trust", "owner/bob", (bob.public,)))
    edit = Edit(CHECKPOINT, attest_key(bob.key_id), attested_row(16, milestone), None)
    assert refused(world, edit, signers=(bob,)) == "missing-signatures"
    commit(world, 10)
    world.write(attestation(world, 32, bob))
    assert world.log.checkpoint == 32
    commit(world, STEP + 4)
    late = attestation(world, 40, bob)
    world.commit(world.edit("trust", "owner/bob", None))
    with pytest.raises(Refused, match="by who was an owner then") as error:
        world.write(late)
    assert error.value.code == "missing-signatures"


def test_what_was_attested_or_is_too_old_is_refused() -> None:
    world = grown()
    assert refused(world, said_of(world, 16)) == "attested"
    assert refused(world, said_of(world, 8)) == "attested"
    assert (
        refused(world, Edit(CHECKPOINT, said_of(world, 16).key, codec.pack((9, bytes(32), bytes(32))), None))
        == "attested"
    )
    commit(world, STEP * (limits.MILESTONES_MAX + 4))
    assert refused(world, said_of(world, 24)) == "attested"


def test_a_quorum_of_owners_makes_a_checkpoint_and_one_of_them_none() -> None:
    world = World()
    bob = world.key()
    world.commit(world.edit("user/bob", "key", (bob.public,)))
    world.commit(world.edit("trust", "owner/bob", (bob.public,)), world.edit("trust", "quorum", (2,)))
    commit(world, 20, (world.owner, bob))
    attest(world)
    assert world.log.checkpoint == 0
    with pytest.raises(UntrustedInput):
        compact(world.cluster, None, world.items, Seq(16))
    commit(world, STEP, (world.owner, bob))
    attest(world, bob)
    assert world.log.checkpoint == 0
    attest(world)
    assert world.log.checkpoint == 24
    assert read_attested(world.log.state.records(CHECKPOINT)[attest_key(bob.key_id)].data or b"").seq == 24
    assert looks(compacted(world)) == looks(world.log)
    assert len(read(foundation(world), world.cluster).signers) == 2


def test_what_stands_at_no_milestone_and_what_is_in_force_already_is_nothing_to_attest() -> None:
    world = World()
    bob = world.key()
    world.commit(world.edit("user/bob", "key", (bob.public,)))
    world.commit(world.edit("trust", "owner/bob", (bob.public,)))
    commit(world, 20)
    edit = said_of(world, 16)
    nowhere = Edit(CHECKPOINT, edit.key, codec.pack((17, bytes(32), bytes(32))), None)
    with pytest.raises(Refused, match="version 17 is not one to attest now"):
        world.write(world.change(nowhere))
    word = attestation(world, 16, bob)
    attest(world)
    with pytest.raises(Refused, match="version 16 is not one to attest now"):
        world.write(word)


def test_an_owner_attests_a_position_once_and_none_before_it() -> None:
    world, bob = quorum_of_two()
    commit(world, 30, (world.owner, bob))
    world.write(attestation(world, 24))
    for again in (24, 16):
        with pytest.raises(Refused, match="was attested by this owner") as error:
            world.write(attestation(world, again))
        assert error.value.code == "attested"
    assert world.log.checkpoint == 0


def test_going_back_over_a_milestone_forgets_it_and_coming_again_makes_the_same() -> None:
    world = World()
    commit(world, 12)
    known, after = dict(world.log.state.milestones), looks(world.log)
    commit(world, 10)
    left = world.log.leave(13)
    assert (dict(world.log.state.milestones), looks(world.log)) == (known, (*after[:1], None, *after[2:]))
    world.log.restore(left)
    assert world.log.state.milestones.keys() == {8, 16}
    assert world.log.state.milestones == world.replica().state.milestones


def test_a_checkpoint_is_taken_back_with_its_entry() -> None:
    world = World()
    commit(world, 20)
    left_at = world.log.head.seq
    attest(world)
    after = looks(world.log)
    left = world.log.leave(left_at)
    assert world.log.state.milestones.keys() == {8, 16}
    world.log.restore(left)
    assert looks(world.log) == after


def test_an_attestation_of_a_losing_branch_is_not_written_again() -> None:
    world = World()
    commit(world, 40)
    with pytest.raises(Refused) as refused:
        world.strand(world.change(said_of(world, 32, state=bytes(32))))
    assert refused.value.code == "other-state"


def test_a42_what_was_deleted_below_a_checkpoint_stays_deleted_behind_it() -> None:
    world = World()
    commit(world, 3)
    stale = world.set("office", "system.@system[0].hostname", "back")
    _do(world, "delete")
    world.open()
    for value in range(20):
        world.commit(world.set("other", "system.s.x", str(value)))
    attest(world)
    log = compacted(world)
    assert looks(log) == looks(world.log)
    _, entry = log.write_change(world.change(stale), world.stamp())
    assert entry.outcome.code is OutcomeCode.SUPERSEDED


def test_what_ends_below_a_checkpoint_cannot_be_compacted_there() -> None:
    world = grown()
    with pytest.raises(UntrustedInput, match="no checkpoint"):
        compact(world.cluster, None, world.items[:4], Seq(16))


def test_certificates_and_heads_of_below_a_checkpoint_are_known_there() -> None:
    world = grown()
    log = compacted(world)
    heads = [item for item in world.items if item.kind is ItemKind.HEAD]
    assert log.extend(heads[:3]) == ()


def test_a_log_on_a_checkpoint_says_where_it_begins_and_what_came_last() -> None:
    world = grown()
    log = compacted(world)
    assert (world.log.floor, log.floor) == (0, 16)
    assert log.newest_change() == world.log.newest_change() == (world.entries[-1].change, world.log.head.seq)
    bare = Log(world.cluster, ground=read(foundation(world), world.cluster).ground)
    assert bare.newest_change() == (bare._history.changes(16, 16)[0], 16)
    assert Log(world.cluster).newest_change() is None


def test_a41_a_certificate_of_below_a_checkpoint_is_no_news_and_one_for_another_log_is_refused() -> None:
    world = Holders()
    commit(world, 20)
    attest(world)
    log = compacted(world)
    for seq in (5, 16):
        head = world.log.head_at(seq)
        assert head is not None
        assert not log.take_certificate(world.certificate(world.master, head=head))
        with pytest.raises(ForkFound):
            log.take_certificate(world.certificate(world.master, head=replace(head, chain=NO_CHAIN)))
