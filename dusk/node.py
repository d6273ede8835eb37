"""One device of a cluster: inputs in, effects out (`dusk.effects` has the contract).

Composes the rooms: the log decides, cycles carry, exchanges catch up, the outbox keeps what
this device's people sent, the apply machine brings the files to what the log says. Nothing
here judges content.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dusk.apply.driver import Driver
from dusk.apply.events import Mode
from dusk.catchup.exchanges import Exchanges
from dusk.catchup.host import Standing
from dusk.catchup.messages import Answer as StreamAnswer
from dusk.catchup.messages import Position
from dusk.catchup.peers import Peers as StreamPeers
from dusk.changelog import views
from dusk.changelog.body import Change, Edit, build_change, decode_change
from dusk.changelog.entry import SignedHead, Stamp
from dusk.changelog.log import ForkFound, Log, unpack_entry_item
from dusk.changelog.state import counter_key
from dusk.cycle.datagrams import Opened, Unreadable
from dusk.cycle.follower import Follower
from dusk.cycle.groupkeys import FILE as GROUP_KEYS_FILE
from dusk.cycle.groupkeys import GroupKeys, decode_group_keys, new_group_key
from dusk.cycle.leader import Leader
from dusk.cycle.messages import Answer, AnswerCode, Kind, decode_answer, decode_submit
from dusk.cycle.outbox import FOLDER as OUTBOX_FOLDER
from dusk.cycle.outbox import Outbox, Writer
from dusk.cycle.peers import Peers
from dusk.cycle.station import Advance, Behind, Conflict, Station, Step
from dusk.cycle.status import Status
from dusk.cycle.write_queue import WriteQueue, outcome_reason
from dusk.effects import (
    Accepted,
    Append,
    ChangeState,
    Connected,
    Datagram,
    Disconnected,
    Effect,
    Event,
    FilesRead,
    HelperDone,
    Input,
    ItemKind,
    ItemsRead,
    Links,
    LogItem,
    Progress,
    Received,
    SendDatagram,
    StoreFile,
    Tick,
    WallClock,
)
from dusk.errors import Refused, UntrustedInput
from dusk.ids import BootId, ChainHash, ChangeId, ClusterId, DeviceId, Head, KeyId, Seq
from dusk.keys.signing import SigningKey
from dusk.membership.facts import Facts, fact_edits

PROBE_S = 0.5
"""How long the first writer listens for a higher head of its own cluster before it leads."""
WRITE_GAP_S = 0.05
"""Between two batches: the least time between STARTs."""
FACTS_GAP_S = 3600.0
"""Between two changes of a device's facts (`protocol.md` 2: rate-limited)."""
STATUS_KEY_FILE = "status-key"


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """This device's own settings, as the shell reads them.

    Args:
        mode: whether it applies what the log says.
        facts: what it says about itself.
        apply_window_s: how long an apply waits for contact after its reload.
    """

    mode: Mode = Mode.RUN
    facts: Facts | None = None
    apply_window_s: float = 90.0


