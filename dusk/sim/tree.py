"""The tree of all entries that were ever on a disk: where each stands, and what it did there.

A cluster that nothing parts has one branch. Two leaders that do not hear each other make two,
which part behind their last common entry, the *fork*.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dusk.changelog.entry import Entry, EntryKind, OutcomeCode
from dusk.ids import ChainHash, ChangeId, DeviceId, KeyId, Seq

Place = tuple[str, str]
"""Section and key."""
NOWHERE = Seq(0)
"""Before the first entry."""


@dataclass(frozen=True, slots=True)
class Held:
    """A record in the model; ``data`` is None for one that was deleted."""

    data: bytes | None
    base: ChangeId


GONE = Held(None, ChangeId(b""))
"""In the place of a record that is as if it had never been: nothing tells that it was deleted."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the plain model says of an entry at its place.

    Attributes:
        code: what became of the change that it carries.
        writes: records that it sets.
        counter: whose number it used up, and which.
    """

    code: OutcomeCode = OutcomeCode.APPLIED
    writes: Mapping[Place, Held] = field(default_factory=dict)
    counter: tuple[KeyId, bytes, int] | None = None


@dataclass(slots=True, eq=False)
class Logged:
    """One entry as it was first seen on a disk; its chain hash names it and all before it.

    Attributes:
        parent: the entry before it; None for the genesis.
        leader: who opened its epoch.
        holders: the succession behind it.
        settled: whether a real certificate for it, or for one behind it, was ever seen.
        on: indices of devices on whose disks it is.
        ever: of those on whose disks it ever was.
    """

    parent: "Logged | None"
    entry: Entry
    ruling: Ruling
    leader: DeviceId
    holders: tuple[DeviceId, ...]
    settled: bool = False
    on: set[int] = field(default_factory=set)
    ever: set[int] = field(default_factory=set)
    chain: ChainHash = field(init=False)
    seq: Seq = field(init=False)

    def __post_init__(self) -> None:
        self.chain, self.seq = self.entry.head.chain, self.entry.seq

    @property
    def change(self) -> ChangeId | None:
        """The change that it carries."""
        return self.entry.change

    @property
    def writes(self) -> Mapping[Place, Held]:
        """The records that it sets."""
        return self.ruling.writes

    @property
    def is_forced(self) -> bool:
        """Whether the owners gave the role by force here, or the phrase did."""
        return self.parent is not None and self.rank > self.parent.rank

    @property
    def is_recovery(self) -> bool:
        """Whether the cluster was recovered here."""
        return self.parent is not None and self.entry.generation > self.parent.entry.generation

    @property
    def rank(self) -> tuple[int, int]:
        """Generation and mandate."""
        return self.entry.generation, self.entry.mandate

    @property
    def is_handover(self) -> bool:
        """Whether its leader gave the role back."""
        return self.entry.kind is EntryKind.HANDOVER

    def back(self) -> "Iterator[Logged]":
        """Iterate over it and all before it, newest first."""
        here: Logged | None = self
        while here is not None:
            yield here
            here = here.parent


def at(head: Logged | None, seq: int) -> Logged | None:
    """Return the entry at a position of the branch that ends with ``head``."""
    if head is None or not 1 <= seq <= head.seq:
        return None
    return next(logged for logged in head.back() if logged.seq == seq)


def is_on(branch: Logged | None, logged: Logged | None) -> bool:
    """Tell whether an entry stands on the branch that ends with ``branch``; the empty log does on each."""
    return logged is None or at(branch, logged.seq) is logged


def fork_of(one: Logged | None, other: Logged | None) -> Logged | None:
    """Return the last entry that two branches share; None if there is none."""
    while one is not other:
        if one is None or (other is not None and other.seq >= one.seq):
            assert other is not None, "of two that differ one is not empty"
            other = other.parent
        else:
            one = one.parent
    return one


def behind(fork: Logged | None, head: Logged | None) -> list[Logged]:
    """Return the entries of a branch behind one of its own, in order."""
    found: list[Logged] = []
    while head is not fork:
        assert head is not None, "the fork is on the branch"
        found.append(head)
        head = head.parent
    found.reverse()
    return found


def written(entries: list[Logged]) -> dict[Place, Held]:
    """Return the records that a row of entries sets."""
    found: dict[Place, Held] = {}
    for logged in entries:
        found.update(logged.writes)
    return found


def proven_by(
    base: Logged | None, entries: list[Logged], signers: frozenset[DeviceId] | set[DeviceId]
) -> Seq:
    """Return up to where the word of ``signers`` for the last of ``entries`` settles the log.

    All holders of the successions in force since ``base``, the last entry that is settled, must
    say that they have it; none from before the last forced role, if there is one behind it.
    """
    settled = NOWHERE if base is None else base.seq
    needed: set[DeviceId] = set() if base is None else set(base.holders)
    for logged in entries:
        needed = set(logged.holders) | (set() if logged.is_forced else needed)
        if needed <= signers:
            settled, needed = logged.seq, set(logged.holders)
    return settled
