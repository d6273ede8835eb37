"""The writer's queue: changes wait for the next START and are written together.

One signature, one fsync and one START serve them all (P3). What may not be
written is answered and forgotten (A54: junk costs no flash). Changes wait in a line
for each sender, and the lines take turns: whatever one of them hands in, it can
neither fill the queue nor have all the work of a turn (A54).
"""

from collections.abc import Callable, Iterable
from dataclasses import field
from typing import NamedTuple

from dusk.changelog.body import Change
from dusk.changelog.creation import LABEL_KNOWN, PENDING, is_request
from dusk.changelog.entry import Absent, Entry, Outcome, OutcomeCode, Stamp
from dusk.changelog.kinds import is_device
from dusk.changelog.log import Log
from dusk.changelog.returning import asks_as, is_attested
from dusk.cycle.messages import Answer, AnswerCode
from dusk.cycle.quota import Quota
from dusk.effects import LogItem
from dusk.errors import Refused
from dusk.ids import ChangeId, DeviceId, Head, Seq
from dusk.lazy import dataclass
from dusk.limits import (
    DATA_BYTES_MAX,
    REFUSED_PER_SENDER_MAX,
    REFUSED_PER_TURN_MAX,
    WRITER_QUEUE_BYTES_MAX,
    WRITER_QUEUE_MAX,
    WRITTEN_BATCHES_MAX,
)

STRANGERS = b""
"""The line that all who are not members share: a key costs them nothing."""
Silence = Callable[[DeviceId], int]
"""For how many cycles this device, leading, has not heard a member."""


def nobody_is_silent(_device: DeviceId) -> int:
    """Say that no member is known to be absent."""
    return 0


STRANDED = b"stranded"
"""The line of changes that stood in a branch which lost: they come before whatever is new."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: batches, each with the head after it; an answer for each change, refused ones too.

    Attributes:
        batches, answers: as said.
        pending: requests to join that a person may grant, with the word of their refusal.
        left_out: whether a device that another branch had is not in this log.
    """

    batches: tuple[tuple[tuple[LogItem, ...], Head], ...]
    answers: tuple[Answer, ...]
    pending: tuple[tuple[Change, str], ...] = ()
    left_out: bool = False

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


class Waiting(NamedTuple):
    """A change that waits, its size, and the one that goes before it: it is not written without that."""

    change: Change
    size_bytes: int
    after: ChangeId | None = None


@dataclass(slots=True)
class _Line:
    """What one sender handed in, oldest first.

    Attributes:
        changes: those that wait.
        size_bytes: of all of them.
    """

    changes: dict[ChangeId, Waiting] = field(default_factory=dict)
    size_bytes: int = 0

    def add(self, waiting: Waiting) -> None:
        self.changes[waiting.change.id] = waiting
        self.size_bytes += waiting.size_bytes

    def take_out(self) -> Waiting:
        waiting = self.changes.pop(next(iter(self.changes)))
        self.size_bytes -= waiting.size_bytes
        return waiting


def _too_early(change: Change) -> Answer:
    """Answer for a change that the writer may take only behind another, which it lacks."""
    return Answer(change.id, AnswerCode.BUSY, Seq(0), "the change before it is not here")


