"""Checkpoints of the true log that leave out how the owners changed: who was one once can make them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from dusk import codec
from dusk.changelog import foundation as forge
from dusk.changelog.attesting import attest_key, attested_row
from dusk.changelog.body import Change, Edit, Value, build_change
from dusk.changelog.entry import Stamp, sign_head
from dusk.changelog.foundation import encode, form, read
from dusk.changelog.items import unpack_entry_item
from dusk.changelog.kinds import CHECKPOINT, is_recovery
from dusk.changelog.log import Log
from dusk.changelog.milestone import Milestone
from dusk.changelog.owners import walk
from dusk.changelog.sections import device_path
from dusk.changelog.state import Record, RecordWrite
from dusk.effects import LogItem
from dusk.ids import ChangeId, DeviceId, Head, Seq
from dusk.keys.signing import SigningKey
from tests.checkpoints import foundation
from tests.world import BOOT, NO_REST, World


class Omitting(NamedTuple):
    """What a hostile router serves: a checkpoint, and what stands above that, all of it verifiable."""

    data: bytes
    above: Sequence[LogItem]
    seq: Seq


def omitting(world: World, omitted: Sequence[int], thief: SigningKey, router: SigningKey) -> Omitting:
    """Leave entries out of the newest checkpoint, and have another owner and his router go on from there.

    Args:
        world: the true log; of it all digests are kept.
        omitted: where the entries stand that nobody is shown.
        thief: an owner before them; he attests alone.
        router: leads from then on, and never was a member.
    """
    row = form(foundation(world))
    head_row, opened, milestones, digests, changes, outcomes, sections, derived, kept = (
        row[at] for at in (1, 2, 4, 5, 6, 7, 8, 9, 10)
    )
    shown = [item for item in kept if unpack_entry_item(item)[0].seq not in omitted]
    assert len(shown) == len(kept) - len(omitted), "they are in it"
    head = Head(sum(map(_recovers, shown)), 0, *head_row[2:])
    opened[1] = router.key_id
    ground = forge._ground(
        head, forge._passed(head, digests, changes), opened, [[1, [router.key_id], False]], world.cluster
    )
    forge._take_outcomes(ground, outcomes)
    items = forge._kept(shown, digests, ground)
    owners = walk(world.cluster, forge._of_owners(items))
    trust = forge._record_rows(owners._trust, "trust")
    sections = [[path, trust if path == "trust" else records] for path, records in sections]
    forge._take_sections(ground.state, sections, derived)
    ground.state.take(_captured(router), ())
    forge._take_milestones(ground, milestones)
    whole = ground.state.milestones[head.seq] = forge._measure(ground, head.seq)
    word = _word(world, head.seq, whole, thief, router)
    data = encode(ground, digests, items, [word])
    return Omitting(data, _above(world, data, word, router), head.seq)


def _recovers(item: bytes) -> bool:
    change = unpack_entry_item(item)[1]
    return change is not None and is_recovery(change)


def _captured(router: SigningKey) -> list[RecordWrite]:
    """Return what makes a router a member that leads."""
    device = device_path(router.key_id)
    rows: list[tuple[str, str, tuple[Any, ...]]] = [
        (device, "key", (router.public,)),
        (device, "name", ("theirs",)),
        (device, "groups", ([],)),
        ("cluster", "succession", ([router.key_id],)),
    ]
    values = [(section, key, Value(bytes(16), codec.pack(row))) for section, key, row in rows]
    return [
        RecordWrite(section, key, Record(value.data, value.hash, ChangeId(bytes(32)), value.salt))
        for section, key, value in values
    ]


def _word(world: World, seq: Seq, whole: Milestone, thief: SigningKey, router: SigningKey) -> Change:
    return build_change(
        cluster=world.cluster,
        device=DeviceId(router.key_id),
        counter=1,
        message="",
        edits=[Edit(CHECKPOINT, attest_key(thief.key_id), attested_row(seq, whole), None)],
        signers=(thief,),
        random_bytes=world.random.randbytes,
    )


def _above(world: World, data: bytes, word: Change, router: SigningKey) -> list[LogItem]:
    """Return what puts the checkpoint in force."""
    log = Log(world.cluster, ground=read(data, world.cluster).ground)
    stamp = Stamp(DeviceId(router.key_id), BOOT, world.time_s, clock_trusted=True)

    def signed() -> LogItem:
        return log.signed(sign_head(router, world.cluster, log.head, NO_REST))

    items = [log.write_open(stamp), signed(), log.write_change(word, stamp)[0], signed()]
    assert log.checkpoint == log.floor, "it is in force, and final"
    return items
