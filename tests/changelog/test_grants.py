"""What a grant lets its holders do, and where it ends (R1, A39): as hand-signed bytes, too."""

from collections.abc import Sequence

import pytest

from dusk import codec
from dusk.changelog.body import Edit
from dusk.changelog.entry import APPLIED
from dusk.changelog.sections import device_path, expected_path
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.keys.signing import SigningKey
from tests.granting import SETTING, Cluster, refuse
from tests.world import World, sealed_key


def test_a_grant_with_a_threshold_needs_that_many_and_owners_count() -> None:
    world = Cluster()
    world.commit(world.edit("trust", "quorum", [1]))
    world.grant("policy/wifi", [world.bob, world.carol], threshold=2)
    edit = world.set("wifi", "system.s.x", "1")
    refuse(world, world.change(edit, signers=(world.bob,)), "missing-signatures")
    refuse(world, world.change(edit, signers=(world.bob, world.kitchen)), "missing-signatures")
    assert world.write(world.change(edit, signers=(world.bob, world.carol))).outcome == APPLIED
    dave = world.key()
    world.commit(
        world.edit("user/dave", "key", [dave.public]), world.edit("trust", "owner/dave", [dave.public])
    )
    world.commit(world.edit("trust", "quorum", [2]))
    again = world.set("wifi", "system.s.x", "2")
    refuse(world, world.change(again), "missing-signatures")
    assert world.write(world.change(again, signers=(world.bob, dave))).outcome == APPLIED


def test_what_nobody_was_granted_is_the_owners() -> None:
    world = World()
    bob = world.key()
    world.commit(world.edit("user/bob", "key", [bob.public]))
    refuse(world, world.change(world.set("w", "system.s.x", "1"), signers=(bob,)), "missing-signatures")


def test_the_longest_prefix_decides_and_components_are_whole() -> None:
    world = Cluster()
    world.grant("policy/wifi", [world.carol])
    refuse(
        world, world.change(world.set("wifi", "system.s.x", "1"), signers=(world.bob,)), "missing-signatures"
    )
    refuse(
        world,
        world.change(world.set("wifi2", "system.s.x", "1"), signers=(world.carol,)),
        "missing-signatures",
    )
    change = world.change(world.set("wifi", "system.s.x", "1"), signers=(world.carol,))
    assert world.write(change).outcome == APPLIED
    change = world.change(world.set("wifi2", "system.s.x", "1"), signers=(world.bob,))
    assert world.write(change).outcome == APPLIED


def test_a_grant_opens_neither_trust_nor_cluster_nor_users_nor_facts() -> None:
    world = Cluster()
    for prefix in ("trust", "cluster", "user", "device"):
        world.grant(prefix, [world.bob])
    for where in ("trust owner", "cluster", "user key", "own sealed", "device facts"):
        refuse(world, world.change(world.edits()[where], signers=(world.bob,)), "missing-signatures")


def test_the_sealed_key_of_a_user_is_not_his_to_write_who_owns_under_the_same_name() -> None:
    world = Cluster()
    namesake = world.key()
    world.commit(world.edit("trust", "owner/carol", [namesake.public]), world.edit("trust", "quorum", [2]))
    edit = world.edits()["own sealed"]
    refuse(world, world.change(edit, signers=(namesake,)), "missing-signatures")
    assert world.write(world.change(edit, signers=(world.carol,))).outcome == APPLIED


def test_a_sealed_key_of_nobody_is_nobodys_to_write() -> None:
    world = Cluster()
    edit = world.edit("user/nobody", "sealed", [sealed_key(world.carol, "nobody")])
    refuse(world, world.change(edit, signers=(world.carol,)), "missing-signatures")


def test_an_owner_alone_writes_his_own_sealed_key() -> None:
    world = Cluster()
    world.commit(world.edit("trust", "owner/carol", [world.carol.public]), world.edit("trust", "quorum", [2]))
    change = world.change(world.edits()["own sealed"], signers=(world.carol,))
    assert world.write(change).outcome == APPLIED


def test_a_join_key_in_a_grant_signs_nothing() -> None:
    world = Cluster()
    world.grant("policy", [world.joinkey])
    refuse(world, world.change(world.set("w", "system.s.x", "1"), signers=(world.joinkey,)), "unknown-key")


