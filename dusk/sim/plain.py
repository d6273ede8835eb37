"""The plain model: what an entry must say behind another one, worked out with dictionaries (R1).

It shares the codec and the keys with the real fold and nothing else: no sections with hashes,
no undo. Of grants it knows those for policies, to one person (`granted`). It knows who really
signed what, for it is told by the people themselves; that devices sign facts, prove that one of
them wrote two logs, and that join keys admit devices, is all else that may ever happen here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dusk import codec
from dusk.changelog.body import CHANGE_LABEL, Body, Change
from dusk.changelog.entry import Absent, Entry, EntryKind, OutcomeCode, decode_signed_head
from dusk.errors import UntrustedInput
from dusk.ids import NO_CLUSTER, ChangeId, ClusterId, DeviceId, KeyId, Seq
from dusk.keys.signing import verify
from dusk.limits import EPOCH_JUMP_MAX
from dusk.sim import rolled
from dusk.sim.broken import RuleBroken
from dusk.sim.granted import no_grant, no_person
from dusk.sim.keyring import Keyring
from dusk.sim.pace import ABSENT_CYCLES, STEP
from dusk.sim.returned import place_of
from dusk.sim.tree import Held, Logged, Place, Ruling, at

SUCCESSION, MANDATE = ("cluster", "succession"), ("cluster", "mandate")
RECOVERY, RECOVERED = ("trust", "recovery"), ("trust", "recovered")


@dataclass(slots=True)
class Plain:
    """All that a branch adds up to.

    Attributes:
        records: also those that were deleted.
        counters: (author, device) → the last number.
        outcomes: change → where it stands, and what became of it.
        made: how many devices the join key made.
    """

    records: dict[Place, Held] = field(default_factory=dict)
    counters: dict[tuple[KeyId, bytes], int] = field(default_factory=dict)
    outcomes: dict[ChangeId, tuple[Seq, OutcomeCode]] = field(default_factory=dict)
    made: int = 0

    def take(self, logged: Logged) -> None:
        """Go on by one entry."""
        ruling = logged.ruling
        self.records.update(ruling.writes)
        if ruling.counter is not None:
            author, device, counter = ruling.counter
            self.counters[author, device] = counter
        elif logged.entry.kind is EntryKind.CHANGE and ruling.code is OutcomeCode.APPLIED:
            self.made += 1
        self.made += sum(1 for section, key in ruling.writes if key == "request" and section.count("/") == 1)
        if logged.change is not None:
            self.outcomes[logged.change] = (logged.seq, ruling.code)

    def row(self, section: str, key: str) -> list[Any] | None:
        """Return a record's value; None if it is not there."""
        held = self.records.get((section, key))
        return None if held is None else row_of(held)

    def base(self, section: str, key: str) -> ChangeId | None:
        """Return which change last wrote a record."""
        held = self.records.get((section, key))
        return None if held is None else held.base

    def is_member(self, device: bytes) -> bool:
        """Tell whether a device was made and not retired."""
        section = f"device/{device.hex()}"
        return self.row(section, "key") is not None and self.row(section, "retired") is None


