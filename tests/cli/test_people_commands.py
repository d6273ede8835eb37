"""``dusk user``, ``owner``, ``grant``, ``section`` and ``cluster`` over a real socket."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dusk.keys.armour import key_line, public_line
from tests.cli.test_commands import assert_refused
from tests.desk import FakeDesk, Person

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk


@pytest.fixture
def password(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text("a few good words\n")
    return str(file)


@pytest.fixture
def bob(dusk: "Dusk", logged_in: FakeDesk, password: str) -> Person:
    """Return Bob, who has just been added."""
    added = dusk("user", "add", "bob", "--password-file", password)
    assert (added.code, "user bob added" in added.out) == (0, True), added.err
    logged_in.people["token-bob"] = Person("bob", logged_in.keys["bob"])
    return logged_in.people["token-bob"]


@pytest.mark.usefixtures("bob")
def test_people_are_listed_with_what_they_may(dusk: "Dusk") -> None:
    assert dusk("group", "create", "aps").code == 0
    assert dusk("commit", "-m", "a group").code == 0
    assert dusk("grant", "policy/wifi", "--user", "bob", "--package", "wireless", "--group", "aps").code == 0
    lines = dusk("user", "list").out.splitlines()
    assert lines[1].split() == ["alice", "owner", "password", "everything"]
    assert lines[2].split() == ["bob", "user", "password", "policy/wifi"]
    granted = dusk("grant", "list").out
    assert "1 of bob" in granted
    assert "packages wireless, groups aps" in granted


@pytest.mark.usefixtures("logged_in")
def test_a_person_with_a_key_file_is_added_by_the_public_line(
    dusk: "Dusk", desk: FakeDesk, tmp_path: Path
) -> None:
    key = desk.world.key()
    file = tmp_path / "carol.pub"
    file.write_text(public_line(key.public) + "\n")
    assert dusk("user", "add", "carol", "--public-key", str(file)).code == 0
    assert "key file" in dusk("user", "list").out
    file.write_text(key_line(key) + "\n")
    refused = dusk("user", "add", "dave", "--public-key", str(file))
    assert_refused(refused, "keep it")
    assert key_line(key)[12:30] not in refused.err
    file.write_bytes(b"x" * 300)
    assert_refused(dusk("user", "add", "dave", "--public-key", str(file)), "holds no key")
    assert_refused(dusk("user", "add", "dave", "--public-key", "/nowhere"), "/nowhere")


def test_an_own_password_is_changed_and_a_forgotten_one_replaced(
    dusk: "Dusk", bob: Person, desk: FakeDesk, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = dusk("user", "passwd", "--password-file", password)
    assert "user alice has a new password" in changed.out
    assert_refused(dusk("user", "passwd", "bob", "--password-file", password), "--new-key")
    replaced = dusk("user", "passwd", "bob", "--new-key", "--password-file", password)
    assert (replaced.code, "log in again" in replaced.err) == (0, True)
    assert desk.keys["bob"].public != bob.key.public
    monkeypatch.setenv("DUSK_SESSION", "token-bob")
    assert_refused(dusk("user", "disable", "alice"), "does not know")


def test_a_public_key_without_a_new_key_is_wrong_usage(dusk: "Dusk") -> None:
    assert dusk("user", "passwd", "--public-key", "x").code == 2


@pytest.mark.usefixtures("bob")
def test_owners_are_made_and_unmade_and_users_disabled(dusk: "Dusk") -> None:
    assert "bob is an owner" in dusk("owner", "add", "bob").out
    assert dusk("owner", "add", "bob", "--json").json["state"] == "unchanged"
    owners = dusk("owner", "list")
    assert [line.split()[0] for line in owners.out.splitlines()] == ["NAME", "alice", "bob"]
    assert "1 of them sign what is only theirs" in owners.err
    assert [user["name"] for user in dusk("owner", "list", "--json").json["owners"]] == ["alice", "bob"]
    assert dusk("owner", "quorum", "1").code == 0
    assert_refused(dusk("user", "disable", "bob"), "take the ownership first")
    assert dusk("owner", "remove", "bob").code == 0
    assert dusk("grant", "policy", "--user", "bob").code == 0
    assert "for good" in dusk("user", "disable", "bob").err
    assert "1 of bob(disabled)" in dusk("grant", "list").out
    assert "disabled" in dusk("user", "list").out
    assert_refused(dusk("owner", "remove", "alice"), "fewer than must sign")


@pytest.mark.usefixtures("bob")
def test_grants_are_taken_back_and_nonsense_is_wrong_usage(dusk: "Dusk") -> None:
    assert "only owners" in dusk("grant", "list").err
    policies = dusk("grant", "policy", "--user", "bob", "--max-priority", "200")
    assert (policies.code, "`dusk grant assignment` with the same people" in policies.err) == (0, True)
    assert "`dusk grant assignment/wifi`" in dusk("grant", "policy/wifi", "--user", "bob").err
    assert dusk("grant", "assignment/wifi", "--user", "bob").err == ""
    assert "assignment" not in dusk("grant", "policy/wifi", "--user", "bob").err
    assert "priority up to 200" in dusk("grant", "list").out
    assert dusk("grant", "remove", "policy").code == 0
    assert_refused(dusk("grant", "remove", "policy"), "nothing is granted")
    assert dusk("grant", "remove").code == 2
    assert dusk("grant", "policy", "bob").code == 2
    assert_refused(dusk("grant", "polici", "--user", "bob"), "no section begins so")


@pytest.mark.usefixtures("bob")
def test_what_was_passed_on_says_so_and_when_it_ended(dusk: "Dusk", monkeypatch: pytest.MonkeyPatch) -> None:
    dusk("grant", "policy", "--user", "bob")
    with monkeypatch.context() as patch:
        patch.setenv("DUSK_SESSION", "token-bob")
        assert dusk("grant", "policy/wifi", "--user", "alice").code == 0
    assert "bob under policy" in dusk("grant", "list").out
    dusk("grant", "remove", "policy")
    assert "ended" in dusk("grant", "list").out


@pytest.mark.usefixtures("logged_in")
def test_sections_are_shown_in_pages_as_one(dusk: "Dusk", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dusk.control.rights.SECTIONS_SHOWN_MAX", 1)
    monkeypatch.setattr("dusk.control.rights.RECORDS_SHOWN_MAX", 1)
    listed = dusk("section", "list")
    assert [line.split()[0] for line in listed.out.splitlines()[1:3]] == ["cluster", "device/attic"]
    assert "owner alice" in listed.out
    shown = dusk("section", "show", "trust")
    assert [line.split()[0] for line in shown.out.splitlines()[3:]] == ["owner/alice", "quorum", "recovery"]
    assert dusk("section", "show", "trust", "--json").json["more"] is False
    assert "no such section" in dusk("section", "list", "policy").err
    assert_refused(dusk("section", "show", "policy/x"), "no section")


@pytest.mark.usefixtures("logged_in")
def test_the_clusters_settings_are_changed_as_pairs(dusk: "Dusk") -> None:
    assert dusk("cluster", "set", "cycle=2s", "name=Our school").code == 0
    assert dusk("cluster", "show", "--json").json == {
        "name": "Our school",
        "cycle": "2s",
        "logins": "all",
        "secrets": "",
        "drift": "report",
    }
    assert dusk("cluster", "set", "cycle").code == 2
    assert_refused(dusk("cluster", "set", "cycle=soon"), "length of time")


def test_nobody_logged_in_is_said_before_a_password_is_asked(dusk: "Dusk", server: FakeDesk) -> None:
    del server.people["token-alice"]
    assert_refused(dusk("user", "add", "bob"), "dusk login")


@pytest.mark.parametrize("words", [("draft",), ("commit", "-m", "why"), ("whoami",)])
def test_that_no_daemon_answers_is_said_before_that_nobody_is_logged_in(
    dusk: "Dusk", monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.delenv("DUSK_SESSION", raising=False)
    assert_refused(dusk(*words), "no daemon answers")


@pytest.mark.usefixtures("logged_in")
def test_blame_names_version_signers_and_why(dusk: "Dusk", monkeypatch: pytest.MonkeyPatch) -> None:
    shown = dusk("blame", "trust")
    assert "owner/alice" in shown.out
    assert_refused(dusk("blame", "policy/none"), "nothing is said")
    monkeypatch.setattr("dusk.control.history.BLAMED_MAX", 1)
    assert "there is more" in dusk("blame", "cluster").err
