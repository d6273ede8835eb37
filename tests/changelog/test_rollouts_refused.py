"""What no change does to a rollout, and what is none though it looks like one (R1, A17)."""

from collections.abc import Callable

import pytest

from dusk.changelog.body import Edit
from dusk.changelog.rollouts import ABORT, GO, HOLD, STAY_WORD, STOP_WORD, SWITCH_WORD, Progress, under_way
from dusk.changelog.sections import device_path
from dusk.errors import Refused
from tests.changelog.test_rollouts import ONE, SSID, TWO, Cluster
from tests.changelog.test_together import Switching
from tests.world import TIME_S

ONE_ALONE = "a change is about one rollout, and takes nothing of it away"
SETTINGS_ONLY = "begun once, by a change of settings"
BESIDE: dict[str, tuple[Callable[[Cluster], Edit], str]] = {
    "another rollout": (lambda w: w.plan(TWO), ONE_ALONE),
    "how far it is": (lambda w: w.edit(f"rollout/{ONE}", "progress", (2, "", "")), ONE_ALONE),
    "who switched it": (lambda w: w.edit(f"rollout/{ONE}", "switch", (w.device_id,)), ONE_ALONE),
    "a wave that is taken away": (lambda w: w.edit(f"rollout/{ONE}", "part/0", None), ONE_ALONE),
    "an abort": (lambda w: w.order(ABORT), "it cannot end as it begins"),
    "what is void": (lambda w: w.edit(f"void/{ONE}", "part/0", (1, bytes(32), [])), SETTINGS_ONLY),
}


@pytest.mark.parametrize("what", BESIDE)
def test_a17_a_rollout_does_not_begin_beside(what: str) -> None:
    world = Cluster()
    edit, says = BESIDE[what]
    _refused(world, says, world.set("wifi", SSID, "new"), world.plan(), edit(world))


def _refused(world: Cluster, says: str, *edits: Edit) -> None:
    with pytest.raises(Refused, match=says) as refusal:
        world.commit(*edits)
    assert refusal.value.code == "bad-value"
    assert world.under_way() == []


def test_a17_what_is_kept_is_written_by_no_change() -> None:
    world = Cluster()
    _refused(world, ONE_ALONE, world.edit(f"former/{ONE}", "of", (1, bytes(32))))
    _refused(world, ONE_ALONE, world.edit(f"rollout/{ONE}", "order", None))


@pytest.mark.parametrize("name", ["plan", "order", "together"])
def test_a17_what_a_device_says_of_itself_is_no_rollout_whatever_its_name(name: str) -> None:
    world = Cluster()
    other = world.other

    def say(value: str) -> None:
        fact = world.edit(f"{device_path(other.key_id)}/facts", name, (value,))
        world.write(world.change(fact, signers=(other,), device=other))

    say("one")
    assert world.under_way() == []
    world.roll(world.set("wifi", SSID, "new"))
    say("two")
    assert (world.under_way(), world.progress()) == ([ONE], Progress(1, "", ""))


def test_an_order_that_only_says_how_many_may_fail_begins_at_once() -> None:
    world = Cluster()
    world.commit(world.set("wifi", SSID, "new"), world.plan(), world.order(GO, failures=3))
    assert world.progress() == Progress(1, "", "")


def test_what_is_held_stays_as_far_as_it_was() -> None:
    world = Cluster()
    world.commit(world.set("wifi", SSID, "new"), world.plan(), world.order(GO, at_s=TIME_S))
    world.commit(world.order(HOLD))
    assert world.progress() == Progress(0, "", ""), "not begun"
    world.commit(world.order(GO))
    canary = world.canary.key_id.hex()
    world.gate(STOP_WORD + canary)
    world.commit(world.order(HOLD))
    assert world.progress() == Progress(1, "", canary), "nor does it go on"


def test_only_one_by_which_all_switch_together_can_be_halfway() -> None:
    def is_halfway(world: Cluster) -> bool:
        (rollout,) = under_way(world.log.state)
        return rollout.is_halfway

    world, waves = Switching(), Cluster()
    world.switch()
    waves.roll(waves.set("wifi", SSID, "new"))
    assert (is_halfway(world), is_halfway(waves)) == (False, False)
    world.gate(SWITCH_WORD)
    assert is_halfway(world)
    world.gate(STAY_WORD)
    assert is_halfway(world)
