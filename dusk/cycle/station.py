"""What both sides of a cycle share: who we are, our log, our peers, our links."""

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Protocol

from dusk.changelog.certificate import Certificate
from dusk.changelog.entry import SignedHead
from dusk.cycle.contacts import Contacts
from dusk.cycle.datagrams import Channel, Opened, path_of
from dusk.cycle.messages import Kind, Offer, Pong
from dusk.cycle.peers import Peer, Peers
from dusk.cycle.questions import FIRST_MAX, Hello
from dusk.cycle.whereabouts import Row, Whereabouts
from dusk.effects import Address, Effect, Link, LogItem, SendDatagram, SendMulticast
from dusk.errors import UntrustedInput
from dusk.ids import BootId, ChainHash, DeviceId, Head, Seq
from dusk.lazy import dataclass

HELLO_ANSWERS = 2
"""So many members answer a HELLO to all besides who leads: with a PONG, and a START that they pass back.
All that is no more than the HELLO has bytes (A15); the next one asks the next."""
KNOWN_ASKED = 4
"""Members that a device which may lead asks alone, with each question to all."""
PONG_GAP_S = 0.05
"""Between two PONGs to one member; its challenges come once a cycle."""


class LogView(Protocol):
    """What cycles need of a log."""

    @property
    def head(self) -> Head:
        """The newest entry's position."""

    @property
    def newest(self) -> SignedHead | None:
        """The newest signed head."""

    @property
    def leader(self) -> DeviceId | None:
        """Who opened the epoch of the head."""

    def chain_at(self, seq: int) -> ChainHash | None:
        """Return the chain hash at a position that the log has."""

    @property
    def settled(self) -> Seq:
        """Up to where all holders that have a say have the log on their disks."""

    @property
    def certified(self) -> Certificate | None:
        """The newest certificate that was taken."""

    def certificates_above(self, settled: int) -> tuple[Certificate, ...]:
        """Return the certificates that settle the log for who has settled no more than this, in order."""

    def required_at(self, seq: int, since: int | None = None) -> frozenset[DeviceId]:
        """Return the holders that must acknowledge an entry, for who has settled ``since`` (None: us)."""


@dataclass(frozen=True, slots=True)
class Advance:
    """Entries came that lead to a head; the log decides (then `Follower.stored` or `.refused`)."""

    items: tuple[LogItem, ...]
    signed_head: SignedHead


@dataclass(frozen=True, slots=True)
class Behind:
    """Somebody holds more than we do, or says what we cannot read: catch up there by a stream.

    ``head`` is what that device says it has; None if we could not read it.
    """

    address: Address
    head: Head | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """A member's head does not fit our log: fork, rollback or equivocation.

    ``signed_head`` is there if a holder of the succession signed it, None if a member only
    says that it has it.
    """

    address: Address
    head: Head
    signed_head: SignedHead | None


@dataclass(frozen=True, slots=True)
class Offered:
    """A member has left a branch, in which changes may stand that have no outcome in the log."""

    address: Address
    offer: Offer


Outcome = Advance | Behind | Conflict | Offered


@dataclass(frozen=True, slots=True)
class Step:
    """What one input leads to: effects in order, at most one thing for the node to do, then a certificate.

    Attributes:
        effects: in order.
        outcome: for the node.
        certificate: to be given to the log, behind all that; the log verifies it.
    """

    effects: tuple[Effect, ...] = ()
    outcome: Outcome | None = None
    certificate: Certificate | None = None


NOTHING = Step()


