"""The master's side of a cycle (`specs/cycles.md`, section 5): STARTs, DATA, repetition, answers.

A START with a new head goes out at once, at least 50 ms after the one before, behind the DATA
that it announces, and is repeated until those online have answered with that head.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from dusk.changelog.entry import SignedHead
from dusk.cycle.acks import Acks, Carried
from dusk.cycle.audience import Audience
from dusk.cycle.datagrams import Opened
from dusk.cycle.echoes import Echoes
from dusk.cycle.elsewhere import Elsewhere
from dusk.cycle.far_messages import Via
from dusk.cycle.fragments import cut_batch
from dusk.cycle.handback import Handback
from dusk.cycle.heard import asked_by
from dusk.cycle.messages import (
    BITMAP_BYTES_MIN,
    CHAIN_PREFIX_BYTES,
    CHALLENGE_BYTES,
    Kind,
    Respond,
    Rest,
    Start,
    decode_respond,
    echo_room,
    sign_start,
)
from dusk.cycle.peers import Peer
from dusk.cycle.pongs import Pongs
from dusk.cycle.repair import Batch, Repairs
from dusk.cycle.reports import read_status, take_report
from dusk.cycle.sent import RECENT_STARTS, Sent
from dusk.cycle.station import Behind, Conflict, Offered, Outcome, Station, Step
from dusk.effects import Effect, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId, Head, Seq
from dusk.lazy import dataclass
from dusk.limits import SLICE_MEMBERS_MAX

START_GAP_S = 0.05
"""Least time between two STARTs."""
REPEAT_AFTER_S = (0.06, 0.18, 0.42, 0.8)
"""When a START with a new head is repeated, after it was sent; the last is for the second of P2."""
UNICAST_REPEATS_MAX = 4
"""Up to so many silent members get their repetition by unicast."""
CONFIRM_S = 1.5
"""Above 256 members the START behind one with new entries comes so soon: it asks the same slice, whose
answers ask for what confirms their applies, as each would else do by itself, and say how these went."""
JUDGED_AFTER_S = 0.45
"""Answers that are not there so long after a START were lost (or 0.9 cycles, if shorter)."""
NEW_HEAD_WINDOW_MS_MAX = 40
"""Answers to a new head come before the first repetition, and behind most others' taking it (P1)."""


