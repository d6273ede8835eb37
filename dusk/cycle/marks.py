"""Which STARTs rise: (epoch, cycle) of each counts above all before it, whoever sent it (A2).

The number of an epoch that our log does not show is its sender's word alone. Without more, one
START by a holder that went bad, its disk stolen perhaps, made every device deaf to the others for
the rest of its run, also once owners took the role from it (A5, A55). So such a word gives way to
the one of whom our log shows to lead.
"""

from dusk.cycle.freshness import Mark
from dusk.cycle.messages import Start
from dusk.cycle.station import Behind, LogView, Step
from dusk.effects import Address
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId
from dusk.limits import SUCCESSION_MAX

_NONE: Mark = (0, 0)


class Marks:
    """The marks of STARTs that counted.

    Args:
        log: shows who leads which epoch.

    Attributes:
        newest: of the one that counted last.
        who: its sender.
    """

    def __init__(self, log: LogView) -> None:
        self.newest: Mark = _NONE
        self.who: DeviceId | None = None
        self._log = log
        self._by_sender: dict[DeviceId, Mark] = {}

    def rises(self, who: DeviceId, mark: Mark, *, again: bool = False) -> bool:
        """Tell whether word of a START counts.

        Args:
            who: signed it.
            mark: its mark.
            again: the one that counted last may be spoken of once more.
        """
        own = self._by_sender.get(who, _NONE)
        least = own if self._is_led(who, mark) else max(own, self.newest)
        return mark > least or (again and mark == least)

    def note(self, who: DeviceId, mark: Mark) -> None:
        """Note one that counts."""
        self.who, self.newest = who, max(mark, self._by_sender.pop(who, _NONE))
        self._by_sender[who] = self.newest
        while len(self._by_sender) > SUCCESSION_MAX:
            del self._by_sender[next(iter(self._by_sender))]

    def older(self, start: Start, source: Address) -> Step:
        """Ask another than was heard last, whose START does not rise, for what it shows to have.

        Raises:
            UntrustedInput: it shows nothing new: a replay.
        """
        if start.rest.sender == self.who or start.head.seq <= self._log.head.seq:
            raise UntrustedInput("START: older than one that was heard")
        return Step(outcome=Behind(source, start.head))

    def _is_led(self, who: DeviceId, mark: Mark) -> bool:
        return (self._log.leader, self._log.head.epoch) == (who, mark[0])
