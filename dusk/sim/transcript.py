"""What happened, one line each: virtual milliseconds, who, what."""

import hashlib
from collections import Counter

from dusk.sim.clock import Clock


class Transcript:
    """Collects lines, counts, and a digest over every byte sent.

    Args:
        clock: for the times.
        verbose: whether each datagram gets a line, too.
    """

    def __init__(self, clock: Clock, *, verbose: bool = False) -> None:
        self.lines: list[str] = []
        self.counts: Counter[str] = Counter()
        """Fault or outcome → how often."""
        self.verbose = verbose
        self._clock = clock
        self._wire = hashlib.blake2b(digest_size=8)

    def say(self, who: str, what: str) -> None:
        """Add a line."""
        self.lines.append(f"{self._clock.now * 1000:>10.3f} {who:<8} {what}")

    def count(self, what: str) -> None:
        """Count a fault or an outcome."""
        self.counts[what] += 1

    def sent(self, who: str, data: bytes, to: str) -> None:
        """Note bytes that went out."""
        self._wire.update(data)
        if self.verbose:
            self.say(who, f"sends {len(data)} bytes to {to}")

    @property
    def wire(self) -> str:
        """Digest over all that was sent, in order."""
        return self._wire.hexdigest()

    @property
    def text(self) -> str:
        """All lines, with the digest at the end."""
        return "\n".join([*self.lines, f"wire {self.wire}", ""])
