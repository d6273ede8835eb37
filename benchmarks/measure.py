"""How things are measured: repeated rounds, the best taken, for noise only ever adds."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 5
ROUND_S = 0.1
PROCESS_ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Args:
        name: what was measured.
        figure: how much.
        unit: of the figure, and of limit and bare.
        bare: the same of something bare in this run, that the figure is compared with.
        limit: what the figure should not be worse than; None if there is none.
        limit_ratio: the same for the ratio of figure and bare.
        more_is_better: whether it is a rate.
    """

    name: str
    figure: float
    unit: str
    bare: float | None = None
    limit: float | None = None
    limit_ratio: float | None = None
    more_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        """Figure by bare."""
        return None if self.bare is None else self.figure / self.bare

    @property
    def within(self) -> bool | None:
        """Whether the limits are kept; None without a limit."""
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
