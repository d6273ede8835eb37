"""Measure everything there is, print it as a table, and write ``benchmarks/results.json``.

Words on the command line choose rows by their numbers: ``python -m benchmarks P1 P3``.
"""

import compileall
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import (
    absence,
    changelog,
    compacted,
    foundation,
    page,
    processes,
    scale,
    serf,
    settings,
    spread,
    sustained,
    wire,
)
from benchmarks.cluster import ClusterError
from benchmarks.measure import NotMeasurableError, Row, clean_up_when_ended
from benchmarks.reasons import reason
from benchmarks.serf import SerfError
from benchmarks.watch import WatchError
from dusk.demo import net

FOLDER = Path(__file__).parent
RESULTS, PROFILES = FOLDER / "results.json", FOLDER / "profiles"
CHOSEN_RESULTS = FOLDER.parent / "build" / "results-chosen.json"
"""Of a run over chosen rows, which must not put itself in the place of one over all."""
SOURCES = FOLDER.parent / "dusk"
NAME_WIDTH = 57
BROKEN = (ClusterError, WatchError, SerfError, net.NetworkError, OSError, subprocess.SubprocessError)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are measured together.

    Args:
        numbers: of the rows; none for what stands beside them.
        rows: measures them.
        profile: keeps profiles in a folder, for when a row misses.
        needs_network: whether it runs daemons in namespaces.
    """

    numbers: tuple[str, ...]
    rows: Callable[[], list[Row]]
    profile: Callable[[Path], None] | None = None
    needs_network: bool = False


GROUPS = (
    Group(("P1",), spread.whole, spread.profile_whole, needs_network=True),
    Group(("P2",), spread.lossy, spread.profile_lossy, needs_network=True),
    Group(("P3",), sustained.rows, sustained.profile, needs_network=True),
    Group(("P4",), changelog.rows, changelog.profile),
    Group(("P5",), processes.start, processes.profile_start, needs_network=True),
    Group(("P6", "P19"), processes.memory, needs_network=True),
    Group(("P7", "P10"), processes.cycles, processes.profile_cycles, needs_network=True),
    Group(("P8",), wire.sizes),
    Group(("P9",), wire.change_bytes),
    Group(("P10",), wire.writes),
    Group(("P11",), absence.takeover, needs_network=True),
    Group(("P12",), absence.missed, needs_network=True),
    Group(("P13",), scale.rows),
    Group(("P14",), settings.rows, settings.profile),
    Group(("P15",), page.rows, needs_network=True),
    Group(("P17",), compacted.rows),
    Group(("P18",), foundation.command, foundation.profile_command),
    Group((), foundation.imports),
    Group((), foundation.keys),
    Group((), foundation.encoding),
    Group((), foundation.handshake),
)
KNOWN = {number for group in GROUPS for number in group.numbers}


# --- the table -------------------------------------------------------------------------------------


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _limit(row: Row) -> str:
    parts = [_number(row.limit), f"×{row.limit_ratio:g}" if row.limit_ratio is not None else ""]
    return " ".join(part for part in parts if part)


def heading() -> str:
    """Return the first line of the table."""
    what = f"{'what (y: yardstick)':<{NAME_WIDTH}}"
    return f"{'':<4}{what} {'figure':>7} {'':<3} {'y':>7} {'ratio':>6} {'limit':>9}"


def line(row: Row) -> str:
    """Return a row as a line of at most 110 columns."""
    if row.figure is None:
        return f"{row.number:<4}{row.name:<{NAME_WIDTH}} not measured: {row.why_not}"
    verdict = {True: "ok", False: "MISSED", None: ""}[row.within]
    ratio = "" if row.ratio is None else f"×{row.ratio:.{2 if row.ratio < 100 else 0}f}"
    return (
        f"{row.number:<4}{row.name:<{NAME_WIDTH}} {_number(row.figure):>7} {row.unit:<3}"
        f" {_number(row.yardstick):>7} {ratio:>6} {_limit(row):>9} {verdict}"
    ).rstrip()


# --- the run ---------------------------------------------------------------------------------------


class _Run:
    """One run over groups: what was measured, and whether measuring itself broke."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.is_broken = False

    def measure(self, group: Group) -> None:
        """Measure a group and print it; what cannot be measured is said, never left out."""
        _progress(f"measuring {', '.join(group.numbers) or 'what stands beside them'} …")
        try:
            rows = _measured(group)
        except NotMeasurableError as error:
            rows = _without(group, str(error))
        except BROKEN as error:
            self.is_broken = True
            rows = _without(group, f"broke: {' '.join(str(error).split())[:300]}")
        _progress("")
        for row in rows:
            print(line(row), flush=True)
        self.rows += rows
        if group.profile is not None and any(row.within is False for row in rows):
            self._profile(group, group.profile)

    def _profile(self, group: Group, profile: Callable[[Path], None]) -> None:
        _progress(f"measuring {group.numbers[0]} again with a profiler …")
        PROFILES.mkdir(exist_ok=True)
        try:
            profile(PROFILES)
        except BROKEN as error:
            self.is_broken = True
            print(f"{group.numbers[0]}: no profile: {' '.join(str(error).split())[:300]}", flush=True)
        _progress("")


