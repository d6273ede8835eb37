"""P1, P2: how long a committed change takes to stand on every node's disk.

From the moment when the owner's `draft.commit` is sent to a node's control socket (it reviews the
draft, signs it and keeps it on its disk before it tells anybody) to the moment when each node has
the entry on its disk. Serf's figures are from the moment when its agent is asked for a user event
to the moment when each agent tells a subscriber of it; nothing is signed or stored there.
"""

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cluster import ClusterError, Site, running
from benchmarks.watch import Watch

NODES = 20
CHANGES = 7
VALUE_BYTES = 800
"""With its salt, its author, a signature and its names the change then has 1 KiB."""
SPREAD_S_MAX = 20.0
GAP_S = 0.4
LOSE_ONE_OF = 10


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


def main() -> None:
    """Print samples: ``python -m benchmarks.spread [lossy] [at=N] [profile]``, for who tunes this."""
    words = sys.argv[1:]
    at = next((int(word[3:]) for word in words if word.startswith("at=")), NODES - 1)
    files = [Path(f"/tmp/dusk-profile-{name}.txt") for name in ("master", "member")]
    lossy = "lossy" in words
    began = time.monotonic()
    for spread in measure(lossy=lossy, at=at, profiles=files if "profile" in words else ()):
        first, median, last = (1e3 * s for s in (spread.first_s, spread.median_s, spread.last_s))
        print(f"first {first:7.1f} ms   median {median:7.1f} ms   last {last:7.1f} ms", flush=True)
    print(f"all in {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
