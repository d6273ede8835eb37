"""Who may change what, the fold, and which entries a replica takes (log.md, 3 and 6 to 8)."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import Any

from tests.vectors.reader import (
    approvals,
    authority,
    changes,
    naming,
    recovery,
    returning,
    rollouts,
    room,
    secrecy,
    succession,
)
from tests.vectors.reader.changes import Change, Entry, Head, Operation, SignedHead
from tests.vectors.reader.keys import ZEROS, key_id, labelled, verify
from tests.vectors.reader.packing import Decoded, Refused, need, pack
from tests.vectors.reader.records import FACTS_MAX, record
from tests.vectors.reader.state import Record, State, Subject, section_hash
from tests.vectors.reader.succession import Settled

EPOCHS_AHEAD = 2**20
NO_HEAD = Head(0, 0, 0, 0, ZEROS)


# The rules that hold afterwards

NEVER_WRITTEN = {*approvals.ASKED, "request"}
NEVER_DELETED = {"device": {"name", "groups", "retired"}, "joinkey": {"rule", "revoked"}, "user": {"key"}}


def _afterwards(
    before: State, after: State, change: Change, values: list[Decoded | None], made: approvals.Made
) -> None:
    touched = {one.section for one in change.body.operations}
    kinds = {path.split("/")[0] for path in touched}
    owners = after.owners()
    if "trust" in kinds:
        quorum = after.get("trust", "quorum")
        need(quorum and len(owners) >= quorum[0], "too-few-owners")
    if kinds & {"cluster", "device"}:
        leaders = after.succession()
        need(leaders and all(after.device_active(device) for device in leaders), "no-succession")
    _stays_in_succession(before, change)
    need(not any(after.get(f"user/{name}", "disabled") for name in owners), "bad-value")
    for one in change.body.operations:
        if one.section not in made:
            _not_touched(before, after, one)
    for one, value in zip(change.body.operations, values, strict=True):
        if one.section.startswith("joinkey/") and one.key == "rule":
            assert value
            need(before.base(one.section, "rule") is None, "bad-value")
            need(one.section[8:] == key_id(value[0]).hex(), "bad-value")
    for path in touched:
        if path.endswith("/facts"):
            need(len(after.sections[path]) <= FACTS_MAX, "bad-value")
    for one, value in zip(change.body.operations, values, strict=True):
        if one.section.startswith("device/") and one.key == "name" and value and "/" not in one.section[7:]:
            need(value[0] not in after.names(one.section), "name-taken")
    _one_subject_a_key(before, after, change, values)
    _recovery_key(before, after, change, values)
    _joins(change)


def _joins(change: Change) -> None:
    written = {(one.section, one.key) for one in change.body.operations}
    need(("trust", "joins") not in written or recovery.RECOVERED in written, "bad-value")


def _recovery_key(before: State, after: State, change: Change, values: list[Decoded | None]) -> None:
    having = after.get(*recovery.RECOVERY)
    if having is None:
        return
    if any((one.section, one.key) == recovery.RECOVERY for one in change.body.operations):
        recovered = after.get(*recovery.RECOVERED)
        need(having[1] == (recovered[0] if recovered else 0), "bad-value")
        subjects = before.subjects().keys() | after.subjects().keys()
        need(key_id(having[0]) not in subjects, "bad-value")
    need(all(public != having[0] for public, _, _ in _written_keys(change, values)), "bad-value")


def _stays_in_succession(before: State, change: Change) -> None:
    forced = succession.kind_of(change) == succession.OPEN
    leading = {f"device/{device.hex()}" for device in before.succession()}
    for one in change.body.operations:
        if not forced:
            need(one.section not in leading or one.key != "retired", "in-succession")
            unmarked = succession.is_device(one.section) and (one.key, one.value_hash) == ("frozen", None)
            need(not unmarked, "bad-value")


def _not_touched(before: State, after: State, one: Operation) -> None:
    kind, *rest = one.section.split("/")
    if kind == "device":
        need(len(rest) > 1 or one.key not in NEVER_WRITTEN, "bad-value")
        need(len(rest) > 1 or before.get(one.section, "key"), "bad-value")
        need(len(rest) > 1 or one.key != "rebound" or before.base(one.section, "rebound"), "bad-value")
        need(len(rest) > 1 or one.key != "wipe" or after.get(one.section, "retired"), "bad-value")
    if one.value_hash is None and len(rest) == 1:
        need(one.key not in NEVER_DELETED.get(kind, set()), "bad-value")


def _written_keys(change: Change, values: list[Decoded | None]) -> list[tuple[bytes, str, str]]:
    rows = []
    for one, value in zip(change.body.operations, values, strict=True):
        kind, _, name = one.section.partition("/")
        if value is not None and kind == "trust" and one.key.startswith("owner/"):
            rows.append((value[0], "person", one.key[6:]))
        elif value is not None and (kind, one.key) in {
            ("user", "key"),
            ("joinkey", "rule"),
            ("device", "key"),
        }:
            rows.append((value[0], "person" if kind == "user" else kind, name))
    return rows


def _one_subject_a_key(before: State, after: State, change: Change, values: list[Decoded | None]) -> None:
    was, becomes = before.subjects(), after.subjects()
    for public, kind, name in _written_keys(change, values):
        having = was.get(key_id(public), []) + becomes.get(key_id(public), [])
        need(all((one.kind, one.name) == (kind, name) for one in having), "bad-value")


# The fold

Outcome = tuple[int, bytes | None, str]
APPLIED: Outcome = (0, None, "")
REJECTED = 2


def _values(change: Change) -> list[Decoded | None]:
    try:
        return [
            record(one.section, one.key, value.data if value else None)
            for one, value in zip(change.body.operations, change.values, strict=True)
        ]
    except Refused:
        raise Refused("bad-value") from None


def _packed_body(change: Change) -> bytes:
    body = change.body
    rows = [[one.section, one.key, one.value_hash, one.base] for one in body.operations]
    return pack([1, body.cluster, body.author, body.device, body.counter, body.message, rows])


def check_signature(change: Change, signer: bytes, public: bytes) -> None:
    """Refuse a signature on a change that does not verify with the signer's key."""
    signature = dict(change.signatures)[signer]
    verify(public, "dusk.change", change.body.cluster, _packed_body(change), signature)


