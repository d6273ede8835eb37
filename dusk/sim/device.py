"""One simulated router: a node, its disk, its helper, and a shell that treats them as the daemon does.

The shell takes inputs in rounds: all that came, then the disk effects of all of it, then the
rest in order; or each by itself. A power cut strikes between any two effects, or within one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from dusk.apply.events import Restored
from dusk.changelog.body import Change
from dusk.changelog.log import Log
from dusk.effects import (
    Answered,
    CommitFiles,
    Compact,
    Compacted,
    Connect,
    Consult,
    Disconnect,
    Effect,
    Event,
    HelperDone,
    Input,
    ItemsRead,
    Links,
    LookAtFiles,
    Obey,
    PieceRead,
    Progress,
    ReadFiles,
    ReadItems,
    ReadPiece,
    RemoveFile,
    Restart,
    RollbackFiles,
    SendDatagram,
    SendFrame,
    SendMulticast,
    StoreFile,
    Tick,
    WallClock,
    WriteFiles,
)
from dusk.errors import Refused
from dusk.ids import ChangeId, DeviceId, Seq
from dusk.keys.joinkey import JoinKey
from dusk.keys.signing import SigningKey
from dusk.links import LookUp, Seen
from dusk.membership.joiner import JOINING_FILE, Joiner
from dusk.node import Node
from dusk.sim.asking import Questions
from dusk.sim.boot import FirstStart, NodeMaker, build, read_log
from dusk.sim.clock import Clock
from dusk.sim.disk import Disk, DiskEffect, DiskError, in_rounds
from dusk.sim.faults import NONE, Faults
from dusk.sim.helper import Helper, HelperAnswer, Requests
from dusk.sim.network import Network
from dusk.sim.transcript import Transcript

PAUSE_S_MIN, PAUSE_S_MAX = 1.0, 60.0
"""Between one life and the next, after the disk failed."""
COMPACTION_S = 2.0
"""What it takes at most to compact a log."""


class Watcher(Protocol):
    """Who checks the rules; see `dusk.sim.checks`."""

    def stored(self, device: "Device", effect: DiskEffect, was: bytes | None) -> None:
        """A disk effect is durable; ``was`` is the former content of a small file."""

    def lost_disk(self, device: "Device") -> None:
        """A device that is off has another disk than it had."""

    def sending(self, device: "Device", effect: Effect) -> None:
        """Something leaves the device."""

    def booted(self, device: "Device", log: Log) -> None:
        """A device has read its disk after a start."""

    def stepped(self, device: "Device") -> None:
        """A round is over."""


@dataclass(frozen=True, slots=True)
class World:
    """What all devices of a simulation share."""

    clock: Clock
    network: Network
    transcript: Transcript
    watcher: Watcher


class Device:
    """A router.

    Args:
        world: what it stands in.
        index: its number; the first one founds the cluster.
        key: its own key.
        join_key: what it joins by while its disk has the file ``joining``.
        random: its own; what happens to others does not change its draws.
        make_node: `Node`, or one that was sabotaged.
        disk: `Disk`, or one that lies.
    """

    def __init__(
        self,
        world: World,
        index: int,
        key: SigningKey,
        join_key: JoinKey,
        random: Random,
        *,
        make_node: NodeMaker = Node,
        disk: Disk | None = None,
    ) -> None:
        self.index, self.name, self.key = index, f"d{index}", key
        self.disk, self.helper = disk or Disk(), Helper(random)
        self.node: Node | Joiner | None = None
        self.wall: WallClock = WallClock(0.0, trusted=False)
        self.in_rounds = False
        """Whether the shell gathers several inputs."""
        self.faults: Faults = NONE
        self.given: set[ChangeId] = set()
        """Changes that people committed here."""
        self.lives = 0
        """How often it was started; what was planned in a former life is void."""
        self.questions = Questions(lambda: self.device_id, random, self._plan, self.deliver, world.transcript)
        self._world, self._join_key, self._make_node = world, join_key, make_node
        self._random = random
        self._kept: tuple[Disk, Helper, SigningKey] | None = None
        self.started_at = 0.0
        """When its newest life began, by the simulation's clock."""
        self._born = 0.0
        self._uptime_s = 0.0
        self._inbox: list[Input] = []
        self._pending: list[Effect] = []
        self.is_writing = False
        self._round_planned = False
        self._armed = float("inf")
        self._requests = Requests(lambda: self.helper, random, self._plan, self._helped)
        self._pause_s = PAUSE_S_MIN

    # --- for the network and the scenario -------------------------------------------------------

    @property
    def device_id(self) -> DeviceId:
        """Its id, which its key makes."""
        return DeviceId(self.key.key_id)

    @property
    def listens(self) -> bool:
        """Whether its daemon runs."""
        return self.node is not None

    @property
    def member(self) -> Node | None:
        """Its node, if it is a member and runs."""
        return self.node if isinstance(self.node, Node) else None

    @property
    def now(self) -> float:
        """Its monotonic clock: begins anywhere at each power-on."""
        return self._world.clock.now - self._born + self._uptime_s

    def deliver(self, event: Input) -> None:
        """Take an input, at once or with the next round."""
        self._inbox.append(event)
        if self.is_writing or self._round_planned:
            return
        if self.in_rounds:
            self._round_planned = True
            self._plan(self._random.random() * 0.003, self._round)
        else:
            self._round()

    def submit(self, make: Callable[[Node], Change]) -> Change | None:
        """Have a person commit a change here; None if the node refuses it at once."""
        return self._take(make, lambda node, change: node.submit(change, self.now))

    def force(self, make: Callable[[Node], Change]) -> Change | None:
        """Have a person make this device lead; None if it is busy, or the node refuses it."""
        return (
            None
            if self.is_writing
            else self._take(make, lambda node, change: node.force_role(change, self.now))
        )

    def add(self, effects: list[Effect]) -> None:
        """Do what a call of the node led to that was no input."""
        self._pending += effects
        if not self.is_writing:
            self._round()

    def _take(
        self, make: Callable[[Node], Change], give: Callable[[Node, Change], list[Effect]]
    ) -> Change | None:
        node = self.member
        assert node is not None, "people use members"
        change = make(node)
        self.given.add(change.id)
        try:
            effects = give(node, change)
        except Refused as refusal:
            self._world.transcript.say(self.name, f"refuses a change: {refusal.reason}")
            return None
        self.add(effects)
        return change

    def set_wall(self, offset_s: float, *, trusted: bool) -> None:
        """Let the wall clock jump."""
        self.wall = WallClock(offset_s, trusted)
        if self.node is not None:
            self.deliver(self.wall)

    # --- lives ----------------------------------------------------------------------------------

    def power_on(self) -> None:
        """Start after a power cut: the helper first, which undoes what was not finished."""
        self._born = self._world.clock.now
        self._uptime_s = self._random.random() * 1000
        self._pause_s = PAUSE_S_MIN
        self._start_behind_helper()

    def _start_behind_helper(self) -> None:
        self._start(self.helper.restore())

    def crash(self, down_s: float) -> None:
        """Lose power for a while."""
        self.power_off()
        self._plan(down_s, self.power_on)

    def power_off(self) -> None:
        """Lose all memory."""
        self._world.transcript.count("crash")
        self._world.transcript.say(self.name, "loses power")
        self._end(politely=False)

    def switch_off(self) -> None:
        """End its life for good."""
        self._end(politely=False)

    # --- other disks ----------------------------------------------------------------------------

    def keep_copy(self) -> None:
        """Make a copy of the flash, to be put back some day."""
        self._kept = (self.disk.copy(), self.helper.copy(), self.key)

    def copied(self) -> tuple[Disk, Helper]:
        """Return copies of the disk and of the other files."""
        return self.disk.copy(), self.helper.copy()

    def lose_disk(self, down_s: float, key: SigningKey) -> None:
        """Come back with an empty disk, a key and the join key of its image."""
        disk = type(self.disk)()
        disk.files[JOINING_FILE] = self._join_key.line().encode()
        self._change_disk(disk, Helper(self._random), key, down_s)

    @property
    def copied_at(self) -> Seq | None:
        """Up to which entry the copy goes; None if there is none."""
        return None if self._kept is None else self._kept[0].last

    def restore_disk(self, down_s: float) -> None:
        """Come back with the copy that was made."""
        assert self._kept is not None, "there is a copy"
        disk, helper, key = self._kept
        self._change_disk(disk.copy(), helper.copy(), key, down_s)

    def rotten(self) -> Disk | None:
        """Return the disk as it is once its log was damaged; None if there is too little of it."""
        disk = self.disk.copy()
        return disk if disk.rot(self._random) else None

    def take_rotten(self, disk: Disk, down_s: float) -> None:
        """Come back with a damaged log."""
        self._change_disk(disk, self.helper, self.key, down_s)

    def _change_disk(self, disk: Disk, helper: Helper, key: SigningKey, down_s: float) -> None:
        helper.take_faults_of(self.helper)
        self.power_off()
        self.disk, self.helper, self.key = disk, helper, key
        self._world.watcher.lost_disk(self)
        self._plan(down_s, self.power_on)

    def _start(self, restored: Restored | None) -> None:
        """Build a node from the disk, as each life begins."""
        self.lives += 1
        self._forget()
        self.started_at = self._world.clock.now
        world, cut = self._world, self.disk.recover()
        log = self.read_log()
        world.watcher.booted(self, log)
        tail = f", {cut} torn items cut" if cut else ""
        self.node = self._build(log)
        role = "joins" if isinstance(self.node, Joiner) else "starts"
        world.transcript.say(self.name, f"{role} at entry {log.head.seq}{tail}")
        if isinstance(self.node, Node):
            effects = self.node.start(self.now, restored)
        else:
            effects = self.node.start(self.now)
        self._pending += effects
        self._inbox += [self.wall, Links(world.network.links)]
        self._round()

    def read_log(self) -> Log:
        """Verify what the disk has.

        Raises:
            RuleBroken: it does not verify (R6).
        """
        return read_log(self.name, self._join_key.cluster_id, self.disk)

    def _build(self, log: Log) -> Node | Joiner:
        contacts = self._world.network.contacts(self.index)
        first = FirstStart(self.key, self._join_key, self.index, self._make_node, contacts)
        return build(first, self.disk, log, self._random, self.now)

    def _end(self, *, politely: bool) -> None:
        self.node = None
        self.lives += 1
        self._forget()
        self._world.network.drop_all(self, politely=politely)

    def _forget(self) -> None:
        self._inbox.clear()
        self._pending.clear()
        self._requests.forget()
        self.questions.forget()
        self.is_writing = self._round_planned = False
        self._armed = float("inf")

    def _restart(self, pause_s: float) -> None:
        """Throw the node away and build it again; what it had not made final is put back first."""
        self._end(politely=True)
        self._plan(pause_s, self._start_behind_helper)

    def _plan(self, delay_s: float, what: Callable[[], None]) -> None:
        """Do something later in this life."""
        life = self.lives
        self._world.clock.after(delay_s, lambda: what() if self.lives == life else None)

    # --- a round --------------------------------------------------------------------------------

    def _round(self) -> None:
        """Give the node what came, then do what it wants."""
        node = self.node
        self._round_planned = False
        if node is None or self.is_writing:
            return
        calls, self._pending = [self._pending], []
        inputs, self._inbox = self._inbox, []
        calls += [node.handle(event, self.now) for event in inputs]
        deadline = node.deadline
        if deadline is not None and deadline <= self.now:
            calls.append(node.handle(Tick(), self.now))
        effects = [effect for effects in calls for effect in effects]
        self._perform(in_rounds(effects) if self.in_rounds else [(effect,) for effect in effects])

    def _perform(self, steps: Sequence[tuple[Effect, ...]]) -> None:
        """Do effects, now or when a slow disk is done; those of a step become durable together."""
        writes = any(isinstance(step[0], DiskEffect) for step in steps)
        if writes and self.faults.slow_disk_s:
            self.is_writing = True
            self._world.transcript.count("slow write")
            delay_s = self._random.random() * self.faults.slow_disk_s
            self._plan(delay_s, lambda: self._finish(steps, writes=True))
        else:
            self._finish(steps, writes=writes)

    def _finish(self, steps: Sequence[tuple[Effect, ...]], *, writes: bool) -> None:
        self.is_writing = False
        random, faults = self._random, self.faults
        cut: int | None = None
        if writes and faults.crash_in_write and random.random() < faults.crash_in_write:
            cut = random.randrange(len(steps) + 1)
        try:
            for step in steps[:cut]:
                if isinstance(step[0], Restart):
                    self._world.transcript.say(self.name, f"starts again: {step[0].reason}")
                    self._restart(0.0)
                    return
                self._do(step)
        except DiskError as error:
            self._world.transcript.say(self.name, f"{error}; again in {self._pause_s:.0f} s")
            pause_s, self._pause_s = self._pause_s, min(2 * self._pause_s, PAUSE_S_MAX)
            self._restart(pause_s)
            return
        if cut is not None:
            self._cut_power(steps[cut:])
            return
        if not self._pending:  # else the node is ahead of its disk, and nobody was told yet
            self._world.watcher.stepped(self)
        self._arm()

    def _cut_power(self, undone: Sequence[tuple[Effect, ...]]) -> None:
        """Lose power within the next step, if that is a write, and come back."""
        torn = _disk_effects(undone[0]) if undone else ()
        if torn:
            self.disk.tear(torn, self._random)
            self._world.transcript.count("torn write")
        self.crash(self._random.uniform(0.2, 5.0))

    def _arm(self) -> None:
        """Wake the node at its deadline; go on with what has come meanwhile."""
        if self.node is None:
            return
        if self._inbox or self._pending:
            self._plan(0.0, self._round)
        deadline = self.node.deadline
        if deadline is None:
            return
        wake_at = self._world.clock.now + max(deadline - self.now, 0.0)
        if wake_at < self._armed:
            self._armed = wake_at
            life = self.lives
            self._world.clock.at(wake_at + 1e-6, lambda: self._wake(life, wake_at))

    def _wake(self, life: int, wake_at: float) -> None:
        if life != self.lives or wake_at != self._armed:
            return
        self._armed = float("inf")
        deadline = None if self.node is None else self.node.deadline
        if deadline is not None and deadline <= self.now:
            self._round()
        else:
            self._arm()

    # --- effects --------------------------------------------------------------------------------

    def _do(self, step: tuple[Effect, ...]) -> None:
        on_disk = _disk_effects(step)
        if on_disk:
            self._store(on_disk)
            return
        (effect,) = step
        world = self._world
        world.watcher.sending(self, effect)
        match effect:
            case SendDatagram() | SendMulticast() | Connect() | SendFrame() | Disconnect():
                world.network.do(self, effect)
            case ReadItems(conn, first, bytes_max):
                self._inbox.append(ItemsRead(conn, first, self.disk.read_items(first, bytes_max)))
            case ReadPiece(conn, seq, piece):
                self._inbox.append(PieceRead(conn, piece, self.disk.read_piece(seq, piece)))
            case Compact():
                self._compact(effect)
            case LookUp():
                self._inbox.append(Seen(self.helper.up))
            case ReadFiles() | LookAtFiles() | WriteFiles() | CommitFiles() | RollbackFiles():
                self._requests.add(effect)
            case Progress(change, state, seq, reason):
                told = f"change {change.hex()[:8]} is {state} at {seq} {reason}".rstrip()
                world.transcript.say(self.name, told)
            case Consult() | Answered() | Obey():
                self.questions.do(effect)
            case Event(name, text):
                world.transcript.count(f"event {name}")
                world.transcript.say(self.name, f"event {name}: {text}")

    def _compact(self, effect: Compact) -> None:
        """Compact the log beside all else, and tell when that is done."""
        plan = self.disk.prepare(effect)
        delay_s = self._random.random() * COMPACTION_S
        self._plan(delay_s, lambda: self.deliver(Compacted(effect.seq, plan)))

    def _store(self, step: tuple[DiskEffect, ...]) -> None:
        random, world = self._random, self._world
        if self.faults.disk_error and random.random() < self.faults.disk_error:
            world.transcript.count("disk error")
            self.disk.tear(step, random)
            raise DiskError("the disk is full")
        for effect in step:
            was = self.disk.files.get(effect.name) if isinstance(effect, StoreFile | RemoveFile) else None
            self.disk.do(effect)
            world.watcher.stored(self, effect, was)

    def _helped(self, answer: HelperAnswer) -> None:
        if isinstance(answer, HelperDone):
            went = answer.error or f"reload exit {answer.reload_exit}"
            self._world.transcript.say(self.name, f"helper: {answer.request}: {went}")
        self.deliver(answer)


def _disk_effects(step: tuple[Effect, ...]) -> tuple[DiskEffect, ...]:
    """Return the effects of a step if they are the disk's; a step has no others then."""
    return tuple(effect for effect in step if isinstance(effect, DiskEffect))
