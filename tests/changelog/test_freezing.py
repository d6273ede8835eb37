"""Two heads for one position: the proof alone freezes who signed them (A13)."""

from dataclasses import replace

import pytest

from dusk import codec
from dusk.changelog.body import Edit
from dusk.changelog.entry import EntryKind, OutcomeCode, SignedHead, sign_head
from dusk.changelog.freezing import is_proof, proof_row
from dusk.changelog.log import pack_entry_item
from dusk.changelog.sections import device_path
from dusk.effects import ItemKind, LogItem
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ChainHash, DeviceId, Seq
from dusk.keys.signing import SigningKey
from tests.holders import Holders, id_of
from tests.world import NO_REST


def heads(world: Holders, by: SigningKey, **bent: object) -> tuple[SignedHead, SignedHead]:
    """Return the head signed twice, the second time over another entry, or bent otherwise."""
    head = world.log.head
    other = replace(head, **(bent or {"chain": ChainHash(b"x" * 32)}))  # type: ignore[arg-type]  # fields of it
    return (sign_head(by, world.cluster, head, NO_REST), sign_head(by, world.cluster, other, NO_REST))


def refused(world: Holders, *edits: Edit, by: SigningKey) -> str:
    """Return why a device's change is refused."""
    with pytest.raises(Refused) as refusal:
        world.write(world.change(*edits, signers=(by,), device=by))
    return refusal.value.code


def frozen_edit(culprit: SigningKey, one: SignedHead, other: SignedHead) -> Edit:
    return Edit(device_path(culprit.key_id), "frozen", proof_row(one, other), None)


def test_a13_who_signs_two_heads_for_one_position_is_proved_frozen_and_opens_no_more() -> None:
    world = Holders()
    world.succeed(world.kitchen, world.master)
    proof = heads(world, world.master)
    world.lead(world.kitchen)
    entry = world.write(world.freeze(world.master, *proof, by=world.garage))
    assert (entry.kind, entry.outcome.code) == (EntryKind.FREEZE, OutcomeCode.APPLIED)
    assert not world.log.may_lead(world.device_id)
    assert world.log.may_lead(id_of(world.kitchen))
    replica = world.replica()
    assert replica.head == world.log.head
    usurped = entry._replace(
        kind=EntryKind.OPEN,
        epoch=entry.epoch + 1,
        seq=Seq(entry.seq + 1),
        previous=replica.head.chain,
        writer=world.device_id,
        change=None,
        signatures=None,
        sections=(),
    )
    head = sign_head(world.master, world.cluster, usurped.head, NO_REST)
    with pytest.raises(UntrustedInput, match="may not lead"):
        replica.extend([pack_entry_item(usurped, None), LogItem(ItemKind.HEAD, head.encode())])


def test_a13_owners_take_the_mark_away_with_a_role_and_with_nothing_else() -> None:
    world = Holders()
    world.succeed(world.kitchen, world.master)
    proof = heads(world, world.master)
    world.lead(world.kitchen)
    world.write(world.freeze(world.master, *proof, by=world.kitchen))
    section = device_path(world.device_id)
    free = world.edit(section, "frozen", None)
    with pytest.raises(Refused) as refusal:
        world.commit(free)
    assert refusal.value.code == "bad-value"
    with pytest.raises(Refused) as refusal:
        world.lead(world.master, world.role(world.master))
    assert refusal.value.code == "not-leader"
    world.lead(world.kitchen, world.role(world.kitchen, world.master))
    assert not world.log.may_lead(world.device_id)
    world.lead(world.master, world.role(world.master, world.kitchen, more=[free]))
    assert world.log.may_lead(world.device_id)
    assert world.replica().head == world.log.head


def test_a_freeze_is_superseded_by_another_one_for_the_same_device() -> None:
    world = Holders()
    proof = heads(world, world.master)
    first = world.freeze(world.master, *proof, by=world.kitchen)
    second = world.freeze(world.master, *proof, by=world.garage)
    world.write(first)
    with pytest.raises(Refused) as refusal:
        world.write(second)
    assert refusal.value.code == "frozen"


