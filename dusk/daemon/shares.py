"""Whose questions to other devices are under way: nobody takes all places (R10).

A device keeps few questions of its people open at once. Who only reads, with no session here, shares one
part of them with all others who do; each person who has logged in has one to himself.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from dusk.errors import Refused
from dusk.limits import INQUIRIES_OF_ONE_MAX

READERS = ""
"""All who have no session."""


class Shares:
    """How many questions of each asker are open."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @contextmanager
    def place(self, asker: str) -> Iterator[None]:
        """Hold one place of an asker, as long as the block runs.

        Args:
            asker: a person's name; `READERS` for who has no session.

        Raises:
            Refused: ``busy``: this asker has as many open as one may.
        """
        if self._open[asker] >= INQUIRIES_OF_ONE_MAX:
            whose = f"of {asker}" if asker else "without a login"
            reason = (
                f"{INQUIRIES_OF_ONE_MAX} questions {whose} to other devices are under way; ask again soon"
            )
            raise Refused("busy", reason)
        self._open[asker] += 1
        try:
            yield
        finally:
            self._open[asker] -= 1
            if not self._open[asker]:
                del self._open[asker]
