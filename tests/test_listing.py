"""One line names some of many things, and says how many more there are."""

import pytest

from dusk.counting import counted
from dusk.listing import listed


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ((), ""),
        (("hall",), "hall"),
        (("hall", "attic"), "hall, attic"),
        (("hall", "attic", "roof"), "hall, attic and 1 more"),
        (("hall", "attic", "roof", "porch"), "hall, attic and 2 more"),
    ],
)
def test_what_does_not_fit_is_counted(names: tuple[str, ...], text: str) -> None:
    assert listed(names, 2) == text


def test_behind_clauses_the_number_is_a_clause_too() -> None:
    assert listed(("a is off", "b is off", "c is off"), 1, "; ") == "a is off; and 2 more"
    assert listed(("a is off", "b is off"), 2, "; ") == "a is off; b is off"


def test_one_is_no_plural() -> None:
    assert [counted(count, "device") for count in (0, 1, 2)] == ["0 devices", "1 device", "2 devices"]
