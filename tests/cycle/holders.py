"""A ring whose first devices may lead: whoever hears nobody takes over, as a node does."""

from typing import cast

from dusk.changelog.entry import Stamp
from dusk.changelog.log import Log
from dusk.cycle import takeover
from dusk.cycle.datagrams import Opened
from dusk.cycle.groupkeys import GroupKey
from dusk.cycle.leader import Leader
from dusk.cycle.messages import Kind
from dusk.cycle.station import Behind, Step
from dusk.cycle.takeover import DEADLINE, DEPOSED, HANDED, LED, Ask, Fetch, Heard, Lead, Moved, Placed, Told
from dusk.effects import Address
from dusk.ids import DeviceId
from dusk.keys.signing import SigningKey
from tests.cycle.ring import CYCLE_S, Node, Ring


class Holder(Node):
    """One device that follows, or leads when its time has come."""

    def __init__(self, ring: Ring, index: int, key: SigningKey, log: Log, group_key: GroupKey) -> None:
        super().__init__(ring, index, key, log, group_key)
        self.takeover = takeover.Takeover(CYCLE_S, ring.now)
        self.led_at: list[float] = []
        self.fetched: list[Address] = []
        self._fresh_at: float | None = None

    @property
    def own_id(self) -> DeviceId:
        return self.station.peers.own_id

    @property
    def deadline(self) -> float:
        own = self.takeover.deadline
        rest = super().deadline
        return rest if own is None else min(own, rest)

    def place(self) -> None:
        """Look where we stand; after each input, as it costs nothing."""
        peers = self.station.peers
        rank = takeover.rank(peers.succession, self.own_id, self.follower.master)
        self._tell(Moved(self.log.head.seq))
        self._tell(Placed(rank))
        fresh_at = self.follower.fresh_at
        if fresh_at is not None and fresh_at != self._fresh_at:
            self._fresh_at = fresh_at
            self._tell(Heard())
        if self.leader is not None and self.log.leader != self.own_id:
            self.step_down()
        if self.log.handed_over and peers.own_place == 0:
            self._tell(HANDED)

    def tick(self) -> None:
        due = self.takeover.deadline
        if due is not None and self.ring.now >= due:
            self._tell(DEADLINE)
            return
        super().tick()
        self.place()

    def handle(self, data: bytes, source: Address, *, by_multicast: bool = False) -> None:
        super().handle(data, source, by_multicast=by_multicast)
        self.place()

    def _hear(self, opened: Opened, now: float) -> None:
        if opened.kind is not Kind.PONG:
            super()._hear(opened, now)
            return
        step: Step = self.follower.on_pong(opened, now)
        assert opened.sender is not None
        if isinstance(step.outcome, Behind) and step.outcome.head is not None:
            device = opened.sender.device_id
            holds = self.station.peers.holder(device) is not None
            self._tell(Told(device, step.outcome.head.seq, opened.source, holds))
        self.take(step)

    def _catch_up(self) -> None:
        super()._catch_up()
        self.place()

    def _tell(self, event: takeover.Event) -> None:
        for action in self.takeover.handle(event, self.ring.now):
            match action:
                case Ask():
                    self.do(self.follower.confirm(self.ring.now))
                case Fetch(address):
                    self.fetched.append(address)
                    self.ring.after(0.05, self._catch_up)
                case Lead():
                    self.lead()

    def lead(self) -> None:
        """Open an epoch."""
        ring = self.ring
        item = self.log.write_open(Stamp(self.own_id, self.station.boot, 0, clock_trusted=False))
        self.leader = Leader(self.station, CYCLE_S, ring.now)
        announced = self.leader.announce([((item,), self.log.head)], ring.now)
        ring.world.items += [item, self.log.signed(announced.signed_head)]
        self.led_at.append(ring.now)
        self.do(announced.effects)
        self._tell(LED)

    def hand_over(self) -> None:
        """Give the lead to the first of the succession."""
        assert self.leader is not None
        item = self.log.write_handover(Stamp(self.own_id, self.station.boot, 0, clock_trusted=False))
        announced = self.leader.announce([((item,), self.log.head)], self.ring.now)
        self.ring.world.items += [item, self.log.signed(announced.signed_head)]
        self.do(announced.effects)
        self.step_down()

    def step_down(self) -> None:
        """Lead no more."""
        self.leader = None
        self._tell(DEPOSED)


class HolderRing(Ring):
    """The first ``holders`` devices are the succession, in their order."""

    node_type = Holder

    def __init__(self, size: int, holders: int, seed: int = 1, loss: float = 0.0) -> None:
        super().__init__(size, seed, loss)
        world = self.world
        world.commit(
            world.edit("cluster", "succession", [[n.station.peers.own_id for n in self.nodes[:holders]]])
        )
        for node in self.all:
            if node is not self.master:
                node.log.extend(world.items)
            node.refresh()
            node.place()
        self.all[0]._tell(LED)

    @property
    def all(self) -> list[Holder]:
        return cast("list[Holder]", self.nodes)

    @property
    def leaders(self) -> list[int]:
        """Places of those that lead."""
        return [place for place, node in enumerate(self.all) if node.on and node.leader is not None]

    def cut(self, one: int, other: int) -> None:
        """Let two devices hear each other no more."""
        self.dead.add(frozenset((self.nodes[one].address, self.nodes[other].address)))

    def led_since(self, moment: float) -> list[tuple[int, float]]:
        """Return who opened an epoch after a moment, and when."""
        found = [(at, place) for place, node in enumerate(self.all) for at in node.led_at if at > moment]
        return [(place, at) for at, place in sorted(found)]
