"""How many clients radios have: root's program asks ubus, and names nobody (A33)."""

import subprocess
from pathlib import Path

import pytest

from dusk.daemon.health import radios_in
from dusk.helper.running import BESIDE
from dusk.limits import HEALTH_RADIOS_MAX
from dusk.membership.health import Radio

STATUS = """\
{
	"radio0": {
		"up": true,
		"pending": false,
		"config": {
			"channel": "auto",
			"band": "5g",
			"disabled": false
		},
		"interfaces": [
			{
				"section": "home",
				"ifname": "phy0-ap0",
				"config": {
					"mode": "ap",
					"ssid": "\\"radio9\\": {\\n\\t\\"up\\": true",
					"channel": "99"
				}
			},
			{
				"section": "guest",
				"ifname": "phy0-ap1",
				"config": {
					"mode": "ap"
				}
			}
		]
	},
	"radio1": {
		"up": false,
		"config": {
			"channel": "6",
			"band": "2g"
		},
		"interfaces": [
			{
				"section": "mesh",
				"ifname": "x;reboot",
				"config": {
					"mode": "mesh"
				}
			}
		]
	}
}
"""
CLIENTS = """\
{
	"freq": 5180,
	"clients": {
		"02:00:00:00:00:0a": {
			"auth": true,
			"signature": "02:00:00:00:00:0b"
		},
		"02:00:00:00:00:0c": {
			"auth": true
		}
	}
}
"""
UBUS = """\
#!/bin/sh
echo "$*" >>"$FAKE/asked"
case "$*" in
"call network.wireless status") cat "$FAKE/status" ;;
"call hostapd.phy0-ap0 get_clients") cat "$FAKE/clients" ;;
"call hostapd.phy0-ap1 get_clients") echo '{' ;;
"call hostapd.phy0-ap0 get_status") printf '{\\n\\t"status": "ENABLED",\\n\\t"channel": 36\\n}\\n' ;;
*) exit 4 ;;
esac
"""


def said(folder: Path, status: str) -> str:
    """Return what the program says on a router with this ubus."""
    program = folder / "ubus"
    program.write_text(UBUS)
    program.chmod(0o755)
    (folder / "status").write_text(status)
    (folder / "clients").write_text(CLIENTS)
    text = Path(f"{BESIDE}/dusk-device").read_text()
    text = text.replace("/etc/openwrt_release", str(folder))
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "DUSK_ROOT": "/", "FAKE": str(folder)}
    command = ["/bin/sh", "-c", text, "dusk-device", "radios"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30, env=environment)
    return done.stderr


def test_clients_are_counted_and_never_named(tmp_path: Path) -> None:
    line = said(tmp_path, STATUS)
    assert line == "radio0 5g 36 up 2;radio1 2g 6 down -\n"
    assert radios_in(line) == (Radio("radio0", "5g", 36, True, 2), Radio("radio1", "2g", 6, False, None))
    assert "reboot" not in (tmp_path / "asked").read_text(), "what is no name is not asked for"


@pytest.mark.parametrize("status", ["", "{\n}\n", "no JSON"])
def test_where_ubus_says_nothing_there_are_no_radios(tmp_path: Path, status: str) -> None:
    assert radios_in(said(tmp_path, status)) == ()


def test_what_makes_no_sense_is_left_out_and_no_name_comes_twice() -> None:
    line = "b - auto up -;a 5g 1 up x;;c 5g;a 2g 2 down 1"
    assert radios_in(line) == (Radio("a", "2g", 2, False, 1), Radio("b", "", 0, True, None))
    many = ";".join(f"radio{number} 5g 36 up 1" for number in range(HEALTH_RADIOS_MAX + 5))
    assert len(radios_in(many)) == HEALTH_RADIOS_MAX
