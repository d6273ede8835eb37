"""What this device answers when a member asks it something (`specs/asking.md`).

Members alone are heard, each as often as is of use to people (A6). Where another member is, and what
somebody changed here, is answered here, and orders are checked here; all else is looked up by the shell.
"""

from collections.abc import Callable, Sequence

from dusk import codec
from dusk.catchup.host import AskedHere
from dusk.catchup.questions import TOO_OFTEN, refusal
from dusk.config.drift import Difference
from dusk.config.drift_told import DRIFT, encode_drift
from dusk.cycle.far_messages import HOST_BYTES_MAX, is_of_one_device
from dusk.effects import Address, Consult, Effect, Obey, Told
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId
from dusk.limits import QUESTIONS_AT_ONCE, QUESTIONS_PER_S
from dusk.node.orders import CHALLENGE, ORDER, Orders

WHERE = "where"
"""Asks where another member is heard from."""
NOT_HEARD = "not-heard"
_ADDRESS_BYTES_MAX = HOST_BYTES_MAX + 8
_ADDRESS = codec.Row("address", host=codec.text_to(HOST_BYTES_MAX), port=codec.number(1, 65535))


def encode_address(address: Address) -> bytes:
    """Return the answer to *where*."""
    return codec.pack((address.host, address.port))


def decode_address(data: bytes) -> Address:
    """Read what :func:`encode_address` wrote.

    Raises:
        UntrustedInput: anything else; a name is no address, for the asker would look it up.
    """
    host, port = _ADDRESS.read(codec.unpack(data, size_max=_ADDRESS_BYTES_MAX))
    if not is_of_one_device(host):
        raise UntrustedInput("address: not the numeric address of one device")
    return Address(host, port)


class Answering:
    """The asked side of one device.

    Args:
        where: gives where a member is heard from, None if it is not.
        orders: takes orders.
        drift: gives what somebody changed on this device.
    """

    def __init__(
        self,
        where: Callable[[DeviceId], Address | None],
        orders: Orders,
        drift: Callable[[], Sequence[Difference]],
    ) -> None:
        self._where, self._orders, self._drift = where, orders, drift
        self._allowances: dict[DeviceId, tuple[float, float]] = {}
        """How many questions a member has left, and as of when."""

    def asked(self, asked: AskedHere, asker: DeviceId, now: float) -> Told | list[Effect]:
        """Answer the question of a member, or have the shell do so."""
        found = self.asked_by(asker, asked, now)
        return found if isinstance(found, Told) else [found]

    def asked_by(self, asker: DeviceId, asked: AskedHere, now: float) -> Told | Consult | Obey:
        """Answer a question, or return what the shell does about it."""
        question = asked.question
        if not self._allow(asker, now):
            return refusal(TOO_OFTEN, "this device was asked too much lately; ask again in a few seconds")
        if question.kind == WHERE:
            return self._tell_where(question.argument)
        if question.kind == DRIFT:
            return Told(data=encode_drift(self._drift()))
        if question.kind == CHALLENGE:
            return self._orders.challenge(asker, now)
        if question.kind == ORDER:
            return self._orders.ordered(asked, asker, now)
        return Consult(asked.conn, asked.number, asker, question)

    def _allow(self, asker: DeviceId, now: float) -> bool:
        left, as_of = self._allowances.get(asker, (float(QUESTIONS_AT_ONCE), now))
        left = min(float(QUESTIONS_AT_ONCE), left + (now - as_of) * QUESTIONS_PER_S)
        self._allowances[asker] = (left - 1 if left >= 1 else left), now
        return left >= 1

    def _tell_where(self, argument: bytes) -> Told:
        try:
            device = DeviceId(codec.exactly(argument, 16, "device"))
        except UntrustedInput:
            return refusal("bad-question", "that is no device's id")
        address = self._where(device)
        if address is None:
            return refusal(NOT_HEARD, "the device is not heard by who leads")
        return Told(data=encode_address(address))
