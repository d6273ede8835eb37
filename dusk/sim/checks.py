"""The rules, checked after every step against what is on disks and on the wire.

Incremental: a step is compared with what it changed. What is compared in full, at starts and
at the end, is said there.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dusk import limits
from dusk.changelog.body import Change, decode_change
from dusk.changelog.entry import decode_signed_head
from dusk.changelog.log import Log
from dusk.changelog.state import State
from dusk.config.device import managed_config, options_of
from dusk.cycle.groupkeys import FILE as GROUP_KEYS_FILE
from dusk.cycle.messages import Kind
from dusk.cycle.outbox import FOLDER as OUTBOX
from dusk.cycle.peers import NOWHERE
from dusk.effects import (
    Append,
    ChangeState,
    Effect,
    ItemKind,
    LogItem,
    Progress,
    RemoveFile,
    SendDatagram,
    SendFrame,
    SendMulticast,
    StoreFile,
)
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash, ChangeId, DeviceId, Seq
from dusk.keys.signing import SigningKey
from dusk.sim.broken import RuleBroken
from dusk.sim.device import Device
from dusk.sim.disk import LOG_FILE, DiskEffect
from dusk.sim.history import History, Keyring, Place
from dusk.sim.network import Network
from dusk.sim.people import expected_options, found_option
from dusk.sim.transcript import Transcript
from dusk.sim.wire import Reader, Said


@dataclass(slots=True)
class _Known:
    """What the checks remember of one device, whatever it forgets itself.

    Attributes:
        stored: highest position that a signed head covers on its disk.
        ever: the highest that ever was on a disk of its.
        seen: position of the last entry on its disk, covered or not.
        kept: changes that its outbox ever had on the disk; they may not be lost.
    """

    stored: Seq = NOWHERE
    ever: Seq = NOWHERE
    seen: Seq = NOWHERE
    kept: set[ChangeId] = field(default_factory=set)


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
        """Disk effects so far, by file (R12)."""
        self.devices: list[Device] = []
        self.claimed = NOWHERE
        """Highest position that a hostile member says is on its disk: nobody can know better."""
        self.excused: set[int] = set()
        """Indices of devices that somebody else has the keys of: the others must come to one head."""
        self._network, self._transcript, self._keyring = network, transcript, keyring
        self._known: dict[int, _Known] = {}
        self._compared: dict[int, int] = {}
        self._hashes: dict[tuple[int, str], bytes] = {}
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
        self._known[device.index] = _Known()
        self._covered(device, device.disk.items)

    # --- the disk ------------------------------------------------------------------------------

    def stored(self, device: Device, effect: DiskEffect, was: bytes | None) -> None:
        """Check what was written: in place (R7), by the model (R1), and not for nothing (R12)."""
        self.writes[LOG_FILE if isinstance(effect, Append) else effect.name] += 1
        match effect:
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

    def _kept(self, device: Device, change: Change) -> None:
        """A device keeps what was committed at it, and nothing that others send (A54)."""
        if bytes(change.body.author) != device.device_id and change.id not in device.given:
            raise RuleBroken("R12", f"{device.name} keeps a change that nobody gave it")
        self._known[device.index].kept.add(change.id)

    def _removed(self, device: Device, name: str, was: bytes | None) -> None:
        """A file is removed if it is there (R12), a change when it has its outcome (R3)."""
        if was is None and name != LOG_FILE:
            raise RuleBroken("R12", f"{device.name} removes {name}, which is not there")
        if was is not None and name.startswith(OUTBOX):
            change = decode_change(was).id
            if change in self._keyring.owed and change not in self.history.outcomes:
                raise RuleBroken("R3", f"{device.name} throws change {change.hex()[:8]} away")

    def _appended(self, device: Device, items: Sequence[LogItem]) -> None:
        if not any(item.kind is ItemKind.ENTRY for item in items):
            raise RuleBroken("R12", f"{device.name} appends no entry")
        self._transcript.say(device.name, f"appends {len(items)} items")
        self._covered(device, items)

    def _covered(self, device: Device, items: Iterable[LogItem]) -> None:
        """Judge entries that are new to a disk and raise what it holds."""
        known, last = self._known[device.index], Seq(0)
        for item in items:
            if item.kind is ItemKind.HEAD:
                known.stored = max(known.stored, last)
                known.ever = max(known.ever, last)
                continue
            is_new = self.history.decode(item)[0].seq > self.history.last
            logged = self.history.see(item)
            last = logged.seq
            if is_new and logged.entry.writer != device.device_id:
                raise RuleBroken("R8", f"{device.name} has entry {last} before its writer stored it")
            if last != known.seen + 1:
                raise RuleBroken("R7", f"{device.name} appends entry {last} behind {known.seen}")
            known.seen = last

    def stored_by(self, device: Device) -> Seq:
        """Return up to where a device's disk holds the log."""
        return self._known[device.index].stored

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

    def _check_said(self, device: Device, data: bytes, receiver: DeviceId | None) -> None:
        if len(data) > limits.DATAGRAM_BYTES_MAX:
            raise RuleBroken("R10", f"{device.name} sends a datagram of {len(data)} bytes")
        said = self.read(device, data, receiver)
        if said.seq:
            self._check_promise(device, said)

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

    def _check_promise(self, device: Device, said: Said) -> None:
        if said.seq > self.stored_by(device):
            raise RuleBroken(
                "R8",
                f"{device.name} says in {said.kind.name} that it has {said.seq}: not on its disk",
            )
        chain = self.history.chain_at(said.seq) or b""
        if not chain.startswith(said.chain):
            raise RuleBroken("R2", f"{device.name} says in {said.kind.name} another entry {said.seq}")
        if said.kind is Kind.ANSWER and said.change != self.history.entries[said.seq - 1].change:
            raise RuleBroken("R8", f"{device.name} answers that another change is entry {said.seq}")

    def _progress(self, device: Device, told: Progress) -> None:
        """A report is a promise too (R3, R8)."""
        self._transcript.count(f"{told.state}")
        if told.state is ChangeState.REFUSED:
            self._refused(device, told)
            return
        if told.state is ChangeState.QUEUED:
            if told.change not in self._known[device.index].kept:
                raise RuleBroken("R8", f"{device.name} says that it keeps a change, and does not")
            return
        holders = sum(known.ever >= told.seq for known in self._known.values())
        holders += self.claimed >= told.seq
        needed = 2 if told.state is ChangeState.DURABLE else 1
        if holders < needed:
            raise RuleBroken("R3", f"{device.name} says {told.state}: on {holders} disks")
        if self.history.entries[told.seq - 1].change != told.change:
            raise RuleBroken("R3", f"{device.name} says {told.state}: another change is entry {told.seq}")
        if told.state is ChangeState.DURABLE:
            self.durable.add(told.change)

    def _refused(self, device: Device, told: Progress) -> None:
        """Nothing is refused for ever that somebody with the right to it has signed (R3)."""
        self.refused[told.change] = told.reason
        if told.change in self._keyring.owed:
            raise RuleBroken("R3", f"{device.name} says that a good change is refused: {told.reason}")

    # --- lives and steps -------------------------------------------------------------------------

    def lost_disk(self, device: Device) -> None:
        """Forget what a device had: its disk is another one now."""
        was = self._known[device.index]
        known = self._known[device.index] = _Known(ever=was.ever)
        self._compared.pop(device.index, None)
        names = [name for name in device.disk.files if name.startswith(OUTBOX)]
        known.kept = {decode_change(device.disk.files[name]).id for name in names}
        self._keyring.lost_disk(device.device_id, self.history.outcomes)

    def booted(self, device: Device, log: Log) -> None:
        """Check that a disk still has all that was ever durable on it (R5, R7), and says it right."""
        known = self._known[device.index]
        if log.head.seq < known.stored:
            raise RuleBroken("R5", f"{device.name} had entry {known.stored}, and starts at {log.head.seq}")
        if GROUP_KEYS_FILE in device.disk.files:
            self._reader.learn(device.disk.files[GROUP_KEYS_FILE])
        known.seen = known.stored = Seq(0)
        self._covered(device, device.disk.items)
        self._compare_all(device, log.state, log.head.seq)

    def stepped(self, device: Device) -> None:
        """Check a device after a round: its log, its datastore, its bounds, its view of the master."""
        if self._network.open_streams(device) > limits.STREAMS_MAX:
            raise RuleBroken("R10", f"{device.name} has too many streams")
        node = device.member
        if node is None:
            return
        if len(node.waiting_changes()) > limits.OUTBOX_MAX:
            raise RuleBroken("R10", f"{device.name} keeps too many changes")
        if node.log.head.seq != self.stored_by(device):
            self._ahead(device, node.log)
        compared = self._compared.get(device.index, 0)
        if node.log.head.seq > compared:
            writes = self.history.writes_between(compared + 1, node.log.head.seq)
            self._compare(device, node.log.state, writes, node.log.head.seq)
        elif node.log.head.seq < compared:
            raise RuleBroken("R5", f"{device.name} went back from {compared} to {node.log.head.seq}")

    def _ahead(self, device: Device, log: Log) -> None:
        """After a round, memory and disk agree: all effects of it were done."""
        raise RuleBroken(
            "R8", f"{device.name} counts on entry {log.head.seq}, its disk ends at {self.stored_by(device)}"
        )

    def _compare(self, device: Device, state: State, records: Mapping[Place, object], seq: int) -> None:
        """Compare records with the model, and hashes with those of other devices (R1, R2)."""
        model = self.history.records if seq == self.history.last else self.history.records_at(seq)
        for section, key in records:
            record, held = state.record(section, key), model[section, key]
            if record is None or (record.data, record.base) != (held.data, held.base):
                raise RuleBroken("R1", f"{device.name}: {section} {key} is not what was signed")
        for section in sorted({section for section, _ in records}):
            self._same(device, seq, section, state.section_hash(section))
        self._same(device, seq, "derived state", state.derived_hash)
        self._compared[device.index] = seq

    def _compare_all(self, device: Device, state: State, seq: Seq) -> None:
        """Compare every record, and that there are no others (R1)."""
        model = self.history.records_at(seq)
        self._compare(device, state, model, seq)
        wanted = {place for place, held in model.items() if held.data is not None}
        found = {(section, key) for section in state.sections() for key in state.records(section)}
        if found != wanted:
            section, key = min(found ^ wanted)
            raise RuleBroken("R1", f"{device.name}: {section} {key} is there, or not, against the log")

    def _same(self, device: Device, seq: int, what: str, found: bytes) -> None:
        if self._hashes.setdefault((seq, what), found) != found:
            raise RuleBroken("R2", f"{device.name}: {what} at {seq} is not that of others")

    def silent(self, device: Device) -> None:
        """Check that a device which has long heard nothing says so (A3)."""
        node = device.member
        if node is not None and not node.leads and node.fresh(device.now):
            raise RuleBroken("R11", f"{device.name} calls fresh what it does not hear")

    # --- the end ---------------------------------------------------------------------------------

    def finish(self) -> None:
        """Check the outcome of all: one log, everything that was promised in it, and in the files."""
        self._verify(self.devices[0])
        chains: set[ChainHash | None] = set()
        honest = [device for device in self.devices if device.index not in self.excused]
        for device in self.devices:
            self._check_disk(device)
        for device in honest:
            chains.add(self.history.chain_at(self.stored_by(device)))
            assert device.member is not None, "all have come to one head"
            log = device.member.log
            self._compare_all(device, log.state, log.head.seq)
            self._check_managed(device, log.state)
        if len(chains) != 1:
            raise RuleBroken("R2", f"{len(chains)} heads at the end")
        for change in self.durable & self._keyring.owed:
            if change not in self.history.outcomes:
                raise RuleBroken("R3", f"change {change.hex()[:8]} was durable and is lost")
        for device in honest:
            for change in sorted(self._known[device.index].kept & self._keyring.owed):
                if change not in self.history.outcomes:
                    raise RuleBroken("R3", f"change {change.hex()[:8]} of {device.name} has no outcome")
            self._check_files(device)

    def _check_managed(self, device: Device, state: State) -> None:
        """Compare what the log says each device's settings are with the model's word (R2)."""
        for other in self.devices:
            found = options_of(managed_config(state, other.device_id))
            values = {key: values for key, (_, values, _) in found.items()}
            wanted = expected_options(self.history.records, other.device_id)
            if values != {key: (value,) for key, value in wanted.items()}:
                raise RuleBroken("R2", f"{device.name}: it takes {other.name} for set otherwise")

    def _verify(self, device: Device) -> None:
        """Verify a disk's log from its first byte, and what it adds up to (R6)."""
        log = Log(self.history.cluster)
        try:
            log.extend(device.disk.items)
        except UntrustedInput as error:
            raise RuleBroken("R6", f"{device.name} refuses its own log: {error}") from error
        self._compare(device, log.state, self.history.records, log.head.seq)

    def _check_disk(self, device: Device) -> None:
        """Check that a disk has the entries that were verified, and heads that the master signed (R6)."""
        last = Seq(0)
        for item in device.disk.items:
            if item.kind is ItemKind.ENTRY:
                last = self.history.see(item).seq
                continue
            signed = decode_signed_head(item.data)
            real = signed.signed_by(self.devices[0].key.public, self.history.cluster)
            if not real or (signed.head.seq, signed.head.chain) != (last, self.history.chain_at(last)):
                raise RuleBroken("R6", f"{device.name} has a head at {last} that the master did not sign")

    def _check_files(self, device: Device) -> None:
        wanted = expected_options(self.history.records, device.device_id)
        for option, value in sorted(wanted.items()):
            found = found_option(device.helper.files, option)
            if found != value:
                raise RuleBroken("R2", f"{device.name}: {option} is {found!r}, not {value!r}")
