"""What a daemon does when it is stopped, started, or told to read its settings again."""

import time
from collections.abc import Iterator

import pytest

from dusk.demo import files
from tests.network.cluster import Cluster, Machine, running

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces"), pytest.mark.xdist_group("restarts")]

SSID = "wireless.default_radio0.ssid"
MANY = 200
STOP_S_MAX = 2.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Three routers; each test leaves them running, at one head."""
    with running(3, "0.5s") as made:
        owner = made.owner(made.first)
        owner.set("policy/wifi", SSID, "first")
        owner.call("policy.assign", name="wifi", to="all")
        owner.commit("the policy")
        made.wait("the policy in all files", lambda: all(_has(router, "first") for router in made.routers))
        yield made


def _has(router: Machine, ssid: str) -> bool:
    return files.values(router.config, SSID) == [ssid]


def _epochs(cluster: Cluster) -> set[int]:
    states = [router.state() for router in cluster.routers]
    return {0 if state is None else state["epoch"] for state in states}


def test_the_writers_restart_opens_an_epoch_that_all_others_follow(cluster: Cluster) -> None:
    (before,) = _epochs(cluster)
    cluster.first.cut_power()
    member = cluster.owner(cluster.routers[1])
    member.set("policy/wifi", SSID, "signed while the writer was off")
    assert member.commit("without a writer", timeout_s=0.1)["state"] == "queued"
    resumed = member.call("draft.commit", message="", timeout_s=30)["ticket"]
    cluster.first.power_on()
    assert member.wait(resumed)["state"] == "durable"
    cluster.wait("all in the next epoch", lambda: _epochs(cluster) == {before + 1})
    cluster.wait(
        "what was queued in all files",
        lambda: all(_has(router, "signed while the writer was off") for router in cluster.routers),
    )
    member.set("policy/wifi", SSID, "after the restart")
    assert member.commit("with the writer back")["state"] == "durable"
    assert _epochs(cluster) == {before + 1}
    cluster.wait("one head", cluster.at_one_head)


def test_a_member_that_was_off_during_two_hundred_changes_catches_up_and_applies(cluster: Cluster) -> None:
    absent = cluster.routers[2]
    absent.cut_power()
    owner = cluster.owner(cluster.first)
    for number in range(MANY):
        owner.set("policy/wifi", SSID, f"change {number}")
        assert owner.commit(f"change {number}")["state"] in {"durable", "local"}
    assert not _has(absent, f"change {MANY - 1}")
    absent.power_on()
    cluster.wait("the absent one has the last change", lambda: _has(absent, f"change {MANY - 1}"))
    cluster.wait("one head", cluster.at_one_head)


def _set_hold(router: Machine, *, on: bool) -> None:
    settings = router.config / "dusk"
    lines = [line for line in settings.read_text().splitlines() if "option hold" not in line]
    settings.write_text("\n".join([*lines, *(["\toption hold '1'"] if on else []), ""]))
    reads = router.said.count("settings read again")
    router.hang_up()
    deadline_s = time.monotonic() + 10
    while router.said.count("settings read again") == reads:
        assert time.monotonic() < deadline_s, "it did not read its settings again"
        time.sleep(0.02)


def test_sighup_takes_the_brake_on_and_off_while_everything_goes_on(cluster: Cluster) -> None:
    braked, others = cluster.routers[1], (cluster.routers[0], cluster.routers[2])
    _set_hold(braked, on=True)
    before = files.hashes(braked.config)
    owner = cluster.owner(cluster.first)
    owner.set("policy/wifi", SSID, "not for the braked one")
    assert owner.commit("while one holds")["state"] == "durable"
    cluster.wait("the others apply", lambda: all(_has(router, "not for the braked one") for router in others))
    cluster.wait("the log goes on", cluster.at_one_head)
    state = braked.state()
    assert state is not None
    assert state["apply"]["state"] == "held"
    assert files.hashes(braked.config) == before
    _set_hold(braked, on=False)
    cluster.wait("it applies what it held back", lambda: _has(braked, "not for the braked one"))


@pytest.mark.parametrize("place", [0, 1], ids=["the writer", "a member"])
def test_sigterm_stops_cleanly_within_two_seconds_with_a_change_in_flight(
    cluster: Cluster, place: int
) -> None:
    router = cluster.routers[place]
    owner = cluster.owner(router)
    owner.set("policy/wifi", SSID, f"in flight at {router.name}")
    owner.call("draft.commit", message="in flight", timeout_s=30)
    began_s = time.monotonic()
    router.ask_to_stop()
    is_clean = router.wait_for_end()
    took_s = time.monotonic() - began_s
    assert is_clean
    assert took_s < STOP_S_MAX
    assert not (router.root / "var/run/dusk/control.sock").exists()
    router.dusk("verify")
    router.power_on()
    cluster.wait(
        "what was in flight in all files",
        lambda: all(_has(one, f"in flight at {router.name}") for one in cluster.routers),
    )
    cluster.wait("one head", cluster.at_one_head)
