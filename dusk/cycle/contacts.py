"""Addresses that this device's own settings name: where to ask when nobody is heard by multicast.

A router behind a VPN, or on a bridge that drops multicast, hears no START, and nobody hears its
HELLO. So that goes to these addresses too, with the pauses of the HELLO itself. Who leads is
heard by nobody in particular: it asks there as it opens an epoch, for another may just have opened
one that no multicast tells of, and then now and then, while nothing comes from there, for another
may lead on the other side of a link that was dead. Who leads there by other group keys, as after
a recovery, cannot read that: where nothing answered it is asked by a stream the next time.
"""

from dusk.effects import Address

SILENT_CYCLES = 10.0
"""Who leads asks at an address from which nothing came for so long, and again after as long."""

ASKED_SOON = 2
"""Who opens an epoch asks so often again, a cycle later each: one lost datagram may hide another leader."""


class Contacts:
    """Configured addresses.

    Args:
        addresses: numeric hosts with ports.

    Attributes:
        unanswered: those that are silent though they were asked the last time, too.
    """

    def __init__(self, addresses: tuple[Address, ...] = ()) -> None:
        self.addresses = addresses
        self._heard: dict[Address, float] = {}
        self._asked_at: float | None = None
        self._asked: tuple[Address, ...] = ()
        self.unanswered: tuple[Address, ...] = ()
        self._soon = 0

    def configure(self, addresses: tuple[Address, ...]) -> None:
        """Take others in their place: who leads asks them at once, but for those that were heard lately."""
        self.addresses, self._asked_at = addresses, None
        self._heard = {source: at for source, at in self._heard.items() if source in addresses}

    def heard(self, source: Address, now: float) -> None:
        """Note that something authentic came from an address."""
        if source in self.addresses:
            self._heard[source] = now

    def leads_anew(self) -> None:
        """Note that this device opens an epoch: what was heard before does not tell who leads since."""
        self._heard.clear()
        self._asked_at, self._soon = None, ASKED_SOON
        self._asked, self.unanswered = (), ()

    def deadline(self, cycle_s: float) -> float | None:
        """Return when who leads asks again; None: never, as there is no such address."""
        if not self.addresses:
            return None
        pause_cycles = 1.0 if self._soon else SILENT_CYCLES
        return float("-inf") if self._asked_at is None else self._asked_at + pause_cycles * cycle_s

    def silent(self, cycle_s: float, now: float) -> tuple[Address, ...]:
        """Return the addresses to ask now, for who leads: those from which nothing came lately."""
        deadline = self.deadline(cycle_s)
        if deadline is None or now < deadline:
            return ()
        if self._asked_at is not None:
            self._soon = max(0, self._soon - 1)
        self._asked_at, since = now, now - SILENT_CYCLES * cycle_s
        silent = tuple(one for one in self.addresses if self._heard.get(one, float("-inf")) <= since)
        self.unanswered = tuple(one for one in silent if one in self._asked)
        self._asked = silent
        return silent
