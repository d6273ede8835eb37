"""The long run of seeds goes on where it was, and never trusts another code's record."""

import json
from pathlib import Path

import pytest

from tests import soak_seeds
from tests.records import PROJECT, alone


def done(seeds: str, **failed: str) -> soak_seeds.Done:
    first, end = map(int, seeds.split(":"))
    return {
        "range": seeds,
        "seeds": end - first,
        "failed": failed,
        "counts": {"lost": 2},
        "seeds_with": {"loss": 1},
        "cpu_s": 1.0,
    }


def test_only_ranges_that_held_are_left_out() -> None:
    record = [done("0:50"), done("50:100", s51="R2")]
    assert soak_seeds.ranges_to_do(record, 150) == ["50:100", "100:150"]
    assert soak_seeds.ranges_to_do([], 50) == ["0:50"]


def test_ranges_are_whole_so_that_no_seed_is_counted_twice() -> None:
    first = soak_seeds.ranges_to_do([], 60)
    assert first == ["0:50", "50:100"]
    assert soak_seeds.ranges_to_do([done(seeds) for seeds in first], 120) == ["100:150"]


def test_a_line_that_was_cut_short_counts_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "record"
    assert soak_seeds.read_record(path) == []
    path.write_text(json.dumps(done("0:50")) + '\n{"range": "50:1')
    assert [line["range"] for line in soak_seeds.read_record(path)] == ["0:50"]


def test_a_range_that_was_run_again_counts_once() -> None:
    found = soak_seeds.sums([done("0:50"), done("50:100", s51="R2"), done("50:100")])
    assert (found["seeds"], found["failed"], found["cpu_s"]) == (100, {}, 2)
    assert found["counts"] == {"lost": 4}
    assert found["seeds_with"] == {"loss": 2}


MODULES = {
    "__init__.py": "",
    "sim/__init__.py": "",
    "sim/__main__.py": "import dusk.a",
    "a.py": "1",
    "b.py": "1",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(soak_seeds, "PROJECT", tmp_path)
    monkeypatch.setattr(soak_seeds, "RECORDS", tmp_path / "build")
    monkeypatch.setattr(soak_seeds, "commit", lambda: "abc")
    (tmp_path / "dusk/sim").mkdir(parents=True)
    for name, text in MODULES.items():
        (tmp_path / "dusk" / name).write_text(text)
    return tmp_path


def test_an_interrupted_run_goes_on_and_a_broken_seed_fails_it(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def simulate(folder: Path, seeds: str) -> soak_seeds.Done:
        assert (folder / "dusk/a.py").read_text() == "1"
        asked.append(seeds)
        return done(seeds, **({"51": "R2"} if seeds == "50:100" and len(asked) <= 2 else {}))

    monkeypatch.setattr(soak_seeds, "JOBS", 1)
    monkeypatch.setattr(soak_seeds, "simulate", simulate)
    assert soak_seeds.main(["100"]) == 1
    printed = capsys.readouterr().out
    assert "seed 51: R2" in printed
    assert "again: python -m dusk.sim 51 --holders 4 --recoveries --grants --returns" in printed
    assert soak_seeds.main(["100"]) == 0
    assert asked == ["0:50", "50:100", "50:100"]
    assert soak_seeds.main(["100"]) == 0
    assert len(asked) == 3


def test_other_code_has_another_record_and_what_was_done_before_is_told(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(soak_seeds, "simulate", lambda _, seeds: done(seeds))
    soak_seeds.main(["100"])
    assert "100 seeds on this code (abc), 0 failed, 0 on earlier code" in capsys.readouterr().out
    (project / "dusk/b.py").write_text("2")
    soak_seeds.main(["100"])
    assert "100 seeds on this code (abc), 0 failed, 0 on earlier code" in capsys.readouterr().out, (
        "it runs no b"
    )
    (project / "dusk/a.py").write_text("2")
    soak_seeds.main(["50"])
    assert "50 seeds on this code (abc), 0 failed, 100 on earlier code" in capsys.readouterr().out


def test_the_code_that_is_run_says_what_it_met() -> None:
    found = soak_seeds.simulate(PROJECT, "0:1")
    assert found["seeds"] == 1
    assert found["failed"] == {}
    assert found["counts"]["clock jump"]


def test_in_the_long_run_others_are_made_backups() -> None:
    found = soak_seeds.simulate(PROJECT, "55:56")
    assert found["failed"] == {}
    assert found["counts"]["backup"]


def test_two_runs_at_once_do_not_take_the_code_from_each_other(tmp_path: Path) -> None:
    with alone(tmp_path, "seeds"):
        with pytest.raises(SystemExit, match="another run of seeds is under way"), alone(tmp_path, "seeds"):
            pass
        with alone(tmp_path, "others"):
            pass
    with alone(tmp_path, "seeds"):
        pass
