"""What must hold of a cluster after everything happened to it, and how it is told."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from dusk.changelog.body import Change
from dusk.changelog.entry import Entry, OutcomeCode
from dusk.config.settings import decode_setting
from dusk.demo import files
from dusk.demo.router import DemoError
from tests.network.cluster import Cluster, Machine
from tests.network.committer import SHARED, Tried

DISKS = 2
"""*Durable* means on so many."""
_OUTCOMES = {"durable": OutcomeCode.APPLIED, "superseded": OutcomeCode.SUPERSEDED}

Entries = list[tuple[Entry, Change | None]]


@dataclass(slots=True)
class Report:
    """What a run did and found.

    Attributes:
        seed: as given.
        events: a line for each that we made happen.
        tried: all commits.
        faults: what must not be; empty if all is well.
        counts: numbers worth showing.
        settled: position and chain hash of heads that were called settled → by whom.
    """

    seed: int
    events: list[str] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    counts: dict[str, object] = field(default_factory=dict)
    settled: dict[tuple[int, str], str] = field(default_factory=dict)

    @property
    def lines(self) -> list[str]:
        """The whole report."""
        return [f"seed {self.seed}", *self.events, *self.table, *(f"FAULT: {fault}" for fault in self.faults)]

    @property
    def table(self) -> list[str]:
        """The numbers, below each other."""
        width = max(map(len, self.counts), default=0)
        return [f"{what:{width}}  {count}" for what, count in self.counts.items()]


def end_is_applied(cluster: Cluster, value: str) -> bool:
    """Tell whether the shared option has this value in all files, and no apply is under way."""
    states = [router.state() for router in cluster.routers]
    heads = {(s["apply"]["state"], s["apply"]["head"]) for s in states if s is not None}
    if None in states or len(heads) != 1 or heads.pop()[0] != "committed":
        return False
    return all(files.values(router.config, SHARED) == [value] for router in cluster.routers)


class Checker:
    """Looks at what is left once all is healed.

    Args:
        cluster: at one head; it is stopped here.
        report: has all commits, and gets what is found.
        is_forking: whether there may have been two writers at once: the outcome of what was durable
            may then be another than its author was told, and its place too.
        are_all_sent: whether all outboxes were empty at the end, and no disk with one was lost.
    """

    def __init__(
        self, cluster: Cluster, report: Report, *, is_forking: bool = False, are_all_sent: bool = False
    ) -> None:
        self._cluster, self._report = cluster, report
        self._is_forking, self._are_all_sent = is_forking, are_all_sent

    def run(self) -> None:
        """Stop all, and look."""
        self._check_stopped()
        self._check_logs()

    def _object(self, fault: str) -> None:
        self._report.faults.append(fault)

    def _check_stopped(self) -> None:
        for name, is_clean in self._cluster.stop().items():
            if not is_clean:
                self._object(f"{name} did not stop cleanly")
        for router in self._cluster.routers:
            try:
                router.dusk("verify")
            except DemoError as error:
                self._object(f"{router.name}: {error}")
            if "Traceback" in router.said or "mistake" in router.said:
                self._object(f"{router.name} said: {router.said[-2000:]}")

    def _check_logs(self) -> None:
        logs = [router.entries() for router in self._cluster.routers]
        entries = logs[0]
        if any(log[-1][0].head != entries[-1][0].head for log in logs):
            self._object(f"heads differ: {[log[-1][0].head for log in logs]}")
        twice = [i for i, n in Counter(e.change for e, _ in entries if e.change).items() if n > 1]
        if twice:
            self._object(f"in the log twice: {[change.hex() for change in twice]}")
        for log, router in zip(logs, self._cluster.routers, strict=True):
            logged = {entry.change.hex(): entry for entry, _ in log if entry.change}
            for one in self._report.tried:
                if one.is_answered:
                    self._check_answer(one, logged.get(one.change), router.name)
            self._check_settled(log, router.name)
            self._check_files(log, router)
        self._check_disks()
        self._count(entries)

    def _check_answer(self, one: Tried, entry: Entry | None, name: str) -> None:
        """Hold an answer that was given against one router's log."""
        wanted = _OUTCOMES.get(one.state)
        if one.state == "refused":
            if entry is not None:
                self._object(f"{one} ({one.reason}) stands in the log of {name}")
        elif wanted is None:
            if self._are_all_sent and one.state in {"queued", "local"} and entry is None:
                self._object(f"{one} was kept, all outboxes are empty, and it is not in the log of {name}")
        elif entry is None:
            self._object(f"{one} was answered and is not in the log of {name}")
        elif not self._is_forking and (entry.outcome.code is not wanted or one.seq not in {None, entry.seq}):
            self._object(f"{one} at {one.seq} is {entry.outcome} at {entry.seq} in {name}")

    def _check_settled(self, entries: Entries, name: str) -> None:
        """Hold what was called settled against one router's log: nobody goes behind that (R5)."""
        chains: dict[int, str] = {entry.seq: entry.head.chain.hex() for entry, _ in entries}
        for (seq, chain), witness in self._report.settled.items():
            if chains.get(seq) != chain:
                self._object(f"{seq} was settled at {witness} as {chain}, and is {chains.get(seq)} at {name}")

    def _check_disks(self) -> None:
        for one in self._report.tried:
            if one.disks is not None and one.disks < DISKS:
                self._object(f"{one} was called durable and stood on {one.disks} disks")

    def _check_files(self, entries: Entries, router: Machine) -> None:
        """Compare the files with the last applied values in the log."""
        for key, value in newest_settings(entries).items():
            found = files.values(router.config, key)
            if found != value:
                self._object(f"{router.name}: {key} is {found} in the file, {value} in the log")

    def _count(self, entries: Entries) -> None:
        outcomes = {entry.change.hex(): entry.outcome.code for entry, _ in entries if entry.change}
        counts = self._report.counts
        reasons = Counter(e.outcome.reason for e, _ in entries if e.outcome.code is OutcomeCode.REJECTED)
        for reason, count in sorted(reasons.items()):
            counts[f"rejected: {reason}"] = count
        for state, these in sorted(_by_state(self._report.tried).items()):
            found = Counter(
                outcomes[one.change].name.lower() if one.change in outcomes else "not in the log"
                for one in these
            )
            ends = ", ".join(f"{count} {end}" for end, count in sorted(found.items()))
            counts[f"answer: {state}"] = f"{len(these)}: {ends}"
        counts["entries"] = len(entries)
        counts["epochs"] = entries[-1][0].epoch


def _by_state(tried: Sequence[Tried]) -> dict[str, list[Tried]]:
    found: dict[str, list[Tried]] = {}
    for one in tried:
        found.setdefault(one.state if one.is_answered else "none", []).append(one)
    return found


def newest_settings(entries: Entries) -> dict[str, list[str]]:
    """Return option → values as the applied changes of the log leave them."""
    found: dict[str, list[str]] = {}
    for entry, change in entries:
        if change is None or entry.outcome.code is not OutcomeCode.APPLIED:
            continue
        for operation, value in zip(change.body.operations, change.values, strict=True):
            if operation.key.startswith("set/") and value is not None:
                found[operation.key.removeprefix("set/")] = list(decode_setting(value.data).values)
    return found
