"""Kills real daemons at random moments while owners commit, and checks what is left.

A program of its own, too: ``python -m tests.network.kill --seed 7 --kills 20``. The seed decides
who is killed, when, and what is committed; how the machine runs it differs from run to run.
"""

import argparse
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.network.checker import Checker, Report, end_is_applied
from tests.network.cluster import LOOK_S, Cluster, Machine, StuckError, ends_within, running
from tests.network.committer import SHARED, Committer, prepare

NODES = 5
COMMITTERS = 3
CYCLE = "0.2s"
HELPER_S_MAX = 5.0
"""A helper without its daemon ends at its next look at the pipe; a reload under way may be first."""
FREE_S_MAX = 2.0
"""Between two kills pass at most so many seconds, often none: then several go at once."""
OFF_S_MAX = 0.8
MASTER_SHARE = 0.3
"""How many of the kills hit the master."""

Say = Callable[[str], None]


def _is_freed(victim: Machine) -> bool:
    """Wait until nobody holds its root: a program that its helper was starting does so until it runs."""
    end_s = time.monotonic() + HELPER_S_MAX
    while not victim.lock_is_free():
        if time.monotonic() >= end_s:
            return False
        time.sleep(LOOK_S)
    return True


@dataclass(frozen=True, slots=True)
class Stroke:
    """One kill, as the seed decides it.

    Attributes:
        after_s: how long after the one before; an earlier victim may still be off.
        victim: index of the router; it is started first if it is off.
        with_helper: whether its helper is killed, too, or has to notice by itself.
        off_s: how long it stays off.
    """

    after_s: float
    victim: int
    with_helper: bool
    off_s: float


def strokes(chance: random.Random, kills: int) -> list[Stroke]:
    """Decide so many kills."""
    return [
        Stroke(
            after_s=0.0 if chance.random() < 0.2 else chance.uniform(0.0, FREE_S_MAX),
            victim=0 if chance.random() < MASTER_SHARE else chance.randrange(1, NODES),
            with_helper=chance.random() < 0.5,
            off_s=chance.uniform(0.0, OFF_S_MAX),
        )
        for _ in range(kills)
    ]


class Killer:
    """One run.

    Args:
        cluster: runs and is whole.
        seed: decides who is killed, and when.
        say: called with each line of the report as it comes.
    """

    def __init__(self, cluster: Cluster, seed: int, say: Say) -> None:
        self.report = Report(seed)
        self._cluster, self._say = cluster, say
        self._random = random.Random(seed)
        self._halt = threading.Event()
        members = self._random.sample(cluster.routers[1:], COMMITTERS - 1)
        self._committers = [
            Committer(router, self._random.getrandbits(32), self._halt)
            for router in (cluster.first, *members)
        ]
        self._off: dict[Machine, float] = {}

    def run(self, kills: int) -> Report:
        """Kill so many times, let it heal, stop all, and look at what is left."""
        prepare(self._cluster, [committer.router.number for committer in self._committers])
        for committer in self._committers:
            committer.start()
        try:
            for number, stroke in enumerate(strokes(self._random, kills), 1):
                self._let_run(time.monotonic() + stroke.after_s)
                self._kill(number, stroke)
            self._cluster.wait("a durable change", self._has_promised)
        finally:
            self._end_commits()
        self._heal()
        Checker(self._cluster, self.report, are_all_sent=True).run()
        return self.report

    # --- what happens -------------------------------------------------------------------------

    def _has_promised(self) -> bool:
        """Tell whether anything was promised: a busy machine is slower than the kills."""
        self._let_run(time.monotonic() + LOOK_S)
        tried = [one for committer in self._committers for one in list(committer.tried)]
        return any(one.is_answered and one.state == "durable" for one in tried)

    def _let_run(self, end_s: float) -> None:
        """Let time pass, and start again what was off for long enough."""
        while (now_s := time.monotonic()) < end_s:
            for router in [router for router, on_s in self._off.items() if on_s <= now_s]:
                del self._off[router]
                router.power_on()
            time.sleep(0.005)

    def _kill(self, number: int, stroke: Stroke) -> None:
        victim = self._cluster.routers[stroke.victim]
        if victim in self._off:
            self._let_run(self._off[victim] + 0.01)
        helper = victim.helper_pid
        watch = None if helper is None else os.pidfd_open(helper)
        in_flight = self._in_flight()
        victim.kill_daemon()
        if helper is not None and stroke.with_helper:
            os.kill(helper, signal.SIGKILL)
        self._off[victim] = time.monotonic() + stroke.off_s
        role = "the master" if victim is self._cluster.first else "a member"
        whole = "and its helper" if stroke.with_helper else "its helper left alone"
        off = sum(1 for router in self._cluster.routers if not router.is_on)
        line = f"kill {number}: {victim.name}, {role}, {whole}; {off} off now; in flight: {in_flight}"
        self.report.events.append(line)
        self._say(line)
        self._check_released(number, victim, watch)

    def _check_released(self, number: int, victim: Machine, watch: int | None) -> None:
        """A helper ends with its daemon, and nothing holds the root against the next one."""
        if watch is not None and not ends_within(watch, HELPER_S_MAX):
            self.report.faults.append(f"kill {number}: the helper of {victim.name} lives on")
        elif watch is not None and not _is_freed(victim):
            self.report.faults.append(f"kill {number}: the lock of {victim.name} is still held")

    def _in_flight(self) -> str:
        found = []
        for committer in self._committers:
            latest = committer.tried[-1:]
            found += [f"{one} at {one.router}" for one in latest if not one.is_over]
        return ", ".join(found) or "nothing"

    def _end_commits(self) -> None:
        self._halt.set()
        for router in self._off:
            router.power_on()
        for committer in self._committers:
            committer.join(60)
            self.report.tried += committer.tried
            if committer.failure is not None:
                self.report.faults.append(f"{committer.name}: {committer.failure!r}")

    def _heal(self) -> None:
        """Wait until all answer and nothing is under way, then let one more change reach all."""
        self._cluster.wait("all at one head after the kills", self._cluster.is_quiet)
        last = self._cluster.owner(self._cluster.routers[-1])
        last.call("draft.discard")
        last.set("policy/shared", SHARED, "the end")
        last.commit("the end")
        took_s = self._cluster.wait(
            "the last change in all files", lambda: end_is_applied(self._cluster, "the end")
        )
        self.report.counts["ms until the last change stood in all files"] = round(1000 * took_s)
        self._cluster.wait("all at one head at the end", self._cluster.at_one_head)


def kill(seed: int, kills: int, say: Say) -> Report:
    """Make a cluster, kill its daemons, and report.

    Args:
        seed: decides everything that is decided by us.
        kills: how many.
        say: called with each line as it comes.
    """
    with running(NODES, CYCLE) as cluster:
        killer = Killer(cluster, seed, say)
        try:
            return killer.run(kills)
        except StuckError as error:
            killer.report.faults.append(f"stuck: {error}")
            return killer.report


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="repeat what this seed decides")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--file", type=Path, help="keep the report here")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().getrandbits(32)
    report = kill(seed, arguments.kills, lambda line: print(line, flush=True))
    for line in report.lines[1 + len(report.events) :]:
        print(line)
    print(f"seed {seed}: {'failed' if report.faults else 'nothing was lost'}")
    if arguments.file is not None:
        arguments.file.write_text("\n".join(report.lines) + "\n")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
