"""What takeover and healing must not leave out: each part taken out makes runs fail, by its rule."""

from dataclasses import replace

import pytest

from dusk.apply.events import Restored
from dusk.catchup.stages import Ground
from dusk.changelog import branches
from dusk.changelog.body import Change
from dusk.changelog.forkchoice import Base, Branch, Chosen, choose
from dusk.cycle import takeover
from dusk.cycle.messages import Offer
from dusk.cycle.takeover import Kind, State, Step, Takeover
from dusk.effects import Address, Effect, Input
from dusk.ids import Seq
from dusk.node import Node
from dusk.node.forks import Forks
from dusk.sim import troubles
from dusk.sim.broken import RuleBroken
from dusk.sim.device import Device
from dusk.sim.faults import NONE
from dusk.sim.scenario import Plan, Simulation

DEVICES_MAX = 12


def rule_of(simulation: Simulation) -> str:
    """Run it; return the rule that it broke, or nothing."""
    try:
        simulation.run()
    except RuleBroken as broken:
        return broken.rule
    return ""


def all_of(node: type[Node], seed: int) -> Simulation:
    """Return what a seed says, on one link, with up to three holders, every device of a kind."""
    nodes = dict.fromkeys(range(DEVICES_MAX), node)
    return Simulation(Plan(seed, without=frozenset({"sites"}), holders_max=3, nodes=nodes))


@pytest.fixture
def without_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the owner attest nothing: a checkpoint holds off by itself some of what is to be seen here."""
    monkeypatch.setattr(troubles, "to_attest", lambda log, owner: None)


class _Silent(Forks):
    """Keeps what it left to itself."""

    @property
    def offer(self) -> Offer | None:
        return None

    def stranded(self) -> list[Change]:
        return []


class NeverHandsInAgain(Node):
    """Takes what stood in a branch that it left for written, and neither offers nor writes it."""

    def start(self, now: float, restored: Restored | None = None) -> list[Effect]:
        self._rooms.forks.__class__ = _Silent
        self._rooms.outbox.on_unlogged = lambda changes, now: None  # type: ignore[method-assign]  # the sabotage
        self._rooms.writing.strand = lambda changes, now: None  # type: ignore[method-assign]  # the sabotage
        return super().start(now, restored)


@pytest.mark.usefixtures("without_checkpoints")
@pytest.mark.parametrize("seed", [33, 68])
def test_r3_without_handing_in_again_what_a_branch_lost_seeds_fail(seed: int) -> None:
    assert rule_of(all_of(NeverHandsInAgain, seed)) == "R3"
    assert rule_of(all_of(Node, seed)) == ""


class CountsItsOwnDisk(Node):
    """Calls durable what the leader's disk alone has."""

    def handle(self, event: Input, now: float) -> list[Effect]:
        effects = super().handle(event, now)
        return effects + self._rooms.outbox.on_durable(self.log.head.seq) if self.leads else effects


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_r3_with_durable_at_one_disk_seeds_fail(seed: int) -> None:
    assert rule_of(all_of(CountsItsOwnDisk, seed)) == "R3"
    assert rule_of(all_of(Node, seed)) == ""


class Unsynchronised(Node):
    """Leads with what it has: while it hears nobody who leads, it fetches nothing."""

    def start(self, now: float, restored: Restored | None = None) -> list[Effect]:
        fetch = self._rooms.exchanges.catch_up

        def catch_up(address: Address, now: float, *, ground: Ground = Ground.HEAD) -> list[Effect]:
            hears = self.fresh(now) or not self.log.may_lead(self.device_id)
            return fetch(address, now, ground=ground) if hears else []

        self._rooms.exchanges.catch_up = catch_up  # type: ignore[method-assign]  # the sabotage
        self._rooms.leading._fetch = catch_up
        return super().start(now, restored)


def backed_up(node: type[Node], seed: int, until_s: float) -> Simulation:
    """Return three devices, of which two may lead, without a fault; all but the founder are of a kind."""
    kinds = dict.fromkeys(range(1, DEVICES_MAX), node)
    plan = Plan(seed, NONE, devices=3, duration_s=until_s, in_rounds=False, holders_max=2, nodes=kinds)
    return Simulation(plan)


def backup(simulation: Simulation) -> Device:
    """Return who takes over from the founder."""
    return next(d for d in simulation.devices[1:] if d.device_id in simulation.checks.holders())


def with_an_older_disk(
    node: type[Node], seed: int, copied_s: float, off_s: float, back_s: float
) -> Simulation:
    """Let the backup come back with the disk that it had once, while the founder is off (A28)."""
    simulation = backed_up(node, seed, 100.0)
    copied: list[Device] = []

    def copy() -> None:
        copied.append(backup(simulation))
        copied[0].keep_copy()

    simulation.clock.at(copied_s, copy)
    simulation.clock.at(off_s, lambda: simulation.devices[0].crash(25.0))
    simulation.clock.at(back_s, lambda: copied[0].restore_disk(0.3))
    return simulation


@pytest.mark.usefixtures("without_checkpoints")
@pytest.mark.parametrize(("seed", "rule"), [(4, "R5"), (8, "R2"), (9, "R5")])
def test_a28_without_synchronising_before_leading_runs_fail(seed: int, rule: str) -> None:
    """The backup took over, wrote, and has forgotten it: it would write at the same positions anew."""
    times_s = 50.0, 51.0, 64.0
    assert rule_of(with_an_older_disk(Unsynchronised, seed, *times_s)) == rule
    assert rule_of(with_an_older_disk(Node, seed, *times_s)) == ""


def without_certificates(ours: Branch, theirs: Branch, base: Base) -> Chosen:
    """Choose as if nobody had certified anything."""
    ours, theirs = replace(ours, certified=False), replace(theirs, certified=False)
    return choose(ours, theirs, replace(base, settled=Seq(0)))


@pytest.mark.usefixtures("without_checkpoints")
@pytest.mark.parametrize("seed", [2, 6, 8])
def test_a41_without_certificates_in_fork_choice_runs_fail(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """A holder that went back and asked nobody forks below what is settled: certificates hold it off."""
    times_s = 40.0, 61.0, 61.2
    assert rule_of(with_an_older_disk(Unsynchronised, seed, *times_s)) == ""
    monkeypatch.setattr(branches, "choose", without_certificates)
    assert rule_of(with_an_older_disk(Unsynchronised, seed, *times_s)) == "R4"


def with_a_dead_link(seed: int) -> Simulation:
    """Let founder and backup hear each other no more for a while; both hear the third."""
    simulation = backed_up(Node, seed, 120.0)

    def cut() -> None:
        ends = 0, backup(simulation).index
        simulation.network.cut({ends, ends[::-1]})

    simulation.clock.at(80.0, cut)
    simulation.clock.at(115.0, simulation.network.heal)
    return simulation


@pytest.mark.parametrize("seed", [4, 8, 9])
def test_a44_without_asking_the_others_before_taking_over_runs_fail(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    assert rule_of(with_a_dead_link(seed)) == ""
    at_once = Step(Takeover._take, frozenset({State.LEADING}))
    monkeypatch.setitem(takeover.TABLE, (State.WATCHING, Kind.DEADLINE), at_once)
    assert rule_of(with_a_dead_link(seed)) == "A44"


def test_r4_a_leader_alone_learns_from_a_former_holder_what_is_settled() -> None:
    """Who led before it has settled more than it: only with its word the two come to one end."""
    assert rule_of(with_a_dead_link(17)) == ""
