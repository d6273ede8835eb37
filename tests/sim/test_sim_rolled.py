"""The simulator's own model judges rollouts, and devices that leave: what may not be is caught."""

import pytest

from dusk.changelog.body import Change
from dusk.sim.broken import RuleBroken
from dusk.sim.tree import GONE, Logged
from tests.plain_branches import Grove

ROLLOUT = f"rollout/{'7' * 32}"


def breaks_r1() -> pytest.RaisesExc[RuleBroken]:
    """Expect that somebody did what nobody may."""
    return pytest.RaisesExc(RuleBroken, match="^R1:")


def begun(grove: Grove) -> Logged:
    """Roll a setting out to one of two devices first."""
    at = grove.grow(grove.trunk, grove.setting(grove.trunk, 1))
    edits = [
        grove.edit(at, "policy/site", "set/a", [2]),
        grove.edit(at, ROLLOUT, "plan", [2, 0]),
        grove.edit(at, ROLLOUT, "part/0", [0, [grove.id(1)]]),
    ]
    return grove.grow(at, grove.change(edits))


def aborts(grove: Grove, at: Logged, *, puts_back: bool) -> Change:
    """Sign an abort, with or without what it takes back."""
    back = [grove.edit(at, "policy/site", "set/a", [1])] if puts_back else []
    return grove.change([grove.edit(at, ROLLOUT, "order", ["abort", 0, None]), *back])


def test_an_abort_that_leaves_what_was_rolled_out_is_caught_r1() -> None:
    grove = Grove((0,))
    at = begun(grove)
    with breaks_r1():
        grove.grow(at, aborts(grove, at, puts_back=False))


def test_an_abort_takes_the_waves_with_it() -> None:
    grove = Grove((0,))
    at = begun(grove)
    over = grove.grow(at, aborts(grove, at, puts_back=True))
    records = grove.history.records_at(over)
    assert records[ROLLOUT, "part/0"] is GONE
    assert (
        records["policy/site", "set/a"].data
        == grove.history.records_at(at.parent)["policy/site", "set/a"].data
    )


def test_an_abort_leaves_what_somebody_has_changed_since() -> None:
    grove = Grove((0,))
    newer = begun(grove)
    newer = grove.grow(newer, grove.setting(newer, 3))
    over = grove.grow(newer, aborts(grove, newer, puts_back=False))
    assert grove.history.records_at(over)[ROLLOUT, "part/0"] is GONE


def leaves(grove: Grove, who: int, by: int, *, more: bool = False) -> Change:
    """Sign by a device that a device is retired."""
    section = grove.section(who)
    edits = [grove.edit(grove.trunk, section, "retired", [True])]
    edits += [grove.edit(grove.trunk, section, "name", ["other"])] if more else []
    return grove.change(edits, by, by=grove.devices[by].key)


def test_a_device_leaves_by_its_own_word() -> None:
    grove = Grove((0,))
    left = grove.grow(grove.trunk, leaves(grove, 2, 2))
    assert grove.history.records_at(left)[grove.section(2), "retired"].data is not None


@pytest.mark.parametrize(("who", "by", "more"), [(1, 2, False), (2, 2, True)])
def test_a_device_that_retires_another_or_says_more_of_itself_is_caught_r1(
    who: int,
    by: int,
    more: bool,  # noqa: FBT001 - a column of a table
) -> None:
    grove = Grove((0,))
    with breaks_r1():
        grove.grow(grove.trunk, leaves(grove, who, by, more=more))
