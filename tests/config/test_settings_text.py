"""Import and export of settings as text."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from dusk.config.settings import Setting, Verb
from dusk.config.text import export_text, import_text
from dusk.errors import ConfigError

BATCH = """\
# NTP and a name
set system.@system[0].hostname='Bob'\\''s "Café" $(id) \\ #'
set system.ntp=timeserver   # the section's type
delete system.ntp.server
add_list system.ntp.server='0.pool.ntp.org'
add_list system.ntp.server="1.pool.ntp.org"
set firewall.zone[name=lan].input=ACCEPT
add_list 'network.lan.dns=9.9.9.9'
del_list network.lan.dns=1.1.1.1
DEL network.lan.gateway
set network.lan.metric=''
set network.lan.note='two
lines'

commit system
"""


def test_batch_text_becomes_settings() -> None:
    assert import_text(BATCH) == [
        ("system.@system[0].hostname", Setting(Verb.SET, ('Bob\'s "Café" $(id) \\ #',), 0)),
        ("system.ntp", Setting(Verb.TYPE, ("timeserver",), 1)),
        ("system.ntp.server", Setting(Verb.SET_LIST, ("0.pool.ntp.org", "1.pool.ntp.org"), 2)),
        ("firewall.zone[name=lan].input", Setting(Verb.SET, ("ACCEPT",), 3)),
        ("network.lan.dns", Setting(Verb.EDIT_LIST, ("9.9.9.9",), 4, ("1.1.1.1",))),
        ("network.lan.gateway", Setting(Verb.ABSENT, (), 5)),
        ("network.lan.metric", Setting(Verb.ABSENT, (), 6)),
        ("network.lan.note", Setting(Verb.SET, ("two\nlines",), 7)),
    ]


EXPORT = """\
# from a router
package system

config system
	option hostname 'OpenWrt'
	option nothing ''

config timeserver 'ntp'
	list server 'a'
	list server 'b'

config led
	option name 'x'

config led 'usb'
	option name 'y'

package dhcp

