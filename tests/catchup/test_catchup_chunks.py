"""Chunks keep what a reader needs, and locators fit their bound for any log."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from dusk.catchup.chunks import batches, entries_in, locator_positions, thin, up_to_last_head
from dusk.changelog.certificate import decode_certificate
from dusk.changelog.entry import decode_signed_head
from dusk.changelog.log import Log
from dusk.effects import ItemKind, LogItem
from dusk.ids import Seq
from dusk.limits import LOCATOR_MAX, NUMBER_MAX
from tests.holders import Holders
from tests.world import World


def _world() -> World:
    world = World()
    for number in range(12):
        if number % 4 == 3:
            world.open()
        world.commit(world.set("wifi", "wireless.radio0.channel", str(number)))
    return world


WORLD = _world()


@given(st.integers(1, NUMBER_MAX))
def test_a_locator_begins_at_the_head_ends_at_genesis_and_fits(head: int) -> None:
    positions = locator_positions(Seq(head))
    assert positions[0] == head
    assert positions[-1] == 1
    assert positions == sorted(set(positions), reverse=True)
    assert len(positions) < LOCATOR_MAX
    assert [head - p for p in positions[1:-1]] == [2**n for n in range(len(positions) - 2)]


def test_the_locator_of_an_empty_log_is_empty() -> None:
    assert locator_positions(Seq(0)) == []


@given(st.integers(1, len(WORLD.items)))
def test_a_thinned_chunk_proves_as_much_as_the_whole_one(end: int) -> None:
    items = WORLD.items[:end]
    whole, thinned = Log(WORLD.cluster), Log(WORLD.cluster)
    whole.extend(items)
    thinned.extend(thin(items))
    assert thinned.head == whole.head
    assert thinned.newest == whole.newest


def test_what_stands_behind_the_last_head_waits_for_the_next_chunk() -> None:
    assert WORLD.items[4].kind is ItemKind.ENTRY
    assert thin(WORLD.items[:5]) == thin(WORLD.items[:4])


def test_one_head_of_each_epoch_stays() -> None:
    heads = [i for i in thin(WORLD.items) if i.kind is ItemKind.HEAD]
    epochs = [decode_signed_head(head.data).head.epoch for head in heads]
    assert epochs == [1, 2, 3, 4]


def test_entries_without_any_head_are_kept() -> None:
    entries = tuple(i for i in WORLD.items if i.kind is ItemKind.ENTRY)
    assert thin(entries) == entries
    assert up_to_last_head(entries) == ()
    assert entries_in(WORLD.items) == len(entries)


@given(st.integers(1, len(WORLD.items) + 2))
def test_batches_are_the_items_cut_behind_signed_heads(count_min: int) -> None:
    found = list(batches(WORLD.items, count_min))
    assert [item for batch in found for item in batch] == WORLD.items
    assert all(len(batch) >= count_min and batch[-1].kind is ItemKind.HEAD for batch in found[:-1])


def test_what_stands_behind_the_last_head_is_a_batch_too() -> None:
    assert list(batches(WORLD.items[:5], 1)) == [
        tuple(WORLD.items[:2]),
        tuple(WORLD.items[2:4]),
        tuple(WORLD.items[4:5]),
    ]
    assert list(batches(WORLD.items[:6], 2)) == [tuple(WORLD.items[at : at + 2]) for at in (0, 2, 4)]
    assert list(batches(WORLD.items[:6], 3)) == [tuple(WORLD.items[:4]), tuple(WORLD.items[4:6])]
    assert list(batches((), 1)) == []


def settled_world() -> Holders:
    """Return a log with a certificate behind nearly every entry, and three successions."""
    world = Holders()
    attic, kitchen, garage = world.master, world.kitchen, world.garage
    for holders, settlers in (
        ((attic, kitchen), (attic, kitchen)),
        ((kitchen, attic, garage), (attic, kitchen, garage)),
        ((attic, garage), (attic, kitchen, garage)),
    ):
        world.succeed(*holders)
        world.settle(*settlers)
        for value in "1234":
            world.commit(world.set("a", "system.s.x", value))
            world.settle(*holders)
    return world


def seqs(items: Sequence[LogItem]) -> list[int]:
    found = (item for item in items if item.kind is ItemKind.CERTIFICATE)
    return [decode_certificate(item.data).head.seq for item in found]


def test_of_many_certificates_those_are_kept_that_later_ones_are_checked_with() -> None:
    world = settled_world()
    log = Log(world.cluster)
    items = thin(world.items)
    log.extend(items)
    assert (log.head, log.settled) == (world.log.head, world.log.settled)
    assert len(seqs(items)) == 4 < len(seqs(world.items)) == 15
    assert seqs(items)[-1] == world.log.settled


def test_certificates_for_what_stands_before_a_chunk_are_kept() -> None:
    world = settled_world()
    certificates = [item for item in world.items if item.kind is ItemKind.CERTIFICATE]
    assert thin(certificates) == tuple(certificates)
    tail = (*certificates[:9], *world.items[-9:])
    assert seqs(thin(tail)) == [*seqs(certificates[:9]), *seqs(world.items[-9:])[::2]]


def test_a_chunk_ends_with_the_certificates_behind_its_last_head() -> None:
    world = settled_world()
    entry = world.items[-3]
    assert up_to_last_head([*world.items, entry]) == tuple(world.items)
    assert up_to_last_head([world.items[-1], entry]) == ()
