"""Gates: what a clock is needed for, and what a word may name (R11)."""

import pytest

from dusk.changelog.entry import Stamp
from dusk.changelog.items import verified_entry
from dusk.changelog.rollouts import GO, OPEN_WORD, STOP_WORD, SWITCH_WORD, SWITCHED
from dusk.changelog.sections import device_path
from dusk.effects import ItemKind
from dusk.errors import UntrustedInput
from dusk.keys.signing import NONE_VERIFIED
from tests.changelog.test_rollouts import ONE, SSID, Cluster
from tests.changelog.test_together import Switching
from tests.granting import refuse
from tests.world import TIME_S


class Clocked(Switching):
    """The same routers; the clock of the one that leads may be worth nothing."""

    clock_trusted = True

    def stamp(self) -> Stamp:
        return super().stamp()._replace(clock_trusted=self.clock_trusted)


def test_r11_without_a_time_no_clock_is_needed() -> None:
    waves, at_once = Clocked(), Clocked()
    waves.roll(waves.set("wifi", SSID, "new"))
    at_once.switch()
    waves.clock_trusted = at_once.clock_trusted = False
    waves.gate(OPEN_WORD)
    at_once.gate(SWITCH_WORD)
    assert (waves.progress().opened, at_once.progress().opened) == (2, SWITCHED)


def test_r11_what_began_by_its_time_goes_on_without_a_clock() -> None:
    world = Clocked()
    world.commit(world.set("wifi", SSID, "new"), world.plan(), world.order(GO, at_s=TIME_S))
    world.gate(OPEN_WORD)
    world.clock_trusted = False
    world.gate(OPEN_WORD)
    assert world.progress().opened == 2
    world.replicas_agree()


def test_r11_a_time_is_given_only_to_who_knows_it() -> None:
    world = Clocked()
    world.clock_trusted = False
    timed = world.change(world.set("wifi", SSID, "new"), world.plan(), world.order(GO, at_s=TIME_S))
    refuse(world, timed, "clock-unknown")
    world.commit(world.set("wifi", SSID, "new"), world.plan(), world.order(GO))
    assert world.under_way() == [ONE]


def test_a17_a_rollout_stops_for_a_device_and_not_for_what_that_says_of_itself() -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "new"))
    canary = world.canary
    fact = world.edit(f"{device_path(canary.key_id)}/facts", "key", ["x"])
    world.write(world.change(fact, signers=(canary,), device=canary))
    world.refuses_gate(f"{STOP_WORD}{canary.key_id.hex()}/facts")
    world.gate(STOP_WORD + canary.key_id.hex())
    assert world.progress().stopped_by == canary.key_id.hex()


def test_the_entry_of_a_gate_carries_no_change() -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "new"))
    replica = world.replica()
    world.gate(OPEN_WORD)
    entry = verified_entry(next(item for item in reversed(world.items) if item.kind is ItemKind.ENTRY))
    change = world.change(world.set("wifi", SSID, "newer"))
    with pytest.raises(UntrustedInput, match="kind that this version does not write"):
        replica._judging.later(entry, change, world.stamp(), NONE_VERIFIED)
