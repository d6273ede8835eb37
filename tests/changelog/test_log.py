"""The log: what a replica takes, what it refuses, and that it never takes half."""

from dataclasses import replace

import pytest

from dusk import codec, limits
from dusk.changelog.body import Change, Edit
from dusk.changelog.entry import APPLIED, Entry, EntryKind, Outcome, OutcomeCode, decode_entry, sign_head
from dusk.changelog.log import ForkFound, Log, pack_entry_item, unpack_entry_item, verified_entry
from dusk.effects import ItemKind, LogItem
from dusk.errors import Refused, UntrustedInput
from dusk.ids import EMPTY_HEAD, BootId, ChainHash, ChangeId, ClusterId, DeviceId, Seq
from tests.world import BOOT, NO_REST, World


def snapshot(log: Log) -> tuple[object, ...]:
    sections = {s: (log.state.section_hash(s), dict(log.state.records(s))) for s in log.state.sections()}
    return log.head, log.leader, log.newest, log.cluster, sections, log.state.derived_hash


def populated() -> World:
    world = World()
    world.allow_joining()
    world.join("kitchen")
    world.open()
    world.commit(world.set("wifi", "wireless.radio0.channel", "6"))
    return world


def test_r2_a_replica_reaches_the_same_state_by_any_cut_of_the_items() -> None:
    world = populated()
    expected = snapshot(world.log)
    for size in (1, 2, 3, 5, 100):
        log = Log(world.cluster)
        for at in range(0, len(world.items), size):
            log.extend(world.items[max(0, at - 4) : at + size])
        assert snapshot(log) == expected


def test_taken_items_are_what_is_new_and_covered() -> None:
    world = populated()
    log = Log(world.cluster)
    assert log.extend(world.items[:4]) == tuple(world.items[:4])
    assert log.extend(world.items[:5]) == ()
    assert log.extend(world.items) == tuple(world.items[4:])


def test_nothing_counts_before_its_head_is_signed() -> None:
    world = populated()
    log = Log(world.cluster)
    before = snapshot(log)
    entries = [item for item in world.items if item.kind is ItemKind.ENTRY]
    assert log.extend(entries) == ()
    assert snapshot(log) == before


def test_one_signed_head_covers_all_entries_before_it() -> None:
    world = populated()
    log = Log(world.cluster)
    log.extend([*(i for i in world.items if i.kind is ItemKind.ENTRY), world.items[-1]])
    assert snapshot(log) == snapshot(world.log)


def altered(world: World, entry: Entry, change: Change | None) -> list[LogItem]:
    """Return the log with its last entry replaced, the head signed by the true master again."""
    head = sign_head(world.master, world.cluster, entry.head, NO_REST)
    return [*world.items[:-2], pack_entry_item(entry, change), LogItem(ItemKind.HEAD, head.encode())]


WORLD = populated()
LAST, LAST_CHANGE = unpack_entry_item(WORLD.items[-2].data)
STRANGER = DeviceId(b"?" * 16)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (LAST._replace(seq=Seq(LAST.seq + 1)), "does not follow"),
        (LAST._replace(previous=ChainHash(bytes(32))), "does not follow"),
        (LAST._replace(generation=1), "generation"),
        (LAST._replace(mandate=1), "generation or mandate"),
        (LAST._replace(epoch=LAST.epoch + 1), "not by the writer"),
        (LAST._replace(writer=STRANGER), "not by the writer"),
        (LAST._replace(kind=EntryKind.OPEN), "mandate"),
        (LAST._replace(kind=EntryKind.OPEN, mandate=1), "epoch"),
        (LAST._replace(kind=EntryKind.OPEN, mandate=1, epoch=2**40), "epoch"),
        (LAST._replace(kind=EntryKind.OPEN, mandate=1, epoch=LAST.epoch + 1), "forced role"),
        (LAST._replace(kind=EntryKind.HANDOVER), "does not write"),
        (LAST._replace(kind=EntryKind.FREEZE), "does not write"),
        (LAST._replace(kind=EntryKind.VOID), "does not write"),
        (LAST._replace(outcome=Outcome(OutcomeCode.REJECTED, None, "no")), "outcome"),
        (LAST._replace(outcome=Outcome(OutcomeCode.SUPERSEDED, LAST.change)), "outcome"),
        (LAST._replace(sections=()), "hashes"),
        (LAST._replace(sections=(("policy/wifi", bytes(32)),)), "hashes"),
        (LAST._replace(derived=bytes(32)), "hashes"),
        (LAST._replace(signatures=bytes(32)), "another change"),
        (LAST._replace(change=None, signatures=None), "another change"),
    ],
)
def test_a9_an_entry_that_says_something_else_than_our_own_fold_is_refused_whole(
    entry: Entry, says: str
) -> None:
    log = Log(WORLD.cluster)
    log.extend(WORLD.items[:-2])
    before = snapshot(log)
    with pytest.raises(UntrustedInput, match=says):
        log.extend(altered(WORLD, entry, LAST_CHANGE))
    assert snapshot(log) == before


