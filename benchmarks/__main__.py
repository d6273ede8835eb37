"""Measure everything there is, print it as a table, and write ``benchmarks/results.json``."""

import json
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks import changelog, foundation, settings
from benchmarks.measure import Row

RESULTS = Path(__file__).with_name("results.json")
GROUPS = (
    foundation.imports,
    foundation.command,
    foundation.keys,
    foundation.encoding,
    foundation.handshake,
    settings.rows,
    changelog.rows,
)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _limit(row: Row) -> str:
    parts = [_number(row.limit), f"×{row.limit_ratio:g}" if row.limit_ratio is not None else ""]
    return " ".join(part for part in parts if part)


def _line(row: Row) -> str:
    verdict = {True: "ok", False: "MISSED", None: ""}[row.within]
    ratio = "" if row.ratio is None else f"×{row.ratio:.2f}"
    return (
        f"{row.name:<52} {_number(row.figure):>9} {row.unit:<4}"
        f" {_number(row.bare):>9} {ratio:>7} {_limit(row):>9} {verdict}"
    ).rstrip()


def main() -> int:
    """Run all groups; the exit code tells only whether measuring worked."""
    print(f"{'what':<52} {'figure':>9} {'unit':<4} {'bare':>9} {'ratio':>7} {'limit':>9}")
    rows = []
    for group in GROUPS:
        for row in group():
            rows.append(row)
            print(_line(row), flush=True)
    machine = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    measured = [{**asdict(row), "ratio": row.ratio, "within": row.within} for row in rows]
    document = json.dumps({"machine": machine, "rows": measured}, indent=2, ensure_ascii=False)
    RESULTS.write_text(document + "\n")
    print(f"written to {RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
