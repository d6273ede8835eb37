"""What a mutant is said to be killed by is a test that it failed, and never the harness or the machine."""

import importlib.util
import os
import select
from collections.abc import Callable
from pathlib import Path

import pytest
from coverage import CoverageData

from tests import measured
from tests.mutation import __main__ as mutation
from tests.mutation import server
from tests.mutation.mutants import Mutant
from tests.mutation.server import NONE_FAILED, Fork, Server, Trial
from tests.records import PROJECT

MUTANT = Mutant("dusk/codec.py", "pack", "no guard: if x", 1, 0, 0, b"")
Body = Callable[[Callable[[str], None]], str]


def trying(body: Body) -> tuple[list[str | None], Server]:
    """Let a server wait for a fork that does this; return what it reports, and the server."""
    reports: list[str | None] = []

    def report(trial: Trial, killed_by: str | None) -> None:
        assert trial.mutant is MUTANT
        reports.append(killed_by)

    trying_it = Server(Path(), iter(()), report, 1, ())
    trying_it._running[Fork(body)] = Trial(MUTANT, ())
    while trying_it._running:
        trying_it._wait()
    return reports, trying_it


def fails_in_the_second(begin: Callable[[str], None]) -> str:
    begin("t.py::one")
    begin("t.py::two")
    return "t.py::two"


def holds(begin: Callable[[str], None]) -> str:
    begin("t.py::one")
    return NONE_FAILED


def ends_in_a_test(begin: Callable[[str], None]) -> str:
    begin("t.py::one")
    os._exit(1)


def breaks_before_the_first(_begin: Callable[[str], None]) -> str:
    os._exit(1)


def never_ends(begin: Callable[[str], None]) -> str:
    begin("t.py::one")
    select.select([], [], [])
    return NONE_FAILED


def test_a_test_that_failed_is_named_and_nobody_if_none_did() -> None:
    assert trying(fails_in_the_second)[0] == ["t.py::two"]
    assert trying(holds)[0] == [None]


def test_what_fells_the_process_is_the_test_that_it_was_in() -> None:
    reports, trying_it = trying(ends_in_a_test)
    assert reports == ["t.py::one"]
    assert trying_it._killers == {"t.py::one"}, "it is tried without the mutant, too"


def test_a_harness_that_breaks_kills_no_mutant(capsys: pytest.CaptureFixture[str]) -> None:
    assert trying(breaks_before_the_first)[0] == [None]
    assert f"broke before its first test: {MUTANT.id}" in capsys.readouterr().out


def test_a_test_that_does_not_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "TEST_S_MAX", 0.3)
    assert trying(never_ends)[0] == ["t.py::one"]


def test_many_short_tests_have_as_much_time_as_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "TEST_S_MAX", 60.0)
    fork = Fork(holds)
    fork._until = float("-inf")
    assert fork.is_late
    while not fork.hear():
        assert not fork.is_late, "each test that begins has its own time"
    fork.end()


def test_what_killed_its_neighbours_is_tried_on_a_mutant_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutation, "RECORD_FILE", tmp_path / "mutants.json")
    record = mutation.Record()
    killers = {
        ("pack", "a"): "t::one",
        ("unpack", "b"): "t::two",
        ("pack", "c"): "t::three",
        ("pack", "d"): None,
    }
    for (function, what), killer in killers.items():
        record.put(Mutant("dusk/codec.py", function, what, 1, 0, 0, b""), "key", killer)
    record.put(Mutant("dusk/ids.py", "pack", "a", 1, 0, 0, b""), "key", "t::elsewhere")
    assert record.killers(MUTANT) == ["t::three", "t::one", "t::two"]
    record.put(MUTANT, "key", "t::two")
    record.save()
    assert mutation.Record().killers(MUTANT)[0] == "t::two"


def test_however_long_tests_of_other_rooms_take_those_of_a_mutants_own_room_are_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = {
        "tests/node/test_node_codec.py::slow": mutation.SECONDS_OF_TESTS_MAX,
        "tests/node/test_other.py::slow": mutation.SECONDS_OF_TESTS_MAX,
        "tests/test_codec.py::quick": 0.1,
        "tests/test_codec.py::slow": 20.0,
    }
    lines = CoverageData(str(tmp_path / "lines"))
    for test in times:
        lines.set_context(f"{test}|run")
        lines.add_lines({str(PROJECT / MUTANT.path): [MUTANT.line]})
    lines.write()
    monkeypatch.setattr(measured, "LINES_FILE", tmp_path / "lines")
    monkeypatch.setattr(measured, "times", times.items)
    monkeypatch.setattr(measured, "unchanged", lambda: {MUTANT.path})
    killers = ["tests/node/test_other.py::slow"]
    assert mutation.Choice().tests(MUTANT, killers) == [
        *killers,
        "tests/test_codec.py::quick",
        "tests/test_codec.py::slow",
    ]


CLOSURE = """
def at_most(bound):
    def check(value):
        if value > bound:
            raise ValueError("too much")
        return value
    return check

check = at_most(3)
"""


def test_a_closure_that_was_made_at_import_is_mutated_too(tmp_path: Path) -> None:
    (tmp_path / "closing.py").write_text(CLOSURE)
    spec = importlib.util.spec_from_file_location("closing", tmp_path / "closing.py")
    assert spec is not None
    assert spec.loader is not None
    living = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(living)
    with pytest.raises(ValueError, match="too much"):
        living.check(4)
    guard = b"value > bound"
    start = CLOSURE.encode().index(guard)
    trying_it = Server(tmp_path, iter(()), lambda _trial, _killer: None, 1, ())
    trying_it._index()
    function = "at_most.<locals>.check"
    trying_it._mutate(Mutant("closing.py", function, "", 4, start, start + len(guard), b"False"))
    assert living.check(4) == 4
