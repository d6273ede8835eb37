"""What no quorum may do to its own cluster, and what a key or a name may mean (R1, A26)."""

import pytest

from dusk.changelog.body import Edit
from dusk.changelog.entry import APPLIED, Outcome, OutcomeCode, sign_head
from dusk.changelog.log import pack_entry_item
from dusk.changelog.sections import FACTS_MAX, device_path
from dusk.effects import ItemKind, LogItem
from dusk.errors import Refused, UntrustedInput
from dusk.ids import Seq
from dusk.keys.signing import SigningKey
from tests.world import NO_REST, World


def refused(world: World, *edits: Edit, signers: tuple[SigningKey, ...] = ()) -> str:
    before = world.log.head, world.log.state.derived_hash
    with pytest.raises(Refused) as refusal:
        world.write(world.change(*edits, signers=signers))
    assert (world.log.head, world.log.state.derived_hash) == before
    return refusal.value.code


def with_owner(world: World, name: str) -> SigningKey:
    key = world.key()
    world.commit(
        world.edit(f"user/{name}", "key", [key.public]), world.edit("trust", f"owner/{name}", [key.public])
    )
    return key


def test_the_last_owner_and_the_quorum_stay() -> None:
    world = World()
    assert refused(world, world.edit("trust", "owner/alice", None)) == "too-few-owners"
    assert refused(world, world.edit("trust", "quorum", None)) == "too-few-owners"
    assert refused(world, world.edit("trust", "quorum", [2])) == "too-few-owners"


def test_owners_are_counted_as_they_would_be_afterwards() -> None:
    world = World()
    bob = with_owner(world, "bob")
    world.commit(world.edit("trust", "quorum", [2]))
    gone = world.edit("trust", "owner/alice", None)
    both = (world.owner, bob)
    assert refused(world, gone, signers=both) == "too-few-owners"
    less = world.edit("trust", "quorum", [1])
    assert refused(world, gone, less) == "missing-signatures"
    assert world.write(world.change(gone, less, signers=both)).outcome == APPLIED
    assert refused(world, world.edit("cluster", "cycle", [900])) == "missing-signatures"


def test_trust_may_change_many_times_and_owners_become_users_again() -> None:
    world = World()
    bob = with_owner(world, "bob")
    for cycle in (1000, 2000):
        world.commit(world.edit("trust", "recovery", [world.key().public, 0]))
        assert (
            world.write(world.change(world.edit("cluster", "cycle", [cycle]), signers=(bob,))).outcome
            == APPLIED
        )
        world.commit(world.edit("trust", "owner/bob", None))
        assert refused(world, world.edit("cluster", "cycle", [1]), signers=(bob,)) == "bad-value"
        assert refused(world, world.edit("cluster", "cycle", [900]), signers=(bob,)) == "missing-signatures"
        world.commit(world.edit("trust", "owner/bob", [bob.public]))
    assert world.replica().state.owners() == world.log.state.owners()


def test_a26_of_two_mutual_removals_the_earlier_stands() -> None:
    world = World()
    bob = with_owner(world, "bob")
    by_alice = world.change(world.edit("trust", "owner/bob", None))
    by_bob = world.change(world.edit("trust", "owner/alice", None), signers=(bob,))
    assert world.write(by_alice).outcome == APPLIED
    for again in (by_bob, world.change(world.edit("trust", "owner/alice", None), signers=(bob,), counter=9)):
        with pytest.raises(Refused) as refusal:
            world.write(again)
        assert refusal.value.code == "missing-signatures"


def test_an_owner_is_not_disabled_beside_trust() -> None:
    world = World()
    assert refused(world, world.edit("user/alice", "disabled", [True])) == "bad-value"
    bob = with_owner(world, "bob")
    gone, disabled = world.edit("trust", "owner/bob", None), world.edit("user/bob", "disabled", [True])
    assert world.commit(gone, disabled).outcome == APPLIED
    assert refused(world, world.edit("trust", "owner/bob", [bob.public])) == "bad-value"


# --- succession ----------------------------------------------------------------------------------


def test_the_succession_is_of_members_and_never_empty() -> None:
    world = World()
    world.allow_joining()
    kitchen = world.join("kitchen")
    assert refused(world, world.edit("cluster", "succession", None)) == "no-succession"
    assert refused(world, world.edit("cluster", "succession", [[bytes(16)]])) == "no-succession"
    attic = device_path(world.device_id)
    assert refused(world, world.edit(attic, "retired", [True])) == "no-succession"
    both_at_once = [
        world.edit("cluster", "succession", [[kitchen.key_id]]),
        world.edit(attic, "retired", [True]),
    ]
    assert refused(world, *both_at_once) == "in-succession"
    world.commit(world.edit(device_path(kitchen.key_id), "retired", [True]))
    both = [[world.device_id, kitchen.key_id]]
    assert refused(world, world.edit("cluster", "succession", both)) == "no-succession"


