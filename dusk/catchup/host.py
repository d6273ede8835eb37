"""What the exchange needs of the device it runs on; `dusk.node` and the joiner provide it."""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Protocol

from dusk.catchup.gathering import Gatherings
from dusk.catchup.messages import Answer, GetReports, Position, Report, Reports, SecretName, Secrets
from dusk.changelog.basis import Plan
from dusk.changelog.body import Change
from dusk.changelog.certificate import Certificate
from dusk.changelog.entry import SignedHead
from dusk.effects import Address, Effect, LogItem, Question, Told
from dusk.ids import ChainHash, ChangeId, ClusterId, DeviceId, Head, Seq
from dusk.lazy import dataclass


class Standing(Enum):
    """Who is behind a stream's static key, at our head."""

    MEMBER = "member"
    REMOVED = "removed"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class Giver:
    """Who gives group keys: a member at our head, on a stream that proved it.

    Attributes:
        static: its X25519 key.
        seq: position of the newest signed head that it named when it was asked; 0: it vouches for none.
    """

    static: bytes
    seq: Seq


@dataclass(frozen=True, slots=True)
class AskedHere:
    """A member's question.

    Attributes:
        conn: the stream that it came by.
        number: which question of that stream it is, from 1.
        asker: the member's X25519 key, which it has proven.
        question: what it asks.
    """

    conn: int
    number: int
    asker: bytes
    question: Question


@dataclass(frozen=True, slots=True)
class Anchor:
    """An entry that a log must have to be believed: a joiner's, from its key (A2).

    Attributes:
        position: where it stands, and its chain hash.
        forget: drops what is here of a log, which ends below it and does not lead to it.
    """

    position: Position
    forget: Callable[[], None]


class LogHolder(Protocol):
    """The log, as a client needs it: to say where it stands, and to take what it fetched."""

    @property
    def cluster_id(self) -> ClusterId:
        """The cluster whose log this is."""
        ...

    @property
    def head(self) -> Head:
        """Head of the log on this device."""
        ...

    def chain_at(self, seq: Seq) -> ChainHash | None:
        """Return the chain hash at a position, None outside the log (0 included)."""
        ...

    def standing(self, static_public: bytes) -> Standing:
        """Tell whose X25519 key that is, at our head (see `dusk.catchup.peers.Peers`)."""
        ...

    def is_master(self, static_public: bytes) -> bool:
        """Tell whether that is the X25519 key of the device that is taken for the master."""
        ...

    @property
    def anchor(self) -> Anchor | None:
        """What a log must have to be believed; None where the log here is believed."""
        ...

    def vouched(self, signed: SignedHead) -> bool:
        """Tell whether the signature is by who leads in our log: a fork, and no invention."""
        ...

    def recovers(self, items: Sequence[LogItem]) -> bool:
        """Tell whether a change among items is signed by the recovery key that is in force in our log."""
        ...

    def took(self, items: Sequence[LogItem], now: float) -> list[Effect]:
        """Verify fetched items, take them, and return ``Append`` and all that follows from them.

        The items end with a signed head. Some or all may be known already (another exchange
        was faster): then only what is new is appended, and it is no error.

        Raises:
            UntrustedInput: they do not belong to this log (R1, R2, R6); nothing was changed.
        """
        ...

    def took_branch(self, items: Sequence[LogItem], now: float) -> list[Effect]:
        """Judge a log that parts from ours, and change over to it or stay (`specs/log.md`, section 10).

        Args:
            items: that log from a common position on, up to its newest signed head.
            now: seconds.

        Raises:
            ForkFound: ours stays, and nothing can be done about it here.
            UntrustedInput: it is no log of this cluster; nothing was changed.
        """
        ...

    @property
    def gatherings(self) -> Gatherings:
        """What is here of checkpoints that are fetched."""
        ...

    def took_checkpoint(self, data: bytes, items: Sequence[LogItem], now: float) -> list[Effect]:
        """Judge a checkpoint with what stands above it, and go on from it (`specs/log.md`, section 12).

        A member goes on with another life: its log does not move in this one.

        Args:
            data: the whole of it.
            items: from the entry above it on, up to a signed head.
            now: seconds.

        Raises:
            ForkFound: it contradicts what is final here.
            UntrustedInput: the owners did not attest it; nothing was changed.
        """
        ...

    def took_keys(self, ring: bytes, giver: Giver, now: float) -> list[Effect]:
        """Take the ring of group keys of a server that is a member at our head.

        What the giver has of the log was fetched before.

        Raises:
            UntrustedInput: not a ring; nothing was changed.
        """
        ...

    def answered(self, change_id: ChangeId, answer: Answer, now: float) -> list[Effect]:
        """Learn what a server answered to a submitted change or a request to join."""
        ...


