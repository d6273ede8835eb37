"""A switch to another branch on the disk: all of it or none, whatever the power does (R5, R7)."""

from pathlib import Path

import pytest

from dusk.changelog.rewinds import LostBranch, Rewind
from dusk.changelog.witness import WITNESS_BYTES_MAX
from dusk.daemon import frames
from dusk.daemon.logfiles import DAMAGED_NAME
from dusk.daemon.opening import Opened, open_store, read_log
from dusk.daemon.store import Store
from dusk.effects import ItemKind, LogItem
from dusk.errors import StorageError
from dusk.ids import Seq


def entry(name: str, size: int = 20) -> LogItem:
    return LogItem(ItemKind.ENTRY, name.encode() + bytes(size))


def head(name: str) -> LogItem:
    return LogItem(ItemKind.HEAD, b"head " + name.encode())


def certificate(name: str, size: int = 10) -> LogItem:
    return LogItem(ItemKind.CERTIFICATE, b"certificate " + name.encode() + bytes(size))


def switch(seq: int, *items: LogItem) -> list[LogItem]:
    return [Rewind(Seq(seq), len(items)).item(), *items]


COMMON = (entry("1"), head("1"), entry("2"), head("2"), certificate("2"))
OURS = (entry("3"), head("3"), entry("4"), head("4"))
THEIRS = (entry("3'"), head("3'"), certificate("3'"))


def filled(folder: Path) -> Store:
    store = open_store(folder).store
    store.append(COMMON)
    store.append(OURS)
    return store


def opened(folder: Path) -> Opened:
    found = open_store(folder)
    found.store.close()
    return found


def test_r5_a_switch_replaces_what_stood_behind_the_fork_and_keeps_it_beside_the_log(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.append(switch(2, *THEIRS))
    assert store.last == 3
    assert store.read_items(Seq(1), 10**6) == (*COMMON, *THEIRS)
    store.append([entry("4'"), head("4'")])
    store.close()
    found = opened(tmp_path)
    assert found.items == (*COMMON, *THEIRS, entry("4'"), head("4'")) == read_log(tmp_path).items
    assert found.branches == (LostBranch(Seq(2), OURS),) == read_log(tmp_path).branches
    assert found.report.lines == ()


def test_r7_a_switch_that_the_power_cuts_at_any_byte_leaves_one_branch_or_the_other(tmp_path: Path) -> None:
    filled(tmp_path).close()
    path = tmp_path / "log"
    before = path.read_bytes()
    whole = before + frames.encode(switch(2, *THEIRS), len(before))
    for size in range(len(before), len(whole) + 1):
        path.write_bytes(whole[:size])
        assert read_log(tmp_path).items == ((*COMMON, *THEIRS) if size == len(whole) else (*COMMON, *OURS))
        found = open_store(tmp_path)
        assert found.items == read_log(tmp_path).items
        assert found.report.damage_at is None
        assert found.branches == (() if size < len(whole) else (LostBranch(Seq(2), OURS),))
        found.store.append([entry("next"), head("next")])
        found.store.close()
        assert opened(tmp_path).items == (*found.items, entry("next"), head("next"))


def test_r7_a_switch_that_shares_a_write_with_what_was_before_it_is_whole_or_not_at_all(
    tmp_path: Path,
) -> None:
    open_store(tmp_path).store.close()
    path = tmp_path / "log"
    whole = frames.MAGIC + frames.encode([*COMMON, *OURS, *switch(3, *THEIRS)], len(frames.MAGIC))
    results = set()
    for size in range(len(frames.MAGIC), len(whole) + 1):
        path.write_bytes(whole[:size])
        found = opened(tmp_path)
        both = found.items == (*COMMON, *OURS[:2], *THEIRS)
        assert both or found.items == (*COMMON, *OURS)[: len(found.items)]
        assert found.report.damage_at is None
        results.add(both)
    assert results == {True, False}


def test_r7_pieces_of_a_switch_without_its_end_are_a_torn_tail(tmp_path: Path) -> None:
    store = filled(tmp_path)
    end = store.size_bytes
    store.append(switch(2, *THEIRS))
    store.close()
    path = tmp_path / "log"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes((whole[-1] ^ 1,)))
    found = opened(tmp_path)
    assert found.items == (*COMMON, *OURS)
    assert (found.report.damage_at, found.report.cut_bytes) == (None, len(whole) - end)


def test_damage_within_a_switch_that_a_later_write_proves_keeps_the_branch_before_it(tmp_path: Path) -> None:
    store = filled(tmp_path)
    end = store.size_bytes
    store.append(switch(2, *THEIRS))
    place = store.size_bytes - 1
    store.append([entry("4'"), head("4'")])
    store.close()
    path = tmp_path / "log"
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    found = opened(tmp_path)
    assert found.items == (*COMMON, *OURS)
    assert found.report.damage_at == end
    assert found.report.salvaged == (*switch(2, *THEIRS)[:-1], entry("4'"), head("4'"))
    assert (tmp_path / DAMAGED_NAME).read_bytes() == data


