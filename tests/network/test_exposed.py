"""A router to which everything can happen is one to which it really happens."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from tests.network.cluster import Cluster, running
from tests.network.doorkeeper import is_waiting, let_in
from tests.network.exposed import Exposed

pytestmark = [
    pytest.mark.network,
    pytest.mark.needs("root", "namespaces"),
    pytest.mark.xdist_group("exposed"),
]

YEAR_2090_S = 3_786_912_000.0
HOUR_S = 3600.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two routers; each test leaves them running, at one head."""
    with running(2, "0.2s", machine=Exposed, spare_uses=2) as made:
        yield made


def _second(cluster: Cluster) -> Exposed:
    return cast("Exposed", cluster.routers[1])


def _commit(cluster: Cluster, value: str) -> str:
    owner = cluster.owner(cluster.first)
    owner.set("policy/x", "system.ntp.enabled", value)
    answer = owner.commit(value, timeout_s=30)
    assert answer["state"] in {"durable", "local"}
    cluster.wait("one head", cluster.is_quiet)
    return str(answer["hash"])


def _device(router: Exposed) -> object:
    return (router.state() or {}).get("device")


def _name(router: Exposed) -> object:
    return (router.state() or {}).get("name")


def test_a_paused_one_stands_still_until_it_goes_on(cluster: Cluster) -> None:
    router = _second(cluster)
    stat = Path(f"/proc/{router.pid}/stat")
    router.pause()
    cluster.wait("it stands still", lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")
    router.go_on()
    cluster.wait("one head", cluster.is_quiet)


def test_an_older_disk_lacks_what_came_later_and_gets_it_again(cluster: Cluster) -> None:
    router = _second(cluster)
    router.cut_power()
    router.keep_copy()
    router.power_on()
    change = _commit(cluster, "later")
    router.cut_power()
    router.put_copy_back()
    assert all(entry.change is None or entry.change.hex() != change for entry, _ in router.entries())
    assert router.holds(change), "on the disk that it lost"
    router.power_on()
    cluster.wait("one head", cluster.is_quiet)


def test_a_copy_made_beside_its_running_daemon_brings_the_same_router_back(
    cluster: Cluster, tmp_path: Path
) -> None:
    router, file = _second(cluster), tmp_path / "copy.tar.gz"
    device = _device(router)
    router.dusk("backup", str(file))
    _commit(cluster, "behind the copy")
    router.cut_power()
    shutil.rmtree(router.root / "etc/dusk")
    subprocess.run(["tar", "-xzf", str(file), "-C", str(router.root)], check=True)
    router.power_on()
    cluster.wait("it is back", lambda: cluster.is_quiet() and _device(router) == device)


def test_an_emptied_disk_with_its_key_is_the_same_device_again(cluster: Cluster) -> None:
    router = _second(cluster)
    device = _device(router)
    router.cut_power()
    router.empty_disk(cluster.join_line, keeps_key=True)
    router.power_on()
    cluster.wait("it is back", lambda: cluster.is_quiet() and _device(router) == device)


def test_a20_an_emptied_disk_without_its_key_waits_and_is_the_same_member_once_a_person_says_so(
    cluster: Cluster,
) -> None:
    router, owner = _second(cluster), cluster.owner(cluster.first)
    device, name = _device(router), _name(router)
    router.cut_power()
    router.empty_disk(cluster.join_line, keeps_key=False)
    router.power_on()
    cluster.wait("it waits", lambda: is_waiting(router))
    cluster.wait("it is let in", lambda: let_in(owner, router) == name)
    cluster.wait("it is back", cluster.is_quiet)
    assert (_device(router) == device, _name(router)) == (False, name)
    assert (cluster.first.state() or {})["members"] == len(cluster.routers)


def test_a_clock_that_jumps_is_the_one_that_the_daemon_reads(cluster: Cluster) -> None:
    first = cast("Exposed", cluster.first)
    first.cut_power()
    first.set_wall_clock(YEAR_2090_S)
    first.power_on()
    cluster.wait("one head", cluster.is_quiet)
    change = _commit(cluster, "in 2090")
    (entry,) = [entry for entry, _ in first.entries() if entry.change and entry.change.hex() == change]
    assert abs(entry.time_s - YEAR_2090_S) < HOUR_S
