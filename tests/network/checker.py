"""What must hold of a cluster after everything happened to it, and how it is told."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dusk.changelog.body import Operation, Value
from dusk.changelog.entry import APPLIED, Entry, Outcome, OutcomeCode
from dusk.changelog.foundation import Foundation, read
from dusk.changelog.log import unpack_entry_item
from dusk.config.settings import decode_setting
from dusk.daemon.frames import Contents
from dusk.daemon.opening import read_log
from dusk.demo import files
from dusk.demo.router import DemoError
from dusk.effects import ItemKind
from dusk.ids import EMPTY_HEAD, Head
from tests.network.cluster import Cluster, Machine
from tests.network.committer import SHARED, Tried

DISKS = 2
"""*Durable* means on so many."""
_OUTCOMES = {"durable": OutcomeCode.APPLIED, "superseded": OutcomeCode.SUPERSEDED}


class Stands(NamedTuple):
    """Where a change stands in a log, and what came of it."""

    seq: int
    outcome: Outcome


@dataclass(slots=True)
class Logged:
    """What a log says, whether single entries are there or a checkpoint took their place.

    Attributes:
        head: its end.
        floor: up to where a checkpoint took the place of entries; 0 for none.
        changes: change, by its id in hex → where it stands.
        twice: changes that stand there more than once.
        chains: position → chain hash in hex.
        settings: option → values, as applied changes leave them.
    """

    head: Head = EMPTY_HEAD
    floor: int = 0
    changes: dict[str, Stands] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    chains: dict[int, str] = field(default_factory=dict)
    settings: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, contents: Contents) -> "Logged":
        """Read what stands in a log file."""
        found = cls()
        if contents.foundation is not None:
            found._stand_on(read(contents.foundation, None))
        for item in contents.items:
            if item.kind is ItemKind.ENTRY:
                entry, change = unpack_entry_item(item.data)
                found._add(entry, {} if change is None else _settings(change.body.operations, change.values))
        return found

    def _stand_on(self, foundation: Foundation) -> None:
        ground, self.head, self.floor = foundation.ground, foundation.head, foundation.head.seq
        for seq, change in enumerate(ground.history.changes(1, self.floor), 1):
            chain = ground.history.chain_at(seq)
            assert chain is not None, "it has the digests of all"
            self.chains[seq] = chain.hex()
            if change is not None:
                self._note(change.hex(), Stands(seq, ground.not_applied.get(change, APPLIED)))
        for section in ground.state.sections("policy/"):
            for key, record in ground.state.records(section, "set/").items():
                if record.data is not None:
                    self.settings[key.removeprefix("set/")] = list(decode_setting(record.data).values)

    def _add(self, entry: Entry, settings: dict[str, list[str]]) -> None:
        self.head = entry.head
        self.chains[entry.seq] = entry.head.chain.hex()
        if entry.change is not None:
            self._note(entry.change.hex(), Stands(entry.seq, entry.outcome))
        if entry.outcome.code is OutcomeCode.APPLIED:
            self.settings |= settings

    def _note(self, change: str, stands: Stands) -> None:
        if change in self.changes:
            self.twice.append(change)
        self.changes[change] = stands


def _settings(operations: Sequence[Operation], values: Sequence[Value | None]) -> dict[str, list[str]]:
    """Return what a change sets."""
    return {
        operation.key.removeprefix("set/"): list(decode_setting(value.data).values)
        for operation, value in zip(operations, values, strict=True)
        if operation.key.startswith("set/") and value is not None
    }


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
        logs = [Logged.of(read_log(router.node_folder)) for router in self._cluster.routers]
        if len({log.head for log in logs}) != 1:
            self._object(f"heads differ: {[log.head for log in logs]}")
        for log, router in zip(logs, self._cluster.routers, strict=True):
            if log.twice:
                self._object(f"in the log of {router.name} twice: {log.twice}")
            for one in self._report.tried:
                if one.is_answered:
                    self._check_answer(one, log.changes.get(one.change), router.name)
            self._check_settled(log.chains, router.name)
            self._check_files(log, router)
        self._check_disks()
        self._count(logs)

    def _check_answer(self, one: Tried, entry: Stands | None, name: str) -> None:
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

    def _check_settled(self, chains: Mapping[int, str], name: str) -> None:
        """Hold what was called settled against one router's log: nobody goes behind that (R5)."""
        for (seq, chain), witness in self._report.settled.items():
            if chains.get(seq) != chain:
                self._object(f"{seq} was settled at {witness} as {chain}, and is {chains.get(seq)} at {name}")

    def _check_disks(self) -> None:
        for one in self._report.tried:
            if one.disks is not None and one.disks < DISKS:
                self._object(f"{one} was called durable and stood on {one.disks} disks")

    def _check_files(self, log: Logged, router: Machine) -> None:
        """Compare the files with the last applied values in the log."""
        for key, value in log.settings.items():
            found = files.values(router.config, key)
            if found != value:
                self._object(f"{router.name}: {key} is {found} in the file, {value} in the log")

    def _count(self, logs: Sequence[Logged]) -> None:
        outcomes = {change: stands.outcome.code for change, stands in logs[0].changes.items()}
        counts = self._report.counts
        rejected = [s.outcome for s in logs[0].changes.values() if s.outcome.code is OutcomeCode.REJECTED]
        for reason, count in sorted(Counter(outcome.reason for outcome in rejected).items()):
            counts[f"rejected: {reason}"] = count
        for state, these in sorted(_by_state(self._report.tried).items()):
            found = Counter(
                outcomes[one.change].name.lower() if one.change in outcomes else "not in the log"
                for one in these
            )
            ends = ", ".join(f"{count} {end}" for end, count in sorted(found.items()))
            counts[f"answer: {state}"] = f"{len(these)}: {ends}"
        counts["entries"] = logs[0].head.seq
        counts["of them below a checkpoint"] = ", ".join(
            str(floor) for floor in sorted({x.floor for x in logs})
        )
        counts["epochs"] = logs[0].head.epoch


def _by_state(tried: Sequence[Tried]) -> dict[str, list[Tried]]:
    found: dict[str, list[Tried]] = {}
    for one in tried:
        found.setdefault(one.state if one.is_answered else "none", []).append(one)
    return found