class Judge:
    """Says what every entry must be; whatever else it is breaks a rule.

    Args:
        keyring: who may sign.
    """

    def __init__(self, keyring: Keyring) -> None:
        self.cluster: ClusterId = NO_CLUSTER
        self._keyring = keyring

    def rule(
        self, plain: Plain, parent: Logged | None, entry: Entry, change: Change | None, *, was_left: bool
    ) -> Ruling:
        """Judge an entry behind its parent.

        Args:
            plain: what the branch adds up to there.
            parent: None for the genesis.
            entry: the entry.
            change: what it carries.
            was_left: whether another branch carries that change.

        Raises:
            RuleBroken: it may not stand there.
        """
        if change is not None:
            self._check_signatures(entry, change, first=parent is None)
            if change.id in plain.outcomes:
                raise RuleBroken("R3", f"entry {entry.seq}: its change has an outcome already")
        if parent is None:
            assert change is not None, "a genesis has a change"
            return Ruling(writes=_writes(change), counter=_number(change))
        is_forced = entry.kind is EntryKind.OPEN and change is not None
        is_recovery = is_forced and change is not None and change.body.author in self._keyring.phrases
        self._check_position(plain, parent, entry, is_forced=is_forced, is_recovery=is_recovery)
        ruling = self._rule(plain, parent, entry, change, was_left=was_left)
        if entry.outcome.code is not ruling.code:
            raise RuleBroken("R1", f"entry {entry.seq}: {entry.outcome.code.name}, not {ruling.code.name}")
        return ruling

    def _rule(
        self, plain: Plain, parent: Logged, entry: Entry, change: Change | None, *, was_left: bool
    ) -> Ruling:
        match entry.kind, change:
            case EntryKind.OPEN, None:
                return Ruling()
            case EntryKind.OPEN, _:
                assert change is not None, "the other case is above"
                by_phrase = change.body.author in self._keyring.phrases
                return (self._recovered if by_phrase else self._forced)(plain, parent, entry, change)
            case EntryKind.HANDOVER, None if entry.writer != parent.holders[0]:
                return Ruling()
            case EntryKind.GATE, None:
                return Ruling(writes=rolled.gate(plain.records, entry))
            case EntryKind.CHANGE, Change():
                return self._changed(plain, entry, change, was_left=was_left)
            case EntryKind.FREEZE, Change():
                self._check_proof(entry, change)
                return self._changed(plain, entry, change, was_left=was_left)
            case EntryKind.CHECKPOINT, Change():
                self._check_attested(parent, entry, change)
                return self._changed(plain, entry, change, was_left=False)
        raise RuleBroken("R1", f"entry {entry.seq}: {entry.kind.name} out of nowhere")

    # --- where it stands -------------------------------------------------------------------------

    def _check_position(
        self, plain: Plain, parent: Logged, entry: Entry, *, is_forced: bool, is_recovery: bool
    ) -> None:
        """An epoch is opened by who may, and is its writer's alone; only owners raise more than that."""
        before, where = parent.entry, f"entry {entry.seq}"
        raised = (before.generation + is_recovery, before.mandate + (is_forced and not is_recovery))
        if (entry.generation, entry.mandate) != raised:
            raise RuleBroken("R1", f"{where}: generation or mandate changed without cause")
        if entry.kind is not EntryKind.OPEN:
            if (entry.epoch, entry.writer) != (before.epoch, parent.leader) or parent.is_handover:
                raise RuleBroken("R1", f"{where}: not by the writer of its epoch, or behind its end")
            if not plain.is_member(entry.writer):
                raise RuleBroken("R1", f"{where}: by a device that was retired")
            return
        if not before.epoch < entry.epoch <= before.epoch + EPOCH_JUMP_MAX:
            raise RuleBroken("R1", f"{where}: opens epoch {entry.epoch} behind {before.epoch}")
        if is_forced:
            return
        if entry.writer not in parent.holders or not plain.is_member(entry.writer):
            raise RuleBroken("R1", f"{where}: opened by who does not hold the role")
        if plain.row(f"device/{entry.writer.hex()}", "frozen") is not None:
            raise RuleBroken("R1", f"{where}: opened by who wrote two logs")

    # --- who may do what -------------------------------------------------------------------------

    def _check_signatures(self, entry: Entry, change: Change, *, first: bool) -> None:
        """Each signature is real, and its signer may do this at all."""
        cluster = NO_CLUSTER if first else self.cluster
        for signature in change.signatures:
            public = self._keyring.publics.get(signature.key_id)
            if public is None or not verify(
                public, CHANGE_LABEL, cluster, change.body_bytes, signature.signature
            ):
                raise RuleBroken("R1", f"entry {entry.seq}: a signature that nobody made")
        signers = {signature.key_id for signature in change.signatures}
        if change.body.author not in signers or not self._may(entry, change, change.body, signers):
            raise RuleBroken("R1", f"entry {entry.seq}: by who has no right to it")

    def _may(self, entry: Entry, change: Change, body: Body, signers: set[KeyId]) -> bool:
        own = f"device/{body.author.hex()}"
        sections = {operation.section for operation in body.operations}
        if body.author == self._keyring.owner or body.author in self._keyring.phrases:
            return change.id in self._keyring.signed
        if body.author == self._keyring.person:
            is_policy = all(section.startswith("policy/") for section in sections)
            return is_policy and change.id in self._keyring.signed
        if entry.kind is EntryKind.FREEZE:
            return body.author == KeyId(body.device)
        if body.counter == 0:
            return sections == {own} and self._keyring.joinkey in signers
        is_leaving = _writes(change) == {(own, "retired"): Held(codec.pack([True]), change.id)}
        return (sections == {f"{own}/facts"} or is_leaving) and body.author == KeyId(body.device)

    def _check_proof(self, entry: Entry, change: Change) -> None:
        """A device is frozen by two heads of its own for one position of one epoch."""
        (operation,), (value,) = change.body.operations, change.values
        device = operation.section.removeprefix("device/")
        public = self._keyring.publics.get(KeyId(bytes.fromhex(device)))
        if operation.key != "frozen" or value is None or public is None:
            raise RuleBroken("R1", f"entry {entry.seq}: freezes nobody")
        try:
            heads = [decode_signed_head(data) for data in codec.unpack(value.data, size_max=len(value.data))]
        except UntrustedInput:
            heads = []
        places = {(h.head.generation, h.head.mandate, h.head.epoch, h.head.seq) for h in heads}
        chains = {h.head.chain for h in heads}
        if (len(places), len(chains)) != (1, 2) or not all(h.signed_by(public, self.cluster) for h in heads):
            raise RuleBroken("R1", f"entry {entry.seq}: freezes a device without proof")

    def _check_attested(self, parent: Logged, entry: Entry, change: Change) -> None:
        """An owner says what the log is at a position, and is right (A42)."""
        (place, held), *more = _writes(change).items()
        owner = self._keyring.owner
        seq, chain, _state = row_of(held) or (0, b"", b"")
        named = at(parent, seq)
        if more or place != ("checkpoint", f"by/{owner.hex()}") or change.body.author != owner:
            raise RuleBroken("R1", f"entry {entry.seq}: attests, and does something else")
        if named is None or named.chain != chain or seq % STEP:
            raise RuleBroken("R1", f"entry {entry.seq}: attests what is not there")

    # --- what becomes of a change ----------------------------------------------------------------

    def _forced(self, plain: Plain, parent: Logged, entry: Entry, change: Change) -> Ruling:
        """The owners name who leads from here on, at a head that they saw; nothing else goes along."""
        writes, where = _writes(change), f"entry {entry.seq}"
        if change.body.author != self._keyring.owner:
            raise RuleBroken("R1", f"{where}: the role is forced by who is no owner")
        rest = {(section.split("/")[0], key) for section, key in writes} - {SUCCESSION, MANDATE}
        if not {SUCCESSION, MANDATE} <= set(writes) or rest - {("device", "retired"), ("device", "frozen")}:
            raise RuleBroken("R1", f"{where}: forces the role, and does not say so, or does more")
        _check_named(parent, entry, writes[MANDATE], entry.mandate)
        return self._led(plain, entry, change, writes)

    def _recovered(self, plain: Plain, parent: Logged, entry: Entry, change: Change) -> Ruling:
        """Who has the phrase that is in force names the next one and who leads (A2, A40)."""
        writes, where = _writes(change), f"entry {entry.seq}"
        in_force, due = plain.row(*RECOVERY), {RECOVERED, RECOVERY, SUCCESSION}
        if in_force is None or bytes(in_force[0]) != self._keyring.publics[change.body.author]:
            raise RuleBroken("R1", f"{where}: recovers by a phrase that is not in force")
        owners = {(s, key) for s, key in plain.records | writes if s == "trust" and key.startswith("owner/")}
        more = {(section.split("/")[0], key) for section, key in writes} - due
        if not due | owners <= set(writes) or more - owners - {("device", "frozen")}:
            raise RuleBroken("R1", f"{where}: recovers, and does not say so, or does more")
        following = row_of(writes[RECOVERY]) or (b"", 0)
        if following[0] == in_force[0] or following[1] != entry.generation:
            raise RuleBroken("R1", f"{where}: recovers, and the phrase can be used again")
        _check_named(parent, entry, writes[RECOVERED], entry.generation)
        ruling = self._led(plain, entry, change, writes)
        return Ruling(writes=ruling.writes)

    def _led(self, plain: Plain, entry: Entry, change: Change, writes: dict[Place, Held]) -> Ruling:
        """The device that was named leads, if it may."""
        where = f"entry {entry.seq}"
        (holders,) = row_of(writes[SUCCESSION]) or ([],)
        after = Plain(plain.records | writes)
        if not holders or holders[0] != entry.writer or not all(map(after.is_member, holders)):
            raise RuleBroken("R1", f"{where}: opened by another than the owners named")
        if after.row(f"device/{entry.writer.hex()}", "frozen") is not None:
            raise RuleBroken("R1", f"{where}: opened by who wrote two logs, and stays frozen")
        if _is_stale(plain, change.body):
            raise RuleBroken("R1", f"{where}: forces the role upon other records than it names")
        return Ruling(writes=writes, counter=_number(change))

    def _changed(self, plain: Plain, entry: Entry, change: Change, *, was_left: bool) -> Ruling:
        code = self.refusal(plain, change, entry.absent)
        if code:
            if (entry.outcome.code, entry.outcome.reason) != (OutcomeCode.REJECTED, code) or not was_left:
                raise RuleBroken("R1", f"entry {entry.seq}: its change is refused there: {code}")
            return Ruling(OutcomeCode.REJECTED)
        if _is_stale(plain, change.body):
            return Ruling(OutcomeCode.SUPERSEDED, counter=_number(change))
        writes = _writes(change) | rolled.followed(plain.records, change)
        former = self._former(plain, change, entry.absent) if change.body.counter == 0 else ""
        if former:
            writes |= place_of(plain, change, former)
        elif change.body.counter == 0:
            writes |= self._decided(plain, change, writes)
        if entry.absent is not None and not former:
            raise RuleBroken("R1", f"entry {entry.seq}: says who is absent, and nothing rests on that")
        return Ruling(writes=writes, counter=_number(change))

    def refusal(self, plain: Plain, change: Change, absent: Absent | None = None) -> str:
        """Return with which code a change is refused at this place; empty if it is not."""
        body = change.body
        if rolled.refused(plain.records, change):
            return rolled.refused(plain.records, change)
        if body.counter == 0:
            return self._no_creation(plain, change, absent)
        if body.author == KeyId(body.device) and not plain.is_member(body.device):
            return "inactive-key" if plain.row(f"device/{body.device.hex()}", "key") else "unknown-key"
        is_person = body.author == self._keyring.person
        if is_person and no_person(plain):
            return no_person(plain)
        if not plain.is_member(body.device):
            return "unknown-device"
        if body.counter <= plain.counters.get((body.author, bytes(body.device)), 0):
            return "counter-used"
        if is_person and no_grant(plain, body):
            return no_grant(plain, body)
        made = {o.section for o in body.operations if o.key == "request" and o.section.startswith("device/")}
        if any(plain.row(section, "key") is not None for section in made):
            return "device-exists"
        if any(o.key == "frozen" and plain.row(o.section, o.key) is not None for o in body.operations):
            return "frozen"
        if _is_stale(plain, body):
            return ""
        return _ungovernable(plain, _writes(change))

    def _former(self, plain: Plain, change: Change, absent: Absent | None) -> str:
        """Return the section of the member as which a device comes back by itself, or nothing (A20)."""
        rule = plain.row(f"joinkey/{self._keyring.joinkey.hex()}", "rule")
        twins = _twins(plain, change)
        if rule is None or rule[6] != "auto" or len(twins) != 1 or absent is None:
            return ""
        (holders,) = plain.row(*SUCCESSION) or ([],)
        is_long = absent.cycles >= ABSENT_CYCLES and _id(twins[0]) == absent.device
        return twins[0] if is_long and _id(twins[0]) not in holders else ""

    def _no_creation(self, plain: Plain, change: Change, absent: Absent | None) -> str:
        body = change.body
        if plain.row(f"device/{body.device.hex()}", "key") is not None:
            return "device-exists"
        rule = plain.row(f"joinkey/{self._keyring.joinkey.hex()}", "rule")
        if rule is None:
            return "unknown-joinkey"
        returns = self._former(plain, change, absent)
        if not returns and _twins(plain, change):
            return "label-known"
        if not returns and rule[4] != "auto":
            return "approval-needed"
        return "" if plain.made < rule[1] else "joinkey-used-up"

    def _decided(self, plain: Plain, change: Change, writes: Mapping[Place, Held]) -> dict[Place, Held]:
        """Name and groups of a new device: its wish with a number if it is taken, and the key's groups."""
        section = f"device/{change.body.device.hex()}"
        rule = plain.row(f"joinkey/{self._keyring.joinkey.hex()}", "rule")
        origin = row_of(writes[section, "origin"])
        assert rule is not None, "the join key is made with the cluster"
        assert origin is not None, "a creation deletes nothing"
        wanted, taken = str(origin[2]), set(_names(plain.records.items()))
        free = (name for name in (wanted, *(f"{wanted}-{n}" for n in range(2, 99))) if name not in taken)
        return {
            (section, "name"): Held(codec.pack([next(free)]), change.id),
            (section, "groups"): Held(codec.pack([rule[3]]), change.id),
        }


