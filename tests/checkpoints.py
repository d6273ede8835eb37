"""Owners that attest, and logs that stand on checkpoints, for tests of all rooms."""

from collections.abc import Sequence

from dusk.changelog.attesting import attest_key, attested_row, due
from dusk.changelog.body import Change, Edit
from dusk.changelog.compaction import compact
from dusk.changelog.entry import Entry
from dusk.changelog.foundation import read
from dusk.changelog.items import verified_entry
from dusk.changelog.kinds import CHECKPOINT
from dusk.changelog.log import Log
from dusk.effects import ItemKind, LogItem
from dusk.ids import Seq
from dusk.keys.signing import SigningKey
from tests.world import World

STEP, RETENTION = 8, 4
NAME = "system.@system[0].hostname"


def commit(world: World, count: int, signers: Sequence[SigningKey] = ()) -> None:
    """Change one of three options, again and again."""
    for at in range(count):
        edit = world.set("office", f"system.@system[{at % 3}].hostname", f"name-{world.log.head.seq}")
        world.write(world.change(edit, signers=signers))


def attestation(world: World, seq: int, owner: SigningKey | None = None) -> Change:
    """Build an owner's attestation of what the log was at a position."""
    owner = owner or world.owner
    key = attest_key(owner.key_id)
    row = attested_row(seq, world.log.state.milestones[seq])
    return world.change(Edit(CHECKPOINT, key, row, world.base(CHECKPOINT, key)), signers=(owner,))


def attest(world: World, owner: SigningKey | None = None) -> Entry:
    """Have an owner attest what is due."""
    owner = owner or world.owner
    seq = due(world.log.state, owner.key_id, world.log.head.seq, world.log.settled)
    assert seq is not None, "something is due"
    return world.write(attestation(world, seq, owner))


def grown(count: int = 20, seed: int = 1) -> World:
    """Return a cluster with some history and a checkpoint."""
    world = World(seed)
    world.allow_joining()
    world.join()
    commit(world, count)
    attest(world)
    return world


def above(items: Sequence[LogItem], seq: int) -> list[LogItem]:
    """Return what stands from the entry behind a position on."""
    for at, item in enumerate(items):
        if item.kind is ItemKind.ENTRY and verified_entry(item).seq > seq:
            return list(items[at:])
    return []


def foundation(world: World) -> bytes:
    """Return the foundation of the newest checkpoint, made from the first entry on."""
    return compact(world.cluster, None, world.items, world.log.checkpoint)


def compacted(world: World) -> Log:
    """Return a log that stands on the newest checkpoint."""
    seq: Seq = world.log.checkpoint
    log = Log(world.cluster, ground=read(foundation(world), world.cluster).ground)
    log.extend(above(world.items, seq))
    return log
