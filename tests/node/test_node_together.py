"""Whole nodes switch together to where they hear only each other, and back where most cannot (R9)."""

from collections.abc import Callable, Sequence

from dusk import codec
from dusk.apply.events import Mode
from dusk.apply.windows import WINDOWS
from dusk.changelog import rollouts
from dusk.changelog.body import Edit
from dusk.changelog.rollouts import ABORT, DONE, FORCE, GO, HOLD, STAGED, STAYED, SWITCHED, Progress
from dusk.effects import WallClock
from dusk.node.switching import delay_s
from tests.node.site import Box, Site
from tests.node.test_node_rollouts import ID, SOON_S, STEP_S, opened, signed
from tests.world import TIME_S, World

DEVICE = "network.lan.device"
NETWORK = b"config interface 'lan'\n\toption device 'eth0'\n\toption proto 'static'\n"
WINDOW_S = 20.0
BACK_S = 4 * WINDOW_S


class Wired(Site):
    """Devices whose setting says on which network they are; some can be on one alone."""

    def __init__(self, size: int = 5, holders: int = 1) -> None:
        self.lame: set[str] = set()
        super().__init__(size, _prepare, holders=holders, cycle_ms=1000, window_s=WINDOW_S)
        for box in self.all:
            box.files["network"] = NETWORK
            box.give(WallClock(TIME_S - self.now, trusted=True))
        self.run(5.0)

    def _place(self, name: str) -> str:
        network = self.boxes[name].files.get("network") or b""
        is_moved = b"eth0.20" in network
        return name if is_moved and name in self.lame else "20" if is_moved else "1"

    def _is_apart(self, one: str, other: str) -> bool:
        return super()._is_apart(one, other) or self._place(one) != self._place(other)

    def make_lame(self, *boxes: Box) -> None:
        """Let devices hear nobody where they are to go."""
        self.lame |= {box.name for box in boxes}


def _prepare(world: World) -> None:
    world.commit(
        world.edit("assignment/net", "to", ("all", (), 100)), world.set("net", "network.lan.mtu", "1500")
    )


def together(site: Site, *more: Edit, failures: int = 0, to: str = "eth0.20") -> None:
    """Have the owner move all to another network at once."""
    plan = Edit(f"rollout/{ID}", "plan", codec.pack((1, failures)), None)
    mark = Edit(f"rollout/{ID}", "together", codec.pack((True,)), None)
    signed(site, lambda world: [world.set("net", DEVICE, to), plan, mark, *more])


def order(site: Site, word: str, *, failures: int | None = None) -> None:
    signed(site, lambda world: [world.edit(f"rollout/{ID}", "order", (word, 0, failures))])


def moved(box: Box) -> bool:
    return b"eth0.20" in (box.files["network"] or b"")


def state(box: Box) -> str:
    return box.node.applied.state


def _progress(box: Box) -> Progress:
    log = box.node.log
    is_begun = rollouts.plan_of(log.state, ID) is not None
    return rollouts.progress_of(log.state, ID) if is_begun else Progress(STAGED, "", "")


def stopped_by(box: Box) -> str:
    return _progress(box).stopped_by


def ended(box: Box) -> str:
    return _progress(box).ended


def in_effect(box: Box, seq: int) -> bool:
    return box.node.applied.head.seq >= seq and state(box) == "committed"


def _switched(site: Site, boxes: Sequence[Box]) -> Callable[[], bool]:
    return lambda: all(moved(box) for box in boxes)


def test_all_stage_it_and_switch_in_one_moment_and_it_stays() -> None:
    site = Wired()
    before = site.master.node.applied.head.seq
    together(site)
    site.until(lambda: all(state(box) == "ready" for box in site.all) or moved(site.master), SOON_S, 0.01)
    assert not any(map(moved, site.all)), "all are ready before one moves"
    site.until(lambda: opened(site.master) == SWITCHED, SOON_S, 0.01)
    site.until(lambda: any(map(moved, site.all)), SOON_S, 0.01)
    site.run(0.2)
    assert all(map(moved, site.all)), "at one moment, who leads as well"
    assert all(box.node.applied.head.seq <= before + 2 for box in site.all), "nobody keeps it yet"
    site.until(lambda: all(opened(box) == STAYED for box in site.all), SOON_S, STEP_S)
    site.until(lambda: all(ended(box) == DONE for box in site.all), SOON_S, STEP_S)
    head = site.master.node.log.head.seq
    site.run(5.0)
    assert site.master.node.log.head.seq == head, "nothing more is written (R12)"
    assert all(in_effect(box, before + 2) for box in site.all)
    assert all(len(box.written_at) == 2 for box in site.all), "what was before, and once more"