def test_a9_a_dropped_or_reordered_entry_is_refused_and_nothing_is_kept() -> None:
    entries = [i for i in WORLD.items if i.kind is ItemKind.ENTRY]
    for items in ([*entries[:2], *entries[3:]], [entries[0], entries[2], entries[1], *entries[3:]]):
        log = Log(WORLD.cluster)
        with pytest.raises(UntrustedInput):
            log.extend([*items, WORLD.items[-1]])
        assert snapshot(log) == snapshot(Log(WORLD.cluster))


def test_a11_a_head_signed_by_another_member_covers_nothing() -> None:
    world = populated()
    member = world.join("garage")
    forged = sign_head(member, world.cluster, world.log.head, NO_REST)
    log = Log(world.cluster)
    with pytest.raises(UntrustedInput, match="not signed by its epoch's writer"):
        log.extend([*world.items[:-1], LogItem(ItemKind.HEAD, forged.encode())])
    assert log.head == EMPTY_HEAD


def test_a_signed_head_for_other_entries_is_refused() -> None:
    world = populated()
    log = Log(world.cluster)
    log.extend(world.items[:-2])
    with pytest.raises(UntrustedInput, match="not the head of these"):
        log.extend([world.items[-1]])


def test_a8_the_log_of_another_cluster_is_refused() -> None:
    other = World(seed=2)
    with pytest.raises(UntrustedInput, match="another cluster"):
        Log(WORLD.cluster).extend(other.items)
    with pytest.raises(UntrustedInput):
        WORLD.replica().extend(other.items[:1])


def test_r5_a_fork_is_found_and_changes_nothing() -> None:
    ours, theirs = World(), World()
    ours.commit(ours.set("wifi", "wireless.radio0.channel", "1"))
    theirs.commit(theirs.set("wifi", "wireless.radio0.channel", "2"))
    log = ours.replica()
    before = snapshot(log)
    with pytest.raises(ForkFound):
        log.extend(theirs.items)
    with pytest.raises(UntrustedInput, match="not the head"):
        log.extend(theirs.items[-1:])
    assert snapshot(log) == before


def test_r5_an_older_head_that_was_never_ours_is_a_fork() -> None:
    log = WORLD.replica()
    other = sign_head(WORLD.master, WORLD.cluster, replace(log.head, seq=Seq(2)), NO_REST)
    with pytest.raises(ForkFound, match="signed head 2"):
        log.extend([LogItem(ItemKind.HEAD, other.encode())])


def test_a_log_begins_with_a_genesis() -> None:
    genesis, change = unpack_entry_item(WORLD.items[0].data)
    for entry, carried in (
        (genesis._replace(change=None, signatures=None), None),
        (genesis._replace(kind=EntryKind.CHANGE, epoch=0), change),
    ):
        with pytest.raises(UntrustedInput, match="entry 1"):
            Log(None).extend([pack_entry_item(entry, carried)])


def test_the_log_knows_where_a_change_stands_and_what_became_of_it() -> None:
    world = World()
    first, second = (
        world.change(world.set("a", "system.s.x", v), counter=c) for v, c in (("1", 2), ("2", 3))
    )
    for change in (first, second):
        assert world.log.position_of(change.id) is None
        world.write(change)
    log = world.replica()
    assert [log.position_of(change.id) for change in (first, second)] == [2, 3]
    assert log.outcome_of(first.id) == APPLIED
    assert log.outcome_of(second.id) == Outcome(OutcomeCode.SUPERSEDED, first.id)