def limited() -> Cluster:
    """Grant Bob the Wi-Fi of guests, and have the owner set what he may not touch."""
    world = Cluster()
    world.grant("policy/wifi", [world.bob], packages=["wireless", "file:/etc/motd"])
    world.grant("assignment/wifi", [world.bob], groups=["guests"], priority=100)
    world.grant("group", [world.bob], groups=["guests"], packages=["wireless"])
    world.grant("device", [world.bob], groups=["guests"], packages=["wireless"])
    world.grant("joinkey", [world.bob], groups=["guests"])
    world.grant("expected", [world.bob], groups=["guests"], packages=["wireless"])
    for policy in ("base", "all", "guests", "nobody"):
        world.grant(f"policy/{policy}", [world.bob], groups=["guests"])
    kitchen, hall = device_path(world.kitchen.key_id), device_path(world.hall.key_id)
    world.commit(
        world.set("wifi", "firewall.f.x", "1"),
        world.edit(hall, "groups", [["guests"]]),
        world.edit(kitchen, "groups", [["core"]]),
        world.edit(f"{kitchen}/config", "var/x", ["1"]),
        world.edit("assignment/base", "to", ["groups", ["core", "guests"], 1]),
        world.edit("assignment/all", "to", ["all", [], 1]),
        world.edit("assignment/guests", "to", ["groups", ["guests"], 1]),
        world.edit(expected_path("02:cc"), "as", ["02:cc", "", [], []]),
    )
    return world


LIMITED = limited()
KITCHEN = device_path(LIMITED.kitchen.key_id)
ATTIC, HALL = device_path(LIMITED.device_id), device_path(LIMITED.hall.key_id)
KEY = LIMITED.key()
SET_ASIDE, NOWHERE = expected_path("02:bb"), expected_path("02:cc")


def rule(groups: Sequence[str]) -> list[object]:
    return [KEY.public, 1, 0, list(groups), "auto", [], "ask", ""]


STRETCHED: dict[str, tuple[str, str, list[object] | None]] = {
    "firewall into wifi": ("policy/wifi", "set/firewall.f.y", SETTING),
    "dropbear into wifi": ("policy/wifi", "set/dropbear.d.y", SETTING),
    "a package that only begins alike": ("policy/wifi", "set/wireless2.d.y", SETTING),
    "delete a firewall option": ("policy/wifi", "set/firewall.f.x", None),
    "a section of the firewall": ("policy/wifi", "set/firewall.f", [int(Verb.TYPE), 0, ["rule"], []]),
    "to all": ("assignment/wifi", "to", ["all", [], 1]),
    "to a device": ("assignment/wifi", "to", ["devices", [LIMITED.kitchen.key_id.hex()], 1]),
    "to a foreign group": ("assignment/wifi", "to", ["groups", ["guests", "core"], 1]),
    "a higher priority": ("assignment/wifi", "to", ["groups", ["guests"], 101]),
    "members of a foreign group": ("group/core", "made", [True]),
    "a variable of a group": ("group/guests", "var/x", ["1"]),
    "a device into a foreign group": (KITCHEN, "groups", [["core", "guests", "lan"]]),
    "a device out of a foreign group": (KITCHEN, "groups", [["guests"]]),
    "a device of another group into the granted one": (KITCHEN, "groups", [["core", "guests"]]),
    "a device in no group into the granted one": (ATTIC, "groups", [["guests"]]),
    "a device in no group into the granted one, as a member": ("group/guests", f"member/{ATTIC[7:]}", [True]),
    "a device of another group as a member": ("group/guests", f"member/{KITCHEN[7:]}", [True]),
    "a device out of the last group": (HALL, "groups", [[]]),
    "a name of a device in no group": (ATTIC, "name", ["pantry"]),
    "a policy of another group": ("policy/base", "set/wireless.radio0.channel", SETTING),
    "a policy of all": ("policy/all", "set/wireless.radio0.channel", SETTING),
    "joining into no group": (f"joinkey/{KEY.key_id.hex()}", "rule", rule([])),
    "a device that is expected in no group": (SET_ASIDE, "as", ["02:bb", "attic", [], []]),
    "what is expected in no group": (NOWHERE, "as", None),
    "all groups of a device": (KITCHEN, "groups", None),
    "a variable of a device": (f"{KITCHEN}/config", "var/x", ["2"]),
    "a variable of a device gone": (f"{KITCHEN}/config", "var/x", None),
    "firewall of a device": (f"{KITCHEN}/config", "set/firewall.f.y", SETTING),
    "wireless of a device of another group": (f"{KITCHEN}/config", "set/wireless.radio0.channel", SETTING),
    "a name of a device of another group": (KITCHEN, "name", ["pantry"]),
    "the end of a device of another group": (KITCHEN, "retired", [True]),
    "wireless of a device in no group": (f"{ATTIC}/config", "set/wireless.radio0.channel", SETTING),
    "a device that is expected elsewhere": (SET_ASIDE, "as", ["02:bb", "", ["core"], []]),
    "a variable of one that is expected": (
        expected_path("02:bb"),
        "as",
        ["02:bb", "", ["guests"], [["x", "1"]]],
    ),
    "a key of a device": (KITCHEN, "origin", ["genesis", b"", ""]),
    "joining into a foreign group": (f"joinkey/{KEY.key_id.hex()}", "rule", rule(["guests", "core"])),
}
WITHIN: dict[str, tuple[str, str, list[object] | None]] = {
    "wireless into wifi": ("policy/wifi", "set/wireless.radio0.channel", SETTING),
    "to the granted group": ("assignment/wifi", "to", ["groups", ["guests"], 100]),
    "a policy of the granted group": ("policy/guests", "set/wireless.radio0.channel", SETTING),
    "a policy of nobody": ("policy/nobody", "set/wireless.radio0.channel", SETTING),
    "what is made of the granted group": ("group/guests", "made", [True]),
    "a member of the granted group that it is already": ("group/guests", f"member/{HALL[7:]}", [True]),
    "the same groups": (HALL, "groups", [["guests", "guests"]]),
    "wireless of a device": (f"{HALL}/config", "set/wireless.radio0.channel", SETTING),
    "a name": (HALL, "name", ["pantry"]),
    "the end of a device": (HALL, "retired", [True]),
    "a device that is expected": (SET_ASIDE, "as", ["02:bb", "", ["guests"], []]),
    "joining into the granted group": (f"joinkey/{KEY.key_id.hex()}", "rule", rule(["guests"])),
    "revoke what is not there": (f"joinkey/{LIMITED.key().key_id.hex()}", "revoked", [True]),
}


