"""Whole nodes on one link, in virtual time: datagrams, streams, disks and helpers without I/O."""

import heapq
import itertools
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from dusk.apply.events import Mode
from dusk.changelog.basis import Plan, plan_of
from dusk.changelog.body import Change
from dusk.changelog.compaction import compact
from dusk.changelog.foundation import pieces, read
from dusk.changelog.log import Log
from dusk.changelog.rewinds import LostBranch, resolve
from dusk.cycle.groupkeys import FILE as GROUP_KEYS_FILE
from dusk.cycle.groupkeys import GroupKeys, new_group_key
from dusk.effects import (
    Accepted,
    Address,
    Append,
    ChangeState,
    CommitFiles,
    Compact,
    Compacted,
    Connect,
    Connected,
    Datagram,
    Disconnect,
    Disconnected,
    Effect,
    FilesRead,
    FilesSeen,
    HelperDone,
    Input,
    ItemsRead,
    Link,
    Links,
    LogItem,
    LookAtFiles,
    PieceRead,
    Progress,
    ReadFiles,
    ReadItems,
    ReadPiece,
    Rebase,
    Received,
    RemoveFile,
    RollbackFiles,
    SendDatagram,
    SendFrame,
    SendMulticast,
    StoreFile,
    Tick,
    UseCompacted,
    WriteFiles,
)
from dusk.ids import BootId, ChangeId, Head, Seq
from dusk.keys.signing import SigningKey
from dusk.links import LookUp, Seen, Up
from dusk.membership.joiner import Joiner
from dusk.node import Node, NodeSettings
from tests.checkpoints import above
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
        self.foundation = b""
        self.plan: Plan | None = None
        self._made = b""
        self.branches: list[LostBranch] = []
        self.files: dict[str, bytes | None] = {}
        self.can_be_read = True
        """Whether files that are looked at can be read."""
        self.helper_s = HELPER_S
        self.contacts: tuple[Address, ...] = ()
        self.reload_exit = 0
        self.up = self.up_again = Up()
        """What is up, and what comes up again after a reload."""
        self._former: dict[str, bytes | None] = {}
        self.written_at: list[float] = []
        self.effects: list[Effect] = []
        self.on = True
        self.saved = {GROUP_KEYS_FILE: site.ring}
        self.core: Node | Joiner = self._boot(log)

    def _boot(self, log: Log) -> Node:
        return Node(
            key=self.key,
            log=log,
            boot=BootId(self.site.world.random.randbytes(8)),
            saved=self.saved,
            settings=replace(self.site.settings, contacts=self.contacts),
            random_bytes=self.site.world.random.randbytes,
            left=self.branches,
            plan=self.plan,
        )

    @property
    def node(self) -> Node:
        assert isinstance(self.core, Node)
        return self.core

    def start(self) -> None:
        """Start as the daemon does: it tells of the links behind the start."""
        self.do(self.core.start(self.site.now))
        self.give(Links(LAN))

    def restart(self, count: int | None = None) -> None:
        """Begin another run with what the disk holds, or with its first items alone: an older copy."""
        if count is not None:
            self.items, self.branches = self.items[:count], []
        cluster = self.site.world.cluster
        log = Log(cluster, ground=read(self.foundation, cluster).ground if self.plan else None)
        log.extend(self.items)
        self.core, self.on = self._boot(log), True
        self.start()

    def commit(self, value: str, policy: str = "wifi") -> Change:
        """Have the owner set an option here, on top of what this device knows."""
        world, node = self.site.world, self.node
        world.log = node.log
        counter = node.next_counter(world.owner.key_id)
        edit = world.set(policy, "wireless.a.ssid", value)
        change = world.change(edit, device=self.key, counter=counter, message=value[:200])
        self.do(node.submit(change, self.site.now))
        return change

    def told(self, change: ChangeId) -> list[tuple[ChangeState, Seq]]:
        """Return what was said of a change, in order."""
        told = (effect for effect in self.effects if isinstance(effect, Progress))
        return [(progress.state, progress.seq) for progress in told if progress.change == change]

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
                resolved = resolve([*self.items, *items])
                self.items = list(resolved.items)
                self.branches += resolved.branches
            case StoreFile(name, data):
                self.saved[name] = data
            case RemoveFile(name):
                self.saved.pop(name, None)
            case SendDatagram(data, to):
                site.send(self, data, to.host)
            case SendMulticast(data, link):
                for other in site.boxes:
                    site.send(self, data, other, link)
            case Connect(conn, to):
                site.connect(self, conn, to)
            case SendFrame(conn, frame):
                site.frame(self, conn, frame)
            case Disconnect(conn):
                site.cut(self, conn)
            case ReadItems(conn, first, bytes_max):
                self._later(ItemsRead(conn, first, read_items(self.items, first, bytes_max)))
            case Compact() | UseCompacted() | Rebase() | ReadPiece():
                self._compact(effect)
            case _:
                self._help(effect)

    def _compact(self, effect: Compact | UseCompacted | Rebase | ReadPiece) -> None:
        """Do what a log needs that stands on a checkpoint; nothing of it happens beside anything else."""
        match effect:
            case Compact(cluster, seq):
                self._made = compact(cluster, self.foundation or None, self.items, seq)
                self._later(Compacted(seq, plan_of(seq, pieces(self._made)).encode()))
            case UseCompacted(seq):
                self._stand_on(seq, self._made, above(self.items, seq))
            case Rebase(seq, data, items, left):
                self._stand_on(seq, data, items)
                self.branches = list(left)
            case ReadPiece(conn, seq, piece):
                is_same = self.plan is not None and self.plan.seq == seq
                self._later(PieceRead(conn, piece, pieces(self.foundation)[piece] if is_same else None))

    def _stand_on(self, seq: Seq, data: bytes, items: Sequence[LogItem]) -> None:
        self.foundation, self.plan, self.items = data, plan_of(seq, pieces(data)), list(items)

    def _help(self, effect: Effect) -> None:
        """Answer as the helper does."""
        match effect:
            case ReadFiles(packages):
                self._later(FilesRead({package: self.files.get(package) for package in packages}))
            case LookAtFiles(packages):
                self._later(FilesSeen(self._seen(packages)))
            case WriteFiles(ident, files, _):
                self.written_at.append(self.site.now)
                self._former = {name: old for name, (old, _) in files.items()}
                self.files |= {name: new for name, (_, new) in files.items()}
                done = HelperDone("write", ident, None, self.reload_exit, "as it says", self.up)
                self._later(done, self.helper_s)
            case LookUp():
                self._later(Seen(self.up_again))
            case CommitFiles(ident):
                self._later(HelperDone("commit", ident, None, None, ""))
            case RollbackFiles(ident):
                self.files |= self._former
                self._later(HelperDone("rollback", ident, None, None, ""))
            case _:
                pass

    def _seen(self, packages: Sequence[str]) -> dict[str, bytes | None] | None:
        return {package: self.files.get(package) for package in packages} if self.can_be_read else None

    def _later(self, event: Input, delay_s: float = 0.0) -> None:
        self.site.after(delay_s, lambda: self.give(event))


