"""The table of attacks is whole, and true: each test that it names exists, and what it owes is named."""

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
ATTACKS = range(1, 59)
PROVED = {
    *(1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 27, 28, 29, 30, 31, 36, 38, 40, 41, 42, 43),
    *(44, 45, 46, 47, 49, 50, 51, 52, 53, 54, 55, 56, 57),
}
"""Rows whose tests carry their number and prove all of what is built."""
_ROW = re.compile(r"\| A(\d+) \| (.+) \| (.+) \| (.*)\|")
_TEST = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)
_NUMBERED = re.compile(r"test_(?:[qr]\d+_)?((?:a\d+_)+)")


def _rows() -> dict[int, tuple[str, list[str]]]:
    """Return number → what holds, and the tests named for it."""
    text = (PROJECT / "specs/threats.md").read_text()
    found = _ROW.findall(text)
    rows = {int(number): (holds, re.findall(r"`(\w+)`", tests)) for number, _, holds, tests in found}
    assert len(rows) == len(found), "each attack has one row"
    return rows


def _tests() -> set[str]:
    return {
        name for path in (PROJECT / "tests").rglob("test_*.py") for name in _TEST.findall(path.read_text())
    }


def _numbers(name: str) -> set[int]:
    found = _NUMBERED.match(name)
    return {int(number) for number in re.findall(r"a(\d+)_", found[1])} if found else set()


def test_every_attack_has_one_row() -> None:
    assert set(_rows()) == set(ATTACKS)


def test_every_test_that_is_named_exists() -> None:
    known = _tests()
    named = {name for _, names in _rows().values() for name in names}
    assert named - known == set()


def test_a_row_without_a_test_says_what_is_not_built() -> None:
    bare = [number for number, (holds, names) in _rows().items() if not names and "Not built: " not in holds]
    assert bare == []


def test_every_row_that_is_proved_names_tests_of_its_number() -> None:
    rows = _rows()
    assert {n for n in PROVED if not any(n in _numbers(name) for name in rows[n][1])} == set()


def test_every_attack_with_a_number_in_a_tests_name_is_in_the_table_as_tested() -> None:
    rows = _rows()
    numbers = {number for name in _tests() for number in _numbers(name)}
    assert {number for number in numbers if number not in rows or not rows[number][1]} == set()
