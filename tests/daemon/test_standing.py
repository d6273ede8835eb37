"""What is up on this machine, asked of the kernel: interfaces of a namespace, some of which are radios'."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from dusk.daemon.standing import look

PROGRAM = """
import json, subprocess, sys, time
from pathlib import Path
from dusk.daemon.standing import look
wanted, lines = json.loads(sys.argv[2]), sys.argv[3:]
subprocess.run(["ip", "-batch", "-"], input="\\n".join(lines), text=True, check=True)
found, deadline_s = [], time.monotonic() + 10
while found != wanted and time.monotonic() < deadline_s:
    up = look(Path(sys.argv[1]))
    found = [sorted(up.interfaces), sorted(up.radios), sorted(up.listening)]
    time.sleep(0.01)
print(json.dumps(found))
"""
"""The kernel notes a link that comes a moment later: it is waited for."""


def _seen(root: Path, wanted: list[list[str]], *lines: str) -> list[list[str]]:
    """Make interfaces in a namespace and return what is up there, once it is what it should be."""
    command = ["unshare", "--net", sys.executable, "-c", PROGRAM, str(root), json.dumps(wanted), *lines]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
    found: list[list[str]] = json.loads(done.stdout)
    return found


def _radio(root: Path, interface: str, phy: str) -> None:
    folder = root / "sys/class/net" / interface / "phy80211"
    folder.mkdir(parents=True)
    (folder / "name").write_text(phy + "\n")


@pytest.mark.needs("root", "namespaces")
def test_a_link_that_is_there_is_up_and_a_radio_is_what_its_interfaces_are(tmp_path: Path) -> None:
    for number in (0, 1, 2):
        _radio(tmp_path, f"phy{number}-ap0", f"phy{number}")
    _radio(tmp_path, "phy0-ap1", "phy0")
    pairs = ["wan", "lan1", "phy0-ap0", "phy0-ap1", "phy1-ap0", "phy2-ap0"]
    lines = [f"link add {name} type veth peer name end{number}" for number, name in enumerate(pairs)]
    lines += [f"link set {name} up" for name in pairs if name != "phy2-ap0"]
    lines += [f"link set end{number} up" for number in (0, 3)]
    wanted = [["end0", "end3", "lo", "wan"], ["phy0"], ["phy1"]]
    assert _seen(tmp_path, wanted, "link set lo up", *lines) == wanted


def test_an_interface_that_goes_away_meanwhile_is_not_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "if_nameindex", lambda: [(7, "nowhere0")])
    assert look(tmp_path).interfaces == frozenset()
