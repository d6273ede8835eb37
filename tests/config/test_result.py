"""The managed config in a file."""

from contextlib import suppress

import hypothesis.strategies as st
import pytest
from hypothesis import given

from dusk.config.merge import Layer, merge
from dusk.config.parts import generated_name
from dusk.config.result import Result, resulting
from dusk.config.settings import Setting, Verb
from dusk.config.uci import parse
from dusk.errors import ConfigError

ABSENT = Setting(Verb.ABSENT)
FIREWALL = b"""\
config defaults
	option input		ACCEPT

config zone
	option name		lan
	list   network		'lan'

# the world
config zone
	option name wan
	list network 'wan'
	list network 'wan6'

config rule 'mine'
	option enabled 1
"""


def to(value: str) -> Setting:
    return Setting(Verb.SET, (value,))


def kind(name: str) -> Setting:
    return Setting(Verb.TYPE, (name,))


def apply(content: bytes | None, settings: dict[str, Setting]) -> Result:
    managed = merge([Layer("policy/p", 100, settings)], {}, {})
    result = resulting(content, "firewall", managed.get("firewall", ()))
    assert resulting(result.content, "firewall", managed.get("firewall", ())) == Result(result.content, ())
    return result


def test_what_is_so_already_changes_no_byte() -> None:
    settings = {
        "firewall.@defaults[0].input": to("ACCEPT"),
        "firewall.zone[name=lan].network": Setting(Verb.EDIT_LIST, ("lan",), 0, ("guest",)),
        "firewall.mine": kind("rule"),
        "firewall.mine.target": ABSENT,
        "firewall.@zone[-1]": kind("zone"),
        "firewall.gone": ABSENT,
        "firewall.rule[name=gone]": ABSENT,
        "firewall.gone2.x": ABSENT,
        "firewall.@rule[7].x": ABSENT,
    }
    assert apply(FIREWALL, settings) == Result(FIREWALL, ())
    assert apply(FIREWALL, {}) == Result(FIREWALL, ())


def test_one_option_changes_one_line() -> None:
    result = apply(
        FIREWALL, {"firewall.zone[name=wan].input": to("REJECT"), "firewall.mine.enabled": to("0")}
    )
    expected = FIREWALL.replace(b"'wan6'\n", b"'wan6'\n\toption input 'REJECT'\n")
    expected = expected.replace(b"\toption enabled 1\n", b"\toption enabled '0'\n")
    assert result.content == expected
    assert result.changed == ("firewall.mine.enabled", "firewall.zone[name=wan].input")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        (Setting(Verb.EDIT_LIST, ("vpn", "wan"), 0, ("wan6",)), ("wan", "vpn")),
        (Setting(Verb.EDIT_LIST, (), 0, ("wan6", "wan")), None),
        (Setting(Verb.SET_LIST, ("a", "b")), ("a", "b")),
        (to("x"), "x"),
        (ABSENT, None),
    ],
)
def test_list_edits_are_merged_with_what_is_local(setting: Setting, value: object) -> None:
    result = apply(FIREWALL, {"firewall.@zone[1].network": setting})
    assert parse(result.content, "p").sections[2].get("network") == value


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        (Setting(Verb.EDIT_LIST, ("x",)), ("ACCEPT", "x")),
        (Setting(Verb.EDIT_LIST, ("ACCEPT",)), "ACCEPT"),
        (Setting(Verb.EDIT_LIST, (), 0, ("ACCEPT",)), None),
    ],
)
def test_a_list_edit_of_a_single_value_makes_a_list(setting: Setting, value: object) -> None:
    result = apply(FIREWALL, {"firewall.@defaults[0].input": setting})
    assert parse(result.content, "p").sections[0].get("input") == value


def test_a_list_edit_of_nothing_makes_a_list() -> None:
    result = apply(FIREWALL, {"firewall.mine.proto": Setting(Verb.EDIT_LIST, ("tcp",))})
    assert parse(result.content, "p").sections[3].get("proto") == ("tcp",)


