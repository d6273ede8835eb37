"""The bytes of the log file: frames that prove where they stand (`specs/storage.md`).

Reading needs no trio and writes nothing, so that ``dusk verify`` uses it too.
"""

import hashlib
import struct
from collections.abc import Iterator, Sequence

from dusk.changelog.rewinds import AT_THE_BEGINNING, LostBranch, Resolved, resolve
from dusk.effects import ItemKind, LogItem
from dusk.lazy import dataclass
from dusk.limits import FRAME_DATA_BYTES_MAX

MAGIC = b"dusklog\x01"
"""The first bytes of a log file; the last of them is the version of this format."""
_HEADER = struct.Struct("<II8sB")
HEADER_BYTES = _HEADER.size
_PLACE = struct.Struct("<IIIB")
_KINDS = {int(kind): kind for kind in ItemKind}


_EMPTY = Resolved((), (), 0)


@dataclass(frozen=True, slots=True)
class Frame:
    """One item where it stands in the file.

    Attributes:
        item: what it holds.
        offset: position of its first byte.
        end: position behind its last byte.
        batch: position of the first frame of its write; all before that was on disk by then.
    """

    item: LogItem
    offset: int
    end: int
    batch: int


@dataclass(frozen=True, slots=True)
class Contents:
    """A log file as read.

    Attributes:
        frames: the good frames from the start on, without a gap; those that were replaced too.
        end: position behind the last of them.
        cut_bytes: bytes of an append that was under way when the power went (a torn tail).
        damage_at: position of damage to what had been on disk; None if there is none.
        salvaged: good items behind the damage; they prove nothing alone, but may hold the
            only copy of a change.
        log: what the frames add up to, the rewinds among them followed.
    """

    frames: tuple[Frame, ...]
    end: int
    cut_bytes: int = 0
    damage_at: int | None = None
    salvaged: tuple[LogItem, ...] = ()
    log: Resolved = _EMPTY

    @property
    def items(self) -> tuple[LogItem, ...]:
        """The items of the log, in its order."""
        return self.log.items

    @property
    def foundation(self) -> bytes | None:
        """What the log stands on; None where it begins with its first entry."""
        return None if self.log.basis.plan is None else self.log.basis.data

    @property
    def branches(self) -> tuple[LostBranch, ...]:
        """What was replaced, oldest first."""
        return self.log.branches


def _checksum(offset: int, batch: int, kind: int, data: bytes | memoryview) -> bytes:
    """Return what ties the data to its length, kind, place and write: BLAKE2b, 8 bytes."""
    state = hashlib.blake2b(_PLACE.pack(offset, len(data), batch, kind), digest_size=8, person=b"dusk.frame")
    state.update(data)
    return state.digest()


def encode(items: Sequence[LogItem], at: int) -> bytes:
    """Return the frames of one write.

    Args:
        items: what to append; each with 1 to ``FRAME_DATA_BYTES_MAX`` bytes of data.
        at: position in the file at which they will stand.
    """
    parts: list[bytes] = []
    offset = at
    for item in items:
        assert 0 < len(item.data) <= FRAME_DATA_BYTES_MAX, "an item fits into a frame"
        checksum = _checksum(offset, at, item.kind, item.data)
        parts += (_HEADER.pack(len(item.data), at, checksum, item.kind), item.data)
        offset += HEADER_BYTES + len(item.data)
    return b"".join(parts)


def frame_at(data: bytes, offset: int, base: int = 0) -> Frame | None:
    """Return the frame that starts at ``offset`` of ``data``, or None if there is no good one.

    Args:
        data: a piece of the file.
        offset: where in the piece.
        base: where in the file the piece starts.
    """
    start = offset + HEADER_BYTES
    if start > len(data):
        return None
    length, batch, checksum, kind = _HEADER.unpack_from(data, offset)
    end = start + length
    if kind not in _KINDS or not 0 < length <= FRAME_DATA_BYTES_MAX or end > len(data):
        return None
    content = data[start:end]
    if _checksum(base + offset, batch, kind, content) != checksum or batch > base + offset:
        return None
    return Frame(LogItem(_KINDS[kind], content), base + offset, base + end, batch)


def frames_of(data: bytes, offset: int, base: int = 0) -> Iterator[Frame]:
    """Yield the good frames that follow each other from ``offset`` on."""
    while frame := frame_at(data, offset, base):
        yield frame
        offset = frame.end - base


def _behind_damage(data: bytes, offset: int) -> Iterator[Frame]:
    """Yield the good frames anywhere behind a bad one; a frame proves its own place."""
    while offset + HEADER_BYTES < len(data):
        frame = frame_at(data, offset)
        if frame is not None:
            yield frame
        offset = frame.end if frame else offset + 1


def parse(data: bytes) -> Contents:
    """Read a log file's bytes; any bytes at all give an answer, never an exception.

    What cannot be read at the end is a torn tail if nothing good behind it was written later;
    a later write proves that it had been on disk, and then it is damage; so is what a log stands on,
    for it is never written behind anything. Entries behind the
    last signed head belong to such a tail or to damage: nothing covers them, and whatever
    is appended next would follow the head. A rewind without all its items is like a frame
    that cannot be read.
    """
    if MAGIC.startswith(data):
        return Contents((), 0 if len(data) < len(MAGIC) else len(MAGIC), len(data) % len(MAGIC))
    if not data.startswith(MAGIC):
        salvaged = tuple(frame.item for frame in _behind_damage(data, len(MAGIC)))
        return Contents((), 0, damage_at=0, salvaged=salvaged)
    read = tuple(frames_of(data, len(MAGIC)))
    found = resolve(_items(read))
    good = read[: found.used]
    stop = good[-1].end if good else len(MAGIC)
    covered, log = _covered(good, found.basis.taken)
    end = covered[-1].end if covered else len(MAGIC)
    bad = read[-1].end if read else len(MAGIC)
    behind = (*read[len(good) :], *(_behind_damage(data, bad + 1) if bad < len(data) else ()))
    lost_its_ground = not good and any(frame.item.kind in AT_THE_BEGINNING for frame in behind)
    if lost_its_ground or any(frame.batch > stop for frame in behind):
        salvaged = tuple(_items((*good[len(covered) :], *behind)))
        return Contents(covered, end, damage_at=stop, salvaged=salvaged, log=log)
    return Contents(covered, end, cut_bytes=len(data) - end, log=log)


def _items(frames: Sequence[Frame]) -> list[LogItem]:
    return [frame.item for frame in frames]


def _covered(good: tuple[Frame, ...], basis: int) -> tuple[tuple[Frame, ...], Resolved]:
    """Return the frames that count, and what they add up to; the first ``basis`` need no head.

    They go up to the last signed head and the certificates right behind it, and no rewind
    among them lacks any of its items.
    """
    while True:
        count = len(good)
        while count > basis and good[count - 1].item.kind is not ItemKind.HEAD:
            count -= 1
        while basis < count < len(good) and good[count].item.kind is ItemKind.CERTIFICATE:
            count += 1
        log = resolve(_items(good[:count]))
        if log.used == len(good):
            return good, log
        good = good[: log.used]
