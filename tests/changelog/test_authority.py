"""Who may change what (R1, A1, A39): every kind of key against every section."""

from collections.abc import Sequence

import pytest

from dusk.changelog.authority import check_authority
from dusk.changelog.body import Change, Signature
from dusk.changelog.entry import APPLIED
from dusk.changelog.sections import device_path
from dusk.errors import Refused
from tests.granting import Cluster, refuse, refuse_by_replica
from tests.world import World

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
    "device retired": {*GRANTED, "device"},
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


@pytest.mark.parametrize(("key", "row"), [("wipe", [True]), ("name", ["cellar"]), ("groups", [[]])])
def test_a1_a_device_that_leaves_says_by_its_own_key_that_it_does_and_nothing_else(
    key: str, row: list[object]
) -> None:
    section = device_path(CLUSTER.kitchen.key_id)
    left = CLUSTER.edit(section, "retired", [True])
    signers = (CLUSTER.kitchen,)
    refuse(
        CLUSTER, CLUSTER.change(left, CLUSTER.edit(section, key, row), signers=signers), "missing-signatures"
    )


def test_a1_a_device_that_may_lead_does_not_leave() -> None:
    world = Cluster()
    left = world.edit(device_path(world.master.key_id), "retired", [True])
    refuse(world, world.change(left, signers=(world.master,)), "no-succession")


def test_a1_who_has_left_signs_nothing_more() -> None:
    world = Cluster()
    section = device_path(world.kitchen.key_id)
    leave = world.change(world.edit(section, "retired", [True]), signers=(world.kitchen,))
    assert world.write(leave).outcome == APPLIED
    facts = world.edit(f"{section}/facts", "board", ["x86"])
    refuse(world, world.change(facts, signers=(world.kitchen,)), "inactive-key")
    back = world.edit(section, "retired", None)
    refuse(world, world.change(back), "bad-value")


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
