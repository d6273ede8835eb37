"""The node: hands each input to the room that it is for, and does what follows.

The log decides, cycles carry, exchanges catch up, the outbox keeps what this device's people
sent, the apply machine brings the files to what the log says.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from dusk.apply.driver import Driver
from dusk.apply.events import Mode
from dusk.catchup.exchanges import Exchanges
from dusk.changelog import views
from dusk.changelog.basis import Plan
from dusk.changelog.body import Change
from dusk.changelog.certificate import Certificate
from dusk.changelog.log import Log, verified_entry
from dusk.changelog.rewinds import LostBranch
from dusk.cycle.follower import Follower
from dusk.cycle.outbox import Outbox, line_of, saved_changes
from dusk.cycle.peers import Peers, roster_of
from dusk.cycle.station import Station
from dusk.effects import (
    Accepted,
    Append,
    Compacted,
    Connected,
    Datagram,
    Disconnected,
    Effect,
    FilesRead,
    HelperDone,
    Input,
    ItemKind,
    ItemsRead,
    Link,
    Links,
    LogItem,
    PieceRead,
    Progress,
    Received,
    Tick,
    WallClock,
)
from dusk.ids import BootId, ChangeId, DeviceId, KeyId, Seq
from dusk.keys.signing import SigningKey, x25519_public
from dusk.node.alarms import Alarms
from dusk.node.applying import Applying
from dusk.node.branching import Branching
from dusk.node.changes import OwnChanges
from dusk.node.compacting import Compacting
from dusk.node.forcing import force_role
from dusk.node.forks import Forks
from dusk.node.host import MemberHost, make_group_key
from dusk.node.leading import Leading
from dusk.node.listening import Listening
from dusk.node.presence import contact_since, online
from dusk.node.proofs import Proofs
from dusk.node.receiving import Receiving
from dusk.node.recovery import Recovery
from dusk.node.report import SelfReport
from dusk.node.reports import ASK_GAP_S, NodeReports
from dusk.node.settings import NodeSettings
from dusk.node.watching import Watching
from dusk.node.writing import Writing


class Node:
    """A member.

    Args:
        key: this device's key.
        log: its verified log, genesis included.
        boot: 8 random bytes of this run.
        saved: the small files of its folder, by name.
        settings: see `NodeSettings`.
        random_bytes: source of all randomness.
        left: branches of the log that its disk says it left.
        plan: of the checkpoint that the log on its disk stands on; None for the first entry.

    Attributes:
        log: the log.
        device_id: this device.
        peers: the other members, with what they said.
        applied: the apply machine's side of the status.
        alarms: word → line for people, of what is wrong now.
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
        left: Sequence[LostBranch] = (),
        plan: Plan | None = None,
    ) -> None:
        assert log.cluster is not None
        self.log, self.device_id = log, DeviceId(key.key_id)
        self.alarms: dict[str, str] = {}
        self.peers = Peers(key, log.cluster)
        self._recovery = Recovery(saved, self.alarms, random_bytes)
        self._random_bytes = random_bytes
        self._station = Station(self.peers, log, boot, random_bytes, configured=settings.contacts)
        self._station.channel.keys = self._recovery.group_keys
        self._cycle_s = views.cycle_ms(log.state) / 1000
        self._follower = Follower(self._station, self._cycle_s, 0.0)
        self._forks = Forks(log, left)
        self._outbox = Outbox(saved_changes(self._recovery.files), random_bytes, line_of, self._forks)
        self._writing = Writing(
            station=self._station,
            log=log,
            outbox=self._outbox,
            answer_streams=lambda *args: self._exchanges.answered(*args),  # noqa: PLW0108 - made later
            log_moved=self._log_moved,
        )
        self._changes = OwnChanges(
            key=key, log=log, outbox=self._outbox, writing=self._writing, random_bytes=random_bytes
        )
        status_key = self._recovery.status_key
        self.applied = Driver(self.device_id, status_key, settings.mode, settings.apply_window_s)
        self._report = SelfReport(key, log.cluster, settings.facts)
        self._reports = NodeReports(self.peers, log, self._report.signed)
        self._alarms = Alarms(self.alarms, lambda: self._cycle_s)
        self._compacting = Compacting(log, self._forks, plan, self._alarms)
        self._proofs = Proofs(log, lambda: 0.0 if self.leads else self._cycle_s * self._station.fraction())
        self._exchanges = Exchanges(key.x25519_private(), self._make_host(), random_bytes)
        self._applying = Applying(self.applied, self, lambda: self._cycle_s, settings.apply_window_s)
        self._listening = Listening(self._station, self.confirm)
        self._leading = self._make_leading()
        self._branching = self._make_branching()
        self._receiving = self._make_receiving()
        self._watching = Watching(
            around=self,
            alarms=self._alarms,
            proofs=self._proofs,
            not_logged=self._outbox.not_logged,
            submit=self._changes.submit_own,
            is_copied=lambda: self._leading.is_copied,
            exchanges=self._exchanges,
        )
        self._placed: object = None
        self._members_version = -1
        self._report_due_at = float("-inf")

    # --- how its rooms are joined ----------------------------------------------------------------

    def _make_host(self) -> MemberHost:
        return MemberHost(
            own=x25519_public(self.peers.own.public),
            log=self.log,
            channel=self._station.channel,
            took=self._took,
            took_branch=lambda *args: self._branching.took_branch(*args),  # noqa: PLW0108 - made later
            compacting=self._compacting,
            submitted=self._writing.on_stream,
            answered=self._changes.answered,
            reports=self._reports,
            forks=self._forks,
            is_whole=lambda: not self._recovery.must_hear,
            caught_up=self._caught_up,
            is_holder=lambda public: any(x25519_public(p.public) == public for p in self.peers.holders()),
            master=lambda: self.master,
        )

    def _make_leading(self) -> Leading:
        return Leading(
            station=self._station,
            log=self.log,
            writing=self._writing,
            forks=self._forks,
            recovery=self._recovery,
            listening=self._listening,
            ask=self.confirm,
            fetch=self._exchanges.catch_up,
            make_group_key=self._make_group_key,
            cycle_s=lambda: self._cycle_s,
        )

    def _make_branching(self) -> Branching:
        return Branching(
            log=self.log,
            forks=self._forks,
            outbox=self._outbox,
            peers=self.peers,
            writing=self._writing,
            leading=self._leading,
            took_more=self._took_more,
            log_moved=self._log_moved,
            alarms=self._alarms,
            refusals=self._alarms.refusals,
            proofs=self._proofs,
        )

    def _make_receiving(self) -> Receiving:
        return Receiving(
            station=self._station,
            log=self.log,
            follower=self._follower,
            writing=self._writing,
            leading=self._leading,
            listening=self._listening,
            recovery=self._recovery,
            forks=self._forks,
            outbox=self._outbox,
            exchanges=self._exchanges,
            answered=self._changes.answered,
            took=self._took,
            certified=self._certified,
            alarms=self._alarms,
            refusals=self._alarms.refusals,
        )

    # --- what the shell calls ------------------------------------------------------------------

    def start(self, now: float, restored: str | None = None) -> list[Effect]:
        """Begin; once, before anything else.

        Args:
            now: monotonic seconds.
            restored: id of an apply that the helper found unfinished and undid.
        """
        effects = self._recovery.start()
        self._members_changed()
        self._follower = Follower(self._station, self._cycle_s, now)
        self._receiving.follower = self._follower
        self._follower.answers.status = self._report.signed
        is_new = self._leading.is_first and self.peers.count == 1 and self._recovery.group_keys.newest is None
        effects += self._make_group_key() if is_new else []
        effects += [] if restored is None else self.applied.restored(restored, now)
        self.applied.log_moved(self.log.state, self.log.head)
        for change in self._outbox.waiting():
            effects += self._changes.logged(change, self.settled)
        effects += self._leading.begin(now, is_new=is_new)
        return effects + self._after(now)

    def handle(self, event: Input, now: float) -> list[Effect]:
        """Take one input; what it leads to, in order."""
        effects: list[Effect] = []
        match event:
            case Datagram():
                effects = self._receiving.on_datagram(event, now)
            case Tick():
                effects = self._tick(now)
            case Compacted():
                effects = self._compacting.compacted(event)
            case Accepted() | Connected() | Received() | Disconnected() | ItemsRead() | PieceRead():
                effects = self._exchanges.handle(event, now)
            case FilesRead() | HelperDone():
                effects = list(self.applied.answer(event, now))
            case Links(links):
                effects = self._links_changed(links, now)
            case _:  # a wall clock; the type checker knows
                self._writing.set_clock(event)
        return effects + self._after(now)

    def submit(self, change: Change, now: float) -> list[Effect]:
        """Take a change of this device's people: keep it, and get it written.

        Raises:
            Refused: the outbox is full; nothing was kept.
        """
        return [*self._changes.submit(change, now), *self._after(now)]

    def force_role(self, role: Change, now: float) -> list[Effect]:
        """Lead at once, by a role that owners forced.

        Raises:
            Refused: it is worth nothing here; nothing was changed.
        """
        return [*force_role(role, self._leading, self._outbox, now), *self._after(now)]

    def confirm(self, now: float) -> list[Effect]:
        """Ask now whether the master lives; who leads hears the others by a START, and asks for another."""
        leader = self._writing.leader
        if leader is None:
            return self._follower.confirm(now)
        leader.start_soon(now)
        return self._follower.seek(now)

    def ask_reports(self, now: float) -> list[Effect]:
        """Ask the master for everybody's status, for somebody who looks; at most every half a second."""
        if self.leads or not self.fresh(now) or now - self._reports.asked_at < ASK_GAP_S:
            return []
        self._reports.asked_at, self._reports.wants_all = now, True
        return self._exchange_reports(now)

    def set_mode(self, mode: Mode, now: float) -> list[Effect]:
        """Take the brake, or the option ``apply``, as the settings have it now."""
        return [*self.applied.set_mode(mode, now), *self._after(now)]

    @property
    def deadline(self) -> float | None:
        """When a ``Tick`` is wanted, monotonic seconds."""
        leader = self._writing.leader
        times = (
            self._follower.deadline if leader is None else leader.deadline,
            self._leading.deadline,
            self._writing.deadline,
            self._exchanges.deadline,
            self._outbox.deadline,
            self.applied.deadline,
            self._applying.deadline,
        )
        return min((at for at in times if at is not None), default=None)

    @property
    def unhurried_until(self) -> float:
        """Until when datagrams may wait for others to be taken with them, monotonic seconds."""
        return float("-inf") if self._writing.leader is None else self._writing.leader.unhurried_until

    # --- what views ask --------------------------------------------------------------------------

    @property
    def leads(self) -> bool:
        """Whether this device writes the log now."""
        return self._writing.leader is not None

    @property
    def master(self) -> DeviceId | None:
        """Who writes the log, as far as this device knows."""
        return self.device_id if self.leads else self._follower.master

    @property
    def dropped(self) -> int:
        """How many outside inputs were refused."""
        return self._receiving.dropped

    @property
    def settled(self) -> Seq:
        """Up to where the log is final."""
        return self.log.settled

    @property
    def clock(self) -> WallClock:
        """The wall clock as it was last told."""
        return self._writing.clock

    def fresh(self, now: float) -> bool:
        """Whether this device leads, or hears who does."""
        return self.leads or self._follower.fresh(now)

    def online(self, now: float) -> set[DeviceId]:
        """Return the members that are known to be there, this device included."""
        return online(self.peers, self._writing.leader, self._follower, now)

    def asked_now(self) -> AbstractSet[DeviceId]:
        """Return the members that the newest START asks."""
        return self.peers.between((self._writing.leader or self._follower).asked)

    @property
    def unreached(self) -> Mapping[DeviceId, bool]:
        """Members that this leader's multicast does not reach → whether it did before."""
        return {} if self._writing.leader is None else self._writing.leader.elsewhere.unreached

    def contact_since(self, moment: float) -> bool:
        """Tell whether a signed peer was heard after a moment; a cluster of one needs none."""
        return contact_since(self.peers, self._writing.leader, self._follower, moment)

    def reports_since(self, moment: float) -> bool:
        """Tell whether everybody's status is here as of a moment; at the master it always is."""
        return self.leads or self._reports.complete_at >= moment

    def waiting_changes(self) -> tuple[ChangeId, ...]:
        """Return the changes of this device that no writer has answered for."""
        return self._outbox.waiting()

    def progress(self, change: ChangeId) -> Progress | None:
        """Return how far a change has come: in the outbox, else in the log."""
        return self._changes.progress(change)

    def next_counter(self, author: KeyId) -> int:
        """Return a counter above all of this author's changes at this device."""
        return self._changes.next_counter(author)

    def waiting(self, author: KeyId) -> tuple[Change, ...]:
        """Return this author's changes from here whose outcome does not stand in our log."""
        return self._changes.waiting(author)

    # --- start and time --------------------------------------------------------------------------

    def _links_changed(self, links: tuple[Link, ...], now: float) -> list[Effect]:
        """Take the links; the daemon tells of the first ones behind the start."""
        had, self._station.links = self._station.links, links
        return [] if had else self._listening.ask_all(now)

    def _make_group_key(self) -> list[Effect]:
        return make_group_key(self._station.channel, self.log.head.generation, self._random_bytes)

    def _tick(self, now: float) -> list[Effect]:
        effects = self._leading.tick(now)
        if self._writing.deadline is not None and now >= self._writing.deadline:
            effects += self._writing.tick(now)
        if self._writing.leader is not None:
            effects += self._writing.leader.tick(now)
        elif now >= self._follower.deadline:
            effects += self._receiving.do(self._follower.tick(now), now)
        if self._exchanges.deadline is not None:
            effects += self._exchanges.handle(Tick(), now)
        if self.applied.deadline is not None and now >= self.applied.deadline:
            effects += self.applied.tick(now)
        return effects

    def _after(self, now: float) -> list[Effect]:
        """Do what any input may have made due."""
        effects, self._branching.pending = self._branching.pending, []
        effects += [*self._watch(now), *self._compacting.step()]
        effects += self._writing.hand_over(self._receiving.writer(now), self._exchanges.submit, now)
        effects += self._applying.step(now)
        if self.fresh(now):
            edits = self._report.facts_due(self.log.state, now)
            effects += self._changes.submit_own(edits, "facts", now) if edits else []
        effects += self._watching.look(now)
        ended = self._note_status(now)
        return effects if self.leads else effects + self._tell_status(now, ended=ended)

    def _watch(self, now: float) -> list[Effect]:
        """Follow who leads, and who would next."""
        place = (self._members_version, self._follower.master, self._recovery.must_hear)
        if place != self._placed:
            self._placed = place
            self._leading.placed(self._follower.master, now)
        return self._leading.heard(self._follower.fresh_at, now)

    def _tell_status(self, now: float, *, ended: bool) -> list[Effect]:
        """Report the end of an apply at once, and a status that is too large for a RESPOND by a stream."""
        effects = self._follower.reported(now) if ended else []
        if self._report_due_at <= now and self.fresh(now) and self._reports.own_report() is not None:
            self._report_due_at = now + self._cycle_s
            effects += self._exchange_reports(now)
        return effects

    def _note_status(self, now: float) -> bool:
        """Look whether our status has changed; tells whether an apply has come to an end."""
        leader = self._writing.leader
        version = self._follower.version if leader is None else (self.log.head.epoch, leader.cycle)
        return self._report.note(self.applied, tuple(sorted(self.alarms)), version, now, self._cycle_s)

    def _exchange_reports(self, now: float) -> list[Effect]:
        address = self._follower.master_address
        self._reports.to_whom((self.master, self.log.head.epoch))
        return [] if address is None else self._exchanges.reports(address, self._reports, now)

    # --- the log has moved -----------------------------------------------------------------------

    def _took(self, items: Sequence[LogItem], now: float) -> list[Effect]:
        return self._branching.took(items, now)

    def _took_more(self, taken: tuple[LogItem, ...], now: float) -> list[Effect]:
        if not taken:
            return []
        self._listening.log_moved(now)
        return [Append(taken), *self._log_moved(taken, now)]

    def _log_moved(self, items: Iterable[LogItem], now: float, *, is_other: bool = False) -> list[Effect]:
        """Tell every room about new entries, or another branch; behind their ``Append``."""
        if self.log.state.members_version != self._members_version:
            self._members_changed()
        effects = [*self._leading.deposed(now), *self._alarms.end("version")]
        self._forget_forks()
        entries = [verified_entry(item) for item in items if item.kind is ItemKind.ENTRY]
        touched = None if is_other else {path for entry in entries for path, _ in entry.sections}
        self.applied.log_moved(self.log.state, self.log.head, touched)
        self._note_status(now)  # before the answer that carries it
        effects += [] if self.leads else self._follower.stored(now)
        for entry in entries:
            if entry.change is not None:
                effects += [
                    *self._changes.logged(entry.change, self.settled),
                    *self._writing.logged(entry.change, now),
                ]
        return [*effects, *self._outbox.on_settled(self.settled), *self._leading.log_moved(now)]

    def _certified(self, certificate: Certificate) -> list[Effect]:
        effects = self._writing.certified(certificate)
        self._forget_forks()
        return effects

    def _forget_forks(self) -> None:
        """Offer no more what has its outcome for good."""
        self._forks.log_moved()
        self._follower.answers.offer = self._forks.offer

    def _caught_up(self, seq: Seq, now: float) -> list[Effect]:
        """Note that all that a member has is here; one whose log was cut may lead again."""
        effects = self._recovery.caught_up(seq, self.log.head.seq)
        return effects + self._leading.whole_again(now) if effects else []

    def _members_changed(self) -> None:
        state = self.log.state
        self._members_version = state.members_version
        self._cycle_s = views.cycle_ms(self.log.state) / 1000
        self.peers.take(roster_of(state))
        self._follower.cycle_changed(self._cycle_s)
        if self._writing.leader is not None:
            self._writing.leader.cycle_s = self._cycle_s
