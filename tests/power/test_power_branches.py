"""A node that leaves its branch, or is forced to lead, through power cuts, kills and refusals (Q2, A31).

What it writes is what whole nodes order in virtual time; with every state that a cut leaves, one of
them starts again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from dusk.changelog.body import Change, Edit
from dusk.changelog.log import unpack_entry_item
from dusk.changelog.rewinds import LostBranch
from dusk.changelog.roles import mandate_row
from dusk.cycle.outbox import FOLDER as OUTBOX
from dusk.cycle.write_queue import outcome_word
from dusk.daemon.storage import open_storage
from dusk.effects import Append, ChangeState, Effect, ItemKind, LogItem, Progress, RemoveFile, StoreFile
from dusk.ids import ChangeId
from dusk.sim.disk import Disk
from tests.node.site import Box, Site
from tests.power.cuts import Bench, Told, Work

STEP_S = 0.05
Written = Append | StoreFile | RemoveFile


# --- what happens ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scene:
    """A cluster right before something happens to one of its devices.

    Attributes:
        site: all of it.
        box: that device.
        act: lets it happen; returns all effects, none of which is done yet.
        kept: changes that were durable before.
        role: that owners force then.
    """

    site: Site
    box: Box
    act: Callable[[], list[Effect]]
    kept: tuple[Change, ...] = ()
    role: Change | None = None


def is_one(site: Site) -> bool:
    """Tell whether all hold one log, and all of it for final."""
    return len(site.heads) == 1 and all(box.node.settled == box.node.log.head.seq for box in site.all)


def losing(place: int) -> Scene:
    """Two halves of a cluster have written; a device of the half that loses meets the other branch."""
    site = Site(4, holders=2, cycle_ms=500)
    site.until(lambda: is_one(site), 5.0, STEP_S)
    site.part(site.all[0::2], site.all[1::2])
    site.until(lambda: len(site.leaders) == 2, 5.0, STEP_S)
    author, box = site.all[2], site.all[place]
    changes = tuple(author.commit(f"work {number}", policy=f"a{number}") for number in range(2))
    site.until(lambda: all(told(author, each) is ChangeState.DURABLE for each in changes), 5.0, STEP_S)
    site.part(*([one] for one in site.all))
    items = tuple(site.all[1].items)
    return Scene(site, box, lambda: box.node._rooms.branching.took_branch(items, site.now), changes)


def forced() -> Scene:
    """Owners force a plain member to lead, while the master writes."""
    site = Site(3, cycle_ms=500)
    site.until(lambda: is_one(site), 5.0, STEP_S)
    box, world = site.all[1], site.world
    change = box.commit("work")
    site.until(lambda: told(box, change) is ChangeState.DURABLE and is_one(site), 5.0, STEP_S)
    site.part(*([one] for one in site.all))
    world.log = box.node.log
    role = world.change(
        world.edit("cluster", "succession", [[box.node.device_id]]),
        Edit("cluster", "mandate", mandate_row(world.log.head), world.base("cluster", "mandate")),
        device=box.key,
    )
    return Scene(site, box, lambda: box.node.force_role(role, site.now), (change,), role)


def told(box: Box, change: Change) -> ChangeState | None:
    """Return what was said last of a change."""
    said = box.told(change.id)
    return said[-1][0] if said else None


SCENES: dict[str, Callable[[], Scene]] = {
    "a member leaves its branch": lambda: losing(2),
    "a leader leaves its branch": lambda: losing(0),
    "a role is forced": forced,
}


# --- what that writes ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class State:
    """All that a node has on its disk."""

    items: tuple[LogItem, ...]
    branches: tuple[LostBranch, ...]
    files: frozenset[tuple[str, bytes]]


def state(disk: Disk) -> State:
    return State(tuple(disk.items), disk.branches, frozenset(disk.files.items()))


@dataclass(frozen=True, slots=True)
class Script:
    """What a device has on its disk when a scene begins, and what it writes from then on."""

    items: tuple[LogItem, ...]
    files: tuple[StoreFile, ...]
    rounds: tuple[tuple[Written, ...], ...]

    @property
    def other(self) -> tuple[LogItem, ...]:
        """The branch that it goes over to; empty if it goes over to none."""
        written = (effect.items for effect in self.rounds[0] if isinstance(effect, Append))
        return next((items[1:] for items in written if items[0].kind is ItemKind.REWIND), ())


@cache
def script(scene: str) -> Script:
    """Let it happen on a disk that is good, until all are at one."""
    found = SCENES[scene]()
    site, box = found.site, found.box
    items, files = tuple(box.items), tuple(StoreFile(*file) for file in box.saved.items())
    effects = found.act()
    before = len(box.effects) + len(effects)
    box.do(effects)
    site.heal()
    site.until(lambda: is_one(site), 60.0, STEP_S)
    return Script(items, files, (on_disk(effects), *((e,) for e in on_disk(box.effects[before:]))))


def on_disk(effects: Sequence[Effect]) -> tuple[Written, ...]:
    return tuple(effect for effect in effects if isinstance(effect, Append | StoreFile | RemoveFile))


@cache
def held(found: State) -> frozenset[ChangeId]:
    """Return all changes that a disk has: in its log, in branches that it left, on their way."""
    items = [*found.items, *(item for branch in found.branches for item in branch.items)]
    changes = (unpack_entry_item(item.data)[1] for item in items if item.kind is ItemKind.ENTRY)
    waiting = {bytes.fromhex(name.removeprefix(OUTBOX)) for name, _ in found.files if name.startswith(OUTBOX)}
    return frozenset({change.id for change in changes if change is not None}) | {*map(ChangeId, waiting)}


class Play:
    """A scene on a bench, and every state that it was found in."""

    def __init__(self, scene: str) -> None:
        self.script = script(scene)
        self.found: set[State] = set()

    @property
    def work(self) -> Work[State]:
        return Work(self._prepare, self._do, self._recover)

    def _disk(self) -> Disk:
        return Disk(self.script.items, {file.name: file.data for file in self.script.files})

    def _prepare(self, root: Path) -> Told[State]:
        storage, _ = open_storage(root)
        storage.do([Append(self.script.items), *self.script.files])
        storage.close()
        return Told(state(self._disk()))

    def _do(self, root: Path, told: Told[State]) -> None:
        storage, _ = open_storage(root)
        disk = self._disk()
        try:
            for effects in self.script.rounds:
                for effect in effects:
                    for torn in parts(disk, effect):
                        told.begin(torn)
                    disk.do(effect)
                storage.do(effects)
                told.keep(state(disk))
        finally:
            storage.close()

    def _recover(self, root: Path, told: Told[State]) -> None:
        """What is found is one of the states that were begun, and has every change that was promised."""
        storage, saved = open_storage(root)
        storage.close()
        found = State(saved.items, saved.branches, frozenset(saved.files.items()))
        assert saved.report.damage_at is None
        assert told.kept is not None
        assert found == told.kept or found in told.begun
        assert held(found) >= held(told.kept)
        self._check_branch(found)
        told.keep(found)
        self.found.add(found)

    def _check_branch(self, found: State) -> None:
        """Its log is that of one branch, whole (R5, R7)."""
        ours, other = self.script.items, self.script.other
        if found.branches:
            starts = (at for at, item in enumerate(found.items) if item == other[0])
            assert any(found.items[at : at + len(other)] == other for at in starts)
        else:
            assert found.items[: len(ours)] == ours


def parts(disk: Disk, effect: Written) -> list[State]:
    """Return what a power cut within one effect may leave."""
    items = effect.items if isinstance(effect, Append) else ()
    wholes = [Append(tuple(items[:end])) for end in range(len(items))]
    found = []
    for each in (*wholes, effect):
        begun = disk.copy()
        begun.do(each)
        begun.recover()
        found.append(state(begun))
    return found


@pytest.mark.parametrize("scene", SCENES)
def test_q2_r3_a_switch_and_a_forced_role_lose_no_change_whatever_call_the_power_is_cut_at(
    bench: Bench, scene: str
) -> None:
    play = Play(scene)
    bench.every = 1
    tally = bench.cut(play.work)
    assert tally.points > 5
    assert bench.kill(play.work).points > 5
    assert bench.refuse(play.work).points > 5
    assert len({found.items[-1] for found in play.found}) > 1, "cut before and behind the event itself"
    if play.script.other:
        assert {bool(found.branches) for found in play.found} == {False, True}
    for found in play.found:
        start_again(scene, found)


def start_again(scene: str, found: State) -> None:
    """Start the device with what a cut left: all become one, and every change has its outcome."""
    then = SCENES[scene]()
    site, box = then.site, then.box
    box.items, box.branches, box.saved = list(found.items), list(found.branches), dict(found.files)
    before = len(box.effects)
    box.restart()
    site.heal()
    site.until(lambda: is_one(site) and len(site.leaders) == 1, 120.0, STEP_S)
    logs = [each.node.log for each in site.all]
    for change in then.kept:
        assert {outcome_word(log.outcome_of(change.id)) or "applied" for log in logs} == {"applied"}
        assert all(log.position_of(change.id) for log in logs)
    if then.role is not None:
        is_led = box.node.leads
        assert {log.head.mandate for log in logs} == {int(is_led)}
        last = [e for e in box.effects[before:] if isinstance(e, Progress) and e.change == then.role.id][-1:]
        assert is_led or not last or last[0].state is ChangeState.REFUSED
