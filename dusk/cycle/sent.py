"""The STARTs that went out lately, with what came of each."""

from dataclasses import field

from dusk.cycle.elsewhere import Served
from dusk.cycle.messages import Start
from dusk.ids import DeviceId
from dusk.lazy import dataclass

RECENT_STARTS = 4
"""An answer may come so many STARTs late (a slow disk)."""


@dataclass(slots=True)
class Sent:
    """A START on the air and what came of it."""

    start: Start
    datagram: bytes
    sent_at: float
    served: Served
    answered: set[DeviceId] = field(default_factory=set)
    told: set[DeviceId] = field(default_factory=set)
    """Who asked and was told of it by a PONG: an answer does not show that it was heard."""
    bits: bytearray = field(default_factory=bytearray)
