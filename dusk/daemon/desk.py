"""What the control methods need, out of the living node, its disk, sessions and tickets.

Implements `dusk.control.desk.Desk`. A device without a cluster answers ``status`` and
``join``; whatever needs a cluster is refused with what to do.
"""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

import trio

from dusk.changelog import views
from dusk.changelog.body import Change
from dusk.changelog.log import Log
from dusk.changelog.recovering import gives_way
from dusk.changelog.undoing import Since, Suspect, Undoing
from dusk.config.drift import Difference
from dusk.control import names
from dusk.control.asks import asks_of
from dusk.control.cluster import check_login_here, check_session
from dusk.control.desk import Founding, Json, Leave, Peer, SealedKey, Waiting, WallTime
from dusk.control.outside import proven_key
from dusk.daemon.answers import Answers
from dusk.daemon.askings import Askings, refused
from dusk.daemon.builder import Idle
from dusk.daemon.control import Connection
from dusk.daemon.core import Core
from dusk.daemon.drafts import Drafts
from dusk.daemon.entering import Entering
from dusk.daemon.reviewed import REVIEWED
from dusk.daemon.say import say
from dusk.daemon.sessions import Session, Sessions
from dusk.daemon.status import peers_of, status_of
from dusk.daemon.store import Store
from dusk.daemon.tickets import Ticket, Tickets
from dusk.daemon.undoing import Undoings
from dusk.effects import Address, Answered, ChangeState, Event, LogItem, Progress, Question, Told
from dusk.errors import Refused
from dusk.ids import ChainHash, ChangeId, ClusterId, DeviceId, KeyId, Seq
from dusk.membership.joiner import Joiner
from dusk.node import Node
from dusk.node.reports import ASK_GAP_S

REFUSALS_MAX = 256
"""Refused changes whose reason is kept for whoever asks again."""
COPIES = 3
"""Of a change, on the disk of a device that writes its own: in the outbox, the log and a draft."""
LOOK_S = 1.0
"""How often a waiting ticket looks whether anybody else is there."""
HEARD_CYCLES = 2
"""Who has just begun to lead by force knows after so many who is there."""
REFRESH_S = 2.0
"""How long somebody who looks at devices waits for the master's word; then what is known is shown."""
_FINAL = (ChangeState.DURABLE, ChangeState.REFUSED)


