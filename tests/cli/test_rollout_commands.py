"""``dusk rollout``, and ``dusk commit --rollout``, over a real socket."""

from typing import TYPE_CHECKING

import pytest

from dusk.changelog import rollouts
from dusk.changelog.rollouts import STOP_WORD
from dusk.changelog.views import members
from dusk.cli.draft import _applied
from dusk.control.asks import asks_of
from dusk.control.desk import Peer
from tests.cli.test_commands import assert_refused
from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk, Result


def rolled(dusk: "Dusk", desk: FakeDesk, *words: str) -> str:
    """Commit a name in waves, and return the rollout's id."""
    dusk("set", "policy/wifi", f"wireless.r.ssid=new{desk.log.head.seq}")
    dusk("policy", "assign", "wifi", "--all")
    result = dusk("commit", "-m", "a name", *words)
    assert result.code == 0, result
    return str(dusk("rollout", "list", "--json").json[0]["id"])


def test_a_commit_in_waves_is_listed_and_shown(
    dusk: "Dusk", logged_in: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "nothing was rolled out" in dusk("rollout", "list").err
    assert "nothing was rolled out" in dusk("rollout", "show").err
    ident = rolled(dusk, logged_in, "--rollout", "canary", "hall", "--failures", "2")
    listed = dusk("rollout", "list").out
    assert f"{ident}" in listed
    assert "1 of 2" in listed
    shown = dusk("rollout", "show", ident)
    assert dusk("rollout", "show").out == shown.out, "the newest"
    assert shown.out.splitlines() == [
        f"{ident}: version {logged_in.log.head.seq}, a name",
        "by alice; wave 1 of 2; 2 may fail",
        "running: goes on when those that it has reached have it in effect",
        "wave 1, open",
        "  hall offline",
        "wave 2, not open yet",
        "  attic waits",
    ]
    assert dusk("rollout", "show", ident, "--json").json["waves"][1]["open"] is False
    former = rolled(dusk, logged_in, "--rollout", "canary", "hall"), ident
    monkeypatch.setattr("dusk.control.rollouts.ROLLOUTS_SHOWN_MAX", 1)
    monkeypatch.setattr("dusk.control.rollouts.DEVICES_SHOWN_MAX", 1)
    assert tuple(row["id"] for row in dusk("rollout", "list", "--json").json) == former
    assert dusk("rollout", "show", ident).out == shown.out, "a page after the other"


def test_a_commit_of_all_together_is_listed_and_shown(dusk: "Dusk", logged_in: FakeDesk) -> None:
    ident = rolled(dusk, logged_in, "--together", "--failures", "1")
    assert "together" in dusk("rollout", "list").out
    assert dusk("rollout", "show", ident).out.splitlines() == [
        f"{ident}: version {logged_in.log.head.seq}, a name",
        "by alice; all switch together; 1 may fail",
        "staging: all get ready, and switch together once they are",
        "  attic offline",
        "  hall offline",
    ]


def test_waves_are_shares_with_commas(dusk: "Dusk", logged_in: FakeDesk) -> None:
    ident = rolled(dusk, logged_in, "--rollout", "waves", "50%,100%")
    assert dusk("rollout", "show", ident, "--json").json["waves_count"] == 2


def test_what_failed_is_said_with_its_reason(
    dusk: "Dusk", logged_in: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ident = rolled(dusk, logged_in, "--rollout", "canary", "hall")
    hall = next(iter(logged_in.log.state.device_names()["hall"]))
    (running,) = rollouts.under_way(logged_in.log.state)
    world = logged_in.world
    world._keep(logged_in.log.write_gate(f"rollout/{running.id}", STOP_WORD + hall, world.stamp()))
    shown = dusk("rollout", "show", ident).out.splitlines()
    assert shown[2:5] == [
        "stopped: hall was not heard any more",
        f"`dusk rollout resume {ident} --failures N` lets so many fail, and goes on;",
        f"`dusk rollout abort {ident}` takes it back",
    ]
    (line,) = [line for line in asks_of(logged_in) if "rollout" in line]
    assert line.startswith(
        f"rollout {ident} stopped: hall was not heard any more; `dusk rollout resume {ident}"
    )
    assert "rollout" in dusk("log", "-n", "1").out
    assert "rollout" in dusk("rollout", "resume", ident, "--failures", "1").out
    assert dusk("rollout", "pause", ident).code == 0
    assert "; 1 may fail" in dusk("rollout", "show", ident).out
    monkeypatch.setattr("dusk.control.history.change_of", lambda _desk, _name: None)
    assert "; how many may fail is not kept any more" in dusk("rollout", "show", ident).out
    assert_refused(dusk("rollout", "resume", ident), "--failures")


def test_a_person_starts_pauses_forces_and_aborts(dusk: "Dusk", logged_in: FakeDesk) -> None:
    ident = rolled(dusk, logged_in, "--hold")
    at = dusk("rollout", "start", ident, "--at", "2031-05-31T03:00")
    assert (at.code, f"rollout {ident} started" in at.out) == (0, True)
    assert "begins at 2031-05-31 03:00" in dusk("rollout", "show", ident).out
    assert_refused(dusk("rollout", "resume", ident), "nothing to resume")
    assert dusk("rollout", "pause", ident).code == 0
    assert dusk("rollout", "force", ident).code == 0
    assert_refused(dusk("rollout", "abort", ident), "has ended: forced")
    assert dusk("rollout", "show", ident).out.splitlines()[2:] == [
        "forced: it went to all at once",
        "wave 1, reached",
        "  all others that it is for",
    ]
    other = rolled(dusk, logged_in, "--rollout", "canary", "hall")
    assert f"rollout {other} aborted" in dusk("rollout", "abort", other).out
    shown = dusk("rollout", "show", other).out.splitlines()
    assert shown[2:] == ["aborted", "wave 1, reached", "  hall", "wave 2, never opened"]
    states = [line.split()[-4] for line in dusk("rollout", "list").out.splitlines()[1:]]
    assert states == ["aborted", "forced"]


def test_to_abort_is_said_yes_to_where_it_touches_the_way_to_routers(
    dusk: "Dusk", logged_in: FakeDesk
) -> None:
    for address in ("192.0.2.1", "192.0.2.2"):
        assert dusk("set", "policy/lan", f"network.lan.ipaddr={address}").code == 0
        dusk("policy", "assign", "lan", "--all")
        how = ("--rollout", "canary", "hall") if address.endswith("2") else ()
        assert dusk("commit", "-m", "move", "--yes", *how).code == 0
    ident = dusk("rollout", "list", "--json").json[0]["id"]
    assert_refused(dusk("rollout", "abort", ident), "--yes")
    assert dusk("rollout", "abort", ident, "--yes").code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("commit", "-m", "x", "--rollout", "sometimes"),
        ("commit", "-m", "x", "--failures", "2"),
        ("commit", "-m", "x", "--together", "--rollout", "canary"),
        ("commit", "-m", "x", "--together", "--rollout", "all", "10%"),
        ("rollout", "start", "01234567", "--at", "tomorrow"),
        ("rollout", "start", "01234567", "--at", "2031-13-31T03:00"),
        ("rollout", "resume", "01234567", "--failures", "-1"),
    ],
)
def test_what_is_no_wave_or_time_is_wrong_usage(
    words: tuple[str, ...], dusk: "Dusk", logged_in: FakeDesk
) -> None:
    assert dusk(*words).code == 2


