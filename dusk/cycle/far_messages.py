"""Plaintexts that bring members of other networks together (`specs/cycles.md`, section 3)."""

import ipaddress
from dataclasses import dataclass

from dusk import codec, limits
from dusk.effects import Address
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId

CHALLENGE_BYTES = 8
_HOST_BYTES_MAX = 45
"""The longest numeric address."""


@dataclass(frozen=True, slots=True)
class Refer:
    """REFER: a member passes on where a HELLO came from, so that who leads answers there itself.

    Attributes:
        challenge: of the HELLO.
        asker: who sent it.
        source: where it came from, as the member saw it: a numeric host that can be routed, and a port.
    """

    challenge: bytes
    asker: DeviceId
    source: Address

    def encode(self) -> bytes:
        """Return the plaintext."""
        return codec.pack((self.challenge, self.asker, self.source.host, self.source.port))


def decode_refer(data: bytes) -> Refer:
    """Read a REFER."""
    row = codec.fields(codec.unpack(data, size_max=limits.DATAGRAM_BYTES_MAX, depth_max=1), 4, "REFER")
    challenge = codec.exactly(row[0], CHALLENGE_BYTES, "REFER challenge")
    asker = DeviceId(codec.exactly(row[1], 16, "REFER asker"))
    host = codec.text(row[2], _HOST_BYTES_MAX, "REFER host")
    if not can_be_routed(host):
        raise UntrustedInput("REFER: not the address of one device that can be routed")
    return Refer(challenge, asker, Address(host, codec.integer(row[3], 1, 65535, "REFER port")))


def can_be_routed(host: str) -> bool:
    """Tell whether a host is the numeric address of one device, in its usual form, beyond any one link."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    is_one = not (ip.is_multicast or ip.is_unspecified or (ip.version == 4 and ip.is_reserved))
    return is_one and not ip.is_link_local and "%" not in host and str(ip) == host
