"""Secrets in settings and variables: merged by their bytes, put in at the end (R15)."""

import pytest

from dusk.config.device import options_of
from dusk.config.merge import DEVICE_PRIORITY, Layer, Managed, ManagedOption, merge, without_secrets
from dusk.config.result import resulting
from dusk.config.revealing import revealed, sealed_of
from dusk.config.sealing import Sealed, reference_in
from dusk.config.settings import Setting, Verb, check_setting, decode_setting, encode_setting
from dusk.config.text import import_text
from dusk.config.variables import VariableValue
from dusk.errors import ConfigError

KEY = "wireless.lan.key"
ONE, OTHER = Sealed(b"k" * 16, b"1" * 168), Sealed(b"k" * 16, b"2" * 168)
VARIABLE = Sealed(b"v" * 16, b"3" * 168, "cluster", "var/wpa")


def hidden(sealed: Sealed) -> Setting:
    return Setting(Verb.SEALED, sealed=sealed)


def option(
    *said: tuple[str, int, Setting], key: str = KEY, variables: dict[str, VariableValue] | None = None
) -> ManagedOption:
    managed = whole(*said, key=key, variables=variables)
    return managed["wireless"][0].options[key.rpartition(".")[2]]


def whole(
    *said: tuple[str, int, Setting], key: str = KEY, variables: dict[str, VariableValue] | None = None
) -> Managed:
    layers = [Layer(origin, priority, {key: setting}) for origin, priority, setting in said]
    return merge(layers, variables or {}, {})


def test_a_sealed_setting_is_written_and_read() -> None:
    made = hidden(ONE)._replace(position=7)
    assert decode_setting(encode_setting(made)) == made
    check_setting(KEY, made)


def test_a_secret_knows_the_record_that_it_stands_in() -> None:
    assert option(("policy/a", 1, hidden(ONE))).sealed == ONE._replace(
        section="policy/a", record=f"set/{KEY}"
    )
    own = option(("device/0a", DEVICE_PRIORITY, hidden(ONE)))
    assert own.sealed == ONE._replace(section="device/0a/config", record=f"set/{KEY}")
    assert own.values == ()


def test_a_variable_that_is_sealed_is_the_secret_of_whoever_names_it() -> None:
    named = ("policy/a", 1, Setting(Verb.SET, ("${wpa}",)))
    assert option(named, variables={"wpa": VARIABLE}).sealed == VARIABLE


@pytest.mark.parametrize("name", ["ssid", "Hidden_Name"])
@pytest.mark.parametrize("priority", [1, DEVICE_PRIORITY])
def test_a47_a_secret_variable_stands_in_no_other_option(name: str, priority: int) -> None:
    layers = [Layer("policy/a", priority, {f"wireless.lan.{name}": Setting(Verb.SET, ("${wpa}",))})]
    with pytest.raises(ConfigError, match=f"a secret, but '{name}' is none here"):
        merge(layers, {"wpa": VARIABLE}, {}, {"community"})
    (section,) = merge(layers, {"wpa": VARIABLE}, {}, {name.lower()})["wireless"]
    assert section.options[name].sealed == VARIABLE


def test_an_option_that_the_cluster_takes_for_a_secret_names_no_plain_variable() -> None:
    layers = [Layer("policy/a", 1, {"snmpd.public.Community": Setting(Verb.SET, ("${word}",))})]
    assert merge(layers, {"word": "plain"}, {})["snmpd"][0].options["Community"].values == ("plain",)
    with pytest.raises(ConfigError, match="the variable is none"):
        merge(layers, {"word": "plain"}, {}, {"community"})


