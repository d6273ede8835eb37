"""Lets everything happen to real daemons while an owner commits at two of them, and checks what is left.

A program of its own, too: ``python -m tests.network.storm --seed 7 --nodes 5 --seconds 15``. The seed
decides what happens to whom and when, and for each way between two routers which of its frames are
lost, doubled or delayed; how the machine runs it differs from run to run.
"""

import argparse
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import cast

from dusk.demo.net import NetworkError
from dusk.demo.router import DemoError
from tests.network.checker import DISKS as PROMISED_DISKS
from tests.network.checker import Checker, Report, end_is_applied
from tests.network.cluster import Cluster, StuckError, running
from tests.network.committer import SHARED, Committer, make_backups, prepare
from tests.network.doorkeeper import Doorkeeper
from tests.network.exposed import Exposed
from tests.network.plan import DISKS, Kind, Size, Strike, plan
from tests.network.wiring import NO_FAULTS, Cuts, Switch, TapPlace
from tests.network.witness import Witness

SHORT = Size(nodes=5, seconds=12.0, every_s=0.7, lasts_s_max=4.0, backups=1)
LONG = Size(nodes=10, seconds=600.0, every_s=2.0, lasts_s_max=20.0, backups=2)
REST_S_MAX = 0.4
"""Owners are people: their changes shall be many, and the log no larger than can be looked at."""
DURABLE_MIN = 5
"""A storm in which nothing was promised shows nothing."""
STEP_S_MAX = 150.0
"""Two cores are shared by all daemons, and often by others; back-offs last up to a minute."""
_LOOK_S = 0.05

Say = Callable[[str], None]


