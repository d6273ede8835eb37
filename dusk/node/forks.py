"""Branches of the log that did not stand: kept, offered, and what is in them alone written anew (R3).

A device that changes over to another branch keeps the one that it left and offers it in its
answers, until all its changes have an outcome in the log that is settled. Who leads fetches
it, verifies it as any other log, and writes its changes before newer ones.
"""

from collections.abc import Sequence
from itertools import takewhile
from typing import TypeVar

from dusk.changelog.body import Change, decode_change
from dusk.changelog.branches import Left, remembered
from dusk.changelog.log import Log, verified_entry
from dusk.changelog.newer import position
from dusk.changelog.rewinds import LostBranch
from dusk.cycle.messages import Offer
from dusk.effects import ItemKind, LogItem
from dusk.ids import ChainHash, ChangeId, DeviceId, Head, KeyId
from dusk.limits import BRANCHES_MAX, CHUNK_BYTES_MAX

JUDGED_S = 2.0
"""A branch that was judged against the very log that still stands is left alone for so long."""

_Noted = TypeVar("_Noted")


def head_of(branch: LostBranch) -> Head:
    """Return the head that a log had at the end of a branch."""
    return next(verified_entry(item).head for item in reversed(branch.items) if item.kind is ItemKind.ENTRY)


def chains_of(branch: LostBranch) -> list[ChainHash]:
    """Return the chain hashes of a branch, one for each entry behind the fork."""
    return [verified_entry(item).head.chain for item in branch.items if item.kind is ItemKind.ENTRY]


class Forks:
    """The branches that this device left, and those that it has dealt with for others.

    Args:
        log: the log.
        left: what its disk says that it left, oldest first.
    """

    def __init__(self, log: Log, left: Sequence[LostBranch]) -> None:
        self._log = log
        stack: tuple[Left, ...] = ()
        for branch in left:
            stack = _on_top(stack, branch)
        self._left = remembered(stack, log)
        self._dealt_with: dict[ChainHash, None] = {}
        self._asked_for: dict[ChainHash, None] = {}
        self._judged: dict[ChainHash, tuple[ChainHash, float]] = {}

    # --- what we left ------------------------------------------------------------------------

    def left(self, branch: LostBranch) -> None:
        """Keep a branch that this device has just left."""
        self._left = remembered(_on_top(self._left, branch), self._log)

    def log_moved(self) -> None:
        """Forget what has its outcome for good."""
        if self._left:
            self._left = remembered(self._left, self._log)

    @property
    def all(self) -> tuple[LostBranch, ...]:
        """The branches that this device left and of which a change waits, oldest first."""
        return tuple(left.branch for left in self._left)

    @property
    def offer(self) -> Offer | None:
        """The newest position of the oldest branch that somebody has to deal with."""
        if not self._left:
            return None
        head = head_of(self._left[0].branch)
        return Offer(head.seq, head.chain)

    def chunk(self, chain: ChainHash, first: int) -> tuple[tuple[LogItem, ...], bool]:
        """Return a chunk of a branch, and whether there is more behind it; of others nothing."""
        items = next((branch.items for branch in self.all if head_of(branch).chain == chain), ())
        size_bytes, end = 0, first
        while end < len(items) and (end == first or size_bytes + len(items[end].data) <= CHUNK_BYTES_MAX):
            size_bytes += len(items[end].data)
            end += 1
        return items[first:end], end < len(items)

    def stranded(self) -> list[Change]:
        """Return the changes of what we left that stand nowhere in the log, in order."""
        return [change for left in self._left for change in left.stranded(self._log)]

    # --- what this device has seen and others may lack (`Outlook`) ------------------------------

    def newest(self) -> ChangeId | None:
        """Return the newest change in our log that is not final."""
        newest = self._log.newest_change()
        return None if newest is None or newest[1] <= self._log.settled else newest[0]

    def left_before(self, data: bytes) -> ChangeId | None:
        """Return the stranded change before an encoded one, of the same author and device."""
        if not self._left:
            return None
        body = decode_change(data).body
        numbers = self._numbers(body.author, body.device)
        return numbers.get(max((number for number in numbers if number < body.counter), default=0))

    def left_number(self, author: KeyId, device: DeviceId) -> int:
        """Return the highest number of an author's stranded changes by a device; 0: there are none."""
        return max(self._numbers(author, device), default=0)

    def is_offering(self) -> bool:
        """Tell whether there is any stranded change."""
        return bool(self.stranded())

    def _numbers(self, author: KeyId, device: DeviceId) -> dict[int, ChangeId]:
        bodies = ((change.id, change.body) for change in self.stranded())
        return {body.counter: name for name, body in bodies if (body.author, body.device) == (author, device)}

    @property
    def epoch(self) -> int:
        """The highest epoch in what we left: one that we may have opened, and none is opened twice."""
        return max((head_of(branch).epoch for branch in self.all), default=0)

    # --- what others left --------------------------------------------------------------------

    def is_new(self, offer: Offer) -> bool:
        """Tell whether nobody has offered us that branch yet, or it was not fetched."""
        return offer.chain not in self._dealt_with and self._log.chain_at(offer.seq) != offer.chain

    def has_dealt_with(self, head: Head) -> bool:
        """Tell whether the branch that ends there was judged, and its changes taken up, in this epoch."""
        return head.chain in self._dealt_with

    def judged(self, branch: LostBranch, now: float) -> None:
        """Note that our log stood against a branch, at monotonic seconds ``now``."""
        _note(self._judged, head_of(branch).chain, (self._log.head.chain, now))

    def was_just_judged(self, head: Head, now: float) -> bool:
        """Tell whether our log, as it is, stood against the branch that ends there a moment ago.

        Who does not give way says so again and again: judging it costs us more than saying it costs (A9).
        """
        against, at = self._judged.get(head.chain, (None, now))
        return against == self._log.head.chain and now - at < JUDGED_S

    def asks_for(self, offer: Offer) -> None:
        """Note that a branch is fetched of a device that left it."""
        _note(self._asked_for, offer.chain, None)

    def is_left(self, branch: LostBranch) -> bool:
        """Tell, once, whether a branch is one that was asked for: who has it stands on it no more."""
        chain = head_of(branch).chain
        if chain not in self._asked_for:
            return False
        del self._asked_for[chain]
        return True

    def dealt_with(self, branch: LostBranch) -> None:
        """Note that the changes of a branch are being written: many may offer it."""
        _note(self._dealt_with, head_of(branch).chain, None)

    def leads_anew(self) -> None:
        """Ask anew for what others offer: what a former epoch took up may not have been written."""
        self._dealt_with.clear()


def _on_top(stack: Sequence[Left], newest: LostBranch) -> tuple[Left, ...]:
    """Return the branches that were left, one more behind them.

    A former one that forks from what is left now stands on it: it gets what of that is below it, so that
    it begins where the log of others may have its base, too.
    """
    return (*(_based(left, newest) for left in stack), Left(newest))


def _based(left: Left, below: LostBranch) -> Left:
    branch = left.branch
    if branch.seq <= below.seq:
        return left
    base = takewhile(lambda i: i.kind is not ItemKind.ENTRY or position(i) <= branch.seq, below.items)
    return Left(LostBranch(below.seq, (*base, *branch.items)))


def _note(chains: dict[ChainHash, _Noted], chain: ChainHash, noted: _Noted) -> None:
    """Remember the newest, so many."""
    chains[chain] = noted
    while len(chains) > BRANCHES_MAX:
        del chains[next(iter(chains))]
