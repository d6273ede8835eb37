"""What a node looks at once a cycle, and how long it waits before it says that something is wrong."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from dusk.changelog.body import Edit
from dusk.effects import Effect, Event, WallClock
from dusk.ids import ChangeId, DeviceId
from dusk.membership.pending import Pending
from dusk.node.alarms import Alarms
from dusk.node.watching import Watching
from tests.world import World

CYCLE_S = 5.0
CULPRIT = DeviceId(b"c" * 16)
EDITS = [Edit("cluster", "name", b"", None)]
CHANGE = ChangeId(b"c" * 32)


@dataclass
class _Node:
    """As much of a node as is looked at, and what it is given to do."""

    log: object = field(default_factory=lambda: World().log)
    leads: bool = False
    master: DeviceId | None = None
    is_fresh: bool = True
    is_copied: bool = False
    changes: tuple[ChangeId, ...] = ()
    due_proof: tuple[DeviceId, list[Edit]] | None = None
    has_room: bool = True
    looks: int = 0
    handed_in: list[DeviceId] = field(default_factory=list)
    lines: dict[str, str] = field(default_factory=dict)
    is_online: set[DeviceId] = field(default_factory=set)
    clock: WallClock = field(default_factory=lambda: WallClock(0.0, trusted=False))
    exchanges: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(turned_away_at=None))

    def fresh(self, now: float) -> bool:
        return self.is_fresh

    def pending(self, now: float) -> tuple[Pending, ...]:
        return ()

    def online(self, now: float) -> set[DeviceId]:
        return self.is_online

    def due(self, now: float) -> tuple[DeviceId, list[Edit]] | None:
        self.looks += 1
        return self.due_proof

    def submit(self, edits: list[Edit], message: str, now: float) -> list[Effect]:
        assert edits == EDITS
        return [Event("submitted", message)] if self.has_room else []


def watched(**how: object) -> tuple[_Node, Watching]:
    node = _Node(**how)  # type: ignore[arg-type]  # fields of it
    watching = Watching(
        around=node,  # type: ignore[arg-type]  # as much of it as is looked at
        alarms=Alarms(node.lines, lambda: CYCLE_S),
        proofs=SimpleNamespace(due=node.due, handed_in=node.handed_in.append),  # type: ignore[arg-type]  # a stand-in
        not_logged=lambda: node.changes,
        submit=node.submit,
        is_copied=lambda: node.is_copied,
        exchanges=node.exchanges,  # type: ignore[arg-type]  # a stand-in
        recovered=SimpleNamespace(look=lambda _clock, _now: []),  # type: ignore[arg-type]  # a stand-in
    )
    return node, watching


def test_it_looks_once_a_cycle() -> None:
    node, watching = watched()
    for now in (0.0, CYCLE_S - 0.01, CYCLE_S, 2 * CYCLE_S):
        watching.look(now)
    assert node.looks == 3


def test_a27_a_change_waits_a_minute_for_a_master_that_is_heard_before_he_is_named() -> None:
    node, watching = watched(changes=(CHANGE,))
    for now in (0.0, 55.0):
        watching.look(now)
        assert "withheld" not in node.lines
    watching.look(60.0)
    assert node.lines["withheld"].startswith("the master is heard")
    node.changes = ()
    watching.look(65.0)
    assert "withheld" not in node.lines


@pytest.mark.parametrize("how", [{"leads": True}, {"is_fresh": False}])
def test_a27_who_leads_or_hears_nobody_blames_nobody(how: dict[str, bool]) -> None:
    node, watching = watched(changes=(CHANGE,), **how)
    for now in (0.0, 60.0, 120.0):
        watching.look(now)
    assert node.lines == {}
    node.leads, node.is_fresh = False, True
    watching.look(125.0)
    watching.look(180.0)
    assert node.lines == {}, "the minute begins when he is heard"


def test_a27_the_master_is_named_by_his_name_or_else_by_his_id() -> None:
    world = World()
    for master, name in ((world.device_id, "attic"), (CULPRIT, CULPRIT.hex())):
        node, watching = watched(log=world.log, changes=(CHANGE,), master=master)
        watching.look(0.0)
        watching.look(60.0)
        assert node.lines["withheld"].startswith(f"{name} is heard")


def test_a45_who_is_turned_away_for_20_cycles_says_so_until_the_master_is_heard() -> None:
    node, watching = watched(is_fresh=False)
    node.exchanges.turned_away_at = 0.0
    watching.look(95.0)
    assert node.lines == {}
    watching.look(100.0)
    assert "turned-away" in node.lines
    node.is_fresh = True
    watching.look(105.0)
    assert node.exchanges.turned_away_at is None
    assert node.lines == {}


@pytest.mark.parametrize(("others", "is_said"), [(0, True), (1, False)])
def test_a45_who_leads_others_is_known_and_who_leads_alone_may_be_turned_away(
    others: int, *, is_said: bool
) -> None:
    everybody = {CULPRIT, *(DeviceId(bytes([number]) * 16) for number in range(others))}
    node, watching = watched(is_fresh=True, leads=True, is_online=everybody)
    node.exchanges.turned_away_at = 0.0
    watching.look(100.0)
    assert ("turned-away" in node.lines) == is_said


def test_a13_a_proof_is_handed_in_once_there_is_room() -> None:
    node, watching = watched(due_proof=(CULPRIT, EDITS), has_room=False)
    assert watching.look(0.0) == []
    assert node.handed_in == []
    node.has_room = True
    assert watching.look(5.0) == [Event("submitted", "two histories")]
    assert node.handed_in == [CULPRIT]


def test_a21_a_copy_is_told_of_while_it_is_one() -> None:
    node, watching = watched(is_copied=True)
    watching.look(0.0)
    assert "clone" in node.lines
    node.is_copied = False
    watching.look(99.0)
    assert "clone" in node.lines
    watching.look(104.0)
    assert node.lines == {}
