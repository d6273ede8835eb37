"""200 seeded clusters with all faults, people, grants, removals, recoveries: every rule at each step (Q1).

20,000: `tests.soak_seeds`.
"""

import pytest

from dusk.sim.scenario import Plan, Simulation
from dusk.sim.shrink import command

CHUNK = 10
SEEDS = 200
HOLDERS_MAX = 4
"""Half of the seeds have one writer from the beginning to the end, the others up to so many."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_all_rules_hold_and_all_devices_agree_in_the_end(first: int) -> None:
    for seed in range(first, first + CHUNK):
        holders_max = HOLDERS_MAX if seed % 2 else 1
        plan = Plan(seed, holders_max=holders_max, recoveries=True, grants=True, returns=True)
        simulation = Simulation(plan)
        try:
            simulation.run()
        except BaseException:
            print(simulation.transcript.text)
            print(f"replay: {command(plan)}")
            raise
