"""Chunks keep what a reader needs, and locators fit their bound for any log."""

from hypothesis import given
from hypothesis import strategies as st

from dusk.catchup.chunks import batches, entries_in, locator_positions, thin, up_to_last_head
from dusk.changelog.entry import decode_signed_head
from dusk.changelog.log import Log
from dusk.effects import ItemKind
from dusk.ids import Seq
from dusk.limits import LOCATOR_MAX, NUMBER_MAX
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
