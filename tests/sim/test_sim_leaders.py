"""What the simulator takes for a hand-back, and which takeovers it judges."""

from dataclasses import fields, replace
from random import Random

import pytest

from dusk.changelog.entry import EntryKind
from dusk.cycle.groupkeys import FILE as GROUP_KEYS_FILE
from dusk.ids import Seq
from dusk.sim.broken import RuleBroken
from dusk.sim.device import Device
from dusk.sim.faults import NONE, Faults, draw_faults
from dusk.sim.leaders import LINK_FAULTS, Leaders, is_handed_back
from dusk.sim.scenario import Plan, Simulation
from dusk.sim.tree import Logged
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


class Followed:
    """A founder that leads and two that hear it, of which one may lead, when nothing has gone wrong."""

    def __init__(self) -> None:
        self._simulation = Simulation(Plan(4, NONE, devices=3, duration_s=60.0, holders_max=2))
        self._simulation.run()
        checks = self._simulation.checks
        self.founder, *others = self._simulation.devices
        self.backup = next(device for device in others if device.device_id in checks.holders())
        self.head = checks.head_of(self.founder)
        self._leaders = checks._leaders

    def takes_over_at(self, before: Logged | None) -> None:
        """Let the backup open an epoch behind an entry."""
        assert before is not None
        entry = before.entry._replace(
            kind=EntryKind.OPEN, epoch=before.entry.epoch + 1, seq=Seq(before.seq + 1)
        )
        opened = Logged(before, entry, before.ruling, self.backup.device_id, before.holders)
        self._leaders._check(self.backup, opened)


@pytest.fixture(scope="module")
def followed() -> Followed:
    return Followed()


def test_a44_who_takes_over_in_the_log_of_a_leader_that_it_reads_is_caught(followed: Followed) -> None:
    assert followed.head is not None
    for before in (followed.head, followed.head.parent):  # a member may be behind
        with pytest.raises(RuleBroken, match="which it could hear"):
            followed.takes_over_at(before)


def test_two_that_lead_parted_logs_take_nothing_over_when_they_meet(followed: Followed) -> None:
    """Seeds 3112 and 1760: a fork that heals in ten cycles across links, and one that people have to end."""
    assert followed.head is not None
    apart = followed.head.entry._replace(time_s=followed.head.entry.time_s + 1)
    followed.takes_over_at(replace(followed.head, entry=apart))


@pytest.mark.parametrize("whose", ["founder", "backup"])
def test_who_cannot_read_what_a_leader_seals_need_not_hear_it_in_time(
    followed: Followed, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    """Seed 5036: a stream that a flipped bit spoilt was held against who leads with newer group keys."""
    monkeypatch.delitem(getattr(followed, whose).disk.files, GROUP_KEYS_FILE)
    followed.takes_over_at(followed.head)
