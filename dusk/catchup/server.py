"""The answering side of one stream: who asks decides what is answered.

A member at our head may ask everything, a removed device learns that it was removed, a
stranger may ask to join and nothing else; nothing of the log leaves before the asker's key
is proven. Standing is looked up for each request: a device that is removed meanwhile gets no
further chunk, and one that has just joined goes on on the same stream. One request at a
time: whoever sends another before the answer is cut off.
"""

from collections.abc import Mapping
from enum import Enum, auto

from dusk.catchup.channel import Channel
from dusk.catchup.chunks import entries_in, size_bytes, thin
from dusk.catchup.host import AskedHere, Host, Standing
from dusk.catchup.messages import (
    APPLIED,
    DEVICE_EXISTS,
    NO_ANSWER,
    NOT_MASTER,
    Addresses,
    Answer,
    Asked,
    Common,
    Compacted,
    Fetch,
    GetBranch,
    GetKeys,
    GetPiece,
    GetReports,
    GetSecrets,
    Items,
    Join,
    Keys,
    Locate,
    Piece,
    Removed,
    Reply,
    Report,
    decode_request,
    encode,
)
from dusk.catchup.questions import NO_ANSWER as NOT_IN_TIME
from dusk.catchup.questions import Ask, refusal
from dusk.changelog.basis import Plan
from dusk.changelog.body import Change, decode_change
from dusk.effects import (
    Address,
    Consulted,
    Disconnect,
    Effect,
    ItemsRead,
    LogItem,
    PieceRead,
    ReadItems,
    ReadPiece,
    SendFrame,
    Told,
)
from dusk.errors import UntrustedInput
from dusk.ids import ChangeId, Seq
from dusk.limits import (
    ANSWER_S_MAX,
    CHUNK_BYTES_MAX,
    EXCHANGE_S_MAX,
    HANDSHAKE_S_MAX,
    JOIN_BYTES_MAX,
    QUESTION_S_MAX,
    REQUEST_BYTES_MAX,
    STREAM_IDLE_S_MAX,
)
from dusk.membership.request import stream_of


class Phase(Enum):
    """What a server waits for."""

    HANDSHAKE = auto()
    REQUEST = auto()
    ITEMS = auto()
    OUTCOME = auto()
    CONSULTING = auto()


_PATIENCE_S = {
    Phase.HANDSHAKE: HANDSHAKE_S_MAX,
    Phase.REQUEST: STREAM_IDLE_S_MAX,
    Phase.ITEMS: STREAM_IDLE_S_MAX,
    Phase.OUTCOME: ANSWER_S_MAX,
    Phase.CONSULTING: QUESTION_S_MAX,
}
"""How long each may take; a handshake in all, a request each frame."""


NEXT: Mapping[Phase, frozenset[Phase]] = {
    Phase.HANDSHAKE: frozenset({Phase.REQUEST}),
    Phase.REQUEST: frozenset({Phase.REQUEST, Phase.ITEMS, Phase.OUTCOME, Phase.CONSULTING}),
    Phase.ITEMS: frozenset({Phase.REQUEST}),
    Phase.OUTCOME: frozenset({Phase.REQUEST}),
    Phase.CONSULTING: frozenset({Phase.REQUEST}),
}
"""What a server waits for next; anything wrong ends the stream instead."""