def fold(
    state: State, cluster: bytes, change: Change, entry: Entry, *, is_role: bool = False
) -> tuple[State, Outcome, list[str]]:
    """Fold a change: the state afterwards, the outcome, the sections written; or refuse it."""
    after, outcome, written = _judged(state, cluster, change, entry, is_role=is_role)
    return after, outcome, rollouts.follow(state, after, change, written) if outcome == APPLIED else []


def _judged(
    state: State, cluster: bytes, change: Change, entry: Entry, *, is_role: bool
) -> tuple[State, Outcome, list[str]]:
    body = change.body
    need(body.cluster == cluster, "foreign-cluster")
    values = _values(change)
    secrecy.check(state, change, values)
    rollouts.check(state, change, values, entry)
    kind = succession.kind_of(change)
    need(is_role or kind != succession.OPEN, "wrong-kind")
    if body.counter == 0:
        return _created(state, change, values, entry)
    signers = _signers(state, change)
    need(state.device_active(body.device), "unknown-device")
    counter = f"counter/{body.author.hex()}/{body.device.hex()}"
    need(body.counter > state.derived.get(counter, 0), "counter-used")
    made = approvals.made(state, cluster, change, values, check_signature)
    if kind == succession.FREEZE:
        succession.check_freeze(state, cluster, change, values)
    if kind == succession.VOID:
        authority.check_void(state, body.operations)
    rows = list(zip(body.operations, values, strict=True))
    doing = authority.Doing(state, {(one.section, one.key): value for one, value in rows}, made)
    for one, value in rows:
        if kind != succession.FREEZE:
            authority.authorize(doing, one, value, signers)
    after = state.copy()
    after.derived[counter] = body.counter
    for one in body.operations:
        last = state.base(one.section, one.key)
        if one.base != last:
            return after, (1, last, ""), []
    for one, value in zip(body.operations, values, strict=True):
        after.write(one.section, one.key, Record(value, one.value_hash, change.id))
    _afterwards(state, after, change, values, made)
    room.check(state, after, change, by_owner=any(one.owner for one in signers))
    authority.count_passed(state, after, change, values)
    approvals.count(after, made)
    return after, APPLIED, sorted({one.section for one in body.operations})


def _signers(state: State, change: Change) -> list[Subject]:
    need(change.body.author in dict(change.signatures), "missing-signatures")
    subjects = state.subjects()
    found: list[Subject] = []
    for signer, _ in change.signatures:
        having = [one for one in subjects.get(signer, []) if one.kind != "joinkey"]
        need(having, "unknown-key")
        need(any(one.active for one in having), "inactive-key")
        check_signature(change, signer, having[0].public)
        found += having
    return found


