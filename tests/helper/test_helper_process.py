"""The helper as a real process: what it refuses, what it runs, and how small it is."""

import compileall
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from dusk.daemon import helper_client
from dusk.daemon.helper_client import HelperClient, Undone, digest
from dusk.daemon.helper_start import start_helper
from dusk.effects import CommitFiles, FilesRead, HelperDone, ReadFiles, RollbackFiles, WriteFiles
from dusk.errors import Refused, StorageError
from dusk.helper import files, running
from dusk.helper.message import MESSAGE_BYTES_MAX, encode
from dusk.helper.process import Helper

OLD = b"# old\n"
RELOAD = "config dusk 'main'\n\toption reload '{}'\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc/config").mkdir(parents=True)
    (tmp_path / "etc/config/system").write_bytes(OLD)
    return tmp_path


@asynccontextmanager
async def served(root: Path) -> AsyncIterator[HelperClient]:
    pid, read_fd, write_fd = start_helper(str(root))
    client = HelperClient(read_fd, write_fd)
    try:
        yield client
    finally:
        await client.aclose()
        await trio.to_thread.run_sync(os.waitpid, pid, 0)


@asynccontextmanager
async def killed(root: Path) -> AsyncIterator[HelperClient]:
    """A helper that has no time to put anything back."""
    pid, read_fd, write_fd = start_helper(str(root))
    client = HelperClient(read_fd, write_fd)
    try:
        yield client
    finally:
        os.kill(pid, signal.SIGKILL)
        await client.aclose()
        await trio.to_thread.run_sync(os.waitpid, pid, 0)


async def test_files_go_through_the_pipe_and_back(root: Path) -> None:
    (root / "etc/config/dusk").write_text(RELOAD.format('echo "$@" "$DUSK_ROOT" >&2'))
    async with served(root) as client:
        assert await client.hello() == Undone("", (), ())
        assert await client.perform(ReadFiles(("system", "network"))) == FilesRead(
            {"system": OLD, "network": None}
        )
        wanted: dict[str, tuple[bytes | None, bytes]] = {"system": (OLD, b"# x"), "network": (None, b"")}
        written = await client.perform(WriteFiles("ab", wanted))
        assert written == HelperDone("write", "ab", None, 0, f"network system {root}")
        undone = await client.perform(RollbackFiles("ab"))
        assert undone == HelperDone("rollback", "ab", None, 0, f"network system {root}")
        refused = await client.perform(CommitFiles("ab"))
        assert isinstance(refused, HelperDone)
        assert (refused.error or "").startswith("no-journal: ")
    assert (root / "etc/config/system").read_bytes() == OLD


async def test_r9_an_unfinished_apply_is_put_back_at_the_next_start_and_told(root: Path) -> None:
    async with killed(root) as client:
        await client.hello()
        await client.apply("ab", {"system": (OLD, b"# bad")})
    async with served(root) as client:
        assert await client.hello() == Undone("ab", ("system",), (), reloaded=(0, ""))
    assert (root / "etc/config/system").read_bytes() == OLD


async def test_a_second_daemon_on_the_same_root_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LOCK_S_MAX", 0.04)
    async with served(root) as first:
        await first.hello()
        async with served(root) as second:
            with pytest.raises(Refused, match="another dusk daemon runs on"):
                await second.hello()


@pytest.mark.parametrize(
    "prepare",
    [
        lambda root: (root / "etc/config").chmod(0o777),
        lambda root: (root / "etc/dusk").symlink_to(root / "etc/config"),
        lambda root: root.chmod(0o775),
    ],
)
async def test_a51_folders_that_others_may_write_or_that_are_links_are_refused(
    root: Path, prepare: Callable[[Path], None]
) -> None:
    prepare(root)
    async with served(root) as client:
        with pytest.raises((Refused, StorageError)):
            await client.hello()


async def test_a31_a_helper_that_ended_is_a_clear_error(root: Path) -> None:
    async with served(root) as client:
        await client.hello()
        with pytest.raises(StorageError, match="does not answer"):
            await client.apply("ab", {"system": (OLD, bytes(MESSAGE_BYTES_MAX + 1))})
        with pytest.raises(StorageError, match="stopped answering"):
            await client.reload()


@pytest.mark.parametrize(
    "header",
    [
        b"\n",
        b"5",
        b"-1 3\n",
        b"a\n",
        b"99999999\n",
        b"1" * 5000,
        b"+1\nx",
        b"1_0\n",
        b"01\nx",
        b" 1\nx",
        b"1 \nx",
    ],
)
def test_a46_a_message_without_the_form_ends_the_helper(root: Path, header: bytes) -> None:
    pid, read_fd, write_fd = start_helper(str(root))
    os.write(write_fd, header)
    os.close(write_fd)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    os.close(read_fd)


