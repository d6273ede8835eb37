"""A node from its start on: what it finds on its disk, what it hears, and what it does about it."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from dusk.apply.events import Mode, Restored
from dusk.apply.hashes import apply_id
from dusk.catchup.messages import Answer as StreamAnswer
from dusk.changelog import views
from dusk.changelog.log import Log, unpack_entry_item
from dusk.config.settings import FORMER
from dusk.cycle import outbox
from dusk.cycle.datagrams import Opened
from dusk.cycle.messages import AnswerCode, Kind, decode_answer, encode_submit
from dusk.cycle.outbox import file_name
from dusk.cycle.peers import roster
from dusk.effects import (
    Append,
    ChangeState,
    Connect,
    Datagram,
    Effect,
    Event,
    FilesRead,
    ItemKind,
    LogItem,
    Progress,
    ReadFiles,
    SendDatagram,
    StoreFile,
    Tick,
    WallClock,
)
from dusk.ids import BootId, ChainHash, ChangeId, Seq
from dusk.membership.facts import Facts
from dusk.node import Node, NodeSettings
from dusk.node.applying import GATHER_S
from tests.node.site import Box, Site
from tests.world import World

NOW = 50.0
FACTS: Facts = {"board": "glinet,gl-mt3000", "ports": ["lan1", "lan2"]}


def _node(world: World, saved: Mapping[str, bytes], facts: Facts | None = None) -> Node:
    """Make the node of the founder's device, alone in its cluster."""
    return Node(
        key=world.master,
        log=world.replica(),
        boot=BootId(b"boot-two"),
        saved=saved,
        settings=NodeSettings(facts=facts),
        random_bytes=world.random.randbytes,
    )


def _lead(node: Node) -> list[Effect]:
    """Start a node that is alone, and let it lead and write what waits."""
    effects = node.start(NOW)
    for step in range(1, 10):
        effects += node.handle(Tick(), NOW + step)
    return effects


def _written(effects: list[Effect]) -> list[str]:
    """Return the messages of the changes that were written, in order."""
    items = [item for effect in effects if isinstance(effect, Append) for item in effect.items]
    changes = [unpack_entry_item(item.data)[1] for item in items if item.kind is ItemKind.ENTRY]
    return [change.body.message for change in changes if change is not None]


# --- what it finds ------------------------------------------------------------------------------


def test_a_new_node_makes_its_status_key_once() -> None:
    world = World()
    stored = [e for e in _node(world, {}).start(NOW) if isinstance(e, StoreFile) and e.name == "status-key"]
    assert len(stored) == 1
    again = _node(world, {"status-key": stored[0].data}).start(NOW)
    assert not [e for e in again if isinstance(e, StoreFile) and e.name == "status-key"]


def test_a_change_that_waited_on_the_disk_is_written_after_the_start() -> None:
    world = World()
    change = world.change(world.set("wifi", "wireless.a.ssid", "x"), message="waited")
    node = _node(world, {file_name(change.id): change.encode(), file_name(change.id) + "0": b"damaged"})
    assert "waited" in _written(_lead(node))
    progress = node.progress(change.id)
    assert progress is not None
    assert progress.seq == node.log.position_of(change.id)


def test_a_change_that_the_log_has_already_is_not_written_again() -> None:
    world = World()
    change = world.change(world.set("wifi", "wireless.a.ssid", "x"), message="is there")
    world.write(change)
    node = _node(world, {file_name(change.id): change.encode()})
    assert "is there" not in _written(_lead(node))
    told = [e for e in node.submit(change, NOW + 20) if isinstance(e, Progress)]
    assert [(p.change, p.seq) for p in told] == [(change.id, node.log.position_of(change.id))]
    other = world.change(world.set("wifi", "wireless.a.ssid", "y"), message="known")
    world.write(other)
    node.handle(WallClock(1.0, trusted=True), NOW + 21)
    assert node.clock == WallClock(1.0, trusted=True)
    assert node.progress(other.id) is None


