"""The master's hand on the log: opens epochs, writes batches, answers who handed changes in.

An entry and its signed head are appended in one effect, and everything that tells of them
stands behind it (R8).
"""

from collections.abc import Callable, Iterable, Sequence

from dusk.catchup.messages import APPLIED, NO_ANSWER
from dusk.catchup.messages import Answer as StreamAnswer
from dusk.changelog.body import Change, decode_change
from dusk.changelog.certificate import Certificate
from dusk.changelog.entry import Stamp
from dusk.changelog.expiring import expiries
from dusk.changelog.log import Log
from dusk.cycle.datagrams import Opened
from dusk.cycle.leader import Entries, Leader
from dusk.cycle.messages import Answer, AnswerCode, Kind, decode_submit
from dusk.cycle.outbox import Outbox, Writer
from dusk.cycle.station import Station
from dusk.cycle.write_queue import STRANGERS, WriteQueue, stored
from dusk.effects import Address, Append, Effect, LogItem, SendDatagram, WallClock
from dusk.errors import Refused, UntrustedInput
from dusk.ids import NO_CHAIN, ChainHash, ChangeId, Seq
from dusk.limits import WAITING_REPLIES_MAX
from dusk.membership.pending import PendingList

EXPIRIES_MAX = 16
"""Ended in one batch."""
WRITE_GAP_S = 0.05
"""Between two batches: the least time between STARTs."""

_LATE_S = 0.01
"""So that the second in which something ends has begun for a clock with rounding, too."""

AnswerStreams = Callable[[ChangeId, StreamAnswer, float], list[Effect]]
SubmitStream = Callable[[Address, Change, float, ChangeId | None], list[Effect]]
LogMoved = Callable[[Iterable[LogItem], float], list[Effect]]


