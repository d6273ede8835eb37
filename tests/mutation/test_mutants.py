"""The mutants are those that are meant, and every exception from killing them is about one that exists."""

from pathlib import Path

import pytest

from tests.measured import pure_modules
from tests.mutation.equivalents import EQUIVALENTS
from tests.mutation.mutants import mutants_of
from tests.records import PROJECT


def mutated(body: str) -> dict[str, str]:
    """Return what is done → the body afterwards, for a function with this body."""
    source = f"def check(a, b) -> bool:\n    {body}\n".encode()
    return {
        m.what: m.apply(source).decode().split("\n    ", 1)[1].strip() for m in mutants_of("x.py", source)
    }


@pytest.mark.parametrize(
    ("body", "what", "then"),
    [
        ("if a: raise b", "no guard: if a", "if (False): raise b"),
        ("if a: raise b", "not raised: raise b", "if a: pass"),
        ("check_it(a)", "not called: check_it(a)", "pass"),
        ("assert a", "not asserted: a", "pass"),
        ("return a > b", "limit moved: a > b", "return (a >= b)"),
        ("return a > b", "always True: return a > b", "return (True)"),
        ("return a and b", "operand of and left out: a", "return (b)"),
        ("return a in (1, 2)", "not listed: 1", "return a in ((2,))"),
        ("return any(x for x in a if x)", "no condition: x", "return any(x for x in a if (True))"),
        ("c = codec.exactly(a, 3, b)", "unchecked: codec.exactly(a, 3, b)", "c = (a)"),
        ("c = codec.blob(a, 3, b)", "one more: codec.blob(a, 3, b)", "c = codec.blob(a, (3 + 1), b)"),
        (
            "c = codec.integer(a, 0, 9, b)",
            "one less: codec.integer(a, 0, 9, b)",
            "c = codec.integer(a, ((0) - 1), 9, b)",
        ),
    ],
)
def test_a_check_is_taken_out_as_its_name_says(body: str, what: str, then: str) -> None:
    assert mutated(body)[what] == then


def test_what_runs_at_import_and_what_only_names_types_is_left_alone() -> None:
    assert mutants_of("x.py", b"if a > b: raise c\nassert d\n") == []
    assert not mutated("assert isinstance(a, int)")
    assert not mutated("c = a or ()")


@pytest.mark.parametrize("path", pure_modules(), ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_every_mutant_is_a_module_that_compiles_under_a_name_of_its_own(path: Path) -> None:
    source = path.read_bytes()
    found = mutants_of(path.relative_to(PROJECT).as_posix(), source)
    assert len({mutant.id for mutant in found}) == len(found)
    for mutant in found[:: max(1, len(found) // 10)]:
        compile(mutant.apply(source), str(path), "exec")
        assert mutant.apply(source).count(b"\n") == source.count(b"\n")


def test_what_may_survive_exists_and_has_a_reason() -> None:
    every = {
        mutant.id
        for path in pure_modules()
        for mutant in mutants_of(path.relative_to(PROJECT).as_posix(), path.read_bytes())
    }
    assert set(EQUIVALENTS) <= every
    assert all(EQUIVALENTS.values())
