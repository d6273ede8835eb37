"""Headers and seals of datagrams (`specs/cycles.md`, section 2).

What costs nothing is checked first: size, tag, kind, whether we have the key (R10). Nothing
that fails here is ever answered by UDP (A15).
"""

from collections.abc import Callable
from enum import Enum, auto

from dusk.cycle.far_messages import PATH_BYTES
from dusk.cycle.groupkeys import KEY_ID_BYTES, GroupKeys
from dusk.cycle.messages import Kind
from dusk.cycle.peers import Peer, Peers
from dusk.cycle.questions import HELLO_BYTES
from dusk.effects import Address
from dusk.errors import UntrustedInput
from dusk.ids import ClusterId, DeviceId, labelled_hash
from dusk.keys.box import NONCE_BYTES, TAG_BYTES, open_sealed, seal
from dusk.lazy import dataclass
from dusk.limits import DATAGRAM_BYTES_MAX

CLUSTER_TAG_BYTES = 8
_KIND_AT = CLUSTER_TAG_BYTES
_ID_AT = _KIND_AT + 1
_DEVICE_ID_BYTES = 16
GROUP_OVERHEAD_BYTES = _ID_AT + KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES
HELLO_DATAGRAM_BYTES = GROUP_OVERHEAD_BYTES + HELLO_BYTES
PAIRWISE_OVERHEAD_BYTES = _ID_AT + _DEVICE_ID_BYTES + NONCE_BYTES + TAG_BYTES
_GROUP_KINDS = frozenset((Kind.START, Kind.DATA, Kind.HELLO, Kind.REPEAT))
_CALLS = frozenset(bytes((kind,)) for kind in (Kind.START, Kind.REPEAT, Kind.HELLO))


def cluster_tag(cluster: ClusterId) -> bytes:
    """Return the first 8 bytes of every datagram of a cluster."""
    return labelled_hash(b"dusk.tag", cluster)[:CLUSTER_TAG_BYTES]


def is_call(data: bytes, tag: bytes) -> bool:
    """Tell whether this looks like what a member of the cluster with this tag sends to all.

    A joiner cannot open it, and asks its sender: who leads, repeats a START, or looks for who leads.
    """
    return data[:_KIND_AT] == tag and data[_KIND_AT:_ID_AT] in _CALLS


def path_of(datagram: bytes) -> bytes:
    """Return what an answer names of a datagram that came to one device alone."""
    is_group = datagram[_KIND_AT] in _GROUP_KINDS
    nonce_at = _ID_AT + (KEY_ID_BYTES if is_group else _DEVICE_ID_BYTES)
    return datagram[nonce_at : nonce_at + PATH_BYTES]


def without_name(datagram: bytes) -> bytes:
    """Return a datagram as it goes in a BUNDLE: its tag and kind are known."""
    return datagram[_ID_AT:]


def sender_in(answer: bytes) -> bytes:
    """Return whom an answer of a BUNDLE says to be from: proven by whoever opens it."""
    return answer[:_DEVICE_ID_BYTES]


@dataclass(frozen=True, slots=True)
class Opened:
    """A datagram that authenticated.

    Attributes:
        kind: what it is.
        sender: who sealed it; None under the group key, which any member has.
        plaintext: to be decoded by its kind.
        nonce: 24 bytes, of the seal.
        source: where it came from, which nothing proves.
        size_bytes: of the whole datagram; an answer to an unproven source is no larger.
        by_multicast: whether it came to all on a link, not to this device alone.
    """

    kind: Kind
    sender: Peer | None
    plaintext: bytes
    nonce: bytes
    source: Address
    size_bytes: int
    by_multicast: bool = False

    @property
    def path(self) -> bytes:
        """What an answer to it names, to show that it arrived."""
        return self.nonce[:PATH_BYTES]


class Lack(Enum):
    """Why a datagram that one of the cluster may have sent cannot be read."""

    KEY = auto()
    """A START under a group key that we lack."""
    QUESTION = auto()
    """A HELLO under one: who asks may have led, and have an older disk than it had (A28)."""
    REAL_KEY = auto()
    """A START under the name of a key that we have, which does not open it: ours may be forged."""
    SENDER = auto()
    """A PONG by a device that our log does not know, or with a head by one that it does not let lead."""


_LACKS = {Kind.START: Lack.KEY, Kind.HELLO: Lack.QUESTION}
"""What of kinds under a group key that we lack is worth a question."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A datagram with our tag that shows what we may lack: a reason to ask its source by a stream."""

    source: Address
    lack: Lack


