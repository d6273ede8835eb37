"""P5, P6, P7, P10, P19: what one daemon costs: its start, its memory, its idle cycles, its helper."""

import select
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import serf
from benchmarks.cluster import NO_PROFILES, ClusterError, Profiles, Site, cycle_edit, running
from benchmarks.foundation import BARE_IMPORTS
from benchmarks.measure import Row, process
from dusk.cycle.datagrams import cluster_tag
from dusk.cycle.messages import Kind
from dusk.demo.net import BRIDGE
from tests.network.cluster import Machine
from tests.world import World

ENTRIES = 1000
MEMBERS = 100
RECORDS, SECTIONS = 200, 20
STARTS = 5
START_S_MAX = 15.0
IDLE_NODES, IDLE_CYCLE_S, IDLE_S = 20, 0.5, 15.0
SERF_AGENTS = 20
BARE = 'print(open("/proc/self/status").read())'


def write_changes(world: World, count: int) -> None:
    """Let the owner set options of 200 records in 20 policies, in turn."""
    for number in range(count):
        record = number * 7 % RECORDS
        edit = world.set(f"p{record % SECTIONS}", f"system.s{record // SECTIONS}.x", str(number))
        world.commit(edit)


# --- the start -------------------------------------------------------------------------------------


def _fill(world: World) -> None:
    write_changes(world, ENTRIES - world.log.head.seq)


@contextmanager
def _hearing(site: Site) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process that prints the moment of each PONG that crosses the bridge."""
    pong = cluster_tag(site.world.cluster) + bytes((Kind.PONG,))
    program = site.switch.on_the_bridge([sys.executable, "-m", "benchmarks.hear", BRIDGE, pong.hex()])
    with subprocess.Popen(program, stdout=subprocess.PIPE, bufsize=0) as heard:
        try:
            assert heard.stdout is not None
            if heard.stdout.readline() != b"ready\n":
                raise ClusterError("nobody listens on the bridge")
            yield heard
        finally:
            heard.kill()


def starts(profiles: Profiles = NO_PROFILES, count: int = STARTS) -> list[float]:
    """Return how long a member with a full log takes from its start to its master's first PONG, seconds.

    Raises:
        ClusterError: most starts were not answered by a PONG.
    """
    with running(2, prepare=_fill, profiles=profiles) as site, _hearing(site) as heard:
        found = [took for took in (_start(site, heard) for _ in range(count)) if took is not None]
    if len(found) <= count // 2:
        raise ClusterError(f"{len(found)} of {count} starts were answered by a PONG")
    return found


def _start(site: Site, heard: subprocess.Popen[bytes]) -> float | None:
    """Stop and start a member; None if the master's START came before it had to ask."""
    node = site.nodes[1]
    node.ask_to_stop()
    node.wait_for_end()
    assert heard.stdout is not None
    began = time.monotonic()
    node.power_on()
    at = 0.0
    while at < began:
        if not select.select([heard.stdout], [], [], START_S_MAX)[0]:
            return None
        at = float(heard.stdout.readline())
    return at - began


def start() -> list[Row]:
    """P5."""
    bare = process(BARE_IMPORTS)
    found = starts()
    name = f"start with {ENTRIES:,} entries to the first PONG (y: imports)"
    limit = 2 * bare.seconds + 0.3
    return [Row("P5", name, min(found), "s", bare.seconds, limit=limit, samples=tuple(found))]


def profile_start(folder: Path) -> None:
    """Keep a profile of a start."""
    starts({1: folder / "P5.txt"}, 3)


# --- memory ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one process, MB: resident, and its proportional share of what others share with it."""

    resident_mb: float
    share_mb: float


def memory_of(pid: int) -> Memory:
    """Read what a process has now."""
    facts: dict[str, float] = {}
    for name in ("status", "smaps_rollup"):
        for line in Path(f"/proc/{pid}/{name}").read_text().splitlines():
            words = line.split()
            if len(words) == 3 and words[2] == "kB":
                facts[words[0]] = int(words[1]) / 1024
    return Memory(facts["VmRSS:"], facts["Pss:"])


