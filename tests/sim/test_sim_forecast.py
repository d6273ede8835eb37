"""Forecasts: real nodes on one channel; what is measured, and that it is measured right."""

import gc
import tracemalloc
from dataclasses import replace
from functools import cache

import pytest

from dusk.changelog.log import Log
from dusk.effects import Address
from dusk.sim.faults import NONE
from dusk.sim.forecast import Answer, Forecast, Question
from dusk.sim.forecast_air import ATTEMPTS_MAX, Radio
from dusk.sim.forecast_figures import figures_of, spread
from dusk.sim.forecast_ready import POLICY, grow
from dusk.sim.forecast_trouble import KINDS, faults_named
from dusk.sim.network import PORT, host_of
from dusk.sim.remember import remembered_crypto
from tests.world import World

ROUTER_BYTES_MAX = 100_000
"""Of one router more, all that it has, its part in the log included."""
QUIET = Question(nodes=5, radio=Radio(0.0, 6e6, 6e6), cycle_s=1.0, measured_s=30.0, changes=4)


@cache
def answer(question: Question = QUIET) -> Answer:
    return Forecast(question).run()


def lossy(loss: float) -> Question:
    return replace(QUIET, radio=Radio(loss, 6e6, 6e6))


# --- what is measured --------------------------------------------------------------------------


def test_all_changes_come_to_all_routers_and_into_effect() -> None:
    durations = figures_of(answer()).durations
    assert (answer().behind, answer().skipped, answer().superseded) == (0, 0, 0)
    assert durations.on_a_disk.count == durations.in_effect.count == 4 * 5
    assert durations.on_all_disks.count == durations.told.count == 4
    assert {s.unfinished for s in (durations.on_a_disk, durations.in_effect, durations.told)} == {0}


def test_a_change_is_on_a_disk_before_it_is_in_effect_and_the_last_disk_is_the_slowest() -> None:
    durations = figures_of(answer()).durations
    assert durations.on_a_disk.worst_s == durations.on_all_disks.worst_s
    assert durations.on_a_disk.p50_s is not None
    assert durations.in_effect.p50_s is not None
    assert 0 < durations.on_a_disk.p50_s < durations.in_effect.p50_s


def test_idle_cycles_are_one_start_and_an_answer_of_each_other_router() -> None:
    figures = figures_of(answer())
    assert (figures.idle_cycles, figures.idle_cycle.frames) == (15, 1 + 4)
    assert figures.idle_cycle.stream_bytes == 0
    cost = figures.idle_cycle
    assert cost.multicast_bytes == cost.first_bytes
    assert cost.unicast_bytes == pytest.approx(4 * cost.other_bytes)
    assert figures.idle_air_share == pytest.approx(cost.air_s / QUIET.cycle_s)


def test_a_change_costs_at_least_its_bytes() -> None:
    assert figures_of(answer()).change.multicast_bytes > QUIET.size_bytes


def test_a_slower_link_is_busy_for_longer_and_brings_changes_later() -> None:
    slow = figures_of(answer(replace(QUIET, radio=Radio(0.0, 1e5, 1e5))))
    fast = figures_of(answer())
    assert slow.idle_air_share > 5 * fast.idle_air_share
    assert (slow.durations.on_all_disks.p50_s or 0) > 2 * (fast.durations.on_all_disks.p50_s or 9)


def test_loss_costs_time_and_repetitions() -> None:
    with_loss, without = figures_of(answer(lossy(0.3))), figures_of(answer())
    assert answer(lossy(0.3)).behind == 0
    assert with_loss.idle_cycle.frames > without.idle_cycle.frames
    assert (with_loss.durations.on_all_disks.worst_s or 0) > (without.durations.on_all_disks.worst_s or 9)


def test_a_link_that_carries_nearly_nothing_is_told_as_such() -> None:
    hopeless = answer(replace(QUIET, radio=Radio(0.0, 1e4, 1e4), changes=8, size_bytes=8000))
    figures = figures_of(hopeless)
    assert figures.dropped > 0 or hopeless.behind > 0 or (figures.durations.on_all_disks.worst_s or 0) > 5


def test_an_empty_spread_has_no_figures_and_a_full_one_goes_by_nearest_rank() -> None:
    assert spread([None]).worst_s is None
    found = spread([*map(float, range(1, 101)), None])
    assert (found.p50_s, found.p90_s, found.p99_s, found.worst_s) == (50.0, 90.0, 99.0, 100.0)
    assert (found.count, found.unfinished) == (100, 1)