def _created(
    state: State, change: Change, values: list[Decoded | None], entry: Entry
) -> tuple[State, Outcome, list[str]]:
    body, device = change.body, change.body.device
    path = f"device/{device.hex()}"
    said = {one.key: value for one, value in zip(body.operations, values, strict=True)}
    need(body.author == device, "bad-request")
    written = {(one.section, one.key) for one in body.operations}
    need(written == {(path, key) for key in approvals.ASKED}, "bad-request")
    need(all(one.base is None for one in body.operations), "bad-request")
    need(state.base(path, "key") is None, "device-exists")
    key, label, origin = said["key"], said["label"], said["origin"]
    need(device not in state.subjects(), "bad-request")
    if not (key and label and origin):
        raise Refused("bad-request")
    need(key_id(key[0]) == device, "bad-request")
    need(not state.get(f"joinkey/{origin[0]}", f"rejected/{device.hex()}"), "join-rejected")
    rule = _joinkey(state, origin[0], label[0], entry)
    joinkey = key_id(rule[0])
    need({signer for signer, _ in change.signatures} == {device, joinkey}, "missing-signatures")
    check_signature(change, device, key[0])
    check_signature(change, joinkey, rule[0])
    former = returning.former(state, label[0], rule, entry.absent)
    need(former or not approvals.has_twin(state, label[0]), "label-known")
    need(former or rule[4] == "auto", "approval-needed")
    need(state.derived.get(f"uses/{origin[0]}", 0) < rule[1], "joinkey-used-up")
    after = state.copy()
    for one in body.operations:
        after.write(path, one.key, Record(said[one.key], one.value_hash, change.id))
    name = naming.decide(origin[2], rule[7], state.names())
    rows: returning.Rows = {(path, "name"): [name], (path, "groups"): [rule[3]]}
    rows = returning.place(state, device, former) if former else rows
    returning.write(after, change.id, rows)
    uses = f"uses/{joinkey.hex()}"
    after.derived[uses] = after.derived.get(uses, 0) + 1
    return after, APPLIED, sorted({path, *(section for section, _ in rows)})


def _joinkey(state: State, joinkey: str, label: str, entry: Entry) -> list[Any]:
    path = f"joinkey/{joinkey}"
    rule = state.get(path, "rule")
    if rule is None:
        raise Refused("unknown-joinkey")
    _, _, expiry, _, _, labels, _, _ = rule
    need(state.get(path, "revoked") is None, "joinkey-revoked")
    need(not labels or any(naming.fits(pattern, label) for pattern in labels), "label-not-listed")
    need(expiry == 0 or entry.clock_trusted, "clock-unknown")
    need(expiry == 0 or entry.time_s < expiry, "joinkey-expired")
    return list(rule)


def _founded(change: Change, writer: bytes) -> State:
    body = change.body
    need((body.cluster, body.counter) == (ZEROS, 1), "bad-genesis")
    try:
        values = _values(change)
    except Refused:
        raise Refused("bad-genesis") from None
    said = {(one.section, one.key): value for one, value in zip(body.operations, values, strict=True)}
    owner = next((key[6:] for section, key in said if section == "trust" and key.startswith("owner/")), "")
    path = f"device/{body.device.hex()}"
    exactly = {("trust", key) for key in (f"owner/{owner}", "quorum", "recovery")}
    exactly |= {("cluster", key) for key in ("name", "succession", "cycle", "level")}
    exactly |= {(f"user/{owner}", "key"), (f"user/{owner}", "sealed")}
    exactly |= {(path, key) for key in ("key", "name", "label", "groups", "origin")}
    need(set(said) - {("cluster", "manual-backup")} == exactly and None not in said.values(), "bad-genesis")
    need(all(one.base is None for one in body.operations), "bad-genesis")
    person, key = said["trust", f"owner/{owner}"], said[path, "key"]
    assert person
    assert key
    need(said["trust", "quorum"] == [1], "bad-genesis")
    need(said["cluster", "succession"] == [[body.device]], "bad-genesis")
    need(said[f"user/{owner}", "key"] == person and person != key, "bad-genesis")
    ids = key_id(person[0]), key_id(key[0]), writer
    need(ids == (body.author, body.device, body.device), "bad-genesis")
    need({signer for signer, _ in change.signatures} == {body.author, body.device}, "missing-signatures")
    check_signature(change, body.author, person[0])
    check_signature(change, body.device, key[0])
    state = State()
    for one in body.operations:
        written = Record(said[one.section, one.key], one.value_hash, change.id)
        state.write(one.section, one.key, written)
    state.derived[f"counter/{body.author.hex()}/{body.device.hex()}"] = 1
    return state


