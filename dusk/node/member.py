"""The node: hands each input to the room that it is for, and does what follows.

The log decides, cycles carry, exchanges catch up, the outbox keeps what this device's people
sent, the apply machine brings the files to what the log says.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from dusk import codec
from dusk.apply.events import Mode, Restored
from dusk.apply.verdict import FILE as FAILED_FILE
from dusk.catchup.host import AskedHere
from dusk.catchup.messages import SecretName
from dusk.changelog.basis import Plan
from dusk.changelog.body import Change, Edit
from dusk.changelog.log import Log
from dusk.changelog.removal import RETIRED, WIPE
from dusk.changelog.rewinds import LostBranch
from dusk.changelog.sections import device_path
from dusk.cycle.elsewhere import Elsewhere
from dusk.effects import (
    Accepted,
    Address,
    Compacted,
    Connected,
    Consult,
    Consulted,
    Datagram,
    Disconnected,
    Effect,
    FilesRead,
    FilesSeen,
    FilesTouched,
    HelperDone,
    Input,
    ItemsRead,
    Link,
    Links,
    Obey,
    PieceRead,
    Progress,
    Question,
    Received,
    Restart,
    Tick,
    Told,
    WallClock,
)
from dusk.ids import BootId, ChangeId, DeviceId, KeyId, Seq
from dusk.keys.signing import SigningKey
from dusk.links import Seen
from dusk.membership.pending import Pending, still_waiting
from dusk.node.applying import Applying
from dusk.node.forcing import force_role
from dusk.node.presence import answered_since, contact_since, online
from dusk.node.recovered import FILE as RECOVERED_FILE
from dusk.node.recovered import Recovered
from dusk.node.reports import ASK_GAP_S
from dusk.node.rooms import Rooms
from dusk.node.settings import NodeSettings
from dusk.node.watching import Watching

LEAVES = "leaves the cluster"
"""The message of the change by which a device ends its own membership."""


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
        self._rooms = rooms = Rooms(
            key=key,
            log=log,
            boot=boot,
            saved=saved,
            settings=settings,
            random_bytes=random_bytes,
            left=left,
            plan=plan,
        )
        self.log, self.device_id, self.peers = log, rooms.peers.own_id, rooms.peers
        self.applied, self.alarms = rooms.applied, rooms.alarm_lines
        self._applying = Applying(rooms.applied, self, lambda: rooms.cycle_s, rooms.windows)
        self._watching = Watching(
            around=self,
            alarms=rooms.alarms,
            proofs=rooms.proofs,
            not_logged=rooms.outbox.not_logged,
            submit=rooms.changes.submit_own,
            is_copied=lambda: rooms.leading.is_copied,
            exchanges=rooms.exchanges,
            recovered=Recovered(log, self.device_id, saved.get(RECOVERED_FILE), rooms.alarms),
        )
        self._placed: object = None
        self._report_due_at = float("-inf")
        self._is_over = False
        """Whether the disk has another log by now than this node has in memory: it is built again."""

    # --- what the shell calls ------------------------------------------------------------------

    def start(self, now: float, restored: Restored | None = None) -> list[Effect]:
        """Begin; once, before anything else.

        Args:
            now: monotonic seconds.
            restored: an apply that was undone, and none was confirmed since.
        """
        rooms = self._rooms
        effects = rooms.recovery.start()
        rooms.begin(now)
        is_new = rooms.leading.is_first and self.peers.count == 1 and rooms.recovery.group_keys.newest is None
        effects += rooms.make_group_key() if is_new else []
        self.applied.recall(rooms.recovery.files.get(FAILED_FILE), now)
        effects += [] if restored is None else self.applied.restored(restored, now)
        rooms.counts_anew()
        for change in rooms.outbox.waiting():
            effects += rooms.changes.logged(change)
        effects += rooms.outbox.on_settled(self.settled)
        effects += rooms.leading.begin(now, is_new=is_new)
        return effects + self._after(now)

    def handle(self, event: Input, now: float) -> list[Effect]:
        """Take one input; what it leads to, in order.

        Nothing comes behind a `Restart`, whatever else the shell has gathered: it would be about
        the log that was, and be written behind another one (R7).
        """
        if self._is_over:
            return []
        effects = self._taken(event, now)
        self._is_over = any(isinstance(effect, Restart) for effect in effects)
        return effects if self._is_over else effects + self._after(now)

    def _taken(self, event: Input, now: float) -> list[Effect]:
        """Give an input to the room that it is for."""
        effects: list[Effect] = []
        match event:
            case Datagram():
                effects = self._rooms.receiving.on_datagram(event, now)
            case Tick():
                effects = self._tick(now)
            case Compacted():
                effects = self._rooms.compacting.compacted(event, now)
            case (
                Accepted()
                | Connected()
                | Received()
                | Disconnected()
                | ItemsRead()
                | PieceRead()
                | Consulted()
            ):
                effects = self._rooms.exchanges.handle(event, now)
            case FilesRead() | HelperDone() | Seen():
                effects = list(self.applied.answer(event, now))
            case FilesTouched():
                self._rooms.drifting.touched()
            case FilesSeen(files):
                self._rooms.drifting.seen(files, now)
            case Links(links):
                effects = self._links_changed(links, now)
            case _:  # a wall clock; the type checker knows
                self._rooms.writing.set_clock(event)
        return effects

    def submit(self, change: Change, now: float) -> list[Effect]:
        """Take a change of this device's people: keep it, and get it written.

        Raises:
            Refused: the outbox is full; nothing was kept.
        """
        return [*self._rooms.changes.submit(change, now), *self._after(now)]

    def leave(self, now: float) -> tuple[ChangeId, list[Effect]]:
        """Say in the log, by this device's own key, that it leaves the cluster.

        Raises:
            Refused: the outbox is full; nothing was kept.
        """
        edit = Edit(device_path(self.device_id), RETIRED, codec.pack((True,)), None)
        change = self._rooms.changes.sign_own([edit], LEAVES)
        return change.id, self.submit(change, now)

    def force_role(self, role: Change, now: float) -> list[Effect]:
        """Lead at once, by a role that owners forced.

        Raises:
            Refused: it is worth nothing here; nothing was changed.
        """
        return [*force_role(role, self._rooms.leading, self._rooms.outbox, now), *self._after(now)]

    def counts_for(self, device: DeviceId) -> Seq:
        """Return up to where the log counts for a member: behind that a rollout has not reached it."""
        return self._rooms.counts_for(device).head.seq

    @property
    def switching(self) -> bool:
        """Whether this device was told to switch together with others, which most have not yet."""
        return self._rooms.switching

    def may_keep(self, seq: Seq) -> bool:
        """Tell whether it may keep a position that it has applied: most of those that switch have to."""
        return self._rooms.may_keep(seq)

    def confirm(self, now: float, within_s: float | None = None) -> list[Effect]:
        """Ask whether the master lives, now or within a time; who leads hears the others by a START."""
        return self._rooms.confirm(now, within_s)

    def ask_reports(self, now: float) -> list[Effect]:
        """Ask the master for everybody's status, for somebody who looks; at most every half a second."""
        rooms = self._rooms
        if self.leads or not self.fresh(now) or now - rooms.reports.asked_at < ASK_GAP_S:
            return []
        rooms.reports.asks(now)
        return self._exchange_reports(now)

    def ask(self, number: int, device: DeviceId, question: Question, now: float) -> list[Effect]:
        """Ask another member something; `Answered` with this number says what came of it, once.

        Raises:
            Refused: too much is being asked here.
        """
        self._rooms.inquiries.ask(number, device, question, now)
        return self._after(now)

    def asked_here(self, question: Question, now: float) -> Told | Consult | Obey:
        """Take a question of people of this device to this device, or what the shell does about it."""
        return self._rooms.answering.asked_by(self.device_id, AskedHere(0, 0, b"", question), now)

    def set_mode(self, mode: Mode, now: float) -> list[Effect]:
        """Take the brake, or the option ``apply``, as the settings have it now."""
        return [*self.applied.set_mode(mode, now), *self._after(now)]

    def revert_drift(self, now: float) -> list[Effect]:
        """Put back what somebody changed on this device.

        Raises:
            Refused: it changes no files now.
        """
        self.applied.revert()
        return self._after(now)

    def give_back(self, now: float, *, is_wanted: bool = True) -> list[Effect]:
        """Have all files be as they were before Dusk changed them, or as the log says again.

        Raises:
            Refused: it changes no files now.
        """
        self.applied.give_back(is_wanted=is_wanted)
        return self._after(now)

    def set_contacts(self, addresses: tuple[Address, ...], now: float) -> list[Effect]:
        """Take the configured addresses, as the settings have them now; new ones are asked at once."""
        contacts = self._rooms.station.contacts
        is_new = bool(set(addresses) - set(contacts.addresses))
        contacts.configure(addresses)
        return [*(self._rooms.ask_anew(now) if is_new else ()), *self._after(now)]

    def set_own(self, window_s: float, interfaces: tuple[str, ...]) -> None:
        """Take the option ``window`` and the interfaces of Dusk, as the settings have them now."""
        self._rooms.set_own(window_s, interfaces)

    def stop(self, now: float) -> list[Effect]:
        """Return what is to be kept, as the daemon stops; the node is not used any more."""
        return self._rooms.addresses.store(now)

    @property
    def deadline(self) -> float | None:
        """When a ``Tick`` is wanted, monotonic seconds."""
        rooms = self._rooms
        leader = rooms.writing.leader
        times = (
            rooms.follower.deadline if leader is None else leader.deadline,
            rooms.leading.deadline,
            rooms.writing.deadline,
            rooms.writing.expiry_at,
            rooms.exchanges.deadline,
            rooms.inquiries.deadline,
            rooms.outbox.deadline,
            self.applied.deadline,
            self._applying.deadline,
            rooms.secrets.deadline,
            rooms.gates.deadline,
        )
        return min((at for at in times if at is not None), default=None)

    @property
    def unhurried_until(self) -> float:
        """Until when datagrams may wait for others to be taken with them, monotonic seconds."""
        leader = self._rooms.writing.leader
        return float("-inf") if leader is None else leader.unhurried_until

    # --- what views ask --------------------------------------------------------------------------

    @property
    def leads(self) -> bool:
        """Whether this device writes the log now."""
        return self._rooms.leads

    @property
    def master(self) -> DeviceId | None:
        """Who writes the log, as far as this device knows."""
        return self._rooms.master

    @property
    def dropped(self) -> int:
        """How many outside inputs were refused."""
        return self._rooms.receiving.dropped

    @property
    def settled(self) -> Seq:
        """Up to where the log is final."""
        return self.log.settled

    @property
    def clock(self) -> WallClock:
        """The wall clock as it was last told."""
        return self._rooms.writing.clock

    def fresh(self, now: float) -> bool:
        """Whether this device leads, or hears who does."""
        return self.leads or self._rooms.follower.fresh(now)

    def online(self, now: float) -> set[DeviceId]:
        """Return the members that are known to be there, this device included."""
        return online(self.peers, self._rooms.writing.leader, self._rooms.follower, now)

    def asked_now(self) -> AbstractSet[DeviceId]:
        """Return the members that the newest START asks."""
        return self.peers.between((self._rooms.writing.leader or self._rooms.follower).asked)

    @property
    def elsewhere(self) -> Elsewhere | None:
        """What this device knows of how its STARTs come, if it leads."""
        leader = self._rooms.writing.leader
        return None if leader is None else leader.elsewhere

    def contact_since(self, moment: float) -> bool:
        """Tell whether a signed peer was heard after a moment; a cluster of one needs none."""
        if self._is_out:  # who was removed hears nobody, and takes off what it is told to
            return True
        return contact_since(self.peers, self._rooms.writing.leader, self._rooms.follower, moment)

    def answered_since(self, moment: float) -> bool:
        """Tell whether a signed peer has answered what this device sent after a moment; as with contact."""
        if self._is_out:  # nobody answers who was removed: what it took off would come back after the window
            return True
        return answered_since(self.peers, self._rooms.writing.leader, self._rooms.follower, moment)

    def reports_since(self, moment: float) -> bool:
        """Tell whether everybody's status is here as of a moment; at the master it always is."""
        return self.leads or self._rooms.reports.complete_at >= moment

    def pending(self, now: float) -> list[Pending]:
        """Return who waits to be let in: at the master all, elsewhere what it told last."""
        told = still_waiting(self.log.state, self._rooms.reports.pending)
        return self._rooms.waiting_here(now) if self.leads else told

    def is_removed(self, now: float) -> bool:
        """Tell whether this device left: by its log, or a member said so and nobody is heard or follows."""
        is_alone = len(self.online(now)) == 1 if self.leads else not self.fresh(now)
        return self._is_out or (self._rooms.exchanges.said_removed and is_alone)

    @property
    def is_to_be_wiped(self) -> bool:
        """Whether who removed this device wants what was managed off its files."""
        is_said = self.log.state.value(device_path(self.device_id), WIPE) is not None
        return is_said or self._rooms.dismissal.is_proven

    @property
    def _is_out(self) -> bool:
        """Whether this device left by its log, or owners proved that they removed it."""
        return self.peers.own_index is None or self._rooms.dismissal.is_proven

    def waiting_changes(self) -> tuple[ChangeId, ...]:
        """Return the changes of this device that no writer has answered for."""
        return self._rooms.outbox.waiting()

    def progress(self, change: ChangeId) -> Progress | None:
        """Return how far a change has come: in the outbox, else in the log."""
        return self._rooms.changes.progress(change)

    def next_counter(self, author: KeyId) -> int:
        """Return a counter above all of this author's changes at this device."""
        return self._rooms.changes.next_counter(author)

    def waiting(self, author: KeyId) -> tuple[Change, ...]:
        """Return this author's changes from here whose outcome does not stand in our log."""
        return self._rooms.changes.waiting(author)

    def secret_key(self, section: str, key_id: bytes) -> bytes | None:
        """Return a key of secrets that this device has, for people whom the log entitles to it."""
        return self._rooms.secrets.secret(SecretName(section, key_id))

    # --- start and time --------------------------------------------------------------------------

    def _links_changed(self, links: tuple[Link, ...], now: float) -> list[Effect]:
        """Take the links; the daemon tells of the first ones behind the start."""
        had, self._rooms.station.links = self._rooms.station.links, links
        return [] if had else self._rooms.listening.ask_all(now)

    def _tick(self, now: float) -> list[Effect]:
        rooms = self._rooms
        effects = rooms.leading.tick(now)
        if rooms.writing.deadline is not None and now >= rooms.writing.deadline:
            effects += rooms.writing.tick(now)
        if rooms.writing.expiry_at is not None and now >= rooms.writing.expiry_at:
            effects += rooms.writing.expire(now)
        if rooms.writing.leader is not None:
            effects += rooms.writing.leader.tick(now)
        elif now >= rooms.follower.deadline:
            effects += rooms.receiving.do(rooms.follower.tick(now), now)
        if rooms.exchanges.deadline is not None:
            effects += rooms.exchanges.handle(Tick(), now)
        if self.applied.deadline is not None and now >= self.applied.deadline:
            there = self.contact_since(now - 1.5 * rooms.cycle_s)
            effects += self.applied.tick(now, there=there, is_kept=rooms.may_keep(self.applied.tried))
        return effects

    def _after(self, now: float) -> list[Effect]:
        """Do what any input may have made due."""
        rooms = self._rooms
        effects, rooms.branching.pending = rooms.branching.pending, []
        effects += [*self.applied.keep(), *self._watch(now), *rooms.compacting.step(now)]
        effects += rooms.open_gates(now)
        effects += rooms.writing.hand_over(rooms.receiving.writer(now), rooms.exchanges.submit, now)
        effects += [*rooms.drifting.step(), *self._applying.step(now)]
        effects += [*self._seek(now), *rooms.inquiries.step(now)]
        if self.fresh(now):
            edits = rooms.report.facts_due(self.log.state, now)
            effects += rooms.changes.submit_own(edits, "facts", now) if edits else []
        effects += [*self._watching.look(now), *rooms.addresses.look(rooms.exchanges, now)]
        ended = rooms.note_status(now)
        return effects if self.leads else effects + self._tell_status(now, ended=ended)

    def _seek(self, now: float) -> list[Effect]:
        """Ask for keys of secrets that are missing here, and go on with the apply once they came."""
        rooms = self._rooms
        if rooms.secrets.has_more:
            self.applied.keys_came()
            rooms.secrets.has_more = False
            return self._applying.step(now)
        address = rooms.secrets.ask_whom(None if self.leads else rooms.follower.master_address, now)
        return [] if address is None else rooms.exchanges.secrets(address, rooms.secrets, now)

    def _watch(self, now: float) -> list[Effect]:
        """Follow who leads, and who would next."""
        rooms = self._rooms
        place = (rooms.members_version, rooms.follower.master, rooms.recovery.must_hear)
        if place != self._placed:
            self._placed = place
            rooms.leading.placed(rooms.follower.master, now)
        return rooms.leading.heard(rooms.follower.fresh_at, now)

    def _tell_status(self, now: float, *, ended: bool) -> list[Effect]:
        """Report the end of an apply at once, and a status that is too large for a RESPOND by a stream."""
        rooms = self._rooms
        effects = rooms.follower.reported(now) if ended else []
        if self._report_due_at <= now and self.fresh(now) and rooms.reports.own_report() is not None:
            self._report_due_at = now + rooms.cycle_s
            effects += self._exchange_reports(now)
        return effects

    def _exchange_reports(self, now: float) -> list[Effect]:
        rooms = self._rooms
        address = rooms.follower.master_address
        rooms.reports.to_whom((self.master, self.log.head.epoch))
        return [] if address is None else rooms.exchanges.reports(address, rooms.reports, now)
