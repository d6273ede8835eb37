"""``dusk edit`` with an editor of ours: what is saved becomes edits, what is wrong is never lost."""

import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dusk.cli import edit
from dusk.config import text
from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk, Result

LINE = "set system.s.hostname='{}'"


@pytest.fixture
def editor(tmp_path: Path, logged_in: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the script that is the editor; files to edit come into a folder of their own."""
    folder = tmp_path / "texts"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"sh {tmp_path / 'editor'} --wait")
    logged_in.set("policy/p", system__s__hostname="old")
    logged_in.commit()
    return tmp_path / "editor"


def left(editor: Path) -> list[Path]:
    return list((editor.parent / "texts").iterdir())


def assert_kept(editor: Path, result: "Result", text: str) -> None:
    (path,) = left(editor)
    assert (result.code, result.out) == (1, "")
    assert str(path) in result.err.splitlines()[-1]
    assert text in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_saved_becomes_edits_of_the_draft(dusk: "Dusk", editor: Path) -> None:
    editor.write_text("""[ "$1" = --wait ] && sed -i "s/'old'/'new'/" "$2"\n""")
    result = dusk("edit", "policy/p")
    assert (result.code, result.out) == (0, "1 changed, 1 edit in the draft\n")
    assert "~ system.s.hostname: 'old' → 'new'" in dusk("draft").out
    assert left(editor) == []


def test_what_is_saved_as_it_was_changes_nothing(dusk: "Dusk", editor: Path) -> None:
    editor.write_text("grep -q 'Settings of policy/p' $2\n")
    assert dusk("edit", "policy/p", "--json").json == {"changed": 0, "text": "nothing changed", "notes": []}
    assert left(editor) == []


def test_a_mistake_in_a_script_keeps_the_text_and_says_where(dusk: "Dusk", editor: Path) -> None:
    editor.write_text("echo 'set nonsense' >> $2\n")
    result = dusk("edit", "policy/p")
    assert_kept(editor, result, "set nonsense\n")
    assert ".uci:5: " in result.err
    assert result.err.count("\n") == 1
    assert dusk("draft").out == "the draft is empty\n"


def test_on_a_terminal_a_mistake_is_edited_again(
    dusk: "Dusk", editor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def again(_context: object, error: Exception) -> bool:
        asked.append(str(error))
        return len(asked) < 3

    monkeypatch.setattr(edit, "_wants_again", again)
    editor.write_text(
        "grep -q nonsense $2 && sed -i \"s/set nonsense//;s/old/new/\" $2 || echo 'set nonsense' >> $2\n"
    )
    assert dusk("edit", "policy/p").code == 0
    assert (len(asked), left(editor)) == (1, [])
    editor.write_text("echo 'set nonsense' >> $2\n")
    assert_kept(editor, dusk("edit", "policy/p"), "set nonsense\nset nonsense\n")


@pytest.mark.parametrize(
    ("script", "said"),
    [("exit 3", "ended with 3"), ("printf '' > $2", "empty"), ("printf '\\377' >> $2", "UTF-8")],
)
def test_what_an_editor_left_that_cannot_be_used_is_kept(
    dusk: "Dusk", editor: Path, script: str, said: str
) -> None:
    editor.write_text(script)
    result = dusk("edit", "policy/p")
    (path,) = left(editor)
    assert (result.code, said in result.err, str(path) in result.err) == (1, True, True)


def test_an_editor_that_takes_the_file_away_is_said(dusk: "Dusk", editor: Path) -> None:
    editor.write_text("rm $2")
    result = dusk("edit", "policy/p")
    assert (result.code, "there is no text to keep" in result.err) == (1, True)


@pytest.mark.parametrize("name", ["/nowhere/vi", "sh 'unfinished"])
def test_an_editor_that_cannot_be_run_is_named_and_nothing_is_kept_for_it(
    dusk: "Dusk", editor: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("VISUAL", name)
    result = dusk("edit", "policy/p")
    assert (result.code, "set EDITOR" in result.err, name in result.err) == (1, True, True)
    assert left(editor) == []


def test_vi_is_not_begun_without_a_terminal(
    dusk: "Dusk", editor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDITOR")
    monkeypatch.setattr(edit, "_EDITOR", "true")
    result = dusk("edit", "policy/p")
    assert (result.code, "there is no terminal to edit on" in result.err) == (1, True)
    assert left(editor) == []


def test_a_target_that_is_none_is_said_before_an_editor_is_run(dusk: "Dusk", editor: Path) -> None:
    editor.write_text("exit 1")
    assert "no device 'nobody'" in dusk("edit", "device/nobody").err
    assert left(editor) == []


def test_ctrl_c_says_where_the_text_is(dusk: "Dusk", editor: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(_editor: list[str], _path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(edit, "_run_editor", stopped)
    assert_kept(editor, dusk("edit", "policy/p"), "hostname")


def test_what_is_edited_names_each_word_that_its_lines_may_begin_with() -> None:
    words = set(re.findall(r"[a-z_]+", edit._HEADER.partition(" Lines ")[0]))
    assert words >= {*text._BATCH, *text._OURS} - {"del"}
