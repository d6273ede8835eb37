"""What a start makes of the log on the disk: all of it is verified, or its good beginning is kept (R6)."""

from dataclasses import replace
from pathlib import Path

import pytest

from dusk.changelog.entry import decode_signed_head
from dusk.changelog.sections import device_path
from dusk.daemon.builder import Builder
from dusk.daemon.opening import Report
from dusk.daemon.settings import Settings
from dusk.daemon.status import status_of
from dusk.daemon.storage import Saved, UnverifiedLogError
from dusk.effects import ItemKind, LogItem, Tick
from dusk.errors import StorageError
from dusk.ids import ChainHash, Head
from dusk.keys.signing import SigningKey
from dusk.node import Node
from tests.world import World

CHANGES = 80
"""Several pieces of what is verified at once."""


def _world() -> World:
    world = World()
    for number in range(CHANGES):
        if number == CHANGES // 2:
            world.open()
        world.commit(world.set("wifi", "wireless.radio0.channel", str(number)))
    return world


WORLD = _world()
HEADS = [at for at, item in enumerate(WORLD.items) if item.kind is ItemKind.HEAD]
MIDDLE = HEADS[CHANGES // 4]


def start(items: list[LogItem], key: SigningKey = WORLD.master) -> Node:
    builder = Builder(key, Settings(), {}, "02:aa", "router")
    saved = Saved(tuple(items), {}, Report(0, None, (), Path("log")))
    resident, _effects = builder(saved, now=0.0)
    assert isinstance(resident, Node)
    return resident


def with_head(at: int, head: Head) -> list[LogItem]:
    signed = replace(decode_signed_head(WORLD.items[at].data), head=head)
    return [*WORLD.items[:at], LogItem(ItemKind.HEAD, signed.encode()), *WORLD.items[at + 1 :]]


def test_a_log_of_many_pieces_is_taken_whole() -> None:
    log = start(WORLD.items).log
    assert log.head == WORLD.log.head
    assert log.newest == decode_signed_head(WORLD.items[-1].data)


@pytest.mark.parametrize("at", [HEADS[0], MIDDLE, HEADS[-1]])
def test_r6_a_head_of_another_log_ends_what_is_kept_before_it(at: int) -> None:
    head = decode_signed_head(WORLD.items[at].data).head
    with pytest.raises(UnverifiedLogError) as caught:
        start(with_head(at, replace(head, chain=ChainHash(bytes(32)))))
    assert caught.value.good == tuple(WORLD.items[: max(0, at - 1)])


@pytest.mark.parametrize("at", range(0, len(WORLD.items), 31))
def test_r6_a_wrong_entry_ends_what_is_kept_at_the_head_before_it(at: int) -> None:
    at -= WORLD.items[at].kind is ItemKind.HEAD
    damaged = bytearray(WORLD.items[at].data)
    damaged[-1] ^= 1
    items = [*WORLD.items[:at], LogItem(ItemKind.ENTRY, bytes(damaged)), *WORLD.items[at + 1 :]]
    with pytest.raises(UnverifiedLogError, match=r"does not verify.*kept as log\.damaged") as caught:
        start(items)
    assert caught.value.good == tuple(WORLD.items[:at])


def test_r6_a_wrong_signature_of_the_newest_head_is_found() -> None:
    signed = decode_signed_head(WORLD.items[-1].data)
    forged = LogItem(ItemKind.HEAD, replace(signed, signature=bytes(64)).encode())
    with pytest.raises(UnverifiedLogError) as caught:
        start([*WORLD.items[:-1], forged])
    assert caught.value.good == tuple(WORLD.items[:-2])


def test_a_removed_device_that_is_started_again_shows_that_it_was_removed() -> None:
    world = World()
    world.allow_joining()
    hall = world.join("hall")
    world.commit(world.edit(device_path(hall.key_id), "retired", (True,)))
    node = start(world.items, hall)
    now = 0.0
    for _ in range(5):
        now = max(now, node.deadline or now)
        node.handle(Tick(), now)
        shown = status_of(node, "", (), now)
        assert (shown["role"], shown["name"], shown["members"]) == ("removed", "hall", 1)
        assert any("was removed from the cluster" in line for line in shown["alarms"])


def test_a_log_that_never_had_this_device_is_taken_for_a_copied_folder() -> None:
    with pytest.raises(StorageError, match="no member of: a copied folder"):
        start(WORLD.items, World(2).key())
