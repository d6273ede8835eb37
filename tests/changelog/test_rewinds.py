"""Rewinds: what the items of a disk add up to, for any items at all."""

from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk.changelog.rewinds import LostBranch, Resolved, Rewind, decode_rewind, resolve
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import Seq
from dusk.limits import NUMBER_MAX


def items_of(text: str) -> tuple[LogItem, ...]:
    """Return items from words: ``e…`` an entry, ``h…`` a head, ``<2+3`` a rewind to 2 of 3 items."""
    found = []
    for word in text.split():
        if word[0] == "<":
            seq, _, count = word[1:].partition("+")
            found.append(Rewind(Seq(int(seq)), int(count)).item())
        else:
            kind = ItemKind.ENTRY if word[0] == "e" else ItemKind.HEAD
            found.append(LogItem(kind, word.encode()))
    return tuple(found)


@pytest.mark.parametrize(
    ("written", "log", "branches"),
    [
        ("", "", []),
        ("e1 h1 e2 h2", "e1 h1 e2 h2", []),
        ("e1 h1 e2 h2 <1+2 e2' h2'", "e1 h1 e2' h2'", [(1, "e2 h2")]),
        ("e1 h1 e2 h2 <0+2 e1' h1'", "e1' h1'", [(0, "e1 h1 e2 h2")]),
        ("e1 e2 h2 <1+2 e2' h2' e3 h3", "e1 e2' h2' e3 h3", [(1, "e2 h2")]),
        ("e1 h1 <1+1 h1'", "e1 h1 h1'", [(1, "")]),
        ("e1 h1 e2 h2 <1+2 e2' h2' <1+2 e2\" h2\"", 'e1 h1 e2" h2"', [(1, "e2 h2"), (1, "e2' h2'")]),
        ("e1 e2 e3 h3 <2+2 e3' h3' <1+2 e2' h2'", "e1 e2' h2'", [(2, "e3 h3"), (1, "e2 e3' h3'")]),
    ],
)
def test_what_follows_a_rewind_takes_the_place_of_what_stood_behind_its_fork(
    written: str, log: str, branches: list[tuple[int, str]]
) -> None:
    found = [LostBranch(Seq(seq), items_of(items)) for seq, items in branches]
    items = items_of(written)
    assert resolve(items) == Resolved(items_of(log), tuple(found), len(items))


@pytest.mark.parametrize("rest", ["<1+1", "<1+3 e2' h2'", "<3+2 e3' h3'", "<1+2 <1+1 h"])
def test_r7_a_rewind_that_cannot_be_followed_ends_the_log_before_it(rest: str) -> None:
    good = items_of("e1 h1 e2 h2")
    assert resolve(good + items_of(rest)) == Resolved(good, (), 4)


def test_a_rewind_that_cannot_be_read_ends_the_log_before_it() -> None:
    good = items_of("e1 h1")
    for data in (b"", b"\x91\x01", b"\x92\x01\x00", b"\x92\xcc\x01\x01", b"\x93\x01\x01\x01", b"\xc0" * 40):
        with pytest.raises(UntrustedInput):
            decode_rewind(data)
        assert resolve([*good, LogItem(ItemKind.REWIND, data), *good]).used == 2


@given(st.integers(0, NUMBER_MAX), st.integers(1, NUMBER_MAX))
def test_a_rewind_is_read_as_it_was_written(seq: int, count: int) -> None:
    rewind = Rewind(Seq(seq), count)
    assert decode_rewind(rewind.item().data) == rewind


words = st.one_of(
    st.sampled_from(["e", "h"]),
    st.builds("<{}+{}".format, st.integers(0, 5), st.integers(1, 4)),
)


@given(st.lists(words, max_size=20).map(" ".join))
def test_any_items_give_an_answer_that_loses_none_of_what_counts(text: str) -> None:
    items = items_of(text)
    found = resolve(items)
    assert not any(item.kind is ItemKind.REWIND for item in found.items)
    counted = [item for item in items[: found.used] if item.kind is not ItemKind.REWIND]
    assert len(found.items) + sum(len(branch.items) for branch in found.branches) == len(counted)
    assert resolve(items[: found.used]) == found
    assert resolve(found.items) == Resolved(found.items, (), len(found.items))


@given(st.lists(words, max_size=20).map(" ".join), st.data())
def test_r5_a_beginning_of_a_write_leaves_the_log_before_it_and_all_of_it_the_new_one(
    text: str, data: st.DataObject
) -> None:
    items = items_of(text)
    used = resolve(items).used
    switch = items_of("<0+2 e h")
    size = data.draw(st.integers(0, 3))
    found = resolve([*items[:used], *switch[:size]])
    before = resolve(items[:used])
    ahead = tuple(takewhile(lambda item: item.kind is ItemKind.HEAD, before.items))
    assert found.items == ((*ahead, *switch[1:]) if size == 3 else before.items)


@pytest.mark.parametrize("bent", [(1, 0), (0, 1)])
def test_a17_a_rewind_has_numbers_that_a_log_can_have(bent: tuple[int, int]) -> None:
    largest = Rewind(Seq(NUMBER_MAX), NUMBER_MAX)
    assert decode_rewind(largest.item().data) == largest
    beyond = Rewind(Seq(NUMBER_MAX + bent[0]), NUMBER_MAX + bent[1])
    with pytest.raises(UntrustedInput):
        decode_rewind(beyond.item().data)
    with pytest.raises(UntrustedInput):
        decode_rewind(Rewind(Seq(-1), 1).item().data)


def test_r7_a_rewind_whose_items_a_beginning_cuts_short_does_not_count() -> None:
    entry, head = LogItem(ItemKind.ENTRY, b"entry"), LogItem(ItemKind.HEAD, b"head")
    before = [entry, head, entry, head]
    found = resolve([*before, Rewind(Seq(1), 2).item(), LogItem(ItemKind.PLAN, b"plan"), head])
    assert (found.items, found.branches, found.used) == (tuple(before), (), 4)