Entries = tuple[tuple[LogItem, ...], Head]
"""Entries that follow each other, and the head after them."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """What to do about new entries: store the signed head with them, then send."""

    signed_head: SignedHead
    effects: tuple[Effect, ...]


class Leader:
    """Drives the cycles of one epoch, from its ``open`` on; a new epoch is a new Leader.

    Args:
        station: this device; it has a group key.
        cycle_s: time between two idle STARTs, seconds.
        now: monotonic seconds.
    """

    def __init__(self, station: Station, cycle_s: float, now: float) -> None:
        self.cycle_s = cycle_s
        self.wall_offset_s: float | None = None
        """Wall time minus monotonic time, if anything vouches for it."""
        self.durable: Seq = Seq(0)
        """Highest position that stands on our disk and another member's."""
        self.cycle = 0
        """Number of the newest START."""
        self.heard_at = float("-inf")
        """When a member last answered, monotonic seconds."""
        self.asked_at = float("-inf")
        """When the newest START was sent that a member has answered, monotonic seconds."""
        self._since = now
        self.unhurried_until = now
        """Until then nobody waits for answers, monotonic seconds: those to an idle START may gather."""
        self._station = station
        self._audience, self.elsewhere = Audience(station), Elsewhere(station)
        self._next_at = now
        self._pending: list[Entries] = []
        self._prepared: Start | None = None
        self._sent: deque[Sent] = deque(maxlen=RECENT_STARTS)
        self._repairs = Repairs()
        self._repeats: list[tuple[float, Seq]] = []
        """When to repeat, and up to which position members must have answered."""
        self._echoes = Echoes()
        self.pongs = Pongs(station, self._sent, self._echoes)
        """What it says to those who ask whether it lives."""
        self._acks, self._carried = Acks(station), Carried(station)
        self._handback = Handback()
        self._slice_first = 0
        self._slice_since = now

    # --- time --------------------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        """When :meth:`tick` is wanted, monotonic seconds."""
        start_at = min(self._next_at, self._gap_end) if self._pending else self._next_at
        times = (start_at, *(at for at, _ in self._repeats[:1]), self._repairs.due_at)
        return min(at for at in times if at is not None)

    @property
    def _gap_end(self) -> float:
        """When the next START may be sent."""
        return self._sent[-1].sent_at + START_GAP_S if self._sent else float("-inf")

    def tick(self, now: float) -> list[Effect]:
        """Send what is due: a START, a repetition, or missing pieces."""
        if now >= self._next_at or (self._pending and now >= self._gap_end):
            return self._send_start(now)
        if self._repeats and now >= self._repeats[0][0]:
            return self._repeat(now)
        if self._repairs.due_at is not None and now >= self._repairs.due_at:
            return self._repair(now)
        return []

    def online(self, now: float) -> list[DeviceId]:
        """Return the other members that were heard lately, by id."""
        return [peer.device_id for peer in self._audience.online(now, self.cycle_s)]

    def silent_cycles(self, device: DeviceId, now: float) -> int:
        """Return for how many cycles of this lead a member has answered nothing; 0 for who is none.

        A START that it was asked by and did not answer must have gone out for each: a leader that stood
        still has no word on others.
        """
        return self._audience.silent_cycles(device, now, self.cycle_s, self._since)

    @property
    def asked(self) -> range:
        """Indices of the members that the newest START asks."""
        return asked_by(self._sent[-1].start.rest) if self._sent else range(0)

    def start_soon(self, now: float) -> None:
        """Send the next START as soon as one may be sent: its answers are a contact."""
        self._next_at = min(self._next_at, max(now, self._gap_end))

    # --- STARTs ------------------------------------------------------------------------------

    def announce(self, batches: Sequence[Entries], now: float) -> Announcement:
        """Sign a new head and send it with its entries, now or when the gap has passed.

        The node puts ``Append((*entries, head item))`` before the effects (R8). A START that
        had to wait carries the newest head of those that were signed meanwhile.

        Args:
            batches: what was written, at least one, each to fit into DATA if it may.
            now: monotonic seconds.
        """
        self._pending += batches
        start = self._prepared = self._sign(batches[-1][1], now)
        self.unhurried_until = now
        effects = self._send_start(now) if now >= self._gap_end else []
        return Announcement(start.signed_head, tuple(effects))

    def send_waiting(self, now: float) -> list[Effect]:
        """Send at once what waits for the gap to pass: the group key changes now (A22)."""
        return self._send_start(now) if self._pending else []

    def _sign(self, head: Head, now: float) -> Start:
        """Make the next START: what it says besides the head is as of now."""
        station = self._station
        peers = station.peers
        count = min(SLICE_MEMBERS_MAX, max(0, peers.count - self._slice_first))
        bare = Rest(
            cycle=self.cycle + 1,
            nonce=station.random_bytes(CHALLENGE_BYTES),
            echoes=(),
            time_s=0 if self.wall_offset_s is None else max(0, int(now + self.wall_offset_s)),
            bitmap=bytes(self._sent[-1].bits if self._sent else b"").ljust(BITMAP_BYTES_MIN, b"\0"),
            slice_first=self._slice_first,
            slice_count=count,
            window_ms=self._window_ms(count),
            data=self._on_air(head),
            sender=peers.own_id,
        )
        carried = None
        if not self._echoes.goes_first():  # such a START is passed on, and must be short (A15)
            carried = self._carried.choose(self._audience.online(now, self.cycle_s))
        echoes = self._echoes.pick(echo_room(head, bare), is_short=carried is None)
        self._acks.announced(head)
        rest = replace(bare, echoes=echoes, certificate=carried)
        return sign_start(peers.own, peers.cluster, head, rest)

    def _window_ms(self, count: int) -> int:
        if self._pending:
            return min(NEW_HEAD_WINDOW_MS_MAX, 2 + 2 * count)
        return max(1, min(int(self.cycle_s * 250), 4 * count))

    def _on_air(self, head: Head) -> bool:
        """Tell whether the batch that ends at ``head`` goes, or went, by DATA."""
        if self._pending:
            return bool(cut_batch(*self._pending[-1]))
        return self._repairs.reaches(head)

    def _send_start(self, now: float) -> list[Effect]:
        """Send a START, after the DATA of what it announces."""
        station, audience = self._station, self._audience
        start = self._prepared or self._sign(station.log.head, now)
        self._prepared = None
        batches = self._seal_pending()
        online = audience.online(now, self.cycle_s)
        self._judge_last(now, online)
        plaintext = start.encode()
        datagram = station.channel.seal_group(Kind.START, plaintext)
        links = audience.links(start.rest.cycle, self._near(online))
        data = [piece for batch in batches for piece in batch.datagrams]
        effects = station.multicast([*data, datagram], links)
        served = self.elsewhere.plan()
        effects += self.elsewhere.send(served, plaintext, data)
        sent = Sent(start, datagram, now, served)
        sent.bits = bytearray((start.rest.slice_count + 7) // 8)
        self._sent.append(sent)
        self.cycle = start.rest.cycle
        self._plan_repeats(start.head.seq if data else None, now)
        self._plan_start(now, is_new=bool(batches))
        is_idle = not batches and not self._repeats
        self.unhurried_until = now + start.rest.window_ms / 1000 if is_idle else now
        return effects + self.pongs.answer_challenges(start, now)

    def _plan_start(self, now: float, *, is_new: bool) -> None:
        """Plan the next START, and whom it asks."""
        members = self._station.peers.count
        soon = is_new and members > SLICE_MEMBERS_MAX
        self._next_at = now + (min(CONFIRM_S, self.cycle_s) if soon else self.cycle_s)
        if not soon or now - self._slice_since >= self.cycle_s:
            following = self._slice_first + SLICE_MEMBERS_MAX
            self._slice_first = following if following < members else 0
            self._slice_since = now

    def _seal_pending(self) -> tuple[Batch, ...]:
        """Seal the entries that wait, as few batches as fit; too long ones go by catch-up."""
        groups: list[Entries] = []
        for entries, head in self._pending:
            joined = (groups[-1][0] + entries, head) if groups else (entries, head)
            if groups and cut_batch(*joined):
                groups[-1] = joined
            else:
                groups.append((entries, head))
        self._pending.clear()
        batches = tuple(self._seal_batch(*group) for group in groups)
        self._repairs.sent(batches)
        return batches

    def _seal_batch(self, entries: tuple[LogItem, ...], head: Head) -> Batch:
        pieces = cut_batch(entries, head)
        sealed = tuple(self._station.channel.seal_group(Kind.DATA, piece.encode()) for piece in pieces)
        return Batch(Seq(head.seq - len(entries) + 1), head.seq, head.chain[:CHAIN_PREFIX_BYTES], sealed)

    def _judge_last(self, now: float, online: list[Peer]) -> None:
        """Note who missed the last START, if its answers had time to come."""
        if self._sent and now - self._sent[-1].sent_at >= min(JUDGED_AFTER_S, 0.9 * self.cycle_s):
            last = self._sent[-1]
            self._audience.judge(asked_by(last.start.rest), last.answered, online)
            self.elsewhere.judge(last.served, last.answered)
            self._judge_first(last, now)

    def _judge_first(self, last: Sent, now: float) -> None:
        """Note whether the first of the succession, if we stand in for it, is there and has all."""
        peers = self._station.peers
        first = peers.holder(peers.succession[0]) if peers.own_place else None
        is_well = first is not None and first.device_id in last.answered
        has_all = first is not None and first.stored >= last.start.head.seq
        self._handback.judged(first, now, is_well=is_well and has_all)

    def may_hand_back(self, now: float) -> bool:
        """Tell whether the first of the succession has been there for long enough to lead again."""
        return self._handback.is_due(now, self.cycle_s)

    # --- repetition --------------------------------------------------------------------------

    def _repeat(self, now: float) -> list[Effect]:
        """Send the newest START again to those online who have not said that they have that position.

        Above 256 members most have not been asked: then blindly, and with the DATA.
        """
        _, seq = self._repeats.pop(0)
        sent, station = self._sent[-1], self._station
        online = self._audience.online(now, self.cycle_s)
        links = self._audience.links(sent.start.rest.cycle, self._near(online))
        lacking = [peer for peer in online if peer.stored < seq]
        effects: list[Effect] = []
        for peer, is_relay in self.elsewhere.doors(sent.served, filter(self.elsewhere.is_far, lacking)):
            effects += self.elsewhere.start_to(peer, sent.start.encode(), is_relay=is_relay)
        if station.peers.count > SLICE_MEMBERS_MAX:
            return effects + station.multicast([*self._repairs.since(seq), sent.datagram], links)
        near = self._near(lacking)
        alone = [self.elsewhere.give(peer, [sent.datagram]) for peer in near[:UNICAST_REPEATS_MAX]]
        if len(near) > UNICAST_REPEATS_MAX or not all(alone):
            return effects + station.multicast([sent.datagram], links)
        return effects + [effect for each in alone for effect in each]

    def _near(self, peers: Sequence[Peer]) -> list[Peer]:
        """Return those that multicast may reach."""
        return [peer for peer in peers if not self.elsewhere.is_far(peer)]

    def _repair(self, now: float) -> list[Effect]:
        """Send the pieces again that members asked for: to all, if more than one lacks them."""
        online = self._audience.online(now, self.cycle_s)
        links = self._audience.links(self.cycle, self._near(online))
        effects: list[Effect] = []
        for datagram, lacking in self._repairs.take(now):
            near = self._near(lacking)
            alone = self.elsewhere.give(near[0], [datagram]) if len(near) == 1 else []
            effects += alone if alone or not near else self._station.multicast([datagram], links)
            for peer, _ in self.elsewhere.doors(
                self._sent[-1].served, filter(self.elsewhere.is_far, lacking)
            ):
                effects += self.elsewhere.give(peer, [datagram])
        return effects

    def _plan_repeats(self, seq: Seq | None, now: float) -> None:
        """Plan the repetitions of a new head; the next one of the head before it is kept.

        Else a START every 50 ms would put off all repetitions for ever.
        """
        kept = self._repeats[:1]
        fresh = [] if seq is None else [(now + after, seq) for after in REPEAT_AFTER_S]
        self._repeats = sorted(kept + fresh)

    # --- answers -----------------------------------------------------------------------------

    def on_respond(self, opened: Opened, now: float, *, is_bundled: bool = False) -> Step:
        """Take a member's answer.

        Args:
            opened: the answer.
            now: monotonic seconds.
            is_bundled: whether a relay brought it: then its source is not the member's.

        Raises:
            UntrustedInput: malformed, not to one of the newest STARTs, or older than one that
                came already (A12). One that only says the same again changes nothing, unless its
                status is a newer one: an apply has come to an end.
        """
        peer = opened.sender
        assert peer is not None, "a RESPOND is sealed pairwise"
        respond = decode_respond(opened.plaintext)
        sent = self._start_of(respond)
        asked = 0 if respond.request is None else respond.request.number
        mark = (sent.start.head.epoch, respond.cycle, respond.head.seq, asked)
        if mark[:3] < peer.answered[:3]:
            raise UntrustedInput("RESPOND: older than one that was heard")
        newest = mark > peer.answered
        status = read_status(peer, respond, self._station.peers.cluster, newest=newest)
        if not newest and status is None:
            return Step()
        if respond.ack is not None:
            self._acks.take(peer.device_id, respond.head, respond.ack)
        peer.answered, peer.heard_at, self.heard_at = max(mark, peer.answered), now, now
        self.asked_at = max(self.asked_at, sent.sent_at)
        if is_bundled:
            opened = replace(opened, source=peer.address or opened.source)
        else:
            peer.address = opened.source
            peer.path.heard(opened.source, opened.size_bytes)
            peer.path.answered(None if respond.via is None else respond.via.path, opened.source)
        if respond.challenge is not None:
            self._echoes.challenged(peer.device_id, respond.challenge, opened)
        outcome = self._take_head(peer, respond.head, opened)
        if outcome is None and respond.offer is not None:
            outcome = Offered(opened.source, respond.offer)
        self._note_answer(peer, sent, respond.via)
        self._repairs.heard(peer, respond.request, now)
        certificate = None if respond.ack is None else self._acks.ready()
        return Step(tuple(take_report(peer, respond, status)), outcome, certificate)

    def _start_of(self, respond: Respond) -> Sent:
        for sent in reversed(self._sent):
            if (sent.start.rest.cycle, sent.start.rest.nonce) == (respond.cycle, respond.nonce):
                return sent
        raise UntrustedInput("RESPOND: not to a START of ours, or to an old one")

    def _take_head(self, peer: Peer, theirs: Head, opened: Opened) -> Outcome | None:
        """Note what a member holds; tell if it is more than we do, or other than ours."""
        log = self._station.log
        if log.chain_at(theirs.seq) == theirs.chain:
            peer.stored = max(peer.stored, theirs.seq)
            self.durable = max(self.durable, peer.stored)
            return None
        if theirs.seq > log.head.seq:
            return Behind(opened.source, theirs)
        return Conflict(opened.source, theirs, None)

    def _note_answer(self, peer: Peer, sent: Sent, via: Via | None) -> None:
        if peer.device_id not in sent.told:
            sent.answered.add(peer.device_id)
            self.elsewhere.answered(peer, via)
        if peer.index in asked_by(sent.start.rest):
            place = peer.index - sent.start.rest.slice_first
            sent.bits[place // 8] |= 1 << place % 8

    def told(self, opened: Opened) -> None:
        """Note where a member's answer to a question of ours came from, that we did not hear so far."""
        peer = opened.sender
        assert peer is not None, "a PONG is sealed pairwise"
        if not peer.path.is_proven:
            peer.address = opened.source
            peer.path.heard(opened.source, opened.size_bytes)