class Storm:
    """One run.

    Args:
        cluster: runs and is whole.
        switch: between its routers.
        seed: decides what happens.
        size: how large.
        say: called with each line of the report as it comes.
    """

    def __init__(self, cluster: Cluster, switch: Switch, seed: int, size: Size, say: Say) -> None:
        self.report = Report(seed)
        self._cluster, self._switch, self._size, self._say = cluster, switch, size, say
        self._routers = cast("list[Exposed]", cluster.routers)
        self._random = random.Random(f"storm {seed}")
        self._halt = threading.Event()
        self._committers = [
            Committer(self._router(number), self._random.getrandbits(32), self._halt, REST_S_MAX, self._look)
            for number in size.committing
        ]
        self._witness = Witness(self._routers, self._halt)
        self._is_over = threading.Event()
        self._doorkeeper = Doorkeeper(self._router(size.committing[0]), self._routers, self._is_over)
        self._names: list[object] = []
        self._cuts: dict[Strike, Cuts] = {}
        self._ends: list[tuple[float, Strike]] = []
        self._struck: Counter[Kind] = Counter()
        self._deferred: list[Strike] = []
        self._began_s = 0.0

    def run(self) -> Report:
        """Let it storm, let it heal, stop all, and look at what is left."""
        prepare(self._cluster, self._size.committing)
        make_backups(self._cluster, self._size.backups)
        self._cluster.wait("the policies everywhere", self._cluster.is_quiet)
        self._names = self._called
        for router in self._routers:
            if router.number not in self._size.spared:
                router.cut_power()
                router.keep_copy()
                router.power_on()
        for thread in (self._witness, self._doorkeeper, *self._committers):
            thread.start()
        try:
            try:
                self._rage()
            finally:
                self._end_commits()
            self._heal()
        finally:
            self._end_of_waiting()
        self._check_names()
        self._count()
        is_forking = self._size.backups > 0
        Checker(self._cluster, self.report, is_forking=is_forking, are_all_sent=True).run()
        return self.report

    def _router(self, number: int) -> Exposed:
        return self._routers[number - 1]

    @property
    def _called(self) -> list[object]:
        """The names of all, in their order."""
        return [(router.state() or {}).get("name") for router in self._routers]

    def _look(self, change: str) -> int:
        """Count the disks that hold a change, up to as many as *durable* promises."""
        found = self._disks_with(change)
        # a disk that is being taken away is in neither place for a moment
        return found if found == PROMISED_DISKS else self._disks_with(change)

    def _disks_with(self, change: str) -> int:
        holders = (router for router in self._routers if router.holds(change))
        return sum(1 for _ in islice(holders, PROMISED_DISKS))

    # --- what happens -------------------------------------------------------------------------

    def _rage(self) -> None:
        self._began_s = time.monotonic()
        self._switch.set_strength(self._size.strength)
        for strike in plan(self.report.seed, self._size):
            self._let_run(strike.at_s)
            if self._now_s >= self._size.seconds:
                break
            for one in [*self._deferred, strike]:
                self._free(one.victim)
                self._strike(one)
        self._let_run(self._size.seconds)
        self._cluster.wait("some durable changes of each owner, still losing frames", self._has_enough)

    def _has_enough(self) -> bool:
        """Tell whether promises were made that can be held; on a busy machine it takes longer."""
        self._let_run(self._now_s)
        counts = [committer.promised for committer in self._committers]
        return all(counts) and sum(counts) >= DURABLE_MIN

    @property
    def _now_s(self) -> float:
        return time.monotonic() - self._began_s

    def _let_run(self, until_s: float) -> None:
        """Let time pass, and end what has lasted long enough."""
        while True:
            due = [end for end in self._ends if end[0] <= self._now_s]
            for end in due:
                self._ends.remove(end)
                self._undo(end[1])
            left_s = until_s - self._now_s
            if left_s <= 0:
                return
            next_s = min((end[0] for end in self._ends), default=until_s) - self._now_s
            self._halt.wait(max(0.0, min(left_s, next_s, _LOOK_S)))

    def _free(self, number: int) -> None:
        """Wait until nothing else happens to a router; 0 is no router."""
        while busy := [at_s for at_s, strike in self._ends if number and strike.victim == number]:
            self._let_run(max(busy))

    def _strike(self, strike: Strike) -> None:
        """Let it happen; a disk that alone holds what was promised is lost later."""
        is_deferred = strike.kind in DISKS and not self._may_lose(strike)
        self._deferred = [one for one in self._deferred if one != strike] + [strike] * is_deferred
        if is_deferred:
            return
        self._struck[strike.kind] += 1
        whom = self._router(strike.victim).name if strike.victim else f"{len(strike.cuts)} ways"
        line = f"{self._now_s:6.1f} s: {strike.kind.value}, {whom}, for {strike.lasts_s:.1f} s"
        self.report.events.append(line)
        self._say(line)
        self._do(strike)
        self._ends.append((self._now_s + strike.lasts_s, strike))

    def _may_lose(self, strike: Strike) -> bool:
        """Tell whether what a disk holds is on two others that are spared or run: nothing promised goes."""
        victim = self._router(strike.victim).state()
        if victim is None or (strike.kind is Kind.OLD_DISK and not self._router(strike.victim).has_copy):
            return False
        others = [r.state() for r in self._routers if r.number != strike.victim and not r.is_paused]
        seqs = [state["head"]["seq"] for state in others if state is not None]
        return sum(1 for seq in seqs if seq >= victim["head"]["seq"]) >= PROMISED_DISKS

    def _do(self, strike: Strike) -> None:
        if strike.cuts:
            self._cuts[strike] = strike.cuts
            self._set_cuts()
            return
        router = self._router(strike.victim)
        if strike.kind is Kind.PAUSE:
            router.pause()
        elif strike.kind is Kind.CLOCK:
            router.set_wall_clock(strike.wall_s)
        else:
            router.cut_power()
            self._exchange_disk(router, strike.kind)

    def _exchange_disk(self, router: Exposed, kind: Kind) -> None:
        if kind is Kind.OLD_DISK:
            router.put_copy_back()
        elif kind in DISKS:
            router.empty_disk(self._cluster.join_line, keeps_key=kind is Kind.EMPTY_DISK)
        elif self._random.random() < 0.3 and router.number not in self._size.spared:
            router.keep_copy()

    def _undo(self, strike: Strike) -> None:
        if strike.cuts:
            del self._cuts[strike]
            self._set_cuts()
        elif strike.kind is Kind.PAUSE:
            self._router(strike.victim).go_on()
        elif strike.kind is not Kind.CLOCK:
            self._router(strike.victim).power_on()

    def _set_cuts(self) -> None:
        self._switch.set_cuts(frozenset().union(*self._cuts.values()))

    # --- how it ends --------------------------------------------------------------------------

    def _end_commits(self) -> None:
        self._halt.set()
        for _, strike in self._ends:
            self._undo(strike)
        self._ends.clear()
        self.report.counts |= {f"frames {what}": n for what, n in self._switch.count().items()}
        self._switch.set_strength(NO_FAULTS)
        self._witness.join(STEP_S_MAX)
        self.report.settled |= self._witness.settled
        for committer in self._committers:
            committer.join(STEP_S_MAX)
            self.report.tried += committer.tried
            if committer.failure is not None or committer.is_alive():
                self.report.faults.append(f"{committer.name}: {committer.failure!r}")

    def _heal(self) -> None:
        """Wait until all answer and every change has its outcome, then let one more reach all."""
        took_s = self._cluster.wait(
            "all at one head, nothing unsent, after the storm", self._cluster.is_quiet
        )
        self.report.counts["s until all stood at one head"] = f"{took_s:.1f}"
        last = self._cluster.owner(self._router(self._size.committing[1]))
        last.call("draft.discard")
        last.set("policy/shared", SHARED, "the end")
        last.commit("the end")
        took_s = self._cluster.wait(
            "the last change in all files", lambda: end_is_applied(self._cluster, "the end")
        )
        self.report.counts["s until the last change stood in all files"] = f"{took_s:.1f}"
        self._cluster.wait("all at one head at the end", self._cluster.is_quiet)

    def _end_of_waiting(self) -> None:
        self._is_over.set()
        self._doorkeeper.join(STEP_S_MAX)
        if self._doorkeeper.failure is not None or self._doorkeeper.is_alive():
            self.report.faults.append(f"{self._doorkeeper.name}: {self._doorkeeper.failure!r}")

    def _check_names(self) -> None:
        """Who lost its disk and its key is what it was, once a person said so (A20)."""
        if self._called != self._names:
            self.report.faults.append(f"they were {self._names}, and are {self._called}")

    def _count(self) -> None:
        counts = self.report.counts
        counts |= {kind.value: self._struck[kind] for kind in Kind}
        counts["disks that nobody else could vouch for"] = len(self._deferred)
        counts["heads seen settled"] = len(self.report.settled)
        counts["let in by a person"] = len(self._doorkeeper.let_in)
        counts["logins"] = sum(committer.logins for committer in self._committers)
        for committer in self._committers:
            counts[f"commits at {committer.router.name}"] = len(committer.tried)
            counts[f"of them called durable at {committer.router.name}"] = committer.promised


