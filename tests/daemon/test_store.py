import contextlib
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk.daemon import disk, frames
from dusk.daemon.logfiles import DAMAGED_NAME
from dusk.daemon.opening import open_store, read_log
from dusk.daemon.store import Store
from dusk.effects import ItemKind, LogItem
from dusk.errors import StorageError
from dusk.ids import Seq
from tests.daemon.faulty_disk import FaultyDisk, PowerCutError, failing, full, installed, read_only


def entry(number: int, size: int = 20) -> LogItem:
    return LogItem(ItemKind.ENTRY, number.to_bytes(4, "big") + bytes(size))


def head(number: int) -> LogItem:
    return LogItem(ItemKind.HEAD, b"head" + number.to_bytes(4, "big"))


BATCHES = ([entry(1), head(1)], [entry(2), entry(3), head(3)], [entry(4), head(4)])
ALL = tuple(item for batch in BATCHES for item in batch)


def filled(folder: Path) -> Path:
    store = open_store(folder).store
    for batch in BATCHES:
        store.append(batch)
    store.close()
    return folder / "log"


KINDS = [ItemKind.ENTRY, ItemKind.HEAD, ItemKind.CERTIFICATE]
ITEMS = st.lists(st.builds(LogItem, st.sampled_from(KINDS), st.binary(min_size=1, max_size=300)), max_size=8)


def covered(items: tuple[LogItem, ...]) -> tuple[LogItem, ...]:
    """Return what counts: the items up to the last signed head and the certificates right behind it."""
    heads = [at for at, item in enumerate(items, 1) if item.kind is ItemKind.HEAD]
    end = heads[-1] if heads else len(items)
    while end < len(items) and items[end].kind is ItemKind.CERTIFICATE:
        end += 1
    return items[:end] if heads else ()


@given(st.lists(ITEMS, max_size=5))
def test_what_was_written_is_what_is_read(batches: list[list[LogItem]]) -> None:
    data = frames.MAGIC
    for batch in batches:
        data += frames.encode(batch, len(data))
    contents = frames.parse(data)
    written = tuple(item for batch in batches for item in batch)
    assert contents.items == covered(written)
    assert (contents.end + contents.cut_bytes, contents.damage_at) == (len(data), None)
    assert (contents.cut_bytes == 0) == (contents.items == written)


@given(st.binary(max_size=400))
def test_any_bytes_give_an_answer(data: bytes) -> None:
    frames.parse(data)
    frames.parse(frames.MAGIC + data)


def test_a_new_log_is_private_and_empty(tmp_path: Path) -> None:
    opened = open_store(tmp_path)
    assert opened.items == ()
    assert opened.report.lines == ()
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600
    assert opened.store.last == 0
    opened.store.close()


def test_a_log_is_whole_after_a_restart(tmp_path: Path) -> None:
    filled(tmp_path)
    opened = open_store(tmp_path)
    assert opened.items == ALL
    assert opened.store.last == 4
    opened.store.append([entry(5), head(5)])
    opened.store.close()
    assert read_log(tmp_path).items == (*ALL, entry(5), head(5))


def test_a_tail_torn_at_any_byte_is_cut_and_said(tmp_path: Path) -> None:
    path = filled(tmp_path)
    whole = path.read_bytes()
    ends = {len(frames.MAGIC): 0} | {
        frame.end: count
        for count, frame in enumerate(frames.parse(whole).frames, start=1)
        if frame.item.kind is ItemKind.HEAD
    }
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        opened = open_store(tmp_path)
        kept = max((count for end, count in ends.items() if end <= size), default=0)
        assert opened.items == ALL[:kept]
        assert opened.report.damage_at is None
        assert bool(opened.report.lines) == (size not in ends and size != 0)
        opened.store.append([entry(9), head(9)])
        opened.store.close()
        assert read_log(tmp_path).items == (*ALL[:kept], entry(9), head(9))


def test_entries_whose_head_was_torn_off_are_cut_with_it(tmp_path: Path) -> None:
    path = filled(tmp_path)
    frame = frames.parse(path.read_bytes()).frames[-1]
    os.truncate(path, frame.end - 1)
    opened = open_store(tmp_path)
    assert (opened.items, opened.store.last) == (ALL[:5], 3)
    opened.store.append([entry(4), head(4)])
    opened.store.close()
    assert read_log(tmp_path).items == ALL


