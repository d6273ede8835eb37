"""The long run of seeds goes on where it was, and never trusts another code's record."""

from pathlib import Path

import pytest

from tests import soak_seeds


def test_only_ranges_that_held_are_left_out() -> None:
    record = "0:50 ok\n50:100 failed\n100:1"
    assert soak_seeds.ranges_to_do(record, 160) == ["50:100", "100:150", "150:160"]
    assert soak_seeds.ranges_to_do("", 50) == ["0:50"]


def test_other_code_has_another_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak_seeds, "PROJECT", tmp_path)
    (tmp_path / "dusk").mkdir()
    (tmp_path / "dusk/a.py").write_text("one")
    before = soak_seeds.record_path()
    assert soak_seeds.record_path() == before
    (tmp_path / "dusk/a.py").write_text("two")
    assert soak_seeds.record_path() != before


def test_an_interrupted_run_goes_on_and_a_broken_range_fails_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def simulate(seeds: str) -> tuple[str, bool, str]:
        done.append(seeds)
        return seeds, seeds != "50:100" or len(done) > 2, ""

    monkeypatch.setattr(soak_seeds, "PROJECT", tmp_path)
    monkeypatch.setattr(soak_seeds, "RECORDS", tmp_path / "build")
    monkeypatch.setattr(soak_seeds, "simulate", simulate)
    assert soak_seeds.main(["100"]) == 1
    assert soak_seeds.main(["100"]) == 0
    assert done == ["0:50", "50:100", "50:100"]
    assert soak_seeds.main(["100"]) == 0
    assert len(done) == 3
