"""Clusters of which a slice answers each START: what the air carries does not grow with them (R10)."""

from collections.abc import Callable
from functools import partial

import pytest

from dusk.cycle import asking, audience, leader
from dusk.limits import DATAGRAM_BYTES_MAX
from dusk.node import applying
from dusk.sim import forecast
from dusk.sim.forecast import Answer, Forecast, Question
from dusk.sim.forecast_air import Radio
from dusk.sim.forecast_figures import figures_of

SLICE = 8
CYCLE_S = 5.0
PROOFS = 2 / 60
"""Datagrams in a cycle for each member's proofs: a question and its answer every 60 cycles."""


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    for room in (asking, audience, leader, applying, forecast):
        monkeypatch.setattr(room, "SLICE_MEMBERS_MAX", SLICE)


def _forecast(nodes: int, bits_per_s: float) -> Forecast:
    radio = Radio(0.0, bits_per_s, bits_per_s)
    return Forecast(Question(nodes=nodes, radio=radio, cycle_s=CYCLE_S, measured_s=150.0, changes=2))


def _run(nodes: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Answer, int]:
    """Return what a cluster on a fast link cost, and the longest datagram that went to all."""
    sizes: list[int] = []
    run = _forecast(nodes, 6e6)

    def sent(send: Callable[..., None], sender: object, data: bytes, link: object) -> None:
        sizes.append(len(data))
        send(sender, data, link)

    monkeypatch.setattr(run.air, "multicast", partial(sent, run.air.multicast))
    return run.run(), max(sizes)


def test_an_idle_cycle_costs_as_much_however_many_slices_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for nodes in (24, 64):
        answer, longest = _run(nodes, monkeypatch)
        assert answer.behind == 0
        assert figures_of(answer).idle_cycle.frames <= 2 + SLICE + 2 * PROOFS * nodes
        assert longest <= DATAGRAM_BYTES_MAX


def test_a_site_that_starts_at_once_comes_to_rest_on_a_link_that_cannot_carry_all_its_questions() -> None:
    """If each asked again in each cycle, questions and answers would be more than the link has, for long."""
    run = _forecast(96, 4e4)
    run._plug_in()
    while sum(_is_fresh(run, place) for place in range(96)) < 0.95 * 96:
        assert run.clock.now < 3 * CYCLE_S * 96 / SLICE
        run.clock.run_until(run.clock.now + 1.0)


def _is_fresh(run: Forecast, place: int) -> bool:
    node = run.routers[place].member
    return node is not None and node.fresh(run.routers[place].now)
