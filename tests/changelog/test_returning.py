"""Devices that come back after a reset by themselves: by a join key's rule and the writer's word (A20)."""

from collections.abc import Sequence

import pytest

from dusk import codec
from dusk.changelog import readers, views
from dusk.changelog.body import Change, Edit, build_change
from dusk.changelog.creation import LABEL_KNOWN
from dusk.changelog.entry import APPLIED, Absent, Entry, OutcomeCode
from dusk.changelog.items import pack_entry_item, unpack_entry_item
from dusk.changelog.log import Log
from dusk.changelog.returning import AUTO, REBOUND, asks_as, place_taken, returns_as
from dusk.changelog.sections import device_path
from dusk.changelog.state import uses_key
from dusk.changelog.undoing import Since, Suspect, undoing
from dusk.errors import Refused, UntrustedInput
from dusk.ids import DeviceId, KeyId, Seq
from dusk.keys.signing import SigningKey
from dusk.limits import ABSENT_CYCLES_MIN, RETURN_RECORDS_MAX
from tests.stolen import Stolen
from tests.world import World

LABEL = "02:aa:bb"


def came(world: World) -> tuple[SigningKey, DeviceId]:
    """Let a router with the label join by a key that lets it come back; it gets settings and places."""
    rule(world)
    key = world.key()
    world.write(world.request(key, "hall", LABEL))
    device = DeviceId(key.key_id)
    config, other = f"{device_path(device)}/config", world.device_id.hex()
    world.commit(
        Edit(config, "set/system.led.name", codec.pack([1, 0, ["on"], []]), None),
        world.edit(config, "var/floor", ["2"]),
        world.edit("group/up", f"member/{device.hex()}", [True]),
        world.edit("group/down", f"member/{other}", [True]),
        world.edit("assignment/wifi", "to", ["devices", sorted([device.hex(), other]), 7]),
        world.edit("assignment/all", "to", ["all", [], 7]),
        world.edit("assignment/one", "to", ["devices", [other], 7]),
        world.edit(device_path(device), "groups", [["up", "wall"]]),
    )
    return key, device


def rule(world: World, **changed: object) -> None:
    row: dict[str, object] = {
        "public": world.joinkey.public,
        "uses": 5,
        "expires": 0,
        "groups": ["new"],
        "mode": "approve",
        "labels": ["02:*"],
        "rebind": AUTO,
        "template": "{name}",
    }
    first = row | {"mode": "auto"} | changed
    world.commit(world.edit(f"joinkey/{world.joinkey.key_id.hex()}", "rule", list(first.values())))


def comes_back(world: World, absent: Absent | None, key: SigningKey | None = None) -> Entry:
    request = world.request(key or world.key(), "hall", LABEL)
    item, entry = world.log.write_change(request, world.stamp()._replace(absent=absent))
    world._keep(item)
    return entry


def refused(world: World, absent: Absent | None, label: str = LABEL) -> str:
    head = world.log.head
    with pytest.raises(Refused) as refusal:
        world.log.write_change(
            world.request(world.key(), "hall", label), world.stamp()._replace(absent=absent)
        )
    assert world.log.head == head
    return refusal.value.code


def silent(device: DeviceId, cycles: int = ABSENT_CYCLES_MIN) -> Absent:
    return Absent(device, cycles)


