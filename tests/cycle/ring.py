"""A cluster on one link, in virtual time: real logs, keys, leaders and followers, a lossy switch."""

import heapq
import itertools
from collections.abc import Callable

from dusk.changelog.log import Log
from dusk.cycle.datagrams import Opened, Unreadable
from dusk.cycle.far_messages import decode_bundle
from dusk.cycle.follower import Follower
from dusk.cycle.groupkeys import GroupKey, GroupKeys, new_group_key
from dusk.cycle.leader import Leader
from dusk.cycle.messages import Kind, Rest, sign_start
from dusk.cycle.peers import Peers, roster_of
from dusk.cycle.station import Advance, Behind, Outcome, Station, Step
from dusk.effects import Address, Effect, Event, ItemKind, Link, LogItem, SendDatagram, SendMulticast
from dusk.errors import UntrustedInput
from dusk.ids import BootId, DeviceId, Head, Seq
from dusk.keys.signing import SigningKey
from tests.world import World

LAN = (Link("lan", 4),)
CYCLE_S = 5.0


class Node:
    """One device: station, follower, and a leader where it leads."""

    def __init__(self, ring: "Ring", index: int, key: SigningKey, log: Log, group_key: GroupKey) -> None:
        self.ring = ring
        self.address = Address(f"10.0.0.{index}", 3875)
        self.log = log
        self.key = key
        peers = Peers(key, ring.world.cluster)
        self.station = Station(peers, log, BootId(ring.random.randbytes(8)), ring.random.randbytes, LAN)
        self.station.channel.keys = GroupKeys((group_key,))
        self.refresh()
        self.follower = Follower(self.station, CYCLE_S, ring.now)
        self.leader: Leader | None = None
        self.outcomes: list[Outcome] = []
        self.events: list[Event] = []
        self.dropped: list[str] = []
        self.advanced_at: dict[int, float] = {}
        self.catch_up = True
        self.on = True

    def refresh(self) -> None:
        """Take members and succession from the log."""
        state = self.log.state
        self.station.peers.take(roster_of(state))

    @property
    def deadline(self) -> float:
        return self.leader.deadline if self.leader else self.follower.deadline

    def tick(self) -> None:
        if self.leader is not None:
            self.do(self.leader.tick(self.ring.now))
            return
        self.take(self.follower.tick(self.ring.now))

    def take(self, step: Step) -> None:
        """Do what a step asks, in its order."""
        self.do(step.effects)
        self.meet(step.outcome)
        if step.certificate is not None:
            self.log.take_certificate(step.certificate)

    def handle(self, data: bytes, source: Address, *, by_multicast: bool = False) -> None:
        """Take outside bytes as a node does; what is refused is counted."""
        try:
            self._handle(data, source, by_multicast=by_multicast)
        except UntrustedInput as error:
            self.dropped.append(str(error))

    def _handle(self, data: bytes, source: Address, *, by_multicast: bool) -> None:
        now = self.ring.now
        opened = self.station.channel.open(data, source, by_multicast=by_multicast)
        if isinstance(opened, Opened):
            self.station.contacts.heard(source, now)
        if isinstance(opened, Unreadable):
            self.meet(self.follower.unreadable(opened.source, now).outcome)
        elif opened.kind in (Kind.HELLO, Kind.ASK):
            self.do((self.leader.pongs if self.leader else self.follower).on_hello(opened, now))
        elif opened.kind is Kind.RESPOND and self.leader is not None:
            self.take(self.leader.on_respond(opened, now))
        elif opened.kind is Kind.FORWARD and self.leader is not None:
            self.leader.pongs.on_forward(opened)
        elif opened.kind is Kind.REFER and self.leader is not None:
            self.do(self.leader.pongs.on_refer(opened, now))
        elif opened.kind is Kind.BUNDLE:
            self._bundle(opened, now)
        else:
            self._hear(opened, now)

    def _bundle(self, opened: Opened, now: float) -> None:
        if self.leader is None:
            self.do(self.follower.repeater.collect(opened, now))
            return
        for answer in decode_bundle(opened.plaintext):
            try:
                inner = self.station.channel.open_bundled(answer, opened.source)
                self.take(self.leader.on_respond(inner, now, is_bundled=True))
            except UntrustedInput as error:
                self.dropped.append(str(error))

    def _hear(self, opened: Opened, now: float) -> None:
        hear = {
            Kind.START: self.follower.on_start,
            Kind.DATA: self.follower.on_data,
            Kind.PONG: self.follower.on_pong,
            Kind.RELAYED: self.follower.on_relayed,
            Kind.RELAY: self.follower.on_relay,
            Kind.REPEAT: self.follower.on_repeat,
        }.get(opened.kind)
        if hear is not None:
            self.take(hear(opened, now))
        if opened.kind is Kind.PONG and self.leader is not None:
            self.leader.told(opened)

    def meet(self, outcome: Outcome | None) -> None:
        """Do what a node does with an outcome; catching up is copying the leader's log."""
        if outcome is None:
            return
        self.outcomes.append(outcome)
        if isinstance(outcome, Advance):
            head = LogItem(ItemKind.HEAD, outcome.signed_head.encode())
            try:
                self.log.extend((*outcome.items, head))
            except UntrustedInput:
                self.meet(self.follower.refused().outcome)
                return
            self._stored()
        elif isinstance(outcome, Behind) and self.catch_up:
            self.ring.after(0.05, self._catch_up)

    def _catch_up(self) -> None:
        self.log.extend(self.ring.world.items)
        self._stored()

    def _stored(self) -> None:
        self.advanced_at[self.log.head.seq] = self.ring.now
        self.refresh()
        self.do(self.follower.stored(self.ring.now))

    def do(self, effects: list[Effect] | tuple[Effect, ...]) -> None:
        for effect in effects:
            if isinstance(effect, SendDatagram):
                self.ring.send(self, effect.data, effect.to)
            elif isinstance(effect, SendMulticast):
                self.ring.send(self, effect.data, None)
            else:
                assert isinstance(effect, Event)
                self.events.append(effect)