def test_r9_one_that_cannot_follow_is_back_by_itself_and_the_others_stay() -> None:
    site = Wired()
    lame = site.all[4]
    site.make_lame(lame)
    together(site)
    site.until(lambda: opened(site.master) == STAYED, SOON_S, STEP_S)
    site.until(lambda: not moved(lame), BACK_S, STEP_S)
    assert state(lame) == "failed"
    assert (
        lame.node.applied.reason
        == f"no word that most have switched within {2 * WINDOW_S:g} s after the reload"
    )
    assert all(in_effect(box, 1) and moved(box) for box in site.all[:4])
    site.until(lambda: ended(site.master) == DONE, WINDOWS.patience() + SOON_S, STEP_S)
    assert all(map(moved, site.all[:4]))


def test_who_could_not_follow_at_first_follows_by_itself_when_it_can() -> None:
    site = Wired()
    late = site.all[3]
    site.make_lame(late)
    together(site)
    site.until(lambda: opened(site.master) == STAYED, SOON_S, STEP_S)
    site.until(lambda: not moved(late), BACK_S, STEP_S)
    site.lame.clear()
    site.until(lambda: in_effect(late, 1) and moved(late), BACK_S, STEP_S)


def test_r9_all_go_back_where_most_cannot_follow() -> None:
    site = Wired()
    site.make_lame(*site.all[2:])
    together(site)
    site.until(_switched(site, site.all), SOON_S, STEP_S)
    site.until(lambda: bool(stopped_by(site.master)), BACK_S, STEP_S)
    site.run(3.0)
    assert not any(map(moved, site.all))
    assert all(opened(box) == STAGED and stopped_by(box) for box in site.all)
    assert stopped_by(site.master) in {box.node.device_id.hex() for box in site.all[2:]}
    head = site.master.node.log.head
    site.run(10 * WINDOW_S)
    assert site.master.node.log.head == head, "it stands still until a person says more"
    assert not any(map(moved, site.all))
    assert all(state(box) == "ready" for box in site.all)
    site.lame.clear()
    order(site, GO)
    site.until(lambda: all(ended(box) == DONE for box in site.all), 3 * SOON_S, STEP_S)
    assert all(map(moved, site.all))


def test_r9_all_go_back_where_who_leads_cannot_follow_though_another_leads_there() -> None:
    site = Wired(5, holders=2)
    site.make_lame(site.master)
    together(site)
    site.until(_switched(site, site.all), SOON_S, STEP_S)
    site.until(lambda: any(box.node.leads for box in site.all[1:]), SOON_S, STEP_S)
    site.until(lambda: not any(map(moved, site.all)), BACK_S, STEP_S)
    site.until(
        lambda: all(stopped_by(box) == site.master.node.device_id.hex() for box in site.all), BACK_S, STEP_S
    )
    site.run(5 * WINDOW_S)
    assert not any(map(moved, site.all))
    assert len(site.heads) == 1


def test_it_stays_where_who_led_comes_late_and_another_leads_there_meanwhile() -> None:
    site = Wired(5, holders=2)
    site.make_lame(site.master)
    together(site)
    site.until(_switched(site, site.all), SOON_S, STEP_S)
    site.until(lambda: site.all[1].node.leads, SOON_S, STEP_S)
    site.run(2.0)
    assert opened(site.all[1]) == SWITCHED
    site.lame.clear()
    site.until(lambda: all(ended(box) == DONE for box in site.all), SOON_S, STEP_S)
    assert all(map(moved, site.all))


def test_a_backup_that_stays_behind_alone_decides_nothing_for_the_others() -> None:
    site = Wired(5, holders=2)
    backup = site.all[1]
    site.make_lame(backup)
    together(site)
    site.until(lambda: opened(site.master) == STAYED, SOON_S, STEP_S)
    site.until(lambda: backup.node.leads and not moved(backup), BACK_S, STEP_S)
    site.run(1.0)
    assert opened(backup) == SWITCHED, "it leads, and hears nobody"
    site.lame.clear()
    site.until(lambda: moved(backup), BACK_S, STEP_S)
    site.until(lambda: all(in_effect(box, 1) and ended(box) == DONE for box in site.all), 3 * SOON_S, STEP_S)
    assert all(map(moved, site.all))
    assert all(len(box.written_at) == 2 for box in site.all if box is not backup), "they never went back"


def test_one_that_cannot_stage_it_stops_it_before_anybody_moves() -> None:
    site = Wired()
    site.all[2].files["network"] = b"config interface 'lan'\n\toption device 'x\n"
    together(site)
    site.until(lambda: bool(stopped_by(site.master)), SOON_S, STEP_S)
    assert stopped_by(site.master) == site.all[2].node.device_id.hex()
    assert state(site.all[2]) == "failed"
    site.run(WINDOW_S)
    assert not any(map(moved, site.all))


