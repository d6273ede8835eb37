"""Owners attest the state; a log that stands on a checkpoint is the same log (R2, A42)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import codec, limits
from dusk.changelog.adopting import adopt
from dusk.changelog.attesting import attest_key, attested_row, due, read_attested
from dusk.changelog.basis import NO_BASIS, basis_of, decode_plan, lay, plan_of
from dusk.changelog.body import Edit
from dusk.changelog.compaction import compact
from dusk.changelog.entry import EntryKind, OutcomeCode
from dusk.changelog.foundation import (
    kept_entries,
    piece_hash,
    pieces,
    position_of,
    read,
)
from dusk.changelog.history import ForkFound
from dusk.changelog.items import verified_entry
from dusk.changelog.kinds import CHECKPOINT
from dusk.changelog.log import Log
from dusk.effects import ItemKind, LogItem, LostBranch
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ChainHash, Seq
from dusk.keys.signing import SigningKey
from tests.checkpoints import STEP, above, attest, attestation, commit, compacted, foundation, grown
from tests.world import World

pytestmark = pytest.mark.usefixtures("small_steps")


def looks(log: Log) -> tuple[object, ...]:
    """Return all that decides how a log goes on, and what people are shown."""
    state, last = log.state, log.head.seq
    sections = {path: dict(state.tombstones(path)) for path in state.sections()}
    return (
        log.head, log.newest, log.leader, log.leader_boot, log.handed_over, log.settled, log.checkpoint,
        log.not_applied, [log.outcome_of(change) for change in log.not_applied], state.derived_hash,
        sections, dict(state.numbers()), [log.chain_at(seq) for seq in range(last + 1)], dict(state.owners()),
        state.quorum, [log.required_at(seq, 0) for seq in range(last + 1)], dict(state.device_names()),
    )  # fmt: skip


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
    assert due(state, owner, 21, 9) == 8
    assert due(state, owner, 21, 7) is None
    assert due(state, world.master.key_id, 21, 21) is None


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


@given(st.lists(st.sampled_from(["commit", "many", "open", "attest", "grant", "join", "stale"]), max_size=24))
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


# --- what owners may attest -----------------------------------------------------------------------


def refused(world: World, edit: Edit, signers: Sequence[SigningKey] = ()) -> str:
    with pytest.raises(Refused) as error:
        world.write(world.change(edit, signers=signers))
    return error.value.code


def say(world: World, seq: int, state: bytes | None = None, chain: ChainHash | None = None) -> Edit:
    milestone = world.log.state.milestones[seq]
    milestone = milestone._replace(state=state or milestone.state, chain=chain or milestone.chain)
    key = attest_key(world.owner.key_id)
    return Edit(CHECKPOINT, key, attested_row(seq, milestone), world.base(CHECKPOINT, key))


def test_a42_an_owners_word_for_another_state_is_refused() -> None:
    world = World()
    commit(world, 20)
    assert refused(world, say(world, 16, state=bytes(32))) == "other-state"
    assert refused(world, say(world, 16, chain=ChainHash(bytes(32)))) == "other-state"
    world.write(world.change(say(world, 16)))


def test_an_attestation_is_one_record_of_its_author_and_nothing_else() -> None:
    world = World()
    commit(world, 20)
    good = say(world, 16)
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


def test_what_was_attested_or_is_too_old_is_refused() -> None:
    world = grown()
    assert refused(world, say(world, 16)) == "attested"
    assert refused(world, say(world, 8)) == "attested"
    assert (
        refused(world, Edit(CHECKPOINT, say(world, 16).key, codec.pack((9, bytes(32), bytes(32))), None))
        == "attested"
    )
    commit(world, STEP * (limits.MILESTONES_MAX + 4))
    assert refused(world, say(world, 24)) == "attested"


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
        world.strand(world.change(say(world, 32, state=bytes(32))))
    assert refused.value.code == "other-state"


# --- foundations that lie ---------------------------------------------------------------------------


def test_pieces_are_the_whole_cut() -> None:
    data = bytes(range(256)) * 600
    cut = pieces(data)
    assert b"".join(cut) == data
    assert {len(piece) for piece in cut[:-1]} == {limits.PIECE_BYTES_MAX}
    assert len({piece_hash(piece) for piece in cut}) == len(cut)


WORLD_SEED = 3


@pytest.fixture(scope="module")
def sound() -> tuple[World, bytes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "CHECKPOINT_STEP", STEP)
        patch.setattr(limits, "RETENTION_ENTRIES", 4)
        world = World(WORLD_SEED)
        commit(world, 3)
        _do(world, "stale")
        world.open()
        commit(world, 20)
        attest(world)
        return world, foundation(world)


def test_a42_a_foundation_of_another_cluster_is_refused(sound: tuple[World, bytes]) -> None:
    _, data = sound
    with pytest.raises(UntrustedInput, match="another cluster"):
        read(data, World(9).cluster)
    assert read(data, None).head.seq == 16


@given(st.data())
def test_a42_a_foundation_with_any_byte_changed_is_refused(
    sound: tuple[World, bytes], data: st.DataObject
) -> None:
    world, whole = sound
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(UntrustedInput):
        read(bytes(changed), world.cluster)


def rows(data: bytes) -> list[Any]:
    return codec.unpack(data, size_max=limits.FOUNDATION_BYTES_MAX)


def _unsalted(record: list[Any]) -> list[Any]:
    return [record[0], None, *record[2:]]


VERSION, HEAD, OPENED, TERMS, MILESTONES, DIGESTS, CHANGES, OUTCOMES, SECTIONS, DERIVED, KEPT, SAID = range(
    12
)


@pytest.mark.parametrize(
    ("what", "at", "change"),
    [
        ("version", VERSION, lambda _: 2),
        ("no digests", DIGESTS, lambda _: b""),
        ("a digest too few", DIGESTS, lambda old: old[:-32]),
        ("another head", HEAD, lambda old: [*old[:4], bytes(32)]),
        ("another epoch", HEAD, lambda old: [old[0], old[1], old[2] + 1, *old[3:]]),
        ("a later epoch", OPENED, lambda old: [old[0] + 100, *old[1:]]),
        ("handed over", OPENED, lambda old: [*old[:3], True]),
        ("another term", TERMS, lambda old: [[old[0][0], [bytes(16)], False]]),
        ("two terms at once", TERMS, lambda old: [*old, *old]),
        ("a milestone too few", MILESTONES, lambda old: old[:-1]),
        ("a milestone behind", MILESTONES, lambda old: [*old, [999, bytes(32), [bytes(16)], 1]]),
        ("a bad owner", MILESTONES, lambda old: [[old[0][0], old[0][1], [b""], 1]]),
        ("a forgotten change", CHANGES, lambda old: bytes(32) + old[32:]),
        ("no outcome", OUTCOMES, lambda _: []),
        ("an outcome of no change", OUTCOMES, lambda old: [*old, [999, 1, None, ""]]),
        ("outcomes twice", OUTCOMES, lambda old: [*old, *old]),
        ("a section too few", SECTIONS, lambda old: old[:-1]),
        ("no salt", SECTIONS, lambda old: [[old[0][0], [_unsalted(old[0][1][0])]], *old[1:]]),
        ("a derived number", DERIVED, lambda old: [*old, ["uses/x", 1]]),
        ("nobody's owners", KEPT, lambda old: old[1:]),
        ("a conflict too few", KEPT, lambda old: old[:1]),
        ("out of order", KEPT, lambda old: old[::-1]),
        ("no attestation", SAID, lambda _: []),
        ("twice attested", SAID, lambda old: [*old, *old]),
    ],
)  # fmt: skip
def test_a42_a_foundation_that_says_something_else_is_refused(
    sound: tuple[World, bytes], what: str, at: int, change: Callable[[Any], Any]
) -> None:
    world, data = sound
    row = rows(data)
    row[at] = change(row[at])
    with pytest.raises(UntrustedInput):
        read(codec.pack(row), world.cluster)


def test_a42_attestations_of_others_do_not_count(sound: tuple[World, bytes]) -> None:
    world, data = sound
    row = rows(data)
    for other in (
        world.change(say(world, 16, state=bytes(32))),
        world.change(say(world, 24), signers=(world.master,)),
    ):
        row[SAID] = [other.encode()]
        with pytest.raises(UntrustedInput, match="attested"):
            read(codec.pack(row), world.cluster)


def test_what_ends_below_a_checkpoint_cannot_be_compacted_there() -> None:
    world = grown()
    with pytest.raises(UntrustedInput, match="no checkpoint"):
        compact(world.cluster, None, world.items[:4], Seq(16))


def test_certificates_and_heads_of_below_a_checkpoint_are_known_there() -> None:
    world = grown()
    log = compacted(world)
    heads = [item for item in world.items if item.kind is ItemKind.HEAD]
    assert log.extend(heads[:3]) == ()


# --- what a disk begins with ---------------------------------------------------------------------


LEFT = (
    LostBranch(Seq(3), (LogItem(ItemKind.ENTRY, b"one"), LogItem(ItemKind.HEAD, b"two"))),
    LostBranch(Seq(2), (LogItem(ItemKind.ENTRY, b"three"),)),
)


def test_what_a_disk_begins_with_comes_back_as_it_was(sound: tuple[World, bytes]) -> None:
    _, data = sound
    items = list(lay(Seq(16), data, LEFT))
    basis = basis_of([*items, LogItem(ItemKind.ENTRY, b"an entry")])
    assert basis is not None
    assert (basis.floor, basis.data, basis.branches, basis.taken) == (16, data, LEFT, len(items))
    assert decode_plan(items[0].data) == plan_of(Seq(16), pieces(data)) == basis.plan
    assert basis_of([]) is not None
    assert NO_BASIS.floor == 0


def test_a_beginning_that_is_not_whole_is_none(sound: tuple[World, bytes]) -> None:
    _, data = sound
    plan, piece = lay(Seq(16), data, ())
    assert basis_of([plan]) is None
    assert basis_of([plan, LogItem(ItemKind.PIECE, piece.data[:-1])]) is None
    assert basis_of([plan, piece, LogItem(ItemKind.LEFT, b"?")]) is None
    assert basis_of([LogItem(ItemKind.PLAN, b"?"), piece]) is None


# --- going over to one ------------------------------------------------------------------------------


def test_a_checkpoint_that_says_of_our_log_that_it_had_other_owners_is_refused() -> None:
    world = World()
    bob = world.key()
    world.commit(world.edit("user/bob", "key", (bob.public,)))
    early = world.replica()
    world.commit(world.edit("trust", "owner/bob", (bob.public,)))
    late = world.replica()
    commit(world, 20)
    attest(world)
    items = above(world.items, world.log.checkpoint)
    assert adopt(early, foundation(world), items) is not None
    late.state.quorum = 2
    with pytest.raises(UntrustedInput, match="other owners"):
        adopt(late, foundation(world), items)


def parted(world: World, *, settled: int = 0) -> Log:
    """Return a log that has some of its own behind what it shares, of which no more than that is final."""
    other = World()
    commit(other, 2)
    log = other.replica()
    log._settling.settled = Seq(settled)
    assert log.cluster == world.cluster
    return log


def test_a_branch_that_is_not_final_is_left_for_a_checkpoint_that_owners_of_here_attested() -> None:
    world = World()
    world.allow_joining()
    commit(world, 20)
    attest(world)
    data, items = foundation(world), above(world.items, world.log.checkpoint)
    adopted = adopt(parted(world), data, items)
    assert adopted is not None
    assert adopted.lost is not None
    assert (adopted.lost.seq, len(adopted.lost.items)) == (1, 4)
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
