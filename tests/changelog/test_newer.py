"""What a later version wrote is known by what its leader signed, not by what merely says so (R13, A36)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from dusk import codec, limits
from dusk.changelog.body import Change, Edit
from dusk.changelog.entry import Entry, EntryKind, sign_head
from dusk.changelog.items import pack_entry_item, unpack_entry_item
from dusk.changelog.log import Log
from dusk.changelog.newer import LEVEL, NewerVersion, later_entry, part, position
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import Head, Seq, labelled_hash
from dusk.keys.signing import SigningKey
from tests.holders import Holders, id_of
from tests.world import NO_REST


def _row(world: Holders) -> list[Any]:
    """Return the row of an entry that could be the next one."""
    log, twin = world.log, world.replica()
    item, _ = twin.write_change(world.change(world.set("wifi", "system.a.b", "1")), world.stamp())
    assert log.head.seq == twin.head.seq - 1
    return codec.unpack(codec.unpack(item.data, size_max=10**6)[0], size_max=10**6)


def _signed(world: Holders, *rows: Sequence[Any], by: SigningKey | None = None) -> list[LogItem]:
    """Return entries of any form behind the log, and the head that their leader signs."""
    chain, items = world.log.head.chain, []
    for row in rows:
        data = codec.pack(row)
        chain = labelled_hash(b"dusk.chain", chain, labelled_hash(b"dusk.entry", data))  # type: ignore[assignment]  # a hash is a chain hash by its label
        items.append(LogItem(ItemKind.ENTRY, codec.pack((data, None))))
    head = replace(world.log.head, seq=Seq(world.log.head.seq + len(rows)), chain=chain)
    return [*items, _head(world, head, by or world.master)]


def _head(world: Holders, head: Head, by: SigningKey) -> LogItem:
    return LogItem(ItemKind.HEAD, sign_head(by, world.cluster, head, NO_REST).encode())


def _later(log: Log, items: Sequence[LogItem]) -> Seq | None:
    parted = part(items)
    return None if parted is None else later_entry(log, log.head, log.leader, parted.rest)


@pytest.mark.parametrize("kind", [9, 10, 128, 255])
def test_a36_an_entry_of_an_unknown_kind_that_its_leader_signed_is_of_a_later_version(kind: int) -> None:
    world = Holders()
    row = _row(world)
    row[10] = kind
    items = _signed(world, row)
    with pytest.raises(UntrustedInput):
        world.log.extend(items)
    assert _later(world.log, items) == world.log.head.seq + 1


def test_a36_a_later_form_of_entries_or_changes_is_known_by_its_version() -> None:
    world = Holders()
    assert _later(world.log, _signed(world, [2, "whatever", None])) == world.log.head.seq + 1
    row = _row(world)
    body = codec.pack((2, "whatever"))
    change, row[11] = codec.pack((body, [], [])), labelled_hash(b"dusk.change", body)
    (entry, head) = _signed(world, row)
    entry = LogItem(ItemKind.ENTRY, codec.pack((codec.pack(row), change)))
    assert _later(world.log, [entry, head]) == world.log.head.seq + 1


def test_a36_a_change_of_a_later_version_that_its_entry_does_not_name_is_junk() -> None:
    world = Holders()
    row = _row(world)
    (_, head) = _signed(world, row)
    change = codec.pack((codec.pack((2, "whatever")), [], []))
    assert _later(world.log, [LogItem(ItemKind.ENTRY, codec.pack((codec.pack(row), change))), head]) is None
    short = codec.pack((codec.pack(row[:11]), change))
    assert _later(world.log, [LogItem(ItemKind.ENTRY, short), head]) is None


def _raised(world: Holders, level: int) -> list[LogItem]:
    """Return an entry in which the owner raises the cluster's level, as a later version writes it."""
    edit = Edit("cluster", "level", codec.pack((level,)), world.base("cluster", "level"))
    change = world.change(edit, world.edit("cluster", "name", ["home"]))
    row = _row(world)
    row[11], row[12] = change.id, change.signatures_hash
    (item, head) = _signed(world, row)
    return [LogItem(item.kind, codec.pack((codec.pack(row), change.encode()))), head]