def test_a13_a_proof_is_of_one_position_of_one_epoch_by_one_key() -> None:
    world = Holders()
    master, kitchen = world.master, world.kitchen
    one, other = heads(world, master)
    assert is_proof(one, other, master.public, world.cluster)
    assert is_proof(other, one, master.public, world.cluster)
    assert not is_proof(one, other, kitchen.public, world.cluster)
    again = sign_head(master, world.cluster, one.head, b"r" * 32)
    foreign = heads(world, kitchen)[1]
    for worthless in (
        one,
        again,
        foreign,
        heads(world, master, generation=1, chain=ChainHash(b"x" * 32))[1],
        heads(world, master, mandate=1, chain=ChainHash(b"x" * 32))[1],
        heads(world, master, epoch=9, chain=ChainHash(b"x" * 32))[1],
        heads(world, master, seq=9, chain=ChainHash(b"x" * 32))[1],
    ):
        assert not is_proof(one, worthless, master.public, world.cluster)
        assert not is_proof(worthless, one, master.public, world.cluster)
        assert refused(world, frozen_edit(master, one, worthless), by=kitchen) == "no-proof"


def test_a_freeze_is_of_a_device_that_exists_and_does_nothing_else() -> None:
    world = Holders()
    one, other = heads(world, world.master)
    stranger = world.key()
    assert refused(world, frozen_edit(stranger, one, other), by=world.kitchen) == "no-proof"
    edits = [frozen_edit(world.master, one, other), world.set("a", "system.s.x", "1")]
    assert refused(world, *edits, by=world.kitchen) == "bad-value"
    assert refused(world, *reversed(edits), by=world.kitchen) == "bad-value"
    assert refused(world, edits[0], by=stranger) == "unknown-key"


@pytest.mark.parametrize("row", [[], [b""], [b"", b""], [bytes(513), bytes(513)], [1, 2]])
def test_a17_a_proof_is_two_signed_heads(row: list[object]) -> None:
    world = Holders()
    edit = Edit(device_path(world.device_id), "frozen", codec.pack(row), None)
    assert refused(world, edit, by=world.kitchen) == "bad-value"


def test_an_honest_device_that_follows_its_log_signs_nothing_that_proves() -> None:
    world = Holders()
    signed = []
    for value in "123":
        world.commit(world.set("a", "system.s.x", value))
        signed.append(world.log.newest)
        world.open()
        signed.append(world.log.newest)
    for one in signed:
        for other in signed:
            assert one is not None
            assert other is not None
            assert not is_proof(one, other, world.master.public, world.cluster)


def test_a_device_that_leads_no_more_is_frozen_all_the_same() -> None:
    world = Holders()
    proof = heads(world, world.garage)
    world.write(world.freeze(world.garage, *proof, by=world.kitchen))
    assert world.log.state.value(device_path(DeviceId(world.garage.key_id)), "frozen") is not None


def test_a56_a_proof_that_owners_have_dealt_with_freezes_nobody_again() -> None:
    world = Holders()
    world.succeed(world.kitchen, world.master)
    old, section = heads(world, world.master), device_path(world.device_id)
    world.lead(world.kitchen)
    world.write(world.freeze(world.master, *old, by=world.kitchen))
    role = world.role(world.kitchen, world.master, more=[world.edit(section, "frozen", None)])
    world.lead(world.kitchen, role)
    again = Edit(section, "frozen", proof_row(*old), world.base(section, "frozen"))
    assert refused(world, again, by=world.garage) == "no-proof"
    new = heads(world, world.master)
    assert new[0].head.mandate == 1
    world.write(world.freeze(world.master, *new, by=world.garage))
    assert not world.log.may_lead(world.device_id)
    assert world.replica().head == world.log.head


def test_a13_a_proof_of_before_a_forced_role_freezes_whom_owners_have_not_forgiven() -> None:
    world = Holders()
    world.succeed(world.kitchen, world.master)
    proof = heads(world, world.master)
    world.lead(world.kitchen, world.role(world.kitchen, world.master))
    world.write(world.freeze(world.master, *proof, by=world.garage))
    assert proof[0].head.mandate < world.log.head.mandate
    assert not world.log.may_lead(world.device_id)
