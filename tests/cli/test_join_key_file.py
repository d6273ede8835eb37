"""The file in which ``dusk join`` leaves a key for the daemon."""

from pathlib import Path

import pytest

from dusk.cli.founding import store_join_line
from dusk.daemon import disk
from dusk.errors import StorageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "etc/dusk"
    made.mkdir(parents=True)
    return made


def test_r8_a_join_key_is_on_the_disk_with_its_name_before_join_says_that_it_is_stored(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(disk, "sync_directory", lambda _: seen.append([p.name for p in folder.iterdir()]))
    path = store_join_line(tmp_path, "dusk-join-2:x")
    assert seen == [["join"]]
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("dusk-join-2:x\n", 0o600)


def test_a_join_key_is_replaced_whole_or_not_at_all(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_join_line(tmp_path, "first")

    def full(_fd: int, _data: bytes) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(disk, "write_all", full)
    with pytest.raises(StorageError, match="the disk is full"):
        store_join_line(tmp_path, "second")
    assert {p.name: p.read_text() for p in folder.iterdir()} == {"join": "first\n"}
