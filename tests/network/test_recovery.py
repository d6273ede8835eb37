"""The recovery phrase with real daemons: master and backup destroyed, the password forgotten."""

import json
import time
from collections.abc import Iterator

import pytest

from dusk.errors import Refused
from tests.network.cluster import Cluster, Machine, running

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces")]

SSID = "wireless.default_radio0.ssid"
RECOVERED_S_MAX = 60.0
COMMIT_S = 60.0
RESCUER, PASSWORD = "carol", "a password of hers"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running(4, "0.5s") as made:
        yield made


def _state(router: Machine) -> dict[str, object]:
    return router.state() or {}


def _recover(cluster: Cluster, router: Machine, user: str, phrase: str, following: str) -> list[str]:
    files = {name: str(cluster.base / name) for name in (phrase, following, "rescue")}
    (cluster.base / "rescue").write_text(PASSWORD + "\n")
    words = ["recover", "--user", user, "--phrase-file", files[phrase], "--password-file", files["rescue"]]
    return [*words, "--new-phrase-file", files[following], "--json"]


def test_a40_master_and_backup_destroyed_and_the_password_forgotten_the_phrase_brings_the_cluster_back(
    cluster: Cluster,
) -> None:
    first, second, third, away = cluster.routers
    owner = cluster.owner(first)
    named = owner.call("role.backups", devices=[second.name], timeout_s=COMMIT_S)
    assert owner.wait(named["ticket"])["state"] == "durable"
    cluster.wait("the succession everywhere", cluster.at_one_head)
    former = cluster.owner(third)
    away.cut_power()
    first.cut_power()
    second.cut_power()
    # who is heard when the phrase is used may lead after it: nobody, once these have been silent for a while
    cluster.wait("nobody is heard", lambda: _state(third).get("online") == 1)

    check = ("recover", "--check", "--phrase-file", str(cluster.base / "phrase"))
    assert "recovers the cluster test" in third.dusk(*check)
    began_s = time.monotonic()
    made = json.loads(third.dusk(*_recover(cluster, third, RESCUER, "phrase", "next")))
    assert (made["owner"], made["state"]) == (RESCUER, "local"), "nobody else is there"
    rescuer = cluster.owner(third, RESCUER, PASSWORD)
    rescuer.set("policy/wifi", SSID, "recovered")
    assert rescuer.commit("recovered", timeout_s=COMMIT_S)["state"] == "local"
    took_s = time.monotonic() - began_s
    assert took_s < RECOVERED_S_MAX, f"{took_s:.1f} s"
    with pytest.raises(Refused) as refused:
        former.call("session.whoami")
    assert refused.value.code == "no-session"

    away.power_on()
    cluster.wait("who was off follows", lambda: cluster.heads([third, away]) == cluster.heads([third]))
    cluster.wait("it tells of it", lambda: f"{RESCUER} owns it now" in str(_state(away).get("alarms")))
    assert f"{RESCUER} owns it now" in str(_state(third)["alarms"])
    for router in (third, away):
        _spent_and_shut_out(cluster, router)
    rescuer.set("policy/wifi", SSID, "on two disks")
    assert rescuer.commit("on two disks", timeout_s=COMMIT_S)["state"] == "durable"

    first.power_on()  # it was not destroyed after all, and leads with the old owner's word
    second.power_on()
    cluster.wait("all follow", cluster.at_one_head)
    assert _state(first)["role"] == _state(second)["role"] == "member"
    for router in (first, second):
        _spent_and_shut_out(cluster, router)
    words = set((cluster.base / "phrase").read_text().split())
    for router in cluster.routers:
        assert not any(words <= set(line.split()) for line in router.said.splitlines())
    assert all(cluster.stop().values())


def _spent_and_shut_out(cluster: Cluster, router: Machine) -> None:
    """Show that the old phrase and the old owner are nobody's here."""
    router.dusk("recover", "--check", "--phrase-file", str(cluster.base / "phrase"), exits=(1,))
    router.dusk(*_recover(cluster, router, "mallory", "phrase", "never"), exits=(1,))
    assert not (cluster.base / "never").exists()
    assert "recovers" in router.dusk("recover", "--check", "--phrase-file", str(cluster.base / "next"))
    with pytest.raises(Refused):
        cluster.owner(router)