config led
"""


def test_export_text_becomes_settings() -> None:
    assert import_text(EXPORT) == [
        ("system.@system[0].hostname", Setting(Verb.SET, ("OpenWrt",), 0)),
        ("system.ntp", Setting(Verb.TYPE, ("timeserver",), 1)),
        ("system.ntp.server", Setting(Verb.SET_LIST, ("a", "b"), 2)),
        ("system.@led[0].name", Setting(Verb.SET, ("x",), 3)),
        ("system.usb", Setting(Verb.TYPE, ("led",), 4)),
        ("system.usb.name", Setting(Verb.SET, ("y",), 5)),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("rename a.b=c\n", "^import:1: 'rename' is not supported"),
        ("\nadd system led\n", "^import:2: 'add' is not supported"),
        ("set\n", "^import:1: set takes one KEY=VALUE"),
        ("set a.b.c d\n", "^import:1: set takes one KEY=VALUE"),
        ("delete a.b c\n", "^import:1: delete takes one KEY$"),
        ("set a.b.c\n", "^import:1: 'a.b.c': the value is missing"),
        ("set a.b.password=x\n", "^import:1: a.b.password: 'password' is a secret"),
        ("set a.b.c='x\n\n", "^import:2: unterminated '"),
        ("set a.b.c=1 ; set a.b.d=2\n", "^import:1: more text after ';'"),
        ("set a.b.c=1\nset '' x\n", "^import:2: more text after ';'"),
        ("set a.b.c=\x01\n", "^import:1: a.b.c: the value contains character 0x01"),
        ("set a.b.c=1\nset a.b.d=\0\n", "^import:2: the text contains NUL"),
        ("delete a.b\nset a.b.c=1\n", "^import:2: a.b.c: the section is deleted before"),
        ("package a\nconfig b c\noption password x\n", "^a.c.password: 'password' is a secret"),
        ("config b c\n", "^import:1: begin with a line 'package NAME'"),
        ("package a\n\npackage a\n", "^import:3: package a comes twice"),
        ("package a\noption b c\n", "^import:2: option before any section"),
        ("package a\nconfig b c d\n", "^import:2: too many arguments"),
        ("package a\nconfig b.c\noption d e\n", "a section is a name"),
    ],
)
def test_text_that_cannot_be_used_is_refused_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        import_text(text)
    assert "\n" not in str(caught.value)


def test_every_bad_line_is_named_up_to_five() -> None:
    with pytest.raises(ConfigError) as caught:
        import_text("set a.b.c=1\n" + "bad\n" * 7)
    assert [f"import:{number}:" in str(caught.value) for number in range(1, 9)] == [
        False,
        *[True] * 5,
        False,
        False,
    ]
    assert str(caught.value).endswith("; and 2 more")


def test_a_deleted_section_takes_back_what_was_said_of_it() -> None:
    text = "set a.b=t\nset a.b.c=1\nset a.bb.c=1\ndelete a.b\n"
    assert import_text(text) == [
        ("a.b", Setting(Verb.ABSENT, (), 0)),
        ("a.bb.c", Setting(Verb.SET, ("1",), 1)),
    ]
    assert import_text("delete a.b\nset a.b=t\nset a.b.c=1\n")[0] == ("a.b", Setting(Verb.TYPE, ("t",), 0))


def test_nothing_is_imported_from_nothing() -> None:
    assert import_text("") == import_text("\n# only this\n") == import_text("package a\n") == []


VALUES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t'\"\\#;$"), min_size=1, max_size=8
)
LISTS = st.lists(VALUES, min_size=1, max_size=3, unique=True).map(tuple)
SECTIONS = st.sampled_from(["lan", "@system[0]", "zone[name=lan]", 'zone[name="a b\'\\""]'])
OPTIONS = st.one_of(
    st.builds(lambda value: Setting(Verb.SET, (value,)), VALUES),
    st.builds(lambda values: Setting(Verb.SET_LIST, values), LISTS),
    st.builds(lambda values: Setting(Verb.EDIT_LIST, values[1:], 0, values[:1]), LISTS),
    st.just(Setting(Verb.ABSENT)),
)
NAMED = st.dictionaries(
    st.builds(lambda s, o: f"network.{s}.{o}", SECTIONS, st.sampled_from(["a", "b", "c"])),
    OPTIONS,
    max_size=6,
)


@given(NAMED, st.sampled_from([Setting(Verb.TYPE, ("rule",)), Setting(Verb.ABSENT)]))
def test_what_is_exported_is_imported_as_the_same(options: dict[str, Setting], section: Setting) -> None:
    said = [("firewall.x", section), *options.items()]
    settings = [
        (key, Setting(one.verb, one.values, position, one.removed))
        for position, (key, one) in enumerate(said)
    ]
    assert import_text(export_text(reversed(settings))) == settings


def test_what_is_exclusive_is_written_and_read_back() -> None:
    settings = import_text("exclusive firewall.@rule[*]\nEXCLUSIVE 'dhcp.*'\n")
    keys = ("firewall.@rule[*]", "dhcp.*")
    assert settings == [(key, Setting(Verb.EXCLUSIVE, (), place)) for place, key in enumerate(keys)]
    assert export_text(settings) == "exclusive 'firewall.@rule[*]'\nexclusive 'dhcp.*'\n"
    assert import_text(export_text(settings)) == settings
    with pytest.raises(ConfigError, match=r"exclusive takes one KEY$"):
        import_text("exclusive dhcp.* x\n")


def test_before_which_section_one_stands_is_written_and_read_back() -> None:
    text = "set firewall.a='rule'\nbefore firewall.a='rule[name=\"A B\"]'\n"
    settings = import_text(text)
    assert settings == [("firewall.a", Setting(Verb.TYPE, ("rule", 'rule[name="A B"]'), 0))]
    assert export_text(settings) == text
    assert import_text("set firewall.a=rule\nBEFORE firewall.a='rule[name=\"A\"]'\n")[0][1].values == (
        "rule",
        "rule[name=A]",
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("before firewall.a=b\n", "set its type first"),
        ("delete firewall.a\nbefore firewall.a=b\n", "set its type first"),
        ("set firewall.a=rule\nbefore firewall.a=@rule[0]\n", "a section by its name or by a match"),
        ("set firewall.a=rule\nbefore firewall.a='each rule as r'\n", "a section by its name or by a match"),
        ("set firewall.a=rule\nbefore firewall.a=b.c\n", "a section by its name"),
        ("set firewall.a=rule\nbefore firewall.a=a\n", "cannot stand before itself"),
        ("set firewall.a=rule\nbefore firewall.a\n", "write KEY=VALUE"),
        ("set firewall.@rule[0]=rule\nbefore firewall.@rule[0]=b\n", "only a section with a name"),
        ("set firewall.a=rule\nbefore firewall.a=b c\n", "not supported"),
    ],
)
def test_a_place_that_is_none_is_refused_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        import_text(text)
