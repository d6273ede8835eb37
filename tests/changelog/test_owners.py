"""The chain of owners, from the first entry on: who may attest is whom those before them named (A1, A42)."""

from contextlib import suppress
from dataclasses import replace

import pytest

from dusk.changelog.body import CHANGE_LABEL, Change
from dusk.changelog.entry import OutcomeCode
from dusk.changelog.items import pack_entry_item, unpack_entry_item
from dusk.changelog.owners import _writes, changes_owners, walk
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import ClusterId, DeviceId, Seq
from tests.holders import Holders
from tests.world import World


def behind(genesis: LogItem, change: Change) -> LogItem:
    """Return an entry behind the first that carries a change, and says `trust` as it is then."""
    entry, _ = unpack_entry_item(genesis.data)
    trust = walk(ClusterId(entry.digest), [genesis])._trust
    with suppress(UntrustedInput):
        trust.take(_writes(change), ())
    later = entry._replace(
        seq=Seq(2),
        change=change.id,
        signatures=change.signatures_hash,
        sections=(("trust", trust.section_hash("trust")),),
    )
    return pack_entry_item(later, change)


def test_a1_a_chain_of_owners_that_they_did_not_sign_is_refused() -> None:
    world = World()
    genesis = world.items[0]
    assert walk(world.cluster, [genesis]).rights.quorum == 1
    with pytest.raises(UntrustedInput, match="nobody said"):
        walk(world.cluster, [])
    entry, change = unpack_entry_item(genesis.data)
    other = pack_entry_item(entry._replace(writer=DeviceId(bytes(16))), change)
    with pytest.raises(UntrustedInput, match="entry 1"):
        walk(world.cluster, [other])
    bob = world.key()
    edit = world.edit("trust", "owner/bob", (bob.public,))
    for signer, cluster in ((world.master, world.cluster), (world.owner, ClusterId(bytes(32)))):
        wrong = world.change(edit, signers=(signer,), cluster=cluster)
        with pytest.raises(UntrustedInput, match="have not signed"):
            walk(world.cluster, [genesis, behind(genesis, wrong)])
    world.open()
    with pytest.raises(UntrustedInput, match="changes nothing"):
        walk(world.cluster, [genesis, world.items[2]])


def test_owners_come_and_go_and_other_records_of_trust_change_none_of_them() -> None:
    world = World()
    bob = world.key()
    count = len(world.items)
    world.commit(world.edit("user/bob", "key", (bob.public,)))
    world.commit(world.edit("trust", "owner/bob", (bob.public,)))
    world.commit(world.edit("trust", "grant/policy/x", ([bob.key_id], 1, None, None, None)))
    world.commit(world.edit("trust", "owner/bob", None))
    items = [world.items[0], *[item for item in world.items[count:] if item.kind is ItemKind.ENTRY][1:]]
    assert set(walk(world.cluster, items[:2]).rights.owners) == {world.owner.key_id, bob.key_id}
    assert set(walk(world.cluster, items).rights.owners) == {world.owner.key_id}


def test_a40_a_recover_is_signed_by_the_phrase_before_it() -> None:
    world = Holders()
    first, spare = world.recovery, world.key()
    world.commit(world.edit("trust", "recovery", [spare.public, 0]))
    world.recovery = spare
    owner, following = world.key(), world.key()
    stranger = world.recovering(first, world.kitchen, owner=owner, following=following)
    trust = [item for item in world.items if item.kind is ItemKind.ENTRY and b"recovery" in item.data]
    assert walk(world.cluster, trust).are_of(world.log.state)
    with pytest.raises(UntrustedInput, match="have not signed"):
        walk(world.cluster, [*trust, behind(world.items[0], stranger)])
    world.recover(world.kitchen)
    chain = [*trust, world.items[-2]]
    assert walk(world.cluster, chain).are_of(world.log.state)
    assert not walk(world.cluster, chain[:-1]).are_of(world.log.state)
    world.commit(world.edit("trust", "recovery", None))
    chain.append(world.items[-2])
    assert walk(world.cluster, chain).rights.recovery is None
    again = world.recovering(world.recovery, world.kitchen, owner=owner, following=following)
    with pytest.raises(UntrustedInput, match="have not signed"):
        walk(world.cluster, [*chain, behind(world.items[0], again)])


