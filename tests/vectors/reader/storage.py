"""The file of the log (storage.md)."""

import hashlib
from dataclasses import dataclass

from tests.vectors.reader.keys import labelled
from tests.vectors.reader.packing import Refused, array, number, octets, unpack

BEGINNING = b"dusklog\x01"
FRAME_HEAD = 17
DATA_MAX = 589_824
PIECES_MAX = 140
PLAN, PIECE, LEFT = 5, 6, 7


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
    if checksum != file[at + 8 : at + 16] or kind not in range(1, 8) or batch > at:
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
    branches: list[tuple[int, list[tuple[int, bytes]]]]
    floor: int = 0
    foundation: bytes = b""


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


def _rewind(one: Frame) -> tuple[int, int] | None:
    try:
        row = unpack(one.data, 2, 32)
        return number(row[0]), number(row[1], 1)
    except Refused:
        return None


@dataclass(frozen=True)
class Basis:
    """What a log stands on, and how many frames say so."""

    floor: int
    foundation: bytes
    branches: list[tuple[int, list[tuple[int, bytes]]]]
    taken: int


def _left(frames: list[Frame]) -> list[tuple[int, list[tuple[int, bytes]]]]:
    found: dict[tuple[int, int], list[tuple[int, bytes]]] = {}
    for one in frames:
        branch, seq, kind, data = unpack(one.data, 4, DATA_MAX)
        item = (number(kind, 1, 3), octets(data))
        found.setdefault((number(branch), number(seq)), []).append(item)
    return [(seq, items) for (_, seq), items in found.items()]


def _basis(frames: list[Frame]) -> Basis | None:
    """Read what a file begins with; None if that is not whole."""
    if not frames or frames[0].kind != PLAN:
        return Basis(0, b"", [], 0)
    try:
        seq, hashes = unpack(frames[0].data, 2)
        named = [octets(one, 32) for one in array(hashes, most=PIECES_MAX, least=1)]
        pieces = [one.data for one in frames[1 : 1 + len(named)]]
        if [labelled("dusk.piece", piece) for piece in pieces] != named:
            return None
        taken = 1 + len(named)
        while taken < len(frames) and frames[taken].kind == LEFT:
            taken += 1
        return Basis(number(seq, 1), b"".join(pieces), _left(frames[1 + len(named) : taken]), taken)
    except Refused:
        return None


class _Log:
    """What frames in order add up to; ``counts`` is how many were taken before one that does not count."""

    def __init__(self, frames: list[Frame]) -> None:
        self.items: list[tuple[int, bytes]] = []
        basis = _basis(frames)
        self.basis = basis or Basis(0, b"", [], 0)
        self.branches = list(self.basis.branches)
        self.counts = 0 if basis is None else len(frames)
        for place in range(self.basis.taken, self.counts):
            one = frames[place]
            if one.kind <= 3:
                self.items.append((one.kind, one.data))
            elif one.kind != 4 or not self._replace(
                _rewind(one), [behind.kind for behind in frames[place + 1 :]]
            ):
                self.counts = place
                return

    def _replace(self, row: tuple[int, int] | None, behind: list[int]) -> bool:
        entries = [place for place, (kind, _) in enumerate(self.items) if kind == 1]
        if row is None or len(behind) < row[1] or 4 in behind[: row[1]]:
            return False
        kept = row[0] - self.basis.floor
        if not 0 <= kept <= len(entries):
            return False
        first = entries[kept] if kept < len(entries) else len(self.items)
        self.branches.append((row[0], self.items[first:]))
        del self.items[first:]
        return True


def _promised(frames: list[Frame]) -> list[Frame]:
    """Leave out what is behind the last head but certificates, and a rewind that this leaves short."""
    kinds = [one.kind for one in frames]
    least = _Log(frames).basis.taken
    end = len(kinds) - kinds[::-1].index(2) if 2 in kinds else least
    while least < end < len(kinds) and kinds[end] == 3:
        end += 1
    counts = _Log(frames[:end]).counts
    return frames if counts == len(frames) else _promised(frames[:counts])


def opened(file: bytes) -> Opened:
    """Open a log file: what is good, what is torn, what is damaged, what was replaced."""
    if not file.startswith(BEGINNING) and not BEGINNING.startswith(file):
        behind = _scattered(file, len(BEGINNING))
        return Opened([], 0, 0, 0, [(one.kind, one.data) for one in behind], [])
    all_good = _frames(file, len(BEGINNING))
    frames = all_good[: _Log(all_good).counts]
    good_end = frames[-1].end if frames else len(BEGINNING)
    behind = all_good[len(frames) :] + _scattered(file, all_good[-1].end if all_good else len(BEGINNING))
    kept = _promised(frames)
    end = kept[-1].end if kept else len(BEGINNING) if file.startswith(BEGINNING) else 0
    log = _Log(kept)
    ground = (log.basis.floor, log.basis.foundation)
    lost_its_ground = not frames and any(one.kind >= PLAN for one in behind)
    if lost_its_ground or any(one.batch > good_end for one in behind):
        salvaged = [(one.kind, one.data) for one in frames[len(kept) :] + behind]
        return Opened(log.items, end, 0, good_end, salvaged, log.branches, *ground)
    return Opened(log.items, end, len(file) - end, None, [], log.branches, *ground)
