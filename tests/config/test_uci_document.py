"""Editing a document: what is asked for changes, everything else keeps its bytes."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from dusk.config.parts import Value
from dusk.config.uci import Document, parse
from dusk.errors import ConfigError

FIREWALL = b"""\
config defaults
	option input		ACCEPT
	option output 'ACCEPT'
# Uncomment this line to disable ipv6 rules
#	option disable_ipv6	1

config zone
	option name		lan
	list   network		'lan' # the house
	list network wan\xff

# Allow IPv4 ping
config rule 'ping'
	option name  "Allow-Ping"
"""

HOSTILE = [
    'Bob\'s "Café" $(id) \\ #',
    "two\nlines\r\nand\ta tab",
    "'",
    "''''",
    "\\",
    "trailing \\",
    "; reboot",
    "`id`; $(id) ${x}",
    "<script>alert(1)</script>",
    "x" * 65536,
    " ",
    "#",
    "é😀\u2028\xa0",
]


def edited(data: bytes, section: int, option: str, value: Value) -> bytes:
    document = parse(data, "p")
    assert document.set(document.sections[section], option, value)
    return document.render()


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value[:12]))
@pytest.mark.parametrize("as_list", [False, True])
def test_a33_hostile_values_arrive_unchanged(value: str, *, as_list: bool) -> None:
    wanted: Value = (value, "next") if as_list else value
    again = parse(edited(FIREWALL, 0, "input", wanted), "p")
    assert again.sections[0].get("input") == wanted
    assert again.sections[1].get("name") == "lan"


@pytest.mark.parametrize("value", ["a\0b", "\x1b[31m", "\x01", "\ud800"])
def test_a33_values_that_uci_set_refuses_are_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="UCI cannot hold"):
        edited(FIREWALL, 0, "input", value)


def test_a_changed_option_changes_its_own_line_only() -> None:
    expected = FIREWALL.replace(b"\toption input\t\tACCEPT\n", b"\toption input 'REJECT'\n")
    assert edited(FIREWALL, 0, "input", "REJECT") == expected


def test_a_value_that_is_there_already_changes_nothing() -> None:
    document = parse(FIREWALL, "p")
    assert not document.set(document.sections[0], "input", "ACCEPT")
    assert not document.remove(document.sections[0], "missing")
    assert not document.set(document.sections[0], "missing", "")
    assert not document.retype(document.sections[0], "defaults")
    assert document.render() == FIREWALL


def test_a_new_option_stands_behind_the_last_one_and_before_the_comments() -> None:
    expected = FIREWALL.replace(b"'ACCEPT'\n# Un", b"'ACCEPT'\n\toption forward 'DROP'\n# Un")
    assert edited(FIREWALL, 0, "forward", "DROP") == expected


def test_the_comment_at_the_end_of_a_changed_line_stays() -> None:
    expected = FIREWALL.replace(b"\tlist   network\t\t'lan' # the", b"\tlist network 'home' # the")
    assert edited(FIREWALL, 1, "network", ("home", "wan\udcff")) == expected


def test_bytes_that_are_not_utf_8_stay_in_lines_that_are_kept() -> None:
    assert b"wan\xff\n\tlist network 'guest'\n" in edited(
        FIREWALL, 1, "network", ("lan", "wan\udcff", "guest")
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (["a", "b", "c"], ("a", "c"), "list l a\nlist l c\n"),
        (["a", "b"], ("x", "a", "b"), "\tlist l 'x'\n\tlist l 'a'\n\tlist l 'b'\n"),
        (["a", "c"], ("a", "b", "c"), "list l a\n\tlist l 'b'\nlist l c\n"),
        (["a"], ("a", "b", "c"), "list l a\n\tlist l 'b'\n\tlist l 'c'\n"),
        (["a", "b"], "z", "\toption l 'z'\n"),
        (["a"], (), ""),
        ([], ("a",), "\tlist l 'a'\n"),
    ],
)
def test_lines_of_list_items_that_stay_are_kept(old: list[str], new: Value, expected: str) -> None:
    data = "config foo\n" + "".join(f"list l {item}\n" for item in old)
    assert edited(data.encode(), 0, "l", new) == b"config foo\n" + expected.encode()


def test_an_empty_option_line_is_where_its_value_goes() -> None:
    assert edited(b"config foo\noption a ''\n# c\n", 0, "a", "v") == b"config foo\n\toption a 'v'\n# c\n"


def test_an_option_said_twice_is_said_once_after_a_change() -> None:
    assert edited(b"config foo\noption a x\noption a y\n", 0, "a", "z") == b"config foo\n\toption a 'z'\n"


def test_a_removed_option_takes_its_lines_only() -> None:
    document = parse(FIREWALL, "p")
    assert document.remove(document.sections[1], "network")
    expected = FIREWALL.replace(b"\tlist   network\t\t'lan' # the house\n\tlist network wan\xff\n", b"")
    assert document.render() == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"config foo\noption a b", b"config foo\noption a b\n\toption n 'v'\n"),
        (b"config foo\noption a 'b';", b"config foo\n\toption a 'b'\n\toption n 'v'\n"),
        (b"config foo\noption a b\\\n", b"config foo\n\toption a 'b'\n\toption n 'v'\n"),
        (
            b"config foo\noption a 'b'; option c 'd' # e\n",
            b"config foo\n\toption a 'b'\n\toption c 'd' # e\n\toption n 'v'\n",
        ),
    ],
)
def test_a_line_that_does_not_end_is_ended_before_another_follows(data: bytes, expected: bytes) -> None:
    assert edited(data, 0, "n", "v") == expected


def test_a_change_in_a_line_of_several_statements_gives_each_its_own() -> None:
    data = b"config 'foo' n ; option a 'b'; option c 'd'\n"
    assert edited(data, 0, "a", "x") == b"config foo 'n'\n\toption a 'x'\n\toption c 'd'\n"


def test_sections_are_found_by_name_and_index() -> None:
    document = parse(b"config foo\nconfig bar n\nconfig foo m\n", "p")
    first, second, third = document.sections
    assert document.section("n") is second
    assert document.section("cfg") is None
    assert document.at("foo", 0) is document.at("foo", -2) is first
    assert document.at("foo", 1) is document.at("foo", -1) is third
    assert document.at("foo", 2) is document.at("foo", -3) is document.at("none", 0) is None


def test_a_generated_name_is_not_a_name() -> None:
    document = parse(b"config foo\n", "p")
    with pytest.raises(ConfigError, match="taken"):
        document.add_section("foo", "cfg017389")
    assert document.section("cfg017389") is None


def test_a_new_section_stands_at_the_end_behind_a_blank_line() -> None:
    document = parse(b"config foo\noption a b", "p")
    section = document.add_section("bar", "n")
    document.set(section, "l", ("x", "y"))
    assert document.render() == b"config foo\noption a b\n\nconfig bar 'n'\n\tlist l 'x'\n\tlist l 'y'\n"


def test_a_new_file_begins_with_its_section() -> None:
    document = Document("p")
    document.add_section("bar", None)
    assert document.render() == b"config bar\n"


def test_a_section_before_another_leaves_that_ones_heading_comment_with_it() -> None:
    document = parse(FIREWALL, "p")
    document.add_section("rule", "first", document.section("ping"))
    heading = b"# Allow IPv4 ping\nconfig rule 'ping'"
    assert document.render() == FIREWALL.replace(heading, b"config rule 'first'\n\n" + heading)
    assert [section.name for section in document.sections] == [None, None, "first", "ping"]


def test_a_section_before_the_first_leaves_the_comments_above_alone() -> None:
    document = parse(b"# of the file\n\n# of n\nconfig foo n\n", "p")
    document.add_section("foo", "c", document.section("n"))
    assert document.render() == b"# of the file\n\nconfig foo 'c'\n\n# of n\nconfig foo n\n"


def test_a_section_is_removed_after_its_options_were() -> None:
    document = parse(b"config foo\n\toption a b\n\toption c d\n\nconfig bar\n", "p")
    document.remove(document.sections[0], "a")
    document.remove_section(document.sections[0])
    assert document.render() == b"\nconfig bar\n"


def test_a_section_before_another_on_the_same_line_parts_the_line() -> None:
    document = parse(b"config foo a ; config foo b\n", "p")
    document.add_section("foo", "c", document.section("b"))
    again = parse(document.render(), "p")
    assert [section.name for section in again.sections] == ["a", "c", "b"]


def test_a_removed_section_leaves_the_comment_that_heads_the_next() -> None:
    document = parse(FIREWALL, "p")
    document.remove_section(document.sections[1])
    assert (
        document.render()
        == FIREWALL[: FIREWALL.index(b"config zone")] + FIREWALL[FIREWALL.index(b"\n# Allow") :]
    )
    assert document.at("zone", 0) is None


def test_a_section_in_several_parts_is_removed_and_retyped_in_all() -> None:
    data = b"config foo n\noption a b\nconfig bar\nconfig foo n\noption c d\n"
    document = parse(data, "p")
    assert document.retype(document.sections[0], "baz")
    assert document.render() == data.replace(b"config foo n", b"config baz 'n'")
    document.remove_section(document.sections[0])
    assert document.render() == b"config bar\n"


@pytest.mark.parametrize(
    ("kind", "name"), [("a b", "n"), ("", "n"), ("a#b", "n"), ("foo", "a-b"), ("foo", "")]
)
def test_sections_that_uci_could_not_read_back_are_not_made(kind: str, name: str) -> None:
    document = parse(b"config foo n\n", "p")
    with pytest.raises(ConfigError, match="not a section"):
        document.add_section(kind, name)
    with pytest.raises(ConfigError, match="not a section type"):
        document.retype(document.sections[0], "a;b")
    with pytest.raises(ConfigError, match="not an option name"):
        document.set(document.sections[0], "a-b", "x")


LINES = st.sampled_from(
    [
        *("config foo\n", "config foo 'n1'\n", "\nconfig bar n2 # c\n", "\toption a 'v'\n", "\tlist l 'w'\n"),
        *("\tlist l w2\n", "option b 'x'; option n 'q' # t\n", 'option b "x\\\ny"\n', "list l 'm\nn'\n"),
        *(
            "# comment\n",
            "\n",
            "option a ''\n",
            "list a q\n",
            "option a c\\\n\n",
            "package p\n",
            "option a b # d\n",
        ),
    ]
)
VALUES = st.sampled_from(["", *HOSTILE[:8]]) | st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=8
)


@given(st.data())
def test_what_was_edited_is_what_is_read_back(data: st.DataObject) -> None:
    text = "config foo\n" + "".join(data.draw(st.lists(LINES, max_size=12)))
    document = parse(text.encode(), "p")
    for _ in range(data.draw(st.integers(1, 4))):
        section = data.draw(st.sampled_from(document.sections))
        option = data.draw(st.sampled_from(["a", "b", "l", "new"]))
        document.set(section, option, data.draw(VALUES | st.lists(VALUES, max_size=4).map(tuple)))
    again = parse(document.render(), "p")
    assert [(s.type, s.name, dict(s.options)) for s in again.sections] == [
        (s.type, s.name, dict(s.options)) for s in document.sections
    ]
    assert again.render() == document.render()


@given(st.data())
def test_lines_of_other_options_keep_their_bytes(data: st.DataObject) -> None:
    lines = data.draw(st.lists(LINES.filter(lambda line: ";" not in line), max_size=12))
    document = parse(("config foo\n" + "".join(lines)).encode(), "p")
    for section in document.sections:
        document.set(section, "new", "x")
    kept = document.render().replace(b"\toption new 'x'\n", b"")
    assert kept == ("config foo\n" + "".join(lines)).encode()