@dataclass(slots=True)
class _Turn:
    """One turn of the writer: what it answers, and the work it spent on refusals.

    Attributes:
        answers: in the order of the changes.
        spent: by sender, signatures of what was refused; at least one for each change.
        pending: requests to join that a person may grant, with the word of their refusal.
        left_out: whether a change that makes devices was written without effect.
        silence: tells who is absent.
    """

    answers: list[Answer] = field(default_factory=list)
    pending: list[tuple[Change, str]] = field(default_factory=list)
    left_out: bool = False
    spent: dict[bytes, int] = field(default_factory=dict)
    silence: Silence = nobody_is_silent

    def refuse(self, sender: bytes, change: Change, code: str) -> None:
        """Count a refusal: a signature is what costs time."""
        if is_request(change) and code in PENDING:
            self.pending.append((change, code))
        self.spent[sender] = self.spent.get(sender, 0) + max(1, len(change.signatures))

    def wrote(self, change: Change, outcome: Outcome) -> None:
        """Note what is without effect: one of another branch may have let devices in there (A45)."""
        if outcome.code is not OutcomeCode.APPLIED:
            operations = change.body.operations
            self.left_out |= any(o.key == "key" and is_device(o.section) for o in operations)

    @property
    def is_over(self) -> bool:
        """Whether enough was spent on refusals, whoever caused them."""
        return sum(self.spent.values()) >= REFUSED_PER_TURN_MAX

    def may_go_on(self, sender: bytes) -> bool:
        """Tell whether a sender's next change may be looked at in this turn."""
        return self.spent.get(sender, 0) < REFUSED_PER_SENDER_MAX


