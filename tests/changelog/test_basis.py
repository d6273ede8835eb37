"""What a disk begins with whose log stands on a checkpoint, for any items at all (R7)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import codec
from dusk.changelog.basis import NO_BASIS, Plan, basis_of, decode_plan, lay, plan_from_row, plan_of
from dusk.changelog.foundation import piece_hash, pieces
from dusk.changelog.rewinds import Resolved, resolve
from dusk.effects import ItemKind, LogItem, LostBranch
from dusk.errors import UntrustedInput
from dusk.ids import Seq
from dusk.limits import KEPT_ITEM_BYTES_MAX, NUMBER_MAX

DATA = bytes(range(200)) * 700
"""Of three pieces; nothing here looks into it."""
ENTRY = LogItem(ItemKind.ENTRY, b"an entry")
LEFT = (
    LostBranch(Seq(3), (LogItem(ItemKind.ENTRY, b"one"), LogItem(ItemKind.HEAD, b"two"))),
    LostBranch(Seq(2), (LogItem(ItemKind.ENTRY, b"three"),)),
)


def test_what_a_disk_begins_with_comes_back_as_it_was() -> None:
    items = list(lay(Seq(16), DATA, LEFT))
    basis = basis_of([*items, ENTRY])
    assert basis is not None
    assert (basis.floor, basis.data, basis.branches, basis.taken) == (16, DATA, LEFT, len(items))
    assert decode_plan(items[0].data) == plan_of(Seq(16), pieces(DATA)) == basis.plan


def test_a_disk_without_a_checkpoint_stands_on_nothing() -> None:
    for items in ([], [ENTRY]):
        assert basis_of(items) == NO_BASIS
    assert NO_BASIS.floor == 0


def test_a_beginning_that_is_not_whole_is_none() -> None:
    plan, *cut = lay(Seq(16), DATA, ())
    assert len(cut) == 3
    assert basis_of([plan, *cut[:-1]]) is None
    assert basis_of([plan, *cut[::-1]]) is None
    assert basis_of([plan, *cut[:-1], LogItem(ItemKind.PIECE, cut[-1].data[:-1])]) is None
    assert basis_of([plan, *cut, LogItem(ItemKind.LEFT, b"?")]) is None
    assert basis_of([LogItem(ItemKind.PLAN, b"?"), *cut]) is None


@pytest.mark.parametrize(
    "row",
    [
        (-1, 3, 1, b""),
        (NUMBER_MAX + 1, 3, 1, b""),
        (0, -1, 1, b""),
        (0, NUMBER_MAX + 1, 1, b""),
        (0, 3, 0, b""),
        (0, 3, 4, b""),
        (0, 3, 1, bytes(KEPT_ITEM_BYTES_MAX + 1)),
    ],
)
def test_a_beginning_with_an_item_of_a_branch_that_is_none_is_not_whole(row: tuple[object, ...]) -> None:
    start = [*lay(Seq(16), DATA, ())]
    assert basis_of([*start, LogItem(ItemKind.LEFT, codec.pack((0, 3, 1, b"")))]) is not None
    assert basis_of([*start, LogItem(ItemKind.LEFT, codec.pack(row))]) is None


def test_r7_of_a_disk_whose_beginning_is_not_whole_nothing_counts() -> None:
    plan, *cut = lay(Seq(16), DATA, ())
    assert resolve([plan, *cut[:-1], ENTRY]) == Resolved((), (), 0)


@pytest.mark.parametrize("kind", [ItemKind.PLAN, ItemKind.PIECE, ItemKind.LEFT])
def test_what_belongs_to_the_beginning_ends_the_log_where_it_stands_later(kind: ItemKind) -> None:
    stray = LogItem(kind, b"stray")
    assert resolve([ENTRY, stray, ENTRY]) == Resolved((ENTRY,), (), 1)
    start = [*lay(Seq(16), DATA, LEFT), ENTRY]
    found = resolve([*start, stray, ENTRY])
    assert (found.items, found.branches, found.used) == ((ENTRY,), LEFT, len(start))


@given(st.integers(1, NUMBER_MAX), st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=5))
def test_a_plan_is_read_as_it_was_written(seq: int, hashes: list[bytes]) -> None:
    plan = Plan(Seq(seq), tuple(hashes))
    assert decode_plan(plan.encode()) == plan
    assert plan_from_row([seq, hashes]) == plan


@pytest.mark.parametrize(
    "row",
    [
        [],
        [0, [bytes(32)]],
        [NUMBER_MAX + 1, [bytes(32)]],
        [1, []],
        [1, [b""]],
        [1, ["x" * 32]],
        [1, [bytes(32)], 2],
        [True, [bytes(32)]],
    ],
)
def test_a17_anything_else_is_no_plan(row: list[object]) -> None:
    with pytest.raises(UntrustedInput):
        plan_from_row(row)
    with pytest.raises(UntrustedInput):
        decode_plan(codec.pack(row))


@pytest.mark.parametrize("data", [b"", b"\xc0", b"\x92\x01", bytes(100)])
def test_a17_what_is_no_array_is_no_plan(data: bytes) -> None:
    with pytest.raises(UntrustedInput):
        decode_plan(data)
    with pytest.raises(UntrustedInput):
        plan_from_row(None)


def test_a_piece_has_a_hash_of_its_own_kind() -> None:
    plan = plan_of(Seq(1), (b"a", b"b", b"a"))
    assert plan.hashes == (piece_hash(b"a"), piece_hash(b"b"), piece_hash(b"a"))
    assert len(set(plan.hashes)) == 2
