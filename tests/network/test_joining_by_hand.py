"""A router without a join key that a person at it lets in, as a user types it, with real daemons."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.network.cluster import USER, Cluster, Machine, running

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces")]


@contextmanager
def _one_and_one(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Cluster, Machine]]:
    """Run one master beside a router of no cluster; what is called ssh runs the relay at the master."""
    with running(1, "0.5s", newcomers=1) as cluster:
        folder = cluster.base / "bin"
        folder.mkdir()
        program = folder / "ssh"
        program.write_text(f"#!/bin/sh\nexec {sys.executable} -m dusk --root {cluster.first.root} relay\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=":")
        (router,) = cluster.newcomers
        router.power_on()
        yield cluster, router


def _join_by_hand(cluster: Cluster, router: Machine, *words: str, exits: tuple[int, ...] = (0,)) -> str:
    password: Path = cluster.base / "password"
    via = ("--via", f"ssh://root@{cluster.first.name}", "join", "--by-hand", "--user", USER)
    return router.dusk(*via, "--password-file", str(password), *words, exits=exits)


def test_a_router_is_let_in_at_the_router_itself_and_gets_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    with _one_and_one(monkeypatch) as (cluster, router):
        cluster.wait("its daemon answers", lambda: (router.state() or {}).get("role") == "none")
        said = _join_by_hand(cluster, router, "--name", "porch")
        assert "porch joins, and takes over if the master fails" in said
        cluster.routers.append(router)
        cluster.wait("it is in", lambda: (router.state() or {}).get("role") == "backupMaster")
        assert (router.state() or {})["name"] == "porch"
        cluster.wait("one head", lambda: len(cluster.heads(cluster.routers)) == 1)
        assert not (router.node_folder / "joining").exists()
        assert "hand" in cluster.first.dusk("device", "show", "porch")
        assert _join_by_hand(cluster, router, exits=(1,)) == ""
        assert (cluster.first.state() or {})["members"] == 2
