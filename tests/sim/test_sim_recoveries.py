"""Clusters that are recovered with their phrase, in partitions too, checked at each step (R1 to R8, A40)."""

import pytest

from dusk.sim.scenario import Plan, Simulation

SEEDS = (17, 18, 32, 53, 63, 111, 112)
MENDED = {
    12: "who led after a recovery asked by a HELLO alone that nobody of another generation could read",
    82: "the file that says since when a recovery is known was taken for a write of nothing",
    129: "a joiner that stopped at another succession before it was certified got no word of that later",
    137: "what a device wrote when it led was known as local for ever once another led on it",
    147: "who had missed a recovery asked by a HELLO alone that nobody could read",
    174: "what a certificate behind the fork had settled before it was forgotten at the next start",
    255: "sides apart that did not know each other's devices",
    284: "a change that named one before it which a lost side alone had",
    26: "nobody of another generation could read the questions of a side that was recovered, until too late",
    267: "the same with more devices",
}


@pytest.mark.parametrize("seed", [*SEEDS, *MENDED], ids=str)
def test_a_cluster_that_is_recovered_keeps_the_rules(seed: int) -> None:
    result = Simulation(Plan(seed, holders_max=4, recoveries=True)).run()
    assert result.counts["recovery"] or seed in MENDED


def test_a_person_takes_in_anew_whom_a_recovery_left_behind_below_a_checkpoint() -> None:
    plan = Plan(2189, holders_max=4, recoveries=True, grants=True, returns=True, rollouts=True)
    assert Simulation(plan).run().counts["taken in anew"] == 8