def test_a25_a_leader_signs_its_own_retirement_and_nothing_behind_it() -> None:
    world = World()
    world.allow_joining()
    kitchen = world.join("kitchen")
    world.commit(world.edit("cluster", "succession", [[kitchen.key_id]]))
    world.commit(world.edit(device_path(world.device_id), "retired", [True]))
    replica = world.replica()
    assert replica.head == world.log.head
    later = world.change(world.set("a", "system.s.x", "1"), device=kitchen)
    with pytest.raises(Refused, match="retired"):
        world.write(later)
    last = world.entries[-1]
    forged = last._replace(
        seq=Seq(last.seq + 1),
        previous=world.log.head.chain,
        change=later.id,
        signatures=later.signatures_hash,
    )
    head = sign_head(world.master, world.cluster, replica.head, NO_REST)
    with pytest.raises(UntrustedInput, match="retired before"):
        replica.extend([pack_entry_item(forged, later), LogItem(ItemKind.HEAD, head.encode())])


# --- keys, names, devices ------------------------------------------------------------------------


def test_a_key_is_one_persons_only() -> None:
    world = World()
    world.allow_joining()
    kitchen, new = world.join("kitchen"), world.key()
    for public in (world.owner.public, kitchen.public, world.joinkey.public, world.master.public):
        assert refused(world, world.edit("user/eve", "key", [public])) == "bad-value"
        assert refused(world, world.edit("trust", "owner/eve", [public])) == "bad-value"
    twice = (world.edit("user/eve", "key", [new.public]), world.edit("user/dan", "key", [new.public]))
    assert refused(world, *twice) == "bad-value"
    mixed = (world.edit("user/eve", "key", [new.public]), world.edit("trust", "owner/dan", [new.public]))
    assert refused(world, *mixed) == "bad-value"
    rule = world.edit(f"joinkey/{new.key_id.hex()}", "rule", [new.public, 1, 0, [], "auto", [], "ask", ""])
    assert refused(world, rule, world.edit("user/eve", "key", [new.public])) == "bad-value"
    section = f"joinkey/{kitchen.key_id.hex()}"
    taken = world.edit(section, "rule", [kitchen.public, 1, 0, [], "auto", [], "ask", ""])
    assert refused(world, taken) == "bad-value"


def test_two_owners_are_two_keys_so_a_quorum_of_two_can_sign() -> None:
    world = World()
    new = world.key()
    edits = [world.edit("trust", f"owner/{name}", [new.public]) for name in ("bob", "carol")]
    assert refused(world, *edits, world.edit("trust", "quorum", [3])) == "bad-value"


def test_a_user_may_get_a_new_key_but_is_never_deleted() -> None:
    world = World()
    bob, new = with_owner(world, "bob"), world.key()
    assert refused(world, world.edit("user/bob", "key", None)) == "bad-value"
    both = [world.edit("user/bob", "key", [new.public]), world.edit("trust", "owner/bob", [new.public])]
    assert world.commit(*both).outcome == APPLIED
    assert refused(world, world.edit("cluster", "cycle", [900]), signers=(bob,)) == "unknown-key"
    world.commit(world.edit("user/carol", "key", [bob.public]))


def test_a_join_key_is_made_once_under_its_own_id_and_stays_revoked() -> None:
    world = World()
    name = world.allow_joining()
    rule = [world.joinkey.public, 9, 0, [], "auto", [], "ask", ""]
    assert refused(world, world.edit(f"joinkey/{name}", "rule", rule)) == "bad-value"
    assert refused(world, world.edit(f"joinkey/{name}", "rule", None)) == "bad-value"
    foreign = world.edit(f"joinkey/{bytes(16).hex()}", "rule", [world.key().public, *rule[1:]])
    assert refused(world, foreign) == "bad-value"
    world.commit(world.edit(f"joinkey/{name}", "revoked", [True]))
    assert refused(world, world.edit(f"joinkey/{name}", "revoked", None)) == "bad-value"


def test_a_device_is_made_by_joining_only_and_keeps_what_it_joined_with() -> None:
    world = World()
    world.allow_joining()
    kitchen = device_path(world.join("kitchen").key_id)
    new = world.key()
    for section in (kitchen, device_path(new.key_id)):
        for key, row in (
            ("key", [new.public]),
            ("label", ["02"]),
            ("origin", ["genesis", b"", ""]),
            ("key", None),
        ):
            assert refused(world, world.edit(section, key, row)) == "bad-value"
    assert refused(world, world.edit(device_path(new.key_id), "name", ["ghost"])) == "bad-value"
    assert refused(world, world.edit(kitchen, "name", None)) == "bad-value"
    assert refused(world, world.edit(kitchen, "groups", None)) == "bad-value"
    world.commit(world.edit(kitchen, "retired", [True]))
    assert refused(world, world.edit(kitchen, "retired", None)) == "bad-value"


