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
