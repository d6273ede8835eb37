"""Who edits is told what routers will not take, before anything is signed."""

from typing import Any

import pytest

from dusk.control.reviewed import read_table
from tests.desk import FakeDesk


def noted(desk: FakeDesk, key: str, *values: str, verb: str = "set", target: str = "policy/p") -> list[str]:
    edits = [{"key": key, "values": list(values)}]
    notes: list[str] = desk.do("draft.edit", target=target, verb=verb, edits=edits)["notes"]
    return notes


@pytest.mark.parametrize(
    ("key", "value", "note"),
    [
        ("wireless.default_radio0.sid", "x", "in no section of wireless a router takes sid, but where root"),
        ("wireless.@wifi-iface[0].sid", "x", "takes wireless.wifi-iface.sid only where root"),
        ("wireless.@wifi-iface[0].sid", "x", "did you mean ssid?"),
        ("network.lan", "interfase", "takes network.interfase only where root"),
        ("network.lan", "interfase", "did you mean interface?"),
        (
            "firewal.lan.x",
            "y",
            "takes firewal only where root allows it (etc/dusk/allow); did you mean firewall?",
        ),
        (
            "wireless.@wifi-iface[0].ssid",
            "a\nb",
            "takes a value with a line break or another control character",
        ),
        ("zzz.lan.x", "y", "zzz.lan.x: a router takes zzz only where root allows it (etc/dusk/allow)"),
    ],
)
def test_what_only_root_allows_is_noted_with_what_was_meant(
    desk: FakeDesk, key: str, value: str, note: str
) -> None:
    (found,) = noted(desk, key, value)
    assert note in found
    assert found in desk.do("draft.show")["notes"]
    assert found in desk.commit()["notes"]


def test_what_routers_take_is_not_noted(desk: FakeDesk) -> None:
    assert noted(desk, "wireless.default_radio0.ssid", "x") == []
    assert noted(desk, "wireless.home", "wifi-iface") == []
    assert noted(desk, "wireless.home.ssid", "x") == []
    assert noted(desk, "wireless.home.macfilter", "disable") == []
    assert noted(desk, "dhcp.@dnsmasq[0].server", "192.0.2.1", verb="add-list") == []
    assert noted(desk, "wireless.@wifi-iface[0].sid", verb="delete") == []


def test_a_sections_type_is_known_from_the_target_or_from_a_policy(desk: FakeDesk) -> None:
    noted(desk, "wireless.home", "wifi-iface")
    for target in ("policy/p", "policy/q", "device/hall"):
        (found,) = noted(desk, "wireless.home.channel", "1", target=target)
        assert "takes wireless.wifi-iface.channel only where root" in found
    noted(desk, "wireless.gone", verb="delete")
    assert noted(desk, "wireless.gone.ssid", "x", target="policy/q") == []


def test_a_section_of_each_has_the_type_that_is_said_of_it_and_not_that_of_its_hits(desk: FakeDesk) -> None:
    each = "wireless.each wifi-device[band=5g] as r"
    assert noted(desk, each, "wifi-iface") == []
    assert noted(desk, f"{each}.ssid", "x") == []
    (found,) = noted(desk, f"{each}.channel", "1")
    assert "takes wireless.wifi-iface.channel only where root" in found


def test_what_is_exclusive_is_of_a_type_that_routers_take(desk: FakeDesk) -> None:
    def refused(key: str) -> list[str]:
        return [note for note in noted(desk, key, verb="exclusive") if "only where root allows" in note]

    assert refused("firewall.@rule[*]") == []
    assert refused("firewall.*") == []
    (found,) = refused("firewall.@zonee[*]")
    assert "did you mean zone?" in found


def test_an_import_is_told_all_at_once_up_to_a_bound(desk: FakeDesk) -> None:
    text = "".join(f"set system.@system[0].odd{n}='1'\n" for n in range(25))
    notes: list[Any] = desk.do("draft.import", target="policy/p", text=text)["notes"]
    assert len(notes) == 21
    assert notes[-1] == "and 5 more like these"
    again = desk.do("draft.import", target="policy/p", text=text)
    assert again["notes"] == []


def test_the_table_is_read_without_comments_marks_and_values() -> None:
    text = '# of root\n\na.b c d+ e! f" g~ h=1 # why\na.b i\nj.k\n'
    assert read_table(text) == {"a": {"b": set("cdefghi")}, "j": {"k": set()}}
