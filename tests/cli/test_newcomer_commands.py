"""``dusk device approve`` over a real socket: who is let in by a word that was said of all."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dusk.changelog import views
from dusk.control import methods
from dusk.control.desk import Peer
from dusk.ids import DeviceId, Seq
from dusk.keys.joinkey import parse_join_line
from tests.approving import approve_mode
from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk

ABSENT = Peer(False, Seq(1), Seq(1), "idle", "", (), 99.0)


def ask(desk: FakeDesk, label: str) -> DeviceId:
    """Let a device ask to be let in."""
    key = desk.world.key()
    desk.waits.put(desk.world.request(key, label=label), "approval-needed", 0.0)
    return DeviceId(key.key_id)


@pytest.fixture
def waiting(logged_in: FakeDesk) -> FakeDesk:
    """Return a desk with an absent member called shed, and one who shows its label."""
    desk = logged_in
    desk.world.joinkey = desk.world.key()
    approve_mode(desk.world, uses=9)
    ask(desk, "02:aa")
    desk.do("device.approve", names=["02:aa"], name="backup")
    shed = ask(desk, "02:bb")
    desk.do("device.approve", names=["02:bb"], name="shed")
    desk.seen[shed] = ABSENT
    ask(desk, "02:bb")
    return desk


def test_a20_who_looks_like_an_absent_router_is_listed_apart_and_left_out(
    waiting: FakeDesk, dusk: "Dusk"
) -> None:
    ask(waiting, "02:cc")
    said = dusk("device", "approve", "--all")
    assert said.code == 1
    assert said.out.count("let in") == 1
    assert "looks like shed, which is absent" in said.err
    assert "--all --rebind" in said.err
    alone = dusk("device", "approve", "--all", "--json")
    found = json.loads(alone.out)
    assert (alone.code, found["devices"], found["rebinds"][0]["like"]) == (1, [], "shed")


def test_a20_it_gets_that_ones_place_when_somebody_says_so(waiting: FakeDesk, dusk: "Dusk") -> None:
    said = dusk("device", "approve", "--all", "--rebind")
    assert (said.code, "shed is back under a new key" in said.out) == (0, True)
    assert waiting.log.state.device_names().keys() >= {"shed", "shed-old"}


@pytest.mark.usefixtures("waiting")
def test_who_is_named_gets_its_place_and_rebind_goes_with_all(dusk: "Dusk") -> None:
    assert dusk("device", "approve", "02:bb", "--rebind").code == 2
    assert "shed is back" in dusk("device", "approve", "02:bb").out


def test_who_is_let_in_and_asks_no_more_is_told(
    waiting: FakeDesk, dusk: "Dusk", monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(waiting, "02:cc")
    assert "has not asked" not in dusk("device", "approve", "02:cc").err
    ask(waiting, "02:dd")
    row = next(one for one in waiting.ask("device.pending")["pending"] if one["label"] == "02:dd")
    answer = {"pending": [{**row, "seen_s_ago": 200.0}], "more": False}
    table: Any = methods.METHODS
    silent = methods.Method(lambda _desk, _arguments: answer, table["device.pending"].parameters)
    monkeypatch.setitem(table, "device.pending", silent)
    listed = next(line for line in dusk("device", "list").out.splitlines() if "02:dd" in line)
    assert "asked 3 min 20 s ago" in listed
    assert "has not asked for 3 min 20 s: it is off, or" in dusk("device", "approve", "02:dd").err


def test_who_is_let_in_as_nobody_that_was_expected_and_what_no_hardware_shows_is_told(
    waiting: FakeDesk, dusk: "Dusk", tmp_path: Path
) -> None:
    file = tmp_path / "routers.csv"
    file.write_text("02:11:22:33:44:0G,hall\n02-11-22-33-44-05,porch\n")
    said = dusk("device", "expect", str(file))
    assert (said.code, "no MAC address: 02:11:22:33:44:0G;" in said.err) == (0, True)
    ask(waiting, "02:cc")
    assert "2 routers expected, and none of these" in dusk("device", "approve", "02:cc").err
    ask(waiting, "02:11:22:33:44:05")
    known = dusk("device", "approve", "02:11:22:33:44:05")
    assert ("porch" in known.out, "none of these" in known.err) == (True, False)
    ask(waiting, "02:dd")
    gone = dusk("device", "expect", "--remove", "02:11:22:33:44:0G")
    assert (gone.code, "1 device expected no more" in gone.out) == (0, True)
    assert "none of these" not in dusk("device", "approve", "02:dd").err
    for words in ([], [str(file), "--remove", "x"]):
        assert dusk("device", "expect", *words).code == 2


@pytest.mark.usefixtures("logged_in")
def test_a_join_key_that_rebinds_by_itself_and_lists_no_labels_is_refused_clearly(dusk: "Dusk") -> None:
    said = dusk("joinkey", "create", "--rebind", "auto", "--file", "-")
    assert (said.code, said.out) == (1, "")
    assert "--rebind auto needs --label PATTERN" in said.err


# --- by hand -------------------------------------------------------------------------------------


def test_how_by_hand_is_used_is_said(dusk: "Dusk") -> None:
    for words in (
        ("join", "--by-hand"),
        ("join", "--by-hand", "-"),
        ("join", "-", "--user", "alice"),
        ("join", "-", "--group", "aps"),
        ("--via", "ssh://attic", "join", "-"),
    ):
        assert dusk(*words).code == 2, words


@pytest.mark.usefixtures("ssh", "logged_in")
def test_a_router_lets_itself_in_by_a_person_at_it(dusk: "Dusk", desk: FakeDesk) -> None:
    said = dusk("--via", "ssh://attic", "join", "--by-hand", "--name", "shed", "--timeout", "5s")
    assert said.code == 0, said
    assert "shed joins" in said.out
    assert "the daemon is joining" in said.out
    assert [parse_join_line(line).cluster_id for line in desk.joined_with] == [desk.log.cluster]
    assert "shed" in desk.log.state.device_names()


@pytest.mark.usefixtures("ssh", "server")
def test_who_logs_in_for_it_alone_leaves_no_session(
    dusk: "Dusk", desk: FakeDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DUSK_SESSION", raising=False)
    file = tmp_path / "password"
    file.write_text("a few good words\n")
    via = ("--via", "ssh://attic")
    assert "nobody is logged in" in dusk(*via, "join", "--by-hand").err
    assert desk.joined_with == []
    desk.results["login-alice"] = {"done": True, "progress": {}, "result": {"token": "token-alice"}}
    said = dusk(*via, "join", "--by-hand", "--user", "alice", "--password-file", str(file))
    assert (said.code, len(desk.joined_with)) == (0, 1), said
    assert "token-alice" not in desk.people
    assert "nobody is logged in" in dusk(*via, "whoami").err


def test_a19_a_revoked_key_takes_all_its_routers_along_by_as_many_changes_as_it_takes(
    waiting: FakeDesk, dusk: "Dusk"
) -> None:
    key = waiting.world.joinkey.key_id.hex()
    said = dusk("joinkey", "revoke", key[:8], "--with-devices")
    assert (said.code, said.err) == (0, "")
    assert "1 device removed; backup may not lead any more" in said.out
    assert [member.name for member in views.members(waiting.log.state)] == ["attic", "hall"]


def test_a19_one_that_leads_stays_and_the_person_is_told_what_to_do(waiting: FakeDesk, dusk: "Dusk") -> None:
    world, state = waiting.world, waiting.log.state
    backup = views.device_by_name(state, "backup")
    world.commit(world.edit("cluster", "succession", [[backup, world.device_id]]))
    key = world.joinkey.key_id.hex()
    for _ in range(2):
        said = dusk("joinkey", "revoke", key[:8], "--with-devices")
        assert said.code == 1
        assert said.err.startswith("backup may lead the cluster: say first who does in its place")
    assert sorted(member.name for member in views.members(waiting.log.state)) == ["attic", "backup", "hall"]
