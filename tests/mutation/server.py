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

SECONDS_MAX = 60.0
"""A mutant that makes a test run longer than this is noticed, too: the tests would not end."""
MEMORY_BYTES_MAX = 3 * 2**30
"""The same for memory."""
TIMED_OUT = "(did not end)"
NONE_FAILED = "-"
ANSWER_BYTES_MAX = 4096


@dataclass(frozen=True, slots=True)
class Trial:
    """A mutant, and the ids of the tests that run its line, in the order to try them."""

    mutant: Mutant
    tests: Sequence[str]


Report = Callable[[Trial, str | None], None]
"""Takes a trial and the test that failed, None if none did."""


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
        self._running: dict[int, tuple[int, Trial, float]] = {}
        self._functions: dict[tuple[str, str, int], list[types.FunctionType]] = {}
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
            for pid in list(self._running.values()):
                os.kill(pid[0], 9)
        return True

    def _index(self) -> None:
        """Find every live function and cache of Dusk."""
        for thing in gc.get_objects():
            if isinstance(thing, types.FunctionType):
                code = thing.__code__
                key = (code.co_filename, code.co_qualname, code.co_firstlineno)
                self._functions.setdefault(key, []).append(thing)
            elif isinstance(thing, functools._lru_cache_wrapper) and thing.__module__.startswith("dusk."):
                self._caches.append(thing)

    def _start(self, trial: Trial, items: Mapping[str, pytest.Item]) -> None:
        def fail() -> str:
            self._mutate(trial.mutant)
            return _first_failure(trial.tests, items)

        reader, pid = _forked(fail)
        self._running[reader] = (pid, trial, time.monotonic() + SECONDS_MAX)

    def _passes(self, name: str, items: Mapping[str, pytest.Item]) -> bool:
        """Tell whether a test passes where nothing is mutated."""
        reader, pid = _forked(lambda: _first_failure([name], items))
        answer = os.read(reader, ANSWER_BYTES_MAX).decode()
        os.close(reader)
        os.waitpid(pid, 0)
        return answer == NONE_FAILED

    def _mutate(self, mutant: Mutant) -> None:
        path = self._project / mutant.path
        for (name, line), code in codes(mutant.apply(path.read_bytes()), str(path)):
            for function in self._functions.get((str(path), name, line), ()):
                assert isinstance(code, types.CodeType)
                if function.__code__ != code:
                    function.__code__ = code
        if not mutant.function:
            _replace_forms(mutant, path)
        for cache in self._caches:
            cache.cache_clear()

    def _wait(self) -> None:
        """Collect what has ended; kill what takes too long."""
        ready, _, _ = select.select(list(self._running), [], [], 1.0)
        for reader in ready:
            pid, trial, _ = self._running.pop(reader)
            answer = os.read(reader, ANSWER_BYTES_MAX).decode()
            os.close(reader)
            os.waitpid(pid, 0)
            self._killers |= {answer} - {NONE_FAILED, ""}
            # A fork that ended without a word was felled by the mutant: out of memory, or time.
            self._report(trial, None if answer == NONE_FAILED else answer or TIMED_OUT)
        for reader, (pid, trial, until) in list(self._running.items()):
            if time.monotonic() > until:
                del self._running[reader]
                os.kill(pid, 9)
                os.waitpid(pid, 0)
                os.close(reader)
                self._report(trial, TIMED_OUT)


def _forked(answer: Callable[[], str]) -> tuple[int, int]:
    """Start a process of bounded time and memory; return where it writes its one answer, and its id."""
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
        resource.setrlimit(resource.RLIMIT_CPU, (int(SECONDS_MAX), int(SECONDS_MAX)))
        os.write(writer, answer().encode())
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


def _first_failure(tests: Sequence[str], items: Mapping[str, pytest.Item]) -> str:
    """Run tests until one fails; return its id, or `NONE_FAILED`."""
    failures = _Failures()
    chosen = [items[name] for name in tests if name in items]
    if chosen:
        plugins = chosen[0].config.pluginmanager
        plugins.unregister(name="terminalreporter")
        plugins.register(failures)
    for item, following in zip(chosen, [*chosen[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if failures.failed:
            return item.nodeid
    return NONE_FAILED
