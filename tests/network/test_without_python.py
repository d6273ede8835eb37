"""A router whose Python is gone in the middle of an apply comes back by its shell alone (A49, R9)."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dusk.demo import files
from dusk.helper.running import REVERT
from tests.helper.test_dusk_revert import PROGRAMS, waiting_shells
from tests.network.cluster import Cluster, Machine, running

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces")]

SSID = "wireless.default_radio0.ssid"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Two routers with a policy in all files."""
    with running(2, "0.5s") as made:
        owner = made.owner(made.first)
        owner.set("policy/wifi", SSID, "good")
        owner.call("policy.assign", name="wifi", to="all")
        owner.commit("the policy")
        made.wait("it is in all files", lambda: all(_ssid(router) == ["good"] for router in made.routers))
        made.wait("it is in effect", lambda: all(_applied(router) == "committed" for router in made.routers))
        yield made


def _ssid(router: Machine) -> list[str]:
    return files.values(router.config, SSID)


def _applied(router: Machine) -> str:
    state = router.state()
    return "" if state is None else str(state["apply"]["state"])


def _reload_until(router: Machine, file: Path) -> None:
    """Have the router's services take as long to reload as this file is not there."""
    settings = router.config / "dusk"
    lines = [line for line in settings.read_text().splitlines() if "option reload" not in line]
    waiting = f"\toption reload 'until [ -e {file} ]; do sleep 0.1; done'"
    settings.write_text("\n".join([*lines, waiting, ""]))


def _without_python(folder: Path) -> dict[str, str]:
    """Return an environment in which the shell finds what it needs, and nothing else."""
    folder.mkdir()
    for name in PROGRAMS:
        if real := shutil.which(name):
            (folder / name).symlink_to(real)
    return {"PATH": str(folder)}


def test_a49_r9_without_python_a_router_is_back_before_its_network_starts_and_stays_off_that_config(
    cluster: Cluster, tmp_path: Path
) -> None:
    router, owner = cluster.routers[1], cluster.owners[0]
    _reload_until(router, tmp_path / "end")
    owner.set("policy/wifi", SSID, "bad")
    owner.commit("a bad one")
    try:
        cluster.wait("it is written", lambda: _ssid(router) == ["bad"])
        helper = router.helper_pid
        assert helper is not None
        assert waiting_shells(router.root)
        os.kill(helper, signal.SIGKILL)
        router.cut_power()
        environment = _without_python(tmp_path / "bin")
        subprocess.run(["/bin/sh", REVERT, str(router.root)], env=environment, check=True, timeout=30)
    finally:
        (tmp_path / "end").touch()
    assert _ssid(router) == ["good"]
    cluster.wait("its timer ends", lambda: not waiting_shells(router.root))

    router.power_on()
    cluster.wait("it says that it failed", lambda: _applied(router) == "failed")
    assert _ssid(router) == ["good"]
    shown = router.dusk("device", "show", router.name)
    assert "it was not confirmed before the device stopped; put back without the daemon: wireless" in shown

    owner.set("policy/wifi", SSID, "better")
    owner.commit("a good one")
    cluster.wait("another config", lambda: _ssid(router) == ["better"] and _applied(router) == "committed")
    assert not (router.root / "etc/dusk/undone").exists()
