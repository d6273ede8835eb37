"""A whole simulation, made by its seed: a cluster grows, works, suffers, heals, and is checked.

Three phases: faults and changes; then a quiet network in which all must come to one head with
what it says in every file; then some cycles in which nothing may be written (R12).
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from dusk import codec
from dusk.changelog.body import Change, Edit, build_change
from dusk.effects import Append
from dusk.ids import ChangeId, DeviceId, Seq
from dusk.keys.signing import SigningKey
from dusk.membership.joiner import JOINING_FILE
from dusk.node import Node
from dusk.sim.broken import RuleBroken
from dusk.sim.checks import Checks
from dusk.sim.clock import Clock
from dusk.sim.device import Device, NodeMaker, World
from dusk.sim.disk import Disk
from dusk.sim.faults import NONE, Faults, draw_faults
from dusk.sim.history import Keyring
from dusk.sim.network import PORT, Network, host_of
from dusk.sim.people import CYCLES_S, Founded, draw_edits, found_cluster, last_edits
from dusk.sim.transcript import Transcript

HEAL_S_MAX = 2000.0
"""Back-offs of ten minutes, and then some."""
COMMIT_S = 3.0
"""Between two changes, on average."""
QUIET_CYCLES = 3
STALE_S = 3.0
"""Beyond 1.5 cycles, for a proof that was under way."""
YEARS_S = (0.0, 1.0e8, 1.7e9, 4.0e9)
"""Wall clocks: 1970, 1973, 2023, 2096."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a seed decides, or a test instead of it.

    Attributes:
        seed: of all randomness.
        faults: None: by the seed.
        devices: how many; None: by the seed.
        duration_s: how long the faults last; None: by the seed.
        wall_years_s: where wall clocks jump to; order must not depend on it (R11).
        in_rounds: whether shells do the disk effects of a whole round first; None: by the seed.
        verbose: a line for each datagram.
        nodes: index → maker of a sabotaged node.
        disks: index → maker of a lying disk.
    """

    seed: int
    faults: Faults | None = None
    devices: int | None = None
    duration_s: float | None = None
    wall_years_s: tuple[float, ...] = YEARS_S
    in_rounds: bool | None = None
    verbose: bool = False
    nodes: Mapping[int, NodeMaker] = field(default_factory=dict)
    disks: Mapping[int, Callable[[], Disk]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it.

    Attributes:
        seed: of the plan.
        virtual_s: how long it took there.
        steps: things that happened.
        head: the last position.
        counts: faults and outcomes.
    """

    seed: int
    virtual_s: float
    steps: int
    head: Seq
    counts: Counter[str]