# The replica


@dataclass
class Log:
    """A replica of a log: the state at its head, and what it compares with."""

    cluster: bytes
    head: Head = NO_HEAD
    state: State = field(default_factory=State)
    writer: bytes = b""
    heads: dict[int, Head] = field(default_factory=dict)
    items: dict[int, bytes] = field(default_factory=dict)
    known: set[bytes] = field(default_factory=set)
    handed_over: bool = False
    settled: Settled = field(default_factory=Settled)
    signed: int = 0
    writers: dict[int, bytes] = field(default_factory=dict)

    def copy(self) -> Log:
        """Copy it, so that items are taken together or not at all."""
        other = copy(self)
        other.heads, other.items, other.known = dict(self.heads), dict(self.items), set(self.known)
        other.writers = dict(self.writers)
        return other

    def take(self, items: list[tuple[int, bytes]]) -> Log:
        """Give the log with what a signed head covers of these items; whatever is wrong refuses all."""
        held = self.head.seq
        trial, covered = self.copy(), self.copy()
        waiting: list[changes.Certificate] = []
        for kind, data in items:
            need(kind in {1, 2, 3}, "unknown-kind")
            if kind == 1:
                trial.take_entry(data, held)
            elif kind == 3:
                waiting.append(changes.certificate(data))
            elif trial.take_head(data):
                trial.signed = trial.head.seq
                covered = trial
            if trial.head == covered.head:
                trial.settle(waiting)
                waiting = []
                covered = trial.copy()
        covered.settle(waiting)
        return covered

    def settle(self, waiting: list[changes.Certificate]) -> None:
        """Settle what the newest signed head and certificates settle."""
        self._settle_by_head()
        for one in waiting:
            need(self.heads.get(one.head.seq) == one.head, "head")
            self.settled = self.settled.by_certificate(one, self.state, self.cluster)
            self._settle_by_head()

    def _settle_by_head(self) -> None:
        if self.signed:
            self.settled = self.settled.by_head(self.signed, self.writers[self.signed])

    def take_entry(self, data: bytes, held: int) -> None:
        """Take an entry with its change, or compare it."""
        packed, brought = changes.item(data)
        entry = changes.entry(packed)
        if 1 <= entry.seq <= held:
            need(self.items[entry.seq] == data, "fork")
            return
        digest = labelled("dusk.entry", packed)
        need(entry.seq == self.head.seq + 1 and entry.previous == self.head.chain, "position")
        is_role = entry.kind == succession.OPEN and entry.change is not None and entry.seq > 1
        change = changes.change(brought) if brought else None
        recovers = is_role and change is not None and recovery.is_one(change)
        raised = (self.head.generation + recovers, self.head.mandate + (is_role and not recovers))
        need((entry.generation, entry.mandate) == raised, "position")
        self._follow(entry, change, digest)
        self.head = entry.head(digest)
        self.heads[entry.seq], self.items[entry.seq] = self.head, data
        self.writers[entry.seq] = self.writer
        self.handed_over = entry.kind == succession.HANDOVER
        holders = self.state.succession()
        if is_role or not self.settled.terms or self.settled.terms[-1].holders != holders:
            term = succession.Term(entry.seq, holders, is_role)
            self.settled = Settled((*self.settled.terms, term), self.settled.seq)

    def _follow(self, entry: Entry, change: Change | None, digest: bytes) -> None:
        need(entry.kind in {1, 2, 3, 4, 5, 8}, "unknown-kind")
        if entry.seq == 1:
            self._found(entry, change, digest)
            return
        if entry.kind == 1:
            self._open(entry, change)
            return
        need(entry.epoch == self.head.epoch, "epoch")
        need(entry.writer == self.writer and self.state.device_active(self.writer), "writer")
        need(not self.handed_over, "writer")
        if entry.kind in {succession.HANDOVER, succession.GATE}:
            need(change is None, "other-change")
            gates = entry.kind == succession.GATE
            after, written = rollouts.gate(self.state, entry) if gates else (self.state, [])
            self._agree(entry, after, (0, None, entry.outcome[2] if gates else ""), written)
            return
        if change is None:
            raise Refused("entry-without-change")
        need(change.id not in self.known, "known")
        need(entry.kind == succession.kind_of(change), "wrong-kind")
        self._agree(entry, *self._folded(entry, change))
        self.known.add(change.id)

    def _folded(self, entry: Entry, change: Change) -> tuple[State, Outcome, list[str]]:
        try:
            return fold(self.state, self.cluster, change, entry)
        except Refused as refused:
            if entry.outcome[0] != REJECTED:
                raise
            succession.check_rejected(self.state, self.cluster, change, _packed_body(change))
            return self.state, (REJECTED, None, refused.word), []

    def _found(self, entry: Entry, change: Change | None, digest: bytes) -> None:
        need(1 <= entry.epoch <= EPOCHS_AHEAD, "epoch")
        if change is None or entry.kind != 1:
            raise Refused("bad-genesis")
        state = _founded(change, entry.writer)
        need(digest == self.cluster, "other-cluster")
        self.writer = entry.writer
        self._agree(entry, state, APPLIED, sorted(state.sections))
        self.known.add(change.id)

    def _open(self, entry: Entry, change: Change | None) -> None:
        need(self.head.epoch < entry.epoch <= self.head.epoch + EPOCHS_AHEAD, "epoch")
        if change is not None:
            need(change.id not in self.known, "known")
            need(succession.kind_of(change) == succession.OPEN, "bad-role")
            if recovery.is_one(change):
                self._recovered(entry, change)
                self.writer = entry.writer
                return
            after, outcome, written = fold(self.state, self.cluster, change, entry, is_role=True)
            need(outcome == APPLIED, "superseded")
            succession.check_role(change, _values(change), entry, self.heads, after)
            self._agree(entry, after, outcome, written)
            self.known.add(change.id)
        else:
            may = entry.writer in self.state.succession() and self.state.device_active(entry.writer)
            need(may and self.state.get(f"device/{entry.writer.hex()}", "frozen") is None, "writer")
            self._agree(entry, self.state, APPLIED, [])
        self.writer = entry.writer

    def _recovered(self, entry: Entry, change: Change) -> None:
        body, state, generation = change.body, self.state, self.head.generation
        need(body.cluster == self.cluster, "foreign-cluster")
        values = _values(change)
        said = {(o.section, o.key): value for o, value in zip(body.operations, values, strict=True)}
        public = recovery.check_signed(state, change, said)
        try:
            check_signature(change, body.author, public)
        except Refused:
            raise Refused("spent-phrase") from None
        need(state.device_active(body.device), "unknown-device")
        recovery.check_place(entry, said, generation, self.heads)
        need(all(one.base == state.base(one.section, one.key) for one in body.operations), "superseded")
        recovery.check_follows(said, generation, public)
        after = state.copy()
        for one, value in zip(body.operations, values, strict=True):
            after.write(one.section, one.key, Record(value, one.value_hash, change.id))
        _afterwards(state, after, change, values, {})
        recovery.check_owners(state, said)
        recovery.check_leads(change, entry, said, after)
        self._agree(entry, after, APPLIED, sorted({one.section for one in body.operations}))
        self.known.add(change.id)

    def _agree(self, entry: Entry, after: State, outcome: Outcome, written: list[str]) -> None:
        need(entry.outcome == outcome, "outcome")
        need(entry.absent is None or returning.rests_on(self.state, after, entry.absent), "outcome")
        hashes = [(path, section_hash(after.sections.get(path, {}))) for path in written]
        need(entry.sections == hashes and entry.derived == after.derived_hash(), "hashes")
        self.state = after

    def take_head(self, data: bytes) -> bool:
        """Verify a signed head for the newest entry so far, or compare one below."""
        signed = changes.signed_head(data)
        if signed.head.seq < self.head.seq:
            held = self.heads.get(signed.head.seq, NO_HEAD)
            need(held.chain == signed.head.chain, "fork")
            return False
        need(signed.head == self.head, "head")
        self.verify(signed)
        return True

    def verify(self, signed: SignedHead) -> None:
        """Verify a signed head by the key of the device that opened the epoch."""
        public = self.state.get(f"device/{self.writer.hex()}", "key")
        signed.verify(public[0], self.cluster)
