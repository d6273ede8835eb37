"""Files beside UCI: whole or nothing with the packages, only where root says so, and never through a link."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dusk.helper.beside import PATH_BYTES_MAX
from dusk.helper.journal import digest
from dusk.helper.process import Helper
from tests.helper.cutting import answers_of_a_failing_disk, cut_points

BANNER = "file:/etc/banner"
BEFORE = {
    "system": b"config system\n",
    BANNER: b"-rw-r--r--\nold\n",
    "file:/etc/extra/gone": b"-rw-r-----\n\nof two lines",
    "file:/etc/extra/new": None,
}
AFTER = {
    "system": b"config system 'a'\n",
    BANNER: b"-r--r--r--\nold\n",
    "file:/etc/extra/gone": None,
    "file:/etc/extra/new": b"-rwxr-xr-x\n#!/bin/sh\n",
}
ALLOWED = (
    "system file:/etc/banner file:/etc/extra/ file:/etc/config/ file:/etc/dusk/ file:/linked/ file:/open/\n"
)


def place(root: Path, package: str) -> Path:
    return root / package.removeprefix("file:/") if ":" in package else root / "etc/config" / package


def contents(root: Path) -> dict[str, bytes | None]:
    """Return package → what is there, as the helper shows it."""
    found: dict[str, bytes | None] = {}
    for package in BEFORE:
        path = place(root, package)
        found[package] = path.read_bytes() if path.exists() else None
        if ":" in package and path.exists():
            mode = path.stat().st_mode & 0o777
            bits = "".join("rwx"[2 - at % 3] if mode >> at & 1 else "-" for at in reversed(range(9)))
            found[package] = f"-{bits}\n".encode() + path.read_bytes()
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("etc/config", "etc/extra", "etc/dusk", "open"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/dusk").chmod(0o711)
    (tmp_path / "etc/dusk/allow").write_text(ALLOWED)
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "linked").symlink_to("etc/extra")
    (tmp_path / "etc/config/system").write_bytes(BEFORE["system"] or b"")
    (tmp_path / "etc/banner").write_text("old\n")
    (tmp_path / "etc/extra/gone").write_text("\nof two lines")
    (tmp_path / "etc/extra/gone").chmod(0o640)
    return tmp_path


@pytest.fixture
def helper(root: Path) -> Iterator[Helper]:
    helper = Helper(str(root))
    yield helper
    helper.lock.close()


def ask(root: Path, *fields: bytes) -> list[bytes]:
    helper = Helper(str(root))
    try:
        return helper.answer(*fields)
    finally:
        helper.lock.close()


def request() -> list[bytes]:
    triples = [(name.encode(), digest(BEFORE[name]).encode(), AFTER[name] or b"") for name in BEFORE]
    return [b"apply", b"ab12", *(field for triple in triples for field in triple)]


def write(package: str, new: bytes, old: bytes | None = None) -> list[bytes]:
    return [b"apply", b"ab12", package.encode(), digest(old).encode(), new]


def test_they_are_read_written_made_and_removed_with_their_modes(helper: Helper, root: Path) -> None:
    assert contents(root) == BEFORE
    for package, content in BEFORE.items():
        told = b"-" if content is None else b"+" + content
        assert helper.answer(b"read", package.encode()) == [b"ok", told]
    changed = b"file:/etc/banner file:/etc/extra/gone file:/etc/extra/new system"
    assert helper.answer(*request()) == [b"ok", changed]
    assert contents(root) == AFTER
    assert helper.answer(b"commit", b"ab12") == [b"ok"]
    assert contents(root) == AFTER
    assert [path.name for path in (root / "etc/dusk/journal").iterdir()] == ["lock"]


def test_r9_they_are_put_back_with_their_modes(helper: Helper, root: Path) -> None:
    helper.answer(*request())
    names = b"file:/etc/banner file:/etc/extra/gone file:/etc/extra/new system"
    assert helper.answer(b"rollback")[:4] == [b"ok", b"ab12", names, b""]
    assert contents(root) == BEFORE


def test_to_remove_what_is_not_there_is_no_change(helper: Helper, root: Path) -> None:
    assert helper.answer(*write("file:/etc/extra/new", b"")) == [b"ok", b""]
    assert contents(root) == BEFORE


def test_a10_q2_a_cut_at_any_point_leaves_all_files_of_both_kinds_or_none(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = 0
    for _ in cut_points(root, [request()], monkeypatch):
        points += 1
        ask(root, b"rollback")
        assert contents(root) == BEFORE
    assert points > 40


def test_a10_q2_undoing_them_may_itself_be_cut_at_any_point(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = 0
    ask(root, *request())
    for _ in cut_points(root, [[b"rollback"]], monkeypatch):
        points += 1
        ask(root, b"rollback")
        assert contents(root) == BEFORE
        assert ask(root, *request())[0] == b"ok"
    assert points > 15


def test_a31_a_failing_disk_at_any_call_leaves_all_as_it_was(
    helper: Helper, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for answer in answers_of_a_failing_disk(lambda: helper.answer(*request()), errno.EIO, monkeypatch):
        assert answer[:2] == [b"refused", b"storage"]
        assert contents(root) == BEFORE
    assert contents(root) == AFTER


def test_a50_what_somebody_changed_since_refuses_the_whole_or_stays(helper: Helper, root: Path) -> None:
    (root / "etc/banner").chmod(0o600)
    assert helper.answer(*request())[:2] == [b"refused", b"changed"]
    (root / "etc/banner").chmod(0o644)
    assert helper.answer(*request())[0] == b"ok"
    (root / "etc/banner").chmod(0o600)
    (root / "etc/extra").rename(root / "etc/moved")
    (root / "etc/extra").symlink_to("moved")
    foreign = b"file:/etc/banner file:/etc/extra/gone file:/etc/extra/new"
    assert helper.answer(b"rollback")[:4] == [b"ok", b"ab12", b"system", foreign]
    assert (root / "etc/moved/new").read_text() == "#!/bin/sh\n"


@pytest.mark.parametrize(
    "package",
    [
        "file:/etc/passwd",
        "file:/etc/shadow",
        "file:/etc/extra/deeper/file",
        "file:/etc/config/network",
        "file:/etc/config/dusk",
        "file:/etc/dusk/allow",
        "file:/etc/dusk/journal/manifest",
        "file:/etc/dusk/node/log",
        "file:/linked/file",
        "file:/missing/file",
        "file:/file",
        "file:/open/file",
    ],
)
def test_a46_a51_a_hijacked_daemon_gets_no_file_elsewhere_read_written_or_removed(
    helper: Helper, root: Path, package: str
) -> None:
    (root / "etc/dusk/allow").write_text(f"{ALLOWED} file:/missing/ file:/etc/dusk/journal/")
    refused = {b"not-allowed", b"untrusted"}
    for fields in ([b"read", package.encode()], write(package, b"-rw-r--r--\nx"), write(package, b"")):
        answer = helper.answer(*fields)
        assert (answer[0], answer[1] in refused) == (b"refused", True), answer
    assert contents(root) == BEFORE
    assert (root / "etc/dusk/allow").read_text().startswith(ALLOWED)
    assert sorted(path.name for path in (root / "etc/extra").iterdir()) == ["gone"]


@pytest.mark.parametrize(
    "package",
    [
        "file:",
        "file:/",
        "file:etc/banner",
        "file:/etc/extra/",
        "file:/etc//banner",
        "file:/etc/extra/../banner",
        "file:/etc/extra/..",
        "file:/etc/./banner",
        "file:/etc/extra/-rf",
        "file:/etc/extra/a b",
        "file:/etc/extra/a%b",
        "file:/etc/extra/a\n",
        "file:/etc/extra/a*",
        "file:/etc/extra/file:x",
        "file:/etc/extra/" + "x" * PATH_BYTES_MAX,
        "File:/etc/banner",
        "/etc/banner",
    ],
)
def test_a46_a51_what_is_no_plain_path_is_no_name(helper: Helper, package: str) -> None:
    assert helper.answer(b"read", package.encode())[:2] == [b"refused", b"bad-name"]
    assert helper.answer(*write(package, b"-rw-r--r--\nx"))[:2] == [b"refused", b"bad-name"]


def _link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _second_name(path: Path) -> None:
    path.write_text("x")
    path.with_name("other").hardlink_to(path)


def _bits(path: Path) -> None:
    path.write_text("x")
    path.chmod(0o4755)


def _shared(path: Path) -> None:
    path.write_text("x")
    path.chmod(0o666)


@pytest.mark.parametrize("make", [_link, _second_name, _bits, _shared, os.mkfifo, Path.mkdir])
def test_a51_what_is_no_plain_file_of_roots_alone_is_left(
    helper: Helper, root: Path, make: Callable[[Path], object]
) -> None:
    make(root / "etc/extra/odd")
    facts = (root / "etc/extra/odd").lstat()
    for fields in (
        [b"read", b"file:/etc/extra/odd"],
        write("file:/etc/extra/odd", b"-rw-r--r--\ny", b"-rw-r--r--\nx"),
    ):
        answer = helper.answer(*fields)
        assert (answer[0], answer[1] in {b"not-a-file", b"untrusted"}) == (b"refused", True), answer
    assert (root / "etc/extra/odd").lstat() == facts


@pytest.mark.parametrize(
    "mode", ["-rw-rw-r--", "-rwsr-xr-x", "--w-------", "lrwxrwxrwx", "0644", "", "-rw-r--r-- "]
)
def test_a51_no_file_gets_a_mode_by_which_others_write_or_become_root(
    helper: Helper, root: Path, mode: str
) -> None:
    answer = helper.answer(*write("file:/etc/extra/new", f"{mode}\nx".encode()))
    assert answer[:2] == [b"refused", b"not-allowed"]
    assert contents(root) == BEFORE


def test_a51_without_a_word_of_roots_only_the_banner_is_managed_and_is_text(
    helper: Helper, root: Path
) -> None:
    (root / "etc/dusk/allow").unlink()
    assert helper.answer(b"read", b"file:/etc/extra/gone")[:2] == [b"refused", b"not-allowed"]
    for new in (
        b"-rwxr-xr-x\nx",
        b"-rw-r--r--\n\x1b[2J",
        b"-rw-r--r--\n\xc2\x9b2J",
        b"-rw-r--r--\n\x9b",
        b"-rw-r--r--\n\0",
    ):
        assert helper.answer(*write(BANNER, new, BEFORE[BANNER]))[:2] == [b"refused", b"not-allowed"], new
    new = "-rw-r--r--\n\tWillkommen, grüezi\n\n".encode()
    assert helper.answer(*write(BANNER, new, BEFORE[BANNER])) == [b"ok", b"file:/etc/banner"]
    assert (root / "etc/banner").read_bytes() == new.partition(b"\n")[2]


def test_a51_where_root_lists_what_may_be_managed_the_banner_is_named_too(helper: Helper, root: Path) -> None:
    (root / "etc/dusk/allow").write_text("system\n")
    answer = helper.answer(b"read", b"file:/etc/banner")
    reason = b"only root lets it be managed: file:/etc/banner in etc/dusk/allow"
    assert answer == [b"refused", b"not-allowed", reason]


def test_a51_another_disk_is_not_written_to(
    helper: Helper, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, extra = os.fstat, (root / "etc/extra").stat()

    def mounted(fd: int) -> os.stat_result:
        facts = real(fd)
        elsewhere = (*facts[:2], facts.st_dev + 1, *facts[3:10])
        return os.stat_result(elsewhere) if os.path.samestat(facts, extra) else facts

    monkeypatch.setattr(os, "fstat", mounted)
    assert helper.answer(*request())[:2] == [b"refused", b"not-allowed"]
    assert contents(root) == BEFORE