class DaemonDesk:
    """The daemon behind the control methods.

    Args:
        core: the loop, with its living node.
        sessions: who has logged in.
        tickets: work under way.
        drafts: users' drafts on the disk.
        answers: answers what this device is asked.
        addresses: where this device's sockets are bound.
        alarms: lines of the shell (sockets, clock), shown in the status.
    """

    def __init__(
        self,
        core: Core,
        sessions: Sessions,
        tickets: Tickets,
        drafts: Drafts,
        answers: Answers,
        *,
        addresses: Callable[[], Sequence[Address]],
        alarms: Callable[[], Sequence[str]],
    ) -> None:
        self._core, self._sessions, self._tickets, self._drafts = core, sessions, tickets, drafts
        self._addresses, self._alarms = addresses, alarms
        self._undoings, self._askings = Undoings(tickets), Askings(core, answers)
        self._refusals: dict[ChangeId, Progress] = {}
        self._moved = trio.Event()
        self.reread_settings: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint
        """What is done to read this device's own settings again; the daemon's."""
        self._asks: tuple[ChainHash, list[str]] | None = None
        self.leave: Leave
        """Begins to take this device out of its cluster, and returns the ticket; the daemon's."""
        self.entering: Entering
        """Takes it into one; the daemon's."""

    def reread(self) -> str:
        """Read this device's own settings again; a ticket."""

        async def work(_ticket: Ticket) -> Json:
            await self.reread_settings()
            return {}

        return self._tickets.start(work)

    # --- the node ----------------------------------------------------------------------------

    @property
    def _node(self) -> Node:
        """The living node.

        Raises:
            Refused: there is none: no cluster yet, or trouble.
        """
        resident = self._core.node
        if isinstance(resident, Node):
            return resident
        if isinstance(resident, Joiner):
            raise Refused("joining", f"this device is not a member yet: {resident.reason}")
        if isinstance(resident, Idle):
            raise Refused("no-cluster", "this device is in no cluster: dusk init, or dusk join --file F")
        raise Refused("trouble", f"this device cannot work now: {self._core.trouble or 'it is starting'}")

    @property
    def log(self) -> Log:
        """The log with its state, as of now."""
        return self._node.log

    @property
    def device_id(self) -> DeviceId:
        """This device."""
        return self._node.device_id

    def status(self) -> Json:
        """Return the fields of ``dusk status``."""
        status = status_of(self._core.node, self._core.trouble, self._alarms(), trio.current_time())
        storage = self._core.storage
        status["store_bytes"] = 0 if storage is None else storage.store.size_bytes
        return {**status, "asks": self.asked() if isinstance(self._core.node, Node) else []}

    def asked(self) -> list[str]:
        """Return what owners should decide; looked up anew once the log has moved."""
        chain = self.log.head.chain
        if self._asks is None or self._asks[0] != chain:
            self._asks = chain, asks_of(self)
        return list(self._asks[1])

    def peers(self) -> Mapping[DeviceId, Peer]:
        """Return what is known of the members at this moment, this device included."""
        return peers_of(self._node, trio.current_time())

    def drift(self) -> Sequence[Difference]:
        """Return what somebody changed on this device."""
        return self._node.applied.drift

    def revert_drift(self) -> None:
        """Put that back."""
        self._core.add(self._node.revert_drift(trio.current_time()))

    def pending(self) -> Sequence[Waiting]:
        """Return who waits to be let in."""
        now = trio.current_time()
        return [Waiting(p, now - p.since, now - p.seen_at) for p in self._node.pending(now)]

    def refresh(self) -> str:
        """Ask the master for everybody's newest status; a ticket that ends within two seconds."""
        return self._tickets.start(self._refresh)

    async def _refresh(self, _ticket: Ticket) -> Json:
        since = trio.current_time()
        with trio.move_on_after(REFRESH_S):
            while not self._node.reports_since(since) and self._node.fresh(trio.current_time()):
                self._core.add(self._node.ask_reports(trio.current_time()))
                with trio.move_on_after(ASK_GAP_S):
                    await self._moved.wait()
        return {"fresh": self._node.reports_since(since)}

    def ask_device(
        self, device: DeviceId, question: Question, tell: Callable[[Told], Json], token: str
    ) -> str:
        """Ask a device something; a ticket that ends with what ``tell`` makes of the answer."""

        async def work(_ticket: Ticket) -> Json:
            return tell(await self._told(device, question, token))

        return self._tickets.start(work)

    def converse(
        self,
        device: DeviceId,
        question: Question,
        follow: Callable[[Told], Question],
        tell: Callable[[Told], Json],
        token: str,
    ) -> str:
        """Ask a device something, and then what ``follow`` makes of the answer."""

        async def work(_ticket: Ticket) -> Json:
            return tell(await self._told(device, follow(await self._told(device, question, token)), token))

        return self._tickets.start(work)

    async def _told(self, device: DeviceId, question: Question, token: str) -> Told:
        """Return a device's answer.

        Raises:
            Refused: there is none, and why.
        """
        told = await self._askings.ask(device, question, self._sessions.user(token))
        if told.word:
            raise refused(told, names.device_name(self.log.state, device))
        return told

    def answered(self, effect: Answered) -> None:
        """Take what came of a question."""
        self._askings.answered(effect)

    def addresses(self) -> Sequence[str]:
        """Return addresses of this device that a join key may name."""
        shown = (address for address in self._addresses() if "%" not in address.host)
        return [f"[{a.host}]:{a.port}" if ":" in a.host else f"{a.host}:{a.port}" for a in shown]

    def reviewed(self) -> str:
        """Return the table of what routers take without a word of their root."""
        return REVIEWED

    def wall_time(self) -> WallTime:
        """Return the time for people, and for the expiry of join keys."""
        clock = self._node.clock
        return WallTime(int(trio.current_time() + clock.offset_s), clock.trusted)

    def random_bytes(self, size: int) -> bytes:
        """Return fresh random bytes."""
        return os.urandom(size)

    # --- people ------------------------------------------------------------------------------

    def session(self, token: str, *, is_use: bool = True) -> Session:
        """Return the session of a token, as long as its key may sign, and may be here.

        Raises:
            Refused: ``no-session``.
        """
        self.recheck_sessions(token)
        return self._sessions.session(token, is_use=is_use)

    def session_left(self, token: str) -> Json:
        """Return in how many seconds a session ends."""
        return self._sessions.left(token)

    def recheck_sessions(self, *tokens: str) -> None:
        """Let go of the keys of these sessions, or of all, that may sign no more, or may not be here."""
        device, state = self.device_id, self.log.state
        self._sessions.recheck(lambda session: check_session(device, state, session), *tokens)

    def sessions(self) -> Sequence[Json]:
        """Return the sessions at this device."""
        self.recheck_sessions()
        return self._sessions.listed()

    def end_sessions(self, user: str) -> int:
        """Forget all sessions of a user at this device."""
        return self._sessions.end(user)

    def seal(
        self,
        user: str,
        password: str,
        seed: bytes | None,
        build: Callable[[SealedKey], tuple[Change, Json]],
        timeout_s: float,
    ) -> str:
        """Seal a key under a password, and submit what is made of it; a ticket of its outcome."""

        async def work(ticket: Ticket) -> Json:
            key, sealed = await self._sessions.seal(user, password, seed)
            change, answer = build(SealedKey(key.public, sealed))
            self._check_room(change)
            self._core.add(self._node.submit(change, trio.current_time()))
            outcome = await self._outcome(change.id, timeout_s, ticket, trio.current_time())
            return {**outcome, **answer}

        return self._tickets.start(work)

    def login(self, user: str, password: str) -> str:
        """Start a login and return its ticket."""
        check_login_here(self.device_id, self.log.state)
        found = next((u for u in views.users(self.log.state) if u.name == user and not u.disabled), None)
        sealed = None if found is None else found.sealed

        async def work(_ticket: Ticket) -> Json:
            return dict(await self._sessions.login(user, password, sealed))

        return self._tickets.start(work)

    def challenge(self, user: str) -> Json:
        """Return what a key outside the cluster signs to open a session."""
        check_login_here(self.device_id, self.log.state)
        return {
            "challenge": self._sessions.challenge(user).hex(),
            "device": self.device_id.hex(),
            "cluster": self.log.state.cluster.hex(),
        }

    def open_session(self, user: str, challenge: bytes, signature: bytes) -> Json:
        """Open a session for who has signed a challenge."""
        is_open = self._sessions.is_challenged(user, challenge)
        key = proven_key(self.log.state, user, challenge, self.device_id, signature, is_open=is_open)
        return dict(self._sessions.open(user, key))

    def logout(self, token: str) -> None:
        """Forget a session."""
        self._sessions.logout(token)

    def secret_key(self, section: str, key_id: bytes) -> bytes | None:
        """Return a key of secrets that this device has."""
        return self._node.secret_key(section, key_id)

    def note(self, line: str) -> None:
        """Leave a line about secrets that were shown in the log of the system."""
        say(f"reveal: {line}")

    # --- joining -----------------------------------------------------------------------------

    def join(self, line: str) -> None:
        """Start to join with a join key's line."""
        self.entering.join(line)

    def cancel_join(self) -> str:
        """Take back a join that was begun; a ticket."""
        return self.entering.cancel()

    def join_request(self, cluster: ClusterId) -> Change:
        """Return this device's own request to be let in by a person."""
        return self.entering.request(cluster)

    def new_phrase(self) -> str:
        """Return a recovery phrase for a cluster that is to be made here."""
        return self.entering.new_phrase()

    def found(self, founding: Founding) -> str:
        """Make a cluster with this device as its first; a ticket."""
        return self.entering.found(founding)

    # --- changes -----------------------------------------------------------------------------

    def next_counter(self, author: KeyId) -> int:
        """Return a counter above every change of this author from this device."""
        return self._node.next_counter(author)

    def waiting(self, author: KeyId) -> Sequence[Change]:
        """Return this author's changes in the outbox whose outcome does not stand in the log."""
        return self._node.waiting(author)

    def submit(self, change: Change, timeout_s: float, answer: Json) -> str:
        """Put a change into the outbox and return the ticket of its outcome.

        A write that fails costs the node its life, and the cluster its master perhaps; so what a
        full disk has no room for is refused before the node counts on it (A31).

        Raises:
            Refused: ``busy``; nothing was kept.
            StorageError: the disk is full; nothing was kept.
        """
        self._check_room(change)
        self._core.add(self._node.submit(change, trio.current_time()))
        return self.resume(change.id, timeout_s, answer)

    def force_role(self, change: Change, timeout_s: float, answer: Json) -> str:
        """Lead at once by a role that owners forced, and return the ticket of its outcome.

        Raises:
            Refused: the node's log cannot carry it, or ``busy``; nothing was kept.
            StorageError: the disk is full; nothing was kept.
        """
        self._check_room(change)
        now = trio.current_time()
        self._core.add(self._node.force_role(change, now))
        heard_s = HEARD_CYCLES * views.cycle_ms(self.log.state) / 1000
        placed = self.progress(change.id) if gives_way(change) else None
        left = None if placed is None else replace(placed, state=ChangeState.LOCAL)
        return self._follow(change.id, timeout_s, answer, now + heard_s, left)

    def _check_room(self, change: Change) -> None:
        storage = self._core.storage
        assert storage is not None, "methods run while there is a node"
        self._tickets.make_room()
        storage.files.check_room(*[len(change.encode())] * COPIES)

    def resume(self, change: ChangeId, timeout_s: float, answer: Json) -> str:
        """Wait again for a change that is in the outbox or the log."""
        return self._follow(change, timeout_s, answer, trio.current_time())

    def _follow(
        self, change: ChangeId, timeout_s: float, answer: Json, heard_at: float, left: Progress | None = None
    ) -> str:
        """Return a ticket of a change's outcome; before ``heard_at`` nobody counts as absent.

        ``left`` is how far one came that is forgotten together with the branch that it gives up.
        """

        async def work(ticket: Ticket) -> Json:
            return {**await self._outcome(change, timeout_s, ticket, heard_at, left), **answer}

        return self._tickets.start(work)

    async def _outcome(
        self,
        change: ChangeId,
        timeout_s: float,
        ticket: Ticket,
        heard_at: float,
        left: Progress | None = None,
    ) -> Json:
        """Wait until a change is durable, refused, or as far as it comes."""
        with trio.move_on_after(timeout_s):
            while not self._is_over(change, heard_at):
                progress = self.progress(change)
                ticket.progress = {"state": progress.state.value if progress else "queued"}
                with trio.move_on_after(LOOK_S):
                    await self._moved.wait()
        await self._core.quiet()
        progress = self.progress(change) or left
        if progress is None:
            raise Refused("refused", "the change was refused and is forgotten")
        if progress.state is ChangeState.REFUSED or progress.reason:
            raise Refused(progress.word or "refused", progress.reason)
        missing = "" if progress.state is not ChangeState.QUEUED else self._missing()
        state, seq = progress.state.value, progress.seq
        return {"seq": seq, "hash": change.hex(), "state": state, "missing": missing}

    def _is_over(self, change: ChangeId, heard_at: float) -> bool:
        progress = self.progress(change)
        if progress is None or progress.state in _FINAL:
            return True
        if progress.state is not ChangeState.LOCAL or not self._node.leads:
            return False  # a member that knows of the writer's copy makes the second one itself
        now = trio.current_time()
        return now >= heard_at and len(self._node.online(now)) == 1

    def _missing(self) -> str:
        node = self._node
        if node.master is None or not node.fresh(trio.current_time()):
            return "the master is not heard; the change is kept here and is sent when it is"
        return "the master has not answered yet; the change is kept here and is sent again"

    def progress(self, change: ChangeId) -> Progress | None:
        """Return how far a change has come."""
        return self._refusals.get(change) or self._node.progress(change)

    def poll(self, ticket: str) -> Json:
        """Return ``{done, progress, result | error}``."""
        return self._tickets.poll(ticket)

    # --- drafts and history ------------------------------------------------------------------

    def draft(self, user: str) -> bytes | None:
        """Return a user's draft."""
        return self._drafts.read(user)

    def store_draft(self, user: str, data: bytes | None) -> None:
        """Take a user's draft, or that it is gone; it is on the disk before the caller is answered."""
        self._drafts.store(user, data)

    @property
    def store(self) -> Store:
        """The log on the disk."""
        storage = self._core.storage
        assert storage is not None, "methods run while there is a node"
        return storage.store

    def read_items(self, first: Seq, count: int) -> list[LogItem]:
        """Return the frames of at most ``count`` entries from ``first`` on."""
        return list(self.store.read_entries(first, count))

    def undo(self, suspect: Suspect, since: Since, tell: Callable[[str, Undoing], Json]) -> str:
        """Work out what undoes a thief's changes; a ticket."""
        return self._undoings.start(self.log.state.cluster, self.store.reading.copy(), suspect, since, tell)

    def undoing(self, plan: str) -> Undoing:
        """Return what was worked out."""
        return self._undoings.get(plan)

    # --- events ------------------------------------------------------------------------------

    def subscribe(self, connection: object) -> None:
        """Send events to this connection from now on."""
        assert isinstance(connection, Connection)
        connection.is_subscribed = True

    def tell(self, effect: Progress | Event) -> None:
        """Pass on what the node says; wakes whoever waits for a change."""
        if isinstance(effect, Progress) and effect.state is ChangeState.REFUSED:
            if len(self._refusals) >= REFUSALS_MAX:
                del self._refusals[next(iter(self._refusals))]
            self._refusals[effect.change] = effect
        self._moved.set()
        self._moved = trio.Event()
