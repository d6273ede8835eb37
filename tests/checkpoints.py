"""Owners that attest, and logs that stand on checkpoints, for tests of all rooms."""

from collections.abc import Sequence
from dataclasses import replace

from dusk import codec
from dusk.changelog.attesting import attest_key, attested_row, due
from dusk.changelog.body import Change, Edit
from dusk.changelog.compaction import compact
from dusk.changelog.entry import Entry, OutcomeCode, sign_head
from dusk.changelog.foundation import read
from dusk.changelog.items import verified_entry
from dusk.changelog.kinds import CHECKPOINT
from dusk.changelog.log import Log
from dusk.effects import ItemKind, LogItem
from dusk.ids import ChainHash, ChangeId, Seq, labelled_hash
from dusk.keys.signing import SigningKey
from tests.world import NO_REST, World

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


def looks(log: Log) -> tuple[object, ...]:
    """Return all that decides how a log goes on, and what people are shown."""
    state, last = log.state, log.head.seq
    sections = {path: dict(state.tombstones(path)) for path in state.sections()}
    return (
        log.head, log.newest, log.leader, log.leader_boot, log.handed_over, log.settled, log.checkpoint,
        log.not_applied, [log.outcome_of(change) for change in log.not_applied], state.derived_hash,
        sections, dict(state.numbers()), [log.chain_at(seq) for seq in range(last + 1)], dict(state.owners()),
        state.quorum, [log.required_at(seq, 0) for seq in range(last + 1)], dict(state.device_names()),
    )  # fmt: skip


def said_of(world: World, seq: int, state: bytes | None = None, chain: ChainHash | None = None) -> Edit:
    """Return an owner's word for a state, or for another one than it was."""
    milestone = world.log.state.milestones[seq]
    milestone = milestone._replace(state=state or milestone.state, chain=chain or milestone.chain)
    key = attest_key(world.owner.key_id)
    return Edit(CHECKPOINT, key, attested_row(seq, milestone), world.base(CHECKPOINT, key))


def quorum_of_two(seed: int = 1) -> tuple[World, SigningKey]:
    """Return a cluster in which two owners must sign, with the second of them."""
    world = World(seed)
    bob = world.key()
    world.commit(world.edit("user/bob", "key", (bob.public,)))
    world.commit(world.edit("trust", "owner/bob", (bob.public,)), world.edit("trust", "quorum", (2,)))
    return world, bob


def with_a_conflict_of_another(world: World) -> ChangeId:
    """Have a user who is no owner write a change that came too late; returns which."""
    bob = world.key()
    world.commit(world.edit("user/bob", "key", (bob.public,)))
    world.commit(world.edit("trust", "grant/policy", ([bob.key_id], 1, None, None, None)))
    commit(world, 1)
    (key,) = [key for key in world.log.state.tombstones("policy/office") if key.startswith("set/")]
    setting = world.set("office", key.removeprefix("set/"), "late")
    late = world.change(Edit(setting.section, setting.key, setting.data, None), signers=(bob,))
    assert world.write(late).outcome.code is OutcomeCode.SUPERSEDED
    return late.id


def later_item(world: World, by: SigningKey | None = None) -> list[LogItem]:
    """Return an entry of a later version behind the log, and the head that its leader signs."""
    data = codec.pack((2, "of a later version"))
    digest = labelled_hash(b"dusk.entry", data)
    chain = ChainHash(labelled_hash(b"dusk.chain", world.log.head.chain, digest))
    head = replace(world.log.head, seq=Seq(world.log.head.seq + 1), chain=chain)
    signed = sign_head(by or world.master, world.cluster, head, NO_REST).encode()
    return [LogItem(ItemKind.ENTRY, codec.pack((data, None))), LogItem(ItemKind.HEAD, signed)]