def test_damage_behind_a_switch_keeps_what_it_replaced(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.append(switch(2, *THEIRS))
    place = store.size_bytes + 30
    store.append([entry("4'"), head("4'")])
    store.append([entry("5'"), head("5'")])
    store.close()
    path = tmp_path / "log"
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    for found in (opened(tmp_path), opened(tmp_path)):
        assert found.items == (*COMMON, *THEIRS)
        assert found.branches == (LostBranch(Seq(2), OURS),)


@pytest.mark.parametrize(
    "item", [LogItem(ItemKind.REWIND, b"what"), Rewind(Seq(9), 1).item(), Rewind(Seq(2), 9).item()]
)
def test_a_rewind_that_cannot_be_followed_is_like_a_frame_that_cannot_be_read(
    tmp_path: Path, item: LogItem
) -> None:
    filled(tmp_path).close()
    path = tmp_path / "log"
    before = path.read_bytes()
    torn = before + frames.encode([item, *THEIRS], len(before))
    path.write_bytes(torn)
    assert frames.parse(torn).cut_bytes == len(torn) - len(before)
    damaged = torn + frames.encode([entry("5")], len(torn))
    assert frames.parse(damaged).damage_at == len(before)
    found = opened(tmp_path)
    assert (found.items, found.branches) == ((*COMMON, *OURS), ())


def test_a_rewind_whose_last_items_no_head_covers_does_not_count() -> None:
    items = [*COMMON, *OURS, *switch(2, *THEIRS, entry("4'"))]
    data = frames.MAGIC + frames.encode(items, len(frames.MAGIC))
    contents = frames.parse(data)
    assert contents.items == (*COMMON, *OURS)
    assert contents.cut_bytes > 0


def test_items_and_entries_are_read_around_all_that_was_replaced(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.append(switch(2, *THEIRS))
    store.append([entry("4'"), head("4'"), entry("5'"), head("5'")])
    store.append(switch(4, entry('5"'), head('5"')))
    log = (*COMMON, *THEIRS, entry("4'"), head("4'"), entry('5"'), head('5"'))
    entries = [item for item in log if item.kind is ItemKind.ENTRY]
    for _ in range(2):
        assert store.last == len(entries) == 5
        for first in range(1, 6):
            for count in range(1, 7):
                found = store.read_entries(Seq(first), count)
                assert list(found) == entries[first - 1 : first - 1 + count]
            for size in range(10, 700, 7):
                start = log.index(entries[first - 1])
                piece = store.read_items(Seq(first), size)
                assert piece == log[start : start + len(piece)]
                end = start + len(piece)
                assert end == len(log) or log[end].kind is ItemKind.ENTRY
                assert piece[-1].kind is not ItemKind.ENTRY
            assert store.read_items(Seq(first), 10**6) == log[log.index(entries[first - 1]) :]
        store.close()
        store = open_store(tmp_path).store
    store.close()


def test_a_witness_is_on_the_own_disk_alone_and_hides_no_certificate_behind_it(tmp_path: Path) -> None:
    witness = LogItem(ItemKind.WITNESS, bytes(WITNESS_BYTES_MAX))
    first, second, third = (certificate(name, 4000) for name in "abc")
    store = filled(tmp_path)
    store.append(switch(2, first, witness, *OURS))
    store.append(switch(2, second, third, witness, *THEIRS))
    served = (*COMMON, first, second, third, *THEIRS)
    for _ in range(2):
        for size in (10, 100, 10**6):
            piece = store.read_items(Seq(1), size)
            assert piece == served[: len(piece)]
            assert store.read_items(Seq(2), size) == served[2 : 8 if size < 10**6 else len(served)]
            assert store.read_items(Seq(3), size) == THEIRS
        store.close()
        found = open_store(tmp_path)
        store = found.store
        assert found.items == (*COMMON, first, witness, second, third, witness, *THEIRS)
        assert [branch.items for branch in found.branches] == [OURS, OURS]
    store.close()


def test_a_witness_goes_with_no_branch_that_is_left(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.append(switch(3, LogItem(ItemKind.WITNESS, b"w"), entry("4'"), head("4'")))
    store.append(switch(2, *THEIRS))
    store.close()
    assert opened(tmp_path).branches[-1] == LostBranch(Seq(2), (*OURS[:2], entry("4'"), head("4'")))


def test_a_switch_to_an_older_fork_than_the_one_before_takes_that_one_along(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.append(switch(3, entry("4'"), head("4'")))
    store.append(switch(1, entry('2"'), head('2"')))
    store.append(switch(2, entry("3#"), head("3#")))
    assert store.read_items(Seq(1), 10**6) == (*COMMON[:2], entry('2"'), head('2"'), entry("3#"), head("3#"))
    store.close()
    assert opened(tmp_path).branches == (
        LostBranch(Seq(3), OURS[2:]),
        LostBranch(Seq(1), (*COMMON[2:], *OURS[:2], entry("4'"), head("4'"))),
        LostBranch(Seq(2), ()),
    )


def test_certificates_go_with_the_head_before_them_however_small_a_piece_is(tmp_path: Path) -> None:
    store = open_store(tmp_path).store
    store.append([entry("1"), head("1"), certificate("1", 2000), certificate("1 too"), entry("2"), head("2")])
    assert store.read_items(Seq(1), 10)[-1] == certificate("1 too")
    store.close()


def test_damage_before_a_switch_is_noticed_when_it_is_read(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.append(switch(2, *THEIRS))
    data = bytearray((tmp_path / "log").read_bytes())
    data[60] ^= 1
    (tmp_path / "log").write_bytes(data)
    with pytest.raises(StorageError, match="damaged while in use"):
        store.read_items(Seq(1), 10**6)
    with pytest.raises(StorageError, match="damaged while in use"):
        store.read_entries(Seq(1), 5)
    assert store.read_entries(Seq(3), 1) == (entry("3'"),)
    store.close()


def test_an_emptied_store_knows_nothing_of_former_branches(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.append(switch(2, *THEIRS))
    store.clear()
    store.append(COMMON)
    assert store.read_items(Seq(1), 10**6) == COMMON
    store.close()
    assert opened(tmp_path).branches == ()
