"""The helper's timer goes on until the files are back, whoever holds a lock and for how long (R9)."""

import fcntl
import os
from pathlib import Path

import pytest

from dusk.helper.running import REVERT
from tests.helper import test_dusk_revert
from tests.helper.test_dusk_revert import BEFORE, WAIT_S_MAX, Shell, files, journal, title, wait_until

root, applied, shell = test_dusk_revert.root, test_dusk_revert.applied, test_dusk_revert.shell


@pytest.fixture
def soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the script wait less, and have its first try behind it sooner."""
    text = Path(REVERT).read_text()
    for former, ours in (
        ("RETRY_S=10 ", "RETRY_S=0 "),
        ("TRIES_SOON=20 ", "TRIES_SOON=1 "),
        ("LATER_S=60", "LATER_S=0"),
        ("LOCK_S_MAX=60 ", "LOCK_S_MAX=0 "),
        ("looks=5", "looks=1"),
    ):
        assert former in text
        text = text.replace(former, ours)
    (tmp_path / "dusk-revert").write_text(text)
    monkeypatch.setattr(test_dusk_revert, "REVERT", str(tmp_path / "dusk-revert"))


@pytest.mark.usefixtures("soon")
def test_r9_a_lock_that_never_ends_keeps_no_bad_config(shell: Shell, applied: Path) -> None:
    with (applied / "etc/config/system").open("rb") as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        status, said = shell.run(applied, "1", title(applied))
    assert (status, files(applied)) == (0, BEFORE)
    assert said.count("somebody holds the lock") == 3


@pytest.mark.usefixtures("soon")
def test_r9_a_timer_never_gives_up(shell: Shell, applied: Path) -> None:
    holder = os.open(journal(applied), os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    with shell.start(applied, "1", title(applied)) as process:
        wait_until(lambda: shell.calls.read_text().count("flock") >= 6 or process.poll() is not None)
        assert process.poll() is None
        os.close(holder)
        process.communicate(timeout=WAIT_S_MAX)
    assert (process.returncode, files(applied)) == (0, BEFORE)
