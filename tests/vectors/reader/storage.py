"""The file of the log (storage.md)."""

import hashlib
from dataclasses import dataclass

BEGINNING = b"dusklog\x01"
FRAME_HEAD = 17
DATA_MAX = 589_824


def file_hash(key: bytes, package: str, content: bytes) -> bytes:
    """Hash a file for a status (apply.md)."""
    data = package.encode() + b"\0" + content
    return hashlib.blake2b(data, digest_size=16, key=key, person=b"dusk.apply.file").digest()


@dataclass(frozen=True)
class Frame:
    """A frame that its checksum proves."""

    at: int
    end: int
    batch: int
    kind: int
    data: bytes


def frame(file: bytes, at: int) -> Frame | None:
    """Read the frame at an offset, if a good one is there."""
    size = int.from_bytes(file[at : at + 4], "little")
    end = at + FRAME_HEAD + size
    if not 1 <= size <= DATA_MAX or end > len(file):
        return None
    place = at.to_bytes(4, "little")
    covered = place + file[at : at + 8] + file[at + 16 : end]
    checksum = hashlib.blake2b(covered, digest_size=8, person=b"dusk.frame").digest()
    kind = file[at + 16]
    batch = int.from_bytes(file[at + 4 : at + 8], "little")
    if checksum != file[at + 8 : at + 16] or kind not in {1, 2} or batch > at:
        return None
    return Frame(at, end, batch, kind, file[at + FRAME_HEAD : end])


@dataclass(frozen=True)
class Opened:
    """What a log file holds."""

    items: list[tuple[int, bytes]]
    end: int
    cut_bytes: int
    damage_at: int | None
    salvaged: list[tuple[int, bytes]]


def _frames(file: bytes, at: int) -> list[Frame]:
    frames = []
    while (good := frame(file, at)) is not None:
        frames.append(good)
        at = good.end
    return frames


def _scattered(file: bytes, at: int) -> list[Frame]:
    frames = []
    while at < len(file):
        good = frame(file, at)
        if good is not None:
            frames.append(good)
        at = good.end if good else at + 1
    return frames


def opened(file: bytes) -> Opened:
    """Open a log file: what is good, what is torn, what is damaged."""
    if not file.startswith(BEGINNING) and not BEGINNING.startswith(file):
        behind = _scattered(file, len(BEGINNING))
        return Opened([], 0, 0, 0, [(one.kind, one.data) for one in behind])
    frames = _frames(file, len(BEGINNING))
    good_end = frames[-1].end if frames else len(BEGINNING)
    behind = _scattered(file, good_end)
    uncovered: list[Frame] = []
    while frames and frames[-1].kind != 2:
        uncovered.insert(0, frames.pop())
    end = frames[-1].end if frames else len(BEGINNING) if file.startswith(BEGINNING) else 0
    items = [(one.kind, one.data) for one in frames]
    if any(one.batch > good_end for one in behind):
        return Opened(items, end, 0, good_end, [(one.kind, one.data) for one in uncovered + behind])
    return Opened(items, end, len(file) - end, None, [])
