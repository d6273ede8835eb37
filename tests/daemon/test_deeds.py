"""Orders to this device: what is answered is on its disk, what the disk refused is told as refused (R8)."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import trio

from dusk.apply.events import Mode
from dusk.changelog.orders import encode_hold
from dusk.control.ordering import HOLD, UNHOLD
from dusk.daemon import holding, service
from dusk.daemon.answers import Answers
from dusk.daemon.builder import Builder
from dusk.daemon.deeds import Deeds
from dusk.daemon.helper_client import HelperClient
from dusk.daemon.settings import Settings
from dusk.daemon.storage import open_storage
from dusk.effects import Append, Told
from dusk.errors import Refused
from dusk.node import Node
from tests.daemon.faulty_disk import FaultyDisk, full, installed
from tests.daemon.test_core import HOSTS, Device, running
from tests.world import World

WORLD = World()


class _Helper:
    """Reads the device's own settings, and nothing else."""

    def __init__(self, said: bytes) -> None:
        self._said = said

    async def settings(self) -> bytes:
        await trio.lowlevel.checkpoint()
        return self._said

    async def read(self, packages: tuple[str, ...]) -> dict[str, bytes]:
        await trio.lowlevel.checkpoint()
        raise Refused("failed", f"no {packages[0]}")


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

    async def reread(self, options: str) -> None:
        """Take over the device's own settings with these options in them."""
        parts = SimpleNamespace(root=self.folder, builder=self.builder, core=self.core, sockets=self.sockets)
        parts.helper = _Helper(f"config dusk 'main'\n\tlist interface 'lo'\n{options}".encode())
        await service._reread(cast("service._Parts", parts))
        await self.core.quiet()

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


HELD = "\toption hold '1'\n"


@pytest.mark.parametrize(
    ("before", "kind", "between", "mode"),
    [
        ("", HOLD, HELD, Mode.RUN),
        (HELD, UNHOLD, "", Mode.HOLD),
        (HELD + "\toption hold_for '31536000'\n", UNHOLD, HELD, Mode.HOLD),
    ],
)
async def test_an_order_that_a_newer_word_ended_stays_ended_when_the_former_word_comes_back(
    member: Member, before: str, kind: str, between: str, mode: Mode
) -> None:
    async with running(member):
        await member.reread(before)
        await member.order(kind)
        assert member.mode() is (Mode.HOLD if kind == HOLD else Mode.RUN)
        await member.reread(f"{before}\toption name 'attic'\n")  # no word about the brake
        assert member.mode() is (Mode.HOLD if kind == HOLD else Mode.RUN)
        await member.reread(between)
        assert not (member.folder / holding.ORDERED).exists()
        await member.reread(before)
        assert member.mode() is mode


async def test_an_order_that_is_void_at_a_start_is_removed_then(member: Member) -> None:
    held = Settings(hold=True)
    (member.folder / holding.ORDERED).write_bytes(holding.ordered(held, None))
    async with running(member):
        await member.core.quiet()
        assert member.builder.hold_ordered is None
        assert not (member.folder / holding.ORDERED).exists()
        member.builder.settings = held
        assert member.mode() is Mode.HOLD