def _check_named(parent: Logged, entry: Entry, held: Held, due: int) -> None:
    """What is forced names what it makes, and a head below it (A56)."""
    number, seq, chain = row_of(held) or (0, 0, b"")
    named = at(parent, seq)
    if number != due or named is None or named.chain != chain:
        raise RuleBroken("R1", f"entry {entry.seq}: forces the role at a head that is not below it")


def row_of(held: Held) -> list[Any] | None:
    """Return a record's value; None for one that was deleted."""
    return None if held.data is None else codec.unpack(held.data, size_max=len(held.data))


def holders_of(ruling: Ruling, before: tuple[DeviceId, ...]) -> tuple[DeviceId, ...]:
    """Return the succession behind an entry."""
    row = row_of(ruling.writes[SUCCESSION]) if SUCCESSION in ruling.writes else None
    return before if row is None else tuple(row[0])


def _number(change: Change) -> tuple[KeyId, bytes, int] | None:
    body = change.body
    return (body.author, bytes(body.device), body.counter) if body.counter else None


def _writes(change: Change) -> dict[Place, Held]:
    return {
        (operation.section, operation.key): Held(None if value is None else value.data, change.id)
        for operation, value in zip(change.body.operations, change.values, strict=True)
    }


def _is_stale(plain: Plain, body: Body) -> bool:
    """Tell whether one of the bases is not what stands there."""
    return any(plain.base(o.section, o.key) != o.base for o in body.operations)