def test_r13_a_cluster_whose_owners_raised_its_level_is_read_no_further() -> None:
    world = Holders()
    assert part(_raised(world, LEVEL)) is None
    items = _raised(world, LEVEL + 1)
    with pytest.raises(UntrustedInput):
        world.log.extend(items)
    assert _later(world.log, items) == world.log.head.seq + 1


def test_what_stands_before_it_up_to_a_signed_head_is_taken_and_the_rest_is_not() -> None:
    world = Holders()
    reader = world.replica()
    known = len(world.items)
    world.commit(world.set("wifi", "system.a.b", "0"))
    world.commit(world.set("wifi", "system.a.b", "1"))
    written = world.items[known:]
    row = _row(world)
    row[10] = 77
    unknown = _signed(world, row)
    parted = part([*written[:3], *unknown])
    assert parted is not None
    assert list(parted.before) == written[:2]
    assert reader.extend(parted.before) == parted.before
    assert later_entry(reader, reader.head, reader.leader, parted.rest) == reader.head.seq + 2


def test_one_whose_leader_opens_its_epoch_right_before_it_is_known_by_that() -> None:
    world = Holders()
    world.succeed(world.kitchen, world.master)
    reader, known = world.replica(), len(world.items)
    world.lead(world.kitchen)
    row = _row(world)
    row[10] = 77
    items = [world.items[known], *_signed(world, row, by=world.kitchen)]
    assert _later(reader, items) == reader.head.seq + 2


def test_a36_what_merely_says_that_it_is_of_a_later_version_is_junk() -> None:
    world = Holders()
    row = _row(world)
    row[10] = 77
    entry, head = _signed(world, row)
    assert _later(world.log, [entry]) is None, "nobody signed"
    assert _later(world.log, _signed(world, row, by=world.kitchen)) is None, "by who does not lead"
    other = _head(world, world.log.head, world.master)
    assert _later(world.log, [entry, other]) is None, "for another entry"
    (entry_again, _) = _signed(world, [*row[:-1], bytes(32)[1:] + b"x"])
    assert _later(world.log, [entry_again, head]) is None, "for another chain"
    assert later_entry(world.log, world.log.head, None, [entry, head]) is None, "nobody leads"
    assert later_entry(world.log, world.log.head, id_of(world.key()), [entry, head]) is None
    assert later_entry(world.log, world.log.head, world.log.leader, [head]) is None, "nothing later in it"
    settled = world.certificate(world.master).item()
    assert _later(world.log, [entry, settled]) is None, "an acknowledgement is no leader's word"


def test_who_opens_without_the_right_to_lead_signs_for_nothing_later() -> None:
    world = Holders()
    usurped = world.replica()
    usurped._judging.may_lead = lambda _: True  # type: ignore[assignment, method-assign]  # it does as it likes
    reader, known = world.replica(), len(world.items)
    world.log = usurped
    world.lead(world.garage)
    opened = world.items[known]
    data = codec.pack([2, "later"])
    digest = labelled_hash(b"dusk.entry", data)
    chain = labelled_hash(b"dusk.chain", world.log.head.chain, digest)
    head = replace(world.log.head, seq=Seq(world.log.head.seq + 1), chain=chain)  # type: ignore[arg-type]  # as above
    later = LogItem(ItemKind.ENTRY, codec.pack((data, None)))
    assert _later(reader, [opened, later, _head(world, head, world.garage)]) is None


def test_of_two_later_entries_the_first_ends_what_is_read_and_a_head_before_it_ends_nothing() -> None:
    world = Holders()
    row = _row(world)
    row[10] = 77
    items = _signed(world, row, row)
    assert _later(world.log, items) == world.log.head.seq + 1
    before = _head(world, world.log.head, world.master)
    found = later_entry(world.log, world.log.head, world.log.leader, [before, *items])
    assert found == world.log.head.seq + 1


