"""The chain of owners, from the first entry on: who may attest is whom those before them named (A1, A42)."""

import pytest

from dusk.changelog.items import pack_entry_item, unpack_entry_item
from dusk.changelog.owners import walk
from dusk.effects import ItemKind
from dusk.errors import UntrustedInput
from dusk.ids import ClusterId, DeviceId, Seq
from tests.world import World


def test_a1_a_chain_of_owners_that_they_did_not_sign_is_refused() -> None:
    world = World()
    genesis = world.items[0]
    assert walk(world.cluster, [genesis]).quorum == 1
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
        later = entry._replace(seq=Seq(2), change=wrong.id, signatures=wrong.signatures_hash)
        with pytest.raises(UntrustedInput, match="have not signed"):
            walk(world.cluster, [genesis, pack_entry_item(later, wrong)])
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
    assert set(walk(world.cluster, items[:2]).keys) == {world.owner.key_id, bob.key_id}
    assert set(walk(world.cluster, items).keys) == {world.owner.key_id}