def _measured(group: Group) -> list[Row]:
    if group.needs_network and (missing := net.why_unavailable()) is not None:
        raise NotMeasurableError(f"no namespaces here: {missing}")
    return group.rows()


def _without(group: Group, why: str) -> list[Row]:
    document = (group.rows.__doc__ or "").splitlines()[0]
    return [Row(number, document, None, "", why_not=why) for number in group.numbers or ("",)]


def _progress(text: str) -> None:
    """Say on a terminal what is going on; the line is written over by the next."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


def _machine() -> dict[str, Any]:
    model = [part for part in Path("/proc/cpuinfo").read_text().splitlines() if part.startswith("model name")]
    git = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607 — found by PATH, as on every machine
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "processor": model[0].partition(":")[2].strip() if model else "",
        "cores": os.cpu_count(),
        "commit": git.stdout.strip(),
        "serf": "not installed" if serf.why_unavailable() else "installed",
        "root": os.geteuid() == 0,
    }


def _write(file: Path, run: _Run, load: Sequence[float], took_s: float) -> None:
    measured = [{**asdict(row), "ratio": row.ratio, "within": row.within} for row in run.rows]
    document = {
        "machine": _machine(),
        "load_before": load,
        "load_after": os.getloadavg(),
        "seconds": round(took_s, 1),
        "rows": measured,
    }
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def main(words: Sequence[str]) -> int:
    """Run the groups that were asked for, else all; the exit code tells only whether measuring worked."""
    unknown = [word for word in words if word not in KNOWN]
    if unknown:
        print(f"benchmarks: no row {unknown[0]!r}; there are {' '.join(sorted(KNOWN))}", file=sys.stderr)
        return 2
    clean_up_when_ended()
    compileall.compile_dir(SOURCES, quiet=1)  # as packages are: those of the yardstick, and ours
    groups = [group for group in GROUPS if not words or set(words) & set(group.numbers)]
    run, load, began = _Run(), os.getloadavg(), time.monotonic()
    print(f"load of the machine before: {load[0]:.1f} (what counts is the ratio within one run)")
    print(heading())
    for group in groups:
        run.measure(group)
    took_s = time.monotonic() - began
    results = CHOSEN_RESULTS if words else RESULTS
    _write(results, run, load, took_s)
    missed = [row.number for row in run.rows if row.within is False]
    for number in dict.fromkeys(missed):
        print(reason(number))
    unmeasured = sum(row.figure is None for row in run.rows)
    print(
        f"{len(missed)} missed, {unmeasured} not measured, in {took_s:.0f} s; "
        f"written to {results.relative_to(FOLDER.parent)}"
    )
    return int(run.is_broken)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("benchmarks: stopped")