def test_new_sections_are_made_if_their_type_is_known() -> None:
    result = apply(None, {"firewall.new": kind("rule"), "firewall.new.name": to('Bob\'s "Café" $(id) \\ #')})
    assert result.content.decode() == "config rule 'new'\n\toption name 'Bob'\\''s \"Café\" $(id) \\ #'\n"
    assert result.changed == ("firewall.new", "firewall.new.name")


def test_no_file_is_made_of_nothing() -> None:
    assert apply(None, {"firewall.new": ABSENT}) == Result(b"", ())


def test_a_section_of_another_type_gets_the_managed_one() -> None:
    result = apply(FIREWALL, {"firewall.mine": kind("redirect")})
    assert result == Result(
        FIREWALL.replace(b"config rule 'mine'", b"config redirect 'mine'"),
        ("firewall.mine",),
        (("firewall.mine", "rule"),),
    )


def test_sections_are_deleted_by_name_and_match() -> None:
    result = apply(FIREWALL, {"firewall.mine": ABSENT, "firewall.zone[name=wan]": ABSENT})
    assert [section.type for section in parse(result.content, "p").sections] == ["defaults", "zone"]
    assert b"# the world\n" in result.content
    assert result.changed == ("firewall.mine", "firewall.zone[name=wan]")


def test_addresses_that_agree_about_one_section_are_fine() -> None:
    same = {"firewall.@zone[0].input": to("DROP"), "firewall.zone[name=lan].input": to("DROP")}
    assert parse(apply(FIREWALL, same).content, "p").sections[1].get("input") == "DROP"
    gone = {"firewall.rule[enabled=1]": ABSENT, "firewall.rule[enabled=1,target=x]": ABSENT}
    assert apply(FIREWALL.replace(b"enabled 1", b"enabled 1\n\tlist target x"), gone).changed == (
        "firewall.rule[enabled=1,target=x]",
    )


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (
            {"firewall.new.x": to("1")},
            "firewall.new: there is no section 'new', and no setting says its type",
        ),
        ({"firewall.@zone[2].x": to("1")}, r"firewall.@zone\[2\]: the address hits no section \(policy/p\)"),
        ({"firewall.@zone[2]": kind("zone")}, "the address hits no section"),
        ({"firewall.zone[name=dmz].x": to("1")}, r"firewall.zone\[name=dmz\]: the address hits no section"),
        ({"firewall.zone[name=dmz]": kind("zone")}, "the address hits no section"),
        (
            {"firewall.@zone[0].x": to("1"), "firewall.zone[name=lan].x": to("2")},
            "ambiguous: firewall.@zone.* and firewall.zone.* disagree",
        ),
        ({"firewall.mine.x": to("1"), "firewall.rule[enabled=1].x": ABSENT}, "ambiguous: firewall.mine.x"),
        ({"firewall.@rule[0].x": to("1"), "firewall.rule[enabled=1]": ABSENT}, "ambiguous"),
        ({"firewall.rule[enabled=1]": ABSENT, "firewall.rule[enabled=1,x=1].y": to("2")}, "ambiguous"),
        (
            {"firewall.rule[enabled=1]": ABSENT, "firewall.@rule[0].y": Setting(Verb.SET, ("2",), 1)},
            "ambiguous: firewall.rule.* and firewall.@rule",
        ),
        ({"firewall.mine": kind("rule"), "firewall.rule[enabled=1]": ABSENT}, "ambiguous"),
        ({"firewall.zone[name=lan].name": to("home")}, "would no longer hit the same section"),
        (
            {"firewall.zone[name=lan]": ABSENT, "firewall.@zone[1].x": to("1")},
            "would no longer hit the same section",
        ),
    ],
)
def test_addresses_that_do_not_hit_exactly_one_are_errors(settings: dict[str, Setting], reason: str) -> None:
    local = FIREWALL + b"\toption x 1\n" if "firewall.rule[enabled=1,x=1].y" in settings else FIREWALL
    with pytest.raises(ConfigError, match=reason):
        apply(local, settings)