@pytest.mark.parametrize("what", STRETCHED)
def test_a39_a_grant_is_not_stretched(what: str) -> None:
    section, key, row = STRETCHED[what]
    change = LIMITED.change(LIMITED.edit(section, key, row), signers=(LIMITED.bob,))
    refuse(LIMITED, change, "outside-grant")


@pytest.mark.parametrize("what", WITHIN)
def test_a39_within_its_limits_a_grant_holds(what: str) -> None:
    section, key, row = WITHIN[what]
    change = LIMITED.change(LIMITED.edit(section, key, row), signers=(LIMITED.bob,))
    assert LIMITED.replica().write_change(change, LIMITED.stamp())[1].outcome == APPLIED


def test_a39_what_others_aimed_higher_is_not_taken_away_either() -> None:
    world = limited()
    world.commit(world.edit("assignment/wifi", "to", ["groups", ["core"], 500]))
    for row in (None, ["groups", ["guests"], 1]):
        refuse(
            world,
            world.change(world.edit("assignment/wifi", "to", row), signers=(world.bob,)),
            "outside-grant",
        )
    rule = world.edit(
        f"joinkey/{KEY.key_id.hex()}", "rule", [KEY.public, 1, 0, ["core"], "auto", [], "ask", ""]
    )
    world.commit(rule)
    revoke = world.edit(f"joinkey/{KEY.key_id.hex()}", "revoked", [True])
    refuse(world, world.change(revoke, signers=(world.bob,)), "outside-grant")
    none = world.edit(f"joinkey/{KEY.key_id.hex()}", "rule", None)
    refuse(world, world.change(none, signers=(world.bob,)), "outside-grant")


def test_a39_only_a_priority_or_only_groups_may_be_limited() -> None:
    world = Cluster()
    world.grant("assignment", [world.bob], priority=10)
    assert (
        world.write(
            world.change(world.edit("assignment/a", "to", ["all", [], 10]), signers=(world.bob,))
        ).outcome
        == APPLIED
    )
    world.grant("assignment", [world.bob], groups=["guests"])
    edit = world.edit("assignment/b", "to", ["groups", ["guests"], 999])
    assert world.write(world.change(edit, signers=(world.bob,))).outcome == APPLIED


def into(world: Cluster, group: str, device: SigningKey) -> Edit:
    """Return the edit that puts a device into a group, as a member."""
    return world.edit(f"group/{group}", f"member/{device.key_id.hex()}", [True])


def test_a39_who_has_a_group_alone_takes_no_device_into_it() -> None:
    world = Cluster()
    world.grant("device", [])
    for groups in (None, ["guests"]):
        world.grant("group", [world.bob], groups=groups)
        refuse(
            world, world.change(into(world, "guests", world.hall), signers=(world.bob,)), "missing-signatures"
        )
    world.commit(into(world, "guests", world.hall))
    leave = world.edit("group/guests", f"member/{world.hall.key_id.hex()}", None)
    refuse(world, world.change(leave, signers=(world.bob,)), "missing-signatures")


