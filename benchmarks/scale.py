"""P13: a thousand members on one link, in a forecast: real nodes in virtual time, exact, without noise."""

from functools import cache

from benchmarks.measure import Row
from dusk.sim.forecast import Forecast, Question
from dusk.sim.forecast_air import Radio
from dusk.sim.forecast_figures import Figures, figures_of

MEMBERS, FEW = 1000, 250
CHANGES = 100
LINK = Radio(0.05, 1e9, 1e9, 0.0)
"""A cable on which one in twenty datagrams gets lost."""
CYCLES_MAX = 2.0


@cache
def _forecast(members: int, changes: int, measured_s: float) -> tuple[Figures, float]:
    """Return what was seen, and how many things happened in a cycle."""
    question = Question(members, LINK, measured_s=measured_s, changes=changes)
    forecast = Forecast(question)
    figures = figures_of(forecast.run())
    return figures, forecast.clock.steps * question.cycle_s / forecast.clock.now


def rows() -> list[Row]:
    """P13."""
    cycle_s = Question(MEMBERS, LINK).cycle_s
    durations = _forecast(MEMBERS, CHANGES, 400.0)[0].durations
    disks, effect = durations.on_all_disks, durations.in_effect_on_all
    grown = _forecast(MEMBERS, 2, 60.0)[1] / _forecast(FEW, 2, 60.0)[1]
    return [
        Row(
            "P13",
            f"simulated: a change on {MEMBERS} members' disks, 5 % lost, 99 in 100",
            None if disks.p99_s is None or disks.unfinished else disks.p99_s / cycle_s,
            "cycles",
            limit=CYCLES_MAX,
            why_not="it did not come to all",
        ),
        Row(
            "P13",
            f"simulated: what happens in a cycle, {MEMBERS} members by {FEW}",
            grown,
            "×",
            limit=MEMBERS / FEW,
        ),
        Row(
            "",
            "simulated: the same change in effect on all, half of them",
            None if effect.p50_s is None else effect.p50_s / cycle_s,
            "cycles",
            why_not="it did not come to all",
        ),
    ]
