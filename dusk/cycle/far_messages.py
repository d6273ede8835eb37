"""Plaintexts that bring members of other networks together (`specs/cycles.md`, section 3)."""

import ipaddress
from collections.abc import Sequence

from dusk import codec, limits
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId
from dusk.lazy import dataclass

PATH_BYTES = 8
"""Of a nonce of 24 random bytes: guessed with 2⁻⁶⁴."""
HOST_BYTES_MAX = 45
"""The longest numeric address."""


def is_of_one_device(host: str) -> bool:
    """Tell whether a host is the numeric address of one device, in its usual form; a link may be named."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    is_one = not (ip.is_multicast or ip.is_unspecified or (ip.version == 4 and ip.is_reserved))
    return is_one and str(ip) == host


def can_be_routed(host: str) -> bool:
    """Tell whether a host is the address of one device, as ``is_of_one_device`` says, beyond any one link."""
    return is_of_one_device(host) and "%" not in host and not ipaddress.ip_address(host).is_link_local


@dataclass(frozen=True, slots=True)
class Via:
    """How a START came that its sender's multicast did not bring (in a RESPOND).

    Attributes:
        path: first 8 bytes of the nonce of the datagram that came to this device alone, or None:
            it shows who sent that datagram that it arrived where it was sent.
        repeater: which device repeats STARTs on this link, or would; this one if no other is known.
    """

    path: bytes | None
    repeater: DeviceId

    def row(self) -> list[bytes | None]:
        """Return it as it stands in a RESPOND."""
        return [self.path, self.repeater]


def decode_via(value: object) -> Via:
    """Read what :meth:`Via.row` wrote."""
    row = codec.fields(value, 2, "RESPOND via")
    path = None if row[0] is None else codec.exactly(row[0], PATH_BYTES, "RESPOND path")
    return Via(path, DeviceId(codec.exactly(row[1], 16, "RESPOND repeater")))


@dataclass(frozen=True, slots=True)
class Repeat:
    """REPEAT: a device sends to its link what reached it alone.

    Attributes:
        sender: that device.
        start: the plaintext of a START; None: it has none to repeat yet, and says that it would.
    """

    sender: DeviceId
    start: bytes | None

    def encode(self) -> bytes:
        """Return the plaintext."""
        return codec.pack((self.sender, self.start))


def decode_repeat(data: bytes) -> Repeat:
    """Read a REPEAT; the START inside is not looked at."""
    row = codec.fields(codec.unpack(data, size_max=limits.DATAGRAM_BYTES_MAX, depth_max=1), 2, "REPEAT")
    start = None if row[1] is None else codec.blob(row[1], limits.DATAGRAM_BYTES_MAX, "REPEAT start")
    return Repeat(DeviceId(codec.exactly(row[0], 16, "REPEAT sender")), start)


def encode_bundle(answers: Sequence[bytes]) -> bytes:
    """Return the plaintext of a BUNDLE.

    Args:
        answers: RESPOND datagrams without tag and kind, as their senders sealed them.
    """
    return codec.pack(tuple(answers))


def decode_bundle(data: bytes) -> tuple[bytes, ...]:
    """Read a BUNDLE; the answers inside are not looked at."""
    rows = codec.unpack(data, size_max=limits.DATAGRAM_BYTES_MAX, depth_max=1)
    found = codec.items(rows, limits.BUNDLE_ANSWERS_MAX, "BUNDLE")
    if not found:
        raise UntrustedInput("BUNDLE: without an answer")
    return tuple(codec.blob(row, limits.DATAGRAM_BYTES_MAX, "BUNDLE answer") for row in found)
