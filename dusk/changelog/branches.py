"""Meeting another branch of the own log: going over to it or staying, whole or not at all (R5, R7).

`try_branch` goes back to the fork, verifies the other branch as strictly as anything from
outside, and lets `forkchoice` choose. Whatever happens on the way, the log stands on one of
the two branches afterwards. What then stands nowhere in the log is not lost: the changes of
the branch that lost are written anew, in their order, by whoever leads.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from dusk import limits
from dusk.changelog import views
from dusk.changelog.body import Change
from dusk.changelog.entry import EntryKind, decode_signed_head
from dusk.changelog.forkchoice import Base, Branch, Choice, Chosen, First, Raise, choose
from dusk.changelog.kinds import is_recovery
from dusk.changelog.log import Log, unpack_entry_item, verified_entry
from dusk.changelog.raises import first_raise, own_branch, rights_at
from dusk.changelog.recovering import JOINS
from dusk.changelog.rewinds import LostBranch, Rewind
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash, ChangeId, Head, KeyId, Seq
from dusk.lazy import dataclass


@dataclass(frozen=True, slots=True)
class Extended:
    """There is no fork: what was offered goes on where the own log ends, or is part of it.

    Attributes:
        items: what was taken, to be appended; empty if all was known.
    """

    items: tuple[LogItem, ...]


@dataclass(frozen=True, slots=True)
class Switched:
    """The log stands on the other branch now.

    Attributes:
        items: what to append, all at once: a rewind, certificates and a witness of what may have
            stood behind the fork and is about what is before it, and the branch.
        lost: the branch that the log left.
        chosen: by which rule.
        settled: up to where the log was settled before: behind the fork, if owners said so (R4).
    """

    items: tuple[LogItem, ...]
    lost: LostBranch
    chosen: Chosen
    settled: Seq


@dataclass(frozen=True, slots=True)
class Stayed:
    """The log is what it was.

    Attributes:
        lost: the other branch, which was verified.
        ours: the log's own items behind the fork.
        chosen: by which rule.
        is_yielding: whether who stands on it goes over to ours, by the same rules; one that is
            refused and does not is for people to see.
    """

    lost: LostBranch
    ours: tuple[LogItem, ...]
    chosen: Chosen
    is_yielding: bool


@dataclass(frozen=True, slots=True)
class BeyondReach:
    """The log is what it was: the fork behind ``seq`` is too far down, or the other branch too long."""

    seq: Seq


Branched = Extended | Switched | Stayed | BeyondReach


def try_branch(log: Log, items: Sequence[LogItem]) -> Branched:
    """Verify another branch of a log and stand on the better one.

    Args:
        log: the own log; after an exception it is what it was.
        items: outside items in log order, from the fork or earlier on; up to their end the
            branch is what is judged, so they are all that the other side has.

    Raises:
        UntrustedInput: anything in them is wrong, or they do not meet the own log.
    """
    at, fork = _meeting(log, items)
    if fork == log.head.seq or at == len(items):
        return Extended(log.extend(items))
    behind = (*(item for item in items[:at] if item.kind is ItemKind.CERTIFICATE), *items[at:])
    is_long = len(behind) > limits.BRANCH_STEPS_MAX or _size_bytes(behind) > limits.BRANCH_BYTES_MAX
    if is_long or not log.reaches(fork):
        return BeyondReach(fork)
    return _try_behind(log, fork, behind)


def _try_behind(log: Log, fork: Seq, items: Sequence[LogItem]) -> Switched | Stayed:
    rights, settled, head, joins = rights_at(log.state), log.settled, log.head, _joins(log)
    left = log.leave(fork)
    stays = True
    try:
        kept = tuple(certificate.item() for certificate in log.certificates_above(0))
        kept += log.witness(left)
        base = Base(fork, log.head.generation, log.head.mandate, views.succession(log.state), settled)
        taken = log.extend(items)
        if log.head.seq == fork:
            raise UntrustedInput(f"a branch behind entry {fork}: no signed head covers it")
        own, raising = own_branch(left.items), first_raise(taken)
        recovery = raising.id if raising is not None and is_recovery(raising) else None
        ours = _branch(left.items, head, own.recovery, certified=settled > fork, joins=_joins(log))
        theirs = _branch(taken, log.head, recovery, certified=log.settled > fork, joins=joins)
        theirs = replace(theirs, raised=rights.judge(raising, own))
        chosen = choose(ours, theirs, base)
        stays = chosen.choice is not Choice.THEIRS
    finally:
        if stays:
            log.restore(left)
        else:
            log.stay()
    if stays:
        return Stayed(LostBranch(fork, taken), left.items, chosen, _is_yielding(theirs, ours))
    appended = (*kept, *taken)
    rewind = Rewind(fork, len(appended)).item()
    return Switched((rewind, *appended), LostBranch(fork, left.items), chosen, settled)


def _joins(log: Log) -> ChainHash | None:
    """Return for what entry of another branch this one was given up (A37)."""
    row = log.state.value(*JOINS)
    return None if row is None else ChainHash(row[0])


def _branch(
    items: Sequence[LogItem],
    head: Head,
    recovery: ChangeId | None,
    *,
    certified: bool,
    joins: ChainHash | None,
) -> Branch:
    """Return what decides of a branch; ``joins`` is what the other one was given up for."""
    entries = [verified_entry(item) for item in items if item.kind is ItemKind.ENTRY]
    first = First(entries[0].epoch, entries[0].writer, entries[0].head.chain)
    joined = any(entry.head.chain == joins for entry in entries)
    return Branch(first, head.generation, head.mandate, Raise.NONE, certified, recovery, joined)


def _is_yielding(theirs: Branch, ours: Branch) -> bool:
    """Tell whether ours stands where theirs is the own branch: nobody leaves what is certified for less."""
    if ours.joined != theirs.joined:
        return ours.joined and ours.certified
    raised, other = (ours.generation, ours.mandate), (theirs.generation, theirs.mandate)
    return raised > other or (raised == other and ours.certified and not theirs.certified)


def _meeting(log: Log, items: Sequence[LogItem]) -> tuple[int, Seq]:
    """Return the place of the first item that the log does not have, and the position before it."""
    last = Seq(0)
    for at, item in enumerate(items):
        if item.kind is not ItemKind.ENTRY:
            continue
        entry = verified_entry(item)
        if log.chain_at(entry.seq) == entry.head.chain:
            last = entry.seq
            continue
        fork = Seq(entry.seq - 1)
        if fork < 1 or log.chain_at(fork) != entry.previous:
            raise UntrustedInput(f"entry {entry.seq}: does not meet our log")
        return at, fork
    return len(items), last


def _size_bytes(items: Sequence[LogItem]) -> int:
    return sum(len(item.data) for item in items)


def proven(log: Log, items: Sequence[LogItem]) -> LostBranch | None:
    """Return a branch that forks below what a log stands on, as far as its writers prove it; else None.

    What its entries did cannot be judged, for the state at the fork is gone. But that they stand on our
    chain hash there, and that holders of the succession of then signed for them, can: enough to write
    their changes anew, each of which is judged by itself.

    Args:
        log: the own log.
        items: the branch, from its first entry on.

    Raises:
        UntrustedInput: they do not meet the own log, or cannot be read.
    """
    _, fork = _meeting(log, items)
    if fork >= log.floor:
        return None
    chain, writer, covered = log.chain_at(fork), None, 0
    holders = set(log.ground.terms.at(fork).holders)
    for at, item in enumerate(items, 1):
        if item.kind is ItemKind.ENTRY:
            entry = verified_entry(item)
            if entry.previous != chain or entry.writer not in holders:
                break
            chain, writer = entry.head.chain, entry.writer
        elif item.kind is ItemKind.HEAD and writer is not None:
            signed, holder = decode_signed_head(item.data), log.state.holder(KeyId(writer))
            if signed.head.chain == chain and holder and signed.signed_by(holder.public, log.state.cluster):
                covered = at
    return LostBranch(fork, tuple(items[:covered])) if covered else None


# --- what lost ------------------------------------------------------------------------------------


class Stranded(NamedTuple):
    """A change that stands in a branch that lost: where, the item that proves it was written, its kind."""

    seq: Seq
    change: Change
    item: LogItem
    kind: EntryKind


_BOUND = frozenset({EntryKind.OPEN, EntryKind.CHECKPOINT})
"""Kinds whose changes mean something at their place alone."""


def stranded(lost: LostBranch, log: Log) -> tuple[Stranded, ...]:
    """Return the changes of a branch that stand nowhere in the log, in the branch's order.

    What an `open` carries is no change to write anew: a role is forced at its place or not. Nor is
    an attestation: the next session of that owner makes another.
    """
    return tuple(row for row in _changes(lost) if log.position_of(row.change.id) is None)


def lapsed(lost: LostBranch, log: Log) -> tuple[ChangeId, ...]:
    """Return the forced roles and attestations of a branch that stand nowhere in the log, and never will."""
    rows = (row for row in _all_changes(lost) if row.kind in _BOUND)
    return tuple(row.change.id for row in rows if log.position_of(row.change.id) is None)


class Left:
    """A branch that this device left, and its changes: they are asked for with each datagram, and read once.

    Args:
        branch: what was left.

    Attributes:
        branch: as above.
    """

    def __init__(self, branch: LostBranch) -> None:
        self.branch = branch
        self._changes = tuple(row.change for row in _changes(branch))

    def stranded(self, log: Log) -> list[Change]:
        """Return its changes that stand nowhere in the log, as `stranded` does."""
        return [change for change in self._changes if log.position_of(change.id) is None]

    def waits(self, log: Log) -> bool:
        """Tell whether any of its changes still waits: until its outcome in the log is settled."""
        positions = [log.position_of(change.id) for change in self._changes]
        return any(seq is None or seq > log.settled for seq in positions)


def remembered(branches: Sequence[Left], log: Log) -> tuple[Left, ...]:
    """Return the branches that are still of use, oldest first.

    Those of which a change waits; beyond the bounds the oldest go of which all stands in the
    log, settled or not. One of which a change stands nowhere is never forgotten (R3).
    """
    kept = [left for left in branches if left.waits(log)]
    for left in tuple(kept):
        size_bytes = sum(_size_bytes(other.branch.items) for other in kept)
        if len(kept) <= limits.BRANCHES_MAX and size_bytes <= limits.BRANCH_BYTES_MAX:
            break
        if not left.stranded(log):
            kept.remove(left)
    return tuple(kept)


def _changes(lost: LostBranch) -> Iterator[Stranded]:
    return (row for row in _all_changes(lost) if row.kind not in _BOUND)


def _all_changes(lost: LostBranch) -> Iterator[Stranded]:
    for item in lost.items:
        if item.kind is ItemKind.ENTRY:
            entry, change = unpack_entry_item(item.data)
            if change is not None:
                yield Stranded(entry.seq, change, item, entry.kind)