def test_a20_an_absent_member_s_place_goes_over_whole_and_every_replica_comes_to_the_same() -> None:
    world = World()
    _, old = came(world)
    key = world.key()
    entry = comes_back(world, silent(old), key)
    new, state = DeviceId(key.key_id), world.log.state
    assert (entry.outcome, entry.absent) == (APPLIED, silent(old))
    found, former = views.member(state, new), views.member(state, old)
    assert found is not None
    assert former is not None
    assert (found.name, found.groups, found.retired) == ("hall", ("up", "wall"), False)
    assert (former.name, former.groups, former.retired) == ("hall-old", ("up", "wall"), True)
    assert state.value(device_path(new), REBOUND) == [old]
    config = f"{device_path(new)}/config"
    assert state.value(config, "set/system.led.name") == [1, 0, ["on"], []]
    assert state.value(config, "var/floor") == ["2"]
    assert state.value("group/up", f"member/{old.hex()}") is None
    listed = sorted([new.hex(), world.device_id.hex()])
    assert state.value("assignment/wifi", "to") == ["devices", listed, 7]
    assert state.value("assignment/one", "to") == ["devices", [world.device_id.hex()], 7]
    assert state.derived(uses_key(world.joinkey.key_id.hex())) == 2
    replica = world.replica()
    assert (replica.head, replica.state.derived_hash) == (world.log.head, state.derived_hash)


def test_a20_a_router_that_is_reset_twice_is_itself_each_time() -> None:
    world = World()
    _, old = came(world)
    second, third = world.key(), world.key()
    comes_back(world, silent(old), second)
    comes_back(world, silent(DeviceId(second.key_id)), third)
    names = {m.device_id: (m.name, m.retired) for m in views.devices(world.log.state)}
    assert names[DeviceId(third.key_id)] == ("hall", False)
    assert names[DeviceId(second.key_id)] == ("hall-old-2", True)
    assert names[old] == ("hall-old", True)
    assert world.log.state.value("group/up", f"member/{third.key_id.hex()}") is not None


def test_a20_without_the_writer_s_word_a_label_takes_nobody_s_place() -> None:
    world = World()
    _, old = came(world)
    for absent in (None, silent(old, ABSENT_CYCLES_MIN - 1), silent(world.device_id)):
        assert refused(world, absent) == LABEL_KNOWN


def test_a20_a_word_that_nothing_rests_on_stands_in_no_entry() -> None:
    world = World()
    _, old = came(world)
    item, entry = world.log.write_change(
        world.change(world.edit("group/up", "made", [True])), world.stamp()._replace(absent=silent(old))
    )
    assert entry.absent is None
    world._keep(item)
    change = unpack_entry_item(world.items[-2].data)[1]
    assert change is not None
    with pytest.raises(UntrustedInput, match="outcome"):
        _extended(world, entry._replace(absent=silent(old)), change)


def _extended(world: World, entry: Entry, change: Change) -> None:
    other = Log(world.cluster)
    other.extend(world.items[:-2])
    other.extend([pack_entry_item(entry, change), world.items[-1]])


def test_a20_another_word_than_was_judged_by_is_another_entry_and_refused() -> None:
    world = World()
    _, old = came(world)
    entry = comes_back(world, silent(old))
    change = unpack_entry_item(world.items[-2].data)[1]
    assert change is not None
    for absent in (None, silent(old, 3), silent(world.device_id)):
        with pytest.raises(UntrustedInput, match="label"):
            _extended(world, entry._replace(absent=absent), change)
    with pytest.raises(UntrustedInput, match="head"):
        _extended(world, entry._replace(absent=silent(old, 99)), change)


def test_a20_who_may_lead_or_shares_its_label_is_for_a_person_to_replace() -> None:
    world = World()
    _, old = came(world)
    state = world.log.state
    assert returns_as(state, LABEL, AUTO) == old
    assert [returns_as(state, LABEL, other) for other in ("ask", "never")] == [None, None]
    assert returns_as(state, "02:other", AUTO) is None
    assert refused(world, silent(world.device_id), "02:00:00:00:00:01") == LABEL_KNOWN
    assert returns_as(state, "02:00:00:00:00:01", AUTO) is None, "it may lead"
    world.commit(*_approved(world, world.request(world.key(), "hall", LABEL)))
    assert returns_as(state, LABEL, AUTO) is None, "which of them?"
    assert refused(world, silent(old)) == LABEL_KNOWN


def _approved(world: World, request: Change) -> Sequence[Edit]:
    from tests.approving import approval_edits

    return approval_edits(request)


