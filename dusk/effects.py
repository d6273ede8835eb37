"""What goes into a node and what a node asks the shell to do.

Contract between core and shell (R8): the effects of one call are done in order, and an ``Append``,
``StoreFile`` or ``RemoveFile`` is on disk (fsync) before any effect behind it starts. The shell may gather
several calls, do all their disk effects first with one fsync, then the rest in order: promises only come
later. When a disk effect fails, the rest is dropped and the node is built again from what the disk holds.
"""

from enum import IntEnum, StrEnum

from dusk.ids import ChangeId, ClusterId, DeviceId, Seq
from dusk.lazy import dataclass
from dusk.links import LookUp, Seen, Up


class ItemKind(IntEnum):
    """What one frame of the log is, on disk and, but for those that are of the own disk only, in catch-up."""

    ENTRY = 1
    HEAD = 2
    CERTIFICATE = 3
    REWIND = 4
    """On the own disk only: the items behind it take the place of what stood there (`rewinds.py`)."""
    PLAN = 5
    """On the own disk only, as the next two: the log stands on a checkpoint (`basis.py`)."""
    PIECE = 6
    LEFT = 7
    WITNESS = 8
    """On the own disk only: what a head of a branch that was left goes on proving (`witness.py`)."""


@dataclass(frozen=True, slots=True)
class LogItem:
    """One frame of the log: an entry with its change, a signed head, a certificate, a rewind."""

    kind: ItemKind
    data: bytes


@dataclass(frozen=True, slots=True)
class LostBranch:
    """A branch of the log that does not stand: what it has behind entry ``seq``, in log order."""

    seq: Seq
    items: tuple[LogItem, ...]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a datagram or stream goes: numeric host (``%scope`` for link-local) and port."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Link:
    """One address family of one interface: a place to send multicast to."""

    interface: str
    family: int
    """4 or 6."""


@dataclass(frozen=True, slots=True)
class Question:
    """What one member asks another (`specs/asking.md`).

    Attributes:
        kind: a word that says what is asked.
        argument: what the kind needs.
        reader: for whom the answer is to be sealed; empty: any member may know it.
    """

    kind: str
    argument: bytes = b""
    reader: bytes = b""


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to a question, or why there is none.

    Attributes:
        word: empty for an answer; else a stable word for programs.
        reason: one line for people where there is none.
        data: the answer, as its kind says.
        is_sealed: whether only the question's reader can open it.
    """

    word: str = ""
    reason: str = ""
    data: bytes = b""
    is_sealed: bool = False


# --- inputs ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tick:
    """``node.deadline`` has come, or passed."""


@dataclass(frozen=True, slots=True)
class WallClock:
    """Wall time minus monotonic time in seconds, and whether anything vouches for it."""

    offset_s: float
    trusted: bool


@dataclass(frozen=True, slots=True)
class Links:
    """The links that work now; replaces the former list."""

    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Datagram:
    """Outside bytes from a UDP socket."""

    data: bytes
    source: Address
    link: Link | None
    """The link of a multicast, if the socket tells; None for unicast."""


@dataclass(frozen=True, slots=True)
class Connected:
    """A ``Connect`` succeeded."""

    conn: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """Somebody connected to us; ``conn`` is chosen by the shell (odd numbers)."""

    conn: int
    source: Address


@dataclass(frozen=True, slots=True)
class Received:
    """One frame of a stream: the bytes behind its two-byte length."""

    conn: int
    frame: bytes


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A stream is gone, or a ``Connect`` failed; no effect on it has a meaning any more."""

    conn: int
    reason: str


@dataclass(frozen=True, slots=True)
class ItemsRead:
    """Answer to ``ReadItems``: items from ``first`` on, in log order."""

    conn: int
    first: Seq
    items: tuple[LogItem, ...]


@dataclass(frozen=True, slots=True)
class PieceRead:
    """Answer to ``ReadPiece``: the piece, None where the log stands on another checkpoint by now."""

    conn: int
    piece: int
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Compacted:
    """Answer to ``Compact``: the plan, encoded; None where it could not be done, and why."""

    seq: Seq
    plan: bytes | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FilesRead:
    """Answer to ``ReadFiles``: package → bytes, or None where there is no such file."""

    files: dict[str, bytes | None]


@dataclass(frozen=True, slots=True)
class FilesTouched:
    """A UCI file that is managed was written since the last time, or none was looked at yet."""


@dataclass(frozen=True, slots=True)
class FilesSeen:
    """Answer to ``LookAtFiles``: as of ``FilesRead``; None where they could not be read."""

    files: dict[str, bytes | None] | None


@dataclass(frozen=True, slots=True)
class HelperDone:
    """Answer to ``WriteFiles``, ``CommitFiles``, ``RollbackFiles``; None: no error, nothing was reloaded."""

    request: str
    """``write``, ``commit`` or ``rollback``."""
    apply_id: str
    error: str | None
    reload_exit: int | None
    reload_line: str
    up: Up = Up()  # right before the reload


@dataclass(frozen=True, slots=True)
class Consulted:
    """Answer to ``Consult`` or ``Obey``."""

    conn: int
    number: int
    told: Told


