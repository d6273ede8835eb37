"""The order of sections, where it matters: new ones by priority and position, or before another one."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from dusk.config.merge import Layer, merge
from dusk.config.result import Result, resulting
from dusk.config.settings import Setting, Verb, check_setting
from dusk.config.uci import parse
from dusk.errors import ConfigError

RULES = b"""\
config rule
	option name 'Allow-Ping'

# nobody else
config rule
	option name 'Block'
	option target 'DROP'

config rule 'mine'
"""
BLOCK = "rule[name=Block]"


def rule(position: int = 0, before: str = "") -> Setting:
    return Setting(Verb.TYPE, ("rule", before) if before else ("rule",), position)


def apply(content: bytes, *layers: dict[str, Setting]) -> Result:
    said = [Layer(f"policy/p{n}", 100 + n, settings) for n, settings in enumerate(layers)]
    for layer in layers:
        for key, setting in layer.items():
            check_setting(key, setting)
    managed = merge(said, {}, {}).get("firewall", ())
    result = resulting(content, "firewall", managed)
    assert resulting(result.content, "firewall", managed) == Result(result.content, ())
    return result


def order(content: bytes) -> list[object]:
    return [section.name or section.get("name") for section in parse(content, "firewall").sections]


def test_new_sections_come_by_priority_then_position() -> None:
    low = {"firewall.b": rule(2), "firewall.a": rule(7)}
    high = {"firewall.d": rule(1), "firewall.c": rule(0)}
    assert order(apply(RULES, low, high).content) == ["Allow-Ping", "Block", "mine", "b", "a", "c", "d"]


def test_a_new_section_stands_directly_before_another_and_the_rest_keeps_its_bytes() -> None:
    result = apply(RULES, {"firewall.dns": rule(0, BLOCK), "firewall.dhcp": rule(1, BLOCK)})
    added = b"config rule 'dns'\n\nconfig rule 'dhcp'\n\n"
    assert result.content == RULES.replace(b"# nobody", added + b"# nobody")
    assert result.changed == ("firewall.dns", "firewall.dhcp")


def test_a_section_that_is_there_moves_only_if_it_stands_behind() -> None:
    result = apply(RULES, {"firewall.mine": rule(0, BLOCK)})
    assert result.content == RULES.replace(b"config rule 'mine'\n", b"").replace(
        b"# nobody", b"config rule 'mine'\n\n# nobody"
    )
    assert result.changed == ("firewall.mine",)
    first = apply(RULES, {"firewall.mine": rule(0, "rule[name=Allow-Ping]")}).content
    assert apply(first, {"firewall.mine": rule(0, BLOCK)}) == Result(first, ())


def test_a_section_stands_before_one_that_is_made_later_in_the_same_change() -> None:
    result = apply(RULES, {"firewall.a": rule(0, "b"), "firewall.b": rule(1), "firewall.c": rule(2, "a")})
    assert order(result.content) == ["Allow-Ping", "Block", "mine", "c", "a", "b"]


def test_sections_of_each_stand_before_another_too() -> None:
    result = apply(
        RULES,
        {"firewall.each rule[name=x] as r": rule(0, BLOCK), "firewall.mine.name": Setting(Verb.SET, ("x",))},
    )
    assert order(result.content) == ["Allow-Ping", "dusk_r_mine", "Block", "mine"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (
            {"firewall.a": rule(0, "rule[name=None]")},
            "before rule.name=None., which must be exactly one other section; there are 0",
        ),
        ({"firewall.a": rule(0, "nowhere")}, "there are 0"),
        ({"firewall.mine": rule(0, "rule[enabled=1]")}, "there are 2"),
        ({"firewall.mine": rule(0, "rule[x=1]")}, "exactly one other section; there are 1"),
        ({"firewall.a": rule(0, "b"), "firewall.b": rule(1, "a")}, "cannot stand before b with what else"),
    ],
)
def test_an_order_that_cannot_be_is_an_error(settings: dict[str, Setting], reason: str) -> None:
    local = RULES.replace(b"'\n", b"'\n\toption enabled 1\n", 2) + b"\toption x 1\n"
    with pytest.raises(ConfigError, match=reason):
        apply(local, settings)


def test_two_policies_that_want_one_section_at_two_places_disagree() -> None:
    layers = [
        Layer("policy/a", 100, {"firewall.a": rule(0, BLOCK)}),
        Layer("policy/b", 100, {"firewall.a": rule()}),
    ]
    with pytest.raises(ConfigError, match="policy/a and policy/b have equal priority and disagree"):
        merge(layers, {}, {})


NAMES = [f"s{n}" for n in range(5)]
LINES = st.lists(
    st.sampled_from(["# a", "", "\toption a b", "\toption c 'd\n e'", "#x", "\toption a 'b'; option c 'd'"]),
    max_size=3,
)


@given(
    st.permutations(NAMES), st.lists(LINES, min_size=5, max_size=5), st.sampled_from(["", "\n"]), st.data()
)
def test_a_moved_section_takes_its_own_lines_and_says_what_it_said(
    names: list[str],
    bodies: list[list[str]],
    end: str,
    data: st.DataObject,
) -> None:
    text = (
        "\n".join("\n".join([f"config rule {name}", *body]) for name, body in zip(names, bodies, strict=True))
        + end
    )
    before = parse(text.encode(), "firewall")
    here, there = sorted(data.draw(st.lists(st.integers(0, 4), min_size=2, max_size=2, unique=True)))
    was = {section.name: dict(section.options) for section in before.sections}
    comments = sorted(line.strip() for line in text.splitlines() if line.strip().startswith("#"))
    before.move_section(before.sections[there], before.sections[here])
    moved = parse(before.render(), "firewall")
    wanted = [name for place, name in enumerate(names) if place != there]
    wanted.insert(here, names[there])
    assert [section.name for section in moved.sections] == wanted
    assert {section.name: dict(section.options) for section in moved.sections} == was
    found = moved.render().decode().splitlines()
    assert sorted(line.strip() for line in found if line.strip().startswith("#")) == comments
