"""One seed is one run: everything that happens, and every byte that is sent."""

import os
import re
import subprocess
import sys

import pytest

from dusk.sim.faults import Faults
from dusk.sim.scenario import Plan, Simulation


def transcript(plan: Plan) -> str:
    simulation = Simulation(plan)
    simulation.run()
    return simulation.transcript.text


@pytest.mark.parametrize("seed", [3, 4])
def test_the_same_seed_gives_the_same_transcript_byte_for_byte(seed: int) -> None:
    assert transcript(Plan(seed, verbose=True)) == transcript(Plan(seed, verbose=True))


def test_another_seed_gives_another_transcript() -> None:
    assert transcript(Plan(3)) != transcript(Plan(4))


def test_no_order_of_sets_or_dictionaries_enters_the_transcript() -> None:
    found = set()
    for hash_seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-m", "dusk.sim", "5"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            timeout=60,
            check=True,
        )
        found.add(run.stdout)
    assert len(found) == 1


def test_a30_wall_clocks_of_other_years_change_no_order_r11() -> None:
    """Same seed, other years: the same things happen at the same moments in the same order.

    The years are such that their encodings are equally long, so that not even sizes differ.
    """
    faults = Faults(loss=0.1, crash_s=10.0, clock_s=3.0)
    runs = []
    for years_s in ((1.6e8, 1.5e9), (4.0e9, 2.0e8, 3.0e9)):
        simulation = Simulation(Plan(8, faults, devices=4, wall_years_s=years_s))
        simulation.run()
        runs.append([re.sub(r"\b[0-9a-f]{8,}\b", "…", line) for line in simulation.transcript.lines])
    assert runs[0] == runs[1]
