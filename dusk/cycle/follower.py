"""A member's side of a cycle (`specs/cycles.md`, section 6): STARTs and DATA in, answers in its slot out.

Every device has one, the master too: it deals with what others who would lead send. A START
counts only if a holder of our succession signed it (A11) and its (epoch, cycle) rises (A2);
what it announces is taken by the log alone.
"""

from dataclasses import replace

from dusk.changelog.entry import SignedHead
from dusk.cycle.answers import Answers
from dusk.cycle.asking import Asking, Him
from dusk.cycle.audience import online_s
from dusk.cycle.datagrams import Opened
from dusk.cycle.far_messages import Via, decode_repeat
from dusk.cycle.freshness import CHAIN_CYCLES, Freshness, Mark
from dusk.cycle.heard import ANSWERS_MAX, Came, Heard, Presence, Way, asked_by, came, has_bit
from dusk.cycle.intake import Intake
from dusk.cycle.marks import Marks
from dusk.cycle.messages import (
    Kind,
    Pong,
    Start,
    decode_fragment,
    decode_pong,
    decode_start,
)
from dusk.cycle.peers import Peer, same_place
from dusk.cycle.relays import Master, Relays
from dusk.cycle.repeater import Repeater, answer
from dusk.cycle.replies import Replies
from dusk.cycle.seldom import Seldom
from dusk.cycle.signed import NoHolder, certificate_in, is_by_holder, is_other_history, signer_of
from dusk.cycle.slots import is_asked, slot_s
from dusk.cycle.station import NOTHING, Advance, Behind, Conflict, Station, Step
from dusk.cycle.whereis import WhereIs
from dusk.effects import Address, Effect, SendDatagram
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId, Head
from dusk.limits import EPOCH_JUMP_MAX


