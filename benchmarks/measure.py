"""How things are measured: repeated rounds, the best taken, for noise only ever adds."""

import cProfile
import json
import pstats
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

ROUNDS = 5
ROUND_S = 0.1
PROCESS_ROUNDS = 7
PROFILE_LINES = 45


class NotMeasurableError(Exception):
    """This machine cannot measure it; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Args:
        number: of the figure among those that we set ourselves; empty for what is told beside them.
        name: what was measured; "(y: …)" says what the yardstick is.
        figure: how much; None if it could not be measured.
        unit: of the figure, and of limit and yardstick.
        yardstick: something bare, or Serf, in this run, that the figure is compared with.
        limit: what the figure should not be worse than; None if there is none.
        limit_ratio: the same for the ratio of figure and yardstick.
        more_is_better: whether it is a rate.
        samples: all that was measured, in the same unit.
        why_not: why there is no figure.
    """

    number: str
    name: str
    figure: float | None
    unit: str
    yardstick: float | None = None
    limit: float | None = None
    limit_ratio: float | None = None
    more_is_better: bool = False
    samples: tuple[float, ...] = ()
    why_not: str = ""

    @property
    def ratio(self) -> float | None:
        """Figure by yardstick."""
        return self.figure / self.yardstick if self.figure is not None and self.yardstick else None

    @property
    def within(self) -> bool | None:
        """Whether the limits are kept; None without a limit or a figure."""
        pairs = [(self.figure, self.limit), (self.ratio, self.limit_ratio)]
        known = [(value, bound) for value, bound in pairs if value is not None and bound is not None]
        if not known:
            return None
        return all(value >= bound if self.more_is_better else value <= bound for value, bound in known)


def seconds(action: Callable[[], object]) -> float:
    """Return how long one call takes, the best of several rounds of many calls."""
    calls = 1
    while (took := _round(action, calls)) < ROUND_S / 4:
        calls *= 4
    calls = max(1, round(calls * ROUND_S / took))
    return min(_round(action, calls) for _ in range(ROUNDS)) / calls


def _round(action: Callable[[], object], calls: int) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        action()
    return time.perf_counter() - started


def a_second(action: Callable[[], object]) -> float:
    """Return how often a second it can be done."""
    return 1 / seconds(action)


@dataclass(frozen=True, slots=True)
class ProcessCost:
    """What a fresh Python costs that runs some lines."""

    seconds: float
    memory_mb: float


_REPORT = """
import json, time
with open("/proc/self/status") as status:
    resident = next(line.split()[1] for line in status if line.startswith("VmRSS"))
print(json.dumps(int(resident) / 1024))
"""


def process(source: str) -> ProcessCost:
    """Return time from start to end, the best of several, and resident memory, the median."""
    times, memory = [], []
    for _ in range(PROCESS_ROUNDS):
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", source + _REPORT], capture_output=True, text=True, check=True
        )
        times.append(time.perf_counter() - started)
        memory.append(float(json.loads(done.stdout)))
    return ProcessCost(min(times), sorted(memory)[len(memory) // 2])


def write_profile(profile: cProfile.Profile, out: TextIO) -> None:
    """Write the most expensive functions as text: by their own time, then with what they call."""
    for order in ("tottime", "cumulative"):
        pstats.Stats(profile, stream=out).strip_dirs().sort_stats(order).print_stats(PROFILE_LINES)


def keep_profile(action: Callable[[], object], file: Path) -> None:
    """Run something under a profiler and write the profile."""
    profile = cProfile.Profile()
    profile.runcall(action)
    with file.open("w") as out:
        write_profile(profile, out)


def clean_up_when_ended() -> None:
    """Let SIGTERM end this process as Ctrl-C does: what it has started ends with it."""
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
