"""Who failed us, and until when it is left alone (A9). Bounded; forgets the longest quiet first."""

from collections import OrderedDict
from collections.abc import Callable, Hashable

from dusk.lazy import dataclass
from dusk.limits import BACK_OFF_LIAR_S_MIN, BACK_OFF_S_MAX, BACK_OFF_S_MIN, BACK_OFFS_MAX


@dataclass(frozen=True, slots=True)
class _Failures:
    """How long the last pause was, when it ends, and whether it is for a lie."""

    pause_s: float
    until: float
    lied: bool


class BackOff:
    """Pauses that double with each failure, up to a bound, with jitter.

    Args:
        random_bytes: for the jitter, so that a cluster does not come back in step.
    """

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes
        self._failures: OrderedDict[Hashable, _Failures] = OrderedDict()

    def ready(self, who: Hashable, now: float) -> bool:
        """Tell whether this one may be tried."""
        failures = self._failures.get(who)
        return failures is None or now >= failures.until

    def failed(self, who: Hashable, now: float, *, lied: bool, longest_s: float = BACK_OFF_S_MAX) -> float:
        """Note a failure; return when it may be tried again: after ``longest_s`` at most, but for jitter."""
        former = self._failures.pop(who, None)
        pause_s = BACK_OFF_LIAR_S_MIN if lied else BACK_OFF_S_MIN
        if former is not None:
            pause_s = min(max(pause_s, 2 * former.pause_s), longest_s)
        until = now + pause_s * (1 + self._random_bytes(1)[0] / 1024)
        self._failures[who] = _Failures(pause_s, until, lied)
        if len(self._failures) > BACK_OFFS_MAX:
            self._failures.popitem(last=False)
        return until

    def succeeded(self, who: Hashable) -> None:
        """Forget what was held against this one."""
        self._failures.pop(who, None)

    def returned(self, who: Hashable) -> None:
        """Forget that this one gave no answer, as it is there again; a lie is held against it on."""
        failures = self._failures.get(who)
        if failures is not None and not failures.lied:
            del self._failures[who]