class Host(LogHolder, Protocol):
    """A member: it serves others, too."""

    def stayed(self, address: Address, static_public: bytes) -> list[Effect]:
        """Tell a server whose log lost against ours where ours ends: it may not read our datagrams."""
        ...

    @property
    def plan(self) -> Plan | None:
        """What the log on the disk stands on; None for its first entry."""
        ...

    @property
    def newest(self) -> SignedHead | None:
        """The newest signed head of the log; None: none that this device vouches for."""
        ...

    def certificates_before(self, seq: Seq) -> Sequence[Certificate]:
        """Return, in order, the certificates that who goes on with an entry may lack to check later ones."""
        ...

    def group_keys(self) -> bytes:
        """Return the ring of group keys to hand out to members, encoded; empty if there is none."""
        ...

    def submitted(self, change: Change, asker: bytes, now: float, after: ChangeId | None) -> list[Effect]:
        """Get a change that the member with an X25519 key hands in written, or pass it on to the writer.

        It is written only where the one that it goes ``after``, if that is named, has its outcome.
        The answer goes back by `Exchanges.answered` (`dusk.catchup.exchanges`), within this
        call or at any time later; for a request to join only once this device's own log
        holds the outcome, as the joiner fetches from here next.
        """
        ...

    def left_branch(self, chain: ChainHash, first: int) -> tuple[tuple[LogItem, ...], bool]:
        """Return a chunk of a branch that this device left, and whether there is more behind it.

        Args:
            chain: chain hash of its newest entry; of one that is not here nothing is returned.
            first: place of the first item of the chunk, from 0.
        """
        ...

    def reports(self, asked: GetReports, now: float) -> Reports:
        """Return a page of what is known of the devices, and of who waits, behind those that are named."""
        ...

    def secrets(self, asker: bytes, names: Sequence[SecretName]) -> Secrets:
        """Return keys K wrapped to the member with an X25519 key, as far as it may have them at our head."""
        ...

    def asked(self, asked: AskedHere, now: float) -> Told | list[Effect]:
        """Answer a member's question, or have it answered by `Consulted` with the same numbers."""
        ...

    def took_report(self, report: Report, now: float) -> list[Effect]:
        """Take a status that is too large for a datagram.

        Raises:
            UntrustedInput: not signed by that device.
        """
        ...

    def removed_asked(self, asker: bytes, now: float) -> list[Effect]:
        """Note that a device that was removed is here, by its X25519 key; the server tells it so."""
        ...

    def removal_at(self, asker: bytes) -> Seq | None:
        """Return the entry that removed a device, by its X25519 key, where owners want secrets off it."""
        ...

    def removal_proof(self, asker: bytes, items: Sequence[LogItem]) -> bytes | None:
        """Return the proof of that out of the log from that entry on; None where it cannot be given."""
        ...

    def took_removal(self, unverified: bytes, now: float) -> list[Effect]:
        """Judge what is said to prove that owners removed this device; of no effect if it does not."""
        ...

    def took_addresses(self, rows: Sequence[tuple[DeviceId, Address]], asker: bytes) -> bool:
        """Take where members are, if the asker's X25519 key is the master's, and this device may lead."""
        ...

    def join_requested(self, change: Change, now: float) -> list[Effect]:
        """The same for a device creation whose binding to the stream was checked."""
        ...