class Site:
    """Devices on one link; the first of them founded the cluster and leads.

    Args:
        size: how many.
        prepare: called with the world before the devices start.
        window_s: how long an apply waits for contact.
        mode: whether devices apply.
        holders: so many of the first may lead, in their order.
        cycle_ms: another length of the cycle.
    """

    def __init__(
        self,
        size: int,
        prepare: Callable[[World], None] = lambda _: None,
        *,
        window_s: float = 90.0,
        mode: Mode = Mode.RUN,
        holders: int = 1,
        cycle_ms: int = 5000,
    ) -> None:
        self.world = World()
        self.now = 1000.0
        self.settings = NodeSettings(mode, None, window_s)
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._parted: list[frozenset[str]] = []
        self._wires: dict[tuple[str, int], tuple[str, int]] = {}
        self._next_conn = 1
        self.lost: Callable[[str, str, bytes], bool] = lambda *_: False
        """Whether a datagram from one to another is lost."""
        self.share_a_link: Callable[[str, str], bool] = lambda *_: True
        """Whether a multicast of one reaches the other."""
        self.ring = GroupKeys((new_group_key(self.world.random.randbytes, 0, GroupKeys().removal),)).encode()
        self.world.allow_joining()
        keys = [self.world.master, *(self.world.join(f"r{number}") for number in range(1, size))]
        if cycle_ms != 5000:
            self.world.commit(self.world.edit("cluster", "cycle", (cycle_ms,)))
        if holders > 1:
            succession = [[key.key_id for key in keys[:holders]]]
            self.world.commit(self.world.edit("cluster", "succession", succession))
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

    @property
    def leaders(self) -> list[Box]:
        """Those that lead."""
        return [box for box in self.all if box.on and box.node.leads]

    @property
    def heads(self) -> set[Head]:
        """Where the logs of those that are on end."""
        return {box.node.log.head for box in self.all if box.on}

    def part(self, *groups: Collection[Box]) -> None:
        """Let only those of one group hear each other."""
        self._parted = [frozenset(box.name for box in group) for group in groups]

    def cut_link(self, one: Box, other: Box) -> None:
        """Let two devices hear each other no more, whatever they hear of others."""
        rest = [box.name for box in self.all if box not in (one, other)]
        self._parted = [frozenset([one.name, *rest]), frozenset([other.name, *rest])]

    def heal(self) -> None:
        """Let all hear each other again."""
        self._parted = []

    def _is_apart(self, one: str, other: str) -> bool:
        return bool(self._parted) and not any(one in group and other in group for group in self._parted)

    def let_in(self, name: str) -> Box:
        """Let the master write that another device has joined; it begins with the master's log."""
        world, node = self.world, self.master.node
        world.log = node.log
        key = world.key()
        self.master.do(node.submit(world.request(key, wanted=f"r-{name}"), self.now))
        self.run(1.0)
        log = Log(world.cluster)
        log.extend(self.master.items)
        box = Box(self, name, key, log, list(self.master.items))
        self.boxes[name] = box
        box.start()
        return box

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + delay_s, next(self._order), action))

    def send(self, sender: Box, data: bytes, to: str, link: Link | None = None) -> None:
        box = self.boxes.get(to)
        is_lost = self._is_apart(sender.name, to) or self.lost(sender.name, to, data)
        is_heard = link is None or self.share_a_link(sender.name, to)
        if box is not None and sender.on and is_heard and not is_lost:
            self.after(DELAY_S, lambda: box.give(Datagram(data, sender.address, link)))

    def connect(self, box: Box, conn: int, to: Address) -> None:
        other = self.boxes.get(to.host)
        if other is None or not other.on or self._is_apart(box.name, to.host):
            self.after(DELAY_S, lambda: box.give(Disconnected(conn, "nobody there")))
            return
        theirs, self._next_conn = self._next_conn, self._next_conn + 2
        self._wires[box.name, conn] = (other.name, theirs)
        self._wires[other.name, theirs] = (box.name, conn)
        self.after(DELAY_S, lambda: other.give(Accepted(theirs, box.address)))
        self.after(DELAY_S, lambda: box.give(Connected(conn)))

    def frame(self, box: Box, conn: int, frame: bytes) -> None:
        end = self._wires.get((box.name, conn))
        if end is not None and not self._is_apart(box.name, end[0]):
            self.after(DELAY_S, lambda: self.boxes[end[0]].give(Received(end[1], frame)))

    def cut(self, box: Box, conn: int) -> None:
        end = self._wires.pop((box.name, conn), None)
        if end is not None:
            self._wires.pop(end, None)
            self.after(2 * DELAY_S, lambda: self.boxes[end[0]].give(Disconnected(end[1], "closed")))

    def copy_of_the_master(self) -> "Box":
        """Start a device with the master's key and log, and return it."""
        log = self.world.replica()
        log.extend(self.master.items)
        copy = Box(self, "10.0.0.8", self.world.master, log, list(self.master.items))
        self.boxes[copy.name] = copy
        copy.start()
        return copy

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

    def until(self, true: Callable[[], bool], within_s: float, step_s: float = DELAY_S) -> float:
        """Let time pass until something is so; return how long it took."""
        since = self.now
        while not true():
            assert self.now - since < within_s, "it did not happen in time"
            self.run(step_s)
        return self.now - since


def _deadline(box: Box) -> float:
    return box.core.deadline if box.core.deadline is not None else float("inf")


def listening(heard: list[bytes]) -> Callable[[str, str, bytes], bool]:
    """Return what hears all datagrams and loses none."""

    def listen(_from: str, _to: str, data: bytes) -> bool:
        heard.append(data)
        return False

    return listen
