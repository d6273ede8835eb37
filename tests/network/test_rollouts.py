"""A change that would cut every router off stops at the canary; a good one goes through all waves."""

import pytest

from tests.network.applied import WINDOW_S, AppliedMachine, applying
from tests.network.rolling import commit, is_now, shown

pytestmark = [pytest.mark.network, pytest.mark.needs("root", "namespaces", "nft")]

ROUTERS = 5
WAVE_S = 60.0
NAME = "system.ntp.server"


def _files(routers: list[AppliedMachine], package: str) -> list[str]:
    return [router.text(package) for router in routers]


def test_a_change_that_cuts_routers_off_stops_at_the_canary_and_a_good_one_reaches_all() -> None:
    with applying(ROUTERS) as cluster:
        routers = [router for router in cluster.routers if isinstance(router, AppliedMachine)]
        canary, *rest = routers[1:]
        before = _files(routers, "firewall")
        owner = cluster.owner(cluster.first)
        owner.set("policy/closed", "firewall.closed", "rule")
        for option, value in {
            "target": "DROP",
            "proto": "tcp udp",
            "dest_port": "3875",
            "src": "lan",
        }.items():
            owner.set("policy/closed", f"firewall.closed.{option}", value)
        owner.call("policy.assign", name="closed", to="all")
        bad = commit(owner, "closes the door", "canary", canary.name)
        cluster.wait("it stops", is_now(cluster, bad, "stopped"), WINDOW_S + WAVE_S)
        found = shown(cluster, bad)
        assert found["why"].startswith(f"{canary.name} failed: no contact within")
        assert (found["wave"], found["waves_count"]) == (1, 2)
        assert {device["state"] for device in found["waves"][1]["devices"]} == {"waits"}
        assert _files(routers, "firewall") == before, "the canary is as it was, the others never changed"

        aborted = owner.call("rollout.order", id=bad, what="abort")
        assert owner.wait(aborted["ticket"])["state"] == "durable"
        owner.set("policy/time", NAME, "one.for.all")
        owner.call("policy.assign", name="time", to="all")
        good = commit(owner, "the time", "waves", "25%", "60%")
        cluster.wait("it is done", is_now(cluster, good, "done"), 3 * WAVE_S)
        assert all("one.for.all" in text for text in _files(routers, "system"))
        assert _files(routers, "firewall") == before
        entries = [entry for entry, _ in cluster.first.entries() if entry.outcome.reason == "open"]
        assert len(entries) == 2, "two gates between three waves"
        assert rest[0].ask("rollout", "show", good)["state"] == "done"
        assert all(cluster.stop().values())
