"""What the whole state was at every so many entries, so that owners' word of it can be judged.

The hash of a state is over all that decides how a log goes on from there: head and epoch, the
successions, the sections, the derived numbers, the ids of all changes with their outcomes, and
the milestones that owners may still attest. It depends on the log's bytes alone (R2).
"""

from collections.abc import Mapping
from typing import NamedTuple

from dusk import codec, limits
from dusk.changelog.attesting import IN_FORCE
from dusk.changelog.entry import ATTESTED, Entry, Outcome, pack_head
from dusk.changelog.history import History
from dusk.changelog.milestone import Milestone
from dusk.changelog.state import State
from dusk.changelog.terms import Terms
from dusk.ids import ChangeId, Seq, labelled_hash

_NONE_USED = bytes(32)
_NO_CHANGE = bytes(32)


class Checkpoint(NamedTuple):
    """A position that enough owners attested, and the entry from which on that is so."""

    seq: Seq
    since: Seq


class Milestones:
    """The milestones of one log.

    Args:
        state, history, not_applied: the log's own.
    """

    def __init__(
        self, state: State, history: History, not_applied: Mapping[ChangeId, Outcome], terms: Terms
    ) -> None:
        self._state, self._history = state, history
        self._not_applied, self._terms = not_applied, terms
        in_force = state.derived(IN_FORCE)
        self._checkpoints = [Checkpoint(Seq(in_force), Seq(0))] if in_force else []

    def in_force(self, at: int) -> Checkpoint:
        """Return the checkpoint that is in force after entry ``at``; position 0 for none."""
        found = [checkpoint for checkpoint in self._checkpoints if checkpoint.since <= at]
        return found[-1] if found else Checkpoint(Seq(0), Seq(0))

    def add(self, entry: Entry) -> None:
        """Take an entry that the log stands behind now."""
        if entry.kind is ATTESTED:
            seq = self._state.derived(IN_FORCE)
            if seq > self.in_force(entry.seq).seq:
                self._checkpoints.append(Checkpoint(Seq(seq), entry.seq))
        if entry.seq % limits.CHECKPOINT_STEP == 0:
            self._state.milestones[entry.seq] = self.here(entry.seq)

    def cut(self, seq: int) -> None:
        """Forget what came behind an entry."""
        while self._checkpoints and self._checkpoints[-1].since > seq:
            self._checkpoints.pop()
        known = self._state.milestones
        while known and next(reversed(known)) > seq:
            known.popitem()

    def here(self, seq: Seq, former: bytes | None = None) -> Milestone:
        """Return the milestone of the log's newest entry.

        Args:
            seq: where that stands.
            former: the hash over the changes up to the step before, where that is no milestone here.
        """
        state, head = self._state, self._history.head
        epoch, used = self._history.epoch, self._used(seq, former)
        hashed = codec.pack(
            (
                pack_head(head),
                (epoch.seq, epoch.writer, epoch.boot, self._history.handed_over),
                self._terms.all,
                self.rows(seq),
                [(section, state.section_hash(section)) for section in state.sections()],
                state.derived_hash,
                used,
            )
        )
        whole = labelled_hash(b"dusk.state", hashed)
        return Milestone(head.chain, whole, used, frozenset(state.owners()), state.quorum)

    def rows(self, seq: Seq) -> list[tuple[int, bytes, list[bytes], int]]:
        """Return the milestones before a position that may be attested behind it."""
        first = max(self._state.derived(IN_FORCE), seq - limits.MILESTONES_MAX * limits.CHECKPOINT_STEP)
        return [
            (at, known.state, sorted(known.owners), known.quorum)
            for at, known in self._state.milestones.items()
            if first < at < seq
        ]

    def _used(self, seq: int, former: bytes | None) -> bytes:
        """Hash the ids of the changes of a step, and of all before it."""
        step = limits.CHECKPOINT_STEP
        before = self._state.milestones.get(seq - step)
        if former is None:
            former = _NONE_USED if before is None else before.used
        return used_hash(former, self._history.changes(seq - step + 1, seq), self._not_applied)


def used_hash(
    before: bytes, changes: list[ChangeId | None], not_applied: Mapping[ChangeId, Outcome]
) -> bytes:
    """Hash the ids of the changes of one step, with what became of those without effect.

    Args:
        before: the hash of the step before; zeros for the first.
        changes: of each entry of the step; None for one without.
        not_applied: outcomes.
    """
    ids = b"".join(change or _NO_CHANGE for change in changes)
    outcomes = [
        (at, *outcome_row(not_applied[change]))
        for at, change in enumerate(changes)
        if change is not None and change in not_applied
    ]
    return labelled_hash(b"dusk.used", before, ids, codec.pack(outcomes))


def outcome_row(outcome: Outcome) -> tuple[int, ChangeId | None, str]:
    """Return an outcome as it is hashed and kept."""
    return int(outcome.code), outcome.by, outcome.reason
