"""Layers become one managed config."""

import itertools
import time

import hypothesis.strategies as st
import pytest
from hypothesis import given

from dusk.config.merge import DEVICE_PRIORITY, Layer, ManagedOption, merge
from dusk.config.names import Named
from dusk.config.settings import Setting, Verb
from dusk.errors import ConfigError

ABSENT = Setting(Verb.ABSENT)


def to(value: str) -> Setting:
    return Setting(Verb.SET, (value,))


def items(*values: str) -> Setting:
    return Setting(Verb.SET_LIST, values)


def add(*values: str, remove: tuple[str, ...] = ()) -> Setting:
    return Setting(Verb.EDIT_LIST, values, 0, remove)


def kind(name: str) -> Setting:
    return Setting(Verb.TYPE, (name,))


KEY = "network.lan.x"


def merged(*said: tuple[int, Setting]) -> ManagedOption:
    layers = [Layer(f"policy/{index}", priority, {KEY: one}) for index, (priority, one) in enumerate(said)]
    results = [merge(order, {}, {})["network"][0].options["x"] for order in itertools.permutations(layers)]
    assert all(one == results[0] for one in results)
    return results[0]


@pytest.mark.parametrize(
    ("said", "verb", "values", "removed", "origin"),
    [
        ([(1, to("a"))], Verb.SET, ("a",), (), "policy/0"),
        ([(1, to("a")), (2, to("b"))], Verb.SET, ("b",), (), "policy/1"),
        ([(3, to("a")), (2, to("b"))], Verb.SET, ("a",), (), "policy/0"),
        ([(1, to("a")), (1, to("a"))], Verb.SET, ("a",), (), "policy/0, policy/1"),
        ([(1, to("a")), (2, ABSENT)], Verb.ABSENT, (), (), "policy/1"),
        ([(1, ABSENT), (2, items("a"))], Verb.SET_LIST, ("a",), (), "policy/1"),
        ([(1, add("a")), (1, add("b"))], Verb.EDIT_LIST, ("a", "b"), (), "policy/0, policy/1"),
        ([(1, add("a")), (2, add("b", remove=("a",)))], Verb.EDIT_LIST, ("b",), ("a",), "policy/0, policy/1"),
        ([(1, add("a", remove=("b",))), (2, add("b"))], Verb.EDIT_LIST, ("a", "b"), (), "policy/0, policy/1"),
        (
            [(1, items("a", "b")), (2, add("c", remove=("a",)))],
            Verb.SET_LIST,
            ("b", "c"),
            (),
            "policy/0, policy/1",
        ),
        ([(1, items("a", "b")), (2, add("b"))], Verb.SET_LIST, ("a", "b"), (), "policy/0"),
        ([(1, items("a")), (2, add(remove=("a",)))], Verb.ABSENT, (), (), "policy/0, policy/1"),
        ([(1, ABSENT), (2, add("a"))], Verb.SET_LIST, ("a",), (), "policy/0, policy/1"),
        ([(1, ABSENT), (2, add(remove=("a",)))], Verb.ABSENT, (), (), "policy/0"),
        ([(1, to("a")), (2, add("b"))], Verb.SET_LIST, ("a", "b"), (), "policy/0, policy/1"),
        ([(1, to("a")), (2, add("a"))], Verb.SET, ("a",), (), "policy/0"),
        ([(1, to("a")), (2, add(remove=("a",)))], Verb.SET, ("a",), (), "policy/0"),
        ([(1, add("a")), (2, items("b"))], Verb.SET_LIST, ("b",), (), "policy/1"),
        ([(1, items("a", "b")), (1, add("b", remove=("c",)))], Verb.SET_LIST, ("a", "b"), (), "policy/0"),
        ([(1, ABSENT), (1, add(remove=("c",)))], Verb.ABSENT, (), (), "policy/0"),
    ],
)
def test_higher_priority_wins_and_list_edits_add_up(
    said: list[tuple[int, Setting]],
    verb: Verb,
    values: tuple[str, ...],
    removed: tuple[str, ...],
    origin: str,
) -> None:
    assert merged(*said) == ManagedOption(verb, values, removed, origin, KEY)


@pytest.mark.parametrize(
    "said",
    [
        [to("a"), to("b")],
        [to("a"), items("a")],
        [to("a"), ABSENT],
        [items("a", "b"), items("b", "a")],
        [add("a"), add(remove=("a",))],
        [add(remove=("a",)), add("a")],
        [items("a"), add("b")],
        [items("a"), add(remove=("a",))],
        [ABSENT, add("a")],
        [to("a"), add("a")],
        [to("a"), to("a"), to("b")],
    ],
)
def test_layers_of_equal_priority_that_disagree_are_both_named(said: list[Setting]) -> None:
    with pytest.raises(ConfigError, match=r"network.lan.x: policy/. and policy/. have equal priority"):
        merged(*((100, one) for one in said))


