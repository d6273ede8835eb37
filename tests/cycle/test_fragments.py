"""Batches in pieces."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import codec, limits
from dusk.cycle.fragments import Reassembly, cut_batch
from dusk.cycle.messages import Fragment
from dusk.effects import Address, ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash, Head, Seq

MASTER, OTHER = Address("10.0.0.1", 3875), Address("10.0.0.2", 3875)


def entries(*sizes: int) -> tuple[LogItem, ...]:
    return tuple(LogItem(ItemKind.ENTRY, bytes((index,)) * size) for index, size in enumerate(sizes))


def head(seq: int, name: bytes = b"h") -> Head:
    return Head(0, 0, 1, Seq(seq), ChainHash(name * 32))


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_pieces_in_any_order_and_twice_make_the_batch(sizes: list[int], order: random.Random) -> None:
    batch = entries(*sizes)
    pieces = list(cut_batch(batch, head(10))) * 2
    order.shuffle(pieces)
    reassembly = Reassembly()
    completed = [reassembly.add(piece, MASTER, trusted=True) for piece in pieces]
    assert completed.count(True) == 1
    assert reassembly.entries_up_to(head(10), Seq(10 - len(sizes))) == batch


def test_what_is_too_large_is_not_cut() -> None:
    assert cut_batch(entries(limits.DATA_BYTES_MAX + 1), head(1)) == ()
    assert 0 < len(cut_batch(entries(limits.DATA_BYTES_MAX - 10), head(1))) <= limits.FRAGMENTS_MAX


def test_batches_that_follow_each_other_are_joined() -> None:
    reassembly = Reassembly()
    first, second = entries(5, 6), entries(7)
    for batch, end in ((second, head(3)), (first, head(2, b"g"))):
        assert reassembly.entries_up_to(head(3), Seq(0)) is None
        for piece in cut_batch(batch, end):
            reassembly.add(piece, MASTER, trusted=True)
    assert reassembly.entries_up_to(head(3), Seq(0)) == first + second
    reassembly.forget(Seq(2))
    assert reassembly.entries_up_to(head(3), Seq(2)) == second
    assert reassembly.entries_up_to(head(3), Seq(0)) is None
    reassembly.clear()
    assert reassembly.entries_up_to(head(3), Seq(2)) is None


def test_a_hostile_member_cannot_push_out_the_masters_batches_nor_grow_memory() -> None:
    reassembly = Reassembly()
    good = cut_batch(entries(2000), head(1))
    reassembly.add(good[0], MASTER, trusted=True)
    refused = 0
    for number in range(1000):
        fragment = Fragment(1, Seq(2 + number), bytes(8), 0, 15, bytes(1100))
        try:
            reassembly.add(fragment, OTHER, trusted=False)
        except UntrustedInput:
            refused += 1
    assert refused == 1000 - limits.BATCHES_MAX + 1
    for number in range(5):
        reassembly.add(Fragment(1, Seq(50 + number), bytes(8), 0, 2, b""), MASTER, trusted=True)
    assert reassembly.add(good[1], MASTER, trusted=True)
    assert len(reassembly._batches) == limits.BATCHES_MAX


def test_pieces_from_elsewhere_do_not_spoil_the_masters() -> None:
    reassembly = Reassembly()
    good = cut_batch(entries(2000), head(1))
    bad = cut_batch(entries(1999), head(1))
    for piece in (bad[0], bad[1]):
        reassembly.add(piece, OTHER, trusted=False)
    assert reassembly.entries_up_to(head(1), Seq(0)) == entries(1999)
    for piece in good:
        reassembly.add(piece, MASTER, trusted=True)
    assert reassembly.entries_up_to(head(1), Seq(0)) == entries(2000)


def test_the_masters_oldest_batch_goes_when_there_is_no_other() -> None:
    reassembly = Reassembly()
    for number in range(limits.BATCHES_MAX + 1):
        for piece in cut_batch(entries(10), head(1 + number)):
            reassembly.add(piece, MASTER, trusted=True)
    assert reassembly.entries_up_to(head(1), Seq(0)) is None
    assert reassembly.entries_up_to(head(2), Seq(1)) == entries(10)


def test_contradicting_empty_and_malformed_batches_are_refused() -> None:
    reassembly = Reassembly()
    reassembly.add(Fragment(1, Seq(1), bytes(8), 0, 3, b""), MASTER, trusted=True)
    with pytest.raises(UntrustedInput, match="two sizes"):
        reassembly.add(Fragment(1, Seq(1), bytes(8), 1, 2, b""), MASTER, trusted=True)
    for stream in (b"junk", codec.pack([]), codec.pack([1])):
        with pytest.raises(UntrustedInput):
            reassembly.add(Fragment(1, Seq(2), bytes(8), 0, 1, stream), MASTER, trusted=True)
