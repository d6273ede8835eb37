"""Where a member is, and whether that is known beyond what a spoofed datagram could say (A15).

An address is proven when the member answers a datagram that was sent there alone, by naming a part
of its nonce. Until then no more bytes go there than came from it.
"""

from dusk.effects import Address
from dusk.lazy import dataclass

PATHS_MAX = 8
"""So many of the newest datagrams may be answered."""
CREDIT_BYTES_MAX = 4096
"""What came from an unproven address counts up to so much."""


@dataclass(slots=True)
class Path:
    """One member's address.

    Attributes:
        address: where its newest answer came from.
        is_proven: whether it receives what is sent there.
        credit_bytes: what may be sent there as long as it is not proven.
    """

    address: Address | None = None
    is_proven: bool = False
    credit_bytes: int = 0
    _sent: tuple[bytes, ...] = ()  # of most members nothing: a deque has room for 64 from the beginning (P6)

    def heard(self, source: Address, size_bytes: int) -> None:
        """Note that an authentic datagram came from an address."""
        if source != self.address:
            self.address, self.is_proven, self.credit_bytes = source, False, 0
            self._sent = ()
        self.credit_bytes = min(CREDIT_BYTES_MAX, self.credit_bytes + size_bytes)

    def sent(self, path: bytes) -> None:
        """Note what a datagram to the address will be answered with."""
        self._sent = (*self._sent, path)[-PATHS_MAX:]

    def answered(self, path: bytes | None, source: Address) -> None:
        """Take what an answer names."""
        if path in self._sent and source == self.address:
            self.is_proven = True

    def spend(self, size_bytes: int) -> bool:
        """Tell whether so many bytes may go there, which the caller then sends."""
        if self.is_proven:
            return True
        if self.address is None or size_bytes > self.credit_bytes:
            return False
        self.credit_bytes -= size_bytes
        return True