def test_a_flipped_bit_anywhere_never_changes_what_is_read(tmp_path: Path) -> None:
    path = filled(tmp_path)
    whole = path.read_bytes()
    first_of_last = frames.parse(whole).frames[5].offset
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x10]) + whole[position + 1 :])
        (tmp_path / DAMAGED_NAME).unlink(missing_ok=True)
        opened = open_store(tmp_path)
        opened.store.close()
        good = len(opened.items)
        assert opened.items == ALL[:good]
        if position < first_of_last:
            assert opened.report.damage_at is not None
            assert opened.report.damage_at <= position
            assert all(item in ALL for item in opened.report.salvaged)
            assert good + len(opened.report.salvaged) >= len(ALL) - 1
            assert (tmp_path / DAMAGED_NAME).exists()
        assert read_log(tmp_path).items == opened.items


def test_damage_is_reported_with_its_place_and_the_rest_is_salvaged(tmp_path: Path) -> None:
    path = filled(tmp_path)
    whole = bytearray(path.read_bytes())
    offset = frames.parse(bytes(whole)).frames[2].offset
    whole[offset + 5] ^= 1
    path.write_bytes(whole)
    assert read_log(tmp_path).damage_at == offset
    opened = open_store(tmp_path)
    assert opened.items == ALL[:2]
    assert opened.report.salvaged == ALL[3:]
    assert f"damaged at byte {offset}" in opened.report.lines[0]
    assert (tmp_path / DAMAGED_NAME).read_bytes() == whole
    opened.store.append([entry(2), head(2)])
    opened.store.close()
    assert open_store(tmp_path).items == (*ALL[:2], entry(2), head(2))


def test_a_write_that_reached_the_disk_in_another_order_is_a_torn_tail(tmp_path: Path) -> None:
    path = filled(tmp_path)
    whole = bytearray(path.read_bytes())
    last = frames.parse(bytes(whole)).frames[5]
    whole[last.offset : last.end] = bytes(last.end - last.offset)
    path.write_bytes(whole)
    opened = open_store(tmp_path)
    assert opened.items == ALL[:5]
    assert opened.report.damage_at is None
    assert opened.report.cut_bytes == len(whole) - last.offset


def test_frames_moved_within_a_file_prove_nothing() -> None:
    data = frames.encode([head(1)], len(frames.MAGIC))
    assert frames.parse(frames.MAGIC + data).items == (head(1),)
    assert frames.parse(frames.MAGIC + data + data).items == (head(1),)


@pytest.mark.parametrize("error", [full(), failing(), read_only()], ids=["full", "failing", "read-only"])
@pytest.mark.parametrize("lasting", [False, True])
def test_a31_a_disk_that_refuses_at_any_call_keeps_what_was_promised(
    tmp_path: Path, error: OSError, *, lasting: bool
) -> None:
    for call in range(1, 3):
        for written in (0, 1, 30):
            folder = tmp_path / f"{call}-{written}"
            folder.mkdir()
            filled(folder)
            store = open_store(folder).store
            faults = FaultyDisk(call, error, lasting=lasting, written_bytes=written)
            with installed(faults), pytest.raises(StorageError, match=r"cannot write .*log: ") as caught:
                store.append([entry(5), head(5)])
            assert "\n" not in str(caught.value)
            with pytest.raises(StorageError, match="opened again"):
                store.append([entry(5)])
            store.close()
            opened = open_store(folder)
            assert opened.items[:7] == ALL
            assert opened.report.damage_at is None
            opened.store.append([entry(6)])
            opened.store.close()


def test_q2_a_power_cut_at_any_call_loses_nothing_that_was_promised(tmp_path: Path) -> None:
    for call in range(1, 20):
        folder = tmp_path / str(call)
        folder.mkdir()
        promised: list[LogItem] = []
        faults = FaultyDisk(call, PowerCutError(), written_bytes=call * 7)
        with installed(faults):
            try:
                store = open_store(folder).store
                for batch in BATCHES:
                    store.append(batch)
                    promised += batch
            except PowerCutError:
                pass
        opened = open_store(folder)
        assert opened.items[: len(promised)] == tuple(promised)
        assert opened.items == ALL[: len(opened.items)]
        assert opened.report.damage_at is None
        opened.store.close()
        if faults.calls < call:
            return
    pytest.fail("the fault never came to its end")


