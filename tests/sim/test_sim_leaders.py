"""What the simulator takes for a hand-back, and which takeovers it judges."""

from dataclasses import fields, replace
from random import Random

import pytest

from dusk.changelog.entry import EntryKind
from dusk.sim.device import Device
from dusk.sim.faults import Faults, draw_faults
from dusk.sim.leaders import LINK_FAULTS, Leaders, is_handed_back
from dusk.sim.scenario import Plan, Simulation
from tests.plain_branches import Grove


def test_a_lead_that_went_back_to_the_first_is_a_hand_back_also_while_it_is_under_way() -> None:
    grove = Grove((0, 1))
    stands_in = grove.grow(grove.trunk, writer=1, on=(0,))
    gave = grove.grow(stands_in, kind=EntryKind.HANDOVER, on=(0,))
    first = grove.grow(gave, writer=0, on=(1,))
    assert is_handed_back(stands_in, gave)
    assert is_handed_back(gave, first)
    assert is_handed_back(stands_in, first)


def test_nothing_new_is_no_hand_back_and_neither_is_an_epoch_or_a_change() -> None:
    grove = Grove((0, 1))
    stands_in = grove.grow(grove.trunk, writer=1, on=(0,))
    gave = grove.grow(stands_in, kind=EntryKind.HANDOVER, on=(0,))
    again = grove.grow(gave, writer=1, on=(0,))
    first = grove.grow(again, writer=0, on=(1,))
    changed = grove.grow(first, grove.setting(first, 1), on=(1,))
    assert not is_handed_back(gave, gave)
    assert not is_handed_back(stands_in, again), "the first did not come"
    assert not is_handed_back(again, first), "nobody handed over"
    assert not is_handed_back(first, changed)


@pytest.mark.parametrize("seed", [2, 12, 14, 15])
def test_a44_takeovers_are_judged_while_links_are_cut_and_nothing_else_disturbs(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No seed of the swarm has cut links alone: there this is judged when its faults are over, at most."""
    others = frozenset(fault.name for fault in fields(Faults)) - LINK_FAULTS
    faults = replace(draw_faults(Random(seed)).without(others), partition_s=6.0, one_way=0.7)
    judged: list[bool] = []
    could_hear = Leaders._could_hear

    def noted(self: Leaders, device: Device, leader: Device, since: float) -> bool:
        judged.append(set(self._network.faults.on) == set(faults.on) and self._network.steady_since < since)
        return could_hear(self, device, leader, since)

    monkeypatch.setattr(Leaders, "_could_hear", noted)
    Simulation(Plan(seed, faults, devices=5, duration_s=90.0, holders_max=4)).run()
    assert any(judged)
