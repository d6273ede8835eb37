"""Foundations to take apart, and to put together otherwise."""

from typing import Any

import pytest

from dusk import codec, limits
from dusk.changelog.body import Change, Edit
from dusk.changelog.items import pack_entry_item, unpack_entry_item
from dusk.changelog.owners import _writes, changes_owners
from dusk.changelog.state import State
from dusk.ids import NO_CHAIN, ChainHash, labelled_hash
from tests.checkpoints import STEP, attest, commit, foundation
from tests.holders import Holders
from tests.world import World

WORLD_SEED = 3


def sound_one() -> tuple[World, bytes]:
    """Return a world with a checkpoint, and its foundation."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "CHECKPOINT_STEP", STEP)
        patch.setattr(limits, "RETENTION_ENTRIES", 4)
        world = World(WORLD_SEED)
        commit(world, 3)
        setting = world.set("office", "system.@system[0].hostname", "late")
        world.write(world.change(Edit(setting.section, setting.key, setting.data, None)))
        world.open()
        commit(world, 20)
        attest(world)
        return world, foundation(world)


def rows(data: bytes) -> list[Any]:
    """Return the parts of a foundation."""
    return codec.unpack(data, size_max=limits.FOUNDATION_BYTES_MAX)


def unsalted(record: list[Any]) -> list[Any]:
    return [record[0], None, *record[2:]]


VERSION, HEAD, OPENED, TERMS, MILESTONES, DIGESTS, CHANGES, OUTCOMES, SECTIONS, DERIVED, KEPT, SAID = range(
    12
)


def forced_one() -> tuple[Holders, bytes]:
    """Return one where owners forced two roles."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "CHECKPOINT_STEP", STEP)
        patch.setattr(limits, "RETENTION_ENTRIES", 4)
        world = Holders(WORLD_SEED)
        commit(world, 2)
        for holder in (world.kitchen, world.garage):
            world.lead(holder, world.role(holder))
            commit(world, 2)
        commit(world, 20)
        attest(world)
        return world, foundation(world)


def remade(item: bytes, **fields: Any) -> bytes:
    """Return a kept entry that says something else of itself."""
    entry, change = unpack_entry_item(item)
    return pack_entry_item(entry._replace(**fields), change).data


def with_digests(row: list[Any]) -> list[Any]:
    """Have the digests be those of the entries that are kept, and the head stand on them."""
    digests = bytearray(row[DIGESTS])
    for item in row[KEPT]:
        entry, _ = unpack_entry_item(item)
        digests[(entry.seq - 1) * 32 : entry.seq * 32] = entry.digest
    chain = NO_CHAIN
    for at in range(0, len(digests), 32):
        chain = ChainHash(labelled_hash(b"dusk.chain", chain, bytes(digests[at : at + 32])))
    row[DIGESTS], row[HEAD] = bytes(digests), [*row[HEAD][:4], chain]
    return row


def with_trust(row: list[Any]) -> list[Any]:
    """Have each entry that is kept say section `trust` as it and those before it make it."""
    trust = State()
    for at, item in enumerate(row[KEPT]):
        entry, change = unpack_entry_item(item)
        if changes_owners(entry) and change is not None:
            trust.take(_writes(change), ())
            now = {"trust": trust.section_hash("trust")}
            row[KEPT][at] = remade(item, sections=tuple((s, now.get(s, said)) for s, said in entry.sections))
    return row


def forged(forced: tuple[Holders, bytes], change: Change) -> bytes:
    """Return a foundation whose last role is another change, with digests that fit."""
    row = rows(forced[1])
    entry, _ = unpack_entry_item(row[KEPT][-1])
    entry = entry._replace(change=change.id, signatures=change.signatures_hash)
    row[KEPT][-1] = pack_entry_item(entry, change).data
    return codec.pack(with_digests(row))
