"""What a machine cannot run is named, and in CI it is a failure; it is never silently passed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.capabilities import why_missing

PROJECT = Path(__file__).resolve().parent.parent
FILE = "tests/network/test_harness.py"


def _pytest(**environment: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of the harness where `ip` and `unshare` cannot be found."""
    clean = {key: value for key, value in os.environ.items() if key not in {"CI", "DUSK_NOT_RUN_FILE"}}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", FILE],
        cwd=PROJECT,
        env={**clean, "PATH": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_what_cannot_run_here_is_named_with_its_reason() -> None:
    out = _pytest().stdout
    assert "not run on this machine" in out
    assert (
        f"{FILE}::test_too_many_hosts_are_refused_before_anything_is_made (namespaces: not installed" in out
    )
    assert "passed" not in out


def test_what_cannot_run_here_is_written_where_the_whole_run_collects_it(tmp_path: Path) -> None:
    notes = tmp_path / "not-run"
    _pytest(DUSK_NOT_RUN_FILE=str(notes))
    assert "namespaces: not installed: ip" in notes.read_text()


def test_in_ci_it_fails() -> None:
    done = _pytest(CI="true")
    assert done.returncode == 1
    assert "this machine must be able to run it: namespaces: not installed" in done.stdout


def test_a_misspelt_capability_is_an_error() -> None:
    with pytest.raises(KeyError):
        why_missing("namespace")
