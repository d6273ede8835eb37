import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from dusk.daemon.smallfiles import SmallFiles
from dusk.errors import StorageError
from tests.daemon.faulty_disk import FaultyDisk, PowerCutError, failing, full, installed, read_only


@pytest.fixture
def files(tmp_path: Path) -> Iterator[SmallFiles]:
    files = SmallFiles(tmp_path)
    yield files
    files.close()


def test_a35_a_file_is_private_whatever_the_umask(tmp_path: Path, files: SmallFiles) -> None:
    former = os.umask(0)
    try:
        files.store("outbox/00ff", b"one")
    finally:
        os.umask(former)
    assert stat.S_IMODE((tmp_path / "outbox/00ff").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "outbox").stat().st_mode) == 0o700


def test_files_are_stored_listed_read_and_removed(files: SmallFiles) -> None:
    files.store("identity", b"seed")
    files.store("outbox/00ff", b"one")
    files.store("outbox/00ff", b"two")
    assert files.names() == ["identity", "outbox/00ff"]
    assert files.read_all() == {"identity": b"seed", "outbox/00ff": b"two"}
    files.remove("outbox/00ff")
    files.remove("outbox/00ff")
    files.remove("drafts/alice")
    assert files.names() == ["identity"]
    assert files.read("outbox/00ff") is None
    assert files.read("drafts/alice") is None


@pytest.mark.parametrize(
    "name", ["", "../x", "/etc/passwd", "a/b/c", ".x", "a/..", "a/.b", "log", "A", "a\n"]
)
def test_a_name_that_leads_elsewhere_is_our_own_mistake(files: SmallFiles, name: str) -> None:
    with pytest.raises(AssertionError):
        files.store(name, b"")


def test_the_log_is_no_small_file(tmp_path: Path, files: SmallFiles) -> None:
    (tmp_path / "log").write_bytes(b"frames")
    (tmp_path / "log.damaged").write_bytes(b"frames")
    assert files.names() == []


@pytest.mark.parametrize("error", [full(), failing(), read_only()], ids=["full", "failing", "read-only"])
def test_a31_a_disk_that_refuses_leaves_the_old_file_or_the_new_one(
    files: SmallFiles, error: OSError
) -> None:
    files.store("groupkeys", b"old")
    for call in range(1, 20):
        faults = FaultyDisk(call, error, written_bytes=2)
        with installed(faults):
            try:
                files.store("groupkeys", b"new content")
            except StorageError as caught:
                assert "cannot write" in str(caught)  # noqa: PT017 - at which calls it fails is not the point
        assert files.read("groupkeys") in (b"old", b"new content")
        assert files.names() == ["groupkeys"]
        if faults.calls < call:
            return
        files.store("groupkeys", b"old")
    pytest.fail("the fault never came to its end")


def test_q2_a_power_cut_at_any_call_leaves_the_old_file_or_the_new_one(
    tmp_path: Path, files: SmallFiles
) -> None:
    files.store("outbox/1", b"old")
    for call in range(1, 20):
        faults = FaultyDisk(call, PowerCutError(), lasting=True, written_bytes=2)
        done = False
        with installed(faults):
            try:
                files.store("outbox/1", b"new")
                files.remove("outbox/2")
                done = True
            except PowerCutError:
                pass
        again = SmallFiles(tmp_path)
        again.remove_leftovers()
        assert again.names() == ["outbox/1"]
        assert again.read("outbox/1") in ((b"new",) if done else (b"old", b"new"))
        assert not list(tmp_path.rglob(".*.tmp"))
        again.store("outbox/1", b"old")
        again.store("outbox/2", b"")
        again.remove("outbox/2")
        again.close()
        if faults.calls < call:
            return
    pytest.fail("the fault never came to its end")


def test_a35_links_planted_in_the_folder_are_not_followed(tmp_path: Path, files: SmallFiles) -> None:
    target = tmp_path.parent / f"{tmp_path.name}-target"
    target.write_bytes(b"victim")
    (tmp_path / "identity").symlink_to(target)
    (tmp_path / ".groupkeys.tmp").symlink_to(target)
    with pytest.raises(StorageError, match="symbolic link"):
        files.read("identity")
    with pytest.raises(StorageError, match="symbolic link"):
        files.store("groupkeys", b"x")
    files.store("identity", b"mine")
    assert files.read("identity") == b"mine"
    assert target.read_bytes() == b"victim"


def test_a6_a_file_larger_than_any_of_ours_is_not_read(
    files: SmallFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.store("groupkeys", b"12345")
    monkeypatch.setattr("dusk.daemon.smallfiles.SMALL_FILE_BYTES_MAX", 4)
    with pytest.raises(StorageError, match="at most 4"):
        files.read_all()
    monkeypatch.setattr("dusk.daemon.smallfiles.SMALL_FILES_MAX", 0)
    with pytest.raises(StorageError, match="at most 0"):
        files.read_all()


def test_a_missing_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot open .*none: no such file"):
        SmallFiles(tmp_path / "none")


def _count(patch: pytest.MonkeyPatch, blocks: int, available: int) -> None:
    """Let the disk have so many blocks of 4 KiB, and so many of them for us."""
    found = os.statvfs_result((4096, 4096, blocks, available + 5, available, 0, 0, 0, 0, 255))
    patch.setattr(os, "fstatvfs", lambda _fd: found)


@pytest.mark.parametrize(("available", "sizes"), [(3, (1, 4097, 1)), (0, (1,))])
def test_a31_what_there_is_no_room_for_is_refused_before_it_is_tried(
    files: SmallFiles, monkeypatch: pytest.MonkeyPatch, available: int, sizes: tuple[int, ...]
) -> None:
    _count(monkeypatch, 100, available)
    with pytest.raises(StorageError, match="the disk is full; free some space"):
        files.check_room(*sizes)
    assert files.names() == []


def test_a31_what_just_fits_or_cannot_be_counted_is_tried(
    files: SmallFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    _count(monkeypatch, 100, 3)
    files.check_room(1, 4096, 4095)
    _count(monkeypatch, 0, 0)
    files.check_room(1)
