"""Where the master is, for a member that hears him through others alone (`specs/cycles.md`, section 11).

A START says where it came from, and the next one corrects what somebody forged. A REPEAT says
nothing of that: where STARTs come by REPEAT alone, the address of before, or of a recording that
somebody sent from elsewhere, would stay, and with none at all a change would wait for ever. So
this member asks until the master himself answers: at his address, and by the device that repeats,
which refers the question to him.
"""

from dusk.cycle.freshness import Freshness
from dusk.cycle.heard import Came, Way
from dusk.cycle.peers import Peer
from dusk.cycle.station import Station
from dusk.effects import Address, Effect

PAUSE_CYCLES_MAX = 16
"""Between two questions, at most: twice as long each time."""


class WhereIs:
    """The address of who leads, and whether he answered from there.

    Args:
        station: this device.
        freshness: draws the challenges, and knows the cycle.
    """

    def __init__(self, station: Station, freshness: Freshness) -> None:
        self.address: Address | None = None
        """Where his newest START or PONG came from; None: that is not known."""
        self.ask_at: float | None = None
        """When to ask, monotonic seconds."""
        self._station, self._freshness = station, freshness
        self._is_proven = False
        self._pause_cycles = 1
        self._asked_at = float("-inf")

    def knows(self, address: Address) -> bool:
        """Tell whether he was heard there last, or another member was, or somebody is said to be there."""
        return address == self.address or self._station.knows(address)

    def moved(self, address: Address | None, *, is_proven: bool = False) -> None:
        """Take where he was heard.

        Args:
            address: None: nobody knows.
            is_proven: whether he answered a question of ours from there.
        """
        if address != self.address or is_proven:
            self._is_proven, self._pause_cycles = is_proven, 1
        self.address = address
        if is_proven:
            self.ask_at = None

    def reached(self, way: Way, now: float) -> None:
        """Note how a START came, in the best way so far; plan a question if nothing else will tell."""
        if way is not Way.REPEATED or self._is_proven:
            self.ask_at = None
        elif self.ask_at is None:
            cycle_s = self._freshness.cycle_s
            at = max(now, self._asked_at + (self._pause_cycles - 0.5) * cycle_s)
            self.ask_at = at + cycle_s * (0.1 + 0.3 * self._station.fraction())

    def ask(self, master: Peer, came: Came, now: float) -> list[Effect]:
        """Ask him where he was heard; the device that repeats too, if that is not known or was no help."""
        is_again, self.ask_at, self._asked_at = self._pause_cycles > 1, None, now
        self._pause_cycles = min(PAUSE_CYCLES_MAX, 2 * self._pause_cycles)
        challenge = self._freshness.challenge(now, is_odd=True)
        asked = [] if self.address is None else self._station.ask(master, self.address, challenge)
        if asked and not is_again:
            return asked
        return [*asked, *self._station.hello_to((came.source,), challenge)]
