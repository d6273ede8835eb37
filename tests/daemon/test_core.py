import contextlib
import ipaddress
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
import trio
import trio.testing

from dusk.apply.events import Restored
from dusk.daemon.core import RESTART_S_MAX, RESTARTS_AT_ONCE_MAX, Core
from dusk.daemon.hands import Hands, HelperEffect
from dusk.daemon.inbox import Inbox
from dusk.daemon.opening import read_log
from dusk.daemon.sockets import Sockets, Wanted
from dusk.daemon.storage import Saved, open_storage
from dusk.daemon.streams import Streams
from dusk.effects import (
    Accepted,
    Address,
    Answered,
    Append,
    CommitFiles,
    Connect,
    Connected,
    Consult,
    Datagram,
    Disconnect,
    Effect,
    Event,
    FilesRead,
    HelperDone,
    Input,
    ItemKind,
    ItemsRead,
    Link,
    Links,
    LogItem,
    Obey,
    Progress,
    ReadFiles,
    ReadItems,
    Received,
    RemoveFile,
    Restart,
    SendDatagram,
    SendFrame,
    SendMulticast,
    StoreFile,
    Tick,
    WallClock,
)
from dusk.errors import StorageError, UntrustedInput
from dusk.ids import Seq
from tests.daemon.faulty_disk import FaultyDisk, full, installed, read_only
from tests.daemons import own_address

PORT = 28760
HOSTS = [str(own_address(number)) for number in range(1, 5)]
LO4 = Link("lo", 4)


class StandIn:
    """A node that remembers what it is told and does what a table says."""

    def __init__(self, saved: Saved, answers: dict[type[Input], Callable[[Input], list[Effect]]]) -> None:
        self.saved = saved
        self.answers = answers
        self.seen: list[Input] = []
        self.deadline: float | None = None
        self.unhurried_until = float("-inf")

    def handle(self, event: Input, now: float) -> list[Effect]:
        self.seen.append(event)
        if isinstance(event, Tick):
            self.deadline = None
        answer = self.answers.get(type(event))
        return answer(event) if answer else []


class StandInHelper:
    async def perform(self, effect: HelperEffect) -> FilesRead | HelperDone:
        await trio.lowlevel.checkpoint()
        if isinstance(effect, ReadFiles):
            return FilesRead(dict.fromkeys(effect.packages, b"content"))
        return HelperDone("commit", "id", None, None, "")

    async def let_go(self) -> Restored | None:
        return self.unfinished

    async def undo_again(self) -> None:
        await trio.lowlevel.checkpoint()

    unfinished: Restored | None = None


class Device:
    """One device's shell with a stand-in for the node."""

    def __init__(self, directory: Path, host: str) -> None:
        self.inbox = Inbox()
        self.lives: list[StandIn] = []
        self.answers: dict[type[Input], Callable[[Input], list[Effect]]] = {}
        self.told: list[Progress | Event | Answered] = []
        self.consulted: list[Consult | Obey] = []
        self.helper, self.put_back = StandInHelper(), list[Restored]()
        self.streams = Streams(self.inbox)
        wanted = Wanted(("lo",), (ipaddress.ip_address(host),), PORT)
        self.sockets = Sockets(wanted, self.inbox, self.streams.accept)
        self.hands = Hands(
            self.sockets,
            self.streams,
            self.inbox,
            self.helper,
            self.told.append,
            consult=self.consulted.append,
            put_back=self.put_back.append,
        )
        self.core = Core(directory, self._build, self.inbox, self.hands, lambda: self.sockets.links)
        self.address = Address(host, PORT)

    def _build(self, saved: Saved, now: float) -> tuple[StandIn, list[Effect]]:
        self.lives.append(StandIn(saved, self.answers))
        return self.lives[-1], [Event("start", f"{len(saved.items)} items")]

    @property
    def node(self) -> StandIn:
        return self.lives[-1]

    async def until(self, condition: Callable[[], bool]) -> None:
        with trio.fail_after(1000):  # virtual seconds: they run fast while a thread is at the disk
            while not condition():
                await trio.testing.wait_all_tasks_blocked()
                await trio.sleep(0.01)

    async def until_seen(self, kind: type[Input]) -> list[Input]:
        await self.until(lambda: any(isinstance(item, kind) for item in self.node.seen))
        return [item for item in self.node.seen if isinstance(item, kind)]

    def do(self, *effects: Effect) -> None:
        self.core.add(effects)


