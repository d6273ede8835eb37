"""Orders to real routers: done once, by the program of root there (A58), or said why not."""

import json
from collections.abc import Iterator

import pytest

from tests.network.cluster import Cluster, Machine, running

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces")]

PROGRAM = '#!/bin/sh\necho "$1" >>"$DUSK_ROOT/ordered"\n'


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Three routers; the owner is logged in at the second, and the first two have a program of root's."""
    with running(3, "0.5s") as made:
        for router in made.routers[:2]:
            program = router.root / "usr/libexec/dusk-device"
            program.parent.mkdir(parents=True)
            program.write_text(PROGRAM)
            program.chmod(0o755)
        made.routers[1].dusk("login", "anna", "--password-file", str(made.base / "password"))
        yield made


def _ordered(router: Machine) -> list[str]:
    record = router.root / "ordered"
    return record.read_text().split() if record.exists() else []


def _name(router: Machine) -> str:
    state = router.state()
    assert state is not None
    return str(state["name"])


def test_a58_an_order_is_done_once_by_the_router_that_it_is_for(cluster: Cluster) -> None:
    first, second, third = cluster.routers
    names = [_name(router) for router in cluster.routers]
    said = second.dusk("device", "locate", names[0], names[1])
    assert said == f"{names[0]} blinks\n{names[1]} blinks\n"
    second.dusk("device", "reboot", names[0])
    assert (_ordered(first), _ordered(second)) == (["locate", "reboot"], ["locate"])
    assert "locate ordered by anna" in first.said
    answer = json.loads(second.dusk("--json", "device", "reboot", names[2], exits=(1,)))
    (row,) = answer["devices"]
    assert row["reason"].startswith("this machine is no OpenWrt router"), "it was asked, and answered"
    third.ask_to_stop()
    assert third.wait_for_end()
    answer = json.loads(second.dusk("--json", "device", "reboot", names[2], exits=(1,)))
    assert "does not answer" in answer["devices"][0]["reason"]
    assert (_ordered(first), _ordered(second)) == (["locate", "reboot"], ["locate"])
    _signs_at_home_and_with_others(cluster, names[0])


def _signs_at_home_and_with_others(cluster: Cluster, name: str) -> None:
    """Order it with a key file, and, where two must sign, by a line that is worth something once."""
    first, second, _ = cluster.routers
    key, public, line = (cluster.base / file for file in ("ann.key", "ann.pub", "order"))
    public.write_text(second.dusk("key", "create", str(key)))
    second.dusk("user", "add", "ann", "--public-key", str(public))
    second.dusk("owner", "add", "ann")
    home = ("--key-file", str(key), "--unseen")
    assert second.dusk(*home, "device", "locate", name) == f"{name} blinks\n"
    second.dusk("owner", "quorum", "2")
    assert "2 of the owners" in second.dusk("--json", *home, "device", "reboot", name, exits=(1,))
    second.dusk("device", "reboot", name, "--out", str(line))
    second.dusk(*home, "sign", str(line))
    give = ("device", "reboot", name, "--in", str(line))
    assert second.dusk(*give) == f"{name} restarts\n"
    assert "given before" in second.dusk("--json", *give, exits=(1,))
    assert _ordered(first) == ["locate", "reboot"] * 2
    assert "reboot ordered by ann, anna" in first.said or "reboot ordered by anna, ann" in first.said
