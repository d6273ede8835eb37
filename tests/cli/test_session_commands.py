"""``dusk login``: whose session is kept where."""

import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dusk.cli import tokens
from dusk.errors import Refused
from tests.cli.test_commands import assert_refused
from tests.control.test_people_methods import add
from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk


def test_a_session_is_kept_for_this_terminal_and_forgotten(
    dusk: "Dusk", server: FakeDesk, root: Path, tmp_path: Path
) -> None:
    done = {"done": True, "progress": None, "result": {"token": "token-alice", "user": "alice"}}
    server.results["login-alice"] = done
    password = tmp_path / "password"
    password.write_text("p\n")
    result = dusk("login", "alice", "--password-file", str(password), "--json")
    assert result.json == {"user": "alice"}
    (file,) = (tmp_path / "runtime/dusk").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert dusk("whoami").out == "alice\n"
    assert dusk("logout").out == "logged out\n"
    assert not file.exists()
    assert server.people == {}


def test_a_word_in_the_environment_names_a_session_of_its_own(
    dusk: "Dusk", server: FakeDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(server, "bob")
    password = tmp_path / "password"
    password.write_text("p\n")
    for user in ("alice", "bob"):
        done = {"done": True, "progress": None, "result": {"token": f"token-{user}", "user": user}}
        server.results[f"login-{user}"] = done

    def login(user: str) -> str:
        made = dusk("login", user, "--password-file", str(password))
        assert made.code == 0, made
        return made.out

    login("alice")
    monkeypatch.setenv("DUSK_SESSION", "of my script")
    assert_refused(dusk("whoami"), "log in")
    assert login("bob") == "logged in as bob in the session that DUSK_SESSION names\n"
    assert dusk("whoami").out == "bob\n"
    monkeypatch.setenv("DUSK_SESSION", "of another script")
    assert_refused(dusk("whoami"), "log in")
    monkeypatch.delenv("DUSK_SESSION")
    assert dusk("whoami").out == "alice\n"
    monkeypatch.setenv("DUSK_SESSION", "of my script")
    assert dusk("logout").out == "logged out\n"
    monkeypatch.delenv("DUSK_SESSION")
    assert dusk("whoami").out == "alice\n"
    assert len(list((tmp_path / "runtime/dusk").iterdir())) == 1


def test_an_owner_sees_who_is_logged_in_and_ends_it_and_nobody_else_does(
    dusk: "Dusk", logged_in: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(logged_in, "bob")
    monkeypatch.setenv("DUSK_SESSION", "token-bob")
    assert [row.split()[0] for row in dusk("session", "list").out.splitlines()] == ["USER", "alice", "bob"]
    assert_refused(dusk("session", "end", "alice"), "owners")
    assert "token-alice" in logged_in.people
    monkeypatch.setenv("DUSK_SESSION", "token-alice")
    assert [one["user"] for one in dusk("session", "list", "--json").json] == ["alice", "bob"]
    assert dusk("session", "end", "bob").out == "1 session of bob ended here\n"
    assert dusk("session", "end", "bob", "--json").json == {"ended": 0}
    assert "token-bob" not in logged_in.people


def test_a_session_token_follows_no_link(root: Path, tmp_path: Path) -> None:
    tokens.store(root, "token")
    assert tokens.load(root) == "token"
    assert tokens.load(tmp_path) is None
    (file,) = (tmp_path / "runtime/dusk").iterdir()
    file.rename(tmp_path / "moved")
    file.symlink_to(tmp_path / "moved")
    assert tokens.load(root) is None
    tokens.forget(root)
    assert (tmp_path / "moved").exists()


def test_a_token_that_is_given_needs_no_folder_and_trusts_none_of_somebody_else(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUSK_SESSION", "token")
    assert tokens.load(root) == "token"
    tokens.store(root, "another")
    assert tokens.load(root) == "another"
    (tmp_path / "runtime/dusk").chmod(0o755)
    assert tokens.load(root) == "token"
    tokens.forget(root)
    with pytest.raises(Refused, match="not a folder of yours alone"):
        tokens.store(root, "more")
    monkeypatch.delenv("DUSK_SESSION")
    with pytest.raises(Refused, match="not a folder of yours alone"):
        tokens.load(root)


def test_a_session_is_said_to_be_of_a_terminal_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DUSK_SESSION", raising=False)
    monkeypatch.setattr(tokens, "_terminal", lambda: 34816)
    assert tokens.where() == "on this terminal"
    monkeypatch.setattr(tokens, "_terminal", lambda: 0)
    assert "no terminal" in tokens.where()
