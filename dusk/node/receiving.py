"""What comes by datagrams, and what the node does about each (`specs/cycles.md`).

The cycle's rooms judge what came and say what they want of the node; here it is done.
"""

from collections.abc import Callable, Sequence

from dusk.catchup.exchanges import Exchanges
from dusk.catchup.messages import Position
from dusk.catchup.stages import Ground
from dusk.changelog.certificate import Certificate
from dusk.changelog.log import Log
from dusk.cycle.datagrams import HELLO_DATAGRAM_BYTES, Lack, Opened, Unreadable
from dusk.cycle.far_messages import decode_bundle
from dusk.cycle.follower import Follower
from dusk.cycle.leader import Leader
from dusk.cycle.messages import Kind, decode_answer, decode_pong
from dusk.cycle.outbox import Outbox, Writer
from dusk.cycle.peers import same_place
from dusk.cycle.seldom import Seldom
from dusk.cycle.signed import NoHolder
from dusk.cycle.station import Advance, Behind, Conflict, Offered, Station, Step
from dusk.effects import Address, Datagram, Effect, ItemKind, LogItem, SendDatagram
from dusk.errors import UntrustedInput
from dusk.ids import Head
from dusk.node.alarms import Alarms, Refusals
from dusk.node.forks import Forks
from dusk.node.host import TakeAnswer, Took
from dusk.node.leading import Leading
from dusk.node.listening import Listening
from dusk.node.recovery import Recovery
from dusk.node.writing import Writing


