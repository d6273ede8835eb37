"""What a word for a left branch settled stays settled when the disk is read again (R4, R5)."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from dusk import codec, limits
from dusk.changelog.branches import Switched, try_branch
from dusk.changelog.certificate import decode_certificate
from dusk.changelog.entry import decode_signed_head
from dusk.changelog.log import Log, verified_entry
from dusk.changelog.rewinds import LostBranch, resolve
from dusk.changelog.witness import Witness, decode_witness, witnesses_of
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId, Seq
from tests.parted import RADIO, certificate, force, from_fork, lonely_attic, two_holders
from tests.world import World


def second_holder(more: int = 0) -> tuple[World, World, Seq]:
    """Return the attic, which made the barn a holder and wrote on alone, the barn, and their fork.

    Args:
        more: entries between the barn's becoming a holder and the fork.
    """
    world = World()
    world.allow_joining()
    barn = world.join("barn")
    world.commit(world.edit("cluster", "succession", [[world.device_id, barn.key_id]]))
    for _ in range(more):
        world.commit(world.set("wifi", RADIO, "6"))
    fork = world.log.head.seq
    other = from_fork(world, fork, barn)
    other.open()
    other.commit(other.set("wifi", RADIO, "11"))
    for channel in "12":
        world.commit(world.set("wifi", RADIO, channel))
    return world, other, fork


def thinned(world: World) -> list[LogItem]:
    """Return a log as a joiner is sent it: with the newest signed head alone."""
    return [item for item in world.items[:-1] if item.kind is ItemKind.ENTRY] + world.items[-1:]


def read(world: World, disk: Sequence[LogItem]) -> Log:
    log = Log(world.cluster)
    log.extend(resolve(disk).items)
    return log


def digests(items: Sequence[LogItem], first: int, last: int) -> tuple[bytes, ...]:
    entries = [verified_entry(item) for item in items if item.kind is ItemKind.ENTRY]
    return tuple(entry.digest for entry in entries if first <= entry.seq <= last)


def switched(log: Log, disk: list[LogItem], other: World) -> Switched:
    """Go over, on the disk too."""
    found = try_branch(log, other.items)
    assert isinstance(found, Switched)
    disk += found.items
    return found


def first_switch(more: int = 0) -> tuple[World, World, Seq, Log, list[LogItem]]:
    attic, barn, fork = second_holder(more)
    disk = thinned(attic)
    log = read(attic, disk)
    assert log.settled == fork - 1 - more
    found = switched(log, disk, barn)
    signed = decode_signed_head(attic.items[-1].data)
    assert found.items[1] == Witness(fork, digests(attic.items, fork + 1, fork + 2), signed).item()
    return attic, barn, fork, log, disk


def test_r4_what_a_head_behind_the_fork_settled_is_settled_when_the_disk_is_read_again() -> None:
    attic, barn, fork, log, disk = first_switch()
    again = read(attic, disk)
    assert again.settled == log.settled == fork - 1
    without = [item for item in resolve(disk).items if item.kind is not ItemKind.WITNESS]
    assert read(attic, without).settled == 0
    assert not again.extend(barn.items)


def test_the_first_head_will_do_and_none_is_kept_where_one_stands_before_the_fork() -> None:
    attic, barn, fork = second_holder()
    only = [item for item in attic.items[: 2 * fork] if item.kind is ItemKind.ENTRY]
    found = switched(read(attic, [*only, *attic.items[2 * fork :]]), [], barn)
    assert decode_witness(found.items[1].data).digests == digests(attic.items, fork + 1, fork + 1)
    found = switched(read(attic, attic.items), [], barn)
    assert ItemKind.WITNESS not in {item.kind for item in found.items}


def test_r4_it_stays_on_the_disk_through_another_switch_at_the_same_fork() -> None:
    attic, barn, fork, log, disk = first_switch()
    third = from_fork(barn, fork, barn.master)
    third._keep(third.log.write_open(third.stamp(), epoch_above=8))
    found = switched(log, disk, third)
    assert ItemKind.WITNESS not in {item.kind for item in found.items}
    assert read(attic, disk).settled == log.settled == fork - 1
    older = from_fork(attic, fork - 1, attic.master)
    older._keep(older.log.write_open(older.stamp(), epoch_above=20))
    assert ItemKind.WITNESS in {item.kind for item in switched(log, disk, older).items}
    assert read(attic, disk).settled == log.settled


@pytest.mark.parametrize("is_read_again", [False, True])
def test_r4_it_goes_along_with_a_switch_at_an_older_fork(*, is_read_again: bool) -> None:
    attic, barn, fork, log, disk = first_switch()
    if is_read_again:
        log = read(attic, disk)
    older = from_fork(attic, fork - 1, attic.master)
    older._keep(older.log.write_open(older.stamp(), epoch_above=8))
    found = switched(log, disk, older)
    signed = decode_signed_head(attic.items[-1].data)
    assert found.items[1] == Witness(Seq(fork - 1), digests(attic.items, fork, fork + 2), signed).item()
    assert found.lost == LostBranch(Seq(fork - 1), tuple(barn_items(attic, barn, fork)))
    assert resolve(disk).branches[-1] == found.lost
    assert read(attic, disk).settled == log.settled


def older_epoch(world: World, fork: int) -> World:
    """Return a world that parts from another before its fork, and stands against it."""
    older = from_fork(world, Seq(fork), world.master)
    older._keep(older.log.write_open(older.stamp(), epoch_above=8))
    return older


def test_r4_it_goes_along_with_a_switch_two_entries_below_it() -> None:
    attic, _barn, fork, log, disk = first_switch(more=1)
    found = switched(log, disk, older_epoch(attic, fork - 2))
    signed = decode_signed_head(attic.items[-1].data)
    assert found.items[1] == Witness(Seq(fork - 2), digests(attic.items, fork - 1, fork + 2), signed).item()
    assert read(attic, disk).settled == log.settled


def test_r4_one_that_shows_nothing_is_not_taken_along() -> None:
    attic, _barn, fork = second_holder()
    signed = decode_signed_head(attic.items[-1].data)
    forged = Witness(fork, digests(attic.items, fork + 1, fork + 2), replace(signed, signature=bytes(64)))
    log = read(attic, [*thinned(attic), forged.item()])
    assert log._settling.witness == forged
    (kept,) = log.witness(log.leave(fork - 1))
    assert kept == Witness(Seq(fork - 1), digests(attic.items, fork, fork + 2), signed).item()


def barn_items(attic: World, barn: World, fork: int) -> list[LogItem]:
    return [attic.items[2 * fork - 2], *barn.items[2 * fork :]]


def test_r4_a_switch_that_is_not_made_forgets_none() -> None:
    _, _, fork, log, disk = first_switch()
    log.restore(log.leave(fork - 1))
    left = log.leave(fork - 1)
    assert log.witness(left)
    log.restore(left)
    assert log._settling.witness == decode_witness(next(i.data for i in disk if i.kind is ItemKind.WITNESS))


def test_a55_where_owners_force_a_role_from_below_it_the_fork_stays_settled() -> None:
    attic, barn, fork = lonely_attic()
    disk = thinned(attic)
    log = read(attic, disk)
    found = switched(log, disk, barn)
    assert decode_witness(found.items[1].data).seq == fork
    assert read(attic, disk).settled == log.settled == fork + 1


def wrong() -> list[Witness]:
    _, barn, fork, _, disk = first_switch()
    right = decode_witness(next(item.data for item in disk if item.kind is ItemKind.WITNESS))
    theirs = decode_signed_head(barn.items[-1].data)
    return [
        replace(right, seq=Seq(fork - 1)),
        replace(right, seq=Seq(99)),
        replace(right, digests=right.digests[:-1]),
        replace(right, digests=right.digests[::-1]),
        replace(right, word=replace(decode_signed_head(right.word.encode()), signature=bytes(64))),
        Witness(fork, digests(barn.items, fork + 1, fork + 2), theirs),
    ]


@pytest.mark.parametrize("case", range(6))
def test_a40_a_witness_that_proves_nothing_settles_nothing(case: int) -> None:
    attic, _, _, _, disk = first_switch()
    items = [wrong()[case].item() if item.kind is ItemKind.WITNESS else item for item in resolve(disk).items]
    log = Log(attic.cluster)
    assert log.extend(items) == tuple(item for item in items if item.kind is not ItemKind.WITNESS)
    assert log.settled == 0


def test_a_witness_comes_back_from_its_one_encoding_and_from_no_other() -> None:
    witness = decode_witness(wrong()[0].item().data)
    assert decode_witness(witness.item().data) == witness
    head, digest = witness.word.encode(), bytes(32)
    attic, barn = two_holders()
    acks = certificate(attic, 1, attic.master, barn).data
    assert decode_witness(codec.pack((limits.NUMBER_MAX, [digest], 3, acks))).word.encode() == acks
    for row in (
        (0, [digest], 2, head),
        (1, [], 2, head),
        (1, [digest[1:]], 2, head),
        (1, [digest], 2, b"head"),
        (1, [digest], 3, head),
        (1, [digest], 1, head),
        (1, [digest], 4, head),
        (1, [digest], 1, acks),
        (1, [digest], 4, acks),
        (limits.NUMBER_MAX + 1, [digest], 2, head),
    ):
        with pytest.raises(UntrustedInput):
            decode_witness(codec.pack(row))


def test_one_over_too_many_entries_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    attic, barn, fork = second_holder()
    log = read(attic, thinned(attic))
    left = log.leave(fork)
    assert log.witness(left)
    log.restore(left)
    left = log.leave(fork)
    assert log.witness(left._replace(again=())) == (), "nothing that was left shows anything"
    monkeypatch.setattr(limits, "BRANCH_STEPS_MAX", 2)
    assert log.witness(left), "so many entries stand behind the fork"
    log.restore(left)
    left = log.leave(fork)
    monkeypatch.setattr(limits, "BRANCH_STEPS_MAX", 1)
    assert log.witness(left) == ()
    assert not list(witnesses_of(fork, left.items, {DeviceId(barn.master.key_id)}, (), None))


# --- certificates ---------------------------------------------------------------------------------


def certified(*seqs: int) -> tuple[World, World, Seq, Log, list[LogItem]]:
    """Return two holders' log, certified so far behind the fork, and the barn's, with a forced role."""
    attic, barn = two_holders()
    attic.commit(attic.set("wifi", RADIO, "6"))
    fork = attic.log.head.seq
    for channel in "12":
        attic.commit(attic.set("wifi", RADIO, channel))
    other = from_fork(attic, fork, barn)
    other._keep(other.log.write_open(other.stamp(), force(other, 1, fork, barn)))
    disk = [*attic.items, *(certificate(attic, fork + seq, attic.master, barn) for seq in seqs)]
    return attic, other, fork, read(attic, disk), disk


@pytest.mark.parametrize("seqs", [(2,), (-1, 2), (1, 2), (0, 2)])
def test_r4_what_a_certificate_behind_the_fork_settled_is_settled_when_the_disk_is_read_again(
    seqs: tuple[int, ...],
) -> None:
    attic, barn, fork, log, disk = certified(*seqs)
    found = switched(log, disk, barn)
    kept = [decode_witness(item.data) for item in found.items if item.kind is ItemKind.WITNESS]
    assert [len(witness.digests) for witness in kept] == ([] if 0 in seqs else [min(set(seqs) & {1, 2})])
    log.take_certificate(decode_certificate(certificate(barn, fork + 1, barn.master).data))
    assert read(attic, disk).settled == fork + 1

    first = next(at for at, item in enumerate(disk) if item.kind is ItemKind.REWIND) + 1
    behind = [item for item in disk[first:] if item.kind is not ItemKind.ENTRY]
    before = Log(attic.cluster)
    before.extend([*attic.items[: 2 * fork], *(item for item in behind if item.kind is not ItemKind.HEAD)])
    assert before.settled == fork


def test_r4_a_certificate_goes_along_with_a_switch_at_an_older_fork() -> None:
    attic, barn, fork, log, disk = certified(2)
    switched(log, disk, barn)
    log = read(attic, disk)
    older = from_fork(attic, fork - 1, barn.master)
    older._keep(older.log.write_open(older.stamp(), force(older, 1, fork - 1, barn.master)))
    older._keep(older.log.write_open(older.stamp(), force(older, 2, fork, barn.master)))
    found = switched(log, disk, older)
    (kept,) = (decode_witness(item.data) for item in found.items if item.kind is ItemKind.WITNESS)
    assert kept.digests == digests(attic.items, fork, fork + 2)


def test_a40_a_certificate_that_proves_nothing_of_the_fork_settles_nothing() -> None:
    attic, barn, fork, log, disk = certified(2)
    found = switched(log, disk, barn)
    right = next(decode_witness(item.data) for item in found.items if item.kind is ItemKind.WITNESS)
    word = decode_certificate(certificate(attic, fork + 2, attic.master, barn.master).data)
    assert right.word == word
    first, second = word.acks
    for acks in ((first,), (first, (second[0], bytes(64)))):
        log = Log(attic.cluster)
        log.extend([*attic.items[: 2 * fork], replace(right, word=replace(word, acks=acks)).item()])
        assert log.settled < fork
