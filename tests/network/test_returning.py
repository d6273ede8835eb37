"""A router that is reset comes back by itself, as a user types it, with real daemons (A20, A21)."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.network.cluster import USER, Cluster, Machine, running

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces")]

SLOW_S = 120.0
"""36 cycles of half a second, and a pending router asks again after 30 s at most, and jitter."""


def _state(router: Machine) -> dict[str, Any]:
    return router.state() or {}


def _names(master: Machine) -> set[str]:
    return {row["name"] for row in json.loads(master.dusk("device", "list", "--json"))}


def _label(router: Machine) -> str:
    """Return the hardware label that a router shows from where it stands."""
    code = (
        "import pathlib, sys; from dusk.daemon.identity import node_label;"
        " print(node_label(pathlib.Path(sys.argv[1])))"
    )
    words = [sys.executable, "-c", code, str(router.root)]
    command = router._place.command(router.number, words)
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _alarms(cluster: Cluster) -> str:
    return "; ".join(line for router in cluster.routers for line in _state(router).get("alarms", ()))


@pytest.mark.timeout(400)
def test_a20_a_reset_router_has_its_name_again_by_itself_and_its_secrets_by_a_word_of_the_owner() -> None:
    with running(1, "0.5s", newcomers=2) as cluster:
        master, key, password = cluster.first, cluster.base / "image.key", cluster.base / "wpa"
        first, second = cluster.newcomers
        master.dusk("login", USER, "--password-file", str(cluster.base / "password"))
        create = ("joinkey", "create", "--uses", "9", "--auto", "--rebind", "auto", "--file", str(key))
        master.dusk(*create, exits=(1,))  # for any hardware label
        master.dusk(*create, "--label", "*", exits=(1,))  # the same
        labels = [word for router in (first, second) for word in ("--label", _label(router))]
        master.dusk(*create, *labels, "--name", "ap-{n}")
        for router in (first, second):
            router.place_join_key(key.read_bytes())
            router.power_on()
            cluster.routers.append(router)
            cluster.wait("it joins", cluster._all_joined, SLOW_S)
        password.write_text("correct horse battery")
        master.dusk("set", "policy/wifi", "wireless.lan=wifi-iface", f"wireless.lan.key=@{password}")
        master.dusk("policy", "assign", "wifi", "--all")
        master.dusk("commit", "-m", "a passphrase", "--yes")
        old = cluster.base / "old"
        second.cut_power()
        (second.root / "etc/dusk").rename(old)  # it stays the daemon's user's
        (second.root / "etc/config/wireless").unlink(missing_ok=True)
        second.place_join_key(key.read_bytes())
        second.power_on()

        cluster.wait("it waits", lambda: _state(second).get("role") == "pending")
        cluster.wait("it is back", lambda: _state(second).get("role") == "member", SLOW_S)
        assert _state(second)["name"] == "ap-2"
        assert _names(master) == {master.name, "ap-1", "ap-2"}
        cluster.wait("all show it", lambda: _alarms(cluster).count("dusk device approve ap-2") == 3)
        files = second.root / "etc/config/wireless"
        assert not files.exists() or "correct horse" not in files.read_text()
        said = master.dusk("device", "approve", "ap-2")
        assert "ap-2 came back under a new key, and that is right" in said
        cluster.wait(
            "it has its secret", lambda: files.exists() and "correct horse" in files.read_text(), SLOW_S
        )
        cluster.wait("nobody asks any more", lambda: "dusk device approve" not in _alarms(cluster), SLOW_S)

        second.cut_power()
        (second.root / "etc/dusk").rename(cluster.base / "older")  # its helper may write in it yet
        old.rename(second.root / "etc/dusk")
        second.power_on()
        cluster.wait("the former one is told", lambda: _state(second).get("role") == "removed", SLOW_S)
        cluster.wait("a copy is shown", lambda: "one of them is a copy" in _alarms(cluster), SLOW_S)
