"""``dusk hold`` and ``unhold``: the file of the router's own settings, with and without a daemon."""

import fcntl
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from dusk.changelog.orders import decode_hold, decode_order
from dusk.cli import hold
from dusk.control.desk import Peer
from dusk.control.names import device_id
from dusk.daemon import holding
from dusk.daemon.settings import read_settings
from dusk.effects import Told
from dusk.ids import Seq
from tests.cli.test_commands import assert_refused
from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk

OWN = b"# mine\nconfig dusk 'main'\n\toption name 'attic'\n"


@pytest.fixture
def file(root: Path) -> Path:
    """Return the router's own settings."""
    folder = root / "etc/config"
    folder.mkdir(parents=True)
    (folder / "dusk").write_bytes(OWN)
    (folder / "dusk").chmod(0o640)
    return folder / "dusk"


def test_without_a_daemon_it_is_written_and_taken_off_again(dusk: "Dusk", file: Path) -> None:
    held = dusk("hold")
    assert (held.code, "from the daemon's next start on" in held.out) == (0, True), held.err
    assert read_settings(file.read_bytes()).hold
    assert file.stat().st_mode & 0o777 == 0o640
    assert dusk("unhold", "--json").json == {"hold": False, "daemon": False}
    assert file.read_bytes() == OWN
    assert [path.name for path in file.parent.iterdir()] == ["dusk"]


def test_for_a_time_and_again_for_another_and_then_without_end(dusk: "Dusk", file: Path) -> None:
    assert dusk("hold", "--for", "2h", "--json").json["for_s"] == 7200
    settings = read_settings(file.read_bytes())
    assert (settings.hold, settings.hold_for_s, "/" in settings.hold_since) == (True, 7200, True)
    dusk("hold", "--for", "90s")
    assert read_settings(file.read_bytes()).hold_for_s == 90
    dusk("hold")
    settings = read_settings(file.read_bytes())
    assert (settings.hold, settings.hold_for_s, settings.hold_since) == (True, 0, "")


def test_a_file_that_is_not_there_is_made(dusk: "Dusk", file: Path) -> None:
    file.unlink()
    assert dusk("hold").code == 0
    assert read_settings(file.read_bytes()).hold
    assert file.stat().st_mode & 0o777 == 0o600


def test_a50_what_uci_commits_while_the_lock_is_waited_for_stays(
    dusk: "Dusk", file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = OWN + b"\toption port '7000'\n"
    real = fcntl.flock
    calls: list[int] = []

    def flock(stream: IO[bytes], how: int) -> None:
        if not calls:  # libuci lets the lock go once another file stands in the place of the locked one
            new = file.with_name("new")
            new.write_bytes(theirs)
            new.rename(file)
        calls.append(how)
        real(stream, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    assert dusk("hold").code == 0
    settings = read_settings(file.read_bytes())
    assert (settings.hold, settings.wanted.port) == (True, 7000)
    assert len(calls) == 2


def test_a58_nobody_keeps_the_brake_off_by_a_lock(
    dusk: "Dusk", file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold, "LOCK_S_MAX", 0.2)
    with file.open("rb") as hijacked:
        fcntl.flock(hijacked, fcntl.LOCK_SH)
        held = dusk("hold")
    assert (held.code, "written without it" in held.err) == (0, True)
    assert read_settings(file.read_bytes()).hold


@pytest.mark.usefixtures("logged_in", "file")
def test_a_daemon_that_runs_takes_it_at_once(dusk: "Dusk") -> None:
    assert dusk("hold").out == "on hold: nothing is applied on this router, and nothing put back\n"
    assert dusk("hold", "--for", "2h").out.startswith("on hold for 2 h 0 min: nothing is applied")
    assert dusk("unhold").out == "not on hold: this router applies what the cluster says\n"


def test_a_damaged_file_is_left_as_it_is(dusk: "Dusk", file: Path) -> None:
    file.write_bytes(b"option lost 'x'\n")
    assert_refused(dusk("hold"), "etc/config/dusk:1")
    assert file.read_bytes() == b"option lost 'x'\n"


def test_a_folder_that_is_not_there_is_named(dusk: "Dusk", root: Path) -> None:
    assert_refused(dusk("hold"), str(root / "etc/config"))


@pytest.mark.parametrize("time", ["0s", "1ms", "400d", "soon"])
def test_a_time_that_is_none_is_refused(dusk: "Dusk", file: Path, time: str) -> None:
    assert dusk("hold", "--for", time).code == 2
    assert file.read_bytes() == OWN


def test_what_is_said_here_ends_what_was_ordered_whatever_it_is(dusk: "Dusk", root: Path, file: Path) -> None:
    node = root / "etc/dusk/node"
    node.mkdir(parents=True)
    settings = read_settings(file.read_bytes())
    order = holding.ordered(settings, 0)
    (node / "hold-ordered").write_bytes(order)
    assert holding.in_force(settings, order).hold
    assert dusk("unhold").code == 0
    after = read_settings(file.read_bytes())
    assert not after.hold
    assert holding.in_force(after, order) == after
    assert dusk("hold").code == 0
    again = read_settings(file.read_bytes())
    assert again.hold
    assert "/" in again.hold_since


def test_others_are_held_by_order_and_all(dusk: "Dusk", logged_in: FakeDesk) -> None:
    state = logged_in.log.state
    for name in ("attic", "hall"):
        logged_in.answers[device_id(state, name)] = Told(data=bytes(32))
    assert dusk("hold", "hall", "--for", "2h").out == "hall is on hold\n"
    order = decode_order(logged_in.asked[-1][1].argument).order
    assert (order.kind, decode_hold(order.argument)) == ("hold", 7200)
    assert dusk("hold", "--all").out.splitlines() == ["attic is on hold", "hall is on hold"]
    assert dusk("unhold", "hall").out == "hall is on hold no more\n"
    assert decode_order(logged_in.asked[-1][1].argument).order.kind == "unhold"
    assert len(dusk("unhold", "--all", "--json").json["devices"]) == 2


def test_of_all_routers_those_that_are_heard_are_ordered_first(dusk: "Dusk", logged_in: FakeDesk) -> None:
    heard = device_id(logged_in.log.state, "hall")
    logged_in.seen = {
        heard: Peer(
            online=True,
            head_seq=Seq(0),
            applied_seq=Seq(0),
            apply_state="unknown",
            reason="",
            alarms=(),
            seen_s_ago=0,
        )
    }
    assert dusk("hold", "--all").code == 1
    assert logged_in.asked[0][0] == heard
