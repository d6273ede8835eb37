"""Work with the power cut at each call, the process killed at each, the disk refusing each."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Generic, TypeVar

import pytest

from dusk.errors import StorageError
from tests.capabilities import EFFORT_FACTOR
from tests.daemon.faulty_disk import failing, full, read_only
from tests.power.model import Model, Visible, materialise
from tests.power.recording import Fault, PowerCutError, Recording

STATES_OF_A_POINT = 8 if EFFORT_FACTOR == 1 else 200
"""How many subsets of what was not synced are tried at each point."""
STATES_OF_A_KILL = 2 if EFFORT_FACTOR == 1 else 60
"""The same for each point behind a kill, of which there are as many as points before it."""
RECOVERIES = 2 if EFFORT_FACTOR == 1 else 400
"""How many states' recoveries are cut at each of their own calls, too."""
EVERY = 7 if EFFORT_FACTOR == 1 else 1
"""Each so many-th call is killed at, or refused; the kinds of refusal take turns."""
REFUSALS = (
    (full(), 1, 0.5),
    (full(), 4, 0.0),
    (failing(), 1, 0.5),
    (failing(), 2, 1.0),
    (read_only(), 5, 0.0),
)
"""What a disk says, how often in a row, and how much of a write it takes nevertheless."""
LIVES_MAX = 8
"""After so many starts a daemon on a disk that is good again must live."""

T = TypeVar("T")


def _check_words(text: str) -> None:
    """What is shown to people is one line."""
    assert text
    assert "\n" not in text


@dataclass(slots=True)
class Told(Generic[T]):
    """What was said to be safe, and what was only begun.

    Attributes:
        kept: what the last promise covers; None before any.
        begun: what the disk may hold beyond that, in the order in which it was begun.
    """

    kept: T | None = None
    begun: list[T] = field(default_factory=list)

    def begin(self, what: T) -> None:
        """Begin something that is not promised yet."""
        self.begun.append(what)

    def keep(self, what: T) -> None:
        """Promise something: whatever was begun before is part of it, or was never to be."""
        self.kept, self.begun = what, []

    def copy(self) -> "Told[T]":
        """Return what was said up to now."""
        return Told(self.kept, list(self.begun))


@dataclass(frozen=True, slots=True)
class Work(Generic[T]):
    """Something that is done to the disk, and how it is recovered.

    Attributes:
        prepare: makes what is on the disk before, and returns what that promises.
        do: does it, and says what it promises.
        recover: opens with the code of the daemon or the helper, holds what is found against what
            was told, works on and says what that promises. A disk that refuses it raises.
    """

    prepare: Callable[[Path], Told[T]]
    do: Callable[[Path, Told[T]], None]
    recover: Callable[[Path, Told[T]], None]


@dataclass(slots=True)
class Tally:
    """How much was tried."""

    points: int = 0
    states: int = 0

    def add(self, other: "Tally") -> None:
        """Count another run, too."""
        self.points += other.points
        self.states += other.states


@dataclass(slots=True)
class _States(Generic[T]):
    """The different states that a power cut may leave, with what was told before it."""

    random: Random
    found: list[tuple[Visible, Told[T]]] = field(default_factory=list)
    points: int = 0
    seen: set[str] = field(default_factory=set)

    def note(self, recording: Recording, told: Told[T], count: int = STATES_OF_A_POINT) -> None:
        """Take the states of a power cut now."""
        self.points += 1
        for lost in recording.model.losses(self.random, count):
            visible = recording.model.visible(lost)
            key = repr((_without_numbers(visible), told))
            if key not in self.seen:
                self.seen.add(key)
                self.found.append((visible, told.copy()))


def _without_numbers(visible: Visible) -> list[tuple[str, str, bytes | None, int | None]]:
    """Return what is found, a node being named by its first name: what is equal is tried once."""
    first: dict[int, str] = {}
    return [
        (name, first.setdefault(found.node, name), found.content, found.mode)
        for name, found in sorted(visible.items())
    ]


def close_below(folder: Path) -> None:
    """Close what a process that ended would not have open any more: what it has open below a folder."""
    for entry in list(Path("/proc/self/fd").iterdir()):
        with suppress(OSError):
            if entry.readlink().is_relative_to(folder):
                os.close(int(entry.name))