def test_an_older_head_of_ours_is_past_use_but_no_error() -> None:
    log = WORLD.replica()
    assert log.extend(WORLD.items[:2]) == ()
    assert log.head == WORLD.log.head


@pytest.mark.parametrize("at", range(16))
def test_a17_each_field_of_an_entry_has_its_type(at: int) -> None:
    row = codec.unpack(LAST.encoded, size_max=10_000)
    row[at] = "wrong" if at != 13 else [0, "wrong", ""]
    with pytest.raises(UntrustedInput):
        decode_entry(codec.pack(row))


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, 0),
        (0, 2),
        (13, [-1, None, ""]),
        (13, [3, None, ""]),
        (14, [[f"policy/{n}", bytes(32)] for n in range(limits.OPERATIONS_MAX + 1)]),
    ],
)
def test_a17_an_entry_beyond_a_bound_is_refused(at: int, value: object) -> None:
    row = codec.unpack(LAST.encoded, size_max=10_000)
    row[at] = value
    with pytest.raises(UntrustedInput):
        decode_entry(codec.pack(row))


def test_an_entry_without_its_change_is_refused() -> None:
    with pytest.raises(UntrustedInput, match="change is missing"):
        unpack_entry_item(codec.pack([LAST.encoded, None]))


def test_an_entry_without_a_change_names_no_part_of_one() -> None:
    for named in (LAST._replace(change=None), LAST._replace(signatures=None)):
        with pytest.raises(UntrustedInput, match="change is missing"):
            unpack_entry_item(codec.pack([named.encoded, None]))


@pytest.mark.parametrize(
    "row",
    [
        [LAST.encoded],
        [LAST.encoded, None, None],
        [7, None],
        ["text", None],
        [LAST.encoded, 7],
        [LAST.encoded, "text"],
        [LAST.encoded + bytes(limits.ENTRY_BYTES_MAX), None],
    ],
)
def test_a17_an_item_is_an_entry_and_its_change_no_more_and_no_less(row: list[object]) -> None:
    with pytest.raises(UntrustedInput):
        unpack_entry_item(codec.pack(row))


def test_the_log_knows_the_chain_at_each_of_its_positions_and_at_no_other() -> None:
    log = WORLD.log
    assert log.chain_at(0) == EMPTY_HEAD.chain
    assert log.chain_at(log.head.seq) == log.head.chain
    assert log.chain_at(-1) is None
    assert log.chain_at(log.head.seq + 1) is None


def test_only_active_devices_have_a_devices_key() -> None:
    log = WORLD.log
    assert log.device_key(WORLD.device_id) == WORLD.master.public
    assert log.device_key(DeviceId(WORLD.owner.key_id)) is None
    assert log.device_key(DeviceId(WORLD.joinkey.key_id)) is None
    assert log.device_key(DeviceId(bytes(16))) is None


def test_only_what_stands_in_the_log_has_an_outcome() -> None:
    with pytest.raises(AssertionError):
        WORLD.log.outcome_of(ChangeId(bytes(32)))


def test_r7_entries_before_one_that_is_refused_are_taken_back_with_it() -> None:
    world, forger = populated(), populated()
    log, before = world.replica(), snapshot(world.replica())
    first = forger.commit(forger.set("wifi", "wireless.radio0.channel", "7"))
    bad = forger.change(forger.set("wifi", "wireless.radio0.channel", "8"), signers=(forger.key(),))
    _, entry = forger.log.write_change(
        forger.change(forger.set("wifi", "wireless.radio0.channel", "9")), forger.stamp()
    )
    forged = entry._replace(change=bad.id, signatures=bad.signatures_hash)
    assert first.seq == log.head.seq + 1
    with pytest.raises(UntrustedInput, match="does not know"):
        log.extend([forger.items[-2], pack_entry_item(forged, bad)])
    assert snapshot(log) == before


def test_a25_an_epoch_is_opened_by_the_succession_only() -> None:
    world = World()
    world.allow_joining()
    member = world.join("kitchen")
    log, before = world.replica(), snapshot(world.replica())
    entry = unpack_entry_item(world.log.write_open(world.stamp()).data)[0]
    for key in (member, world.owner, world.key()):
        usurped = entry._replace(writer=DeviceId(key.key_id))
        head = sign_head(key, world.cluster, usurped.head, NO_REST)
        with pytest.raises(UntrustedInput, match="may not lead"):
            log.extend([pack_entry_item(usurped, None), LogItem(ItemKind.HEAD, head.encode())])
        assert snapshot(log) == before


