"""The daemon as the control methods see it, in memory, over a `World`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from dusk.changelog.body import Change
from dusk.changelog.foundation import pieces, position_of
from dusk.changelog.items import verified_entry
from dusk.changelog.log import Log
from dusk.changelog.state import counter_key
from dusk.changelog.undoing import Since, Suspect, Undoing, undoing
from dusk.config.drift import Difference
from dusk.control.calling import call
from dusk.control.desk import Founding, Json, Peer, SealedKey, Waiting, WallTime
from dusk.control.outside import CHALLENGE_BYTES, Challenges, proven_key
from dusk.daemon.reviewed import REVIEWED
from dusk.effects import ChangeState, ItemKind, LogItem, Progress, Question, Told
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ChangeId, ClusterId, DeviceId, KeyId, Seq
from dusk.keys.phrase import ENTROPY_BYTES, phrase_from_entropy
from dusk.keys.signing import SigningKey
from dusk.membership.pending import PendingList
from tests.approving import asked_by_hand
from tests.world import World, sealed_key


@dataclass(frozen=True)
class Person:
    """A session."""

    user: str
    key: SigningKey


class FakeStore:
    """The disk of a `FakeDesk`: three entries at a time, or the pieces of what its log stands on."""

    def __init__(self, desk: "FakeDesk") -> None:
        self._desk = desk
        data = desk.foundation
        self.floor = Seq(0) if data is None else position_of(data)
        self._pieces = () if data is None else pieces(data)

    def read_items(self, first: Seq, bytes_max: int) -> tuple[LogItem, ...]:
        del bytes_max
        starts = [
            at
            for at, item in enumerate(self._desk.world.items)
            if item.kind is ItemKind.ENTRY and verified_entry(item).seq == first and first > self.floor
        ]
        return tuple(self._desk.world.items[starts[0] :][:6]) if starts else ()

    def read_piece(self, seq: Seq, piece: int) -> bytes | None:
        return self._pieces[piece] if seq == self.floor and piece < len(self._pieces) else None


class FakeDesk:
    """Submits straight to the world's master; ``is_cut_off`` keeps changes in the outbox."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.people = {"token-alice": Person("alice", world.owner)}
        self.drafts: dict[str, bytes] = {}
        self.outbox: list[Change] = []
        self.refused: dict[ChangeId, str] = {}
        self.superseded: dict[ChangeId, str] = {}
        self.results: dict[str, Json] = {}
        self.is_cut_off = False
        self.now = 0.0
        self.clock = WallTime(1_800_000_000, trusted=True)
        self.seen: dict[DeviceId, Peer] = {}
        self.changed: Sequence[Difference] = ()
        self.listeners: list[object] = []
        self.joined_with: list[str] = []
        self.founded: list[Founding] = []
        self.keys: dict[str, SigningKey] = {}
        self.waits = PendingList()
        self.held: dict[tuple[str, bytes], bytes] = {}
        self.noted: list[str] = []
        self.devices: dict[str, SigningKey] = {}
        self.challenges = Challenges()
        self.counter = 0
        self.plans: list[Undoing] = []
        self.stands_at: DeviceId | None = None
        """Whose desk it is, if not that of the world's founder."""
        self.role = "master"
        self.left: Json = {"left": True, "missing": ""}
        self.foundation: bytes | None = None
        self.asked: list[tuple[DeviceId, Question]] = []
        self.uses = 0
        self.askers: list[str] = []
        """With which tokens."""
        self.answers: dict[DeviceId, Told] = {}
        """What devices answer that are reached."""

    @property
    def log(self) -> Log:
        return self.world.log

    @property
    def device_id(self) -> DeviceId:
        return self.stands_at or self.world.device_id

    def status(self) -> Json:
        head = {"seq": self.log.head.seq, "hash": self.log.head.chain.hex()}
        return {"role": self.role, "device": self.device_id.hex(), "head": head, "checkpoint": self.log.floor}

    def peers(self) -> Mapping[DeviceId, Peer]:
        return self.seen

    def reread(self) -> str:
        self.results["reread"] = {"done": True, "progress": None, "result": {}}
        return "reread"

    def drift(self) -> Sequence[Difference]:
        return self.changed

    def revert_drift(self) -> None:
        self.changed = ()

    def pending(self) -> Sequence[Waiting]:
        return [Waiting(p, 5.0 - p.since, 1.0) for p in self.waits.current(self.log.state, 0.0)]

    def refresh(self) -> str:
        self.results["refresh"] = {"done": True, "progress": None, "result": {"fresh": True}}
        return "refresh"

    def addresses(self) -> Sequence[str]:
        return ("192.0.2.1:3875",)

    def reviewed(self) -> str:
        return REVIEWED

    def wall_time(self) -> WallTime:
        return self.clock

    def random_bytes(self, size: int) -> bytes:
        return self.world.random.randbytes(size)

    def session(self, token: str, *, is_use: bool = True) -> Person:
        self.uses += is_use
        if token not in self.people:
            raise Refused("no-session", "the session has ended; log in again")
        return self.people[token]

    def login(self, user: str, password: str) -> str:
        return f"login-{user}"

    def session_left(self, token: str) -> Json:
        return {"idle_left_s": 900.0, "left_s": 40_000.0}

    def challenge(self, user: str) -> Json:
        challenge = self.challenges.issue(user, self.random_bytes(CHALLENGE_BYTES), self.now)
        cluster = self.world.cluster.hex()
        return {"challenge": challenge.hex(), "device": self.device_id.hex(), "cluster": cluster}

    def open_session(self, user: str, challenge: bytes, signature: bytes) -> Json:
        is_open = self.challenges.take(user, challenge, self.now)
        key = proven_key(self.log.state, user, challenge, self.device_id, signature, is_open=is_open)
        token = f"outside-{self.random_bytes(4).hex()}"
        self.people[token] = Person(user, key)
        return {"token": token, "user": user, "idle_s": 900.0, "lasts_s": 43_200.0}

    def logout(self, token: str) -> None:
        self.people.pop(token, None)

    def sessions(self) -> Sequence[Json]:
        return [{"user": one.user, "began_s_ago": 0.0, "idle_s": 0.0} for one in self.people.values()]

    def end_sessions(self, user: str) -> int:
        found = [token for token, one in self.people.items() if one.user == user]
        for token in found:
            del self.people[token]
        return len(found)

    def seal(
        self,
        user: str,
        password: str,
        seed: bytes | None,
        build: Callable[[SealedKey], tuple[Change, Json]],
        timeout_s: float,
    ) -> str:
        key = SigningKey.from_seed(self.random_bytes(32) if seed is None else seed)
        self.keys[user] = key
        change, answer = build(SealedKey(key.public, sealed_key(key, user, password.encode())))
        return self.submit(change, timeout_s, answer)

    def secret_key(self, section: str, key_id: bytes) -> bytes | None:
        return self.held.get((section, key_id))

    def undo(self, suspect: Suspect, since: Since, tell: Callable[[str, Undoing], Json]) -> str:
        ticket = f"undo-{len(self.plans)}"
        try:
            found = undoing(self.world.cluster, self.foundation, lambda: self.world.items, suspect, since)
        except Refused as error:
            told = {"done": True, "progress": None, "error": {"code": error.code, "message": error.reason}}
            self.results[ticket] = told
            return ticket
        self.plans.append(found)
        result = tell(str(len(self.plans) - 1), found)
        self.results[ticket] = {"done": True, "progress": None, "result": result}
        return ticket

    def undoing(self, plan: str) -> Undoing:
        if plan not in map(str, range(len(self.plans))):
            raise Refused("no-plan", "that was not worked out here, or long ago; do it again")
        return self.plans[int(plan)]

    def note(self, line: str) -> None:
        self.noted.append(line)

    def join(self, line: str) -> None:
        self.joined_with.append(line)

    def cancel_join(self) -> str:
        if not self.joined_with:
            raise Refused("not-joining", "this router is not joining a cluster")
        self.joined_with.clear()
        self.results["cancel"] = {"done": True, "progress": None, "result": {}}
        return "cancel"

    def join_request(self, cluster: ClusterId) -> Change:
        assert cluster == self.log.cluster, "there is one world"
        return asked_by_hand(self.world, self.world.key())

    def new_phrase(self) -> str:
        return phrase_from_entropy(bytes(ENTROPY_BYTES))

    def found(self, founding: Founding) -> str:
        self.founded.append(founding)
        result = {"cluster": "", "device": "", "name": "", "user": founding.user}
        self.results["found"] = {"done": True, "progress": None, "result": result}
        return "found"

    def leave(self, timeout_s: float, *, restore_local: bool) -> str:
        self.results["leave"] = {"done": True, "progress": None, "result": self.left}
        return "leave"

    def next_counter(self, author: KeyId) -> int:
        last = self.log.state.derived(counter_key(author, self.device_id))
        return 1 + max([last, self.counter, *(change.body.counter for change in self.waiting(author))])

    def waiting(self, author: KeyId) -> Sequence[Change]:
        return [change for change in self.outbox if change.body.author == author]

    def submit(self, change: Change, timeout_s: float, answer: Json) -> str:
        self.outbox.append(change)
        if not self.is_cut_off:
            self.deliver()
        return self.resume(change.id, timeout_s, answer)

    def force_role(self, change: Change, timeout_s: float, answer: Json) -> str:
        self.world.lead_by(change)
        return self.resume(change.id, timeout_s, answer)

    def deliver(self) -> None:
        """Let the master write what waits."""
        for change in self.outbox:
            try:
                entry = self.world.write(change)
            except Refused as error:
                self.refused[change.id] = error.reason
            else:
                if entry.outcome.code:
                    self.superseded[change.id] = "somebody else was first"
        self.outbox.clear()

    def resume(self, change: ChangeId, timeout_s: float, answer: Json) -> str:
        found = self.progress(change)
        assert found is not None
        ticket = f"ticket-{len(self.results)}"
        result = {"seq": found.seq or None, "hash": change.hex(), "state": found.state.value, **answer}
        self.results[ticket] = {"done": True, "progress": None, "result": result}
        return ticket

    def progress(self, change: ChangeId) -> Progress | None:
        if change in self.refused:
            return Progress(change, ChangeState.REFUSED, Seq(0), self.refused[change])
        position = self.log.position_of(change)
        if position is not None:
            return Progress(change, ChangeState.DURABLE, position, self.superseded.get(change, ""))
        if any(waiting.id == change for waiting in self.outbox):
            return Progress(change, ChangeState.QUEUED, Seq(0), "")
        return None

    def ask_device(
        self, device: DeviceId, question: Question, tell: Callable[[Told], Json], token: str
    ) -> str:
        self.askers.append(token)
        self.asked.append((device, question))
        ticket = f"ask-{len(self.asked)}"
        told = self.answers.get(device, Told("not-reachable", "nobody knows where it is"))
        try:
            outcome = (
                {"error": {"code": told.word, "message": told.reason}}
                if told.word
                else {"result": tell(told)}
            )
        except UntrustedInput as error:
            outcome = {"error": {"code": "failed", "message": str(error)}}
        self.results[ticket] = {"done": True, "progress": None, **outcome}
        return ticket

    def converse(
        self,
        device: DeviceId,
        question: Question,
        follow: Callable[[Told], Question],
        tell: Callable[[Told], Json],
        token: str,
    ) -> str:
        told = self.answers.get(device)
        return self.ask_device(device, question if told is None else follow(told), tell, token)

    def poll(self, ticket: str) -> Json:
        if ticket not in self.results:
            raise Refused("no-ticket", "there is no such ticket")
        return self.results[ticket]

    def draft(self, user: str) -> bytes | None:
        return self.drafts.get(user)

    def store_draft(self, user: str, data: bytes | None) -> None:
        if data is None:
            self.drafts.pop(user, None)
        else:
            self.drafts[user] = data

    @property
    def store(self) -> "FakeStore":
        return FakeStore(self)

    def read_items(self, first: Seq, count: int) -> list[LogItem]:
        entries = [item for item in self.world.items if item.kind is ItemKind.ENTRY]
        return [item for item in entries if first <= verified_entry(item).seq < first + count]

    def subscribe(self, connection: object) -> None:
        self.listeners.append(connection)

    # --- for tests ---------------------------------------------------------------------------

    def ask(self, method: str, **params: Any) -> Json:
        """Call a method."""
        return call(self, method, params)

    def do(self, method: str, **params: Any) -> Json:
        """Call a method as alice."""
        return call(self, method, {"token": "token-alice", **params})

    def set(self, target: str, **pairs: str | list[str]) -> Json:
        """Set options; ``__`` stands for the dots of a key."""
        edits = [
            {"key": key.replace("__", "."), "values": [value] if isinstance(value, str) else value}
            for key, value in pairs.items()
        ]
        return self.do("draft.edit", target=target, verb="set", edits=edits)

    def commit(self, message: str = "why") -> Json:
        """Commit alice's draft and return the ticket's result."""
        started = self.do("draft.commit", message=message, yes=True)
        result: Json = self.poll(started["ticket"])["result"]
        return {**result, "notes": started["notes"]}


def desk_of_two() -> FakeDesk:
    """Return a desk over a world with two devices, attic and hall."""
    world = World()
    world.allow_joining()
    world.join("hall")
    return FakeDesk(world)


def refusal(desk: FakeDesk, method: str, **params: Any) -> Refused:
    """Return why a desk refuses what is asked of it."""
    with pytest.raises(Refused) as caught:
        desk.do(method, **params)
    return caught.value