class Bench:
    """Folders for one test, each used once and removed.

    Args:
        base: where they are made.

    Attributes:
        total: how much was tried with all of them.
        every: each so many-th call is killed at, or refused.
    """

    def __init__(self, base: Path) -> None:
        self._base = base
        self._count = 0
        self.total = Tally()
        self.every = EVERY

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Lend an empty folder, with a disk whose syncs cost nothing."""
        self._count += 1
        path = self._base / str(self._count)
        path.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            for name in ("fsync", "fdatasync"):
                patch.setattr(os, name, lambda _fd: None)
            yield path
        close_below(path)
        shutil.rmtree(path)

    def cut(self, work: Work[T], seed: int = 0, depth: int = 1) -> Tally:
        """Cut the power before each call of the work and behind it; recover from each state that is left.

        Args:
            work: what is done.
            seed: chooses among states where there are too many.
            depth: how often a recovery may itself be cut.
        """
        states: _States[T] = _States(Random(seed))
        with self.folder() as root:
            told = work.prepare(root)
            recording = Recording(root, at_point=lambda: states.note(recording, told))
            with recording.installed():
                work.do(root, told)
            states.note(recording, told)
            recording.check()
        return self._recover_all(work, states, depth)

    def kill(
        self,
        work: Work[T],
        seed: int = 0,
        at_least: int = STATES_OF_A_KILL,
        only: Callable[[Model], bool] = lambda _: True,
    ) -> Tally:
        """Kill the process at each call, go on in another, and cut the power then.

        What the second one read was in the cache: by saying so it promises it.

        Args:
            work: what is done.
            seed: chooses among states where there are too many.
            at_least: so many states of each point.
            only: which disks that a kill leaves are worth going on with.
        """
        tally = Tally()
        count = max(at_least, STATES_OF_A_KILL)
        seen: set[str] = set()
        for at in range(1, 10_000, self.every if at_least == STATES_OF_A_KILL else 1):
            states: _States[T] = _States(Random(seed + at), seen=seen)
            fault = Fault(at, PowerCutError())
            with self.folder() as root:
                told = work.prepare(root)
                recording = Recording(root, fault=fault)

                def note(now: Recording = recording, into: _States[T] = states, of: Told[T] = told) -> None:
                    into.note(now, of, count)

                with recording.installed():
                    try:
                        work.do(root, told)
                    except PowerCutError:
                        recording.fault = None
                        if only(recording.model):
                            recording.at_point = note
                            work.recover(root, told)
                            note()
                recording.check()
            tally.add(self._recover_all(work, states, 0))
            if fault.calls < at:
                return tally
        pytest.fail("the work has no end")

    def refuse(self, work: Work[T], seed: int = 0) -> Tally:
        """Let the disk refuse each call in turn, once or more; go on, and cut the power at the end."""
        tally = Tally()
        seen: set[str] = set()
        for number, (error, count, share) in enumerate(REFUSALS):
            for at in range(1 + number % self.every, 10_000, self.every):
                fault = Fault(at, error, count, share)
                tally.add(self._refused(work, fault, _States(Random(seed + at), seen=seen)))
                if fault.calls < at:
                    break
        return tally

    def _refused(self, work: Work[T], fault: Fault, states: _States[T]) -> Tally:
        with self.folder() as root:
            told = work.prepare(root)
            recording = Recording(root, fault=fault)
            with recording.installed():
                lives = [work.do, *[work.recover] * LIVES_MAX]
                for live in lives:
                    try:
                        live(root, told)
                    except StorageError as error:
                        _check_words(str(error))
                    else:
                        if live is work.recover or fault.calls < fault.at:
                            break
                else:
                    pytest.fail("it does not live again")
            states.note(recording, told, 4)
            recording.check()
        return self._recover_all(work, states, 0)

    def _recover_all(self, work: Work[T], states: _States[T], depth: int) -> Tally:
        tally = Tally(states.points, len(states.found))
        self.total.add(tally)
        deeper = set(range(len(states.found)))
        if len(deeper) > RECOVERIES:
            deeper = set(states.random.sample(sorted(deeper), RECOVERIES))
        for number, (visible, told) in enumerate(states.found):
            with self.folder() as root:
                materialise(visible, root)
                work.recover(root, told.copy())
            if depth and number in deeper:
                tally.add(self._cut_recovery(work, visible, told, states.random, depth))
        return tally

    def _cut_recovery(
        self, work: Work[T], visible: Visible, told: Told[T], random: Random, depth: int
    ) -> Tally:
        def prepare(root: Path) -> Told[T]:
            materialise(visible, root)
            return told.copy()

        return self.cut(Work(prepare, work.recover, work.recover), random.randrange(2**32), depth - 1)
