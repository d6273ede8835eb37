"""What is kept while rollouts are under way: what goes with their end, what it costs, what has room."""

from typing import Any

import pytest

from dusk import codec
from dusk.changelog.body import Change
from dusk.changelog.entry import APPLIED
from dusk.changelog.former import Kept, kept_of
from dusk.changelog.items import verified_entry
from dusk.changelog.released import Waits
from dusk.changelog.rollouts import ABORT, DONE, FORCE, OPEN_WORD, under_way
from dusk.changelog.sections import device_path
from dusk.changelog.state import State
from dusk.effects import ItemKind
from dusk.errors import Refused
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


# --- what is kept, and what of it changes (`specs/rollout.md`, section 2) -------------------------


def kept_by(world: Cluster, name: str = ONE) -> dict[tuple[str, str], Kept]:
    return {(kept.section, kept.key): kept for kept in kept_of(world.log.state, name)}


def named(world: Cluster) -> list[str]:
    """Return the sections that the newest entry names."""
    item = next(item for item in reversed(world.items) if item.kind is ItemKind.ENTRY)
    return [path for path, _ in verified_entry(item).sections]


def test_only_of_what_says_whom_something_is_for_is_kept_what_a_rollout_made_it() -> None:
    world = Cluster()
    member = ("group/attic", f"member/{world.other.key_id.hex()}")
    groups, select = (device_path(world.other.key_id), "groups"), ("group/attic", "select")
    world.roll(
        world.set("wifi", SSID, "new"),
        world.assigned("dns"),
        world.edit("group/attic", "made", (True,)),
        world.edit(*member, (True,)),
        world.edit(*groups, (["attic"],)),
        world.edit(*select, ([["board", ["one"]]],)),
        world.edit("cluster", "var/x", ("1",)),
    )
    world.commit(world.assigned("wifi", "groups", ["attic"]))
    kept, dns = kept_by(world), ("assignment/dns", "to")
    assert {place for place, one in kept.items() if one.after is not None} == {dns, member, groups, select}
    assert kept[dns].after == codec.pack(("all", [], 100))
    later = kept.pop(("assignment/wifi", "to"))
    assert (later.is_own, later.after) == (False, None), "changed behind it"
    assert (len(kept), all(one.is_own for one in kept.values())) == (7, True)


def test_nothing_is_kept_of_a_device_that_is_none_before() -> None:
    world = Cluster()
    world.commit(world.set("attic", "dhcp.lan.start", "1"), world.assigned("attic", "groups", ["attic"]))
    world.joinkey = world.key()
    world.allow_joining(groups=["attic"])
    world.roll(world.set("attic", "dhcp.lan.start", "2"))
    before = kept_by(world)
    late, later = world.join("late"), world.key()
    world.commit(world.edit("group/attic", f"member/{later.key_id.hex()}", (True,)))
    world.joinkey = world.key()
    world.allow_joining()
    world.write(world.request(later))
    assert kept_by(world) == before
    assert [world.has(device, "dhcp.lan.start") for device in (late, later)] == ["1", "1"], "they wait too"
    world.replicas_agree()


def test_what_a_change_does_that_ends_a_rollout_waits_for_the_one_before_it_alone() -> None:
    world = Cluster()
    channel = "wireless.lan.channel"
    mode = "wireless.lan.mode"
    world.roll(world.set("wifi", SSID, "new"))
    world.roll(world.set("wifi", mode, "ap"), name=TWO)
    ends = world.order(FORCE, name=TWO)
    world.commit(ends, world.set("wifi", channel, "6"), world.set("wifi", mode, "sta"))
    assert (world.under_way(), list(world.log.state.sections(f"former/{TWO}"))) == ([ONE], [])
    assert [world.has(world.canary, key) for key in (channel, mode)] == ["6", "sta"]
    assert [world.has(world.other, key) for key in (channel, mode)] == [None, None], "as before both"
    world.commit(world.order(FORCE), world.set("wifi", channel, "7"))
    assert (world.under_way(), list(world.log.state.sections("former/"))) == ([], [])
    assert world.has(world.other, channel) == "7"
    world.replicas_agree()


