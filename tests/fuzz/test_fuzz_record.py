"""The long run of inputs goes on where it was, and never trusts another code's record."""

import json
from pathlib import Path

import pytest

from tests import soak_fuzz
from tests.fuzz import helper, targets
from tests.fuzzing import Tally, Target
from tests.records import store


@pytest.fixture(autouse=True)
def _small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak_fuzz, "RECORD", tmp_path / "build/fuzz.json")
    monkeypatch.setattr(soak_fuzz, "RANGE", 10)


def test_every_target_gets_its_first_range_before_one_gets_its_second() -> None:
    record = {"targets": {"a": {"ranges": [[10, 20]]}}}
    found = soak_fuzz.ranges_to_do(record, {"a": 1.0, "b": 1.0, "slow": 0.2}, 25)
    assert found == [("a", 0), ("b", 0), ("slow", 0), ("b", 10), ("a", 20), ("b", 20)]


def test_the_long_run_feeds_what_root_reads_too() -> None:
    assert [*targets.BY_NAME.values()] == [*targets.TARGETS, helper.TARGET]


def test_what_is_recorded_is_not_done_again_and_other_code_begins_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = soak_fuzz.load()
    assert record["targets"] == {}
    soak_fuzz.note(record, "a", 0, Tally(10, 4, 2.0, 700))
    soak_fuzz.note(record, "a", 10, Tally(10, 6, 2.0, 500))
    store(soak_fuzz.RECORD, record)
    row = soak_fuzz.load()["targets"]["a"]
    assert row["ranges"] == [[0, 10], [10, 20]]
    assert (row["inputs"], row["accepted"], row["accepted_share"]) == (20, 10, 0.5)
    assert (row["memory_bytes"], row["inputs_per_s"]) == (700, 5)
    monkeypatch.setattr(soak_fuzz, "code_digest", lambda: "other")
    assert soak_fuzz.load() == {"code": "other", "targets": {}}


def test_a_range_that_broke_is_not_recorded_and_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def feed(data: bytes) -> None:
        assert data != b"bad"

    monkeypatch.setattr(soak_fuzz, "BY_NAME", {"t": Target("t", feed, (), [b"bad"])})
    assert isinstance(soak_fuzz.fed("t", 0), str)
    monkeypatch.setattr(soak_fuzz, "BY_NAME", {"t": Target("t", feed, (), [b"good"])})
    assert isinstance(soak_fuzz.fed("t", 0), Tally)


def test_the_record_is_json_that_people_can_read() -> None:
    store(soak_fuzz.RECORD, {"code": "x", "targets": {}})
    assert json.loads(soak_fuzz.RECORD.read_text())["code"] == "x"
