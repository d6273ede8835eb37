"""What the methods of the control socket need from the daemon around them.

The daemon's control server implements :class:`Desk`; the tests have one in memory. Nothing
here waits: what takes longer than 100 ms returns a ticket, which the desk keeps.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, Protocol

from dusk.changelog.body import Change
from dusk.changelog.log import Log
from dusk.changelog.undoing import Since, Suspect, Undoing
from dusk.config.drift import Difference
from dusk.effects import LogItem, Progress, Question, Told
from dusk.ids import ChangeId, ClusterId, DeviceId, KeyId, PublicKey, Seq
from dusk.keys.signing import SigningKey
from dusk.lazy import dataclass
from dusk.membership.pending import Pending

Json = dict[str, Any]
"""A JSON object, as it stands on the control socket."""


_NOWHERE = Seq(0)


class Session(Protocol):
    """A person who has logged in: who, and the unlocked key (in memory only)."""

    @property
    def user(self) -> str:
        """The user's name."""

    @property
    def key(self) -> SigningKey:
        """The unlocked key."""


class Leave(Protocol):
    """Begins to take this device out of its cluster; as `Desk.leave`."""

    def __call__(self, timeout_s: float, *, restore_local: bool) -> str:
        """Return a ticket."""


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A person's key as the log has it: the public half, and the private one under a password."""

    public: PublicKey
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Peer:
    """What this node knows of one member right now; nothing of it is in the log."""

    online: bool
    head_seq: Seq
    """The newest position that it reported."""
    applied_seq: Seq
    """The position in effect there; 0 if never reported."""
    apply_state: str
    """``idle``, ``applying``, ``committed``, ``failed``, ``held`` or ``unknown``."""
    reason: str
    alarms: tuple[str, ...]
    seen_s_ago: float | None
    judged_seq: Seq = _NOWHERE
    """The position that ``apply_state`` is about."""
    drift: int = 0
    """How much of its managed config somebody changed there."""
    files: tuple[tuple[str, bytes], ...] = ()
    """Package and keyed hash of the resulting file in effect there."""
    way: str = ""
    """How the master reaches it: ``multicast``, ``alone``, ``relay NAME``; known at the master alone."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A device that waits to be let in, and how long ago it asked first, and last."""

    pending: Pending
    asked_s_ago: float
    seen_s_ago: float


@dataclass(frozen=True, slots=True)
class WallTime:
    """Seconds since 1970 and whether anything vouches for them (R11)."""

    time_s: int
    trusted: bool


@dataclass(frozen=True, slots=True)
class Founding:
    """What a new cluster is to be; ``repr`` hides the secrets.

    Attributes:
        cluster: its name, for people.
        user, password: of its first owner.
        phrase: its recovery phrase, as it was typed again.
        cycle_ms: length of a cycle in milliseconds.
        auto_backup: whether the first device that an owner approves becomes the backup.
    """

    cluster: str
    user: str
    password: str = field(repr=False)
    phrase: str = field(repr=False)
    cycle_ms: int
    auto_backup: bool


class Stored(Protocol):
    """A log on the disk, for who makes a copy of it."""

    @property
    def floor(self) -> Seq:
        """The checkpoint that it stands on; 0 for its first entry."""

    def read_items(self, first: Seq, bytes_max: int) -> Sequence[LogItem]:
        """Return whole items from an entry on, that end with a signed head if there is one."""

    def read_piece(self, seq: Seq, piece: int) -> bytes | None:
        """Return a piece of the foundation at ``seq``; None where the log stands on another one."""


