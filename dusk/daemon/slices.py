"""Slices of the processor for work that may be interrupted: the node's inputs, and cycles, come between."""

from collections.abc import Awaitable, Callable

import trio

SLICE_S = 0.002
"""Much less than a datagram may wait; giving others their turn costs a tenth of it at most."""


class Slices:
    """Is awaited between two steps of such work.

    Args:
        quiet: waits until what the node counts on is on the disk: only that is looked at (R8).
        clock: the time, in seconds.
    """

    def __init__(
        self, quiet: Callable[[], Awaitable[None]], clock: Callable[[], float] | None = None
    ) -> None:
        self._quiet = quiet
        self._clock = clock or trio.current_time
        self._since = 0.0

    async def pause(self) -> None:
        """Let everybody else have a turn, once a slice is over."""
        if self._clock() - self._since < SLICE_S:
            return
        await trio.lowlevel.checkpoint()
        await self._quiet()
        self._since = self._clock()
