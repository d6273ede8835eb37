"""P11, P12: how long nobody can change anything when the master dies, and how soon an absent node is current.

The master's daemon is killed; at that moment the owner commits at a member that may not lead. What is
measured ends when that is *durable*: the backup has heard nobody for its time, has asked all, leads,
and two disks have the change. When the killed one is back the next round kills whoever leads then.
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from benchmarks.cluster import ClusterError, Site, backup_edit, cycle_edit, running
from benchmarks.measure import Row
from benchmarks.processes import write_changes
from dusk.changelog.foundation import position_of
from dusk.daemon.store import read_log
from dusk.errors import Refused
from tests.network.cluster import Machine, StuckError
from tests.world import World

NODES = 3
SHORT_CYCLE_S, DEFAULT_CYCLE_S = 0.5, 5.0
SHORT_LIMIT_S, DEFAULT_LIMIT_S = 3.0, 20.0
SHORT_DEATHS, DEFAULT_DEATHS = 7, 4
"""In each the last START was another part of a cycle ago."""
COMMIT_S_MAX = 60.0
MISSED = 5000
MISSED_LIMIT_S = 10.0
RETURNS_S_MAX = 60.0
LOOK_S = 0.02


# --- the master dies -------------------------------------------------------------------------------


def _with_backup(world: World, cycle_s: float) -> None:
    cycle_edit(world, round(1000 * cycle_s))
    backup_edit(world, "r1")


def takeovers(cycle_s: float, count: int) -> list[float]:
    """Return how long after the death of who led a change is durable that was committed elsewhere, seconds.

    Args:
        cycle_s: the cluster's cycle.
        count: how many die, one after the other.

    Raises:
        ClusterError: the cluster falls over.
    """
    with running(NODES, prepare=partial(_with_backup, cycle_s=cycle_s)) as site:
        try:
            return [_takeover(site, number) for number in range(count)]
        except (Refused, StuckError) as error:
            raise ClusterError(f"takeover: {error}") from error


def leader(site: Site) -> Machine:
    """Return the node that leads.

    Raises:
        ClusterError: none says so of itself.
    """
    for node in site.nodes:
        state = node.state()
        if state is not None and state["role"] == "master":
            return node
    raise ClusterError("nobody leads")


def _takeover(site: Site, number: int) -> float:
    dying, member = leader(site), site.nodes[-1]
    owner = site.owner(member)
    owner.set("policy/p0", "system.s0.x", f"takeover {number}")
    dying.cut_power()
    began = time.monotonic()
    answer = owner.commit(f"takeover {number}", timeout_s=COMMIT_S_MAX)
    took_s = time.monotonic() - began
    if answer["state"] != "durable":
        raise ClusterError(f"a change across a takeover is {answer['state']}")
    owner.close()
    dying.power_on()
    site.wait_until_quiet(answer["seq"])
    return took_s


def takeover() -> list[Row]:
    """P11."""
    found = []
    for cycle_s, count, limit_s in (
        (SHORT_CYCLE_S, SHORT_DEATHS, SHORT_LIMIT_S),
        (DEFAULT_CYCLE_S, DEFAULT_DEATHS, DEFAULT_LIMIT_S),
    ):
        samples = tuple(takeovers(cycle_s, count))
        name = f"master dies, cycle {cycle_s:g} s: until a change is durable"
        found += [
            Row("P11", f"{name}, worst of {count}", max(samples), "s", limit=limit_s, samples=samples),
            Row("P11", "the same, median", statistics.median(samples), "s"),
        ]
    return found


# --- a node returns --------------------------------------------------------------------------------


@contextmanager
def absence(missed: int) -> Iterator[Site]:
    """Run a cluster whose last node is off, and was while so many entries were written."""
    with running(NODES, missed=partial(write_changes, count=missed)) as site:
        yield site


def compact(site: Site) -> None:
    """Let an owner commit where attesting is due: whoever runs then compacts its log.

    Raises:
        ClusterError: they do not.
    """
    member = site.nodes[1]
    owner = site.owner(member)
    owner.set("policy/p0", "system.s0.x", "attested")
    try:
        owner.commit("attested", timeout_s=COMMIT_S_MAX)
        site.cluster.wait("compacted logs", lambda: all(map(floor_of, site.nodes[:-1])), RETURNS_S_MAX)
    except (Refused, StuckError) as error:
        raise ClusterError(f"compaction: {error}") from error
    finally:
        owner.close()
    site.wait_until_quiet(nodes=site.nodes[:-1])


def floor_of(node: Machine) -> int:
    """Return where the log on a node's disk begins; 0 for its first entry."""
    foundation = read_log(node.node_folder).foundation
    return 0 if foundation is None else position_of(foundation)


def returns(site: Site) -> tuple[float, float]:
    """Start the node that was off, and return how long after that it is current.

    Returns:
        Seconds until it has all entries, and until it has judged what they mean for its files.

    Raises:
        ClusterError: it does not become current.
    """
    absent, head = site.nodes[-1], site.heads()[0]
    began = time.monotonic()
    absent.power_on()
    try:
        site.cluster.wait("all it missed", lambda: _head(absent) >= head, RETURNS_S_MAX)
        has_all_s = time.monotonic() - began
        site.cluster.wait("what it missed in effect", lambda: _applied(absent) >= head, RETURNS_S_MAX)
    except StuckError as error:
        raise ClusterError(str(error)) from error
    return has_all_s, time.monotonic() - began


def _head(node: Machine) -> int:
    state = node.state()
    return 0 if state is None else int(state["head"]["seq"])


def _applied(node: Machine) -> int:
    state = node.state()
    return 0 if state is None or state["apply"]["state"] != "committed" else int(state["apply"]["head"])


def _rows(what: str, took_s: tuple[float, float]) -> list[Row]:
    has_all_s, in_effect_s = took_s
    limit = MISSED_LIMIT_S
    return [
        Row("P12", f"{what}: from start to all of them", has_all_s, "s", limit=limit),
        Row("P12", "the same, until applied", in_effect_s, "s", limit=limit),
    ]


def missed() -> list[Row]:
    """P12: entry by entry, and past a checkpoint below which nobody has single entries any more."""
    with absence(MISSED) as site:
        found = _rows(f"off for {MISSED:,} entries", returns(site))
    with absence(MISSED) as site:
        compact(site)
        return [*found, *_rows("the same past a compaction and a checkpoint", returns(site))]
