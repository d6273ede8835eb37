"""Orders to this device: what is answered is on its disk, what the disk refused is told as refused (R8)."""

from pathlib import Path
from typing import cast

import pytest
import trio

from dusk.apply.events import Mode
from dusk.changelog.orders import encode_hold
from dusk.control.ordering import HOLD, UNHOLD
from dusk.daemon import holding
from dusk.daemon.answers import Answers
from dusk.daemon.builder import Builder
from dusk.daemon.deeds import Deeds
from dusk.daemon.helper_client import HelperClient
from dusk.daemon.settings import Settings
from dusk.daemon.storage import open_storage
from dusk.effects import Append, Told
from dusk.node import Node
from tests.daemon.faulty_disk import FaultyDisk, full, installed
from tests.daemon.test_core import HOSTS, Device, running
from tests.world import World

WORLD = World()


class Member(Device):
    """The master of a cluster, of which orders are obeyed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, HOSTS[0])
        self.folder = folder
        storage, _ = open_storage(folder)
        storage.do([Append(tuple(WORLD.items))])
        storage.close()
        self.builder = Builder(WORLD.master, Settings(), {}, "02:aa", "router")
        self.core._build = self.builder
        deeds = Deeds(self.builder, cast("HelperClient", None), lambda: self.core)
        self.orders = Answers(self.inbox, {}, deeds.by_word())

    async def order(self, kind: str) -> Told:
        """Return what is answered to an order."""
        return await self.orders.done(kind, encode_hold(0) if kind == HOLD else b"")

    def mode(self) -> Mode:
        """Return whether it applies."""
        return self.builder.mode

    async def until_lives(self) -> None:
        """Wait until there is a node."""
        await self.until(lambda: isinstance(self.core.node, Node))


@pytest.fixture
def member(tmp_path: Path) -> Member:
    return Member(tmp_path)


async def test_r8_an_ordered_brake_is_answered_once_it_is_on_the_disk(member: Member) -> None:
    async with running(member):
        assert await member.order(HOLD) == Told()
        assert (member.folder / holding.ORDERED).read_bytes() == member.builder.hold_ordered
        assert member.mode() is Mode.HOLD
        assert await member.order(UNHOLD) == Told()
        assert (member.folder / holding.ORDERED).read_bytes() == member.builder.hold_ordered
        assert member.mode() is Mode.RUN


@pytest.mark.parametrize(("first", "then", "mode"), [(None, HOLD, Mode.RUN), (HOLD, UNHOLD, Mode.HOLD)])
async def test_a31_a_brake_that_the_disk_refuses_is_told_so_and_is_as_it_was(
    member: Member, first: str | None, then: str, mode: Mode
) -> None:
    async with running(member):
        if first is not None:
            await member.order(first)
        with installed(FaultyDisk(1, full(), lasting=True)), trio.fail_after(60):
            told = await member.order(then)
            assert (told.word, "the order was not kept" in told.reason) == ("failed", True)
            assert "the disk is full" in told.reason
            assert member.mode() is mode
        await member.until_lives()
        assert member.mode() is mode
