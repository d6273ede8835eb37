"""Kills aimed at the moments in which a log becomes another: compacted, of another branch, of a forced role.

The same moment comes again and again: the router gets back the disk that it had before.
"""

import random
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from benchmarks.absence import floor_of
from benchmarks.cluster import running as site_of
from benchmarks.processes import write_changes
from dusk.changelog.entry import APPLIED
from dusk.daemon.opening import read_log
from dusk.effects import ItemKind
from dusk.errors import Refused
from tests.capabilities import EFFORT_FACTOR
from tests.network.cluster import Cluster, Machine, Owner, running
from tests.network.committer import make_backups, own_option, prepare
from tests.network.wiring import TapPlace, between

pytestmark = [pytest.mark.network, pytest.mark.needs("root", "namespaces", "taps")]

ROUNDS = 2 if EFFORT_FACTOR == 1 else 40
"""Of each kind of kill."""
STEP_S_MAX = 120.0
CHANGES = 1000
COMPACTION_S, SWITCH_S, FORCING_S = 0.06, 0.01, 0.12
"""How long, about, what is to be hit takes on an idle machine."""
_COMPACTED = ".log-compacted.tmp"


class Target:
    """A router that is off, and gets the same disk before each start.

    Args:
        cluster: its cluster.
        router: it.
    """

    def __init__(self, cluster: Cluster, router: Machine) -> None:
        self._cluster, self.router = cluster, router
        self._etc, self._kept = router.root / "etc", router.root / "kept"
        router.cut_power()
        self._released()
        subprocess.run(["cp", "-a", str(self._etc), str(self._kept)], check=True)
        self._facts = self.log.stat()

    @property
    def log(self) -> Path:
        """The log's file."""
        return self.router.node_folder / "log"

    def start(self) -> None:
        """Start it with the disk that it had."""
        shutil.rmtree(self._etc)
        subprocess.run(["cp", "-a", str(self._kept), str(self._etc)], check=True)
        self._facts = self.log.stat()
        self.router.power_on()

    def is_grown(self) -> bool:
        """Tell whether its log has grown since its start."""
        return self.log.stat().st_size > self._facts.st_size

    def is_replaced(self) -> bool:
        """Tell whether its log is another file since its start."""
        return self.log.stat().st_ino != self._facts.st_ino

    def kill(self) -> None:
        """Kill it; what is left on its disk is sound."""
        self.router.cut_power()
        self._released()
        self.router.dusk("verify")
        assert "Traceback" not in self.router.said

    def kill_behind(self, what: str, is_due: Callable[[], bool], after_s: float) -> None:
        """Kill it so long after something that is looked for all the time."""
        end_s = time.monotonic() + STEP_S_MAX
        while not is_due():
            assert time.monotonic() < end_s, f"{what}: {self._cluster.stand()}"
        time.sleep(after_s)
        self.kill()

    def rewinds(self) -> int:
        """Count how often its log became that of another branch."""
        frames = read_log(self.router.node_folder).frames
        return sum(1 for frame in frames if frame.item.kind is ItemKind.REWIND)

    def _released(self) -> None:
        self._cluster.wait("nobody holds its root", self.router.lock_is_free)


def _end(cluster: Cluster) -> None:
    assert all(cluster.stop().values())
    for router in cluster.routers:
        router.dusk("verify")
        assert "Traceback" not in router.said


def test_q2_a_daemon_that_is_killed_while_its_log_is_compacted_has_the_old_one_or_the_new_one() -> None:
    chance, floors = random.Random(), list[int]()
    with site_of(2, prepare=partial(write_changes, count=CHANGES)) as site:
        master, member = site.nodes
        target = Target(site.cluster, member)
        owner = site.owner(master)
        owner.set("policy/p0", "system.s0.x", "attested")
        owner.commit("attested")
        site.cluster.wait("the master's log compacted", lambda: floor_of(master) > 0)
        for number in range(2 * ROUNDS):
            target.start()
            due = target.is_replaced if number % 2 else (member.node_folder / _COMPACTED).exists
            target.kill_behind("it compacts", due, COMPACTION_S * chance.random())
            floors.append(floor_of(member))
        print(f"killed while it was compacted: the log began at {floors}")
        assert {*floors[0::2]} <= {0, floor_of(master)}
        assert {*floors[1::2]} == {floor_of(master)}
        member.power_on()
        site.cluster.wait("its log compacted, too", lambda: floor_of(member) == floor_of(master))
        site.cluster.wait("one head", site.cluster.at_one_head)
        assert not (member.node_folder / _COMPACTED).exists()
        _end(site.cluster)


