"""Makes a failing run smaller: fewer faults, devices, changes, and less time; the same broken rule."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from dusk.errors import DuskError
from dusk.sim.broken import RuleBroken
from dusk.sim.scenario import Plan, Simulation

FAILURES = (DuskError, ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""How a run can fail: a broken rule, a mistake in a node, or a refusal that it lets out (R10)."""
DURATION_S_MIN = 1.0


def failure(plan: Plan) -> str | None:
    """Return in a word how a run fails: the rule's number or the exception's name; None if it holds."""
    try:
        Simulation(plan).run()
    except RuleBroken as broken:
        return broken.rule
    except FAILURES as error:
        return type(error).__name__
    return None


def shrink(plan: Plan, tell: Callable[[str], None] = lambda _: None) -> Plan:
    """Return the smallest plan found that fails as this one does; the same plan if it holds.

    Args:
        plan: one that fails.
        tell: hears of each step.
    """
    wanted = failure(plan)
    if wanted is None:
        return plan
    smaller = True
    while smaller:
        smaller = False
        for candidate in _smaller(plan):
            if failure(candidate) == wanted:
                tell(f"{wanted} still: {command(candidate)}")
                plan, smaller = candidate, True
                break
    return plan


def _smaller(plan: Plan) -> Iterator[Plan]:
    """Yield plans that are a little smaller, the greatest steps first."""
    made = Simulation(plan)
    on = made.faults.on
    if len(on) > 2:
        for half in (on[: len(on) // 2], on[len(on) // 2 :]):
            yield replace(plan, without=plan.without | set(half))
    for name in on:
        yield replace(plan, without=plan.without | {name})
    for count in sorted({2, made.count // 2, made.count - 1}):
        if 2 <= count < made.count:
            yield replace(plan, devices=count)
    for share in (0.5, 0.75, 0.9):
        shorter_s = round(made.duration_s * share, 1)
        if DURATION_S_MIN <= shorter_s < made.duration_s:
            yield replace(plan, duration_s=shorter_s)
    changes = plan.commits_max if plan.commits_max is not None else made.troubles.commits_planned
    for count in sorted({0, changes // 2, changes - 1}):
        if 0 <= count < changes:
            yield replace(plan, commits_max=count)
    if plan.holders_max > 1:
        yield replace(plan, holders_max=plan.holders_max - 1)


def command(plan: Plan) -> str:
    """Return the command that replays a plan."""
    words = [f"python -m dusk.sim {plan.seed}"]
    if plan.without:
        words.append(f"--without {','.join(sorted(plan.without))}")
    if plan.devices is not None:
        words.append(f"--devices {plan.devices}")
    if plan.duration_s is not None:
        words.append(f"--until {plan.duration_s}")
    if plan.commits_max is not None:
        words.append(f"--changes {plan.commits_max}")
    if plan.holders_max != 1:
        words.append(f"--holders {plan.holders_max}")
    words += ["--recoveries"] * plan.recoveries + ["--grants"] * plan.grants
    words += ["--returns"] * plan.returns + ["--rollouts"] * plan.rollouts
    return " ".join(words)
