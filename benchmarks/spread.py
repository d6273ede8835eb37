"""P1, P2: how long a committed change takes to stand on every node's disk.

From the moment when a signed change is handed to the master by a member, as a datagram, to the
moment when each node has the entry on its disk. Beside that, from the moment when the owner's
`draft.commit` is sent to a member's control socket, which reviews the draft, signs it and keeps it
on its disk before it tells anybody. Serf's figures are from the moment when its agent is asked for
a user event to the moment when each agent tells a subscriber of it; nothing is signed or stored there.
"""

import contextlib
import functools
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks import serf
from benchmarks.cluster import NO_PROFILES, ClusterError, Profiles, Site, running
from benchmarks.measure import NotMeasurableError, Row, clean_up_when_ended
from benchmarks.submitter import submitting
from benchmarks.sustained import changes_of, order_of
from benchmarks.watch import Line, Watch

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
TRIES = 2


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


def spreads(site: Site, begins: Iterable[Callable[[], None]], changes: int = CHANGES) -> list[Spread]:
    """Have changes written, one after the other, and watch them spread.

    A change beside which anything else was written, as a device's own facts are, is measured again.

    Args:
        site: a quiet cluster.
        begins: prepares a change with each step, and yields what hands it in.
        changes: how many.

    Raises:
        ClusterError: the cluster does not rest.
    """
    found: list[Spread] = []
    with Watch([node.root for node in site.nodes]) as watch:
        for begin, _ in zip(begins, range(TRIES * changes), strict=False):
            time.sleep(GAP_S)
            before = site.heads()
            moments = watch.spread(begin, SPREAD_S_MAX)
            time.sleep(GAP_S)
            if site.heads() == [head + 1 for head in before]:
                found.append(of_moments(moments))
            if len(found) == changes:
                return found
    raise ClusterError(f"{len(found)} of {changes} changes were written alone")


def commits(site: Site, at: int) -> Generator[Callable[[], None], None, None]:
    """Draft changes at a node; yield what commits each."""
    owner, line = site.owner(site.nodes[at]), Line(site.nodes[at].root)
    with line.socket:
        while True:
            owner.set("policy/bench", "system.bench.value", str(time.time_ns()).ljust(VALUE_BYTES, "x"))
            params = {"token": owner.token, "message": "one of many", "timeout_s": SPREAD_S_MAX}
            yield functools.partial(line.ask, "draft.commit", **params)
            answer = line.answer()
            if answer is None or "error" in answer:
                raise ClusterError(f"the change was not taken: {answer}")


def handed_in(site: Site) -> Generator[Callable[[], None], None, None]:
    """Sign changes as the owner at the spare member; yield what hands each to the master."""
    changes = changes_of(site.world, site.spare[0], 2 * TRIES * CHANGES, pad_bytes=VALUE_BYTES)
    with submitting(site.switch, NODES + 1, order_of(site, changes), "each") as (orders, _):
        while True:
            yield functools.partial(_go, orders)


def _go(orders: IO[bytes]) -> None:
    orders.write(b"go\n")


def measure(
    at: int | None, *, lossy: bool = False, changes: int = CHANGES, profiles: Profiles = NO_PROFILES
) -> list[Spread]:
    """Run a cluster of twenty and measure changes in it.

    Args:
        at: the node at which they are committed; None: signed before, and handed to the master.
        lossy: whether datagrams are lost.
        changes: how many.
        profiles: see ``running``.
    """
    with running(NODES, spare=1, profiles=profiles) as site:
        begins = handed_in(site) if at is None else commits(site, at)
        with contextlib.closing(begins):
            spreads(site, begins, 1)  # connections, sockets and caches are warm afterwards
            if lossy:
                site.switch.lose(LOSE_ONE_OF)
            return spreads(site, begins, changes)


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
    handed, at_member = measure(None), measure(NODES - 1)
    named = "(y: Serf)" if yardstick else f"({serf.why_unavailable()})"
    what = f"signed 1 KiB change to {NODES} disks"
    rows = [_row("P1", f"{what}: last node {named}", handed, yardstick, LIMIT_MS)]
    for name, pick, field in (
        ("the same, median node", statistics.median, "median_s"),
        ("the same, last node of the worst change", max, "last_s"),
    ):
        ours = pick([getattr(spread, field) for spread in handed])
        theirs = pick([getattr(spread, field) for spread in yardstick]) if yardstick else None
        rows.append(_beside("P1", f"{name} {named}", ours, theirs))
    name = "from a commit at a member: last node"
    return [*rows, _row("P1", f"{name} {named}", at_member, yardstick, LIMIT_MS)]


def lossy() -> list[Row]:
    """P2.

    Raises:
        NotMeasurableError: there is no `nft`.
        ClusterError: the cluster did not come up, or changes got lost.
    """
    if shutil.which("nft") is None:
        raise NotMeasurableError("nft, which loses the datagrams, is not installed")
    found = measure(NODES - 1, lossy=True, changes=LOSSY_CHANGES)
    worst = max(spread.last_s for spread in found)
    return [
        _row(
            "P2", f"that at a member, 1 of {LOSE_ONE_OF} datagrams lost: last node", found, (), LOSSY_LIMIT_MS
        ),
        Row("P2", f"the same, worst of {LOSSY_CHANGES} changes", 1e3 * worst, "ms", limit=LOSSY_LIMIT_MS),
    ]


def profile_whole(folder: Path) -> None:
    """Keep profiles of the master, of a member and of the one that commits while changes spread."""
    measure(NODES - 1, profiles=_profiles(folder, "P1"))


def profile_lossy(folder: Path) -> None:
    """Keep the same with datagrams lost."""
    measure(NODES - 1, lossy=True, profiles=_profiles(folder, "P2"))


def _profiles(folder: Path, number: str) -> Profiles:
    places = {0: "master", 1: "member", NODES - 1: "committer"}
    return {place: folder / f"{number}-{name}.txt" for place, name in places.items()}


def main() -> None:
    """Print samples: ``python -m benchmarks.spread [lossy] [at=N] [profile]``, for who tunes this."""
    clean_up_when_ended()
    words = sys.argv[1:]
    at = next((int(word[3:]) for word in words if word.startswith("at=")), None)
    profiles = _profiles(Path("build"), "spread") if "profile" in words else {}
    began = time.monotonic()
    for spread in measure(at, lossy="lossy" in words, profiles=profiles):
        first, median, last = (1e3 * s for s in (spread.first_s, spread.median_s, spread.last_s))
        print(f"first {first:7.1f} ms   median {median:7.1f} ms   last {last:7.1f} ms", flush=True)
    print(f"all in {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
