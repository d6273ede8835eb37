"""Real daemons ask each other: from any one about any other, or it is said why not."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dusk.demo.router import DemoError
from tests.network.cluster import Cluster, running

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces")]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Three routers with a short cycle."""
    with running(3, "0.5s") as made:
        yield made


def _health(cluster: Cluster, at: int, of: int) -> dict[str, Any]:
    said = cluster.routers[at].dusk("--json", "device", "show", _name(cluster, of))
    answer: dict[str, Any] = json.loads(said)["health"]
    return answer


def _name(cluster: Cluster, number: int) -> str:
    state = cluster.routers[number].state()
    assert state is not None
    return str(state["name"])


APK_LIST = b"P:musl\nV:1.2.5-r0\n\nP:base-files\nV:1694~abc\n\n"


def _packages(cluster: Cluster, at: int, of: int) -> str:
    return cluster.routers[at].dusk("device", "packages", _name(cluster, of))


def test_any_router_tells_any_other_how_it_is_and_who_is_off_is_not_reachable(cluster: Cluster) -> None:
    for at, of in ((0, 1), (1, 0), (1, 2), (2, 2)):
        found = _health(cluster, at, of)
        names = [one["name"] for one in found["interfaces"]]
        assert "lo" in names
        assert found["uptime_s"]
    for number in (1, 2):
        kept = cluster.routers[number].root / "lib/apk/db/installed"
        kept.parent.mkdir(parents=True)
        kept.write_bytes(APK_LIST)
    for at, of in ((0, 1), (1, 2), (2, 2)):
        lines = _packages(cluster, at, of).splitlines()
        assert lines == ["NAME        VERSION", "base-files  1694~abc", "musl        1.2.5-r0"]
    with pytest.raises(DemoError, match="neither apk nor opkg"):
        _packages(cluster, 1, 0)
    off = _name(cluster, 2)
    cluster.routers[2].ask_to_stop()
    assert cluster.routers[2].wait_for_end()
    said = json.loads(cluster.routers[1].dusk("--json", "device", "show", off))
    assert said["health"] is None
    assert "does not answer" in said["health_reason"]
    shown = json.loads(cluster.routers[1].dusk("--json", "device", "show", _name(cluster, 0)))
    assert shown["health"]["uptime_s"]
    assert "uptime" in cluster.routers[1].dusk("device", "show", _name(cluster, 0))