@pytest.mark.parametrize(
    ("setting", "variables", "reason"),
    [
        (Setting(Verb.SET, ("${wpa}",)), {"wpa": "plain"}, "the variable is none"),
        (Setting(Verb.SET, ("${wpa}",)), {}, "'wpa' is not defined"),
        (Setting(Verb.SET, ("a${wpa}",)), {"wpa": VARIABLE}, "can only be a whole value"),
        (Setting(Verb.SET_LIST, ("${wpa}",)), {"wpa": VARIABLE}, "can only be a whole value"),
    ],
)
def test_a_secret_is_a_whole_value_and_sealed(
    setting: Setting, variables: dict[str, VariableValue], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        option(("policy/a", 1, setting), variables=variables)
    assert "plain" not in str(caught.value)


def test_equal_priority_agrees_on_identical_bytes_alone() -> None:
    both = [(f"policy/{name}", 1, Setting(Verb.SET, ("${wpa}",))) for name in "ab"]
    assert option(*both, variables={"wpa": VARIABLE}).origin == "policy/a, policy/b"
    with pytest.raises(ConfigError, match="have equal priority and disagree"):
        option(("policy/a", 1, hidden(ONE)), ("policy/b", 1, hidden(ONE)))
    assert option(("policy/a", 1, hidden(ONE)), ("policy/b", 2, hidden(OTHER))).origin == "policy/b"


def test_a_secret_list_is_not_edited() -> None:
    with pytest.raises(ConfigError, match="keeps secret"):
        option(
            ("policy/a", 1, hidden(ONE)),
            ("policy/b", 2, Setting(Verb.EDIT_LIST, ("x",))),
            key="wireless.a.peers",
        )


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("it's", b"\toption key 'it'\\''s'\n"),
        (("a", "b"), b"\tlist key 'a'\n\tlist key 'b'\n"),
        ("", b""),
        ((), b""),
    ],
)
def test_the_values_are_put_in_when_the_file_is_made(value: str | tuple[str, ...], line: bytes) -> None:
    managed = whole(("policy/a", 1, hidden(ONE)))
    plain = revealed(managed, lambda _: value)
    file = resulting(b"config wifi-iface 'lan'\n\toption ssid 'x'\n", "wireless", plain["wireless"])
    assert file.content == b"config wifi-iface 'lan'\n\toption ssid 'x'\n" + line
    assert [key for key, _ in sealed_of(managed)] == [KEY]
    assert not list(sealed_of(plain))


def test_a33_a_secret_that_uci_cannot_hold_makes_no_file_and_is_not_named() -> None:
    with pytest.raises(ConfigError, match="contains NUL") as caught:
        revealed(whole(("policy/a", 1, hidden(ONE))), lambda _: "hush\0")
    assert "hush" not in str(caught.value)


def test_people_are_shown_that_there_is_a_secret() -> None:
    plain = ("policy/a", 1, Setting(Verb.SET, ("x",)))
    managed = merge([Layer("policy/a", 1, {KEY: hidden(ONE), "wireless.lan.ssid": plain[2]})], {}, {})
    assert options_of(managed)[KEY] == ("secret", (), "policy/a")
    assert revealed(managed, lambda _: "y")["wireless"][0].options["ssid"].values == ("x",)


def test_whoever_is_wiped_has_no_secret() -> None:
    found = without_secrets(whole(("policy/a", 1, hidden(ONE))))["wireless"][0].options["key"]
    assert (found.verb, found.sealed) == (Verb.ABSENT, None)
    kept = whole(("policy/a", 1, Setting(Verb.SET, ("x",))), key="wireless.lan.ssid")
    assert without_secrets(kept) == kept


def test_a_reference_is_one_variable_and_no_fact() -> None:
    assert reference_in("${wpa}") == "wpa"
    assert [
        reference_in(v) for v in ("${mac6}", "${fact.x}", "${a}${b}", "${a:-b}", "x", "$${a}", "${mac6x}")
    ] == [
        *[None] * 6,
        "mac6x",
    ]


def test_text_with_an_empty_secret_is_refused_and_one_that_deletes_it_is_not() -> None:
    for text in ("set wireless.lan.key=\n", "set system.s.Door=''\n"):
        with pytest.raises(ConfigError, match="the secret is empty; `delete "):
            import_text(text, is_draft=True, further={"door"})
    assert import_text("delete wireless.lan.key\n", is_draft=True)[0][1].verb is Verb.ABSENT
    assert import_text("set system.s.door=''\n", is_draft=True)[0][1].verb is Verb.ABSENT


def test_text_may_have_secrets_where_they_are_sealed_next() -> None:
    text = "set wireless.lan.key=hush\n"
    with pytest.raises(ConfigError, match="'key' is a secret") as caught:
        import_text(text)
    assert "hush" not in str(caught.value)
    assert import_text(text, is_draft=True) == [(KEY, Setting(Verb.SET, ("hush",)))]
    exported = "package wireless\nconfig wifi-iface 'lan'\n\tlist key 'hush'\n"
    assert import_text(exported, is_draft=True)[1] == (KEY, Setting(Verb.SET_LIST, ("hush",), 1))
