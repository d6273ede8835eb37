"""The daemon's memory of former values: root's alone, written and undone with the files that it is about."""

from pathlib import Path

import pytest

from dusk.helper.journal import digest
from dusk.helper.process import Helper
from tests.helper import test_dusk_revert
from tests.helper.test_dusk_revert import Shell, journal

shell = test_dusk_revert.shell
OLD, NEW, MEMORY = b"config system 'a'\n\toption hostname 'x'\n", b"config system 'a'\n", b"config memory\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    config = tmp_path / "etc/config"
    config.mkdir(parents=True)
    (config / "system").write_bytes(OLD)
    (config / "dusk").write_text(f"config dusk 'main'\n\toption reload 'echo \"$@\" >{tmp_path}/told'\n")
    return tmp_path


def apply(helper: Helper, memory: bytes | None = None, content: bytes = MEMORY) -> list[bytes]:
    system, known = digest(OLD).encode(), digest(memory).encode()
    return helper.answer(b"apply", b"1", b"dusk-local", known, content, b"system", system, NEW)


def test_it_is_roots_alone_in_the_journal_and_no_uci_file_and_no_service_is_told(root: Path) -> None:
    helper = Helper(str(root))
    assert helper.answer(b"read", b"dusk-local") == [b"ok", b"-"]
    assert apply(helper) == [b"ok", b"dusk-local system"]
    assert helper.answer(b"reload")[1] == b"0"
    assert (root / "told").read_text() == "system\n"
    assert helper.answer(b"commit", b"1") == [b"ok"]
    kept = journal(root) / "local"
    assert (kept.read_bytes(), kept.stat().st_mode & 0o777) == (MEMORY, 0o600)
    assert not (root / "etc/config/dusk-local").exists()
    assert helper.answer(b"read", b"dusk-local") == [b"ok", b"+" + MEMORY]
    helper.lock.close()


@pytest.mark.parametrize("memory", [None, b"config memory\n# before\n"])
def test_r9_it_goes_back_with_the_files(root: Path, memory: bytes | None) -> None:
    helper = Helper(str(root))
    if memory is not None:
        (journal(root) / "local").write_bytes(memory)
        (journal(root) / "local").chmod(0o600)
    assert apply(helper, memory)[0] == b"ok"
    answer = helper.answer(b"rollback")
    assert answer[:2] == [b"ok", b"1"]
    assert (root / "told").read_text() == "system\n"
    assert helper.answer(b"read", b"dusk-local")[1] == (b"-" if memory is None else b"+" + memory)
    helper.lock.close()


@pytest.mark.parametrize("memory", [None, b"config memory\n# before\n"])
def test_r9_the_shell_puts_it_back_too(shell: Shell, root: Path, memory: bytes | None) -> None:
    helper = Helper(str(root))
    kept = journal(root) / "local"
    if memory is not None:
        kept.write_bytes(memory)
        kept.chmod(0o600)
    assert apply(helper, memory)[0] == b"ok"
    helper.lock.close()
    status, said = shell.run(root)
    assert (status, (root / "etc/config/system").read_bytes()) == (0, OLD)
    assert (kept.read_bytes() if kept.exists() else None) == memory
    assert "put back without the daemon: system" in said


def test_a46_no_name_of_it_leads_to_another_file_of_the_journal(root: Path) -> None:
    helper = Helper(str(root))
    for name in (
        b"manifest",
        b"lock",
        b"local",
        b"../dusk/journal/manifest",
        b"file:/etc/dusk/journal/local",
    ):
        assert helper.answer(b"read", name)[0] == b"refused"
    helper.lock.close()
