"""The rules, checked after every step against what is on disks and on the wire.

Incremental: a step is compared with what it changed. What is compared in full, at starts and
at the end, is said there.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from dusk import codec, limits
from dusk.changelog.body import Change, decode_change
from dusk.changelog.log import Log
from dusk.changelog.state import State
from dusk.cycle.groupkeys import FILE as GROUP_KEYS_FILE
from dusk.cycle.messages import Kind
from dusk.cycle.outbox import FOLDER as OUTBOX
from dusk.cycle.whereabouts import FILE as TABLE_FILE
from dusk.effects import (
    Append,
    ChangeState,
    Effect,
    Event,
    ItemKind,
    LogItem,
    Progress,
    Rebase,
    RemoveFile,
    SendDatagram,
    SendFrame,
    SendMulticast,
    StoreFile,
    UseCompacted,
)
from dusk.errors import UntrustedInput
from dusk.ids import NO_CHAIN, ChainHash, ChangeId, DeviceId, Seq
from dusk.keys.signing import SigningKey
from dusk.node.recovered import FILE as RECOVERED_FILE
from dusk.sim.broken import RuleBroken
from dusk.sim.device import Device
from dusk.sim.disk import LOG_FILE, DiskEffect
from dusk.sim.history import History
from dusk.sim.holding import Holding, Shelf
from dusk.sim.keyring import Keyring
from dusk.sim.leaders import Leaders
from dusk.sim.network import Network
from dusk.sim.plain import SUCCESSION
from dusk.sim.rolled import FORMER
from dusk.sim.transcript import Transcript
from dusk.sim.tree import GONE, Held, Logged, Place, at, behind, fork_of, is_on, written
from dusk.sim.wire import Reader, Said

TABLE_S = 3600.0
"""Between two writes of the table of addresses by one run: it moves without a change, and quietly (R12)."""


class Checks:
    """Watches every device; raises `RuleBroken`.

    Args:
        keyring: who may sign what.
        keys: the devices' keys.
        founded: the log that the first device has from the beginning.
        network, transcript: of the simulation.
    """

    def __init__(
        self,
        keyring: Keyring,
        keys: Mapping[DeviceId, SigningKey],
        founded: Sequence[LogItem],
        network: Network,
        transcript: Transcript,
    ) -> None:
        self.history = History(keyring)
        self.durable: set[ChangeId] = set()
        """Changes that some device reported durable."""
        self.refused: dict[ChangeId, str] = {}
        """Changes that were refused, with the reason that was shown."""
        self.writes: Counter[str] = Counter()
        """Disk effects of who is not hindered, by file (R12); the table of addresses is written rarely."""
        self.devices: list[Device] = []
        self.claimed = Seq(0)
        """Highest position that a hostile member says is on its disk: nobody can know better."""
        self.excused: set[int] = set()
        """Indices of devices that somebody else has the keys of: the others must come to one head."""
        self.told_of_fork: set[int] = set()
        """Indices of devices that have told people of a fork which nothing heals."""
        self.told_turned_away: set[int] = set()
        """Indices of devices that have told people that nobody whom they ask knows them."""
        self._network, self._transcript, self.keyring = network, transcript, keyring
        self.shelf = Shelf(self.history, keyring.publics)
        self._leaders = Leaders(network, self.devices)
        self._holdings: dict[int, Holding] = {}
        self._lost: set[ChangeId] = set()
        """What the outbox of a disk had that was lost."""
        self._table_at: dict[int, float] = {}
        """When each device wrote its table of addresses, in its newest run."""
        self._compared: dict[int, Logged | None] = {}
        self._hashes: dict[tuple[ChainHash, str], bytes] = {}
        for item in founded:
            if item.kind is ItemKind.ENTRY:
                self.history.see(item)
        self._reader = Reader(self.history.cluster, dict(keys))

    def take_claim(self, seq: Seq) -> None:
        """Note that a hostile member has said that it holds the log up to there."""
        self.claimed = max(self.claimed, seq)

    def learn(self, key: SigningKey) -> None:
        """Take the key of a new device."""
        self._reader.add(key)

    def add(self, device: Device) -> None:
        """Watch one more device."""
        self.devices.append(device)
        self._holdings[device.index] = Holding(device.name, device.index, device.device_id)
        self.reread(device)

    # --- the disk ------------------------------------------------------------------------------

    def stored(self, device: Device, effect: DiskEffect, was: bytes | None) -> None:
        """Check what was written: in place (R7), by the model (R1), and not for nothing (R12)."""
        name = effect.name if isinstance(effect, StoreFile | RemoveFile) else LOG_FILE
        if name == TABLE_FILE:
            self._table_stored(device)
        elif name != RECOVERED_FILE and device.index not in self.excused:  # that is written once more,
            self.writes[name] += 1  # as soon as a clock can be trusted
        match effect:
            case Rebase() | UseCompacted():
                self._transcript.count("rebase" if isinstance(effect, Rebase) else "compaction")
                holding = self._holdings[device.index]
                path = set(holding.path)
                self.reread(device)
                holding.just_left |= path - set(holding.path)
            case Append(items):
                self._appended(device, items)
            case StoreFile(name, data):
                if was == data and device.member is not None:
                    raise RuleBroken("R12", f"{device.name} writes {name} again as it was")
                if name == GROUP_KEYS_FILE:
                    self._reader.learn(data)
                elif name.startswith(OUTBOX):
                    self._kept(device, decode_change(data))
            case RemoveFile(name):
                self._removed(device, name, was)

    def _table_stored(self, device: Device) -> None:
        """A run keeps where others are once an hour at most (R12)."""
        if self._network.now - self._table_at.get(device.index, float("-inf")) < TABLE_S:
            raise RuleBroken("R12", f"{device.name} writes its table of addresses again")
        self._table_at[device.index] = self._network.now

    def _kept(self, device: Device, change: Change) -> None:
        """A device keeps what was committed at it, and nothing that others send (A54)."""
        if bytes(change.body.author) != device.device_id and change.id not in device.given:
            raise RuleBroken("R12", f"{device.name} keeps a change that nobody gave it")
        self._holdings[device.index].kept.add(change.id)

    def _removed(self, device: Device, name: str, was: bytes | None) -> None:
        """A file is removed if it is there (R12), a change when it has its outcome (R3)."""
        if was is None and name != LOG_FILE:
            raise RuleBroken("R12", f"{device.name} removes {name}, which is not there")
        if was is not None and name.startswith(OUTBOX):
            change = decode_change(was).id
            if change in self.keyring.owed - self.history.settled_changes and not self._is_excused(change):
                raise RuleBroken("R3", f"{device.name} throws change {change.hex()[:8]} away")

    def _appended(self, device: Device, items: Sequence[LogItem]) -> None:
        """Take what is behind a log now: entries, or proof that older ones are final (R12)."""
        holding = self._holdings[device.index]
        proven, path = holding.proven, set(holding.path) if items[0].kind is ItemKind.REWIND else set()
        self._transcript.say(device.name, f"appends {len(items)} items")
        news = [i for i in items if i.kind is ItemKind.ENTRY and not self.history.knows(i)]
        for item in items:
            self._in_order(device, item)
        self.shelf.append(holding, items)
        holding.just_left |= path - set(holding.path)
        self._leaders.opened(device, map(self.history.see, news))
        if holding.proven == proven and not any(item.kind is ItemKind.ENTRY for item in items):
            raise RuleBroken("R12", f"{device.name} appends no entry, and no proof that it lacked")

    def _in_order(self, device: Device, item: LogItem) -> None:
        """No change is too late because a later one of its author stands before it (R3)."""
        if item.kind is not ItemKind.ENTRY:
            return
        entry, change = self.history.decode(item)
        if change is not None and entry.outcome.reason == "counter-used" and change.id in self.keyring.owed:
            raise RuleBroken(
                "R3", f"{device.name}: a later change of its author overtook {change.id.hex()[:8]}"
            )

    def reread(self, device: Device) -> None:
        """Read a device's disk from its beginning: it has all that it ever had."""
        left = [item for branch in device.disk.branches for item in branch.items]
        data = device.disk.basis.data
        head = codec.unpack(data, size_max=len(data))[1] if data else None
        below = None if head is None else ChainHash(head[-1])
        self.shelf.reread(self._holdings[device.index], device.disk.items, left, below)

    def holding_of(self, device: Device) -> Holding:
        """Return what a device's disk holds."""
        return self._holdings[device.index]

    def stored_by(self, device: Device) -> Seq:
        """Return up to where a device's disk holds the log."""
        return self._holdings[device.index].stored

    def head_of(self, device: Device) -> Logged | None:
        """Return the newest entry that a device's disk holds for sure."""
        return self._holdings[device.index].head

    def holders(self) -> set[DeviceId]:
        """Return all devices that may lead, on whichever branch."""
        return {device for end in self.history.ends for device in end.holders}

    def appointed(self) -> set[DeviceId]:
        """Return these, and whom a change names for that which people have signed and which is not final."""
        found = self.holders()
        for change in self.keyring.changes.values():
            if change.id not in self.history.settled_changes:
                for operation, value in zip(change.body.operations, change.values, strict=True):
                    if (operation.section, operation.key) == SUCCESSION and value is not None:
                        found.update(codec.unpack(value.data, size_max=len(value.data))[0])
        return found

    def is_lost(self, change: ChangeId) -> bool:
        """Tell whether the disk that had a change is lost, and no outbox, log or branch has it (R3)."""
        if change not in self._lost or any(change in holding.kept for holding in self._holdings.values()):
            return False
        return not any(logged.on for logged in self.history.entries_of(change))

    def unanswered(self, head: Logged) -> list[ChangeId]:
        """Return the changes that were durable, are on some disk, and have no outcome up to a head (R3)."""
        durable = self.durable & self.keyring.owed - self.history.outcomes_at(head).keys()
        return sorted(c for c in durable if any(logged.on for logged in self.history.entries_of(c)))

    def has_alone(self, device: Device) -> bool:
        """Tell whether a disk's newest entry is on the disk of no other device that may lead."""
        head, holders = self.head_of(device), self.holders()
        others = [self.head_of(d) for d in self.devices if d is not device and d.device_id in holders]
        return not any(is_on(other, head) for other in others)

    # --- what leaves a device ------------------------------------------------------------------

    def sending(self, device: Device, effect: Effect) -> None:
        """Check that what a message promises is on the disk (R8), and its size (R10)."""
        match effect:
            case SendMulticast(data):
                self._check_said(device, data, None)
            case SendDatagram(data, to):
                receiver = self._network.at(to.host)
                if isinstance(receiver, Device):
                    self._check_said(device, data, receiver.device_id)
            case SendFrame(_, frame):
                if len(frame) > limits.FRAME_BYTES_MAX:
                    raise RuleBroken("R10", f"{device.name} sends a frame of {len(frame)} bytes")
            case Progress():
                self._progress(device, effect)
            case Event("fork"):
                self.told_of_fork.add(device.index)
            case Event("turned-away"):
                self.told_turned_away.add(device.index)

    def _check_said(self, device: Device, data: bytes, receiver: DeviceId | None) -> None:
        if len(data) > limits.DATAGRAM_BYTES_MAX:
            raise RuleBroken("R10", f"{device.name} sends a datagram of {len(data)} bytes")
        said = self.read(device, data, receiver)
        if said.seq and not self._repeats(device, said):
            self.check_promise(device, said)

    def _repeats(self, device: Device, said: Said) -> bool:
        """Tell whether a device passes on what a leader promises: DATA, to whom it does not reach.

        Who leads by the end of a round may have done so at its beginning, with another's entries.
        """
        if said.kind is not Kind.DATA or device.member is None:
            return False
        if not device.member.leads:
            return True
        return any(named.leader != device.device_id for named in self.history.named(said.seq, said.chain))

    def read(self, device: Device, data: bytes, receiver: DeviceId | None) -> Said:
        """Open a datagram; at a forged or a former address it may be for another device."""
        others = [] if receiver is None else [device for device in self._reader.ids if device != receiver]
        error = ""
        for reader in (receiver, *others):
            try:
                return self._reader.read(data, reader)
            except KeyError:
                raise RuleBroken("R8", f"{device.name} seals with a key that is on no disk") from None
            except UntrustedInput as refusal:
                error = str(refusal)
        raise RuleBroken("R6", f"{device.name} sends what nobody can read: {error}")

    def check_promise(self, device: Device, said: Said) -> None:
        """Check that a device has what it says that it has (R8), and that it is as final as it says (R4)."""
        holding = self._holdings[device.index]
        where, now = f"{device.name} says in {said.kind.name}", holding.at(said.seq)
        had = [now, *(logged for logged in holding.just_left if logged.seq == said.seq)]
        found = [logged for logged in had if logged is not None]
        if not found:
            raise RuleBroken("R8", f"{where} that it has {said.seq}: not on its disk")
        held = [logged for logged in found if logged.chain.startswith(said.chain)]
        if not held:
            raise RuleBroken("R2", f"{where} another entry {said.seq}")
        if said.kind is Kind.ANSWER and said.change not in {logged.change for logged in held}:
            raise RuleBroken("R8", f"{where} that another change is entry {said.seq}")
        if said.settled:  # as final as it was on the log that it had then, which it may just have left
            final = at(held[0], said.settled)
            if final is None or not final.settled:
                raise RuleBroken("R4", f"{where} that {said.settled} is final: not all have signed for it")
        if said.certificate is not None:
            self.shelf.certificate(said.certificate)

    def _progress(self, device: Device, told: Progress) -> None:
        """A report is a promise too (R3, R8)."""
        self._transcript.count(f"{told.state}")
        if told.state is ChangeState.REFUSED:
            self._refused(device, told)
            return
        if told.state is ChangeState.QUEUED:
            if told.change not in self._holdings[device.index].kept:
                raise RuleBroken("R8", f"{device.name} says that it keeps a change, and does not")
            return
        named = [e for e in self.history.entries_of(told.change) if e.seq == told.seq]
        if not named:
            raise RuleBroken("R3", f"{device.name} says {told.state}: another change is entry {told.seq}")
        holders = max(len(logged.ever) for logged in named) + (self.claimed >= told.seq)
        needed = 2 if told.state is ChangeState.DURABLE else 1
        if holders < needed:
            raise RuleBroken("R3", f"{device.name} says {told.state}: on {holders} disks")
        if told.state is ChangeState.DURABLE:
            self.durable.add(told.change)

    def _refused(self, device: Device, told: Progress) -> None:
        """Nothing is refused for ever that somebody with the right to it has signed (R3)."""
        self.refused[told.change] = told.reason
        if told.change in self.keyring.owed and not self._is_excused(told.change):
            raise RuleBroken("R3", f"{device.name} says that a good change is refused: {told.reason}")

    def _is_excused(self, change: ChangeId) -> bool:
        """Tell whether a change may be refused where it is judged, by what others did there before it."""
        signed = self.keyring.changes[change]
        if change in self.durable or not self.history.may_refuse(signed):
            return False
        self.keyring.owed.discard(change)
        return True

    # --- lives and steps -------------------------------------------------------------------------

    def lost_disk(self, device: Device) -> None:
        """Forget what a device had: its disk is another one now."""
        holding = self._holdings[device.index]
        self._lost |= holding.kept
        holding.lose(device.device_id)
        self._compared.pop(device.index, None)
        names = [name for name in device.disk.files if name.startswith(OUTBOX)]
        holding.kept = {decode_change(device.disk.files[name]).id for name in names}
        self.keyring.lost_disk(device.device_id, self.history.settled_changes)

    def booted(self, device: Device, log: Log) -> None:
        """Check that a disk still has all that was ever durable on it (R5, R7), and says it right."""
        if GROUP_KEYS_FILE in device.disk.files:
            self._reader.learn(device.disk.files[GROUP_KEYS_FILE])
        self._table_at.pop(device.index, None)
        self.reread(device)
        self.compare_all(device, log)

    def stepped(self, device: Device) -> None:
        """Check a device after a round: its log, its datastore, its bounds, its view of the master."""
        if self._network.open_streams(device) > limits.STREAMS_MAX:
            raise RuleBroken("R10", f"{device.name} has too many streams")
        node = device.member
        self._holdings[device.index].just_left.clear()
        if node is None:
            return
        if len(node.waiting_changes()) > limits.OUTBOX_MAX:
            raise RuleBroken("R10", f"{device.name} keeps too many changes")
        head = self.head_of(device)
        if node.log.head.chain != (NO_CHAIN if head is None else head.chain):
            where = f"entry {node.log.head.seq}, its disk ends at {self.stored_by(device)}"
            raise RuleBroken("R8", f"{device.name} counts on {where}")
        before = self._compared.get(device.index)
        if head is not before:
            self._compare(device, node.log.state, self._moved(before, head), head)

    def _moved(self, before: Logged | None, head: Logged | None) -> dict[Place, Held | None]:
        """Return the records that differ between two entries, as they are at the second."""
        fork = fork_of(before, head)
        found: dict[Place, Held | None] = dict(written(behind(fork, head)))
        if fork is not before:
            records = self.history.records_at(head)
            for place in written(behind(fork, before)):
                found[place] = records.get(place)
        return found

    def _compare(
        self, device: Device, state: State, wanted: Mapping[Place, Held | None], head: Logged | None
    ) -> None:
        """Compare records with the model, and hashes with those of other devices (R1, R2)."""
        for (section, key), held in wanted.items():
            record = state.record(section, key)
            found = None if record is None else (record.data, record.base)
            if found != (None if held is None or held is GONE else (held.data, held.base)):
                raise RuleBroken("R1", f"{device.name}: {section} {key} is not what was signed")
        chain = NO_CHAIN if head is None else head.chain
        for section in sorted({section for section, _ in wanted}):
            self._same(device, chain, section, state.section_hash(section))
        self._same(device, chain, "derived state", state.derived_hash)
        self._compared[device.index] = head

    def compare_all(self, device: Device, log: Log) -> None:
        """Compare every record, and that there are no others (R1)."""
        head, state = self.history.at(log.head.chain), log.state
        model = self.history.records_at(head)
        self._compare(device, state, model, head)
        wanted = {place for place, held in model.items() if held.data is not None}
        sections = [section for section in state.sections() if not section.startswith(FORMER)]
        found = {(section, key) for section in sections for key in state.records(section)}
        if found != wanted:
            section, key = min(found ^ wanted)
            raise RuleBroken("R1", f"{device.name}: {section} {key} is there, or not, against the log")

    def _same(self, device: Device, chain: ChainHash, what: str, found: bytes) -> None:
        if self._hashes.setdefault((chain, what), found) != found:
            raise RuleBroken("R2", f"{device.name}: {what} at {chain.hex()[:8]} is not that of others")

    def silent(self, device: Device) -> None:
        """Check that a device which has long heard nothing says so (A3)."""
        node = device.member
        if node is not None and not node.leads and node.fresh(device.now):
            raise RuleBroken("R11", f"{device.name} calls fresh what it does not hear")