def _read_files(node: Node, now: float) -> None:
    """Say that there is no file, where the node asks; nothing is managed."""
    effects = node.handle(Tick(), now)
    while any(isinstance(effect, ReadFiles) for effect in effects):
        effects = node.handle(FilesRead({}), now)


def test_an_apply_that_the_helper_undid_at_its_start_is_not_tried_again_at_once() -> None:
    node = _node(World(), {})
    ident = apply_id(node._rooms.recovery.status_key, {})
    assert not any(isinstance(e, ReadFiles) for e in node.start(NOW, restored=Restored(ident)))
    _read_files(node, NOW + GATHER_S)
    assert (node.applied.state, "not confirmed" in node.applied.reason) == ("failed", True)
    _read_files(node, NOW + 29.0)
    assert node.applied.state == "failed"
    _read_files(node, NOW + 31.0)
    assert (node.applied.state, node.applied.reason) == ("committed", "")


# --- facts --------------------------------------------------------------------------------------


def test_facts_are_told_once_and_only_by_what_differs() -> None:
    world = World()
    node = _node(world, {}, FACTS)
    assert _written(_lead(node)) == ["facts"]
    section = f"device/{world.device_id.hex()}/facts"
    assert node.log.state.value(section, "board") == ["glinet,gl-mt3000"]
    assert node.log.state.value(section, "ports") == [["lan1", "lan2"]]
    later = [effect for hour in (1, 2) for effect in node.handle(Tick(), NOW + hour * 4000)]
    assert _written(later) == []


def test_facts_wait_where_the_outbox_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    node = _node(World(), {}, FACTS)
    with monkeypatch.context() as patched:
        patched.setattr(outbox, "OUTBOX_MAX", 0)
        assert _written(_lead(node)) == []
    later = [effect for step in (0, 1) for effect in node.handle(Tick(), NOW + 4000 + step)]
    assert _written(later) == ["facts"]


# --- whether it applies -------------------------------------------------------------------------


def _manage(world: World) -> None:
    world.commit(
        world.edit("policy/wifi", "set/system.ntp", (5, 0, ["timeserver"], [])),
        world.edit("assignment/wifi", "to", ("all", [], 100)),
    )


def test_a_device_that_is_told_not_to_apply_changes_no_file_until_it_is_told_to() -> None:
    site = Site(2, _manage, mode=Mode.OFF)
    site.run(10.0)
    member = site.all[1]
    assert (member.node.applied.state, member.files) == ("off", {})
    member.do(member.node.set_mode(Mode.RUN, site.now))
    site.run(10.0)
    assert member.node.applied.state == "committed"
    assert set(member.files) == {"system", FORMER}
    assert member.files["system"] == b"config timeserver 'ntp'\n"


# --- what it hears ------------------------------------------------------------------------------


def _big_change(site: Site) -> ChangeId:
    """Have the master write a change that is too large for DATA."""
    change = site.world.change(site.world.set("wifi", "wireless.a.ssid", "x" * 30_000))
    site.master.do(site.master.node.submit(change, site.now))
    return change.id


def test_what_is_too_large_for_datagrams_comes_by_a_stream_from_the_master() -> None:
    site = Site(3)
    site.run(6.0)
    before = [len(box.of(Connect)) for box in site.all]
    change = _big_change(site)
    site.until(lambda: all(box.node.log.position_of(change) for box in site.all), within_s=3.0)
    assert [len(box.of(Connect)) - count for box, count in zip(site.all, before, strict=True)] == [0, 1, 1]


def test_a_start_under_an_unknown_group_key_is_a_reason_to_ask_by_a_stream_but_rarely() -> None:
    site = Site(2)
    site.run(6.0)
    member = site.all[1]
    sealed = site.master.node._rooms.station.channel.seal_group(Kind.START, b"x")
    unreadable = sealed[:9] + bytes(8) + sealed[17:]
    before = len(member.of(Connect))
    for _ in range(5):
        member.give(Datagram(unreadable, site.master.address, None))
        site.run(0.5)
    assert len(member.of(Connect)) == before + 1