@contextlib.asynccontextmanager
async def running(*devices: Device) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        for device in devices:
            await nursery.start(device.streams.run)
            await nursery.start(device.sockets.run)
            nursery.start_soon(device.hands.run)
            await nursery.start(device.core.run)
        yield
        nursery.cancel_scope.cancel()


def entry(text: bytes) -> LogItem:
    return LogItem(ItemKind.ENTRY, text)


def head(text: bytes) -> LogItem:
    """Return an item that counts by itself: whatever no signed head covers is cut at a start."""
    return LogItem(ItemKind.HEAD, text)


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path, HOSTS[0])


async def test_a_node_learns_the_time_and_the_links_first(device: Device) -> None:
    async with running(device):
        kinds = [type(item) for item in device.node.seen[:2]]
        assert kinds == [WallClock, Links]
        assert Links((LO4,)) in device.node.seen
        assert device.told == [Event("start", "0 items")]


async def test_r8_a_datagram_leaves_only_when_what_it_promises_is_on_disk(
    device: Device, tmp_path: Path
) -> None:
    on_disk: list[int] = []
    real_send = device.sockets.send

    def send(data: bytes, to: Address) -> None:
        on_disk.append(len(read_log(tmp_path).items))
        real_send(data, to)

    device.sockets.send = send  # type: ignore[method-assign]  # watched at the moment of sending
    async with running(device):
        to = Address(HOSTS[0], 9)
        device.do(SendDatagram(b"", to), Append((head(b"1"),)), SendDatagram(b"", to), Append((head(b"2"),)))
        await device.until(lambda: len(on_disk) == 2)
        await device.core.quiet()
        assert on_disk == [2, 2]


async def test_a_round_takes_all_that_waits_with_one_sync(device: Device, tmp_path: Path) -> None:
    device.answers[Datagram] = lambda item: [Append((head(getattr(item, "data")),))]  # noqa: B009  # an input's union has no data
    async with running(device):
        with installed(FaultyDisk(0, full())) as counted:
            for number in range(20):
                device.inbox.offer(Datagram(bytes([number]), device.address, None))
            await device.until(lambda: len(device.node.seen) >= 22)
            await device.core.quiet()
            assert counted.calls == 2
        assert [item.data for item in read_log(tmp_path).items] == [bytes([number]) for number in range(20)]


async def test_ticks_come_at_the_deadline(device: Device, autojump_clock: trio.testing.MockClock) -> None:
    async with running(device):
        device.node.deadline = trio.current_time() + 7
        device.inbox.wake()
        began = trio.current_time()
        await device.until_seen(Tick)
        assert 7 <= trio.current_time() - began < 7.1


async def test_datagrams_may_gather_as_long_as_the_living_node_says_p7(device: Device) -> None:
    async with running(device):
        device.node.unhurried_until = 7.0
        device.inbox.wake()
        await device.until(lambda: device.inbox.unhurried_until == 7.0)
        device.core.add([Restart("a test")])
        await device.until(lambda: len(device.lives) == 2)
        assert device.inbox.unhurried_until == float("-inf")


def _heard(device: Device) -> set[bytes]:
    return {item.data for item in device.node.seen if isinstance(item, Datagram)}


