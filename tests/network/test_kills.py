"""Real daemons are killed while changes are in flight, and nothing that was promised is lost."""

import os
import random
from pathlib import Path

import pytest

from tests.capabilities import EFFORT_FACTOR
from tests.network.kill import kill

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces")]

KILLS = 20 if EFFORT_FACTOR == 1 else 100
REPORTS = Path("build/kills")


def test_no_durable_change_is_lost_however_daemons_are_killed() -> None:
    seed = int(os.environ.get("DUSK_SEED") or random.SystemRandom().getrandbits(32))
    report = kill(seed, KILLS, lambda line: print(line, flush=True))
    if EFFORT_FACTOR > 1:
        REPORTS.mkdir(parents=True, exist_ok=True)
        (REPORTS / f"seed-{seed}.txt").write_text("\n".join(report.lines) + "\n")
    again = f"python -m tests.network.kill --seed {seed} --kills {KILLS}"
    assert not report.faults, "\n".join([*report.lines, f"to try again: {again}"])
    assert len(report.events) == KILLS
    assert any(one.state == "durable" for one in report.tried)
