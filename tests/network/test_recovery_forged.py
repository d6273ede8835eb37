"""A recovery against a thief of routers, phrase and password, and against another recovery (A40)."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dusk.cli.client import Json
from dusk.demo.place import BridgePlace
from dusk.errors import Refused
from tests.network.cluster import PASSWORD, Cluster, Machine, running

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces")]

SSID = "wireless.default_radio0.ssid"
COMMIT_S = 60.0
RESCUER, RESCUERS_PASSWORD = "carol", "a password of hers"
OTHER_RESCUER = "dave"
THIEF = "mallory"
FORGED = 3
"""Generations that the thief chains; the true history has one."""


@contextmanager
def _site() -> Iterator[tuple[Cluster, BridgePlace]]:
    places: list[BridgePlace] = []

    def make_place(routers: int) -> BridgePlace:
        places.append(BridgePlace(routers))
        return places[-1]

    with running(4, "0.5s", make_place=make_place) as cluster:
        yield cluster, places[0]


def _by_phrase(cluster: Cluster, router: Machine, phrase: str, following: str, *words: str) -> Json:
    files = ("--phrase-file", str(cluster.base / phrase), "--new-phrase-file", str(cluster.base / following))
    made: Json = json.loads(router.dusk("recover", *words, *files, "--json"))
    return made


def _recover(cluster: Cluster, router: Machine, user: str, phrase: str, following: str) -> None:
    rescue = cluster.base / "rescue"
    rescue.write_text(RESCUERS_PASSWORD + "\n")
    words = ("--user", user, "--password-file", str(rescue))
    assert _by_phrase(cluster, router, phrase, following, *words)["owner"] == user


def _generation(router: Machine) -> int:
    return max((entry.head.generation for entry, _ in router.entries()), default=0)


def _alarms(router: Machine) -> str:
    return str((router.state() or {}).get("alarms"))


@pytest.mark.timeout(400)
def test_a40_a_thief_of_the_old_master_backup_phrase_and_password_forges_what_no_rescued_router_takes() -> (
    None
):
    with _site() as (cluster, place):
        first, second, third, away = cluster.routers
        hosts = {router.name: place._network.hosts[router.number - 1] for router in cluster.routers}
        owner = cluster.owner(first)
        named = owner.call("role.backups", devices=[second.name], timeout_s=COMMIT_S)
        assert owner.wait(named["ticket"])["state"] == "durable"
        cluster.wait("the succession everywhere", cluster.at_one_head)
        for router in (first, second):
            place._network.unplug(hosts[router.name])
        away.cut_power()
        # who is heard when the phrase is used may lead after it
        cluster.wait("nobody is heard", lambda: (third.state() or {}).get("online") == 1)

        _recover(cluster, third, RESCUER, "phrase", "next")
        rescuer = cluster.owner(third, RESCUER, RESCUERS_PASSWORD)
        rescuer.set("policy/wifi", SSID, "rescued")
        assert rescuer.commit("rescued", timeout_s=COMMIT_S)["state"] == "local"
        away.power_on()
        rescued = [third, away]
        cluster.wait("who was off follows", lambda: _is_one(cluster, rescued))
        cluster.wait("both take it for final", lambda: all(router.is_settled() for router in rescued))

        for number in range(FORGED):  # on the disk of the old master, each by the phrase of the one before
            former = "phrase" if number == 0 else f"forged-{number}"
            _recover(cluster, first, f"{THIEF}-{number + 1}", former, f"forged-{number + 1}")
        former_owner = cluster.owner(second, password=PASSWORD)
        forced = former_owner.call("role.force", backups=[], timeout_s=COMMIT_S)
        assert former_owner.wait(forced["ticket"])["state"] == "local"

        before = (third.state() or {})["head"]["seq"]
        place._network.plug(hosts[first.name])
        cluster.wait(
            "it is seen", lambda: all("would undo what is final" in _alarms(router) for router in rescued)
        )
        rescuer.set("policy/wifi", SSID, "rescued, still")
        assert rescuer.commit("still", timeout_s=COMMIT_S)["state"] == "durable"
        cluster.wait("both have it", lambda: _is_one(cluster, rescued))
        assert all(f"{RESCUER} owns it now" in _alarms(router) for router in rescued)
        assert not any(THIEF in _alarms(router) for router in rescued)
        for router in rescued:
            _shut_out(cluster, router)
        place._network.unplug(hosts[first.name])

        place._network.plug(hosts[second.name])
        cluster.wait("the former backup follows", lambda: _is_one(cluster, [*rescued, second]))
        _shut_out(cluster, second)
        assert cluster.stop()
        for router in (*rescued, second):
            assert _generation(router) == 1
            assert all(entry.head.generation == 1 for entry, _ in router.entries()[before:])
        assert _generation(first) == FORGED


@pytest.mark.timeout(300)
def test_a40_both_sides_of_a_cut_network_were_recovered_and_refuse_each_other_until_one_is_given_up() -> None:
    with _site() as (cluster, place):
        kept, follows, given_up, gone = cluster.routers
        gone.cut_power()
        apart = place._network.hosts[given_up.number - 1]
        place._network.unplug(apart)
        cluster.wait("nobody is heard there", lambda: (given_up.state() or {}).get("online") == 1)
        for router, user in ((kept, RESCUER), (given_up, OTHER_RESCUER)):
            _recover(cluster, router, user, "phrase", f"next of {user}")
        cluster.wait("its side follows", lambda: _is_one(cluster, [kept, follows]))
        cluster.wait("both sides are final", lambda: all(r.is_settled() for r in (kept, follows, given_up)))

        place._network.plug(apart)
        everybody = [kept, follows, given_up]
        cluster.wait(
            "each refuses the other", lambda: all("undo what is final" in _alarms(r) for r in everybody)
        )
        assert not _is_one(cluster, everybody), "no rule can choose"
        head = (kept.state() or {})["head"]["hash"]
        joined = _by_phrase(cluster, given_up, f"next of {OTHER_RESCUER}", "never needed", "--join", head)
        assert joined["joins"] == head

        cluster.wait("it went over", lambda: _is_one(cluster, everybody))
        owner = cluster.owner(given_up, RESCUER, RESCUERS_PASSWORD)
        owner.set("policy/wifi", SSID, "one again")
        assert owner.commit("one again", timeout_s=COMMIT_S)["state"] == "durable"
        for router in everybody:
            with pytest.raises(Refused):
                cluster.owner(router, OTHER_RESCUER, RESCUERS_PASSWORD)
            check = ("recover", "--check", "--phrase-file")
            assert "recovers" in router.dusk(*check, str(cluster.base / f"next of {RESCUER}"))
            router.dusk(*check, str(cluster.base / "never needed"), exits=(1,))
        gone.power_on()
        cluster.wait("who was off follows", lambda: _is_one(cluster, cluster.routers))
        cluster.wait(
            "no other history is shown", lambda: not any("undo" in _alarms(r) for r in cluster.routers)
        )
        assert all(cluster.stop().values())


def _is_one(cluster: Cluster, routers: list[Machine]) -> bool:
    found = cluster.heads(routers)
    return len(found) == 1 and found != {(0, "")}


def _shut_out(cluster: Cluster, router: Machine) -> None:
    """Show that neither phrase nor person of before, nor the thief's, is anybody here."""
    for phrase in ("phrase", *(f"forged-{number + 1}" for number in range(FORGED))):
        router.dusk("recover", "--check", "--phrase-file", str(cluster.base / phrase), exits=(1,))
    assert "recovers" in router.dusk("recover", "--check", "--phrase-file", str(cluster.base / "next"))
    for user, password in (("anna", PASSWORD), (f"{THIEF}-{FORGED}", RESCUERS_PASSWORD)):
        with pytest.raises(Refused):
            cluster.owner(router, user, password)
