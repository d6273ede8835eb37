"""Acknowledgements: a holder's word for what is on its disk, and the certificates that settle it.

A holder sends its acknowledgement with its answer while that head is not settled. Each is
verified once, and only for a head that we announced; what nobody is asked for costs nothing.
"""

from collections.abc import Sequence

from dusk.changelog.certificate import Certificate, sign_ack, verify_ack
from dusk.cycle.peers import Peer
from dusk.cycle.station import Station
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId, Head, Seq
from dusk.limits import ACKNOWLEDGED_HEADS_MAX, CERTIFICATE_IN_START_BYTES_MAX

STARTS_WITH_CERTIFICATE = 8
"""So many STARTs in a row carry one certificate to those that lack it ..."""
THEN_EVERY = 16
"""... and then one of so many: who never takes it shall not make every START long (P8)."""


class OwnAck:
    """This device's acknowledgement of its own head: made once for each head.

    Args:
        station: this device.
    """

    def __init__(self, station: Station) -> None:
        self._station = station
        self._made: tuple[Head, bytes] | None = None

    def of(self, head: Head) -> bytes:
        """Return the acknowledgement of a head that is on our disk (R8)."""
        if self._made is None or self._made[0] != head:
            peers = self._station.peers
            self._made = head, sign_ack(peers.own, peers.cluster, head)
        return self._made[1]

    def wanted(self) -> bytes | None:
        """Return the acknowledgement of our newest head if it may take ours to settle that; else None.

        Who leads may have settled less than we have: then it needs former holders, too, us perhaps.
        Where it is the only holder, its heads settle all for us, and nothing shows what it knows.
        """
        log, own_id = self._station.log, self._station.peers.own_id
        head = log.head
        if own_id not in log.required_at(head.seq, since=0):
            return None
        needed = log.required_at(head.seq)
        is_former = own_id not in needed and len(needed) == 1
        return self.of(head) if head.seq > log.settled or is_former else None


class Acks:
    """What the holders acknowledged of the heads that this device announced.

    Args:
        station: this device; it leads.
    """

    def __init__(self, station: Station) -> None:
        self._station = station
        self._own = OwnAck(station)
        self._heads: dict[Seq, Head] = {}
        self._acks: dict[Seq, dict[DeviceId, bytes]] = {}

    def announced(self, head: Head) -> None:
        """Note a head that is sent: others may acknowledge it from now on."""
        if self._heads.get(head.seq) == head:
            return
        self._heads[head.seq], self._acks[head.seq] = head, {}
        while len(self._heads) > ACKNOWLEDGED_HEADS_MAX:
            oldest = next(iter(self._heads))
            del self._heads[oldest], self._acks[oldest]

    def take(self, device: DeviceId, head: Head, signature: bytes) -> None:
        """Take an acknowledgement; one that settles nothing is not looked at.

        Raises:
            UntrustedInput: it is not that device's (A41).
        """
        station = self._station
        peer, known = station.peers.get(device), self._acks.get(head.seq)
        is_wanted = self._heads.get(head.seq) == head and head.seq > station.log.settled
        if peer is None or known is None or not is_wanted or device in known:
            return
        if device not in station.log.required_at(head.seq):
            return
        if not verify_ack(peer.public, station.peers.cluster, head, signature):
            raise UntrustedInput("RESPOND: its acknowledgement does not verify")
        known[device] = signature

    def ready(self) -> Certificate | None:
        """Return the certificate of the newest head that all required holders acknowledged."""
        log, own = self._station.log, self._station.peers.own_id
        for seq, head in sorted(self._heads.items(), reverse=True):
            if seq <= log.settled:
                return None
            required, known = log.required_at(seq), self._acks[seq]
            if required and required <= {own, *known}:
                acks = {device: known.get(device) or self._own.of(head) for device in required}
                return Certificate.of(head, acks)
        return None


class Carried:
    """The certificate that STARTs carry while some member that was heard lately lacks it.

    Args:
        station: this device; it leads.
    """

    def __init__(self, station: Station) -> None:
        self._station = station
        self._seq = Seq(0)
        self._starts = 0

    def choose(self, online: Sequence[Peer]) -> bytes | None:
        """Return what the next START carries.

        Args:
            online: the members that were heard lately.
        """
        log = self._station.log
        if log.certified is None:
            return None
        newest = log.certified.head.seq
        lacking = [peer.settled for peer in online if peer.settled < newest <= peer.stored]
        if not lacking:
            return None
        certificate = log.certificates_above(min(lacking))[0]  # who lacks one cannot check those behind it
        if certificate.head.seq != self._seq:
            self._seq, self._starts = certificate.head.seq, 0
        self._starts += 1
        if self._starts > STARTS_WITH_CERTIFICATE and self._starts % THEN_EVERY:
            return None
        encoded = certificate.encode()
        return encoded if len(encoded) <= CERTIFICATE_IN_START_BYTES_MAX else None
