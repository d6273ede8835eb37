"""Giving up root, for real."""

import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from dusk.daemon import privileges
from dusk.daemon.privileges import Account, account_for_daemon, check_dropped, drop, prepare_folders
from dusk.errors import Refused


def nobody() -> Account:
    entry = pwd.getpwnam("nobody")
    return Account("nobody", entry.pw_uid, entry.pw_gid)


def told_by_child(work: Callable[[], str]) -> str:
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(theirs, work().encode())
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as stream:
        text = stream.read().decode()
    os.waitpid(pid, 0)
    return text


@pytest.mark.needs("root")
def test_a46_after_the_drop_nothing_of_root_is_left_and_its_files_are_closed(tmp_path: Path) -> None:
    account = nobody()
    tmp_path.chmod(0o755)
    (tmp_path / "etc/config").mkdir(parents=True)
    target = tmp_path / "etc/config/system"
    target.write_text("mine")

    def work() -> str:
        drop(account)
        try:
            target.write_text("stolen")
        except PermissionError:
            return "refused\n" + Path("/proc/self/status").read_text()
        return "written"

    told = told_by_child(work)
    assert told.startswith("refused\n")
    facts = dict(line.split(":", 1) for line in told.splitlines() if ":" in line)
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(facts[name], 16) == 0, name
    assert facts["NoNewPrivs"].strip() == "1"
    assert facts["Uid"].split() == [str(account.uid)] * 4
    assert facts["Groups"].split() == []
    assert target.read_text() == "mine"


@pytest.mark.needs("root")
def test_a35_the_dropped_process_gives_no_core_and_no_memory() -> None:
    def work() -> str:
        drop(nobody())
        own = Path("/proc/self/fd").stat().st_uid
        return f"{own} {Path('/proc/self/limits').read_text().split('Max core file size')[1].split()[:2]}"

    assert told_by_child(work) == "0 ['0', '0']"


def test_whatever_is_left_is_named() -> None:
    status = "CapInh:\t0\nCapPrm:\t1\nCapEff:\t0000\nCapAmb:\t0\nCapBnd:\t0\nNoNewPrivs:\t0\nGroups:\t\n"
    with pytest.raises(Refused, match=r"CapPrm, NoNewPrivs, Uid, Gid$"):
        check_dropped(Account("x", 5, 5), status)


def test_a_missing_user_is_refused_with_the_way_to_make_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(Refused, match="useradd --system"):
        account_for_daemon("no-such-user-of-dusk")
    with pytest.raises(Refused, match="root itself"):
        account_for_daemon("root")
    monkeypatch.setattr(privileges, "_is_somebody_outside", lambda: True)
    assert account_for_daemon("no-such-user-of-dusk") is None


def test_folders_have_their_modes_and_links_are_refused(tmp_path: Path) -> None:
    prepare_folders(str(tmp_path), None)
    modes = [
        (tmp_path / name).stat().st_mode & 0o777 for name in ("etc/dusk", "etc/dusk/node", "var/run/dusk")
    ]
    assert modes == [0o711, 0o700, 0o755]
    (tmp_path / "etc/dusk/node").rmdir()
    (tmp_path / "etc/dusk/node").symlink_to(tmp_path)
    with pytest.raises(Refused):
        prepare_folders(str(tmp_path), None)


def test_who_may_not_make_the_folders_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", closed)
    with pytest.raises(Refused, match="Permission denied; run this as root, or give a root that is yours"):
        privileges._folder(tmp_path / "etc/dusk", 0o711, os.geteuid(), os.getegid())


@pytest.mark.needs("root")
def test_a35_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    prepare_folders(str(tmp_path), None)
    os.chown(tmp_path / "etc/dusk/node", 12345, 12345)
    with pytest.raises(Refused, match="belongs to uid 12345"):
        prepare_folders(str(tmp_path), nobody())
    os.chown(tmp_path / "etc/dusk/node", 0, 0)
    prepare_folders(str(tmp_path), nobody())
    assert (tmp_path / "etc/dusk/node").stat().st_uid == nobody().uid


@pytest.mark.needs("root")
def test_folders_that_root_made_as_it_put_files_back_are_the_daemons_again(tmp_path: Path) -> None:
    """An archive of files alone, as sysupgrade makes it, has the files' owners and no folders."""
    node = tmp_path / "etc/dusk/node"
    (node / "drafts").mkdir(parents=True, mode=0o755)
    (node / "identity").touch(mode=0o600)
    (node / "elsewhere").symlink_to(tmp_path)
    before = tmp_path.stat()
    prepare_folders(str(tmp_path), nobody())
    found = (node / "drafts").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (nobody().uid, nobody().gid, 0o700)
    assert (tmp_path.stat().st_uid, tmp_path.stat().st_mode) == (before.st_uid, before.st_mode)
    (node / "outbox").mkdir()
    os.chown(node / "outbox", 12345, 12345)
    with pytest.raises(Refused, match="belongs to uid 12345"):
        prepare_folders(str(tmp_path), nobody())


def test_the_folders_above_let_the_daemon_through_whatever_the_umask_is(tmp_path: Path) -> None:
    umask = os.umask(0o077)
    try:
        prepare_folders(str(tmp_path), None)
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(umask)
    for folder, mode in (("etc", 0o755), ("var", 0o755), ("var/run", 0o755), ("etc/dusk/node", 0o700)):
        assert (tmp_path / folder).stat().st_mode & 0o777 == mode
