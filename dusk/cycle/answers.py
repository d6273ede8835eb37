"""What a member says of itself in its answers: its head, its acknowledgement, its status, its figures.

A status is sent until the master's bitmap shows that the first answer with it came.
"""

from collections.abc import Callable
from dataclasses import replace

from dusk.cycle.acks import OwnAck
from dusk.cycle.far_messages import Via
from dusk.cycle.messages import Offer, Request, Respond
from dusk.cycle.station import Station
from dusk.limits import STATUS_IN_RESPOND_BYTES_MAX


class Answers:
    """This member's answers.

    Args:
        station: this device.

    Attributes:
        status: gives our signed status.
        health: our unsigned figures, sent in each answer.
        offer: the newest position of a branch that we left, while changes of it wait for their outcome.
    """

    def __init__(self, station: Station) -> None:
        self.status: Callable[[], bytes | None] = lambda: None
        self.health: bytes | None = None
        self.offer: Offer | None = None
        self._station = station
        self._ack = OwnAck(station)
        self._known: bytes | None = None

    def to_start(
        self,
        cycle: int,
        nonce: bytes,
        via: Via | None,
        challenge: bytes | None,
        request: Request | None,
    ) -> Respond:
        """Return the answer to a START, with what the master may lack; no status beside a request."""
        status = self._status_to_send() if request is None else None
        short = self.to_pong(cycle, nonce, via)
        return replace(short, challenge=challenge, request=request, status=status, health=self.health)

    def to_pong(self, cycle: int, nonce: bytes, via: Via | None) -> Respond:
        """Return the answer to a START that a PONG named: what is on our disk."""
        station = self._station
        log = station.log
        about = (cycle, nonce, log.head, log.settled, station.boot)
        return Respond(*about, ack=self._ack.wanted(), offer=self.offer, via=via)

    def _status_to_send(self) -> bytes | None:
        """Return our status if the master lacks it and it fits."""
        status = self.status()
        if status is None or status == self._known or len(status) > STATUS_IN_RESPOND_BYTES_MAX:
            return None
        return status

    def arrived(self, status: bytes | None) -> None:
        """Note what the first answer to a START carried, as the master's bitmap shows that it came."""
        self._known = status or self._known

    def nothing_known(self) -> None:
        """Note that who leads now has no status of anybody."""
        self._known = None
