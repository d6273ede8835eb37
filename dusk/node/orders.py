"""Orders that this device takes: a challenge first, then the order, once, while that is young (A58, R11)."""

from collections import OrderedDict
from collections.abc import Callable

from dusk.catchup.host import AskedHere
from dusk.catchup.questions import refusal
from dusk.changelog.orders import CHALLENGE_BYTES, check_order, decode_order
from dusk.changelog.state import State
from dusk.effects import Obey, Told
from dusk.errors import Refused, UntrustedInput
from dusk.ids import DeviceId
from dusk.lazy import dataclass
from dusk.limits import ORDER_CHALLENGE_S_MAX, ORDER_CHALLENGES_MAX, ORDER_CHALLENGES_PER_MEMBER_MAX

CHALLENGE, ORDER = "challenge", "order"
"""The questions."""


@dataclass(frozen=True, slots=True)
class _Issued:
    """To whom a challenge was given, and when."""

    asker: DeviceId
    at: float


class Orders:
    """The orders to one device.

    Args:
        own: this device.
        state: gives what the log says now.
        random_bytes: for challenges.
    """

    def __init__(
        self, own: DeviceId, state: Callable[[], State], random_bytes: Callable[[int], bytes]
    ) -> None:
        self._own, self._state, self._random_bytes = own, state, random_bytes
        self._issued: OrderedDict[bytes, _Issued] = OrderedDict()

    def challenge(self, asker: DeviceId, now: float) -> Told:
        """Give a member a challenge; its older ones make room, and those of whoever asked longest ago."""
        own = [challenge for challenge, issued in self._issued.items() if issued.asker == asker]
        for challenge in own[: max(0, len(own) - ORDER_CHALLENGES_PER_MEMBER_MAX + 1)]:
            del self._issued[challenge]
        if len(self._issued) >= ORDER_CHALLENGES_MAX:
            self._issued.popitem(last=False)
        challenge = self._random_bytes(CHALLENGE_BYTES)
        self._issued[challenge] = _Issued(asker, now)
        return Told(data=challenge)

    def ordered(self, asked: AskedHere, asker: DeviceId, now: float) -> Told | Obey:
        """Check an order wholly, and have it done; whatever comes of it, its challenge is used up."""
        try:
            unverified = decode_order(asked.question.argument)
        except UntrustedInput as error:
            return refusal("bad-order", str(error))
        order = unverified.order
        issued = self._issued.pop(order.challenge, None)
        if order.device != self._own:
            return refusal("other-device", "the order is for another device")
        if issued is None or issued.asker != asker or now - issued.at > ORDER_CHALLENGE_S_MAX:
            return refusal("spent-challenge", "the order was given before, or too long ago: give it again")
        try:
            names = check_order(self._state(), unverified)
        except Refused as error:
            return refusal(error.code, error.reason)
        return Obey(asked.conn, asked.number, order.kind, order.argument, names)
