"""What libuci accepts, what it refuses, and what it makes of a file: each case was put to ``uci export``."""

import time

import hypothesis.strategies as st
import pytest
from hypothesis import given

from dusk.config.parts import Value
from dusk.config.uci import parse
from dusk.errors import ConfigError
from dusk.limits import UCI_FILE_BYTES_MAX

Content = list[tuple[str, str | None, dict[str, Value]]]


def content(data: bytes) -> Content:
    return [(section.type, section.name, dict(section.options)) for section in parse(data, "p").sections]


ACCEPTED: list[tuple[bytes, Content]] = [
    (b"", []),
    (b"\n  \n\t# only a comment\n#\n", []),
    (b"package p\n", []),
    (b"package other-name # ignored in a file\n", []),
    (b"config foo\n", [("foo", None, {})]),
    (b"config foo", [("foo", None, {})]),
    (b"config foo ''\n", [("foo", None, {})]),
    (b"config 'foo' \"bar\"\n", [("foo", "bar", {})]),
    (b"config foo.!$%&()*+,-./:<=>?@[]^`{|}~\n", [("foo.!$%&()*+,-./:<=>?@[]^`{|}~", None, {})]),
    (b"c foo n\no a b\nl l x\np q\nl l y\n", [("foo", "n", {"a": "b", "l": ("x", "y")})]),
    (b"config foo\r\n\toption a b\r\n\toption c 'd e'\r\n", [("foo", None, {"a": "b", "c": "d e"})]),
    (b"config foo\noption a 'it'\\''s'\n", [("foo", None, {"a": "it's"})]),
    (b'config foo\noption a x\'y z\'"w \\" v"\\ u\n', [("foo", None, {"a": 'xy zw " v u'})]),
    (b"config foo\noption a 'b\\n'\n", [("foo", None, {"a": "b\\n"})]),
    (b"config foo\noption a b\\n\n", [("foo", None, {"a": "bn"})]),
    (b"config foo\noption a 'one\ntwo\n\n#three'\n", [("foo", None, {"a": "one\ntwo\n\n#three"})]),
    (b'config foo\noption a "one\ntwo\\\nstill two"\n', [("foo", None, {"a": "one\ntwostill two"})]),
    (b'config foo\noption a "one\\\r\ntwo"\n', [("foo", None, {"a": "onetwo"})]),
    (b"config foo\noption a one\\\ntwo\n", [("foo", None, {"a": "onetwo"})]),
    (b"config foo\noption a one\\\n", [("foo", None, {"a": "one"})]),
    (b"config foo\noption a one\\", [("foo", None, {"a": "one"})]),
    (b"config foo\noption a b#c\n", [("foo", None, {"a": "b"})]),
    (b"config foo\noption a 'b'#c\n", [("foo", None, {"a": "b"})]),
    (b"config foo\noption a '#;\\'\n", [("foo", None, {"a": "#;\\"})]),
    (b"config foo # comment\n", [("foo", None, {})]),
    (b"config foo\n\v\f\r\noption\ta\vb\n", [("foo", None, {"a": "b"})]),
    # A semicolon ends a statement, except right after an unquoted word: then the line is over.
    (b"config foo\noption a b; option c d\n", [("foo", None, {"a": "b"})]),
    (b"config foo\noption a b ; option c d\n", [("foo", None, {"a": "b", "c": "d"})]),
    (b"config foo\noption a 'b'; option c 'd'\n", [("foo", None, {"a": "b", "c": "d"})]),
    (b"\v# comment\nconfig foo\noption a 'b' ; # c\n", [("foo", None, {"a": "b"})]),
    (b"config foo n ; option a b\n", [("foo", "n", {"a": "b"})]),
    (b"config foo;bar\n", [("foo", None, {})]),
    (b"config foo\noption a 'b';", [("foo", None, {"a": "b"})]),
    (b"config foo\noption a b '' option c d\n", [("foo", None, {"a": "b", "c": "d"})]),
    # An option without a value is nothing; a list item without one is an empty item.
    (b"config foo\noption a ''\n", [("foo", None, {})]),
    (b"config foo\noption a\n", [("foo", None, {})]),
    (b"config foo\noption a x\noption a ''\n", [("foo", None, {"a": "x"})]),
    (b"config foo\nlist a ''\nlist a\nlist a x\n", [("foo", None, {"a": ("", "", "x")})]),
    # Later lines win; a list after an option takes the option in.
    (b"config foo\noption a x\noption a y\n", [("foo", None, {"a": "y"})]),
    (b"config foo\noption a x\nlist a y\n", [("foo", None, {"a": ("x", "y")})]),
    (b"config foo\nlist a x\nlist a y\noption a z\n", [("foo", None, {"a": "z"})]),
    # A name that comes again continues the section.
    (
        b"config foo n\noption a x\nconfig bar\nconfig foo n\noption a y\noption b z\n",
        [("foo", "n", {"a": "y", "b": "z"}), ("bar", None, {})],
    ),
    # Anonymous sections have generated names, which a later section can hit.
    (b"config foo\nconfig foo cfg017389\noption a b\n", [("foo", None, {"a": "b"})]),
    (b"config foo\noption a '\xff\xfe\xc3\xa9'\n", [("foo", None, {"a": "\udcff\udcfeé"})]),
    (b"config foo\noption a \x01\x7f\n", [("foo", None, {"a": "\x01\x7f"})]),
]


