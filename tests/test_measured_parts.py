"""What CI runs in two parts is all that there is, each once."""

from tests import measured
from tests.records import PROJECT


def _files(places: list[str]) -> list[str]:
    found = []
    for place in places:
        path = PROJECT / place
        found += sorted(path.rglob("test_*.py")) if path.is_dir() else [path]
    return [path.relative_to(PROJECT).as_posix() for path in found]


def test_each_file_of_tests_is_in_one_of_both_parts() -> None:
    others = [place for place in measured.other_tests() if "::" not in place]
    both = _files(measured.unit_tests()) + _files(others)
    every = [path.relative_to(PROJECT).as_posix() for path in (PROJECT / "tests").rglob("test_*.py")]
    assert sorted(both) == sorted(every)


def test_each_test_that_the_tracer_leaves_out_is_among_the_others() -> None:
    apart = [place.split("::") for place in measured.other_tests() if "::" in place]
    assert sorted(name for _, name in apart) == sorted(measured.COSTS)
    assert {file for file, _ in apart} <= set(_files(measured.unit_tests()))
