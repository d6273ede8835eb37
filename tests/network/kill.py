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
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dusk.changelog.body import Change
from dusk.changelog.entry import Entry, OutcomeCode
from dusk.config.settings import decode_setting
from dusk.demo import files
from dusk.errors import Refused
from tests.network.cluster import Cluster, Machine, Owner, StuckError, ends_within, running

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
PATIENCE_S = (0.05, 3.0, 3.0, 30.0)
"""How long committers wait for an answer: some give up and leave a change queued."""
SHARED = "wireless.default_radio0.note"
"""An option that all committers set: some of these changes are superseded."""
_LOST_SESSION = frozenset({"no-answer", "no-daemon", "no-session", "trouble", "no-ticket", "timeout"})
_OUTCOMES = {"durable": OutcomeCode.APPLIED, "superseded": OutcomeCode.SUPERSEDED}

Say = Callable[[str], None]
Entries = list[tuple[Entry, Change | None]]


@dataclass(slots=True)
class Tried:
    """One commit of an owner.

    Attributes:
        title: its message, used once.
        router: where it was signed.
        state: as last heard; ``asked`` before anything was heard. At the end it is the answer.
        change: its id in hex, once the daemon named it.
        seq: its position in the log, as answered.
        is_over: an answer came, or none will come any more.
        is_answered: an answer came.
        reason: why it was refused.
    """

    title: str
    router: str
    state: str = "asked"
    change: str = ""
    seq: int | None = None
    is_over: bool = False
    is_answered: bool = False
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.title} {self.state}"


class Committer(threading.Thread):
    """An owner who commits one change after another at one router, and logs in again when thrown out.

    Args:
        router: where.
        seed: decides what is committed.
        halt: set when it is enough.
    """

    def __init__(self, router: Machine, seed: int, halt: threading.Event) -> None:
        super().__init__(name=f"owner at {router.name}")
        self.tried: list[Tried] = []
        self.failure: BaseException | None = None
        self._router, self._random, self._halt = router, random.Random(seed), halt

    def run(self) -> None:
        """Commit until it is enough."""
        owner = Owner(self._router)
        while not self._halt.is_set():
            try:
                owner.login()
                while not self._halt.is_set():
                    self._commit(owner)
            except Refused as error:
                if error.code not in _LOST_SESSION and error.code != "joining":
                    self.failure = error
                    break
                owner.close()
                self._halt.wait(0.05)
            finally:
                for one in self.tried:
                    one.is_over = True
        owner.close()

    def _commit(self, owner: Owner) -> None:
        number = self._router.number
        one = Tried(f"c{number}-{len(self.tried) + 1}", self._router.name)
        self.tried.append(one)
        target, key = f"policy/kill-{number}", f"wireless.default_radio0.note_{number}"
        if self._random.random() < 0.2:
            target, key = "policy/shared", SHARED
        timeout_s = self._random.choice(PATIENCE_S)
        try:
            owner.set(target, key, one.title)
            begun = owner.call("draft.commit", message=one.title, timeout_s=timeout_s)
            one.change, one.state = begun["hash"], "signed"
            self._take(one, owner.wait(begun["ticket"], lambda news: self._hear(one, news)))
        except Refused as error:
            if error.code in _LOST_SESSION:
                raise
            one.state, one.reason, one.is_answered = error.code, error.reason, True
            owner.call("draft.discard")
            self._halt.wait(0.02)
        finally:
            one.is_over = True

    @staticmethod
    def _hear(one: Tried, news: dict[str, Any]) -> None:
        one.state = news["state"]

    @staticmethod
    def _take(one: Tried, answer: dict[str, Any]) -> None:
        one.state, one.seq, one.is_answered = answer["state"], answer["seq"], True
        assert answer["hash"] == one.change


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


