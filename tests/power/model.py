"""A file system as a power cut may find it: what was synced is there, and of the rest any part.

Stricter than any file system that we know: names of one folder may reach the disk in any order, a
file's length without its bytes, its bytes without its length, a rename with both names.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, islice
from pathlib import Path
from random import Random

PIECES_MAX = 3
"""Into how many parts a write may fall."""
WHOLE_MAX = 7
"""Up to so many unsynced effects every subset is a state."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is found by one name after a power cut.

    Attributes:
        node: the same for two names of one file.
        content: None for a folder.
        mode: permissions, None if they did not reach the disk.
    """

    node: int
    content: bytes | None
    mode: int | None


Visible = dict[str, Found]
"""Path → what is found."""


@dataclass(eq=False, slots=True)
class Effect:
    """One thing that a sync of ``node`` brings to the disk.

    Attributes:
        node: the file or folder whose sync does it.
        durable: whether it is there for good.
        doubtful: a sync of it failed, and no later one brings it: the cache calls it written.
        needs: another effect without which this one is not there.
    """

    node: int
    durable: bool = field(default=False, init=False)
    doubtful: bool = field(default=False, init=False)
    needs: "Effect | None" = field(default=None, init=False)


@dataclass(eq=False, slots=True)
class Name(Effect):
    """A name in a folder means a node, or nothing any more (None)."""

    name: str
    target: int | None


@dataclass(eq=False, slots=True)
class Data(Effect):
    """Bytes at a place of a file; seen if the file is long enough."""

    at: int
    data: bytes


@dataclass(eq=False, slots=True)
class Size(Effect):
    """A file has this length; what a shorter one cut off is gone."""

    size: int


@dataclass(eq=False, slots=True)
class Mode(Effect):
    """A file has these permissions."""

    mode: int


class Model:
    """All that was done to the tree below one folder, in order; the folder itself is node 0."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.folders = {0}
        self._nodes = 1

    def new(self, *, folder: bool = False) -> int:
        """Return a new node, which has no name yet."""
        self._nodes += 1
        if folder:
            self.folders.add(self._nodes)
        return self._nodes

    def name(self, folder: int, name: str, target: int | None) -> Name:
        """Let a name mean something else."""
        found = Name(folder, name, target)
        self.effects.append(found)
        return found

    def rename(self, source: tuple[int, str], target: tuple[int, str], node: int) -> None:
        """Replace a name; the former one goes with it or, as on JFFS2, behind it."""
        there = self.name(*target, node)
        self.name(*source, None).needs = there

    def write(self, node: int, at: int, data: bytes) -> None:
        """Write in pieces, each of which may be all that reaches the disk."""
        step = max(1, -(-len(data) // PIECES_MAX))
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            self.effects += (Data(node, at + start, piece), Size(node, at + start + len(piece)))

    def sync(self, node: int) -> None:
        """Bring a file's content, or a folder's names, to the disk."""
        for effect in self.effects:
            if effect.node == node and not effect.doubtful:
                _bring(effect)

    def fail_sync(self, node: int) -> None:
        """A file could not be synced: its bytes are in memory alone, and called clean."""
        for effect in self.effects:
            if effect.node == node and not effect.durable:
                effect.doubtful = True

    def forget_cache(self, node: int) -> bytes:
        """Read a file anew from the disk, which has nothing of what it refused; return its content."""
        self.effects = [e for e in self.effects if e.node != node or not e.doubtful]
        return self._content(node, self.effects)

    def lose_power(self, lost: Sequence[Effect]) -> None:
        """Go on behind a power cut that took these effects."""
        gone = set(map(id, lost))
        self.effects = [effect for effect in self.effects if id(effect) not in gone]
        for effect in self.effects:
            effect.durable, effect.doubtful = True, False

    @property
    def unsynced(self) -> list[Effect]:
        """What a power cut may take."""
        return [effect for effect in self.effects if not effect.durable]

    def losses(self, random: Random, count: int) -> Iterator[tuple[Effect, ...]]:
        """Yield what a power cut takes: every subset, or so many of them where there are too many."""
        loose = self.unsynced
        if len(loose) <= WHOLE_MAX:
            every = (lost for n in range(len(loose) + 1) for lost in combinations(loose, n))
            yield from every if 2 ** len(loose) <= count else islice(_shuffled(every, random), count)
            return
        yield ()
        yield tuple(loose)
        for effect in loose:
            yield (effect,)
            yield tuple(other for other in loose if other is not effect)
        for _ in range(count):
            yield tuple(effect for effect in loose if random.random() < random.choice((0.2, 0.5, 0.8)))

    def visible(self, lost: Sequence[Effect] = ()) -> Visible:
        """Return the tree that is found without what was lost."""
        gone = set(map(id, lost))
        kept = [e for e in self.effects if id(e) not in gone and (e.needs is None or id(e.needs) not in gone)]
        found: Visible = {}
        self._walk(0, "", kept, found)
        return found

    def _walk(self, folder: int, prefix: str, effects: Sequence[Effect], found: Visible) -> None:
        names = {e.name: e.target for e in effects if isinstance(e, Name) and e.node == folder}
        for name, node in sorted(names.items()):
            if node is None:
                continue
            is_folder = node in self.folders
            content = None if is_folder else self._content(node, effects)
            found[prefix + name] = Found(node, content, _mode(node, effects))
            if is_folder:
                self._walk(node, f"{prefix}{name}/", effects, found)

    def _content(self, node: int, effects: Sequence[Effect]) -> bytes:
        content, size = bytearray(), 0
        for effect in effects:
            if effect.node != node:
                continue
            match effect:
                case Data(at=at, data=data):
                    content.extend(bytes(max(0, at - len(content))))
                    content[at : at + len(data)] = data
                case Size(size=length):
                    if length < size:
                        del content[length:]
                    size = length
                case _:
                    pass
        return bytes(content[:size].ljust(size, b"\0"))


def _mode(node: int, effects: Sequence[Effect]) -> int | None:
    modes = [effect.mode for effect in effects if isinstance(effect, Mode) and effect.node == node]
    return modes[-1] if modes else None


def _bring(effect: Effect) -> None:
    if effect.needs is not None:
        _bring(effect.needs)
    effect.durable = True


def _shuffled(every: Iterator[tuple[Effect, ...]], random: Random) -> Iterator[tuple[Effect, ...]]:
    """Yield all in another order, the whole and the empty loss first."""
    rows = list(every)
    yield rows.pop(0)
    if rows:
        yield rows.pop()
    random.shuffle(rows)
    yield from rows


def materialise(visible: Visible, root: Path) -> None:
    """Make the tree that is found in an empty folder; one node of two names is one file."""
    made: dict[int, Path] = {}
    for name, found in visible.items():
        path = root / name
        if found.node in made:
            path.hardlink_to(made[found.node])
            continue
        if found.content is None:
            path.mkdir()
        else:
            path.write_bytes(found.content)
            made[found.node] = path
        if found.mode is not None:
            path.chmod(found.mode)