def test_a19_the_other_limits_of_the_join_key_hold() -> None:
    world = World()
    _, old = came(world)
    name = world.joinkey.key_id.hex()
    for _ in range(4):
        key = world.key()
        comes_back(world, silent(old), key)
        old = DeviceId(key.key_id)
    assert world.log.state.derived(uses_key(name)) == 5
    assert refused(world, silent(old)) == "joinkey-used-up"
    world.commit(world.edit(f"joinkey/{name}", "revoked", [True]))
    assert refused(world, silent(old)) == "joinkey-revoked"
    assert refused(world, silent(old), "03:aa") == "joinkey-revoked"


def test_a20_a_key_in_whose_mode_a_person_approves_lets_only_who_comes_back_in_by_itself() -> None:
    world = World()
    world.joinkey = world.key()
    rule(world, mode="approve")
    key = world.key()
    world.commit(*_approved(world, world.request(key, "hall", LABEL)))
    assert refused(world, None, "02:new") == "approval-needed"
    assert comes_back(world, silent(DeviceId(key.key_id))).outcome == APPLIED


def test_r10_what_is_too_much_for_one_entry_waits_for_a_person() -> None:
    world = World()
    _, old = came(world)
    for start in range(0, RETURN_RECORDS_MAX, 1024):
        names = [f"g{n}" for n in range(start, start + 1024)]
        world.commit(*(world.edit(f"group/{g}", f"member/{old.hex()}", [True]) for g in names))
    assert refused(world, silent(old)) == LABEL_KNOWN


def test_r10_what_goes_over_may_be_as_many_records_as_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    _, old = came(world)
    request, state = world.request(world.key(), "hall", LABEL), world.log.state
    whole = place_taken(state, request, old)
    assert whole is not None
    monkeypatch.setattr("dusk.limits.RETURN_RECORDS_MAX", len(whole))
    assert place_taken(state, request, old) == whole
    monkeypatch.setattr("dusk.limits.RETURN_RECORDS_MAX", len(whole) - 1)
    assert place_taken(state, request, old) is None


def test_a20_of_assignments_only_what_names_the_device_goes_over() -> None:
    world = World()
    _, old = came(world)
    alike = ["groups", [old.hex()], 7]
    world.commit(
        world.edit("assignment/alike", "to", alike),
        world.edit("assignment/all", "to", None),
    )
    assert comes_back(world, silent(old)).outcome == APPLIED
    assert world.log.state.value("assignment/alike", "to") == alike, "a group of that name"
    assert world.log.state.value("assignment/all", "to") is None


def test_r15_who_came_back_by_itself_reads_no_secret_until_a_person_says_so() -> None:
    world = World()
    _, old = came(world)
    key = world.key()
    comes_back(world, silent(old), key)
    new, state, section = DeviceId(key.key_id), world.log.state, device_path(key.key_id)
    sections = (f"{section}/config", "group/up", "policy/wifi", "cluster")
    assert not any(readers.is_entitled(state, path, device) for path in sections for device in (new, old))
    assert not any(KeyId(new) in readers.Devices(state).of(path) for path in sections)
    world.commit(world.edit(section, REBOUND, None))
    assert all(readers.is_entitled(state, path, new) for path in sections)
    assert all(KeyId(new) in readers.Devices(state).of(path) for path in sections)


def test_r15_no_change_makes_the_mark_and_who_confirmed_may_take_it_back() -> None:
    world = World()
    _, old = came(world)
    section = device_path(old)
    for row in ([old], None):
        with pytest.raises(Refused, match="set by joining"):
            world.commit(world.edit(section, REBOUND, row))
    key = world.key()
    comes_back(world, silent(old), key)
    section = device_path(key.key_id)
    world.commit(world.edit(section, REBOUND, None))
    assert world.commit(world.edit(section, REBOUND, [old])).outcome == APPLIED
    by_itself = world.change(world.edit(section, REBOUND, None), signers=(key,), device=key)
    with pytest.raises(Refused) as refusal:
        world.write(by_itself)
    assert refusal.value.code == "missing-signatures", "not the device itself"


