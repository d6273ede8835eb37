"""A router that leaves by its own root's word, and comes back as a new one, with real daemons (A22)."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dusk.cycle.groupkeys import decode_group_keys
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
        assert PASSWORD in (made.base / "password").read_text()
        made.first.dusk("login", USER, "--password-file", str(made.base / "password"))
        yield made


def _says(router: Machine, key: str, value: str) -> bool:
    return files.values(router.config, key.replace("[0]", "")) == [value]


def _role(router: Machine) -> object:
    return (router.state() or {}).get("role")


def _commit(router: Machine, key: str, value: str) -> None:
    router.dusk("set", "policy/names", f"{key}={value}")
    router.dusk("commit", "-m", value, "--yes")


def _contents(router: Machine) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(router.config.iterdir())}


def _newest_key(router: Machine) -> object:
    return decode_group_keys((router.node_folder / "groupkeys").read_bytes()).newest


def _member(cluster: Cluster) -> Machine:
    return next(router for router in cluster.routers if _role(router) == "member")


def test_a22_a_router_leaves_keeps_its_files_forgets_all_and_joins_again_as_a_new_one(
    cluster: Cluster, tmp_path: Path
) -> None:
    first, gone = cluster.first, _member(cluster)
    others = [router for router in cluster.routers if router is not gone]
    psk = tmp_path / "psk"
    psk.write_text(SECRET + "\n")
    first.dusk("set", "policy/names", f"{KEY}=@{psk}")
    first.dusk("policy", "assign", "names", "--all")
    _commit(first, HOST, "before")
    cluster.wait("all have it", lambda: all(_says(r, HOST, "before") for r in cluster.routers))
    cluster.wait("it is kept", lambda: all(router.is_kept() for router in cluster.routers))
    cluster.wait("one head", cluster.at_one_head)
    key, name = _newest_key(first), (gone.state() or {})["name"]
    identity, contents = (gone.node_folder / "identity").read_bytes(), _contents(gone)

    said = json.loads(gone.dusk("--json", "leave", "--yes", "--keep-config"))
    assert said == {"left": True, "missing": "", "device": name}
    assert _role(gone) == "none"
    assert (gone.node_folder / "identity").read_bytes() != identity
    assert not {"groupkeys", "outbox", "in-effect", "leaving"} & {p.name for p in gone.node_folder.iterdir()}
    assert gone.entries() == []
    cluster.wait("another key", lambda: _newest_key(first) not in (None, key), SLOW_S)
    shown = {row["name"]: row for row in json.loads(first.dusk("--json", "device", "list"))}
    assert name not in shown
    row = json.loads(first.dusk("--json", "log", "-n", "1"))[0]
    assert row["message"] == "leaves the cluster"
    assert json.loads(first.dusk("--json", "device", "show", name))["retired"] is True

    _commit(first, HOST, "after")
    cluster.wait("the others have it", lambda: all(_says(r, HOST, "after") for r in others))
    gone.cut_power()
    gone.power_on()
    cluster.wait("it starts", lambda: _role(gone) == "none")
    assert _contents(gone) == contents
    assert _says(gone, KEY, SECRET)

    line = tmp_path / "again.key"
    first.dusk("joinkey", "create", "--auto", "--file", str(line))
    gone.dusk("join", "--file", str(line))
    cluster.wait("it is in again", lambda: _role(gone) == "member", SLOW_S)
    cluster.wait("it follows", lambda: _says(gone, HOST, "after"), SLOW_S)
    cluster.wait("one head", cluster.at_one_head, SLOW_S)


def test_who_may_lead_does_not_leave_and_who_hears_nobody_goes_once_it_does(cluster: Cluster) -> None:
    first, gone = cluster.first, _member(cluster)
    others = [router for router in cluster.routers if router is not gone]
    first.dusk("set", "policy/names", f"{HOST}=before")
    first.dusk("policy", "assign", "names", "--all")
    first.dusk("commit", "-m", "before")
    cluster.wait("all have it", lambda: all(_says(r, HOST, "before") for r in cluster.routers))
    cluster.wait("it is kept", lambda: all(router.is_kept() for router in cluster.routers))
    first.dusk("leave", "--yes", exits=(1,))
    assert _role(first) == "master"
    for router in others:
        router.cut_power()

    late = gone.dusk("leave", "--restore-local", "--yes", "--timeout", "2s", exits=(1,))
    assert "its files are not as they were before yet" in late, "nobody would confirm them"
    gone.cut_power()
    gone.power_on()
    cluster.wait("it is a member still", lambda: _role(gone) == "member")
    late = gone.dusk("leave", "--yes", "--timeout", "2s", exits=(1,))
    assert "has not left yet" in late
    gone.cut_power()
    gone.power_on()
    cluster.wait(
        "it knows still", lambda: any("leaving" in a for a in (gone.state() or {}).get("alarms", ()))
    )
    for router in others:
        router.power_on()
    cluster.wait("it has left", lambda: _role(gone) == "none", SLOW_S)
    assert _says(gone, HOST, "before")
    cluster.wait("the others lead on", lambda: len(cluster.heads(others)) == 1 and _role(first) is not None)
    cluster.wait("they know", lambda: all((r.state() or {}).get("members") == 2 for r in others), SLOW_S)