class Bench(Protocol):
    """What it takes to edit and to look: the daemon, or somebody's own machine (`athome.py`)."""

    @property
    def log(self) -> Log:
        """The log with its state, as of now."""

    def reviewed(self) -> str:
        """Return the table of what routers take without a word of their root."""

    def random_bytes(self, size: int) -> bytes:
        """Return fresh random bytes."""

    def session(self, token: str, *, is_use: bool = True) -> Session:
        """Return the session of a token, or raise ``Refused("no-session", …)``.

        It ends some time after its last use; who only looks after it is no use of it.
        """

    def secret_key(self, section: str, key_id: bytes) -> bytes | None:
        """Return the key K of a section's secrets, if this device has it; whoever asks looks for whom."""

    def note(self, line: str) -> None:
        """Leave a line in the log of the system."""

    def waiting(self, author: KeyId) -> Sequence[Change]:
        """Return this author's changes in the outbox whose outcome does not stand in the log."""

    def progress(self, change: ChangeId) -> Progress | None:
        """Return how far a change has come: from the outbox or the log; None if never heard of."""

    def draft(self, user: str) -> bytes | None:
        """Return what ``store_draft`` last stored for this user."""

    def store_draft(self, user: str, data: bytes | None) -> None:
        """Store a user's draft atomically, or remove it.

        It is on the disk before the method that stores it is answered, and behind what the same
        method submits.
        """