def test_a_name_is_one_devices_and_two_may_exchange_theirs() -> None:
    world = World()
    world.allow_joining()
    one, two = (device_path(world.join(n).key_id) for n in ("kitchen", "garage"))
    assert refused(world, world.edit(one, "name", ["garage"])) == "name-taken"
    same = [world.edit(d, "name", ["cellar"]) for d in (one, two)]
    assert refused(world, *same) == "name-taken"
    swap = [world.edit(one, "name", ["garage"]), world.edit(two, "name", ["kitchen"])]
    assert world.commit(*swap).outcome == APPLIED
    assert world.commit(world.edit(one, "name", ["garage"])).outcome == APPLIED
    names = world.log.state.device_names()
    assert {n: set(d) for n, d in names.items()} == {
        "attic": {world.device_id.hex()},
        "garage": {one.removeprefix("device/")},
        "kitchen": {two.removeprefix("device/")},
    }


def test_a_device_says_a_bounded_number_of_facts_in_one_change_too() -> None:
    world = World()
    section = f"{device_path(world.device_id)}/facts"
    facts = [world.edit(section, f"fact{n}", ["x"]) for n in range(FACTS_MAX + 1)]
    with pytest.raises(Refused, match="more than 64 records"):
        world.write(world.change(*facts, signers=(world.master,)))
    world.write(world.change(*facts[:-1], signers=(world.master,)))


def test_a_device_says_a_bounded_number_of_facts() -> None:
    world = World()
    section = f"{device_path(world.device_id)}/facts"
    facts = [world.edit(section, f"fact{n}", ["x"]) for n in range(FACTS_MAX)]
    me = (world.master,)
    assert world.write(world.change(*facts, signers=me)).outcome == APPLIED
    assert world.write(world.change(world.edit(section, "fact0", None), signers=me)).outcome == APPLIED
    assert refused(world, world.edit(section, "another", ["x"]), signers=me) == "bad-value"
    assert world.write(world.change(world.edit(section, "fact0", ["y"]), signers=me)).outcome == APPLIED


def test_facts_are_counted_for_each_device_and_nothing_else_is() -> None:
    world = World()
    world.allow_joining()
    devices = (world.master, world.join("kitchen"))
    facts = [
        world.edit(f"{device_path(device.key_id)}/facts", f"fact-{of}-{n}", ["x"])
        for of, device in enumerate(devices)
        for n in range(FACTS_MAX)
    ]
    assert world.write(world.change(*facts, signers=devices)).outcome == APPLIED
    many = [world.set("wifi", f"system.s.x{n}", "1") for n in range(FACTS_MAX + 1)]
    assert world.commit(*many, world.edit("cluster", "cycle", [900])).outcome == APPLIED


def test_the_name_of_the_cluster_may_be_deleted_but_not_that_of_a_device() -> None:
    world = World()
    assert world.commit(world.edit("cluster", "name", None)).outcome == APPLIED
    assert refused(world, world.edit(device_path(world.device_id), "name", None)) == "bad-value"
    assert refused(world, world.edit(device_path(world.device_id), "groups", None)) == "bad-value"


def test_a_cluster_may_be_called_like_a_device() -> None:
    world = World()
    world.allow_joining()
    hall = device_path(world.join("hall").key_id)
    assert world.commit(world.edit("cluster", "name", ["attic"])).outcome == APPLIED
    both = (world.edit("cluster", "name", ["roof"]), world.edit(hall, "name", ["roof"]))
    assert world.commit(*both).outcome == APPLIED


def test_a_rule_is_not_made_again_not_even_for_the_same_key() -> None:
    world = World()
    section = f"joinkey/{world.allow_joining(uses=1)}"
    more = [world.joinkey.public, 2, 0, [], "auto", [], "ask", ""]
    with pytest.raises(Refused, match="revoke it and make another"):
        world.write(world.change(world.edit(section, "rule", more)))


def test_a_user_named_like_a_device_does_not_get_its_key() -> None:
    world = World()
    name = world.device_id.hex()
    assert refused(world, world.edit(f"user/{name}", "key", [world.master.public])) == "bad-value"


def test_a_rule_that_never_was_is_not_deleted() -> None:
    world = World()
    section = f"joinkey/{world.joinkey.key_id.hex()}"
    assert refused(world, Edit(section, "rule", None, None)) == "bad-value"


def test_a_stale_change_is_superseded_before_it_is_judged_by_its_effect() -> None:
    world = World()
    bob = with_owner(world, "bob")
    stale = world.change(world.edit("trust", "owner/bob", None), world.edit("trust", "owner/alice", None))
    gone = world.write(world.change(world.edit("trust", "owner/bob", None), signers=(bob,)))
    assert world.write(stale).outcome == Outcome(OutcomeCode.SUPERSEDED, gone.change)
    first = world.change(Edit("policy/a", "set/system.s.x", None, gone.change))
    assert world.write(first).outcome == Outcome(OutcomeCode.SUPERSEDED, None)


def test_a54_a_value_that_cannot_stand_there_is_not_written() -> None:
    world = World()
    for section, key, row in (
        ("nowhere", "x", [1]),
        ("cluster", "cycle", [1]),
        ("cluster", "unknown", ["x"]),
        ("policy/a", "set/dusk.main.enabled", [1, 0, ["0"], []]),
    ):
        assert refused(world, world.edit(section, key, row)) == "bad-value"
