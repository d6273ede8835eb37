"""A join that is begun, is on the disk when that is said, and is taken back; and what must not meet it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import cast

import pytest
import trio

from dusk.control.calling import Methods
from dusk.control.desk import Founding
from dusk.cycle.groupkeys import FILE as GROUP_KEYS
from dusk.daemon import cancelling
from dusk.daemon.builder import Builder, Idle
from dusk.daemon.drafts import Drafts
from dusk.daemon.entering import Entering
from dusk.daemon.opening import read_log
from dusk.daemon.service import _LateMethods, own_key
from dusk.daemon.sessions import Sessions
from dusk.daemon.settings import Settings
from dusk.daemon.storage import open_storage
from dusk.daemon.tickets import Tickets
from dusk.effects import Append, Event, RemoveFile
from dusk.errors import Refused
from dusk.ids import DeviceId
from dusk.keys.joinkey import JoinKey
from dusk.keys.phrase import phrase_from_entropy
from dusk.membership.joiner import Joiner
from dusk.node import Node
from tests.daemon.faulty_disk import FaultyDisk, full, installed
from tests.daemon.test_core import HOSTS, Device, running
from tests.world import World

WORLD = World()
PHRASE = phrase_from_entropy(bytes(32))
FOUNDING = Founding("home", "ann", "a few good words", PHRASE, 5000, auto_backup=True)


def key_of(world: World) -> JoinKey:
    """Return a join key that names the world's newest entry."""
    return JoinKey(world.cluster, world.named(world.log.head.seq), bytes(32), ())


LINE = key_of(WORLD).line()
ELSEWHERE = key_of(World(2)).line()


