"""Secrets on the command line: by files and standard input, never among the arguments (R15, A35)."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dusk.cli.settings import read_value
from dusk.cli.status import healthy
from dusk.errors import Refused
from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk

KEY = "wireless.lan.key"
SECRET = "correct horse battery"


@pytest.mark.usefixtures("logged_in")
def test_a_secret_comes_from_a_file_or_from_standard_input(dusk: "Dusk", tmp_path: Path) -> None:
    file = tmp_path / "psk"
    file.write_text(SECRET + "\n")
    assert dusk("set", "policy/wifi", "wireless.lan=wifi-iface", f"{KEY}=@{file}").code == 0
    again = dusk("set", "policy/wifi", f"{KEY}=-", stdin=SECRET + "\n")
    assert "nothing changed" in again.out
    file.write_bytes(f"{SECRET}\r\n".encode())
    assert "nothing changed" in dusk("set", "policy/wifi", f"{KEY}=@{file}").out, "as written on Windows"
    file.write_text(f"{SECRET}\nand more\n")
    refused = dusk("set", "policy/wifi", f"{KEY}=@{file}")
    assert (refused.code, f"{KEY}: the secret has a line break" in refused.err) == (1, True)
    shown = dusk("draft")
    assert "(secret)" in shown.out
    assert SECRET not in shown.out + again.out


@pytest.mark.usefixtures("logged_in")
def test_a_pipe_that_failed_gives_no_secret(dusk: "Dusk", tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    for value in ("-", f"@{tmp_path / 'empty'}"):
        refused = dusk("set", "policy/wifi", f"{KEY}={value}")
        assert (refused.code, refused.err.count("\n")) == (1, 1)
        assert "the secret is empty" in refused.err
        assert "the secret is empty" in dusk("var", "set", "cluster", "--secret", f"wpa={value}").err
    assert dusk("draft").out == "the draft is empty\n"


def test_a_value_that_is_not_shown_is_asked_for_by_name_and_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    answers = iter(["one", "one", "one", "two"])

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return next(answers)

    monkeypatch.setattr("dusk.cli.passwords.ask_secret", ask)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert read_value("-", KEY) == "one"
    with pytest.raises(Refused, match=f"{KEY}: the two values differ"):
        read_value("-", KEY)
    assert asked == [f"{KEY}: ", "the same again: "] * 2


@pytest.mark.usefixtures("logged_in")
def test_a35_a_secret_among_the_arguments_is_refused_with_what_to_write(dusk: "Dusk") -> None:
    refused = dusk("set", "policy/wifi", f"{KEY}={SECRET}")
    assert refused.code == 1
    assert f"write {KEY}=@FILE" in refused.err
    assert SECRET not in refused.err + refused.out
    wrong = dusk("var", "set", "cluster", "--secret", f"wpa={SECRET}")
    assert wrong.code == 2
    assert "wpa=@FILE" in wrong.err
    assert SECRET not in wrong.err


def test_a_secret_is_shown_with_reveal_alone(dusk: "Dusk", logged_in: FakeDesk) -> None:
    assert dusk("var", "set", "cluster", "--secret", "wpa=-", stdin=SECRET).code == 0
    assert dusk("set", "policy/wifi", "wireless.lan=wifi-iface", f"{KEY}=${{wpa}}").code == 0
    assert dusk("policy", "assign", "wifi", "--all").code == 0
    assert dusk("commit", "-m", "wifi").code == 0
    for words in (
        ("effective", "hall"),
        ("var", "list"),
        ("export", "policy/wifi"),
        ("--json", "effective", "hall"),
    ):
        assert SECRET not in dusk(*words).out
    assert SECRET in dusk("effective", "hall", KEY, "--reveal").out
    assert logged_in.noted == [f"alice was shown secrets of hall: {KEY}"]


def test_a_router_that_waits_for_a_secret_needs_somebody() -> None:
    status = {"role": "member", "alarms": [], "apply": {"state": "committed"}}
    assert healthy(status)
    assert not healthy({**status, "apply": {"state": "waiting-for-secret"}})
