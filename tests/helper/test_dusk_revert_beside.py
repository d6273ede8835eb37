"""Files beside UCI come back without Python, too, and only where the journal may have put them (A49, A51)."""

import signal
from pathlib import Path

import pytest

from dusk.helper.journal import digest
from dusk.helper.process import Helper
from tests.capabilities import EFFORT_FACTOR
from tests.helper import test_dusk_revert, test_helper_beside
from tests.helper.test_dusk_revert import Shell, journal, manifest
from tests.helper.test_helper_beside import AFTER, BEFORE, contents, request

root, shell = test_helper_beside.root, test_dusk_revert.shell


def apply(root: Path) -> None:
    helper = Helper(str(root))
    assert helper.answer(*request())[0] == b"ok"
    helper.lock.close()


def test_a49_r9_without_python_they_come_back_with_their_modes(shell: Shell, root: Path) -> None:
    apply(root)
    assert contents(root) == AFTER
    status, said = shell.run(root)
    assert (status, contents(root)) == (0, BEFORE)
    names = "file:/etc/banner file:/etc/extra/gone file:/etc/extra/new system"
    assert f"put back without the daemon: {names}" in said
    assert [path.name for path in journal(root).iterdir()] == ["lock"]


def test_a10_a_kill_at_any_call_leaves_each_old_or_new_and_the_next_run_puts_all_back(
    shell: Shell, root: Path
) -> None:
    for point in range(1, 999, 13 if EFFORT_FACTOR == 1 else 1):
        apply(root)
        status, _ = shell.run(root, DUSK_KILL_AT=str(point))
        left = contents(root)
        assert all(left[name] in (BEFORE[name], AFTER[name]) for name in BEFORE)
        assert shell.run(root)[0] == 0
        assert contents(root) == BEFORE
        if status == 0:
            break
        assert status == -signal.SIGKILL
    assert point > 60


def test_a10_the_helper_goes_on_where_a_killed_shell_stopped(shell: Shell, root: Path) -> None:
    for point in range(40, 140, 25):
        apply(root)
        shell.run(root, DUSK_KILL_AT=str(point))
        helper = Helper(str(root))
        assert helper.answer(b"rollback")[0] == b"ok"
        helper.lock.close()
        assert contents(root) == BEFORE


def test_a50_a51_what_somebody_changed_and_what_a_link_leads_to_stays_and_is_told(
    shell: Shell, root: Path
) -> None:
    apply(root)
    (root / "etc/banner").chmod(0o600)
    (root / "etc/extra").rename(root / "etc/moved")
    (root / "etc/extra").symlink_to("moved")
    status, said = shell.run(root)
    assert status == 0
    foreign = "file:/etc/banner file:/etc/extra/gone file:/etc/extra/new"
    assert f"put back without the daemon: system; left as somebody changed them since: {foreign}" in said
    assert (root / "etc/moved/new").read_text() == "#!/bin/sh\n"
    assert not (root / "etc/moved/gone").exists()


@pytest.mark.parametrize(
    "package",
    [
        "file:/etc/config/dusk",
        "file:/etc/dusk/allow",
        "file:/etc/extra/../banner",
        "file:/etc//banner",
        "file:/etc/./banner",
        "file:/etc/extra/",
        "file:/etc/extra/*",
        "file:/-rf",
        "file:etc/banner",
        "file:",
    ],
)
def test_a51_a_journal_that_names_what_is_never_managed_undoes_nothing(
    shell: Shell, root: Path, package: str
) -> None:
    apply(root)
    manifest(root, "ab12 x", f"{package} - {digest(b'-rw-r--r--' + ALLOW)}")
    assert shell.run(root)[0] == 1
    assert contents(root) == AFTER
    assert (root / "etc/dusk/allow").exists()


ALLOW = b"\n" + test_helper_beside.ALLOWED.encode()


def test_a51_a_copy_of_another_mode_is_not_put_back(shell: Shell, root: Path) -> None:
    apply(root)
    (journal(root) / "old.file:%etc%banner").chmod(0o755)
    assert shell.run(root)[0] == 1
    assert contents(root) == AFTER
