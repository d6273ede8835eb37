"""Waves that would be none, and those of which all failed: people are told, and nothing waits unsaid."""

import pytest

from dusk.changelog.rollouts import STOP_WORD
from dusk.control.asks import asks_of
from tests.control.test_rollout_methods import (
    commit_refused,
    device,
    edited,
    gate,
    order,
    refused,
    rolled,
    see,
)
from tests.desk import FakeDesk


def test_a_group_without_a_router_that_is_concerned_is_no_wave(desk: FakeDesk) -> None:
    desk.do("group.create", name="empty")
    desk.do("group.create", name="floor")
    desk.do("group.add", name="floor", devices=["hall"])
    desk.commit()
    edited(desk)
    commit_refused(desk, "bad-wave", waves=["empty"])
    commit_refused(desk, "bad-wave", waves=["floor", "empty"])
    desk.do("policy.assign", name="wifi", to="devices", names=["roof"])
    commit_refused(desk, "bad-wave", waves=["floor"])


@pytest.mark.parametrize("parts", [["50%", "10%"], ["10%", "hall-floor", "9%"]])
def test_shares_that_fall_are_refused(parts: list[str], desk: FakeDesk) -> None:
    edited(desk)
    commit_refused(desk, "bad-wave", waves=parts)


def failed(desk: FakeDesk, *names: str) -> None:
    see(desk, *names, state="failed", reason="no contact", judged_seq=desk.log.head.seq)


@pytest.mark.parametrize("is_stopped", [False, True], ids=["one may fail", "none may"])
def test_a_wave_of_which_all_failed_is_said_to_go_no_further_and_is_not_resumed(
    desk: FakeDesk, *, is_stopped: bool
) -> None:
    edited(desk)
    ident = rolled(desk, waves=["hall"], failures=0 if is_stopped else 1)["id"]
    hall = device(desk, "hall").hex()
    failed(desk, "hall")
    if is_stopped:
        gate(desk, STOP_WORD + hall)
        failed(desk, "hall")
    shown = desk.ask("rollout.show", id=ident)
    assert (shown["stuck"], shown["state"]) == (True, "stopped" if is_stopped else "running")
    assert "no further" in shown["why"] or is_stopped
    (asked,) = [line for line in asks_of(desk) if "rollout" in line]
    assert f"`dusk rollout force {ident}` sends it to all, `abort` takes it back" in asked
    if is_stopped:
        found = refused(desk, "rollout.order", id=ident, what="resume", failures=1)
        assert (found.code, f"dusk rollout force {ident}" in found.reason) == ("wave-failed", True)
    see(desk, "hall", applied=desk.log.head.seq)
    assert not desk.ask("rollout.show", id=ident)["stuck"]
    if is_stopped:
        order(desk, "resume", failures=1)


def test_a_wave_of_which_one_has_it_or_may_yet_goes_on(desk: FakeDesk) -> None:
    edited(desk)
    ident = rolled(desk, waves=["hall", "roof"], failures=1)["id"]
    failed(desk, "hall")
    assert not desk.ask("rollout.show", id=ident)["stuck"], "roof is off, and follows"
    assert [line for line in asks_of(desk) if "rollout" in line] == []
    see(desk, "roof", applied=desk.log.head.seq)
    assert not desk.ask("rollout.show", id=ident)["stuck"]
    order(desk, "force")
    failed(desk, "hall", "roof")
    assert not desk.ask("rollout.show", id=ident)["stuck"], "it has ended"


def test_a_wave_that_was_not_opened_and_one_that_concerns_nobody_any_more_have_not_failed(
    desk: FakeDesk,
) -> None:
    edited(desk)
    ident = rolled(desk, waves=["hall"], hold=True)["id"]
    failed(desk, "hall", "roof", "attic")
    assert not desk.ask("rollout.show", id=ident)["stuck"]
    order(desk, "start")
    desk.do("device.remove", names=["hall"])
    failed(desk, "roof", "attic")
    assert not desk.ask("rollout.show", id=ident)["stuck"]
