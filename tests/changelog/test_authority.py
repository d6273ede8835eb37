"""Who may change what (R1, A1, A39): every kind of key against every section."""

import re
from collections.abc import Sequence

import pytest

from dusk import codec
from dusk.changelog.authority import check_authority
from dusk.changelog.body import Change, Edit, Signature
from dusk.changelog.entry import APPLIED, sign_head
from dusk.changelog.log import pack_entry_item
from dusk.changelog.sections import device_path, expected_path
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.effects import ItemKind, LogItem
from dusk.errors import Refused, UntrustedInput
from dusk.keys.signing import SigningKey
from tests.world import NO_REST, World, sealed_key

SETTING = [int(Verb.SET), 0, ["1"], []]


class Cluster(World):
    """A world with each kind of key: two users, one of them granted much, two devices, a join key."""

    def __init__(self) -> None:
        super().__init__()
        self.bob, self.carol, self.gone, self.stranger = (self.key() for _ in range(4))
        for name, key in (("bob", self.bob), ("carol", self.carol), ("gone", self.gone)):
            self.commit(self.edit(f"user/{name}", "key", [key.public]))
        self.commit(self.edit("user/gone", "disabled", [True]))
        self.allow_joining()
        self.kitchen, self.garage, self.hall = (self.join(name) for name in ("kitchen", "garage", "hall"))
        for prefix in ("policy", "assignment", "group", "joinkey", "device"):
            self.grant(prefix, [self.bob])

    def grant(
        self,
        prefix: str,
        keys: Sequence[SigningKey],
        *,
        threshold: int = 1,
        packages: Sequence[str] | None = None,
        groups: Sequence[str] | None = None,
        priority: int | None = None,
    ) -> None:
        row = [sorted(k.key_id for k in keys), threshold, packages, groups, priority]
        self.commit(self.edit("trust", f"grant/{prefix}", row))

    def signers(self) -> dict[str, SigningKey]:
        return {
            "owner": self.owner,
            "granted": self.bob,
            "user": self.carol,
            "device": self.kitchen,
            "other device": self.garage,
            "join key": self.joinkey,
            "disabled user": self.gone,
            "stranger": self.stranger,
        }

    def edits(self) -> dict[str, Edit]:
        kitchen, new = device_path(self.kitchen.key_id), self.key()
        rule: list[object] = [new.public, 1, 0, [], "auto", [], "ask", ""]
        return {
            "trust owner": self.edit("trust", "owner/carol", [self.carol.public]),
            "trust grant": self.edit("trust", "grant/policy", [[self.carol.key_id], 1, None, None, None]),
            "trust recovery": self.edit("trust", "recovery", [new.public, 0]),
            "cluster": self.edit("cluster", "cycle", [1000]),
            "cluster succession": self.edit("cluster", "succession", [[self.kitchen.key_id]]),
            "cluster variable": self.edit("cluster", "var/x", ["y"]),
            "user key": self.edit("user/dave", "key", [new.public]),
            "own key": self.edit("user/carol", "key", [new.public]),
            "own sealed": self.edit("user/carol", "sealed", [sealed_key(self.carol, "carol")]),
            "own sealed gone": self.edit("user/carol", "sealed", None),
            "join key": self.edit(f"joinkey/{new.key_id.hex()}", "rule", rule),
            "device name": self.edit(kitchen, "name", ["cellar"]),
            "device retired": self.edit(kitchen, "retired", [True]),
            "device facts": self.edit(f"{kitchen}/facts", "board", ["x86"]),
            "device config": self.edit(f"{kitchen}/config", "set/system.s.x", SETTING),
            "device variable": self.edit(f"{kitchen}/config", "var/x", ["y"]),
            "policy": self.edit("policy/wifi", "set/system.s.x", SETTING),
            "assignment": self.edit("assignment/wifi", "to", ["all", [], 1]),
            "group": self.edit("group/ap", f"member/{self.kitchen.key_id.hex()}", [True]),
        }


