"""Places for connections: who says nothing makes room for who comes (A34).

A connection that waits for a request has no right to its place. Where there is no more room, for all or for
its own address, the one that has waited longest is closed; one that is being answered stays.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import trio

CONNECTIONS_MAX = 64
OF_ADDRESS_MAX = 24
"""Of one address: a browser takes six, and some tabs are open."""


@dataclass(eq=False, slots=True)
class Place:
    """One connection.

    Attributes:
        address: whose.
        since_s: when it began to wait, monotonic seconds.
        is_busy: whether a request of it is being answered.
        scope: ends it.
    """

    address: str
    since_s: float
    is_busy: bool = False
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)


class Places:
    """All connections of a host.

    Args:
        now: monotonic seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._taken: list[Place] = []

    @contextmanager
    def take(self, address: str) -> Iterator[Place | None]:
        """Hold a place for a connection while the block runs; None: all are being answered."""
        if not (self._has_room([one for one in self._taken if one.address == address], OF_ADDRESS_MAX)):
            yield None
            return
        if not self._has_room(self._taken, CONNECTIONS_MAX):
            yield None
            return
        place = Place(address, self._now())
        self._taken.append(place)
        try:
            with place.scope:
                yield place
        finally:
            if place in self._taken:
                self._taken.remove(place)

    @contextmanager
    def answering(self, place: Place) -> Iterator[None]:
        """Keep a place from being taken away while the block runs."""
        place.is_busy = True
        try:
            yield
        finally:
            place.is_busy, place.since_s = False, self._now()

    def _has_room(self, among: list[Place], most: int) -> bool:
        """Tell whether one more has room, after the one that waits longest has gone if need be."""
        if len(among) < most:
            return True
        waiting = [one for one in among if not one.is_busy]
        if not waiting:
            return False
        longest = min(waiting, key=lambda one: one.since_s)
        self._taken.remove(longest)
        longest.scope.cancel()
        return True
