"""Each fault by itself, and strong: it strikes, and all comes to one head with every promise kept."""

import pytest

from dusk.sim.faults import NONE, Faults, draw_faults
from dusk.sim.scenario import Plan, Result, Simulation


def run(faults: Faults, seed: int = 21) -> Result:
    return Simulation(Plan(seed, faults, devices=5, duration_s=30.0)).run()


@pytest.mark.parametrize(
    ("faults", "met"),
    [
        (Faults(loss=0.4), "lost"),
        (Faults(duplicate=0.5), "duplicated"),
        (Faults(truncate=0.2), "truncated"),
        (Faults(flip=0.2), "flipped"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a38_a_bad_link_is_no_obstacle(faults: Faults, met: str) -> None:
    assert run(faults).counts[met] > 20


def test_a38_datagrams_that_overtake_each_other_converge() -> None:
    assert run(Faults(delay_s=0.5)).counts["outcome applied"] > 5


def test_a2_recorded_datagrams_sent_again_from_anywhere_change_nothing() -> None:
    assert run(Faults(replay_s=0.1)).counts["replayed"] > 100


def test_partitions_heal_to_one_head_r2() -> None:
    assert run(Faults(partition_s=5.0)).counts["partition"] > 2


def test_a38_links_that_work_one_way_only_heal_to_one_head() -> None:
    counts = (
        Simulation(Plan(21, Faults(partition_s=2.0, one_way=1.0), devices=4, duration_s=60.0)).run().counts
    )
    assert counts["mute"]
    assert counts["deaf"]
    assert counts["pairs cut"]


def test_a38_links_that_are_worse_one_way_than_the_other_are_no_obstacle() -> None:
    assert run(Faults(uneven=0.9)).counts["lost"] > 20


def test_a28_disks_that_come_back_empty_or_old_are_filled_again() -> None:
    counts = run(Faults(wipe_s=4.0, old_disk_s=4.0)).counts
    assert counts["wiped disk"]
    assert counts["wiped disk and key"]
    assert counts["old disk"]


def test_a28_a_master_with_an_older_disk_hears_the_others_before_it_leads() -> None:
    counts = Simulation(Plan(2, Faults(old_disk_s=2.0), devices=3, duration_s=60.0)).run().counts
    assert counts["old disk of the master"]


def test_a_log_that_is_damaged_is_made_whole_by_others() -> None:
    counts = Simulation(Plan(0, Faults(rot_s=2.0), devices=4, duration_s=60.0)).run().counts
    assert counts["rot"] > 1
    assert counts["rot of the master"]


def test_a21_a_cloned_device_hinders_nobody_and_is_seen() -> None:
    counts = Simulation(Plan(3, Faults(twin=1.0), devices=4, duration_s=60.0)).run().counts
    assert counts["twin"] == 1
    assert counts["event clone"]


@pytest.mark.parametrize("relentless", [0.0, 1.0])
def test_a16_an_outsider_changes_nothing_and_stops_nobody(relentless: float) -> None:
    counts = run(Faults(outsider_s=0.3, relentless=relentless)).counts
    assert sum(count for what, count in counts.items() if what.startswith("outsider")) > 50


@pytest.mark.parametrize("relentless", [0.0, 1.0])
def test_a9_a_hostile_member_changes_nothing_and_stops_no_other(relentless: float) -> None:
    counts = run(Faults(insider_s=0.2, relentless=relentless)).counts
    assert sum(count for what, count in counts.items() if what.startswith("insider")) > 50


def test_power_cuts_between_and_within_writes_lose_nothing_r7() -> None:
    counts = run(Faults(crash_s=5.0, crash_in_write=0.3)).counts
    assert counts["torn write"] > 2


def test_a31_a_failing_disk_promises_nothing_false_r8() -> None:
    counts = run(Faults(disk_error=0.4, slow_disk_s=0.5)).counts
    assert counts["disk error"] > 3
    assert counts["slow write"] > 5


def test_streams_that_break_are_gone_on_with() -> None:
    assert run(Faults(stream_break=0.3)).counts["stream broken"] > 5


def test_a30_wall_clocks_jump_both_ways_and_nothing_depends_on_them_r11() -> None:
    assert run(Faults(clock_s=0.5)).counts["clock jump"] > 20


def test_applies_that_fail_are_put_right_by_a_later_change_r9() -> None:
    assert run(Faults(helper_error=0.5, edit_s=3.0)).counts["helper failure"] > 2


def test_a1_what_strangers_and_devices_sign_never_stands_in_the_log_r1() -> None:
    counts = run(Faults(stranger=0.7)).counts
    assert counts["signed by a stranger"] > 3
    assert counts["refused"] > 3


def test_changes_on_an_old_view_are_superseded_and_shown() -> None:
    assert run(Faults(stale=0.7)).counts["outcome superseded"] > 3


def test_a_cluster_of_one_needs_nobody() -> None:
    result = Simulation(Plan(5, NONE, devices=1, duration_s=10.0)).run()
    assert result.counts["local"] > 0
    assert not result.counts["durable"]


def test_the_faults_of_a_seed_leave_some_out() -> None:
    import random

    drawn = [draw_faults(random.Random(seed)) for seed in range(100)]
    assert {faults.loss > 0 for faults in drawn} == {True, False}
    assert {faults.crash_s > 0 for faults in drawn} == {True, False}
