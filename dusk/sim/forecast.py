"""How a cluster that one does not have would behave (`dusk simulate`, `specs/simulator.md`).

Real nodes on models of disks, helpers and one shared channel, in four parts: all start and settle,
which is not measured; then cycles without a change; then changes, each made at a random device,
with the faults that were asked for; then all come to one head. Where `dusk.sim.scenario` asks
whether the rules hold, this asks how long it takes and what it costs.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any

from dusk.changelog.body import Change, Edit, build_change
from dusk.changelog.entry import OutcomeCode
from dusk.changelog.log import Log
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.cycle.groupkeys import FILE as GROUP_KEYS_FILE
from dusk.cycle.outbox import FOLDER as OUTBOX_FOLDER
from dusk.ids import ChangeId, DeviceId, Head, Seq
from dusk.limits import SLICE_MEMBERS_MAX
from dusk.node import Node
from dusk.sim.clock import Clock
from dusk.sim.device import Device, World
from dusk.sim.disk import Disk
from dusk.sim.faults import NONE, Faults
from dusk.sim.forecast_air import Air, Radio, Tally
from dusk.sim.forecast_meter import Meter
from dusk.sim.forecast_ready import POLICY, Ready, grow
from dusk.sim.forecast_shared import Flash, Replica, Snapshot, Snapshots
from dusk.sim.forecast_trouble import Trouble
from dusk.sim.remember import read_once, remembered_crypto
from dusk.sim.transcript import Transcript

FAMILIES = (4, 6)
"""A router has addresses of both."""
APPLY_WINDOW_S = 90.0
"""As `dusk.node.NodeSettings` has it."""
OPTIONS = 8
"""Changes take turns among so many options, so that none is made on an old view of its own."""
SETTLE_CYCLES = 4
SETTLE_S_MIN = 10.0
AGREE_S_MAX = 300.0
AGREE_AFTER_FAULTS_S_MAX = 2000.0
"""Back-offs last up to ten minutes."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        nodes: how many devices.
        radio: their link.
        cycle_s: time between two STARTs, seconds.
        measured_s: how long is measured: half of it without changes, half of it with them.
        changes: how many are made.
        size_bytes: of the value that each sets.
        flash_s: what a write to flash takes at most.
        faults: what goes wrong while changes are made.
        seed: of all randomness.
    """

    nodes: int
    radio: Radio
    cycle_s: float = 5.0
    measured_s: float = 300.0
    changes: int = 20
    size_bytes: int = 1024
    flash_s: float = 0.02
    faults: Faults = NONE
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Made:
    """A change that somebody made.

    Attributes:
        change: its id.
        device: where.
        at: when, seconds.
    """

    change: ChangeId
    device: int
    at: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What was seen.

    Attributes:
        question: what was asked.
        idle, busy: what the air carried without changes, and with them until all agreed.
        made: the changes that were kept, in their order.
        skipped: how many could not be made: no device ran, or its outbox was full.
        cut_off: how many were gone with the power before they were kept, so that nobody was told so.
        meter: when which device had what.
        positions: change → its place in the log.
        superseded: how many of them lost against another.
        head: the last position at the first device.
        behind: devices that did not come to that head, or not with all of it in effect.
        incidents: what went wrong → how often.
    """

    question: Question
    idle: Tally
    busy: Tally
    made: tuple[Made, ...]
    skipped: int
    cut_off: int
    meter: Meter
    positions: dict[ChangeId, Seq]
    superseded: int
    head: Seq
    behind: int
    incidents: Counter[str]


class _Silent(Transcript):
    """Keeps counts only."""

    def say(self, who: str, what: str) -> None:
        """Say nothing."""

    def sent(self, who: str, data: bytes, to: str) -> None:
        """Note nothing."""


class _Router(Device):
    """A device whose first start finds a log that was verified before."""

    prepared: Snapshot | None = None
    empty: Snapshot

    def read_log(self) -> Log:
        """Return the prepared log once; later starts verify the disk, once for all that have the same.

        Raises:
            UntrustedInput: the disk does not verify.
        """
        if self.prepared is not None:
            log, self.prepared = Replica(self.prepared), None
            return log
        log = Replica(self.empty)
        log.extend(tuple(self.disk.items))
        return log


def _make_node(**arguments: Any) -> Node:  # noqa: ANN401 - those of `Node`
    settings = replace(arguments.pop("settings"), apply_window_s=APPLY_WINDOW_S)
    return Node(**arguments, settings=settings)