def test_disagreement_counts_even_below_a_higher_layer() -> None:
    with pytest.raises(ConfigError, match="policy/0 and policy/1"):
        merged((1, to("a")), (1, to("b")), (2, to("c")))


def test_the_devices_own_config_is_above_all() -> None:
    assert merged((999, to("a")), (DEVICE_PRIORITY, to("b"))).values == ("b",)


def test_variables_are_put_in_before_layers_are_compared() -> None:
    layers = [Layer("policy/a", 1, {KEY: to("${v}")}), Layer("policy/b", 1, {KEY: to("x")})]
    assert merge(layers, {"v": "x"}, {})["network"][0].options["x"].values == ("x",)
    with pytest.raises(ConfigError, match="disagree"):
        merge(layers, {"v": "y"}, {})


@pytest.mark.parametrize(
    ("setting", "verb", "values"),
    [
        (to("${empty}"), Verb.ABSENT, ()),
        (items("${none}"), Verb.ABSENT, ()),
        (items("${empty}"), Verb.SET_LIST, ("",)),
        (items("${two}", "c"), Verb.SET_LIST, ("a", "b", "c")),
        (add("${two}", "a"), Verb.EDIT_LIST, ("a", "b")),
    ],
)
def test_what_variables_leave_empty_is_absent(setting: Setting, verb: Verb, values: tuple[str, ...]) -> None:
    layer = Layer("policy/a", 1, {KEY: setting})
    option = merge([layer], {"empty": "", "none": (), "two": ("a", "b")}, {})["network"][0].options["x"]
    assert (option.verb, option.values) == (verb, values)


def test_a_list_edit_that_adds_and_removes_the_same_is_refused() -> None:
    layer = Layer("policy/a", 1, {KEY: add("${v}", remove=("x",))})
    with pytest.raises(ConfigError, match=r"network.lan.x: policy/a adds and removes 'x'"):
        merge([layer], {"v": "x"}, {})


def test_sections_come_by_priority_then_position() -> None:
    high = Layer("policy/high", 200, {"firewall.z": kind("rule"), "network.a": kind("interface")})
    low = Layer(
        "policy/low",
        100,
        {"firewall.b": Setting(Verb.TYPE, ("rule",), 2), "firewall.c": Setting(Verb.TYPE, ("rule",), 1)},
    )
    managed = merge([high, low], {}, {})
    assert list(managed) == ["firewall", "network"]
    assert [section.address for section in managed["firewall"]] == [Named("c"), Named("b"), Named("z")]


def test_a_deleted_section_drops_what_lower_layers_set_in_it() -> None:
    low = Layer("policy/low", 1, {"a.s": kind("t"), "a.s.x": to("1")})
    high = Layer("policy/high", 2, {"a.s": ABSENT, "a.s.y": ABSENT})
    (section,) = merge([low, high], {}, {})["a"]
    assert section.existence == ManagedOption(Verb.ABSENT, (), (), "policy/high", "a.s")
    assert section.options == {}


@pytest.mark.parametrize("priority", [1, 2])
def test_setting_an_option_in_a_section_deleted_at_or_below_is_an_error(priority: int) -> None:
    layers = [Layer("policy/a", 1, {"a.s": ABSENT}), Layer("policy/b", priority, {"a.s.x": to("1")})]
    with pytest.raises(ConfigError, match=r"a.s.x: set by policy/b, but policy/a deletes the section"):
        merge(layers, {}, {})


def test_an_undefined_variable_names_variable_and_setting() -> None:
    with pytest.raises(ConfigError, match=r"network.lan.x: the variable 'v' is not defined"):
        merge([Layer("policy/a", 1, {KEY: to("${v}")})], {}, {})


SETTINGS = st.sampled_from(
    [to("a"), to("b"), items("a"), items("a", "b"), ABSENT, add("a"), add("b", remove=("a",))]
)


@given(st.lists(st.tuples(st.integers(1, 3), SETTINGS), min_size=1, max_size=4))
def test_the_order_in_which_layers_are_given_does_not_matter(said: list[tuple[int, Setting]]) -> None:
    layers = [Layer(f"policy/{index}", priority, {KEY: one}) for index, (priority, one) in enumerate(said)]

    def outcome(order: list[Layer]) -> object:
        try:
            return merge(order, {}, {})
        except ConfigError as error:
            return str(error)

    outcomes = [outcome(list(order)) for order in itertools.permutations(layers)]
    assert all(one == outcomes[0] for one in outcomes)


def test_ten_policies_of_fifty_options_merge_in_time() -> None:
    layers = [
        Layer(f"policy/{p}", p, {f"network.s{p}_{o % 7}.o{o}": to(f"v${{x}}{o}") for o in range(50)})
        for p in range(10)
    ]
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        merge(layers, {"x": "y"}, {})
        seconds.append(time.perf_counter() - start)
    assert sum(len(section.options) for section in merge(layers, {"x": "y"}, {})["network"]) == 500
    assert min(seconds) < 0.010 * 4  # the bound with room for a busy machine; benchmarks measure it