class Router(Device):
    """A router with its own builder of what lives in it, below a root."""

    def __init__(self, root: Path) -> None:
        folder = root / "etc/dusk/node"
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder, HOSTS[0])
        self.root, self.folder, self.tickets = root, folder, Tickets()
        self.builder = Builder(own_key(folder), Settings(), {}, "02:aa", "router")
        self.device_id = DeviceId(self.builder.key.key_id)
        self.core._build = self.builder
        sessions = Sessions(lambda _: None)
        self.entering = Entering(
            self.core, self.builder, sessions, self.tickets, root, remove_line=self._remove_line
        )
        self.control = _LateMethods(self.core, cast("Drafts", None), cast("Methods", self), sessions.user)
        self.before_removal: Callable[[], None] = lambda: None

    async def _remove_line(self) -> None:
        await trio.lowlevel.checkpoint()
        self.before_removal()
        (self.root / "etc/dusk/join").unlink()

    async def call(self, name: str, params: object, _connection: object) -> dict[str, str]:
        """Answer as the methods of the control socket do."""
        assert name == "join"
        self.entering.join(str(params))
        return {}

    async def join(self, line: str = LINE) -> None:
        """Join as over the control socket."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("dusk.daemon.service.Connection", object)
            await self.control.call("join", line, object())

    async def end(self, ticket: str) -> str:
        """Return the word with which a ticket ends; empty where all went well."""
        await self.until(lambda: bool(self.tickets.poll(ticket)["done"]))
        return str(self.tickets.poll(ticket).get("error", {"code": ""})["code"])

    async def until_lives(self, kind: type) -> None:
        await self.until(lambda: isinstance(self.core.node, kind))

    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


@pytest.fixture
def router(tmp_path: Path) -> Router:
    return Router(tmp_path)


@asynccontextmanager
async def at_work(router: Router) -> AsyncIterator[None]:
    async with running(router), trio.open_nursery() as nursery:
        await nursery.start(router.tickets.run)
        yield
        nursery.cancel_scope.cancel()


def code_of(work: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        work()
    return caught.value.code


def fetched(router: Router, world: World = WORLD) -> None:
    """Put on the disk what a join has fetched, before the daemon starts."""
    storage, _ = open_storage(router.folder)
    storage.do([Append(tuple(world.items))])
    storage.close()


async def test_r8_a_join_is_answered_once_the_key_is_on_the_disk(router: Router) -> None:
    async with at_work(router):
        await router.join()
        assert (router.folder / "joining").read_text() == LINE
        await router.until_lives(Joiner)


async def test_a31_a_join_that_the_disk_refuses_is_told_so_and_nothing_is_begun(router: Router) -> None:
    async with at_work(router):
        with installed(FaultyDisk(1, full(), lasting=True)):
            with pytest.raises(Refused, match=r"nothing was kept: cannot write.*the disk is full") as caught:
                await router.join()
            assert caught.value.code == "storage"
        await router.until_lives(Idle)
        assert "joining" not in router.files()


async def test_a31_a_full_disk_is_seen_before_a_join_costs_the_daemon_anything(router: Router) -> None:
    async with at_work(router):
        idle = router.core.node
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("dusk.daemon.disk.check_room", lambda *_: (_ for _ in ()).throw(full()))
            with pytest.raises(Exception, match="the disk is full"):
                await router.join()
        assert router.core.node is idle


async def test_a_join_is_taken_back_with_all_that_it_wrote_and_nothing_else(router: Router) -> None:
    before = router.files()
    fetched(router)
    (router.folder / "joining").write_text(LINE)
    (router.folder / GROUP_KEYS).write_bytes(b"of that cluster")
    (router.folder / "hold-over").write_bytes(b"of this router")
    (router.root / "etc/dusk/join").write_text(LINE)
    router.builder.join_line = LINE
    async with at_work(router):
        await router.until_lives(Joiner)
        assert await router.end(router.entering.cancel()) == ""
        await router.until_lives(Idle)
        assert code_of(router.entering.cancel) == "not-joining"
        assert router.entering.new_phrase()
    assert router.files() == before | {"hold-over", "log"}
    assert read_log(router.folder).items == ()
    assert not (router.root / "etc/dusk/join").exists()


async def test_q2_whoever_is_killed_while_a_join_is_taken_back_is_joining_or_out(router: Router) -> None:
    effects = cancelling.undone(router.folder, router.device_id)
    assert effects[-1] == RemoveFile("joining"), "what makes it join goes last"
    for calls in range(1, 12):
        fetched(router)
        (router.folder / "joining").write_text(LINE)
        (router.folder / GROUP_KEYS).write_bytes(b"of that cluster")
        storage, _ = open_storage(router.folder)
        cut = KeyboardInterrupt()  # as a kill: nothing of the program runs behind it
        with installed(FaultyDisk(calls, cut, lasting=True)) as disk, suppress(KeyboardInterrupt):
            storage.do(effects)
        storage.close()
        storage, saved = open_storage(router.folder)
        resident, _ = router.builder(saved, 0.0)
        assert isinstance(resident, Joiner | Idle)
        if isinstance(resident, Idle):
            assert not saved.items, "out, and nothing of the cluster is here"
        storage.do(effects)
        storage.close()
        assert {"joining", GROUP_KEYS}.isdisjoint(router.files())
        if disk.calls < calls:
            break
    else:
        raise AssertionError("it was not cut everywhere")


def damaged(router: Router, word: bytes = b"") -> None:
    """Put on the disk what a join has fetched, with a bit that the disk has turned in the first of it."""
    storage, _ = open_storage(router.folder)
    for item in WORLD.items:
        storage.do([Append((item,))])
    storage.close()
    log = router.folder / "log"
    data = bytearray(log.read_bytes())
    data[40] ^= 1
    log.write_bytes(data + word)
    (router.folder / "joining").write_text(LINE)


async def test_what_a_join_has_fetched_goes_though_the_disk_has_damaged_it(router: Router) -> None:
    before = router.files()
    damaged(router)
    (router.folder / GROUP_KEYS).write_bytes(b"of that cluster")
    async with at_work(router):
        await router.until_lives(Joiner)
        assert {"log.damaged", "must-hear"} <= router.files()
        assert await router.end(router.entering.cancel()) == ""
        await router.until_lives(Idle)
        assert router.entering.new_phrase(), "a cluster may be made here"
    assert router.files() == before | {"log"}


@pytest.mark.parametrize("gap", [0, 64 * 1024 - 10])
async def test_what_is_left_of_a_log_by_which_a_router_was_a_member_stays(router: Router, gap: int) -> None:
    damaged(router, bytes(gap) + f"device/{router.device_id.hex()}".encode())
    (router.folder / GROUP_KEYS).write_bytes(b"of that cluster")
    async with at_work(router):
        await router.until_lives(Joiner)
        router.entering.cancel()
        await router.until(lambda: "joining" not in router.files())
    assert {"log.damaged", "must-hear", GROUP_KEYS} <= router.files()


async def test_who_has_joined_meanwhile_is_told_and_keeps_all(router: Router) -> None:
    (router.root / "etc/dusk/join").write_text(LINE)
    router.builder.join_line = LINE
    async with at_work(router):
        await router.until_lives(Joiner)
        member = Node.__new__(Node)
        router.before_removal = lambda: setattr(router.core, "node", member)
        former = router.core.node
        ticket = router.entering.cancel()
        await router.until(lambda: router.core.node is member)
        error = await router.end(ticket)
        router.core.node = former
        assert error == "in-cluster"
        assert "joining" in router.files()


async def test_a_key_of_another_cluster_takes_the_place_of_all_that_was_fetched(router: Router) -> None:
    fetched(router)
    (router.folder / "joining").write_text(LINE)
    (router.folder / GROUP_KEYS).write_bytes(b"of that cluster")
    async with at_work(router):
        await router.until_lives(Joiner)
        await router.join(LINE)
        assert read_log(router.folder).items
        await router.join(ELSEWHERE)
        await router.until(lambda: getattr(router.core.node, "cluster_id", b"") == World(2).cluster)
        assert read_log(router.folder).items == ()
        assert {GROUP_KEYS, "log.damaged"}.isdisjoint(router.files())


async def test_who_makes_a_cluster_takes_no_join_key_and_who_joins_makes_none(router: Router) -> None:
    async with at_work(router):
        ticket = router.entering.found(FOUNDING)
        assert code_of(lambda: router.entering.join(LINE)) == "busy"
        assert code_of(lambda: router.entering.found(FOUNDING)) == "busy"
        assert await router.end(ticket) == ""
        assert isinstance(router.core.node, Node)
        assert code_of(lambda: router.entering.join(LINE)) == "in-cluster"
        assert code_of(router.entering.cancel) == "in-cluster"
        assert "joining" not in router.files()


async def test_who_joins_makes_no_cluster(router: Router) -> None:
    async with at_work(router):
        await router.join()
        await router.until_lives(Joiner)
        assert code_of(lambda: router.entering.found(FOUNDING)) == "joining"


async def test_no_join_key_that_lies_about_sets_aside_the_cluster_that_a_router_is_in(router: Router) -> None:
    async with at_work(router):
        assert await router.end(router.entering.found(FOUNDING)) == ""
    items = read_log(router.folder).items
    (router.folder / "joining").write_text(LINE)
    again = Router(router.root)
    async with at_work(again):
        await again.until_lives(Node)
        await again.core.quiet()
        assert any(isinstance(told, Event) and "another cluster" in told.text for told in again.told)
    assert {"joining", "log.damaged"}.isdisjoint(again.files())
    assert read_log(router.folder).items[: len(items)] == items


async def test_what_another_join_has_fetched_is_no_cluster_that_a_router_is_in(router: Router) -> None:
    fetched(router)
    (router.folder / "joining").write_text(ELSEWHERE)
    async with at_work(router):
        await router.until_lives(Joiner)
        await router.core.quiet()
        assert "log.damaged" not in router.files()
    assert read_log(router.folder).items == ()
