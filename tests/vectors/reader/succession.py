"""Who must acknowledge what, forced roles, freezes and rejections (log.md, 6, 7 and 9)."""

from __future__ import annotations

from dataclasses import dataclass

from tests.vectors.reader import changes
from tests.vectors.reader.changes import Change, Entry, Head, Operation
from tests.vectors.reader.keys import labelled, verify
from tests.vectors.reader.packing import Decoded, Refused, need, pack
from tests.vectors.reader.state import State

OPEN, CHANGE, HANDOVER, FREEZE = 1, 2, 3, 8
GATE, VOID = 4, 5
MANDATE, SUCCESSION = ("cluster", "mandate"), ("cluster", "succession")
RECOVERED = ("trust", "recovered")


def is_device(section: str) -> bool:
    """Whether it is a section `device/ID`."""
    kind, *rest = section.split("/")
    return kind == "device" and len(rest) == 1


def kind_of(change: Change) -> int:
    """Which kind of entry carries a change."""
    operations = change.body.operations
    if any((one.section, one.key) in {MANDATE, RECOVERED} for one in operations):
        return OPEN
    marks = [one for one in operations if is_device(one.section) and one.key == "frozen" and one.value_hash]
    if marks:
        return FREEZE
    return VOID if any(one.section.startswith("void/") for one in operations) else CHANGE


# A freeze


def check_freeze(state: State, cluster: bytes, change: Change, values: list[Decoded | None]) -> None:
    """Judge the proof of a freeze, its only right."""
    need(len(values) == 1 and values[0], "bad-value")
    (operation,), (value,) = change.body.operations, values
    key = state.get(operation.section, "key")
    need(key, "no-proof")
    need(state.get(operation.section, "frozen") is None, "frozen")
    assert value
    one, other = (changes.signed_head(data) for data in value)
    places = [(h.generation, h.mandate, h.epoch, h.seq) for h in (one.head, other.head)]
    need(places[0] == places[1] and one.head.chain != other.head.chain, "no-proof")
    try:
        one.verify(key[0], cluster)
        other.verify(key[0], cluster)
    except Refused:
        raise Refused("no-proof") from None
    if state.base(operation.section, "frozen") is not None:
        made = tuple((state.get(*place) or [0])[0] for place in (RECOVERED, MANDATE))
        need((one.head.generation, one.head.mandate) >= made, "no-proof")


# A forced role


def _in_a_role(one: Operation) -> bool:
    if (one.section, one.key) in {MANDATE, SUCCESSION}:
        return one.value_hash is not None
    deleted = one.value_hash is None
    return is_device(one.section) and (one.key, deleted) in {("retired", False), ("frozen", True)}


def check_role(
    change: Change, values: list[Decoded | None], entry: Entry, heads: dict[int, Head], after: State
) -> None:
    """Judge what a forced role says, once the fold took it."""
    said = {(o.section, o.key): value for o, value in zip(change.body.operations, values, strict=True)}
    need({MANDATE, SUCCESSION} <= said.keys() and all(map(_in_a_role, change.body.operations)), "bad-role")
    mandate, succession = said[MANDATE], said[SUCCESSION]
    assert mandate
    assert succession
    number, seq, chain = mandate
    need(number == entry.mandate, "superseded")
    need(seq in heads and heads[seq].chain == chain, "not-ancestor")
    need(succession[0][0] == entry.writer, "not-leader")
    need(after.get(f"device/{entry.writer.hex()}", "frozen") is None, "not-leader")


# Rejected


def check_rejected(state: State, cluster: bytes, change: Change, packed_body: bytes) -> None:
    """Refuse to reject a change that the fold refused: all who signed are known, and did."""
    body, signers = change.body, dict(change.signatures)
    known = {name: having[0].public for name, having in state.subjects().items() if name in signers}
    brought = {
        bytes.fromhex(one.section[7:]): value.value[0]
        for one, value in zip(body.operations, change.values, strict=True)
        if value and isinstance(value.value, list) and is_device(one.section) and one.key == "key"
    }
    need(body.cluster == cluster and kind_of(change) != OPEN and body.author in signers, "outcome")
    need(known and signers.keys() <= known.keys() | brought.keys(), "outcome")
    for signer, signature in change.signatures:
        verify((brought | known)[signer], "dusk.change", cluster, packed_body, signature)


# Settled


@dataclass(frozen=True)
class Term:
    """From which entry on a succession was in force, and whether by force."""

    seq: int
    holders: list[bytes]
    forced: bool


def must(terms: tuple[Term, ...], seq: int, settled: int) -> set[bytes]:
    """Who must acknowledge an entry to settle it."""
    counting = [term for term in terms if term.seq <= settled][-1:]
    counting += [term for term in terms if settled < term.seq <= seq]
    forced = [place for place, term in enumerate(counting) if term.forced]
    return {holder for term in counting[forced[-1] if forced else 0 :] for holder in term.holders}


@dataclass(frozen=True)
class Settled:
    """How far a log is settled."""

    terms: tuple[Term, ...] = ()
    seq: int = 0

    def by_head(self, seq: int, writer: bytes) -> Settled:
        """Settle what a signed head settles by itself."""
        now = self.seq
        ends = [term.seq - 1 for term in self.terms if now < term.seq <= seq]
        for end in [*ends, seq]:
            if end > now and must(self.terms, end, now) == {writer}:
                now = end
        return Settled(self.terms, now)

    def by_certificate(self, read: changes.Certificate, state: State, cluster: bytes) -> Settled:
        """Settle what a certificate for an entry of ours settles."""
        seq, acks = read.head.seq, dict(read.acks)
        if seq <= self.seq:
            return self
        need(must(self.terms, seq, self.seq) <= acks.keys(), "unsettled")
        need(acks.keys() <= must(self.terms, seq, 0), "unsettled")
        head = read.head
        packed = pack([head.generation, head.mandate, head.epoch, head.seq, head.chain])
        for device, signature in read.acks:
            public = state.get(f"device/{device.hex()}", "key")[0]
            verify(public, "dusk.ack", cluster, labelled("dusk.ack", packed), signature)
        return Settled(self.terms, seq)
