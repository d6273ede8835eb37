"""Settings that really cut routers off: they are back by themselves, say why, and the others go on."""

import time
from collections.abc import Callable
from typing import cast

import pytest

from dusk.helper.running import RELOAD_S_MAX
from tests.network.applied import NETWORK_WINDOW_S, WINDOW_S, AppliedMachine, applying, edit, shown
from tests.network.cluster import STEP_S_MAX, Cluster, Owner
from tests.network.committer import make_backups
from tests.network.reloading import MESH_KEY

pytestmark = [pytest.mark.network, pytest.mark.needs("root", "namespaces", "nft")]

SLACK_S = 12.0
"""For a machine that is busy: what is measured is seconds behind a window."""
SERVER = "system.ntp.server"
FILES = ("network", "firewall", "dhcp", "system")


def _machines(cluster: Cluster) -> list[AppliedMachine]:
    return [cast(AppliedMachine, router) for router in cluster.routers]


def _block(owner: Owner, router: AppliedMachine, side: str) -> None:
    """Drop Dusk's port, in (``src``) or out (``dest``)."""
    options = {"target": "DROP", "proto": "tcp udp", "dest_port": "3875", side: "lan"}
    owner.set(f"device/{router.name}", "firewall.closed", "rule")
    for option, value in options.items():
        owner.set(f"device/{router.name}", f"firewall.closed.{option}", value)


def _commit(owner: Owner, message: str) -> None:
    """Sign the draft, though it touches the path by which Dusk reaches routers."""
    owner.wait(owner.call("draft.commit", message=message, timeout_s=STEP_S_MAX, yes=True)["ticket"])


def _has(router: AppliedMachine, package: str, text: str) -> Callable[[], bool]:
    return lambda: text in router.text(package)


def _shows(cluster: Cluster, router: AppliedMachine, state: str, reason: str) -> Callable[[], bool]:
    """Look at the first router whether it shows how another's apply went."""

    def looks() -> bool:
        found = shown(cluster.first, router.name)
        return found[0] == state and found[1].startswith(reason)

    return looks


def _is_back(cluster: Cluster, router: AppliedMachine, reason: str, files: list[str]) -> Callable[[], bool]:
    """Look whether it is shown why a router went back, and its files are what they were.

    Both at once: half a minute after the first failure it tries once more, and a file may be new again
    before the first router hears of it.
    """
    shows = _shows(cluster, router, "failed", reason)
    return lambda: shows() and [router.text(name) for name in FILES] == files


def _take_back(owner: Owner, router: AppliedMachine, *keys: str) -> None:
    edits = [{"key": key, "values": []} for key in keys]
    owner.call("draft.edit", target=f"device/{router.name}", verb="unset", edits=edits)


def test_a32_of_ten_routers_five_that_a_change_cuts_off_are_back_by_themselves_and_say_why() -> None:
    with applying(10) as cluster:
        routers = _machines(cluster)
        moved, deaf, mute, odd, stuck = routers[5:]
        before = {router.name: [router.text(name) for name in FILES] for router in routers}
        owner = cluster.owner(cluster.first)
        edit(owner, moved, network__lan__ipaddr="10.99.0.6/24", network__lan__ip6addr="fd99::6/64")
        _block(owner, deaf, "src")
        _block(owner, mute, "dest")
        edit(owner, odd, network__lan__ipaddr="10.77.0.9/240")
        edit(owner, stuck, dhcp__lan__leasetime="hang")
        owner.set("policy/name", SERVER, "one.for.all")
        owner.call("policy.assign", name="name", to="all")
        began_s = time.monotonic()
        _commit(owner, "half of it is bad")
        expected = (
            (odd, "the reload ended with 1", 0.0),
            (deaf, f"no contact within {WINDOW_S} s after the reload", WINDOW_S),
            (mute, f"no contact within {WINDOW_S} s after the reload", WINDOW_S),
            (moved, f"no contact within {NETWORK_WINDOW_S} s after the reload", NETWORK_WINDOW_S),
            (stuck, "the reload ended with -9: killed after 30 s", RELOAD_S_MAX),
        )
        for router in routers[:5]:
            cluster.wait(f"{router.name} applies", _has(router, "system", "one.for.all"))
        for router, reason, window_s in expected:
            left_s = window_s + SLACK_S - (time.monotonic() - began_s)
            is_back = _is_back(cluster, router, reason, before[router.name])
            cluster.wait(f"{router.name} is back and shows why", is_back, max(left_s, 1.0))
            print(f"{router.name} back and shown after {time.monotonic() - began_s:.1f} s: {reason}")
        _take_back(owner, moved, "network.lan.ipaddr", "network.lan.ip6addr")
        _take_back(owner, odd, "network.lan.ipaddr")
        _take_back(owner, stuck, "dhcp.lan.leasetime")
        for router in (deaf, mute):
            _take_back(owner, router, "firewall.closed")
        _commit(owner, "the bad half is taken back")
        for router in routers:
            cluster.wait(f"{router.name} applies", _has(router, "system", "one.for.all"))
            cluster.wait(f"{router.name} is confirmed", _shows(cluster, router, "committed", ""))
        assert all(cluster.stop().values())


