"""Files edited by hand on real routers: noticed, shown everywhere, left or put back (drift)."""

import json
from collections.abc import Iterator

import pytest

from dusk.demo import files
from tests.network.cluster import Cluster, Machine, running

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces")]

SSID = "wireless.default_radio0.ssid"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Three routers with a policy in all files."""
    with running(3, "0.5s") as made:
        owner = made.owner(made.first)
        owner.set("policy/wifi", SSID, "first")
        owner.call("policy.assign", name="wifi", to="all")
        owner.commit("the policy")
        _wait_for(made, "first")
        yield made


def _has(router: Machine, ssid: str) -> bool:
    return files.values(router.config, SSID) == [ssid]


def _wait_for(cluster: Cluster, ssid: str) -> None:
    cluster.wait(f"{ssid} in all files", lambda: all(_has(router, ssid) for router in cluster.routers))
    cluster.wait("all in effect", lambda: all(_is_committed(router) for router in cluster.routers))


def _is_committed(router: Machine) -> bool:
    state = router.state()
    return state is not None and state["apply"]["state"] == "committed"


def _edit(router: Machine, ssid: str) -> None:
    """Edit the file as `uci commit` does: a new file in its place."""
    path = router.config / "wireless"
    had = files.values(router.config, SSID)[0]
    new = path.with_name("wireless.new")
    new.write_text(path.read_text().replace(f"'{had}'", f"'{ssid}'"))
    new.rename(path)


def _drift(router: Machine, device: str = "") -> list[tuple[str, str, str]]:
    shown = json.loads(router.dusk("drift", *([device] if device else []), "--json"))
    return [(row["key"], row["wanted"], row["found"]) for row in shown["drift"]]


def _told(at: Machine, name: str) -> list[tuple[str, str, str]] | None:
    """Return what another router shows; None where the one that is asked did not answer this time."""
    shown = json.loads(at.dusk("drift", name, "--json"))
    assert not shown["here"]
    return (
        None if "reason" in shown else [(row["key"], row["wanted"], row["found"]) for row in shown["drift"]]
    )


def _alarms(router: Machine, words: str) -> list[str]:
    state = router.state()
    return [] if state is None else [line for line in state["alarms"] if words in line]


def _is_noticed(router: Machine) -> bool:
    return bool(_alarms(router, f"changed on this device: {SSID}"))


def _is_told(router: Machine, name: str) -> bool:
    """Tell whether another router knows of the drift, and shows it to who asks."""
    shown = router.dusk("status", exits=(0, 3)), router.dusk("drift", name, "--json")
    return f"changed by hand on {name}" in shown[0] and json.loads(shown[1])["count"] == 1


def _names(cluster: Cluster) -> list[str]:
    return [str((router.state() or {})["name"]) for router in cluster.routers]


def test_an_option_edited_by_hand_is_drift_is_shown_on_every_device_and_stays(cluster: Cluster) -> None:
    edited, others = cluster.routers[1], [cluster.routers[0], cluster.routers[2]]
    _edit(edited, "by hand")
    cluster.wait("drift is noticed", lambda: _is_noticed(edited))
    assert _drift(edited) == [(SSID, "first", "by hand")]
    name = (edited.state() or {})["name"]
    cluster.wait("drift is shown elsewhere", lambda: all(_is_told(other, name) for other in others))
    assert _has(edited, "by hand")

    owner = cluster.owner(edited)
    owner.set("policy/wifi", "wireless.default_radio0.hidden", "1")
    owner.commit("something else")
    cluster.wait("the other setting", lambda: files.values(edited.config, SSID[:-4] + "hidden") == ["1"])
    assert _has(edited, "by hand")

    edited.cut_power()
    edited.power_on()
    cluster.wait("drift after a start", lambda: _is_noticed(edited))
    assert _has(edited, "by hand")

    assert "1 changed here" in edited.dusk("drift", "revert", name)
    _wait_for(cluster, "first")
    cluster.wait("no drift", lambda: not _alarms(others[0], "changed by hand"))
    assert _drift(edited) == []

    owner = cluster.owner(cluster.first)
    gone = next(one for one in cluster.routers if (one.state() or {})["role"] == "member")
    gone.dusk("leave", "--restore-local", "--yes")
    assert _has(gone, "OpenWrt")
    owner.call("policy.unassign", name="wifi", restore_local=True)
    owner.commit("as it was before")
    cluster.wait("as before", lambda: all(_has(one, "OpenWrt") for one in cluster.routers))
    assert all(files.values(one.config, SSID[:-4] + "hidden") == [] for one in cluster.routers)
    kept = edited.config.parent / "dusk/journal/local"
    assert (kept.stat().st_mode & 0o777, "config was" in kept.read_text()) == (0o600, False)


def test_where_the_cluster_enforces_what_was_edited_is_put_back(cluster: Cluster) -> None:
    edited, owner = cluster.routers[2], cluster.owner(cluster.first)
    values = [{"name": "drift", "values": ["enforce"]}]
    owner.wait(owner.call("cluster.set", values=values)["ticket"])
    cluster.wait("one head", cluster.at_one_head)
    for number in range(3):
        _edit(edited, f"by hand {number}")
        cluster.wait("it is put back", lambda: _has(edited, "first"))
        cluster.wait("it is in effect", lambda: _is_committed(edited) and not _alarms(edited, "changed on"))
    _edit(edited, "once more")
    cluster.wait("it is left", lambda: bool(_alarms(edited, "put back again and again")))
    assert _has(edited, "once more")


def test_a_held_router_applies_nothing_and_puts_nothing_back_and_all_show_it(cluster: Cluster) -> None:
    held, owner = cluster.routers[1], cluster.owner(cluster.first)
    name = (held.state() or {})["name"]
    enforce = [{"name": "drift", "values": ["enforce"]}]
    owner.wait(owner.call("cluster.set", values=enforce)["ticket"])
    assert "on hold" in held.dusk("hold", "--for", "1h")
    cluster.wait("held", lambda: _applies(held) == "held")
    assert _alarms(held, "on hold for 60 min more")
    told = f"on hold, so nothing is applied there: {name}"
    others = (cluster.first, cluster.routers[2])
    cluster.wait("all show it", lambda: all(told in one.dusk("status", exits=(0, 3)) for one in others))
    _edit(held, "by hand")
    owner.set("policy/wifi", SSID, "second")
    owner.commit("for all but the held one")
    cluster.wait("it elsewhere", lambda: _has(cluster.first, "second") and _has(cluster.routers[2], "second"))
    cluster.wait("one head", cluster.at_one_head)
    held.cut_power()
    held.power_on()
    cluster.wait("held after a reboot", lambda: _applies(held) == "held" and cluster.at_one_head())
    assert _has(held, "by hand")

    held.ask_to_stop()
    assert held.wait_for_end()
    assert "from the daemon's next start on" in held.dusk("unhold")
    held.power_on()
    cluster.wait("it here, too", lambda: _has(held, "second"))
    cluster.wait("nobody is held", lambda: not _alarms(cluster.first, "on hold"))


def test_a_hold_ends_by_itself_and_does_not_come_back(cluster: Cluster) -> None:
    held, owner = cluster.routers[2], cluster.owner(cluster.first)
    held.dusk("hold", "--for", "3s")
    cluster.wait("held", lambda: _applies(held) == "held")
    owner.set("policy/wifi", SSID, "second")
    owner.commit("while it is held")
    cluster.wait("it is over", lambda: _has(held, "second"))
    held.cut_power()
    held.power_on()
    cluster.wait("on", lambda: held.state() is not None)
    assert not _alarms(held, "on hold")


def _applies(router: Machine) -> str:
    state = router.state()
    return "" if state is None else str(state["apply"]["state"])


def test_what_was_edited_on_one_router_is_adopted_as_the_policy_for_all(cluster: Cluster) -> None:
    edited = cluster.routers[2]
    name = (edited.state() or {})["name"]
    _edit(edited, "by hand")
    cluster.wait("drift is noticed", lambda: _is_noticed(edited))
    owner = cluster.owner(edited)
    owner.wait(owner.call("drift.adopt", device=name, to="policy/wifi")["ticket"])
    _wait_for(cluster, "by hand")
    cluster.wait(
        "no drift", lambda: not _alarms(cluster.first, "changed by hand") and not _is_noticed(edited)
    )
    assert _drift(edited) == []


def test_from_any_router_the_edit_of_another_is_shown_with_its_diff_and_adopted_for_all(
    cluster: Cluster,
) -> None:
    edited, at = cluster.routers[2], cluster.routers[1]
    name = _names(cluster)[2]
    _edit(edited, "by hand")
    diff = [(SSID, "first", "by hand")]
    cluster.wait("its diff", lambda: all(_told(one, name) == diff for one in cluster.routers[:2]))
    at.dusk("login", "anna", "--password-file", str(cluster.base / "password"))
    assert f"adopt {SSID} of {name} for policy/wifi" in at.dusk("adopt", name, "--to", "policy/wifi")
    _wait_for(cluster, "by hand")
    cluster.wait("no drift", lambda: _told(at, name) == [])
    edited.ask_to_stop()
    assert edited.wait_for_end()
    shown = json.loads(at.dusk("drift", name, "--json"))
    assert "does not answer" in shown["reason"]
    at.dusk("adopt", name, exits=(1,))


def test_from_any_router_the_edit_of_another_is_put_back_and_the_brake_put_on_and_taken_off(
    cluster: Cluster,
) -> None:
    first, at, edited = cluster.routers
    name = _names(cluster)[2]
    at.dusk("drift", "revert", name, exits=(1,))  # nobody is logged in
    at.dusk("login", "anna", "--password-file", str(cluster.base / "password"))
    assert "nothing that is managed was changed" in at.dusk("--json", "drift", "revert", name, exits=(1,))
    _edit(edited, "by hand")
    cluster.wait("its diff", lambda: _told(at, name) == [(SSID, "first", "by hand")])
    assert at.dusk("drift", "revert", name) == f"{name} puts back what was changed there\n"
    _wait_for(cluster, "first")

    assert at.dusk("hold", name, "--for", "1h") == f"{name} is on hold\n"
    shown = f"on hold, so nothing is applied there: {name}"
    cluster.wait("all show it", lambda: all(shown in one.dusk("status", exits=(0, 3)) for one in (first, at)))
    _edit(edited, "once more")
    edited.cut_power()
    edited.power_on()
    cluster.wait("held after a power cut", lambda: _applies(edited) == "held" and cluster.at_one_head())
    assert "it is held" in at.dusk("--json", "drift", "revert", name, exits=(1,))
    owner = cluster.owner(first)
    owner.set("policy/wifi", SSID, "second")
    owner.commit("for all but the held one")
    cluster.wait("it elsewhere", lambda: _has(first, "second") and _has(at, "second"))
    assert _has(edited, "once more")

    assert at.dusk("unhold", name) == f"{name} is on hold no more\n"
    _wait_for(cluster, "second")
    assert at.dusk("hold", "--all").count("is on hold") == 3
    cluster.wait("all are held", lambda: all(_applies(one) == "held" for one in cluster.routers))
    assert "not on hold" in edited.dusk("unhold")
    cluster.wait("the word said there counts", lambda: _applies(edited) == "committed")
    assert _applies(at) == "held"
