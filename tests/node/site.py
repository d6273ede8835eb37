"""Whole nodes on one link, in virtual time: datagrams, streams, disks and helpers without I/O."""

import heapq
import itertools
from collections.abc import Callable, Sequence

from dusk.apply.events import Mode
from dusk.changelog.log import Log
from dusk.changelog.rewinds import resolve
from dusk.cycle.groupkeys import FILE as GROUP_KEYS_FILE
from dusk.cycle.groupkeys import GroupKeys, new_group_key
from dusk.effects import (
    Accepted,
    Address,
    Append,
    CommitFiles,
    Connect,
    Connected,
    Datagram,
    Disconnect,
    Disconnected,
    Effect,
    FilesRead,
    HelperDone,
    Input,
    ItemsRead,
    Link,
    Links,
    LogItem,
    ReadFiles,
    ReadItems,
    Received,
    RollbackFiles,
    SendDatagram,
    SendFrame,
    SendMulticast,
    Tick,
    WriteFiles,
)
from dusk.ids import BootId
from dusk.keys.signing import SigningKey
from dusk.membership.joiner import Joiner
from dusk.node import Node, NodeSettings
from tests.streams import read_items
from tests.world import World

LAN = (Link("lan", 4),)
DELAY_S = 0.001
HELPER_S = 0.02


