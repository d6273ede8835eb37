"""Simulates seeds up to a number, in ranges, and records each range that is done; goes on where it was.

The record belongs to the code that it was made with: when ``dusk/`` changes, a new one begins.
Run it as ``python -m tests.soak_seeds [END]``; interrupt it whenever you like.
"""

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
RECORDS = PROJECT / "build" / "soak"
SEEDS = 20_000
RANGE = 50
JOBS = 2


def record_path() -> Path:
    """Return the record of the code as it is now."""
    digest = hashlib.sha256()
    for path in sorted((PROJECT / "dusk").rglob("*.py")):
        digest.update(path.relative_to(PROJECT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return RECORDS / f"seeds-{digest.hexdigest()[:12]}.txt"


def ranges_to_do(record: str, end: int) -> list[str]:
    """Return the ranges ``A:B`` below ``end`` that no line of the record calls ``ok``."""
    done = {line.split()[0] for line in record.splitlines() if line.endswith(" ok")}
    every = (f"{first}:{min(first + RANGE, end)}" for first in range(0, end, RANGE))
    return [seeds for seeds in every if seeds not in done]


def simulate(seeds: str) -> tuple[str, bool, str]:
    """Run a range in a process of its own; return it, whether all held, and what was printed."""
    command = [sys.executable, "-m", "dusk.sim", "--seeds", seeds]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    return seeds, ended.returncode == 0, ended.stdout + ended.stderr


def main(arguments: list[str]) -> int:
    """Run what is left; 1 if a seed failed."""
    end = int(arguments[0]) if arguments else SEEDS
    path = record_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    to_do = ranges_to_do(path.read_text() if path.exists() else "", end)
    print(
        f"{len(to_do)} ranges of {RANGE} seeds to simulate, recorded in {path.relative_to(PROJECT)}",
        flush=True,
    )
    failed = 0
    with ThreadPoolExecutor(JOBS) as pool, path.open("a") as record:
        try:
            for seeds, held, printed in pool.map(simulate, to_do):
                record.write(f"{seeds} {'ok' if held else 'failed'}\n")
                record.flush()
                if not held:
                    failed += 1
                    print(printed, flush=True)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            print("interrupted; the next run goes on here")
            return 130
    print(f"seeds 0:{end}: {failed} ranges failed" if failed else f"seeds 0:{end}: all rules held")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
