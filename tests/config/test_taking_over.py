"""What a router has and nothing manages, as settings that change nothing there."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dusk.config.files_told import FileState, ToldFile, ToldSection, file_of
from dusk.config.merge import DEVICE_PRIORITY, Layer, ManagedSection, merge
from dusk.config.result import resulting
from dusk.config.settings import Setting, Verb
from dusk.config.taking_over import Taken, claims, taken_over
from dusk.config.text import export_text, import_text

FIREWALL = b"""
config defaults
\toption input 'REJECT'

config zone
\toption name 'lan'
\tlist network 'lan'

config zone
\toption name 'wan'
\toption input '${x}'

config rule
\toption name 'same'
\toption target 'ACCEPT'

config rule
\toption name 'same'
\toption target 'DROP'

config rule 'guest'
\toption name 'other'
\toption psk 'secret'
\toption odd 'Caf\xe9'

config rule 'cfg0123abcd'
\toption family 'ipv4'

config rule 'dusk_r_radio0'
\toption target 'DROP'
"""


def managed_by(text: str, priority: int = 100) -> tuple[ManagedSection, ...]:
    layers = [Layer("policy/p", priority, dict(import_text(text, is_draft=True)))]
    return merge(layers, {}, {}).get("firewall", ())


def taken(content: bytes, text: str = "", further: tuple[str, ...] = ()) -> Taken:
    return taken_over(file_of("firewall", content), managed_by(text), further)


def said(found: Taken) -> Mapping[str, tuple[str, ...]]:
    assert [one.position for _, one in found.settings] == list(range(len(found.settings)))
    return {key: one.values for key, one in found.settings}


def test_each_section_is_addressed_by_what_is_the_same_on_every_router() -> None:
    found = taken(FIREWALL)
    assert said(found) == {
        "firewall.@defaults[0].input": ("REJECT",),
        "firewall.zone[name=lan].network": ("lan",),
        "firewall.zone[name=wan].input": ("$${x}",),
        "firewall.@rule[0].name": ("same",),
        "firewall.@rule[0].target": ("ACCEPT",),
        "firewall.@rule[1].name": ("same",),
        "firewall.@rule[1].target": ("DROP",),
        "firewall.guest": ("rule",),
        "firewall.guest.name": ("other",),
        "firewall.@rule[3].family": ("ipv4",),
    }
    assert (found.secrets, found.left, found.managed) == (("firewall.guest.psk",), ("firewall.guest.odd",), 0)


def test_what_the_cluster_takes_for_a_secret_stays_whatever_the_router_told() -> None:
    found = taken(FIREWALL, further=("target",))
    assert "firewall.@rule[0].target" in found.secrets
    plain = ToldFile("firewall", FileState.TOLD, False, (ToldSection("t", "n", (("psk", "told"),)),))
    assert taken_over(plain, ()).secrets == ("firewall.n.psk",)


def test_what_is_managed_by_any_address_is_left_out() -> None:
    managed = """
set firewall.@rule[0].target=DROP
set firewall.guest=rule
set firewall.guest.name=x
set firewall.zone[name=lan].network=lan
set 'firewall.zone[name=none].network'=lan
set firewall.@rule[9].x=1
delete 'firewall.rule[target=DROP,name=same]'
set 'firewall.each rule[family=ipv4] as r'=rule
set 'firewall.each zone as z.x'=1
exclusive firewall.*
"""
    found = taken(FIREWALL, managed)
    assert said(found) == {
        "firewall.@defaults[0].input": ("REJECT",),
        "firewall.zone[name=wan].input": ("$${x}",),
        "firewall.@rule[0].name": ("same",),
        "firewall.@rule[3].family": ("ipv4",),
    }
    assert found.managed == 3


def test_what_an_each_made_is_claimed() -> None:
    file = file_of("firewall", b"config rule 'a'\nconfig x 'dusk_r_a'\n\toption y '1'\n")
    managed = managed_by("set 'firewall.each rule as r'=x\nset 'firewall.each rule as r.y'='${r}'\n")
    assert set(claims(file, managed)) == {(1, None), (1, "y")}


@pytest.mark.parametrize("name", ["a" * 500, "Caf\udce9", "two\nlines"])
def test_a_name_that_makes_no_address_is_none(name: str) -> None:
    section = ToldSection("rule", "", (("name", name), ("target", "DROP")))
    found = taken_over(ToldFile("firewall", FileState.TOLD, False, (section, section)), ())
    assert "firewall.@rule[1].target" in said(found)
    alone = taken_over(ToldFile("firewall", FileState.TOLD, False, (section,)), ())
    assert not said(alone) or "firewall.@rule[0].target" in said(alone)


OPTIONS = st.dictionaries(
    st.sampled_from(("name", "x", "y", "psk")), st.sampled_from(("1", "2", "${r}", "it's")), max_size=3
)
SECTIONS = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(("", "n", "m")), OPTIONS), max_size=5)
MANAGED = st.dictionaries(
    st.sampled_from(("firewall.n.x", "firewall.@a[0].y", "firewall.a[name=1].x", "firewall.each b as r.x")),
    st.builds(lambda value: Setting(Verb.SET, (value,)), st.sampled_from(("1", "3"))),
)


@settings(max_examples=300, deadline=None)
@given(SECTIONS, MANAGED)
def test_what_is_taken_over_changes_nothing_there(
    sections: list[tuple[str, str, dict[str, str]]], policy: dict[str, Setting]
) -> None:
    unique = {name or str(at): one for at, one in enumerate(sections) for name in [one[1]]}
    lines = [
        f"config {kind} '{name}'\n" + "".join(f'\toption {o} "{v}"\n' for o, v in options.items())
        for kind, name, options in unique.values()
    ]
    content = "".join(lines).encode()
    layer = Layer("policy/p", 100, policy)
    before = merge([layer], {}, {}).get("firewall", ())
    found = taken_over(file_of("firewall", content), before)
    text = export_text(found.settings)
    again = dict(import_text(text)) if text else {}
    assert {key: one.values for key, one in again.items()} == said(found)
    own = Layer("device/x", DEVICE_PRIORITY, again)
    both = merge([own], {}, {}).get("firewall", ())
    assert resulting(content, "firewall", both).changed == ()


def test_nothing_is_taken_over_of_a_file_beside_uci() -> None:
    managed = merge([Layer("policy/a", 100, {"file:/a": Setting(Verb.FILE, ("b", "0644"))})], {}, {})
    file = file_of("file:/a", b"-rw-r--r--\nc")
    assert claims(file, managed["file:/a"]) == {}
    assert taken_over(file, managed["file:/a"]).settings == ()
