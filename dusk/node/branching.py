"""Meeting another branch of the log: a node goes over to it, or stays and takes up what is in it (R3-R5)."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from dusk.changelog.branches import (
    Extended,
    Stayed,
    Switched,
    stranded,
    try_branch,
)
from dusk.changelog.forkchoice import Choice
from dusk.changelog.history import ForkFound
from dusk.changelog.log import Log
from dusk.cycle.outbox import Outbox
from dusk.cycle.peers import NOWHERE, Peers
from dusk.effects import Append, Effect, Event, LogItem
from dusk.node.forks import Forks, head_of
from dusk.node.leading import Leading
from dusk.node.writing import Writing


class LogMoved(Protocol):
    """Tells every room of a node about new entries."""

    def __call__(self, items: Iterable[LogItem], now: float, *, is_other: bool = False) -> list[Effect]:
        """Tell of items that were appended; ``is_other``: they replaced what stood there."""


class Branching:
    """Judges branches that streams bring.

    Args:
        log: the log.
        forks: keeps what did not stand.
        outbox: whose changes may have to be handed in again.
        peers: what they have of the log has to be learnt anew.
        writing: writes what stands in another branch alone, while this device leads.
        leading: opens another epoch, above that of the other branch.
        took_more: takes items that follow our head.
        log_moved: tells the node.
        alarm: shows people what a person has to end.
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
        alarm: Callable[[str, str], list[Effect]],
    ) -> None:
        self._log, self._forks, self._outbox, self._peers = log, forks, outbox, peers
        self._writing, self._leading = writing, leading
        self._took_more, self._log_moved, self._alarm = took_more, log_moved, alarm

    def took_branch(self, items: Sequence[LogItem], now: float) -> list[Effect]:
        """Judge another branch of the log, and go over to it or stay.

        Args:
            items: from the fork or earlier on, all that the other side has.
            now: monotonic seconds.

        Raises:
            ForkFound: the fork is too old to be judged here.
            UntrustedInput: it is no log of this cluster; nothing was changed.
        """
        judged = try_branch(self._log, items)
        match judged:
            case Extended(taken):
                return self._took_more(taken, now)
            case Switched() as switched:
                return self._switched(switched, now)
            case Stayed() as stayed:
                return self._stayed(stayed, now)
            case _:  # it needs a replay; the type checker knows
                raise ForkFound(f"the log there parts from ours at entry {judged.seq}, too long ago")

    def _switched(self, switched: Switched, now: float) -> list[Effect]:
        """Go on from the other branch; what stood in ours alone is handed in again."""
        lost = switched.lost
        self._forks.left(lost)
        gone = [row.change.id for row in stranded(lost, self._log)]
        self._outbox.on_unlogged(gone, now)
        for peer in self._peers.others:
            peer.stored = NOWHERE
        text = f"another history stands behind entry {lost.seq}; changes handed in again: {len(gone)}"
        effects: list[Effect] = [Append(switched.items), Event("switched", text, loud=True)]
        return effects + self._log_moved(switched.items, now, is_other=True)

    def _stayed(self, stayed: Stayed, now: float) -> list[Effect]:
        """Keep our branch; who leads takes up what stands in the other alone, above its epoch."""
        lost, effects = stayed.lost, list[Effect]()
        is_left = self._forks.is_left(lost)
        if stayed.chosen.choice is Choice.REFUSED and not (is_left or stayed.is_yielding):
            text = f"another history would undo what is final, behind entry {lost.seq}; it is refused"
            effects += self._alarm("conflict", text)
        if self._writing.leader is None:
            return effects
        self._forks.dealt_with(lost)
        epoch = head_of(lost).epoch
        if epoch >= self._log.head.epoch:
            effects += self._leading.lead(now, epoch_above=epoch)
        if self._writing.leader is not None:
            self._writing.strand([row.change for row in stranded(lost, self._log)], now)
        return effects
