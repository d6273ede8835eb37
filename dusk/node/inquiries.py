"""Questions that people of this device ask other devices, on their way there and back (`specs/asking.md`).

A device is asked over a stream of its own, where it was heard last. Members hear who leads, and seldom
each other: so who leads is asked first where the device is. Each question ends once, in time, with its
answer or with why there is none.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import field

from dusk.catchup.exchanges import Exchanges
from dusk.catchup.questions import NO_ANSWER, NOT_REACHABLE, refusal
from dusk.effects import Address, Answered, Effect, Question, Told
from dusk.errors import Refused, UntrustedInput
from dusk.ids import DeviceId
from dusk.lazy import dataclass
from dusk.limits import INQUIRIES_MAX, INQUIRY_S_MAX
from dusk.node.addresses import as_written_here
from dusk.node.answering import WHERE, decode_address

_NOWHERE = "nobody knows where it is: it is off, or cut off, or not heard by who leads"


@dataclass(slots=True)
class _Inquiry:
    """One question, open until it is answered.

    Attributes:
        number: whoever asked knows it by that.
        device: who is asked.
        question: what.
        ends_at: when it is given up, monotonic seconds.
        places: where the device may be, and was not asked yet.
        must_seek: whether who leads is to be asked first where it is.
        is_open: whether a stream about it is open.
        why: what the last place said.
    """

    number: int
    device: DeviceId
    question: Question
    ends_at: float
    places: deque[Address] = field(default_factory=deque)
    must_seek: bool = False
    is_open: bool = False
    why: Told = field(default_factory=lambda: refusal(NOT_REACHABLE, _NOWHERE))


class Inquiries:
    """The asking side of one device.

    Args:
        exchanges: its streams.
        is_device: tells whether a device has an X25519 key.
        places: gives where a device was heard, or is said to be, best first.
        master: gives who leads and where it is; None where that is this device, or not known.
    """

    def __init__(
        self,
        *,
        exchanges: Exchanges,
        is_device: Callable[[DeviceId, bytes], bool],
        places: Callable[[DeviceId], list[Address]],
        master: Callable[[], tuple[DeviceId, Address] | None],
    ) -> None:
        self._exchanges, self._is_device = exchanges, is_device
        self._places, self._master = places, master
        self._open: dict[int, _Inquiry] = {}

    @property
    def deadline(self) -> float | None:
        """When the first one is given up."""
        return min((inquiry.ends_at for inquiry in self._open.values()), default=None)

    def ask(self, number: int, device: DeviceId, question: Question, now: float) -> None:
        """Begin to ask another member something; `Answered` says what came of it.

        Raises:
            Refused: ``busy``.
        """
        if len(self._open) >= INQUIRIES_MAX:
            raise Refused("busy", "too many questions to other devices are under way here; ask again soon")
        inquiry = _Inquiry(number, device, question, now + INQUIRY_S_MAX)
        master = self._master()
        if master is not None and master[0] == device:
            inquiry.places.append(master[1])
        else:
            inquiry.places.extend(self._places(device))
            inquiry.must_seek = master is not None
        self._open[number] = inquiry

    def step(self, now: float) -> list[Effect]:
        """Open the streams that may be, and end what has taken too long."""
        effects: list[Effect] = []
        for inquiry in list(self._open.values()):
            if now >= inquiry.ends_at:
                effects += self._end(inquiry, refusal(NO_ANSWER, "it did not answer in time"))
            elif not inquiry.is_open:
                effects += self._go_on(inquiry, now)
        return effects

    def _go_on(self, inquiry: _Inquiry, now: float) -> list[Effect]:
        """Ask who leads, or the device at its next place, unless another stream is open to there."""
        master = self._master() if inquiry.must_seek else None
        if master is not None:
            who, address = master
            question = Question(WHERE, inquiry.device)

            def hear(told: Told) -> list[Effect]:
                return self._located(inquiry, told, address)

        elif inquiry.places:
            who, address, question = inquiry.device, inquiry.places[0], inquiry.question

            def hear(told: Told) -> list[Effect]:
                return self._heard(inquiry, told)

        else:
            return self._end(inquiry, inquiry.why)
        if self._exchanges.busy(address):
            return []
        inquiry.is_open, inquiry.must_seek = True, False
        if question is inquiry.question:
            inquiry.places.popleft()
        return self._exchanges.ask(
            address, question, now, is_whom=lambda public: self._is_device(who, public), hear=hear
        )

    def _located(self, inquiry: _Inquiry, told: Told, master: Address) -> list[Effect]:
        """Take where who leads hears the device; what is known besides is tried behind that."""
        inquiry.is_open = False
        if not told.word:
            try:
                address = as_written_here(decode_address(told.data), master.host.partition("%")[2])
            except UntrustedInput:
                return []
            if address in inquiry.places:
                inquiry.places.remove(address)
            inquiry.places.appendleft(address)
        return []

    def _heard(self, inquiry: _Inquiry, told: Told) -> list[Effect]:
        """Take the answer; where the device was not there, go on to its next place."""
        inquiry.is_open = False
        if told.word == NOT_REACHABLE and inquiry.number in self._open:
            inquiry.why = told
            return []
        return self._end(inquiry, told)

    def _end(self, inquiry: _Inquiry, told: Told) -> list[Effect]:
        """Tell what came of it, once."""
        if self._open.pop(inquiry.number, None) is None:
            return []
        return [Answered(inquiry.number, told)]
