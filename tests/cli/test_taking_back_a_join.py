"""``dusk join --cancel``; and a cluster that is made while somebody else is at work at the same root."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dusk.cli import founding, passwords
from dusk.daemon import disk, privileges
from dusk.daemon.opening import read_log
from dusk.daemon.service import own_key
from dusk.daemon.storage import open_storage
from dusk.effects import Append, StoreFile
from dusk.keys.joinkey import JoinKey
from tests.desk import FakeDesk
from tests.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Dusk, Result

WORLD = World()
INIT = ("init", "--cluster", "home", "--user", "ann")


@pytest.fixture
def line() -> str:
    return JoinKey(WORLD.cluster, WORLD.named(WORLD.log.head.seq), bytes(32), ()).line()


@pytest.fixture
def secrets(tmp_path: Path) -> tuple[str, ...]:
    """Return the options by which ``dusk init`` asks nothing but the phrase again."""
    (tmp_path / "password").write_text("a long password")
    return ("--password-file", str(tmp_path / "password"))


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nobody."""
    monkeypatch.setattr(founding, "_LOCK_S_MAX", -1.0)


def one_line(result: "Result") -> str:
    assert result.code == 1, result
    assert result.err.count("\n") == 1, result.err
    return result.err


def joining(root: Path, line: str) -> Path:
    """Put on the disk what a daemon has of a join under way."""
    folder = root / "etc/dusk/node"
    folder.mkdir(parents=True)
    own_key(folder)
    storage, _ = open_storage(folder)
    storage.do([Append(tuple(WORLD.items)), StoreFile("joining", line.encode())])
    storage.close()
    account = privileges.account_for_daemon()
    for path in folder.iterdir():
        if account is not None:
            os.chown(path, account.uid, account.gid)
    return folder


def test_a_join_is_taken_back_where_no_daemon_runs(dusk: "Dusk", root: Path, line: str) -> None:
    assert "not joining" in one_line(dusk("join", "--cancel"))
    assert not (root / "etc").exists()
    assert dusk("join", "-", stdin=line).code == 0
    assert "`dusk join --cancel`" in one_line(dusk(*INIT))
    assert dusk("join", "--cancel").code == 0
    assert not (root / "etc/dusk/join").exists()
    assert dusk("join", "-", stdin=line).code == 0, "it may be begun again"


def test_what_a_stopped_daemon_has_fetched_goes_too(dusk: "Dusk", root: Path, line: str) -> None:
    folder = joining(root, line)
    assert "`dusk join --cancel`" in one_line(dusk("join", "-", stdin=line))
    assert dusk("--json", "join", "--cancel").json == {"joining": False}
    assert read_log(folder).items == ()
    assert {path.name for path in folder.iterdir()} == {"identity", "log"}


def test_a_cluster_is_left_and_never_cancelled(
    dusk: "Dusk", root: Path, line: str, tmp_path: Path, secrets: tuple[str, ...]
) -> None:
    assert dusk(*INIT, *secrets, "--phrase-file", str(tmp_path / "phrase")).code == 0
    folder = root / "etc/dusk/node"
    log = (folder / "log").read_bytes()
    (folder / "joining").write_text(line)
    assert "`dusk leave`" in one_line(dusk("join", "--cancel"))
    (folder / "joining").unlink()
    (root / "etc/dusk/join").write_text(line)
    assert "in a cluster already" in one_line(dusk("join", "--cancel"))
    assert (folder / "log").read_bytes() == log


def test_a31_a_disk_that_refuses_leaves_a_join_that_can_be_taken_back_later(
    dusk: "Dusk", root: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = joining(root, line)

    def read_only(_directory: int, _name: str) -> None:
        raise OSError(30, "read-only")

    with monkeypatch.context() as patch:
        patch.setattr(disk, "unlink", read_only)
        assert "the file system is read-only" in one_line(dusk("join", "--cancel"))
    assert (folder / "joining").exists()
    assert dusk("join", "--cancel").code == 0


def test_a_running_daemon_takes_its_join_back_itself(dusk: "Dusk", server: FakeDesk, line: str) -> None:
    assert "not joining" in one_line(dusk("join", "--cancel"))
    assert dusk("join", "-", stdin=line).code == 0
    assert dusk("join", "--cancel").code == 0
    assert server.joined_with == []


def test_two_at_once_make_one_cluster_and_the_other_is_told(
    dusk: "Dusk", root: Path, tmp_path: Path, secrets: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    phrase, others = tmp_path / "phrase", tmp_path / "others"
    log = root / "etc/dusk/node/log"
    made: list[bytes] = []
    inner = founding.write_as

    def other_first(*given: "object") -> founding.Made:
        monkeypatch.setattr(founding, "write_as", inner)
        assert dusk(*INIT, *secrets, "--phrase-file", str(others)).code == 0
        made.append(log.read_bytes())
        return inner(*given)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(founding, "write_as", other_first)
    assert "in a cluster already" in one_line(dusk(*INIT, *secrets, "--phrase-file", str(phrase)))
    assert made == [log.read_bytes()]
    assert others.exists()
    assert not phrase.exists(), "a phrase of nothing would mislead"


def test_a_join_that_is_begun_while_the_phrase_is_typed_stands_and_init_is_told(
    dusk: "Dusk", root: Path, line: str, secrets: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []

    def typed(prompt: str, _instead: str) -> str:
        assert dusk("join", "-", stdin=line).code == 0
        words = prompt.split("`dusk recover`.")[1].partition("The whole")[0].split()
        shown.extend(word for word in words if not word.isdigit())
        return " ".join(shown)

    monkeypatch.setattr(passwords, "ask_line", typed)
    assert "`dusk join --cancel`" in one_line(dusk(*INIT, *secrets))
    assert (root / "etc/dusk/join").read_text() == line + "\n"
    assert not (root / "etc/dusk/node/log").exists()


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("what", ["init", "join", "cancel"])
def test_who_holds_a_root_is_waited_for_and_then_named(
    dusk: "Dusk", root: Path, line: str, secrets: tuple[str, ...], what: str
) -> None:
    phrase = root.parent / "phrase"
    commands: dict[str, Callable[[], Result]] = {
        "init": lambda: dusk(*INIT, *secrets, "--phrase-file", str(phrase)),
        "join": lambda: dusk("join", "-", stdin=line),
        "cancel": lambda: dusk("join", "--cancel"),
    }
    (root / "etc/dusk").mkdir(parents=True)
    if what == "cancel":
        founding.store_join_line(root, line)
    with founding.alone(root):
        assert "is at work at" in one_line(commands[what]())
    lock = root / "etc/dusk/journal/lock"
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600
    assert not phrase.exists()
    assert (root / "etc/dusk/join").exists() == (what == "cancel")
    assert commands[what]().code == 0


def test_a_stopped_init_keeps_the_phrase_of_a_cluster_that_was_made_after_all(
    dusk: "Dusk", root: Path, tmp_path: Path, secrets: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    phrase, inner = tmp_path / "phrase", founding.write
    monkeypatch.setattr(founding, "write", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with suppress(KeyboardInterrupt):  # of root's child alone: who waits for it says that it died
        assert dusk(*INIT, *secrets, "--phrase-file", str(phrase)).code == 1
    assert not phrase.exists()

    def written(plan: founding.Plan) -> founding.Made:
        inner(plan)
        raise KeyboardInterrupt

    monkeypatch.setattr(founding, "write", written)
    with suppress(KeyboardInterrupt):
        assert dusk(*INIT, *secrets, "--phrase-file", str(phrase)).code == 1
    assert phrase.exists()
    assert os.path.lexists(root / "etc/dusk/node/log")
