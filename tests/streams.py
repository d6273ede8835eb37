"""Real cores wired back to back: members, joiners and liars with streams between them, no I/O."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from dusk.catchup.channel import Channel
from dusk.catchup.exchanges import Exchanges
from dusk.catchup.gathering import Gatherings
from dusk.catchup.host import AskedHere, Giver, Standing
from dusk.catchup.messages import (
    APPLIED,
    Answer,
    GetReports,
    Reply,
    Report,
    ReportRow,
    Reports,
    Request,
    SecretName,
    Secrets,
    decode_reply,
    encode,
)
from dusk.catchup.peers import Peers
from dusk.changelog.adopting import Unfit, adopt
from dusk.changelog.basis import Plan
from dusk.changelog.body import Change
from dusk.changelog.branches import Branched, Extended, Switched, try_branch
from dusk.changelog.certificate import Certificate
from dusk.changelog.entry import SignedHead
from dusk.changelog.foundation import pieces
from dusk.changelog.log import ForkFound, Log, unpack_entry_item
from dusk.changelog.removal import prove
from dusk.changelog.rewinds import resolve
from dusk.cycle.groupkeys import GroupKeys, new_group_key
from dusk.effects import (
    Accepted,
    Address,
    Append,
    Connect,
    Connected,
    Disconnect,
    Disconnected,
    Effect,
    Event,
    Input,
    ItemKind,
    ItemsRead,
    LogItem,
    PieceRead,
    ReadItems,
    ReadPiece,
    Rebase,
    Received,
    SendFrame,
    Tick,
    Told,
)
from dusk.errors import Refused, UntrustedInput
from dusk.ids import NO_CHAIN, ChainHash, ChangeId, ClusterId, DeviceId, Head, Seq
from dusk.keys.signing import SigningKey, x25519_public
from dusk.sim.disk import read_on
from tests.world import World


class Core(Protocol):
    """What the wires need of a core."""

    def handle(self, event: Input, now: float) -> list[Effect]: ...

    @property
    def deadline(self) -> float | None: ...


def read_items(items: Sequence[LogItem], first: Seq, bytes_max: int) -> tuple[LogItem, ...]:
    """Read a log from a position on, as the disk does."""
    seq = Seq(0)
    for at, item in enumerate(items):
        if item.kind is ItemKind.ENTRY:
            seq = Seq(seq + 1) if seq else unpack_entry_item(item.data)[0].seq
            if seq >= first:
                return read_on(items[at:], bytes_max)
    return ()


class Member:
    """A device with a log: a host and its exchanges. The writer's world decides on changes."""

    def __init__(self, key: SigningKey, log: Log, items: Sequence[LogItem], world: World) -> None:
        self.key = key
        self.log = log
        self.items = list(items)
        self.world = world
        self.ring = GroupKeys((new_group_key(world.random.randbytes, 0, NO_CHAIN),)).encode()
        self.taken_rings: list[bytes] = []
        self.addresses: list[tuple[bytes, Sequence[tuple[DeviceId, Address]]]] = []
        self.turned_away: list[bytes] = []
        self.removal: tuple[Seq, DeviceId] | None = None
        self.proofs: list[bytes] = []
        self.answers: list[tuple[ChangeId, Answer]] = []
        self.handed_in_after: list[ChangeId | None] = []
        self.silent = False
        self.report_rows: list[ReportRow] = []
        self.taken_reports: list[Report] = []
        self.page_size = 2
        self.sought: list[tuple[bytes, tuple[SecretName, ...]]] = []
        self.has_secrets = Secrets(())
        self.asked_here: list[AskedHere] = []
        self.answer: Told | None = Told(data=b"the answer")
        """None: it takes until somebody gives it."""
        self.told_of_ours: list[Address] = []
        self.left: list[LogItem] = []
        """A branch that this device left."""
        self.judged: list[Branched] = []
        self.is_recovered = False
        """Whether what is fetched has a RECOVER that counts here."""
        self.reaches = True
        """Whether a branch can be judged here."""
        self.peers = Peers()
        self.plan: Plan | None = None
        self.foundation = b""
        """The checkpoint that this device's log stands on."""
        self.gatherings = Gatherings(lambda: self.head)
        self.adopted: list[tuple[bytes, Sequence[LogItem]]] = []
        self.exchanges = Exchanges(key.x25519_private(), self, world.random.randbytes)

    @property
    def cluster_id(self) -> ClusterId:
        return self.world.cluster

    @property
    def head(self) -> Head:
        return self.log.head

    @property
    def newest(self) -> SignedHead | None:
        return self.log.newest

    @property
    def anchor(self) -> None:
        return None

    @property
    def deadline(self) -> float | None:
        return self.exchanges.deadline

    def handle(self, event: Input, now: float) -> list[Effect]:
        return self.exchanges.handle(event, now)

    def chain_at(self, seq: Seq) -> ChainHash | None:
        return self.log.chain_at(seq) if seq else None

    def standing(self, static_public: bytes) -> Standing:
        return self.peers.standing(self.log.state, static_public)

    def is_master(self, static_public: bytes) -> bool:
        return static_public == x25519_public(self.world.master.public)

    def vouched(self, signed: SignedHead) -> bool:
        return self.log.signed_by_leader(signed)

    def recovers(self, items: Sequence[LogItem]) -> bool:
        return self.is_recovered

    def took(self, items: Sequence[LogItem], now: float) -> list[Effect]:
        return [Append(self.log.extend(items))]

    def took_branch(self, items: Sequence[LogItem], now: float) -> list[Effect]:
        if not self.reaches:
            raise ForkFound("the log there parts from ours, too long ago")
        self.judged.append(try_branch(self.log, items))
        match self.judged[-1]:
            case Extended(taken) | Switched(taken):
                return [Append(taken)]
        return []

    def took_checkpoint(self, data: bytes, items: Sequence[LogItem], now: float) -> list[Effect]:
        try:
            adopted = adopt(self.log, data, items)
        except Unfit as error:
            self.gatherings.refuse(data, error)
            raise
        self.adopted.append((data, items))
        if adopted is None:
            return []
        self.log = adopted.log
        return [Rebase(adopted.seq, data, adopted.items, ())]

    def certificates_before(self, seq: Seq) -> Sequence[Certificate]:
        return self.log.certificates_before(seq)

    def left_branch(self, chain: ChainHash, first: int) -> tuple[tuple[LogItem, ...], bool]:
        ends = [
            unpack_entry_item(item.data)[0].head.chain for item in self.left if item.kind is ItemKind.ENTRY
        ]
        left = self.left if ends[-1:] == [chain] else []
        return tuple(left[first : first + self.page_size]), len(left) > first + self.page_size

    def took_keys(self, ring: bytes, giver: Giver, now: float) -> list[Effect]:
        self.taken_rings.append(ring)
        return []

    def answered(self, change_id: ChangeId, answer: Answer, now: float) -> list[Effect]:
        self.answers.append((change_id, answer))
        return []

    def group_keys(self) -> bytes:
        return self.ring

    def submitted(self, change: Change, asker: bytes, now: float, after: ChangeId | None) -> list[Effect]:
        self.handed_in_after.append(after)
        if self.silent:
            return []
        before = len(self.world.items)
        try:
            entry = self.world.write(change)
            answer = Answer(APPLIED, entry.seq, "")
        except Refused as error:
            answer = Answer(error.code, Seq(0), error.reason)
        written = tuple(self.world.items[before:])
        if self.log is not self.world.log:
            self.log.extend(written)
        return [Append(written), *self.exchanges.answered(change.id, answer, now)]

    def stayed(self, address: Address, static_public: bytes) -> list[Effect]:
        self.told_of_ours.append(address)
        return []

    def reports(self, asked: GetReports, now: float) -> Reports:
        rows = [row for row in self.report_rows if row.device > asked.after]
        return Reports(tuple(rows[: self.page_size]), len(rows) > self.page_size)

    def removed_asked(self, asker: bytes, _now: float) -> list[Effect]:
        self.turned_away.append(asker)
        return []

    def removal_at(self, asker: bytes) -> Seq | None:
        return self.removal[0] if self.removal and self.standing(asker) is Standing.REMOVED else None

    def removal_proof(self, asker: bytes, items: Sequence[LogItem]) -> bytes | None:
        return None if self.removal is None else prove(items, self.removal[1])

    def took_removal(self, unverified: bytes, _now: float) -> list[Effect]:
        self.proofs.append(unverified)
        return []

    def took_addresses(self, rows: Sequence[tuple[DeviceId, Address]], asker: bytes) -> bool:
        self.addresses.append((asker, rows))
        return self.is_master(asker)

    def secrets(self, asker: bytes, names: Sequence[SecretName]) -> Secrets:
        self.sought.append((asker, tuple(names)))
        return self.has_secrets

    def asked(self, asked: AskedHere, now: float) -> Told | list[Effect]:
        self.asked_here.append(asked)
        return [] if self.answer is None else self.answer

    def took_report(self, report: Report, now: float) -> list[Effect]:
        if report.status == b"junk":
            raise UntrustedInput("status: not signed by its device")
        self.taken_reports.append(report)
        return []

    def join_requested(self, change: Change, now: float) -> list[Effect]:
        return self.submitted(change, b"", now, None)


