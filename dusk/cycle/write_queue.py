"""The writer's queue: changes wait for the next START and are written together.

One signature, one fsync and one START serve them all (P3). What may not be
written is answered and forgotten (A54: junk costs no flash).
"""

from dataclasses import dataclass

from dusk.changelog.body import Change
from dusk.changelog.entry import Outcome, OutcomeCode, Stamp
from dusk.changelog.log import Log
from dusk.cycle.messages import Answer, AnswerCode
from dusk.effects import LogItem
from dusk.errors import Refused
from dusk.ids import ChangeId, Head, Seq
from dusk.limits import DATA_BYTES_MAX, WRITER_QUEUE_BYTES_MAX, WRITER_QUEUE_MAX, WRITTEN_BATCHES_MAX


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: batches, each with the head after it; an answer for each change, refused ones too."""

    batches: tuple[tuple[tuple[LogItem, ...], Head], ...]
    answers: tuple[Answer, ...]

    @property
    def items(self) -> tuple[LogItem, ...]:
        """The entries of all batches."""
        return tuple(item for items, _ in self.batches for item in items)


def outcome_reason(outcome: Outcome) -> str:
    """Say an outcome that is not *applied* in a line for people; empty if it was applied."""
    if outcome.code is OutcomeCode.APPLIED:
        return ""
    if outcome.code is OutcomeCode.SUPERSEDED:
        by = "an earlier change" if outcome.by is None else f"change {outcome.by.hex()[:12]}"
        return f"superseded by {by}: the setting was changed meanwhile; look at it and commit again"
    return f"rejected: {outcome.reason}"


def outcome_word(outcome: Outcome) -> str:
    """Say an outcome that is not *applied* in a word for programs."""
    return "" if outcome.code is OutcomeCode.APPLIED else outcome.code.name.lower()


def stored(change: ChangeId, seq: Seq, outcome: Outcome) -> Answer:
    """Answer for a change that has its outcome in the log."""
    return Answer(change, AnswerCode.STORED, seq, outcome_reason(outcome), outcome_word(outcome))


def refused(change: ChangeId, refusal: Refused) -> Answer:
    """Answer for a change that a rule keeps out of the log: the rule's own word travels."""
    return Answer(change, AnswerCode.REFUSED, Seq(0), refusal.reason, refusal.code)


class WriteQueue:
    """Changes that wait to be written by this device while it leads.

    Args:
        log: the log; this device leads its epoch.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._waiting: dict[ChangeId, Change] = {}
        self._waiting_bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def has(self, change: ChangeId) -> bool:
        """Tell whether a change waits here, or stands in the log."""
        return change in self._waiting or self._log.position_of(change) is not None

    def take(self, change: Change) -> Answer | None:
        """Queue a change; the answer at once if there is one.

        A change that is in the log is answered with its position: who repeats a SUBMIT does
        not know that the first one arrived.
        """
        seq = self._log.position_of(change.id)
        if seq is not None:
            return stored(change.id, seq, self._log.outcome_of(change.id))
        if change.id in self._waiting:
            return None
        if len(self._waiting) >= WRITER_QUEUE_MAX or self._waiting_bytes > WRITER_QUEUE_BYTES_MAX:
            return Answer(change.id, AnswerCode.BUSY, Seq(0), "too many changes wait")
        self._waiting[change.id] = change
        self._waiting_bytes += len(change.encode())
        return None

    def write(self, stamp: Stamp) -> Written:
        """Write what waits, up to so many batches of DATA; the rest stays for the next turn."""
        answers: list[Answer] = []
        batches = [self._write_batch(stamp, answers) for _ in range(WRITTEN_BATCHES_MAX)]
        return Written(tuple((items, head) for items, head in batches if items), tuple(answers))

    def _write_batch(self, stamp: Stamp, answers: list[Answer]) -> tuple[tuple[LogItem, ...], Head]:
        items: list[LogItem] = []
        size_bytes = 0
        while self._waiting and size_bytes < DATA_BYTES_MAX - 2048:
            change_id = next(iter(self._waiting))
            change = self._take_out(change_id)
            try:
                item, entry = self._log.write_change(change, stamp)
            except Refused as refusal:
                answers.append(refused(change_id, refusal))
                continue
            items.append(item)
            size_bytes += len(item.data)
            answers.append(stored(change_id, entry.seq, entry.outcome))
        return tuple(items), self._log.head

    def _take_out(self, change_id: ChangeId) -> Change:
        change = self._waiting.pop(change_id)
        self._waiting_bytes -= len(change.encode())
        return change