async def test_two_devices_talk_by_datagram_multicast_and_stream(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    one, two = Device(tmp_path / "1", HOSTS[1]), Device(tmp_path / "2", HOSTS[2])
    async with running(one, two):
        one.do(SendDatagram(b"unicast", two.address), SendMulticast(b"multicast", LO4))
        await two.until(lambda: {b"unicast", b"multicast"} <= _heard(two))  # others may be heard, too
        assert Datagram(b"unicast", one.address, None) in two.node.seen
        two.do(Append((entry(b"first"), LogItem(ItemKind.HEAD, b"head"))))
        one.do(Connect(2, two.address))
        await one.until_seen(Connected)
        (accepted,) = await two.until_seen(Accepted)
        assert isinstance(accepted, Accepted)
        one.do(SendFrame(2, b"fetch"), Disconnect(2))
        assert await two.until_seen(Received) == [Received(accepted.conn, b"fetch")]
        two.do(ReadItems(accepted.conn, Seq(1), 1000))
        (read,) = await two.until_seen(ItemsRead)
        items = (entry(b"first"), LogItem(ItemKind.HEAD, b"head"))
        assert read == ItemsRead(accepted.conn, Seq(1), items)


async def test_the_helper_answers_in_order(device: Device) -> None:
    async with running(device):
        device.do(ReadFiles(("network",)), CommitFiles("id"))
        await device.until_seen(HelperDone)
        answers = [item for item in device.node.seen if isinstance(item, FilesRead | HelperDone)]
        assert answers == [  # others on this link may be heard in between
            FilesRead({"network": b"content"}),
            HelperDone("commit", "id", None, None, ""),
        ]


async def test_a_restart_builds_the_node_from_the_disk(device: Device) -> None:
    async with running(device):
        device.do(
            Append((head(b"1"),)), StoreFile("outbox/1", b"x"), RemoveFile("outbox/1"),
            StoreFile("groupkeys", b"keys"), Restart("joined"), Event("never", "behind a restart"),
        )  # fmt: skip
        await device.until(lambda: len(device.lives) == 2)
        assert device.node.saved.items == (head(b"1"),)
        assert device.node.saved.files == {"groupkeys": b"keys"}
        await device.until(lambda: Links((LO4,)) in device.node.seen)
        assert Event("never", "behind a restart") not in device.told
        assert device.core.trouble == ""


async def test_r9_what_a_node_did_not_end_is_put_back_before_the_next_one_is_built(device: Device) -> None:
    async with running(device):
        device.do(Restart("joined"))
        await device.until(lambda: len(device.lives) == 2)
        assert device.put_back == []
        device.helper.unfinished = Restored("ab")
        device.do(Restart("joined"))
        await device.until(lambda: len(device.lives) == 3)
        assert device.put_back == [Restored("ab")]


async def test_r12_who_asks_for_a_restart_for_ever_gets_fewer_and_fewer_and_writes_that_often(
    device: Device, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def again(_: Input) -> list[Effect]:
        return [StoreFile("joining", b"line"), RemoveFile("log"), Restart("another log")]

    async def at_once(function: Callable[..., object], *args: object) -> object:
        await trio.lowlevel.checkpoint()
        return function(*args)

    monkeypatch.setattr(trio.to_thread, "run_sync", at_once)  # the clock would jump while a thread is at it

    device.answers[WallClock] = again
    async with running(device):
        await device.until(lambda: len(device.lives) > RESTARTS_AT_ONCE_MAX)
        await device.until(lambda: "starts again all the time: another log" in device.core.trouble)
        with trio.fail_after(0.1):
            await device.core.quiet()  # nobody who asks waits for the next life
        lives = len(device.lives)
        with installed(FaultyDisk(0, full())) as counted:
            await trio.sleep(3600)  # of a clock that jumps
            often, calls = len(device.lives) - lives, counted.calls
            assert 1 < often <= 10 + 3600 / RESTART_S_MAX
            await trio.sleep(3600)
            assert len(device.lives) - lives - often <= 3600 / RESTART_S_MAX + 1
            assert counted.calls - calls <= 12 * (3600 / RESTART_S_MAX + 1)
        del device.answers[WallClock]
        await device.until(lambda: device.core.node is not None)
        assert device.core.trouble == ""
        await trio.sleep(RESTART_S_MAX + 1)
        lives, began = len(device.lives), trio.current_time()
        device.do(Restart("joined"))
        await device.until(lambda: len(device.lives) == lives + 1)
        assert trio.current_time() - began < 0.9, "a life that lasted is the end of the row"


async def test_nothing_of_a_node_reaches_the_disk_behind_a_restart_from_outside(device: Device) -> None:
    device.answers[Datagram] = lambda _: [StoreFile("late", b"by who is thrown away")]
    async with running(device):
        device.do(StoreFile("groupkeys", b"wanted"), Restart("a test"))
        device.inbox.offer(Datagram(b"", device.address, None))
        await device.until(lambda: len(device.lives) == 2)
        assert device.node.saved.files == {"groupkeys": b"wanted"}


async def test_r8_what_is_kept_is_on_the_disk_and_what_is_not_is_told(device: Device) -> None:
    async with running(device):
        device.do(StoreFile("groupkeys", b"one"))
        await device.core.kept()
        assert device.core.storage is not None
        assert device.core.storage.files.read("groupkeys") == b"one"
        with installed(FaultyDisk(1, full(), lasting=True)):
            device.do(StoreFile("groupkeys", b"two"))
            with pytest.raises(StorageError, match="the disk is full"):
                await device.core.kept()
        await device.until(lambda: device.core.node is not None)
        storage, gate = device.core.storage, threading.Event()
        real = storage.do
        storage.do = lambda effects: (gate.wait(10), real(effects))[1]  # type: ignore[method-assign]  # a slow disk
        device.do(StoreFile("late", b""), Restart("a test"))
        await device.until(lambda: device.core._is_writing)
        device.do(StoreFile("groupkeys", b"three"))
        gate.set()
        with pytest.raises(StorageError, match="the node was lost before it was written"):
            await device.core.kept()


async def test_who_asks_between_two_lives_waits_for_the_next(device: Device) -> None:
    async with running(device):
        device.do(Restart("joined"))
        await device.core.quiet()
        assert len(device.lives) == 2
        assert device.core.node is device.node


@pytest.mark.parametrize("refusal", [full, read_only], ids=["full", "read-only"])
async def test_a31_a_disk_that_refuses_is_shown_promises_nothing_and_heals_by_itself(
    device: Device, refusal: Callable[[], OSError], autojump_clock: trio.testing.MockClock
) -> None:
    async with running(device):
        device.do(Append((entry(b"kept"), head(b"1"))))
        await device.until(lambda: device.core.storage is not None and device.core.storage.store.last == 1)
        with installed(FaultyDisk(1, refusal(), lasting=True)):
            device.do(Append((head(b"lost"),)), Event("promise", "never made"))
            await device.until(lambda: device.core.trouble != "")
            assert "cannot write" in device.core.trouble
            assert device.core.node is None
        await device.until(lambda: device.core.node is not None)
        assert device.core.trouble == ""
        assert device.node.saved.items == (entry(b"kept"), head(b"1"))
        names = [event.name for event in device.told if isinstance(event, Event)]
        assert names == ["start", "trouble", "start"]
        device.do(Append((entry(b"again"), head(b"2"))))
        await device.until(lambda: device.core.storage is not None and device.core.storage.store.last == 2)


def _mistake(_: Input) -> list[Effect]:
    raise KeyError("our own")


def _escaped(_: Input) -> list[Effect]:
    raise UntrustedInput("should have been caught")


@pytest.mark.parametrize("answer", [_mistake, _escaped])
async def test_a_mistake_of_the_node_costs_its_memory_only_and_pauses_grow(
    device: Device,
    answer: Callable[[Input], list[Effect]],
    autojump_clock: trio.testing.MockClock,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def to_poison(event: Input) -> list[Effect]:
        """Make the mistake at our own datagram alone: tests beside this one multicast here, too."""
        assert isinstance(event, Datagram)
        return answer(event) if event.data == b"poison" else []

    device.answers[Datagram] = to_poison
    async with running(device):
        for life in range(1, 9):
            device.inbox.offer(Datagram(b"poison", device.address, None))
            await device.until(lambda: device.core.trouble != "")
            assert device.core.trouble.startswith("internal error: ")
            await device.until(lambda count=life: len(device.lives) == count + 1)  # type: ignore[misc]  # bound now, called later
            await device.until(lambda: device.core.node is not None)
        said = [event.text for event in device.told if isinstance(event, Event) and event.loud]
        pauses = [int(line.split()[-2]) for line in said]
        assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
        assert "Traceback" not in capsys.readouterr().err


async def test_a_disk_that_fails_from_the_start_is_shown_too(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    folder = tmp_path / "node"
    device = Device(folder, HOSTS[3])
    async with running(device):
        assert "cannot open" in device.core.trouble
        folder.mkdir()
        await device.until(lambda: device.core.node is not None)


def _order(effects: Sequence[Append | StoreFile | RemoveFile], folder: Path) -> list[str]:
    storage, _ = open_storage(folder)
    done: list[str] = []
    storage.store.append = lambda items: done.append(f"append {len(items)}")  # type: ignore[method-assign]  # a recorder instead
    storage.files.store = lambda name, data: done.append(f"store {name}")  # type: ignore[method-assign]  # a recorder instead
    storage.files.remove = lambda *names: done.append(f"remove {len(names)}")  # type: ignore[method-assign]  # a recorder instead
    storage.do(effects)
    storage.close()
    return done


def test_disk_effects_keep_their_order_where_it_matters(tmp_path: Path) -> None:
    one = Append((head(b"1"),))
    effects: list[Append | StoreFile | RemoveFile]
    effects = [one, RemoveFile("outbox/1"), one, StoreFile("outbox/2", b""), one, RemoveFile("outbox/2")]
    assert _order(effects, tmp_path) == [
        "append 2", "remove 1", "store outbox/2", "append 1", "remove 1",
    ]  # fmt: skip


def test_a_log_that_is_removed_is_empty_also_after_a_restart(tmp_path: Path) -> None:
    storage, _ = open_storage(tmp_path)
    items = (entry(b"1"), head(b"1"))
    one = Append(items)
    storage.do([one, RemoveFile("log"), one, one, RemoveFile("log"), one])
    assert storage.store.read_entries(Seq(1), 9) == (entry(b"1"),)
    storage.close()
    assert read_log(tmp_path).items == items