@pytest.mark.parametrize(
    ("request_fields", "code"),
    [
        ([], b"bad-request"),
        ([b"__init__"], b"bad-request"),
        ([b"answer", b"read"], b"bad-request"),
        ([b"commit"], b"bad-request"),
        ([b"apply", b"ab", b"system"], b"bad-request"),
        ([b"read", b"system", b"system"], b"bad-request"),
        ([b"apply", b"ab", b"system", b"-", bytes(files.FILE_BYTES_MAX + 1)], b"too-large"),
        ([b"apply", b"ab", b"-x", b"-", b""], b"bad-name"),
        ([b"apply", b"a b", b"system", b"-", b""], b"bad-name"),
        ([b"apply", b"ab", b"../../tmp/x", b"-", b""], b"bad-name"),
        ([b"apply", b"ab", b"dusk", b"-", b""], b"not-allowed"),
        ([b"read", b"../dusk/join"], b"bad-name"),
        ([b"read", b"system\0"], b"bad-name"),
        ([b"read", b"a" * 65], b"bad-name"),
        ([b"read", b""], b"bad-name"),
        ([b"read", b"link"], b"not-a-file"),
        ([b"read", b"pipe"], b"not-a-file"),
        ([b"apply", b"ab", b"link", b"-", b""], b"not-a-file"),
        ([b"read", b"loose"], b"untrusted"),
    ],
)
def test_a46_a51_requests_beyond_the_list_are_refused(
    root: Path, request_fields: list[bytes], code: bytes
) -> None:
    (root / "etc/config/link").symlink_to("/etc/shadow")
    os.mkfifo(root / "etc/config/pipe")
    (root / "etc/config/loose").touch()
    (root / "etc/config/loose").chmod(0o666)
    helper = Helper(str(root))
    (root / "etc/dusk/allow").write_text("system link pipe loose")
    assert helper.answer(*request_fields)[:2] == [b"refused", code]
    helper.lock.close()
    assert (root / "etc/config/system").read_bytes() == OLD


def test_a51_only_packages_that_root_lists_are_written(root: Path) -> None:
    helper = Helper(str(root))
    (root / "etc/dusk/allow").write_text("network\n")
    answer = helper.answer(b"apply", b"ab", b"system", b"-", b"")
    helper.lock.close()
    assert answer[:2] == [b"refused", b"not-allowed"]


@pytest.mark.parametrize(
    ("command", "result"),
    [
        ("exit 3", [b"ok", b"3", b""]),
        ("echo one >&2; echo two >&2; false", [b"ok", b"1", b"two"]),
        ("sleep 60 & sleep 60", [b"ok", b"-9", b"killed after 0 s"]),
        ("kill -15 $$", [b"ok", b"-15", b""]),
        ("yes >&2 | head -c 1000000 >&2; exit 4", [b"ok", b"4", b"y"]),
    ],
)
def test_the_reload_command_is_told_by_status_and_last_line(
    root: Path, command: str, result: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "RELOAD_S_MAX", 0.2 if "sleep" in command else 20)
    (root / "etc/config/dusk").write_text(RELOAD.format(command.replace("yes >&2", "yes")) + "# end\n")
    helper = Helper(str(root))
    assert helper.answer(b"reload") == result
    helper.lock.close()


def test_without_a_command_nothing_is_reloaded_and_a_broken_one_is_refused(root: Path) -> None:
    helper = Helper(str(root))
    assert helper.answer(b"reload") == [b"ok", b"0", b""]
    (root / "etc/config/dusk").write_text("\toption reload 'x\n")
    assert helper.answer(b"reload")[:2] == [b"refused", b"bad-request"]
    (root / "etc/dusk/join").touch()
    assert helper.answer(b"join_done") == [b"ok"]
    helper.lock.close()
    assert not (root / "etc/dusk/join").exists()


FORK = """
import sys
from dusk.daemon.helper_start import start_helper
pid, answers, requests = start_helper(sys.argv[1])
import os
from dusk.helper.message import encode
os.read(answers, 100)
for package in (b"dusk", b"wireless"):  # as a daemon that starts
    os.write(requests, encode(b"read", package))
    os.read(answers, 100)
print(*[line.split()[1] for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS")])
"""
BARE = 'print(*[line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS")])'


def resident_kib(*arguments: str) -> int:
    project = Path(__file__).parents[2]
    return int(subprocess.check_output([sys.executable, "-c", *arguments], cwd=project))


def test_p19_the_helper_is_about_as_small_as_a_bare_python(root: Path) -> None:
    compileall.compile_dir(Path(__file__).parents[2] / "dusk", quiet=1)  # compiling takes memory
    assert resident_kib(FORK, str(root)) <= 1.2 * resident_kib(BARE)


async def test_r9_who_gives_up_a_request_leaves_no_answer_for_the_next_and_breaks_nothing(root: Path) -> None:
    """An order is waited for a few seconds, and a reload may take longer."""
    settings = RELOAD.format("sleep 0.3")
    (root / "etc/config/dusk").write_text(settings)
    async with served(root) as client:
        await client.hello()
        with trio.move_on_after(0.05):
            await client.reload()
        assert await client.settings() == settings.encode()


