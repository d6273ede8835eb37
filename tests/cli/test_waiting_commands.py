"""``dusk commit --wait applied``: whom it waits for, and what it says."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dusk.changelog.views import members
from dusk.control.desk import Peer
from dusk.ids import Seq
from tests.cli.test_commands import KEY
from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk


def _peer(state: str, *, applied: int = 0) -> Peer:
    """Return a device that is heard, in a state of its apply machine."""
    return Peer(
        online=True,
        head_seq=Seq(9),
        applied_seq=Seq(applied),
        apply_state=state,
        reason="",
        alarms=(),
        seen_s_ago=None,
    )


def test_waiting_for_applied_reports_each_device(dusk: "Dusk", logged_in: FakeDesk) -> None:
    logged_in.seen[logged_in.device_id] = _peer("committed", applied=99)
    dusk("set", "policy/wifi", f"{KEY}=x")
    result = dusk("commit", "-m", "m", "--wait", "applied", "--json")
    assert result.code == 0
    assert [(d["name"], d["state"]) for d in result.json["devices"]] == [
        ("attic", "applied"),
        ("hall", "offline"),
    ]
    assert result.err.splitlines()[-2:] == [
        "1 of 2 have applied it; hall offline",
        "offline, and applies it when it is heard again: hall",
    ]


def test_waiting_at_a_member_asks_the_master_until_all_have_it_or_failed_at_it(
    dusk: "Dusk", logged_in: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = _peer("failed")
    everybody = [m.device_id for m in members(logged_in.log.state)]
    logged_in.seen = dict.fromkeys(everybody, stale)
    looks: list[int] = []

    def look() -> str:
        looks.append(1)
        if len(looks) == 3:
            done = replace(stale, applied_seq=logged_in.log.head.seq, apply_state="committed")
            failed = replace(stale, judged_seq=logged_in.log.head.seq)
            logged_in.seen = {everybody[0]: done} | dict.fromkeys(everybody[1:], failed)
        return FakeDesk.refresh(logged_in)

    monkeypatch.setattr(logged_in, "refresh", look)
    dusk("set", "policy/wifi", f"{KEY}=x")
    result = dusk("commit", "-m", "m", "--wait", "applied")
    assert len(looks) == 3
    assert result.code == 1
    assert "not applied everywhere: hall" in result.err


def test_a_router_that_waits_for_a_secret_which_nobody_hands_over_ends_the_wait(
    dusk: "Dusk", logged_in: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = _peer("waiting-for-secret")
    everybody = [m.device_id for m in members(logged_in.log.state)]
    logged_in.seen = dict.fromkeys(everybody, waits)
    states: list[str] = []

    def look() -> str:
        states.append("before" if len(states) < 2 else "of this version")
        judged = logged_in.log.head.seq if states[-1] == "of this version" else Seq(0)
        logged_in.seen = dict.fromkeys(everybody, replace(waits, judged_seq=judged))
        return FakeDesk.refresh(logged_in)

    monkeypatch.setattr(logged_in, "refresh", look)
    monkeypatch.setattr("dusk.cli.draft._HANDED_OVER_S", 0.0)
    dusk("set", "policy/wifi", f"{KEY}=x")
    result = dusk("commit", "-m", "m", "--wait", "applied")
    assert (result.code, "state  durable" in result.out) == (1, True)
    assert "before" in states
    assert "0 of 2 have applied it; attic waiting-for-secret, hall waiting-for-secret" in result.err
    assert "not applied everywhere: attic, hall; `dusk device show attic` says why" in result.err
