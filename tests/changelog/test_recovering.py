"""RECOVER: who has the phrase makes a new owner in one entry, from any member, once (A2, A40, A56)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dusk import codec
from dusk.changelog.body import CHANGE_LABEL, Change, Edit, Signature
from dusk.changelog.entry import EntryKind, sign_head
from dusk.changelog.items import pack_entry_item, unpack_entry_item
from dusk.changelog.log import Log
from dusk.changelog.recovering import is_signed, owners_named, recovered_row
from dusk.changelog.sections import device_path
from dusk.changelog.views import recovery_key, succession
from dusk.effects import ItemKind, LogItem
from dusk.errors import Refused, UntrustedInput
from dusk.ids import BootId, ChainHash, DeviceId, Seq
from dusk.keys.signing import SigningKey
from tests.holders import Holders, id_of
from tests.world import NO_REST


def recovering(world: Holders, *keys: SigningKey, **how: Any) -> Change:
    """Return a RECOVER for these devices, with a new owner and phrase of its own."""
    how = {"owner": world.key(), "following": world.key(), **how}
    phrase = how.pop("phrase", world.recovery)
    return world.recovering(phrase, *(keys or (world.kitchen,)), **how)


def refused(world: Holders, change: Change, key: SigningKey | None = None) -> str:
    """Return why no `open` of a device may carry a change; the log stays what it is."""
    before = (world.log.head, world.log.state.derived_hash, world.log.leader)
    with pytest.raises(Refused) as refusal:
        world.lead(key or world.kitchen, change)
    assert (world.log.head, world.log.state.derived_hash, world.log.leader) == before
    return refusal.value.code


def test_a_recover_makes_the_new_owner_the_next_phrase_and_who_leads_in_one_entry() -> None:
    world = Holders()
    world.succeed(world.master, world.garage)
    world.settle(world.master, world.garage)
    before, alice = world.log.head, world.owner
    opened = world.recover(world.kitchen, world.garage)
    assert (opened.kind, opened.generation, opened.mandate) == (EntryKind.OPEN, 1, 0)
    assert (opened.epoch, opened.seq) == (before.epoch + 1, before.seq + 1)
    state = world.log.state
    assert set(state.owners()) == {world.owner.key_id}
    assert recovery_key(state) == world.recovery.public
    assert succession(state) == (id_of(world.kitchen), id_of(world.garage))
    assert world.log.required_at(world.log.head.seq) == {id_of(world.kitchen), id_of(world.garage)}
    with pytest.raises(Refused) as refusal:
        world.write(world.change(world.set("a", "system.s.x", "1"), signers=(alice,), device=world.kitchen))
    assert refusal.value.code == "inactive-key"
    world.commit(world.set("a", "system.s.x", "1"))
    assert world.log.head.generation == 1
    replica = world.replica()
    assert (replica.head, replica.settled) == (world.log.head, world.log.settled)


def test_generation_and_mandate_rise_each_by_its_own_raise() -> None:
    world = Holders()
    world.lead(world.garage, world.role(world.garage))
    world.recover(world.kitchen)
    world.lead(world.garage, world.role(world.garage))
    last = world.recover(world.kitchen, world.garage)
    assert (last.generation, last.mandate) == (2, 2)
    assert world.replica().head == world.log.head


def test_a2_a_spent_phrase_recovers_nothing_and_no_other_key_does() -> None:
    world = Holders()
    first = world.recovery
    world.recover(world.kitchen)
    for phrase in (first, world.owner, world.kitchen, world.key()):
        assert refused(world, recovering(world, phrase=phrase)) == "spent-phrase"
    world.commit(world.edit("trust", "recovery", None))
    assert refused(world, recovering(world)) == "spent-phrase"


def test_owners_may_take_another_phrase_and_the_one_before_it_is_dead() -> None:
    world = Holders()
    former, world.recovery = world.recovery, world.key()
    for generation in (1, 2):
        with pytest.raises(Refused, match="another generation"):
            world.commit(world.edit("trust", "recovery", [world.recovery.public, generation]))
    world.commit(world.edit("trust", "recovery", [world.recovery.public, 0]))
    assert refused(world, recovering(world, phrase=former)) == "spent-phrase"
    world.recover(world.kitchen)
    with pytest.raises(Refused, match="another generation"):
        world.commit(world.edit("trust", "recovery", [world.key().public, 0]))
    world.commit(world.edit("trust", "recovery", [world.key().public, 1]))


def test_the_recovery_key_is_nobodys() -> None:
    world = Holders()
    for key in (world.owner, world.kitchen, world.joinkey):
        with pytest.raises(Refused, match="somebody else's"):
            world.commit(world.edit("trust", "recovery", [key.public, 0]))
    with pytest.raises(Refused, match="somebody else's"):
        world.commit(world.edit("user/bob", "key", [world.recovery.public]))
    same = world.key()
    with pytest.raises(Refused, match="somebody else's"):
        world.commit(
            world.edit("trust", "recovery", [same.public, 0]), world.edit("user/bob", "key", [same.public])
        )


def test_a56_a_recover_on_an_older_prefix_than_it_was_signed_on_is_refused() -> None:
    world = Holders()
    short = len(world.items)
    world.commit(world.set("a", "system.s.x", "1"))
    change = recovering(world)
    older = Log(world.cluster)
    older.extend(world.items[:short])
    with pytest.raises(Refused) as refusal:
        older.write_open(world.stamp()._replace(writer=id_of(world.kitchen)), change)
    assert refusal.value.code == "not-ancestor"
    assert world.lead(world.kitchen, change).generation == 1


def test_a_recover_may_be_signed_some_entries_before_it_is_used() -> None:
    world = Holders()
    change = recovering(world)
    world.commit(world.set("a", "system.s.x", "1"))
    assert world.lead(world.kitchen, change).generation == 1


def test_a2_the_author_of_a_recover_is_the_phrase_itself() -> None:
    world = Holders()
    change, public = recovering(world), world.recovery.public
    assert is_signed(change, public, world.cluster)
    body = change.body._replace(author=world.owner.key_id).encode()
    signature = Signature(world.owner.key_id, world.recovery.sign(CHANGE_LABEL, world.cluster, body))
    assert not is_signed(Change(body, (signature,), change.values), public, world.cluster)


def test_a2_a_recover_is_used_once() -> None:
    world = Holders()
    change = recovering(world)
    world.lead(world.kitchen, change)
    assert refused(world, change) == "known"
    last = unpack_entry_item(world.items[-2].data)[0]
    again = last._replace(
        seq=Seq(last.seq + 1), previous=world.log.head.chain, generation=2, epoch=last.epoch + 1
    )
    head = sign_head(world.kitchen, world.cluster, again.head, NO_REST)
    with pytest.raises(UntrustedInput, match="stands in the log already"):
        world.replica().extend([pack_entry_item(again, change), LogItem(ItemKind.HEAD, head.encode())])


@pytest.mark.parametrize(
    ("bend", "code"),
    [
        (lambda head: replace(head, generation=head.generation + 1), "superseded"),
        (lambda head: replace(head, generation=2**53 - 2), "superseded"),
        (lambda head: replace(head, chain=ChainHash(b"?" * 32)), "not-ancestor"),
        (lambda head: replace(head, seq=Seq(head.seq + 1)), "not-ancestor"),
    ],
)
def test_a56_a_recover_names_the_next_generation_and_an_ancestor(
    bend: Callable[..., object], code: str
) -> None:
    world = Holders()
    assert refused(world, recovering(world, head=bend(world.log.head))) == code


def test_a5_an_open_raises_the_generation_by_one_and_only_with_a_recover() -> None:
    world = Holders()
    change = recovering(world)
    world.lead(world.kitchen, change)
    entry = unpack_entry_item(world.items[-2].data)[0]
    shorter = Log(world.cluster)
    shorter.extend(world.items[:-2])
    for bent in (entry._replace(generation=2), entry._replace(generation=0), entry._replace(mandate=1)):
        head = sign_head(world.kitchen, world.cluster, bent.head, NO_REST)
        with pytest.raises(UntrustedInput, match="changed without cause"):
            shorter.extend([pack_entry_item(bent, change), LogItem(ItemKind.HEAD, head.encode())])


def test_a_recover_is_superseded_by_a_change_of_what_it_changes() -> None:
    world = Holders()
    change = recovering(world)
    world.succeed(world.master, world.kitchen)
    assert refused(world, change) == "superseded"


def test_a8_a_recover_of_another_cluster_is_refused() -> None:
    world, other = Holders(), Holders(2)
    assert refused(world, recovering(other, phrase=world.recovery)) == "foreign-cluster"


def test_the_device_on_which_it_was_made_leads_and_nobody_else() -> None:
    world = Holders()
    change = recovering(world, world.kitchen, world.garage)
    assert refused(world, change, world.garage) == "not-leader"
    elsewhere = signed(world, *edits_of(world), device=world.garage)
    assert refused(world, elsewhere) == "not-leader", "it was made on another device"
    first = [world.edit("cluster", "succession", [[world.garage.key_id, world.kitchen.key_id]])]
    edits = [edit for edit in edits_of(world) if edit.key != "succession"]
    assert refused(world, signed(world, *edits, *first)) == "not-leader"
    retired = [world.edit(device_path(world.garage.key_id), "retired", [True])]
    assert refused(world, recovering(world, world.kitchen, world.garage, more=retired)) == "no-succession"
    stranger = world.key()
    assert refused(world, recovering(world, stranger), stranger) == "unknown-device"


def edits_of(world: Holders) -> list[Edit]:
    """Return what a RECOVER must do, and no more: who owns the cluster is named again."""
    head, following = world.log.head, world.key()
    return [
        Edit("trust", "recovered", recovered_row(head), world.base("trust", "recovered")),
        world.edit("trust", "recovery", [following.public, head.generation + 1]),
        world.edit("cluster", "succession", [[world.kitchen.key_id]]),
        world.edit("trust", "owner/alice", [world.owner.public]),
    ]


def signed(world: Holders, *edits: Edit, **how: Any) -> Change:
    how = {"signers": (world.recovery,), "device": world.kitchen, "counter": 1, **how}
    return world.change(*edits, **how)


def test_it_may_do_so_much_and_needs_no_more() -> None:
    world = Holders()
    bob, carol = world.key(), world.key()
    world.commit(world.edit("user/bob", "key", [bob.public]), world.edit("user/bob", "disabled", [True]))
    world.commit(world.edit("trust", "grant/policy", [[bob.key_id], 1, None, None, None]))
    garage = device_path(world.garage.key_id)
    change = signed(
        world,
        *edits_of(world),
        world.edit("trust", "owner/bob", [carol.public]),
        world.edit("trust", "quorum", [2]),
        world.edit("trust", "grant/policy", None),
        world.edit("user/bob", "key", [carol.public]),
        world.edit("user/bob", "sealed", None),
        world.edit("user/bob", "disabled", None),
        world.edit(garage, "retired", [True]),
        world.edit(garage, "frozen", None),
        world.edit("cluster", "logins", [[id_of(world.kitchen)]]),
    )
    world.lead(world.kitchen, change)
    assert world.replica().head == world.log.head
    assert set(world.log.state.owners()) == {world.owner.key_id, carol.key_id}


@pytest.mark.parametrize(
    ("section", "key", "row"),
    [
        ("cluster", "name", ["x"]),
        ("cluster", "mandate", [1, 1, bytes(32)]),
        ("trust", "grant/policy", [[], 1, None, None, None]),
        ("policy/a", "set/system.s", None),
        ("user/alice", "other", None),
        ("joinkey/" + "0" * 32, "revoked", [True]),
        ("trust", "recovery", None),
        ("trust", "quorum", None),
        ("cluster", "logins", None),
    ],
)
def test_a1_it_does_nothing_else(section: str, key: str, row: list[object] | None) -> None:
    world = Holders()
    edits = [edit for edit in edits_of(world) if (edit.section, edit.key) != (section, key)]
    code = refused(world, signed(world, *edits, world.edit(section, key, row)))
    assert code in ("bad-recovery", "bad-value")


def test_only_the_phrase_gives_a_history_up_and_takes_that_back() -> None:
    world = Holders()
    joins = world.edit("trust", "joins", [bytes(32)])
    with pytest.raises(Refused, match="only the recovery phrase"):
        world.commit(joins)
    owner, following = world.key(), world.key()
    world.lead(world.kitchen, recovering(world, owner=None, following=following, more=[joins]))
    assert world.log.state.value("trust", "joins") == [bytes(32)]
    back = world.edit("trust", "joins", None)
    with pytest.raises(Refused, match="only the recovery phrase"):
        world.commit(back)
    world.lead(world.kitchen, recovering(world, phrase=following, owner=owner, more=[back]))
    assert world.log.state.value("trust", "joins") is None


def test_it_lacks_none_of_its_records_and_has_one_author() -> None:
    world = Holders()
    recovered, recovery, leads, named = edits_of(world)
    assert refused(world, signed(world, recovered, recovery)) == "bad-recovery"
    assert refused(world, signed(world, recovered, leads)) == "bad-recovery"
    assert refused(world, signed(world, recovered, recovery, leads, counter=2)) == "bad-recovery"
    gone = Edit("trust", "recovered", None, None)
    assert refused(world, signed(world, gone, recovery, leads)) == "bad-recovery"
    both = signed(world, recovered, recovery, leads, signers=(world.recovery, world.owner))
    assert refused(world, both) == "spent-phrase"
    forged = signed(world, recovered, recovery, leads, named)
    (signature,) = forged.signatures
    bent = forged._replace(signatures=(signature._replace(signature=bytes(64)),))
    assert refused(world, bent) == "spent-phrase"
    assert world.lead(world.kitchen, forged).generation == 1


def test_a40_the_phrase_that_follows_is_another_and_for_this_generation() -> None:
    world = Holders()
    recovered, _, leads, _ = edits_of(world)
    same = world.edit("trust", "recovery", [world.recovery.public, 1])
    assert refused(world, signed(world, recovered, same, leads)) == "bad-recovery"
    later = world.edit("trust", "recovery", [world.key().public, 2])
    assert refused(world, signed(world, recovered, later, leads)) == "bad-recovery"


def test_no_owner_is_left_out_who_must_sign() -> None:
    world = Holders()
    *due, _ = edits_of(world)
    change = signed(world, *due, world.edit("trust", "owner/alice", None))
    assert refused(world, change) == "too-few-owners"


def test_a57_whoever_prepared_it_leaves_no_owner_in_place_whom_it_does_not_name() -> None:
    world = Holders()
    bob, carol = world.key(), world.key()
    people = [world.edit("user/bob", "key", [bob.public]), world.edit("trust", "owner/bob", [bob.public])]
    world.commit(*people)
    made = [world.edit("trust", "owner/carol", [carol.public])]
    gone = [world.edit("trust", f"owner/{name}", None) for name in ("alice", "bob")]
    ended = [world.edit(f"user/{name}", "disabled", [True]) for name in ("alice", "bob")]
    *due, _ = edits_of(world)
    for edits in ([], made, [*made, *gone[:1], *ended[:1]], [*made, *gone, *ended[:1]], [*made, *gone]):
        assert refused(world, signed(world, *due, *edits)) == "owner-left"
    world.lead(world.kitchen, signed(world, *due, *made, *gone, *ended))
    assert list(world.log.state.owners().values()) == ["carol"]
    for key in (world.owner, bob):
        holder = world.log.state.holder(key.key_id)
        assert holder is not None
        assert not holder.active


def test_a57_who_became_an_owner_after_it_was_signed_is_not_left_and_the_phrase_is_not_spent() -> None:
    world = Holders()
    change = recovering(world)
    bob = world.key()
    world.commit(world.edit("user/bob", "key", [bob.public]))
    world.commit(world.edit("trust", "owner/bob", [bob.public]))
    assert refused(world, change) == "owner-left"
    world.lead(world.kitchen, recovering(world))
    assert list(world.log.state.owners().values()) == ["rescuer"]


def test_a57_a_recover_names_owners_in_trust_and_nowhere_else() -> None:
    world = Holders()
    elsewhere = world.edit("user/bob", "owner/bob", [world.key().public])
    assert owners_named(signed(world, *edits_of(world), elsewhere)) == frozenset({"alice"})


def test_an_owner_who_is_no_user_has_nothing_to_be_disabled() -> None:
    world = Holders()
    world.commit(world.edit("trust", "owner/bob", [world.key().public]))
    *due, _ = edits_of(world)
    made = world.edit("trust", "owner/carol", [world.key().public])
    alice, bob = (world.edit("trust", f"owner/{name}", None) for name in ("alice", "bob"))
    edits = [*due, made, alice, world.edit("user/alice", "disabled", [True])]
    assert refused(world, signed(world, *edits)) == "owner-left"
    world.lead(world.kitchen, signed(world, *edits, bob))
    assert list(world.log.state.owners().values()) == ["carol"]


@pytest.mark.parametrize(
    ("section", "key", "row"),
    [
        ("trust", "owner/alice", None),
        ("trust", "owner/mallory", [Holders(7).key().public]),
        ("trust", "quorum", [1]),
        ("user/mallory", "key", [Holders(7).key().public]),
    ],
)
def test_a57_what_gives_a_side_up_leaves_its_people_as_they_are(
    section: str, key: str, row: list[object] | None
) -> None:
    world = Holders()
    *due, _ = edits_of(world)
    joins = world.edit("trust", "joins", [bytes(32)])
    assert refused(world, signed(world, *due, joins, world.edit(section, key, row))) == "bad-recovery"
    world.lead(world.kitchen, signed(world, *due, joins))
    assert list(world.log.state.owners().values()) == ["alice"]


def test_no_other_entry_carries_a_recover() -> None:
    world = Holders()
    change = recovering(world)
    for write in (world.log.write_change, world.log.write_stranded):
        with pytest.raises(Refused) as refusal:
            write(change, world.stamp())
        assert refusal.value.code == "wrong-kind"


@pytest.mark.parametrize("row", [[0, 1, bytes(32)], [1, 0, bytes(32)], [1, 1, bytes(31)], [1, 1]])
def test_a17_what_is_recovered_is_a_number_a_position_and_a_chain_hash(row: list[object]) -> None:
    world = Holders()
    _, recovery, leads, _ = edits_of(world)
    bad = Edit("trust", "recovered", codec.pack(row), None)
    assert refused(world, signed(world, bad, recovery, leads)) == "bad-value"


def test_a13_a_recover_forgives_a_device_and_an_older_proof_freezes_it_no_more() -> None:
    world = Holders()
    world.succeed(world.kitchen, world.master)
    head = world.log.head
    one = sign_head(world.kitchen, world.cluster, head, NO_REST)
    other = sign_head(world.kitchen, world.cluster, replace(head, chain=ChainHash(b"x" * 32)), NO_REST)
    world.write(world.freeze(world.kitchen, one, other, by=world.garage))
    assert refused(world, recovering(world)) == "not-leader"
    mark = world.edit(device_path(world.kitchen.key_id), "frozen", None)
    world.lead(world.kitchen, recovering(world, more=[mark]))
    assert world.log.may_lead(id_of(world.kitchen))
    with pytest.raises(Refused, match="forgiven"):
        world.write(world.freeze(world.kitchen, one, other, by=world.garage))


def test_a13_what_gives_a_side_up_forgives_the_device_that_leads_then_and_no_other() -> None:
    world = Holders()
    joins, device = world.edit("trust", "joins", [bytes(32)]), device_path(world.kitchen.key_id)
    other = Edit(device_path(world.garage.key_id), "frozen", None, None)
    assert refused(world, recovering(world, owner=None, more=[joins, other])) == "bad-recovery"
    own = Edit(device, "frozen", None, None)
    assert world.lead(world.kitchen, recovering(world, owner=None, more=[joins, own])).generation == 1


def test_r7_a_recover_that_no_head_covers_is_taken_back() -> None:
    world = Holders()
    replica = world.replica()
    before = (replica.head, replica.state.derived_hash, set(replica.state.owners()))
    world.recover(world.kitchen)
    assert replica.extend(world.items[-2:-1]) == ()
    assert (replica.head, replica.state.derived_hash, set(replica.state.owners())) == before
    replica.extend(world.items[-2:])
    assert replica.head == world.log.head


def test_a_recover_is_asked_for_without_writing_it() -> None:
    world = Holders()
    change, stamp = recovering(world), world.stamp()._replace(writer=DeviceId(world.kitchen.key_id))
    before = world.log.head
    world.log.check_role(change, stamp._replace(boot=BootId(bytes(8))))
    assert world.log.head == before
