"""Going over to a checkpoint that somebody serves: only forward, and only with the owners' word (R4, R5).

The own log may end below it, on its branch: then the checkpoint is where that log would have
come to. Or it parts from it further down. Then what is final here stays, and what is not may
be left, as for any branch that is settled: the owners of here must have attested that.
"""

from collections.abc import Sequence
from typing import NamedTuple

from dusk.changelog import foundation
from dusk.changelog.forkchoice import Base, Branch, Choice, Raise, Rule, choose
from dusk.changelog.foundation import Foundation
from dusk.changelog.history import ForkFound
from dusk.changelog.items import verified_entry
from dusk.changelog.kinds import is_recovery
from dusk.changelog.log import Log
from dusk.changelog.newer import NewerVersion, later_entry, part
from dusk.changelog.raises import first_raise, own_branch, rights_at
from dusk.effects import ItemKind, LogItem, LostBranch
from dusk.errors import UntrustedInput
from dusk.ids import ClusterId, Seq


class Unfit(UntrustedInput):
    """A checkpoint that takes the place of no log here, whatever stands above it."""


class Apart(ForkFound, Unfit):
    """The same as long as the log here stands where it does."""


class NotInForce(UntrustedInput):
    """What is known of the log above a checkpoint does not decide; what follows may."""


class Adopted(NamedTuple):
    """A checkpoint that takes the place of a log.

    Args:
        seq: where it stands.
        log: the new log.
        items: what of it stands above the checkpoint.
        lost: what the old log had alone; None for nothing.
        settled: up to where the old log was settled: behind the fork, if owners said so (R4).
    """

    seq: Seq
    log: Log
    items: tuple[LogItem, ...]
    lost: LostBranch | None
    settled: Seq


def adopt(log: Log, data: bytes, items: Sequence[LogItem]) -> Adopted | None:
    """Verify a checkpoint with what stands above it, and tell what going over to it means.

    Args:
        log: the own log, which is not changed.
        data: the foundation.
        items: from the entry above it on, up to a signed head.

    Returns:
        None where the own log has come to that checkpoint by itself.

    Raises:
        Apart: it contradicts what is final here.
        ForkFound: so it does, by what is known of the log above it; owners may force a role there.
        NewerVersion: this version cannot read what stands right above it (R13).
        NotInForce: what stands above does not make it a checkpoint that is final, so far.
        UntrustedInput: anything in it is wrong, or owners of here have not attested it.
    """
    found = _read(data, log.cluster)
    seq, ours = found.head.seq, log.head.seq
    if log.chain_at(seq) == found.head.chain:
        return None
    fork = _fork(log, found)
    if log.named(fork) != found.ground.history.named(fork):
        raise Unfit("a checkpoint that says of our own log that it had other owners")
    other = Log(log.cluster, ground=found.ground)
    taken, later = _extended(other, items)
    if other.newest is None:
        raise UntrustedInput("a checkpoint without a signed head behind it")
    if other.checkpoint < seq:  # else keys of owners of then would do, though they are none now
        if later is not None:
            raise NewerVersion(later)
        raise NotInForce("a checkpoint that the log above it does not put in force, or not for good")
    left = LostBranch(fork, _behind(log, fork)) if fork < ours else None
    if left is not None:
        _check_may_leave(log, found, _Other(other, taken), fork)
    return Adopted(seq, other, taken, left, log.settled)


def _read(data: bytes, cluster: ClusterId | None) -> Foundation:
    try:
        return foundation.read(data, cluster)
    except UntrustedInput as error:
        raise Unfit(str(error)) from None


def _extended(log: Log, items: Sequence[LogItem]) -> tuple[tuple[LogItem, ...], Seq | None]:
    """Take what stands above the checkpoint; returns that, and where a later version begins, if one does."""
    try:
        return log.extend(items), None
    except UntrustedInput:
        parted = part(items)
        if parted is None:
            raise
        taken = log.extend(parted.before)
        later = later_entry(log, log.head, log.leader, parted.rest)
        if later is None:
            raise
        if not taken:
            raise NewerVersion(later) from None
        return taken, later


