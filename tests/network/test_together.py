"""The VLAN by which routers reach each other is moved on all at once; who cannot follow is back by itself."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.network.applied import NETWORK_WINDOW_S, AppliedMachine, applying
from tests.network.cluster import Cluster, Owner
from tests.network.rolling import commit, is_now, shown

pytestmark = [pytest.mark.network, pytest.mark.needs("root", "namespaces")]

ROUTERS = 10
SWITCH_S = 60.0
RETRY_S = 60.0
"""The first retry is 30 s behind a failure."""


def _move(owner: Owner, vlan: str, **more: Any) -> str:
    owner.set("policy/management", "network.lan.device", f"eth0.{vlan}")
    return commit(owner, f"management is VLAN {vlan}", "together", **more)


def _are_in(routers: Sequence[AppliedMachine], vlan: str) -> Callable[[], bool]:
    """Return what looks whether routers have a VLAN in effect for good, as each says itself."""

    def looks() -> bool:
        has_it = all(f"eth0.{vlan}'" in router.text("network") for router in routers)
        return has_it and all(router.apply == ("committed", "") for router in routers)

    return looks


def _online(cluster: Cluster) -> int:
    state = cluster.first.state()
    return 0 if state is None else int(state["online"])


def _states(cluster: Cluster, ident: str) -> dict[str, str]:
    (wave,) = shown(cluster, ident)["waves"]
    return {device["name"]: device["state"] for device in wave["devices"]}


def test_the_management_vlan_moves_on_all_ten_at_once_and_nine_stay_where_one_cannot_follow() -> None:
    with applying(ROUTERS) as cluster:
        routers = [router for router in cluster.routers if isinstance(router, AppliedMachine)]
        owner = cluster.owner(cluster.first)
        owner.set("policy/management", "network.lan.mtu", "1500")
        owner.call("policy.assign", name="management", to="all")
        moved = _move(owner, "20")
        cluster.wait("all ten are in VLAN 20", _are_in(routers, "20"), SWITCH_S)
        cluster.wait("it is done", is_now(cluster, moved, "done"), SWITCH_S)
        assert _online(cluster) == ROUTERS
        assert set(_states(cluster, moved).values()) == {"applied"}

        *nine, tenth = routers
        tenth.set_wiring("30")
        again = _move(owner, "30")
        cluster.wait("nine are in VLAN 30", _are_in(nine, "30"), SWITCH_S)
        cluster.wait("the tenth is back", lambda: tenth.apply[0] == "failed", NETWORK_WINDOW_S + SWITCH_S)
        assert (
            tenth.apply[1] == f"no word that most have switched within {NETWORK_WINDOW_S} s after the reload"
        )
        assert "eth0.20'" in tenth.text("network")
        assert shown(cluster, again)["state"] == "running"
        assert _states(cluster, again) == {
            **{router.name: "applied" for router in nine},
            tenth.name: "offline",
        }
        assert _online(cluster) == ROUTERS - 1
        assert _are_in(nine, "30")()

        tenth.set_wiring()
        cluster.wait("it follows by itself", _are_in([tenth], "30"), RETRY_S)
        cluster.wait("it is done", is_now(cluster, again, "done"), SWITCH_S)
        assert _online(cluster) == ROUTERS
        assert all(cluster.stop().values())
