"""Which packages the daemon's machine has: from the list that is there, read again once it has changed."""

import os
from pathlib import Path
from unittest.mock import patch

import pytest

from dusk.daemon import packages
from dusk.daemon.packages import PackageList
from dusk.errors import DuskError, Refused, StorageError, UntrustedInput
from dusk.membership.packages import Package, decode_packages

APK, OPKG = "lib/apk/db/installed", "usr/lib/opkg/status"
NEW = b"P:musl\nV:2\n\n"
OLD = b"Package: libc\nVersion: 1\nStatus: install user installed\n\n"


def put(root: Path, place: str, content: bytes) -> Path:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def told(kept: PackageList) -> tuple[Package, ...]:
    return decode_packages(kept.answer()).rows


def test_either_list_is_read_and_that_of_apk_first(tmp_path: Path) -> None:
    put(tmp_path, OPKG, OLD)
    kept = PackageList(tmp_path)
    assert told(kept) == (Package("libc", "1"),)
    put(tmp_path, APK, NEW)
    assert told(kept) == (Package("musl", "2"),)


def test_a_list_is_read_again_only_once_it_has_changed(tmp_path: Path) -> None:
    path = put(tmp_path, APK, NEW)
    kept = PackageList(tmp_path)
    first = kept.answer()
    with patch.object(Path, "open", side_effect=AssertionError("read again")):
        assert kept.answer() == first
    put(tmp_path, "next", NEW.replace(b"2", b"3")).replace(path)  # as package managers replace it
    assert told(kept) == (Package("musl", "3"),)
    os.utime(path, ns=(1, 1))
    with (
        patch.object(Path, "open", side_effect=OSError(5, "Input/output error")),
        pytest.raises(StorageError),
    ):
        kept.answer()


def _a_folder(root: Path) -> None:
    (root / APK).mkdir(parents=True)


def _a_pipe(root: Path) -> None:
    (root / APK).parent.mkdir(parents=True)
    os.mkfifo(root / APK)


def _a_file_as_folder(root: Path) -> None:
    put(root, "lib", b"")


def _nothing(_root: Path) -> None:
    pass


@pytest.mark.parametrize("make", [_nothing, _a_folder, _a_pipe, _a_file_as_folder])
def test_a_machine_without_a_list_says_so(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path)
    with pytest.raises(Refused, match="neither apk nor opkg"):
        PackageList(tmp_path).answer()


@pytest.mark.parametrize(
    ("error", "refusal"),
    [(PermissionError(13, "Permission denied"), StorageError), (FileNotFoundError(2, "gone"), Refused)],
)
def test_a_list_that_cannot_be_looked_at_is_said(
    tmp_path: Path, error: OSError, refusal: type[DuskError]
) -> None:
    with patch.object(Path, "stat", side_effect=error), pytest.raises(refusal):
        PackageList(tmp_path).answer()


def test_a6_a_list_that_is_too_long_is_given_up(tmp_path: Path) -> None:
    path = put(tmp_path, APK, NEW)
    os.truncate(path, packages.LIST_BYTES_MAX + 1)
    with pytest.raises(UntrustedInput, match="longer than 8 MiB"):
        PackageList(tmp_path).answer()


def test_a33_what_is_no_list_is_no_answer(tmp_path: Path) -> None:
    put(tmp_path, APK, b"\x1b[2J<script>\0")
    with pytest.raises(UntrustedInput, match="line 1") as refused:
        PackageList(tmp_path).answer()
    assert "script" not in str(refused.value)
