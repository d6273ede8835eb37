"""The name of a new device is usable, free, and decided by the same rules everywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk.membership.names import decide_name, is_name, plain_name

TEXT = st.text(max_size=90)
TEMPLATES = st.lists(st.sampled_from(["{n}", "{name}", "ap", "-", "É", " ", "x" * 40]), max_size=5).map(
    "".join
)


@given(TEXT, TEMPLATES | TEXT, st.lists(st.integers(0, 4), max_size=5))
def test_a_decided_name_is_usable_and_free_whatever_was_wanted(
    wanted: str, template: str, rounds: list[int]
) -> None:
    taken: set[str] = set()
    for _ in range(len(rounds) + 2):
        name = decide_name(wanted, template, taken)
        assert is_name(name)
        assert name not in taken
        taken.add(name)


@pytest.mark.parametrize(
    ("wanted", "template", "taken", "name"),
    [
        ("Attic AP", "", (), "attic-ap"),
        ("attic", "", ("attic",), "attic-2"),
        ("attic", "", ("attic", "attic-2"), "attic-3"),
        ("attic", "ap", (), "ap"),
        ("attic", "ap", ("ap",), "ap-2"),
        ("attic", "ap-{n}", (), "ap-1"),
        ("attic", "ap-{n}", ("ap-1", "ap-2"), "ap-3"),
        ("attic", "ap{n}", ("ap1",), "ap2"),
        ("attic", "{name}-east", (), "attic-east"),
        ("attic", "{name}-{n}-east", ("attic-1-east",), "attic-2-east"),
        ("", "", (), "router"),
        ("ÄÖ", "", ("router",), "router-2"),
        ("{n}", "", (), "n"),
        ("İstanbul", "", (), "stanbul"),
        ("a" * 70, "", (), "a" * 63),
        ("a" * 70, "", ("a" * 63,), "a" * 48 + "-2"),
    ],
)
def test_names_come_from_the_template_or_the_wish(
    wanted: str, template: str, taken: tuple[str, ...], name: str
) -> None:
    assert decide_name(wanted, template, taken) == name


@given(TEXT)
def test_a_plain_name_is_a_name_or_nothing_and_stays_as_it_is(text: str) -> None:
    plain = plain_name(text)
    assert plain == "" or is_name(plain)
    assert plain_name(plain) == plain


@pytest.mark.parametrize("name", ["", "-a", "a-", "a--b", "A", "a.b", "a" * 64, "a\n"])
def test_what_is_not_a_name_is_told(name: str) -> None:
    assert not is_name(name)


def test_a_name_has_at_most_63_characters() -> None:
    assert is_name("x" * 63)
    assert not is_name("x" * 64)
    assert not is_name("")