def _commit(owner: Owner, number: int) -> str:
    """Set the option that only this router's owner sets; returns the change's id in hex."""
    target, key = own_option(number)
    owner.set(target, key, f"by {number}")
    answer = owner.commit(f"by {number}", timeout_s=STEP_S_MAX)
    assert answer["state"] == "durable"
    return str(answer["hash"])


def _role(router: Machine) -> object:
    return (router.state() or {}).get("role")


def test_q2_r3_daemons_that_are_killed_while_they_leave_their_branch_lose_no_change_of_it() -> None:
    chance, places = random.Random(), list[TapPlace]()

    def make_place(routers: int) -> TapPlace:
        places.append(TapPlace(routers, seed=1))
        return places[0]

    with running(4, "0.5s", make_place=make_place, step_s_max=STEP_S_MAX) as cluster:
        prepare(cluster, (3, 4))
        make_backups(cluster, 1)
        first, second, third, fourth = cluster.routers
        cluster.wait("the backup everywhere", cluster.is_quiet)
        owners = [cluster.owner(third), cluster.owner(fourth)]
        places[0].switch.set_cuts(between([[1, 3], [2, 4]]))
        cluster.wait("two leaders", lambda: (_role(first), _role(second)) == ("master", "master"))
        changes = [_commit(owner, number) for owner, number in zip(owners, (3, 4), strict=True)]
        targets = [Target(cluster, third), Target(cluster, first)]
        places[0].switch.set_cuts(frozenset())
        found = [
            count for _ in range(ROUNDS) for target in targets for count in _kill_switching(target, chance)
        ]
        print(f"killed while they left their branch, they had left it so often: {found}")
        assert {*found} <= {0, 1}
        for target in targets:
            target.router.power_on()
        cluster.wait("all at one head, nothing unsent", cluster.is_quiet)
        _end(cluster)
        for router in cluster.routers:
            outcomes = {e.change.hex(): e.outcome for e, _ in router.entries() if e.change is not None}
            assert [outcomes.get(change) for change in changes] == [APPLIED, APPLIED]


def _kill_switching(target: Target, chance: random.Random) -> tuple[int, int]:
    """Kill a router as its log grows, and once more some time before that; it left its branch so often."""
    target.start()
    began_s = time.monotonic()
    target.kill_behind("another branch", target.is_grown, SWITCH_S * chance.random())
    took_s, behind = time.monotonic() - began_s, target.rewinds()
    target.start()
    target.kill_behind("nothing", lambda: True, took_s * chance.uniform(0.7, 1.0))
    return behind, target.rewinds()


def test_q2_a_daemon_that_is_killed_while_owners_force_it_to_lead_leads_or_can_be_forced_again() -> None:
    chance, mandates = random.Random(), list[int]()
    with running(3, "0.5s", step_s_max=STEP_S_MAX) as cluster:
        first, third = cluster.first, cluster.routers[2]
        cluster.wait("one head", cluster.is_quiet)
        first.cut_power()
        target = Target(cluster, third)
        for number in range(2 * ROUNDS):
            target.start()
            cluster.wait("it is up", lambda: _role(third) == "member")
            owner = cluster.owner(third)
            due, after_s = (target.is_grown, SWITCH_S) if number % 2 else (lambda: True, FORCING_S)
            words = "it is forced", due, after_s * chance.random()
            killer = threading.Thread(target=target.kill_behind, args=words)
            killer.start()
            with suppress(Refused, OSError):
                owner.wait(owner.call("role.force", timeout_s=STEP_S_MAX)["ticket"])
            killer.join()
            owner.close()
            mandates.append(third.entries()[-1][0].mandate)
        print(f"killed while it was forced to lead, the mandates were {mandates}")
        # what a round before it forced may be on the other router by now: the next role is above that
        assert all(mandate <= round_ + 1 for round_, mandate in enumerate(mandates))
        assert all(mandate >= 1 for mandate in mandates[1::2])
        third.power_on()
        cluster.wait("it is up", lambda: _role(third) in {"member", "master"})
        if _role(third) == "member":
            owner = cluster.owner(third)
            assert owner.wait(owner.call("role.force", timeout_s=STEP_S_MAX)["ticket"])["state"] == "durable"
        first.power_on()
        cluster.wait("the old master behind it", lambda: (first.state() or {}).get("master") == third.name)
        cluster.wait("one head, nothing unsent", cluster.is_quiet)
        assert [_role(router) for router in cluster.routers] == ["member", "member", "master"]
        assert {router.entries()[-1][0].mandate >= 1 for router in cluster.routers} == {True}
        _end(cluster)
