"""Changes that this device makes, its people's and its own: kept, counted, and told about."""

from collections.abc import Callable, Sequence

from dusk.changelog.body import Change, Edit, build_change, decode_change
from dusk.changelog.log import Log
from dusk.changelog.state import counter_key
from dusk.cycle.messages import Answer
from dusk.cycle.outbox import Outbox
from dusk.cycle.write_queue import stored
from dusk.effects import ChangeState, Effect, Progress
from dusk.errors import Refused
from dusk.ids import ChangeId, DeviceId, KeyId, Seq
from dusk.keys.signing import SigningKey
from dusk.node.writing import Writing

_AUTHORS_MAX = 256
"""People whose numbers are remembered that came to nothing."""


class OwnChanges:
    """What becomes of the changes of one device.

    Args:
        key: this device's key.
        log: the log.
        outbox: keeps changes until they are settled.
        writing: writes them where this device leads.
        random_bytes: for salts.
    """

    def __init__(
        self,
        *,
        key: SigningKey,
        log: Log,
        outbox: Outbox,
        writing: Writing,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._key, self._log, self._outbox, self._writing = key, log, outbox, writing
        self._device, self._random_bytes = DeviceId(key.key_id), random_bytes
        self._handed_in: dict[KeyId, int] = {}
        """The highest number that each author used here in this run, be it refused."""

    def submit(self, change: Change, now: float) -> list[Effect]:
        """Keep a change and get it written; one that the log has is told as it stands there.

        Raises:
            Refused: the outbox is full; nothing was kept.
        """
        seq = self._log.position_of(change.id)
        if seq is not None and change.id not in self._outbox:
            return [_durable(self._outcome(change.id, seq))]
        effects = self._outbox.add(change.id, change.encode(), now)
        if change.body.counter:
            self._note(change.body.author, change.body.counter)
        if self._writing.leader is not None:
            effects += self._writing.queue(change, self._device, now)
        return effects

    def _note(self, author: KeyId, number: int) -> None:
        highest = max(number, self._handed_in.pop(author, 0))
        self._handed_in[author] = highest
        if len(self._handed_in) > _AUTHORS_MAX:
            del self._handed_in[next(iter(self._handed_in))]

    def submit_own(self, edits: Sequence[Edit], message: str, now: float) -> list[Effect]:
        """Sign a change by this device's own key, and get it written, if the outbox has room for it."""
        try:
            return self.submit(self.sign_own(edits, message), now)
        except Refused:  # what people sent comes first; this is made again in its time
            return []

    def sign_own(self, edits: Sequence[Edit], message: str) -> Change:
        """Return a change that is signed by this device's own key."""
        return build_change(
            cluster=self._log.state.cluster,
            device=self._device,
            counter=self.next_counter(self._key.key_id),
            message=message,
            edits=edits,
            signers=(self._key,),
            random_bytes=self._random_bytes,
        )

    def answered(self, answer: Answer, now: float) -> list[Effect]:
        """Take the writer's answer to a change that went through our outbox."""
        return [*self._writing.refused_elsewhere(answer, now), *self._outbox.on_answer(answer)]

    def logged(self, change: ChangeId) -> list[Effect]:
        """Tell the outbox of an outcome that stands in our log.

        Up to where that is final it hears behind all that moved: a change that stands in the branch
        which we left, and in the one that we took, may not be final where it stands now (R3).
        """
        seq = self._log.position_of(change)
        if seq is None or change not in self._outbox:
            return []
        # The master that starts again does not lead yet, and may be the only one to hold it (R3).
        is_ours = self._writing.leader is not None or self._log.leader == self._device
        return self._outbox.on_logged(self._outcome(change, seq), durable=not is_ours)

    def progress(self, change: ChangeId) -> Progress | None:
        """Return how far a change has come: in the outbox, else in the log."""
        kept = self._outbox.progress(change)
        if kept is not None:
            return kept
        seq = self._log.position_of(change)
        return None if seq is None else _durable(self._outcome(change, seq))

    def next_counter(self, author: KeyId) -> int:
        """Return a counter above all of this author's changes at this device, in what it left, too.

        Above refused ones as well: a copy of such a change that comes late to who writes must not
        use up the number of another.
        """
        last = self._log.state.derived(counter_key(author, self._device))
        left = self._outbox.outlook.left_number(author, self._device)
        handed_in = self._handed_in.get(author, 0)
        return 1 + max([last, left, handed_in, *(change.body.counter for change in self.waiting(author))])

    def waiting(self, author: KeyId) -> tuple[Change, ...]:
        """Return this author's changes from here whose outcome does not stand in our log."""
        kept = (decode_change(self._outbox.encoded(change)) for change in self._outbox.not_logged())
        return tuple(change for change in kept if change.body.author == author)

    def _outcome(self, change: ChangeId, seq: Seq) -> Answer:
        return stored(change, seq, self._log.outcome_of(change))


def _durable(outcome: Answer) -> Progress:
    """Say of a change that stands in the log what became of it."""
    return Progress(outcome.change, ChangeState.DURABLE, outcome.seq, outcome.reason, outcome.word)
