"""``dusk proposals``, ``sign`` and ``withdraw`` over a real socket."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.key_person import without_terminal
from tests.cli.test_commands import assert_refused
from tests.control.test_people_methods import add
from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk


@pytest.fixture
def proposed(dusk: "Dusk", logged_in: FakeDesk) -> str:
    """Return the id of what alice proposes where bob must sign, too."""
    add(logged_in, "bob")
    logged_in.do("owner.add", name="bob")
    logged_in.do("owner.quorum", count=2)
    assert dusk("set", "policy/wifi", "wireless.x.ssid=Home").code == 0
    made = dusk("commit", "-m", "name the network")
    assert (made.code, "dusk sign" in made.err) == (0, True), made
    return str(dusk("proposals", "--json").json[0]["id"])


def test_a_proposal_is_listed_shown_and_signed_by_another(
    dusk: "Dusk", proposed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dusk("proposals").out.splitlines()[1].split()[:3] == [proposed, "alice", "alice"]
    shown = dusk("proposals", proposed).out
    assert "name the network" in shown
    assert "wireless.x.ssid: 'Home'" in shown
    assert "ends on" in shown
    assert_refused(dusk("sign", proposed, "--yes"), "has signed this already")
    monkeypatch.setenv("DUSK_SESSION", "token-bob")
    assert "signed and handed in" in dusk("sign", proposed, "--yes").out
    assert "nothing waits" in dusk("proposals").err


def test_who_says_no_signs_nothing(dusk: "Dusk", proposed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(prompt: str, _instead: str) -> str:
        asked.append(prompt)
        return "no"

    monkeypatch.setenv("DUSK_SESSION", "token-bob")
    monkeypatch.setattr("dusk.cli.passwords.ask_line", answer)
    assert_refused(dusk("sign", proposed), "nothing was signed")
    (text,) = asked
    assert "wireless.x.ssid: 'Home'" in text
    assert text.endswith("Sign this? (yes/no) ")
    assert dusk("sign", proposed, "--yes").code == 0
    assert len(asked) == 1


def test_where_nobody_can_be_asked_nothing_is_signed(
    dusk: "Dusk", proposed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUSK_SESSION", "token-bob")
    monkeypatch.setattr("dusk.cli.passwords.os.open", without_terminal(os.open))
    assert_refused(dusk("sign", proposed), "there is no terminal to ask on; use --yes")
    assert dusk("proposals", "--json").json[0]["signed"] == ["alice"]


def test_a_proposal_is_withdrawn(dusk: "Dusk", proposed: str) -> None:
    assert "withdrawn" in dusk("withdraw", proposed).out
    assert_refused(dusk("withdraw", proposed), "no open proposal")


@pytest.mark.usefixtures("logged_in")
def test_a_file_that_is_there_is_a_role(dusk: "Dusk", tmp_path: Path) -> None:
    file = tmp_path / "role.txt"
    file.write_text("nothing")
    assert_refused(dusk("sign", str(file)), "no role")