def test_a39_owners_alone_say_that_routers_come_back_by_themselves() -> None:
    world = Stolen()
    world.grant("joinkey", world.bob)
    name = f"joinkey/{world.joinkey.key_id.hex()}"
    row = [world.joinkey.public, 5, 0, ["new"], "auto", ["02:*"], AUTO, ""]
    with pytest.raises(Refused) as refusal:
        world.by(world.bob, world.edit(name, "rule", row))
    assert refusal.value.code == "outside-grant"
    world.by(world.bob, world.edit(name, "rule", [*row[:6], "ask", ""]))
    with pytest.raises(Refused, match="made once"):
        world.by(world.bob, world.edit(name, "rule", None))
    world.by(world.bob, world.edit(name, "revoked", [True]))


def test_a45_on_another_branch_the_member_was_there_so_who_took_its_place_waits_for_a_person() -> None:
    world = World()
    _, old = came(world)
    request = world.request(world.key(), "hall", LABEL)
    rejected = world.strand(request)
    assert (rejected.outcome.code, rejected.outcome.reason) == (OutcomeCode.REJECTED, LABEL_KNOWN)
    assert rejected.absent is None
    assert world.log.state.value(device_path(old), "retired") is None
    assert world.replica().head == world.log.head


def test_what_asks_for_nobody_s_place_is_found_whatever_it_says() -> None:
    world = World()
    _, old = came(world)
    assert asks_as(world.log.state, world.request(world.key(), "hall", LABEL)) == old
    other = World(2)
    assert asks_as(other.log.state, world.request(world.key(), "hall", LABEL)) is None, "no such join key"
    device = world.key()
    section = device_path(device.key_id)

    def made(*edits: Edit) -> Change:
        return build_change(
            cluster=world.cluster,
            device=DeviceId(device.key_id),
            counter=0,
            message="",
            edits=edits,
            signers=(device,),
            random_bytes=world.random.randbytes,
        )

    assert asks_as(world.log.state, made(Edit(section, "label", None, None))) is None
    assert asks_as(world.log.state, made(Edit(section, "label", b"\xff", None))) is None
    empty = [Edit(section, key, codec.pack([]), None) for key in ("label", "origin")]
    assert asks_as(world.log.state, made(*empty)) is None


def test_a23_a_thief_s_join_key_gives_nobody_a_place_and_the_name_stays_with_who_ended() -> None:
    world = Stolen()
    eve = world.key()
    world.commit(world.edit("user/eve", "key", [eve.public]), world.edit("trust", "owner/eve", [eve.public]))
    key = world.key()
    world.allow_joining()
    world.write(world.request(key, "hall", LABEL))
    old, since = DeviceId(key.key_id), Seq(world.log.head.seq + 1)
    world.commit(world.edit("group/up", f"member/{old.hex()}", [True]))
    world.joinkey = world.key()
    row = [world.joinkey.public, 5, 0, [], "auto", ["02:*"], AUTO, ""]
    world.by(eve, world.edit(f"joinkey/{world.joinkey.key_id.hex()}", "rule", row))
    thief = world.key()
    comes_back(world, silent(old), thief)
    world.disable("eve")
    found = undoing(world.cluster, None, lambda: world.items, Suspect("eve"), Since(since))
    world.commit(*world.void_edits(found))
    state = world.log.state
    assert state.value(device_path(thief.key_id), "retired") == [True]
    assert state.value(device_path(old), "name") == ["hall-old"], "the other ended as hall"
    assert state.value("group/up", f"member/{old.hex()}") == [True]
    assert state.value("group/up", f"member/{thief.key_id.hex()}") is None
    assert (device_path(old), "retired") in [(left.section, left.key) for left in found.left]