def test_a57_a_recover_that_leaves_an_owner_whom_it_does_not_name_is_none_of_the_chain() -> None:
    world, following = Holders(), Holders(7).key()
    genesis = world.items[0]
    named = world.edit("trust", "owner/alice", [world.owner.public])
    joins = world.edit("trust", "joins", [bytes(32)])
    for more in ([named], [joins]):
        change = world.recovering(world.recovery, world.kitchen, owner=None, following=following, more=more)
        owners = walk(world.cluster, [genesis, behind(genesis, change)]).rights.owners
        assert set(owners) == {world.owner.key_id}
    leaving = world.recovering(world.recovery, world.kitchen, owner=None, following=following)
    with pytest.raises(UntrustedInput, match="an owner is left"):
        walk(world.cluster, [genesis, behind(genesis, leaving)])


def test_a1_a_signature_in_an_owners_name_that_is_not_hers_names_no_owner() -> None:
    world = World()
    good = world.change(world.edit("trust", "owner/bob", (world.key().public,)))
    assert len(walk(world.cluster, [world.items[0], behind(world.items[0], good)]).rights.owners) == 2
    signatures = (good.signatures[0]._replace(signature=bytes(64)),)
    forged = good._replace(signatures=signatures)
    with pytest.raises(UntrustedInput, match="have not signed"):
        walk(world.cluster, [world.items[0], behind(world.items[0], forged)])


def test_a17_what_owners_signed_here_with_another_clusters_name_in_it_names_no_owner() -> None:
    world = World()
    other = world.change(
        world.edit("trust", "owner/bob", (world.key().public,)), cluster=ClusterId(bytes(32))
    )
    signature = world.owner.sign(CHANGE_LABEL, world.cluster, other.body_bytes)
    signatures = (other.signatures[0]._replace(signature=signature),)
    with pytest.raises(UntrustedInput, match="have not signed"):
        walk(world.cluster, [world.items[0], behind(world.items[0], other._replace(signatures=signatures))])


def test_a17_what_may_not_stand_in_trust_names_no_owner_whoever_signed_it() -> None:
    world = World()
    for key, row in (
        ("owner/bob", ("x" * 32,)),
        ("owner/bob", (bytes(31),)),
        ("quorum", (0,)),
        ("other", (1,)),
    ):
        change = world.change(world.edit("trust", key, row))
        with pytest.raises(UntrustedInput):
            walk(world.cluster, [world.items[0], behind(world.items[0], change)])


def test_a_change_of_trust_without_effect_changes_no_owners() -> None:
    world = World()
    entry = world.commit(world.edit("trust", "grant/policy/x", ([world.owner.key_id], 1, None, None, None)))
    assert changes_owners(entry)
    again = world.edit("trust", "grant/policy/x", None)
    late = world.write(world.change(replace(again, base=None)))
    assert late.outcome.code is OutcomeCode.SUPERSEDED
    assert not changes_owners(late)
    assert not changes_owners(entry._replace(outcome=late.outcome))


def test_a25_a_change_of_the_owners_that_is_left_out_is_missed_by_the_next() -> None:
    world = World()
    bob = world.key()
    entries = [world.items[0]]
    for row in ((bob.public,), None):
        world.commit(world.edit("trust", "owner/bob", row))
        entries.append(world.items[-2])
    world.commit(world.edit("trust", "grant/policy/x", ([world.owner.key_id], 1, None, None, None)))
    entries.append(world.items[-2])
    assert walk(world.cluster, entries).are_of(world.log.state)
    with pytest.raises(UntrustedInput, match="one before it that changed the owners is not shown"):
        walk(world.cluster, [*entries[:2], entries[3]])
    assert not walk(world.cluster, entries[:3]).are_of(world.log.state)
    overwritten = walk(world.cluster, [entries[0], *entries[2:]])
    assert overwritten.are_of(world.log.state), "what was written anew since makes no difference"


def test_a25_an_entry_says_trust_where_its_change_writes_that_and_nowhere_else() -> None:
    world = World()
    genesis = world.items[0]
    for section, row in (("trust", (world.key().public,)), ("user/bob", (world.key().public,))):
        world.commit(world.edit(section, "owner/bob" if section == "trust" else "key", row))
        entry, change = unpack_entry_item(world.items[-2].data)
        said = () if section == "trust" else (("trust", bytes(32)),)
        with pytest.raises(UntrustedInput, match="is not shown"):
            walk(world.cluster, [genesis, pack_entry_item(entry._replace(sections=said), change)])
