"""What a router had before Dusk managed it comes back, and nothing else changes by that."""

from collections.abc import Mapping

import hypothesis.strategies as st
import pytest
from hypothesis import given

from dusk.config.local import Memory, decode_memory, encode_memory, noted, put_back
from dusk.config.merge import Layer, Managed, merge
from dusk.config.parts import Removed
from dusk.config.result import resulting
from dusk.config.settings import LOCAL, Edit, Setting, Verb, check_setting, edit
from dusk.config.uci import parse
from dusk.errors import ConfigError
from dusk.ids import DeviceId
from dusk.limits import MEMORY_BYTES_MAX

DEVICE = DeviceId(b"d" * 16)
NOTHING = Memory({}, {})
ABSENT = Setting(Verb.ABSENT)
OWN = b"""\
config wifi-device 'radio0'
	option channel '36'
	list note 'a'
	list note 'b'
	option key 'it''s'

config wifi-iface 'home'
	option device 'radio0'

config rule
	option name 'one'
	list proto 'tcp'

config rule 'two'
	option name 'two'
"""
ALL = {
    "p.radio0.channel": Setting(Verb.SET, ("11",)),
    "p.radio0.country": Setting(Verb.SET, ("DE",)),
    "p.radio0.note": Setting(Verb.EDIT_LIST, ("c",), 0, ("a",)),
    "p.radio0.key": ABSENT,
    "p.home": Setting(Verb.TYPE, ("wifi-station",)),
    "p.guest": Setting(Verb.TYPE, ("wifi-iface",)),
    "p.guest.ssid": Setting(Verb.SET, ("Guest",)),
    "p.@rule[*]": Setting(Verb.EXCLUSIVE),
    "p.each wifi-device as r": Setting(Verb.TYPE, ("wifi-iface",)),
    "p.each wifi-device as r.device": Setting(Verb.SET, ("${r}",)),
}


def managed(settings: Mapping[str, Setting]) -> Managed:
    return merge([Layer("policy/p", 100, settings)], {}, {})


def applied(
    content: bytes | None, settings: Mapping[str, Setting], memory: Memory = NOTHING
) -> tuple[bytes, Memory]:
    """Apply settings as a device does, and remember; through the bytes that are kept."""
    result = resulting(content, "p", managed(settings).get("p", ()))
    kept = encode_memory(DEVICE, noted(memory, result.former))
    assert kept is not None
    return result.content, decode_memory(kept, DEVICE)


def back(
    content: bytes | None, memory: Memory, keys: Mapping[str, Setting], still: Mapping[str, Setting]
) -> tuple[bytes | None, Memory]:
    files, left = put_back({"p": content}, memory, keys, managed(still))
    return files["p"], left


def meaning(content: bytes | None) -> list[tuple[str, str | None, dict[str, object]]]:
    return [(one.type, one.name, dict(one.options)) for one in parse(content or b"", "p").sections]


def test_all_that_was_managed_comes_back_as_it_was_and_is_forgotten() -> None:
    content, memory = applied(OWN, ALL)
    assert meaning(content) != meaning(OWN)
    returned, left = back(content, memory, ALL, {})
    assert sorted(meaning(returned), key=str) == sorted(meaning(OWN), key=str)
    assert left == NOTHING
    assert back(returned, left, ALL, {}) == (returned, NOTHING)


def test_what_came_first_holds_whatever_is_managed_later() -> None:
    content, memory = applied(OWN, {"p.radio0.channel": Setting(Verb.SET, ("11",))})
    content, memory = applied(content, {"p.radio0.channel": Setting(Verb.SET, ("1",))}, memory)
    assert memory.values == {"p.radio0.channel": "36"}
    assert back(content, memory, {"p.radio0.channel": LOCAL}, {})[0] == OWN


def test_only_what_is_asked_for_comes_back() -> None:
    content, memory = applied(OWN, ALL)
    returned, left = back(content, memory, {"p.radio0.channel": LOCAL}, {})
    assert parse(returned or b"", "p").sections[0].get("channel") == "36"
    assert parse(returned or b"", "p").sections[0].get("country") == "DE"
    assert set(memory.values) - set(left.values) == {"p.radio0.channel"}
    assert left.removed == memory.removed


def test_sections_that_go_one_after_the_other_all_come_back() -> None:
    content, memory = applied(OWN, {"p.two": ABSENT, "p.rule[name=one]": ABSENT})
    content, memory = applied(content + b"\nconfig rule 'two'\n", {"p.two": ABSENT}, memory)
    assert [one.name for one in memory.removed["p.two"]] == ["two", "two"]
    returned, _ = back(content, memory, {"p.two": LOCAL, "p.rule[name=one]": LOCAL}, {})
    assert [(kind, name) for kind, name, _ in meaning(returned)][2:] == [("rule", None), ("rule", "two")]


def test_a_section_that_dusk_made_is_not_remembered_when_it_goes_nor_is_what_was_in_it() -> None:
    made = {"p.guest": Setting(Verb.TYPE, ("wifi-iface",))}
    content, memory = applied(OWN, made)
    content, memory = applied(content, {**made, "p.guest.ssid": Setting(Verb.SET, ("Guest",))}, memory)
    assert memory == Memory({"p.guest": None}, {})
    content, memory = applied(content, {"p.guest": ABSENT}, memory)
    assert memory == Memory({"p.guest": None}, {})
    assert back(content, memory, made, {}) == (content, NOTHING)


