"""Whether what the master says is said now, or a recording (A2, A3; R11: no clock is asked).

Proof is an echo of a challenge that we drew. Between two proofs a START is fresh if it is the
next one within 1.5 cycles of a fresh one. A proof is due at first, after a missed START, and
every 60 cycles at a random phase; if it does not come within 6 cycles, nothing is fresh.
"""

from collections.abc import Callable

from dusk.cycle.messages import CHALLENGE_BYTES
from dusk.ids import DeviceId

CHAIN_CYCLES = 1.5
PROOF_EVERY_CYCLES = 60
PROOF_WITHIN_CYCLES = 6.0
CHALLENGE_CYCLES = 2.5
"""An echo counts only so long after its challenge was drawn, or one could be held back."""
CHALLENGE_S_MIN = 1.0
"""The same, at least: for short cycles on slow links."""
OPEN_MAX = 8
"""Challenges open at once; older ones are given up."""
Mark = tuple[int, int]
"""(epoch, cycle): strictly rising over the STARTs that count."""


class Freshness:
    """What is known of the master's presence.

    Args:
        cycle_s: seconds.
        random_bytes: for challenges and the phase.
        now: monotonic seconds.
    """

    def __init__(self, cycle_s: float, random_bytes: Callable[[int], bytes], now: float) -> None:
        self.cycle_s = cycle_s
        self.fresh_at: float | None = None
        """When the newest fresh START or PONG came."""
        self.asked_at = float("-inf")
        """When the newest challenge was drawn that somebody has answered: after that we were heard, too."""
        self._random_bytes = random_bytes
        self._mark: Mark = (0, 0)
        self._who: DeviceId | None = None
        self._open: dict[bytes, float] = {}
        self._proof_due_at: float | None = now
        self._until_proof = 0
        self._phased = False

    @property
    def proof_due(self) -> bool:
        """Whether the next answer should carry a challenge."""
        return self._proof_due_at is not None

    def is_fresh(self, now: float) -> bool:
        """Tell whether the master was heard within 1.5 cycles, beyond doubt."""
        return self.fresh_at is not None and now - self.fresh_at <= CHAIN_CYCLES * self.cycle_s

    def challenge(self, now: float, *, is_odd: bool | None = None) -> bytes:
        """Draw a challenge and remember it.

        Args:
            now: monotonic seconds.
            is_odd: what its first byte shall be; None: either.
        """
        while len(self._open) >= OPEN_MAX:
            del self._open[next(iter(self._open))]
        drawn = self._random_bytes(CHALLENGE_BYTES)
        if is_odd is not None:
            drawn = bytes((drawn[0] & 0xFE | is_odd,)) + drawn[1:]
        self._open[drawn] = now
        return drawn

    def missed(self, now: float) -> None:
        """Note that a START did not come: from now on a proof is due."""
        if self._proof_due_at is None:
            self._proof_due_at = now

    def heard(self, who: DeviceId, mark: Mark, echoes: tuple[bytes, ...], now: float) -> bool:
        """Take a START or PONG whose signature is good; the caller takes each START once.

        A START may bear the mark of the PONG before it, which names the newest START.

        Returns:
            Whether it is fresh.
        """
        proven = self.proves(echoes, now)
        epoch, cycle = self._mark
        following = self._who == who and mark in ((epoch, cycle), (epoch, cycle + 1))
        if not proven and not (following and self.is_fresh(now) and not self._overdue(now)):
            self.missed(now)
            return False
        self._who, self._mark, self.fresh_at = who, mark, now
        if proven:
            self._open.clear()
            self._proof_due_at = None
            self._until_proof = self._period()
        self._until_proof -= 1
        if self._until_proof <= 0:
            self.missed(now)
        return True

    def _period(self) -> int:
        """Return for how many STARTs a proof holds: the first time a random phase of 60."""
        if self._phased:
            return PROOF_EVERY_CYCLES
        self._phased = True
        return 1 + int.from_bytes(self._random_bytes(2), "big") % PROOF_EVERY_CYCLES

    def answers(self, challenge: bytes | None, now: float) -> bool:
        """Tell whether a challenge is ours and still open."""
        if challenge not in self._open:
            return False
        return now - self._open[challenge] <= max(CHALLENGE_S_MIN, CHALLENGE_CYCLES * self.cycle_s)

    def proves(self, echoes: tuple[bytes | None, ...], now: float) -> bool:
        """Tell whether one of these is an open challenge of ours, and note that it was heard."""
        drawn = [self._open[echo] for echo in echoes if echo is not None and self.answers(echo, now)]
        self.asked_at = max(self.asked_at, *drawn, self.asked_at)
        return bool(drawn)

    def _overdue(self, now: float) -> bool:
        due_at = self._proof_due_at
        return due_at is not None and now - due_at > PROOF_WITHIN_CYCLES * self.cycle_s