class Desk(Bench, Protocol):
    """The daemon as the methods see it."""

    @property
    def store(self) -> Stored:
        """The log on the disk."""

    @property
    def device_id(self) -> DeviceId:
        """This device."""

    def status(self) -> Json:
        """Return the fields of ``dusk status`` (JSON-able)."""

    def peers(self) -> Mapping[DeviceId, Peer]:
        """Return what is known of the members at this moment, this device included."""

    def reread(self) -> str:
        """Read this device's own settings again and return a ticket; its result is empty."""

    def drift(self) -> Sequence[Difference]:
        """Return what somebody changed on this device, as of the newest look at its files."""

    def revert_drift(self) -> None:
        """Put that back, or raise ``Refused`` where this device changes no files now."""

    def pending(self) -> Sequence[Waiting]:
        """Return who waits to be let in, by id, as far as the master has told; at the master all."""

    def refresh(self) -> str:
        """Ask for everybody's newest status, and return a ticket.

        It ends within two seconds; its result is ``{"fresh": bool}``: whether what ``peers`` says
        now is what the master knows (at the master it always is).
        """

    def ask_device(
        self, device: DeviceId, question: Question, tell: Callable[[Told], Json], token: str
    ) -> str:
        """Ask a device something, and return a ticket.

        It ends with what ``tell`` makes of the answer, or with the word and reason why there is none:
        ``not-reachable``, ``too-old``, ``no-answer``, ``too-often``, ``busy``, or one of the question's
        own. It ends within half a minute. ``token`` says in whose share of the questions under way it
        counts; one that is none counts with all who have none. ``tell`` may raise `UntrustedInput`:
        another member wrote that.
        """

    def converse(
        self,
        device: DeviceId,
        question: Question,
        follow: Callable[[Told], Question],
        tell: Callable[[Told], Json],
        token: str,
    ) -> str:
        """Ask a device something, then what ``follow`` makes of the answer; a ticket as of ``ask_device``."""

    def addresses(self) -> Sequence[str]:
        """Return addresses of this device (``host:port``) that a join key may name."""

    def wall_time(self) -> WallTime:
        """Return the time for people, and for the expiry of join keys."""

    def login(self, user: str, password: str) -> str:
        """Start a login and return its ticket; the result is ``{token, user}``."""

    def session_left(self, token: str) -> Json:
        """Return when a session ends, in seconds: ``idle_left_s`` unless it is used, ``left_s`` at last."""

    def challenge(self, user: str) -> Json:
        """Return what a key outside the cluster signs to open a session: ``{challenge, device, cluster}``."""

    def open_session(self, user: str, challenge: bytes, signature: bytes) -> Json:
        """Open a session without a private key for who has signed a challenge: ``{token, user}``.

        Raises:
            Refused: ``wrong-key``.
        """

    def logout(self, token: str) -> None:
        """Forget a session; an unknown token is no error."""

    def sessions(self) -> Sequence[Json]:
        """Return the sessions at this device: ``{user, began_s_ago, idle_s}``, the tokens left out."""

    def end_sessions(self, user: str) -> int:
        """Forget all sessions of a user at this device, and return how many there were."""

    def seal(
        self,
        user: str,
        password: str,
        seed: bytes | None,
        build: Callable[[SealedKey], tuple[Change, Json]],
        timeout_s: float,
    ) -> str:
        """Seal a key under a password, which takes long, and submit what ``build`` makes of it.

        Args:
            user: whose key; it opens for that name only.
            password: as typed.
            seed: of the key; None makes a new one.
            build: makes the signed change, and what to say of it; what it refuses ends the ticket.
            timeout_s: as of ``submit``.

        Returns:
            A ticket that ends as one of ``submit``, with what ``build`` says.
        """

    def undo(self, suspect: Suspect, since: Since, tell: Callable[[str, Undoing], Json]) -> str:
        """Work out what undoes a thief's changes, by reading the whole log again, and return a ticket.

        Its result is what ``tell`` makes of it, which is given the name by which ``undoing`` has it.
        """

    def undoing(self, plan: str) -> Undoing:
        """Return what was worked out, or raise ``Refused("no-plan", …)``: it was not, or long ago."""

    def join(self, line: str) -> None:
        """Start to join with a join key's line, or raise ``Refused`` (in a cluster, damaged, ...)."""

    def cancel_join(self) -> str:
        """Take back a join that was begun, with all that it wrote; a ticket that ends with nothing.

        Raises:
            Refused: ``not-joining``; ``in-cluster``: it has joined by now; or ``busy``.
        """

    def join_request(self, cluster: ClusterId) -> Change:
        """Return this device's own request to be let in by a person, or raise ``Refused`` (in a cluster)."""

    def new_phrase(self) -> str:
        """Return a recovery phrase for a cluster that is to be made here.

        Raises:
            Refused: this device is in a cluster, on its way into one, or has the rest of one.
        """

    def found(self, founding: Founding) -> str:
        """Make a cluster with this device as its first; a ticket of ``{cluster, device, name, user}``.

        Raises:
            Refused: as `new_phrase`; or ``bad-phrase``, ``busy``.
        """

    def leave(self, timeout_s: float, *, restore_local: bool) -> str:
        """Begin to take this device out of its cluster, and return a ticket.

        With ``restore_local`` its files become what they were before Dusk changed them first.

        Its result, after ``timeout_s`` at the latest, is ``{left, missing}``: whether it is out, and else
        in words what that waits for. It goes on until it is, through restarts.

        Raises:
            Refused: ``applying``: its files are being changed right now.
        """

    def next_counter(self, author: KeyId) -> int:
        """Return a counter above every change of this author from this device, outbox included."""

    def submit(self, change: Change, timeout_s: float, answer: Json) -> str:
        """Put a change into the outbox (on disk) and return the ticket of its outcome.

        The ticket ends at ``durable``, at ``refused`` (an error with the reason), at ``local``
        where nobody else is heard, or after ``timeout_s`` with the state reached. Its result is
        ``{"seq", "hash", "state", "missing", **answer}``: ``hash`` is the change id in hex and
        ``missing`` says in words what a queued change waits for.
        """

    def force_role(self, change: Change, timeout_s: float, answer: Json) -> str:
        """Lead at once by a role that owners forced, and return a ticket as of ``submit``.

        Raises:
            Refused: this device's log cannot carry it, or is not whole.
        """

    def resume(self, change: ChangeId, timeout_s: float, answer: Json) -> str:
        """Wait again for a change that is in the outbox or the log; a ticket as of ``submit``."""

    def poll(self, ticket: str) -> Json:
        """Return ``{done, progress, result | error}``, or raise ``Refused("no-ticket", …)``."""

    def read_items(self, first: Seq, count: int) -> list[LogItem]:
        """Return the frames of at most ``count`` entries from ``first`` on (heads skipped)."""

    def subscribe(self, connection: object) -> None:
        """Send events to this connection from now on."""