@pytest.mark.parametrize(
    "other",
    [
        {"p.guest.ssid": Setting(Verb.SET, ("Other",))},
        {"p.guest": Setting(Verb.TYPE, ("wifi-iface",))},
    ],
)
def test_a_section_stays_while_anybody_manages_anything_in_it(other: dict[str, Setting]) -> None:
    content, memory = applied(OWN, {"p.guest": Setting(Verb.TYPE, ("wifi-iface",))})
    assert back(content, memory, {"p.guest": LOCAL}, other) == (content, memory)


def test_what_each_address_made_stays_while_that_is_managed_and_goes_then() -> None:
    each = {key: setting for key, setting in ALL.items() if "each" in key}
    content, memory = applied(OWN, each)
    assert memory.values == {"p.dusk_r_radio0": None}
    other = {"p.each wifi-device as r.ssid": Setting(Verb.SET, ("x",))}
    assert back(content, memory, each, other) == (content, memory)
    assert back(content, memory, {"p.each wifi-device as s": LOCAL}, {}) == (content, memory)
    returned, left = back(content, memory, each, {})
    assert (meaning(returned), left) == (meaning(OWN), NOTHING)


def test_what_has_nowhere_to_go_is_forgotten() -> None:
    _, memory = applied(OWN, {"p.radio0.channel": Setting(Verb.SET, ("11",))})
    assert back(b"", memory, {"p.radio0.channel": LOCAL}, {}) == (b"", NOTHING)


def test_a_file_that_was_not_read_is_left_and_what_is_remembered_of_it_stays() -> None:
    _, memory = applied(OWN, {"p.radio0.channel": Setting(Verb.SET, ("11",))})
    assert put_back({}, memory, {"p.radio0.channel"}, {}) == ({}, memory)


def test_a_file_that_makes_no_sense_is_told() -> None:
    _, memory = applied(OWN, {"p.radio0.channel": Setting(Verb.SET, ("11",))})
    with pytest.raises(ConfigError, match="p:1"):
        back(b"junk", memory, {"p.radio0.channel": LOCAL}, {})


def test_the_memory_of_a_device_that_this_one_was_before_is_none_nor_is_a_damaged_one() -> None:
    _, memory = applied(OWN, ALL)
    kept = encode_memory(DEVICE, memory)
    assert kept is not None
    assert decode_memory(kept, DeviceId(b"e" * 16)) == NOTHING
    assert decode_memory(None, DEVICE) == decode_memory(b"", DEVICE) == NOTHING
    assert decode_memory(b"junk", DEVICE) == NOTHING
    assert decode_memory(kept + b"\nconfig was\n\toption key 'p'\n", DEVICE) == NOTHING
    assert decode_memory(kept + b"\nconfig was\n\toption key 'p.*'\n", DEVICE) == memory


def test_a_memory_that_would_be_too_large_is_not_kept() -> None:
    assert encode_memory(DEVICE, Memory({"p.a.b": "x" * MEMORY_BYTES_MAX}, {})) is None


_TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from("'\n\t\udcff"), min_size=1)
_VALUES = st.none() | _TEXTS | st.lists(_TEXTS, min_size=1, max_size=3).map(tuple)
_REMOVED = st.builds(
    Removed,
    st.just("rule"),
    st.sampled_from(["", "name"]),
    st.dictionaries(st.sampled_from(["key", "type", "x"]), _VALUES.filter(bool), max_size=3).map(
        lambda options: tuple(options.items())
    ),
)


@given(
    st.dictionaries(st.sampled_from(["p.a.b", "p.a", "q.rule[name=it's].x"]), _VALUES, max_size=3),
    st.dictionaries(
        st.sampled_from(["p.*", "p.a"]), st.lists(_REMOVED, min_size=1, max_size=2).map(tuple), max_size=2
    ),
)
def test_what_is_kept_is_read_back(
    values: dict[str, str | tuple[str, ...] | None], removed: dict[str, tuple[Removed, ...]]
) -> None:
    memory = Memory(values, removed)
    kept = encode_memory(DEVICE, memory)
    assert kept is not None
    assert decode_memory(kept, DEVICE) == memory


# --- the verb -----------------------------------------------------------------------------------------


def test_local_yields_to_all_others_whatever_their_priority() -> None:
    low, high = Layer("policy/low", 1, {"p.a.b": Setting(Verb.SET, ("x",))}), Layer("policy/high", 900, {})
    both = merge([low, Layer("policy/high", 900, {"p.a.b": LOCAL})], {}, {})
    assert both == merge([low, high], {}, {})
    assert merge([Layer("policy/high", 900, {"p.a.b": LOCAL})], {}, {}) == {}


@pytest.mark.parametrize(
    "key", ["p.a.b", "p.a", "p.a.password", "p.@rule[*]", "p.@rule[0]", "p.rule[name=x]"]
)
def test_whatever_was_managed_can_be_given_back(key: str) -> None:
    check_setting(key, LOCAL)


def test_giving_back_keeps_the_place_and_is_nothing_to_build_on() -> None:
    held = Setting(Verb.SET, ("x",), 7)
    assert edit(held, Edit.LOCAL) == LOCAL._replace(position=7)
    assert edit(LOCAL._replace(position=7), Edit.ADD_LIST, "a") == Setting(Verb.EDIT_LIST, ("a",), 7)
    assert edit(LOCAL, Edit.UNSET) is None
