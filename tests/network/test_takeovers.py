"""Who leads when a router or a cable dies, with real daemons."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dusk.daemon.opening import read_log
from dusk.effects import ItemKind
from tests.network.cluster import Cluster, Machine, running
from tests.network.committer import SHARED, make_backups, prepare
from tests.network.wiring import Switch, TapPlace, between

pytestmark = [pytest.mark.network, pytest.mark.needs("root", "namespaces", "taps")]

STEP_S_MAX = 120.0
"""The machine may be busy; the figures themselves are held to their limits by the benchmarks."""
CYCLE_S = 0.5
LONGER_CYCLE_S = 1.0
"""Nobody shall take a router for dead because a busy machine let it wait."""
CUT_CYCLES = 12
"""Four times what it takes until a backup leads."""


@contextmanager
def _with_backup(nodes: int, cycle_s: float) -> Iterator[tuple[Cluster, Switch]]:
    """Run a cluster whose second router takes over, on a switch whose ways can be cut."""
    places: list[TapPlace] = []

    def make_place(routers: int) -> TapPlace:
        places.append(TapPlace(routers, seed=1))
        return places[0]

    with running(nodes, f"{cycle_s}s", make_place=make_place, step_s_max=STEP_S_MAX) as cluster:
        prepare(cluster, [])
        make_backups(cluster, 1)
        cluster.wait("the backup everywhere", lambda: _all_settled(cluster))
        yield cluster, places[0].switch


def _all_settled(cluster: Cluster) -> bool:
    return cluster.at_one_head() and all(router.is_settled() for router in cluster.routers)


def _stand(router: Machine) -> tuple[str, str, int]:
    """Return a router's role, whom it takes for the master, and the epoch."""
    state = router.state()
    assert state is not None, router.name
    return state["role"], state["master"], state["epoch"]


def _rewinds(router: Machine) -> int:
    frames = read_log(router.node_folder).frames
    return sum(1 for frame in frames if frame.item.kind is ItemKind.REWIND)


def test_a_backup_takes_over_and_the_old_master_follows_and_leads_again_without_a_fork() -> None:
    with _with_backup(3, CYCLE_S) as (cluster, _):
        first, second, third = cluster.routers
        _, _, epoch = _stand(first)
        owner = cluster.owner(third)
        owner.set("policy/shared", SHARED, "without the master")
        first.cut_power()
        began_s = time.monotonic()
        assert owner.commit("without the master", timeout_s=STEP_S_MAX)["state"] == "durable"
        print(f"the master died; a change was durable after {time.monotonic() - began_s:.2f} s (P11)")
        assert _stand(second) == ("master", second.name, epoch + 1)

        first.power_on()
        began_s = time.monotonic()
        cluster.wait("the old master back", cluster.at_one_head)
        assert _stand(first) == ("backupMaster", second.name, epoch + 1)
        leads_again = ("master", first.name, epoch + 2)
        cluster.wait("the old master leading again", lambda: _stand(first) == leads_again)
        print(f"it led again {time.monotonic() - began_s:.2f} s after its start")
        assert time.monotonic() - began_s >= 20 * CYCLE_S
        cluster.wait("all settled under it", lambda: _all_settled(cluster))
        assert _stand(second) == ("backupMaster", first.name, epoch + 2)
        assert all(cluster.stop().values())
        for router in cluster.routers:
            router.dusk("verify")
            assert _rewinds(router) == 0


def test_a44_a_dead_link_between_master_and_backup_alone_changes_no_leader() -> None:
    with _with_backup(4, LONGER_CYCLE_S) as (cluster, switch):
        first, second, _, fourth = cluster.routers
        before = [_stand(router) for router in cluster.routers]
        owner = cluster.owner(fourth)
        switch.set_cuts(between([[first.number], [second.number]]))
        began_s, count = time.monotonic(), 0
        while time.monotonic() - began_s < CUT_CYCLES * LONGER_CYCLE_S:
            count += 1
            owner.set("policy/shared", SHARED, f"change {count}")
            assert owner.commit(f"change {count}", timeout_s=STEP_S_MAX)["state"] == "durable"
            cluster.wait("the change at all, the backup too", cluster.at_one_head)
            assert [_stand(router) for router in cluster.routers] == before
        counts = switch.count()
        print(f"{count} changes reached all in {CUT_CYCLES} cycles, {counts['cut']} frames were cut")
        assert counts["cut"] > CUT_CYCLES
        switch.set_cuts(frozenset())
        cluster.wait("all settled over the link", lambda: _all_settled(cluster))
        assert [_stand(router) for router in cluster.routers] == before
        assert all(cluster.stop().values())
