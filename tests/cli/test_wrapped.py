"""What is said beside a result fits the terminal."""

from dusk.cli.table import wrapped


def test_a_line_that_is_too_long_for_the_terminal_is_broken_between_words() -> None:
    text = "one two three\n\n  `dusk role backup router-2` four"
    assert wrapped(text, None) == wrapped(text, 40) == text
    assert wrapped(text, 9) == "one two\nthree\n\n  `dusk\nrole\nbackup\nrouter-2`\nfour"
