"""What outside bytes that prove nothing may make a device do: each host now and then, and few hosts."""

SELDOM_S, SELDOM_HOSTS_MAX = 10.0, 8
"""For one host once in so long, and for so many hosts in that time.

Anybody can send such bytes: one outsider must not keep us from hearing others, nor many have us ask on (A15).
"""


class Seldom:
    """For which hosts something was done of late."""

    def __init__(self) -> None:
        self._done_at: dict[str, float] = {}

    def may(self, host: str, now: float) -> bool:
        """Tell whether it may be done for a host, at monotonic seconds ``now``."""
        recent = self._recent(now)
        return host not in recent and len(recent) < SELDOM_HOSTS_MAX

    def did(self, host: str, now: float) -> None:
        """Note that it was done for a host."""
        self._done_at = self._recent(now) | {host: now}

    def _recent(self, now: float) -> dict[str, float]:
        return {host: at for host, at in self._done_at.items() if now - at < SELDOM_S}
