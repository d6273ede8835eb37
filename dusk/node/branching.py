"""Meeting another branch of the log: a node goes over to it, or stays and takes up what is in it (R3-R5)."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from dusk.changelog.branches import (
    Branched,
    Extended,
    Stayed,
    Switched,
    lapsed,
    proven,
    stranded,
    try_branch,
)
from dusk.changelog.forkchoice import Choice
from dusk.changelog.history import ForkFound
from dusk.changelog.log import Log
from dusk.changelog.newer import NewerVersion, later_entry, part, position
from dusk.changelog.rewinds import LostBranch
from dusk.cycle.outbox import Outbox
from dusk.cycle.peers import NOWHERE, Peers
from dusk.effects import Append, Effect, Event, ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import EMPTY_HEAD, Seq
from dusk.node.alarms import Alarms, Refusals, undone_by_owners
from dusk.node.forks import Forks, head_of
from dusk.node.leading import Leading
from dusk.node.proofs import Proofs
from dusk.node.writing import Writing


class LogMoved(Protocol):
    """Tells every room of a node about new entries."""

    def __call__(self, items: Iterable[LogItem], now: float, *, is_other: bool = False) -> list[Effect]:
        """Tell of items that were appended; ``is_other``: they replaced what stood there."""


class Branching:
    """Takes what others have of the log, and judges branches that streams bring.

    Args:
        log: the log.
        forks: keeps what did not stand.
        outbox: whose changes may have to be handed in again.
        peers: what they have of the log has to be learnt anew.
        writing: writes what stands in another branch alone, while this device leads.
        leading: opens another epoch, above that of the other branch.
        took_more: takes items that follow our head.
        log_moved: tells the node.
        alarms: show people what a person has to end.
        refusals: branches that would undo what is final.
        proofs: hear of all branches.

    Attributes:
        pending: what was taken of items that were refused then: to be done first.
    """

    def __init__(
        self,
        *,
        log: Log,
        forks: Forks,
        outbox: Outbox,
        peers: Peers,
        writing: Writing,
        leading: Leading,
        took_more: Callable[[tuple[LogItem, ...], float], list[Effect]],
        log_moved: LogMoved,
        alarms: Alarms,
        refusals: Refusals,
        proofs: Proofs,
    ) -> None:
        self._log, self._forks, self._outbox, self._peers = log, forks, outbox, peers
        self._writing, self._leading = writing, leading
        self._took_more, self._log_moved, self._alarms = took_more, log_moved, alarms
        self._refusals, self._proofs = refusals, proofs
        self.pending: list[Effect] = []

    def took(self, items: Sequence[LogItem], now: float) -> list[Effect]:
        """Verify items that go on from our log, take them, store them, and do what follows.

        Raises:
            NewerVersion: this version cannot read all of them (R13); the rest was taken.
            UntrustedInput: they do not belong to this log; nothing was changed.
        """
        try:
            taken = self._log.extend(items)
        except UntrustedInput:
            parted = part(items)
            if parted is None:
                raise
            self.pending += self._took_more(self._log.extend(parted.before), now)
            self._stop_at(later_entry(self._log, self._log.head, self._log.leader, parted.rest), now)
            raise
        return self._took_more(taken, now)

    def _stop_at(self, seq: Seq | None, now: float) -> None:
        """Read no further, where the log goes on with what a later version wrote.

        Raises:
            NewerVersion: it does; people are told.
        """
        if seq is None:
            return
        newer = NewerVersion(seq)
        self.pending += [*self._alarms.tell("version", str(newer)), *self._leading.stop(now)]
        raise newer

    def took_branch(self, items: Sequence[LogItem], now: float) -> list[Effect]:
        """Judge another branch of the log, and go over to it or stay.

        Args:
            items: from the fork or earlier on, all that the other side has.
            now: monotonic seconds.

        Raises:
            ForkFound: the fork is too old to be judged here.
            NewerVersion: this version cannot read it.
            UntrustedInput: it is no log of this cluster; nothing was changed.
        """
        judged = self._judged(items)
        match judged:
            case Extended(taken):
                return self._took_more(taken, now)
            case Switched() as switched:
                return self._switched(switched, now)
            case Stayed() as stayed:
                return self._stayed(stayed, now)
            case _:  # it is beyond reach; the type checker knows
                offered, lost = LostBranch(judged.seq, tuple(items)), proven(self._log, items)
                if lost is None or not self._forks.is_left(offered):
                    raise ForkFound(f"the log there parts from ours at entry {judged.seq}, too long ago")
                return self._take_up(lost, now, offered)

    def _judged(self, items: Sequence[LogItem]) -> Branched:
        try:
            return try_branch(self._log, items)
        except UntrustedInput:
            first = next((item for item in items if item.kind is ItemKind.ENTRY), None)
            if part(items) is not None and first is not None:
                self._tell_of_newer(Seq(position(first) - 1), items)
            raise

    def _tell_of_newer(self, fork: Seq, items: Sequence[LogItem]) -> None:
        """Keep our branch where the other cannot be read, and tell people if it is real.

        Raises:
            NewerVersion: it is.
        """
        base = self._log.head_at(fork) if fork else EMPTY_HEAD
        seq = None if base is None else later_entry(self._log, base, self._log.writer_at(fork), items)
        if seq is not None:
            newer = NewerVersion(seq)
            self.pending += self._alarms.tell("version", f"another history: {newer}")
            raise newer

    def _switched(self, switched: Switched, now: float) -> list[Effect]:
        """Go on from the other branch; what stood in ours alone is handed in again."""
        lost = switched.lost
        self._proofs.compare(lost.items, switched.items, now)
        self._forks.left(lost)
        gone = [row.change.id for row in stranded(lost, self._log)]
        self._outbox.on_unlogged(gone, now)
        dropped = self._outbox.on_lapsed(lapsed(lost, self._log))
        for peer in self._peers.others:
            peer.stored = NOWHERE
        text = f"another history stands behind entry {lost.seq}; changes handed in again: {len(gone)}"
        effects: list[Effect] = [Append(switched.items), Event("switched", text, loud=True), *dropped]
        effects += undone_by_owners(lost.seq, switched.settled)
        return effects + self._log_moved(switched.items, now, is_other=True)

    def _stayed(self, stayed: Stayed, now: float) -> list[Effect]:
        """Keep our branch; who leads takes up what stands in the other alone."""
        lost, effects = stayed.lost, list[Effect]()
        self._forks.judged(lost, now)
        self._proofs.compare(stayed.ours, lost.items, now)
        is_left = self._forks.is_left(lost)
        if stayed.chosen.choice is Choice.REFUSED and not is_left:
            effects += self._refusals.refused(lost, now, is_yielding=stayed.is_yielding)
        return [*effects, *self._take_up(lost, now)]

    def _take_up(self, lost: LostBranch, now: float, offered: LostBranch | None = None) -> list[Effect]:
        """Write what stands in a branch alone, above its epoch, if this device leads.

        Args:
            lost: as far as it is proven.
            now: monotonic seconds.
            offered: all of it, by whose end it was offered; None: it is proven whole.
        """
        effects: list[Effect] = []
        if self._writing.leader is None:
            return effects
        self._forks.dealt_with(offered or lost)
        epoch = head_of(lost).epoch
        if epoch >= self._log.head.epoch:
            effects += self._leading.lead(now, epoch_above=epoch)
        if self._writing.leader is not None:
            self._writing.strand([row.change for row in stranded(lost, self._log)], now)
        return effects