OWNERS_ONLY = {"owner"}
GRANTED = {"owner", "granted"}
MAY = {
    "trust owner": OWNERS_ONLY,
    "trust grant": OWNERS_ONLY,
    "trust recovery": OWNERS_ONLY,
    "cluster": OWNERS_ONLY,
    "cluster succession": OWNERS_ONLY,
    "cluster variable": OWNERS_ONLY,
    "user key": OWNERS_ONLY,
    "own key": OWNERS_ONLY,
    "own sealed": {"owner", "user"},
    "own sealed gone": {"owner", "user"},
    "join key": GRANTED,
    "device name": GRANTED,
    "device retired": GRANTED,
    "device facts": {"device"},
    "device config": GRANTED,
    "device variable": GRANTED,
    "policy": GRANTED,
    "assignment": GRANTED,
    "group": GRANTED,
}
REASONS = {"join key": "unknown-key", "stranger": "unknown-key", "disabled user": "inactive-key"}
CLUSTER = Cluster()
WHERE, WHO = list(CLUSTER.edits()), list(CLUSTER.signers())


def refuse(world: World, change: Change, code: str) -> None:
    """Have the writer refuse a change, and a replica too when a false writer took it (A1)."""
    with pytest.raises(Refused) as refusal:
        world.log.write_change(change, world.stamp())
    assert refusal.value.code == code, refusal.value.reason
    refuse_by_replica(world, change, refusal.value.reason)


def refuse_by_replica(world: World, change: Change, reason: str) -> None:
    """See a replica refuse, for the same reason, an entry that a false master made of it."""
    replica, forger = world.replica(), world.replica()
    before = replica.head
    honest = world.change(world.set("forged", "system.s.x", "1"), counter=2**40)
    _, entry = forger.write_change(honest, world.stamp())
    forged = entry._replace(change=change.id, signatures=change.signatures_hash)
    head = sign_head(world.master, world.cluster, forged.head, NO_REST)
    with pytest.raises(UntrustedInput, match=re.escape(reason)):
        replica.extend([pack_entry_item(forged, change), LogItem(ItemKind.HEAD, head.encode())])
    assert replica.head == before


def test_the_table_below_names_every_kind() -> None:
    assert set(WHERE) == set(MAY)
    assert set().union(*MAY.values()) <= set(WHO)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("who", WHO)
def test_a1_each_kind_of_key_writes_its_own_sections_and_no_other(who: str, where: str) -> None:
    log = CLUSTER.replica()
    log.leader = CLUSTER.device_id
    signer = CLUSTER.signers()[who]
    change = CLUSTER.change(CLUSTER.edits()[where], signers=(signer,))
    if who in MAY[where]:
        assert log.write_change(change, CLUSTER.stamp())[1].outcome == APPLIED
        return
    before = log.head, log.state.derived_hash
    with pytest.raises(Refused) as refusal:
        log.write_change(change, CLUSTER.stamp())
    assert refusal.value.code == REASONS.get(who, "missing-signatures"), refusal.value.reason
    assert (log.head, log.state.derived_hash) == before
    refuse_by_replica(CLUSTER, change, refusal.value.reason)


def altered(change: Change, signatures: Sequence[Signature]) -> Change:
    return Change(change.body_bytes, tuple(sorted(signatures, key=lambda s: s.key_id)), change.values)


def test_a1_an_unsigned_change_is_refused() -> None:
    change = CLUSTER.change(CLUSTER.set("wifi", "system.s.x", "1"))
    refuse(CLUSTER, altered(change, ()), "missing-signatures")


def test_a1_the_signature_of_another_change_does_not_do() -> None:
    one, other = (CLUSTER.change(CLUSTER.set("wifi", "system.s.x", v)) for v in "12")
    refuse(CLUSTER, altered(one, other.signatures), "bad-signature")


def test_a1_all_signatures_must_verify_not_only_enough() -> None:
    one, other = (
        CLUSTER.change(CLUSTER.set("w", "system.s.x", v), signers=(CLUSTER.owner, CLUSTER.bob)) for v in "12"
    )
    bad = next(s for s in other.signatures if s.key_id == CLUSTER.bob.key_id)
    good = next(s for s in one.signatures if s.key_id == CLUSTER.owner.key_id)
    refuse(CLUSTER, altered(one, (good, bad)), "bad-signature")


def test_a1_the_authors_own_signature_is_needed() -> None:
    change = CLUSTER.change(CLUSTER.set("w", "system.s.x", "1"), signers=(CLUSTER.carol, CLUSTER.owner))
    only_owner = [s for s in change.signatures if s.key_id == CLUSTER.owner.key_id]
    refuse(CLUSTER, altered(change, only_owner), "missing-signatures")


