"""Virtual time: a queue of what is to happen, in the order of its time, then of its planning."""

import heapq
from collections.abc import Callable
from itertools import count


class Clock:
    """The only clock of a simulation.

    Attributes:
        now: seconds since the beginning.
        steps: how many things have happened.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.steps = 0
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Plan something; what is due already happens next."""
        heapq.heappush(self._queue, (max(when, self.now), next(self._order), what))

    def after(self, delay_s: float, what: Callable[[], None]) -> None:
        """Plan something relative to now."""
        self.at(self.now + delay_s, what)

    def run_until(self, end: float) -> None:
        """Let everything happen that is due by then."""
        while self._queue and self._queue[0][0] <= end:
            self.now, _, what = heapq.heappop(self._queue)
            self.steps += 1
            what()
        self.now = end
