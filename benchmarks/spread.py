"""P1, P2: how long a committed change takes to stand on every node's disk.

From the moment when the owner's `draft.commit` is sent to a node's control socket (it reviews the
draft, signs it and keeps it on its disk before it tells anybody) to the moment when each node has
the entry on its disk. Serf's figures are from the moment when its agent is asked for a user event
to the moment when each agent tells a subscriber of it; nothing is signed or stored there.
"""

import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import serf
from benchmarks.cluster import ClusterError, Site, running
from benchmarks.measure import NotMeasurableError, Row, clean_up_when_ended
from benchmarks.watch import Watch

NODES = 20
CHANGES = 7
VALUE_BYTES = 800
"""With its salt, its author, a signature and its names the change then has 1 KiB."""
SPREAD_S_MAX = 20.0
GAP_S = 0.4
LOSE_ONE_OF = 10
LOSSY_CHANGES = 15
LIMIT_MS, SERF_RATIO_MAX, LOSSY_LIMIT_MS = 100.0, 0.25, 1000.0
SERF_SETTLE_S = 2.0


@dataclass(frozen=True, slots=True)
class Spread:
    """One change.

    Args:
        first_s, median_s, last_s: when so many nodes had it.
    """

    first_s: float
    median_s: float
    last_s: float


def of_moments(moments: Sequence[float]) -> Spread:
    """Sum up the moments of all nodes."""
    return Spread(min(moments), statistics.median(moments), max(moments))


def spreads(site: Site, at: int, changes: int = CHANGES) -> list[Spread]:
    """Commit changes at one node, one after the other, and watch them spread.

    Args:
        site: a quiet cluster.
        at: which node; 0 leads.
        changes: how many.

    Raises:
        ClusterError: a log did not grow by just the one change.
    """
    desk = site.owner(site.nodes[at])
    found = []
    with Watch([node.root for node in site.nodes]) as watch:
        for number in range(changes):
            before = site.heads()
            desk.draft(
                "bench", f"system.bench.value{number % 3}", str(time.time_ns()).ljust(VALUE_BYTES, "x")
            )
            time.sleep(GAP_S)
            params = {"token": desk.token, "message": f"change {number}", "timeout_s": SPREAD_S_MAX}
            found.append(of_moments(watch.spread(at, "draft.commit", params, SPREAD_S_MAX)))
            time.sleep(GAP_S)
            if site.heads() != [head + 1 for head in before]:
                raise ClusterError(f"not one change on all: {before} became {site.heads()}")
    return found


def measure(*, lossy: bool, at: int, changes: int = CHANGES, profiles: Sequence[Path] = ()) -> list[Spread]:
    """Run a cluster of twenty and measure changes in it."""
    with running(NODES, profiles=profiles) as site:
        spreads(site, at, 1)  # connections, sockets and caches are warm afterwards
        if lossy:
            site.switch.lose(LOSE_ONE_OF)
        return spreads(site, at, changes)


def _row(
    number: str, name: str, found: Sequence[Spread], yardstick: Sequence[Spread], limit_ms: float
) -> Row:
    """Compare the median over all changes of the last node's moment."""
    last = [1e3 * spread.last_s for spread in found]
    bare = 1e3 * statistics.median(s.last_s for s in yardstick) if yardstick else None
    limit_ratio = SERF_RATIO_MAX if yardstick else None
    figure = statistics.median(last)
    return Row(number, name, figure, "ms", bare, limit_ms, limit_ratio, samples=tuple(last))


def _beside(number: str, name: str, figure_s: float, yardstick_s: float | None) -> Row:
    return Row(number, name, 1e3 * figure_s, "ms", None if yardstick_s is None else 1e3 * yardstick_s)


def serf_spreads() -> list[Spread]:
    """Measure Serf's user events among as many agents; nothing if it is not installed."""
    if serf.why_unavailable() is not None:
        return []
    with serf.agents(NODES) as agents:
        time.sleep(SERF_SETTLE_S)
        found = []
        for number in range(CHANGES):
            found.append(of_moments(agents.spread(f"event-{number}")))
            time.sleep(2 * GAP_S)
    return found


def whole() -> list[Row]:
    """P1, with Serf in the same run."""
    yardstick = serf_spreads()
    at_member = measure(lossy=False, at=NODES - 1)
    at_master = measure(lossy=False, at=0)
    named = "(y: Serf)" if yardstick else f"(Serf: {serf.why_unavailable()})"
    what = f"1 KiB change on {NODES} disks"
    rows = [_row("P1", f"{what}: last node {named}", at_member, yardstick, LIMIT_MS)]
    pairs = (
        ("the same, median node", at_member, statistics.median, "median_s"),
        ("the same, last node of the worst change", at_member, max, "last_s"),
        ("committed at the master instead: last node", at_master, statistics.median, "last_s"),
    )
    for name, found, pick, field in pairs:
        ours = pick([getattr(spread, field) for spread in found])
        theirs = pick([getattr(spread, field) for spread in yardstick]) if yardstick else None
        rows.append(_beside("P1", f"{name} {named}", ours, theirs))
    return rows


def lossy() -> list[Row]:
    """P2."""
    if shutil.which("nft") is None:
        raise NotMeasurableError("nft, which loses the datagrams, is not installed")
    found = measure(lossy=True, at=NODES - 1, changes=LOSSY_CHANGES)
    worst = max(spread.last_s for spread in found)
    return [
        _row("P2", f"the same, one of {LOSE_ONE_OF} datagrams lost: last node", found, (), LOSSY_LIMIT_MS),
        Row("P2", f"the same, worst of {LOSSY_CHANGES} changes", 1e3 * worst, "ms", limit=LOSSY_LIMIT_MS),
    ]


def profile_whole(folder: Path) -> None:
    """Keep profiles of the master and of a member while changes spread."""
    measure(lossy=False, at=NODES - 1, profiles=(folder / "P1-master.txt", folder / "P1-member.txt"))


def profile_lossy(folder: Path) -> None:
    """Keep the same with datagrams lost."""
    measure(lossy=True, at=NODES - 1, profiles=(folder / "P2-master.txt", folder / "P2-member.txt"))


def main() -> None:
    """Print samples: ``python -m benchmarks.spread [lossy] [at=N] [profile]``, for who tunes this."""
    clean_up_when_ended()
    words = sys.argv[1:]
    at = next((int(word[3:]) for word in words if word.startswith("at=")), NODES - 1)
    files = [Path(f"build/profile-{name}.txt") for name in ("master", "member")]
    lossy = "lossy" in words
    began = time.monotonic()
    for spread in measure(lossy=lossy, at=at, profiles=files if "profile" in words else ()):
        first, median, last = (1e3 * s for s in (spread.first_s, spread.median_s, spread.last_s))
        print(f"first {first:7.1f} ms   median {median:7.1f} ms   last {last:7.1f} ms", flush=True)
    print(f"all in {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