class Node:
    """A member.

    Args:
        key: this device's key.
        log: its verified log, genesis included.
        boot: 8 random bytes of this run.
        saved: the small files of its folder, by name.
        settings: see `NodeSettings`.
        random_bytes: source of all randomness.
    """

    def __init__(
        self,
        *,
        key: SigningKey,
        log: Log,
        boot: BootId,
        saved: Mapping[str, bytes],
        settings: NodeSettings,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        assert log.cluster is not None
        self.log = log
        self.device_id = DeviceId(key.key_id)
        self.dropped = 0
        """Outside inputs that were refused."""
        self.alarms: dict[str, str] = {}
        """Word → line for people, of what is wrong now."""
        self._key, self._boot, self._random_bytes = key, boot, random_bytes
        self._settings, self._saved = settings, saved
        self._clock = WallClock(0.0, trusted=False)
        self._peers = Peers(key, log.cluster)
        self._station = Station(self._peers, log, boot, random_bytes)
        self._stream_peers = StreamPeers()
        self._exchanges = Exchanges(key.x25519_private(), self, random_bytes)
        self._outbox = Outbox(_saved_changes(saved), random_bytes)
        self._queue = WriteQueue(log)
        self._write_at: float | None = None
        self._datagram_replies: dict[ChangeId, list[Opened]] = {}
        self._stream_waits: set[ChangeId] = set()
        self._leader: Leader | None = None
        self._follower = Follower(self._station, self._cycle_s, 0.0)
        self._lead_at: float | None = None
        self._status_key = saved.get(STATUS_KEY_FILE) or random_bytes(32)
        self._driver = Driver(self.device_id, self._status_key, settings.mode, settings.apply_window_s)
        self._status: Status | None = None
        self._facts_at: float | None = None
        self._members_version = -1

    # --- what the shell calls ------------------------------------------------------------------

    def start(self, now: float, restored: str | None = None) -> list[Effect]:
        """Begin; once, before anything else.

        Args:
            now: monotonic seconds.
            restored: id of an apply that the helper found unfinished and undid.
        """
        effects: list[Effect] = []
        if STATUS_KEY_FILE not in self._saved:
            effects.append(StoreFile(STATUS_KEY_FILE, self._status_key))
        self._members_changed()
        self._follower = Follower(self._station, self._cycle_s, now)
        self._follower.settled = self.log.head.seq
        effects += self._start_group_keys()
        if restored is not None:
            effects += self._driver.restored(restored, now)
        self._driver.log_moved(self.log.state, self.log.head)
        for change in list(self._outbox.waiting()):
            effects += self._note_logged(change)
        if self._may_lead_first():
            alone = self._peers.count == 1
            self._lead_at = now if alone else now + PROBE_S
            effects += [] if alone else self._follower.confirm(now)
        return effects + self._after(now)

    def handle(self, event: Input, now: float) -> list[Effect]:
        """Take one input; what it leads to, in order."""
        effects: list[Effect] = []
        match event:
            case Datagram():
                effects = self._on_datagram(event, now)
            case Tick():
                effects = self._tick(now)
            case Accepted() | Connected() | Received() | Disconnected() | ItemsRead():
                effects = self._exchanges.handle(event, now)
            case FilesRead() | HelperDone():
                effects = list(self._driver.answer(event, now))
            case Links(links):
                self._station.links = links
            case WallClock():
                self._clock = event
                if self._leader is not None:
                    self._leader.wall_offset_s = event.offset_s if event.trusted else None
        return effects + self._after(now)

    def submit(self, change: Change, now: float) -> list[Effect]:
        """Take a change of this device's people: keep it, and get it written.

        Raises:
            Refused: it can never be written, or the outbox is full; nothing was kept.
        """
        seq = self.log.position_of(change.id)
        if seq is not None and change.id not in self._outbox:
            return [self._progress_in_log(change.id, seq)]
        effects = self._outbox.add(change.id, change.encode(), now)
        if self._leader is not None:
            effects += self._queue_change(change, now)
        return effects + self._after(now)

    def set_mode(self, mode: Mode, now: float) -> list[Effect]:
        """Take the brake, or the option ``apply``, as the settings have it now."""
        return [*self._driver.set_mode(mode, now), *self._after(now)]

    def progress(self, change: ChangeId) -> Progress | None:
        """Return how far a change has come: in the outbox, else in the log."""
        kept = self._outbox.progress(change)
        if kept is not None:
            return kept
        seq = self.log.position_of(change)
        return None if seq is None else self._progress_in_log(change, seq)

    def next_counter(self, author: KeyId) -> int:
        """Return a counter above all of this author's changes at this device."""
        last = self.log.state.derived(counter_key(author, self.device_id))
        waiting = [decode_change(self._outbox.encoded(c)).body for c in self._outbox.waiting()]
        return 1 + max([last, *(body.counter for body in waiting if body.author == author)])

    @property
    def deadline(self) -> float | None:
        """When a ``Tick`` is wanted, monotonic seconds."""
        cycle = self._follower.deadline if self._leader is None else self._leader.deadline
        others = (self._lead_at, self._write_at, self._exchanges.deadline, self._outbox.deadline)
        return min((at for at in (cycle, *others, self._driver.deadline) if at is not None), default=None)

    # --- what views ask --------------------------------------------------------------------------

    @property
    def leads(self) -> bool:
        """Whether this device writes the log now."""
        return self._leader is not None

    @property
    def master(self) -> DeviceId | None:
        """Who writes the log, as far as this device knows."""
        return self.device_id if self._leader is not None else self._follower.master

    @property
    def peers(self) -> Peers:
        """The other members, with what they said."""
        return self._peers

    @property
    def applied(self) -> Driver:
        """The apply machine's side of the status."""
        return self._driver

    @property
    def settled(self) -> Seq:
        """Up to where the log is final: with one holder its signed head is the certificate."""
        return self.log.head.seq if self.log.newest is not None else Seq(0)

    def fresh(self, now: float) -> bool:
        """Whether this device leads, or hears who does."""
        return self._leader is not None or self._follower.fresh(now)

    def online(self, now: float) -> set[DeviceId]:
        """Return the members that are known to be there, this device included."""
        if self._leader is not None:
            return {self.device_id, *self._leader.online(now)}
        master = self._follower.master
        return {self.device_id, *([master] if master is not None and self.fresh(now) else [])}

    def waiting_changes(self) -> tuple[ChangeId, ...]:
        """Return the changes of this device that no writer has answered for."""
        return self._outbox.waiting()

    # --- start ---------------------------------------------------------------------------------

    @property
    def _cycle_s(self) -> float:
        return views.cycle_ms(self.log.state) / 1000

    def _may_lead_first(self) -> bool:
        """Tell whether this device stands first in the succession; only that one writes so far."""
        return self._peers.own_place == 0 and self.log.may_lead(self.device_id)

    def _start_group_keys(self) -> list[Effect]:
        data = self._saved.get(GROUP_KEYS_FILE)
        if data is not None:
            self._station.channel.keys = decode_group_keys(data)
        elif self._may_lead_first() and self._peers.count == 1:
            return self._make_group_key()
        return []

    def _make_group_key(self) -> list[Effect]:
        keys = self._station.channel.keys
        key = new_group_key(self._random_bytes, self.log.head.generation, keys.removal)
        self._station.channel.keys = GroupKeys((key,), self.log.head.generation, keys.removal)
        return [StoreFile(GROUP_KEYS_FILE, self._station.channel.keys.encode())]

    # --- time ------------------------------------------------------------------------------------

    def _tick(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        if self._lead_at is not None and now >= self._lead_at:
            effects += self._lead(now)
        if self._write_at is not None and now >= self._write_at:
            effects += self._write(now)
        if self._leader is not None:
            effects += self._leader.tick(now)
        elif now >= self._follower.deadline:
            effects += self._do(self._follower.tick(now), now)
        effects += self._exchanges.handle(Tick(), now)
        if self._driver.deadline is not None and now >= self._driver.deadline:
            effects += self._driver.tick(now)
        return effects

    def _after(self, now: float) -> list[Effect]:
        """Do what any input may have made due."""
        effects: list[Effect] = self._submit_waiting(now)
        effects += self._apply(now)
        self._sign_status()
        return effects

    # --- datagrams -------------------------------------------------------------------------------

    def _on_datagram(self, event: Datagram, now: float) -> list[Effect]:
        try:
            opened = self._station.channel.open(event.data, event.source)
            if isinstance(opened, Unreadable):
                return self._do(self._follower.unreadable(opened.source, now), now)
            return self._on_opened(opened, now)
        except UntrustedInput:
            self.dropped += 1
            return []

    def _on_opened(self, opened: Opened, now: float) -> list[Effect]:
        leader, follower = self._leader, self._follower
        match opened.kind:
            case Kind.START:
                return self._do(follower.on_start(opened, now), now)
            case Kind.DATA:
                return self._do(follower.on_data(opened), now)
            case Kind.HELLO | Kind.ASK:
                return leader.on_hello(opened, now) if leader else follower.on_hello(opened, now)
            case Kind.PONG:
                return self._do(follower.on_pong(opened, now), now)
            case Kind.RESPOND if leader is not None:
                return self._do(leader.on_respond(opened, now), now) + self._durable(leader)
            case Kind.SUBMIT:
                return self._on_submit(opened, now)
            case Kind.ANSWER:
                return self._outbox.on_answer(decode_answer(opened.plaintext))
        return []

    def _do(self, step: Step, now: float) -> list[Effect]:
        """Do what a cycle's step asks of the node."""
        effects = list(step.effects)
        match step.outcome:
            case Advance(items, signed_head):
                effects += self._advance(items, signed_head, now)
            case Behind(address, _):
                if self._lead_at is not None:
                    self._lead_at = now + 10 * PROBE_S
                effects += self._exchanges.catch_up(address, now)
            case Conflict(address, head, _):
                text = f"{address.host} has another history at position {head.seq}; ours is kept"
                effects += self._alarm("conflict", text)
            case None:
                pass
        return effects

    def _advance(self, items: Sequence[LogItem], signed: SignedHead, now: float) -> list[Effect]:
        try:
            return self.took((*items, LogItem(ItemKind.HEAD, signed.encode())), now)
        except ForkFound as error:
            return self._alarm("conflict", str(error))
        except UntrustedInput:
            self.dropped += 1
            return self._do(self._follower.refused(), now)

    def _alarm(self, word: str, text: str) -> list[Effect]:
        if self.alarms.get(word) == text:
            return []
        self.alarms[word] = text
        return [Event(word, text, loud=True)]

    # --- leading and writing ---------------------------------------------------------------------

    def _stamp(self, now: float) -> Stamp:
        wall_s = max(0, int(now + self._clock.offset_s))
        return Stamp(self.device_id, self._boot, wall_s, self._clock.trusted)

    def _lead(self, now: float) -> list[Effect]:
        """Open an epoch: every start of leading is one (`protocol.md` 5)."""
        self._lead_at = None
        effects = [] if self._station.can_send else self._make_group_key()
        item = self.log.write_open(self._stamp(now))
        self._leader = Leader(self._station, self._cycle_s, now)
        self._leader.wall_offset_s = self._clock.offset_s if self._clock.trusted else None
        effects += self._publish((item,), now)
        for change in self._outbox.waiting():
            effects += self._queue_change(decode_change(self._outbox.encoded(change)), now)
        return effects

    def _publish(self, items: tuple[LogItem, ...], now: float) -> list[Effect]:
        """Store what was written with its signed head, then announce it (R8)."""
        assert self._leader is not None
        announced = self._leader.announce(items, self.log.head, now)
        head_item = self.log.signed(announced.signed_head)
        return [Append((*items, head_item)), *announced.effects, *self._log_moved(items, now)]

    def _queue_change(self, change: Change, now: float) -> list[Effect]:
        answer = self._queue.take(change)
        if answer is not None:
            return self._reply(answer, now)
        if self._write_at is None:
            self._write_at = now
        return []

    def _write(self, now: float) -> list[Effect]:
        """Write the changes that wait as one batch."""
        self._write_at = None
        if self._leader is None:
            return []
        written = self._queue.write(self._stamp(now))
        effects = self._publish(written.items, now) if written.items else []
        for answer in written.answers:
            effects += self._reply(answer, now)
        if written.items or len(self._queue):
            self._write_at = now + WRITE_GAP_S
        return effects

    def _reply(self, answer: Answer, now: float) -> list[Effect]:
        """Tell whoever handed a change in what became of it."""
        effects: list[Effect] = []
        for opened in self._datagram_replies.pop(answer.change, ()):
            if opened.sender is not None:
                datagram = self._station.channel.seal_to(opened.sender, Kind.ANSWER, answer.encode())
                effects.append(SendDatagram(datagram, opened.source))
        if answer.change in self._stream_waits:
            effects += self._answer_stream(answer, now)
        return effects + self._outbox.on_answer(answer)

    def _answer_stream(self, answer: Answer, now: float) -> list[Effect]:
        self._stream_waits.discard(answer.change)
        words = {AnswerCode.STORED: "applied", AnswerCode.REFUSED: "refused"}
        code = words.get(answer.code, "no-answer")
        return self._exchanges.answered(answer.change, StreamAnswer(code, answer.seq, answer.reason), now)

    def _on_submit(self, opened: Opened, now: float) -> list[Effect]:
        change = decode_change(decode_submit(opened.plaintext))
        self._datagram_replies.setdefault(change.id, []).append(opened)
        if self._leader is None:
            reason = "this device does not lead"
            return self._reply(Answer(change.id, AnswerCode.NOT_WRITER, Seq(0), reason), now)
        return self._queue_change(change, now)

    def _durable(self, leader: Leader) -> list[Effect]:
        return self._outbox.on_durable(leader.durable) + self._outbox.on_settled(self.settled)

    # --- the log has moved -----------------------------------------------------------------------

    def _log_moved(self, items: Iterable[LogItem], now: float) -> list[Effect]:
        """Tell every room about new entries; behind their ``Append``."""
        if self.log.state.members_version != self._members_version:
            self._members_changed()
        self._follower.settled = self.settled
        effects = self._follower.stored(now) if self._leader is None else []
        for item in items:
            if item.kind is ItemKind.ENTRY:
                entry, _ = unpack_entry_item(item.data)
                if entry.change is not None:
                    effects += self._note_logged(entry.change)
                    effects += self._answer_waiting(entry.change, now)
        self._driver.log_moved(self.log.state, self.log.head)
        return effects

    def _members_changed(self) -> None:
        state = self.log.state
        self._members_version = state.members_version
        self._peers.members_changed(views.members(state), views.succession(state))
        self._follower.cycle_changed(self._cycle_s)
        if self._leader is not None:
            self._leader.cycle_s = self._cycle_s

    def _note_logged(self, change: ChangeId) -> list[Effect]:
        """Tell the outbox of an outcome that stands in our log."""
        seq = self.log.position_of(change)
        if seq is None or change not in self._outbox:
            return []
        reason = outcome_reason(self.log.outcome_of(change))
        effects = self._outbox.on_logged(change, seq, reason, durable=self._leader is None)
        return effects + self._outbox.on_settled(self.settled)

    def _progress_in_log(self, change: ChangeId, seq: Seq) -> Progress:
        return Progress(change, ChangeState.DURABLE, seq, outcome_reason(self.log.outcome_of(change)))

    def _answer_waiting(self, change: ChangeId, now: float) -> list[Effect]:
        """Answer streams that wait for a change which another device wrote."""
        if change not in self._stream_waits or self._leader is not None:
            return []
        seq = self.log.position_of(change)
        assert seq is not None
        return self._answer_stream(Answer(change, AnswerCode.STORED, seq, ""), now)

    # --- the outbox ------------------------------------------------------------------------------

    def _submit_waiting(self, now: float) -> list[Effect]:
        """Hand what waits to the writer, by datagram or by a stream."""
        self._outbox.writer_changed(self._writer_now(now), now)
        submission = self._outbox.tick(self._station.channel, now)
        effects = list(submission.effects)
        address = self._follower.master_address
        for change in submission.by_stream:
            if address is not None:
                decoded = decode_change(self._outbox.encoded(change))
                effects += self._exchanges.submit(address, decoded, now)
        return effects

    def _writer_now(self, now: float) -> Writer | None:
        master, address = self._follower.master, self._follower.master_address
        if self._leader is not None or master is None or address is None:
            return None
        peer = self._peers.get(master)
        return None if peer is None else Writer(peer, address)

    # --- apply and status ------------------------------------------------------------------------

    def _apply(self, now: float) -> list[Effect]:
        """Start what may start, confirm what was applied, report what changed."""
        effects: list[Effect] = []
        if self._driver.waiting and self._contact_since(now - 1.5 * self._cycle_s):
            effects += self._driver.start(now)
        since = self._driver.contact_wanted_since
        if since is not None:
            effects += self._driver.contact(now) if self._contact_since(since) else self._ask_contact(now)
        return effects + self._report_facts(now)

    def _contact_since(self, moment: float) -> bool:
        """Tell whether a signed peer was heard after a moment; a cluster of one needs none."""
        if self._peers.count == 1:
            return True
        if self._leader is None:
            return self._follower.contact_since(moment)
        return any(p.heard_at is not None and p.heard_at > moment for p in self._peers.others)

    def _ask_contact(self, now: float) -> list[Effect]:
        """Ask for the contact that confirms an apply, once for each reload."""
        since = self._driver.contact_wanted_since
        if self._leader is not None or since == self._asked_for:
            return []
        self._asked_for = since
        return self._follower.confirm(now)

    _asked_for: float | None = None

    def _sign_status(self) -> None:
        """Sign what this device has in effect, if that changed (R12: nothing is stored)."""
        driver, version = self._driver, self._follower.version
        files = tuple(sorted(driver.hashes.items()))
        alarms = tuple(sorted(self.alarms))
        body = (driver.head.seq, driver.head.chain, files, driver.state, driver.reason, alarms)
        old = self._status
        if old is not None and body == (old.seq, old.chain, old.files, old.state, old.reason, old.alarms):
            return
        if old is not None and version <= old.version:
            version = (old.epoch, old.cycle + 1)
        self._status = Status(version[0], version[1], *body)
        self._follower.status = self._status.sign(self._key, self.cluster_id)

    def _report_facts(self, now: float) -> list[Effect]:
        """Write this device's facts into the log when they changed, rarely."""
        facts = self._settings.facts
        if facts is None or not self.fresh(now):
            return []
        if self._facts_at is not None and now < self._facts_at:
            return []
        self._facts_at = now + FACTS_GAP_S
        edits = fact_edits(self.log.state, self.device_id, facts)
        return self._submit_own(edits, "facts", now) if edits else []

    def _submit_own(self, edits: Sequence[Edit], message: str, now: float) -> list[Effect]:
        change = build_change(
            cluster=self.cluster_id,
            device=self.device_id,
            counter=self.next_counter(self._key.key_id),
            message=message,
            edits=edits,
            signers=(self._key,),
            random_bytes=self._random_bytes,
        )
        effects = self._outbox.add(change.id, change.encode(), now)
        return effects + (self._queue_change(change, now) if self._leader is not None else [])

    # --- what exchanges ask (catchup.host.Host) ----------------------------------------------------

    @property
    def cluster_id(self) -> ClusterId:
        """The cluster."""
        cluster = self.log.cluster
        assert cluster is not None
        return cluster

    @property
    def head(self) -> Head:
        """The newest entry's position."""
        return self.log.head

    @property
    def newest(self) -> SignedHead | None:
        """The newest signed head."""
        return self.log.newest

    @property
    def anchor(self) -> Position | None:
        """A member's own log is its anchor."""
        return None

    def chain_at(self, seq: Seq) -> ChainHash | None:
        """Return the chain hash at a position."""
        return self.log.chain_at(seq) if seq else None

    def standing(self, static_public: bytes) -> Standing:
        """Tell whose X25519 key that is."""
        return self._stream_peers.standing(self.log.state, static_public)

    def vouched(self, signed: SignedHead) -> bool:
        """Tell whether who leads in our log signed this head."""
        return self.log.signed_by_leader(signed)

    def group_keys(self) -> bytes:
        """Return the ring of group keys for members."""
        keys = self._station.channel.keys
        return keys.encode() if keys.newest is not None else b""

    def took(self, items: Sequence[LogItem], now: float) -> list[Effect]:
        """Verify items, take them, store them, and do what follows.

        Raises:
            UntrustedInput: they do not belong to this log; nothing was changed.
        """
        taken = self.log.extend(items)
        if not taken:
            return []
        if self._lead_at is not None:
            self._lead_at = now + PROBE_S
        return [Append(taken), *self._log_moved(taken, now)]

    def took_keys(self, ring: bytes, now: float) -> list[Effect]:
        """Take the group keys of another member.

        Raises:
            UntrustedInput: not a ring.
        """
        if not ring:
            return []
        before = self._station.channel.keys
        merged = before.with_keys(*decode_group_keys(ring).keys)
        if merged.keys == before.keys:
            return []
        self._station.channel.keys = merged
        return [StoreFile(GROUP_KEYS_FILE, merged.encode())]

    def answered(self, change_id: ChangeId, answer: StreamAnswer, now: float) -> list[Effect]:
        """Take a server's answer to a change that we handed over by a stream."""
        code = {"applied": AnswerCode.STORED, "refused": AnswerCode.REFUSED}.get(answer.code, AnswerCode.BUSY)
        return self._outbox.on_answer(Answer(change_id, code, answer.seq, answer.reason))

    def submitted(self, change: Change, now: float) -> list[Effect]:
        """Get a member's change written; pass it on if another device writes."""
        self._stream_waits.add(change.id)
        if self._leader is not None:
            return self._queue_change(change, now)
        seq = self.log.position_of(change.id)
        if seq is not None:
            return self._answer_stream(Answer(change.id, AnswerCode.STORED, seq, ""), now)
        return self._outbox.add(change.id, change.encode(), now)

    def join_requested(self, change: Change, now: float) -> list[Effect]:
        """Get a device's creation written; the stream has proven who asks."""
        return self.submitted(change, now)


def _saved_changes(saved: Mapping[str, bytes]) -> dict[ChangeId, bytes]:
    """Return the changes that the outbox's files hold; a damaged one is left alone."""
    found: dict[ChangeId, bytes] = {}
    for name, data in saved.items():
        if name.startswith(OUTBOX_FOLDER):
            try:
                found[decode_change(data).id] = data
            except UntrustedInput:
                continue
    return found


__all__ = ["Node", "NodeSettings", "Refused"]