async def test_a_daemon_that_stops_waits_for_no_request() -> None:
    (read_fd, theirs), (ours, write_fd) = os.pipe(), os.pipe()
    client = HelperClient(read_fd, write_fd)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.watch)
            nursery.start_soon(client.reload)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        await client.aclose()
    os.close(theirs)
    os.close(ours)


async def test_r9_a_helper_that_is_killed_ends_the_daemon_which_is_started_anew(root: Path) -> None:
    """Else no apply, no rollback and no order would ever be done here again."""
    pid, read_fd, write_fd = start_helper(str(root))
    client = HelperClient(read_fd, write_fd)
    await client.hello()
    os.kill(pid, signal.SIGKILL)
    with pytest.RaisesGroup(pytest.RaisesExc(StorageError, match="stopped answering")), trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.watch)
            done = await client.perform(RollbackFiles("ab"))
            assert isinstance(done, HelperDone)
            assert (done.error or "").startswith("storage: the helper does not answer")
            await trio.sleep_forever()
    await client.aclose()
    await trio.to_thread.run_sync(os.waitpid, pid, 0)


def test_r7_a_request_that_is_cut_short_is_not_done(root: Path) -> None:
    pid, read_fd, write_fd = start_helper(str(root))
    os.write(write_fd, encode(b"apply", b"ab", b"system", digest(OLD), b"# whole\n")[:-1])
    os.close(write_fd)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    os.close(read_fd)
    assert (root / "etc/config/system").read_bytes() == OLD
    assert not (root / "etc/dusk/journal/manifest").exists()


async def test_a51_the_reload_command_inherits_nothing_of_whoever_started_the_daemon(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = tmp_path_factory.mktemp("found") / "facts"
    script = found.with_name("look")
    script.write_text(
        f"exec >{found}; pwd; umask; env | sort; ls /proc/self/fd; grep -E 'Sig(Ign|Blk)' /proc/self/status\n"
    )
    monkeypatch.chdir(root)
    monkeypatch.setenv("LD_PRELOAD_OF_OURS", "x")
    (root / "etc/config/dusk").write_text(RELOAD.format(f". {script}"))
    inherited = os.open(root, os.O_RDONLY)
    os.set_inheritable(inherited, True)
    former = os.umask(0)
    ignored = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        async with served(root) as client:
            await client.hello()
            assert await client.reload() == (0, "")
    finally:
        signal.signal(signal.SIGHUP, ignored)
        os.umask(former)
        os.close(inherited)
    cwd, mask, *rest = found.read_text().split("\n")
    env = [line for line in rest if "=" in line and not line.startswith(("PWD", "OLDPWD", "SHLVL", "_="))]
    descriptors = [line for line in rest if line.isdigit()]
    assert (cwd, int(mask, 8)) == ("/", 0o022)
    assert env == [f"DUSK_ROOT={root}", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
    assert descriptors == ["0", "1", "2", "3"], "3 is the folder that ls reads"
    signals = [int(line.split()[1], 16) for line in rest if line.startswith("Sig")]
    assert [mask & 0x7FFF_FFFF for mask in signals] == [0, 0], "32 and 33 are the C library's own"


async def test_a_start_waits_for_the_reload_that_a_dead_daemon_left_and_says_so(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(files, "LOCK_S_MAX", 0.3)
    monkeypatch.setattr(helper_client, "PATIENCE_S", 0.1)
    command = f"cd {root}; echo now >began; sleep 0.8; touch ended"
    os.mkfifo(root / "began")
    (root / "etc/config/dusk").write_text(RELOAD.format(command))
    pid, read_fd, write_fd = start_helper(str(root))
    os.write(write_fd, encode(b"reload"))
    assert await trio.to_thread.run_sync((root / "began").read_bytes) == b"now\n"
    os.close(read_fd)
    os.close(write_fd)
    async with served(root) as client:
        assert await client.hello() == Undone("", (), ())
        assert (root / "ended").exists()
    assert "waiting: a reload" in capsys.readouterr().err
    await trio.to_thread.run_sync(os.waitpid, pid, 0)


async def test_r9_a_damaged_list_of_what_to_undo_is_kept_told_and_shown(root: Path) -> None:
    async with killed(root) as client:
        await client.hello()
        await client.apply("ab", {"system": (OLD, b"# bad")})
    manifest = root / "etc/dusk/journal/manifest"
    whole = manifest.read_bytes()
    manifest.write_bytes(b"")
    async with served(root) as client:
        undone = await client.hello()
        assert "manifest" in undone.problem
        assert client.problem == undone.problem
        with pytest.raises(Refused, match="manifest"):
            await client.rollback()
        manifest.write_bytes(whole)
        assert (await client.rollback()).restored == ("system",)
        assert client.problem == ""
    assert (root / "etc/config/system").read_bytes() == OLD