def test_what_does_not_open_is_dropped_and_counted() -> None:
    site = Site(2)
    site.run(1.0)
    member = site.all[1]
    dropped = member.node.dropped
    member.give(Datagram(b"junk" * 30, site.master.address, None))
    assert member.node.dropped == dropped + 1


def _another_master(site: Site, log: Log, count: int) -> Box:
    """Return the master as it starts from an older copy of its disk."""
    old = Box(site, site.master.name, site.world.master, log, site.master.items[:count])
    site.boxes[old.name] = old
    return old


def _old_copy(site: Site) -> tuple[Log, int]:
    log = Log(site.world.cluster)
    log.extend(site.master.items)
    return log, len(site.master.items)


def test_a28_a_first_writer_with_an_older_disk_fetches_what_it_lacks_before_it_leads() -> None:
    site = Site(3)
    site.run(6.0)
    log, count = _old_copy(site)
    _big_change(site)
    site.run(6.0)
    newest = site.all[1].node.log.head
    master = _another_master(site, log, count)
    master.start()
    site.until(lambda: master.node.leads, within_s=30.0)
    assert master.node.log.chain_at(newest.seq) == newest.chain
    assert master.node.log.head.epoch > newest.epoch
    assert not master.node.alarms


def test_r5_a_master_with_another_history_is_shown_and_never_followed() -> None:
    site = Site(2)
    site.run(6.0)
    log, count = _old_copy(site)
    change = site.world.change(site.world.set("wifi", "wireless.a.ssid", "first"))
    site.master.do(site.master.node.submit(change, site.now))
    site.run(6.0)
    member = site.all[1]
    ours = member.node.log.head
    assert member.node.log.position_of(change.id) is not None
    site.master.on = False
    site.lost = lambda *_: True
    master = _another_master(site, log, count)
    master.start()
    site.until(lambda: master.node.leads, within_s=30.0)
    site.lost = lambda *_: False
    site.run(20.0)
    assert member.node.log.head == ours
    assert "conflict" in member.node.alarms
    loud = [e for e in member.of(Event) if isinstance(e, Event) and e.name == "conflict"]
    assert len(loud) == len({e.text for e in loud})


# --- changes ------------------------------------------------------------------------------------


def _answers(box: Box, to: Box) -> list[AnswerCode]:
    """Return what one device answered another by datagram."""
    found = []
    for effect in box.of(SendDatagram):
        assert isinstance(effect, SendDatagram)
        if effect.to == to.address and effect.data[8] == Kind.ANSWER:
            opened = to.node._rooms.station.channel.open(effect.data, box.address)
            assert isinstance(opened, Opened)
            found.append(decode_answer(opened.plaintext).code)
    return found


def test_who_does_not_lead_says_so_to_a_submit() -> None:
    site = Site(3)
    site.run(6.0)
    asking, asked = site.all[1:]
    change = site.world.change(site.world.set("wifi", "wireless.a.ssid", "x"), device=asking.key)
    station = asking.node._rooms.station
    peer = station.peers.get(asked.node.device_id)
    assert peer is not None
    datagram = station.channel.seal_to(peer, Kind.SUBMIT, encode_submit(change.encode()))
    asked.give(Datagram(datagram, asking.address, None))
    assert _answers(asked, asking) == [AnswerCode.NOT_WRITER]
    assert asked.node.log.position_of(change.id) is None