def test_who_leads_on_out_of_the_succession_signs_for_what_is_later_and_who_is_no_member_does_not() -> None:
    world = Holders()
    world.succeed(world.kitchen)
    assert not world.log.may_lead(world.device_id)
    row = _row(world)
    row[10] = 77
    assert _later(world.log, _signed(world, row)) == world.log.head.seq + 1
    items = _signed(world, row)
    world.log.device_key = lambda _: None  # type: ignore[assignment, method-assign]  # as of one that was removed
    assert _later(world.log, items) is None


@pytest.mark.parametrize(
    "item",
    [
        (bytes(limits.ENTRY_BYTES_MAX + 1), None),
        (b"", bytes(limits.CHANGE_BYTES_MAX + 1)),
    ],
)
def test_a17_what_stands_behind_a_later_entry_is_no_larger_than_any_entry(item: Sequence[Any]) -> None:
    world = Holders()
    row = _row(world)
    row[10] = 77
    entry, head = _signed(world, row)
    with pytest.raises(UntrustedInput):
        _later(world.log, [entry, LogItem(ItemKind.ENTRY, codec.pack(item)), head])
    small = [entry, LogItem(ItemKind.ENTRY, codec.pack((b"", b""))), head]
    assert _later(world.log, small) is None, "the head is not for that"


@pytest.mark.parametrize("kind", [None, "77", b"77", [77]])
def test_a17_a_kind_that_is_no_number_is_of_no_version(kind: object) -> None:
    row = _row(Holders())
    row[10] = kind
    assert part([LogItem(ItemKind.ENTRY, codec.pack((codec.pack(row), None)))]) is None
    assert part([LogItem(ItemKind.ENTRY, codec.pack((codec.pack(row[:10]), None)))]) is None


def test_only_an_entry_is_of_a_later_version() -> None:
    later = codec.pack((codec.pack((2, "later")), None))
    assert part([LogItem(ItemKind.ENTRY, later)]) is not None
    assert part([LogItem(ItemKind.HEAD, later)]) is None


def test_that_something_is_of_a_later_version_is_said_with_its_place() -> None:
    assert "entry 7 is of a later version" in str(NewerVersion(Seq(7)))


def test_a_deleted_level_is_none_that_is_later() -> None:
    world = Holders()
    change = world.change(world.edit("cluster", "level", None))
    row = _row(world)
    row[11], row[12] = change.id, change.signatures_hash
    assert part([LogItem(ItemKind.ENTRY, codec.pack((codec.pack(row), change.encode())))]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc0",
        codec.pack(()),
        codec.pack((b"", None)),
        codec.pack((b"\x90", 5)),
        codec.pack((5, None)),
        codec.pack((codec.pack(()), None)),
        codec.pack((codec.pack(("2",)), None)),
    ],
)
def test_junk_is_of_no_version(data: bytes) -> None:
    assert part([LogItem(ItemKind.ENTRY, data)]) is None


@pytest.mark.parametrize("change", [b"", codec.pack(()), codec.pack((5,)), codec.pack((b"\x90", [], []))])
def test_a_change_that_cannot_be_read_is_of_no_later_version(change: bytes) -> None:
    world = Holders()
    assert part([LogItem(ItemKind.ENTRY, codec.pack((codec.pack(_row(world)), change)))]) is None


def test_entries_and_changes_of_this_version_are_not_later() -> None:
    world = Holders()
    assert part(world.items) is None
    kinds: set[EntryKind] = set()
    for item in world.items:
        if item.kind is ItemKind.ENTRY:
            entry, change = unpack_entry_item(item.data)
            assert isinstance(entry, Entry)
            assert change is None or isinstance(change, Change)
            assert pack_entry_item(entry, change) == item
            kinds.add(entry.kind)
    assert kinds == {EntryKind.OPEN, EntryKind.CHANGE}


def test_an_entry_of_any_version_says_where_it_stands() -> None:
    world = Holders()
    row = _row(world)
    row[10] = 77
    item, _ = _signed(world, row)
    assert position(item) == world.log.head.seq + 1
    with pytest.raises(UntrustedInput):
        position(LogItem(ItemKind.ENTRY, codec.pack((codec.pack([2, "later"]), None))))
