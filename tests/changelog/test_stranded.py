"""Changes of a losing branch: each gets its outcome, and strangers get none."""

from collections.abc import Sequence

import pytest

from dusk import codec
from dusk.changelog.body import CHANGE_LABEL, Change, Edit, Signature, build_change
from dusk.changelog.entry import APPLIED, Entry, EntryKind, Outcome, OutcomeCode, sign_head
from dusk.changelog.log import pack_entry_item
from dusk.changelog.sections import device_path
from dusk.effects import ItemKind, LogItem
from dusk.errors import Refused, UntrustedInput
from dusk.ids import NO_CLUSTER, DeviceId, Seq
from dusk.keys.signing import SigningKey
from tests.holders import Holders
from tests.world import NO_REST, World


def rejected(code: str) -> Outcome:
    return Outcome(OutcomeCode.REJECTED, None, code)


def refused(world: Holders, change: Change) -> str:
    before = (world.log.head, world.log.state.derived_hash)
    with pytest.raises(Refused) as refusal:
        world.strand(change)
    assert (world.log.head, world.log.state.derived_hash) == before
    return refusal.value.code


def test_r3_a_stranded_change_that_the_fold_takes_is_written_like_any_other() -> None:
    world = Holders()
    one = world.change(world.set("a", "system.s.x", "1"))
    assert world.strand(one).outcome == APPLIED
    stale = world.change(Edit("policy/a", "set/system.s.x", None, None))
    assert world.strand(stale).outcome == Outcome(OutcomeCode.SUPERSEDED, one.id)
    assert refused(world, one) == "known"
    assert world.replica().head == world.log.head


def test_r3_a_stranded_change_of_who_lost_his_right_is_written_as_rejected() -> None:
    world = Holders()
    bob = world.key()
    world.commit(world.edit("user/bob", "key", [bob.public]))
    change = world.change(world.set("a", "system.s.x", "1"), signers=(bob,))
    world.commit(world.edit("user/bob", "disabled", [True]))
    before = world.log.state.derived_hash
    entry = world.strand(change)
    assert (entry.kind, entry.outcome, entry.sections) == (
        EntryKind.CHANGE,
        rejected("inactive-key"),
        (),
    )
    assert world.log.state.derived_hash == before
    assert world.log.outcome_of(change.id) == rejected("inactive-key")
    replica = world.replica()
    assert (replica.head, replica.outcome_of(change.id)) == (world.log.head, entry.outcome)
    assert refused(world, change) == "known"


def test_r3_a_number_that_was_used_on_the_other_branch_is_rejected_by_its_code() -> None:
    world = Holders()
    change = world.change(world.set("a", "system.s.x", "1"))
    world.commit(world.set("a", "system.s.x", "2"))
    assert world.strand(change).outcome == rejected("counter-used")
    assert world.replica().head == world.log.head


def test_a54_junk_of_strangers_gets_no_entry() -> None:
    world = Holders()
    edit, stranger = world.set("a", "system.s.x", "1"), world.key()
    assert refused(world, world.change(edit, signers=(stranger,))) == "unknown-key"
    assert refused(world, world.change(edit, signers=(world.owner, stranger))) == "unknown-key"
    assert refused(world, world.change(edit, cluster=NO_CLUSTER)) == "foreign-cluster"
    good = world.change(edit)
    forged = Change(good.body_bytes, (good.signatures[0]._replace(signature=bytes(64)),), good.values)
    assert refused(world, forged) == "bad-signature"
    assert refused(world, Change(good.body_bytes, (), good.values)) == "missing-signatures"


def used_up() -> Holders:
    """Return a world whose join key lets nobody in any more."""
    world = Holders()
    section = f"joinkey/{world.joinkey.key_id.hex()}"
    world.commit(world.edit(section, "revoked", [True]))
    return world


def test_r3_a_device_that_joined_on_the_losing_branch_is_rejected_by_its_own_key() -> None:
    world = used_up()
    request = world.request(world.key(), "shed")
    assert world.strand(request).outcome == rejected("joinkey-revoked")
    assert world.replica().head == world.log.head


def request(world: World, device: SigningKey, signers: Sequence[SigningKey], *keys: str) -> Change:
    """Return a request to join with some of its records and signers only."""
    whole = world.request(device)
    kept = [
        Edit(o.section, o.key, None if v is None else v.data, None)
        for o, v in zip(whole.body.operations, whole.values, strict=True)
        if o.key in keys
    ]
    return replace_edits(world, device, signers, kept)


