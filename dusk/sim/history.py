"""The plain model: what the one log of a cluster must say, worked out with dictionaries (R1, R2).

It shares the codec and the keys with the real fold and nothing else: no sections with hashes,
no grants, no undo. It knows who really signed what, for it is told by the people themselves;
that devices sign facts and join keys admit devices is all else that may ever happen here.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

from dusk import codec
from dusk.changelog.body import CHANGE_LABEL, Body, Change
from dusk.changelog.entry import Entry, EntryKind, OutcomeCode
from dusk.changelog.log import unpack_entry_item
from dusk.effects import LogItem
from dusk.ids import NO_CLUSTER, ChainHash, ChangeId, ClusterId, KeyId, PublicKey, Seq
from dusk.keys.signing import verify
from dusk.sim.broken import RuleBroken

Place = tuple[str, str]
"""Section and key."""


@dataclass(frozen=True, slots=True)
class Held:
    """A record in the model; ``data`` is None for one that was deleted."""

    data: bytes | None
    base: ChangeId


@dataclass(frozen=True, slots=True)
class Logged:
    """One position of the log as it was first seen on a disk."""

    seq: Seq
    chain: ChainHash
    entry: Entry
    change: ChangeId | None
    writes: Mapping[Place, Held]


@dataclass(slots=True)
class Keyring:
    """Who holds which key, as the simulation handed them out.

    Attributes:
        owner: key id of the one owner.
        devices: device id → its public key; a device's key id is its id.
        joinkey: key id of the join key.
        publics: key id → public key, of all of them.
        signed: changes that the owner has signed.
        owed: those of them that may neither be refused nor lost (R3).
        spoiled: device id → counters up to this may be used twice there, as its disk was lost.
        twins: devices that run twice, where any counter may.
    """

    owner: KeyId
    joinkey: KeyId
    publics: dict[KeyId, PublicKey] = field(default_factory=dict)
    signed: set[ChangeId] = field(default_factory=set)
    owed: set[ChangeId] = field(default_factory=set)
    spoiled: dict[bytes, int] = field(default_factory=dict)
    twins: set[bytes] = field(default_factory=set)
    _newest: dict[bytes, tuple[int, set[ChangeId]]] = field(default_factory=dict)

    def note(self, change: Change) -> None:
        """Note that the owner has signed this, at the device that it names."""
        device, counter = bytes(change.body.device), change.body.counter
        self.signed.add(change.id)
        highest, changes = self._newest.get(device, (0, set()))
        self._newest[device] = max(highest, counter), changes | {change.id}
        if counter > self.spoiled.get(device, 0) and device not in self.twins:
            self.owed.add(change.id)

    def lost_disk(self, device: bytes, done: Container[ChangeId]) -> None:
        """Note that a device forgot its last changes: what had no outcome may be lost, or come twice."""
        highest, changes = self._newest.get(device, (0, set()))
        self.spoiled[device] = highest
        self.owed -= {change for change in changes if change not in done}

    def twin(self, device: bytes, done: Container[ChangeId]) -> None:
        """Note that a device runs twice from now on."""
        self.lost_disk(device, done)
        self.twins.add(device)


class History:
    """The log of the cluster, each entry judged once, when it is first on a disk.

    Args:
        keyring: who may sign.
    """

    def __init__(self, keyring: Keyring) -> None:
        self.entries: list[Logged] = []
        self.cluster: ClusterId = NO_CLUSTER
        self.outcomes: dict[ChangeId, tuple[Seq, OutcomeCode]] = {}
        self._keyring = keyring
        self._now: dict[Place, Held] = {}
        self._counters: dict[tuple[KeyId, bytes], int] = {}
        self._decoded: dict[bytes, tuple[Entry, Change | None]] = {}

    @property
    def last(self) -> Seq:
        """The newest position."""
        return Seq(len(self.entries))

    @property
    def records(self) -> Mapping[Place, Held]:
        """All records at the newest position."""
        return self._now

    def records_at(self, seq: int) -> dict[Place, Held]:
        """Return all records at a position."""
        found: dict[Place, Held] = {}
        for logged in self.entries[:seq]:
            found.update(logged.writes)
        return found

    def writes_between(self, first: int, last: int) -> dict[Place, Held]:
        """Return the records that the entries from ``first`` to ``last`` wrote."""
        found: dict[Place, Held] = {}
        for logged in self.entries[first - 1 : last]:
            found.update(logged.writes)
        return found

    def chain_at(self, seq: int) -> ChainHash | None:
        """Return the chain hash at a position."""
        return self.entries[seq - 1].chain if 1 <= seq <= len(self.entries) else None

    def decode(self, item: LogItem) -> tuple[Entry, Change | None]:
        """Read an entry; each once, however many disks have it."""
        if item.data not in self._decoded:
            self._decoded[item.data] = unpack_entry_item(item.data)
        return self._decoded[item.data]

    # --- a disk has an entry -----------------------------------------------------------------

    def see(self, item: LogItem) -> Logged:
        """Take an entry that is on a disk now: the next one, or one that others have too.

        Raises:
            RuleBroken: it is another one than stands there already, or it may not stand there.
        """
        entry, change = self.decode(item)
        if entry.seq <= self.last:
            known = self.entries[entry.seq - 1]
            if known.chain != entry.head.chain:
                raise RuleBroken("R2", f"two entries for position {entry.seq}")
            return known
        if entry.seq != self.last + 1:
            raise RuleBroken("R7", f"entry {entry.seq} without {self.last + 1}")
        return self._take(entry, change)

    def _take(self, entry: Entry, change: Change | None) -> Logged:
        writes: dict[Place, Held] = {}
        if entry.seq == 1:
            self.cluster = ClusterId(entry.digest)
        if change is not None:
            self._check_signatures(entry, change)
            code = OutcomeCode.APPLIED
            if entry.seq > 1:
                code = self._judge(change)
            if entry.outcome.code is not code:
                raise RuleBroken("R1", f"entry {entry.seq}: {entry.outcome.code.name}, not {code.name}")
            if code is OutcomeCode.APPLIED:
                writes = self._writes(change)
            if change.id in self.outcomes:
                raise RuleBroken("R3", f"entry {entry.seq}: its change has an outcome already")
            self.outcomes[change.id] = (entry.seq, code)
        elif entry.kind is not EntryKind.OPEN:
            raise RuleBroken("R1", f"entry {entry.seq}: {entry.kind.name} out of nowhere")
        self._now.update(writes)
        logged = Logged(entry.seq, entry.head.chain, entry, None if change is None else change.id, writes)
        self._check_sections(logged)
        self.entries.append(logged)
        return logged

    def _check_sections(self, logged: Logged) -> None:
        """An entry names exactly the sections that it touches (R7)."""
        touched = sorted({section for section, _ in logged.writes})
        if [section for section, _ in logged.entry.sections] != touched:
            raise RuleBroken("R7", f"entry {logged.seq}: names other sections than it touches")

    # --- who may do what -----------------------------------------------------------------------

    def _check_signatures(self, entry: Entry, change: Change) -> None:
        """Each signature is real, and its signer may do this at all (R1)."""
        cluster = NO_CLUSTER if entry.seq == 1 else self.cluster
        for signature in change.signatures:
            public = self._keyring.publics.get(signature.key_id)
            if public is None or not verify(
                public, CHANGE_LABEL, cluster, change.body_bytes, signature.signature
            ):
                raise RuleBroken("R1", f"entry {entry.seq}: a signature that nobody made")
        signers = {signature.key_id for signature in change.signatures}
        body = change.body
        if body.author not in signers or not self._may(change, body, signers):
            raise RuleBroken("R1", f"entry {entry.seq}: by who has no right to it")

    def _may(self, change: Change, body: Body, signers: set[KeyId]) -> bool:
        own = f"device/{body.author.hex()}"
        sections = {operation.section for operation in body.operations}
        if body.author == self._keyring.owner:
            return change.id in self._keyring.signed
        if body.counter == 0:
            return sections == {own} and self._keyring.joinkey in signers
        return sections == {f"{own}/facts"} and body.author == KeyId(body.device)

    def _judge(self, change: Change) -> OutcomeCode:
        """Applied, unless one of its bases is not what stands there."""
        body = change.body
        if body.counter:
            key = (body.author, bytes(body.device))
            if body.counter <= self._counters.get(key, 0):
                raise RuleBroken("R1", f"change number {body.counter} of an author comes twice")
            self._counters[key] = body.counter
        for operation in body.operations:
            held = self._now.get((operation.section, operation.key))
            if (None if held is None else held.base) != operation.base:
                return OutcomeCode.SUPERSEDED
        return OutcomeCode.APPLIED

    def _writes(self, change: Change) -> dict[Place, Held]:
        body = change.body
        writes = {
            (operation.section, operation.key): Held(None if value is None else value.data, change.id)
            for operation, value in zip(body.operations, change.values, strict=True)
        }
        if body.counter == 0:
            writes |= self._decided(change, writes)
        return writes

    def _decided(self, change: Change, writes: Mapping[Place, Held]) -> dict[Place, Held]:
        """Name and groups of a new device: its wish with a number if it is taken, and the key's groups."""
        section = f"device/{change.body.device.hex()}"
        rule = _row(self._now[f"joinkey/{self._keyring.joinkey.hex()}", "rule"])
        wanted = str(_row(writes[section, "origin"])[2])
        taken = set(_names(self._now.items()))
        free = (name for name in (wanted, *(f"{wanted}-{n}" for n in range(2, 99))) if name not in taken)
        return {
            (section, "name"): Held(codec.pack([next(free)]), change.id),
            (section, "groups"): Held(codec.pack([rule[3]]), change.id),
        }


def _row(held: Held) -> list[object]:
    assert held.data is not None, "a record that is read was not deleted"
    return codec.unpack(held.data, size_max=len(held.data))


def _names(records: Iterable[tuple[Place, Held]]) -> Iterable[str]:
    """Return the devices' names; what a device says below its section, whatever it calls it, is none."""
    for (section, key), held in records:
        if key == "name" and section.startswith("device/") and section.count("/") == 1:
            yield str(_row(held)[0])
