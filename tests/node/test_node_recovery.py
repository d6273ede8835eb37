"""What a node does with a log that lost its end, and with small files that are damaged."""

import pytest

from dusk import codec
from dusk.apply.verdict import FILE as FAILED_FILE
from dusk.changelog.body import Edit
from dusk.changelog.log import Log
from dusk.cycle.groupkeys import FILE as GROUP_KEYS_FILE
from dusk.effects import Event, ItemKind, RemoveFile, StoreFile
from dusk.ids import BootId
from dusk.node import Node
from dusk.node.recovery import MUST_HEAR_FILE, STATUS_KEY_FILE, Recovery
from tests.node.site import Box, Site


@pytest.fixture
def site() -> Site:
    made = Site(3)
    made.run(20.0)
    return made


def _log_of(items: list) -> Log:  # type: ignore[type-arg]  # items as a disk holds them
    log = Log(None)
    log.extend(items)
    return log


def _lose_end(site: Site, box: Box, entries: int, **saved: bytes) -> None:
    """Start a device anew with the first entries of its log, as after damage."""
    heads = [place for place, item in enumerate(box.items, 1) if item.kind is ItemKind.HEAD]
    box.items = box.items[: heads[entries - 1]]
    box.effects.clear()
    box.core = Node(
        key=box.key,
        log=_log_of(box.items),
        boot=BootId(site.world.random.randbytes(8)),
        saved={GROUP_KEYS_FILE: site.ring, MUST_HEAR_FILE: b"1", **saved},
        settings=site.settings,
        random_bytes=site.world.random.randbytes,
    )
    box.on = True
    box.start()


def _one_history(site: Site) -> bool:
    heads = {box.node.log.head for box in site.all}
    return len(heads) == 1


@pytest.mark.parametrize("entries", [1, 2, 4])
def test_r5_a_first_writer_whose_log_was_cut_leads_only_when_a_member_brought_it_back(
    site: Site, entries: int
) -> None:
    master, before = site.master, site.master.node.log.head
    for box in site.all[1:]:
        box.on = False
    _lose_end(site, master, entries)
    site.run(120.0)
    assert not master.node.leads
    assert "must-hear" in master.node.alarms["cut-log"]
    assert master.node.log.head.seq < before.seq
    for box in site.all[1:]:
        box.on = True
    site.until(lambda: master.node.leads, 120.0)
    assert master.node.log.chain_at(before.seq) == before.chain
    assert master.node.log.head.epoch == before.epoch + 1
    assert RemoveFile(MUST_HEAR_FILE) in master.of(RemoveFile)
    assert "cut-log" not in master.node.alarms
    site.until(lambda: _one_history(site), 60.0)
    assert all("conflict" not in box.node.alarms for box in site.all)


def test_a28_a_writer_that_lost_a_removal_hears_of_it_though_who_lacks_it_too_vouches_for_its_log() -> None:
    site = Site(4)
    site.run(6.0)
    (master, behind, ahead, gone), ring = site.all, site.ring
    entries = sum(item.kind is ItemKind.HEAD for item in master.items)
    behind.on = False
    retired = Edit(f"device/{gone.node.device_id.hex()}", "retired", codec.pack((True,)), None)
    master.do(master.node.submit(site.world.change(retired), site.now))
    site.run(6.0)
    gone.on, newest = False, ahead.node.log.head
    _lose_end(site, master, entries, groupkeys=ring)
    site.run(0.2)
    behind.on = True
    site.lost = lambda sender, to, _: {sender, to} == {behind.name, ahead.name}
    site.until(lambda: master.node.leads, 60.0)
    assert master.node.log.chain_at(newest.seq) == newest.chain


def test_a_member_whose_log_was_cut_catches_up_and_says_so(site: Site) -> None:
    member = site.all[1]
    _lose_end(site, member, 2)
    site.until(lambda: "cut-log" not in member.node.alarms, 60.0)
    assert _one_history(site)
    assert any(isinstance(e, Event) and e.name == "cut-log" and e.loud for e in member.effects)


def test_r5_a_stream_to_oneself_is_nobody_s_word() -> None:
    site = Site(2)
    site.run(5.0)
    master = site.master
    site.all[1].on = False
    _lose_end(site, master, 1)
    master.do(master.node._rooms.exchanges.catch_up(master.address, site.now))  # as by a replayed HELLO
    site.run(30.0)
    assert master.node.alarms.keys() == {"cut-log"}
    assert not master.node.leads


def test_damaged_small_files_are_named_and_replaced_and_stop_nothing() -> None:
    alarms: dict[str, str] = {}
    saved = {
        GROUP_KEYS_FILE: b"damaged",
        STATUS_KEY_FILE: bytes(65),
        FAILED_FILE: b"damaged",
        "outbox/" + "0" * 64: b"damaged",
        "drafts/anna": b"her own method says it",
    }
    recovery = Recovery(saved, alarms, bytes)
    assert alarms == {"damaged": f"etc/dusk/node/{FAILED_FILE} and 3 more: damaged, not used"}
    assert recovery.group_keys.newest is None
    assert recovery.start() == [StoreFile(STATUS_KEY_FILE, bytes(32))]
    assert recovery.files.keys() == {"drafts/anna"}
    assert not recovery.must_hear


def test_a_master_without_usable_group_keys_makes_new_ones_and_all_hear_it() -> None:
    site = Site(3)
    site.run(20.0)
    master = site.master
    master.effects.clear()
    master.core = Node(
        key=master.key,
        log=_log_of(master.items),
        boot=BootId(site.world.random.randbytes(8)),
        saved={GROUP_KEYS_FILE: b"damaged"},
        settings=site.settings,
        random_bytes=site.world.random.randbytes,
    )
    master.start()
    site.until(lambda: _one_history(site) and len(master.node.online(site.now)) == 3, 60.0)
    assert master.node.alarms.keys() == {"damaged"}