class Channel:
    """Seals and opens datagrams.

    Args:
        peers: the members, and the keys shared with them.
        random_bytes: for nonces.
    """

    def __init__(self, peers: Peers, random_bytes: Callable[[int], bytes]) -> None:
        self.keys = GroupKeys()
        """To be replaced when a key comes, or the log's newest removal changes."""
        self.stored = b""
        """The ring of keys as the disk has it."""
        self._peers = peers
        self._random_bytes = random_bytes
        self._tag = cluster_tag(peers.cluster)

    def seal_group(self, kind: Kind, plaintext: bytes) -> bytes:
        """Return a datagram for all members; there is a group key."""
        assert self.keys.newest is not None, "nothing is sent before there is a group key"
        nonce = self._random_bytes(NONCE_BYTES)
        header = self._tag + bytes((kind,)) + self.keys.newest.id + nonce
        return header + seal(self.keys.newest.key, nonce, header, plaintext)

    def knock(self) -> bytes:
        """Return a HELLO that nobody can read: who has no group key shows by it that it asks (A28)."""
        return self._tag + bytes((Kind.HELLO,)) + self._random_bytes(HELLO_DATAGRAM_BYTES - _ID_AT)

    def seal_to(self, peer: Peer, kind: Kind, plaintext: bytes) -> bytes:
        """Return a datagram for one member.

        Raises:
            UntrustedInput: the member's public key is not acceptable.
        """
        nonce = self._random_bytes(NONCE_BYTES)
        header = self._tag + bytes((kind,)) + self._peers.own_id + nonce
        return header + seal(self._peers.key_with(peer), nonce, header + peer.device_id, plaintext)

    def open(self, data: bytes, source: Address, *, by_multicast: bool = False) -> Opened | Unreadable:
        """Authenticate outside bytes.

        Args:
            data: a datagram.
            source: where it came from.
            by_multicast: whether it came to all on a link.

        Raises:
            UntrustedInput: not for us, not authentic, from a stranger or from ourselves.
        """
        if not GROUP_OVERHEAD_BYTES < len(data) <= DATAGRAM_BYTES_MAX:
            raise UntrustedInput("datagram: wrong size")
        if data[:_KIND_AT] != self._tag:
            raise UntrustedInput("datagram: of another cluster")
        try:
            kind = Kind(data[_KIND_AT])
        except ValueError:
            raise UntrustedInput("datagram: unknown kind") from None
        if kind in _GROUP_KINDS:
            return self._open_group(kind, data, source, by_multicast=by_multicast)
        return self._open_pairwise(kind, data, source)

    def open_bundled(self, answer: bytes, source: Address) -> Opened:
        """Authenticate one answer of a BUNDLE.

        Raises:
            UntrustedInput: as :meth:`open`.
        """
        opened = self.open(self._tag + bytes((Kind.RESPOND,)) + answer, source)
        assert isinstance(opened, Opened), "a RESPOND is of a member, or refused"
        return opened

    def _open_group(
        self, kind: Kind, data: bytes, source: Address, *, by_multicast: bool
    ) -> Opened | Unreadable:
        nonce_at = _ID_AT + KEY_ID_BYTES
        key = self.keys.find(data[_ID_AT:nonce_at])
        if key is None:
            if kind not in _LACKS:
                raise UntrustedInput("datagram: under an unknown group key")
            return Unreadable(source, _LACKS[kind])
        end = nonce_at + NONCE_BYTES
        try:
            plaintext = open_sealed(key.key, data[nonce_at:end], data[:end], data[end:])
        except UntrustedInput:
            if kind is Kind.START:
                return Unreadable(source, Lack.REAL_KEY)
            raise
        return Opened(kind, None, plaintext, data[nonce_at:end], source, len(data), by_multicast)

    def _open_pairwise(self, kind: Kind, data: bytes, source: Address) -> Opened | Unreadable:
        if len(data) <= PAIRWISE_OVERHEAD_BYTES:
            raise UntrustedInput("datagram: wrong size")
        nonce_at = _ID_AT + _DEVICE_ID_BYTES
        device = DeviceId(data[_ID_AT:nonce_at])
        peer = self._peers.get(device)
        if peer is None and kind is Kind.PONG and device != self._peers.own_id:
            return Unreadable(source, Lack.SENDER)
        if peer is None:
            raise UntrustedInput("datagram: not from another member")
        end = nonce_at + NONCE_BYTES
        key, nonce = self._peers.key_with(peer), data[nonce_at:end]
        plaintext = open_sealed(key, nonce, data[:end] + self._peers.own_id, data[end:])
        return Opened(kind, peer, plaintext, nonce, source, len(data))
