"""Roles with real daemons: a backup takes over, and owners force the lead upon another router."""

from collections.abc import Iterator

import pytest

from tests.network.cluster import Cluster, Machine, running

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces")]

SSID = "wireless.default_radio0.ssid"
COMMIT_S = 60.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running(3, "0.5s") as made:
        yield made


def _state(router: Machine) -> dict[str, object]:
    return router.state() or {}


def test_a_backup_takes_over_and_owners_force_the_lead_upon_a_third(cluster: Cluster) -> None:
    first, second, third = cluster.routers
    owner = cluster.owner(first)
    named = owner.call("role.backups", devices=[second.name], timeout_s=COMMIT_S)
    assert owner.wait(named["ticket"])["state"] == "durable"
    cluster.wait(
        "the succession settled everywhere", lambda: all(router.is_settled() for router in cluster.routers)
    )
    assert [_state(router)["role"] for router in cluster.routers] == ["master", "backupMaster", "member"]

    first.cut_power()
    member = cluster.owner(third)
    member.set("policy/wifi", SSID, "across a takeover")
    assert member.commit("across a takeover", timeout_s=COMMIT_S)["state"] == "durable"
    assert _state(second)["role"] == "master"
    cluster.wait("the absent holder named", lambda: first.name in str(_state(second).get("alarms")))
    assert not second.is_settled()
    # those that are heard when it is made lead behind it
    cluster.wait("the third hears the second", lambda: _state(third)["online"] == 2)

    forced = member.call("role.force", timeout_s=COMMIT_S)
    assert f"{third.name} leads, then {second.name}" in forced["text"]
    assert member.wait(forced["ticket"])["state"] == "durable"
    cluster.wait("the rest settled without it", lambda: third.is_settled() and second.is_settled())
    assert [_state(router)["role"] for router in (second, third)] == ["backupMaster", "master"]
    assert _state(third)["alarms"] == []

    first.power_on()
    cluster.wait("the old master behind the new one", lambda: _state(first).get("master") == third.name)
    cluster.wait("all at one head", cluster.at_one_head)
    assert _state(first)["role"] == "member"
    assert all(cluster.stop().values())
