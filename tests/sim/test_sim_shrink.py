"""A failing run is made smaller, and its command replays it."""

import pytest

from dusk.effects import Effect, Input, StoreFile, Tick
from dusk.errors import UntrustedInput
from dusk.node import Node
from dusk.sim.__main__ import main
from dusk.sim.broken import RuleBroken
from dusk.sim.faults import NONE, Faults
from dusk.sim.scenario import Plan, Result, Simulation
from dusk.sim.shrink import command, failure, shrink


class WritesForNothing(Node):
    """Writes a file again as it was, at some ticks."""

    def handle(self, event: Input, now: float) -> list[Effect]:
        effects = super().handle(event, now)
        if isinstance(event, Tick) and self.log.head.seq > 5:
            effects.append(StoreFile("ticks", b"tick"))
        return effects


class LetsOut(Node):
    """Ends in an error as soon as it has a log."""

    error: Exception = UntrustedInput("what others sent")

    def handle(self, event: Input, now: float) -> list[Effect]:
        raise self.error


class Mistaken(LetsOut):
    """Ends in a mistake of ours."""

    error = AttributeError("a name that is not there")


FAULTS = Faults(loss=0.1, duplicate=0.1, delay_s=0.1, crash_s=8.0, stale=0.2, edit_s=5.0)


def test_a_failing_plan_becomes_as_small_as_its_failure_needs() -> None:
    plan = Plan(7, FAULTS, devices=8, duration_s=20.0, nodes={0: WritesForNothing})
    told: list[str] = []
    smallest = shrink(plan, told.append)
    assert failure(smallest) == failure(plan) == "R12"
    made = Simulation(smallest)
    assert made.faults.on == ()
    assert smallest.devices == 2
    assert smallest.duration_s is not None
    assert smallest.duration_s < 10
    assert made.troubles.commits_planned < 8
    assert told[-1] == f"R12 still: {command(smallest)}"


@pytest.mark.parametrize("node", [LetsOut, Mistaken])
def test_a_node_that_ends_in_any_error_fails_the_run_by_its_name(node: type[LetsOut]) -> None:
    plan = Plan(7, NONE, devices=2, duration_s=3.0, nodes={0: node})
    assert failure(plan) == type(node.error).__name__


def test_a_plan_that_holds_stays_as_it_is() -> None:
    plan = Plan(7, devices=2, duration_s=3.0)
    assert shrink(plan) is plan


def test_the_command_replays_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    plan = Plan(7, devices=3, duration_s=4.5, without=frozenset({"loss", "flip"}), commits_max=1)
    words = command(plan).split()
    assert words[:3] == ["python", "-m", "dusk.sim"]
    assert main(words[3:]) == 0
    simulation = Simulation(plan)
    simulation.run()
    assert capsys.readouterr().out == simulation.transcript.text


def test_what_does_not_fail_is_not_shrunk(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["7", "--devices", "2", "--until", "3", "--shrink"]) == 0
    assert "nothing fails: python -m dusk.sim 7" in capsys.readouterr().out


def test_an_unknown_fault_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["7", "--without", "loss,earthquake"])
    assert "no such fault: earthquake" in capsys.readouterr().err


def test_many_seeds_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "0:2"]) == 0
    printed = capsys.readouterr().out
    assert "clock jump" in printed
    assert "2 seeds, 0 failed" in printed


def test_many_seeds_have_what_the_command_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[Plan] = []

    class Broken(Simulation):
        def __init__(self, plan: Plan) -> None:
            super().__init__(plan)
            ran.append(plan)

        def run(self) -> Result:
            raise RuleBroken("R1", "as it is said")

    monkeypatch.setattr("dusk.sim.__main__.Simulation", Broken)
    chosen = ["--devices", "2", "--holders", "4", "--recoveries", "--grants"]
    assert main(["--seeds", "5:7", *chosen]) == 1
    assert ran == [Plan(seed, devices=2, holders_max=4, recoveries=True, grants=True) for seed in (5, 6)]
    assert f"again: python -m dusk.sim 6 {' '.join(chosen)}" in capsys.readouterr().out


def test_how_many_may_lead_is_part_of_the_command() -> None:
    assert command(Plan(3, holders_max=4)) == "python -m dusk.sim 3 --holders 4"
    assert command(Plan(3)) == "python -m dusk.sim 3"
