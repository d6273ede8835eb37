"""The simulator's own model lets a change be refused that names who is gone, and no other (R3)."""

import pytest

from dusk.changelog.body import Change, build_change
from dusk.changelog.entry import Outcome, OutcomeCode
from dusk.effects import ChangeState, Progress
from dusk.ids import DeviceId, Seq
from dusk.sim.broken import RuleBroken
from dusk.sim.tree import Logged
from tests.plain_branches import Grove


def _removal(grove: Grove, at: Logged, index: int) -> Change:
    change = grove.change([grove.edit(at, grove.section(index), "retired", [True])])
    grove.checks.keyring.owed.discard(change.id)
    return change


def _refused_behind_its_next(gone: int) -> None:
    """Let the owner remove a device, and then name d3; with what came next, the second is refused."""
    grove = Grove((0, 1))
    first, naming = _removal(grove, grove.trunk, gone), grove.succeed(grove.trunk, 0, 1, 3)
    after = grove.grow(grove.trunk, first)
    grove.grow(after, grove.setting(after, 1))
    grove.checks.sending(grove.devices[0], Progress(naming.id, ChangeState.REFUSED, Seq(0), ""))


def test_a_succession_that_names_who_is_gone_may_be_refused_though_a_later_change_stands_by_then() -> None:
    _refused_behind_its_next(gone=3)


def test_one_that_names_a_member_is_not_excused_by_the_change_that_came_before_it_r3() -> None:
    with pytest.RaisesExc(RuleBroken, match=r"^R3:"):
        _refused_behind_its_next(gone=2)


def _refused_behind_anothers(gone: int) -> None:
    """Let the owner remove a device, and two people write the succession; who names d3 in it is refused."""
    grove = Grove((0, 1))
    removal, naming = _removal(grove, grove.trunk, gone), grove.succeed(grove.trunk, 0, 1, 3)
    after = grove.grow(grove.trunk, removal)
    grove.grow(
        after, grove.change([grove.edit(grove.trunk, "cluster", "succession", [[grove.id(0)]])], made_at=1)
    )
    _refused(grove, naming)


def test_one_that_names_who_is_gone_may_be_refused_though_another_stands_in_its_place_by_then() -> None:
    _refused_behind_anothers(gone=3)


def test_one_that_names_a_member_is_superseded_by_another_and_may_not_be_refused_r3() -> None:
    with pytest.RaisesExc(RuleBroken, match=r"^R3:"):
        _refused_behind_anothers(gone=2)


def test_what_stood_there_when_it_was_made_excuses_no_refusal_r3() -> None:
    grove = Grove((0, 1))
    removed = grove.grow(grove.trunk, _removal(grove, grove.trunk, 2))
    named = grove.grow(removed, grove.succeed(removed, 0, 1))
    before = grove.history.may_refuse(grove.succeed(grove.trunk, 0, 2))
    assert (before, grove.history.may_refuse(grove.succeed(named, 0, 1))) == (True, False)


def _refused(grove: Grove, change: Change) -> None:
    grove.checks.sending(grove.devices[3], Progress(change.id, ChangeState.REFUSED, Seq(0), ""))


def test_what_was_made_at_a_device_that_was_taken_out_may_be_refused() -> None:
    grove = Grove((0, 1))
    change = grove.setting(grove.trunk, 1, made_at=3)
    grove.grow(grove.trunk, _removal(grove, grove.trunk, 3))
    _refused(grove, change)
    assert change.id not in grove.checks.keyring.owed


def test_what_was_made_at_another_than_who_was_taken_out_may_not_be_refused_r3() -> None:
    grove = Grove((0, 1))
    change = grove.setting(grove.trunk, 1, made_at=3)
    grove.grow(grove.trunk, _removal(grove, grove.trunk, 2))
    with pytest.RaisesExc(RuleBroken, match=r"^R3:"):
        _refused(grove, change)


def test_what_was_durable_may_not_be_refused_though_it_was_made_at_who_was_taken_out_r3() -> None:
    grove = Grove((0, 1))
    change = grove.setting(grove.trunk, 1, made_at=3)
    ours = grove.grow(grove.trunk, change, on=(3,))
    grove.checks.sending(grove.devices[3], Progress(change.id, ChangeState.DURABLE, ours.seq, ""))
    grove.grow(ours, _removal(grove, ours, 3))
    with pytest.RaisesExc(RuleBroken, match=r"^R3:"):
        _refused(grove, change)


def test_what_was_made_at_a_device_that_is_not_known_there_yet_may_not_be_refused() -> None:
    grove = Grove()
    made = build_change(
        cluster=grove.history.cluster,
        device=DeviceId(bytes(16)),
        counter=1,
        message="",
        edits=[grove.edit(grove.trunk, "policy/site", "set/a", [1])],
        signers=(grove.owner,),
        random_bytes=bytes,
    )
    assert not grove.history.may_refuse(made)


def test_whom_a_signed_change_names_is_as_good_as_a_holder_until_another_outcome_is_final() -> None:
    grove = Grove()
    row = [[grove.id(0), grove.id(3)]]
    named = grove.change([grove.edit(grove.trunk, "cluster", "succession", row)], made_at=1)
    assert grove.checks.holders() == {grove.id(0)}
    assert grove.checks.appointed() == {grove.id(0), grove.id(3)}
    other = grove.grow(grove.trunk, grove.succeed(grove.trunk, 0, 1), on=(1,))
    grove.write(0, grove.certificate(other, 0, 1))
    late = grove.grow(other, named, outcome=Outcome(OutcomeCode.SUPERSEDED, other.change), on=(1,))
    grove.write(0, grove.certificate(late, 0, 1))
    assert grove.checks.appointed() == {grove.id(0), grove.id(1)}
