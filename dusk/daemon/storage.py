"""All that a node keeps on the disk, and how a round of disk effects is done (R8).

Blocking: the core calls it in a thread, so that a slow flash does not stop the clock.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from dusk.changelog.basis import lay
from dusk.changelog.rewinds import LostBranch
from dusk.daemon import logfiles, rewriting
from dusk.daemon.opening import Report, open_store
from dusk.daemon.rewriting import Job, Rewritten
from dusk.daemon.smallfiles import SmallFiles
from dusk.daemon.store import Store
from dusk.effects import Append, Compact, LogItem, Rebase, RemoveFile, StoreFile, UseCompacted
from dusk.errors import StorageError
from dusk.ids import Seq
from dusk.lazy import dataclass

DiskEffect = Append | StoreFile | RemoveFile | Rebase | Compact | UseCompacted
"""A compaction too begins among them: what it is made of is the log as it stands at its place."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What the disk holds at a start.

    Attributes:
        items: the log.
        files: small files, name → content.
        report: what was cut or damaged.
        branches: branches of the log that were replaced, oldest first.
        foundation: what the log stands on; None where it begins with its first entry.
    """

    items: tuple[LogItem, ...]
    files: Mapping[str, bytes]
    report: Report
    branches: tuple[LostBranch, ...] = ()
    foundation: bytes | None = None


class UnverifiedLogError(StorageError):
    """The log was read whole, and does not verify.

    Args:
        text: one line for people.
        good: the items before the first wrong one, up to a signed head.
    """

    def __init__(self, text: str, good: tuple[LogItem, ...]) -> None:
        super().__init__(text)
        self.good = good


class Storage:
    """The open folder ``etc/dusk/node``.

    Args:
        log: the open log.
        files: the small files.
        directory: the folder.
    """

    def __init__(self, log: Store, files: SmallFiles, directory: Path) -> None:
        self.store = log
        self.files = files
        self._directory = directory
        self._jobs: dict[Seq, Job] = {}
        self._rewritten: Rewritten | None = None

    def do(self, effects: Sequence[DiskEffect]) -> None:
        """Do disk effects in order, appends that follow each other with one write and one fsync.

        A removal is done behind the appends that follow it: it only tidies up, so later is safe.

        Raises:
            StorageError: this one and those behind it are not promised.
        """
        items: list[LogItem] = []
        removals: list[str] = []
        for effect in effects:
            match effect:
                case Append(appended):
                    items += appended
                case RemoveFile(logfiles.NAME):
                    self._flush(items, removals)
                    self.store.clear()
                case RemoveFile(name):
                    removals.append(name)
                case Rebase(seq, foundation, above, left):
                    self._flush(items, removals)
                    whole = (*lay(seq, foundation, left), *above)
                    rewriting.rebase(self.store, self._directory, whole)
                case Compact(_, seq, left):
                    # a branch left behind this place is not among those: its rewind has to be copied
                    self._flush(items, removals)
                    self._jobs[seq] = Job(self.store, self._directory, seq, left)
                case UseCompacted(seq):
                    self._flush(items, removals)
                    made, self._rewritten = self._rewritten, None
                    if made is not None and made.seq == seq:
                        rewriting.use(self.store, self._directory, made)
                case StoreFile(name, data):
                    self._flush(items, removals)
                    self.files.store(name, data)
        self._flush(items, removals)

    def _flush(self, items: list[LogItem], removals: list[str]) -> None:
        if items:
            self.store.append(items)
            items.clear()
        if removals:
            self.files.remove(*removals)
            removals.clear()

    def job(self, effect: Compact) -> Job:
        """Return what makes a compacted log beside the one in use, in a thread; the effect was done."""
        return self._jobs.pop(effect.seq)

    def made(self, rewritten: Rewritten) -> None:
        """Take what that made; `UseCompacted` changes over to it."""
        self._rewritten = rewritten

    def close(self) -> None:
        """Close all files."""
        while self._jobs:
            self._jobs.popitem()[1].drop()
        self.store.close()
        self.files.close()


def open_storage(directory: Path) -> tuple[Storage, Saved]:
    """Open a node's folder and read all of it.

    Raises:
        StorageError: the disk refused.
    """
    files = SmallFiles(directory)
    try:
        files.remove_leftovers()
        opened = open_store(directory)  # first: it may leave word in a small file
    except StorageError:
        files.close()
        raise
    try:
        saved = files.read_all()
    except StorageError:
        opened.store.close()
        files.close()
        raise
    found = Saved(opened.items, saved, opened.report, opened.branches, opened.foundation)
    return Storage(opened.store, files, directory), found