class Receiving:
    """The side of a node that datagrams reach.

    Args:
        station: this device in its cycle.
        log: the log.
        follower: takes what leaders send.
        writing: has who takes what members send, while this device leads.
        leading: hears who leads, and what members show to have.
        listening: whether this device is about to lead.
        recovery: whether the log is whole.
        forks: what others offer, and what of that is new.
        outbox: hears up to where the log is durable.
        exchanges: fetch what is lacking.
        answered: takes a writer's answer to a change of ours.
        took: verifies, takes and stores entries.
        certified: takes a certificate, which the log verifies.
        alarms: show people what a person has to end.
        refusals: branches that would undo what is final.

    Attributes:
        follower: a new one at the start, when the time is known.
        dropped: outside inputs that were refused.
    """

    def __init__(
        self,
        *,
        station: Station,
        log: Log,
        follower: Follower,
        writing: Writing,
        leading: Leading,
        listening: Listening,
        recovery: Recovery,
        forks: Forks,
        outbox: Outbox,
        exchanges: Exchanges,
        answered: TakeAnswer,
        took: Took,
        certified: Callable[[Certificate], list[Effect]],
        alarms: Alarms,
        refusals: Refusals,
    ) -> None:
        self.follower, self.dropped = follower, 0
        self._station, self._log, self._writing, self._leading = station, log, writing, leading
        self._listening, self._recovery, self._forks, self._outbox = listening, recovery, forks, outbox
        self._exchanges, self._answered, self._took = exchanges, answered, took
        self._certified, self._alarms, self._refusals = certified, alarms, refusals
        self._questions = Seldom(self._knows, station.fraction)
        """Whom we asked of late because its HELLO cannot be read."""

    def writer(self, now: float) -> Writer | None:
        """Return who writes the log, and where that one was heard; None: nobody is known, or this device."""
        master, address = self.follower.master, self.follower.master_address
        if self._writing.leader is not None or master is None or address is None:
            return None
        peer = self._station.peers.get(master)
        if peer is None:
            return None
        return Writer(peer, address, self._log.head.epoch, self.follower.fresh(now))

    def on_datagram(self, event: Datagram, now: float) -> list[Effect]:
        """Take a datagram; one that is refused is counted, and changes nothing."""
        effects: list[Effect] = []
        try:
            by_multicast = event.link is not None
            opened = self._station.channel.open(event.data, event.source, by_multicast=by_multicast)
            if isinstance(opened, Unreadable):
                if opened.lack is Lack.QUESTION:
                    return self._on_unreadable_question(event, now)
                return self._on_unreadable(opened, now)
            self._station.contacts.heard(event.source, now)
            if self._recovery.must_hear:  # also from one whose joining is lost: the stream proves who it is
                effects += self._exchanges.catch_up(opened.source, now, ground=self._said(opened.source))
            return effects + self._on_opened(opened, now)
        except UntrustedInput:
            self.dropped += 1
            return effects

    def _on_unreadable(self, unreadable: Unreadable, now: float, *, is_above: bool = False) -> list[Effect]:
        """Ask by a stream who may have what we lack; who needs nothing lets junk be junk.

        Args:
            unreadable: what came.
            now: monotonic seconds.
            is_above: whether it shows a generation, mandate or epoch above that of our log.
        """
        leads = self._writing.leader is not None
        hears_nobody = not leads and not self.follower.fresh(now)
        is_unsure = hears_nobody or self._listening.lead_at is not None or self._recovery.must_hear
        needs_nothing = {
            Lack.KEY: False,
            Lack.REAL_KEY: leads or self.follower.hears_starts(now),
            Lack.SENDER: not (is_unsure or is_above),  # our disk may be an old one, or our branch not stand
        }
        if needs_nothing[unreadable.lack]:
            raise UntrustedInput("datagram: nothing that we lack")
        if unreadable.lack is Lack.SENDER and self._listening.is_new_stranger(unreadable.source.host):
            return self.do(Step(outcome=Behind(unreadable.source, None)), now)
        return self.do(self.follower.unreadable(unreadable.source, now), now)

    def _on_unreadable_question(self, event: Datagram, now: float) -> list[Effect]:
        """Ask by a stream who asks what we cannot read; where we did so of late, have it ask us.

        An old disk that knows of nobody asks for 1.5 s alone, and then leads (A28). What has it ask is a
        knock: shorter than a question to all, which it answers, and answered by none.
        """
        source = event.source
        leads = self._writing.leader is not None
        if not (leads or not self.follower.fresh(now) or self._is_his(source)):
            raise UntrustedInput("datagram: nothing that we lack")
        if self._questions.may(source, now):  # those of who was removed keep us from no START
            # It is nothing that leading waits for.
            effects = self._exchanges.catch_up_anew(source, now, ground=self._said(source))
            if effects:
                self._questions.did(source, now)
            return effects
        if len(event.data) <= HELLO_DATAGRAM_BYTES:
            raise UntrustedInput("datagram: nothing that we lack")
        return [SendDatagram(self._station.channel.knock(), source)]

    def _said(self, source: Address) -> Ground:
        """Return how much what proves nothing, or may be a replay, says of who sent it."""
        return Ground.PLACE if self._knows(source) else Ground.HINT

    def _knows(self, source: Address) -> bool:
        """Tell whether a member was heard at an address, or is said to be there."""
        return self.follower.knows(source)

    def _is_his(self, source: Address) -> bool:
        """Tell whether something came from who leads in our eyes: if it is a question, he does so no more."""
        return self._writing.leader is None and same_place(self.follower.master_address, source)

    def _on_opened(self, opened: Opened, now: float) -> list[Effect]:
        leader, follower = self._writing.leader, self.follower
        match opened.kind:
            case Kind.START:
                return self._on_start(opened, now)
            case Kind.DATA:
                return self.do(follower.on_data(opened, now), now)
            case Kind.HELLO | Kind.ASK:
                answers = leader.pongs.on_hello(opened, now) if leader else follower.on_hello(opened, now)
                return answers + self._ask_back(opened, now)
            case Kind.PONG:
                return self._on_pong(opened, now)
            case Kind.RESPOND if leader is not None:
                return self._answered_by(leader.on_respond(opened, now), leader, now)
            case Kind.FORWARD if leader is not None:
                leader.pongs.on_forward(opened)
            case Kind.REFER if leader is not None:
                return leader.pongs.on_refer(opened, now)
            case Kind.RELAY | Kind.REPEAT | Kind.BUNDLE:
                return self._on_link(opened, now)
            case Kind.RELAYED if leader is None:
                return self.do(follower.on_relayed(opened, now), now)
            case Kind.SUBMIT:
                return self._writing.on_submit(opened, now)
            case Kind.ANSWER if opened.sender is not None and opened.sender.device_id == follower.master:
                return self._answered(decode_answer(opened.plaintext), now)
        return []

    def _ask_back(self, opened: Opened, now: float) -> list[Effect]:
        """Ask a member that asks us while we are about to lead: it may read no question to all (A28)."""
        if opened.sender is None or not self._listening.asks_back(opened.source.host):
            return []
        return self.follower.ask_member(opened.sender, opened.source, now)

    def _answered_by(self, step: Step, leader: Leader, now: float) -> list[Effect]:
        """Do what a member's answer asks for, and what it proves."""
        effects = self.do(step, now)
        effects += self._outbox.on_durable(leader.durable)
        return effects + self._outbox.on_settled(self._log.settled)

    def _on_link(self, opened: Opened, now: float) -> list[Effect]:
        """Take what goes to, by and from the device that repeats STARTs on a link."""
        leader, follower = self._writing.leader, self.follower
        if opened.kind is Kind.RELAY:
            return self._heard_start(follower.on_relay(opened, now), now)
        if opened.kind is Kind.REPEAT:
            return self._heard_start(follower.on_repeat(opened, now), now)
        if leader is None:
            return follower.repeater.collect(opened, now)
        effects: list[Effect] = []
        for answer in decode_bundle(opened.plaintext):
            try:
                inner = self._station.channel.open_bundled(answer, opened.source)
                step = leader.on_respond(inner, now, is_bundled=True)
            except UntrustedInput:  # who carried it may have spoilt this one: the others stand
                self.dropped += 1
                continue
            effects += self._answered_by(step, leader, now)
        return effects

    def _on_pong(self, opened: Opened, now: float) -> list[Effect]:
        """Take a PONG; one with a head by who may not lead here may show that our disk is old (A28).

        If its generation, mandate or epoch is above ours, both sides may have written another succession
        since they parted: who leads there may lead by neither, and hears our STARTs as old ones, or cannot
        read them. Those who have its log say so by PONGs alone.
        """
        try:
            step = self.follower.on_pong(opened, now)
        except NoHolder:
            is_above = _is_above(decode_pong(opened.plaintext).signed_head.head, self._log.head)
            return self._on_unreadable(Unreadable(opened.source, Lack.SENDER), now, is_above=is_above)
        pong, leader = decode_pong(opened.plaintext), self._writing.leader
        if leader is not None and pong.challenge is not None:
            leader.told(opened)
        seq = pong.signed_head.head.seq
        return [*self.do(step, now), *self._leading.told(opened, seq, now)]

    def _on_start(self, opened: Opened, now: float) -> list[Effect]:
        """Take a START; one by who may not lead here is a reason to ask there, now and then."""
        try:
            step = self.follower.on_start(opened, now)
        except NoHolder:
            self.dropped += 1
            return self.do(self.follower.unreadable(opened.source, now), now)
        return self._heard_start(step, now)

    def _heard_start(self, step: Step, now: float) -> list[Effect]:
        """Do what a START asks for, whoever brought it.

        Who leads itself does not wait for the DATA of another: what that wrote parts from our log.
        """
        effects = self.do(step, now)
        return effects if self._writing.leader is None else effects + self.do(self.follower.leads(), now)

    def do(self, step: Step, now: float) -> list[Effect]:
        """Do what a cycle's step asks of the node."""
        effects = list(step.effects)
        match step.outcome:
            case Advance(items, signed_head):
                items = (*items, LogItem(ItemKind.HEAD, signed_head.encode()))
                effects += self._advance(items, now)
            case Behind(address, head):
                self._listening.somebody_has_more(now, is_hint=head is None)
                ground = self._said(address) if head is None else Ground.HEAD
                effects += self._exchanges.catch_up(address, now, ground=ground)
            case Conflict() as conflict:
                effects += self._conflicting(conflict, now)
            case Offered(address, offer) if self._forks.is_new(offer):
                self._forks.asks_for(offer)
                effects += self._exchanges.branch(address, Position(offer.seq, offer.chain), now)
        return effects if step.certificate is None else effects + self._certified(step.certificate)

    def _conflicting(self, conflict: Conflict, now: float) -> list[Effect]:
        """Fetch a branch that was not dealt with; alarm where its head is signed with our own key (A21)."""
        address, head, signed = conflict.address, conflict.head, conflict.signed_head
        is_known = self._forks.has_dealt_with(head) or self._forks.was_just_judged(head, now)
        effects = [] if is_known else self._exchanges.catch_up(address, now)
        effects += self._refusals.shown(head.chain, now)
        own = self._station.peers.own.public
        if signed is not None and signed.signed_by(own, self._station.peers.cluster):
            text = f"{address.host} signs with this device's key, another entry {head.seq} than ours"
            effects += self._alarms.saw("clone", text, now)
        return effects

    def _advance(self, items: Sequence[LogItem], now: float) -> list[Effect]:
        try:
            return self._took(items, now)
        except UntrustedInput:  # a fork, too: what a stream brings is judged as a whole
            self.dropped += 1
            return self.do(self.follower.refused(), now)


def _is_above(head: Head, ours: Head) -> bool:
    """Tell whether a head may be of a branch that stands before ours, or of one that takes us for old."""
    return head.generation > ours.generation or head.mandate > ours.mandate or head.epoch > ours.epoch
