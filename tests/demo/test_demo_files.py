"""The demo's own reader sees what is in the files, and what is not."""

import sys
from pathlib import Path

import pytest

from dusk.demo import files
from dusk.demo.show import suggestions


def test_quotes_of_uci_are_read_as_the_shell_reads_them() -> None:
    text = "config wifi-iface 'ap'\n\toption ssid 'Bob'\\''s \"Café\" $(id) \\ #'\n"
    assert files.read(text) == {"ap.ssid": ['Bob\'s "Café" $(id) \\ #']}


def test_lists_keep_their_order_and_comments_are_no_values() -> None:
    text = "# nothing\nconfig timeserver 'ntp'\n\tlist server 'b' # second\n\tlist server 'a'\n"
    assert files.read(text) == {"ntp.server": ["b", "a"]}


def test_a_file_cut_inside_quotes_is_an_error() -> None:
    with pytest.raises(ValueError, match="No closing quotation"):
        files.read("config system\n\toption hostname 'Open")


def _config(folder: Path) -> Path:
    for package, text in files.fresh(7).items():
        (folder / package).write_text(text)
    return folder


def test_fresh_files_have_what_a_router_has_after_its_first_boot(tmp_path: Path) -> None:
    config = _config(tmp_path)
    assert files.values(config, "network.lan.ipaddr") == ["192.168.1.1/24"]
    assert files.values(config, "wireless.default_radio1.ssid") == ["OpenWrt"]
    assert files.values(config, "system.@system.hostname") == ["OpenWrt"]
    assert files.values(config, "dhcp.@dnsmasq.domain") == ["lan"]
    assert files.values(config, "firewall.@zone.name") == ["lan"]
    assert files.values(config, "system.ntp.nonsense") == []


def test_routers_differ_only_where_chance_made_them_differ() -> None:
    differing = [package for package in files.PACKAGES if files.fresh(1)[package] != files.fresh(2)[package]]
    assert differing == ["network"]


BEFORE = "config a 'x'\n\toption one '1'\n\n# why\n\toption two '2'\n"


@pytest.mark.parametrize(
    ("after", "stands"),
    [
        (BEFORE, True),
        (BEFORE.replace("'1'", "'9'"), True),
        (BEFORE.replace("'2'", "'9'"), False),
        (BEFORE.replace("# why\n", ""), False),
        (BEFORE + "\tlist one '3'\n", True),
        (BEFORE + "config b\n", False),
    ],
)
def test_only_lines_of_managed_options_may_differ(after: str, stands: bool) -> None:  # noqa: FBT001  # a table
    assert files.kept(BEFORE, after, frozenset({"one"})) is stands


def test_own_settings_name_interface_address_and_reload_command() -> None:
    text = files.own_settings("router-3", "lo", "127.0.0.3", "/bin/true")
    assert files.read(text) == {
        "main.enabled": ["1"],
        "main.name": ["router-3"],
        "main.interface": ["lo"],
        "main.address": ["127.0.0.3"],
        "main.reload": ["/bin/true"],
    }
    assert "main.address" not in files.read(files.own_settings("router-3", "eth0", None, "/bin/true"))


def test_what_the_demo_suggests_is_what_a_person_can_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    root = Path("/tmp/dusk-demo-1/router-1")
    assert suggestions(root)[:2] == [
        f"export DUSK_ROOT={root}",
        f"{tmp_path}/python -m dusk login anna",
    ]
    (tmp_path / "dusk").touch()
    assert suggestions(root)[:3] == [
        f'export PATH={tmp_path}:"$PATH"',
        f"export DUSK_ROOT={root}",
        "dusk login anna",
    ]
