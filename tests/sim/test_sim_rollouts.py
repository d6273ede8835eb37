"""Seeded clusters whose owner rolls changes out in waves: what counts for whom, at each look (R1, R2)."""

import pytest

from dusk.sim.scenario import Plan, Simulation

WITHOUT = frozenset({"disk_error"})


@pytest.mark.parametrize("seed", [1, 4, 8])
def test_r2_rollouts_go_on_over_partitions_crashes_and_takeovers(seed: int) -> None:
    plan = Plan(seed, holders_max=4, recoveries=True, grants=True, rollouts=True, without=WITHOUT)
    result = Simulation(plan).run()
    assert result.counts["rollouts begun"]