def master(world: World) -> Member:
    """Return the founder's device of a world."""
    return Member(world.master, world.log, world.items, world)


def member(world: World, key: SigningKey, known: int | None = None) -> Member:
    """Return another device, which has the first ``known`` items of the world's log."""
    items = world.items[:known]
    log = Log(world.cluster)
    log.extend(items)
    return Member(key, log, items, world)


class Asker:
    """A peer made by hand: shakes hands and sends what it likes."""

    def __init__(self, server: Member, key: SigningKey, conn: int, host: str = "asker") -> None:
        self.server = server
        self.conn = conn
        self.channel = Channel(
            initiator=True,
            static_private=key.x25519_private(),
            ephemeral_private=server.world.random.randbytes(32),
            cluster_id=server.cluster_id,
            message_bytes_max=10**6,
        )
        self.accepted = server.handle(Accepted(conn, Address(host, conn)), 0.0)

    def shake(self, now: float = 0.0) -> list[Effect]:
        """Do the handshake; return the effects of its last message."""
        (second,) = self._frames(self.give(self.channel.open(), now))
        (third,) = self.channel.receive(second).frames
        return self.give(third, now)

    def ask(self, request: Request, now: float = 0.0) -> list[Effect]:
        """Send a request; return the effects of its last frame."""
        effects: list[Effect] = []
        for frame in self.channel.send(encode(request)):
            effects = self.give(frame, now)
        return effects

    def replies(self, effects: list[Effect]) -> list[Reply]:
        """Return the answers among the effects."""
        messages = [self.channel.receive(frame).message for frame in self._frames(effects)]
        return [decode_reply(message) for message in messages if message is not None]

    def give(self, frame: bytes, now: float = 0.0) -> list[Effect]:
        return self.server.handle(Received(self.conn, frame), now)

    def ended(self, effects: list[Effect]) -> bool:
        return Disconnect(self.conn) in effects

    def _frames(self, effects: list[Effect]) -> list[bytes]:
        return [e.frame for e in effects if isinstance(e, SendFrame) and e.conn == self.conn]


