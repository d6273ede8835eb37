"""One device's disk: the log's items and the small files, and what a power cut leaves of a write.

An item of the log stands for a frame. The store writes a row of appends as one batch and syncs it
once; whichever pieces of a batch reach the flash, in whatever order, what it reads at the start is
a beginning of the batch, cut behind a signed head (`tests/sim/test_sim_disk.py` shows that of the
real one). Removals that follow each other are synced together, so any of them may be done. A small
file is replaced by a rename that is there or not.
"""

from collections.abc import Mapping, MutableSequence, Sequence
from random import Random

from dusk.changelog.rewinds import LostBranch, resolve
from dusk.effects import Append, Effect, ItemKind, LogItem, RemoveFile, StoreFile
from dusk.ids import Seq
from dusk.node.recovery import MUST_HEAR_FILE

DiskEffect = Append | StoreFile | RemoveFile
LOG_FILE = "log"


class DiskError(Exception):
    """The disk refused: ENOSPC, EIO."""


class Disk:
    """What survives.

    Attributes:
        items: the log; of what a switch replaced, and of an unfinished one, it shows nothing.
        branches: what was replaced, oldest first.
        files: small files, name → content.
    """

    def __init__(self, items: Sequence[LogItem] = (), files: Mapping[str, bytes] | None = None) -> None:
        self.items: MutableSequence[LogItem] = []
        self.branches: tuple[LostBranch, ...] = ()
        self.files: dict[str, bytes] = dict(files or {})
        self._written: MutableSequence[LogItem] = []
        self._starts: MutableSequence[int] = []
        self._append(items)

    @property
    def last(self) -> Seq:
        """How many entries it has."""
        return Seq(len(self._starts))

    def do(self, effect: DiskEffect) -> None:
        """Do one effect whole; it is durable then."""
        match effect:
            case Append(items):
                self._append(items)
            case StoreFile(name, data):
                self.files[name] = data
            case RemoveFile(name) if name == LOG_FILE:
                self._clear()
            case RemoveFile(name):
                self.files.pop(name, None)

    def tear(self, step: Sequence[DiskEffect], random: Random) -> None:
        """Do what a power cut, or a failing flash, leaves of effects that are synced together."""
        items = [item for effect in step if isinstance(effect, Append) for item in effect.items]
        self._append(items[: random.randrange(len(items) + 1)])
        for effect in step:
            if not isinstance(effect, Append) and random.random() < 0.5:
                self.do(effect)

    def copy(self) -> "Disk":
        """Return a copy of all that is on it."""
        return type(self)(self._written, self.files)

    def rot(self, random: Random) -> bool:
        """Damage what was on the disk: the log ends at a head before it, and word of that is left.

        Returns:
            Whether there was anything to damage.
        """
        heads = [end for end, item in enumerate(self._written, 1) if item.kind is ItemKind.HEAD]
        if len(heads) < 2 or self.recover():
            return False
        kept = self._written[: heads[random.randrange(len(heads) - 1)]]
        self._clear()
        self._append(kept)
        self.recover()
        self.files[MUST_HEAR_FILE] = b"1"
        return True

    def _clear(self) -> None:
        self._written.clear()
        self._follow()

    def recover(self) -> int:
        """Cut what no signed head covers and an unfinished switch, as the store does at start.

        Returns:
            How many items were cut.
        """
        before = len(self._written)
        while (end := self._good()) < len(self._written):
            del self._written[end:]
        self._follow()
        return before - len(self._written)

    def _good(self) -> int:
        """Count the items up to the last head, with certificates right behind it, that rewinds leave."""
        end = len(self._written)
        while end and self._written[end - 1].kind is not ItemKind.HEAD:
            end -= 1
        while end and end < len(self._written) and self._written[end].kind is ItemKind.CERTIFICATE:
            end += 1
        return resolve(self._written[:end]).used

    def _append(self, items: Sequence[LogItem]) -> None:
        self._written += items
        if self.branches or any(item.kind is ItemKind.REWIND for item in items):
            self._follow()
            return
        for item in items:
            if item.kind is ItemKind.ENTRY:
                self._starts.append(len(self.items))
            self.items.append(item)

    def _follow(self) -> None:
        """See what all that was written adds up to."""
        found = resolve(self._written)
        self.items, self.branches = list(found.items), found.branches
        self._starts = [at for at, item in enumerate(self.items) if item.kind is ItemKind.ENTRY]

    def shared(self) -> tuple[tuple[LogItem, ...], tuple[int, ...]]:
        """Return the items, and where entries stand among them, for many disks to begin with."""
        return tuple(self.items), tuple(self._starts)

    def read_items(self, first: Seq, bytes_max: int) -> tuple[LogItem, ...]:
        """Return items as the store does: whole, up to a signed head if there is one."""
        if not 1 <= first <= len(self._starts):
            return ()
        found: list[LogItem] = []
        size_bytes, covered = 0, 0
        for item in self.items[self._starts[first - 1] :]:
            is_certificate = item.kind is ItemKind.CERTIFICATE and covered == len(found)
            if size_bytes + len(item.data) > bytes_max and covered and not is_certificate:
                return tuple(found[:covered])
            found.append(item)
            size_bytes += len(item.data)
            if item.kind is ItemKind.HEAD or is_certificate:
                covered = len(found)
        return tuple(found[:covered] if covered else found)


def in_rounds(effects: Sequence[Effect]) -> list[tuple[Effect, ...]]:
    """Order effects as the daemon's core does, and tell which become durable together.

    The disk first, then the rest. Appends that follow each other are one write, also around
    removals, which come behind them.
    """
    steps: list[tuple[Effect, ...]] = []
    appends: list[Effect] = []
    removals: list[Effect] = []

    def flush() -> None:
        steps.extend(tuple(step) for step in (appends, removals) if step)
        appends.clear()
        removals.clear()

    for effect in effects:
        match effect:
            case Append():
                appends.append(effect)
            case RemoveFile(name) if name != LOG_FILE:
                removals.append(effect)
            case RemoveFile() | StoreFile():
                flush()
                steps.append((effect,))
    flush()
    rest = [effect for effect in effects if not isinstance(effect, Append | StoreFile | RemoveFile)]
    return [*steps, *((effect,) for effect in rest)]
