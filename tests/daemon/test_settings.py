import ipaddress
import json
import time
from pathlib import Path

import pytest
import trio
import trio.testing

from dusk.daemon import clock
from dusk.daemon.facts import gather
from dusk.daemon.inbox import Inbox
from dusk.daemon.say import LINE_CHARACTERS_MAX, one_line, say
from dusk.daemon.settings import _OPTIONS, Settings, read_settings
from dusk.effects import Address, WallClock
from dusk.errors import ConfigError

WHOLE = b"""
config dusk 'main'
	option enabled '1'
	list interface 'br-lan'
	list interface 'mesh0'
	list address '192.0.2.1'
	list address 'fd00::1'
	list peer '198.51.100.7'
	list peer '[2001:db8::0:1]:4000'
	list peer 'fe80::1%wg0'
	option port '4000'
	option name 'attic'
	option apply '0'
	option reload 'true'
	option hold 'on'
	option window '30'
"""


def test_every_setting_is_read() -> None:
    settings = read_settings(WHOLE)
    assert settings == Settings(
        enabled=True,
        interfaces=("br-lan", "mesh0"),
        addresses=(ipaddress.ip_address("192.0.2.1"), ipaddress.ip_address("fd00::1")),
        peers=(
            Address("198.51.100.7", 3875),
            Address("2001:db8::1", 4000),
            Address("fe80::1%wg0", 3875),
        ),
        port=4000,
        name="attic",
        apply=False,
        hold=True,
        window_s=30.0,
    )
    assert settings.wanted.port == 4000


