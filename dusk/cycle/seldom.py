"""What outside bytes that prove nothing may make a device do: each host now and then, and few hosts."""

from collections.abc import Callable

from dusk.effects import Address

SELDOM_S, SELDOM_HOSTS_MAX = 10.0, 8
"""For one host once in so long, and for so many hosts in that time.

Anybody can send such bytes: one outsider must not keep us from hearing others, nor many have us ask on (A15).
"""
BEYOND_S, BEYOND_ONE_IN = 1.0, 8
"""Beyond that for one in so many by chance, so long behind the last: who comes each cycle gets a turn."""


class Seldom:
    """For which hosts something was done of late.

    Args:
        knows: tells whether a member was heard at an address, or is said to be there: others take no
            place of it.
        fraction: draws from 0 to below 1.
    """

    def __init__(self, knows: Callable[[Address], bool], fraction: Callable[[], float]) -> None:
        self._knows, self._fraction = knows, fraction
        self._done_at: dict[Address, float] = {}

    def may(self, source: Address, now: float) -> bool:
        """Tell whether it may be done for who sent something, at monotonic seconds ``now``."""
        recent, is_known = self._recent(now), self._knows(source)
        if source in recent or (not is_known and any(one.host == source.host for one in recent)):
            return False
        rivals = [at for one, at in recent.items() if not is_known or self._knows(one)]
        if len(rivals) < SELDOM_HOSTS_MAX:
            return True
        return now - max(rivals) >= BEYOND_S and self._fraction() < 1 / BEYOND_ONE_IN

    def did(self, source: Address, now: float) -> None:
        """Note that it was done for who sent something."""
        self._done_at = self._recent(now) | {source: now}

    def _recent(self, now: float) -> dict[Address, float]:
        return {source: at for source, at in self._done_at.items() if now - at < SELDOM_S}
