"""The entry that a writer makes of a verdict, the same bytes on every device (R2)."""

from typing import NamedTuple

from dusk import limits
from dusk.changelog.body import Change
from dusk.changelog.entry import OPEN, Entry, EntryKind, Stamp
from dusk.changelog.kinds import raised
from dusk.changelog.state import State, Undo
from dusk.changelog.verdict import Verdict
from dusk.ids import Head, Seq


class Carried(NamedTuple):
    """What an entry does: its kind, its change if it has one, and the verdict."""

    kind: EntryKind
    change: Change | None
    verdict: Verdict


def compose(
    state: State, head: Head, carried: Carried, stamp: Stamp, epoch_above: int = 0
) -> tuple[Entry, Undo]:
    """Take a verdict's writes and make the entry that says so.

    Args:
        state: what the log says before it; changed.
        head: the log's.
        carried: by the entry.
        stamp: the writer's.
        epoch_above: an `open` opens an epoch above this one, too, as far as one may jump.
    """
    kind, change, verdict = carried
    undo = state.take(verdict.writes, verdict.derived)
    generation, mandate = raised(head, kind, change)
    entry = Entry(
        generation,
        mandate,
        _next_epoch(head, epoch_above) if kind is OPEN else head.epoch,
        Seq(head.seq + 1),
        head.chain,
        stamp.writer,
        stamp.boot,
        stamp.time_s,
        stamp.clock_trusted,
        kind,
        None if change is None else change.id,
        None if change is None else change.signatures_hash,
        verdict.outcome,
        touched(state, verdict),
        state.derived_hash,
        verdict.absent,
    )
    return entry, undo


def _next_epoch(head: Head, above: int) -> int:
    """Return the epoch to open: above the log's and the other, but no farther than allowed (A5)."""
    return min(max(head.epoch, above) + 1, head.epoch + limits.EPOCH_JUMP_MAX)


def touched(state: State, verdict: Verdict) -> tuple[tuple[str, bytes], ...]:
    """Return the sections that a verdict wrote, sorted, with their hashes now."""
    return tuple([(s, state.section_hash(s)) for s in sorted({w[0] for w in verdict.writes})])