@dataclass(slots=True)
class Station:
    """One device as its own cycle sees it.

    Attributes:
        peers: the other members; also who we are.
        log: our log, read only.
        boot: this run.
        random_bytes: source of nonces, challenges, jitter.
        channel: seals and opens.
        links: where multicast goes now.
        configured: addresses to ask at besides.
        contacts: the same, with what was heard from there.
        whereabouts: where members are, as far as that was learnt.
        asked: how many questions to all wanted answers of several.
    """

    peers: Peers
    log: LogView
    boot: BootId
    random_bytes: Callable[[int], bytes]
    channel: Channel = field(init=False)
    links: tuple[Link, ...] = ()
    configured: tuple[Address, ...] = ()
    contacts: Contacts = field(init=False)
    whereabouts: Whereabouts = field(init=False)
    asked: int = 0

    def __post_init__(self) -> None:
        """Make the channel over these peers."""
        self.contacts = Contacts(self.configured)
        self.whereabouts = Whereabouts(self.peers)
        self.channel = Channel(self.peers, self.random_bytes)

    @property
    def can_send(self) -> bool:
        """Whether there is a group key to seal with."""
        return self.channel.keys.newest is not None

    def fraction(self) -> float:
        """Return a random number from 0 to below 1."""
        return int.from_bytes(self.random_bytes(4), "big") / 2**32

    def knows(self, address: Address) -> bool:
        """Tell whether a member answered from an address, is said to be there, or the settings name it."""
        return address in self.contacts.addresses or self.whereabouts.has(address)

    def multicast(self, datagrams: Sequence[bytes], links: Sequence[Link]) -> list[Effect]:
        """Send to the group on some links, each datagram everywhere before the next."""
        return [SendMulticast(datagram, link) for datagram in datagrams for link in links]

    def hello(self, challenge: bytes) -> list[Effect]:
        """Ask all who hear, and at the configured addresses; without a group key who may lead knocks."""
        if not self.can_send:
            return self._knock()
        to_all = self._hello(challenge, self._whom_next())
        return [
            *self.multicast([to_all], self.links),
            *self.hello_to((*self.contacts.addresses, *self.whereabouts.elsewhere()), challenge),
        ]

    def _knock(self) -> list[Effect]:
        """Ask by what nobody can read: who hears nobody then asks us, by a stream."""
        if self.peers.own_place is None:
            return []
        knock = self.channel.knock()
        addresses = dict.fromkeys((*self.contacts.addresses, *self.whereabouts.elsewhere()))
        return [*self.multicast([knock], self.links), *(SendDatagram(knock, to) for to in addresses)]

    def _whom_next(self) -> int | None:
        """Return which members shall answer though they do not lead: who may lead asks all in turn."""
        peers = self.peers
        if peers.own_place is None:
            return None
        self.asked += 1
        return ((peers.own_index or 0) + 1 + HELLO_ANSWERS * (self.asked - 1)) % (FIRST_MAX + 1)

    def hello_to(self, addresses: Sequence[Address], challenge: bytes) -> list[Effect]:
        """Ask whoever is at some addresses; nothing without a group key."""
        if not self.can_send or not addresses:
            return []
        datagram = self._hello(challenge)
        return [SendDatagram(datagram, to) for to in dict.fromkeys(addresses)]

    def _hello(self, challenge: bytes, first: int | None = None) -> bytes:
        return self.channel.seal_group(Kind.HELLO, self._question(challenge, first))

    def ask(self, peer: Peer, to: Address, challenge: bytes) -> list[Effect]:
        """Ask one member."""
        return [SendDatagram(self.channel.seal_to(peer, Kind.ASK, self._question(challenge)), to)]

    def ask_known(self, challenge: bytes, besides: DeviceId | None) -> list[Effect]:
        """Ask a few members where they were heard or said to be, in turn: nobody else can ask so (A44)."""
        return self.ask_at(self.whereabouts.some(KNOWN_ASKED, besides), challenge)

    def ask_at(self, rows: Sequence[Row], challenge: bytes) -> list[Effect]:
        """Ask some members where they may be."""
        found = ((self.peers.get(device), at) for device, at in rows)
        return [effect for peer, at in found if peer is not None for effect in self.ask(peer, at, challenge)]

    def _question(self, challenge: bytes, first: int | None = None) -> bytes:
        peers = self.peers
        return Hello(peers.own_id, challenge, peers.own_place is not None, first).encode()

    def pong(
        self, opened: Opened, peer: Peer, pong: Pong, now: float, *, proven: bool = False
    ) -> list[Effect]:
        """Answer to where a datagram came from: rarely, and never with more bytes (A15).

        Args:
            opened: what is answered.
            peer: who gets the answer.
            pong: the answer.
            now: monotonic seconds.
            proven: whether its source is known to be the member's, so that size is no matter.
        """
        if now - peer.pong_at < PONG_GAP_S:
            return []
        datagram = self.channel.seal_to(peer, Kind.PONG, pong.encode())
        if not proven and len(datagram) > opened.size_bytes:
            return []
        peer.pong_at = now
        if opened.source == peer.path.address:
            peer.path.sent(path_of(datagram))
        return [SendDatagram(datagram, opened.source)]

    def asking(self, opened: Opened, hello: Hello) -> Peer:
        """Return who sent a HELLO or ASK.

        Raises:
            UntrustedInput: ourselves (own packets looped back), a stranger, or two names.
        """
        peer = self.peers.get(hello.sender)
        if peer is None or opened.sender not in (None, peer):
            raise UntrustedInput("HELLO: not from another member")
        return peer
