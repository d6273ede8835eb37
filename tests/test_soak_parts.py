"""What the long runs say of themselves: what held, for which code, and who ended it."""

from pathlib import Path

import pytest

from tests import soak
from tests.soak import INTERRUPTED, PARTS, Part, run_part, table


@pytest.fixture(autouse=True)
def _own_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "RECORD_FILE", tmp_path / "soak.json")


def printing(words: str, code: int) -> Part:
    return Part("a run", ("-c", f"print({words!r}); raise SystemExit({code})"))


def row(code: int, digest: str = "now") -> dict[str, object]:
    return {"code": code, "last": "12 of 12", "digest": digest, "seconds": 3.0}


def test_the_table_tells_what_held_what_failed_and_what_is_of_older_code() -> None:
    record = {"coverage": row(0), "mutants": row(1), "kills": row(INTERRUPTED), "power": row(0, "then")}
    said = {line.split()[0]: line for line in table(record, "now").splitlines()}
    assert list(said) == list(PARTS)
    assert "held" in said["coverage"]
    assert "this code" in said["coverage"]
    assert "FAILED" in said["mutants"]
    assert "interrupted" in said["kills"]
    assert "older code" in said["power"]
    assert "never run" in said["seeds"]


@pytest.mark.parametrize("code", [1, 2])
def test_what_ends_by_itself_was_not_interrupted_whatever_its_code(code: int) -> None:
    assert run_part(printing("2 errors", code), None) == (code, "2 errors")


def test_a_part_that_failed_fails_the_whole_and_the_others_run_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = {"first": printing("2 errors", 2), "second": printing("all held", 0)}
    monkeypatch.setattr(soak, "PARTS", parts)
    assert soak.main([]) == 1
    printed = capsys.readouterr().out
    assert [line.split()[1] for line in printed.splitlines()[-2:]] == ["FAILED", "held"]
    assert soak.load()["second"]["last"] == "all held"


def test_a_run_that_held_once_is_repeated_for_other_code_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    once = Part("a run", ("-c", "print('held')"), once=True)
    monkeypatch.setattr(soak, "PARTS", {"once": once})
    monkeypatch.setattr(soak, "digest_of", lambda *_: "now")
    assert soak.main([]) == 0
    capsys.readouterr()
    assert soak.main([]) == 0
    assert "done for this code" in capsys.readouterr().out
    monkeypatch.setattr(soak, "digest_of", lambda *_: "later")
    assert soak.main([]) == 0
    assert "done for this code" not in capsys.readouterr().out
