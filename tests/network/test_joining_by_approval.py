"""Routers that a person lets in, as a user types it, with real daemons (A19, A20)."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from dusk.changelog import views
from dusk.changelog.log import Log
from dusk.cycle.groupkeys import decode_group_keys
from dusk.daemon.opening import read_log
from tests.helper.test_helper_follow import TELL
from tests.helper.test_helper_hooks import hook
from tests.helper.test_helper_hooks import said as said_to_hooks
from tests.network.cluster import PASSWORD, USER, Cluster, Machine, running

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces")]

SLOW_S = 90.0
"""A pending router asks again after 30 s at most, and jitter."""


@contextmanager
def _one_and_three() -> Iterator[tuple[Cluster, list[Machine]]]:
    """Run one master, whose root has programs that follow, and let three routers wait for power."""
    with running(1, "0.5s", newcomers=3) as cluster:
        newcomers = cluster.newcomers
        for kind in ("approve", "remove"):
            hook(cluster.first.root, kind, TELL)
        password = cluster.base / "password"
        cluster.first.dusk("login", USER, "--password-file", str(password))
        assert PASSWORD in password.read_text()
        yield cluster, newcomers


def _listed(router: Machine) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(router.dusk("device", "list", "--json"))
    return found


def _rows(router: Machine, role: str) -> Mapping[str, dict[str, Any]]:
    return {row["label"]: row for row in _listed(router) if row["role"] == role}


def _role(router: Machine) -> str | None:
    state = router.state()
    return None if state is None else state["role"]


def _newest_key(router: Machine) -> object:
    return decode_group_keys((router.node_folder / "groupkeys").read_bytes()).newest


def _members_kept(router: Machine) -> set[str]:
    """Return the names of members in the log of a router that is off."""
    log = Log(None)
    log.extend(read_log(router.node_folder).items)
    return {member.name for member in views.members(log.state)}


def _programs_followed(cluster: Cluster, *later: tuple[str, str]) -> None:
    """Wait until root's programs were told of all that happened, each once: who is back is another device."""
    came = [("approve", name) for name in ("ap-1", "porch", "shed")]
    root = cluster.first.root
    cluster.wait("root's programs know", lambda: len(said_to_hooks(root)) == 3 + len(later))
    told = [(kind, name) for kind, _device, name in map(str.split, said_to_hooks(root))]
    assert (sorted(told[:3]), told[3:]) == (came, list(later))


def _reset(router: Machine, key: bytes) -> None:
    """Do what a factory reset does: the image's files are there again, and its join key."""
    router.cut_power()
    shutil.rmtree(router.root / "etc/dusk")
    router.place_join_key(key)
    router.power_on()


def test_a20_three_routers_join_by_one_word_one_is_reset_and_comes_back_and_one_is_removed() -> None:
    with _one_and_three() as (cluster, newcomers):
        master, key = cluster.first, cluster.base / "image.key"
        master.dusk("group", "create", "aps")
        master.dusk("commit", "-m", "a group")
        master.dusk("joinkey", "create", "--uses", "3", "--name", "ap-{n}", "--file", str(key))
        for router in newcomers:
            router.place_join_key(key.read_bytes())
            router.power_on()
            cluster.routers.append(router)
        cluster.wait("all wait", lambda: all(_role(r) == "pending" for r in newcomers))
        labels = [(router.state() or {})["label"] for router in newcomers]
        (line,) = (line for line in (newcomers[0].state() or {})["alarms"] if "not let in" in line)
        assert "dusk device approve" in line
        assert "pending" in newcomers[0].dusk("status", exits=(3,))

        csv = cluster.base / "routers.csv"
        csv.write_text(f"label,name,groups\n{labels[0]},porch,aps,floor=1\n{labels[1]},shed,aps,floor=2\n")
        master.dusk("device", "expect", str(csv))
        assert set(_rows(master, "pending")) == set(labels)
        said = master.dusk("device", "approve", "--all")
        assert said.count("let in") == 3
        assert "takes over if the master fails" in said
        cluster.wait("all join", cluster._all_joined, SLOW_S)
        states = [router.state() or {} for router in newcomers]
        assert [state["name"] for state in states] == ["porch", "shed", "ap-1"]
        assert [state["role"] for state in states].count("backupMaster") == 1
        groups = {row["name"]: row["groups"] for row in _listed(master)}
        assert groups == {master.name: [], "porch": ["aps"], "shed": ["aps"], "ap-1": []}

        back = next(r for r, s in zip(newcomers, states, strict=True) if s["role"] == "member")
        former, label = (back.state() or {})["name"], labels[newcomers.index(back)]
        _reset(back, key.read_bytes())
        cluster.wait("it waits", lambda: _role(back) == "pending")
        cluster.wait("it is absent", lambda: _rows(master, "pending")[label]["like_online"] is False, SLOW_S)
        assert _rows(master, "pending")[label]["like"] == former
        assert f"{former} is back under a new key" in master.dusk("device", "approve", label)
        cluster.wait("it is back", cluster._all_joined, SLOW_S)
        assert (back.state() or {})["name"] == former
        assert {row["name"] for row in _listed(master)} == {master.name, "porch", "shed", "ap-1"}

        _programs_followed(cluster, ("remove", former), ("approve", former))  # before more happens: one look
        gone = back
        before = _newest_key(gone)
        master.dusk("device", "remove", former)
        cluster.wait("it knows", lambda: _role(gone) == "removed", SLOW_S)
        others = [router for router in cluster.routers if router is not gone]
        cluster.wait(
            "the others have another key", lambda: len({_newest_key(r) for r in others}) == 1, SLOW_S
        )
        assert _newest_key(master) not in (None, before)
        cluster.wait("they go on", lambda: len(cluster.heads(others)) == 1, SLOW_S)
        assert all(_role(router) in ("master", "backupMaster", "member") for router in others)
        assert _newest_key(gone) == before
        _programs_followed(cluster, ("remove", former), ("approve", former), ("remove", former))
        cluster.stop()
        assert _members_kept(master) == {master.name, "porch", "shed", "ap-1"} - {former}