def _ungovernable(plain: Plain, writes: dict[Place, Held]) -> str:
    """Return why what a change would leave cannot stand: who leads is a member, names are one device's."""
    after = Plain({**plain.records, **writes})
    (holders,) = after.row(*SUCCESSION) or ([],)
    (before,) = plain.row(*SUCCESSION) or ([],)
    if not all(map(after.is_member, holders)):
        return "no-succession"
    if any((f"device/{device.hex()}", "retired") in writes for device in before):
        return "in-succession"
    devices = {place for place, _ in writes if place.startswith("device/") and place.count("/") == 1}
    if any(after.row(place, "key") is None for place in devices):
        return "bad-value"
    names = list(_names(after.records.items()))
    return "" if len(set(names)) == len(names) else "name-taken"


def _twins(plain: Plain, request: Change) -> list[str]:
    """Return the sections of the members that have the hardware label which a device shows."""
    section = f"device/{request.body.device.hex()}"
    (label,) = row_of(_writes(request)[section, "label"]) or ("",)
    return [
        place
        for (place, key), held in plain.records.items()
        if place.startswith("device/")
        and place.count("/") == 1
        and (key == "label" and place != section and row_of(held) == [label] and plain.is_member(_id(place)))
    ]


def _id(section: str) -> bytes:
    return bytes.fromhex(section.removeprefix("device/"))


def _names(records: Iterable[tuple[Place, Held]]) -> Iterable[str]:
    """Return the devices' names; what a device says below its section, whatever it calls it, is none."""
    for (section, key), held in records:
        is_name = key == "name" and section.startswith("device/") and section.count("/") == 1
        row = row_of(held) if is_name else None
        if row is not None:
            yield str(row[0])