@dataclass
class Wires:
    """Carries frames between cores, and does what the shell does with their disks."""

    cores: dict[str, Core]
    now: float = 100.0
    mangle: Callable[[str, bytes], bytes | None] = lambda _to, frame: frame
    """Called for each frame: what arrives instead; None cuts the stream there."""
    connected_to: dict[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    events: list[tuple[str, Effect]] = field(default_factory=list)
    frames: int = 0
    _inputs: deque[tuple[str, Input]] = field(default_factory=deque)
    _next_conn: int = 1

    def do(self, name: str, effects: Sequence[Effect]) -> None:
        """Do a core's effects, and all that follows from them."""
        self._effects(name, effects)
        while self._inputs:
            to, event = self._inputs.popleft()
            self._effects(to, self.cores[to].handle(event, self.now))

    def tick(self, seconds: float) -> None:
        """Let time pass for all cores."""
        self.now += seconds
        for name, core in self.cores.items():
            self.do(name, core.handle(Tick(), self.now))

    def give(self, name: str, event: Input) -> None:
        """Give a core an input."""
        self.do(name, self.cores[name].handle(event, self.now))

    def of(self, name: str, kind: type[Effect]) -> list[Effect]:
        """Return the effects of one kind that a core asked for, but those of streams."""
        return [effect for who, effect in self.events if who == name and isinstance(effect, kind)]

    def texts(self, name: str) -> str:
        """Return what a core's events said."""
        return "\n".join(e.text for e in self.of(name, Event) if isinstance(e, Event))

    def _effects(self, name: str, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Connect(conn, to):
                    self._connect(name, conn, to)
                case SendFrame(conn, frame):
                    self._send(name, conn, frame)
                case Disconnect(conn):
                    self._cut((name, conn), "closed")
                case ReadItems(conn, first, bytes_max):
                    core = self.cores[name]
                    assert isinstance(core, Member)
                    read = ItemsRead(conn, first, read_items(core.items, first, bytes_max))
                    self._inputs.append((name, read))
                case ReadPiece(conn, seq, at):
                    core = self.cores[name]
                    assert isinstance(core, Member)
                    same = core.plan is not None and core.plan.seq == seq
                    data = pieces(core.foundation)[at] if same else None
                    self._inputs.append((name, PieceRead(conn, at, data)))
                case Append(items):
                    core = self.cores[name]
                    if isinstance(core, Member) and core.items is not core.world.items:
                        core.items = list(resolve((*core.items, *items)).items)
                    self.events.append((name, effect))
                case _:
                    self.events.append((name, effect))

    def _connect(self, name: str, conn: int, to: Address) -> None:
        if to.host not in self.cores:
            self._inputs.append((name, Disconnected(conn, "nobody there")))
            return
        theirs, self._next_conn = self._next_conn, self._next_conn + 2
        self.connected_to[(name, conn)] = (to.host, theirs)
        self.connected_to[(to.host, theirs)] = (name, conn)
        self._inputs.append((to.host, Accepted(theirs, Address(name, 1))))
        self._inputs.append((name, Connected(conn)))

    def _send(self, name: str, conn: int, frame: bytes) -> None:
        other = self.connected_to.get((name, conn))
        if other is None:
            return
        self.frames += 1
        mangled = self.mangle(other[0], frame)
        if mangled is not None:
            self._inputs.append((other[0], Received(other[1], mangled)))
            return
        self._inputs.append((name, Disconnected(conn, "cut")))
        self._cut((name, conn), "cut")

    def _cut(self, end: tuple[str, int], reason: str) -> None:
        other = self.connected_to.pop(end, None)
        if other is not None:
            del self.connected_to[other]
            self._inputs.append((other[0], Disconnected(other[1], reason)))


def at(name: str) -> Address:
    """Return a core's address on the wires."""
    return Address(name, 3875)
