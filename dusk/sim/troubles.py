"""What people and bad luck do to a cluster while it runs, each from a generator of its own.

So leaving one out changes nothing in the draws of the others, which is what makes a failing
seed shrink (`dusk.sim.shrink`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from dusk.changelog.attesting import to_attest
from dusk.changelog.body import Change, Edit, build_change
from dusk.cycle.groupkeys import FILE as GROUP_KEYS_FILE
from dusk.ids import ChangeId, DeviceId
from dusk.keys.signing import SigningKey
from dusk.node import Node
from dusk.node.recovery import MUST_HEAR_FILE
from dusk.sim.admitting import ADMIT_S, REMOVAL_S, Admitting
from dusk.sim.attacker import Attacker
from dusk.sim.checks import Checks
from dusk.sim.clock import Clock
from dusk.sim.device import Device, World
from dusk.sim.faults import NONE, Faults
from dusk.sim.granting import GRANT_S, GRANTED_S, Granting
from dusk.sim.keyring import Keyring
from dusk.sim.network import Network
from dusk.sim.people import CYCLES_S, Founded, draw_backup, draw_edits
from dusk.sim.rescuing import RECOVERY_S, Rescuing
from dusk.sim.transcript import Transcript
from dusk.sim.tree import is_on

COMMIT_S = 2.2
"""Between two changes, on average."""
LEAVING_SHARE = 0.3
"""Of seeds, those in which the owner takes devices out."""
RECOVERING_SHARE = 0.3
"""Of the other seeds, those in which the owner uses the recovery phrase."""
ATTESTED_SHARE = 0.7
"""Of an owner's commits, those whose session gets to attesting."""
BACKUP_S = 1.5
"""Between two looks of the owner whether somebody could take over."""
STALE_S = 3.0
"""Beyond 1.5 cycles, for a proof that was under way."""
CALM_S = 10.0
"""How long nothing else goes wrong when the only writer comes back with an older disk (A28)."""
ATTACKS_AFTER = 4.0
"""Attacks that do not end come so much more rarely once the other faults are over."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What troubles strike, and who is told.

    Attributes:
        world, devices, checks, keyring, founded: of the simulation.
        generator: purpose → a generator of its own.
        faults: which troubles, and how strong.
        until_s: when they end.
        commits_max: how many changes people make at most.
        holders: how many devices shall lead, soon after they joined.
        recovers, grants, returns: what else happens, as a plan and the seed say.
        hostile: indices of devices that an attacker has the keys of.
        years_s: where wall clocks jump to.
    """

    world: World
    devices: list[Device]
    checks: Checks
    keyring: Keyring
    founded: Founded
    generator: Callable[[str], Random]
    faults: Faults
    until_s: float
    commits_max: int
    holders: int
    recovers: bool
    grants: bool
    returns: bool
    hostile: frozenset[int]
    years_s: tuple[float, ...]

    @property
    def clock(self) -> Clock:
        """The simulation's clock."""
        return self.world.clock

    @property
    def network(self) -> Network:
        """The simulation's network."""
        return self.world.network

    @property
    def transcript(self) -> Transcript:
        """The simulation's transcript."""
        return self.world.transcript


