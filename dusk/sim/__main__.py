"""``python -m dusk.sim SEED`` replays a seed, ``--shrink`` makes it smaller; ``--seeds A:B`` runs many."""

import argparse
import gc
import json
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field, fields, replace

from dusk.sim.faults import Faults
from dusk.sim.scenario import Plan, Simulation
from dusk.sim.shrink import FAILURES, command, shrink

FAULTS = frozenset(fault.name for fault in fields(Faults))


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line says; 1 if a rule was broken."""
    parser = argparse.ArgumentParser(prog="python -m dusk.sim", description=__doc__)
    parser.add_argument("seed", nargs="?", type=int, help="run this seed and print its transcript")
    parser.add_argument("--seeds", metavar="A:B", help="run the seeds from A up to B, B left out")
    parser.add_argument("--shrink", action="store_true", help="find a smaller run that fails likewise")
    parser.add_argument("--without", metavar="FAULTS", default="", help="faults that are off, as a,b,c")
    parser.add_argument("--devices", type=int, help="how many")
    parser.add_argument("--until", type=float, metavar="SECONDS", help="when the faults end")
    parser.add_argument("--changes", type=int, help="how many people make at most")
    parser.add_argument("--holders", type=int, default=1, help="how many may lead at most; the seed decides")
    parser.add_argument("--recoveries", action="store_true", help="people use the recovery phrase, too")
    parser.add_argument("--grants", action="store_true", help="the owner grants another person policies")
    parser.add_argument("--returns", action="store_true", help="who was reset may come back by itself")
    parser.add_argument(
        "--rollouts", action="store_true", help="changes are rolled out in waves; devices leave"
    )
    parser.add_argument("--verbose", action="store_true", help="a line for each datagram, too")
    parser.add_argument("--json", action="store_true", help="with --seeds: one JSON object at the end")
    chosen = parser.parse_args(arguments)
    if chosen.seed is None and chosen.seeds is None:
        parser.error("a seed, or --seeds A:B")
    without = frozenset(chosen.without.split(",")) - {""}
    if without - FAULTS:
        parser.error(f"no such fault: {', '.join(sorted(without - FAULTS))}")
    plan = Plan(
        chosen.seed or 0,
        devices=chosen.devices,
        duration_s=chosen.until,
        without=without,
        commits_max=chosen.changes,
        holders_max=chosen.holders,
        recoveries=chosen.recoveries,
        grants=chosen.grants,
        returns=chosen.returns,
        rollouts=chosen.rollouts,
        verbose=chosen.verbose,
    )
    if chosen.seeds is not None:
        first, _, end = chosen.seeds.partition(":")
        return run_many(range(int(first), int(end)), plan, as_json=chosen.json)
    return run_shrink(plan) if chosen.shrink else run_one(plan)


def run_one(plan: Plan) -> int:
    """Run one plan and print all that happens."""
    simulation = Simulation(plan)
    try:
        simulation.run()
    except FAILURES:
        sys.stdout.write(simulation.transcript.text)
        traceback.print_exc()
        return 1
    sys.stdout.write(simulation.transcript.text)
    return 0


def run_shrink(plan: Plan) -> int:
    """Look for a smaller plan and print its transcript, and its command at the end."""

    def tell(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    smallest = shrink(plan, tell)
    code = run_one(smallest)
    sys.stdout.write(f"{'again' if code else 'nothing fails'}: {command(smallest)}\n")
    return code


@dataclass(slots=True)
class Many:
    """What many seeds met.

    Attributes:
        plan: that of each, but for its seed.
        counts: of faults and outcomes, summed.
        seeds_with: fault → in how many seeds it was on.
        failed: those that did not hold → why.
    """

    plan: Plan
    counts: Counter[str] = field(default_factory=Counter)
    seeds_with: Counter[str] = field(default_factory=Counter)
    failed: dict[int, str] = field(default_factory=dict)
    virtual_s: float = 0.0
    slowest: tuple[float, int] = (0.0, -1)

    def run(self, seed: int) -> None:
        """Run one seed."""
        began = time.perf_counter()
        simulation = Simulation(replace(self.plan, seed=seed))
        self.seeds_with.update(simulation.faults.on)
        try:
            result = simulation.run()
            self.counts += result.counts
            self.virtual_s += result.virtual_s
        except FAILURES as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            self.failed[seed] = f"{type(error).__name__} {error} ({where.filename}:{where.lineno})"
        self.slowest = max(self.slowest, (time.perf_counter() - began, seed))


def run_many(seeds: range, plan: Plan, *, as_json: bool) -> int:
    """Run a plan with each of many seeds; print what broke and what was met."""
    many = Many(plan)
    began, began_cpu = time.perf_counter(), time.process_time()
    gc.disable()  # what a seed leaves is thrown away at once, behind it
    for seed in seeds:
        many.run(seed)
        gc.collect()
        if seed in many.failed and not as_json:
            again = command(replace(plan, seed=seed))
            sys.stdout.write(f"seed {seed}: {many.failed[seed]}\n  again: {again}\n")
            sys.stdout.flush()
    took_s, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
    if as_json:
        found = {
            "seeds": len(seeds),
            "failed": {str(seed): why for seed, why in many.failed.items()},
            "seeds_with": dict(sorted(many.seeds_with.items())),
            "counts": dict(sorted(many.counts.items())),
            "virtual_s": round(many.virtual_s, 1),
            "cpu_s": round(cpu_s, 1),
        }
        sys.stdout.write(json.dumps(found) + "\n")
        return 1 if many.failed else 0
    for what, count in sorted(many.counts.items()):
        sys.stdout.write(f"{count:>9} {what}\n")
    on = ", ".join(f"{name} {count}" for name, count in sorted(many.seeds_with.items()))
    sys.stdout.write(f"seeds with: {on}\n")
    total = max(1, len(seeds))
    sys.stdout.write(
        f"{len(seeds)} seeds, {len(many.failed)} failed, {took_s / total:.3f} s each "
        f"({cpu_s / total:.3f} s of the processor; slowest {many.slowest[0]:.2f} s: seed {many.slowest[1]}), "
        f"{many.virtual_s / max(0.001, took_s):.0f} times real time\n"
    )
    return 1 if many.failed else 0


if __name__ == "__main__":
    sys.exit(main())