def test_a_submit_that_overtook_the_one_before_is_not_taken_and_a38_all_are_written_in_order_r3() -> None:
    site = Site(3)
    site.run(6.0)
    member = site.all[1]
    lost = 0

    def loses_the_first(sender: str, _to: str, data: bytes) -> bool:
        nonlocal lost
        lost += sender == member.name and data[8] == Kind.SUBMIT
        return lost == 1 and data[8] == Kind.SUBMIT

    site.lost = loses_the_first
    world = site.world
    values = [world.set("wifi", f"wireless.a.x{number}", str(number)) for number in range(40)]
    changes = [
        world.change(value, device=member.key, counter=1 + number) for number, value in enumerate(values)
    ]
    for change in changes:
        member.do(member.node.submit(change, site.now))
    took_s = site.until(lambda: member.node.waiting_changes() == (), 2.0)
    assert took_s < 0.6, "together, not one for each turn of the writer"
    positions = [site.master.node.log.position_of(change.id) for change in changes]
    assert None not in positions
    assert positions == sorted(positions, key=lambda seq: seq or 0)
    assert not [e for e in member.of(Progress) if isinstance(e, Progress) and e.state is ChangeState.REFUSED]


def test_a_repeated_submit_is_answered_with_its_position() -> None:
    site = Site(2)
    site.run(6.0)
    member = site.all[1]
    change = site.world.change(site.world.set("wifi", "wireless.a.ssid", "x"), device=member.key)
    member.do(member.node.submit(change, site.now))
    assert member.node.waiting_changes() == (change.id,)
    site.run(6.0)
    station = member.node._rooms.station
    peer = station.peers.get(site.master.node.device_id)
    assert peer is not None
    datagram = station.channel.seal_to(peer, Kind.SUBMIT, encode_submit(change.encode()))
    before = len(_answers(site.master, member))
    site.master.give(Datagram(datagram, member.address, None))
    assert _answers(site.master, member)[before:] == [AnswerCode.STORED]
    told = member.node.progress(change.id)
    assert told is not None
    assert told.state is ChangeState.DURABLE


def test_a_change_that_the_log_has_is_told_as_it_stands_there_and_not_kept_again() -> None:
    site = Site(2)
    site.run(6.0)
    change = site.world.change(site.world.set("wifi", "wireless.a.ssid", "x"))
    site.master.do(site.master.node.submit(change, site.now))
    site.run(6.0)
    member = site.all[1]
    effects = member.node.submit(change, site.now)
    seq = member.node.log.position_of(change.id)
    assert [e for e in effects if isinstance(e, Progress | StoreFile)] == [
        Progress(change.id, ChangeState.DURABLE, seq or Seq(0), "")
    ]
    assert member.node.waiting_changes() == ()


def test_a_stream_that_brings_what_the_log_has_is_answered_at_once() -> None:
    site = Site(2)
    site.run(6.0)
    change = site.world.change(site.world.set("wifi", "wireless.a.ssid", "x"))
    site.master.do(site.master.node.submit(change, site.now))
    site.run(6.0)
    member = site.all[1]
    told: list[tuple[ChangeId, Seq]] = []

    def tell(about: ChangeId, answer: StreamAnswer, _now: float) -> list[Effect]:
        told.append((about, answer.seq))
        return []

    member.node._rooms.writing._answer_streams = tell
    assert member.node._rooms.writing.on_stream(change, site.now) == []
    assert told == [(change.id, member.node.log.position_of(change.id))]
    assert member.node.waiting_changes() == ()


def test_a15_when_too_many_wait_for_a_reply_a_change_is_written_without_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(2)
    site.run(6.0)
    monkeypatch.setattr("dusk.node.writing.WAITING_REPLIES_MAX", 0)
    member = site.all[1]
    change = site.world.change(site.world.set("wifi", "wireless.a.ssid", "x"), device=member.key)
    member.do(member.node.submit(change, site.now))
    site.run(1.0)
    assert site.master.node.log.position_of(change.id) is not None
    assert _answers(site.master, member) == []
    assert member.node.waiting_changes() == ()


