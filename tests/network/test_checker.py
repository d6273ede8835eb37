"""What is held against a cluster after a storm can fail."""

from pathlib import Path

import pytest

from dusk.changelog.body import Change
from dusk.changelog.entry import Outcome, OutcomeCode
from dusk.daemon.opening import read_log
from dusk.daemon.storage import open_storage
from dusk.effects import Append, Compact, UseCompacted
from tests.checkpoints import attest, commit, grown
from tests.network.checker import Checker, Logged, Report, Stands
from tests.network.cluster import Cluster
from tests.network.committer import Tried
from tests.world import World

APPLIED = Outcome(OutcomeCode.APPLIED)
SUPERSEDED = Outcome(OutcomeCode.SUPERSEDED)


def _tried(state: str, seq: int | None = None, disks: int | None = None) -> Tried:
    return Tried("c1-1", "router-1", state, "aa", seq, is_over=True, is_answered=True, disks=disks)


def _faults(
    one: Tried, outcome: Outcome | None, *, is_forking: bool = False, are_all_sent: bool = True
) -> list[str]:
    """Return what is objected to where the log has this outcome at position 7; None: not in the log."""
    report = Report(1, tried=[one])
    cluster = Cluster(Path("nowhere"), [])
    checker = Checker(cluster, report, is_forking=is_forking, are_all_sent=are_all_sent)
    checker._check_answer(one, None if outcome is None else Stands(7, outcome), "router-2")
    checker._check_disks()
    return report.faults


@pytest.mark.parametrize(
    ("one", "outcome"),
    [
        (_tried("durable", 7, 2), APPLIED),
        (_tried("durable"), APPLIED),
        (_tried("superseded", 7), SUPERSEDED),
        (_tried("queued"), SUPERSEDED),
        (_tried("local", 7), APPLIED),
        (_tried("refused"), None),
    ],
)
def test_answers_that_were_kept_are_no_fault(one: Tried, outcome: Outcome | None) -> None:
    assert _faults(one, outcome) == []


@pytest.mark.parametrize(
    ("one", "outcome", "words"),
    [
        (_tried("durable", 7, 2), None, "durable was answered and is not in the log of router-2"),
        (_tried("durable", 7, 2), SUPERSEDED, "durable at 7 is"),
        (_tried("durable", 6, 2), APPLIED, "durable at 6 is"),
        (_tried("durable", 7, 1), APPLIED, "was called durable and stood on 1 disks"),
        (_tried("superseded", 7), APPLIED, "superseded at 7 is"),
        (_tried("queued"), None, "was kept, all outboxes are empty"),
        (_tried("local", 7), None, "was kept, all outboxes are empty"),
        (_tried("refused"), APPLIED, "stands in the log of router-2"),
    ],
)
def test_a_broken_promise_is_a_fault(one: Tried, outcome: Outcome | None, words: str) -> None:
    (fault,) = _faults(one, outcome)
    assert words in fault


def test_after_a_fork_what_was_durable_may_have_another_outcome_and_place_but_not_none() -> None:
    assert _faults(_tried("durable", 6, 2), SUPERSEDED, is_forking=True) == []
    assert len(_faults(_tried("durable", 6, 2), None, is_forking=True)) == 1


def test_what_may_still_lie_in_an_outbox_is_no_fault() -> None:
    assert _faults(_tried("queued"), None, are_all_sent=False) == []


def test_what_was_settled_has_to_stand_there_in_the_end() -> None:
    for settled, faults in (((7, "07"), 0), ((7, "08"), 1), ((8, "07"), 1)):
        report = Report(1, settled={settled: "router-1"})
        Checker(Cluster(Path("nowhere"), []), report)._check_settled({7: "07"}, "router-2")
        assert len(report.faults) == faults


@pytest.mark.usefixtures("small_steps")
def test_a_compacted_log_says_the_same_as_the_one_that_it_was_made_of(tmp_path: Path) -> None:
    world = grown()
    world.write(refused(world))
    commit(world, 20)
    attest(world)
    whole, compacted = tmp_path / "whole", tmp_path / "compacted"
    for folder in (whole, compacted):
        folder.mkdir()
        storage, _ = open_storage(folder)
        storage.do([Append(tuple(world.items))])
        if folder is compacted:
            effect = Compact(world.cluster, world.log.checkpoint, ())
            storage.do([effect])
            storage.made(storage.job(effect).run(world.cluster))
            storage.do([UseCompacted(effect.seq)])
        storage.close()
    entries, kept = Logged.of(read_log(whole)), Logged.of(read_log(compacted))
    assert (entries.floor, kept.floor) == (0, world.log.checkpoint)
    assert {stands.outcome.code for stands in kept.changes.values()} == {
        OutcomeCode.APPLIED,
        OutcomeCode.SUPERSEDED,
    }
    assert len(kept.settings) == 3
    entries.floor = kept.floor
    assert kept == entries


def refused(world: World) -> Change:
    """Build a change in whose place another one stands by now."""
    edit = world.set("office", "system.@system[0].hostname", "late")
    commit(world, 3)
    return world.change(edit)
