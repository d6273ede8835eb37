"""One device's disk: the log's items and the small files, and what a power cut leaves of a write.

An item of the log stands for a frame. The store writes a row of appends as one batch and syncs it
once; whichever pieces of a batch reach the flash, in whatever order, what it reads at the start is
a beginning of the batch, cut behind a signed head (`tests/sim/test_sim_disk.py` shows that of the
real one). Removals that follow each other are synced together, so any of them may be done. A small
file is replaced by a rename that is there or not.
"""

from collections.abc import Iterable, Mapping, MutableSequence, Sequence
from random import Random

from dusk.changelog.basis import NO_BASIS, Basis, lay, plan_of
from dusk.changelog.compaction import compact
from dusk.changelog.foundation import pieces
from dusk.changelog.items import verified_entry
from dusk.changelog.rewinds import LostBranch, resolve
from dusk.effects import (
    Append,
    Compact,
    Effect,
    ItemKind,
    LogItem,
    Rebase,
    RemoveFile,
    StoreFile,
    UseCompacted,
)
from dusk.ids import Seq
from dusk.node.recovery import MUST_HEAR_FILE

DiskEffect = Append | StoreFile | RemoveFile | Rebase | UseCompacted
LOG_FILE = "log"
_PLAIN = (ItemKind.ENTRY, ItemKind.HEAD, ItemKind.CERTIFICATE)


class DiskError(Exception):
    """The disk refused: ENOSPC, EIO."""


class Disk:
    """What survives.

    Attributes:
        items: the log; of what a switch replaced, and of an unfinished one, it shows nothing.
        branches: what was replaced, oldest first.
        basis: what the log stands on.
        files: small files, name → content.
    """

    def __init__(self, items: Sequence[LogItem] = (), files: Mapping[str, bytes] | None = None) -> None:
        self.items: MutableSequence[LogItem] = []
        self.branches: tuple[LostBranch, ...] = ()
        self.basis: Basis = NO_BASIS
        self._made: tuple[Compact, bytes, int] | None = None
        self.files: dict[str, bytes] = dict(files or {})
        self._written: MutableSequence[LogItem] = []
        self._starts: MutableSequence[int] = []
        self._append(items)

    @property
    def last(self) -> Seq:
        """The position of its newest entry."""
        return Seq(self.basis.floor + len(self._starts))

    def prepare(self, effect: Compact) -> bytes:
        """Make a compacted log; returns the plan of what it stands on."""
        data = compact(effect.cluster, self.basis.data or None, self.items, effect.seq)
        self._made = effect, data, len(self.branches)
        return plan_of(effect.seq, pieces(data)).encode()

    def read_piece(self, seq: Seq, piece: int) -> bytes | None:
        """Return a piece of what the log stands on; None where that is something else."""
        return pieces(self.basis.data)[piece] if self.basis.floor == seq else None

    def _rewrite(self, items: Sequence[LogItem]) -> None:
        self._written[:] = items
        self._follow()

    def _above(self, seq: Seq) -> list[LogItem]:
        """Return what stands from the entry behind a position on."""
        entries = ((at, item) for at, item in enumerate(self.items) if item.kind is ItemKind.ENTRY)
        first = next((at for at, item in entries if verified_entry(item).seq > seq), len(self.items))
        return list(self.items[first:])

    def do(self, effect: DiskEffect) -> None:
        """Do one effect whole; it is durable then."""
        match effect:
            case Append(items):
                self._append(items)
            case Rebase(seq, data, above, left):
                self._rewrite([*lay(seq, data, left), *above])
            case UseCompacted(seq):
                made, self._made = self._made, None
                if made is not None and made[0].seq == seq:
                    left = (*made[0].left, *self.branches[made[2] :])
                    self._rewrite([*lay(seq, made[1], left), *self._above(seq)])
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
        end, least = len(self._written), self.basis.taken
        while end > least and self._written[end - 1].kind is not ItemKind.HEAD:
            end -= 1
        while least < end < len(self._written) and self._written[end].kind is ItemKind.CERTIFICATE:
            end += 1
        return resolve(self._written[:end]).used

    def _append(self, items: Sequence[LogItem]) -> None:
        self._written += items
        if self.branches or any(item.kind not in _PLAIN for item in items):
            self._follow()
            return
        for item in items:
            if item.kind is ItemKind.ENTRY:
                self._starts.append(len(self.items))
            self.items.append(item)

    def _follow(self) -> None:
        """See what all that was written adds up to."""
        found = resolve(self._written)
        self.items, self.branches, self.basis = list(found.items), found.branches, found.basis
        self._starts = [at for at, item in enumerate(self.items) if item.kind is ItemKind.ENTRY]

    def shared(self) -> tuple[tuple[LogItem, ...], tuple[int, ...]]:
        """Return the items, and where entries stand among them, for many disks to begin with."""
        return tuple(self.items), tuple(self._starts)

    def read_items(self, first: Seq, bytes_max: int) -> tuple[LogItem, ...]:
        """Return items as the store does: whole, up to a signed head if there is one."""
        if not self.basis.floor < first <= self.last:
            return ()
        return read_on(self.items[self._starts[first - self.basis.floor - 1] :], bytes_max)


def in_rounds(effects: Sequence[Effect]) -> list[tuple[Effect, ...]]:
    """Order effects as the daemon's core does, and tell which become durable together.

    The disk first, then the rest; a compaction is made of the log as it is at its place. Appends that
    follow each other are one write, also around removals, which come behind them.
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
            case RemoveFile() | StoreFile() | Rebase() | Compact() | UseCompacted():
                flush()
                steps.append((effect,))
    flush()
    rest = [effect for effect in effects if not isinstance(effect, DiskEffect | Compact)]
    return [*steps, *((effect,) for effect in rest)]


def read_on(items: Iterable[LogItem], bytes_max: int) -> tuple[LogItem, ...]:
    """Return the first of these items as a store reads them: whole, up to a signed head if there is one.

    Args:
        items: what stands in the log from a position on.
        bytes_max: how many bytes are wanted; no head within them: as many more as it takes to one.
    """
    found: list[LogItem] = []
    size_bytes, covered = 0, 0
    for item in items:
        if item.kind is ItemKind.WITNESS:
            continue
        is_certificate = item.kind is ItemKind.CERTIFICATE and covered == len(found)
        if size_bytes + len(item.data) > bytes_max and covered and not is_certificate:
            return tuple(found[:covered])
        found.append(item)
        size_bytes += len(item.data)
        if item.kind is ItemKind.HEAD or is_certificate:
            covered = len(found)
    return tuple(found[:covered] if covered else found)
