"""The helper's reader of UCI files: it says of a file what Dusk's own says, or refuses it."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dusk.config.uci import parse
from dusk.errors import ConfigError
from dusk.helper import uci
from dusk.helper.uci import generated, sections
from dusk.limits import UCI_FILE_BYTES_MAX

Found = list[tuple[bytes, bytes, dict[bytes, list[bytes]]]]

PIECES = [
    *(
        b"config ",
        b"option ",
        b"list ",
        b"package ",
        b"c ",
        b"o ",
        b"l\t",
        b"p ",
        b"optio",
        b"a",
        b"lan",
        b"t1",
    ),
    *(
        b"'",
        b'"',
        b"\\",
        b"\n",
        b"\r\n",
        b"\r",
        b" ",
        b"\t",
        b"\v",
        b"\f",
        b";",
        b"; ",
        b"#",
        b"-",
        b"\xff",
        b"\0",
    ),
    *(b"''", b'""', b"'x y'", b'"q\\"r"', b"'two\nlines'", b"\\\n", b"\\\r\n", b"cfg01", b"# said\n"),
    *(
        b"config t 'n'\n",
        b"config t\n",
        b"\toption a 'b'\n",
        b"\tlist a 'c'\n",
        b"option 'a' 'b';",
        b"option a b;",
    ),
    *(b"config t cfg02b619\n", b"config interface 'lan'\n", b"option \"pa\"'th' x", b"option a ''\n"),
]
texts = st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join)
begun = st.one_of(texts, texts.map(b"config t 'n'\n".__add__), st.binary(max_size=60))


def by_the_helper(text: bytes) -> Found | None:
    try:
        return sections(text)
    except ValueError:
        return None


def by_the_editor(text: bytes) -> Found | None:
    try:
        document = parse(text, "p")
    except ConfigError:
        return None
    return [
        (
            raw(section.type),
            raw(section.name or ""),
            {
                raw(option): [raw(value)] if isinstance(value, str) else [raw(item) for item in value]
                for option, value in section.options.items()
            },
        )
        for section in document.sections
    ]


def raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


@settings(max_examples=1000)
@given(begun)
def test_a51_the_helper_reads_a_file_as_the_daemon_does_and_refuses_the_same(text: bytes) -> None:
    assert by_the_helper(text) == by_the_editor(text)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (b"config t\noption a b;option c d\n", {b"a": [b"b"]}),
        (b"config t\noption 'a' 'b'; option 'c' 'd'", {b"a": [b"b"], b"c": [b"d"]}),
        (b"config t\noption a 'it'\\''s'\n", {b"a": [b"it's"]}),
        (b"config t\noption a \\\n  b\n", None),
        (b"config t\noption a x\\\ny\n", {b"a": [b"xy"]}),
        (b'config t\noption a "x\\\r\ny"\n', {b"a": [b"xy"]}),
        (b"config t\noption a 'x\ny'\n", {b"a": [b"x\ny"]}),
        (b"config t\noption a b\nlist a c\n", {b"a": [b"b", b"c"]}),
        (b"config t\nlist a b\noption a c\n", {b"a": [b"c"]}),
        (b"config t\noption a b\noption a ''\n", {b"a": [b"b"]}),
        (b"config t\noption a b# c\n", {b"a": [b"b"]}),
        (b"config t\noption a x\\", {b"a": [b"x"]}),
        (b"config t\noption a '", None),
        (b"config t\noption a 'b c'd'\n", None),
        (b"config t\noption a 'b c'd \"\n", None),
        (b'config t\noption a "b\\"\n', None),
        (b"config t\noption a b\\\r\n'c\n", None),
        (b"config t\noption a \\ 'x\n", None),
        (b"config t\noption a b c\n", None),
        (b"config t\noption a-b c\n", None),
        (b"config t\noption\n", None),
        (b"config t\noption a 'b';\n", None),
        (b"option a b\n", None),
        (b"config t\0\n", None),
        (b"config t a-b\n", None),
        (b"config t n\nconfig u n\n", None),
        (b"config t\nconfig u cfg01b619\n", None),
    ],
)
def test_the_corners_of_libuci_are_known(text: bytes, options: dict[bytes, list[bytes]] | None) -> None:
    found = by_the_helper(text)
    assert found == by_the_editor(text)
    assert (None if found is None else found[0][2]) == options


def test_no_group_is_repeated_possessively_which_older_pythons_match_where_nothing_does() -> None:
    patterns = [one.pattern for one in vars(uci).values() if isinstance(one, re.Pattern)]
    assert [one for one in patterns if re.search(rb"\)(?:[*+?]|\{[^}]*\})\+", one)] == []
    assert len(patterns) > 5


def test_an_anonymous_section_goes_on_under_its_generated_name() -> None:
    name = generated(b"interface", 1)
    text = b"config interface\nconfig interface '" + name + b"'\noption a b\n"
    assert by_the_helper(text) == [(b"interface", b"", {b"a": [b"b"]})] == by_the_editor(text)


LONG = (
    b"option 'a' 'b';",
    b"'",
    b'"\\',
    b"\\\n",
    b"# c\n",
    b"a",
    b'option a "',
    b"\n",
    b"config t\n",
    b"'' ",
)


@pytest.mark.parametrize("part", LONG)
@pytest.mark.timeout(20)
def test_r10_a_file_of_the_longest_is_read_in_a_time_like_its_length(part: bytes) -> None:
    by_the_helper((b"config t\n" + part * (UCI_FILE_BYTES_MAX // len(part)))[:UCI_FILE_BYTES_MAX])
