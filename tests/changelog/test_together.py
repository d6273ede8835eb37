"""Rollouts by which all switch together: staged, switched, and then it stays or goes back (R1, R2)."""

from collections.abc import Callable

import pytest

from dusk.changelog import rollouts
from dusk.changelog.body import Change, Edit
from dusk.changelog.entry import APPLIED
from dusk.changelog.released import Released, Waits, staged
from dusk.changelog.rollouts import (
    ABORT,
    BACK_WORD,
    DONE,
    FORCE,
    GO,
    HOLD,
    OPEN_WORD,
    STAGED,
    STAY_WORD,
    STAYED,
    STOP_WORD,
    SWITCH_WORD,
    Progress,
)
from dusk.config.device import managed_config, options_of
from dusk.ids import DeviceId
from dusk.keys.signing import SigningKey
from tests.changelog.test_rollouts import ONE, SSID, TWO, Cluster
from tests.granting import refuse
from tests.world import TIME_S


class Switching(Cluster):
    """The same routers, of which all are to switch together."""

    def together(self, *edits: Edit, name: str = ONE, waves: int = 1) -> Change:
        mark = self.edit(f"rollout/{name}", "together", (True,))
        return self.change(*edits, self.plan(name, waves=waves), mark)

    def switch(self, *edits: Edit, name: str = ONE) -> Change:
        change = self.together(*(edits or (self.set("wifi", SSID, "new"),)), name=name)
        assert self.write(change).outcome == APPLIED
        return change

    def ready_for(self, device: SigningKey) -> Released | None:
        return staged(self.log, DeviceId(device.key_id), Waits(self.log.state))

    def staged_ssid(self, device: SigningKey) -> str | None:
        found = self.ready_for(device)
        if found is None:
            return None
        return options_of(managed_config(found.store, DeviceId(device.key_id)))[SSID][1][0]

    @property
    def all(self) -> list[SigningKey]:
        return [self.master, self.canary, self.other]

    @property
    def ssids(self) -> list[str | None]:
        return [self.has(device) for device in self.all]

    @property
    def may_not_keep(self) -> list[int]:
        waits = Waits(self.log.state)
        return [len(waits.switches(DeviceId(device.key_id))) for device in self.all]

    def stop(self, kind: str) -> str:
        return kind + self.canary.key_id.hex()


def test_nobody_has_it_before_all_are_told_to_switch() -> None:
    world = Switching()
    world.switch()
    assert world.ssids == ["before"] * 3
    assert [world.staged_ssid(device) for device in world.all] == ["new"] * 3
    assert (world.progress(), world.may_not_keep) == (Progress(STAGED, "", ""), [1] * 3)
    assert rollouts.switched_by(world.log.state, ONE) is None
    world.gate(SWITCH_WORD)
    assert (world.ssids, world.may_not_keep) == (["new"] * 3, [1] * 3)
    assert world.ready_for(world.canary) is None
    assert rollouts.switched_by(world.log.state, ONE) == DeviceId(world.master.key_id)
    world.gate(STAY_WORD)
    assert (world.progress(), world.may_not_keep) == (Progress(STAYED, "", ""), [0] * 3)
    world.gate(DONE)
    assert (world.under_way(), world.progress()) == ([], Progress(STAYED, DONE, ""))
    world.replicas_agree()


def test_what_went_back_counts_for_nobody_until_a_person_lets_it_go_on() -> None:
    world = Switching()
    before = world.log.head.seq
    world.switch()
    world.gate(SWITCH_WORD)
    world.gate(world.stop(BACK_WORD))
    assert (world.ssids, world.position(world.other)) == (["before"] * 3, before)
    assert world.progress() == Progress(STAGED, "", world.canary.key_id.hex())
    world.refuses_gate(SWITCH_WORD)
    world.commit(world.order(GO))
    assert world.progress() == Progress(STAGED, "", "")
    world.gate(SWITCH_WORD)
    assert world.ssids == ["new"] * 3
    world.replicas_agree()


@pytest.mark.parametrize(
    ("gates", "allowed"),
    [
        ([], {SWITCH_WORD, STOP_WORD}),
        ([SWITCH_WORD], {STAY_WORD, BACK_WORD}),
        ([SWITCH_WORD, STAY_WORD], {DONE}),
    ],
)
def test_r1_who_leads_can_write_only_what_comes_next(gates: list[str], allowed: set[str]) -> None:
    words = {OPEN_WORD, DONE, SWITCH_WORD, STAY_WORD, STOP_WORD, BACK_WORD}
    for word in sorted(words):
        world = Switching()
        world.switch()
        for gate in gates:
            world.gate(gate)
        whole = world.stop(word) if word.endswith(" ") else word
        (world.gate if word in allowed else world.refuses_gate)(whole)