def test_a_match_with_two_hits_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"firewall.zone\[x=1\]: 2 sections match.*\(policy/p\)"):
        apply(
            FIREWALL.replace(b"config zone\n", b"config zone\n\toption x 1\n"),
            {"firewall.zone[x=1].y": to("1")},
        )


def test_a_match_on_a_list_hits_one_of_its_items() -> None:
    assert b"\toption y '1'\n" in apply(FIREWALL, {"firewall.zone[network=wan6].y": to("1")}).content


def test_a_file_that_cannot_be_read_names_its_line() -> None:
    with pytest.raises(ConfigError, match=r"^firewall:2: invalid command$"):
        apply(b"config foo\nbroken\n", {"firewall.new": kind("rule")})


def test_a_file_that_would_be_too_large_is_refused() -> None:
    local = b"#" * (512 * 1024 - 10) + b"\n"
    with pytest.raises(ConfigError, match="firewall: the file would have"):
        apply(local, {"firewall.new": kind("rule")})


@pytest.mark.parametrize(
    "settings",
    [
        {"firewall.zone[name=dmz].input": ABSENT, "firewall.zone[name=lan].name": to("dmz")},
        {"firewall.zone[name=lan]": ABSENT, "firewall.zone[name=wan].name": to("lan")},
        {"firewall.zone[name=lan]": ABSENT, "firewall.@zone[0].x": ABSENT},
    ],
)
def test_an_address_that_would_hit_only_next_time_is_an_error(settings: dict[str, Setting]) -> None:
    with pytest.raises(ConfigError, match="would no longer hit the same section"):
        apply(FIREWALL, settings)


def test_a_section_that_would_be_read_as_one_with_an_anonymous_one_is_an_error() -> None:
    named = generated_name("foo", 2)
    local = f"config foo n\nconfig foo m\nconfig foo\nconfig foo {named}\n\toption c x\n".encode()
    assert apply(local, {"firewall.m.a": to("1")}).changed
    with pytest.raises(ConfigError, match=f"'{named}' would become one with an anonymous section"):
        apply(local, {"firewall.n": ABSENT})


KEYS = st.sampled_from(
    [
        *("firewall.@defaults[0].input", "firewall.zone[name=lan].network", "firewall.mine.enabled"),
        *("firewall.new.a", "firewall.new.b", "firewall.@zone[-1].x", "firewall.zone[network=wan].y"),
    ]
)
TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n"), min_size=1, max_size=5
)
OPTIONS = (
    TEXTS.map(to)
    | st.lists(TEXTS, min_size=1, max_size=3).map(lambda values: Setting(Verb.SET_LIST, tuple(values)))
    | TEXTS.map(lambda value: Setting(Verb.EDIT_LIST, (value,)))
    | st.just(ABSENT)
)


@given(st.dictionaries(KEYS, OPTIONS, max_size=5))
def test_applying_twice_changes_nothing_the_second_time(settings: dict[str, Setting]) -> None:
    said = {**settings, "firewall.new": kind("rule")}
    for local in (FIREWALL, apply(FIREWALL, said).content):
        apply(local, said)


SHIFTING = st.sampled_from(
    [
        *("firewall.zone[name=lan].name", "firewall.zone[name=wan].name", "firewall.@zone[0].name"),
        *("firewall.zone[name=x].y", "firewall.@zone[0].y", "firewall.@zone[1].y", "firewall.@zone[-2].y"),
    ]
)
NAMES = st.sampled_from(["lan", "wan", "x"]).map(to) | st.just(ABSENT)
DELETED = st.sampled_from(["firewall.zone[name=lan]", "firewall.zone[name=wan]", "firewall.zone[name=x]"])


@given(st.dictionaries(SHIFTING, NAMES, max_size=3), st.sets(DELETED, max_size=2))
def test_what_would_not_stay_the_second_time_is_an_error(
    settings: dict[str, Setting], deleted: set[str]
) -> None:
    with suppress(ConfigError):
        apply(FIREWALL, settings | dict.fromkeys(deleted, ABSENT))