def test_a1_a_section_that_may_be_written_does_not_carry_another_that_may_not() -> None:
    mixed = CLUSTER.change(
        CLUSTER.set("wifi", "system.s.x", "1"), CLUSTER.edits()["cluster"], signers=(CLUSTER.bob,)
    )
    refuse(CLUSTER, mixed, "missing-signatures")


def test_a8_a_change_for_another_cluster_is_refused() -> None:
    refuse(
        CLUSTER,
        CLUSTER.change(CLUSTER.set("w", "system.s.x", "1"), cluster=World(3).cluster),
        "foreign-cluster",
    )


def test_a8_a_change_of_one_section_does_not_pass_for_another() -> None:
    change = CLUSTER.change(CLUSTER.set("wifi", "system.s.x", "1"), signers=(CLUSTER.bob,))
    moved = CLUSTER.change(CLUSTER.edit("cluster", "cycle", [1000]), signers=(CLUSTER.bob,))
    refuse(CLUSTER, altered(moved, change.signatures), "bad-signature")


def test_a_change_made_on_a_device_that_is_no_member_is_refused() -> None:
    refuse(
        CLUSTER,
        CLUSTER.change(CLUSTER.set("w", "system.s.x", "1"), device=CLUSTER.stranger),
        "unknown-device",
    )
    refuse(
        CLUSTER, CLUSTER.change(CLUSTER.set("w", "system.s.x", "1"), device=CLUSTER.owner), "unknown-device"
    )


def test_a25_a_removed_key_is_refused_from_there_on_with_any_base() -> None:
    world = Cluster()
    early = world.change(world.set("w", "system.s.x", "1"), signers=(world.bob,), counter=1)
    on_kitchen = world.change(world.set("v", "system.s.x", "1"), device=world.kitchen)
    facts = world.change(world.edits()["device facts"], signers=(world.kitchen,), device=world.kitchen)
    world.commit(world.edit("user/bob", "disabled", [True]))
    world.commit(world.edit(device_path(world.kitchen.key_id), "retired", [True]))
    refuse(world, early, "inactive-key")
    refuse(world, on_kitchen, "unknown-device")
    refuse(world, facts, "inactive-key")
    world.commit(world.edit("user/bob", "disabled", None))
    assert world.write(early).outcome == APPLIED


def test_a25_a_replaced_key_is_forgotten() -> None:
    world = Cluster()
    new = world.key()
    world.commit(world.edit("user/bob", "key", [new.public]))
    refuse(world, world.change(world.set("w", "system.s.x", "1"), signers=(world.bob,)), "unknown-key")


def test_a1_a_user_named_like_a_device_says_none_of_its_facts() -> None:
    world = Cluster()
    device = world.kitchen.key_id.hex()
    impostor = world.key()
    world.commit(world.edit(f"user/{device}", "key", [impostor.public]))
    for signers in ((impostor,), (impostor, world.owner)):
        facts = world.change(world.edits()["device facts"], signers=signers)
        refuse(world, facts, "missing-signatures")


def test_a_key_that_the_log_does_not_know_satisfies_nobody() -> None:
    change = CLUSTER.change(CLUSTER.edits()["device facts"], signers=(CLUSTER.stranger,))
    with pytest.raises(Refused) as refusal:
        check_authority(CLUSTER.log.state, change.body.operations, change.values, [CLUSTER.stranger.key_id])
    assert refusal.value.code == "missing-signatures"


# --- grants --------------------------------------------------------------------------------------


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
    kitchen, hall = device_path(world.kitchen.key_id), device_path(world.hall.key_id)
    world.commit(
        world.set("wifi", "firewall.f.x", "1"),
        world.edit(hall, "groups", [["guests"]]),
        world.edit(kitchen, "groups", [["core"]]),
        world.edit(f"{kitchen}/config", "var/x", ["1"]),
    )
    return world


LIMITED = limited()
KITCHEN = device_path(LIMITED.kitchen.key_id)
ATTIC, HALL = device_path(LIMITED.device_id), device_path(LIMITED.hall.key_id)
KEY = LIMITED.key()
SET_ASIDE = expected_path("02:bb")


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
    "members of the granted group": ("group/guests", "made", [True]),
    "a device into the granted group": (KITCHEN, "groups", [["core", "guests"]]),
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
