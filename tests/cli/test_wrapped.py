"""What is said beside a result fits the terminal."""

from dusk.cli.table import field, wrapped


def test_a_line_that_is_too_long_for_the_terminal_is_broken_between_words() -> None:
    text = "one two three\n\n  `dusk role backup router-2` four"
    assert wrapped(text, None) == wrapped(text, 40) == text
    assert wrapped(text, 9) == "one two\nthree\n\n  `dusk\nrole\nbackup\nrouter-2`\nfour"


def test_a_value_that_is_too_long_for_the_terminal_goes_on_below_where_it_began() -> None:
    text = "up, 192.168.1.1 fe80::1, 02:aa:bb:cc:dd:ee"
    assert field("interface lan", text, 15, None) == field("interface lan", text, 15, 80)
    lines = field("interface lan", text, 15, 40).split("\n")
    assert lines == ["interface lan  up, 192.168.1.1 fe80::1,", "               02:aa:bb:cc:dd:ee"]
    assert field("reason", "", 15, 40) == "reason"
    assert field("interface lan", text, 15, 3).split("\n")[1] == "               192.168.1.1"
