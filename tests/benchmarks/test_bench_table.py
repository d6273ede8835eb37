"""The table and its verdicts; the measuring itself is `make bench`."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import __main__ as bench
from benchmarks.cluster import ClusterError
from benchmarks.measure import NotMeasurableError, Row, keep_profile
from benchmarks.reasons import REASONS, reason
from benchmarks.spread import of_moments

FIGURES = st.floats(0.001, 1e6)
SHOWN = st.floats(1.0, 9999.0)


@given(FIGURES, FIGURES, FIGURES)
def test_a_row_is_within_when_neither_limit_is_passed(figure: float, limit: float, yardstick: float) -> None:
    row = Row("P1", "x", figure, "s", yardstick, limit, 2.0)
    assert row.within is (figure <= limit and figure / yardstick <= 2.0)
    rate = Row("P1", "x", figure, "1/s", limit=limit, more_is_better=True)
    assert rate.within is (figure >= limit)


def test_a_row_without_a_limit_or_a_figure_has_no_verdict() -> None:
    assert Row("", "x", 1.0, "s", 2.0).within is None
    assert Row("P1", "x", None, "s", limit=1, why_not="no root").within is None


@given(
    st.none() | SHOWN,
    st.none() | SHOWN,
    st.sampled_from([name for group in bench.GROUPS for name in group.numbers]),
)
def test_every_line_fits_into_110_columns(figure: float | None, yardstick: float | None, number: str) -> None:
    row = Row(number, "x" * bench.NAME_WIDTH, figure, "1/s", yardstick, 1000.0, 1.25, why_not="x")
    assert len(bench.line(row)) <= 110
    assert len(bench.heading()) <= 110


def test_a_missed_limit_a_kept_one_and_a_missing_figure_are_told_apart() -> None:
    assert bench.line(Row("P1", "x", 2.0, "s", limit=1)).endswith("MISSED")
    assert bench.line(Row("P1", "x", 1.0, "s", limit=1)).endswith("ok")
    assert bench.line(Row("P1", "x", None, "s", why_not="no serf")).endswith("not measured: no serf")


def test_every_promised_row_is_measured_or_said_to_be_not_measurable() -> None:
    promised = {*(f"P{number}" for number in range(1, 16)), "P17", "P18", "P19"}
    assert promised == bench.KNOWN


@pytest.mark.parametrize("number", REASONS)
def test_a_reason_for_a_miss_fits_and_names_a_chapter_that_there_is(number: str) -> None:
    _why, chapter = REASONS[number]
    assert f"\n## {chapter}\n" in (Path(bench.__file__).parent / "README.md").read_text()
    assert all(len(line) <= 110 for line in reason(number).splitlines())


def test_moments_are_summed_up_as_first_median_and_last() -> None:
    spread = of_moments([0.3, 0.1, 0.2])
    assert (spread.first_s, spread.median_s, spread.last_s) == (0.1, 0.2, 0.3)


# --- a run over groups -----------------------------------------------------------------------------


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    monkeypatch.setattr(bench, "FOLDER", folder)
    monkeypatch.setattr(bench, "RESULTS", folder / "results.json")
    monkeypatch.setattr(bench, "CHOSEN_RESULTS", tmp_path / "build" / "results-chosen.json")
    monkeypatch.setattr(bench, "PROFILES", folder / "profiles")
    return folder


def run_over(groups: tuple[bench.Group, ...], monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(bench, "GROUPS", groups)
    monkeypatch.setattr(bench, "clean_up_when_ended", lambda: None)
    return bench.main(words)


def test_a_row_that_misses_leaves_a_profile_and_the_run_is_no_failure(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missed() -> list[Row]:
        return [Row("P4", "slow", 2.0, "s", limit=1, samples=(2.0, 3.0)), Row("P8", "y", 2.0, "B", limit=1)]

    def profile(folder: Path) -> None:
        keep_profile(missed, folder / "P4.txt")

    assert run_over((bench.Group(("P4",), missed, profile),), monkeypatch) == 0
    assert "missed" in (results / "profiles" / "P4.txt").read_text()
    row, _other = json.loads((results / "results.json").read_text())["rows"]
    assert (row["number"], row["within"], row["samples"]) == ("P4", False, [2.0, 3.0])
    out = capsys.readouterr().out
    assert "P4: a verification is" in out, "the reason that is known stands below the table"
    assert "P8: why is not known yet" in out


def test_what_a_machine_cannot_measure_stands_in_the_table_and_is_no_failure(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def impossible() -> list[Row]:
        """Measure nothing."""
        raise NotMeasurableError("no serf")

    assert run_over((bench.Group(("P1", "P2"), impossible),), monkeypatch) == 0
    out = capsys.readouterr().out
    assert out.count("not measured: no serf") == 2


def test_measuring_that_breaks_is_a_failure_and_the_others_are_still_measured(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> list[Row]:
        """Break."""
        raise ClusterError("it fell over")

    groups = (bench.Group(("P3",), broken), bench.Group(("P8",), lambda: [Row("P8", "y", 1.0, "B")]))
    assert run_over(groups, monkeypatch) == 1
    out = capsys.readouterr().out
    assert "broke: it fell over" in out
    assert "P8  y" in out


def test_words_choose_rows_and_an_unknown_one_is_wrong_usage(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def one(number: str) -> bench.Group:
        return bench.Group((number,), lambda: [Row(number, f"row {number}", 1.0, "B")])

    groups = (one("P8"), one("P9"))
    assert run_over(groups, monkeypatch, "P9") == 0
    out = capsys.readouterr().out
    assert "row P9" in out
    assert "row P8" not in out
    assert not (results / "results.json").exists(), "a part must not stand where the whole is kept"
    assert "written to build/results-chosen.json" in out
    (row,) = json.loads((results.parent / "build" / "results-chosen.json").read_text())["rows"]
    assert row["number"] == "P9"
    assert run_over(groups, monkeypatch, "P99") == 2
