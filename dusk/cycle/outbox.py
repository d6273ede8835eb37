"""Changes of this device until their outcome is settled (`specs/cycles.md`, section 7; R3, R8).

::

    queued ──ANSWER stored──▶ local ──┐
      │  └────────── in our log, and another holds it ──▶ durable ──settled──▶ forgotten
      └──ANSWER refused──▶ refused, forgotten

A change whose entry our log left for another branch is adrift: its state stays, for that was
promised, and it is handed in again until it has its outcome there. Neither it nor what was made
in view of that branch is refused for good before the branch was taken up there (R3). An
attestation and a forced role mean something in their branch alone, and are forgotten with it.

A change is *durable* when its outcome stands in our own verified log and the writer is
another, or when we are the writer and another member reported that position.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import takewhile

from dusk.changelog.body import Change, decode_change
from dusk.cycle.datagrams import PAIRWISE_OVERHEAD_BYTES, Channel
from dusk.cycle.messages import Answer, AnswerCode, Kind, encode_submit
from dusk.cycle.outlook import Blind, Outlook
from dusk.cycle.peers import NOWHERE, Peer
from dusk.effects import Address, ChangeState, Effect, Progress, RemoveFile, SendDatagram, StoreFile
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ChangeId, DeviceId, KeyId, Seq
from dusk.lazy import dataclass
from dusk.limits import ANSWER_S_MAX, DATAGRAM_BYTES_MAX, OUTBOX_MAX, RELAYED_MAX, SUBMITS_MAX

FOLDER = "outbox/"
RETRY_S_MIN = 0.25
RETRY_S_MAX = 10.0
_SUBMIT_BYTES_MAX = DATAGRAM_BYTES_MAX - PAIRWISE_OVERHEAD_BYTES - 38
"""Room for a change in a SUBMIT: behind it stands the id of another."""
_NEXT = {
    ChangeState.QUEUED: frozenset((ChangeState.LOCAL, ChangeState.DURABLE, ChangeState.REFUSED)),
    ChangeState.LOCAL: frozenset((ChangeState.DURABLE,)),
    ChangeState.DURABLE: frozenset[ChangeState](),
    ChangeState.REFUSED: frozenset[ChangeState](),
}
"""How a change moves on; it never goes back."""


def file_name(change: ChangeId) -> str:
    """Return the file that keeps a change."""
    return FOLDER + change.hex()


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes the log now, and where: another member.

    One that is back, after silence or a restart, is another one here: it is asked at once.
    """

    peer: Peer
    address: Address
    epoch: int
    is_fresh: bool


@dataclass(frozen=True, slots=True)
class Submission:
    """What is due: effects, and the changes that are too long for a datagram."""

    effects: tuple[Effect, ...] = ()
    by_stream: tuple[tuple[ChangeId, ChangeId | None], ...] = ()
    """Each with the one that goes before it."""


@dataclass(slots=True)
class _Item:
    """One change on its way."""

    data: bytes
    line: KeyId | None = None
    """Whose changes it must not overtake."""
    state: ChangeState = ChangeState.QUEUED
    seq: Seq = NOWHERE
    reason: str = ""
    word: str = ""
    logged: bool = False
    """Whether it stands in our own log, at ``seq``."""
    adrift: bool = False
    """Whether our log left the branch in which it stood, and it has no outcome since."""
    hopeless: bool = False
    """Whether it is adrift, and refused for so long that it waits for others to bring its branch alone."""
    untold: bool = False
    """Whether it has another outcome than was told, which one disk alone has."""
    after: ChangeId | None = None
    """Which one goes before it, where another device says that."""
    answered_by: tuple[DeviceId, int] | None = None
    """The writer, and in which epoch, that answered for it last: the next one may not have it."""
    refused_by: tuple[DeviceId, int] | None = None
    """The same of who refused it, though another said that it has it: it is kept for that branch."""
    relayed: bool = False
    """Whether another device keeps it, and only the way leads through here."""
    since: float = float("-inf")
    """When it came, where another device keeps it."""
    due_at: float = float("-inf")
    wait_s: float = RETRY_S_MIN

    @property
    def is_long(self) -> bool:
        """Whether it does not fit into a SUBMIT."""
        return len(self.data) > _SUBMIT_BYTES_MAX

    def progress(self, change: ChangeId) -> Progress:
        """Return how far it has come."""
        return Progress(change, self.state, self.seq, self.reason, self.word)


_Line = list[tuple[ChangeId, _Item]]
"""Changes of one author that have no answer, oldest first."""


def _window(line: _Line) -> _Line:
    """Return how much of a line may be on its way at once; what goes by a stream goes alone."""
    count = next((index for index, (_, item) in enumerate(line) if item.is_long), SUBMITS_MAX)
    return line[: max(1, min(count, SUBMITS_MAX))]


