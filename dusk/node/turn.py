"""Whose apply comes when: the leader last, the backup before it (`specs/cycles.md`, section 8).

A change that cuts routers off is noticed by the others first, while the device that writes the
log still works. Everybody else waits for nobody.
"""

from collections.abc import Callable, Collection

from dusk.ids import DeviceId


class Turn:
    """A holder's wait for the others.

    Args:
        patience_s: gives how long it waits at most, seconds, however often the log moves meanwhile.
    """

    def __init__(self, patience_s: Callable[[], float]) -> None:
        self._patience_s = patience_s
        self._asked: object = None
        self._until: float | None = None
        self._waiting_for: frozenset[DeviceId] = frozenset()

    @property
    def deadline(self) -> float | None:
        """When the wait is over in any case; None while nothing waits."""
        return self._until

    def has_come(
        self,
        asked: object,
        online: Callable[[], Collection[DeviceId]],
        is_done: Callable[[DeviceId], bool],
        now: float,
        spare: int = 0,
    ) -> bool:
        """Tell whether the own apply may start; who it waits for is taken down once for each position.

        Args:
            asked: the position that asks something of this device, and whatever else calls for other ones.
            online: those that go before it and are there now.
            is_done: whether nothing is to be waited for at a device.
            now: monotonic seconds.
            spare: how many need not be done; -1: all being done is not enough.
        """
        if self._until is None:
            self._until = now + self._patience_s()
            self._asked = None
        if asked != self._asked:
            self._asked, self._waiting_for = asked, frozenset(online())
        self._waiting_for = frozenset(device for device in self._waiting_for if not is_done(device))
        if len(self._waiting_for) > spare and now < self._until:
            return False
        self._until, self._waiting_for = None, frozenset()
        return True