@dataclass(slots=True)
class Report:
    """What a run did and found.

    Attributes:
        seed: as given.
        kills: a line for each.
        tried: all commits.
        faults: what must not be; empty if all is well.
        counts: numbers worth showing.
    """

    seed: int
    kills: list[str] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    counts: dict[str, object] = field(default_factory=dict)

    @property
    def lines(self) -> list[str]:
        """The whole report."""
        counts = [f"{what}: {count}" for what, count in self.counts.items()]
        return [f"seed {self.seed}", *self.kills, *counts, *(f"FAULT: {fault}" for fault in self.faults)]


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
        self._prepare()
        for committer in self._committers:
            committer.start()
        try:
            for number, stroke in enumerate(strokes(self._random, kills), 1):
                self._let_run(time.monotonic() + stroke.after_s)
                self._kill(number, stroke)
        finally:
            self._end_commits()
        self._heal()
        self._check_stopped()
        self._check_logs()
        return self.report

    # --- what happens -------------------------------------------------------------------------

    def _prepare(self) -> None:
        for router in self._cluster.routers:
            router.allow("wireless wireless.wifi-iface")  # no option of ours is one that the helper knows
        owner = self._cluster.owner(self._cluster.first)
        for committer in self._committers:
            number = committer._router.number
            owner.set(f"policy/kill-{number}", f"wireless.default_radio0.note_{number}", "none")
            owner.call("policy.assign", name=f"kill-{number}", to="all")
        owner.set("policy/shared", SHARED, "none")
        owner.call("policy.assign", name="shared", to="all")
        owner.commit("policies")

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
        victim.cut_power()
        if helper is not None and stroke.with_helper:
            os.kill(helper, signal.SIGKILL)
        self._off[victim] = time.monotonic() + stroke.off_s
        role = "the master" if victim is self._cluster.first else "a member"
        whole = "and its helper" if stroke.with_helper else "its helper left alone"
        off = sum(1 for router in self._cluster.routers if not router.is_on)
        line = f"kill {number}: {victim.name}, {role}, {whole}; {off} off now; in flight: {in_flight}"
        self.report.kills.append(line)
        self._say(line)
        self._check_released(number, victim, watch)

    def _check_released(self, number: int, victim: Machine, watch: int | None) -> None:
        """A helper ends with its daemon, and nothing holds the root against the next one."""
        if watch is not None and not ends_within(watch, HELPER_S_MAX):
            self.report.faults.append(f"kill {number}: the helper of {victim.name} lives on")
        elif watch is not None and not victim.lock_is_free():
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
        self._cluster.wait("all at one head after the kills", self._cluster.at_one_head)
        last = self._cluster.owner(self._cluster.routers[-1])
        last.call("draft.discard")
        last.set("policy/shared", SHARED, "the end")
        last.commit("the end")
        took_s = self._cluster.wait("the last change in all files", self._end_is_applied)
        self.report.counts["ms until the last change stood in all files"] = round(1000 * took_s)
        self._cluster.wait("all at one head at the end", self._cluster.at_one_head)

    def _end_is_applied(self) -> bool:
        states = [router.state() for router in self._cluster.routers]
        heads = {(s["apply"]["state"], s["apply"]["head"]) for s in states if s is not None}
        if None in states or len(heads) != 1 or heads.pop()[0] != "committed":
            return False
        return all(files.values(router.config, SHARED) == ["the end"] for router in self._cluster.routers)

    # --- what is left -------------------------------------------------------------------------

    def _check_stopped(self) -> None:
        for name, is_clean in self._cluster.stop().items():
            if not is_clean:
                self.report.faults.append(f"{name} did not stop cleanly")
        for router in self._cluster.routers:
            router.dusk("verify")  # raises, if it is not sound
            if "Traceback" in router.said or "mistake" in router.said:
                self.report.faults.append(f"{router.name} said: {router.said[-2000:]}")

    def _check_logs(self) -> None:
        logs = [router.entries() for router in self._cluster.routers]
        entries = logs[0]
        if any(log[-1][0].head != entries[-1][0].head for log in logs):
            self.report.faults.append(f"heads differ: {[log[-1][0].head for log in logs]}")
        twice = [i for i, n in Counter(e.change for e, _ in entries if e.change).items() if n > 1]
        if twice:
            self.report.faults.append(f"in the log twice: {[change.hex() for change in twice]}")
        for log, router in zip(logs, self._cluster.routers, strict=True):
            self._check_answers({e.change.hex(): e for e, _ in log if e.change}, router.name)
            self._check_files(log, router)
        self._count(entries)

    def _check_answers(self, logged: dict[str, Entry], name: str) -> None:
        """Hold every answer that was given against one router's log."""
        for one in self.report.tried:
            entry = logged.get(one.change)
            wanted = _OUTCOMES.get(one.state)
            if not one.is_answered:
                continue
            if wanted is None:
                if one.state == "refused" and entry is not None:
                    self.report.faults.append(f"{one} ({one.reason}) stands in the log of {name}")
            elif entry is None:
                self.report.faults.append(f"{one} was answered and is not in the log of {name}")
            elif entry.outcome.code is not wanted or one.seq not in {None, entry.seq}:
                self.report.faults.append(f"{one} at {one.seq} is {entry.outcome} at {entry.seq} in {name}")

    def _check_files(self, entries: Entries, router: Machine) -> None:
        """Compare the files with the last applied values in the log."""
        for key, value in _newest_settings(entries).items():
            found = files.values(router.config, key)
            if found != value:
                self.report.faults.append(f"{router.name}: {key} is {found} in the file, {value} in the log")

    def _count(self, entries: Entries) -> None:
        logged = {e.change.hex() for e, _ in entries if e.change}
        kinds = Counter(one.state if one.is_answered else "no answer" for one in self.report.tried)
        for state, count in sorted(kinds.items()):
            of_these = [one for one in self.report.tried if _state(one) == state]
            in_log = sum(1 for one in of_these if one.change in logged)
            self.report.counts[state] = f"{count}, in the log {in_log}"
        self.report.counts["entries"] = len(entries)
        self.report.counts["epochs"] = entries[-1][0].epoch


def _state(one: Tried) -> str:
    return one.state if one.is_answered else "no answer"


def _newest_settings(entries: Entries) -> dict[str, list[str]]:
    """Return option → values as the applied changes of the log leave them."""
    found: dict[str, list[str]] = {}
    for entry, change in entries:
        if change is None or entry.outcome.code is not OutcomeCode.APPLIED:
            continue
        for operation, value in zip(change.body.operations, change.values, strict=True):
            if operation.key.startswith("set/") and value is not None:
                found[operation.key.removeprefix("set/")] = list(decode_setting(value.data).values)
    return found


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
    for line in report.lines[1 + len(report.kills) :]:
        print(line)
    print(f"seed {seed}: {'failed' if report.faults else 'nothing was lost'}")
    if arguments.file is not None:
        arguments.file.write_text("\n".join(report.lines) + "\n")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