def _bare_python_mb() -> float:
    """Return the resident memory of a Python that has imported nothing, the median of a few, MB."""
    found = []
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", BARE], capture_output=True, text=True, check=True)
        words = next(line.split() for line in done.stdout.splitlines() if line.startswith("VmRSS"))
        found.append(int(words[1]) / 1024)
    return statistics.median(found)


def _hundred(world: World) -> None:
    write_changes(world, ENTRIES)


def memory() -> list[Row]:
    """P6, and what is told beside it: the master, Serf, the helper (P19)."""
    bare = process(BARE_IMPORTS)
    python_mb = _bare_python_mb()
    with running(2, spare=MEMBERS - 2, prepare=_hundred) as site:
        master, member = (memory_of(node.pid) for node in site.nodes)
        helper = memory_of(_helper_of(site.nodes[1]))
    what = f"{MEMBERS} members, {ENTRIES:,} changes"
    return [
        Row(
            "P6",
            f"RSS of a member: {what} (y: imports)",
            member.resident_mb,
            "MB",
            bare.memory_mb,
            limit_ratio=1.35,
        ),
        Row(
            "P6", "RSS of the master of the same", master.resident_mb, "MB", bare.memory_mb, limit_ratio=1.35
        ),
        Row("P6", "PSS of that member, for comparison", member.share_mb, "MB"),
        _serf_memory(),
        Row(
            "P19",
            "RSS of the root helper (y: bare Python)",
            helper.resident_mb,
            "MB",
            python_mb,
            limit_ratio=1.2,
        ),
        Row("P19", "PSS of the same, for comparison", helper.share_mb, "MB"),
    ]


def _helper_of(node: Machine) -> int:
    helper = node.helper_pid
    if helper is None:
        raise ClusterError(f"{node.name} has no helper")
    return helper


def _serf_memory() -> Row:
    name = "RSS of a Serf agent that knows 20, for comparison"
    missing = serf.why_unavailable()
    if missing is not None:
        return Row("P6", name, None, "MB", why_not=missing)
    with serf.agents(SERF_AGENTS) as agents:
        found = agents.memory_mb()
    return Row("P6", name, statistics.median(found), "MB", samples=tuple(found))


# --- idle cycles -----------------------------------------------------------------------------------


def _cpu_s(pid: int) -> float:
    """Return the time that a process was on a core, all its threads together, seconds."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def _written_bytes(pid: int) -> int:
    """Return how many bytes a process has caused to be written to a disk."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def _short_cycle(world: World) -> None:
    cycle_edit(world, round(1000 * IDLE_CYCLE_S))


def idle(profiles: Profiles = NO_PROFILES) -> tuple[list[float], int]:
    """Return what a cycle costs each node, the master first, seconds of CPU; and what all wrote, bytes."""
    with running(IDLE_NODES, prepare=_short_cycle, profiles=profiles) as site:
        time.sleep(4 * IDLE_CYCLE_S)
        pids = [node.pid for node in site.nodes]
        before, written, began = (
            [_cpu_s(pid) for pid in pids],
            sum(map(_written_bytes, pids)),
            time.monotonic(),
        )
        time.sleep(IDLE_S)
        cycles = (time.monotonic() - began) / IDLE_CYCLE_S
        costs = [(_cpu_s(pid) - cpu) / cycles for pid, cpu in zip(pids, before, strict=True)]
        return costs, sum(map(_written_bytes, pids)) - written


def cycles() -> list[Row]:
    """P7, and P10 on real daemons."""
    (master, *members), written = idle()
    others = len(members)
    name = f"CPU of an idle cycle of {IDLE_CYCLE_S:g} s"
    each = 1e3 * statistics.median(members)
    samples = tuple(1e3 * member for member in members)
    return [
        Row("P7", f"{name}: a member, median of {others}", each, "ms", limit=1, samples=samples),
        Row("P7", f"{name}: the master, per member", 1e3 * master / others, "ms", limit=0.2),
        Row(
            "P10",
            f"written by {IDLE_NODES} daemons in {IDLE_S / IDLE_CYCLE_S:.0f} idle cycles",
            written,
            "B",
            limit=0,
        ),
    ]


def profile_cycles(folder: Path) -> None:
    """Keep profiles of idle cycles."""
    idle({0: folder / "P7-master.txt", 1: folder / "P7-member.txt"})