class WriteQueue:
    """Changes that wait to be written by this device while it leads.

    The same change may wait in several lines: a line keeps the order of its sender, whoever else
    has a copy, and a copy with other signatures cannot take the place of the true one.

    Args:
        log: the log; this device leads its epoch.
        own: the sender whose changes its own outbox bounds: they are always taken.
    """

    def __init__(self, log: Log, own: bytes) -> None:
        self._log, self._own = log, own
        self._quota = Quota(log)
        self._lines: dict[bytes, _Line] = {}
        """By sender, whose turn is next first; none is empty."""
        self._foreign, self._foreign_bytes = 0, 0

    def __len__(self) -> int:
        return sum(len(line.changes) for line in self._lines.values())

    def has(self, change: ChangeId, sender: bytes) -> bool:
        """Tell whether a change of a sender waits here, or stands in the log."""
        line = self._lines.get(sender)
        return self._log.position_of(change) is not None or (line is not None and change in line.changes)

    def take(self, change: Change, sender: bytes, after: ChangeId | None = None) -> Answer | None:
        """Queue a change; the answer at once if there is one.

        A change that is in the log is answered with its position: who repeats a SUBMIT does
        not know that the first one arrived.

        Args:
            change: not verified yet: that is work for the writer's turn.
            sender: who handed it in, proven by its seal or its stream.
            after: the change that goes before it: without an outcome of that it is not written.
        """
        seq = self._log.position_of(change.id)
        if seq is not None:
            return stored(change.id, seq, self._log.outcome_of(change.id))
        if self.has(change.id, sender):
            return None
        if after is not None and not self.has(after, sender):
            return _too_early(change)
        if not self._has_room(sender):
            return Answer(change.id, AnswerCode.BUSY, Seq(0), "too many changes wait")
        self._add(sender, Waiting(change, len(change.encode()), after))
        return None

    def _add(self, sender: bytes, waiting: Waiting) -> None:
        self._lines.setdefault(sender, _Line()).add(waiting)
        self._count(sender, 1, waiting.size_bytes)

    def strand(self, changes: Iterable[Change]) -> None:
        """Queue what stood in a branch that lost, in that branch's order; it was verified with the branch."""
        for change in changes:
            if not self.has(change.id, STRANDED):
                self._add(STRANDED, Waiting(change, len(change.encode())))

    def waiting(self) -> list[Waiting]:
        """Return all that waits and did not come from a lost branch, each once."""
        lines = (line for sender, line in self._lines.items() if sender != STRANDED)
        return list({each.change.id: each for line in lines for each in line.changes.values()}.values())

    def _has_room(self, sender: bytes) -> bool:
        """Tell whether less of a sender waits than there is room left, so that others find some, too."""
        if sender == self._own:
            return True
        line = self._lines.get(sender, _Line())
        is_short = len(line.changes) < WRITER_QUEUE_MAX - self._foreign
        return is_short and line.size_bytes < WRITER_QUEUE_BYTES_MAX - self._foreign_bytes

    def _count(self, sender: bytes, count: int, size_bytes: int) -> None:
        if sender not in (self._own, STRANDED):
            self._foreign += count
            self._foreign_bytes += size_bytes

    def write(self, stamp: Stamp, silence: Silence = nobody_is_silent) -> Written:
        """Write what waits, up to so many batches of DATA; the rest stays for the next turn.

        Args:
            stamp: this device's.
            silence: for how many cycles it has not heard a member; it says so where an entry rests on that.
        """
        turn = _Turn(silence=silence)
        batches = [self._write_batch(stamp, turn) for _ in range(WRITTEN_BATCHES_MAX)]
        written = tuple((items, head) for items, head in batches if items)
        return Written(written, tuple(turn.answers), tuple(turn.pending), turn.left_out)

    def _write_batch(self, stamp: Stamp, turn: _Turn) -> tuple[tuple[LogItem, ...], Head]:
        items: list[LogItem] = []
        size_bytes = 0
        while size_bytes < DATA_BYTES_MAX - 2048:
            sender = self._next(turn)
            if sender is None:
                break
            item = self._write_one(self._take_out(sender), sender, stamp, turn)
            if item is not None:
                items.append(item)
                size_bytes += len(item.data)
        return tuple(items), self._log.head

    def _write_one(self, waiting: Waiting, sender: bytes, stamp: Stamp, turn: _Turn) -> LogItem | None:
        change, _, after = waiting
        seq = self._log.position_of(change.id)
        if seq is not None:  # it waited in another line too, and was written from there
            turn.answers.append(stored(change.id, seq, self._log.outcome_of(change.id)))
            return None
        if after is not None and self._log.position_of(after) is None:  # it was refused: both may come again
            turn.answers.append(_too_early(change))
            return None
        try:
            item, entry = self._judged(change, sender, stamp, turn)
        except Refused as refusal:
            turn.refuse(sender, change, refusal.code)
            if not any(change.id in line.changes for line in self._lines.values()):
                turn.answers.append(refused(change.id, refusal))
            return None
        turn.wrote(change, entry.outcome)
        self._quota.wrote(change, len(item.data))
        turn.answers.append(stored(change.id, entry.seq, entry.outcome))
        return item

    def _judged(self, change: Change, sender: bytes, stamp: Stamp, turn: _Turn) -> tuple[LogItem, Entry]:
        """Write a change; where a device comes back by itself, say that the member is absent (A20).

        Raises:
            Refused: as `Log.write_change`; ``quota-used``.
        """
        if sender == STRANDED:
            return self._log.write_stranded(change, self._attesting(change, stamp, turn) or stamp)
        self._quota.check(change)
        try:
            return self._log.write_change(change, stamp)
        except Refused as refusal:
            attesting = self._attesting(change, stamp, turn) if refusal.code == LABEL_KNOWN else None
            if attesting is None:
                raise
            return self._log.write_change(change, attesting)

    def _attesting(self, change: Change, stamp: Stamp, turn: _Turn) -> Stamp | None:
        """Return the stamp with which a device comes back; None where it does not."""
        former = asks_as(self._log.state, change) if is_request(change) else None
        if former is None:
            return None
        absent = Absent(former, turn.silence(former))
        return stamp._replace(absent=absent) if is_attested(absent, former) else None

    def _next(self, turn: _Turn) -> bytes | None:
        """Return whose change is next in this turn; None: nobody's, or what it wrote retired the writer."""
        if self._log.has_ended:
            return None
        if STRANDED in self._lines:  # before newer changes of the same authors
            return STRANDED
        if turn.is_over:
            return None
        return next((sender for sender in self._lines if turn.may_go_on(sender)), None)

    def _take_out(self, sender: bytes) -> Waiting:
        """Take a sender's oldest change out; its line goes behind all others."""
        line = self._lines.pop(sender)
        before = line.size_bytes
        waiting = line.take_out()
        self._count(sender, -1, line.size_bytes - before)
        if line.changes:
            self._lines[sender] = line
        return waiting
