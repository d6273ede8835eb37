"""Real daemons on two bridges with a router between them, and behind a switch that drops multicast."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from dusk.cli.client import Client
from tests.network.cluster import Cluster, running
from tests.network.committer import SHARED, prepare
from tests.network.sites import FarMachine, SitesPlace
from tests.network.wiring import TapPlace

pytestmark = [pytest.mark.network, pytest.mark.needs("root", "namespaces", "taps")]

CYCLE_S = 1.0
STEP_S_MAX = 90.0


@contextmanager
def _two_sites(here: int, there: int) -> Iterator[Cluster]:
    def make_place(routers: int) -> SitesPlace:
        return SitesPlace(routers, here)

    with running(
        here + there, f"{CYCLE_S}s", make_place=make_place, machine=FarMachine, step_s_max=STEP_S_MAX
    ) as cluster:
        prepare(cluster, [])
        yield cluster


def _all_online(cluster: Cluster) -> bool:
    states = [router.state() for router in cluster.routers if router.is_on]
    count = len(states)
    return all(s is not None and s["online"] == count and s["master"] == "router-1" for s in states)


def _a_change(cluster: Cluster, value: str) -> float:
    """Commit a change and return after how many seconds all that are on have it."""
    owner = cluster.owner(cluster.first)
    owner.set("policy/shared", SHARED, value)
    began_s = time.monotonic()
    owner.commit(value)
    on = [router for router in cluster.routers if router.is_on]
    cluster.wait("the change at all", lambda: len(cluster.heads(on)) == 1)
    return time.monotonic() - began_s


def test_routers_behind_a_routed_link_join_by_an_address_follow_and_outlive_their_relay() -> None:
    with _two_sites(3, 3) as cluster:
        cluster.wait("all online", lambda: _all_online(cluster))
        print(f"a change was at all six after {_a_change(cluster, 'one'):.2f} s")
        for victim in cluster.routers[3:]:
            victim.cut_power()
            cluster.wait("the others online", lambda: _all_online(cluster))
            print(f"without {victim.name}: {_a_change(cluster, victim.name):.2f} s")
            victim.power_on()
            cluster.wait("all online again", lambda: _all_online(cluster))
        assert all(cluster.stop().values())


def test_a_router_that_multicast_stops_reaching_stays_online_and_status_says_so() -> None:
    places: list[TapPlace] = []

    def make_place(routers: int) -> TapPlace:
        places.append(TapPlace(routers, seed=1))
        return places[0]

    with running(4, f"{CYCLE_S}s", make_place=make_place, step_s_max=STEP_S_MAX) as cluster:
        prepare(cluster, [])
        cluster.wait("all online", lambda: _all_online(cluster))
        places[0].switch.set_deaf([4])
        line = "multicast does not reach router-4: served one by one"

        def alarms() -> list[str]:
            state = cluster.first.state()
            return [] if state is None else state["alarms"]

        took_s = cluster.wait("the alarm", lambda: line in alarms())
        with closing(Client(cluster.first.root)) as client:
            shown = {row["name"]: row["way"] for row in client.call("device.list")["devices"]}
        ways = ("", "multicast", "multicast", "alone")
        assert shown == {f"router-{number}": way for number, way in enumerate(ways, 1)}
        print(f"noticed after {took_s / CYCLE_S:.1f} cycles")
        print(f"a change was at all four after {_a_change(cluster, 'alone'):.2f} s")
        cluster.wait("all online", lambda: _all_online(cluster))
        places[0].switch.set_deaf([])
        cluster.wait("no alarm", lambda: line not in alarms())
        assert all(cluster.stop().values())
