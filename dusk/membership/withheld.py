"""What a joiner is to store waits until its log has the entry that the join key names (A2, A6).

Whoever has no log with that entry can make this device fetch, and forget again; never write, up
to what memory is for.
"""

from collections.abc import Iterable

from dusk.catchup.chunks import size_bytes
from dusk.effects import Append, Effect, Rebase, RemoveFile
from dusk.limits import UNANCHORED_BYTES_MAX

LOG_FILE = "log"


class Withheld:
    """The changes of a joiner's disk that are not done yet."""

    def __init__(self) -> None:
        self._effects: list[Append | Rebase | RemoveFile] = []
        self._size_bytes = 0

    def forget(self) -> None:
        """Drop the log so far; that of the disk goes when another one takes its place."""
        self._effects, self._size_bytes = [RemoveFile(LOG_FILE)], 0

    def pass_on(self, effects: Iterable[Effect], *, is_anchored: bool) -> list[Effect]:
        """Return what is to be done now of an exchange's effects, in order.

        Args:
            effects: what follows from the last answer.
            is_anchored: whether the log has the entry that the join key names.
        """
        others: list[Effect] = []
        for effect in effects:
            match effect:
                case Append(items):
                    self._keep(effect, size_bytes(items))
                case Rebase(_, foundation, items):
                    self._keep(effect, len(foundation) + size_bytes(items))
                case _:
                    others.append(effect)
        if not is_anchored and self._size_bytes <= UNANCHORED_BYTES_MAX:
            return others
        kept, self._effects, self._size_bytes = self._effects, [], 0
        return [*kept, *others]

    def _keep(self, effect: Append | Rebase, size: int) -> None:
        self._effects.append(effect)
        self._size_bytes += size
