"""Nothing that was called durable is lost, whatever happens to daemons, disks, clocks and the network."""

import os
import random
from pathlib import Path

import pytest

from tests.capabilities import EFFORT_FACTOR
from tests.network.plan import DISKS, Kind, Size, plan
from tests.network.storm import LONG, SHORT, storm
from tests.network.switch import Strength

REPORTS = Path("build/storms")
MANY = Size(nodes=6, seconds=5000.0, every_s=1.0, lasts_s_max=4.0)


@pytest.mark.network
@pytest.mark.needs("root", "namespaces", "taps")
@pytest.mark.timeout(0 if EFFORT_FACTOR > 1 else 400)
def test_what_was_called_durable_stands_in_the_one_log_after_a_storm() -> None:
    seed = int(os.environ.get("DUSK_SEED") or random.SystemRandom().getrandbits(32))
    report = storm(seed, LONG if EFFORT_FACTOR > 1 else SHORT, lambda line: print(line, flush=True))
    if EFFORT_FACTOR > 1:
        REPORTS.mkdir(parents=True, exist_ok=True)
        (REPORTS / f"seed-{seed}.txt").write_text("\n".join(report.lines) + "\n")
    for line in report.table:
        print(line)
    again = f"python -m tests.network.storm --seed {seed}{' --long' if EFFORT_FACTOR > 1 else ''}"
    assert not report.faults, "\n".join([*report.lines, f"to try again: {again}"])
    durable = [one for one in report.tried if one.state == "durable"]
    assert durable
    assert all(one.disks == 2 for one in durable)


def test_the_same_seed_plans_the_same_storm_and_another_one_another() -> None:
    assert plan(7, MANY) == plan(7, MANY)
    assert plan(7, MANY) != plan(8, MANY)


def test_a_storm_has_everything_and_what_is_left_out_changes_the_rest_only() -> None:
    strikes = plan(7, MANY)
    assert {strike.kind for strike in strikes} == set(Kind)
    assert [strike.at_s for strike in strikes] == sorted(strike.at_s for strike in strikes)
    assert {strike.kind for strike in plan(7, SHORT)} == set(Kind)
    fewer = Size(6, 5000.0, 1.0, 4.0, without=DISKS | {Kind.KILL_MASTER})
    assert {strike.kind for strike in plan(7, fewer)} == set(Kind) - DISKS - {Kind.KILL_MASTER}


@pytest.mark.parametrize("backups", [0, 2])
def test_holders_of_the_succession_and_where_changes_are_signed_keep_their_disks(backups: int) -> None:
    size = Size(6, 5000.0, 1.0, 4.0, backups=backups, strength=Strength())
    losers = {strike.victim for strike in plan(7, size) if strike.kind in DISKS}
    assert losers == set(range(2 + backups, 6))


def test_partitions_part_everybody_both_ways_and_single_ways_are_cut_as_they_are() -> None:
    for strike in plan(7, MANY):
        ways = {(there, here) for here, there in strike.cuts}
        if strike.kind is Kind.PARTITION:
            assert ways == strike.cuts
            assert {number for way in ways for number in way} == set(range(1, 7))
        elif strike.kind is Kind.ONE_WAY:
            assert strike.cuts
        else:
            assert not strike.cuts
            assert strike.victim
