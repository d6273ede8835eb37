"""Going over to a checkpoint that somebody serves: only forward, and only with the owners' word (R4, R5).

The own log may end below it, on its branch: then the checkpoint is where that log would have
come to. Or it parts from it further down. Then what is final here stays, and what is not may
be left, as for any branch that is settled: the owners of here must have attested that.
"""

from collections.abc import Sequence
from typing import NamedTuple

from dusk.changelog import foundation
from dusk.changelog.attesting import IN_FORCE
from dusk.changelog.foundation import Foundation
from dusk.changelog.history import ForkFound
from dusk.changelog.items import verified_entry
from dusk.changelog.log import Log
from dusk.changelog.newer import NewerVersion, later_entry, part
from dusk.changelog.owners import changes_owners, walk
from dusk.effects import LogItem, LostBranch
from dusk.errors import UntrustedInput
from dusk.ids import ClusterId, Seq


class Unfit(UntrustedInput):
    """A checkpoint that takes the place of no log here, whatever stands above it."""


class Apart(ForkFound, Unfit):
    """The same as long as the log here stands where it does."""


class NotInForce(UntrustedInput):
    """What is known of the log above a checkpoint does not put it in force; what follows may."""


class Adopted(NamedTuple):
    """A checkpoint that takes the place of a log.

    Args:
        seq: where it stands.
        log: the new log.
        items: what of it stands above the checkpoint.
        lost: what the old log had alone; None for nothing.
    """

    seq: Seq
    log: Log
    items: tuple[LogItem, ...]
    lost: LostBranch | None


def adopt(log: Log, data: bytes, items: Sequence[LogItem]) -> Adopted | None:
    """Verify a checkpoint with what stands above it, and tell what going over to it means.

    Args:
        log: the own log, which is not changed.
        data: the foundation.
        items: from the entry above it on, up to a signed head.

    Returns:
        None where the own log has come to that checkpoint by itself.

    Raises:
        ForkFound: it contradicts what is final here.
        NewerVersion: this version cannot read what stands right above it (R13).
        NotInForce: what stands above does not make it a checkpoint, so far.
        UntrustedInput: anything in it is wrong, or owners of here have not attested it.
    """
    found = _read(data, log.cluster)
    seq, ours = found.head.seq, log.head.seq
    if log.chain_at(seq) == found.head.chain:
        return None
    fork = _fork(log, found)
    if fork < ours:
        _check_may_leave(log, found, fork)
    elif fork:
        _check_owners(log, found, fork)
    left = LostBranch(fork, _behind(log, fork)) if fork < ours else None
    other = Log(log.cluster, ground=found.ground)
    taken, later = _extended(other, items)
    if other.newest is None:
        raise UntrustedInput("a checkpoint without a signed head behind it")
    if other.state.derived(IN_FORCE) < seq:  # else keys of owners of then would do, though they are none now
        if later is not None:
            raise NewerVersion(later)
        raise NotInForce("a checkpoint that the log above it does not put in force")
    return Adopted(seq, other, taken, left)


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


def _check_may_leave(log: Log, found: Foundation, fork: Seq) -> None:
    """Check that nothing here stands above that checkpoint by the rules of branches."""
    if log.settled > fork:
        raise Apart(f"a checkpoint would undo what is final, behind entry {fork}; it is refused")
    raised = (log.head.generation, log.head.mandate)
    if raised > (found.head.generation, found.head.mandate):
        raise Apart(f"a checkpoint is of before owners forced a role here, behind entry {fork}")
    ours = found.signers & log.state.owners().keys()
    if len(ours) < log.state.quorum:
        raise Apart(
            f"a checkpoint of another branch, behind entry {fork}, that the owners of here did not attest"
        )


def _check_owners(log: Log, found: Foundation, head: Seq) -> None:
    """Check that the chain of owners goes on from the owners of here."""
    entries = [(verified_entry(item), item) for item in found.kept]
    before = [item for entry, item in entries if entry.seq <= head and changes_owners(entry)]
    owners = walk(log.state.cluster, before)
    if set(owners.keys) != set(log.state.owners()) or owners.quorum != log.state.quorum:
        raise Unfit("a checkpoint that says of our own log that it had other owners")


def _behind(log: Log, fork: Seq) -> tuple[LogItem, ...]:
    items = log.kept_behind(fork)
    if items is None:
        raise Apart(f"the log there parts from ours at entry {fork}, too long ago")
    return items