class Writing:
    """Changes on their way into the log, through this device.

    Args:
        station: this device in its cycle.
        log: the log, which this writes while it leads.
        outbox: changes of this device's own people.
        answer_streams: tells the streams that wait for a change.
        log_moved: tells the node of entries, behind their ``Append``.
        left_out: hears that a device of another branch is not in this log.

    Attributes:
        leader: drives cycles; None while this device does not lead.
        clock: the wall clock, for stamps.
        pending: who asked to be let in while this device led, and waits for a person.
    """

    def __init__(
        self,
        *,
        station: Station,
        log: Log,
        outbox: Outbox,
        answer_streams: AnswerStreams,
        log_moved: LogMoved,
        left_out: Callable[[], list[Effect]],
    ) -> None:
        self.leader: Leader | None = None
        self.clock = WallClock(0.0, trusted=False)
        self.deadline: float | None = None
        """When ``tick`` is wanted, monotonic seconds."""
        self._station, self._log, self._outbox = station, log, outbox
        self._answer_streams, self._log_moved, self._left_out = answer_streams, log_moved, left_out
        self._own_id = station.peers.own_id
        self._queue, self.pending = WriteQueue(log, self._own_id), PendingList()
        self._expiring: tuple[ChainHash, list[tuple[int, str]]] = (NO_CHAIN, [])
        self._datagrams: dict[ChangeId, Opened] = {}
        self._streams: set[ChangeId] = set()

    def set_clock(self, clock: WallClock) -> None:
        """Take the wall clock."""
        self.clock = clock
        if self.leader is not None:
            self.leader.wall_offset_s = clock.offset_s if clock.trusted else None

    def __len__(self) -> int:
        """Return how many changes wait to be written."""
        return len(self._queue)

    def check_role(self, role: Change, now: float) -> None:
        """Refuse a role that an `open` by this device could not carry now; changes nothing."""
        self._log.check_role(role, self._stamp(now))

    def lead(
        self, cycle_s: float, now: float, *, epoch_above: int = 0, role: Change | None = None
    ) -> list[Effect]:
        """Open an epoch: every start of leading is one (`specs/cycles.md`, section 5).

        Args:
            cycle_s: seconds.
            now: monotonic seconds.
            epoch_above: an epoch of another branch that was heard of.
            role: owners' word that this device leads; it was checked.
        """
        item = self._log.write_open(self._stamp(now), role, epoch_above=epoch_above)
        self.leader = Leader(self._station, cycle_s, now)
        self.set_clock(self.clock)
        effects = self._publish((((item,), self._log.head),), now)
        for change, after in self._outbox.unwritten():
            effects += self.queue(decode_change(self._outbox.encoded(change)), self._own_id, now, after)
        return effects

    def hand_back(self, now: float) -> list[Effect]:
        """End the epoch for the first of the succession; cycles go on until it opens the next."""
        item = self._log.write_handover(self._stamp(now))
        return self._publish((((item,), self._log.head),), now)

    def step_down(self, now: float) -> list[Effect]:
        """Lead no more: another device does, or will.

        What waits was promised to nobody: who handed it in by a datagram hands it in again, what
        came by a stream is passed on.
        """
        assert self.leader is not None, "only who leads can step down"
        waiting, self._queue = self._queue.waiting(), WriteQueue(self._log, self._own_id)
        self.leader = self.deadline = None
        self._datagrams.clear()
        effects: list[Effect] = []
        for change, _, after in waiting:
            if change.id in self._streams:
                effects += self.on_stream(change, now, after=after)
        return effects

    def strand(self, changes: Sequence[Change], now: float) -> None:
        """Take the changes of a branch that lost, to write them before whatever is new."""
        self._queue.strand(changes)
        if changes and self.deadline is None:
            self.deadline = now

    def certified(self, certificate: Certificate) -> list[Effect]:
        """Take a certificate; one that the log refuses comes again while it would settle more here."""
        try:
            is_new = self._log.take_certificate(certificate)
        except UntrustedInput:
            return []
        kept: list[Effect] = [Append((certificate.item(),))]
        return kept + self._outbox.on_settled(self._log.settled) if is_new else []

    def _stamp(self, now: float) -> Stamp:
        wall_s = max(0, int(now + self.clock.offset_s))
        return Stamp(self._station.peers.own_id, self._station.boot, wall_s, self.clock.trusted)

    def _publish(self, batches: Sequence[Entries], now: float) -> list[Effect]:
        """Store what was written with its signed head, then announce it."""
        assert self.leader is not None
        items = [item for batch, _ in batches for item in batch]
        announced = self.leader.announce(batches, now)
        head_item = self._log.signed(announced.signed_head)
        return [Append((*items, head_item)), *announced.effects, *self._log_moved(items, now)]

    # --- changes -------------------------------------------------------------------------------

    def queue(self, change: Change, sender: bytes, now: float, after: ChangeId | None = None) -> list[Effect]:
        """Take a change for the next batch, from this device or another; this device leads."""
        answer = self._queue.take(change, sender, after)
        if answer is not None:
            return self._reply(answer, now)
        if self.deadline is None:
            self.deadline = now
        return []

    def hand_over(self, writer: Writer | None, by_stream: SubmitStream, now: float) -> list[Effect]:
        """Hand what waits in the outbox to who writes, by datagram or by a stream."""
        self._outbox.writer_changed(writer, now)
        if not len(self._outbox):
            return []
        submission = self._outbox.tick(self._station.channel, now)
        effects = list(submission.effects)
        for change, after in submission.by_stream:
            assert writer is not None, "nothing is submitted to nobody"
            effects += by_stream(writer.address, decode_change(self._outbox.encoded(change)), now, after)
        return effects

    @property
    def expiry_at(self) -> float | None:
        """When ``expire`` is wanted, monotonic seconds; None: nothing ends, or no clock tells (R11)."""
        if self.leader is None or not self.clock.trusted or self._log.has_ended:
            return None
        if self._expiring[0] != self._log.head.chain:
            self._expiring = (self._log.head.chain, expiries(self._log.state))
        listed = self._expiring[1]
        return listed[0][0] - self.clock.offset_s + _LATE_S if listed else None

    def expire(self, now: float) -> list[Effect]:
        """Write that whatever has ended by now has, with one signed head."""
        stamp = self._stamp(now)
        assert self.expiry_at is not None, "something ends"
        due = [section for expires_s, section in self._expiring[1] if expires_s <= stamp.time_s]
        items = [(self._log.write_expiry(section, stamp), self._log.head) for section in due[:EXPIRIES_MAX]]
        return self._publish([((item,), head) for item, head in items], now) if items else []

    def gate(self, section: str, word: str, now: float) -> list[Effect]:
        """Write how a rollout goes on."""
        if self._log.has_ended:  # who leads next decides
            return []
        item = self._log.write_gate(section, word, self._stamp(now))
        return self._publish([((item,), self._log.head)], now)

    def tick(self, now: float) -> list[Effect]:
        """Write the changes that wait, with one signed head."""
        assert self.leader is not None, "only who leads has changes to write"
        self.deadline = None
        if self._log.has_ended:  # what waits is for the next epoch
            return []
        leader = self.leader
        written = self._queue.write(self._stamp(now), lambda device: leader.silent_cycles(device, now))
        effects = self._publish(written.batches, now) if written.batches else []
        effects += self._left_out() if written.left_out else []
        for answer in written.answers:
            effects += self._reply(answer, now)
        for request, why in written.pending:
            self.pending.put(request, why, now)
        if written.batches or len(self._queue):
            self.deadline = now + WRITE_GAP_S
        return effects

    def on_submit(self, opened: Opened, now: float) -> list[Effect]:
        """Take a SUBMIT datagram; one that overtook the change before it is waited for again.

        Raises:
            UntrustedInput: malformed.
        """
        assert opened.sender is not None, "a SUBMIT is sealed for two"
        data, after = decode_submit(opened.plaintext)
        change, sender = decode_change(data), opened.sender.device_id
        if self.leader is not None and after is not None and not self._queue.has(after, sender):
            return []
        if len(self._datagrams) < WAITING_REPLIES_MAX:
            self._datagrams[change.id] = opened
        if self.leader is None:
            reason = "this device does not lead"
            return self._reply(Answer(change.id, AnswerCode.NOT_WRITER, Seq(0), reason), now)
        return self.queue(change, sender, now, after)

    def on_stream(
        self, change: Change, now: float, asker: bytes = STRANGERS, after: ChangeId | None = None
    ) -> list[Effect]:
        """Take a change from a stream, of a member by its X25519 key; pass it on if another leads."""
        self._streams.add(change.id)
        if self.leader is not None:
            return self.queue(change, asker, now, after)
        if self._log.position_of(change.id) is not None:
            return self.logged(change.id, now)
        try:
            forgotten = self._outbox.relay(change.id, change.encode(), now, after)
        except Refused as refusal:  # the asker may come again
            answer = Answer(change.id, AnswerCode.BUSY, Seq(0), refusal.reason)
            return self._answer_stream(answer, now)
        if forgotten is not None:
            self._streams.discard(forgotten)
        return []

    def logged(self, change: ChangeId, now: float) -> list[Effect]:
        """Answer streams that wait for a change which another device wrote into our log."""
        seq = self._log.position_of(change)
        if change not in self._streams or self.leader is not None or seq is None:
            return []
        return self._answer_stream(stored(change, seq, self._log.outcome_of(change)), now)

    def _reply(self, answer: Answer, now: float) -> list[Effect]:
        """Tell whoever handed a change in what became of it."""
        effects: list[Effect] = []
        opened = self._datagrams.pop(answer.change, None)
        if opened is not None and opened.sender is not None:
            datagram = self._station.channel.seal_to(opened.sender, Kind.ANSWER, answer.encode())
            effects.append(SendDatagram(datagram, opened.source))
        if answer.change in self._streams:
            effects += self._answer_stream(answer, now)
        return effects + self._outbox.on_answer(answer)

    def _answer_stream(self, answer: Answer, now: float) -> list[Effect]:
        self._streams.discard(answer.change)
        return self._answer_streams(answer.change, _for_stream(answer), now)

    def refused_elsewhere(self, answer: Answer, now: float) -> list[Effect]:
        """Pass the writer's refusal of a change on to the stream that brought it here."""
        if answer.change not in self._streams or answer.code is not AnswerCode.REFUSED:
            return []
        return self._answer_stream(answer, now)


def _for_stream(answer: Answer) -> StreamAnswer:
    """Put a writer's answer into the words of an exchange: a refusal keeps its own."""
    code = {AnswerCode.STORED: APPLIED, AnswerCode.REFUSED: answer.word or "refused"}
    return StreamAnswer(code.get(answer.code, NO_ANSWER), answer.seq, answer.reason)
