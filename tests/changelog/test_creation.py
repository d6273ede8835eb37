"""Joining by a join key: it makes a device as the rule allows, and nothing else (A19)."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import codec
from dusk.changelog import views
from dusk.changelog.body import Change, Edit, Signature, build_change
from dusk.changelog.creation import is_request
from dusk.changelog.entry import APPLIED, Stamp
from dusk.changelog.labels import matches
from dusk.changelog.sections import device_path
from dusk.changelog.state import uses_key
from dusk.errors import Refused
from dusk.ids import ChangeId, DeviceId, KeyId
from dusk.keys.signing import SigningKey
from tests.world import BOOT, World

LABEL = "02:aa"


def refused(world: World, change: Change, stamp: Stamp | None = None) -> str:
    before = world.log.head, world.log.state.derived_hash
    with pytest.raises(Refused) as refusal:
        world.log.write_change(change, stamp or world.stamp())
    assert (world.log.head, world.log.state.derived_hash) == before
    return refusal.value.code


def with_rule(**changed: object) -> World:
    world = World()
    row: dict[str, object] = {
        "public": world.joinkey.public,
        "uses": 2,
        "expires": 0,
        "groups": ["ap", "all"],
        "mode": "auto",
        "labels": [],
        "rebind": "ask",
        "template": "",
    }
    row |= changed
    world.commit(world.edit(f"joinkey/{world.joinkey.key_id.hex()}", "rule", list(row.values())))
    return world


def test_a_request_to_join_is_of_the_device_that_it_makes_and_has_no_number() -> None:
    world = World()
    device = world.key()
    fact = world.edit(f"{device_path(world.device_id)}/facts", "board", ("x",))
    assert is_request(world.request(device))
    assert not is_request(world.change(fact, signers=(world.master,))), "a member's own change"
    assert not is_request(world.change(fact, counter=0)), "a person's change of several signers"


def hand_made(
    world: World, device: SigningKey, edits: Sequence[Edit], signers: Sequence[SigningKey], counter: int = 0
) -> Change:
    return build_change(
        cluster=world.cluster,
        device=DeviceId(device.key_id),
        counter=counter,
        message="",
        edits=edits,
        signers=signers,
        random_bytes=world.random.randbytes,
    )


def request_edits(world: World, device: SigningKey, section: str = "") -> list[Edit]:
    origin: list[object] = [world.joinkey.key_id.hex(), bytes(32), "router"]
    rows: dict[str, list[object]] = {"key": [device.public], "label": [LABEL], "origin": origin}
    where = section or device_path(device.key_id)
    return [Edit(where, key, codec.pack(row), None) for key, row in rows.items()]


def test_a_new_device_gets_its_name_and_groups_from_the_fold() -> None:
    world = with_rule()
    one, two = world.join("My Router!"), world.join("my router")
    members = {m.device_id: m for m in views.members(world.log.state)}
    assert members[DeviceId(one.key_id)].name == "my-router"
    assert members[DeviceId(two.key_id)].name == "my-router-2"
    assert members[DeviceId(one.key_id)].groups == ("all", "ap")
    assert world.log.state.derived(uses_key(world.joinkey.key_id.hex())) == 2
    assert world.replica().head == world.log.head


def test_the_template_of_the_rule_decides_the_name() -> None:
    world = with_rule(template="ap-{n}")
    world.join("king")
    world.join("queen")
    assert world.log.state.device_names().keys() >= {"ap-1", "ap-2"}


def test_a_new_device_may_sign_its_facts_at_once() -> None:
    world = with_rule()
    device = world.join()
    edit = world.edit(f"{device_path(device.key_id)}/facts", "board", ["x86"])
    assert world.write(world.change(edit, signers=(device,), device=device)).outcome == APPLIED


def test_a19_uses_are_counted_in_the_log() -> None:
    world = with_rule(uses=1)
    late = world.request(world.key())
    world.join()
    assert refused(world, late) == "joinkey-used-up"


def test_a19_a_revoked_key_lets_nobody_in() -> None:
    world = with_rule()
    world.commit(world.edit(f"joinkey/{world.joinkey.key_id.hex()}", "revoked", [True]))
    assert refused(world, world.request(world.key())) == "joinkey-revoked"


def test_a19_an_unknown_key_lets_nobody_in() -> None:
    world = World()
    assert refused(world, world.request(world.key())) == "unknown-joinkey"


def test_a19_a_key_for_approval_lets_nobody_in_by_itself() -> None:
    world = with_rule(mode="approve")
    assert refused(world, world.request(world.key())) == "approval-needed"


def test_a30_a_key_that_expires_needs_a_clock_that_is_trusted() -> None:
    world = with_rule(expires=1_800_000_000)
    change = world.request(world.key())
    writer = world.device_id
    assert refused(world, change, Stamp(writer, BOOT, 1_700_000_000, clock_trusted=False)) == "clock-unknown"
    assert refused(world, change, Stamp(writer, BOOT, 1_800_000_000, clock_trusted=True)) == "joinkey-expired"
    _, entry = world.log.write_change(change, Stamp(writer, BOOT, 1_799_999_999, clock_trusted=True))
    assert entry.outcome == APPLIED


def test_a30_nobody_waits_by_a_key_that_has_expired_or_may_have() -> None:
    world = with_rule(mode="approve", expires=2_000_000_000)
    request = world.request(world.key())
    for stamp, code in (
        (Stamp(world.device_id, BOOT, 1_700_000_000, clock_trusted=False), "clock-unknown"),
        (Stamp(world.device_id, BOOT, 2_000_000_000, clock_trusted=True), "joinkey-expired"),
    ):
        assert refused(world, request, stamp) == code
    assert refused(world, request) == "approval-needed"


def test_a20_a_label_of_a_member_lets_nobody_in_by_itself() -> None:
    world = with_rule(uses=5)
    first = world.key()
    world.write(world.request(first, label="02:bb"))
    again = world.request(world.key(), label="02:bb")
    assert refused(world, again) == "label-known"
    world.write(world.request(world.key(), label=""))
    world.write(world.request(world.key(), label=""))
    world.commit(world.edit(device_path(first.key_id), "retired", (True,)))
    world.write(again)


def test_a30_a_key_that_never_expires_needs_no_clock() -> None:
    world = with_rule()
    stamp = Stamp(world.device_id, BOOT, 0, clock_trusted=False)
    assert world.log.write_change(world.request(world.key()), stamp)[1].outcome == APPLIED


def test_a19_labels_that_the_rule_does_not_list_stay_out() -> None:
    world = with_rule(labels=["02:bb*", "02:a?"])
    assert refused(world, world.request(world.key(), label="02:ab:cd")) == "label-not-listed"
    world.write(world.request(world.key(), label="02:aa"))
    world.write(world.request(world.key(), label="02:bb:cd"))


@pytest.mark.parametrize(
    ("pattern", "label", "fits"),
    [
        ("", "", True),
        ("", "a", False),
        ("a", "", False),
        ("*", "", True),
        ("**", "abc", True),
        ("?", "", False),
        ("?", "ab", False),
        ("a*c", "abbc", True),
        ("a*c", "abcb", False),
        ("*a*b", "xaab", True),
        ("a*?", "a", False),
        ("[ab]", "a", False),
        ("[ab]", "[ab]", True),
        ("A", "a", False),
        ("*a" * 60 + "b", "a" * 255, False),
    ],
)
def test_patterns_of_labels_know_a_star_and_a_question_mark(pattern: str, label: str, *, fits: bool) -> None:
    assert matches(pattern, label) == fits


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_patterns_mean_what_their_definition_says(pattern: str, label: str) -> None:
    def defined(pattern: str, label: str) -> bool:
        if not pattern:
            return not label
        if pattern[0] == "*":
            return any(defined(pattern[1:], label[cut:]) for cut in range(len(label) + 1))
        return bool(label) and pattern[0] in ("?", label[0]) and defined(pattern[1:], label[1:])

    assert matches(pattern, label) == defined(pattern, label)


# --- nothing else -----------------------------------------------------------------------------


def test_a19_a_join_key_signs_for_no_other_section() -> None:
    world = with_rule()
    device = world.key()
    asked = request_edits(world, device)
    section = device_path(device.key_id)
    for extra in (
        world.edit("trust", "owner/eve", [device.public]),
        world.edit("cluster", "succession", [[device.key_id]]),
        world.edit("user/eve", "key", [device.public]),
        world.set("wifi", "system.s.x", "1"),
        Edit(section, "groups", codec.pack([["core"]]), None),
        Edit(section, "name", codec.pack(["attic2"]), None),
        Edit(f"{section}/facts", "board", codec.pack(["x86"]), None),
    ):
        for counter, code in ((0, "bad-request"), (1, "unknown-key")):
            change = hand_made(world, device, [*asked, extra], (device, world.joinkey), counter)
            assert refused(world, change) == code
    for edits in (asked[:2], [world.set("wifi", "system.s.x", "1")]):
        assert refused(world, hand_made(world, device, edits, (device, world.joinkey))) == "bad-request"


def test_a19_no_id_that_exists_or_existed_is_made_again() -> None:
    world = with_rule(uses=9)
    device = world.join()
    again = world.request(device)
    assert refused(world, again) == "device-exists"
    world.commit(world.edit(device_path(device.key_id), "retired", [True]))
    assert refused(world, again) == "device-exists"
    assert refused(world, world.request(world.master)) == "device-exists"


def test_a19_another_devices_id_cannot_be_taken() -> None:
    world = with_rule()
    device, victim = world.key(), world.key()
    foreign = hand_made(
        world, device, request_edits(world, device, device_path(victim.key_id)), (device, world.joinkey)
    )
    assert refused(world, foreign) == "bad-request"
    section = device_path(victim.key_id)
    edits = request_edits(world, device, section)
    body_of_victim = hand_made(world, victim, edits, (victim, world.joinkey))
    assert refused(world, body_of_victim) == "bad-request"


def test_a19_a_request_is_by_the_device_itself() -> None:
    world = with_rule()
    device, friend = world.key(), world.key()
    edits = request_edits(world, device)
    by_friend = hand_made(world, device, edits, (friend, world.joinkey))
    assert refused(world, by_friend) == "unknown-key"


def test_a19_a_persons_or_a_join_keys_key_makes_no_device() -> None:
    world = with_rule()
    other = world.key()
    world.commit(
        world.edit(f"joinkey/{other.key_id.hex()}", "rule", [other.public, 1, 0, [], "auto", [], "ask", ""])
    )
    for key in (world.owner, other):
        assert refused(world, world.request(key)) == "bad-request"
    itself = hand_made(world, world.joinkey, request_edits(world, world.joinkey), (world.joinkey,))
    assert refused(world, itself) == "bad-request"


def test_a19_both_keys_must_sign_and_nobody_else() -> None:
    world = with_rule()
    device = world.key()
    edits = request_edits(world, device)
    for signers in ((device,), (device, world.owner), (device, world.joinkey, world.owner)):
        assert refused(world, hand_made(world, device, edits, signers)) == "missing-signatures"
    assert refused(world, hand_made(world, device, edits, (world.joinkey, device))) == "unknown-key"
    good = hand_made(world, device, edits, (device, world.joinkey))
    for spoilt in (device.key_id, world.joinkey.key_id):
        signatures = tuple(
            Signature(KeyId(s.key_id), bytes(64)) if s.key_id == spoilt else s for s in good.signatures
        )
        assert refused(world, good._replace(signatures=signatures)) == "bad-signature"


def test_a_request_neither_deletes_nor_replaces() -> None:
    world = with_rule()
    device = world.key()
    edits = request_edits(world, device)
    signers = (device, world.joinkey)
    gone = [replace(edits[0], data=None), *edits[1:]]
    based = [replace(edits[0], base=ChangeId(bytes(32))), *edits[1:]]
    for wrong in (gone, based):
        assert refused(world, hand_made(world, device, wrong, signers)) == "bad-request"


def test_a8_a_request_to_another_cluster_is_refused() -> None:
    world, other = with_rule(), World(7)
    other.joinkey = world.joinkey
    assert refused(world, other.request(world.key())) == "foreign-cluster"


def test_a19_an_origin_that_is_no_join_key_is_refused() -> None:
    world = with_rule()
    device = world.key()
    for origin in ("genesis", "", "zz", world.joinkey.key_id.hex().upper()):
        edits = request_edits(world, device)
        edits[2] = replace(edits[2], data=codec.pack([origin, bytes(32), "router"]))
        change = hand_made(world, device, edits, (device, world.joinkey))
        assert refused(world, change) == "unknown-joinkey"