REFUSED: list[tuple[bytes, str]] = [
    (b"option a b\n", "p:1: option before any section"),
    (b"\n\nlist a 'b'\n", "p:3: list before any section"),
    (b"config\n", "p:1: invalid command"),
    (b"config", "p:1: invalid command"),
    (b"config \n", "p:1: insufficient arguments: the section type is missing"),
    (b"config ''\n", "p:1: insufficient arguments: the section type is missing"),
    (b"config foo bar baz\n", "p:1: too many arguments"),
    (b"config foo b-r\n", "p:1: invalid character in the section name"),
    (b"config foo b.r\n", "p:1: invalid character in the section name"),
    (b"config f\xc3\xa9\n", "p:1: invalid character in the section type"),
    (b"config 'f o'\n", "p:1: invalid character in the section type"),
    (b"config foo\noption a-b c\n", "p:2: invalid character in the option name"),
    (b"config foo\noption\n", "p:2: invalid command"),
    (b"config foo\noption '' b\n", "p:2: insufficient arguments: the option name is missing"),
    (b"config foo\noption a b c\n", "p:2: too many arguments"),
    (b"config foo\noption a '' c\n", "p:2: too many arguments"),
    (b"config foo\noption a 'b'; \n", "p:2: invalid command"),
    (b"config 'foo'; config bar\n", "p:1: too many arguments"),
    (b"config foo\nOption a b\n", "p:2: invalid command"),
    (b"config foo\noption\va b\n", "p:2: invalid command"),
    (b"config foo\nfoo bar\n", "p:2: invalid command"),
    (b"config foo\noption a 'b\n\n\n", "p:4: unterminated '"),
    (b'config foo\noption a "b', 'p:2: unterminated "'),
    (b'config foo\noption a "b\\', 'p:2: unterminated "'),
    (b"config foo\noption a one\\\n two\n", "p:3: too many arguments"),
    (b"package\n", "p:1: invalid command"),
    (b"package 'a b'\n", "p:1: invalid character in the package name"),
    (b"package a b\n", "p:1: too many arguments"),
    (
        b"config foo n ; option a 'b\n\n' ; config bar n\n",
        "p:3: section 'n' is of type bar here and of type foo before",
    ),
    (b"config foo n ; option a 'b\n\n' ; foo\n", "p:3: invalid command"),
    (b"config foo n\n\nconfig bar n\n", "p:3: section 'n' is of type bar here and of type foo before"),
    (b"# fine\nconfig foo\n\0\n", "p:3: a NUL byte, which ends lines for libuci"),
    (b"\xef\xbb\xbfconfig foo\n", "p:1: invalid command"),
]


@pytest.mark.parametrize(("data", "expected"), ACCEPTED)
def test_what_libuci_accepts_means_the_same_here(data: bytes, expected: Content) -> None:
    assert content(data) == expected
    assert parse(data, "p").render() == data


@pytest.mark.parametrize(("data", "reason"), REFUSED)
def test_what_libuci_refuses_is_refused_with_file_and_line(data: bytes, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(data, "p")
    assert str(caught.value) == reason


PIECES = st.sampled_from(
    [
        *("config ", "option ", "list ", "package ", "c ", "o ", "l ", "foo", "bar", "a ", "b ", " ", "\t"),
        *("\n", "\r\n", "'", '"', "\\", "\\\n", "#", ";", "''", "'x'", "\v", "é", "\0", "config foo\n"),
        *("option a b\n", "list a 'c'\n", "option a 'b'; ", "# note\n"),
    ]
)


def outcome(data: bytes) -> bytes | str:
    try:
        return parse(data, "p").render()
    except ConfigError as error:
        return str(error)


@given(st.lists(PIECES, max_size=30).map("".join))
def test_a_file_is_refused_with_its_line_or_comes_back_byte_for_byte(text: str) -> None:
    data = ("config foo\n" + text).encode()
    found = outcome(data)
    assert found == data or (isinstance(found, str) and found.startswith("p:"))


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_config_error(data: bytes) -> None:
    assert isinstance(outcome(data), str) or outcome(data) == data


def test_a_file_that_is_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(ConfigError, match="at most"):
        parse(b"#" * (UCI_FILE_BYTES_MAX + 1), "p")


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_three_thousand_lines_are_read_and_written_in_time(line_end: bytes) -> None:
    section = b"config rule\n" + b"".join(b"\toption o%d 'value %d'\n" % (n, n) for n in range(13)) + b"\n"
    data = (section * 200).replace(b"\n", line_end)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        assert parse(data, "p").render() == data
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.030 * 4  # the bound with room for a busy machine; benchmarks measure it
