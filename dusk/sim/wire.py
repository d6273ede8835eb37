"""Reads what devices send, with all their keys: what did this message promise (R8)?"""

from collections.abc import Iterable
from dataclasses import dataclass

from dusk.cycle.datagrams import CLUSTER_TAG_BYTES
from dusk.cycle.groupkeys import KEY_ID_BYTES, decode_group_keys
from dusk.cycle.messages import (
    AnswerCode,
    Kind,
    decode_answer,
    decode_fragment,
    decode_pong,
    decode_respond,
    decode_start,
)
from dusk.cycle.peers import NOWHERE
from dusk.errors import UntrustedInput
from dusk.ids import ChangeId, ClusterId, DeviceId, Seq
from dusk.keys.box import NONCE_BYTES, open_sealed, pairwise_key
from dusk.keys.signing import SigningKey

_ID_AT = CLUSTER_TAG_BYTES + 1
_DEVICE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Said:
    """What a datagram promises.

    Attributes:
        kind: what it is.
        seq: the position that it says its sender has.
        chain: the chain hash there, or its beginning; empty if it names none.
        change: the change that it says is there.
        settled: up to where it says the log is final.
        certificate: what it shows as proof of that, or None.
    """

    kind: Kind
    seq: Seq = NOWHERE
    chain: bytes = b""
    change: ChangeId | None = None
    settled: Seq = NOWHERE
    certificate: bytes | None = None


class Reader:
    """Opens any datagram of the cluster.

    Args:
        cluster: its id.
        keys: every device's key, by id.
    """

    def __init__(self, cluster: ClusterId, keys: dict[DeviceId, SigningKey]) -> None:
        self._cluster, self._keys = cluster, keys
        self._group_keys: dict[bytes, set[bytes]] = {}
        self._pairwise: dict[tuple[bytes, bytes], bytes] = {}

    @property
    def ids(self) -> list[DeviceId]:
        """All devices that ever were."""
        return list(self._keys)

    def add(self, key: SigningKey) -> None:
        """Take the key of one more device."""
        self._keys[DeviceId(key.key_id)] = key

    def learn(self, ring: bytes) -> None:
        """Note the group keys that a device stored."""
        for key in decode_group_keys(ring).keys:
            self._group_keys.setdefault(key.id, set()).add(key.key)

    def read(self, data: bytes, receiver: DeviceId | None) -> Said:
        """Open a datagram.

        Raises:
            UntrustedInput: it is not what it should be.
            KeyError: it is sealed with a key that no disk holds.
        """
        kind = Kind(data[CLUSTER_TAG_BYTES])
        pairwise = kind not in (Kind.START, Kind.DATA, Kind.HELLO, Kind.REPEAT)
        nonce_at = _ID_AT + (_DEVICE_BYTES if pairwise else KEY_ID_BYTES)
        name, end = data[_ID_AT:nonce_at], nonce_at + NONCE_BYTES
        associated = data[:end]
        if pairwise:
            assert receiver is not None, "a pairwise datagram goes to one device"
            keys = {self._shared(name, receiver)}
            associated += receiver
        elif kind is Kind.HELLO and name not in self._group_keys:
            return Said(kind)  # a knock: who has no group key asks by what nobody can read
        else:
            keys = self._group_keys[name]
        return _said(kind, _open_any(keys, data[nonce_at:end], associated, data[end:]))

    def _shared(self, sender: bytes, receiver: bytes) -> bytes:
        pair = (min(sender, receiver), max(sender, receiver))
        if pair not in self._pairwise:
            own, other = self._keys[DeviceId(sender)], self._keys[DeviceId(receiver)]
            self._pairwise[pair] = pairwise_key(own, other.public, self._cluster)
        return self._pairwise[pair]


def _open_any(keys: Iterable[bytes], nonce: bytes, associated: bytes, ciphertext: bytes) -> bytes:
    """Open with whichever key fits: a hostile member may hand out another by the same name."""
    for key in keys:
        try:
            return open_sealed(key, nonce, associated, ciphertext)
        except UntrustedInput:
            continue
    raise UntrustedInput("sealed bytes: with no key that is known")


def _said(kind: Kind, plaintext: bytes) -> Said:
    match kind:
        case Kind.START:
            start = decode_start(plaintext)
            head, certificate = start.head, start.rest.certificate
            return Said(kind, head.seq, head.chain, certificate=certificate)
        case Kind.DATA:
            fragment = decode_fragment(plaintext)
            return Said(kind, fragment.last, fragment.chain)
        case Kind.RESPOND:
            respond = decode_respond(plaintext)
            head = respond.head
            return Said(kind, head.seq, head.chain, settled=respond.settled)
        case Kind.PONG:
            head = decode_pong(plaintext).signed_head.head
            return Said(kind, head.seq, head.chain)
        case Kind.ANSWER:
            answer = decode_answer(plaintext)
            if answer.code is AnswerCode.STORED:
                return Said(kind, answer.seq, b"", answer.change)
    return Said(kind)
