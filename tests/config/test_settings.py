"""Settings as records: encoding, what is allowed, how edits add up."""

import re
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from dusk.codec import pack
from dusk.config.settings import (
    SECRET_OPTIONS,
    Edit,
    Setting,
    Verb,
    check_setting,
    decode_setting,
    edit,
    encode_setting,
    is_secret,
)
from dusk.errors import ConfigError, UntrustedInput

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
POSITIONS = st.integers(0, 2**53 - 1)
LISTS = st.lists(TEXTS, max_size=4, unique=True).map(tuple)


def _edits(items: tuple[str, ...], cut: int, position: int) -> Setting:
    return Setting(Verb.EDIT_LIST, items[:cut], position, items[cut:])


SETTINGS = (
    st.builds(lambda v, p: Setting(Verb.SET, (v,), p), TEXTS.filter(bool), POSITIONS)
    | st.builds(lambda v, p: Setting(Verb.SET_LIST, v, p), LISTS.filter(bool), POSITIONS)
    | st.builds(lambda p: Setting(Verb.ABSENT, (), p), POSITIONS)
    | st.builds(_edits, LISTS.filter(bool), st.integers(0, 4), POSITIONS)
    | st.builds(lambda p: Setting(Verb.TYPE, ("wifi-iface",), p), POSITIONS)
)


@given(SETTINGS)
def test_a_setting_is_read_back_from_its_record(setting: Setting) -> None:
    data = encode_setting(setting)
    assert decode_setting(data) == setting
    assert encode_setting(decode_setting(data)) == data


@pytest.mark.parametrize(
    "value",
    [
        [],
        [1, 0, ["a"]],
        [0, 0, ["a"], []],
        [6, 0, ["a"], []],
        [True, 0, ["a"], []],
        [1, -1, ["a"], []],
        [1, 2**53, ["a"], []],
        [1, 0, [b"a"], []],
        [1, 0, "a", []],
        [1, 0, [], []],
        [1, 0, [""], []],
        [1, 0, ["a", "b"], []],
        [1, 0, ["a"], ["b"]],
        [2, 0, [], []],
        [3, 0, ["a"], []],
        [4, 0, [], []],
        [4, 0, ["a"], ["a"]],
        [4, 0, ["a", "a"], []],
        [5, 0, ["a b"], []],
        [5, 0, ["a", "b", "c"], []],
    ],
)
def test_records_that_are_no_settings_are_refused(value: list[object]) -> None:
    with pytest.raises(UntrustedInput):
        decode_setting(pack(value))


@given(st.binary(max_size=64))
def test_no_bytes_raise_anything_but_untrusted_input(data: bytes) -> None:
    try:
        decode_setting(data)
    except UntrustedInput:
        return


SET = Setting(Verb.SET, ("x",))
TYPE = Setting(Verb.TYPE, ("rule",))
ABSENT = Setting(Verb.ABSENT)


@pytest.mark.parametrize(
    ("key", "setting"),
    [
        ("wireless.radio0.channel", SET),
        ("wireless.radio0.key", ABSENT),
        ("system.@system[0].hostname", SET),
        ("firewall.zone[name=lan].input", SET),
        ("firewall.mine", TYPE),
        ("firewall.mine", ABSENT),
        ("firewall.rule[name=x]", ABSENT),
        ("firewall.@rule[0]", TYPE),
        ("network.lan.dns", Setting(Verb.EDIT_LIST, ("9.9.9.9",), 0, ("1.1.1.1",))),
        ("system.@system[0].notes", Setting(Verb.SET, ("x" * 65_000,))),
    ],
)
def test_settings_that_are_allowed(key: str, setting: Setting) -> None:
    check_setting(key, setting)