@pytest.mark.parametrize("bound", ["FORMER_RECORDS_MAX", "FORMER_BYTES_MAX"])
def test_r10_what_ended_is_not_counted_and_what_is_kept_for_others_may_be_as_much_as_the_bound(
    bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Cluster()
    world.commit(world.set("wifi", SSID, "y" * 1000))
    world.roll(world.set("wifi", "wireless.lan.mode", "ap"))
    world.roll(world.set("wifi", SSID, "new"), name=TWO)
    change = world.change(world.order(FORCE, name=TWO), world.set("wifi", "wireless.lan.channel", "6"))
    twin = world.replica()
    twin.write_change(change, world.stamp())
    records, size_bytes = twin.state.size(f"former/{ONE}")
    needed = {"FORMER_RECORDS_MAX": records, "FORMER_BYTES_MAX": size_bytes}[bound]
    monkeypatch.setattr(f"dusk.limits.{bound}", needed - 1)
    _is_full(world, change)
    monkeypatch.setattr(f"dusk.limits.{bound}", needed)
    assert world.write(change).outcome == APPLIED


def test_r10_what_is_kept_is_a_mebibyte_as_the_page_says() -> None:
    world, options = Cluster(), [f"wireless.lan.o{number}" for number in range(18)]
    for option in options:
        world.commit(world.set("wifi", option, "y" * 60_000))
    world.roll(world.set("wifi", SSID, "new"))
    for option in options[:17]:
        world.commit(world.set("wifi", option, "z"))
    _is_full(world, world.change(world.set("wifi", options[17], "z")))
    assert 17 * 60_000 < world.log.state.size(f"former/{ONE}")[1] < 2**20


def _is_full(world: Cluster, change: Change) -> None:
    with pytest.raises(Refused) as refusal:
        world.log.write_change(change, world.stamp())
    assert refusal.value.code == "rollout-full"


def test_r10_what_is_kept_of_one_record_may_be_as_long_as_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Cluster()
    world.commit(world.set("wifi", SSID, "y" * 1000))
    world.roll(world.set("wifi", "wireless.lan.mode", "ap"))
    change = world.change(world.set("wifi", SSID, "new"))
    twin = world.replica()
    twin.write_change(change, world.stamp())
    needed = max(len(record.data or b"") for record in twin.state.records(f"former/{ONE}").values())
    monkeypatch.setattr("dusk.limits.VALUE_BYTES_MAX", needed - 1)
    _is_full(world, change)
    monkeypatch.setattr("dusk.limits.VALUE_BYTES_MAX", needed)
    assert world.write(change).outcome == APPLIED


@pytest.mark.parametrize("was", ["none", "all", "its group", "the canary", "both"])
def test_a20_who_takes_a_place_is_named_beside_who_had_it_where_that_was_named(was: str) -> None:
    world = Cluster()
    canary, left, new = (key.key_id.hex() for key in (world.canary, world.other, world.key()))
    rows = {
        "all": ("all", [], 100),
        "its group": ("groups", [left], 100),
        "the canary": ("devices", [canary], 100),
        "both": ("devices", [canary, left], 100),
    }
    if was in rows:
        world.commit(world.edit("assignment/dns", "to", rows[was]))
    world.roll(world.assigned("dns", "devices", [canary, left], 50))
    world.commit(world.assigned("dns", "devices", [canary, new], 50))
    (kept,) = kept_by(world).values()
    listed = sorted([canary, left, new])
    before = ("devices", listed, 100) if was == "both" else rows.get(was)
    assert kept.data == (None if before is None else codec.pack(before))
    assert kept.after == codec.pack(("devices", listed, 50))
    world.replicas_agree()


def test_a20_where_nobody_takes_a_place_what_is_kept_stays_as_it_was() -> None:
    world = Cluster()
    devices = sorted((key.key_id.hex() for key in (world.canary, world.other)), reverse=True)
    world.commit(world.assigned("dns", "devices", devices))
    world.roll(world.assigned("dns", "devices", devices, 50))
    before = kept_by(world)
    for listed in ([*devices, world.key().key_id.hex()], devices[:1]):
        world.commit(world.assigned("dns", "devices", listed, 50))
        assert (named(world), kept_by(world)) == (["assignment/dns"], before)