class Follower:
    """Hears a master.

    Args:
        station: this device.
        cycle_s: seconds.
        now: monotonic seconds.
    """

    def __init__(self, station: Station, cycle_s: float, now: float) -> None:
        self.answers = Answers(station)
        """What we say of ourselves."""
        self.master: DeviceId | None = None
        """Who signed the newest START or fresh PONG."""
        self.repeater = Repeater(station, cycle_s)
        """What this device does for others of its link."""
        self._station = station
        self._freshness = Freshness(cycle_s, station.random_bytes, now)
        self._place = WhereIs(station, self._freshness)
        self._intake = Intake(station)
        self._relays = Relays(station, cycle_s)
        self._replies = Replies(station, self._relays)
        self._marks = Marks(station.log)
        self._heard: Heard | None = None
        self._respond_at: float | None = None
        self._asking = Asking(station, self._freshness, now)
        self.knows = self._place.knows
        """Tells whether a member was heard at an address, or is said to be there."""
        self._unreadable = Seldom(self.knows, station.fraction)
        self._presence = Presence()

    # --- what others ask ---------------------------------------------------------------------

    @property
    def master_address(self) -> Address | None:
        """Where who leads was heard; None: that is not known."""
        return self._place.address

    def fresh(self, now: float) -> bool:
        """Tell whether the master is heard, now and beyond doubt; else *stale* (A3)."""
        return self._freshness.is_fresh(now)

    def hears_starts(self, now: float) -> bool:
        """Tell whether a START was read lately: a PONG needs no group key."""
        heard = self._heard
        return heard is not None and now - heard.heard_at <= CHAIN_CYCLES * self._freshness.cycle_s

    def present(self, now: float) -> set[DeviceId]:
        """Return the members that answered the master lately, by its word; nobody while it is not heard."""
        if not self.fresh(now):
            return set()
        own_id = self._station.peers.own_id
        return self._presence.since(now - self._online_s) - {own_id}

    @property
    def _online_s(self) -> float:
        return online_s(self._freshness.cycle_s, self._station.peers.count)

    @property
    def asked(self) -> range:
        """Indices of the members that the newest START asks."""
        return range(0) if self._heard is None else asked_by(self._heard.start.rest)

    @property
    def fresh_at(self) -> float | None:
        """When the newest fresh word of who leads came, monotonic seconds: contact, for `takeover`."""
        return self._freshness.fresh_at

    def contact_since(self, since: float) -> bool:
        """Tell whether a fresh START or PONG came after a moment (monotonic seconds)."""
        return self._freshness.fresh_at is not None and self._freshness.fresh_at > since

    def answered_since(self, since: float) -> bool:
        """Tell whether somebody has answered a challenge drawn at a moment or later: we are heard, too."""
        return self._freshness.asked_at >= since

    @property
    def version(self) -> Mark:
        """(epoch, cycle) of the newest START: the version of a status made now."""
        return self._marks.newest

    def cycle_changed(self, cycle_s: float) -> None:
        """Take the cycle time from the log."""
        self._freshness.cycle_s = self._relays.cycle_s = self.repeater.cycle_s = cycle_s

    # --- time --------------------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        """When :meth:`tick` is wanted, monotonic seconds."""
        intake = self._intake
        times = (self._respond_at, intake.ask_at, intake.behind_at, intake.lost_start_at, self._place.ask_at)
        return min(at for at in (*times, self._asking.deadline, self.repeater.deadline) if at is not None)

    def tick(self, now: float) -> Step:
        """Answer in the slot, or to ask for pieces; catch up if DATA stayed away; ask if STARTs did."""
        intake = self._intake
        if self._respond_at is not None and now >= self._respond_at:
            return Step(tuple(self._respond(now)))
        if intake.ask_at is not None and now >= intake.ask_at:
            return Step(tuple(self._respond(now)))
        if intake.behind_at is not None and now >= intake.behind_at:
            return intake.give_up()
        if intake.lost_start_at is not None and now >= intake.lost_start_at:
            intake.asked_for_start(now)
            return Step(tuple(self._asking.ask_master(self._him, now)))
        if now >= self._asking.deadline:
            effects, address = tuple(self._asking.ask(self._him, now)), self._asking.by_stream()
            return Step(effects, None if address is None else Behind(address, None))
        heard = self._heard
        if heard is not None and self._place.ask_at is not None and now >= self._place.ask_at:
            return Step(tuple(self._place.ask(heard.sender, heard.came, now)))
        return Step(tuple(self.repeater.tick(now)))

    def confirm(self, now: float) -> list[Effect]:
        """Ask now whether the master lives, as an apply that waits for its contact does, or a boot."""
        return self._asking.confirm(self._him, now)

    def confirm_within(self, now: float, within_s: float) -> list[Effect]:
        """Ask for an answer within so many seconds, and of many members not at once."""
        return self._asking.confirm_within(self._him, now, within_s)

    def ask_all(self, now: float) -> list[Effect]:
        """Ask all who hear whether the master lives, and at the configured addresses."""
        return self._asking.ask_all(self._him, now)

    def seek(self, now: float) -> list[Effect]:
        """Ask at the configured addresses that are silent, for who leads and so hears nobody."""
        return self._asking.seek(now)

    @property
    def _him(self) -> Him:
        master = None if self.master is None else self._station.peers.get(self.master)
        return None if master is None or self.master_address is None else (master, self.master_address)

    # --- START -------------------------------------------------------------------------------

    def on_start(self, opened: Opened, now: float, repeater: Peer | None = None) -> Step:
        """Take a START, as it came from the master or from who repeats it on this link.

        Raises:
            UntrustedInput: malformed, not signed by a holder, a replay, or our own.
        """
        start = decode_start(opened.plaintext)
        if self._heard is not None and start == self._heard.start:
            return self._on_copy(self._heard, came(opened, repeater), now)
        if start.rest.sender == self._station.peers.own_id:
            return self._on_own(start, opened.source)
        sender = signer_of(start, self._station.peers)
        if start.head.epoch < self._station.log.head.epoch:
            return self._answer_lower(opened, sender, now)
        if is_other_history(start.head, self._station.log):
            return Step(outcome=Conflict(opened.source, start.head, start.signed_head))
        mark = (start.head.epoch, start.rest.cycle)
        if not self._marks.rises(sender.device_id, mark):
            return self._marks.older(start, opened.source)
        if start.head.epoch - self._station.log.head.epoch > EPOCH_JUMP_MAX:
            raise UntrustedInput("START: its epoch is out of reach")
        certificate = certificate_in(start, self._station.log)
        self._note_bitmap(start)
        asked = self._asked_last(start)
        self._marks.note(sender.device_id, mark)
        if self._freshness.heard(sender.device_id, mark, start.rest.echoes, now):
            self._asking.heard_fresh()
            if asked is not None:
                roster = self._station.peers.roster
                self._presence.note(roster, asked, start.rest.bitmap, now, self._online_s)
        before = self._heard
        if before is not None and before.came.way is Way.ALONE:
            self._station.whereabouts.leads_elsewhere(before.sender.device_id, before.came.source)
        self._heard_from(sender.device_id, None if repeater else opened.source)
        self._asking.heard(now)
        slot_at = now + slot_s(self._station.peers, start.rest, self._station.fraction())
        self._heard = Heard(start, sender, came(opened, repeater), slot_at, now)
        self._reached(self._heard, now)
        is_ours = is_asked(self._station.peers, start.rest)
        self._respond_at = slot_at if is_ours else None
        self._asking.plan_proof(now, is_asked=is_ours)
        step = self._on_head(start, opened.source, now)
        return Step((*self._relays.heard(start, opened.plaintext), *step.effects), step.outcome, certificate)

    def on_relayed(self, opened: Opened, now: float) -> Step:
        """Take a START that another member heard and passed on, as it answers our question (A44).

        It is word of the master, not from him: it moves no address, and gets no answer.

        Raises:
            UntrustedInput: not signed by a holder, a replay, without an open challenge of ours.
        """
        start = decode_start(opened.plaintext)
        sender = signer_of(start, self._station.peers)
        if not any(self._freshness.answers(echo, now) for echo in start.rest.echoes):
            raise UntrustedInput("RELAYED: echoes no open challenge of ours")
        mark, epoch = (start.head.epoch, start.rest.cycle), self._station.log.head.epoch
        if mark[0] < epoch or not self._marks.rises(sender.device_id, mark, again=True):
            raise UntrustedInput("RELAYED: older than a START that was heard")
        if mark[0] - epoch > EPOCH_JUMP_MAX:
            raise UntrustedInput("RELAYED: its epoch is out of reach")
        certificate = certificate_in(start, self._station.log)
        if not is_other_history(start.head, self._station.log):
            self._marks.note(sender.device_id, (mark[0], mark[1] - 1))  # it may yet come from himself
            self._freshness.heard(sender.device_id, mark, start.rest.echoes, now)
            self._asking.heard_fresh()
            self._heard_from(sender.device_id, None)
            self._asking.heard_through_others(now)
        return Step(outcome=self._compare(start.signed_head, opened.source), certificate=certificate)

    def unreadable(self, source: Address, now: float) -> Step:
        """Take what shows that we may lack a group key, or entries: a reason to catch up, now and then."""
        if not self._unreadable.may(source, now):
            return NOTHING
        self._unreadable.did(source, now)
        return Step(outcome=Behind(source, None))

    def _on_own(self, start: Start, source: Address) -> Step:
        """Tell our own START, looped back or replayed, from that of a copy of this device (A21)."""
        station, head = self._station, start.head
        is_ours = head.epoch < station.log.head.epoch or station.log.chain_at(head.seq) == head.chain
        if is_ours or not start.signed_head.signed_by(station.peers.own.public, station.peers.cluster):
            raise UntrustedInput("START: our own, looped back")
        return Step(outcome=Conflict(source, head, start.signed_head))

    def _answer_lower(self, opened: Opened, sender: Peer, now: float) -> Step:
        """Tell who leads a lower epoch of the higher one."""
        newest = self._station.log.newest
        if newest is None:
            return NOTHING
        return Step(tuple(self._station.pong(opened, sender, Pong(None, 0, None, newest), now)))

    def on_relay(self, opened: Opened, now: float) -> Step:
        """Take a START that is to be repeated on this link.

        Raises:
            UntrustedInput: as for a START, or not by its sender.
        """
        start = decode_start(opened.plaintext)
        assert opened.sender is not None, "a RELAY is sealed pairwise"
        if start.rest.sender != opened.sender.device_id:
            raise UntrustedInput("RELAY: not by who signed the START")
        step = self.on_start(opened, now)
        if self._heard is None or self._heard.start != start:
            return step
        return replace(step, effects=(*self.repeater.relay(opened, start.rest, now), *step.effects))

    def on_repeat(self, opened: Opened, now: float) -> Step:
        """Take what another device of this link repeats, or that it would.

        Raises:
            UntrustedInput: as for a START, or by no other member.
        """
        repeat = decode_repeat(opened.plaintext)
        self.repeater.heard(repeat, now)
        if repeat.start is None:
            return NOTHING
        by = self._station.peers.get(repeat.sender)
        return self.on_start(replace(opened, plaintext=repeat.start), now, by)

    def _on_copy(self, heard: Heard, how: Came, now: float) -> Step:
        before = heard.came
        is_again = heard.also(how, now)
        if is_again:
            self._respond_at = now + slot_s(self._station.peers, heard.start.rest, self._station.fraction())
        is_moved = heard.came.source != before.source and heard.came.way is not Way.REPEATED
        if is_moved and (before.way is Way.REPEATED or not is_again):
            self._place.moved(heard.came.source)
        self._reached(heard, now)
        return NOTHING

    def _reached(self, heard: Heard, now: float) -> None:
        """Note how the newest START came, or came again."""
        self.repeater.reached(now, alone=heard.came.way is Way.ALONE)
        self._place.reached(heard.came.way, now)

    def _heard_from(self, master: DeviceId, source: Address | None) -> None:
        """Note who leads and where he is; None: another device passed on what he said."""
        if source is None and self.master == master:
            return
        if self.master != master:
            self._place.moved(None)
        self.master = master
        self._place.moved(source)

    def ask_member(self, peer: Peer, at: Address, now: float) -> list[Effect]:
        """Ask one member, where it was heard, what it has."""
        return self._station.ask(peer, at, self._freshness.challenge(now))

    # --- the head and its entries ------------------------------------------------------------

    def _on_head(self, start: Start, source: Address, now: float) -> Step:
        """Compare a START's head, which is of our history, with ours."""
        if start.head.seq <= self._station.log.head.seq:
            self._intake.nothing_wanted()
            return NOTHING
        return self._intake.announced(start, source, now)

    def on_data(self, opened: Opened, now: float) -> Step:
        """Take DATA.

        Raises:
            UntrustedInput: malformed, contradicting, or without room.
        """
        fragment = decode_fragment(opened.plaintext)
        trusted = same_place(self.master_address, opened.source)
        step = self._intake.on_fragment(fragment, opened.source, now, trusted=trusted)
        return replace(step, effects=(*self.repeater.data(opened, now), *step.effects))

    def stored(self, now: float) -> list[Effect]:
        """Note that our log has grown, however it did; behind the node's ``Append`` (R8).

        Returns:
            The answer with the new head, if our slot has passed.
        """
        own: Head = self._station.log.head
        self._intake.stored(now)
        heard = self._heard
        if heard is None or heard.answered_seq is None or heard.answered_seq >= own.seq:
            return []
        if heard.answers >= ANSWERS_MAX or not is_asked(self._station.peers, heard.start.rest):
            return []
        return self._respond(now) if now >= heard.slot_at else []

    def reported(self, now: float) -> list[Effect]:
        """Answer the newest START again, as an apply has come to an end: others may wait for it."""
        heard = self._heard
        if heard is None or heard.answered_at is None or self._respond_at is not None:
            return []
        may = heard.answers < ANSWERS_MAX and is_asked(self._station.peers, heard.start.rest)
        return self._respond(now) if may else []

    def refused(self) -> Step:
        """Note that the log refused what DATA brought: catch up instead."""
        return self._intake.refused()

    def leads(self) -> Step:
        """Note that this device leads: it waits for no DATA, and what a PONG shows is news to it."""
        step = self.refused()
        self._intake.nothing_wanted()
        return step

    # --- answers -----------------------------------------------------------------------------

    def _respond(self, now: float) -> list[Effect]:
        """Answer the newest START with what is on our disk."""
        self._respond_at = None
        heard, station = self._heard, self._station
        assert heard is not None, "a slot belongs to a START"
        request = self._intake.ask(now)
        challenge = self._freshness.challenge(now) if self._asking.challenge_due else None
        via = None if heard.came.way is Way.ALL else Via(heard.came.path, self.repeater.named(now))
        rest = heard.start.rest
        respond = self.answers.to_start(rest.cycle, rest.nonce, via, challenge, request)
        if heard.answered_at is None:
            heard.with_status = respond.status
        heard.answers += request is None
        heard.answered_at, heard.answered_seq = now, station.log.head.seq
        datagram = station.channel.seal_to(heard.sender, Kind.RESPOND, respond.encode())
        has_left = respond.offer is not None
        return answer(station, heard.came, datagram, self.master_address, is_to_find_us=has_left)

    def _note_bitmap(self, start: Start) -> None:
        """See whether the master got our status with the START before this one."""
        heard, own_index = self._heard, self._station.peers.own_index
        another = self.master != start.rest.sender or heard is None
        if heard is None or another or own_index is None or start.head.epoch != heard.start.head.epoch:
            self.answers.nothing_known()
            return
        if self._follows(start) and has_bit(start.rest.bitmap, own_index - heard.start.rest.slice_first):
            self.answers.arrived(heard.with_status)

    def _follows(self, start: Start) -> bool:
        """Tell whether no START was missed before this one."""
        return (start.head.epoch, start.rest.cycle) == (self.version[0], self.version[1] + 1)

    def _asked_last(self, start: Start) -> range | None:
        """Return whom the last START asked, if we know which members its indices meant.

        They are indices by the log as it was then: known exactly where ours is still that log.
        """
        heard = self._heard
        if heard is None or not self._follows(start) or self._station.log.head != heard.start.head:
            return None
        return asked_by(heard.start.rest)

    # --- HELLO, PONG -------------------------------------------------------------------------

    def on_hello(self, opened: Opened, now: float) -> list[Effect]:
        """Answer a HELLO or ASK, as `replies` says.

        Raises:
            UntrustedInput: malformed, or from ourselves or a stranger.
        """
        heard, him, master = self._heard, self._him, None
        if heard is not None and him is not None and heard.sender is him[0] and self.hears_starts(now):
            master = Master(*him, heard.start.rest.nonce)
        return self._replies.on_hello(opened, master, now, is_fresh=self.fresh(now))

    def on_pong(self, opened: Opened, now: float) -> Step:
        """Take a PONG.

        Raises:
            UntrustedInput: malformed, to no open challenge of ours, or (`NoHolder`) its head is by no holder.
        """
        pong = decode_pong(opened.plaintext)
        sender = opened.sender
        assert sender is not None, "a PONG is sealed pairwise"
        if pong.challenge is not None or pong.cycle:
            if not self._freshness.answers(pong.challenge, now):
                raise UntrustedInput("PONG: to no open challenge of ours")
            self._station.whereabouts.heard(sender.device_id, opened.source)
        if not is_by_holder(pong.signed_head, self._station.peers):
            raise NoHolder("PONG: its head is not signed by a holder of our succession")
        if pong.cycle and self._station.peers.holder(sender.device_id) is None:
            raise UntrustedInput("PONG: by who may not lead")
        if pong.cycle and pong.signed_head.head.epoch < self._station.log.head.epoch:
            return self._answer_lower(opened, sender, now)
        self._freshness.proves((pong.challenge,), now)
        effects: tuple[Effect, ...] = ()
        if pong.cycle:
            effects = self._on_leading(pong, sender, opened, now)
        return Step(effects, self._compare(pong.signed_head, opened.source))

    def _compare(self, signed: SignedHead, source: Address) -> Advance | Behind | Conflict | None:
        """Compare the head in a PONG with ours; what a START announced already is on its way."""
        log, head = self._station.log, signed.head
        if head.seq > log.head.seq:
            if self._intake.behind_at is not None:
                return None
            entries = self._intake.lead_to(head)
            return Behind(source, head) if entries is None else Advance(entries, signed)
        return None if log.chain_at(head.seq) == head.chain else Conflict(source, head, signed)

    def _on_leading(self, pong: Pong, sender: Peer, opened: Opened, now: float) -> tuple[Effect, ...]:
        """Take the master's PONG as contact, and answer the START that it names."""
        epoch = pong.signed_head.head.epoch
        mark = (epoch, pong.cycle)
        assert pong.challenge is not None, "only a PONG that does not lead comes unasked"
        if not self._marks.rises(sender.device_id, mark, again=True):
            raise UntrustedInput("PONG: older than a START that was heard")
        self._marks.note(sender.device_id, (epoch, pong.cycle - 1))  # the START that it names may yet come
        self._freshness.heard(sender.device_id, mark, (pong.challenge,), now)
        self._asking.heard_fresh()
        self.master = sender.device_id
        self._place.moved(opened.source, is_proven=True)
        self._asking.heard(now)
        return self._answer_pong(pong, sender, opened, now)

    def _answer_pong(self, pong: Pong, sender: Peer, opened: Opened, now: float) -> tuple[Effect, ...]:
        """Answer the START that a PONG names, unless we heard it: so the master knows us at once."""
        if self._heard is not None and self._heard.start.rest.nonce == pong.nonce:
            return ()
        station = self._station
        assert pong.nonce is not None, "who leads names its START"
        via = Via(opened.path, self.repeater.named(now))
        respond = self.answers.to_pong(pong.cycle, pong.nonce, via)
        datagram = station.channel.seal_to(sender, Kind.RESPOND, respond.encode())
        return (SendDatagram(datagram, opened.source),)
