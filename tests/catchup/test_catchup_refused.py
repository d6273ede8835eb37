"""Checkpoints that were fetched and refused: they are not fetched whole again after each back-off (A6)."""

from dataclasses import replace

import pytest

from dusk import limits
from dusk.catchup.gathering import Gatherings
from dusk.catchup.messages import GetPiece
from dusk.catchup.server import Server
from dusk.changelog.adopting import Apart, Unfit
from dusk.changelog.basis import Plan, plan_of
from dusk.changelog.foundation import pieces
from dusk.effects import Effect
from dusk.ids import Seq
from tests.catchup.test_catchup_checkpoints import away, cluster, meet, serve
from tests.streams import at
from tests.world import World

pytestmark = pytest.mark.usefixtures("small_steps")


def _pieces_asked(monkeypatch: pytest.MonkeyPatch) -> list[GetPiece]:
    asked: list[GetPiece] = []
    read = Server._read_piece

    def reading(self: Server, request: GetPiece, plan: Plan | None, now: float) -> list[Effect]:
        asked.append(request)
        return read(self, request, plan, now)

    monkeypatch.setattr(Server, "_read_piece", reading)
    return asked


def test_a6_a_checkpoint_that_was_refused_is_not_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world, server, early = cluster()
    stale, asked = away(world, early), _pieces_asked(monkeypatch)
    assert server.plan is not None
    server.foundation = server.foundation[:-1] + bytes((server.foundation[-1] ^ 1,))
    server.plan = plan_of(server.plan.seq, pieces(server.foundation))
    wires = meet(server, stale)
    once = len(asked)
    assert once > 0
    for _ in range(3):
        wires.tick(1000)
        wires.do("stale", stale.exchanges.catch_up(at("master"), wires.now))
    assert len(asked) == once
    serve(server, world)  # it is repaired
    wires.tick(1000)
    wires.do("stale", stale.exchanges.catch_up(at("master"), wires.now))
    assert stale.head == world.log.head


def test_a6_one_that_contradicts_what_is_final_is_fetched_again_when_the_log_has_moved() -> None:
    world, server, _ = cluster()
    plan, head = server.plan, world.log.head
    assert plan is not None
    heads = [head]
    gatherings = Gatherings(lambda: heads[-1])
    for error in (Unfit("worth nothing"), Apart("would undo what is final")):
        gatherings.of(plan)
        gatherings.refuse(error)
        gatherings.forget()
        with pytest.raises(type(error), match=str(error)):
            gatherings.of(plan)
        heads.append(replace(head, seq=Seq(head.seq + len(heads))))
        if isinstance(error, Apart):
            assert gatherings.of(plan).missing == 0
        else:
            with pytest.raises(Unfit):
                gatherings.of(plan)
            gatherings._refused.clear()


def test_a10_only_so_many_refused_checkpoints_are_remembered() -> None:
    head = World().log.head
    gatherings = Gatherings(lambda: head)
    plans = [Plan(Seq(number), (bytes(32),)) for number in range(1, limits.REFUSED_PLANS_MAX + 2)]
    for plan in plans:
        gatherings.of(plan)
        gatherings.refuse(Unfit("worth nothing"))
    assert gatherings.of(plans[0]).missing == 0
    with pytest.raises(Unfit):
        gatherings.of(plans[-1])
