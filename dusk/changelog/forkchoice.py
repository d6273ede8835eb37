"""Which of two branches of a log stands (`specs/log.md`, section 10): pure, total, no state of its own.

There is one order of all branches of a cluster, and a device only ever moves up in it (R5):

1. the higher generation at the head, 2. the higher mandate at the head, 3. a certificate above
the fork, 4. at the first entries that differ: the higher epoch, then the writer that stands
first in the succession at the fork, then the lower chain hash. Never length, never time. Between
3 and 4, where nothing is certified on either and both were recovered, the lower id of the first
RECOVER: where something is, that would lead in a circle.

What a device demands on top can only make it stay: below its own certificate it follows no
branch without a new raise by keys that may do so at its own head (rule 0), and nowhere does it
count a raise by other keys, but a RECOVER by a phrase that was used here too: that is as good
as ours until one of them is certified (A37). So two devices may refuse each other, but never
change places, and no row of branches, in whatever order they are heard, leads in a circle.
"""

from collections.abc import Sequence
from enum import Enum, IntEnum, auto

from dusk.ids import ChainHash, ChangeId, DeviceId, Seq
from dusk.lazy import dataclass


class Raise(Enum):
    """The first entry of a branch that raises the generation or the mandate, as a reader sees it."""

    NONE = auto()
    FOREIGN = auto()
    """Signed by keys that have no right to it at the reader's own head (A40)."""
    KNOWN = auto()
    """By keys with that right, but it stands in the reader's own log: attached once more (A56)."""
    RIVAL = auto()
    """A RECOVER by a phrase that the reader's own branch used as well: on both sides of a partition (A37)."""
    NEW = auto()


class Choice(Enum):
    """What a device does that holds one branch and has verified another."""

    OURS = auto()
    """The other loses; what stands in it alone is written anew."""
    THEIRS = auto()
    REFUSED = auto()
    """The other would undo what is settled here: to be shown to people."""


class Rule(IntEnum):
    """What decided, by its number in the protocol."""

    CERTIFIED = 0
    GENERATION = 1
    MANDATE = 2
    CERTIFICATE = 3
    FIRST_ENTRY = 4
    RECOVERY = 5
    """Of two RECOVERs, before the first entries."""
    JOINED = 6
    """One was given up for the other with the recovery phrase that is in force in it; before all others."""


@dataclass(frozen=True, slots=True)
class First:
    """The first entry of a branch behind the fork: epoch, writer, chain hash."""

    epoch: int
    writer: DeviceId
    chain: ChainHash


@dataclass(frozen=True, slots=True)
class Branch:
    """What decides of one branch.

    Attributes:
        first: its entry right behind the fork; None where that is gone below a checkpoint.
        generation, mandate: at its head.
        raised: its first raise behind the fork. Of the own branch it is not looked at: the own
            log has judged it.
        certified: whether a certificate for a position behind the fork is known.
        recovery: the first RECOVER behind the fork.
        joined: whether the other branch, as it is now, was given up for an entry of this one.
    """

    first: First | None
    generation: int
    mandate: int
    raised: Raise
    certified: bool
    recovery: ChangeId | None = None
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Base:
    """What both branches have in common, and where the reader stands.

    Attributes:
        seq: the newest position that both have.
        generation, mandate: there.
        succession: there, in its order.
        settled: up to where the reader's own log is settled.
    """

    seq: Seq
    generation: int
    mandate: int
    succession: Sequence[DeviceId]
    settled: Seq


@dataclass(frozen=True, slots=True)
class Chosen:
    """A choice and the rule that made it."""

    choice: Choice
    rule: Rule


def choose(ours: Branch, theirs: Branch, base: Base) -> Chosen:
    """Choose between the own branch and another one that was verified as strictly.

    Where the first entries alone would decide, and one of them is gone, the other is refused.

    Args:
        ours: as the reader holds it.
        theirs: as the reader has just verified it; its first entry differs from ours.
        base: what they have in common.
    """
    if ours.joined != theirs.joined and (ours.joined or theirs.certified):
        return Chosen(Choice.OURS if ours.joined else Choice.THEIRS, Rule.JOINED)
    if base.seq < base.settled and theirs.raised is not Raise.NEW:
        return Chosen(Choice.REFUSED, Rule.CERTIFIED)
    own = _standing(ours, base, counts=True)
    other = _standing(theirs, base, counts=theirs.raised in _COUNTING)
    for rule, mine, its in zip(_RULES, own, other, strict=True):
        if mine != its:
            return Chosen(Choice.THEIRS if its > mine else Choice.OURS, rule)
    if not ours.certified and ours.recovery and theirs.recovery and ours.recovery != theirs.recovery:
        lower = Choice.THEIRS if theirs.recovery < ours.recovery else Choice.OURS
        return Chosen(lower, Rule.RECOVERY)
    if ours.first is None or theirs.first is None:
        return Chosen(Choice.REFUSED, Rule.FIRST_ENTRY)
    is_theirs = _first_standing(theirs.first, base.succession) > _first_standing(ours.first, base.succession)
    return Chosen(Choice.THEIRS if is_theirs else Choice.OURS, Rule.FIRST_ENTRY)


_COUNTING = frozenset({Raise.KNOWN, Raise.RIVAL, Raise.NEW})
_RULES = (Rule.GENERATION, Rule.MANDATE, Rule.CERTIFICATE)


def _standing(branch: Branch, base: Base, *, counts: bool) -> tuple[int, int, bool]:
    """Return what is compared before the first entries, one item for each rule; the higher stands.

    Args:
        branch: one of the two.
        base: what they have in common.
        counts: whether its raises do.
    """
    raised = (branch.generation, branch.mandate) if counts else (base.generation, base.mandate)
    return (*raised, branch.certified)


def _first_standing(first: First, succession: Sequence[DeviceId]) -> tuple[int, int, int]:
    """Rank a first entry: who is not in the succession stands behind all who are."""
    place = list(succession).index(first.writer) if first.writer in succession else len(succession)
    return first.epoch, -place, -int.from_bytes(first.chain, "big")
