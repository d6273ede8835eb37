"""Works out in a thread what undoes a thief's changes, while the log grows; keeps what was found."""

import os
from collections.abc import Callable

import trio

from dusk.changelog.undoing import Since, Suspect, Undoing, undoing
from dusk.control.desk import Json
from dusk.daemon.reading import Reading
from dusk.daemon.tickets import Ticket, Tickets
from dusk.errors import Refused, StorageError, UntrustedInput
from dusk.ids import ClusterId

KEPT_MAX = 4
"""What was worked out, until somebody signs it: each may be as large as a change, or more."""
_ONE = 1
"""So many logs are read at a time: each takes the memory of another copy of the state, or two."""


class Undoings:
    """What undoes a thief's changes, by name.

    Args:
        tickets: work under way.
    """

    def __init__(self, tickets: Tickets) -> None:
        self._tickets = tickets
        self._kept: dict[str, Undoing] = {}
        self._count = 0
        self._limit = trio.CapacityLimiter(_ONE)

    def start(
        self,
        cluster: ClusterId,
        reading: Reading,
        suspect: Suspect,
        since: Since,
        tell: Callable[[str, Undoing], Json],
    ) -> str:
        """Begin, and return the ticket; ``reading`` is closed once it is done."""

        def work() -> Undoing:
            try:
                return undoing(cluster, reading.foundation(), reading.items, suspect, since)
            except UntrustedInput as error:
                raise StorageError(f"the log on this device cannot be read again: {error}") from None

        async def task(_ticket: Ticket) -> Json:
            try:
                found = await trio.to_thread.run_sync(work, limiter=self._limit)
            finally:
                os.close(reading.fd)
            return tell(self._keep(found), found)

        try:
            return self._tickets.start(task)
        except Refused:
            os.close(reading.fd)
            raise

    def _keep(self, found: Undoing) -> str:
        if len(self._kept) >= KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        self._count += 1
        name = f"{self._count}"
        self._kept[name] = found
        return name

    def get(self, plan: str) -> Undoing:
        """Return what was worked out.

        Raises:
            Refused: ``no-plan``.
        """
        if plan not in self._kept:
            raise Refused("no-plan", "that was not worked out here, or long ago; do it again")
        return self._kept[plan]
