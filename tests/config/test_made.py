"""What variables and ``each`` make of a few bytes of the log is bounded while it is made (R10, A6)."""

import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from dusk.config.drift import differences
from dusk.config.merge import Layer, Managed, merge
from dusk.config.result import instances, resulting, target
from dusk.config.settings import Setting, Verb
from dusk.config.variables import Made, VariableValue
from dusk.errors import ConfigError
from dusk.limits import (
    EACH_HITS_MAX,
    MADE_CHARACTERS_MAX,
    MADE_OPTION_CHARACTERS,
    MADE_TEXT_CHARACTERS,
)

EACH = "network.each interface as i"
LONG: dict[str, VariableValue] = {"v": "a" * 65_000, "empty": ("",) * 1024}
HITS = b"".join(b"config interface 'n%d'\n\n" % number for number in range(EACH_HITS_MAX))
MEMORY_BYTES = 8 * MADE_CHARACTERS_MAX


def merged(settings: Mapping[str, Setting], variables: Mapping[str, VariableValue] = LONG) -> Managed:
    return merge([Layer("policy/x", 100, settings)], variables, {})


def whole(value: str, position: int = 0) -> Setting:
    return Setting(Verb.SET, (value,), position)


def uses(count: int) -> dict[str, Setting]:
    return {f"system.s.o{number:04}": whole("-${v}", number) for number in range(count)}


@contextmanager
def in_little_memory() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MEMORY_BYTES
    finally:
        tracemalloc.stop()


def test_a6_a_long_variable_in_two_thousand_settings_is_refused_before_it_is_made() -> None:
    settings = uses(2000)
    with (
        in_little_memory(),
        pytest.raises(ConfigError, match=r"^system\.s\.o0016: .*variables .*fewer settings"),
    ):
        merged(settings)


def test_a6_a_list_variable_of_empty_texts_is_refused_before_it_is_made() -> None:
    many = Setting(Verb.SET_LIST, ("${empty}",) * 4096)
    with in_little_memory(), pytest.raises(ConfigError, match=r"^system\.s\.o: "):
        merged({"system.s.o": many})
    most = Setting(Verb.SET_LIST, ("${empty}",) * 63)
    with in_little_memory(), pytest.raises(ConfigError, match=r"^system\.s\.o1: .*fewer settings"):
        merged({f"system.s.o{number}": most._replace(position=number) for number in range(9)})


def test_a6_an_option_of_many_sections_that_an_each_makes_is_refused_before_it_is_made() -> None:
    settings = {EACH: Setting(Verb.TYPE, ("alias",), 0)}
    settings |= {f"{EACH}.o{number}": whole("b" * 60_000, number) for number in range(4)}
    managed = merged(settings)
    with in_little_memory(), pytest.raises(ConfigError, match=r"^network\.each interface as i\.o1: .*'each'"):
        resulting(HITS, "network", managed["network"])
    (row,) = differences({"network": HITS}, managed)
    assert "'each'" in (row.trouble or "")


@pytest.mark.parametrize("settings", [
    {f"network.each interface as i{number}": Setting(Verb.TYPE, ("alias",), number) for number in range(65)},
    {f"{EACH}.o{number}": Setting(Verb.ABSENT, (), number) for number in range(65)},
])  # fmt: skip
def test_a6_sections_and_options_without_a_text_count_as_well(settings: dict[str, Setting]) -> None:
    hits = [f"n{number}" for number in range(EACH_HITS_MAX)]
    fitting = MADE_CHARACTERS_MAX // MADE_OPTION_CHARACTERS // EACH_HITS_MAX

    def make(count: int) -> None:
        made = Made()
        for section in merged(dict(list(settings.items())[:count]))["network"]:
            instances(section, hits, made)

    make(fitting)
    with pytest.raises(ConfigError, match="'each'"):
        make(fitting + 1)


def test_what_is_made_may_have_so_many_characters_and_none_more() -> None:
    fitting = MADE_CHARACTERS_MAX // 32 - MADE_TEXT_CHARACTERS - 1
    full = uses(32)
    assert merged(full, {"v": "a" * fitting})
    with pytest.raises(ConfigError, match="o0031"):
        merged(full, {"v": "a" * (fitting + 1)})
    plain = {f"system.p.o{number}": whole("a" * 60_000) for number in range(40)}
    assert merged({**full, **plain}, {"v": "a" * fitting}), "what stands in the log as it is does not count"


def test_r2_which_setting_is_too_much_does_not_depend_on_the_order_in_which_they_came() -> None:
    settings = uses(40)

    def told(found: Mapping[str, Setting]) -> str:
        with pytest.raises(ConfigError) as caught:
            merged({**found, "system.s.z": whole("${nobody}", 99)})
        return str(caught.value)

    assert told(settings) == told(dict(reversed(settings.items())))


class _Counted(str):
    """A text that counts how often it is compared."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other: object) -> bool:
        _Counted.compared += 1
        return super().__eq__(other)

    __hash__ = str.__hash__


def _texts(first: int, count: int = 2000) -> tuple[str, ...]:
    return tuple(_Counted(f"{number:05}") for number in range(first, first + count))


def _edit(values: tuple[str, ...], removed: tuple[str, ...]) -> Setting:
    return Setting(Verb.EDIT_LIST, values, 0, removed)


def _over(low: Setting, high: Setting) -> Callable[[], object]:
    layers = [Layer("policy/a", 1, {"p.s.o": low}), Layer("policy/b", 2, {"p.s.o": high})]
    return lambda: merge(layers, {}, {})


@pytest.mark.parametrize("work", [
    _over(Setting(Verb.SET_LIST, _texts(0)), _edit(_texts(40_000), _texts(50_000))),
    _over(_edit(_texts(0), _texts(10_000)), _edit(_texts(10_000), _texts(0))),
    _over(whole("one"), _edit(_texts(0), ())),
])  # fmt: skip
def test_a6_a_list_that_edits_a_list_compares_no_item_with_all_others(work: Callable[[], object]) -> None:
    _Counted.compared = 0
    work()
    assert _Counted.compared < 40_000  # each with each: millions


def test_a6_a_list_edit_of_a_list_on_the_device_compares_no_item_with_all_others() -> None:
    option = merge([Layer("policy/a", 1, {"p.s.o": _edit(_texts(0), _texts(10_000))})], {}, {})["p"][
        0
    ].options["o"]
    _Counted.compared = 0
    assert target(_texts(20_000), option) == (*_texts(20_000), *_texts(0))
    assert _Counted.compared < 40_000