@pytest.mark.parametrize("word", [BACK_WORD + "x", BACK_WORD + "0" * 32, BACK_WORD, BACK_WORD[:-1], "stay x"])
def test_r1_it_goes_back_for_a_device_of_the_cluster_alone(word: str) -> None:
    world = Switching()
    world.switch()
    world.gate(SWITCH_WORD)
    world.refuses_gate(word)


def test_words_of_a_switch_are_none_for_waves() -> None:
    world = Switching()
    world.roll(world.set("wifi", SSID, "new"))
    for word in (SWITCH_WORD, STAY_WORD, world.stop(BACK_WORD)):
        world.refuses_gate(word)


def test_a_person_who_says_hold_stops_it_before_the_switch_and_no_more_behind_it() -> None:
    world = Switching()
    world.switch(world.set("wifi", SSID, "new"), world.order(HOLD))
    world.refuses_gate(SWITCH_WORD)
    world.refuses_gate(world.stop(STOP_WORD))
    world.commit(world.order(GO))
    assert world.progress().opened == STAGED, "go opens nothing here"
    world.gate(SWITCH_WORD)
    world.commit(world.order(HOLD))
    world.gate(STAY_WORD)
    world.gate(DONE)


def test_r11_one_with_a_time_switches_by_the_clock_of_the_entry() -> None:
    world = Switching()
    world.switch(world.set("wifi", SSID, "new"), world.order(GO, at_s=TIME_S + 1))
    world.refuses_gate(SWITCH_WORD)
    world.commit(world.order(GO, at_s=TIME_S))
    world.gate(SWITCH_WORD)


def test_what_is_forced_counts_for_all_and_may_be_kept() -> None:
    world = Switching()
    world.switch()
    world.commit(world.order(FORCE))
    assert (world.ssids, world.may_not_keep) == (["new"] * 3, [0] * 3)


def test_what_is_aborted_is_put_back() -> None:
    world = Switching()
    world.switch()
    world.gate(SWITCH_WORD)
    world.commit(world.order(ABORT), world.set("wifi", SSID, "before"))
    assert (world.ssids, world.under_way()) == (["before"] * 3, [])


def test_a_device_stages_what_counts_if_it_switches_and_what_it_would_wait_for_then_not() -> None:
    world = Switching()
    world.switch()
    world.commit(world.set("wifi", "wireless.lan.mode", "ap"))
    behind = world.log.head.seq
    world.switch(world.set("wifi", SSID, "newer"), name=TWO)
    found = world.ready_for(world.other)
    assert found is not None
    assert (found.head.seq, found.rollout, world.staged_ssid(world.other)) == (behind, ONE, "new")
    world.gate(SWITCH_WORD)
    assert (world.has(world.other), world.staged_ssid(world.other)) == ("new", "newer")


def test_who_waits_for_waves_first_stages_nothing() -> None:
    world = Switching()
    world.roll(world.set("wifi", SSID, "new"), name=TWO)
    world.switch(world.set("wifi", SSID, "newer"))
    assert world.ready_for(world.other) is None
    assert world.staged_ssid(world.canary) == "newer"


def test_who_is_not_concerned_or_was_removed_stages_nothing() -> None:
    world = Switching()
    alone = world.assigned("only", "devices", [world.canary.key_id.hex()])
    world.switch(world.set("only", "system.main.zonename", "x"), alone)
    assert world.ready_for(world.other) is None
    assert (world.may_not_keep, world.ready_for(world.canary) is None) == ([0, 1, 0], False)


@pytest.mark.parametrize(
    "edits",
    [
        lambda world: [world.edit(f"rollout/{ONE}", "switch", (world.master.key_id,))],
        lambda world: [world.edit(f"rollout/{ONE}", "together", (True,))],
        lambda world: [world.edit(f"rollout/{ONE}", "together", None)],
    ],
)
def test_r1_nobody_writes_there_later(edits: Callable[[Switching], list[Edit]]) -> None:
    world = Switching()
    world.switch()
    refuse(world, world.change(*edits(world)), "bad-value")


def test_who_switch_together_are_one_wave() -> None:
    world = Switching()
    refuse(world, world.together(world.set("wifi", SSID, "new"), waves=2), "bad-value")