def reading(world: Cluster, group: str) -> Edit:
    """Return the edit that lets the hall read the secrets of a group."""
    return world.edit(f"reader/{world.hall.key_id.hex()}", f"group/{group}", [True])


def test_a39_who_lets_a_device_read_secrets_is_granted_that_and_the_group() -> None:
    world = Cluster()
    refuse(world, world.change(reading(world, "guests"), signers=(world.bob,)), "missing-signatures")
    world.grant("reader", [world.bob, world.carol], groups=["guests"])
    refuse(world, world.change(reading(world, "guests"), signers=(world.carol,)), "missing-signatures")
    refuse(world, world.change(reading(world, "lan"), signers=(world.bob,)), "outside-grant")
    assert world.write(world.change(reading(world, "guests"), signers=(world.bob,))).outcome == APPLIED
    world.grant("group", [world.bob], groups=["lan"])
    gone = world.edit(f"reader/{world.hall.key_id.hex()}", "group/guests", None)
    refuse(world, world.change(gone, signers=(world.bob,)), "outside-grant")
    world.grant("group", [world.bob])
    assert world.write(world.change(gone, signers=(world.bob,))).outcome == APPLIED


def test_a39_a_grant_for_packages_lets_nobody_read_secrets_of_others() -> None:
    world = Cluster()
    world.grant("reader", [world.bob], packages=["wireless"])
    refuse(world, world.change(reading(world, "guests"), signers=(world.bob,)), "outside-grant")


def test_a39_devices_of_the_granted_groups_are_moved_among_them() -> None:
    world = Cluster()
    world.grant("group", [world.bob], groups=["guests", "lan"])
    world.grant("device", [world.bob], groups=["guests", "lan"])
    world.commit(into(world, "guests", world.hall))
    leave = world.edit("group/guests", f"member/{world.hall.key_id.hex()}", None)
    refuse(world, world.change(leave, signers=(world.bob,)), "outside-grant")
    move = world.change(leave, into(world, "lan", world.hall), signers=(world.bob,))
    assert world.write(move).outcome == APPLIED
    world.commit(world.edit(device_path(world.hall.key_id), "groups", [["core"]]))
    back = into(world, "guests", world.hall)
    refuse(world, world.change(back, signers=(world.bob,)), "outside-grant")


def test_a39_a_device_that_is_retired_leaves_its_groups_by_the_same_word() -> None:
    world = Cluster()
    world.grant("group", [world.bob], groups=["guests"])
    world.grant("device", [world.bob], groups=["guests"])
    world.commit(into(world, "guests", world.hall))
    ends = (
        world.edit("group/guests", f"member/{world.hall.key_id.hex()}", None),
        world.edit(device_path(world.hall.key_id), "retired", [True]),
    )
    refuse(world, world.change(ends[0], signers=(world.bob,)), "outside-grant")
    assert world.write(world.change(*ends, signers=(world.bob,))).outcome == APPLIED


def test_a_grant_that_names_a_device_holds_what_groups_it_goes_into_and_comes_from() -> None:
    world = Cluster()
    hall = device_path(world.hall.key_id)
    world.commit(world.edit(hall, "groups", [["core"]]))
    world.grant(hall, [world.bob], groups=["guests"])
    for groups in ([], ["guests"], ["core", "lan"]):
        edit = world.edit(hall, "groups", [groups])
        refuse(world, world.change(edit, signers=(world.bob,)), "outside-grant")
    into_guests = world.edit(hall, "groups", [["core", "guests"]])
    assert world.write(world.change(into_guests, signers=(world.bob,))).outcome == APPLIED
    name = world.edit(hall, "name", ["pantry"])
    assert world.write(world.change(name, signers=(world.bob,))).outcome == APPLIED


@pytest.mark.parametrize("key", ["key", "origin"])
def test_what_a_device_joined_with_is_outside_every_grant(key: str) -> None:
    rows = {"key": (KEY.public,), "origin": ("x", bytes(32), "y")}
    change = LIMITED.change(LIMITED.edit(KITCHEN, key, rows[key]), signers=(LIMITED.bob,))
    refuse(LIMITED, change, "outside-grant")


def test_the_limits_of_a_grant_do_not_bind_the_owners() -> None:
    world = limited()
    assert world.commit(world.set("wifi", "firewall.f.x", "2")).outcome == APPLIED


def test_an_encoded_setting_is_what_the_table_writes() -> None:
    assert codec.pack(SETTING) == encode_setting(Setting(Verb.SET, ("1",), 0))