def test_one_that_is_off_stops_it_unless_a_person_lets_it_be_missing() -> None:
    site = Wired()
    off = site.all[4]
    off.on = False
    site.run(10.0)
    together(site)
    site.run(WINDOWS.silence() - 11.0)
    assert not stopped_by(site.master), "it may be back"
    site.until(lambda: stopped_by(site.master) == off.node.device_id.hex(), SOON_S, STEP_S)
    order(site, GO, failures=1)
    site.until(lambda: all(map(moved, site.all[:4])), SOON_S, STEP_S)
    site.until(lambda: ended(site.master) == DONE, WINDOWS.patience() + SOON_S, STEP_S)


def test_one_with_the_brake_on_stops_it() -> None:
    site = Wired()
    held = site.all[1]
    held.do(held.node.set_mode(Mode.HOLD, site.now))
    site.run(3.0)
    together(site)
    site.until(lambda: stopped_by(site.master) == held.node.device_id.hex(), SOON_S, STEP_S)
    assert not any(map(moved, site.all))


def test_held_it_is_staged_and_waits_for_a_person() -> None:
    site = Wired()
    together(site, Edit(f"rollout/{ID}", "order", codec.pack((HOLD, 0, None)), None))
    site.until(lambda: all(state(box) == "ready" for box in site.all), SOON_S, STEP_S)
    site.run(20.0)
    assert opened(site.master) == STAGED
    order(site, GO)
    site.until(lambda: all(ended(box) == DONE for box in site.all), SOON_S, STEP_S)
    assert all(map(moved, site.all))


def test_r11_one_that_has_a_time_switches_by_the_clock_of_who_leads() -> None:
    site = Wired()
    at_s = int(TIME_S + 40)
    together(site, Edit(f"rollout/{ID}", "order", codec.pack((GO, at_s, None)), None))
    site.run(20.0)
    assert opened(site.master) == STAGED
    site.until(lambda: all(ended(box) == DONE for box in site.all), SOON_S, STEP_S)


def _held(site: Site, to: str = "eth0.20") -> None:
    together(site, Edit(f"rollout/{ID}", "order", codec.pack((HOLD, 0, None)), None), to=to)
    site.until(lambda: all(state(box) == "ready" for box in site.all), SOON_S, STEP_S)


def test_forced_it_reaches_all_as_any_change_does() -> None:
    site = Wired()
    _held(site, "eth1")
    order(site, FORCE)
    site.run(20.0)
    assert all(b"eth1" in (box.files["network"] or b"") and state(box) == "committed" for box in site.all)


def test_aborted_it_reaches_nobody() -> None:
    site = Wired()
    _held(site)

    def aborted(world: World) -> list[Edit]:
        order = world.edit(f"rollout/{ID}", "order", (ABORT, 0, None))
        return [order, world.edit("policy/net", f"set/{DEVICE}", None)]

    signed(site, aborted)
    site.run(20.0)
    assert all(not moved(box) and state(box) == "committed" for box in site.all)


def test_it_is_called_off_where_one_lacks_the_word_shortly_before() -> None:
    site = Wired()
    deaf = site.all[3]
    together(site)
    site.until(lambda: all(state(box) == "ready" for box in site.all), SOON_S, 0.01)
    site.part([box for box in site.all if box is not deaf], [deaf])
    site.until(lambda: opened(site.master) == SWITCHED, SOON_S, 0.01)
    site.run(delay_s(1.0) - 0.2)
    assert stopped_by(site.master) == deaf.node.device_id.hex()
    site.run(10.0)
    assert not any(map(moved, site.all))
    site.heal()
    order(site, GO)
    site.until(lambda: all(ended(box) == DONE for box in site.all), 2 * SOON_S, STEP_S)


def test_r9_who_loses_power_in_the_middle_of_the_switch_follows_by_itself() -> None:
    site = Wired()
    together(site)
    site.until(lambda: opened(site.all[2]) == SWITCHED, SOON_S, 0.01)
    off = site.all[2]
    off.on = False
    site.until(lambda: opened(site.master) == STAYED, SOON_S, STEP_S)
    off.restart()
    site.until(lambda: moved(off) and in_effect(off, 1), BACK_S, STEP_S)


def test_who_leads_and_is_not_concerned_has_the_others_switch() -> None:
    site = Wired()
    names = [box.node.device_id.hex() for box in site.all[1:4]]

    def edits(world: World) -> list[Edit]:
        return [
            world.edit("assignment/some", "to", ("devices", names, 100)),
            world.set("some", "network.lan.metric", "7"),
            world.edit(f"rollout/{ID}", "plan", (1, 0)),
            world.edit(f"rollout/{ID}", "together", (True,)),
        ]

    signed(site, edits)
    site.until(lambda: all(ended(box) == DONE for box in site.all), SOON_S, STEP_S)
    assert [b"metric" in (box.files["network"] or b"") for box in site.all] == [
        False,
        True,
        True,
        True,
        False,
    ]
