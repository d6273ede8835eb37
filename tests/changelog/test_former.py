"""What is kept while rollouts are under way: what goes with their end, what it costs, what has room."""

from typing import Any

import pytest

from dusk import codec
from dusk.changelog.former import kept_of
from dusk.changelog.released import Waits
from dusk.changelog.rollouts import ABORT, DONE, FORCE, OPEN_WORD, under_way
from dusk.changelog.sections import device_path
from dusk.changelog.state import State
from dusk.ids import DeviceId
from tests.changelog.test_rollouts import ONE, SSID, TWO, Cluster
from tests.granting import refuse


@pytest.mark.parametrize("how", [DONE, ABORT, FORCE])
def test_p12_who_was_in_which_wave_goes_with_the_end_of_a_rollout(how: str) -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "new"))
    assert list(world.log.state.records(f"rollout/{ONE}", "part/")) == ["part/0"]
    if how == DONE:
        world.gate(OPEN_WORD)
        world.gate(DONE)
    else:
        world.commit(world.order(how), *([world.set("wifi", SSID, "before")] if how == ABORT else []))
    assert not [key for key in world.log.state.keys(f"rollout/{ONE}") if key.startswith("part/")]
    assert (world.under_way(), world.progress().ended) == ([], how)
    world.replicas_agree()


def test_what_has_ended_is_not_begun_again_though_its_waves_are_gone() -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "new"))
    world.commit(world.order(FORCE))
    refuse(
        world,
        world.change(world.set("wifi", SSID, "x"), world.plan(), world.wave(0, world.canary)),
        "bad-value",
    )


@pytest.mark.parametrize("spare", [0, -1])
def test_what_one_change_could_not_put_back_is_not_rolled_out(
    spare: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Cluster()
    world.commit(world.set("wifi", SSID, "y" * 1000))
    value = world.log.state.record("policy/wifi", "set/" + SSID)
    assert value is not None
    assert value.data is not None
    new = "set/wireless.lan.mode"
    names = len("policy/wifi" + "set/" + SSID) + len("policy/wifi" + new)
    monkeypatch.setattr("dusk.limits.PUT_BACK_BYTES_MAX", len(value.data) + names + 2 * 128 + spare)
    other = world.edit("user/bob", "key", (world.key().public,))
    change = world.change(
        world.edit("policy/wifi", "set/" + SSID, None),
        world.set("wifi", "wireless.lan.mode", "ap"),
        other,
        world.plan(),
    )
    if spare:
        refuse(world, change, "rollout-full")
    else:
        world.write(change)
        assert world.under_way() == [ONE]


def test_an_abort_of_the_largest_rollout_that_may_begin_fits_one_change() -> None:
    world = Cluster()
    for at in range(4):
        world.commit(world.set("wifi", f"wireless.lan.o{at}", "y" * 60_000))
    names = [f"wireless.lan.o{at}" for at in range(4)]
    world.roll(*(world.edit("policy/wifi", f"set/{name}", None) for name in names))
    back = [
        world.edit(kept.section, kept.key, codec.unpack(kept.data, size_max=len(kept.data)))
        for kept in _own(world)
    ]
    world.commit(world.order(ABORT), *back)
    assert all(world.has(world.canary, name) == "y" * 60_000 for name in names)


def _own(world: Cluster) -> Any:
    return [kept for kept in kept_of(world.log.state, ONE) if kept.is_own]


def test_p12_what_is_kept_is_read_anew_only_where_it_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "new"))
    other, read = DeviceId(world.other.key_id), list[str]()

    def noted(state: State, name: str) -> Any:
        read.append(name)
        return kept_of(state, name)

    monkeypatch.setattr("dusk.changelog.released.kept_of", noted)
    waits = Waits(world.log.state)
    assert waits.of(other) is not None
    world.commit(world.edit("user/bob", "key", (world.key().public,)))
    waits = waits.moved(world.log.state)
    assert waits.of(other) is not None
    assert read == [ONE]
    world.commit(world.set("wifi", SSID, "newer"), world.set("wifi", "wireless.lan.mode", "ap"))
    waits = waits.moved(world.log.state)
    assert waits.of(other) is not None
    assert read == [ONE, ONE], "it keeps one record more"
    replica = world.replica()
    waits = waits.moved(replica.state)
    assert waits.of(other) is not None
    assert read == [ONE, ONE, ONE], "another log's state"
    world.commit(world.order(FORCE))
    assert Waits(world.log.state).of(other) is None


def test_who_comes_into_a_group_is_seen_though_what_is_kept_stays_as_it_is() -> None:
    world = Cluster()
    selects = world.edit("group/attic", "select", [[["board", ["one"]]]])
    world.commit(world.edit("group/attic", "made", (True,)), selects)
    world.commit(world.assigned("attic", "groups", ["attic"]))
    world.roll(world.set("attic", "dhcp.lan.start", "7"))
    state, other = world.log.state, DeviceId(world.other.key_id)
    waits, kept = Waits(state), state.section_hash(f"former/{ONE}")
    assert waits.of(other) is None
    fact = world.edit(f"{device_path(other)}/facts", "board", ["one"])
    world.write(world.change(fact, signers=(world.other,), device=world.other))
    assert state.section_hash(f"former/{ONE}") == kept
    assert waits.moved(state).of(other) is not None


def test_a_rollout_that_goes_on_is_seen_so_though_what_it_keeps_stays_as_it_is() -> None:
    world = Cluster()
    world.roll(world.set("wifi", SSID, "new"))
    waits, other = Waits(world.log.state), DeviceId(world.other.key_id)
    assert waits.of(other) is not None
    world.gate(OPEN_WORD)
    assert waits.moved(world.log.state).of(other) is None
    world.roll(world.edit(f"{device_path(other)}/config", "var/x", ("x",)), name=TWO)
    waiting = waits.moved(world.log.state).of(other)
    assert waiting is not None
    assert waiting.id == TWO
    assert [each.id for each in under_way(world.log.state)] == [ONE, TWO]
