"""A rollout by which all switch together, as people say and see it."""

import pytest

from dusk.changelog import rollouts
from dusk.changelog.rollouts import BACK_WORD, DONE, STAY_WORD, STOP_WORD, SWITCH_WORD
from dusk.control.desk import Json
from dusk.ids import Seq
from tests.control.test_rollout_methods import (
    commit_refused,
    device,
    edited,
    gate,
    order,
    refused,
    rolled,
    see,
    waves,
)
from tests.desk import FakeDesk


def shown(desk: FakeDesk, ident: str) -> Json:
    return desk.ask("rollout.show", id=ident)


def states(desk: FakeDesk, ident: str) -> dict[str, tuple[str, str]]:
    (wave,) = shown(desk, ident)["waves"]
    return {each["name"]: (each["state"], each["reason"]) for each in wave["devices"]}


def test_all_that_it_concerns_are_one_wave_and_named(desk: FakeDesk) -> None:
    edited(desk)
    rollout = rolled(desk, "together", failures=1)
    assert waves(rollout) == [["attic", "hall", "roof"]]
    assert (rollout["together"], rollout["wave"], rollout["waves_count"]) == (True, 0, 1)
    assert (rollout["state"], rollout["failures_max"]) == ("staging", 1)
    assert rollout["why"] == "all get ready, and switch together once they are"
    (running,) = rollouts.under_way(desk.log.state)
    assert len(rollouts.waves_of(desk.log.state, running.id)) == 3


@pytest.mark.parametrize(("failures", "is_said"), [(0, True), (1, True), (2, False)])
def test_who_is_not_heard_is_named_before_all_wait_for_him(
    desk: FakeDesk, failures: int, *, is_said: bool
) -> None:
    edited(desk)
    see(desk, "attic")
    started = desk.do("draft.commit", message="why", rollout="together", failures=failures)
    found = [note for note in started["notes"] if note.startswith("not heard now: hall, roof. ")]
    assert bool(found) is is_said
    assert all("`--failures 2`" in note for note in found)


def test_it_has_no_waves(desk: FakeDesk) -> None:
    edited(desk)
    commit_refused(desk, "bad-wave", "together", waves=["10%"])


def test_each_router_says_how_far_it_is_with_the_others(desk: FakeDesk) -> None:
    edited(desk)
    ident = rolled(desk, "together")["id"]
    seq = desk.log.head.seq
    see(desk, "attic", state="ready", judged_seq=Seq(seq))
    see(desk, "hall", state="failed", judged_seq=Seq(seq), reason="network:1: no")
    assert states(desk, ident) == {
        "attic": ("ready", ""),
        "hall": ("failed", "network:1: no"),
        "roof": ("offline", ""),
    }
    gate(desk, SWITCH_WORD)
    see(desk, "attic", state="applied", judged_seq=Seq(seq))
    see(desk, "hall", applied=seq)
    assert states(desk, ident) == {
        "attic": ("switched", ""),
        "hall": ("applied", ""),
        "roof": ("offline", ""),
    }
    assert (shown(desk, ident)["state"], shown(desk, ident)["wave"]) == ("switching", 1)
    assert refused(desk, "rollout.order", id=ident, what="pause").code == "nothing-to-pause"
    gate(desk, STAY_WORD)
    assert (shown(desk, ident)["state"], shown(desk, ident)["wave"]) == ("running", 1)
    gate(desk, DONE)
    assert shown(desk, ident)["state"] == "done"
    see(desk, "attic", applied=seq)
    assert states(desk, ident) == {"attic": ("applied", ""), "hall": ("applied", ""), "roof": ("offline", "")}


@pytest.mark.parametrize("reason", ["", "no word"])
def test_why_it_went_back_is_said(desk: FakeDesk, reason: str) -> None:
    edited(desk)
    ident = rolled(desk, "together")["id"]
    gate(desk, SWITCH_WORD)
    gate(desk, BACK_WORD + device(desk, "roof").hex())
    assert shown(desk, ident)["why"] == "roof was not heard any more"
    see(desk, "roof", state="failed", reason=reason)
    told = f": {reason}" if reason else ""
    assert shown(desk, ident)["why"] == f"roof could not switch with the others{told}"
    assert refused(desk, "rollout.order", id=ident, what="start").code == "rollout-started"
    order(desk, "resume", failures=1)
    assert (shown(desk, ident)["state"], shown(desk, ident)["failures_max"]) == ("staging", 1)


def test_it_is_held_started_and_given_a_time(desk: FakeDesk) -> None:
    edited(desk)
    ident = rolled(desk, "together", hold=True)["id"]
    assert shown(desk, ident)["state"] == "held"
    order(desk, "start", at_s=1_900_000_000)
    assert shown(desk, ident)["state"] == "scheduled"
    order(desk, "start")
    assert shown(desk, ident)["state"] == "staging"
    order(desk, "abort")
    assert shown(desk, ident)["state"] == "abort"


def test_the_log_says_what_became_of_the_switch(desk: FakeDesk) -> None:
    edited(desk)
    ident = rolled(desk, "together")["id"]
    roof = device(desk, "roof").hex()
    gate(desk, STOP_WORD + roof)
    order(desk, "resume")
    gate(desk, SWITCH_WORD)
    gate(desk, BACK_WORD + roof)
    order(desk, "resume")
    gate(desk, SWITCH_WORD)
    gate(desk, STAY_WORD)
    said = [row["message"] for row in desk.ask("log.list", count=7)["entries"]]
    assert said == [
        f"rollout {ident} stays: most have switched",
        f"rollout {ident} has all switch together",
        f"rollout {ident} resumed",
        f"rollout {ident} stopped: roof did not switch, so all went back",
        f"rollout {ident} has all switch together",
        f"rollout {ident} resumed",
        f"rollout {ident} stopped: roof failed",
    ]