class Ring:
    """Devices on one switch. The first leads; ``loss`` and so on are shares of datagrams."""

    node_type = Node

    def __init__(self, size: int, seed: int = 1, loss: float = 0.0) -> None:
        self.world = World(seed)
        self.random = self.world.random
        self.now = 1000.0
        self.loss, self.duplication, self.reorder_s = loss, 0.0, 0.0
        self.sent: list[tuple[Node, bytes, Address | None]] = []
        self.tamper: Callable[[bytes], bytes] = bytes
        self.dead: set[frozenset[Address]] = set()
        """Pairs that do not hear each other."""
        self.multicast_reaches: Callable[[Node], bool] = lambda _: True
        self.share_a_link: Callable[[Node, Node], bool] = lambda *_: True
        """Whether a multicast of one reaches the other."""
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self.world.allow_joining(uses=size + 10)
        keys = [self.world.master, *(self.world.join(f"r{i}") for i in range(1, size))]
        self.group_key = new_group_key(self.random.randbytes, 0, GroupKeys().removal)
        logs = [self.world.log, *(self.world.replica() for _ in keys[1:])]
        self.nodes = [
            self.node_type(self, index, key, log, self.group_key)
            for index, (key, log) in enumerate(zip(keys, logs, strict=True))
        ]
        self.master = self.nodes[0]
        self.leader = self.master.leader = Leader(self.master.station, CYCLE_S, self.now)

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + delay_s, next(self._order), action))

    def send(self, sender: Node, data: bytes, to: Address | None) -> None:
        """Carry a datagram; multicast comes back to its sender too (A38)."""
        self.sent.append((sender, data, to))
        for node in self.nodes:
            if frozenset((sender.address, node.address)) in self.dead:
                continue
            if node.address == to or (
                to is None and self.multicast_reaches(node) and self.share_a_link(sender, node)
            ):
                self._carry(sender, node, data, by_multicast=to is None)

    def _carry(self, sender: Node, node: Node, data: bytes, *, by_multicast: bool) -> None:
        copies = 1 + (self.random.random() < self.duplication)
        for _ in range(copies):
            if self.random.random() >= self.loss:
                delay_s = 0.001 + self.random.random() * self.reorder_s
                self.after(delay_s, lambda: self._deliver(sender, node, data, by_multicast=by_multicast))

    def _deliver(self, sender: Node, node: Node, data: bytes, *, by_multicast: bool) -> None:
        if node.on:
            node.handle(self.tamper(data), sender.address, by_multicast=by_multicast)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while True:
            on = [node for node in self.nodes if node.on]
            node = min(on, key=lambda node: node.deadline)
            if self._queue and self._queue[0][0] <= node.deadline:
                at, _, action = self._queue[0]
                if at > end:
                    break
                heapq.heappop(self._queue)
                self.now = max(self.now, at)
                action()
            elif node.deadline <= end:
                self.now = max(self.now, node.deadline)
                node.tick()
            else:
                break
        self.now = end

    def commit(self, value: str = "x", size_bytes: int = 0) -> Seq:
        """Write a change at the master and announce it."""
        world = self.world
        change = world.change(world.set("wifi", "wireless.a.ssid", value + "y" * size_bytes))
        item, entry = world.log.write_change(change, world.stamp())
        announcement = self.leader.announce([((item,), entry.head)], self.now)
        self.world.items += [item, world.log.signed(announcement.signed_head)]
        self.master.do(announcement.effects)
        return entry.seq

    def last(self, kind: Kind) -> tuple[Node, bytes, Address | None]:
        """Return the newest datagram of a kind, with its sender and destination."""
        return next(row for row in reversed(self.sent) if row[1][8] == kind)

    def of(self, kind: Kind) -> list[bytes]:
        """Return all datagrams of a kind."""
        return [data for _, data, _ in self.sent if data[8] == kind]


def rest(sender: SigningKey, cycle: int = 10_000, *, data: bool = False) -> Rest:
    return Rest(cycle, b"nonce-it", (), 0, bytes(8), 0, 3, 10, data, DeviceId(sender.key_id))


def start_by(ring: Ring, key: SigningKey, head: Head, what: Rest) -> bytes:
    """Seal a START that ``key`` signed; every member has the group key."""
    start = sign_start(key, ring.world.cluster, head, what)
    return ring.nodes[-1].station.channel.seal_group(Kind.START, start.encode())


def quiet_ring(size: int = 3) -> Ring:
    ring = Ring(size)
    ring.run(30.0)
    for node in ring.nodes:
        node.dropped.clear()
        node.outcomes.clear()
    ring.sent.clear()
    return ring


def respond_of(ring: Ring, node: Node, kind: Kind = Kind.RESPOND) -> bytes:
    return next(data for sender, data, _ in reversed(ring.sent) if sender is node and data[8] == kind)
