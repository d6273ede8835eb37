"""Whole nodes roll changes out: wave by wave, over a failure, a takeover, an absence (R2, R9)."""

from collections.abc import Callable, Sequence

import pytest

from dusk import codec
from dusk.apply.events import Mode
from dusk.apply.windows import WINDOWS
from dusk.changelog import rollouts
from dusk.changelog.body import Edit
from dusk.changelog.log import Log
from dusk.changelog.released import Waits
from dusk.changelog.rollouts import DONE, GO, HOLD
from dusk.effects import WallClock
from dusk.ids import Seq
from dusk.node.gates import Gate, Gates
from dusk.node.switching import Report
from tests.changelog.test_rollouts import Cluster
from tests.checkpoints import STEP, attest, commit, compacted
from tests.node.site import Box, Site
from tests.world import TIME_S, World

ID = "0" * 32
SSID = "wireless.lan.ssid"
WIRELESS = b"config wifi-iface 'lan'\n\toption ssid 'before'\n"
STEP_S = 0.05
SOON_S = 60.0


def _prepare(world: World) -> None:
    world.commit(world.edit("assignment/wifi", "to", ("all", (), 100)), world.set("wifi", SSID, "before"))


def site_of(size: int = 4, holders: int = 1, prepare: Callable[[World], None] = _prepare) -> Site:
    """Return devices with a policy in effect, whose clocks are right."""
    site = Site(size, prepare, holders=holders, cycle_ms=1000)
    for box in site.all:
        box.files["wireless"] = WIRELESS
        box.give(WallClock(TIME_S - site.now, trusted=True))
    site.run(5.0)
    return site


def rolled(site: Site, *waves: Sequence[Box], more: Sequence[Edit] = (), failures: int = 0) -> None:
    """Have the owner roll another name out, at who leads; who is in no wave comes last."""
    plan = Edit(f"rollout/{ID}", "plan", _packed((len(waves) + 1, failures)), None)
    parts = [
        Edit(f"rollout/{ID}", f"part/{at}", _packed((at, sorted(box.key.key_id for box in wave))), None)
        for at, wave in enumerate(waves)
    ]
    signed(site, lambda world: [world.set("wifi", SSID, "new"), plan, *parts, *more])


def _packed(row: Sequence[object]) -> bytes:

    return codec.pack(row)


def signed(site: Site, edits: Callable[[World], Sequence[Edit]]) -> None:
    """Have the owner sign at who leads."""
    world, (leader,) = site.world, site.leaders
    world.log = leader.node.log
    counter = leader.node.next_counter(world.owner.key_id)
    change = world.change(*edits(world), device=leader.key, counter=counter)
    leader.do(leader.node.submit(change, site.now))


def has(box: Box) -> bool:
    return b"'new'" in (box.files["wireless"] or b"")


def ended(box: Box) -> str:
    return rollouts.progress_of(box.node.log.state, ID).ended


def opened(box: Box) -> int:
    state = box.node.log.state
    return rollouts.progress_of(state, ID).opened if rollouts.plan_of(state, ID) is not None else 0


def test_each_wave_waits_for_the_one_before_and_the_last_one_ends_it() -> None:
    site = site_of()
    first, second, *rest = site.all[1:]
    first.helper_s = 3.0
    rolled(site, [first], [second])
    site.run(2.0)
    assert [has(box) for box in site.all] == [False, True, False, False], "it is written, and not in effect"
    assert opened(site.master) == 1
    site.until(lambda: has(second), SOON_S, STEP_S)
    assert not any(map(has, [site.master, *rest]))
    site.until(lambda: all(map(has, site.all)), SOON_S, STEP_S)
    site.until(lambda: all(ended(box) == DONE for box in site.all), SOON_S, STEP_S)
    head = site.master.node.log.head
    site.run(20.0)
    assert site.master.node.log.head == head, "nothing more is written (R12)"
    assert {box.node.applied.head.seq for box in site.all} == {head.seq}


def test_who_waits_says_the_position_that_counts_for_it_and_keeps_nobody_waiting() -> None:
    site = site_of()
    head = site.master.node.log.head
    rolled(site, [site.all[1]], more=[Edit(f"rollout/{ID}", "order", _packed((HOLD, 0, None)), None)])
    site.run(3.0)
    assert not any(map(has, site.all))
    signed(site, lambda world: [world.set("wifi", "wireless.lan.mode", "ap")])
    site.run(10.0)
    assert {box.node.applied.head for box in site.all} == {head}
    signed(site, lambda world: [world.edit(f"rollout/{ID}", "order", (GO, 0, None))])
    site.until(lambda: all(ended(box) == DONE for box in site.all), SOON_S, STEP_S)
    assert all(has(box) and b"'ap'" in (box.files["wireless"] or b"") for box in site.all)


def test_a_canary_that_fails_stops_it_there_until_a_person_lets_it_go_on() -> None:
    site = site_of()
    canary, *rest = site.all[1:]
    canary.reload_exit = 1
    rolled(site, [canary])
    stopped = canary.node.device_id.hex()
    site.until(
        lambda: (
            opened(site.master) == 1
            and rollouts.progress_of(site.master.node.log.state, ID).stopped_by == stopped
        ),
        SOON_S,
        STEP_S,
    )
    head = site.master.node.log.head
    site.run(30.0)
    assert site.master.node.log.head == head
    assert not any(map(has, [site.master, *rest]))
    signed(site, lambda world: [world.edit(f"rollout/{ID}", "order", (GO, 0, None))])
    site.run(3.0)
    assert rollouts.progress_of(site.master.node.log.state, ID).stopped_by == stopped, "it fails still"
    canary.reload_exit = 0
    signed(site, lambda world: [world.set("wifi", "wireless.lan.mode", "ap")])
    site.run(5.0)
    signed(site, lambda world: [world.edit(f"rollout/{ID}", "order", (GO, 0, None))])
    site.until(lambda: all(ended(box) == DONE for box in site.all), SOON_S, STEP_S)


