"""Takes each check out of the pure rooms in turn; a unit test must fail each time.

Run it as ``python -m tests.mutation [ROOM or MODULE ...]``, by default on every pure room. It
goes on where it was: ``build/soak/mutants.json`` records each mutant with the text of its module
and of the test that failed, or of all tests if none did. Interrupt it whenever you like.
"""

import argparse
import hashlib
import json
import os
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from coverage import CoverageData

from tests import measured
from tests.mutation.equivalents import EQUIVALENTS
from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.server import Server, Trial
from tests.records import PROJECT, RECORDS, digest_of, store

RECORD_FILE = RECORDS / "mutants.json"
SECONDS_OF_TESTS_MAX = 10.0
"""Tests tried on one mutant, by their time under the tracer, beside those of its own room."""
SAVE_EVERY = 50
ROOMS_FIRST = ("keys", "changelog")


class Record:
    """What is known of each mutant: the test that fails for it, or None."""

    def __init__(self) -> None:
        self._tests = digest_of("tests")
        self._digests: dict[Path, str] = {}
        self._known: dict[str, dict[str, Any]] = {}
        self._killers_near: dict[str, dict[str, None]] = {}
        if RECORD_FILE.exists():
            self._known = json.loads(RECORD_FILE.read_text())
        for name, known in self._known.items():
            self._note_killer(name, known["killed_by"])
        self.unsaved = 0

    def key(self, mutant: Mutant, source: bytes) -> str:
        """Return what a result is about: this text, and what it is mutated to."""
        return hashlib.sha256(mutant.apply(source) + mutant.id.encode()).hexdigest()[:16]

    def killer(self, mutant: Mutant) -> str | None:
        """Return the test that failed when it was last tried, on whatever text."""
        return self._known.get(mutant.id, {}).get("killed_by")

    def killers(self, mutant: Mutant) -> list[str]:
        """Return tests that may well fail for it: the one that did, those of its function, of its module."""
        own = self.killer(mutant)
        near = (self._killers_near.get(place, {}) for place in _places(mutant.id))
        tests = [] if own is None else [own]
        return list(dict.fromkeys([*tests, *(test for killers in near for test in reversed(killers))]))

    def _note_killer(self, name: str, test: str | None) -> None:
        if test is None:
            return
        for place in _places(name):
            killers = self._killers_near.setdefault(place, {})
            killers.pop(test, None)
            killers[test] = None

    def is_settled(self, mutant: Mutant, key: str) -> bool:
        """Tell whether trying it again would tell nothing new."""
        known = self._known.get(mutant.id)
        if known is None or known["key"] != key:
            return False
        return bool(known["tests"] == self._tests_behind(known["killed_by"]))

    def put(self, mutant: Mutant, key: str, killed_by: str | None) -> None:
        """Note a result."""
        behind = self._tests_behind(killed_by)
        self._known[mutant.id] = {"key": key, "tests": behind, "killed_by": killed_by}
        self._note_killer(mutant.id, killed_by)
        self.unsaved += 1
        if self.unsaved >= SAVE_EVERY:
            self.save()

    def forget(self, mutant: Mutant) -> None:
        """Forget a result that proves nothing."""
        self._known.pop(mutant.id, None)

    def _tests_behind(self, killed_by: str | None) -> str:
        """Return a digest of what a result rests on: the failing test's file and what it may import."""
        file = PROJECT / (killed_by or "").split("::", maxsplit=1)[0]
        if not file.is_file():
            return self._tests
        if file not in self._digests:
            texts = [path.read_bytes() for path in sorted(with_helpers(file))]
            self._digests[file] = hashlib.sha256(b"\0".join(texts)).hexdigest()[:16]
        return self._digests[file]

    def save(self) -> None:
        """Write all results, whole or not at all."""
        store(RECORD_FILE, self._known, indent=0)
        self.unsaved = 0


def _places(name: str) -> list[str]:
    """Return what a mutant's name says of where it is: its function, and its module."""
    path, function, _what = name.split("::", maxsplit=2)
    return [f"{path}::{function}", path]


def with_helpers(file: Path) -> set[Path]:
    """Return a test's file, and those of ours that it imports, directly or not."""
    found, waiting = set[Path](), [file]
    while waiting:
        path = waiting.pop()
        found.add(path)
        names = re.findall(r"^from (tests[.\w]*) import", path.read_text(), re.MULTILINE)
        paths = (PROJECT / f"{name.replace('.', '/')}.py" for name in names)
        waiting += [path for path in paths if path.is_file() and path not in found]
    return found