class Box:
    """One device: its core and what its shell holds."""

    def __init__(self, site: "Site", name: str, key: SigningKey, log: Log, items: list[LogItem]) -> None:
        self.site, self.name, self.key = site, name, key
        self.address = Address(name, 3875)
        self.items = items
        self.files: dict[str, bytes | None] = {}
        self.helper_s = HELPER_S
        self.reload_exit = 0
        self.written_at: list[float] = []
        self.effects: list[Effect] = []
        self.on = True
        saved = {GROUP_KEYS_FILE: site.ring}
        self.core: Node | Joiner = Node(
            key=key,
            log=log,
            boot=BootId(site.world.random.randbytes(8)),
            saved=saved,
            settings=site.settings,
            random_bytes=site.world.random.randbytes,
        )

    @property
    def node(self) -> Node:
        assert isinstance(self.core, Node)
        return self.core

    def start(self) -> None:
        """Start as the daemon does: it tells of the links behind the start."""
        self.do(self.core.start(self.site.now))
        self.give(Links(LAN))

    def give(self, event: Input) -> None:
        if self.on:
            self.do(self.core.handle(event, self.site.now))

    def of(self, kind: type[Effect]) -> list[Effect]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def do(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            self.effects.append(effect)
            self._do(effect)

    def _do(self, effect: Effect) -> None:
        site = self.site
        match effect:
            case Append(items):
                self.items = list(resolve([*self.items, *items]).items)
            case SendDatagram(data, to):
                site.send(self, data, to.host)
            case SendMulticast(data):
                for other in site.boxes:
                    site.send(self, data, other)
            case Connect(conn, to):
                site.connect(self, conn, to)
            case SendFrame(conn, frame):
                site.frame(self, conn, frame)
            case Disconnect(conn):
                site.cut(self, conn)
            case ReadItems(conn, first, bytes_max):
                self._later(ItemsRead(conn, first, read_items(self.items, first, bytes_max)))
            case _:
                self._help(effect)

    def _help(self, effect: Effect) -> None:
        """Answer as the helper does."""
        match effect:
            case ReadFiles(packages):
                self._later(FilesRead({package: self.files.get(package) for package in packages}))
            case WriteFiles(ident, files):
                self.written_at.append(self.site.now)
                self.files |= {name: new for name, (_, new) in files.items()}
                self._later(HelperDone("write", ident, None, self.reload_exit, "as it says"), self.helper_s)
            case CommitFiles(ident):
                self._later(HelperDone("commit", ident, None, None, ""))
            case RollbackFiles(ident):
                self._later(HelperDone("rollback", ident, None, None, ""))
            case _:
                pass

    def _later(self, event: Input, delay_s: float = 0.0) -> None:
        self.site.after(delay_s, lambda: self.give(event))


class Site:
    """Devices on one link; the first of them founded the cluster and leads.

    Args:
        size: how many.
        prepare: called with the world before the devices start.
        window_s: how long an apply waits for contact.
        mode: whether devices apply.
    """

    def __init__(
        self,
        size: int,
        prepare: Callable[[World], None] = lambda _: None,
        *,
        window_s: float = 90.0,
        mode: Mode = Mode.RUN,
    ) -> None:
        self.world = World()
        self.now = 1000.0
        self.settings = NodeSettings(mode, None, window_s)
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._wires: dict[tuple[str, int], tuple[str, int]] = {}
        self._next_conn = 1
        self.lost: Callable[[str, str, bytes], bool] = lambda *_: False
        """Whether a datagram from one to another is lost."""
        self.ring = GroupKeys((new_group_key(self.world.random.randbytes, 0, GroupKeys().removal),)).encode()
        self.world.allow_joining()
        keys = [self.world.master, *(self.world.join(f"r{number}") for number in range(1, size))]
        prepare(self.world)
        logs = [self.world.log, *(self.world.replica() for _ in keys[1:])]
        self.boxes: dict[str, Box] = {}
        for number, (key, log) in enumerate(zip(keys, logs, strict=True)):
            name = f"10.0.0.{number}"
            self.boxes[name] = Box(self, name, key, log, list(self.world.items))
        for box in self.boxes.values():
            box.start()

    @property
    def all(self) -> list[Box]:
        return list(self.boxes.values())

    @property
    def master(self) -> Box:
        return self.all[0]

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + delay_s, next(self._order), action))

    def send(self, sender: Box, data: bytes, to: str) -> None:
        box = self.boxes.get(to)
        if box is not None and sender.on and not self.lost(sender.name, to, data):
            self.after(DELAY_S, lambda: box.give(Datagram(data, sender.address, None)))

    def connect(self, box: Box, conn: int, to: Address) -> None:
        other = self.boxes.get(to.host)
        if other is None or not other.on:
            self.after(DELAY_S, lambda: box.give(Disconnected(conn, "nobody there")))
            return
        theirs, self._next_conn = self._next_conn, self._next_conn + 2
        self._wires[box.name, conn] = (other.name, theirs)
        self._wires[other.name, theirs] = (box.name, conn)
        self.after(DELAY_S, lambda: other.give(Accepted(theirs, box.address)))
        self.after(DELAY_S, lambda: box.give(Connected(conn)))

    def frame(self, box: Box, conn: int, frame: bytes) -> None:
        end = self._wires.get((box.name, conn))
        if end is not None:
            self.after(DELAY_S, lambda: self.boxes[end[0]].give(Received(end[1], frame)))

    def cut(self, box: Box, conn: int) -> None:
        end = self._wires.pop((box.name, conn), None)
        if end is not None:
            self._wires.pop(end, None)
            self.after(2 * DELAY_S, lambda: self.boxes[end[0]].give(Disconnected(end[1], "closed")))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while True:
            box = min((b for b in self.all if b.on), key=_deadline)
            if self._queue and self._queue[0][0] <= min(_deadline(box), end):
                at, _, action = heapq.heappop(self._queue)
                self.now = max(self.now, at)
                action()
            elif _deadline(box) <= end:
                self.now = max(self.now, _deadline(box))
                box.give(Tick())
            else:
                break
        self.now = end

    def until(self, true: Callable[[], bool], within_s: float) -> float:
        """Let time pass until something is so; return how long it took."""
        since = self.now
        while not true():
            assert self.now - since < within_s, "it did not happen in time"
            self.run(DELAY_S)
        return self.now - since


def _deadline(box: Box) -> float:
    return box.core.deadline if box.core.deadline is not None else float("inf")