class Server:
    """One inbound stream.

    Args:
        conn: the stream's number.
        source: who connected.
        channel: fresh, as responder.
        host: the log that is served.
        now: seconds.
    """

    def __init__(self, *, conn: int, source: Address, channel: Channel, host: Host, now: float) -> None:
        self.conn = conn
        self.source = source
        self.since = now
        self.phase = Phase.HANDSHAKE
        self.waits_for: ChangeId | None = None
        """The change whose outcome this stream waits for."""
        self._channel = channel
        self._host = host
        self._patient_until = now + HANDSHAKE_S_MAX
        self._first = Seq(0)
        self._sent_up_to = Seq(0)
        """Where the last chunk ended: what goes on there needs no word of what stands before it."""
        self._piece = -1
        self._proves = False
        """Whether what is read is to prove to the asker that it was removed."""
        self._questions = 0
        """Asked on this stream so far."""

    @property
    def peer(self) -> bytes | None:
        """The asker's static key, once its possession is proven."""
        return self._channel.remote_static if self._channel.established else None

    @property
    def standing(self) -> Standing:
        """Who asks, at our head now; a stranger before the handshake is done."""
        peer = self.peer
        return Standing.STRANGER if peer is None else self._host.standing(peer)

    @property
    def deadline(self) -> float:
        """When :meth:`expire` is due."""
        return min(self._patient_until, self.since + EXCHANGE_S_MAX)

    def receive(self, frame: bytes, now: float) -> list[Effect]:
        """Take a frame.

        Raises:
            UntrustedInput: no honest asker sends this, or not this asker; the stream ends.
        """
        if self.phase in (Phase.ITEMS, Phase.OUTCOME, Phase.CONSULTING):
            raise UntrustedInput("exchange: a request before the last one was answered")
        step = self._channel.receive(frame)
        effects: list[Effect] = [SendFrame(self.conn, answer) for answer in step.frames]
        if self.phase is Phase.HANDSHAKE:
            if self._channel.established:
                self._wait(Phase.REQUEST, now)
            return effects
        self._wait(Phase.REQUEST, now)
        return effects if step.message is None else self._answer_request(step.message, now)

    def read(self, read: ItemsRead, now: float) -> list[Effect]:
        """Send the chunk that was read from the disk; a late or foreign one is ignored.

        Raises:
            UntrustedInput: the asker was removed meanwhile.
        """
        if self.phase is not Phase.ITEMS or read.first != self._first:
            return []
        if self._proves:
            assert self.peer is not None, "who was removed has proven its key"
            proof = self._host.removal_proof(self.peer, read.items)
            return [*self._send(Removed(proof), now), Disconnect(self.conn)]
        if self.standing is not Standing.MEMBER:
            raise UntrustedInput("exchange: removed meanwhile")
        items = thin(read.items)
        before = () if self._sent_up_to == self._first - 1 else self._before()
        self._sent_up_to = Seq(self._first + entries_in(items) - 1)
        more = entries_in(items) > 0 and self._sent_up_to < self._host.head.seq
        return self._send(Items((*before, *items), more), now)

    def _before(self) -> tuple[LogItem, ...]:
        """Return the certificates about what the asker has: it may have it of before they were made."""
        items = [certificate.item() for certificate in self._host.certificates_before(self._first)]
        while size_bytes(items) > CHUNK_BYTES_MAX:
            del items[0]
        return tuple(items)

    def read_piece(self, read: PieceRead, now: float) -> list[Effect]:
        """Send the piece that was read from the disk; a late or foreign one is ignored.

        Raises:
            UntrustedInput: the asker was removed meanwhile.
        """
        if self.phase is not Phase.ITEMS or read.piece != self._piece:
            return []
        plan = self._host.plan
        if self.standing is not Standing.MEMBER or plan is None:
            raise UntrustedInput("exchange: removed meanwhile")
        return self._send(Compacted(plan) if read.data is None else Piece(read.data), now)

    def answered(self, answer: Answer, now: float) -> list[Effect]:
        """Tell the asker what became of its change."""
        self.waits_for = None
        return self._send(answer, now)

    def consulted(self, found: Consulted, now: float) -> list[Effect]:
        """Send the answer to a question; a late or foreign one is ignored.

        Raises:
            UntrustedInput: the asker was removed meanwhile.
        """
        if self.phase is not Phase.CONSULTING or found.number != self._questions:
            return []
        if self.standing is not Standing.MEMBER:
            raise UntrustedInput("exchange: removed meanwhile")
        return self._send(found.told, now)

    def expire(self, now: float) -> list[Effect]:
        """The deadline is over: answer that there is none, or end the stream."""
        if self.phase is Phase.OUTCOME and now < self.since + EXCHANGE_S_MAX:
            return self.answered(Answer(NO_ANSWER, Seq(0), "no device that leads has answered yet"), now)
        if self.phase is Phase.CONSULTING and now < self.since + EXCHANGE_S_MAX:
            return self._send(refusal(NOT_IN_TIME, "the device found no answer in time"), now)
        return [Disconnect(self.conn)]

    def _wait(self, phase: Phase, now: float) -> None:
        """Set what is waited for, and how large a message may be taken in."""
        assert phase in NEXT[self.phase], (self.phase, phase)
        self.phase = phase
        self._patient_until = now + _PATIENCE_S[phase]
        member = self.standing is Standing.MEMBER
        self._channel.message_bytes_max = REQUEST_BYTES_MAX if member else JOIN_BYTES_MAX

    def _send(self, reply: Reply, now: float) -> list[Effect]:
        """Answer, and wait for the next request."""
        self._wait(Phase.REQUEST, now)
        return [SendFrame(self.conn, frame) for frame in self._channel.send(encode(reply))]

    def _answer_request(self, message: bytes, now: float) -> list[Effect]:
        """Look at who asks, then at what."""
        standing = self.standing
        if standing is Standing.REMOVED:
            assert self.peer is not None, "who was removed has proven its key"
            told, at = self._host.removed_asked(self.peer, now), self._host.removal_at(self.peer)
            if at is None:
                return [*told, *self._send(Removed(), now), Disconnect(self.conn)]
            self._first, self._piece, self._proves = at, -1, True
            self._wait(Phase.ITEMS, now)
            return [*told, ReadItems(self.conn, at, CHUNK_BYTES_MAX)]
        request = decode_request(message)
        if isinstance(request, Join):
            return self._join(request, now)
        if standing is not Standing.MEMBER:
            raise UntrustedInput("exchange: a stranger may ask to join, nothing else")
        return self._consult(request, now) if isinstance(request, Ask) else self._serve(request, now)

    def _serve(self, request: Asked, now: float) -> list[Effect]:
        """Answer a member."""
        plan = self._host.plan
        match request:
            case Locate(positions):
                common = next((p.seq for p in positions if self._host.chain_at(p.seq) == p.chain), Seq(0))
                newest = self._host.newest
                return self._send(Common(common, None if newest is None else newest.encode()), now)
            case Fetch(first) if plan is not None and first <= plan.seq:
                return self._send(Compacted(plan), now)
            case GetPiece():
                return self._read_piece(request, plan, now)
            case Fetch(first) if first <= self._host.head.seq:
                self._first, self._piece = first, -1
                self._wait(Phase.ITEMS, now)
                return [ReadItems(self.conn, first, CHUNK_BYTES_MAX)]
            case Fetch():
                return self._send(Items((), more=False), now)
            case GetKeys():
                return self._send(Keys(self._host.group_keys()), now)
            case GetBranch(chain, first):
                return self._send(Items(*self._host.left_branch(chain, first)), now)
            case GetReports():
                return self._send(self._host.reports(request, now), now)
            case GetSecrets(names):
                assert self.peer is not None, "a member has proven its key"
                return self._send(self._host.secrets(self.peer, names), now)
            case Report():
                effects = self._host.took_report(request, now)
                return [*effects, *self._send(Answer(APPLIED, Seq(0), ""), now)]
            case Addresses(rows):
                assert self.peer is not None, "a member has proven its key"
                is_taken = self._host.took_addresses(rows, self.peer)
                return self._send(Answer(APPLIED if is_taken else NOT_MASTER, Seq(0), ""), now)
        unverified = decode_change(request.change)
        self._expect(unverified, now)
        assert self.peer is not None, "a member has proven its key"
        return self._host.submitted(unverified, self.peer, now, request.after)

    def _consult(self, ask: Ask, now: float) -> list[Effect]:
        """Answer a question at once, or once the answer is found."""
        assert self.peer is not None, "a member has proven its key"
        self._questions += 1
        answer = self._host.asked(AskedHere(self.conn, self._questions, self.peer, ask.question), now)
        if isinstance(answer, Told):
            return self._send(answer, now)
        self._wait(Phase.CONSULTING, now)
        return answer

    def _read_piece(self, asked: GetPiece, plan: Plan | None, now: float) -> list[Effect]:
        """Have a piece read; whoever fetches a former checkpoint is told of the one of now."""
        if plan is None or (plan.seq == asked.seq and asked.piece >= len(plan.hashes)):
            raise UntrustedInput("exchange: a piece of no checkpoint")
        if plan.seq != asked.seq:
            return self._send(Compacted(plan), now)
        self._first, self._piece = Seq(0), asked.piece
        self._wait(Phase.ITEMS, now)
        return [ReadPiece(self.conn, asked.seq, asked.piece)]

    def _join(self, request: Join, now: float) -> list[Effect]:
        """Pass a request to join on, if it was made for this stream by the key that asks."""
        unverified = decode_change(request.change)
        if stream_of(unverified) != self._channel.hash:
            raise UntrustedInput("exchange: a request to join that was made for another stream")
        if self.standing is Standing.MEMBER:
            return self._send(Answer(DEVICE_EXISTS, Seq(0), "this device is a member already"), now)
        self._expect(unverified, now)
        return self._host.join_requested(unverified, now)

    def _expect(self, change: Change, now: float) -> None:
        """Wait for an outcome before the host may answer within its own call."""
        self.waits_for = change.id
        self._wait(Phase.OUTCOME, now)
