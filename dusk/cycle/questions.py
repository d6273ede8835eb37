"""Plaintexts of who asks whether anybody leads, and of who passes that on (`specs/cycles.md`, section 3).

Nobody who asks has shown where it is, and a recording asks as well as its maker. So a question is
as long as all that it may bring to where it came from (A15), and what passes it on names a START
that was heard just now.
"""

from collections.abc import Sequence
from typing import Any

from dusk import codec, limits
from dusk.cycle.far_messages import HOST_BYTES_MAX, can_be_routed
from dusk.effects import Address
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId
from dusk.lazy import dataclass

CHALLENGE_BYTES = 8
HELLO_BYTES = 223
"""Plaintext of a question: its datagram is at least as long as any PONG or RELAYED."""
HELLO_LONG_BYTES = 1143
"""The same of one to all that several answer: a datagram of 1,200 bytes."""
REFER_BYTES = 215
"""Plaintext of a REFER: its datagram is as long as a HELLO."""
FIRST_MAX = 2**16 - 1
_PAD_HEADER_BYTES = 2, 3
"""Of a byte string of less than 256 bytes, and of a longer one."""


@dataclass(frozen=True, slots=True)
class Hello:
    """HELLO (multicast) and ASK (unicast): who lives, and who leads? Padded.

    Attributes:
        sender: who asks; in an ASK the same as in its header.
        challenge: 8 fresh random bytes.
        may_lead: whether the sender may lead by its own log, which may be an older one (A28).
        first: the place, among all members, of the first of the few that answer though they do not
            lead, counted on behind the last; None: none of them does.
    """

    sender: DeviceId
    challenge: bytes
    may_lead: bool = False
    first: int | None = None

    def encode(self) -> bytes:
        """Return the plaintext, always as long as its answers may be."""
        size = HELLO_BYTES if self.first is None else HELLO_LONG_BYTES
        return _padded((self.sender, self.challenge, self.may_lead, self.first), size)


def decode_hello(data: bytes) -> Hello:
    """Read a HELLO or an ASK."""
    row = _unpadded(data, 5, "HELLO")
    sender = DeviceId(codec.exactly(row[0], 16, "HELLO sender"))
    challenge = codec.exactly(row[1], CHALLENGE_BYTES, "HELLO challenge")
    first = None if row[3] is None else codec.integer(row[3], 0, FIRST_MAX, "HELLO first")
    if len(data) != (HELLO_BYTES if first is None else HELLO_LONG_BYTES):
        raise UntrustedInput("HELLO: not padded as it must be")
    return Hello(sender, challenge, codec.boolean(row[2], "HELLO may lead"), first)


@dataclass(frozen=True, slots=True)
class Forward:
    """FORWARD: a member passes the challenge of a HELLO or ASK on to the master that it hears (A44).

    Attributes:
        challenge: to be echoed by the next START.
        asker: the device of the succession that drew it.
        nonce: of the newest START that the member heard: a recording names an old one.
        is_proven: whether the question was sealed by the asker, and not by anybody with the group key.
    """

    challenge: bytes
    asker: DeviceId
    nonce: bytes
    is_proven: bool = False

    def encode(self) -> bytes:
        """Return the plaintext."""
        return codec.pack((self.challenge, self.asker, self.nonce, self.is_proven))


def decode_forward(data: bytes) -> Forward:
    """Read a FORWARD."""
    row = codec.fields(codec.unpack(data, size_max=limits.DATAGRAM_BYTES_MAX, depth_max=1), 4, "FORWARD")
    return Forward(
        codec.exactly(row[0], CHALLENGE_BYTES, "FORWARD challenge"),
        DeviceId(codec.exactly(row[1], 16, "FORWARD asker")),
        codec.exactly(row[2], CHALLENGE_BYTES, "FORWARD nonce"),
        codec.boolean(row[3], "FORWARD proven"),
    )


@dataclass(frozen=True, slots=True)
class Refer:
    """REFER: a member passes on where a HELLO came from, so that who leads answers there itself. Padded.

    Attributes:
        challenge: of the HELLO.
        asker: who sent it.
        source: where it came from, as the member saw it: a numeric host that can be routed, and a port.
        nonce: of the newest START that the member heard.
    """

    challenge: bytes
    asker: DeviceId
    source: Address
    nonce: bytes

    def encode(self) -> bytes:
        """Return the plaintext, always ``REFER_BYTES`` long."""
        where = self.source.host, self.source.port
        return _padded((self.challenge, self.asker, *where, self.nonce), REFER_BYTES)


def decode_refer(data: bytes) -> Refer:
    """Read a REFER."""
    row = _unpadded(data, 6, "REFER")
    challenge = codec.exactly(row[0], CHALLENGE_BYTES, "REFER challenge")
    asker = DeviceId(codec.exactly(row[1], 16, "REFER asker"))
    host = codec.text(row[2], HOST_BYTES_MAX, "REFER host")
    if not can_be_routed(host):
        raise UntrustedInput("REFER: not the address of one device that can be routed")
    source = Address(host, codec.integer(row[3], 1, 65535, "REFER port"))
    nonce = codec.exactly(row[4], CHALLENGE_BYTES, "REFER nonce")
    if len(data) != REFER_BYTES:
        raise UntrustedInput("REFER: not padded as it must be")
    return Refer(challenge, asker, source, nonce)


def _padded(row: Sequence[Any], size: int) -> bytes:
    """Encode a row and zero bytes behind it, so many in all."""
    bare = len(codec.pack(row))
    header = _PAD_HEADER_BYTES[size - bare > 0xFF]
    return codec.pack((*row, bytes(size - bare - header)))


def _unpadded(data: bytes, count: int, what: str) -> list[Any]:
    """Read a row that ends with zero bytes."""
    row = codec.fields(codec.unpack(data, size_max=limits.DATAGRAM_BYTES_MAX, depth_max=1), count, what)
    if any(codec.blob(row[-1], HELLO_LONG_BYTES, f"{what} padding")):
        raise UntrustedInput(f"{what}: not padded as it must be")
    return row