class Forecast:
    """One cluster, from its start to its last agreement.

    Args:
        question: see there.
        progress: called now and then with the share that is done, 0 to 1.
    """

    def __init__(self, question: Question, progress: Callable[[float], None] = lambda _: None) -> None:
        self._question, self._progress = question, progress
        self.clock = Clock()
        self._transcript = _Silent(self.clock)
        self.meter = Meter(self.clock, question.nodes)
        self.air = Air(self.clock, self._generator("air"), self._transcript, question.radio, FAMILIES)
        self._world = World(self.clock, self.air, self._transcript, self.meter)
        self.routers: list[_Router] = []
        self.snapshots = Snapshots()
        self._made: list[Made] = []
        self._skipped = 0

    def _generator(self, purpose: str) -> Random:
        """Return randomness for one purpose: other purposes do not change its draws."""
        return Random(f"{self._question.seed}/{purpose}")  # noqa: S311 - the same seed must give the same run

    # --- the run -----------------------------------------------------------------------------

    def run(self) -> Answer:
        """Run it to its end."""
        question = self._question
        with remembered_crypto(), read_once():
            self._plug_in()
            trouble = Trouble(self._world, self.routers, question.faults, question.flash_s, self._generator)
            self._run_until(self._settle_s)
            self.air.is_starting = False
            first = self.air.tally
            self._run_until(self.clock.now + question.measured_s / 2)
            idle = self.air.tally
            self.meter.begin(self._writer.log.head.seq)
            self._plan_changes()
            trouble.begin()
            self._run_until(self.clock.now + question.measured_s / 2)
            trouble.end()
            self._wait_for_agreement()
            return self._answer(idle.since(first), self.air.tally.since(idle))

    def _plug_in(self) -> None:
        question = self._question
        keys = self._generator("keys")
        boards = [f"board-{index % 3}" for index in range(question.nodes)]  # as `Device` tells its node
        cycle_ms = round(question.cycle_s * 1000)
        ready = self._ready = grow(question.nodes, cycle_ms, boards, keys.randbytes, self._grown)
        starts = self._generator("starts")
        empty, verified = self.snapshots.of(Log(ready.cluster)), self.snapshots.of(ready.log)
        shared = Disk(ready.items).shared()
        for index, key in enumerate(ready.keys):
            random = self._generator(f"router {index}")
            router = _Router(self._world, index, key, ready.line, random, make_node=_make_node)
            router.in_rounds = True  # as the daemon
            router.disk = Flash(*shared)
            router.disk.files[GROUP_KEYS_FILE] = ready.ring
            router.empty, router.prepared = empty, verified
            self.routers.append(router)
            self.air.add(router)
            self.clock.at(starts.uniform(0, question.cycle_s) if index else 0.0, router.power_on)
            self._progress(0.1 + 0.1 * index / question.nodes)

    def _grown(self, count: int) -> None:
        self._progress(0.1 * count / self._question.nodes)

    @property
    def _settle_s(self) -> float:
        cycles = SETTLE_CYCLES + 2 * ((self._question.nodes - 1) // SLICE_MEMBERS_MAX)
        return max(SETTLE_S_MIN, cycles * self._question.cycle_s)

    def _run_until(self, end: float) -> None:
        whole_s = self._settle_s + self._question.measured_s
        while self.clock.now < end:
            self.clock.run_until(min(end, self.clock.now + 1.0))
            self._progress(0.2 + 0.8 * min(1.0, self.clock.now / whole_s))

    @property
    def _writer(self) -> Node:
        node = self.routers[0].member
        assert node is not None, "it runs: it is asked before and after the faults"
        return node

    # --- changes -----------------------------------------------------------------------------

    def _plan_changes(self) -> None:
        """Spread them evenly, each at a random moment of its share of the time."""
        question, random = self._question, self._generator("changes")
        each_s = question.measured_s / 2 / max(1, question.changes)
        for number in range(question.changes):
            at = self.clock.now + (number + random.random()) * each_s
            self.clock.at(at, partial(self._commit, number, random))

    def _commit(self, number: int, random: Random) -> None:
        running = [router for router in self.routers if router.member is not None]
        if not running:
            self._skipped += 1
            return
        router = random.choice(running)
        change = router.submit(lambda node: self._change(router, node, number, random))
        if change is None:
            self._skipped += 1
        else:
            self._made.append(Made(change.id, router.index, self.clock.now))

    def _change(self, router: Device, node: Node, number: int, random: Random) -> Change:
        section, key = f"policy/{POLICY}", f"set/system.@system[0].forecast{number % OPTIONS}"
        letters = random.choices("abcdefghijklmnopqrstuvwxyz", k=self._question.size_bytes)
        record = node.log.state.record(section, key)
        data = encode_setting(Setting(Verb.SET, ("".join(letters),), 0))
        ready: Ready = self._ready
        return build_change(
            cluster=ready.cluster,
            device=DeviceId(router.key.key_id),
            counter=node.next_counter(ready.owner.key_id),
            message="",
            edits=[Edit(section, key, data, None if record is None else record.base)],
            signers=(ready.owner,),
            random_bytes=random.randbytes,
        )

    # --- the end -----------------------------------------------------------------------------

    def _wait_for_agreement(self) -> None:
        has_faults = self._question.faults != NONE
        end = self.clock.now + (AGREE_AFTER_FAULTS_S_MAX if has_faults else AGREE_S_MAX)
        while self._behind() and self.clock.now < end:
            self._run_until(self.clock.now + 1.0)

    def _behind(self) -> int:
        """Count the devices that are not where the first one is, or still have something to do."""
        first = self.routers[0].member
        if first is None:
            return len(self.routers)
        head = first.log.head
        return sum(not _has(router, head) for router in self.routers)

    def _answer(self, idle: Tally, busy: Tally) -> Answer:
        log = self._writer.log
        positions = {made.change: log.position_of(made.change) for made in self._made}
        found = {change: seq for change, seq in positions.items() if seq is not None}
        kept = [made for made in self._made if made.change in found or self._is_kept(made.change)]
        return Answer(
            question=self._question,
            idle=idle,
            busy=busy,
            made=tuple(kept),
            skipped=self._skipped,
            cut_off=len(self._made) - len(kept),
            meter=self.meter,
            positions=found,
            superseded=sum(log.outcome_of(change).code is not OutcomeCode.APPLIED for change in found),
            head=log.head.seq,
            behind=self._behind(),
            incidents=self._transcript.counts,
        )

    def _is_kept(self, change: ChangeId) -> bool:
        return f"{OUTBOX_FOLDER}{change.hex()}" in self.meter.files


def _has(router: Device, head: Head) -> bool:
    """Tell whether a device has all of it on its disk and in effect, and nothing to hand in."""
    node = router.member
    if node is None or node.log.head != head or router.disk.last != head.seq:
        return False
    return node.applied.resting and node.applied.head == head and not node.waiting_changes()
