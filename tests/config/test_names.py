"""Keys and addresses."""

import re

import hypothesis.strategies as st
import pytest
from hypothesis import given

from dusk.config.names import (
    Each,
    Every,
    Indexed,
    Key,
    Matched,
    Named,
    has_controls,
    is_made,
    parse_key,
    split_assignment,
)
from dusk.errors import ConfigError

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,7}", fullmatch=True)
TYPES = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,7}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=0, max_size=8)
MATCHES = st.builds(
    lambda kind, pairs: Matched(kind, tuple(sorted(pairs.items()))),
    TYPES,
    st.dictionaries(NAMES, TEXTS, min_size=1, max_size=3),
)
EACHES = st.builds(
    lambda match, name, *, is_all: Each(match.type, () if is_all else match.conditions, name),
    MATCHES,
    st.from_regex(r"[A-Za-z0-9]{1,16}", fullmatch=True).filter(lambda name: name != "mac6"),
    is_all=st.booleans(),
)
SECTIONS = NAMES.map(Named) | st.builds(Indexed, TYPES, st.integers(-99, 99)) | MATCHES | EACHES
KEYS = st.builds(Key, TYPES, SECTIONS, st.none() | NAMES)


@given(KEYS, st.text(max_size=5))
def test_every_key_is_read_back_from_its_text(key: Key, value: str) -> None:
    assert parse_key(str(key)) == key
    assert split_assignment(f"{key}={value}") == (str(key), value)


def test_keys_are_written_as_for_uci() -> None:
    assert parse_key("wireless.radio0.channel") == Key("wireless", Named("radio0"), "channel")
    assert parse_key("wireless.radio0") == Key("wireless", Named("radio0"), None)
    assert parse_key("system.@system[0].hostname") == Key("system", Indexed("system", 0), "hostname")
    assert parse_key("firewall.@rule[-1]") == Key("firewall", Indexed("rule", -1), None)
    expected = Key("firewall", Matched("zone", (("name", "lan"),)), "input")
    assert parse_key("firewall.zone[name=lan].input") == expected


def test_conditions_have_one_order_and_one_quoting() -> None:
    written = 'wireless.wifi-iface[mode="ap",device=radio0].ssid'
    assert str(parse_key(written)) == "wireless.wifi-iface[device=radio0,mode=ap].ssid"
    odd = 'a.b[c="x,]\\"\\\\ y"].d'
    assert parse_key(odd).section == Matched("b", (("c", 'x,]"\\ y'),))
    assert str(parse_key(odd)) == odd


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a key is package.section.option"),
        ("wireless", "a key is package.section.option"),
        ("wireless.", "a key is package.section.option"),
        ("wire less.a.b", "not a package name"),
        ("wireless.a.b.c", "a section is a name"),
        ("wireless.a-b.c", "a section is a name"),
        ("wireless.a.b-c", "a section is a name"),
        ("wireless.a.é", "a section is a name"),
        ("wireless.a.b\n", "a section is a name"),
        ("wireless.@[0].a", "a section is a name"),
        ("wireless.@a[].b", "a section is a name"),
        ("wireless.@a[01].b", "a section is a name"),
        ("wireless.@a[-0].b", "a section is a name"),
        ("wireless.a[].b", "a section is a name"),
        ("wireless.a[b].c", "a section is a name"),
        ("wireless.a[b=c,b=d].e", "b is matched twice"),
        ('wireless.a[b="\x01"].c', "UCI cannot hold"),
        ("wireless.each wifi-device[band=5g].channel", "written 'each TYPE"),
        ("wireless.each wifi-device[band=5g] as a_b.channel", "NAME has 1 to 16 letters and digits"),
        ("wireless.each wifi-device[] as r.channel", "written 'each TYPE"),
        ("wireless.each wifi-device as " + "r" * 17, "written 'each TYPE"),
        ("wireless.each wifi-device as mac6", "${mac6} is a fact of the router"),
        ("wireless.wifi-device as r.channel", "a section is a name"),
        ("firewall.*.name", "named as a whole, without an option"),
        ("firewall.@rule[*].name", "named as a whole, without an option"),
        ("wireless.cfg033579.ssid", "generated name"),
        ("wireless.a." + "b" * 512, "longer than 512 bytes"),
    ],
)
def test_what_is_no_key_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(reason)) as caught:
        parse_key(text)
    assert "\n" not in str(caught.value)


def test_a_key_that_is_no_unicode_text_is_refused() -> None:
    for text in ("\ud800.a.b", "a.b.\udfff", "a.b[c=\ud800].d"):
        with pytest.raises(ConfigError):
            parse_key(text)


def test_an_assignment_without_a_value_or_key_is_refused() -> None:
    with pytest.raises(ConfigError, match="write KEY=VALUE"):
        split_assignment("a.b.c")
    with pytest.raises(ConfigError, match="not a package name"):
        split_assignment("a b.c.d=e")
    assert split_assignment("a.b[c=d].e=f=g\nh") == ("a.b[c=d].e", "f=g\nh")


def test_each_is_written_with_what_it_hits_and_what_a_hit_is_called() -> None:
    written = 'wireless.each wifi-device[type=mac80211,band="5g"] as r.device'
    key = parse_key(written)
    assert key.section == Each("wifi-device", (("band", "5g"), ("type", "mac80211")), "r")
    assert str(key) == "wireless.each wifi-device[band=5g,type=mac80211] as r.device"
    assert str(parse_key("wireless.each wifi-device as r")) == "wireless.each wifi-device as r"
    assert split_assignment(f"{written}=x=y") == (written, "x=y")


def test_all_sections_of_a_package_or_a_type_are_one_address() -> None:
    assert parse_key("firewall.*") == Key("firewall", Every(""), None)
    assert parse_key("firewall.@rule[*]") == Key("firewall", Every("rule"), None)
    for text in ("firewall.*", "firewall.@rule[*]"):
        assert str(parse_key(text)) == text


def test_names_that_each_gives_are_told_from_others() -> None:
    assert Each("wifi-device", (), "guest").prefix == "dusk_guest_"
    assert is_made("dusk_guest_radio0")
    assert not any(map(is_made, ("guest_radio0", "dusk_radio0", "dusk_guest_", "dusk__radio0")))


def test_what_nobody_sees_in_a_value_is_a_control_character() -> None:
    assert all(has_controls(f"a{character}b") for character in "\n\r\t\x00\x1f\x7f")
    assert not any(has_controls(value) for value in ("", "plain text", "Straße ✓"))
