"""The way back: what the newest entries changed, kept so that they can be taken back and done again.

A log that meets another branch goes back to the fork, verifies the branch, and may have to come
here again (`branches.py`). Each entry is kept with its bytes and with what it changed; to do it
again needs no signature. Of settled entries a few are kept, for owners may force a role from a
device that never heard of them.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from dusk import limits
from dusk.changelog.entry import SignedHead
from dusk.changelog.settling import Mark
from dusk.changelog.state import DerivedWrite, RecordWrite, Undo
from dusk.effects import LogItem
from dusk.ids import ChangeId, DeviceId, Head, Seq
from dusk.lazy import dataclass


class Step(NamedTuple):
    """What one verified entry changed, to take it back."""

    undo: Undo
    head: Head
    leader: DeviceId | None
    change: ChangeId | None


@dataclass(slots=True)
class Kept:
    """One entry: what it changed, its item, and the newest signed head right behind it."""

    step: Step
    item: LogItem
    head: LogItem | None = None

    @property
    def seq(self) -> Seq:
        """Where the entry stands."""
        return Seq(self.step.head.seq + 1)

    @property
    def items(self) -> Iterator[LogItem]:
        """The entry and its head, as the log has them."""
        yield self.item
        if self.head is not None:
            yield self.head


class Again(NamedTuple):
    """An entry that was taken back, and what it wrote."""

    kept: Kept
    writes: tuple[RecordWrite, ...]
    derived: tuple[DerivedWrite, ...]


class Left(NamedTuple):
    """A branch that the log left, and may come back to: entries with what they wrote, newest head."""

    seq: Seq
    again: tuple[Again, ...]
    newest: SignedHead | None
    mark: Mark

    @property
    def items(self) -> tuple[LogItem, ...]:
        """The branch as the disk has it: entries and signed heads."""
        return tuple(item for again in self.again for item in again.kept.items)


class Trail:
    """The newest entries of a log, bounded in number and bytes."""

    def __init__(self) -> None:
        self._kept: deque[Kept] = deque()
        self._bytes = 0
        self._held = False

    def hold(self) -> None:
        """Forget nothing until `release`: all behind a fork may have to be taken back."""
        self._held = True

    def release(self, settled: Seq) -> None:
        """Forget what is beyond the bounds again."""
        self._held = False
        self.trim(settled)

    def add(self, *kept: Kept) -> None:
        """Keep the log's next entries."""
        assert not (self._kept and kept) or kept[0].seq == self._kept[-1].seq + 1
        self._kept += kept
        self._bytes += sum([len(one.item.data) for one in kept])

    def cover(self, head: LogItem) -> None:
        """Keep the signed head of the newest entry."""
        self._kept[-1].head = head

    def trim(self, settled: Seq) -> None:
        """Forget the oldest beyond the bounds, unless all are held."""
        while (
            not self._held
            and self._kept
            and (
                len(self._kept) > limits.BRANCH_STEPS_MAX
                or self._bytes > limits.BRANCH_BYTES_MAX
                or self._kept[0].seq + limits.BRANCH_SETTLED_STEPS_MAX <= settled
            )
        ):
            self._bytes -= len(self._kept.popleft().item.data)

    def reaches(self, seq: int) -> bool:
        """Tell whether all entries behind a position are kept."""
        return bool(self._kept) and self._kept[0].seq <= seq + 1

    def behind(self, seq: int) -> list[Kept]:
        """Return what is kept of the entries behind a position, in log order."""
        first = self._kept[0].seq if self._kept else 0
        skip = max(0, seq + 1 - first)
        return [kept for at, kept in enumerate(self._kept) if at >= skip]

    def pop(self) -> Kept:
        """Forget the newest entry, which is taken back."""
        kept = self._kept.pop()
        self._bytes -= len(kept.item.data)
        return kept
