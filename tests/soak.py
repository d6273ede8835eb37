"""The long runs, one after the other, each of which goes on where it was; then a table of where they are.

Run it as ``python -m tests.soak [PART ...]``; interrupt it whenever you like. Each part keeps its own
record below ``build/soak/``; here only the last line that it printed is kept, with the code it is about.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.records import PROJECT, RECORDS, digest_of, store

RECORD_FILE = RECORDS / "soak.json"
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Part:
    """One long run.

    Attributes:
        says: what it is, for the help.
        command: arguments of Python.
        number: option of ours whose value is one more argument.
        environment: what it needs to be told besides.
        once: whether a run that succeeded need not be repeated for the same code.
    """

    says: str
    command: tuple[str, ...]
    number: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    once: bool = False


AIMED = "tests/network/test_aimed_kills.py"
PARTS: dict[str, Part] = {
    "coverage": Part("every branch of the pure rooms by unit tests", ("-m", "tests.measured"), once=True),
    "mutants": Part("each check taken out in turn", ("-m", "tests.mutation")),
    "kills": Part(
        "daemons killed a hundred times while owners commit, and as a log becomes another",
        ("-m", "pytest", "-q", "--timeout", "0", "tests/network/test_kills.py", AIMED),
        environment={"DUSK_EFFORT": "soak"},
        once=True,
    ),
    "network": Part(
        "ten daemons in a storm of ten minutes on a switch that loses a fifth",
        ("-m", "pytest", "-q", "--timeout", "0", "tests/network/test_storms.py"),
        environment={"DUSK_EFFORT": "soak"},
        once=True,
    ),
    "power": Part(
        "the power cut, and the disk refusing, at every call that reaches it",
        ("-m", "pytest", "-q", "-s", "--timeout", "0", "tests/power"),
        environment={"DUSK_EFFORT": "soak"},
        once=True,
    ),
    "fuzz": Part(
        "inputs for each parser, a million unless INPUTS says", ("-m", "tests.soak_fuzz"), number="inputs"
    ),
    "seeds": Part("simulated clusters, 20,000 unless SEEDS says", ("-m", "tests.soak_seeds"), number="seeds"),
}


def load() -> dict[str, dict[str, Any]]:
    """Return what each part said last."""
    return json.loads(RECORD_FILE.read_text()) if RECORD_FILE.exists() else {}


def run_part(part: Part, number: int | None) -> tuple[int, str]:
    """Run a part, showing what it prints.

    Returns:
        Its exit code, `INTERRUPTED` if somebody interrupted it before it was done, and its last line.
        The code alone does not say so: pytest ends with 2 also where it could not collect its tests.
    """
    command = [sys.executable, *part.command, *([str(number)] if number is not None else [])]
    last, was_interrupted = "", False
    with subprocess.Popen(
        command, cwd=PROJECT, env=os.environ | part.environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        while True:
            try:
                line = process.stdout.readline()
            except KeyboardInterrupt:
                was_interrupted = True  # the part was, too, by the same key; it ends by itself
                continue
            if not line:
                break
            print(line, end="", flush=True)
            last = line.strip().strip("= ") or last
        code = process.wait()
    return (INTERRUPTED if was_interrupted and code else code), last


def table(record: Mapping[str, Mapping[str, Any]], digest: str) -> str:
    """Return a line for each part: held or not, for this code or an older one, and its own summary."""
    lines = []
    for name in PARTS:
        known = record.get(name)
        if known is None:
            lines.append(f"{name:10} never run")
            continue
        verdict = {0: "held", INTERRUPTED: "interrupted"}.get(known["code"], "FAILED")
        age = "this code" if known["digest"] == digest else "older code"
        lines.append(f"{name:10} {verdict:12} {age:11} {known['seconds']:7.0f} s  {known['last']}")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Run the parts that were asked for; 1 if one failed, 130 if it was interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    listed = "; ".join(f"{name}: {part.says}" for name, part in PARTS.items())
    parser.add_argument("parts", nargs="*", help=f"default all of: {listed}")
    parser.add_argument("--seeds", type=int, help="how many clusters to simulate")
    parser.add_argument("--inputs", type=int, help="how many inputs for each parser")
    parser.add_argument("--table", action="store_true", help="run nothing, show where all is")
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    record, digest, worst = load(), digest_of("dusk", "tests"), 0
    for name in () if options.table else options.parts or PARTS:
        part, known = PARTS[name], record.get(name)
        if part.once and known and (known["code"], known["digest"]) == (0, digest):
            print(f"== {name}: done for this code")
            continue
        print(f"== {name}: {part.says}", flush=True)
        started = time.monotonic()
        code, last = run_part(part, getattr(options, part.number) if part.number else None)
        record[name] = {
            "code": code,
            "last": last,
            "digest": digest,
            "seconds": time.monotonic() - started,
        }
        store(RECORD_FILE, record)
        worst = max(worst, 1 if code else 0)
        if code == INTERRUPTED:
            worst = INTERRUPTED
            break
    print(table(record, digest))
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