def storm(seed: int, size: Size, say: Say, keep: Path | None = None) -> Report:
    """Make a cluster, let everything happen to it, and report.

    Args:
        seed: decides everything that is decided by us.
        size: how large.
        say: called with each line as it comes.
        keep: where all disks are copied to if anything is wrong.
    """
    places: list[TapPlace] = []

    def make_place(routers: int) -> TapPlace:
        places.append(TapPlace(routers, seed))
        return places[0]

    joins = len(plan(seed, size))
    with running(
        size.nodes,
        size.cycle,
        make_place=make_place,
        machine=Exposed,
        step_s_max=STEP_S_MAX,
        spare_uses=joins,
    ) as cluster:
        raging = Storm(cluster, places[0].switch, seed, size, say)
        try:
            raging.run()
        except (StuckError, NetworkError, DemoError) as error:
            raging.report.faults.append(f"stuck: {error}")
        if raging.report.faults and keep is not None:
            subprocess.run(["cp", "-a", str(cluster.base), str(keep)], check=True)
        return raging.report


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="repeat what this seed decides")
    parser.add_argument("--long", action="store_true", help="ten daemons for ten minutes")
    parser.add_argument("--nodes", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--backups", type=int, help="holders of the succession besides the master")
    parser.add_argument("--without", default="", help=", ".join(kind.name.lower() for kind in Kind))
    parser.add_argument("--file", type=Path, help="keep the report here")
    parser.add_argument("--keep", type=Path, help="copy all disks there if anything is wrong")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().getrandbits(32)
    size = LONG if options.long else SHORT
    size = replace(
        size,
        nodes=options.nodes or size.nodes,
        seconds=options.seconds or size.seconds,
        backups=size.backups if options.backups is None else options.backups,
        without=frozenset(Kind[name.upper()] for name in options.without.split(",") if name),
    )
    report = storm(seed, size, lambda line: print(line, flush=True), options.keep)
    for line in report.lines[1 + len(report.events) :]:
        print(line)
    print(f"seed {seed}: {'failed' if report.faults else 'nothing was lost'}")
    if options.file is not None:
        options.file.write_text("\n".join(report.lines) + "\n")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