def test_a54_a_device_that_nobody_let_in_gets_no_entry() -> None:
    world = used_up()
    device, three = world.key(), ("key", "label", "origin")
    assert refused(world, request(world, device, (device,), *three)) == "joinkey-revoked"
    lost = (device, world.joinkey)
    assert refused(world, request(world, device, lost, "label", "origin")) == "bad-request"
    section = device_path(device.key_id)
    gone = [Edit(section, key, None, None) for key in three]
    deleted = replace_edits(world, device, lost, gone)
    assert refused(world, deleted) == "bad-request"


def replace_edits(
    world: World, device: SigningKey, signers: Sequence[SigningKey], edits: Sequence[Edit]
) -> Change:
    """Return a change without a number, of a device."""
    return build_change(
        cluster=world.cluster,
        device=DeviceId(device.key_id),
        counter=0,
        message="",
        edits=edits,
        signers=signers,
        random_bytes=world.random.randbytes,
    )


def test_a54_a_key_that_is_not_the_devices_signs_nothing_for_it() -> None:
    world = used_up()
    device, other = world.key(), world.key()
    section = device_path(device.key_id)
    lost = (device, world.joinkey)
    wrong = world.edit(section, "key", [other.public])
    assert refused(world, replace_edits(world, device, lost, [wrong])) == "bad-request"
    empty = world.edit(section, "key", [])
    assert refused(world, replace_edits(world, device, lost, [empty])) == "bad-value"


def forged(world: World, entry: Entry, change: Change, outcome: Outcome) -> list[LogItem]:
    """Return the next entry with a change that the master gives an outcome of its own liking."""
    head = world.log.head
    lie = entry._replace(
        seq=Seq(head.seq + 1),
        previous=head.chain,
        change=change.id,
        signatures=change.signatures_hash,
        outcome=outcome,
        sections=(),
        derived=world.log.state.derived_hash,
    )
    signed = sign_head(world.master, world.cluster, lie.head, NO_REST)
    return [pack_entry_item(lie, change), LogItem(ItemKind.HEAD, signed.encode())]


def test_a9_a_master_rejects_nothing_that_the_fold_takes_and_names_no_other_code() -> None:
    world = Holders()
    entry = world.commit(world.set("a", "system.s.x", "1"))
    replica = world.replica()
    good = world.change(world.set("a", "system.s.x", "2"))
    used = world.change(world.set("a", "system.s.x", "2"), counter=1)
    junk = world.change(world.set("a", "system.s.x", "2"), signers=(world.key(),))
    for change, outcome, says in (
        (good, rejected("counter-used"), "outcome"),
        (used, rejected("inactive-key"), "outcome"),
        (used, Outcome(OutcomeCode.REJECTED, good.id, "counter-used"), "outcome"),
        (junk, rejected("unknown-key"), "does not know"),
    ):
        with pytest.raises(UntrustedInput, match=says):
            replica.extend(forged(world, entry, change, outcome))
    items = forged(world, entry, used, rejected("counter-used"))
    assert replica.extend(items) == tuple(items)


def test_a_stranded_freeze_is_rejected_as_one() -> None:
    world = Holders()
    one = sign_head(world.master, world.cluster, world.log.head, NO_REST)
    change = world.freeze(world.master, one, one, by=world.kitchen)
    entry = world.strand(change)
    assert (entry.kind, entry.outcome) == (EntryKind.FREEZE, rejected("no-proof"))
    assert world.replica().head == world.log.head


def test_a54_a_change_that_its_author_did_not_sign_gets_no_entry() -> None:
    world = Holders()
    bob = world.key()
    world.commit(world.edit("user/bob", "key", [bob.public]))
    good = world.change(world.set("a", "system.s.x", "1"))
    signature = bob.sign(CHANGE_LABEL, world.cluster, good.body_bytes)
    alone = Change(good.body_bytes, (Signature(bob.key_id, signature),), good.values)
    assert refused(world, alone) == "missing-signatures"


def test_a54_a_device_that_brings_another_key_than_its_own_gets_no_entry() -> None:
    world = used_up()
    device, other = world.key(), world.key()
    whole = request(world, device, (device, world.joinkey), "label", "origin")
    section = device_path(device.key_id)
    edits = [Edit(section, "key", codec.pack([other.public]), None)]
    for operation, value in zip(whole.body.operations, whole.values, strict=True):
        assert value is not None
        edits.append(Edit(section, operation.key, value.data, None))
    bent = replace_edits(world, device, (device, world.joinkey), edits)
    by_other = other.sign(CHANGE_LABEL, world.cluster, bent.body_bytes)
    signatures = [s._replace(signature=by_other) if s.key_id == device.key_id else s for s in bent.signatures]
    assert refused(world, Change(bent.body_bytes, tuple(signatures), bent.values)) == "bad-request"
