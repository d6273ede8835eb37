"""Clusters on two links to each of which no multicast of the other passes."""

from random import Random

import pytest

from dusk.sim.faults import Faults, draw_faults
from dusk.sim.scenario import Plan, Simulation


@pytest.mark.parametrize("seed", range(4))
def test_devices_on_two_links_come_to_one_log(seed: int) -> None:
    faults = Faults(sites=1.0, loss=0.1, partition_s=8.0)
    result = Simulation(Plan(seed, faults=faults, devices=6, holders_max=2)).run()
    assert result.head > 1


def test_some_seeds_have_two_links() -> None:
    drawn = [bool(draw_faults(Random(seed)).sites) for seed in range(40)]
    assert 2 < sum(drawn) < 20