class Simulation:
    """One cluster from its founding to the end.

    Args:
        plan: see there.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._random = random = Random(plan.seed)  # noqa: S311 - the same seed must give the same run
        self._walls = Random(plan.seed + 1)  # noqa: S311 - the same
        self.clock = Clock()
        self.transcript = Transcript(self.clock, verbose=plan.verbose)
        self.faults = draw_faults(random) if plan.faults is None else plan.faults
        count = min(random.randint(3, 12), random.randint(3, 12)) if plan.devices is None else plan.devices
        self._duration_s = random.uniform(15, 40) if plan.duration_s is None else plan.duration_s
        families = random.choice(((4,), (4, 6), (6,)))
        self.network = Network(self.clock, random, self.transcript, families)
        self._keys = [SigningKey.from_seed(random.randbytes(32)) for _ in range(count)]
        cycle_s = random.choice(CYCLES_S)
        hosts = [f"[{host_of(0, 6)}]:{PORT}" if families[0] == 6 else f"{host_of(0, 4)}:{PORT}"]
        addresses = hosts if random.random() < 0.5 else []
        self._founded = found_cluster(self._keys[0], cycle_s * 1000, addresses, random.randbytes)
        self.checks = self._make_checks(self._founded)
        world = World(self.clock, random, self.network, self.transcript, self.checks)
        self.devices = [self._make_device(world, index) for index in range(count)]

    def _make_checks(self, founded: Founded) -> Checks:
        keyring = Keyring(founded.owner.key_id, founded.joinkey.key_id)
        for key in (founded.owner, founded.joinkey, *self._keys):
            keyring.publics[key.key_id] = key.public
        keyring.signed |= {change.id for change in founded.changes}
        self._keyring = keyring
        keys = {DeviceId(key.key_id): key for key in self._keys}
        return Checks(keyring, keys, founded.items, self.network, self.transcript)

    def _make_device(self, world: World, index: int) -> Device:
        disk = self._plan.disks.get(index, Disk)()
        if index == 0:
            disk.do(Append(self._founded.items))
        else:
            disk.files[JOINING_FILE] = self._founded.line.line().encode()
        make_node = self._plan.nodes.get(index, Node)
        device = Device(world, index, self._keys[index], self._founded.line, make_node=make_node, disk=disk)
        in_rounds = self._random.random() < 0.5
        device.in_rounds = in_rounds if self._plan.in_rounds is None else self._plan.in_rounds
        self.network.add(device)
        self.checks.add(device)
        self.clock.at(0.0 if index == 0 else self._random.uniform(0, self._duration_s / 2), device.power_on)
        return device

    # --- the run -------------------------------------------------------------------------------

    def run(self) -> Result:
        """Run it to its end.

        Raises:
            RuleBroken: a rule does not hold.
        """
        self.transcript.say("-", f"seed {self._plan.seed}: {len(self.devices)} devices, {self.faults}")
        self._set_faults(self.faults)
        self._plan_all()
        self.clock.run_until(self._duration_s)
        self._heal()
        self._wait_for_agreement()
        self._stay_quiet()
        self.checks.finish()
        return self._result()

    def _set_faults(self, faults: Faults) -> None:
        self.network.faults = faults
        for device in self.devices:
            device.faults = faults
            device.helper.error = faults.helper_error

    def _plan_all(self) -> None:
        faults = self.faults
        self._repeat(COMMIT_S, self._commit)
        self._repeat(faults.replay_s, self.network.replay)
        self._repeat(faults.partition_s, self._partition)
        self._repeat(faults.crash_s, self._crash)
        self._repeat(faults.edit_s, self._edit_by_hand)
        self._repeat_clock(faults.clock_s)
        for device in self.devices:
            self._jump(device)

    def _repeat(self, every_s: float, what: Callable[[], None]) -> None:
        """Let something happen again and again while the faults last; 0: never."""
        if not every_s:
            return

        def happen() -> None:
            if self.clock.now < self._duration_s:
                what()
                self._repeat(every_s, what)

        self.clock.after(self._random.expovariate(1 / every_s), happen)

    def _repeat_clock(self, every_s: float) -> None:
        """Wall clocks have a generator of their own: without them all else is the same (R11)."""
        if every_s and self.clock.now < self._duration_s:
            self._jump(self._walls.choice(self.devices))
            self.clock.after(self._walls.expovariate(1 / every_s), lambda: self._repeat_clock(every_s))

    def _jump(self, device: Device) -> None:
        self.transcript.count("clock jump")
        offset_s = self._walls.choice(self._plan.wall_years_s) + self._walls.uniform(1e5, 1e6)
        device.set_wall(offset_s, trusted=self._walls.random() < 0.7)

    # --- what happens --------------------------------------------------------------------------

    def _commit(self) -> None:
        """The owner, or somebody who may not, commits a change at some device."""
        members = [device for device in self.devices if device.member is not None]
        if not members:
            return
        device = self._random.choice(members)
        change = device.submit(lambda node: self._draw_change(device, node))
        if change is not None:
            self.transcript.say(device.name, f"gets change {change.id.hex()[:8]}")

    def _draw_change(self, device: Device, node: Node) -> Change:
        known = [d.device_id for d in self.devices if node.log.device_key(d.device_id) is not None]
        edits = draw_edits(node.log.state, known, self._random)
        if self._random.random() < self.faults.stale:
            edits = [Edit(e.section, e.key, e.data, self._stale_base(e.base)) for e in edits]
            self.transcript.count("stale base")
        if self._random.random() < self.faults.stranger:
            self.transcript.count("signed by a stranger")
            stranger = self._random.choice((device.key, SigningKey.from_seed(self._random.randbytes(32))))
            return self._sign(device, node, edits, stranger)
        change = self._sign(device, node, edits, self._founded.owner)
        self._keyring.signed.add(change.id)
        return change

    def _stale_base(self, base: ChangeId | None) -> ChangeId | None:
        """Return what an author with an old view takes for a record's last change."""
        return None if base is not None else self._founded.changes[0].id

    def _sign(self, device: Device, node: Node, edits: list[Edit], signer: SigningKey) -> Change:
        return build_change(
            cluster=self.checks.history.cluster,
            device=device.device_id,
            counter=node.next_counter(signer.key_id),
            message="",
            edits=edits,
            signers=(signer,),
            random_bytes=self._random.randbytes,
        )

    def _partition(self) -> None:
        count = len(self.devices)
        if count < 2:
            return
        apart = set(self._random.sample(range(count), self._random.randint(1, count // 2)))
        one_way = self._random.random() < self.faults.one_way
        self.network.split(apart, one_way=one_way)
        self.transcript.count("partition")
        self.transcript.say("-", f"cut off{' one way' if one_way else ''}: {sorted(apart)}")
        since = self.clock.now
        self.clock.after(self._random.uniform(1, 25), lambda: self._mend(since))
        if not one_way and not self.faults.replay_s:
            self.clock.after(1.5 * max(CYCLES_S) + STALE_S, lambda: self._check_silence(since, apart))
        self._split_at = since

    _split_at = -1.0

    def _mend(self, since: float) -> None:
        if self._split_at == since:
            self._split_at = -1.0
            self.network.heal()
            self.transcript.say("-", "all links work again")

    def _check_silence(self, since: float, apart: set[int]) -> None:
        """Who is on the other side than the master must not call anything fresh (A3)."""
        if self._split_at != since:
            return
        for device in self.devices:
            if (device.index in apart) != (0 in apart):
                self.checks.silent(device)

    def _crash(self) -> None:
        alive = [device for device in self.devices if device.listens]
        if alive:
            self._random.choice(alive).crash(self._random.uniform(0.2, 15))

    def _edit_by_hand(self) -> None:
        device = self._random.choice(self.devices)
        package = self._random.choice(sorted(device.helper.files))
        device.helper.files[package] += f"# edited at {self.clock.now:.3f}\n".encode()
        self.transcript.count("edited by hand")

    # --- the end -------------------------------------------------------------------------------

    def _heal(self) -> None:
        """End all faults; the owner makes one more change."""
        self._set_faults(NONE)
        self._split_at = -1.0
        self.network.heal()
        self.transcript.say("-", "no more faults")

    def _wait_for_agreement(self) -> None:
        """Wait until all have one head and it is in effect; the last change comes once all are members."""
        last: ChangeId | None = None
        while not (last in self.checks.history.outcomes and self._agree()):
            if self.clock.now > self._duration_s + HEAL_S_MAX:
                raise RuleBroken("R2", f"no agreement: {self._states()}")
            self.clock.run_until(self.clock.now + 1.0)
            if last is None and all(device.member is not None for device in self.devices):
                last = self._commit_last()

    def _commit_last(self) -> ChangeId | None:
        device = self._random.choice(self.devices)

        def make(node: Node) -> Change:
            change = self._sign(device, node, last_edits(node.log.state), self._founded.owner)
            self._keyring.signed.add(change.id)
            return change

        change = device.submit(make)
        return None if change is None else change.id

    def _agree(self) -> bool:
        nodes = [device.member for device in self.devices]
        heads = {None if node is None else node.log.head for node in nodes}
        if len(heads) != 1 or None in heads:
            return False
        return all(
            node.applied.resting and node.applied.head == node.log.head and not node.waiting_changes()
            for node in nodes
            if node is not None
        )

    def _states(self) -> str:
        """Say where each device is, for people."""
        found = []
        for device in self.devices:
            node = device.member
            if node is None:
                found.append(f"{device.name} {'joins' if device.listens else 'is off'}")
            else:
                waiting, applied = len(node.waiting_changes()), node.applied
                about = f"{applied.state} at {applied.head.seq} {applied.reason}".rstrip()
                found.append(f"{device.name} at {node.log.head.seq}, {waiting} waiting, {about}")
        return "; ".join(found)

    @property
    def _cycle_s(self) -> float:
        held = self.checks.history.records["cluster", "cycle"]
        assert held.data is not None, "the cycle is never deleted"
        return float(codec.unpack(held.data, size_max=len(held.data))[0]) / 1000

    def _stay_quiet(self) -> None:
        """Cycles without a change write nothing, and change nothing (R12)."""
        writes, head = self.checks.writes, self.checks.history.last
        self.clock.run_until(self.clock.now + QUIET_CYCLES * self._cycle_s)
        if self.checks.writes != writes:
            raise RuleBroken("R12", f"{self.checks.writes - writes} writes without a change")
        if self.checks.history.last != head or not self._agree():
            raise RuleBroken("R2", f"agreement did not last: {self._states()}")

    def _result(self) -> Result:
        counts = self.transcript.counts
        counts["helper failure"] += sum(device.helper.failures for device in self.devices)
        for _, code in self.checks.history.outcomes.values():
            counts[f"outcome {code.name.lower()}"] += 1
        self.transcript.say("-", f"ends at entry {self.checks.history.last}")
        head = self.checks.history.last
        return Result(self._plan.seed, self.clock.now, self.clock.steps, head, counts)
