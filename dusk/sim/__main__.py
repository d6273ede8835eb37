"""``python -m dusk.sim SEED`` replays a seed; ``--seeds A:B`` runs many and counts."""

import argparse
import sys
import time
import traceback
from collections import Counter

from dusk.sim.broken import RuleBroken
from dusk.sim.scenario import Plan, Result, Simulation


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line says; 1 if a rule was broken."""
    parser = argparse.ArgumentParser(prog="python -m dusk.sim", description=__doc__)
    parser.add_argument("seed", nargs="?", type=int, help="run this seed and print its transcript")
    parser.add_argument("--seeds", metavar="A:B", help="run the seeds from A up to B, B left out")
    parser.add_argument("--verbose", action="store_true", help="a line for each datagram, too")
    chosen = parser.parse_args(arguments)
    if chosen.seeds is not None:
        first, _, end = chosen.seeds.partition(":")
        return run_many(range(int(first), int(end)))
    if chosen.seed is None:
        parser.error("a seed, or --seeds A:B")
    return run_one(chosen.seed, verbose=chosen.verbose)


def run_one(seed: int, *, verbose: bool) -> int:
    """Run one seed and print all that happens."""
    simulation = Simulation(Plan(seed, verbose=verbose))
    try:
        simulation.run()
    except (RuleBroken, AssertionError, LookupError, TypeError, ValueError):
        sys.stdout.write(simulation.transcript.text)
        traceback.print_exc()
        return 1
    sys.stdout.write(simulation.transcript.text)
    return 0


def run_many(seeds: range) -> int:
    """Run seeds; print what broke and what was met."""
    counts: Counter[str] = Counter()
    failed: list[int] = []
    results: list[Result] = []
    began = time.perf_counter()
    slowest = (0.0, -1)
    for seed in seeds:
        at = time.perf_counter()
        try:
            results.append(Simulation(Plan(seed)).run())
            counts += results[-1].counts
        except (RuleBroken, AssertionError, LookupError, TypeError, ValueError) as error:
            failed.append(seed)
            where = traceback.extract_tb(error.__traceback__)[-1]
            sys.stdout.write(
                f"seed {seed}: {type(error).__name__} {error} ({where.filename}:{where.lineno})\n"
                f"  again: python -m dusk.sim {seed}\n"
            )
            sys.stdout.flush()
        slowest = max(slowest, (time.perf_counter() - at, seed))
    took_s = time.perf_counter() - began
    for what, count in sorted(counts.items()):
        sys.stdout.write(f"{count:>9} {what}\n")
    virtual_s = sum(result.virtual_s for result in results)
    sys.stdout.write(
        f"{len(seeds)} seeds, {len(failed)} failed, {took_s / max(1, len(seeds)):.3f} s each "
        f"(slowest {slowest[0]:.2f} s: seed {slowest[1]}), "
        f"{virtual_s / max(0.001, took_s):.0f} times real time\n"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
