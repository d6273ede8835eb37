"""A whole simulation, made by its seed: a cluster grows, works, suffers, heals, and is checked.

Three phases: faults and changes; then a quiet network in which all must come to one head with
what it says in every file; then some cycles in which nothing may be written (R12).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from dusk import codec
from dusk.changelog.entry import OutcomeCode
from dusk.changelog.rollouts import under_way
from dusk.control.forced import role_edits
from dusk.effects import Append
from dusk.ids import ChangeId, DeviceId, Seq
from dusk.keys.signing import SigningKey
from dusk.membership.joiner import JOINING_FILE
from dusk.node import Node
from dusk.node.recovery import MUST_HEAR_FILE
from dusk.sim.aftermath import BY_HAND_S, left_by_a_holder, stands_on_undone, to_take_in, turned_away
from dusk.sim.asking import plan_questions
from dusk.sim.attacker import Attacker, Loot
from dusk.sim.boot import NodeMaker
from dusk.sim.broken import RuleBroken
from dusk.sim.checks import Checks
from dusk.sim.clock import Clock
from dusk.sim.device import Device, World
from dusk.sim.disk import Disk
from dusk.sim.faults import Faults, draw_faults
from dusk.sim.final import Final
from dusk.sim.keyring import Keyring
from dusk.sim.leaders import is_handed_back, reads
from dusk.sim.network import PORT, Network, host_of
from dusk.sim.pace import quick_checkpoints
from dusk.sim.people import CYCLES_S, Founded, found_cluster, last_edits
from dusk.sim.remember import remembered_crypto
from dusk.sim.rolling import Rolling
from dusk.sim.transcript import Transcript
from dusk.sim.tree import Logged
from dusk.sim.troubles import Stage, Troubles

HEAL_S_MAX = 2000.0
"""Back-offs of ten minutes, and then some."""
APPROVAL_SHARE = 0.3
"""Of seeds, those whose join key lets nobody in without an approval."""
RETURNS_SHARE = 0.5
"""Of seeds, those whose join key lets devices come back without a person, where a plan has such."""
LEAVES_SHARE = 0.3
"""Of seeds in which changes are rolled out, those in which devices leave by their own word, too."""
QUIET_CYCLES = 3
EXCUSED_S = 20.0
"""By then a device whose keys an attacker has is on again, and has joined if it can."""
ATTACKER_INDEX = 200
"""Attackers have addresses of their own, from here on; twins half-way."""
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
        without: names of faults that are off whatever the seed says.
        commits_max: how many changes people make at most; None: as many as time allows.
        holders_max: how many devices may lead at most; how many do the seed decides.
        wall_years_s: where wall clocks jump to; order must not depend on it (R11).
        recoveries: whether people use the recovery phrase in seeds that say so.
        grants: whether there is a second person, to whom the owner grants policies, and takes them.
        returns: whether the join key lets devices come back without a person, in seeds that say so.
        rollouts: whether the owner rolls changes out in waves, too, and devices leave in some seeds.
        in_rounds: whether shells do the disk effects of a whole round first; None: by the seed.
        verbose: a line for each datagram.
        nodes: index → maker of a sabotaged node.
        disks: index → maker of a lying disk.
    """

    seed: int
    faults: Faults | None = None
    devices: int | None = None
    duration_s: float | None = None
    without: frozenset[str] = frozenset()
    commits_max: int | None = None
    holders_max: int = 1
    wall_years_s: tuple[float, ...] = YEARS_S
    recoveries: bool = False
    grants: bool = False
    returns: bool = False
    rollouts: bool = False
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
        random = self.generator("cluster")
        self.clock = Clock()
        self.transcript = Transcript(self.clock, verbose=plan.verbose)
        drawn = draw_faults(self.generator("faults")) if plan.faults is None else plan.faults
        self.faults = drawn.without(plan.without)
        count = min(random.randint(3, 12), random.randint(3, 12))
        duration_s = random.uniform(10, 28)
        self.count = count if plan.devices is None else plan.devices
        self.duration_s = duration_s if plan.duration_s is None else plan.duration_s
        families = random.choice(((4,), (4, 6), (6,)))
        families = (4,) if self.faults.sites else families  # link-local addresses cannot be routed
        sites = 2 if self.faults.sites else 1
        chance = self.generator("network")
        self.network = Network(self.clock, chance, self.transcript, families, sites)
        cycle_s = random.choice(CYCLES_S)
        hosts = [f"[{host_of(0, 6)}]:{PORT}" if families[0] == 6 else f"{host_of(0, 4)}:{PORT}"]
        addresses = hosts if random.random() < 0.5 else []
        self._keys = [
            SigningKey.from_seed(self.generator(f"key {i}").randbytes(32)) for i in range(self.count)
        ]
        mode = "approve" if self.generator("joining").random() < APPROVAL_SHARE else "auto"
        self._returns = plan.returns and self.generator("returns").random() < RETURNS_SHARE
        rebind = "auto" if self._returns else "ask"
        self._founded = found_cluster(
            self._keys[0], cycle_s * 1000, addresses, random.randbytes, mode, rebind=rebind
        )
        self._ended_by_hand: set[int] = set()
        """Indices of the devices that people have taken in anew."""
        self.checks = self._make_checks(self._founded)
        self._world = World(self.clock, self.network, self.transcript, self.checks)
        self.devices = [self._make_device(index) for index in range(self.count)]
        self.troubles = self._make_troubles()

    def generator(self, purpose: str) -> Random:
        """Return randomness for one purpose: other purposes do not change its draws."""
        return Random(f"{self._plan.seed}/{purpose}")  # noqa: S311 - the same seed must give the same run

    def _make_checks(self, founded: Founded) -> Checks:
        keyring = Keyring(founded.owner.key_id, founded.joinkey.key_id)
        for key in (founded.owner, founded.joinkey, *self._keys):
            keyring.publics[key.key_id] = key.public
        keyring.phrase(founded.phrase)
        for change in founded.changes:
            keyring.note(change)
        self._keyring = keyring
        keys = {DeviceId(key.key_id): key for key in self._keys}
        return Checks(keyring, keys, founded.items, self.network, self.transcript)

    def _make_device(self, index: int) -> Device:
        disk = self._plan.disks.get(index, Disk)()
        if index == 0:
            disk.do(Append(self._founded.items))
        else:
            disk.files[JOINING_FILE] = self._founded.line.line().encode()
        random = self.generator(f"device {index}")
        start_at = random.uniform(0, self.duration_s / 2)
        device = self._plug_in(index, self._keys[index], random, disk)
        self.clock.at(start_at if index else 0.0, device.power_on)
        return device

    def _plug_in(self, index: int, key: SigningKey, random: Random, disk: Disk) -> Device:
        in_rounds = random.random() < 0.5
        make_node = self._plan.nodes.get(index, Node)
        device = Device(self._world, index, key, self._founded.line, random, make_node=make_node, disk=disk)
        device.in_rounds = in_rounds if self._plan.in_rounds is None else self._plan.in_rounds
        self.network.add(device)
        self.checks.add(device)
        return device

    def _make_twin(self, device: Device) -> Device:
        index = ATTACKER_INDEX // 2 + device.index
        disk, helper = device.copied()
        twin = self._plug_in(index, device.key, self.generator(f"device {index}"), disk)
        twin.helper, twin.given = helper, device.given
        self.checks.excused.add(index)
        return twin

    def _make_troubles(self) -> Troubles:
        self.attackers = self._make_attackers()
        stage = Stage(
            world=self._world,
            devices=self.devices,
            checks=self.checks,
            keyring=self._keyring,
            founded=self._founded,
            generator=self.generator,
            faults=self.faults,
            until_s=self.duration_s,
            commits_max=10**6 if self._plan.commits_max is None else self._plan.commits_max,
            holders=self.generator("holders").randint(1, self._plan.holders_max),
            recovers=self._plan.recoveries,
            grants=self._plan.grants,
            returns=self._returns,
            hostile=self._hostile,
            years_s=self._plan.wall_years_s,
        )
        return Troubles(stage, self._make_twin, self.attackers)

    def _make_rolling(self) -> Rolling:
        leaves = self.generator("leaves")
        rolling = Rolling(
            clock=self.clock,
            devices=self.devices,
            checks=self.checks,
            random=self.generator("rollouts"),
            sign=self.troubles.sign_unowed,
            leave=self.troubles.admitting.leave,
            leaves=leaves if leaves.random() < LEAVES_SHARE else None,
            count=self.transcript.count,
        )
        rolling.plan()
        return rolling

    def _make_attackers(self) -> list[Attacker]:
        attackers: list[Attacker] = []
        if self.faults.outsider_s:
            attackers.append(self._make_attacker("outsider", None))
        if self.faults.insider_s and self.count > 1:
            victim = self.generator("victim").choice(self.devices[1:])
            self._hostile = frozenset({victim.index})
            attackers.append(self._make_attacker("insider", victim))
            if self.faults.relentless:
                self.checks.excused.add(victim.index)
        return attackers

    def _make_attacker(self, name: str, victim: Device | None) -> Attacker:
        index = ATTACKER_INDEX + (victim is not None)
        cluster = self.checks.history.cluster
        loot = Loot(cluster, self.devices, victim, peaceful=bool(self.faults.relentless))
        random = self.generator(f"attacker {name}")
        attacker = Attacker(
            name,
            index,
            clock=self.clock,
            network=self.network,
            transcript=self.transcript,
            random=random,
            loot=loot,
        )
        attacker.tell_claim = self.checks.take_claim
        self.network.add(attacker)
        return attacker

    _hostile: frozenset[int] = frozenset()
    """Indices of devices that an attacker has the keys of."""
    _last: ChangeId | None = None
    """The change after all faults."""
    _is_forced_by_hand = False
    """Whether the owner has named who leads, as a holder is gone."""

    # --- the run -------------------------------------------------------------------------------

    def run(self) -> Result:
        """Run it to its end.

        Raises:
            RuleBroken: a rule does not hold.
        """
        with remembered_crypto(), quick_checkpoints():
            self.transcript.say("-", f"seed {self._plan.seed}: {self.count} devices, {self.faults}")
            self.troubles.plan()
            plan_questions(
                self.clock, self.devices, self.generator("questions"), self.duration_s, self._founded.owner
            )
            rolling = self._make_rolling() if self._plan.rollouts else None
            self.clock.run_until(self.duration_s)
            self.troubles.end()
            self._wait_for_agreement(rolling)
            self._let_excused_come()
            self._stay_quiet()
            Final(self.checks).check()
            return self._result()

    @property
    def _honest(self) -> list[Device]:
        """The devices whose keys nobody else uses any more."""
        return [device for device in self.devices if device.index not in self.checks.excused]

    # --- the end -------------------------------------------------------------------------------

    def _wait_for_agreement(self, rolling: Rolling | None = None) -> None:
        """Wait until all have one head and it is in effect; the last change comes once all are members."""
        last = self._last
        while not (self._agree() and last in self._outcomes and self._is_rolled_out and self._is_answered):
            if self.clock.now > self.duration_s + HEAL_S_MAX:
                if self._agree():
                    Final(self.checks).check()  # says what is missing
                raise RuleBroken("R2", f"no agreement: {self._states()}")
            self.clock.run_until(self.clock.now + 1.0)
            self.troubles.admitting.look()
            if rolling is not None:
                rolling.end()
            self._end_by_hand()
            self._attest_by_hand()
            last = self._last
            if self._is_missing(last) and all(device.member is not None for device in self._honest):
                last = self._last = self._commit_last()

    def _is_missing(self, last: ChangeId | None) -> bool:
        """Tell whether the last change has yet to be made, or made again.

        It is refused where its number was another device's, too; and it is gone where it was queued on a
        device alone that was taken out, and is reset.
        """
        return last is None or last in self.checks.refused or self.checks.is_lost(last)

    def _end_by_hand(self) -> None:
        """Let people take in anew whom no history that stands takes back; each device once at most."""
        if self.clock.now < self.duration_s + BY_HAND_S:
            return
        apart = [] if self._ended_by_hand else to_take_in(self.checks, self.devices)
        for device in apart or turned_away(self.checks, self.devices):
            if device.index not in self._ended_by_hand:
                self._ended_by_hand.add(device.index)
                self._last = None
                self.transcript.count("taken in anew")
                self.troubles.admitting.reset(device)

    def _attest_by_hand(self) -> None:
        """Let the owner act until newcomers get the log again.

        Where a recovery undid its checkpoint they commit, and so attest another; where a holder is gone
        for good, without whose signature nothing is final any more, they force a role without it.
        """
        waits = any(device.member is None for device in self._honest)
        if not waits or self.clock.now < self.duration_s + BY_HAND_S:
            return
        undone = [device for device in self._honest if stands_on_undone(device)]
        if undone:
            self.transcript.count("attested by hand")
            self._commit_last_at(undone[0])
            self.troubles.attest(undone[0], share=1.0)
        elif not self._is_forced_by_hand and (left := left_by_a_holder(self._honest)):
            self.transcript.count("forced by hand")
            first = left[0]
            self._is_forced_by_hand = None is not first.force(
                lambda node: self.troubles.sign_as_owner(
                    first, node, [*role_edits(node.log, [device.device_id for device in left])]
                )
            )

    def _commit_last(self) -> ChangeId | None:
        return self._commit_last_at(self.generator("last").choice(self._honest))

    def _commit_last_at(self, device: Device) -> ChangeId | None:
        change = device.submit(
            lambda node: self.troubles.sign_as_owner(device, node, last_edits(node.log.state))
        )
        return None if change is None else change.id

    @property
    def _head(self) -> Logged | None:
        """What the first of the honest devices has on its disk: once they agree, what all have."""
        return self.checks.head_of(self._honest[0])

    @property
    def _is_answered(self) -> bool:
        """Whether all that was durable has its outcome: a branch may be left alone for a while (A9)."""
        return self._head is not None and not self.checks.unanswered(self._head)

    @property
    def _is_rolled_out(self) -> bool:
        """Whether no rollout opens a wave by itself any more, or ends."""
        node = self._honest[0].member
        return node is not None and not under_way(node.log.state)

    @property
    def _outcomes(self) -> Mapping[ChangeId, tuple[Seq, OutcomeCode]]:
        return self.checks.history.outcomes_at(self._head)

    def _agree(self) -> bool:
        nodes = [device.member for device in self._honest]
        heads = {None if node is None else node.log.head for node in nodes}
        is_cut = any(MUST_HEAR_FILE in device.disk.files for device in self._honest)
        if any(device.is_writing for device in self._honest):
            return False  # the node is ahead of its disk
        if len(heads) != 1 or None in heads or is_cut or not all(map(_is_compacted, self._honest)):
            return False
        running = [node for node in nodes if node is not None]
        return all(
            node.applied.resting and node.applied.head == node.log.head and not node.waiting_changes()
            for node in running
        ) and (self._is_settled(running) and self._read_who_leads())

    def _read_who_leads(self) -> bool:
        """Tell whether all have the group key that whoever leads seals with: others fetch it yet."""
        leading = [device for device in self._honest if device.member is not None and device.member.leads]
        return all(reads(device, leader) for leader in leading for device in self._honest)

    @staticmethod
    def _is_settled(nodes: Sequence[Node]) -> bool:
        """Tell whether all know that all is settled, as far as the holders are among them.

        Where one is gone, what any certificate says is known to all; who left a branch that was settled
        behind the fork may know of more below that, and has no certificate that it could give away.
        """
        log = nodes[0].log
        settled = {node.log.settled for node in nodes}
        if log.required_at(log.head.seq) <= {node.device_id for node in nodes}:
            return settled == {log.head.seq}
        certified = [newest.head.seq for node in nodes if (newest := node.log.certified) is not None]
        return max(certified, default=0) <= min(settled)

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
        held = self.checks.history.records_at(self._head)["cluster", "cycle"]
        assert held.data is not None, "the cycle is never deleted"
        return float(codec.unpack(held.data, size_max=len(held.data))[0]) / 1000

    def _stay_quiet(self) -> None:
        """Cycles without a change write nothing, and change nothing (R12).

        A holder that is hindered may settle the last change late, and who stands in may hand back
        where nothing is settled, as a holder is gone: then they begin anew. So they do while anybody
        has yet to hear what is settled, hindered ones, too.
        """
        while True:
            settled, before, head = self._settled, self.checks.writes.copy(), self._head
            self.clock.run_until(self.clock.now + QUIET_CYCLES * self._cycle_s)
            if self._settled == settled and not is_handed_back(head, self._head):
                break
        written = self.checks.writes - before
        if written:
            raise RuleBroken("R12", f"writes without a change: {', '.join(sorted(written))}")
        if self._head is not head or not self._agree():
            raise RuleBroken("R2", f"agreement did not last: {self._states()}")

    @property
    def _settled(self) -> list[Seq]:
        return [device.member.log.settled for device in self.devices if device.member is not None]

    def _let_excused_come(self) -> None:
        """Give a device that is hindered some time: if it comes back at all, it writes then."""
        if any(device.index in self.checks.excused for device in self.devices):
            self.clock.run_until(self.clock.now + EXCUSED_S)
            self._wait_for_agreement()

    def _result(self) -> Result:
        counts = self.transcript.counts
        counts["helper failure"] += sum(device.helper.failures for device in self.devices)
        counts["reload that left something down"] += sum(device.helper.downs for device in self.devices)
        for _, code in self._outcomes.values():
            counts[f"outcome {code.name.lower()}"] += 1
        head = Seq(0) if self._head is None else self._head.seq
        counts["branch left"] += len(self.checks.history.ends) - 1
        self.transcript.say("-", f"ends at entry {head}")
        return Result(self._plan.seed, self.clock.now, self.clock.steps, head, counts)


def _is_compacted(device: Device) -> bool:
    """Tell whether a device's disk stands on the newest checkpoint that is final there.

    Or on a later one, of which a recovery from an older head undid that it was final.
    """
    return device.member is None or device.disk.basis.floor >= device.member.log.checkpoint
