"""What owners attest too early is final no earlier for it: counting their word makes runs fail (R4)."""

import pytest

from dusk import limits
from dusk.changelog.attesting import IN_FORCE, attest_key, attested_row, due
from dusk.changelog.body import Edit
from dusk.changelog.entry import SignedHead
from dusk.changelog.kinds import CHECKPOINT
from dusk.changelog.log import Log
from dusk.changelog.settling import Settling
from dusk.ids import KeyId, Seq
from dusk.sim import troubles
from dusk.sim.broken import RuleBroken
from dusk.sim.faults import NONE
from dusk.sim.scenario import Plan, Simulation


def hasty(log: Log, owner: KeyId) -> Edit | None:
    """Return the word of an owner for the newest state, final or not."""
    newest = log.head.seq
    seq = due(log.state, owner, newest + limits.RETENTION_ENTRIES, newest)
    if seq is None:
        return None
    key = attest_key(owner)
    record = log.state.record(CHECKPOINT, key)
    base = None if record is None else record.base
    return Edit(CHECKPOINT, key, attested_row(seq, log.state.milestones[seq]), base)


def with_an_absent_holder(seed: int) -> Simulation:
    """Return three devices of which two may lead; the second of these is off for most of the time."""
    simulation = Simulation(Plan(seed, NONE, devices=3, duration_s=120.0, in_rounds=False, holders_max=2))

    def off() -> None:
        holders = simulation.checks.holders()
        backup = next(d for d in simulation.devices[1:] if d.device_id in holders)
        backup.crash(75.0)

    simulation.clock.at(40.0, off)
    return simulation


def rule_of(simulation: Simulation) -> str:
    """Run it; return the rule that it broke, or nothing."""
    try:
        simulation.run()
    except RuleBroken as broken:
        return broken.rule
    return ""


@pytest.mark.parametrize(("seed", "rule"), [(8, "R3"), (11, "R4"), (14, "R3")])
def test_r4_with_owners_word_for_final_runs_with_a_hasty_owner_fail(
    monkeypatch: pytest.MonkeyPatch, seed: int, rule: str
) -> None:
    monkeypatch.setattr(troubles, "to_attest", hasty)
    assert rule_of(with_an_absent_holder(seed)) == ""
    real = Settling.by_head

    def by_word_too(settling: Settling, signed: SignedHead | None) -> None:
        real(settling, signed)
        settling.settled = max(settling.settled, Seq(settling._state.derived(IN_FORCE)))

    monkeypatch.setattr(Settling, "by_head", by_word_too)
    assert rule_of(with_an_absent_holder(seed)) == rule