# --- determinism -------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_figures_and_another_seed_others() -> None:
    assert figures_of(Forecast(lossy(0.1)).run()) == figures_of(Forecast(lossy(0.1)).run())
    assert figures_of(answer(lossy(0.1))) != figures_of(answer(replace(lossy(0.1), seed=1)))


def test_progress_rises_to_the_end() -> None:
    told: list[float] = []
    Forecast(replace(QUIET, measured_s=10.0, changes=1), told.append).run()
    assert told == sorted(told)
    assert told[0] < 0.1 < told[-1] == 1.0, "founding counts: of thousands it takes a while"


# --- faults ------------------------------------------------------------------------------------


def test_faults_are_those_of_the_simulator_and_strike() -> None:
    faults = faults_named(KINDS)
    assert faults.crash_s
    assert faults.partition_s
    assert faults_named([]) == NONE
    troubled = answer(replace(QUIET, faults=faults, measured_s=240.0, changes=10))
    assert troubled.behind == 0
    assert troubled.incidents["crash"] > 0
    assert troubled.incidents["partition"] + troubled.incidents["mute"] > 0


# --- the ready cluster and the air -------------------------------------------------------------


def test_a_ready_cluster_verifies_from_its_first_entry() -> None:
    source = World(7).random
    ready = grow(4, 5000, ["a", "b", "a", "b"], source.randbytes)
    replica = Log(ready.cluster)
    with remembered_crypto():
        replica.extend(ready.items)
    assert replica.head == ready.log.head
    assert len(ready.keys) == 4
    assert ready.log.state.value(f"assignment/{POLICY}", "to") is not None


def test_unicast_is_tried_seven_times_to_a_router_that_is_off() -> None:
    question = replace(QUIET, measured_s=10.0, changes=1)
    forecast = Forecast(question)
    forecast.run()
    before = forecast.air.tally
    sender, receiver = forecast.routers[1], forecast.routers[2]
    receiver.switch_off()
    forecast.air.unicast(sender, b"are you there?", Address(host_of(receiver.index, 4), PORT))
    assert forecast.air.tally.since(before).frames["unicast"] == ATTEMPTS_MAX


# --- size ----------------------------------------------------------------------------------------


def crowd(nodes: int) -> Question:
    """Return a forecast on a cable that is cheap for its size."""
    return Question(nodes, Radio(0.05, 1e9, 1e9, 0.0), measured_s=30.0, changes=2)


@cache
def _steps(nodes: int) -> tuple[float, Answer]:
    """Return how many things happened for each cycle of the time, and the answer."""
    forecast = Forecast(crowd(nodes))
    found = forecast.run()
    assert forecast.snapshots.verified <= 4 * len(found.made) + 4
    return forecast.clock.steps / (forecast.clock.now / found.question.cycle_s), found


def test_the_cost_of_a_cycle_grows_no_faster_than_the_members() -> None:
    few, many = _steps(70), _steps(280)
    assert many[1].behind == 0
    assert many[0] / few[0] < 1.25 * 280 / 70
    idle_few, idle_many = figures_of(few[1]).idle_cycle, figures_of(many[1]).idle_cycle
    assert idle_many.frames / idle_few.frames < 1.25 * 280 / 70
    assert idle_many.frames < 2 * 256


def test_among_more_than_a_slice_a_change_is_on_all_disks_and_in_effect_within_two_cycles() -> None:
    found = _steps(280)[1]
    durations = figures_of(found).durations
    assert (durations.on_all_disks.worst_s or 99) < 1.0
    assert (durations.in_effect_on_all.worst_s or 99) < 2 * found.question.cycle_s


def test_a_router_more_costs_little_memory() -> None:
    tracemalloc.start()
    sizes = []
    for nodes in (20, 60):
        before = tracemalloc.get_traced_memory()[0]
        forecast = Forecast(replace(crowd(nodes), measured_s=10.0, changes=1))
        forecast.run()
        gc.collect()
        sizes.append(tracemalloc.get_traced_memory()[0] - before)
        del forecast
        gc.collect()
    tracemalloc.stop()
    assert (sizes[1] - sizes[0]) / 40 < ROUTER_BYTES_MAX
