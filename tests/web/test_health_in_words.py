"""How a router is, on the page: in words and units, as the command line says it."""

import re
from typing import Any

import pytest

from dusk.cli.health import health_rows
from tests.web.modules import results

pytestmark = [pytest.mark.needs("node")]
BARE: dict[str, Any] = {
    "uptime_s": 0,
    "load": None,
    "memory_kib": None,
    "flash_kib": None,
    "clock": {"time_s": 1_790_000_000, "trusted": True},
    "interfaces": [],
    "radios": [],
}
FULL: dict[str, Any] = {
    **BARE,
    "uptime_s": 273_661,
    "load": [0.5, 1.25, 0.0],
    "memory_kib": {"total": 262_144, "free": 1_536},
    "flash_kib": {"total": 16_384, "free": 0},
    "radios": [
        {"name": "radio0", "band": "5g", "channel": 36, "is_up": True, "clients": 4},
        {"name": "radio1", "band": "", "channel": 0, "is_up": True, "clients": 1},
        {"name": "radio2", "band": "2g", "channel": 0, "is_up": True, "clients": None},
        {"name": "radio3", "band": "2g", "channel": 1, "is_up": False, "clients": 0},
    ],
}
HOSTILE = "<img src=x onerror=alert(1)>%s%d"


def _rows(health: dict[str, Any]) -> list[list[str]]:
    (found,) = results("dusk.health", ("rows", health))
    assert all(isinstance(text, str) for row in found for text in row)
    rows: list[list[str]] = found
    return rows


def _interface(**changes: Any) -> str:
    one = {"name": "lan", "is_up": True, "mac": "", "addresses": [], "errors": 0}
    one |= {"received_bytes": 0, "sent_bytes": 0} | changes
    return _rows({**BARE, "interfaces": [one]})[-1][1]


@pytest.mark.parametrize("health", [BARE, FULL, *({**BARE, "uptime_s": s} for s in (59, 60, 3600, 90_000))])
def test_the_page_says_what_the_command_line_says(health: dict[str, Any]) -> None:
    page = [says for what, says in _rows(health) if what != "Clock"]
    assert page == [says for what, says in health_rows(health) if what != "clock"]


def test_what_is_told_has_a_name_and_no_braces() -> None:
    rows = _rows(FULL)
    names = ["Running for", "Load", "Memory", "Flash", "Clock", *(f"Radio radio{n}" for n in range(4))]
    assert [what for what, _ in rows] == names
    assert not re.search(r"[{}\[\]]", "".join(says for _, says in rows))


def test_bytes_that_went_by_are_told_in_units() -> None:
    assert _interface() == "up, no address, no hardware address, 0 bytes in, 0 bytes out, 0 errors"
    said = _interface(received_bytes=1024, sent_bytes=3 * 1024**3 // 2, errors=1, is_up=False)
    assert said == "down, no address, no hardware address, 1.0 KiB in, 1.5 GiB out, 1 error"
    assert "1048576.0 TiB in" in _interface(received_bytes=1024**6)


@pytest.mark.parametrize("time_s", [0, 1_790_000_000, 2**53])
def test_a_clock_that_nothing_vouches_for_says_so(time_s: int) -> None:
    for is_trusted in (True, False):
        said = dict(_rows({**BARE, "clock": {"time_s": time_s, "trusted": is_trusted}}))["Clock"]
        assert ("which nothing vouches for" in said) is not is_trusted
        assert "Invalid" not in said


def test_a33_what_a_router_says_is_put_in_as_it_is() -> None:
    assert HOSTILE in _interface(mac=HOSTILE, addresses=[HOSTILE, "192.0.2.1/24"])
    assert f"{HOSTILE} 192.0.2.1/24" in _interface(addresses=[HOSTILE, "192.0.2.1/24"])
