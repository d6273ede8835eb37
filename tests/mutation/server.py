"""Tries mutants quickly: everything is imported and collected once, and each mutant is a fork of that.

In the fork the functions of the mutated module get the code of the mutated text, whoever
imported them; nothing is written to the disk. Then the tests that run the line go, until one fails.
"""

import functools
import gc
import os
import resource
import select
import sys
import time
import types
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.mutation.mutants import Mutant, codes

TEST_S_MAX = 60.0
"""A mutant with which one test runs longer than this is noticed by it: the test would not end."""
FORK_CPU_S_MAX = 900
"""Ends a fork whose parent is gone."""
MEMORY_BYTES_MAX = 3 * 2**30
"""The same as for time, for memory."""
NONE_FAILED = "-"
PIECE_BYTES_MAX = 2**16


@dataclass(frozen=True, slots=True)
class Trial:
    """A mutant, and the ids of the tests that run its line, in the order to try them."""

    mutant: Mutant
    tests: Sequence[str]


Report = Callable[[Trial, str | None], None]
"""Takes a trial and the test that failed, None if none did."""


class Fork:
    """A process that tries a row of tests, and says which it begins, and at last which failed.

    One that ends without a verdict, or does not get on, has failed in the test that it had begun: no
    verdict is drawn from how long all of them take, since that is the machine's affair.

    Args:
        first_failure: what it does; takes what tells the test that begins.

    Attributes:
        reader: what it says can be read here.
        failed: the test that failed, `NONE_FAILED` if none did, empty if it broke before the first.
    """

    def __init__(self, first_failure: Callable[[Callable[[str], None]], str]) -> None:
        self.reader, self._pid = _forked(first_failure)
        self._until = time.monotonic() + TEST_S_MAX
        self._said = b""
        self.failed = ""

    @property
    def is_late(self) -> bool:
        """Whether the test that it is in takes too long."""
        return time.monotonic() > self._until

    def hear(self) -> bool:
        """Take what it says; return whether it has ended."""
        piece = os.read(self.reader, PIECE_BYTES_MAX)
        *said, self._said = (self._said + piece).split(b"\0")
        if said:
            self.failed, self._until = said[-1].decode(), time.monotonic() + TEST_S_MAX
        return not piece

    def end(self) -> None:
        """Let go of it; one that still runs is killed."""
        os.close(self.reader)
        os.kill(self._pid, 9)  # not reaped yet, so the number is its own
        os.waitpid(self._pid, 0)


