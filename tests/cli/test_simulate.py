"""``dusk simulate`` as people and programs see it; it needs no daemon and no root."""

import argparse
import contextlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk.cli import simulate
from dusk.control import founding
from dusk.sim.forecast_trouble import KINDS

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk

PROJECT = Path(__file__).resolve().parents[2]
SMALL = ("simulate", "--nodes", "4", "--minutes", "1", "--cycle", "1s", "--changes", "3")


def run(*words: str, hash_seed: str = "0") -> bytes:
    return subprocess.run(
        [sys.executable, "-m", "dusk", *words],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=PROJECT,
        capture_output=True,
        timeout=100,
        check=True,
    ).stdout


# --- what it prints ----------------------------------------------------------------------------


def test_people_get_a_table_that_fits_80_columns(dusk: "Dusk") -> None:
    shown = dusk(*SMALL, "--loss", "10%", "--faults", "crash,delay")
    assert (shown.code, shown.err) == (0, "")
    assert max(map(len, shown.out.splitlines())) <= 80
    for part in ("What was simulated", "How long a change took", "What the air carried", "cannot say"):
        assert part in shown.out


def test_the_same_seed_gives_the_same_bytes_whatever_the_hash_seed() -> None:
    words = (*SMALL, "--loss", "20%", "--faults", "all", "--seed", "9")
    assert run(*words, hash_seed="1") == run(*words, hash_seed="2")


def test_programs_get_one_document_with_units_in_its_names(dusk: "Dusk") -> None:
    shown = dusk(*SMALL, "--json", "--speed", "1Mbit", "--unicast-speed", "54Mbit")
    assert (shown.code, shown.err) == (0, "")
    document = shown.json
    assert document["converged"] is True
    assert document["assumed"]["multicast_bits_per_s"] == 1e6
    assert document["assumed"]["unicast_bits_per_s"] == 54e6
    assert document["durations"]["on_all_disks"]["count"] == 3
    assert document["durations"]["in_effect_on_all"]["worst_s"] > 0
    assert 0 < document["idle"]["air_share"] < 0.1
    assert document["idle"]["per_hour"]["air_s"] == pytest.approx(
        3600 * document["idle"]["per_cycle"]["air_s"]
    )
    assert [router["name"] for router in document["routers"]] == ["r0", "r1", "r2", "r3"]


def test_a_cluster_that_does_not_agree_in_time_is_a_failure_with_its_figures(
    dusk: "Dusk", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dusk.sim.forecast.AGREE_S_MAX", 0.0)
    monkeypatch.setattr("dusk.sim.forecast.Forecast._behind", lambda _: 2)
    shown = dusk(*SMALL)
    assert shown.code == 1
    assert "NOT ALL CAME TO ONE VERSION: 2" in shown.out
    assert shown.err.count("\n") == 1
    assert "2 of 4 routers" in shown.err
    assert dusk(*SMALL, "--json").json["converged"] is False


def test_help_names_every_fault_and_an_example(dusk: "Dusk") -> None:
    shown = dusk("simulate", "--help")
    assert shown.code == 0
    assert all(f"\n  {name} " in shown.out for name in KINDS)
    assert "dusk simulate --nodes 60" in shown.out


# --- what it refuses ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--nodes", "2"),
        ("--nodes", "10001"),
        ("--nodes", "5", "--loss", "10"),
        ("--nodes", "5", "--loss", "91%"),
        ("--nodes", "5", "--speed", "6"),
        ("--nodes", "5", "--speed", "1kbit"),
        ("--nodes", "5", "--size", "33KiB"),
        ("--nodes", "5", "--size", "0"),
        ("--nodes", "5", "--cycle", "100ms"),
        ("--nodes", "5", "--faults", "crash,typo"),
        ("--nodes", "5", "--faults", ""),
        ("--nodes", "5", "--minutes", "1", "--cycle", "1m"),
    ],
)
def test_wrong_words_are_told_in_one_line(dusk: "Dusk", words: tuple[str, ...]) -> None:
    shown = dusk("simulate", *words)
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.count("\n") == 1
    assert "dusk simulate --help" in shown.err


@given(st.text(max_size=12))
def test_readers_of_figures_return_one_in_bounds_or_object(text: str) -> None:
    for read, most in ((simulate.share, 0.9), (simulate.speed, 1e11), (simulate.size, 32 * 1024)):
        with contextlib.suppress(argparse.ArgumentTypeError):
            assert 0 <= read(text) <= most


def test_figures_are_read_in_their_usual_forms() -> None:
    assert (simulate.share("10%"), simulate.share("0.1"), simulate.share("0")) == (0.1, 0.1, 0.0)
    assert (simulate.speed("6Mbit"), simulate.speed("500kbit"), simulate.speed("1gbit")) == (6e6, 5e5, 1e9)
    assert (simulate.size("800"), simulate.size("800B"), simulate.size("2KiB")) == (800, 800, 2048)


def test_a_cycle_may_be_what_a_cluster_may_have() -> None:
    assert (simulate.CYCLE_S_MIN, simulate.CYCLE_S_MAX) == (founding.CYCLE_S_MIN, founding.CYCLE_S_MAX)


def test_where_the_simulator_is_not_installed_one_line_says_so(
    dusk: "Dusk", monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(("dusk.sim", "dusk.cli.forecast"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "dusk.sim", None)
    shown = dusk(*SMALL)
    assert (shown.code, shown.out) == (1, "")
    assert shown.err.count("\n") == 1
    assert "not part of this installation" in shown.err
    assert dusk("simulate", "--help").code == 0


# --- on a terminal -----------------------------------------------------------------------------


def test_on_a_terminal_progress_is_shown_and_wiped() -> None:
    terminal, its_end = pty.openpty()
    with os.fdopen(terminal, "rb", buffering=0) as shown:
        done = subprocess.run(
            [sys.executable, "-m", "dusk", *SMALL, "--json"],
            stdout=subprocess.PIPE,
            stderr=its_end,
            cwd=PROJECT,
            timeout=60,
            check=True,
        )
        os.close(its_end)
        told = shown.read(65536)
    assert json.loads(done.stdout)["converged"]
    assert b"simulating: 50 %" in told
    assert told.endswith(b"\r\x1b[K")


def test_ctrl_c_ends_it_with_one_line(dusk: "Dusk", monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dusk.sim.forecast.Forecast.run", interrupted)
    shown = dusk(*SMALL)
    assert (shown.code, shown.out, shown.err) == (1, "", "dusk: stopped\n")
