"""All streams of one device: numbers them, bounds them, ends them, and remembers who failed.

Bounds (A7): a handshake has five seconds in all; of streams whose peer is not proven to be a
member, 32 may be open, four of one address, and the oldest makes room for the newest, so a
flood slows itself and not the others; one stream each way with one peer; 32 members served.
"""

from collections import Counter
from collections.abc import Callable

from dusk.catchup.backoff import BackOff
from dusk.catchup.channel import Channel, client_channel
from dusk.catchup.client import Client
from dusk.catchup.host import Host, Standing
from dusk.catchup.inquiry import Hear, Inquiry
from dusk.catchup.messages import Addresses, Answer, Position
from dusk.catchup.server import Phase, Server
from dusk.catchup.stages import Errand, Goal, Ground, SaidRemoved, Seeker, ServerRefused, Stage
from dusk.catchup.telling import IsHolder, Telling
from dusk.changelog.body import Change
from dusk.changelog.log import ForkFound
from dusk.changelog.newer import NewerVersion
from dusk.effects import (
    Accepted,
    Address,
    Connect,
    Connected,
    Consulted,
    Disconnect,
    Disconnected,
    Effect,
    Event,
    Input,
    ItemsRead,
    PieceRead,
    Question,
    Received,
    Tick,
)
from dusk.errors import UntrustedInput
from dusk.ids import ChangeId
from dusk.limits import (
    ANSWER_S_MAX,
    CATCH_UPS_MAX,
    EXCHANGE_S_MAX,
    HANDSHAKES_MAX,
    HANDSHAKES_PER_ADDRESS_MAX,
    JOIN_BYTES_MAX,
    SERVED_MAX,
    STREAM_BYTES_PER_S_MIN,
    STREAM_IDLE_S_MAX,
    USELESS_S_MAX,
)

_FETCHING = (Goal.CATCH_UP, Goal.BRANCH)
"""What brings entries."""
_SILENT_S_MAX = 1.0
"""So long what fetches from who seems to have begun anew may be silent: his word for it can be anybody's."""
_NO_NEED = (Goal.REPORTS, Goal.ADDRESSES, Goal.QUESTION)
"""Without an answer nothing is missing here, or it is asked for again anyway."""


