"""Measures which branches of the pure rooms the unit tests take, and which test runs which line.

The simulator and the network tests do not count: a rule that only they reach has no test that
says what it is. Run it as ``python -m tests.measured``; it fails when a branch is missing. With
``--lines`` it also records in ``build/soak/`` which test runs which line, for the mutants
(`tests.mutation`): that takes more than twice the time. With ``--others`` it names, for pytest, all
tests that it does not run: both together are all there are.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree as ET

from coverage import Coverage

from tests.architecture_rules import Source
from tests.records import PROJECT, RECORDS, digest_of, store

LINES_FILE = RECORDS / "lines.sqlite"
TIMES_FILE = RECORDS / "times.xml"
LINES_OF_FILE = RECORDS / "lines.json"
"""Of which code, and of which modules' texts, those two are."""
COVERED_FILE = RECORDS / "coverage.sqlite"
RESULT_FILE = RECORDS / "coverage.json"
JOBS = 2

COSTS = (
    "test_start_and_respond_are_small_in_an_idle_cycle_of_100_members_p8",
    "test_the_leader_sends_at_most_two_and_a_half_times_the_change_to_50_members_p9",
    "test_an_idle_cycle_costs_little_cpu_p7",
    "test_three_thousand_lines_are_read_and_written_in_time",
    "test_ten_policies_of_fifty_options_merge_in_time",
)
"""Tests that measure cost at size: slow under a tracer, and about nothing that others do not run."""


def pure_modules() -> list[Path]:
    """Return the modules that only decide, without the simulator."""
    found = []
    for path in sorted((PROJECT / "dusk").rglob("*.py")):
        source = Source(PurePosixPath(path.relative_to(PROJECT).as_posix()), "")
        if source.is_pure and source.room != "sim":
            found.append(path)
    return found


def room_of(path: Path) -> str:
    """Return the room of a module, or the module's own name."""
    return Source(PurePosixPath(path.relative_to(PROJECT).as_posix()), "").room or "dusk"


def unit_tests() -> list[str]:
    """Return the folders and files with the unit tests of the pure rooms."""
    rooms = {room_of(path) for path in pure_modules()}
    places = [PROJECT / "tests" / room for room in sorted(rooms)]
    files = [PROJECT / "tests" / f"test_{room}.py" for room in sorted(rooms)]
    return [path.relative_to(PROJECT).as_posix() for path in places + files if path.exists()]


def other_tests() -> list[str]:
    """Return what pytest is to run beside the unit tests above for everything to have run once."""
    tests = PROJECT / "tests"
    places = [path for path in tests.iterdir() if path.is_dir() and any(path.rglob("test_*.py"))]
    names = [path.relative_to(PROJECT).as_posix() for path in (*places, *tests.glob("test_*.py"))]
    apart = unit_tests()
    files = [file for place in apart for file in _files_of(PROJECT / place)]
    left_out = [
        f"{file.relative_to(PROJECT).as_posix()}::{name}"
        for file in files
        for name in COSTS
        if f"def {name}(" in file.read_text()
    ]
    return sorted({*names} - {*apart}) + sorted(left_out)


def _files_of(place: Path) -> list[Path]:
    return sorted(place.rglob("test_*.py")) if place.is_dir() else [place]


def run_tests(*, with_lines: bool) -> int:
    """Run the unit tests under the tracer; return pytest's exit code."""
    RECORDS.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(JOBS), "--timeout", "0", *unit_tests()]
    command += ["--cov=dusk", "--cov-branch", "--cov-report=", "-p", "no:cacheprovider"]
    command += ["-k", f"not ({' or '.join(COSTS)})"]
    if with_lines:
        command += ["--cov-context=test", f"--junitxml={TIMES_FILE}", "-o", "junit_family=xunit1"]
    file = LINES_FILE if with_lines else COVERED_FILE
    environment = os.environ | {"COVERAGE_FILE": str(file), "CI": "true"}  # CI: the same inputs always
    return subprocess.run(command, cwd=PROJECT, env=environment, check=False).returncode


@dataclass
class Room:
    """How much of one room the tests go through."""

    statements: int = 0
    branches: int = 0
    missing_lines: int = 0
    missing_branches: int = 0


def measure(file: Path) -> tuple[dict[str, Room], list[str]]:
    """Return the figures of each room, and what is missing in words, by what the tracer wrote."""
    coverage = Coverage(data_file=str(file), config_file=str(PROJECT / "pyproject.toml"))
    coverage.load()
    rooms: dict[str, Room] = {}
    missing = []
    for path in pure_modules():
        room = rooms.setdefault(room_of(path), Room())
        _, statements, _, lines, _ = coverage.analysis2(str(path))
        branches = coverage.branch_stats(str(path))
        not_taken = sum(total - taken for total, taken in branches.values())
        room.statements += len(statements)
        room.branches += sum(total for total, _ in branches.values())
        room.missing_lines += len(lines)
        room.missing_branches += not_taken
        partly = [line for line, (total, taken) in sorted(branches.items()) if taken < total]
        if lines or partly:
            name = path.relative_to(PROJECT).as_posix()
            missing.append(f"{name}: lines {lines} never run, branches at {partly} not all taken")
    return rooms, missing


def times() -> Iterator[tuple[str, float]]:
    """Yield (test's id, seconds under the tracer) of the last run."""
    for case in ET.parse(TIMES_FILE).iter("testcase"):  # our own file
        file = case.attrib["classname"].replace(".", "/") + ".py"
        yield f"{file}::{case.attrib['name']}", float(case.attrib["time"])


def digests_of_modules() -> dict[str, str]:
    """Return module's path → digest of its text, of the pure rooms."""
    texts = {path.relative_to(PROJECT).as_posix(): path.read_bytes() for path in pure_modules()}
    return {path: hashlib.sha256(text).hexdigest()[:16] for path, text in texts.items()}


def unchanged() -> frozenset[str]:
    """Return the paths of modules that are as they were when lines were recorded."""
    known = json.loads(LINES_OF_FILE.read_text())["modules"] if LINES_OF_FILE.exists() else {}
    return frozenset(path for path, digest in digests_of_modules().items() if known.get(path) == digest)


def is_fresh() -> bool:
    """Tell whether the record is of the code and the tests as they are now."""
    if not (LINES_OF_FILE.exists() and LINES_FILE.exists()):
        return False
    return bool(json.loads(LINES_OF_FILE.read_text())["digest"] == digest_of("dusk", "tests"))


def main(arguments: Sequence[str] = ()) -> int:
    """Measure and print; 1 if a test failed or a branch is missing."""
    if "--others" in arguments:
        print(*other_tests(), sep="\n")
        return 0
    with_lines = "--lines" in arguments
    digest, modules = digest_of("dusk", "tests"), digests_of_modules()
    if failed := run_tests(with_lines=with_lines):
        return failed
    if with_lines:
        store(LINES_OF_FILE, {"digest": digest, "modules": modules})
    rooms, missing = measure(LINES_FILE if with_lines else COVERED_FILE)
    for name, room in sorted(rooms.items()):
        print(
            f"{name:12} {room.statements - room.missing_lines:5} of {room.statements:5} statements"
            f" {room.branches - room.missing_branches:5} of {room.branches:5} branches"
        )
    print(*missing, sep="\n")
    found = {
        "digest": digest,
        "branches": sum(room.branches for room in rooms.values()),
        "missing": missing,
        "rooms": {name: vars(room) for name, room in rooms.items()},
    }
    store(RESULT_FILE, found)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