@pytest.mark.parametrize(
    ("key", "setting", "reason"),
    [
        ("a.zone[name=b,mode=c].d", SET, r"the address is written a.zone\[mode=c,name=b\].d"),
        ("dusk.main.enabled", SET, "the package 'dusk' is local"),
        ("wireless.default_radio0.key", SET, "'key' is a secret"),
        ("wireless.default_radio0.key", Setting(Verb.EDIT_LIST, ("a",)), "'key' is a secret"),
        ("network.wg0.private_key", SET, "'private_key' is a secret"),
        ("network.lan.proto", TYPE, "a type belongs to a section"),
        ("network.lan", SET, "a section has a type or is deleted"),
        ("firewall.@rule[0]", ABSENT, "deleting by index"),
        ("firewall.@rule[0]", Setting(Verb.TYPE, ("zone",)), "only a section with a name"),
        ("firewall.mine", Setting(Verb.TYPE, ("a b",)), "wrong values for TYPE"),
        ("network.lan.dns", Setting(Verb.SET_LIST), "wrong values for SET_LIST"),
        ("network.lan.dns", Setting(Verb.SET, ("a\0b",)), "contains NUL"),
        ("network.lan.dns", Setting(Verb.EDIT_LIST, (), 0, ("\x1b",)), "character 0x1b"),
        ("network.lan.dns", Setting(Verb.SET, ("\udc80",)), "character 0xdc80"),
        ("network.lan.dns", Setting(Verb.SET, ("x" * 65536,)), "at most 65536"),
        ("network.lan", SET, "name an option"),
        ("nothing", SET, "a key is"),
    ],
)
def test_settings_that_are_refused_say_why(key: str, setting: Setting, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        check_setting(key, setting)


@pytest.mark.parametrize(
    "option",
    ["key", "key1", "KEY", "password", "psk", "auth_secret", "acct_secret", "preshared_key", "my_passphrase"],
)
def test_secrets_are_known_by_name(option: str) -> None:
    assert is_secret(option)


@pytest.mark.parametrize(
    "option", ["ssid", "public_key", "keymgmt", "wpa_disable_eapol_key_retries", "rekey"]
)
def test_what_only_sounds_like_a_secret_is_none(option: str) -> None:
    assert not is_secret(option)


LIST = Setting(Verb.SET_LIST, ("a", "b"))
EDITS = Setting(Verb.EDIT_LIST, ("a",), 0, ("b",))


@pytest.mark.parametrize(
    ("existing", "request_", "value", "expected"),
    [
        (None, Edit.SET, "x", SET),
        (LIST, Edit.SET, "x", SET),
        (None, Edit.SET, ("a", "b"), LIST),
        (SET, Edit.SET, "", ABSENT),
        (SET, Edit.SET, (), ABSENT),
        (SET, Edit.DELETE, "", ABSENT),
        (SET, Edit.UNSET, "", None),
        (None, Edit.UNSET, "", None),
        (None, Edit.ADD_LIST, "a", Setting(Verb.EDIT_LIST, ("a",))),
        (None, Edit.ADD_LIST, ("a", "a", "c"), Setting(Verb.EDIT_LIST, ("a", "c"))),
        (EDITS, Edit.ADD_LIST, "b", Setting(Verb.EDIT_LIST, ("a", "b"))),
        (EDITS, Edit.DEL_LIST, "a", Setting(Verb.EDIT_LIST, (), 0, ("b", "a"))),
        (None, Edit.DEL_LIST, "b", Setting(Verb.EDIT_LIST, (), 0, ("b",))),
        (ABSENT, Edit.ADD_LIST, "a", Setting(Verb.SET_LIST, ("a",))),
        (ABSENT, Edit.DEL_LIST, "a", ABSENT),
        (SET, Edit.ADD_LIST, "y", Setting(Verb.SET_LIST, ("x", "y"))),
        (SET, Edit.DEL_LIST, "x", SET),
        (LIST, Edit.ADD_LIST, "a", Setting(Verb.SET_LIST, ("a", "b", "a"))),
        (LIST, Edit.DEL_LIST, "a", Setting(Verb.SET_LIST, ("b",))),
        (LIST, Edit.DEL_LIST, ("a", "b"), ABSENT),
    ],
)
def test_edits_of_a_key_add_up_as_in_uci(
    existing: Setting | None, request_: Edit, value: str | tuple[str, ...], expected: Setting | None
) -> None:
    assert edit(existing, request_, value) == expected


def test_an_edit_keeps_its_place_and_a_new_one_gets_it() -> None:
    assert edit(SET._replace(position=7), Edit.DELETE, position=9) == ABSENT._replace(position=7)
    assert edit(None, Edit.SET, "x", position=9) == SET._replace(position=9)
    assert edit(None, Edit.SET, "rule", is_section=True, position=2) == TYPE._replace(position=2)


def test_the_specification_lists_every_secret_option() -> None:
    page = (Path(__file__).parents[2] / "specs/settings.md").read_text()
    listed = re.search(r"\*\*Secret list\*\*(.*?)names that end in", page, re.DOTALL)
    assert listed is not None
    assert set(re.findall(r"`([^`]+)`", listed[1])) == SECRET_OPTIONS


def test_exclusive_is_of_all_sections_and_of_nothing_else() -> None:
    exclusive = Setting(Verb.EXCLUSIVE)
    for key in ("a.*", "a.@b[*]"):
        check_setting(key, exclusive)
        assert decode_setting(encode_setting(exclusive)) == exclusive
        assert edit(None, Edit.EXCLUSIVE, position=3, is_section=True) == exclusive._replace(position=3)
        for other in (Setting(Verb.ABSENT), Setting(Verb.TYPE, ("b",))):
            with pytest.raises(ConfigError, match="is exclusive, and nothing else is"):
                check_setting(key, other)
    for key in ("a.b", "a.@b[0]", "a.each b as r"):
        with pytest.raises(ConfigError, match="is exclusive, and nothing else is"):
            check_setting(key, exclusive)
    with pytest.raises(ConfigError, match="a type belongs to a section"):
        check_setting("a.b.c", exclusive)


@pytest.mark.parametrize(
    ("key", "place", "reason"),
    [
        ("a.b", "c[d=1]", ""),
        ("a.each t as r", "c", ""),
        ("a.b", 'c[d="1"]', r"is written c\[d=1\]"),
        ("a.b", "b", "before itself"),
        ("a.b", "@c[0]", "by its name or by a match"),
        ("a.@t[0]", "c", "only a section with a name"),
        ("a.t[x=1]", "c", "only a section with a name"),
    ],
)
def test_a_section_stands_before_another_by_its_name_or_a_match(key: str, place: str, reason: str) -> None:
    setting = Setting(Verb.TYPE, ("t", place))
    if reason:
        with pytest.raises(ConfigError, match=reason):
            check_setting(key, setting)
    else:
        check_setting(key, setting)
        assert decode_setting(encode_setting(setting)) == setting
