"""What works without a daemon: init, join, verify; and the small parts of the command line."""

import os
import pty
import stat
import subprocess
import sys
import termios
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk.changelog import views
from dusk.changelog.log import Log
from dusk.changelog.rewinds import Rewind
from dusk.cli import draft, passwords, table
from dusk.cli.settings import split_pair
from dusk.cycle.groupkeys import decode_group_keys
from dusk.daemon.frames import MAGIC
from dusk.daemon.frames import encode as encode_frames
from dusk.daemon.identity import decode_identity, hardware_label, wanted_name
from dusk.daemon.opening import read_log
from dusk.errors import Refused
from dusk.ids import Seq
from dusk.keys.joinkey import JoinKey
from dusk.keys.phrase import recovery_key
from dusk.keys.sealed import open_user_key
from tests.cli.logs import log_file, long_world, store
from tests.world import World

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk, Result

PROJECT = Path(__file__).resolve().parents[2]


def one_line(result: "Result") -> str:
    assert result.code == 1, result
    assert result.err.count("\n") == 1, result.err
    return result.err


@pytest.fixture
def init(dusk: "Dusk", root: Path, tmp_path: Path) -> "Result":
    """Make a cluster below the root."""
    (tmp_path / "password").write_text("correct horse\n")
    (root / "etc/config").mkdir(parents=True)
    (root / "etc/config/dusk").write_text("config dusk 'main'\n\toption name 'Attic'\n")
    return dusk(
        *("init", "--cluster", "home", "--user", "ann", "--cycle", "500ms"),
        *("--password-file", str(tmp_path / "password"), "--phrase-file", str(tmp_path / "phrase")),
    )


def test_init_makes_a_cluster_that_verifies_and_opens_with_its_password(
    init: "Result", dusk: "Dusk", root: Path, tmp_path: Path
) -> None:
    assert init.code == 0, init.err
    assert "so 'Attic' became attic" in init.err
    node = root / "etc/dusk/node"
    log = Log(None)
    log.extend(read_log(node).items)
    (member,) = views.members(log.state)
    device = decode_identity((node / "identity").read_bytes())
    assert (member.name, member.public) == ("attic", device.public)
    assert views.cycle_ms(log.state) == 500
    assert decode_group_keys((node / "groupkeys").read_bytes()).newest is not None
    (user,) = views.users(log.state)
    assert user.sealed is not None
    assert open_user_key(user.sealed, b"correct horse", name="ann").public == user.public
    phrase = (tmp_path / "phrase").read_text()
    assert log.state.value("trust", "recovery") == [recovery_key(phrase).public, 0]
    assert stat.S_IMODE((tmp_path / "phrase").stat().st_mode) == 0o600
    assert not any((tmp_path / "runtime").iterdir())
    shown = dusk("verify", "--json").json
    assert (shown["ok"], shown["entries"], shown["cluster"]) == (True, 1, log.state.cluster.hex())


def test_a_cluster_may_be_made_whose_owners_name_each_backup_themselves(
    dusk: "Dusk", root: Path, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("correct horse\n")
    words = ("--password-file", str(tmp_path / "password"), "--phrase-file", str(tmp_path / "phrase"))
    made = dusk("init", "--cluster", "home", "--user", "ann", "--no-auto-backup", *words)
    assert made.code == 0, made.err
    log = Log(None)
    log.extend(read_log(root / "etc/dusk/node").items)
    assert log.state.value("cluster", "manual-backup") == [True]


def test_init_leaves_nothing_of_roots_in_the_nodes_folder(init: "Result", root: Path) -> None:
    node = root / "etc/dusk/node"
    assert stat.S_IMODE(node.stat().st_mode) == 0o700
    assert stat.S_IMODE((root / "etc/dusk").stat().st_mode) == 0o711
    for file in node.iterdir():
        assert file.stat().st_uid == node.stat().st_uid
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_init_refuses_where_a_cluster_is_and_changes_nothing(
    init: "Result", dusk: "Dusk", root: Path, tmp_path: Path
) -> None:
    before = {path: path.read_bytes() for path in (root / "etc/dusk/node").iterdir()}
    again = ("init", "--cluster", "other", "--user", "bob", "--password-file", str(tmp_path / "password"))
    assert "in a cluster already" in one_line(dusk(*again, "--phrase-file", str(tmp_path / "phrase2")))
    assert {path: path.read_bytes() for path in (root / "etc/dusk/node").iterdir()} == before
    assert not (tmp_path / "phrase2").exists()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--cluster", "a\nb", "--user", "ann"), "no name for a cluster"),
        (("--cluster", "home", "--user", "Ann Smith"), "no name for a user"),
        (("--cluster", "home", "--user", "ann", "--cycle", "10ms"), "cycle"),
        (("--cluster", "home", "--user", "ann", "--password-file", "/nonexistent"), "cannot read"),
    ],
)
def test_init_refuses_bad_names_and_makes_nothing(
    dusk: "Dusk", root: Path, words: tuple[str, ...], part: str
) -> None:
    assert part in one_line(dusk("init", *words))
    assert not (root / "etc/dusk/node/log").exists()


