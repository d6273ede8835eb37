"""Seeded clusters whose owner rolls changes out in waves: what counts for whom, at each look (R1, R2)."""

from collections import Counter

import pytest

from dusk.sim.scenario import Plan, Simulation

WITHOUT = frozenset({"disk_error"})


def _run(seed: int) -> Counter[str]:
    plan = Plan(seed, holders_max=4, recoveries=True, grants=True, rollouts=True, without=WITHOUT)
    return Simulation(plan).run().counts


@pytest.mark.parametrize("seed", [1, 4, 8])
def test_r2_rollouts_go_on_over_partitions_crashes_and_takeovers(seed: int) -> None:
    assert _run(seed)["rollouts begun"]


@pytest.mark.parametrize("seed", [18])
def test_r2_what_is_aborted_goes_back_and_devices_leave_meanwhile(seed: int) -> None:
    counts = _run(seed)
    assert counts["rollouts aborted"]
    assert counts["left by its own word"]


@pytest.mark.parametrize("seed", [5, 10])
def test_r2_and_so_do_those_by_which_all_switch_together(seed: int) -> None:
    assert _run(seed)["switches begun"]