class Server:
    """A plugin of pytest that tries mutants where pytest would run the tests.

    Args:
        project: its root.
        trials: what to try.
        report: takes each result.
        jobs: how many forks at once.
        known: ids of the tests whose lines are on record; others of the mutant's room go first.

    Attributes:
        failing_anyhow: tests that failed for a mutant and fail without one, too: they prove nothing.
    """

    def __init__(
        self, project: Path, trials: Iterator[Trial], report: Report, jobs: int, known: Collection[str]
    ) -> None:
        self._project = project
        self._known = known
        self._trials = trials
        self._report = report
        self._jobs = jobs
        self._running: dict[Fork, Trial] = {}
        self._functions: dict[tuple[str, str, int], list[types.FunctionType]] = {}
        self._closures: dict[str, dict[int, tuple[str, ...]]] = {}
        self._caches: list[functools._lru_cache_wrapper[object]] = []
        self._killers: set[str] = set()
        self.failing_anyhow: set[str] = set()

    def pytest_collection(self) -> None:
        """Make failing quick: the same inputs always, no search for a smaller one."""
        import hypothesis  # once pytest is up: it wants to see its plugins first

        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        hypothesis.settings.register_profile("mutants", derandomize=True, database=None, phases=phases)
        hypothesis.settings.load_profile("mutants")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try one mutant after the other."""
        self._index()
        items = {item.nodeid: item for item in session.items}
        new = [name for name in items if name not in self._known]
        gc.collect()
        gc.freeze()
        try:
            for trial in self._trials:
                while len(self._running) >= self._jobs:
                    self._wait()
                room = f"tests/{Path(trial.mutant.path).parts[1]}".removesuffix(".py")
                added = [name for name in new if name.startswith((f"{room}/", f"tests/test_{room[6:]}."))]
                self._start(replace(trial, tests=[*added, *trial.tests]), items)
            while self._running:
                self._wait()
            self.failing_anyhow = {name for name in self._killers if not self._passes(name, items)}
        finally:
            for fork in self._running:
                fork.end()
        return True

    def _index(self) -> None:
        """Find every live function and cache of Dusk."""
        for thing in gc.get_objects():
            if isinstance(thing, types.FunctionType):
                code = thing.__code__
                key = (code.co_filename, code.co_qualname, code.co_firstlineno)
                self._functions.setdefault(key, []).append(thing)
                if code.co_freevars:
                    self._closures.setdefault(code.co_filename, {})[code.co_firstlineno] = code.co_freevars
            elif isinstance(thing, functools._lru_cache_wrapper) and thing.__module__.startswith("dusk."):
                self._caches.append(thing)

    def _start(self, trial: Trial, items: Mapping[str, pytest.Item]) -> None:
        def first_failure(begin: Callable[[str], None]) -> str:
            self._mutate(trial.mutant)
            return _first_failure(trial.tests, items, begin)

        self._running[Fork(first_failure)] = trial

    def _passes(self, name: str, items: Mapping[str, pytest.Item]) -> bool:
        """Tell whether a test passes, and in time, where nothing is mutated."""
        fork = Fork(lambda begin: _first_failure([name], items, begin))
        while not fork.is_late:
            ready, _, _ = select.select([fork.reader], [], [], 1.0)
            if ready and fork.hear():
                break
        fork.end()
        return fork.failed == NONE_FAILED

    def _mutate(self, mutant: Mutant) -> None:
        path = self._project / mutant.path
        closures = self._closures.get(str(path), {})
        for (name, line), code in codes(mutant.apply(path.read_bytes()), str(path), closures):
            for function in self._functions.get((str(path), name, line), ()):
                assert isinstance(code, types.CodeType)
                if function.__code__ != code:
                    function.__code__ = code
        if not mutant.function:
            _replace_forms(mutant, path)
        for cache in self._caches:
            cache.cache_clear()

    def _wait(self) -> None:
        """Collect what has ended; end what takes too long."""
        ready, _, _ = select.select([fork.reader for fork in self._running], [], [], 1.0)
        for fork, trial in list(self._running.items()):
            if (fork.reader in ready and fork.hear()) or fork.is_late:
                del self._running[fork]
                fork.end()
                self._report_end(fork, trial)

    def _report_end(self, fork: Fork, trial: Trial) -> None:
        """A fork that ended in the midst of a test was felled by the mutant there: out of memory, or time."""
        if not fork.failed:
            print(f"broke before its first test: {trial.mutant.id}", flush=True)
        killed_by = fork.failed if fork.failed not in ("", NONE_FAILED) else None
        if killed_by is not None:
            self._killers.add(killed_by)
        self._report(trial, killed_by)


def _forked(first_failure: Callable[[Callable[[str], None]], str]) -> tuple[int, int]:
    """Start a process of bounded time and memory; return where it writes, and its id."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return reader, pid
    status = 1
    try:
        os.close(reader)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
        resource.setrlimit(resource.RLIMIT_CPU, (FORK_CPU_S_MAX, FORK_CPU_S_MAX))

        def say(word: str) -> None:
            os.write(writer, word.encode() + b"\0")

        say(first_failure(say))
        status = 0
    finally:
        os._exit(status)


def _replace_forms(mutant: Mutant, path: Path) -> None:
    """Give the forms of rows of the living module what they are in the mutated one."""
    name = mutant.path.removesuffix(".py").replace("/", ".")
    mutated = types.ModuleType(name)
    living = vars(sys.modules[name])
    exec(compile(mutant.apply(path.read_bytes()), str(path), "exec"), vars(mutated))
    for key, form in vars(mutated).items():
        if type(form).__name__ == "Row":
            vars(living[key]).update(vars(form))


class _Failures:
    """Notes whether a test failed."""

    failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed = self.failed or report.failed


def _first_failure(
    tests: Sequence[str], items: Mapping[str, pytest.Item], begin: Callable[[str], None]
) -> str:
    """Run tests until one fails, telling each that begins; return its id, or `NONE_FAILED`."""
    failures = _Failures()
    chosen = [items[name] for name in tests if name in items]
    if chosen:
        plugins = chosen[0].config.pluginmanager
        plugins.unregister(name="terminalreporter")
        plugins.register(failures)
    for item, following in zip(chosen, [*chosen[1:], None], strict=True):
        begin(item.nodeid)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if failures.failed:
            return item.nodeid
    return NONE_FAILED