def test_nothing_is_handed_to_a_master_that_is_no_member_any_more() -> None:
    site = Site(2)
    site.run(6.0)
    member = site.all[1]
    member.node.peers.take(
        roster(
            [each for each in views.members(member.node.log.state) if each.public == member.key.public], []
        )
    )
    change = site.world.change(site.world.set("wifi", "wireless.a.ssid", "x"), device=member.key)
    effects = member.node.submit(change, site.now)
    assert not [e for e in effects if isinstance(e, SendDatagram) and e.data[8] == Kind.SUBMIT]
    assert member.node.waiting_changes() == (change.id,)


def test_a_member_takes_the_wall_clock_too() -> None:
    site = Site(2)
    site.run(6.0)
    clock = WallClock(1.7e9, trusted=True)
    for box in site.all:
        box.give(clock)
        assert box.node.clock == clock


def test_a_counter_is_above_what_is_in_the_log_and_in_the_outbox() -> None:
    site = Site(2)
    site.run(6.0)
    member = site.all[1]
    owner = site.world.owner.key_id
    assert member.node.next_counter(owner) == 1
    site.lost = lambda *_: True
    change = site.world.change(site.world.set("wifi", "wireless.a.ssid", "x"), device=member.key, counter=7)
    member.do(member.node.submit(change, site.now))
    assert member.node.next_counter(owner) == 8
    assert member.node.waiting(owner) == (change,)
    assert member.node.waiting(site.world.master.key_id) == ()
    site.lost = lambda *_: False
    site.run(20.0)
    assert member.node.waiting_changes() == ()
    assert member.node.next_counter(owner) == 8


def test_a_cycle_of_another_length_holds_from_the_next_start_on() -> None:
    site = Site(2)
    site.run(6.0)
    edit = site.world.edit("cluster", "cycle", (1000,))
    site.master.do(site.master.node.submit(site.world.change(edit), site.now))
    site.run(3.0)
    assert views.cycle_ms(site.all[1].node.log.state) == 1000
    heard = site.all[1].node._rooms.follower.version[1]
    site.run(12.0)  # the next START was planned by the old one
    assert site.all[1].node._rooms.follower.version[1] >= heard + 9


# --- what a master makes up -----------------------------------------------------------------------


def _announce(site: Site, data: bytes) -> None:
    """Have the master sign a head that no entry leads to, and send this as the entry."""
    node = site.master.node
    leader = node._rooms.writing.leader
    assert leader is not None
    item = LogItem(ItemKind.ENTRY, data)
    forged = replace(node.log.head, seq=Seq(node.log.head.seq + 1), chain=ChainHash(bytes(32)))
    site.run(1.0)
    site.master.do(leader.announce([((item,), forged)], site.now).effects)


@pytest.mark.parametrize("is_junk", [True, False], ids=["no entry", "an old entry"])
def test_r6_entries_that_lead_to_no_signed_head_are_refused_and_asked_for_by_a_stream(is_junk: bool) -> None:  # noqa: FBT001  # a table
    site = Site(2)
    site.run(6.0)
    member = site.all[1]
    head, dropped, streams = member.node.log.head, member.node.dropped, len(member.of(Connect))
    entries = [item.data for item in site.master.items if item.kind is ItemKind.ENTRY]
    _announce(site, b"\x91\xc0" if is_junk else entries[0])
    site.run(2.0)
    assert member.node.log.head == head
    assert member.node.dropped > dropped
    assert len(member.of(Connect)) > streams


def test_r5_entries_that_differ_from_ours_and_that_no_branch_has_are_dropped() -> None:
    site = Site(2)
    site.run(6.0)
    member, world = site.all[1], site.world
    other = world.replica()
    item, _ = other.write_change(world.change(world.set("wifi", "wireless.a.ssid", "other")), world.stamp())
    change = world.change(world.set("wifi", "wireless.a.ssid", "ours"))
    site.master.do(site.master.node.submit(change, site.now))
    site.run(6.0)
    head = member.node.log.head
    assert member.node.log.position_of(change.id) is not None
    assert not member.node.alarms
    _announce(site, item.data)
    site.run(2.0)
    assert member.node.log.head == head
    assert member.node.dropped
    assert not member.node.alarms