def test_init_does_not_overwrite_a_phrase(dusk: "Dusk", root: Path, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("a long password")
    (tmp_path / "phrase").write_text("of another cluster")
    words = ("init", "--cluster", "home", "--user", "ann", "--password-file", str(tmp_path / "password"))
    assert "not overwritten" in one_line(dusk(*words, "--phrase-file", str(tmp_path / "phrase")))
    assert (tmp_path / "phrase").read_text() == "of another cluster"


def test_without_a_terminal_nothing_is_asked(root: Path) -> None:
    words = [sys.executable, "-m", "dusk", "init", "--cluster", "home", "--user", "ann"]
    result = subprocess.run(
        words, capture_output=True, text=True, check=False, start_new_session=True, cwd=PROJECT
    )
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "use --password-file" in result.stderr


def test_the_phrase_is_shown_once_and_checked_by_typing_it_again(root: Path, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("a long password")
    words = ["init", "--cluster", "home", "--user", "ann", "--password-file", str(tmp_path / "password")]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", "dusk", "--root", str(root), *words])
    text = b""
    while b"The whole phrase again: " not in text:
        text += os.read(terminal, 4096)
    assert b"dusk recover" in text
    assert max(len(row) for row in text.decode().splitlines()) <= 80
    shown = text.split(b"`dusk recover`.")[1].decode().split("The whole")[0].split()
    phrase = " ".join(word for word in shown if not word.isdigit())
    for typed, answer in ((f"x{phrase}", b"word 1 differs"), (f"{phrase} x", b"24 words, and you typed 25")):
        text = b""
        os.write(terminal, typed.encode() + b"\n")
        while b"The whole phrase again: " not in text:
            text += os.read(terminal, 4096)
        assert answer in text
    os.write(terminal, " ".join(shown).encode() + b"\n")  # with its numbers, as it stands there
    text = b""
    while part := _read_terminal(terminal):
        text += part
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, text
    log = Log(None)
    log.extend(read_log(root / "etc/dusk/node").items)
    assert log.state.value("trust", "recovery") == [recovery_key(phrase).public, 0]


def test_a_phrase_that_is_typed_wrong_three_times_or_not_at_all_makes_nothing(
    dusk: "Dusk", root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("a long password")
    words = ("init", "--cluster", "home", "--user", "ann", "--password-file", str(tmp_path / "password"))
    asked: list[str] = []

    def wrong(prompt: str, _instead: str) -> str:
        asked.append(prompt)
        return "wrong words"

    def stop(*_: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(passwords, "ask_line", wrong)
    assert "nothing was made" in one_line(dusk(*words))
    assert len(asked) == 3
    monkeypatch.setattr(passwords, "ask_line", stop)
    assert one_line(dusk(*words)) == "dusk: stopped; nothing was made\n"
    assert not (root / "etc").exists()


def test_a_new_password_is_long_and_the_reason_is_said(
    dusk: "Dusk", root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("llama 123")
    words = ("init", "--cluster", "home", "--user", "ann")
    said = one_line(dusk(*words, "--password-file", str(tmp_path / "password")))
    assert "at least 10 characters" in said
    monkeypatch.setattr(passwords, "ask_secret", lambda _: "llama 123")
    assert "at least 10 characters" in one_line(dusk(*words))
    assert not (root / "etc").exists()


def test_where_the_folders_cannot_be_made_no_phrase_is_left(dusk: "Dusk", root: Path, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("a long password")
    (root / "var/run").mkdir(parents=True)
    (root / "var/run/dusk").write_text("")
    secrets = ("--password-file", str(tmp_path / "password"), "--phrase-file", str(tmp_path / "phrase"))
    assert "no folder at " in one_line(dusk("init", "--cluster", "home", "--user", "ann", *secrets))
    assert not (tmp_path / "phrase").exists()


def _read_terminal(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""  # the other end is closed


# --- join ------------------------------------------------------------------------------------


@pytest.fixture
def line() -> str:
    """Return a join key's line."""
    world = World()
    return JoinKey(world.cluster, world.named(), bytes(32), ("192.0.2.1:3875",)).line()


def test_a_join_key_is_stored_for_the_daemon_alone(
    dusk: "Dusk", root: Path, tmp_path: Path, line: str
) -> None:
    (tmp_path / "key").write_text(line + "\n")
    result = dusk("join", "--file", str(tmp_path / "key"))
    assert result.code == 0
    assert (root / "etc/dusk/join").read_text() == line + "\n"
    assert stat.S_IMODE((root / "etc/dusk/join").stat().st_mode) == 0o600
    assert line not in result.out + result.err
    assert dusk("join", "-", stdin=line).code == 0
    (tmp_path / "password").write_text("a long password")
    words = ("init", "--cluster", "home", "--user", "ann", "--password-file", str(tmp_path / "password"))
    assert "is to join a cluster" in one_line(dusk(*words))


def test_a_cut_or_foreign_or_damaged_join_key_is_one_line_and_not_stored(
    dusk: "Dusk", root: Path, line: str
) -> None:
    damaged = line[:40] + ("A" if line[40] != "A" else "B") + line[41:]
    for text, part in ((line[:-9], "cut"), ("ssh-rsa AAAA", "begin"), (damaged, "damaged"), ("", "empty")):
        error = one_line(dusk("join", "-", stdin=text))
        assert part in error
        assert line[20:40] not in error
    assert "cannot read" in one_line(dusk("join", "--file", "/nonexistent"))
    result = dusk("join", line)
    assert result.code == 2
    assert line[20:40] not in result.err
    assert not (root / "etc/dusk/join").exists()


def test_a_member_does_not_join_another_cluster(init: "Result", dusk: "Dusk", line: str) -> None:
    assert "in a cluster already" in one_line(dusk("join", "-", stdin=line))


def test_a_running_daemon_gets_the_key_at_once(dusk: "Dusk", server: "object", line: str) -> None:
    assert "the daemon is joining" in dusk("join", "-", stdin=line).out


# --- verify ----------------------------------------------------------------------------------


def test_verify_reports_entries_and_head(dusk: "Dusk", root: Path) -> None:
    world = long_world()
    store(root, world.items)
    result = dusk("verify", "--json")
    assert result.json["head"] == {"seq": 301, "hash": world.log.head.chain.hex()}
    assert "sound" in dusk("verify").out


def test_verify_follows_a_switch_to_another_branch(dusk: "Dusk", root: Path) -> None:
    left, world = World(), World()
    left.commit(left.set("wifi", "wireless.a.ssid", "left"))
    for name in ("one", "two"):
        world.commit(world.set("wifi", "wireless.a.ssid", name))
    path = store(root, left.items)
    data = path.read_bytes()
    path.write_bytes(data + encode_frames([Rewind(Seq(1), 4).item(), *world.items[2:]], len(data)))
    assert dusk("verify", "--json").json["head"] == {"seq": 3, "hash": world.log.head.chain.hex()}
    path.write_bytes(path.read_bytes()[:-1])
    assert dusk("verify", "--json").json["head"] == {"seq": 2, "hash": left.log.head.chain.hex()}


def test_verify_names_the_first_fault_by_its_position(dusk: "Dusk", root: Path) -> None:
    world = long_world()
    forger = long_world()
    forger.commit(forger.set("wifi", "wireless.a.ssid", "forged"))
    items = [*world.items[:400], *forger.items[402:404], *world.items[402:]]
    path = store(root, items)
    assert "not sound at version 201" in one_line(dusk("verify"))
    result = dusk("verify", "--json")
    assert (result.json["ok"], result.json["position"], result.code) == (False, 201, 1)
    data = bytearray(log_file(world.items))
    path.write_bytes(data[:-3])
    assert "unfinished" in dusk("verify").err
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert "damaged at byte" in one_line(dusk("verify"))
    path.write_bytes(MAGIC)
    assert "in no cluster" in one_line(dusk("verify"))
    path.unlink()
    assert "in no cluster: there is no " in one_line(dusk("verify"))


def test_who_may_not_read_the_log_is_not_told_that_there_is_none(
    dusk: "Dusk", root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lstat = os.lstat

    def closed(path: str | Path, **more: int | None) -> os.stat_result:
        if str(path) == str(root / "etc/dusk/node/log"):
            raise PermissionError(13, "Permission denied")
        return lstat(path, dir_fd=more.get("dir_fd"))

    monkeypatch.setattr(os, "lstat", closed)
    said = one_line(dusk("verify"))
    assert "no permission to read" in said
    assert "run this as root" in said


# --- the small parts ---------------------------------------------------------------------------


def test_help_before_a_command_is_help_behind_it(dusk: "Dusk") -> None:
    assert dusk("help", "role", "backup").out == dusk("role", "backup", "--help").out
    assert "there is no command 'polcy', do you mean 'policy'?" in dusk("help", "polcy").err


def test_how_far_a_commit_is_fits_one_line_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    def device(number: int, state: str) -> dict[str, object]:
        return {"name": f"router-{number}", "done": state == "applied", "state": state}

    assert draft.progress([device(1, "applied")]) == "1 of 1 have applied it"
    some = [device(1, "applied"), device(2, "committed"), device(3, "staged")]
    assert draft.progress(some) == "1 of 3 have applied it; router-2 waits, router-3 staged"

    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 80))
    with os.fdopen(follower, "w") as terminal, os.fdopen(leader, "rb", buffering=0) as screen:
        monkeypatch.setattr(sys, "stderr", terminal)
        draft._Line().put(draft.progress([device(number, "committed") for number in range(30)]))
        line = screen.read(4096).decode().removeprefix("\r\x1b[K")
    assert line.startswith("0 of 30 have applied it; router-0 waits, ")
    assert line.endswith("…")
    assert len(line) == 79


@given(st.lists(st.lists(st.text(max_size=40), min_size=3, max_size=3), max_size=5), st.integers(22, 120))
def test_a_table_is_one_line_a_row_and_fits_the_terminal(rows: list[list[str]], width: int) -> None:
    lines = table.render(("A", "B", "C"), rows, width).split("\n")
    assert len(lines) == len(rows) + 1
    for text in lines:
        assert table._width(text) <= width


def test_a_key_is_never_cut_and_a_long_value_is() -> None:
    key = "wireless.default_radio0.a_long_name_of_an_option_that_somebody_types_again"
    for width in (20, 100):
        _, row = table.render(("KEY", "VALUE"), [(key, "v" * 90)], width).split("\n")
        assert row.startswith(f"{key}  vvvvv")
        assert row.endswith("…")


def test_names_stay_whole_the_last_column_goes_first_and_a_time_keeps_its_minutes() -> None:
    head = ("NAME", "TIME", "STATE", "WHY")
    row = ("router-1", "~2026-11-22 09:35:12", "committed", "a reason that is somewhat longer than others")
    for width, cut in (
        (66, "router-1  ~2026-11-22 09:35:12  committed  a reason that is somew…"),
        (44, "router-1  ~2026-11-22 09:35…  commi…  a rea…"),
    ):
        assert table.render(head, [row], width).split("\n")[1] == cut


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ("a.b.c=d=e", ("a.b.c", "d=e")),
        ("a.zone[name=lan].x=y", ("a.zone[name=lan].x", "y")),
        ('a.zone[name="l]=n"].x=y', ('a.zone[name="l]=n"].x', "y")),
        ("a.b.c", ("a.b.c", None)),
        ("a.b.c=", ("a.b.c", "")),
    ],
)
def test_a_pair_is_split_behind_its_key(pair: str, expected: tuple[str, str | None]) -> None:
    assert split_pair(pair) == expected


def test_a_secret_file_is_never_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused, match="no regular file"):
        passwords.write_secret(str(tmp_path / "link"), "x")
    assert not (tmp_path / "elsewhere").exists()


def test_a_secret_files_name_is_on_the_disk_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[bool, list[str]]] = []
    monkeypatch.setattr(
        os,
        "fsync",
        lambda fd: synced.append((stat.S_ISDIR(os.fstat(fd).st_mode), [p.name for p in tmp_path.iterdir()])),
    )
    passwords.write_secret(str(tmp_path / "next"), "x")
    (was_folder, _), last = synced
    assert (was_folder, last) == (False, (True, ["next"]))


def test_a_device_is_labelled_by_its_lowest_real_address(tmp_path: Path) -> None:
    for name, address in (
        ("lo", "00:00:00:00:00:00"),
        ("br0", "02:00:00:00:00:01"),
        ("eth1", "aa:00:00:00:00:02"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "address").write_text(address + "\n")
    assert hardware_label(tmp_path) == "02:00:00:00:00:01"
    (tmp_path / "eth1/device").mkdir()
    assert hardware_label(tmp_path) == "aa:00:00:00:00:02"
    assert hardware_label(tmp_path / "none") == ""


def test_a_device_wants_the_name_of_its_files(tmp_path: Path) -> None:
    assert wanted_name(tmp_path, "host") == "host"
    (tmp_path / "etc/config").mkdir(parents=True)
    (tmp_path / "etc/config/system").write_text("config system\n\toption hostname 'OpenWrt'\n")
    assert wanted_name(tmp_path, "host") == "OpenWrt"
    (tmp_path / "etc/config/dusk").write_text("config dusk 'main'\n\toption name 'attic'\n")
    assert wanted_name(tmp_path, "host") == "attic"
    (tmp_path / "etc/config/dusk").write_text("config dusk 'main\n")
    assert wanted_name(tmp_path, "host") == "OpenWrt"


def test_p18_status_loads_little_more_than_python_itself(root: Path) -> None:
    words = [sys.executable, "-X", "importtime", "-m", "dusk", "status", "--root", str(root)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=PROJECT)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    loaded = {line.rpartition("|")[2].strip() for line in lines}
    assert "dusk.cli.client" in loaded
    heavy = {"trio", "nacl", "msgpack", "argon2", "argparse", "asyncio", "dataclasses", "inspect", "logging"}
    assert not loaded & heavy
    rooms = {name.split(".")[1] for name in loaded if name.startswith("dusk.")}
    assert rooms <= {"__main__", "cli", "errors", "limits"}


def test_p19_the_helper_is_forked_from_little_more_than_python_itself() -> None:
    program = "import sys, dusk.cli.main, dusk.daemon.main; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True, cwd=PROJECT
    )
    assert not set(done.stdout.split()) & {"re", "typing", "pathlib", "argparse", "dataclasses", "trio"}


def test_a31_a_router_whose_log_was_damaged_is_no_place_for_a_new_cluster(
    init: "Result", dusk: "Dusk", root: Path, tmp_path: Path
) -> None:
    node = root / "etc/dusk/node"
    (node / "log").rename(node / "log.damaged")
    again = ("init", "--cluster", "other", "--user", "ann", "--password-file", str(tmp_path / "password"))
    said = one_line(dusk(*again, "--phrase-file", str(tmp_path / "phrase2")))
    assert "until its log was damaged" in said
    assert not (node / "log").exists()
