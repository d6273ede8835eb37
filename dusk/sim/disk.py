"""One device's disk: the log's items and the small files, and what a power cut leaves of a write.

An item of the log stands for a frame: a cut write leaves whole items and at most one torn one,
which the store cuts at start together with all that no signed head covers.
"""

from collections.abc import Sequence
from random import Random

from dusk.effects import Append, ItemKind, LogItem, RemoveFile, StoreFile
from dusk.ids import Seq

DiskEffect = Append | StoreFile | RemoveFile
LOG_FILE = "log"


class DiskError(Exception):
    """The disk refused: ENOSPC, EIO."""


class Disk:
    """What survives.

    Attributes:
        items: the log.
        files: small files, name → content.
    """

    def __init__(self) -> None:
        self.items: list[LogItem] = []
        self.files: dict[str, bytes] = {}
        self._starts: list[int] = []

    def do(self, effect: DiskEffect) -> None:
        """Do one effect whole; it is durable then."""
        match effect:
            case Append(items):
                self._append(items)
            case StoreFile(name, data):
                self.files[name] = data
            case RemoveFile(name) if name == LOG_FILE:
                self.items.clear()
                self._starts.clear()
            case RemoveFile(name):
                self.files.pop(name, None)

    def tear(self, effect: DiskEffect, random: Random) -> None:
        """Do what a power cut, or a failing flash, leaves of one effect."""
        if isinstance(effect, Append):
            self._append(effect.items[: random.randrange(len(effect.items) + 1)])
        elif random.random() < 0.5:
            self.do(effect)

    def recover(self) -> int:
        """Cut what no signed head covers, as the store does at start; return how many items."""
        end = len(self.items)
        while end and self.items[end - 1].kind is not ItemKind.HEAD:
            end -= 1
        cut = len(self.items) - end
        kept = self.items[:end]
        self.items.clear()
        self._starts.clear()
        self._append(kept)
        return cut

    def _append(self, items: Sequence[LogItem]) -> None:
        for item in items:
            if item.kind is ItemKind.ENTRY:
                self._starts.append(len(self.items))
            self.items.append(item)

    def read_items(self, first: Seq, bytes_max: int) -> tuple[LogItem, ...]:
        """Return items as the store does: whole, up to a signed head if there is one."""
        if not 1 <= first <= len(self._starts):
            return ()
        found: list[LogItem] = []
        size_bytes, covered = 0, 0
        for item in self.items[self._starts[first - 1] :]:
            if size_bytes + len(item.data) > bytes_max and covered:
                return tuple(found[:covered])
            found.append(item)
            size_bytes += len(item.data)
            if item.kind is ItemKind.HEAD:
                covered = len(found)
        return tuple(found[:covered] if covered else found)
