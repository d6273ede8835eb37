"""Certificates: the holders' word that they have an entry on their disks (`specs/log.md`, section 9).

An acknowledgement is a holder's signature over a head. A certificate is one head with the
acknowledgements of several holders; which of them it takes is the log's to say.
"""

from collections.abc import Mapping
from itertools import pairwise

from dusk import codec, limits
from dusk.changelog.entry import HEAD_ROW, pack_head
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import ClusterId, DeviceId, Head, labelled_hash
from dusk.keys.signing import SigningKey, verify
from dusk.lazy import dataclass

ACK_LABEL = b"dusk.ack"

_ACK = codec.Row("acknowledgement", device=codec.size(16), signature=codec.size(64))
_CERTIFICATE = codec.Row(
    "certificate",
    head=codec.row(HEAD_ROW),
    acks=codec.rows_to(limits.CERTIFICATE_ACKS_MAX, _ACK, 1),
)


def sign_ack(key: SigningKey, cluster: ClusterId, head: Head) -> bytes:
    """Acknowledge that a head, and all before it, is on this holder's disk: 64 bytes."""
    return key.sign(ACK_LABEL, cluster, _acknowledged(head))


def verify_ack(public: bytes, cluster: ClusterId, head: Head, ack: bytes) -> bool:
    """Tell whether an acknowledgement of a head is that key's."""
    return verify(public, ACK_LABEL, cluster, _acknowledged(head), ack)


def _acknowledged(head: Head) -> bytes:
    return labelled_hash(ACK_LABEL, pack_head(head))


@dataclass(frozen=True, slots=True)
class Certificate:
    """A head with acknowledgements, sorted by device, none twice; not verified here.

    Args:
        head: the position that is acknowledged.
        acks: device and its 64-byte signature, 1 to 32 of them.
    """

    head: Head
    acks: tuple[tuple[DeviceId, bytes], ...]

    @classmethod
    def of(cls, head: Head, acks: Mapping[DeviceId, bytes]) -> "Certificate":
        """Make a certificate of the acknowledgements by device."""
        return cls(head, tuple(sorted(acks.items())))

    def encode(self) -> bytes:
        """Return the bytes as stored and sent."""
        h = self.head
        return codec.pack(((h.generation, h.mandate, h.epoch, h.seq, h.chain), self.acks))

    def item(self) -> LogItem:
        """Return the certificate as it is stored and sent with the log."""
        return LogItem(ItemKind.CERTIFICATE, self.encode())


def decode_certificate(data: bytes) -> Certificate:
    """Read a certificate; its signatures are not checked here.

    Raises:
        UntrustedInput: anything but the one encoding.
    """
    row, acks = _CERTIFICATE.decode(data, size_max=limits.CERTIFICATE_BYTES_MAX)
    if any(a[0] >= b[0] for a, b in pairwise(acks)):
        raise UntrustedInput("certificate: acknowledgements not sorted, or one twice")
    return Certificate(Head(*row), tuple((DeviceId(device), ack) for device, ack in acks))