def test_who_leads_is_asked_of_any_log() -> None:
    world = World()
    world.allow_joining()
    assert world.log.may_lead(world.device_id)
    assert not world.log.may_lead(DeviceId(world.join("kitchen").key_id))
    assert not Log(None).may_lead(world.device_id)


def test_an_entry_that_neither_opens_nor_carries_a_change_is_refused() -> None:
    world = World()
    log = world.replica()
    entry = unpack_entry_item(world.log.write_open(world.stamp()).data)[0]
    empty = entry._replace(kind=EntryKind.CHANGE, epoch=entry.epoch - 1)
    with pytest.raises(UntrustedInput, match="a kind that this version does not write"):
        log.extend([pack_entry_item(empty, None)])


def test_r7_an_outcome_that_no_head_covered_is_forgotten_with_its_entry() -> None:
    world = populated()
    log = world.replica()
    stale = world.change(world.set("wifi", "wireless.radio0.channel", "7"), counter=50)
    world.commit(world.set("wifi", "wireless.radio0.channel", "8"))
    entry = world.write(stale)
    assert entry.outcome.code is OutcomeCode.SUPERSEDED
    uncovered = [item for item in world.items if item.kind is ItemKind.ENTRY][-2:]
    assert log.extend(uncovered) == ()
    assert log._not_applied == {}
    log.extend(world.items)
    assert log.outcome_of(stale.id) == entry.outcome


def test_our_own_mistakes_in_writing_are_assertions() -> None:
    world = World()
    stranger = world.stamp()._replace(writer=DeviceId(bytes(16)))
    change = world.change(world.set("wifi", "system.s.x", "1"))
    with pytest.raises(AssertionError):
        world.log.write_open(stranger)
    with pytest.raises(AssertionError):
        world.log.write_change(change, stranger)
    with pytest.raises(AssertionError):
        world.log.write_genesis(change, world.stamp())
    other = sign_head(world.master, world.cluster, EMPTY_HEAD, NO_REST)
    with pytest.raises(AssertionError):
        world.log.signed(other)


def test_nobody_signs_for_an_empty_log() -> None:
    assert WORLD.log.newest is not None
    assert not Log(None).signed_by_leader(WORLD.log.newest)


def test_a5_an_epoch_is_not_pushed_to_its_end() -> None:
    world = World()
    item = world.log.write_open(world.stamp())
    entry = unpack_entry_item(item.data)[0]
    log = Log(world.cluster)
    log.extend(world.items)
    far = entry._replace(epoch=entry.epoch + 2**20)
    with pytest.raises(UntrustedInput, match="epoch"):
        log.extend([pack_entry_item(far, None)])
    farthest = entry._replace(epoch=entry.epoch - 1 + 2**20)
    head = sign_head(world.master, world.cluster, farthest.head, NO_REST)
    items = [pack_entry_item(farthest, None), LogItem(ItemKind.HEAD, head.encode())]
    assert log.extend(items) == tuple(items)


def test_r1_the_writer_writes_nothing_for_a_change_that_may_not_be() -> None:
    world = populated()
    before = snapshot(world.log)
    stranger = world.change(world.set("wifi", "wireless.radio0.channel", "1"), signers=(world.key(),))
    with pytest.raises(Refused) as refusal:
        world.log.write_change(stranger, world.stamp())
    assert refusal.value.code == "unknown-key"
    assert snapshot(world.log) == before


def test_a_change_is_written_once() -> None:
    world = World()
    change = world.change(world.set("wifi", "wireless.radio0.channel", "1"))
    assert world.write(change).outcome == APPLIED
    with pytest.raises(Refused, match="stands in the log"):
        world.log.write_change(change, world.stamp())
    again = replace_counter(world, change)
    log = world.replica()
    with pytest.raises(UntrustedInput, match="stands in the log already"):
        log.extend(again)


