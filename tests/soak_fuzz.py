"""Feeds each fuzz target a million inputs, in ranges; records each range that is done, and goes on there.

The record, ``build/soak/fuzz.json``, belongs to the code that it was made with: when what a target feeds
changes, or anything that this imports, a new row begins for it. Run it as
``python -m tests.soak_fuzz [INPUTS]``; interrupt it whenever you like.
"""

import json
import sys
import traceback
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from typing import Any

from dusk.daemon.mistakes import MISTAKES
from dusk.errors import DuskError
from tests.fuzz.targets import BY_NAME
from tests.fuzz_codes import Codes
from tests.fuzzing import Tally, run
from tests.records import RECORDS, store

RECORD = RECORDS / "fuzz.json"
INPUTS = 1_000_000
RANGE = 20_000
JOBS = 2
BREAKS = (*MISTAKES, DuskError, OSError, RuntimeError)
"""What a parser that breaks its invariant may raise."""

Record = dict[str, Any]


def codes() -> dict[str, str]:
    """Return target → the code that it is about."""
    now = Codes()
    return {name: now.of(name) for name in BY_NAME}


def load() -> Record:
    """Return what is recorded of this code; nothing of a target whose code is another."""
    now = codes()
    try:
        rows = json.loads(RECORD.read_text())["targets"]
    except (FileNotFoundError, ValueError):
        return {"codes": now, "targets": {}}
    return {
        "codes": now,
        "targets": {name: row for name, row in rows.items() if now.get(name) == row.get("code")},
    }


def ranges_to_do(record: Record, shares: Mapping[str, float], end: int) -> list[tuple[str, int]]:
    """Return (target, first) of the ranges below a target's share of ``end`` that are not recorded.

    All targets get their first range before one gets its second, so that an interrupted run has
    looked everywhere.
    """
    done = {(name, first) for name, row in record["targets"].items() for first, _ in row["ranges"]}
    every = ((name, first) for first in range(0, end, RANGE) for name in shares if first < end * shares[name])
    return [part for part in every if part not in done]


def fed(name: str, first: int) -> Tally | str:
    """Feed one range; return what it was, or what broke."""
    try:
        return run(BY_NAME[name], first, RANGE)
    except BREAKS:
        return traceback.format_exc()


def note(record: Record, name: str, first: int, tally: Tally) -> None:
    """Put a range that held into the record."""
    row = record["targets"].setdefault(
        name,
        {
            "code": record["codes"][name],
            "ranges": [],
            "inputs": 0,
            "accepted": 0,
            "took_s": 0.0,
            "memory_bytes": 0,
        },
    )
    row["ranges"] = sorted([*row["ranges"], [first, first + tally.inputs]])
    for field, number in asdict(tally).items():
        row[field] = max(row[field], number) if field == "memory_bytes" else row[field] + number
    row["took_s"] = round(row["took_s"], 3)
    row["accepted_share"] = round(row["accepted"] / row["inputs"], 4)
    row["inputs_per_s"] = round(row["inputs"] / row["took_s"])


def main(arguments: list[str]) -> int:
    """Feed what is left; 1 if an input broke something."""
    end = int(arguments[0]) if arguments else INPUTS
    record = load()
    to_do = ranges_to_do(record, {name: target.share for name, target in BY_NAME.items()}, end)
    print(f"{len(to_do)} ranges of {RANGE} inputs, recorded in {RECORD}", flush=True)
    failed = 0
    with ProcessPoolExecutor(JOBS) as pool:
        running = {pool.submit(fed, *part): part for part in to_do}
        try:
            for future in as_completed(running):
                name, first = running[future]
                found = future.result()
                if isinstance(found, str):
                    failed += 1
                    print(f"{name}, inputs {first}:{first + RANGE}:\n{found}", flush=True)
                    continue
                note(record, name, first, found)
                store(RECORD, record)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            print("interrupted; the next run goes on here")
            return 130
    inputs = sum(row["inputs"] for row in record["targets"].values())
    summary = f"{failed} ranges failed" if failed else "each was accepted or refused as documented"
    print(f"{len(record['targets'])} targets, {inputs} inputs: {summary}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