class Troubles:
    """Plans them and lets them happen.

    Args:
        stage: see there.
        make_twin: makes a second machine with a device's disk and key.
        attackers: those of this run; the one with a member's keys has that device's index.
    """

    def __init__(
        self, stage: Stage, make_twin: Callable[[Device], Device], attackers: list[Attacker]
    ) -> None:
        self._stage, self._make_twin, self._attackers = stage, make_twin, attackers
        self._people = stage.generator("people")
        self._walls = stage.generator("walls")
        self.admitting = Admitting(
            devices=stage.devices,
            may_go=self._may_go,
            sign=self.sign_unowed,
            new_key=self._new_key,
            count=stage.transcript.count,
            random=stage.generator("reset"),
            returns=stage.returns,
        )
        self._rescuing = Rescuing(
            stage.founded.phrase,
            [d for d in stage.devices if d.index not in stage.hostile],
            stage.keyring,
            self._sound,
            stage.transcript.count,
        )
        self._granting = Granting(
            devices=stage.devices,
            owner=stage.founded.owner,
            keyring=stage.keyring,
            random=stage.generator("person"),
            sign=self._sign_unowed_by,
            count=stage.transcript.count,
        )
        self._committed = 0
        self._calm_until = 0.0
        self._split_at = -1.0
        self._twins: list[Device] = []

    # --- planning ------------------------------------------------------------------------------

    def plan(self) -> None:
        """Plan all of them."""
        stage, faults = self._stage, self._stage.faults
        self.set_faults(faults)
        self._repeat("commits", COMMIT_S, lambda _: self._commit())
        self._repeat("approvals", ADMIT_S, lambda _: self.admitting.look())
        if stage.generator("leaving").random() < LEAVING_SHARE:
            self._repeat("removals", REMOVAL_S, self.admitting.remove)
        elif stage.recovers and not faults.twin and stage.generator("recovering").random() < RECOVERING_SHARE:
            self._repeat("recoveries", RECOVERY_S, self._rescuing.recover)
        if stage.grants:
            self._repeat("grants", GRANT_S, self._granting.grant)
            self._repeat("granted", GRANTED_S, self._granting.use)
        if stage.holders > 1:
            self._repeat("backups", BACKUP_S, self._appoint)
        self._repeat("replay", faults.replay_s, lambda _: stage.network.replay())
        self._repeat("partitions", faults.partition_s, self._partition)
        self._repeat("crashes", faults.crash_s, self._crash)
        self._repeat("wipes", faults.wipe_s, self._wipe)
        self._repeat("copies", faults.old_disk_s / 2, self._copy)
        self._repeat("old disks", faults.old_disk_s, self._restore)
        self._repeat("rot", faults.rot_s, self._rot)
        self._repeat("edits", faults.edit_s, self._edit_by_hand)
        self._repeat_clock(faults.clock_s)
        for device in stage.devices:
            self._jump(device)
        for attacker in self._attackers:
            attacks_s = faults.insider_s if attacker.is_insider else faults.outsider_s
            self._attack(attacker, attacks_s, stage.generator(attacker.name))
        if faults.twin:
            random = stage.generator("twin")
            stage.clock.at(random.uniform(0.3, 0.8) * stage.until_s, lambda: self._twin(random))

    def set_faults(self, faults: Faults) -> None:
        """Let the network, the disks and the helpers have these."""
        self._stage.network.faults = faults
        for device in (*self._stage.devices, *self._twins):
            device.faults = faults
            device.helper.error, device.helper.stays_down = faults.helper_error, faults.stays_down

    def end(self) -> None:
        """End all of them, but attacks that are relentless."""
        self.set_faults(NONE)
        self._split_at = -1.0
        self._stage.network.heal()
        for twin in self._twins:
            twin.switch_off()
        self._stage.transcript.say("-", "no more faults")

    def _repeat(self, purpose: str, every_s: float, what: Callable[[Random], None]) -> None:
        """Let something happen again and again while the faults last; 0: never."""
        if every_s:
            self._plan_next(every_s, what, self._stage.generator(purpose))

    def _plan_next(self, every_s: float, what: Callable[[Random], None], random: Random) -> None:
        def happen() -> None:
            if self._stage.clock.now >= self._stage.until_s:
                return
            if self._stage.clock.now >= self._calm_until:
                what(random)
            self._plan_next(every_s, what, random)

        self._stage.clock.after(random.expovariate(1 / every_s), happen)

    @property
    def commits_planned(self) -> int:
        """How many changes people make, about."""
        return min(self._stage.commits_max, int(2 * self._stage.until_s / COMMIT_S))

    # --- people --------------------------------------------------------------------------------

    def _commit(self) -> None:
        """The owner, or somebody who may not, commits a change at some device."""
        stage = self._stage
        members = [device for device in stage.devices if device.member is not None]
        if not members or self._committed >= stage.commits_max:
            return
        self._committed += 1
        device = self._people.choice(members)
        change = device.submit(lambda node: self._draw_change(device, node))
        if change is not None:
            stage.transcript.say(device.name, f"gets change {change.id.hex()[:8]}")
            self.attest(device)

    def attest(self, device: Device, share: float = ATTESTED_SHARE) -> None:
        """The owner who has committed attests what the state was, as their session does by itself."""
        node, owner = device.member, self._stage.founded.owner
        edit = None if node is None else to_attest(node.log, owner.key_id)
        if node is None or edit is None or self._people.random() >= share:
            return
        self._stage.transcript.count("attested")
        device.submit(lambda node: self.sign_unowed(device, node, [edit]))

    def sign_unowed(self, device: Device, node: Node, edits: list[Edit]) -> Change:
        """Make a change of the owner's that may be refused: the next one is another chance."""
        return self._sign_unowed_by(device, node, edits, self._stage.founded.owner)

    def _sign_unowed_by(self, device: Device, node: Node, edits: list[Edit], signer: SigningKey) -> Change:
        change = self._sign(device, node, edits, signer)
        self._stage.keyring.note(change, owed=False)
        return change

    def _may_go(self, device: Device) -> bool:
        """Tell whether a device may be taken out: nobody else has its key, and it may not lead."""
        stage = self._stage
        is_shared = device.index in stage.hostile or bytes(device.device_id) in stage.keyring.twins
        return not is_shared and device.index > 0 and device not in self._holders()

    def _draw_change(self, device: Device, node: Node) -> Change:
        stage, random = self._stage, self._people
        known = [d.device_id for d in stage.devices if node.log.device_key(d.device_id) is not None]
        if stage.holders == 1:
            edits = draw_edits(node.log.state, known, random)
        else:
            edits = draw_edits(node.log.state, self._sound(node), random, stage.holders)
        if random.random() < stage.faults.stale:
            edits = [Edit(e.section, e.key, e.data, self._stale_base(e.base)) for e in edits]
            stage.transcript.count("stale base")
        if random.random() < stage.faults.stranger:
            stage.transcript.count("signed by a stranger")
            stranger = random.choice((device.key, SigningKey.from_seed(random.randbytes(32))))
            return self._sign(device, node, edits, stranger)
        return self.sign_as_owner(device, node, edits)

    def _sound(self, node: Node) -> list[DeviceId]:
        """Return the members that nobody else has the keys of."""
        stage = self._stage
        sound = [d.device_id for d in stage.devices if d.index not in stage.hostile]
        known = [device for device in sound if node.log.device_key(device) is not None]
        return [device for device in known if device not in stage.keyring.twins]

    def _appoint(self, random: Random) -> None:
        """The owner lets one device more lead, wherever they are, while there are fewer than planned."""
        stage = self._stage
        members = [device for device in stage.devices if device.member is not None]
        if not members:
            return
        device = random.choice(members)
        node = device.member
        assert node is not None, "it was chosen for that"
        edit = draw_backup(node.log.state, self._sound(node), random, stage.holders)
        if edit is not None:
            device.submit(lambda node: self.sign_as_owner(device, node, [edit]))
            stage.transcript.count("backup")

    def _stale_base(self, base: ChangeId | None) -> ChangeId | None:
        """Return what an author with an old view takes for a record's last change."""
        return None if base is not None else self._stage.founded.changes[0].id

    def sign_as_owner(self, device: Device, node: Node, edits: list[Edit]) -> Change:
        """Make a change of the owner at a device."""
        change = self._sign(device, node, edits, self._stage.founded.owner)
        self._stage.keyring.note(change)
        return change

    def _sign(self, device: Device, node: Node, edits: list[Edit], signer: SigningKey) -> Change:
        return build_change(
            cluster=self._stage.checks.history.cluster,
            device=device.device_id,
            counter=node.next_counter(signer.key_id),
            message="",
            edits=edits,
            signers=(signer,),
            random_bytes=self._people.randbytes,
        )

    def _edit_by_hand(self, random: Random) -> None:
        device = random.choice(self._stage.devices)
        files = device.helper.files
        files[random.choice(sorted(files))] += f"# edited at {self._stage.clock.now:.3f}\n".encode()
        self._stage.transcript.count("edited by hand")

    # --- links ---------------------------------------------------------------------------------

    def _partition(self, random: Random) -> None:
        stage = self._stage
        count = len(stage.devices)
        if count < 2:
            return
        apart = set(random.sample(range(count), random.randint(1, count // 2)))
        one_way = random.random() < stage.faults.one_way
        form = self._cut(apart, random) if one_way else self._split(apart)
        stage.transcript.count(form)
        stage.transcript.say("-", f"{form}: {sorted(apart)}")
        since = self._split_at = stage.clock.now
        stage.clock.after(random.uniform(1, 25), lambda: self._mend(since))
        faults = stage.faults
        if not (one_way or faults.replay_s or faults.outsider_s or faults.insider_s):
            stage.clock.after(1.5 * max(CYCLES_S) + STALE_S, lambda: self._check_silence(since, apart))

    def _split(self, apart: set[int]) -> str:
        self._stage.network.split(apart, one_way=False)
        return "partition"

    def _cut(self, apart: set[int], random: Random) -> str:
        """Cut one way only: some are not heard, or hear nothing, or single pairs are cut."""
        everybody = range(len(self._stage.devices))
        pairs = [(a, b) for a in everybody for b in everybody if a != b]
        match random.randrange(3):
            case 0:
                self._stage.network.cut({(a, b) for a, b in pairs if a in apart and b not in apart})
                return "mute"
            case 1:
                self._stage.network.cut({(a, b) for a, b in pairs if a not in apart and b in apart})
                return "deaf"
        self._stage.network.cut(set(random.sample(pairs, random.randint(1, len(pairs) // 2))))
        return "pairs cut"

    def _mend(self, since: float) -> None:
        if self._split_at == since:
            self._split_at = -1.0
            self._stage.network.heal()
            self._stage.transcript.say("-", "all links work again")

    def _check_silence(self, since: float, apart: set[int]) -> None:
        """Who is on a side without anybody who may lead must not call anything fresh (A3)."""
        if self._split_at == since:
            sides = {holder.index in apart for holder in self._holders()}
            for device in self._stage.devices:
                if (device.index in apart) not in sides:
                    self._stage.checks.silent(device)

    def _holders(self) -> list[Device]:
        """Return the devices that may lead, on whichever branch."""
        ids = self._stage.checks.holders()
        return [device for device in self._stage.devices if device.device_id in ids]

    # --- power and disks -----------------------------------------------------------------------

    def _crash(self, random: Random) -> None:
        alive = [device for device in self._stage.devices if device.listens]
        if alive:
            random.choice(alive).crash(random.uniform(0.2, 15))

    def _wipe(self, random: Random) -> None:
        """Never who may lead, or has what none of these has: it would be gone; a new key is no holder's."""
        holders, has_alone = self._holders(), self._stage.checks.has_alone
        others = [d for d in self._stage.devices if d.listens and d not in holders and not has_alone(d)]
        if not others:
            return
        device, key = random.choice(others), None
        if random.random() < 0.5:
            key = self._new_key(SigningKey.from_seed(random.randbytes(32)))
        self._stage.transcript.say(device.name, f"gets an empty disk and {'a new' if key else 'its old'} key")
        self._stage.transcript.count("wiped disk" if key is None else "wiped disk and key")
        device.lose_disk(random.uniform(0.2, 15), key or device.key)

    def _new_key(self, key: SigningKey) -> SigningKey:
        self._stage.keyring.publics[key.key_id] = key.public
        self._stage.checks.learn(key)
        return key

    def _copy(self, random: Random) -> None:
        """Copy disks; not the founder's from before it had a group key: with that it leads at once."""
        for device in self._stage.devices:
            is_wanted = random.random() < 0.5
            if is_wanted and (device.index or GROUP_KEYS_FILE in device.disk.files):
                device.keep_copy()

    def _restore(self, random: Random) -> None:
        device = random.choice(self._stage.devices)
        if device.copied_at is not None and self._may_change(device):
            device.restore_disk(random.uniform(0.2, 5))
            self._stage.transcript.say(device.name, "gets an old disk")
            self._stage.transcript.count(f"old disk{self._role(device)}")

    def _rot(self, random: Random) -> None:
        device = random.choice(self._stage.devices)
        rotten = device.rotten()
        if rotten is not None and self._may_change(device):
            device.take_rotten(rotten, random.uniform(0.2, 5))
            self._stage.transcript.say(device.name, "finds its log damaged")
            self._stage.transcript.count(f"rot{self._role(device)}")

    def _role(self, device: Device) -> str:
        return " of the master" if device in self._holders() else ""

    def _may_change(self, device: Device) -> bool:
        """Tell whether this disk may become another one now.

        That of who may lead, or might by what is left, may if somebody who runs on its link has all of
        its log, and for a while nothing else goes wrong but that datagrams are lost, doubled and damaged:
        what it learns before it leads is all that keeps it from writing anew what it has forgotten. That
        somebody may have joined behind the end of what is left, so where it is elsewhere the old disk
        cannot tell; who lost the end of its own log vouches for nothing.
        """
        if not device.listens:
            return False
        checks = self._stage.checks
        if device.device_id not in checks.history.once_holders:
            return True
        head = checks.head_of(device)
        for other in self._stage.devices:
            is_sound = other.member is not None and MUST_HEAR_FILE not in other.disk.files
            is_near = (other.index - device.index) % self._stage.network.sites == 0
            if other is not device and is_near and is_sound and is_on(checks.head_of(other), head):
                self._calm()
                return True
        return False

    def _calm(self) -> None:
        stage = self._stage
        until = self._calm_until = stage.clock.now + CALM_S
        self.set_faults(stage.faults.of_air)
        self._mend(self._split_at)

        def go_on() -> None:
            if stage.clock.now < stage.until_s and self._calm_until == until:
                self.set_faults(stage.faults)

        stage.clock.at(until, go_on)

    def _twin(self, random: Random) -> None:
        """Never who may lead, or will: two machines would write as one (A21)."""
        holders = self._stage.checks.appointed()
        others = [d for d in self._stage.devices if d.listens and d.device_id not in holders]
        if not others or self._stage.clock.now < self._calm_until:
            return
        device = random.choice(others)
        self._stage.transcript.say(device.name, "is cloned, with its key")
        self._stage.transcript.count("twin")
        self._stage.keyring.twin(device.device_id, self._stage.checks.history.settled_changes)
        twin = self._make_twin(device)
        twin.faults, twin.helper.error = device.faults, device.helper.error
        self._twins.append(twin)
        twin.power_on()

    # --- clocks and attackers ------------------------------------------------------------------

    def _repeat_clock(self, every_s: float) -> None:
        """Wall clocks have a generator of their own: without them all else is the same (R11)."""
        if every_s and self._stage.clock.now < self._stage.until_s:
            self._jump(self._walls.choice(self._stage.devices))
            self._stage.clock.after(self._walls.expovariate(1 / every_s), lambda: self._repeat_clock(every_s))

    def _jump(self, device: Device) -> None:
        self._stage.transcript.count("clock jump")
        years_s = self._stage.years_s
        year_s = years_s[int(self._walls.random() * len(years_s))]  # one draw, however many years
        offset_s = year_s + self._walls.uniform(1e5, 1e6)
        device.set_wall(offset_s, trusted=self._walls.random() < 0.7)

    def _attack(self, attacker: Attacker, every_s: float, random: Random) -> None:
        """Attack again and again; one that is relentless goes on in peace, more rarely."""
        stage = self._stage

        def happen() -> None:
            over = stage.clock.now >= stage.until_s
            if over and not stage.faults.relentless:
                attacker.stop()
                return
            attacker.attack()
            pause_s = every_s * (ATTACKS_AFTER if over else 1.0)
            stage.clock.after(random.expovariate(1 / pause_s), happen)

        stage.clock.after(random.expovariate(1 / every_s), happen)
