"""The transaction over UCI files: cut at every call to the disk, raced, and told lies."""

import errno
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dusk.helper import files, journal
from dusk.helper.journal import digest
from dusk.helper.process import Helper
from tests.helper.cutting import answers_of_a_failing_disk, cut_points

BEFORE = {"wireless": b"config wifi-device\n", "system": b"config system\n", "firewall": None}
AFTER = {"wireless": b"config wifi-device 'a'\n", "system": b"", "firewall": b"config defaults\n"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    config = tmp_path / "etc" / "config"
    config.mkdir(parents=True)
    for name, content in BEFORE.items():
        if content is not None:
            (config / name).write_bytes(content)
            (config / name).chmod(0o640)
    return tmp_path


@pytest.fixture
def helper(root: Path) -> Iterator[Helper]:
    with serving(root) as helper:
        yield helper


@contextmanager
def serving(root: Path) -> Iterator[Helper]:
    """A helper that gives its lock back, as the end of its process would."""
    helper = Helper(str(root))
    try:
        yield helper
    finally:
        helper.lock.close()


def ask(root: Path, *fields: bytes) -> list[bytes]:
    with serving(root) as helper:
        return helper.answer(*fields)


def contents(root: Path) -> dict[str, bytes | None]:
    found = {name: root / "etc/config" / name for name in BEFORE}
    return {name: path.read_bytes() if path.exists() else None for name, path in found.items()}


def request() -> list[bytes]:
    triples = [(name.encode(), digest(BEFORE[name]).encode(), AFTER[name]) for name in BEFORE]
    return [b"apply", b"ab12", *(field for triple in triples for field in triple)]


def test_a10_q2_a_cut_at_any_point_of_an_apply_leaves_all_files_as_before(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = 0
    for _ in cut_points(root, [request()], monkeypatch):
        points += 1
        ask(root, b"rollback")
        assert contents(root) == BEFORE
        assert (root / "etc/config/system").stat().st_mode & 0o777 == 0o640
    assert points > 25
    ask(root, b"rollback")


def test_a10_q2_a_cut_at_any_point_of_apply_and_commit_leaves_all_or_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = set()
    for _ in cut_points(root, [request(), [b"commit", b"ab12"]], monkeypatch):
        ask(root, b"rollback")
        assert contents(root) in (BEFORE, AFTER)
        seen.add(contents(root) == AFTER)
        for name, content in BEFORE.items():
            path = root / "etc/config" / name
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(content)
    assert seen == {False, True}


def test_a10_q2_a_rollback_may_itself_be_cut_at_any_point(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = 0
    ask(root, *request())
    for _ in cut_points(root, [[b"rollback"]], monkeypatch):
        points += 1
        ask(root, b"rollback")
        assert contents(root) == BEFORE
        assert ask(root, *request())[0] == b"ok"
    assert points > 5


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a31_a_failing_disk_at_any_call_is_an_answer_and_nothing_is_half_written(
    helper: Helper, root: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    for answer in answers_of_a_failing_disk(lambda: helper.answer(*request()), code, monkeypatch):
        assert answer[:2] == [b"refused", b"storage"]
        assert contents(root) == BEFORE
    assert helper.answer(b"commit", b"ab12") == [b"ok"]
    assert contents(root) == AFTER


def test_a50_what_somebody_else_changed_since_it_was_read_refuses_the_whole(root: Path) -> None:
    (root / "etc/config/system").write_bytes(b"# mine\n")
    assert ask(root, *request())[:2] == [b"refused", b"changed"]
    assert contents(root) == {**BEFORE, "system": b"# mine\n"}


def test_a50_a_rollback_leaves_what_somebody_else_changed_and_says_so(helper: Helper, root: Path) -> None:
    helper.answer(*request())
    (root / "etc/config/system").write_bytes(b"# mine\n")
    (root / "etc/config/firewall").unlink()
    (root / "etc/config/firewall").symlink_to("system")
    assert helper.answer(b"rollback")[:4] == [b"ok", b"ab12", b"wireless", b"firewall system"]
    assert b"left as somebody changed them since: firewall system" in (root / "etc/dusk/undone").read_bytes()
    assert (root / "etc/config/system").read_bytes() == b"# mine\n"
    assert [path.name for path in (root / "etc/dusk/journal").iterdir()] == ["lock"]


def test_a50_libucis_lock_is_waited_for_and_then_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LOCK_S_MAX", 0.04)
    with (root / "etc/config/wireless").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert ask(root, *request())[:2] == [b"refused", b"busy"]
    assert contents(root) == BEFORE


def test_a31_too_little_free_space_is_refused_before_anything_is_written(
    helper: Helper, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "SPARE_BYTES", 2**62)
    assert helper.answer(*request())[:2] == [b"refused", b"no-space"]
    assert [path.name for path in (root / "etc/dusk/journal").iterdir()] == ["lock"]


def test_an_apply_that_nobody_finished_keeps_others_out(helper: Helper, root: Path) -> None:
    assert helper.answer(*request())[0] == b"ok"
    assert helper.answer(*request())[:2] == [b"refused", b"unfinished"]
    assert helper.answer(b"commit", b"other")[:2] == [b"refused", b"no-journal"]


def test_new_files_are_0600_and_others_keep_their_mode(root: Path) -> None:
    ask(root, *request())
    modes = {name: (root / "etc/config" / name).stat().st_mode & 0o777 for name in BEFORE}
    assert modes == {"wireless": 0o640, "system": 0o640, "firewall": 0o600}


def test_a_file_over_the_bound_is_refused(root: Path) -> None:
    (root / "etc/config/system").write_bytes(bytes(files.FILE_BYTES_MAX + 1))
    assert ask(root, b"read", b"system")[:2] == [b"refused", b"not-a-file"]


def test_a50_a_rollback_waits_for_libucis_lock_and_keeps_its_journal(
    helper: Helper, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper.answer(*request())
    monkeypatch.setattr(files, "LOCK_S_MAX", 0.04)
    with (root / "etc/config/wireless").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert helper.answer(b"rollback")[:2] == [b"refused", b"busy"]
    assert helper.answer(b"rollback")[:2] == [b"ok", b"ab12"]
    assert contents(root) == BEFORE


def test_a50_a_file_that_was_renamed_over_while_its_lock_was_awaited_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = files.lock

    def raced(fd: int, refusal: str) -> None:
        other = root / "etc/config/other"
        other.write_bytes(BEFORE["system"] or b"")
        other.replace(root / "etc/config/wireless")
        real(fd, refusal)

    monkeypatch.setattr("dusk.helper.places.lock", raced)
    assert ask(root, *request())[:2] == [b"refused", b"changed"]


def test_r7_no_damage_to_the_manifest_passes_for_less_to_undo(helper: Helper, root: Path) -> None:
    helper.answer(*request())
    path = root / "etc/dusk/journal/manifest"
    whole = path.read_bytes()
    flipped = (whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(len(whole)))
    for damaged in [*(whole[:size] for size in range(len(whole))), *flipped, whole + b"\n"]:
        path.write_bytes(damaged)
        for fields in ([b"rollback"], [b"commit", b"ab12"], request()):
            assert helper.answer(*fields)[:2] == [b"refused", b"damaged"]
    kept = {name.name for name in path.parent.iterdir()}
    assert kept >= {"manifest", "old.system", "old.wireless", "old.firewall"}
    path.write_bytes(whole)
    assert helper.answer(b"rollback")[:2] == [b"ok", b"ab12"]
    assert contents(root) == BEFORE


def test_r9_what_could_not_be_put_back_for_its_size_is_not_written(helper: Helper, root: Path) -> None:
    fields = request()
    fields[4] = bytes(files.FILE_BYTES_MAX + 1)
    assert helper.answer(*fields)[:2] == [b"refused", b"too-large"]
    assert contents(root) == BEFORE


def test_a46_a51_what_root_does_not_let_us_manage_is_not_read_either(helper: Helper, root: Path) -> None:
    (root / "etc/dusk/allow").write_text("system\n")
    assert helper.answer(b"read", b"wireless")[:2] == [b"refused", b"not-allowed"]
    assert helper.answer(b"read", b"system") == [b"ok", b"+config system\n"]
    assert helper.answer(b"read", b"dusk") == [b"ok", b"-"]
