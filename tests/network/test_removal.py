"""Who goes: a person whose key was stolen, a router that is wiped, with real daemons (A22, A23)."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dusk.changelog.log import Log
from dusk.changelog.voiding import voids_in
from dusk.cycle.groupkeys import decode_group_keys
from dusk.daemon.opening import read_log
from dusk.demo import files
from tests.network.cluster import PASSWORD, USER, Cluster, Machine, running

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces")]

HOST, KEY = "system.@system[0].hostname", "wireless.default_radio0.key"
SECRET = "correct horse battery staple"
SLOW_S = 90.0


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Three routers; the owner is logged in at the first."""
    with running(3, "0.5s") as made:
        made.first.dusk("login", USER, "--password-file", str(made.base / "password"))
        yield made


def _says(router: Machine, key: str, value: str) -> bool:
    return files.values(router.config, key.replace("[0]", "")) == [value]


def _has_come_off(router: Machine) -> bool:
    """Tell whether the secret is off for good: until the apply is final it may come back."""
    applied = (router.state() or {}).get("apply", {}).get("state")
    return applied == "committed" and not _says(router, KEY, SECRET)


def _set(router: Machine, value: str) -> int:
    router.dusk("set", "policy/names", f"{HOST}={value}")
    return int(json.loads(router.dusk("--json", "commit", "-m", value))["seq"])


def _newest_key(router: Machine) -> object:
    return decode_group_keys((router.node_folder / "groupkeys").read_bytes()).newest


def test_a23_an_owner_undoes_what_a_thief_did_and_all_routers_follow(cluster: Cluster) -> None:
    first, second, _third = cluster.routers
    first.dusk("user", "add", "bob", "--password-file", str(cluster.base / "password"))
    first.dusk("grant", "policy", "--user", "bob")
    _set(first, "first")
    first.dusk("policy", "assign", "names", "--all")
    good = _set(first, "good")
    cluster.wait("the good name", lambda: all(_says(r, HOST, "good") for r in cluster.routers))
    assert PASSWORD in (cluster.base / "password").read_text()
    second.dusk("login", "bob", "--password-file", str(cluster.base / "password"))
    since = _set(second, "evil")
    cluster.wait("the evil name", lambda: all(_says(r, HOST, "evil") for r in cluster.routers))

    said = first.dusk("user", "disable", "bob", "--compromised-since", str(since), "--yes")
    assert "void since version" in said
    cluster.wait("the good name again", lambda: all(_says(r, HOST, "good") for r in cluster.routers))
    cluster.wait("one head", cluster.at_one_head)
    second.dusk("set", "policy/names", f"{HOST}=evil again", exits=(1,))
    rows = {row["seq"]: row for row in json.loads(first.dusk("--json", "log"))}
    void = rows[since]["void"]
    assert (rows[void]["kind"], rows[good]["void"]) == ("void", None)
    assert f"void by {void}" in second.dusk("log")
    assert f"as in version {good}" in second.dusk("blame", "policy/names")
    assert f"void since {since}" in second.dusk("user", "list")
    cluster.stop()
    heads = set()
    for router in cluster.routers:
        log = Log(None)
        log.extend(read_log(router.node_folder).items)
        assert [one.said.since for one in voids_in(log.state).values()] == [since]
        heads.add(log.head)
    assert len(heads) == 1


def test_a22_a_removed_router_is_wiped_and_harmless_and_who_was_off_has_the_new_key(
    cluster: Cluster, tmp_path: Path
) -> None:
    first = cluster.first
    roles = {router.name: (router.state() or {})["role"] for router in cluster.routers}
    gone = next(router for router in cluster.routers if roles[router.name] == "member")
    (off,) = (router for router in cluster.routers if router not in (first, gone))
    psk = tmp_path / "psk"
    psk.write_text(SECRET + "\n")
    first.dusk("set", "policy/wifi", f"{KEY}=@{psk}")
    first.dusk("policy", "assign", "wifi", "--all")
    first.dusk("commit", "-m", "wifi")
    cluster.wait("the secret", lambda: all(_says(r, KEY, SECRET) for r in cluster.routers))
    cluster.wait("one head", cluster.at_one_head)
    before = _newest_key(first)
    off.cut_power()

    first.dusk("device", "remove", gone.name, "--wipe-managed")
    cluster.wait("it knows", lambda: (gone.state() or {}).get("role") == "removed", SLOW_S)
    cluster.wait("the secret is off", lambda: _has_come_off(gone), SLOW_S)
    cluster.wait("another key", lambda: _newest_key(first) not in (None, before), SLOW_S)
    off.power_on()
    cluster.wait("the key of now", lambda: _newest_key(off) == _newest_key(first), SLOW_S)
    cluster.wait("one head", lambda: len(cluster.heads([first, off])) == 1, SLOW_S)
    assert _newest_key(gone) == before

    at = len(gone.entries())
    gone.cut_power()
    gone.power_on()
    cluster.wait("it knows still", lambda: (gone.state() or {}).get("role") == "removed", SLOW_S)
    _set(first, "later")
    cluster.wait("one head", lambda: len(cluster.heads([first, off])) == 1, SLOW_S)
    assert len(gone.entries()) == at
    assert (gone.state() or {})["role"] == "removed"


def test_a22_a_router_that_was_off_when_it_was_removed_is_wiped_when_it_comes_back(
    cluster: Cluster, tmp_path: Path
) -> None:
    first = cluster.first
    gone = next(r for r in cluster.routers if (r.state() or {})["role"] == "member")
    psk = tmp_path / "psk"
    psk.write_text(SECRET + "\n")
    first.dusk("set", "policy/wifi", f"{KEY}=@{psk}")
    first.dusk("policy", "assign", "wifi", "--all")
    first.dusk("commit", "-m", "wifi", "--yes")
    cluster.wait("the secret", lambda: all(_says(r, KEY, SECRET) for r in cluster.routers))
    cluster.wait("one head", cluster.at_one_head)
    gone.cut_power()
    first.dusk("device", "remove", gone.name, "--wipe-managed")
    _set(first, "later")
    at = len(gone.entries())
    gone.power_on()
    cluster.wait("it knows", lambda: (gone.state() or {}).get("role") == "removed", SLOW_S)
    cluster.wait("the secret is off", lambda: _has_come_off(gone), SLOW_S)
    alarms = (gone.state() or {})["alarms"]
    assert any("managed secrets come off" in line for line in alarms)
    assert len(gone.entries()) == at, "it is handed nothing of the log"
    gone.cut_power()
    gone.power_on()
    cluster.wait("it knows still", lambda: (gone.state() or {}).get("role") == "removed", SLOW_S)
    cluster.wait("the secret stays off", lambda: _has_come_off(gone), SLOW_S)
