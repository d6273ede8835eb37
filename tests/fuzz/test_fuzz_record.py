"""The long run of inputs goes on where it was, and never trusts another code's record."""

import json
from pathlib import Path

import pytest

from tests import soak_fuzz
from tests.fuzz import helper, targets
from tests.fuzz_codes import Codes
from tests.fuzzing import Tally, Target
from tests.records import store


@pytest.fixture(autouse=True)
def _small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak_fuzz, "RECORD", tmp_path / "build/fuzz.json")
    monkeypatch.setattr(soak_fuzz, "RANGE", 10)
    monkeypatch.setattr(soak_fuzz, "codes", lambda: {"a": "now", "b": "now"})


def test_every_target_gets_its_first_range_before_one_gets_its_second() -> None:
    record = {"targets": {"a": {"ranges": [[10, 20]]}}}
    found = soak_fuzz.ranges_to_do(record, {"a": 1.0, "b": 1.0, "slow": 0.2}, 25)
    assert found == [("a", 0), ("b", 0), ("slow", 0), ("b", 10), ("a", 20), ("b", 20)]


def test_the_long_run_feeds_what_root_reads_too() -> None:
    assert [*targets.BY_NAME.values()] == [*targets.TARGETS, helper.TARGET]


def test_what_is_recorded_is_not_done_again_and_a_target_of_other_code_begins_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = soak_fuzz.load()
    assert record["targets"] == {}
    soak_fuzz.note(record, "a", 0, Tally(10, 4, 2.0, 700))
    soak_fuzz.note(record, "a", 10, Tally(10, 6, 2.0, 500))
    soak_fuzz.note(record, "b", 0, Tally(10, 6, 2.0, 500))
    store(soak_fuzz.RECORD, record)
    row = soak_fuzz.load()["targets"]["a"]
    assert row["ranges"] == [[0, 10], [10, 20]]
    assert (row["inputs"], row["accepted"], row["accepted_share"]) == (20, 10, 0.5)
    assert (row["memory_bytes"], row["inputs_per_s"]) == (700, 5)
    monkeypatch.setattr(soak_fuzz, "codes", lambda: {"a": "other", "b": "now"})
    assert [*soak_fuzz.load()["targets"]] == ["b"]


PROJECT = {
    "dusk/__init__.py": "",
    "dusk/room/__init__.py": "",
    "dusk/room/one.py": "from dusk import low\n",
    "dusk/room/two.py": "",
    "dusk/low.py": "",
    "tests/fuzzing.py": "",
    "tests/around.py": "from dusk.room import two\ndef made(): return two\ndef other(): pass\n",
    "tests/fuzz/some.py": """
from dusk.room import one
from tests.around import made
def _first(data): one.read(data)
def _second(data): made()
TARGETS = [
    Target("first", _first, (), [made() for data in SAMPLES]),
    Target("second", _second, ()),
    *(Target(kind, lambda data: one.read(data), ()) for kind in "xy"),
]
""",
}


@pytest.mark.parametrize(
    ("file", "more", "others"),
    [
        ("dusk/room/one.py", "# changed", {"first", "x"}),
        ("dusk/low.py", "# changed", {"first", "x"}),
        ("dusk/room/two.py", "# changed", {"second"}),
        ("dusk/room/__init__.py", "# changed", {"first", "second", "x"}),
        ("tests/around.py", "def made(): return 1", {"second"}),
        ("tests/around.py", "def new(): return 1", set()),
        ("tests/fuzz/some.py", "SAMPLES = 1", set()),
        ("tests/fuzz/some.py", "def _first(data): pass", {"first"}),
        ("tests/fuzzing.py", "# changed", {"first", "second", "x"}),
    ],
)
def test_a_target_has_another_code_when_something_that_it_feeds_changes(
    tmp_path: Path, file: str, more: str, others: set[str]
) -> None:
    for path, text in PROJECT.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    targets = ("first", "second", "x")
    before = [Codes(tmp_path).of(target) for target in targets]
    with (tmp_path / file).open("a") as changed:
        changed.write(more + "\n")
    now = Codes(tmp_path)
    assert {target for target, code in zip(targets, before, strict=True) if now.of(target) != code} == others


def test_what_a_target_reaches_is_found_in_our_own_tests() -> None:
    codes = Codes()
    assert "dusk.config.uci" in codes.reached("UCI").product
    assert "dusk.changelog.log" not in codes.reached("UCI").product
    assert "dusk.cycle.messages" in codes.reached("START").product


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