class Exchanges:
    """Every stream of this device, inbound and outbound.

    Args:
        static_private: 32 bytes, X25519 form of this device's key.
        host: the device.
        random_bytes: for ephemeral keys and jitter.
    """

    def __init__(self, static_private: bytes, host: Host, random_bytes: Callable[[int], bytes]) -> None:
        self._static_private = static_private
        self._host = host
        self._random_bytes = random_bytes
        self._servers: dict[int, Server] = {}
        self._clients: dict[int, Client] = {}
        self._started: dict[int, float] = {}
        self._received_bytes: Counter[int] = Counter()
        self._back_off = BackOff(random_bytes)
        self._next_conn = 2
        self.refused = 0
        """Streams ended for what came in on them, since start-up."""
        self.turned_away_at: float | None = None
        """Since when who was asked for the log says nothing and ends the stream, as to who is no member."""
        self.said_removed = False
        """Whether a member of our log said last that this device was removed."""

    @property
    def deadline(self) -> float | None:
        """When a ``Tick`` is due; None while there are no streams."""
        if not self._servers and not self._clients:
            return None
        ends = [server.deadline for server in self._servers.values()]
        ends += [self._client_deadline(client) for client in self._clients.values()]
        return min(ends, default=None)

    def handle(self, event: Input, now: float) -> list[Effect]:
        """Take an input of a stream or a tick; inputs of other kinds and of ended streams do nothing."""
        match event:
            case Accepted(conn, source):
                return self._accept(conn, source, now)
            case Connected(conn) if conn in self._clients:
                self._clients[conn].connected(now)
                return self._clients[conn].drain()
            case Received(conn, frame) if conn in self._servers:
                return self._guard_server(self._servers[conn], lambda s: s.receive(frame, now))
            case Received(conn, frame) if conn in self._clients:
                return self._run_client(self._clients[conn], frame, now)
            case ItemsRead(conn) if conn in self._servers:
                return self._guard_server(self._servers[conn], lambda s: s.read(event, now))
            case PieceRead(conn) if conn in self._servers:
                return self._guard_server(self._servers[conn], lambda s: s.read_piece(event, now))
            case Consulted(conn) if conn in self._servers:
                return self._guard_server(self._servers[conn], lambda s: s.consulted(event, now))
            case Disconnected(conn, reason):
                self._servers.pop(conn, None)
                return self._lost(conn, reason, now)
            case Tick():
                return self._expire(now)
        return []

    # --- asking ------------------------------------------------------------------------------

    def catch_up(self, address: Address, now: float, *, ground: Ground = Ground.HEAD) -> list[Effect]:
        """Fetch from there what we lack, unless that is under way or the peer is backed off.

        Of as many as may be under way the one that was of no use for longest makes room, and at once one
        of which less says that it has anything (A6, A9).

        Args:
            address: the peer's.
            now: monotonic seconds.
            ground: what says that the peer has it.
        """
        fetching = [c for c in self._clients.values() if c.goal is Goal.CATCH_UP]
        for client in fetching:
            if client.address == address:
                client.has_ground(ground)
        if len(fetching) >= CATCH_UPS_MAX:
            useless = min(fetching, key=lambda client: (client.ground, client.useful_at))
            is_new = not self.busy(address) and self._back_off.ready(address, now)
            if not is_new or not self._gives_way(useless, ground, now):
                return []
            dropped = self._drop(useless, "it brings nothing, and another may", now, lied=False)
            return [*dropped, *self._open(address, Goal.CATCH_UP, now, ground=ground)]
        for client in self._clients.values():
            if client.address == address and client.goal is Goal.REPORTS:
                client.is_behind = True
        return self._open(address, Goal.CATCH_UP, now, ground=ground)

    def _gives_way(self, client: Client, ground: Ground, now: float) -> bool:
        """Tell whether one that fetches makes room for a peer of which something says that it has more.

        Of two hints none is better: one that is silent gives way, before its time by chance. Whoever sends
        many would else have both places whenever somebody's comes that is worth asking.
        """
        if now - client.useful_at >= USELESS_S_MAX or client.ground < ground:
            return True
        if client.ground is not Ground.HINT or ground is not Ground.HINT:
            return False
        return now - client.heard_at >= _SILENT_S_MAX or self._random_bytes(1)[0] % 2 == 0

    def catch_up_anew(self, address: Address, now: float, *, ground: Ground = Ground.HEAD) -> list[Effect]:
        """Fetch from who began anew, at the end of what its former run may have left open for ever.

        What is asked of it or handed to it by those streams is tried again; what fetches goes on, unless
        it has been silent. That its former run gave no answer is not held against it.
        """
        left = [
            client
            for client in self._clients.values()
            if client.address == address
            and (client.goal not in _FETCHING or now - client.heard_at > _SILENT_S_MAX)
        ]
        ended = [effect for client in left for effect in self._end(client, "it began anew")]
        self._back_off.returned(address)
        return [*ended, *self.catch_up(address, now, ground=ground)]

    def submit(
        self, address: Address, change: Change, now: float, after: ChangeId | None = None
    ) -> list[Effect]:
        """Hand a change over a stream to that peer; the answer comes by `Host.answered`.

        Nothing is promised: whoever holds the change tries again until it is answered.

        Args:
            address: the peer's.
            change: to be written.
            now: monotonic seconds.
            after: the change that the writer must have before it.
        """
        for client in self._clients.values():
            if client.address == address:
                client.add(change, after)
                return []
        return self._open(address, Goal.SUBMIT, now, changes=((change, after),))

    def reports(self, address: Address, errand: Errand, now: float) -> list[Effect]:
        """Exchange statuses with that peer, unless a stream to it is open."""
        return self._open(address, Goal.REPORTS, now, errand=errand)

    def branch(self, address: Address, left: Position, now: float) -> list[Effect]:
        """Fetch a branch that that peer left, unless a stream to it is open; `Host.took_branch` judges it."""
        return self._open(address, Goal.BRANCH, now, left=left)

    def tell(
        self,
        address: Address,
        table: Addresses,
        now: float,
        *,
        is_whom: IsHolder,
        delivered: Callable[[], None],
    ) -> list[Effect]:
        """Hand the table of addresses to a device that may lead, unless a stream to it is open."""
        if self.busy(address) or not self._back_off.ready(address, now):
            return []
        conn, channel = self._new_stream()
        telling = Telling(
            conn=conn,
            address=address,
            channel=channel,
            host=self._host,
            now=now,
            table=table,
            is_whom=is_whom,
            delivered=delivered,
        )
        return self._begin(telling, now)

    def secrets(self, address: Address, seeker: Seeker, now: float) -> list[Effect]:
        """Ask that peer for keys of secrets, unless a stream to it is open."""
        return self._open(address, Goal.SECRETS, now, seeker=seeker)

    def ask(
        self, address: Address, question: Question, now: float, *, is_whom: IsHolder, hear: Hear
    ) -> list[Effect]:
        """Ask the device at an address, whose key ``is_whom`` knows; ``hear`` takes what comes of it, once.

        Of what failed before nothing is held against the address: a person asks. No stream of ours
        to it may be open.
        """
        assert not self.busy(address), "it would take the place of the other stream there"
        conn, channel = self._new_stream()
        inquiry = Inquiry(
            conn=conn,
            address=address,
            channel=channel,
            host=self._host,
            now=now,
            question=question,
            is_whom=is_whom,
            hear=hear,
        )
        return self._begin(inquiry, now)

    def busy(self, address: Address) -> bool:
        """Tell whether a stream of ours to that address is open."""
        return any(client.address == address for client in self._clients.values())

    def _open(
        self,
        address: Address,
        goal: Goal,
        now: float,
        *,
        changes: tuple[tuple[Change, ChangeId | None], ...] = (),
        errand: Errand | None = None,
        left: Position | None = None,
        seeker: Seeker | None = None,
        ground: Ground = Ground.HEAD,
    ) -> list[Effect]:
        if self.busy(address) or not self._back_off.ready(address, now):
            return []
        conn, channel = self._new_stream()
        client = Client(
            conn=conn,
            address=address,
            channel=channel,
            goal=goal,
            host=self._host,
            now=now,
            errand=errand,
            left=left,
            seeker=seeker,
            ground=ground,
        )
        for change, after in changes:
            client.add(change, after)
        return self._begin(client, now)

    def _new_stream(self) -> tuple[int, Channel]:
        conn, self._next_conn = self._next_conn, self._next_conn + 2
        return conn, client_channel(self._static_private, self._random_bytes(32), self._host.cluster_id)

    def _begin(self, client: Client, now: float) -> list[Effect]:
        self._clients[client.conn] = client
        self._started[client.conn] = now
        return [Connect(client.conn, client.address)]

    def _run_client(self, client: Client, frame: bytes, now: float) -> list[Effect]:
        """Give a client its frame; whatever it objects to ends the stream."""
        self._received_bytes[client.conn] += len(frame)
        in_handshake = client.stage is Stage.HANDSHAKE
        try:
            client.receive(frame, now)
            if in_handshake and client.server and not self._back_off.ready(client.server, now):
                raise ServerRefused("it is left alone for what it sent before")
        except ForkFound as error:
            dropped = self._drop(client, str(error), now, lied=True)
            return [Event("fork", str(error), loud=True), *dropped, *self._stayed(client)]
        except (ServerRefused, NewerVersion) as error:
            told: list[Effect] = []
            if isinstance(error, SaidRemoved) and client.server is not None:
                self.said_removed = self._host.standing(client.server) is Standing.MEMBER
                proof = error.unverified_proof
                told = [] if proof is None else self._host.took_removal(proof, now)
            return [*told, *self._drop(client, str(error), now, lied=False)]
        except UntrustedInput as error:
            self.refused += 1
            return self._drop(client, str(error), now, lied=True)
        return self._finish(client) if client.done else client.drain()

    def _finish(self, client: Client) -> list[Effect]:
        """End an exchange that went well."""
        self.turned_away_at, self.said_removed = None, False
        del self._clients[client.conn], self._started[client.conn], self._received_bytes[client.conn]
        self._back_off.succeeded(client.address)
        self._back_off.succeeded(client.server)
        done = Event("exchange", f"{client.goal.value} with {client.address.host} done")
        return [*client.drain(), *self._stayed(client), Disconnect(client.conn), done]

    def _stayed(self, client: Client) -> list[Effect]:
        """Tell a server what stands if that is not its own log: it may not have the key of our datagrams.

        Where we cannot go back to the fork, it may be able to; and of those that it knows we may be the first
        that it hears of our log, if who leads here joined behind the fork.
        Nor may who is behind us have it, as with a disk of before a removal; who is asked for the log
        learns by that alone that there is more (A28). One that lost the end of its log names no head; two
        of them tell each other nothing.
        """
        there, host = client.newest_there, self._host
        is_asked = client.goal is Goal.CATCH_UP and client.done
        if there is None:
            is_news = is_asked and host.newest is not None
        else:
            is_behind = is_asked and there.head.seq < host.head.seq
            is_news = is_behind or host.chain_at(there.head.seq) != there.head.chain
        assert client.server is not None, "it said what it has behind the handshake"
        return host.stayed(client.address, client.server) if is_news else []

    def _drop(
        self, client: Client, reason: str, now: float, *, lied: bool, is_closed: bool = False
    ) -> list[Effect]:
        """End an exchange that failed, keep what it brought, leave its server alone for a while."""
        if lied or client.goal not in _NO_NEED:
            self._back_off.failed(client.address, now, lied=lied)
        if lied and client.server is not None:
            self._back_off.failed(client.server, now, lied=True)
        return self._end(client, reason, is_closed=is_closed)

    def _end(self, client: Client, reason: str, *, is_closed: bool = False) -> list[Effect]:
        """End an exchange before it is done, and keep what it brought."""
        del self._clients[client.conn], self._started[client.conn], self._received_bytes[client.conn]
        text = f"{client.goal.value} with {client.address.host} failed: {reason}"
        failed = client.failed(reason, is_closed=is_closed)
        return [*client.drain(), *failed, Disconnect(client.conn), Event("exchange-failed", text)]

    def _lost(self, conn: int, reason: str, now: float) -> list[Effect]:
        """A stream of ours is gone before its exchange was done."""
        if conn not in self._clients:
            return []
        client, effects = self._clients[conn], []
        if client.stage is Stage.LOCATING:
            self.turned_away_at = now if self.turned_away_at is None else self.turned_away_at
            effects = self._turned_away(client)
        dropped = self._drop(client, reason, now, lied=False, is_closed=True)
        return [*effects, *(effect for effect in dropped if effect != Disconnect(conn))]

    def _turned_away(self, client: Client) -> list[Effect]:
        """Tell a member that does not know us where our log ends: its disk may be of before that (A28)."""
        assert client.server is not None, "it asks behind the handshake"
        return self._host.stayed(client.address, client.server)

    # --- answering ---------------------------------------------------------------------------

    def answered(self, change_id: ChangeId, answer: Answer, now: float) -> list[Effect]:
        """Tell every stream that waits for the outcome of a change."""
        waiting = [s for s in self._servers.values() if s.waits_for == change_id]
        return [effect for server in waiting for effect in server.answered(answer, now)]

    def _accept(self, conn: int, source: Address, now: float) -> list[Effect]:
        """Take a new stream in; the oldest unproven one makes room for it (A7)."""
        effects: list[Effect] = []
        unproven = [s for s in self._servers.values() if s.standing is not Standing.MEMBER]
        same = [s for s in unproven if s.source.host == source.host]
        if len(same) >= HANDSHAKES_PER_ADDRESS_MAX:
            effects += self._evict(same)
        elif len(unproven) >= HANDSHAKES_MAX:
            effects += self._evict(unproven)
        channel = Channel(
            initiator=False,
            static_private=self._static_private,
            ephemeral_private=self._random_bytes(32),
            cluster_id=self._host.cluster_id,
            message_bytes_max=JOIN_BYTES_MAX,
        )
        self._servers[conn] = Server(conn=conn, source=source, channel=channel, host=self._host, now=now)
        return effects

    def _evict(self, servers: list[Server]) -> list[Effect]:
        """End the oldest, those that have not even shaken hands first."""
        victim = min(servers, key=lambda s: (s.phase is not Phase.HANDSHAKE, s.since, s.conn))
        return self._close(victim)

    def _close(self, server: Server) -> list[Effect]:
        del self._servers[server.conn]
        return [Disconnect(server.conn)]

    def _guard_server(self, server: Server, step: Callable[[Server], list[Effect]]) -> list[Effect]:
        """Run one step of a server; whatever it objects to ends the stream, without a word (A16)."""
        was_proven = server.peer is not None
        try:
            effects = step(server)
        except UntrustedInput:
            self.refused += 1
            return self._close(server)
        if Disconnect(server.conn) in effects:
            del self._servers[server.conn]
        elif not was_proven and server.peer is not None:
            effects = [*effects, *self._admit(server)]
        return effects

    def _admit(self, server: Server) -> list[Effect]:
        """Let a proven peer in: its newest stream replaces an older one; members are bounded."""
        former = [s for s in self._servers.values() if s.peer == server.peer and s is not server]
        effects = [effect for old in former for effect in self._close(old)]
        members = [s for s in self._servers.values() if s.standing is Standing.MEMBER]
        return [*effects, *self._close(server)] if len(members) > SERVED_MAX else effects

    # --- time --------------------------------------------------------------------------------

    def _client_deadline(self, client: Client) -> float:
        """Return when it is given up: a server that trickles must not keep its place (A6)."""
        paid_s = self._received_bytes[client.conn] / STREAM_BYTES_PER_S_MIN
        patience_s = min(STREAM_IDLE_S_MAX + ANSWER_S_MAX + paid_s, EXCHANGE_S_MAX)
        return min(client.deadline, self._started[client.conn] + patience_s)

    def _expire(self, now: float) -> list[Effect]:
        """End, or answer, all that has waited too long."""
        effects: list[Effect] = []
        for server in [s for s in self._servers.values() if now >= s.deadline]:
            effects += self._guard_server(server, lambda s: s.expire(now))
        for client in [c for c in self._clients.values() if now >= self._client_deadline(c)]:
            effects += self._drop(client, "no answer in time", now, lied=False)
        return effects
