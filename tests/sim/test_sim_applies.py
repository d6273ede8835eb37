"""Outages in the middle of an apply that have nothing to do with its settings cost no good ones (A48)."""

from collections.abc import Callable

import pytest

from dusk.apply.verdict import FILE, Verdict, decode_verdict
from dusk.sim import helper
from dusk.sim.device import Device
from dusk.sim.faults import NONE
from dusk.sim.people import found_option, last_edits
from dusk.sim.scenario import Plan, Simulation

OPTION, VALUE = "system.@system[0].notes", "all is well"
"""What `last_edits` sets for all: what the owner wants at the end is what the outages met."""
END_S = 1000.0
FOUNDED_S = 0.5 * END_S
"""By then all are there."""
LOOK_S = 0.1
DOWN_S = 20.0
"""Longer than a takeover."""
CUT_OFF_S = 250.0
"""Longer than two windows."""


class _Outages:
    """A calm cluster, in which a change for all takes seconds to apply, and what happens meanwhile."""

    def __init__(self, seed: int, devices: int = 4) -> None:
        plan = Plan(seed, NONE, devices=devices, duration_s=END_S, holders_max=3, commits_max=0)
        self.simulation = Simulation(plan)
        self.devices = self.simulation.devices
        self.met = 0
        """How many outages there were."""
        self.verdicts: list[Verdict] = []
        self.at_the_end: set[tuple[str, str | None]] = set()
        self._at(FOUNDED_S, self._commit)
        self._at(END_S - 1.0, self._look_at_the_end)

    def run(self) -> None:
        """Run to the end, where the simulator itself compares all files with the log."""
        self._at(FOUNDED_S, self._look)
        self.simulation.run()

    def when(self, is_so: Callable[[], bool], what: Callable[[], None]) -> None:
        """Wait until something is so behind the commit, and then do what is to happen once."""

        def look() -> None:
            if is_so():
                self.met += 1
                what()
            else:
                self.simulation.clock.after(LOOK_S, look)

        self._at(FOUNDED_S, look)

    @property
    def beginning(self) -> list[Device]:
        """Those that are about to write and to reload."""
        members = [(device, device.member) for device in self.devices]
        return [one for one, member in members if member is not None and member.applied.state == "staged"]

    @property
    def under_way(self) -> list[Device]:
        """Those with files that are not final."""
        return [device for device in self.devices if device.helper.is_under_way]

    @property
    def leader(self) -> Device | None:
        """Who leads."""
        leading = [one for one in self.devices if one.member is not None and one.member.leads]
        return leading[0] if leading else None

    def _at(self, when: float, what: Callable[[], None]) -> None:
        self.simulation.clock.at(when, what)

    def _commit(self) -> None:
        sign = self.simulation.troubles.sign_as_owner
        author = self.devices[-1]
        author.submit(lambda node: sign(author, node, last_edits(node.log.state)))

    def _look(self) -> None:
        kept = [device.disk.files[FILE] for device in self.devices if FILE in device.disk.files]
        self.verdicts += [decode_verdict(data) for data in kept]
        self.simulation.clock.after(LOOK_S, self._look)

    def _look_at_the_end(self) -> None:
        for device in self.devices:
            assert device.member is not None
            found = found_option(device.helper.files, OPTION)
            self.at_the_end.add((device.member.applied.state, found))


@pytest.fixture(autouse=True)
def slow_reloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each request to a helper take seconds, so that all reload at once."""
    monkeypatch.setattr(helper, "HELPER_S", 1.0)


@pytest.mark.parametrize("seed", [6, 8])  # two are under way at once, and all are members at the end
def test_a48_a_takeover_and_a_power_cut_of_all_within_an_apply_leave_the_good_settings_in_effect(
    seed: int,
) -> None:
    outages = _Outages(seed)
    first = outages.devices[0]

    def takeover() -> None:
        first.crash(DOWN_S)
        outages.when(lambda: outages.leader not in (None, first) and bool(outages.under_way), power_cut)

    def power_cut() -> None:
        for device in outages.devices:
            device.crash(1.0)

    outages.when(lambda: len(outages.under_way) > 1, takeover)
    outages.run()
    assert outages.met == 2
    assert outages.verdicts
    assert not any(verdict.is_hard for verdict in outages.verdicts)
    assert outages.at_the_end == {("committed", VALUE)}


@pytest.mark.parametrize("seed", [2, 6])
def test_a48_where_all_lose_each_other_within_an_apply_for_long_it_is_in_effect_once_they_are_back(
    seed: int,
) -> None:
    outages = _Outages(seed)
    network = outages.simulation.network
    everybody = range(len(outages.devices))

    def part() -> None:
        network.cut({(one, other) for one in everybody for other in everybody if one != other})
        outages.simulation.clock.after(CUT_OFF_S, network.heal)

    outages.when(lambda: len(outages.beginning) > 1, part)
    outages.run()
    assert any("no contact" in verdict.reason for verdict in outages.verdicts)
    assert not any(verdict.is_hard for verdict in outages.verdicts)
    assert outages.at_the_end == {("committed", VALUE)}
