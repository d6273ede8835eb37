"""Owners attest what the whole state was; enough of them make a checkpoint (`specs/log.md`, section 12).

An attestation states, and sets nothing: a replica whose own state at that position was another
one refuses it (A42). Below a checkpoint no values and operations are needed any more.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from dusk import codec, limits
from dusk.changelog.body import Change, Edit
from dusk.changelog.kinds import CHECKPOINT
from dusk.changelog.milestone import Milestone
from dusk.changelog.state import DerivedWrite, State
from dusk.errors import Refused
from dusk.ids import ChainHash, Head, KeyId, Seq

IN_FORCE = "checkpoint"
"""Derived number: position of the newest checkpoint, 0 for none."""


class Attested(NamedTuple):
    """What an owner says that the log and the state were."""

    seq: Seq
    chain: ChainHash
    state: bytes


def attest_key(owner: KeyId) -> str:
    """Return the record in which an owner attests."""
    return f"by/{owner.hex()}"


def attested_row(seq: int, milestone: Milestone) -> bytes:
    """Return the value of that record."""
    return codec.pack((seq, milestone.chain, milestone.state))


def read_attested(data: bytes) -> Attested:
    """Read the value of a record that is known to be what may stand there."""
    return Attested(*codec.unpack(data, size_max=len(data)))


def attested_by(change: Change) -> Attested | None:
    """Return what the author of a change attests with it; None where it does not do just that."""
    body, values = change.body, change.values
    if len(values) != 1 or values[0] is None:
        return None
    place = (body.operations[0].section, body.operations[0].key)
    return read_attested(values[0].data) if place == (CHECKPOINT, attest_key(body.author)) else None


def check_attestation(state: State, change: Change) -> None:
    """Check an attestation; its signers are verified.

    Raises:
        Refused: ``bad-value`` where it is something else too, ``missing-signatures`` where no owner of
            then and now signed, ``attested`` where it is no news, ``other-state``.
    """
    attested, author = attested_by(change), change.body.author
    if attested is None or len(change.signatures) != 1:
        raise Refused("bad-value", "an owner attests the state with a record of his own, and nothing else")
    milestone = state.milestones.get(attested.seq)
    if milestone is None or not _may_be_attested(state, attested.seq):
        raise Refused("attested", f"version {attested.seq} is not one to attest now")
    former = state.record(CHECKPOINT, attest_key(author))
    if former is not None and former.data is not None and read_attested(former.data).seq >= attested.seq:
        raise Refused("attested", f"version {attested.seq} was attested by this owner")
    if author not in state.owners() or author not in milestone.owners:
        raise Refused("missing-signatures", f"version {attested.seq} is attested by who was an owner then")
    if (attested.chain, attested.state) != (milestone.chain, milestone.state):
        raise Refused("other-state", f"the state at version {attested.seq} was another one here")


def _may_be_attested(state: State, seq: int) -> bool:
    newest = next(reversed(state.milestones))
    window = limits.MILESTONES_MAX * limits.CHECKPOINT_STEP
    return seq > max(state.derived(IN_FORCE), newest - window)


def completed(state: State, change: Change) -> Iterator[DerivedWrite]:
    """Yield what an attestation that is in order makes: a checkpoint, once enough owners agree."""
    attested = attested_by(change)
    assert attested is not None, "it was checked"
    milestone = state.milestones[attested.seq]
    agreeing = {change.body.author}
    for owner in milestone.owners & state.owners().keys():
        record = state.record(CHECKPOINT, attest_key(owner))
        if record is not None and record.data is not None and read_attested(record.data) == attested:
            agreeing.add(owner)
    if len(agreeing) >= max(milestone.quorum, state.quorum):
        yield DerivedWrite(IN_FORCE, attested.seq)


class Readable(Protocol):
    """What is needed of a log to say what is due."""

    state: State
    head: Head

    @property
    def settled(self) -> Seq:
        """Up to where it is final."""

    @property
    def floor(self) -> Seq:
        """What it stands on: below that nothing of it is here."""


def to_attest(log: Readable, owner: KeyId) -> Edit | None:
    """Return what an owner should attest now; None for nothing."""
    seq = due(log.state, owner, log.head.seq, log.settled, log.floor)
    if seq is None:
        return None
    record = log.state.record(CHECKPOINT, attest_key(owner))
    row = attested_row(seq, log.state.milestones[seq])
    return Edit(CHECKPOINT, attest_key(owner), row, None if record is None else record.base)


def is_undone(state: State, floor: int) -> bool:
    """Tell whether what made a log's foundation a checkpoint was undone.

    Owners do that by a role that they force, or by a recovery, from an older head. Nobody takes that
    foundation from this device any more, and what is below it is not here.
    """
    return floor > state.derived(IN_FORCE)


def due(state: State, owner: KeyId, head: int, settled: int, floor: int = 0) -> Seq | None:
    """Return the position that an owner should attest now: the newest that is final and no recent history.

    Where the log stands on what is no checkpoint any more, recent history, too: before there is a new
    one, nobody gets the log from here who lacks what is below.

    Args:
        state: of the log.
        owner: who would sign.
        head: the log's newest position.
        settled: up to where it is final.
        floor: what the log stands on; 0 for its first entry.
    """
    limit = settled if is_undone(state, floor) else min(settled, head - limits.RETENTION_ENTRIES)
    former = state.record(CHECKPOINT, attest_key(owner))
    last = 0 if former is None or former.data is None else read_attested(former.data).seq
    for seq in reversed(state.milestones):
        if seq <= limit:
            is_due = seq > last and _may_be_attested(state, seq) and owner in state.milestones[seq].owners
            return Seq(seq) if is_due and owner in state.owners() else None
    return None
