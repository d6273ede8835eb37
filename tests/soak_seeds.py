"""Simulates seeds up to a number, in ranges, and records each range that is done; goes on where it was.

A record belongs to the code that it was made with: when a module that the simulator imports changes, a
new one begins, and what was done on earlier code is told beside it. The code is copied first, so that
nobody changes it meanwhile. Run it as ``python -m tests.soak_seeds [END]``; interrupt it whenever you like.
"""

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.records import PROJECT, RECORDS, alone, digest_of, store

SEEDS = 20_000
RANGE = 50
JOBS = 2
PLAN = ("--holders", "4", "--recoveries", "--grants", "--returns", "--rollouts")
"""What may come besides faults: several that lead, recoveries, grants, rollouts; the seed decides."""

Done = dict[str, Any]
"""One line of a record: its range, how many seeds, which failed and why, faults and outcomes, code."""


SIMULATED = """
import sys, dusk.sim.__main__
print(*(module.__file__ for name, module in sys.modules.items() if name.startswith("dusk")), sep="\\n")
"""
"""Says which modules the simulator consists of, its own and those of the product."""


def simulated(folder: Path) -> list[str]:
    """Return the modules that the simulator in a folder imports, as paths below that."""
    command = [sys.executable, "-B", "-c", SIMULATED]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return [str(Path(path).relative_to(folder)) for path in said.stdout.splitlines()]


def frozen_code() -> tuple[Path, str]:
    """Copy the code to where nobody changes it; return the folder and the code's name."""
    fresh = RECORDS / "code-new"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(PROJECT / "dusk", fresh / "dusk", ignore=shutil.ignore_patterns("__pycache__"))
    name = digest_of(*simulated(fresh), project=fresh)
    folder = RECORDS / f"code-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    return folder, name


def record_path(code: str) -> Path:
    """Return where the record of a code is, and of this plan."""
    return RECORDS / f"seeds-{code}-{''.join(PLAN).replace('--', '')}.jsonl"


def read_record(path: Path) -> list[Done]:
    """Return what a record holds; a line that was cut short counts for nothing."""
    done: list[Done] = []
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            done.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return done


def ranges_to_do(record: Iterable[Done], end: int) -> list[str]:
    """Return the ranges ``A:B`` that begin below ``end`` and are not in the record without a failure.

    They are whole also at the end: no seed is in two of them, whatever ends were asked for.
    """
    held = {done["range"] for done in record if not done["failed"]}
    every = (f"{first}:{first + RANGE}" for first in range(0, end, RANGE))
    return [seeds for seeds in every if seeds not in held]


def simulate(folder: Path, seeds: str) -> Done:
    """Run a range in a process of its own.

    Returns:
        What `dusk.sim` says with ``--json``; a range that did not even end has one failure.
    """
    command = ["nice", "-n", "10", sys.executable, "-m", "dusk.sim", "--seeds", seeds]
    command += [*PLAN, "--json"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    try:
        return {"range": seeds, **json.loads(ended.stdout)}
    except json.JSONDecodeError:
        return {"range": seeds, "seeds": 0, "failed": {seeds: ended.stderr[-2000:]}, "counts": {}}


def commit() -> str:
    """Return what Git calls the code, with a plus if files were changed since."""
    asked = ("git", "describe", "--always", "--dirty=+")
    return subprocess.run(asked, cwd=PROJECT, capture_output=True, text=True, check=False).stdout.strip()


def newest_of_each(record: Iterable[Done]) -> list[Done]:
    """Return one line for each range: a range that was run again counts once."""
    return list({done["range"]: done for done in record}.values())


def sums(record: Iterable[Done]) -> Mapping[str, Any]:
    """Add a record up: seeds, failures, in how many seeds each fault was on, what was met how often."""
    lines = newest_of_each(record)
    totals: dict[str, Counter[str]] = {"seeds_with": Counter(), "counts": Counter()}
    for done in lines:
        for what, total in totals.items():
            total.update(done.get(what, {}))
    return {
        "seeds": sum(done["seeds"] for done in lines),
        "failed": {seed: why for done in lines for seed, why in done["failed"].items()},
        "cpu_s": round(sum(done.get("cpu_s", 0.0) for done in lines)),
        **{what: dict(sorted(total.items())) for what, total in totals.items()},
    }


def report(code: str) -> list[str]:
    """Write the sums beside the record, and return them in lines for people."""
    found = {**sums(read_record(record_path(code))), "code": code, "commit": commit()}
    store(RECORDS / f"seeds-{code}.sums.json", found)
    others = [path for path in RECORDS.glob("seeds-*.jsonl") if path != record_path(code)]
    earlier = sum(sums(read_record(path))["seeds"] for path in others)
    lines = [f"{count:>9} {what}" for what, count in found["counts"].items()]
    lines.append("seeds with: " + ", ".join(f"{what} {n}" for what, n in found["seeds_with"].items()))
    lines += [f"seed {seed}: {why}" for seed, why in found["failed"].items()]
    lines.append(
        f"{found['seeds']} seeds on this code ({found['commit']}), {len(found['failed'])} failed, "
        f"{earlier} on earlier code"
    )
    return lines


def main(arguments: list[str]) -> int:
    """Run what is left; 1 if a seed failed."""
    with alone(RECORDS, "seeds"):
        return run(int(arguments[0]) if arguments else SEEDS)


def run(end: int) -> int:
    """Run what is left below a number; 1 if a seed failed."""
    folder, code = frozen_code()
    to_do = ranges_to_do(read_record(record_path(code)), end)
    print(
        f"seeds below {end:,}: {len(to_do)} times {RANGE} are left; recorded in {record_path(code).name}",
        flush=True,
    )
    stopped = False
    with ThreadPoolExecutor(JOBS) as pool, record_path(code).open("a") as record:
        try:
            for done in pool.map(lambda seeds: simulate(folder, seeds), to_do):
                record.write(json.dumps({**done, "commit": commit()}) + "\n")
                record.flush()
                for seed, why in done["failed"].items():
                    again = f"python -m dusk.sim {seed} {' '.join(PLAN)}"
                    print(f"seed {seed}: {why}\n  again: {again}", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            stopped = True
    for line in report(code):
        print(line, flush=True)
    if stopped:
        print("interrupted; the next run goes on here")
        return 130
    return 1 if sums(read_record(record_path(code)))["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