class Choice:
    """Which tests to try on a mutant, in which order."""

    def __init__(self) -> None:
        self._data = CoverageData(str(measured.LINES_FILE))
        self._data.read()
        self._times = dict(measured.times())
        self._lines: dict[str, dict[int, list[str]]] = {}
        self._unchanged = measured.unchanged()

    @property
    def known(self) -> Collection[str]:
        """The tests whose lines are on record."""
        return self._times.keys()

    def tests(self, mutant: Mutant, killers: Sequence[str]) -> list[str]:
        """Return the tests that run its line: who killed it or its like, its room's own, then others."""
        path = str(PROJECT / mutant.path)
        lines = self._lines.setdefault(mutant.path, self._data.contexts_by_lineno(path))
        # A table serves the whole module, and so may any line of a text that is newer than the record.
        by_line = mutant.function and mutant.path in self._unchanged
        wanted = [mutant.line] if by_line else list(lines)
        running = {c.rsplit("|", 1)[0] for line in wanted for c in lines.get(line, ()) if c}
        room = measured.room_of(Path(path))
        stem = Path(path).stem
        # Tests of the very module are tried even where the record of lines is older than they are.
        running |= {t for t in self._times if t.startswith(f"tests/{room}/") and stem in t.split("::")[0]}

        first = {test: place for place, test in enumerate(killers)}

        def order(test: str) -> tuple[int, bool, bool, float]:
            of_room = test.startswith((f"tests/{room}/", f"tests/test_{room}"))
            of_module = stem in test.split("::", maxsplit=1)[0]
            return first.get(test, len(first)), not of_room, not of_module, self._times.get(test, 1.0)

        chosen, left_s = [], SECONDS_OF_TESTS_MAX
        for test in sorted(running, key=order):
            if order(test)[1]:
                left_s -= self._times.get(test, 1.0)
            if not order(test)[1] or left_s >= 0:
                chosen.append(test)
        return chosen


def wanted_modules(names: list[str]) -> list[Path]:
    """Return the modules of the rooms and paths that were asked for, the first rooms first."""
    modules = measured.pure_modules()
    if names:
        modules = [m for m in modules if measured.room_of(m) in names or str(m.relative_to(PROJECT)) in names]
    rooms = [*ROOMS_FIRST, *sorted({measured.room_of(module) for module in modules})]
    return sorted(modules, key=lambda module: (rooms.index(measured.room_of(module)), module))


def all_mutants(modules: list[Path]) -> Iterator[tuple[Mutant, bytes]]:
    """Yield each mutant with its module's text."""
    for path in modules:
        source = path.read_bytes()
        for mutant in mutants_of(path.relative_to(PROJECT).as_posix(), source):
            yield mutant, source


def summary(results: Mapping[Mutant, str | None]) -> int:
    """Print figures of each room and what nobody noticed; return how many that were."""
    rooms: defaultdict[str, Counter[str]] = defaultdict(Counter)
    survived = []
    for mutant, killed_by in results.items():
        verdict = "killed" if killed_by else "equivalent" if mutant.id in EQUIVALENTS else "survived"
        rooms[measured.room_of(PROJECT / mutant.path)][verdict] += 1
        if verdict == "survived":
            survived.append(f"{mutant.path}:{mutant.line}: {mutant.function}: {mutant.what}")
    print(*survived, sep="\n")
    for name, counts in sorted(rooms.items()):
        print(
            f"{name:12} {counts.total():5} mutants {counts['killed']:5} killed"
            f" {counts['survived']:5} survived {counts['equivalent']:5} equivalent"
        )
    return len(survived)


def run(modules: list[Path], jobs: int) -> int:
    """Try every mutant that is not settled; return pytest's or our exit code."""
    record, choice = Record(), Choice()
    results: dict[Mutant, str | None] = {}
    keys: dict[Mutant, str] = {}
    to_do: list[Mutant] = []
    for mutant, source in all_mutants(modules):
        keys[mutant] = record.key(mutant, source)
        if record.is_settled(mutant, keys[mutant]):
            results[mutant] = record.killer(mutant)
        else:
            to_do.append(mutant)
    print(f"{len(keys)} mutants, {len(to_do)} to try", flush=True)

    def report(trial: Trial, killed_by: str | None) -> None:
        results[trial.mutant] = killed_by
        record.put(trial.mutant, keys[trial.mutant], killed_by)
        if killed_by is None and trial.mutant.id not in EQUIVALENTS:
            at = f"{trial.mutant.path}:{trial.mutant.line}"
            print(f"survived {len(trial.tests)} tests: {at}: {trial.mutant.what}", flush=True)

    code = 0
    started = time.monotonic()
    if to_do:
        os.environ["CI"] = "true"  # nothing is left out, and inputs are the same always
        trials = (Trial(mutant, choice.tests(mutant, record.killers(mutant))) for mutant in to_do)
        arguments = [*measured.unit_tests(), "-q", "--no-header", "-p", "no:cacheprovider", "--timeout", "0"]
        server = Server(PROJECT, trials, report, jobs, choice.known)
        code = pytest.main(arguments, plugins=[server])
        for mutant in [mutant for mutant, killer in results.items() if killer in server.failing_anyhow]:
            record.forget(mutant)
        record.save()
        if server.failing_anyhow:
            print("these tests fail without a mutant, too:", *sorted(server.failing_anyhow), sep="\n")
            return 1
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        print("interrupted; the next run goes on here")
        return int(code)
    survived = summary(results)
    spent_s = time.monotonic() - started
    print(f"{len(results)} mutants, {survived} survived; tried {len(to_do)} in {spent_s:.0f} s")
    return 1 if survived else 0


def main(arguments: list[str]) -> int:
    """Read the command line and go."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("rooms", nargs="*", help="rooms such as keys, or modules such as dusk/codec.py")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--no-measure", action="store_true", help="believe an older record of lines")
    options = parser.parse_args(arguments)
    if not (options.no_measure or measured.is_fresh()) and (code := measured.main(["--lines"])) > 1:
        return code
    return run(wanted_modules(options.rooms), options.jobs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
