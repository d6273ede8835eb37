"""`dusk demo` as people run it: real daemons, real commands, and nothing left behind."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.network

DEMO = [sys.executable, "-m", "dusk", "demo"]
WITHOUT_NAMESPACES = {**os.environ, "PATH": "/nonexistent"}
"""Without `ip` the demo takes loopback addresses."""


def _folder(text: str) -> Path:
    """Return the demo's own folder, which its first line names."""
    found = re.search(r"in (/\S*dusk-demo-\S+)", text)
    assert found is not None, text
    return Path(found[1])


def _run_once(nodes: int, environment: dict[str, str]) -> tuple[dict[str, object], Path]:
    done = subprocess.run(
        [*DEMO, "--nodes", str(nodes), "--once", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert isinstance(document, dict)
    return document, _folder(done.stderr)


def _check(document: dict[str, object], nodes: int) -> None:
    devices = document["devices"]
    assert isinstance(devices, list)
    assert len(devices) == nodes
    assert document["one_head"] is True
    assert document["killed_and_returned"] == f"router-{nodes}"
    assert document["takeover"] == {
        "lost": "router-1",
        "leads": "router-2",
        "changed_at": f"router-{nodes}",
    }
    assert "after the master's return" in devices[0]["applied_ms"]
    assert all("without the master" in device["applied_ms"] for device in devices[1:])
    assert all(device["verified"] and device["stopped_cleanly"] for device in devices)
    assert all("one change for all" in device["applied_ms"] for device in devices)
    assert "after its return" in devices[-1]["applied_ms"]


@pytest.mark.needs("namespaces")
def test_a_cluster_in_namespaces_changes_together_and_ends_verified() -> None:
    document, folder = _run_once(3, dict(os.environ))
    assert document["place"] in {"namespaces", "user namespace"}
    _check(document, 3)
    assert not folder.exists()


def test_a_cluster_on_loopback_changes_together_and_ends_verified() -> None:
    document, folder = _run_once(3, WITHOUT_NAMESPACES)
    assert document["place"] == "loopback"
    _check(document, 3)
    assert not folder.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing_behind(number: signal.Signals) -> None:
    with subprocess.Popen(
        [*DEMO, "--nodes", "3"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        folder = _folder(demo.stdout.readline())
        assert "makes the cluster" in demo.stdout.readline()
        demo.send_signal(number)
        rest, _ = demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert "nothing is left behind" in rest
    assert not folder.exists()
    assert str(folder) not in _command_lines()


def test_a_number_of_routers_out_of_bounds_is_wrong_usage() -> None:
    for nodes in ("2", "51"):
        done = subprocess.run(
            [*DEMO, "--nodes", nodes], capture_output=True, text=True, timeout=20, check=False
        )
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1


def _command_lines() -> str:
    """Return the command lines of all processes."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended just now
            lines.append(file.read_bytes().decode(errors="replace").replace("\0", " "))
    return "\n".join(lines)