class Outbox:
    """Keeps changes and hands them to the writer until they have their outcome.

    Args:
        saved: what the files held at start: change id → encoded change, checked by the node.
        random_bytes: for jitter.
        line_of: says in whose line a change stands: an author's counters rise, so each of his
            changes names the one before it that is not settled, and is not taken before that; else
            it would be refused for ever where a datagram is lost, or another leads. None: in no line.
        outlook: what this device's people have seen of the log, and others may lack.

    Attributes:
        outlook: as above.
    """

    def __init__(
        self,
        saved: Mapping[ChangeId, bytes],
        random_bytes: Callable[[int], bytes],
        line_of: Callable[[bytes], KeyId | None] = lambda _: None,
        outlook: Outlook | None = None,
    ) -> None:
        self._items = {change: _Item(data, line_of(data)) for change, data in saved.items()}
        self._random_bytes = random_bytes
        self._line_of, self.outlook = line_of, outlook or Blind()
        self._settled = NOWHERE
        self._writer: Writer | None = None
        self._answering: tuple[DeviceId, int] | None = None

    def __contains__(self, change: ChangeId) -> bool:
        return change in self._items

    def __len__(self) -> int:
        return len(self._items)

    def encoded(self, change: ChangeId) -> bytes:
        """Return the bytes of a change that is kept, for a stream."""
        return self._items[change].data

    def progress(self, change: ChangeId) -> Progress | None:
        """Return how far a change has come; None if it is not, or no longer, here."""
        item = self._items.get(change)
        return None if item is None else item.progress(change)

    def waiting(self) -> tuple[ChangeId, ...]:
        """Return the changes that no writer has answered for."""
        return tuple(c for c, item in self._items.items() if item.state is ChangeState.QUEUED)

    def not_logged(self) -> tuple[ChangeId, ...]:
        """Return this device's changes whose outcome does not stand in our log, answered or not."""
        return tuple(c for c, item in self._items.items() if not item.logged and not item.relayed)

    def unwritten(self) -> tuple[tuple[ChangeId, ChangeId | None], ...]:
        """Return all changes whose outcome does not stand in our log, and what those of others follow."""
        return tuple((c, item.after) for c, item in self._items.items() if not item.logged)

    # --- in ----------------------------------------------------------------------------------

    def add(self, change: ChangeId, data: bytes, now: float) -> list[Effect]:
        """Keep a new change of this device; one that is here already is resumed.

        Raises:
            Refused: ``outbox-full``.
        """
        item = self._items.get(change)
        if item is not None and not item.relayed:
            return [item.progress(change)]
        room = self._make_room()
        item = item or _Item(data, due_at=now)
        item.line, item.relayed, item.after = self._line_of(data), False, None
        self._items[change] = item
        return [*room, StoreFile(file_name(change), data), item.progress(change)]

    def _make_room(self) -> list[Effect]:
        """Forget the oldest change that is safest elsewhere, if there is no room.

        That is one whose outcome is settled, else durable, else one in our log: a holder may be
        absent for long, or a writer alone, and people must go on. What stands in a log stays on
        its disk even when it leaves that branch.

        Raises:
            Refused: ``outbox-full``.
        """
        kept = [(change, item) for change, item in self._items.items() if not item.relayed]
        if len(kept) < OUTBOX_MAX:
            return []
        logged = [(change, item) for change, item in kept if item.logged]
        if logged:
            change, _ = max(logged, key=lambda each: self._safety(each[1]))
            return self._forget(change)
        raise Refused("outbox-full", f"{OUTBOX_MAX} changes wait for the master; nothing was kept")

    def _safety(self, item: _Item) -> tuple[bool, bool]:
        """Tell how well others keep it; of equal ones `max` takes the oldest."""
        return (item.seq <= self._settled, item.state is ChangeState.DURABLE)

    def relay(
        self, change: ChangeId, data: bytes, now: float, after: ChangeId | None = None
    ) -> ChangeId | None:
        """Take another device's change on its way to the writer.

        Nothing of it was verified, and who handed it in keeps it: it gets no flash (A54), no
        place in an author's line, and none of the room for this device's own people. A writer
        takes none behind what it never gets: so the oldest makes room once nobody waits for it.

        Args:
            change: its id.
            data: the change, encoded.
            now: monotonic seconds.
            after: the one that goes before it, as who handed it in says.

        Returns:
            The one that was forgotten for it.

        Raises:
            Refused: ``busy``.
        """
        if change in self._items:
            return None
        relayed = [(name, item.since) for name, item in self._items.items() if item.relayed]
        forgotten = None
        if len(relayed) >= RELAYED_MAX:
            forgotten, since = min(relayed, key=lambda each: each[1], default=(change, now))
            if now - since < ANSWER_S_MAX:
                raise Refused("busy", "too many changes of others wait for the master here")
            self._forget(forgotten)
        self._items[change] = _Item(data, due_at=now, relayed=True, after=after, since=now)
        return forgotten

    # --- out ---------------------------------------------------------------------------------

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` is wanted; None while there is no writer or nothing to send."""
        if self._writer is None or not self._items:
            return None
        return min((item.due_at for line in self._lines() for _, item in line), default=None)

    def _lines(self) -> list[_Line]:
        """Return the changes that may be on their way now, line by line, oldest first in each."""
        lines: dict[KeyId | ChangeId, _Line] = {}
        for change, item in self._items.items():
            if item.logged:
                continue
            in_line = item.line is not None and self._is_open(item)
            lines.setdefault(item.line if in_line and item.line is not None else change, []).append(
                (change, item)
            )
        return [_window(line) for line in lines.values()]

    def _is_open(self, item: _Item) -> bool:
        """Tell whether the present writer has not answered for it yet."""
        is_waiting = item.adrift or item.state is ChangeState.QUEUED
        return not item.hopeless and (is_waiting or item.answered_by != self._answering)

    def writer_changed(self, writer: Writer | None, now: float) -> None:
        """Take who writes now; None: nobody is heard, or we ourselves. A new one is asked at once."""
        if writer == self._writer:
            return
        self._writer = writer
        if writer is not None:
            self._answering = writer.peer.device_id, writer.epoch
        for item in self._items.values():
            item.due_at, item.wait_s = now, RETRY_S_MIN

    def tick(self, channel: Channel, now: float) -> Submission:
        """Submit what is due; repeated with growing pauses until its outcome is in our log."""
        writer = self._writer
        if writer is None:
            return Submission()
        effects: list[Effect] = []
        by_stream: list[tuple[ChangeId, ChangeId | None]] = []
        for change, item, former in [each for line in self._lines() for each in self._due(line, now)]:
            if item.is_long:
                by_stream.append((change, former))
                continue
            datagram = channel.seal_to(writer.peer, Kind.SUBMIT, encode_submit(item.data, former))
            effects.append(SendDatagram(datagram, writer.address))
        return Submission(tuple(effects), tuple(by_stream))

    def _due(self, line: _Line, now: float) -> list[tuple[ChangeId, _Item, ChangeId | None]]:
        """Return what is due of a line, each with the one before it.

        That is what is new; and all, in order, once the first has waited: what got lost may be
        any of them, and the writer takes none before the one before it.
        """
        first = line[0][1]
        is_again = first.due_at <= now
        if not is_again and all(item.due_at > now for _, item in line):
            return []  # what goes before is not looked for with each datagram that comes
        formers = (self._before(*line[0]), *(change for change, _ in line))
        pairs = zip(line, formers, strict=False)
        due = [(*each, former) for each, former in pairs if is_again or each[1].due_at <= now]
        if is_again:
            self._back_off(first, now)
        for _, item, _ in due:
            item.due_at = first.due_at
        return due

    def _before(self, change: ChangeId, item: _Item) -> ChangeId | None:
        """Return what a writer must have before it takes the first of a line; None: nothing.

        That is the author's change before it, answered or not: a SUBMIT may come late, to a writer
        on another branch, and with what follows in its log it would be too late. Without any it is
        what the author saw last, whoever made that: where it lacks, the change may mean nothing.
        That alone says nothing of the author's own: it may stand on both branches.
        """
        if item.relayed:
            return item.after
        before = takewhile(lambda each: each[0] != change, self._items.items())
        line = [other for other, each in before if item.line and each.line == item.line and self._comes(each)]
        former = line[-1] if line else None
        if former is not None and not self._items[former].logged:
            return former
        return self.outlook.left_before(item.data) or former or self.outlook.newest()

    def _comes(self, item: _Item) -> bool:
        """Tell whether the present writer may have a change, or get it: nothing waits for it there else."""
        return not item.hopeless and (item.refused_by is None or item.refused_by != self._answering)

    def _back_off(self, item: _Item, now: float) -> None:
        jitter = 0.75 + int.from_bytes(self._random_bytes(1), "big") / 512
        item.due_at = now + item.wait_s * jitter
        item.wait_s = min(2 * item.wait_s, RETRY_S_MAX)

    # --- outcomes ----------------------------------------------------------------------------

    def on_answer(self, answer: Answer) -> list[Effect]:
        """Take the writer's answer, however it came."""
        item = self._items.get(answer.change)
        if item is None or item.logged:
            return []
        if answer.code in (AnswerCode.STORED, AnswerCode.REFUSED):
            item.answered_by = self._answering
        if answer.code is AnswerCode.REFUSED:
            return self._refused(answer, item)
        if answer.code is AnswerCode.STORED:
            return self._move(answer.change, item, ChangeState.LOCAL, answer)
        return []

    def _refused(self, answer: Answer, item: _Item) -> list[Effect]:
        """Take a refusal, if that is the last word.

        It is not while the writer may lack what stood in a branch that we left: that is offered to
        it. A change that is adrift stood there itself, and gets its outcome by that alone in the end.
        """
        is_led = self._writer is not None and not item.relayed
        if is_led and item.wait_s < RETRY_S_MAX and (item.adrift or self.outlook.is_offering()):
            return []
        for other in self._items.values():  # what comes behind it waits no more
            if item.line is not None and other.line == item.line and other is not item:
                other.due_at, other.wait_s = float("-inf"), RETRY_S_MIN
        if item.adrift and is_led:
            item.hopeless = True
            return []
        if item.adrift:  # what was said of it stays, and it has no place to tell
            return self._forget(answer.change)
        effects = self._move(answer.change, item, ChangeState.REFUSED, answer)
        if not effects:  # it stands on a branch, which nobody else may have: what follows goes on without
            item.refused_by = self._answering
        return effects + (self._forget(answer.change) if effects else [])

    def on_logged(self, outcome: Answer, *, durable: bool) -> list[Effect]:
        """Note that the outcome of a change stands in our own log; behind the ``Append`` (R8).

        Args:
            outcome: which change, where, and what became of it.
            durable: True if another device wrote it; False if we did.
        """
        item = self._items.get(outcome.change)
        if item is None:
            return []
        is_other = item.logged and (item.reason, item.word) != (outcome.reason, outcome.word)
        is_news, item.adrift, item.hopeless = item.adrift or is_other, False, False
        item.refused_by = None
        item.logged, item.seq, item.reason, item.word = True, outcome.seq, outcome.reason, outcome.word
        state = ChangeState.DURABLE if durable else ChangeState.LOCAL
        moved = self._move(outcome.change, item, state, outcome)
        item.untold = not moved and is_news and item.state is not state
        return moved or ([item.progress(outcome.change)] if is_news and not item.untold else [])

    def on_unlogged(self, changes: Iterable[ChangeId], now: float) -> None:
        """Note that our log left the branch in which these stood."""
        for change in changes:
            item = self._items.get(change)
            if item is not None:
                item.logged, item.adrift, item.untold, item.seq = False, True, False, NOWHERE
                item.due_at, item.wait_s = now, RETRY_S_MIN

    def on_lapsed(self, changes: Iterable[ChangeId]) -> list[Effect]:
        """Forget what stood in a branch that our log left, and nobody writes anew: nothing waits for it."""
        return [effect for change in changes if change in self._items for effect in self._forget(change)]

    def on_durable(self, up_to: Seq) -> list[Effect]:
        """Note up to where another member holds what we, leading, wrote."""
        effects: list[Effect] = []
        for change, item in self._items.items():
            if item.logged and item.seq <= up_to:
                effects += self._move(change, item, ChangeState.DURABLE)
                effects += [item.progress(change)] if item.untold else []
                item.untold = False
        return effects

    def on_settled(self, up_to: Seq) -> list[Effect]:
        """Forget durable changes whose outcome is settled."""
        self._settled = up_to
        done = [
            change
            for change, item in self._items.items()
            if item.state is ChangeState.DURABLE and item.logged and item.seq <= up_to
        ]
        return [effect for change in done for effect in self._forget(change)]

    def _move(
        self, change: ChangeId, item: _Item, state: ChangeState, answer: Answer | None = None
    ) -> list[Effect]:
        """Go on to a state, with what an answer says of it."""
        if state not in _NEXT[item.state]:
            return []
        item.state = state
        if answer is not None:
            item.seq, item.reason, item.word = answer.seq, answer.reason, answer.word
        return [item.progress(change)]

    def _forget(self, change: ChangeId) -> list[Effect]:
        item = self._items.pop(change)
        return [] if item.relayed else [RemoveFile(file_name(change))]


def saved_changes(saved: Mapping[str, bytes]) -> dict[ChangeId, bytes]:
    """Return the changes that the outbox's files hold, as they were made; damaged ones are left alone."""
    found: list[Change] = []
    for name, data in saved.items():
        if name.startswith(FOLDER):
            try:
                found.append(decode_change(data))
            except UntrustedInput:
                continue
    found.sort(key=lambda change: (change.body.counter, change.id))
    return {change.id: change.encode() for change in found}


def line_of(data: bytes) -> KeyId | None:
    """Return the author in whose line a change stands; a device's creation has no number and no line."""
    body = decode_change(data).body
    return body.author if body.counter else None
