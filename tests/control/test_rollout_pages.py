"""Rollouts, and the routers of one, a page at a time: what has ended is never forgotten (P12)."""

import pytest

from dusk.control import names
from dusk.control import rollouts as shown
from dusk.errors import Refused
from tests.control.test_rollout_methods import edited, rolled
from tests.desk import FakeDesk


def test_p12_rollouts_and_their_routers_come_a_page_at_a_time(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown, "ROLLOUTS_SHOWN_MAX", 1)
    monkeypatch.setattr(shown, "DEVICES_SHOWN_MAX", 1)
    found = []
    for at in range(2):
        edited(desk, f"name {at}")
        found.append(rolled(desk, waves=["hall"])["id"])
    first = desk.ask("rollout.list")
    assert ([row["id"] for row in first["rollouts"]], first["more"]) == ([found[1]], True)
    second = desk.ask("rollout.list", after=found[1])
    assert ([row["id"] for row in second["rollouts"]], second["more"]) == ([found[0]], False)
    with pytest.raises(Refused) as refusal:
        desk.ask("rollout.list", after="0" * 8)
    assert refusal.value.code == "no-rollout"
    seen, more, after = [], True, ""
    while more:
        page = desk.ask("rollout.show", id=found[0], after=after)
        ((wave, after),) = [(at, each["name"]) for at, w in enumerate(page["waves"]) for each in w["devices"]]
        seen.append((wave, after))
        more = page["more"]
    everybody = sorted(each.name for each in names.members(desk.log.state))
    assert seen == [(int(name != "hall"), name) for name in everybody]


def test_who_lists_rollouts_may_be_interrupted_at_each_for_changes_are_read_from_the_disk(
    desk: FakeDesk,
) -> None:
    for at in range(2):
        edited(desk, f"name {at}")
        rolled(desk, waves=["hall"])
    assert sum(1 for _ in shown.rollout_list(desk, {"after": ""})) == 2
