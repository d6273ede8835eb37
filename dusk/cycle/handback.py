"""When a leader that stands in for the first of the succession gives it the lead back.

The first must have been heard without a miss for so long that it is likely to stay: then one
`handover` entry moves the lead, and no fork (`specs/cycles.md`, section 9).
"""

from dusk.cycle.peers import Peer
from dusk.ids import BootId, DeviceId

STABLE_CYCLES = 20
"""So long every START was answered, with all that the leader holds, and in one run."""


class Handback:
    """Counts how long the first of the succession has been there."""

    def __init__(self) -> None:
        self._run: tuple[DeviceId, BootId | None] | None = None
        self._since = 0.0

    def judged(self, first: Peer | None, now: float, *, is_well: bool) -> None:
        """Take what came of one START.

        Args:
            first: the first of the succession; None if that is this device, or no member.
            now: monotonic seconds.
            is_well: whether it answered, and has all that the START announced.
        """
        run = (first.device_id, first.boot) if first is not None and is_well else None
        if run != self._run:
            self._run, self._since = run, now

    def is_due(self, now: float, cycle_s: float) -> bool:
        """Tell whether to hand the lead back."""
        return self._run is not None and now - self._since >= STABLE_CYCLES * cycle_s