def test_q2_a_power_cut_while_damage_is_set_aside_loses_nothing(tmp_path: Path) -> None:
    for call in range(1, 20):
        folder = tmp_path / str(call)
        folder.mkdir()
        path = filled(folder)
        whole = bytearray(path.read_bytes())
        whole[40] ^= 1
        path.write_bytes(whole)
        faults = FaultyDisk(call, PowerCutError())
        with installed(faults), contextlib.suppress(PowerCutError):
            open_store(folder).store.close()
        opened = open_store(folder)
        opened.store.close()
        assert (folder / DAMAGED_NAME).read_bytes() == whole
        assert opened.items == read_log(folder).items
        if faults.calls < call:
            return
    pytest.fail("the fault never came to its end")


def test_a_short_write_goes_on_until_the_disk_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:3]))
    reader, writer = os.pipe()
    disk.write_all(writer, b"0123456789")
    assert os.read(reader, 100) == b"0123456789"
    monkeypatch.setattr(os, "write", lambda fd, data: 0)
    with pytest.raises(OSError, match="nothing") as caught:
        disk.write_all(writer, b"0")
    assert caught.value.errno == errno.ENOSPC
    os.close(reader)
    os.close(writer)


def test_a_folder_or_log_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no such file"):
        open_store(tmp_path / "missing")
    with pytest.raises(StorageError, match="cannot read"):
        read_log(tmp_path)
    (tmp_path / "log").symlink_to("/etc/passwd")
    with pytest.raises(StorageError, match="symbolic link"):
        open_store(tmp_path)


def reading(folder: Path) -> Store:
    store = open_store(folder).store
    store.append([entry(1, 100), head(1)])
    store.append([entry(2, 100), entry(3, 100), head(3)])
    store.append([entry(4, 100), head(4), entry(5, 1000)])
    return store


def test_items_are_read_from_a_position_and_end_with_a_head(tmp_path: Path) -> None:
    store = reading(tmp_path)
    assert store.read_items(Seq(1), 200) == (entry(1, 100), head(1))
    assert store.read_items(Seq(2), 10) == (entry(2, 100), entry(3, 100), head(3))
    assert store.read_items(Seq(2), 500) == (entry(2, 100), entry(3, 100), head(3), entry(4, 100), head(4))
    assert store.read_items(Seq(3), 150) == (entry(3, 100), head(3))
    assert store.read_items(Seq(5), 10) == (entry(5, 1000),)
    assert len(store.read_items(Seq(1), 10**6)) == 8
    assert store.read_items(Seq(0), 100) == store.read_items(Seq(6), 100) == ()
    store.close()


def test_entries_are_read_by_number(tmp_path: Path) -> None:
    store = reading(tmp_path)
    assert store.read_entries(Seq(2), 2) == (entry(2, 100), entry(3, 100))
    assert store.read_entries(Seq(4), 9) == (entry(4, 100), entry(5, 1000))
    assert store.read_entries(Seq(0), 9) == store.read_entries(Seq(6), 9) == ()
    store.close()


def test_damage_in_use_is_noticed_when_it_is_read(tmp_path: Path) -> None:
    store = reading(tmp_path)
    path = tmp_path / "log"
    data = bytearray(path.read_bytes())
    data[60] ^= 1
    path.write_bytes(data)
    with pytest.raises(StorageError, match="damaged while in use"):
        store.read_items(Seq(1), 100)
    with pytest.raises(StorageError, match="damaged while in use"):
        store.read_entries(Seq(1), 1)
    assert store.read_entries(Seq(2), 1) == (entry(2, 100),)
    store.close()


def test_a_log_does_not_grow_beyond_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = reading(tmp_path)
    monkeypatch.setattr("dusk.daemon.store.STORE_BYTES_MAX", store.size_bytes + 30)
    with pytest.raises(StorageError, match="would grow"):
        store.append([entry(6, 100)])
    store.append([LogItem(ItemKind.ENTRY, b"6")])
    store.close()


def _make_hole(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**40)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, _make_hole])
def test_a46_what_a_hijacked_daemon_puts_in_place_of_a_log_does_not_hold_up_who_verifies_as_root(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "log")
    with pytest.raises(StorageError, match="is no log"):
        read_log(tmp_path)