@pytest.mark.parametrize("data", [None, b"", b"config other 'x'\n", b"config dusk 'main'\n"])
def test_without_settings_all_is_as_by_default(data: bytes | None) -> None:
    assert read_settings(data) == Settings()
    assert (Settings().port, Settings().window_s) == (3875, 90.0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("option port '70000'", "dusk.main.port is '70000', not a port"),
        ("option port 'http'", "not a port"),
        ("list port '1'", "not a single value"),
        ("list address 'router'", "dusk.main.address is 'router', not an IP address"),
        ("list peer 'router'", "dusk.main.peer is 'router', not an address such as 192.0.2.1"),
        ("list peer '192.0.2.1:http'", "dusk.main.peer is '192.0.2.1:http', not an address such as"),
        ("list peer '0.0.0.0'", "not an address of one device"),
        ("list peer '239.255.38.75'", "not an address of one device"),
        ("list peer 'fe80::1'", "fe80::1 needs its interface: fe80::1%br-lan"),
        ("\n".join(f"list peer '10.0.0.{n}'" for n in range(17)), "17 addresses; at most 16 are asked"),
        ("list address '0.0.0.0'", "not an address of this device"),
        ("list address 'ff12::3875'", "not an address of this device"),
        ("list interface '../eth0'", "not the name of a network interface"),
        ("list interface 'a-name-that-is-too-long'", "not the name of a network interface"),
        ("option apply 'maybe'", "not 0 or 1"),
        (
            "option prot '1'",
            "dusk.main.prot is no option of this file, which are address, apply, ",
        ),
        ("option port 'x", "etc/config/dusk:2"),
        ("option window '0'", "dusk.main.window is '0', not a number of seconds from 1 to 3600"),
        ("option window '3601'", "not a number of seconds"),
        ("option window 'x'", "not a number of seconds"),
    ],
)
def test_a_wrong_setting_is_named_with_file_and_option(line: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings(f"config dusk 'main'\n\t{line}\n".encode())
    assert str(caught.value).startswith("etc/config/dusk:")
    assert message in str(caught.value)


def test_the_page_names_every_option_of_the_file() -> None:
    text = (Path(__file__).resolve().parents[2] / "specs/storage.md").read_text()
    table = text.partition("## `etc/config/dusk`")[2]
    for option in _OPTIONS:
        assert f"| `{option}` |" in table


def test_a17_an_interface_name_that_is_no_utf8_is_refused_with_the_one_error() -> None:
    with pytest.raises(ConfigError, match="interface"):
        read_settings(b"config dusk 'main'\n\tlist interface '\xff'\n")


def test_a_main_section_of_another_type_is_refused() -> None:
    with pytest.raises(ConfigError, match="of type system"):
        read_settings(b"config system 'main'\n")


def test_facts_come_from_the_files_of_the_root(tmp_path: Path) -> None:
    for name, text in {
        "tmp/sysinfo/board_name": "glinet,gl-mt3000\n",
        "tmp/sysinfo/model": "GL.iNet GL-MT3000\n",
        "etc/openwrt_release": (
            "DISTRIB_ID='OpenWrt'\nDISTRIB_RELEASE='25.12.1'\nDISTRIB_TARGET='mediatek/filogic'\n"
        ),
        "etc/board.json": json.dumps(
            {"network": {"lan": {"ports": ["lan1", "lan2"]}, "wan": {"device": "eth1"}}}
        ),
        "proc/sys/kernel/hostname": "attic\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    wireless = (
        b"config wifi-device 'radio0'\n\toption band '5g'\nconfig wifi-device 'radio1'\n\toption band '2g'\n"
        b"config wifi-iface 'up'\n\toption mode 'sta'\n\toption device 'radio1'\n"
    )
    network = (
        b"config interface 'home'\n\toption device 'br-lan'\nconfig interface 'wan'\n\toption device 'a'\n"
    )
    facts = gather(tmp_path, wireless, network, ("br-lan",))
    assert (facts["interfaces"], facts["networks"], facts["uplinks"]) == (["br-lan"], ["home"], ["up:radio1"])
    assert facts["board"] == "glinet,gl-mt3000"
    assert facts["hostname"] == "attic"
    assert (facts["distribution"], facts["release"], facts["target"]) == (
        "OpenWrt",
        "25.12.1",
        "mediatek/filogic",
    )
    assert facts["ports"] == ["lan:lan1", "lan:lan2", "wan:eth1"]
    assert (facts["radios"], facts["bands"]) == (["radio0", "radio1"], ["2g", "5g"])


@pytest.mark.parametrize(
    "board", ["", "[]", "{", '{"network": [1]}', '{"network": {"lan": 5}}', "[" * 50_000]
)
def test_odd_files_of_the_machine_never_stop_the_daemon(tmp_path: Path, board: str) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/board.json").write_text(board)
    facts = gather(tmp_path, b"config 'unfinished\n", b"config 'unfinished\n", ("br-lan",))
    assert facts["hostname"]
    assert "radios" not in facts
    assert "interfaces" not in facts, "nobody knows what stands on them"


def test_a33_what_is_said_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("two\nlines \x1b[2J and \0")
    assert capsys.readouterr().err == "dusk: two\\x0alines \\x1b[2J and \\x00\n"
    assert len(one_line("x" * 10 * LINE_CHARACTERS_MAX)) == LINE_CHARACTERS_MAX + 1


def test_the_time_is_trusted_by_the_kernels_word(monkeypatch: pytest.MonkeyPatch) -> None:
    class Libc:
        state = 0

        def adjtimex(self, _: object) -> int:
            return self.state

    libc = Libc()
    monkeypatch.setattr("ctypes.CDLL", lambda _: libc)
    assert clock.is_trusted(0.0)
    libc.state = 5
    assert not clock.is_trusted(time.time())
    libc.state = -1
    assert clock.is_trusted(time.time())
    assert not clock.is_trusted(0.0)


async def test_a30_a_jump_of_the_clock_is_told_and_a_drift_is_not(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = WallClock(1000.0, trusted=False)
    monkeypatch.setattr(clock, "read_clock", lambda: seen)
    inbox = Inbox()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(clock.watch_clock, inbox)
        await trio.sleep(25)
        seen = WallClock(1000.1, trusted=False)
        await trio.sleep(25)
        assert inbox.take() == []
        seen = WallClock(99_999.0, trusted=False)
        await trio.sleep(25)
        seen = WallClock(99_999.0, trusted=True)
        await trio.sleep(25)
        assert inbox.take() == [WallClock(99_999.0, trusted=False), seen]
        nursery.cancel_scope.cancel()