def test_as_many_may_fail_as_the_plan_allows_but_not_all_of_a_wave() -> None:
    site = site_of()
    one, two, *rest = site.all[1:]
    one.reload_exit = 1
    rolled(site, [one, two], failures=1)
    site.until(lambda: all(map(has, rest)), SOON_S, STEP_S)


def test_a_wave_of_which_nobody_has_it_in_effect_opens_no_other() -> None:
    site = site_of()
    canary = site.all[1]
    canary.reload_exit = 1
    rolled(site, [canary], failures=1)
    site.run(SOON_S)
    assert opened(site.master) == 1
    assert not rollouts.progress_of(site.master.node.log.state, ID).stopped_by


def test_who_is_off_is_not_waited_for_and_follows_when_it_returns() -> None:
    site = site_of()
    off, there, last = site.all[1:]
    off.on = False
    site.run(100.0)
    rolled(site, [off, there])
    site.until(lambda: has(last), SOON_S, STEP_S)
    site.until(lambda: ended(site.master) == DONE, SOON_S, STEP_S)
    off.restart()
    site.until(lambda: has(off), SOON_S, STEP_S)


def test_who_is_not_heard_any_more_since_it_was_reached_counts_as_one_that_failed() -> None:
    site = site_of()
    canary, other, _last = site.all[1:]
    canary.helper_s = 1000.0
    rolled(site, [canary, other])
    site.run(3.0)
    canary.on = False
    site.run(WINDOWS.patience() - 10.0)
    assert not rollouts.progress_of(site.master.node.log.state, ID).stopped_by
    site.run(30.0)
    stopped_by = rollouts.progress_of(site.master.node.log.state, ID).stopped_by
    assert stopped_by == canary.node.device_id.hex()
    assert opened(site.master) == 1


def test_r3_it_goes_on_where_another_leads() -> None:
    site = site_of(5, holders=2)
    first, second, last = site.all[2:]
    first.helper_s = 20.0
    rolled(site, [first], [second])
    site.run(3.0)
    assert opened(site.all[1]) == 1
    site.master.on = False
    site.until(lambda: site.leaders == [site.all[1]], SOON_S, STEP_S)
    assert not has(second)
    site.until(lambda: has(last), 200.0, STEP_S)
    assert has(second)
    site.master.restart()
    site.until(lambda: has(site.master), 200.0, STEP_S)
    site.until(lambda: all(ended(box) == DONE for box in site.all), 200.0, STEP_S)


def test_r11_one_that_has_a_time_begins_by_the_clock_of_who_leads() -> None:
    site = site_of()
    at_s = int(TIME_S + 30)
    rolled(site, [site.all[1]], more=[Edit(f"rollout/{ID}", "order", _packed((GO, at_s, None)), None)])
    site.run(20.0)
    assert (opened(site.master), any(map(has, site.all))) == (0, False)
    site.master.give(WallClock(TIME_S - site.now + 20.0 - site.now, trusted=False))
    site.run(20.0)
    assert opened(site.master) == 0
    site.master.give(WallClock(at_s + 1 - site.now, trusted=True))
    site.until(lambda: all(ended(box) == DONE for box in site.all), SOON_S, STEP_S)


def test_who_does_not_apply_is_passed_over() -> None:

    site = site_of()
    held, other, last = site.all[1:]
    held.do(held.node.set_mode(Mode.HOLD, site.now))
    site.run(3.0)
    rolled(site, [held, other])
    site.until(lambda: has(last), SOON_S, STEP_S)
    assert not has(held)


def test_who_has_handed_over_opens_nothing() -> None:
    site = site_of(3, holders=2)
    rolled(site, [site.all[1]])
    leader = site.master.node._rooms.writing
    leader._log.write_handover(leader._stamp(site.now))
    assert leader.gate(f"rollout/{ID}", "open", site.now) == []


@pytest.mark.usefixtures("small_steps")
def test_r2_who_stands_on_a_checkpoint_behind_the_epoch_opens_no_wave_on_what_was_in_effect_before() -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "new"), name=ID)
    before = world.log.head.seq - 1
    world.open()
    commit(world, STEP)
    attest(world)
    log = compacted(world)
    assert log.floor > before
    assert log.head_at(before) is None, "of which epoch that was is not known any more"
    failed = Report(Seq(before), "failed", log.head.seq, log.head.seq)
    in_effect = failed._replace(seq=Seq(before + 1))
    assert _due(log, failed) == [Gate(f"rollout/{ID}", f"stop {world.canary.key_id.hex()}")]
    assert _due(log, in_effect) == [Gate(f"rollout/{ID}", "open")]


def _due(log: Log, report: Report) -> list[Gate]:
    """Return what its leader would write where every device reports the same."""
    assert log.leader is not None
    gates = Gates(
        log,
        waits=lambda: Waits(log.state),
        report=lambda _device: report,
        online=lambda _now: set(),
        windows=WINDOWS,
        own=log.leader,
        cycle_s=lambda: 1.0,
        reloaded_at=lambda: None,
    )
    return list(gates.due(WallClock(0.0, trusted=False), 0.0))


def test_of_whom_nothing_was_heard_yet_nothing_is_told() -> None:
    site = Site(2)
    rooms, silent = site.master.node._rooms, site.all[1].node.device_id
    assert rooms._reported(silent) is None
    site.run(12.0)
    assert rooms._reported(silent) is not None
