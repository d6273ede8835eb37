"""The simulator's own model lets a change be refused that names who is gone, and no other (R3)."""

import pytest

from dusk.changelog.body import Change
from dusk.effects import ChangeState, Progress
from dusk.ids import Seq
from dusk.sim.broken import RuleBroken
from dusk.sim.tree import Logged
from tests.plain_branches import Grove


def _removal(grove: Grove, at: Logged, index: int) -> Change:
    change = grove.change([grove.edit(at, grove.section(index), "retired", [True])])
    grove.checks.keyring.owed.discard(change.id)
    return change


def _refused_behind_its_next(gone: int) -> None:
    """Let the owner remove a device, and then name d3; with what came next, the second is refused."""
    grove = Grove((0, 1))
    first, naming = _removal(grove, grove.trunk, gone), grove.succeed(grove.trunk, 0, 1, 3)
    after = grove.grow(grove.trunk, first)
    grove.grow(after, grove.setting(after, 1))
    grove.checks.sending(grove.devices[0], Progress(naming.id, ChangeState.REFUSED, Seq(0), ""))


def test_a_succession_that_names_who_is_gone_may_be_refused_though_a_later_change_stands_by_then() -> None:
    _refused_behind_its_next(gone=3)


def test_one_that_names_a_member_is_not_excused_by_the_change_that_came_before_it_r3() -> None:
    with pytest.RaisesExc(RuleBroken, match=r"^R3:"):
        _refused_behind_its_next(gone=2)