Input = (
    Tick
    | WallClock
    | Links
    | Datagram
    | Connected
    | Accepted
    | Received
    | Disconnected
    | ItemsRead
    | PieceRead
    | Compacted
    | FilesRead
    | FilesTouched
    | FilesSeen
    | HelperDone
    | Seen
    | Consulted
)

# --- effects -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Append:
    """Append to the log and fsync."""

    items: tuple[LogItem, ...]


@dataclass(frozen=True, slots=True)
class Rebase:
    """Let the whole log be another: a foundation, what stands above it, and branches that were left."""

    seq: Seq
    foundation: bytes
    items: tuple[LogItem, ...]
    left: tuple[LostBranch, ...]


@dataclass(frozen=True, slots=True)
class UseCompacted:
    """Let the log that `Compact` made take the place of the one that it was made of (fsync, rename)."""

    seq: Seq


@dataclass(frozen=True, slots=True)
class StoreFile:
    """Replace a small file of the node's folder atomically (temp, fsync, rename)."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """Remove a small file of the node's folder, if it is there."""

    name: str


@dataclass(frozen=True, slots=True)
class SendDatagram:
    """Send to one address from the unicast socket."""

    data: bytes
    to: Address


@dataclass(frozen=True, slots=True)
class SendMulticast:
    """Send to the group on one link, from the unicast socket."""

    data: bytes
    link: Link


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a stream; ``conn`` is chosen by the node (even numbers)."""

    conn: int
    to: Address


@dataclass(frozen=True, slots=True)
class SendFrame:
    """Send one frame on a stream."""

    conn: int
    frame: bytes


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Close a stream once what was sent before is out."""

    conn: int


@dataclass(frozen=True, slots=True)
class ReadItems:
    """Read items from ``first`` on for a stream, whole items up to about ``bytes_max``."""

    conn: int
    first: Seq
    bytes_max: int


@dataclass(frozen=True, slots=True)
class ReadPiece:
    """Read a piece of the foundation at ``seq`` for a stream."""

    conn: int
    seq: Seq
    piece: int


@dataclass(frozen=True, slots=True)
class Compact:
    """Make a log that stands on the checkpoint at ``seq``, beside the one in use and while that grows.

    ``left``: the branches that are still of use.
    """

    cluster: ClusterId
    seq: Seq
    left: tuple[LostBranch, ...]


@dataclass(frozen=True, slots=True)
class ReadFiles:
    """Ask the helper for the UCI files of these packages; from `FORMER` on, for those that it gives out."""

    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LookAtFiles:
    """Ask the helper for the UCI files of these packages, only to compare them."""

    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WriteFiles:
    """Ask the helper to write all these files as one journalled transaction and reload.

    Contact is then waited for ``window_s``. Who has waited for others who change files insists.
    """

    apply_id: str
    files: dict[str, tuple[bytes | None, bytes]]  # package → (content as read before, new content)
    window_s: float = 90.0
    insists: bool = False


@dataclass(frozen=True, slots=True)
class CommitFiles:
    """Ask the helper to drop the journal of a transaction."""

    apply_id: str


@dataclass(frozen=True, slots=True)
class RollbackFiles:
    """Ask the helper to restore what a transaction changed, and reload."""

    apply_id: str


@dataclass(frozen=True, slots=True)
class Consult:
    """Find the answer to a member's question, soon; ``number`` is that of the question on its stream."""

    conn: int
    number: int
    asker: DeviceId
    question: Question


@dataclass(frozen=True, slots=True)
class Obey:
    """Do what people ordered, who may; answered by ``Consulted`` with the same numbers.

    ``by`` names those who signed.
    """

    conn: int
    number: int
    kind: str
    argument: bytes
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a question that people of this device asked, by the number that they gave it."""

    number: int
    told: Told


class ChangeState(StrEnum):
    """How far a change of this device has come (`specs/cycles.md`)."""

    QUEUED = "queued"
    LOCAL = "local"
    DURABLE = "durable"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Progress:
    """A change of the outbox moved on; for whoever waits for it.

    ``word`` is for programs: the refusal's, or ``superseded`` or ``rejected``; empty where all
    is well. ``reason`` says the same in a line for people.
    """

    change: ChangeId
    state: ChangeState
    seq: Seq
    reason: str
    word: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that people may want to see; goes to subscribers and, if loud, to the log."""

    name: str
    text: str
    loud: bool = False


@dataclass(frozen=True, slots=True)
class Restart:
    """Build the node again from the disk (after joining)."""

    reason: str


Effect = (
    Append
    | Rebase
    | UseCompacted
    | ReadPiece
    | Compact
    | StoreFile
    | RemoveFile
    | SendDatagram
    | SendMulticast
    | Connect
    | SendFrame
    | Disconnect
    | ReadItems
    | ReadFiles
    | LookAtFiles
    | LookUp
    | WriteFiles
    | CommitFiles
    | RollbackFiles
    | Consult
    | Obey
    | Answered
    | Progress
    | Event
    | Restart
)