def test_a32_an_interface_and_a_radio_that_stay_down_are_named_and_a_good_change_goes_through() -> None:
    with applying(3) as cluster:
        routers = _machines(cluster)
        _, ported, radiant = routers
        ported.add_interface("eth1")
        owner = cluster.owner(cluster.first)
        edit(owner, radiant, wireless__radio0__disabled="0")
        edit(owner, ported, network__lan__delegate="up")
        owner.set("policy/name", SERVER, "good.all")
        owner.call("policy.assign", name="name", to="all")
        _commit(owner, "a radio comes up")
        for router in routers:
            cluster.wait(f"{router.name} is confirmed", _confirmed(router, "good.all"))
        edit(owner, radiant, wireless__radio0__channel="0")
        edit(owner, ported, network__lan__delegate="down")
        _commit(owner, "one radio has a channel that it may not use, one port gets lost")
        for router, down in ((radiant, "radio phy0"), (ported, "eth1")):
            reason = f"{down} did not come up again within"
            cluster.wait(f"{router.name} shows {down}", _shows(cluster, router, "failed", reason))
        assert "option channel '36'" in radiant.text("wireless")
        assert all(cluster.stop().values())


def test_a32_a_wrong_key_of_the_mesh_that_is_the_uplink_goes_back_and_the_right_one_is_taken() -> None:
    with applying(3) as cluster:
        meshed = _machines(cluster)[-1]
        meshed.hang_on_mesh()
        owner = cluster.owner(cluster.first)
        owner.set(f"device/{meshed.name}", "wireless.mesh1.key", "nobody else has this")
        _commit(owner, "a key with a slip of the pen")
        reason = f"no contact within {WINDOW_S} s after the reload"
        cluster.wait(f"{meshed.name} shows why", _shows(cluster, meshed, "failed", reason))
        assert f"option key '{MESH_KEY}'" in meshed.text("wireless")
        owner.set(f"device/{meshed.name}", "wireless.mesh1.key", MESH_KEY)
        edit(owner, meshed, wireless__mesh1__mesh_id="backhaul 2")
        _commit(owner, "what was meant")
        cluster.wait(f"{meshed.name} applies", _has(meshed, "wireless", "backhaul 2"))
        cluster.wait(f"{meshed.name} is confirmed", _shows(cluster, meshed, "committed", ""))
        assert all(cluster.stop().values())


def test_a48_a_takeover_and_a_power_cut_of_all_within_an_apply_cost_no_good_settings() -> None:
    with applying(4) as cluster:
        routers = _machines(cluster)
        first, second, third, fourth = routers
        owner = cluster.owner(fourth)
        make_backups(cluster, 1)
        cluster.wait("all know the backup", cluster.at_one_head)
        owner.set("policy/name", SERVER, "takeover.all")
        owner.call("policy.assign", name="name", to="all")
        for router in (third, fourth):
            router.slow_reload(3.0)
        _commit(owner, "while the master dies")
        cluster.wait("it is being applied", _has(third, "system", "takeover.all"))
        first.cut_power()
        for router in (second, third, fourth):
            cluster.wait(f"{router.name} is confirmed", _confirmed(router, "takeover.all"))
        first.power_on()
        cluster.wait(f"{first.name} is confirmed", _confirmed(first, "takeover.all"))
        owner.set("policy/name", SERVER, "power.all")
        _commit(owner, "while the power goes")
        cluster.wait("it is being applied", _has(third, "system", "power.all"))
        for router in routers:
            router.cut_power()
        owner.close()
        for router in routers:
            router.power_on()
        for router in routers:
            cluster.wait(f"{router.name} is confirmed", _confirmed(router, "power.all"), 90.0)
        assert all(cluster.stop().values())


def _confirmed(router: AppliedMachine, server: str) -> Callable[[], bool]:
    return lambda: router.apply[0] == "committed" and server in router.text("system")
