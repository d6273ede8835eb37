"""Variables and facts in values."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from dusk.config.variables import Expander, VariableValue, check_variable
from dusk.errors import ConfigError

EXPANDER = Expander(
    {"channel": "36", "dns": ("9.9.9.9", "1.1.1.1"), "none": (), "dollar": "${channel}", "empty": ""},
    {"board": "ap-1", "mac6": "a1b2c3", "bad": "\x1b"},
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("${channel}", "36"),
        ("ch-${channel}-${fact.board}", "ch-36-ap-1"),
        ("ap-${mac6}", "ap-a1b2c3"),
        ("${fact.mac6}", "a1b2c3"),
        ("${none_such:-a default}", "a default"),
        ("${none_such:-}", ""),
        ("${none_such:-$}${channel}", "$36"),
        ("${empty:-not used}", ""),
        ("${channel:-1}", "36"),
        ("${fact.none_such:-x}", "x"),
        ("${dollar}", "${channel}"),
        ("$${channel}", "${channel}"),
        ("$$${channel}", "$${channel}"),
        ("$channel $(id) $1 $", "$channel $(id) $1 $"),
        ('Bob\'s "Café" $(id) \\ #', 'Bob\'s "Café" $(id) \\ #'),
    ],
)
def test_a_use_is_replaced_and_everything_else_stays(value: str, expected: str) -> None:
    assert EXPANDER.text(value, "a.b.c") == expected
    assert EXPANDER.items([value], "a.b.c") == (expected,)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])).filter(lambda text: "${" not in text))
def test_a33_values_without_a_use_go_through_unchanged(value: str) -> None:
    assert EXPANDER.text(value, "k") == value


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_every_text_can_be_written_with_the_escape(value: str) -> None:
    if "$${" not in value:
        assert EXPANDER.text(value.replace("${", "$${"), "k") == value


def test_a_list_variable_is_the_items_of_a_list() -> None:
    assert EXPANDER.items(["8.8.8.8", "${dns}", "${none}"], "k") == ("8.8.8.8", "9.9.9.9", "1.1.1.1")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("${none_such}", "a.b.c: the variable 'none_such' is not defined; define it with `dusk var set`"),
        (
            "${fact.none_such}",
            "a.b.c: the variable 'fact.none_such' is not defined; the router reports no such fact",
        ),
        ("x${dns}", "the variable 'dns' is a list"),
        ("${channel", "without a variable's name"),
        ("${}", "without a variable's name"),
        ("${a b}", "without a variable's name"),
        ("${fact.}", "without a variable's name"),
        ("${other.x}", "without a variable's name"),
        ("${fact.bad}", "character 0x1b"),
    ],
)
def test_what_cannot_be_put_in_is_an_error_naming_the_setting(value: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        EXPANDER.text(value, "a.b.c")
    assert str(caught.value).startswith("a.b.c: ")
    with pytest.raises(ConfigError, match=reason):
        EXPANDER.items([value], "a.b.c")


def test_a_list_is_no_text() -> None:
    with pytest.raises(ConfigError, match="is a list"):
        EXPANDER.text("${dns}", "k")


def test_a33_variables_do_not_multiply_beyond_the_bound() -> None:
    big = Expander({"x": "x" * 60_000, "l": ("x" * 60_000, "y")}, {})
    with pytest.raises(ConfigError, match="larger than"):
        big.text("${x}" * 10_000, "k")
    with pytest.raises(ConfigError, match="larger than"):
        big.items(["${l}"] * 10_000, "k")


@pytest.mark.parametrize(("name", "value"), [("a", "x"), ("A_1", ("x", "y")), ("a" * 64, "")])
def test_variables_that_are_allowed(name: str, value: str | tuple[str, ...]) -> None:
    check_variable(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("", "x"), ("a.b", "x"), ("a-b", "x"), ("mac6", "x"), ("a" * 65, "x"), ("a", "\0"), ("a", ("\0",))],
)
def test_variables_that_are_refused(name: str, value: str | tuple[str, ...]) -> None:
    with pytest.raises(ConfigError):
        check_variable(name, value)


def test_a_name_that_is_kept_hides_the_variable_and_can_be_read_once_more() -> None:
    inside = EXPANDER.keeping("channel")
    assert inside.text("${channel}-${fact.board}-${channel:-1}", "k") == "${channel}-ap-1-${channel}"
    assert inside.text("${dollar}$${x}", "k") == "$${channel}$${x}"
    assert inside.items(["${channel}", "${dns}", "plain"], "k") == (
        "${channel}",
        "9.9.9.9",
        "1.1.1.1",
        "plain",
    )
    assert inside.secret("${channel}") is None


def test_a_dollar_before_a_name_that_is_kept_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"k: a '\$' cannot stand before '\$\{r\}'"):
        EXPANDER.keeping("r").text("${none_such:-$}${r}", "k")


PIECES = st.sampled_from(["${r}", "$", "{", "}", "r", "${odd}", "$${", "x", "${list}"])


@given(st.lists(PIECES, max_size=8), st.text("${}r", max_size=6))
def test_a33_what_is_read_once_more_is_what_would_have_been_read_at_once(pieces: list[str], odd: str) -> None:
    value = "".join(pieces)
    known: dict[str, VariableValue] = {"odd": odd, "list": ("${r}", odd)}
    try:
        kept = Expander({**known, "r": "hidden"}, {}).keeping("r").items([value], "k")
    except ConfigError:
        return
    again = Expander({"r": "radio0"}, {}).items(kept, "k")
    assert again == Expander({**known, "r": "radio0"}, {}).items([value], "k")
