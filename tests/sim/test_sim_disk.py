"""What the disk of the simulator leaves after a power cut is what the real store leaves (R7)."""

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from dusk.changelog.rewinds import Rewind
from dusk.daemon import frames
from dusk.daemon.opening import open_store
from dusk.effects import Address, Append, ItemKind, LogItem, RemoveFile, SendDatagram, StoreFile
from dusk.ids import Seq
from dusk.sim.disk import Disk, in_rounds

PIECE_BYTES = 16
"""Small pieces, so that short batches have many."""

entries = st.builds(LogItem, st.just(ItemKind.ENTRY), st.binary(min_size=1, max_size=60))
heads = st.builds(LogItem, st.just(ItemKind.HEAD), st.binary(min_size=1, max_size=20))
batches = st.lists(
    st.tuples(st.lists(entries, min_size=1, max_size=3), heads).map(lambda row: [*row[0], row[1]]),
    min_size=1,
    max_size=3,
)


@given(synced=batches, unsynced=batches, data=st.data())
def test_whichever_pieces_of_an_unsynced_batch_reach_the_flash_a_beginning_of_it_is_read(
    synced: list[list[LogItem]], unsynced: list[list[LogItem]], data: st.DataObject
) -> None:
    """Pieces arrive in any order, the length of the file on its own: what is missing reads as zeros."""
    before = [item for batch in synced for item in batch]
    batch = [item for part in unsynced for item in part]
    with TemporaryDirectory() as folder:
        opened = open_store(Path(folder))
        for part in synced:
            opened.store.append(part)
        opened.store.close()
        path = Path(folder) / "log"
        old = path.read_bytes()
        new = old + frames.encode(batch, len(old))
        size = data.draw(st.integers(len(old), len(new)))
        found = bytearray(old.ljust(size, b"\0"))
        for at in range(len(old), size, PIECE_BYTES):
            if data.draw(st.booleans()):
                found[at : min(at + PIECE_BYTES, size)] = new[at : min(at + PIECE_BYTES, size)]
        path.write_bytes(found)
        again = open_store(Path(folder))
        again.store.close()
        assert again.report.damage_at is None
        assert list(again.items[: len(before)]) == before
        rest = list(again.items[len(before) :])
        assert rest == batch[: len(rest)]
        assert not rest or rest[-1].kind is ItemKind.HEAD


@given(batch=batches.map(lambda parts: [item for part in parts for item in part]), random=st.randoms())
def test_the_model_leaves_a_beginning_that_ends_with_a_head_too(batch: list[LogItem], random: Random) -> None:
    disk = Disk()
    disk.tear((Append(tuple(batch)),), random)
    disk.recover()
    assert disk.items == batch[: len(disk.items)]
    assert not disk.items or disk.items[-1].kind is ItemKind.HEAD


def test_rounds_write_appends_at_once_and_remove_behind_them() -> None:
    one, two = Append((LogItem(ItemKind.ENTRY, b"1"),)), Append((LogItem(ItemKind.ENTRY, b"2"),))
    gone, file = RemoveFile("outbox/1"), StoreFile("groupkeys", b"")
    send = SendDatagram(b"", Address("h", 1))
    assert in_rounds([send, one, gone, two, file, gone, gone]) == [
        (one, two),
        (gone,),
        (file,),
        (gone, gone),
        (send,),
    ]


marks = st.builds(LogItem, st.just(ItemKind.CERTIFICATE), st.binary(min_size=1, max_size=20))
witnesses = st.builds(LogItem, st.just(ItemKind.WITNESS), st.binary(min_size=1, max_size=20))
writes = st.tuples(
    batches, st.lists(marks, max_size=2), st.none() | st.integers(0, 6), st.lists(witnesses, max_size=1)
).map(
    lambda row: (
        [*(row[3] if row[2] is not None else ()), *(item for batch in row[0] for item in batch), *row[1]],
        row[2],
    )
)


@given(st.lists(writes, min_size=1, max_size=4), st.data())
def test_r5_after_switches_and_a_power_cut_the_model_has_what_the_real_store_has(
    drawn: list[tuple[list[LogItem], int | None]], data: st.DataObject
) -> None:
    """The last write is cut anywhere: pieces of the real one, so many items of the model's."""
    disk = Disk()
    with TemporaryDirectory() as folder:
        store = open_store(Path(folder)).store
        for items, seq in drawn[:-1]:
            store.append(written := as_switch(items, seq, disk))
            disk.do(Append(tuple(written)))
        last = as_switch(*drawn[-1], disk)
        count = data.draw(st.integers(0, len(last)))
        path = Path(folder) / "log"
        store.close()
        old = path.read_bytes()
        path.write_bytes(old + frames.encode(last, len(old))[: len(frames.encode(last[:count], len(old)))])
        disk.do(Append(tuple(last[:count])))
        opened = open_store(Path(folder))
        disk.recover()
        assert opened.report.damage_at is None
        assert (list(opened.items), opened.branches) == (disk.items, disk.branches)
        assert disk.copy().items == disk.items
        assert opened.store.last == disk.last
        for first in range(1, disk.last + 1):
            assert opened.store.read_items(Seq(first), 10**6) == disk.read_items(Seq(first), 10**6)
        opened.store.close()


def as_switch(items: list[LogItem], seq: int | None, disk: Disk) -> list[LogItem]:
    if seq is None:
        return items
    return [Rewind(Seq(min(seq, disk.last)), len(items)).item(), *items]


def test_what_rots_behind_a_switch_leaves_a_log_that_a_head_covers() -> None:
    items = [LogItem(kind, name) for name in (b"1", b"2") for kind in (ItemKind.ENTRY, ItemKind.HEAD)]
    for seed in range(8):
        disk = Disk(items)
        disk.do(Append((Rewind(Seq(1), 2).item(), *items[:2])))
        disk.do(Append(tuple(items[2:])))
        assert disk.rot(Random(seed))
        assert disk.items in (items[:2], items, [*items[:2], *items[:2]])
        assert disk.recover() == 0


def test_certificates_go_with_the_head_before_them_in_the_model_too() -> None:
    kinds = (
        ItemKind.ENTRY,
        ItemKind.HEAD,
        ItemKind.CERTIFICATE,
        ItemKind.CERTIFICATE,
        ItemKind.ENTRY,
        ItemKind.HEAD,
    )
    items = [LogItem(kind, bytes((at,)) * 10) for at, kind in enumerate(kinds)]
    assert Disk(items).read_items(Seq(1), 10) == tuple(items[:4])
