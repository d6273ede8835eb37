"""``each`` addresses in a file: one section for every hit, named after it."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from dusk.config.merge import Layer, merge
from dusk.config.result import Result, resulting
from dusk.config.revealing import revealed
from dusk.config.sealing import Sealed
from dusk.config.settings import Setting, Verb, check_setting
from dusk.config.uci import parse
from dusk.config.variables import VariableValue
from dusk.errors import ConfigError
from dusk.limits import EACH_HITS_MAX

ABSENT = Setting(Verb.ABSENT)
EACH = "wireless.each wifi-device[band=5g] as r"
RADIOS = b"""\
config wifi-device 'radio0'
	option band '5g'

config wifi-device 'radio1'
	option band '2g'

config wifi-device 'radio2'
	option band '5g'

config wifi-iface 'mine'
	option device 'radio0'
"""
GUEST = {
    EACH: Setting(Verb.TYPE, ("wifi-iface",), 0),
    f"{EACH}.device": Setting(Verb.SET, ("${r}",), 1),
    f"{EACH}.ssid": Setting(Verb.SET, ("Guest",), 2),
}
MADE = b"""
config wifi-iface 'dusk_r_%s'
	option device '%s'
	option ssid 'Guest'
"""


def made(*radios: bytes) -> bytes:
    return b"".join(MADE % (radio, radio) for radio in radios)


def to(value: str, position: int = 9) -> Setting:
    return Setting(Verb.SET, (value,), position)


def kind(name: str, position: int = 9) -> Setting:
    return Setting(Verb.TYPE, (name,), position)


def apply(
    content: bytes,
    settings: dict[str, Setting],
    variables: dict[str, VariableValue] | None = None,
    above: dict[str, Setting] | None = None,
) -> Result:
    for key, setting in settings.items():
        check_setting(key, setting)
    layers = [Layer("policy/guest", 100, settings), Layer("policy/above", 200, above or {})]
    managed = merge(layers, variables or {}, {}).get("wireless", ())
    result = resulting(content, "wireless", managed)
    assert resulting(result.content, "wireless", managed) == Result(result.content, ())
    return result


def test_each_makes_one_section_for_every_hit_named_after_it() -> None:
    result = apply(RADIOS, GUEST)
    assert result.content == RADIOS + made(b"radio0", b"radio2")
    assert result.changed == (EACH, f"{EACH}.device", f"{EACH}.ssid")


def test_each_without_conditions_hits_all_sections_of_the_type() -> None:
    settings = {key.replace("[band=5g]", ""): setting for key, setting in GUEST.items()}
    assert apply(RADIOS, settings).content == RADIOS + made(b"radio0", b"radio1", b"radio2")


def test_each_that_hits_nothing_makes_nothing() -> None:
    settings = {key.replace("5g", "6g"): setting for key, setting in GUEST.items()}
    assert apply(RADIOS, settings) == Result(RADIOS, ())


def test_what_was_made_goes_with_its_hit_and_what_else_stands_there_stays() -> None:
    local = apply(RADIOS, GUEST).content
    moved = local.replace(b"'2g'", b"'5g'").replace(
        b"'radio0'\n\toption band '5g'", b"'radio0'\n\toption band '2g'"
    )
    result = apply(moved, GUEST)
    names = [section.name for section in parse(result.content, "wireless").sections]
    assert names == ["radio0", "radio1", "radio2", "mine", "dusk_r_radio2", "dusk_r_radio1"]
    assert result.changed == (EACH, f"{EACH}.device", f"{EACH}.ssid")


def test_what_was_made_stays_when_nobody_manages_it_any_more() -> None:
    local = apply(RADIOS, GUEST).content.replace(b"'5g'", b"'2g'")
    assert local.endswith(made(b"radio0", b"radio2").replace(b"'5g'", b"'2g'"))
    assert apply(local, {"wireless.mine.device": to("radio0")}) == Result(local, ())
    only_options = {f"{EACH}.device": GUEST[f"{EACH}.device"]}
    assert apply(local, only_options) == Result(local, ())


def test_two_addresses_of_one_name_share_what_they_made() -> None:
    other = EACH.replace("5g", "2g")
    both = {**GUEST, other: kind("wifi-iface"), f"{other}.ssid": to("Slow")}
    result = apply(RADIOS, both)
    found = {
        s.name: s.get("ssid") for s in parse(result.content, "wireless").sections if s.type == "wifi-iface"
    }
    assert found == {
        "mine": None,
        "dusk_r_radio0": "Guest",
        "dusk_r_radio2": "Guest",
        "dusk_r_radio1": "Slow",
    }


def test_another_name_makes_other_sections() -> None:
    again = {key.replace("as r", "as r2"): setting for key, setting in GUEST.items()}
    again = {key: Setting(s.verb, ("${r2}",)) if s.values == ("${r}",) else s for key, s in again.items()}
    names = [s.name for s in parse(apply(RADIOS, {**GUEST, **again}).content, "wireless").sections[4:]]
    assert sorted(map(str, names)) == ["dusk_r2_radio0", "dusk_r2_radio2", "dusk_r_radio0", "dusk_r_radio2"]


def test_sections_that_each_made_are_no_hits() -> None:
    nested = "wireless.each wifi-iface as i"
    result = apply(RADIOS, {**GUEST, nested: kind("wifi-vlan"), f"{nested}.iface": to("${i}")})
    names = [section.name for section in parse(result.content, "wireless").sections]
    assert names == ["radio0", "radio1", "radio2", "mine", "dusk_r_radio0", "dusk_r_radio2", "dusk_i_mine"]


def test_what_each_made_is_changed_further_by_its_name_and_by_matches() -> None:
    further = {
        "wireless.dusk_r_radio2.disabled": to("1"),
        "wireless.wifi-iface[device=radio0,ssid=Guest].hidden": to("1"),
    }
    sections = parse(apply(RADIOS, GUEST, above=further).content, "wireless").sections
    assert [section.get("hidden") for section in sections[4:]] == ["1", None]
    assert [section.get("disabled") for section in sections[4:]] == [None, "1"]


def test_a_name_that_nobody_makes_is_an_error_also_beside_each() -> None:
    with pytest.raises(
        ConfigError, match="there is no section 'dusk_r_radio1', and no setting says its type"
    ):
        apply(RADIOS, {**GUEST, "wireless.dusk_r_radio1.disabled": to("1")})
    assert apply(RADIOS, {**GUEST, "wireless.dusk_r_radio1.disabled": ABSENT}).content.startswith(RADIOS)


def test_what_a_setting_names_is_not_removed_with_a_hit() -> None:
    local = apply(RADIOS, GUEST).content
    gone = local.replace(b"'radio2'\n\toption band '5g'", b"'radio2'\n\toption band '2g'")
    result = apply(gone, GUEST, above={"wireless.dusk_r_radio2.disabled": to("1")})
    assert result.changed == ("wireless.dusk_r_radio2.disabled",)


@pytest.mark.parametrize(
    "other",
    [
        {"wireless.dusk_r_radio0.ssid": to("Other")},
        {"wireless.dusk_r_radio0": kind("wifi-vlan")},
        {"wireless.dusk_r_radio0": ABSENT},
        {"wireless.each wifi-device[band=5g,type=x] as r.ssid": ABSENT},
        {"wireless.each wifi-device[band=5g,type=x] as r": ABSENT},
        {"wireless.each wifi-device[type=x] as r.device": to("radio7")},
    ],
)
def test_addresses_of_one_section_that_disagree_are_ambiguous_and_nothing_is_made(
    other: dict[str, Setting],
) -> None:
    local = RADIOS.replace(b"'5g'", b"'5g'\n\toption type 'x'")
    with pytest.raises(ConfigError, match=r"ambiguous: wireless.* disagree"):
        apply(local, GUEST, above=other)


def test_addresses_of_one_section_that_agree_are_fine() -> None:
    other = {
        "wireless.each wifi-device[type=x] as r.device": to("${r}"),
        "wireless.dusk_r_radio0.ssid": to("Guest"),
    }
    local = RADIOS.replace(b"'5g'", b"'5g'\n\toption type 'x'")
    assert apply(local, GUEST, above=other).content == local + made(b"radio0", b"radio2")


def test_what_each_made_is_deleted_where_it_is_to_be_absent() -> None:
    local = apply(RADIOS, GUEST).content
    result = apply(local, {EACH: ABSENT})
    assert [s.name for s in parse(result.content, "wireless").sections] == [
        "radio0",
        "radio1",
        "radio2",
        "mine",
    ]
    assert result.changed == (EACH,)
    assert apply(RADIOS, {EACH: ABSENT}) == Result(RADIOS, ())


def test_hits_follow_what_is_set_by_name_in_the_same_change() -> None:
    result = apply(RADIOS, {**GUEST, "wireless.radio1.band": to("5g")})
    assert b"dusk_r_radio1" in result.content


@pytest.mark.parametrize(
    "other",
    [
        {
            "wireless.wifi-device[band=2g].band": ABSENT,
            "wireless.each wifi-device[band=2g] as s": kind("wifi-iface"),
        },
        {"wireless.@wifi-device[0].band": to("2g")},
        {"wireless.wifi-device[band=2g].band": ABSENT, "wireless.@wifi-device[1].band": to("5g")},
    ],
)
def test_hits_that_would_be_others_next_time_are_an_error(other: dict[str, Setting]) -> None:
    with pytest.raises(ConfigError, match=r"would no longer hit the same section|ambiguous"):
        apply(RADIOS, GUEST, above=other)


def test_a_hit_without_a_name_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"a section that it hits has no name to give on \(policy/guest\)"):
        apply(RADIOS + b"config wifi-device\n\toption band '5g'\n", GUEST)


def test_too_many_hits_are_an_error() -> None:
    local = b"".join(b"config wifi-device r%d\n\toption band 5g\n" % n for n in range(EACH_HITS_MAX + 1))
    with pytest.raises(ConfigError, match="257 sections, at most 256"):
        apply(local, GUEST)


def test_new_sections_stand_in_the_order_of_the_managed_config() -> None:
    settings = {
        "wireless.first": kind("wifi-iface", 0),
        EACH: kind("wifi-iface", 1),
        "wireless.each wifi-device[band=2g] as s": kind("wifi-iface", 2),
        "wireless.last": kind("wifi-iface", 3),
    }
    names = [s.name for s in parse(apply(RADIOS, settings).content, "wireless").sections[4:]]
    assert names == ["first", "dusk_r_radio0", "dusk_r_radio2", "dusk_s_radio1", "last"]


def test_list_edits_of_each_name_the_hit() -> None:
    settings = {
        **GUEST,
        f"{EACH}.network": Setting(Verb.EDIT_LIST, ("net_${r}", "all", "net_radio0"), 5, ("old_${r}",)),
    }
    local = apply(RADIOS, GUEST).content + b"\tlist network 'old_radio2'\n\tlist network 'kept'\n"
    sections = parse(apply(local, settings).content, "wireless").sections
    assert sections[4].get("network") == ("net_radio0", "all")
    assert sections[5].get("network") == ("kept", "net_radio2", "all", "net_radio0")


def test_a_list_edit_that_adds_and_removes_one_text_at_a_hit_is_an_error() -> None:
    settings = {**GUEST, f"{EACH}.network": Setting(Verb.EDIT_LIST, ("${r}",), 5, ("radio2",))}
    with pytest.raises(ConfigError, match="policy/guest adds and removes 'radio2'"):
        apply(RADIOS, settings)


def test_variables_are_put_in_before_and_only_the_hit_is_local() -> None:
    settings = {**GUEST, f"{EACH}.ssid": to("${place} ${r} $${r} ${odd}")}
    result = apply(RADIOS, settings, {"place": "Attic", "r": "hidden", "odd": "${r}"})
    assert parse(result.content, "wireless").sections[4].get("ssid") == "Attic radio0 ${r} ${r}"


def test_r15_a_secret_of_each_is_data_whatever_it_has_inside() -> None:
    sealed = Setting(Verb.SEALED, sealed=Sealed(b"k" * 16, b"s" * 48))
    managed = merge([Layer("policy/guest", 100, {**GUEST, f"{EACH}.key": sealed})], {}, {})
    plain = revealed(managed, lambda _: "pass${r}word")["wireless"]
    sections = parse(resulting(RADIOS, "wireless", plain).content, "wireless").sections
    assert [section.get("key") for section in sections[4:]] == ["pass${r}word"] * 2


BANDS = st.lists(st.sampled_from(["2g", "5g", "6g"]), max_size=4)


def radios(bands: list[str]) -> bytes:
    return b"".join(
        f"config wifi-device 'radio{number}'\n\toption band '{band}'\n\n".encode()
        for number, band in enumerate(bands)
    )


@given(BANDS, BANDS, st.sampled_from(["", "[band=5g]", "[band=2g]"]))
def test_whatever_hits_come_and_go_there_is_one_section_a_hit_and_the_rest_keeps_its_bytes(
    before: list[str], after: list[str], condition: str
) -> None:
    settings = {key.replace("[band=5g]", condition): setting for key, setting in GUEST.items()}
    wanted = "[band={}]".format if condition else lambda _: ""
    first = apply(radios(before), settings).content
    assert first.startswith(radios(before).rstrip(b"\n"))
    generated = first[len(radios(before)) :] if before else first
    then = apply(radios(after) + generated, settings).content
    assert then.startswith(radios(after).rstrip(b"\n"))
    names = {section.name for section in parse(then, "wireless").sections if section.type == "wifi-iface"}
    assert names == {f"dusk_r_radio{n}" for n, band in enumerate(after) if wanted(band) == condition}