def _fork(log: Log, found: Foundation) -> Seq:
    """Return the newest position that both logs have."""
    low, high = 0, int(min(log.head.seq, found.head.seq))
    while low < high:
        middle = (low + high + 1) // 2
        if log.chain_at(middle) == found.ground.history.chain_at(middle):
            low = middle
        else:
            high = middle - 1
    return Seq(low)


class _Other(NamedTuple):
    """The other branch: its log, and what was taken of it above the checkpoint."""

    log: Log
    taken: tuple[LogItem, ...]


def _check_may_leave(log: Log, found: Foundation, other: _Other, fork: Seq) -> None:
    """Check that the other branch stands above ours, as for any, and that owners of here attested it.

    Its first entry is gone, so where that alone would decide, ours stays. Where it was recovered by
    the phrase that is in force here, its owners are in the place of those of here.
    """
    at, ours, theirs = log.head_at(fork), log.head, other.log.head
    assert at is not None, "it is not below what the log stands on"
    base = Base(fork, at.generation, at.mandate, (), log.settled)
    first, raised = _judged(log, other.log, [*found.kept, *other.taken], fork)
    is_recovered = raised is Raise.NEW and theirs.generation > at.generation
    if not is_recovered and len(found.signers & log.state.owners().keys()) < log.state.quorum:
        raise Apart(
            f"a checkpoint of another branch, behind entry {fork}, that the owners of here did not attest"
        )
    chosen = choose(
        Branch(None, ours.generation, ours.mandate, Raise.NONE, log.settled > fork),
        Branch(None, theirs.generation, theirs.mandate, raised, other.log.settled > fork),
        base,
    )
    if chosen.choice is Choice.THEIRS:
        return
    text = f"{_WORDS[chosen.rule]}, behind entry {fork}; it is refused"
    if 0 < first <= found.head.seq and raised is not Raise.NEW:
        raise Apart(text)
    raise ForkFound(text)


_WORDS = {
    Rule.CERTIFIED: "a checkpoint would undo what is final",
    Rule.GENERATION: "a checkpoint is of before the cluster was recovered here",
    Rule.MANDATE: "a checkpoint is of before owners forced a role here",
    Rule.FIRST_ENTRY: "a checkpoint would undo what is final, and owners forced as many roles here",
}
"""Why a branch stays; for want of a certificate none does: what stands on a checkpoint has one."""


def _judged(log: Log, other: Log, items: Sequence[LogItem], fork: Seq) -> tuple[Seq, Raise]:
    """Judge the raise that counts for the other branch by who may raise at the own head.

    Which role is the first, the successions say, which owners attest. One that is not kept any more
    counts for nothing. All RECOVERs are kept: each changed the owners.

    Args:
        log: the own log.
        other: the other.
        items: of that, as far as they are here.
        fork: what both have in common.

    Returns:
        Where it stands, 0 for nowhere, and what it is to this log.
    """
    first = next((term.seq for term in other.ground.terms.all if term.forced and term.seq > fork), None)
    if first is None:
        return Seq(0), Raise.NONE
    raising = first_raise(i for i in items if i.kind is ItemKind.ENTRY and verified_entry(i).seq > fork)
    at = None if raising is None else other.position_of(raising.id)
    if raising is None or at is None or not (is_recovery(raising) or at == first):
        return first, Raise.FOREIGN
    return at, rights_at(log.state).judge(raising, own_branch(_behind(log, fork)))


def _behind(log: Log, fork: Seq) -> tuple[LogItem, ...]:
    items = log.kept_behind(fork)
    if items is None:
        raise Apart(f"the log there parts from ours at entry {fork}, too long ago")
    return items