def replace_counter(world: World, change: Change) -> list[LogItem]:
    """Forge, as the master could, an entry that carries a change a second time."""
    last = world.entries[-1]
    entry = last._replace(seq=Seq(last.seq + 1), previous=world.log.head.chain)
    head = sign_head(world.master, world.cluster, entry.head, NO_REST)
    return [pack_entry_item(entry, change), LogItem(ItemKind.HEAD, head.encode())]


def test_a43_two_devices_of_one_user_commit_side_by_side() -> None:
    world = World()
    world.allow_joining()
    kitchen = world.join("kitchen")
    here = world.change(world.set("a", "system.s.x", "1"), counter=7)
    there = world.change(world.set("b", "system.s.x", "2"), device=kitchen, counter=3)
    for change in (there, here):
        assert world.write(change).outcome == APPLIED


def test_a_stale_base_is_superseded_by_the_named_change() -> None:
    world = World()
    first, second = (
        world.change(world.set("a", "system.s.x", v), counter=c) for v, c in (("1", 2), ("2", 3))
    )
    world.write(first)
    assert world.write(second).outcome == Outcome(OutcomeCode.SUPERSEDED, first.id)
    value = world.log.state.value("policy/a", "set/system.s.x")
    assert value is not None
    assert "1" in str(value)
    assert world.replica().head == world.log.head


def test_a42_a_deleted_record_is_not_brought_back_by_who_did_not_see_it() -> None:
    world = World()
    world.commit(world.set("a", "system.s.x", "1"))
    stale = world.change(world.set("a", "system.s.x", "2"), counter=50)
    gone = world.commit(Edit("policy/a", "set/system.s.x", None, world.base("policy/a", "set/system.s.x")))
    assert world.write(stale).outcome == Outcome(OutcomeCode.SUPERSEDED, gone.change)
    assert world.log.state.value("policy/a", "set/system.s.x") is None
    assert world.commit(world.set("a", "system.s.x", "3")).outcome == APPLIED


def test_a5_a_counter_only_rises() -> None:
    world = World()
    world.write(world.change(world.set("a", "system.s.x", "1"), counter=9))
    for counter in (1, 9):
        with pytest.raises(Refused) as refusal:
            world.write(world.change(world.set("a", "system.s.x", "2"), counter=counter))
        assert refusal.value.code == "counter-used"


def test_a_boot_is_an_epoch_and_stands_in_the_entry() -> None:
    world = World()
    world.open()
    assert (world.log.head.epoch, world.log.head.seq) == (2, 2)
    entry = unpack_entry_item(world.items[-2].data)[0]
    assert (entry.kind, entry.boot, entry.writer) == (EntryKind.OPEN, BootId(BOOT), world.device_id)


def test_a_log_of_unknown_cluster_learns_it_from_its_genesis() -> None:
    log = Log(None)
    log.extend(WORLD.items[:2])
    assert log.cluster == WORLD.cluster
    assert Log(ClusterId(WORLD.cluster)).extend(WORLD.items[:2]) == tuple(WORLD.items[:2])


def test_the_entry_of_a_taken_item_is_read_without_its_change() -> None:
    for item in WORLD.items:
        if item.kind is ItemKind.ENTRY:
            assert verified_entry(item) == unpack_entry_item(item.data)[0]


@pytest.mark.parametrize("write", ["write_change", "write_stranded", "write_handover", "write_expiry"])
def test_who_does_not_lead_writes_nothing(write: str) -> None:
    world = World()
    world.allow_joining(expires_s=world.time_s + 1)
    other = DeviceId(world.join("kitchen").key_id)
    stamp = world.stamp()._replace(writer=other, time_s=world.time_s + 1)
    given: dict[str, tuple[object, ...]] = {
        "write_handover": (),
        "write_expiry": (f"joinkey/{world.joinkey.key_id.hex()}",),
    }
    before = snapshot(world.log)
    change = world.change(world.set("wifi", "wireless.radio0.channel", "6"))
    with pytest.raises(AssertionError):
        getattr(world.log, write)(*given.get(write, (change,)), stamp)
    assert snapshot(world.log) == before


def test_who_has_handed_over_ends_nothing_by_time() -> None:
    world = World()
    world.allow_joining(expires_s=world.time_s)
    world._keep(world.log.write_handover(world.stamp()))
    with pytest.raises(Refused, match="handed over"):
        world.log.write_expiry(f"joinkey/{world.joinkey.key_id.hex()}", world.stamp())
