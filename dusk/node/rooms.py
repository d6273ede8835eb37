"""The rooms of a member, and how they are joined.

Each is given here what it needs of the others, and all are told here when the log has moved,
in the order that their effects need. What an input is for, and when a room is due, is the
node's to say (`member.py`).
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from dusk.apply.driver import Driver, Staged
from dusk.apply.keeping import FILE as IN_EFFECT_FILE
from dusk.apply.keeping import Keeping
from dusk.apply.windows import Windows
from dusk.catchup.exchanges import Exchanges
from dusk.changelog import views
from dusk.changelog.basis import Plan
from dusk.changelog.certificate import Certificate
from dusk.changelog.entry import Entry, OutcomeCode
from dusk.changelog.items import unpack_entry_item
from dusk.changelog.log import Log, verified_entry
from dusk.changelog.readers import Store
from dusk.changelog.released import Released, Waits, head_before, released, staged
from dusk.changelog.rewinds import LostBranch
from dusk.changelog.rollouts import Rollout
from dusk.cycle.follower import Follower
from dusk.cycle.groupkeys import FILE as GROUP_KEYS_FILE
from dusk.cycle.messages import Kind, Pong
from dusk.cycle.outbox import Outbox, line_of, saved_changes
from dusk.cycle.peers import Peers, roster_of
from dusk.cycle.station import Station
from dusk.cycle.takeover import takeover_s
from dusk.effects import Address, Append, Effect, ItemKind, LogItem, SendDatagram
from dusk.ids import BootId, DeviceId, Seq
from dusk.keys.signing import SigningKey, x25519_public
from dusk.membership.pending import Pending
from dusk.node.addresses import Addresses
from dusk.node.alarms import Alarms
from dusk.node.answering import Answering
from dusk.node.branching import Branching
from dusk.node.changes import OwnChanges
from dusk.node.compacting import Compacting
from dusk.node.dismissal import FILE as DISMISSAL_FILE
from dusk.node.dismissal import Dismissal
from dusk.node.drifting import Drifting
from dusk.node.forks import Forks
from dusk.node.gates import Gates
from dusk.node.host import MemberHost
from dusk.node.inquiries import Inquiries
from dusk.node.leading import Leading
from dusk.node.listening import Listening
from dusk.node.orders import Orders
from dusk.node.presence import online
from dusk.node.proofs import Proofs
from dusk.node.receiving import Receiving
from dusk.node.recovery import Recovery
from dusk.node.report import SelfReport
from dusk.node.reports import NodeReports
from dusk.node.rotating import cover, covers, make_group_key, new_key
from dusk.node.secrets import NodeSecrets, kept_of
from dusk.node.settings import NodeSettings
from dusk.node.switching import Report
from dusk.node.writing import Writing


class Rooms:
    """What a member is made of; the arguments are those of `Node`.

    Attributes:
        log: the log.
        peers: the other members, with what they said.
        alarm_lines: word → line for people, of what is wrong now.
        cycle_s: length of a cycle, seconds.
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
        left: Sequence[LostBranch],
        plan: Plan | None,
    ) -> None:
        assert log.cluster is not None
        self.log, self.peers = log, Peers(key, log.cluster)
        self.alarm_lines: dict[str, str] = {}
        self._waits = log.head, Waits(log.state)
        self.recovery = Recovery(saved, self.alarm_lines, random_bytes)
        self._random_bytes = random_bytes
        self.station = Station(self.peers, log, boot, random_bytes, configured=settings.contacts)
        self.station.channel.keys = self.recovery.group_keys
        self.station.channel.stored = self.recovery.files.get(GROUP_KEYS_FILE, b"")
        self.cycle_s = views.cycle_ms(log.state) / 1000
        self.follower = Follower(self.station, self.cycle_s, 0.0)
        self.forks = Forks(log, left)
        self.outbox = Outbox(saved_changes(self.recovery.files), random_bytes, line_of, self.forks)
        self.writing = Writing(
            station=self.station,
            log=log,
            outbox=self.outbox,
            answer_streams=lambda *args: self.exchanges.answered(*args),  # noqa: PLW0108 - made later
            log_moved=self._log_moved,
            left_out=self._new_group_key,
        )
        self.changes = OwnChanges(
            key=key, log=log, outbox=self.outbox, writing=self.writing, random_bytes=random_bytes
        )
        self.secrets = self._make_secrets(key)
        self.windows = Windows(settings.apply_window_s, self.takeover_s)
        self.applied = Driver(
            self.peers.own_id,
            self.recovery.status_key,
            settings.mode,
            self.secrets,
            windows=self.windows,
            keeping=Keeping(saved.get(IN_EFFECT_FILE)),
            interfaces=settings.interfaces,
        )
        self.gates = self._make_gates()
        self.report = SelfReport(key, log.cluster, settings.facts)
        self.reports = NodeReports(self.peers, log, self.report.signed, self.waiting_here)
        self.alarms = Alarms(self.alarm_lines, lambda: self.cycle_s)
        self.drifting = Drifting(self.applied, self.alarms)
        self.dismissal = self._make_dismissal()
        self.compacting = Compacting(log, self.forks, plan, self.alarms)
        self.proofs = Proofs(log, lambda: 0.0 if self.leads else self.cycle_s * self.station.fraction())
        self.addresses = Addresses(
            self.station, self.recovery.files, lambda: self.writing.leader, lambda: self.cycle_s
        )
        self.answering = self._make_answering()
        self.exchanges = Exchanges(key.x25519_private(), self._make_host(), random_bytes)
        self.inquiries = self._make_inquiries()
        self.listening = Listening(self.station, self.confirm)
        self.leading = self._make_leading()
        self.branching = self._make_branching()
        self.receiving = self._make_receiving()
        self.members_version = -1
        """Of the state whose members all rooms know."""

    # --- what each is given ----------------------------------------------------------------------

    def _make_dismissal(self) -> Dismissal:
        saved = self.recovery.files.get(DISMISSAL_FILE)
        return Dismissal(self.log, self.peers.own_id, saved, self.counts_anew, self.alarms)

    def _make_host(self) -> MemberHost:
        return MemberHost(
            own=x25519_public(self.peers.own.public),
            log=self.log,
            channel=self.station.channel,
            took=self.took,
            took_branch=lambda *args: self.branching.took_branch(*args),  # noqa: PLW0108 - made later
            compacting=self.compacting,
            submitted=self.writing.on_stream,
            answered=self.changes.answered,
            reports=self.reports,
            forks=self.forks,
            addresses=self.addresses,
            secrets=self.secrets,
            answering=self.answering,
            alarms=self.alarms,
            dismissal=self.dismissal,
            is_whole=lambda: not self.recovery.must_hear,
            caught_up=self._caught_up,
            is_holder=lambda public: any(x25519_public(p.public) == public for p in self.peers.holders()),
            master=lambda: self.master,
            tell_lower=self._tell_lower,
        )

    def _make_answering(self) -> Answering:
        orders = Orders(self.peers.own_id, lambda: self.log.state, self._random_bytes)
        return Answering(
            lambda device: next(iter(self._places(device)), None), orders, lambda: self.applied.drift
        )

    def _make_inquiries(self) -> Inquiries:
        return Inquiries(
            exchanges=self.exchanges,
            is_device=self._is_device,
            places=self._places,
            master=self._master_place,
        )

    def _make_secrets(self, key: SigningKey) -> NodeSecrets:
        return NodeSecrets(
            own=key,
            cluster=self.peers.cluster,
            counts=self._read_by,
            members=self.peers,
            kept=kept_of(self.recovery.files),
            random_bytes=self._random_bytes,
        )

    def _make_gates(self) -> Gates:
        return Gates(
            self.log,
            waits=lambda: self.waits,
            report=self._reported,
            online=self._online,
            windows=self.windows,
            own=self.peers.own_id,
            cycle_s=lambda: self.cycle_s,
            reloaded_at=lambda: self.applied.contact_wanted_since,
        )

    def _make_leading(self) -> Leading:
        return Leading(
            station=self.station,
            log=self.log,
            writing=self.writing,
            forks=self.forks,
            recovery=self.recovery,
            listening=self.listening,
            ask=self.confirm,
            fetch=self.exchanges.catch_up,
            make_group_key=self.make_group_key,
            cycle_s=lambda: self.cycle_s,
        )

    def _make_branching(self) -> Branching:
        return Branching(
            log=self.log,
            forks=self.forks,
            outbox=self.outbox,
            peers=self.peers,
            writing=self.writing,
            leading=self.leading,
            took_more=self._took_more,
            log_moved=self._log_moved,
            alarms=self.alarms,
            refusals=self.alarms.refusals,
            proofs=self.proofs,
        )

    def _make_receiving(self) -> Receiving:
        return Receiving(
            station=self.station,
            log=self.log,
            follower=self.follower,
            writing=self.writing,
            leading=self.leading,
            listening=self.listening,
            recovery=self.recovery,
            forks=self.forks,
            outbox=self.outbox,
            exchanges=self.exchanges,
            answered=self.changes.answered,
            took=self.took,
            certified=self._certified,
            alarms=self.alarms,
            refusals=self.alarms.refusals,
        )

    # --- who leads, and what all share -----------------------------------------------------------

    @property
    def leads(self) -> bool:
        """Whether this device writes the log now."""
        return self.writing.leader is not None

    def takeover_s(self) -> float:
        """Return how long it takes until another device leads, at most."""
        return takeover_s(self.cycle_s, len(self.peers.succession))

    @property
    def master(self) -> DeviceId | None:
        """Who writes the log, as far as this device knows."""
        return self.peers.own_id if self.leads else self.follower.master

    def _is_device(self, device: DeviceId, static_public: bytes) -> bool:
        """Tell whether a member has this X25519 key."""
        peer = self.peers.get(device)
        return peer is not None and x25519_public(peer.public) == static_public

    def _places(self, device: DeviceId) -> list[Address]:
        """Return where a member was heard, and where it is said to be, best first."""
        peer = self.peers.get(device)
        if peer is None:
            return []
        heard = [] if peer.address is None else [peer.address]
        return list(dict.fromkeys([*heard, *self.station.whereabouts.of(device)]))

    def _master_place(self) -> tuple[DeviceId, Address] | None:
        """Return who leads and where it is; None where that is this device, or not known."""
        master, address = self.follower.master, self.follower.master_address
        return None if self.leads or master is None or address is None else (master, address)

    def waiting_here(self, now: float) -> list[Pending]:
        """Return who waits to be let in, as far as this device leads."""
        return self.writing.pending.current(self.log.state, now) if self.leads else []

    def begin(self, now: float) -> None:
        """Know the members, and listen from now on; offer what was left before."""
        self._members_changed()
        cover(self.station.channel, self.log)
        self.follower = Follower(self.station, self.cycle_s, now)
        self.receiving.follower = self.follower
        self.follower.answers.status = self.report.signed
        self._forget_forks()

    def confirm(self, now: float, within_s: float | None = None) -> list[Effect]:
        """Ask whether the master lives, now or in time; who leads hears the others by a START.

        Args:
            now: monotonic seconds.
            within_s: after that an answer is of no use; None: it is wanted at once.
        """
        leader = self.writing.leader
        if leader is None:
            follower = self.follower
            return follower.confirm(now) if within_s is None else follower.confirm_within(now, within_s)
        leader.start_soon(now)
        return self.follower.seek(now)

    def set_own(self, window_s: float, interfaces: tuple[str, ...]) -> None:
        """Take this device's own settings, for what is applied from now on."""
        self.windows.base_s = window_s
        self.applied.set_interfaces(interfaces)

    def ask_anew(self, now: float) -> list[Effect]:
        """Ask all, and at each configured address, though somebody may be heard."""
        if self.writing.leader is None:
            return self.follower.ask_all(now)
        return self.follower.seek(now)

    def make_group_key(self) -> list[Effect]:
        """Make a group key if there is none of this generation."""
        return make_group_key(self.station.channel, self._random_bytes)

    def _tell_lower(self, address: Address, static_public: bytes) -> list[Effect]:
        """Tell a member whose log lost where ours ends; it asks for that by itself."""
        newest = self.log.newest
        peer = next((p for p in self.peers.others if x25519_public(p.public) == static_public), None)
        if newest is None or peer is None:
            return []
        pong = Pong(None, 0, None, newest)
        return [SendDatagram(self.station.channel.seal_to(peer, Kind.PONG, pong.encode()), address)]

    def _new_group_key(self) -> list[Effect]:
        """Make a group key that those who were left out of the log never had."""
        return new_key(self.station.channel, self._random_bytes)

    def note_status(self, now: float) -> bool:
        """Look whether our status has changed; tells whether an apply has come to an end."""
        leader = self.writing.leader
        version = self.follower.version if leader is None else (self.log.head.epoch, leader.cycle)
        return self.report.note(self.applied, tuple(sorted(self.alarm_lines)), version, now, self.cycle_s)

    # --- the log has moved -----------------------------------------------------------------------

    def took(self, items: Sequence[LogItem], now: float) -> list[Effect]:
        """Take items of the log that another member sent."""
        return self.branching.took(items, now)

    def _took_more(self, taken: tuple[LogItem, ...], now: float) -> list[Effect]:
        if not taken:
            return []
        self.listening.log_moved(now)
        return [Append(taken), *self._log_moved(taken, now)]

    def _log_moved(self, items: Iterable[LogItem], now: float, *, is_other: bool = False) -> list[Effect]:
        """Tell every room about new entries, or another branch; behind their ``Append``."""
        effects = [] if is_other else self._tell_removed(now)
        if self.log.state.members_version != self.members_version:
            self._members_changed()
        effects += [*self.leading.deposed(now), *self.alarms.end("version")]
        cover(self.station.channel, self.log)
        effects += self.make_group_key() if self.leads else []
        self._forget_forks()
        written = [item for item in items if item.kind is ItemKind.ENTRY]
        entries = [verified_entry(item) for item in written]
        self._keep_stranded(zip(written, entries, strict=True), now)
        touched = None if is_other else {path for entry in entries for path, _ in entry.sections}
        effects += self.dismissal.log_moved()
        self.counts_anew(touched)
        self.note_status(now)  # before the answer that carries it
        effects += [] if self.leads else self.follower.stored(now)
        for entry in entries:
            if entry.change is not None:
                effects += [
                    *self.changes.logged(entry.change),
                    *self.writing.logged(entry.change, now),
                ]
        if self.log.leader != self.peers.own_id:  # who leads now holds what we wrote when we led, too
            effects += self.outbox.on_durable(self.log.head.seq)
        return [*effects, *self.outbox.on_settled(self.log.settled), *self.leading.log_moved(now)]

    @property
    def waits(self) -> Waits:
        """Who waits for which rollout, read once for each head."""
        if self._waits[0] != self.log.head:
            self._waits = self.log.head, self._waits[1].moved(self.log.state)
        return self._waits[1]

    def counts_for(self, device: DeviceId) -> Released:
        """Return up to where the log counts for a member."""
        return released(self.log, device, self.waits)

    def _read_by(self, device: DeviceId) -> Sequence[Store]:
        """Return by which datastores a member may read secrets: also by that to which it is to switch."""
        ready_for = staged(self.log, device, self.waits)
        return [self.counts_for(device).store, *([] if ready_for is None else [ready_for.store])]

    @property
    def switching(self) -> bool:
        """Whether this device was told to switch together with others, and most have not yet."""
        return any(rollout.is_halfway for rollout in self._own_switches)

    def may_keep(self, seq: Seq) -> bool:
        """Tell whether this device may keep a position that it has applied, as far as the others go."""
        return all(head_before(self.log, rollout).seq >= seq for rollout in self._own_switches)

    @property
    def _own_switches(self) -> Sequence[Rollout]:
        return self.waits.switches(self.peers.own_id)

    def _reported(self, device: DeviceId) -> Report | None:
        """Return what a member said last of its apply, or what this device would."""
        applied = self.applied
        if device == self.peers.own_id:
            return Report(applied.head.seq, applied.state, applied.judged, self.log.head.seq)
        peer = self.peers.get(device)
        status = None if peer is None else peer.status
        if peer is None or status is None:
            return None
        return Report(status.seq, status.state, status.judged, peer.holds)

    def _online(self, now: float) -> set[DeviceId]:
        return online(self.peers, self.writing.leader, self.follower, now)

    def open_gates(self, now: float) -> list[Effect]:
        """Let rollouts go on, or stop, while this device leads."""
        if not self.leads:
            self.gates.follows()
            return []
        due = self.gates.due(self.writing.clock, now)
        return [effect for gate in due for effect in self.writing.gate(*gate, now)]

    def counts_anew(self, touched: Collection[str] | None = None) -> None:
        """Tell the apply machine up to where the log counts for this device."""
        counts = self.counts_for(self.peers.own_id)
        waits_for = None if self.dismissal.is_proven else counts.rollout
        ready_for = staged(self.log, self.peers.own_id, self.waits) if waits_for is not None else None
        self.applied.log_moved(
            self.dismissal.over(counts.store),
            counts.head,
            touched,
            waits_for,
            None if ready_for is None else Staged(ready_for.store, ready_for.head),
        )

    def _tell_removed(self, now: float) -> list[Effect]:
        """Announce a removal while who is removed is a member here, and reads what is sent."""
        leader = self.writing.leader
        return [] if leader is None or covers(self.station.channel, self.log) else leader.send_waiting(now)

    def _keep_stranded(self, written: Iterable[tuple[LogItem, Entry]], now: float) -> None:
        """Let devices wait for a person that a lost branch let in: they ask no more themselves (A45)."""
        for item, entry in written:
            if entry.outcome.code is OutcomeCode.APPLIED:
                continue
            _, change = unpack_entry_item(item.data)
            assert change is not None, "only a change can be without effect"
            self.writing.pending.keep_stranded(change, entry.outcome.reason, now)

    def _certified(self, certificate: Certificate) -> list[Effect]:
        effects = self.writing.certified(certificate)
        self._forget_forks()
        return effects

    def _forget_forks(self) -> None:
        """Offer no more what has its outcome for good."""
        self.forks.log_moved()
        self.follower.answers.offer = self.forks.offer

    def _caught_up(self, seq: Seq, now: float) -> list[Effect]:
        """Note that all that a member has is here; one whose log was cut may lead again."""
        effects = self.recovery.caught_up(seq, self.log.head.seq)
        return effects + self.leading.whole_again(now) if effects else []

    def _members_changed(self) -> None:
        state = self.log.state
        self.members_version = state.members_version
        self.cycle_s = views.cycle_ms(self.log.state) / 1000
        self.peers.take(roster_of(state))
        self.follower.cycle_changed(self.cycle_s)
        if self.writing.leader is not None:
            self.writing.leader.cycle_s = self.cycle_s