def test_a_router_that_waits_is_said_not_to_be_reached(dusk: "Dusk", logged_in: FakeDesk) -> None:

    row = {
        "name": "hall",
        "applied": 1,
        "apply": "committed",
        "online": True,
        "judged": 1,
        "rollout": "0" * 8,
    }
    assert _applied(row, 2)["state"] == "not reached yet"
    assert _applied({**row, "online": False}, 2)["state"] == "offline"


def _waited(dusk: "Dusk", desk: FakeDesk, *words: str) -> "Result":
    """Commit where all are online with what was before, and wait for what is in effect."""
    head = desk.log.head.seq
    stale = Peer(
        online=True,
        head_seq=head,
        applied_seq=head,
        apply_state="committed",
        reason="",
        alarms=(),
        seen_s_ago=None,
    )
    desk.seen = {m.device_id: stale for m in members(desk.log.state)}
    dusk("set", "policy/wifi", f"wireless.r.ssid=new{head}")
    dusk("policy", "assign", "wifi", "--all")
    return dusk("commit", "-m", "a name", "--wait", "applied", *words)


def test_who_waits_for_its_wave_ends_the_wait_for_what_is_in_effect_and_has_not_failed(
    dusk: "Dusk", logged_in: FakeDesk
) -> None:
    result = _waited(dusk, logged_in, "--hold", "--timeout", "5s")
    ident = dusk("rollout", "list", "--json").json[0]["id"]
    assert (result.code, result.err.splitlines()[-2:]) == (
        0,
        [
            "0 of 2 have applied it; attic not reached yet, hall not reached yet",
            f"waits for its wave: attic, hall; `dusk rollout show {ident}`",
        ],
    )


def test_who_is_reached_and_does_not_follow_is_named_alone(dusk: "Dusk", logged_in: FakeDesk) -> None:
    result = _waited(dusk, logged_in, "--rollout", "canary", "hall", "--timeout", "1s")
    assert result.code == 1
    assert "dusk: not applied everywhere: hall; `dusk device show hall` says why" in result.err.splitlines()
    assert "waits for its wave: attic; " in result.err


def test_those_that_switch_together_are_waited_for(dusk: "Dusk", logged_in: FakeDesk) -> None:
    result = _waited(dusk, logged_in, "--together", "--timeout", "1s")
    assert result.code == 1
    assert "not applied everywhere: attic, hall; `dusk rollout show` says why" in result.err
