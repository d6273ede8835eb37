"""Files come back without Python: the shell, cut anywhere, lied to, and as the helper's timer (A49, R9)."""

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import trio

from dusk.apply.events import Restored
from dusk.daemon.helper_client import HelperClient, Undone
from dusk.daemon.helper_start import start_helper
from dusk.helper import notes, running
from dusk.helper.journal import digest, sealed
from dusk.helper.process import Helper
from dusk.helper.running import REVERT, Watch
from tests.capabilities import EFFORT_FACTOR

BEFORE = {"wireless": b"config wifi-device\n", "system": b"config system\n", "firewall": None}
AFTER = {"wireless": b"config wifi-device 'a'\n", "system": b"", "firewall": b"config defaults\n"}
PROGRAMS = (
    "sh",
    "id",
    "find",
    "sha256sum",
    "cut",
    "cat",
    "tr",
    "cmp",
    "sed",
    "ls",
    "mv",
    "rm",
    "sync",
    "sleep",
    "flock",
    "logger",
)
"""All that the shell runs; each is in a busybox as OpenWrt configures it."""
SHELLS = [
    pytest.param("sh", id="sh"),
    pytest.param("busybox", id="busybox", marks=pytest.mark.needs("busybox")),
]
WAIT_S_MAX = 30.0
KILLER = """#!/bin/sh
echo {name} >>"$DUSK_CALLS"
[ "$(wc -l <"$DUSK_CALLS")" -lt "${{DUSK_KILL_AT:-9999}}" ] || kill -9 0
[ "${{DUSK_REFUSE:-}}" != {name} ] || exit 1
exec {real} "$@"
"""


def files(root: Path) -> dict[str, bytes | None]:
    found = {name: root / "etc/config" / name for name in BEFORE}
    return {name: path.read_bytes() if path.exists() else None for name, path in found.items()}


def journal(root: Path) -> Path:
    return root / "etc/dusk/journal"


@contextmanager
def serving(root: Path) -> Iterator[Helper]:
    helper = Helper(str(root))
    try:
        yield helper
    finally:
        helper.lock.close()


def apply(root: Path) -> None:
    """Leave an apply that nobody confirmed, as a helper does that is killed."""
    triples = [(name.encode(), digest(BEFORE[name]).encode(), AFTER[name]) for name in BEFORE]
    with serving(root) as helper:
        answer = helper.answer(b"apply", b"ab12", *(field for triple in triples for field in triple))
    assert answer[0] == b"ok"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "etc/config").mkdir(parents=True)
    for name, content in BEFORE.items():
        if content is not None:
            (root / "etc/config" / name).write_bytes(content)
            (root / "etc/config" / name).chmod(0o640)
    return root


@pytest.fixture
def applied(root: Path) -> Path:
    apply(root)
    assert files(root) == AFTER
    return root


class Shell:
    """The script under one shell, which finds no programs but those that it may use: Python is gone."""

    def __init__(self, kind: str, folder: Path) -> None:
        busybox = shutil.which("busybox") or ""
        listed = subprocess.check_output([busybox, "--list"], text=True) if kind == "busybox" else ""
        self.calls = folder / "calls"
        place = folder / "bin"
        place.mkdir()
        for name in PROGRAMS:
            real = f"{busybox} {name}" if name in listed.split() else shutil.which(name)
            real = shutil.which("true") if name in {"sync", "logger"} else real  # slow, and heard by others
            (place / name).write_text(KILLER.format(name=name, real=real))
            (place / name).chmod(0o755)
        (place / "wc").symlink_to(shutil.which("wc") or "")
        self.command = [busybox, "sh"] if kind == "busybox" else ["/bin/sh"]
        self.environment = {"PATH": str(place), "DUSK_CALLS": str(self.calls)}

    def start(self, root: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        self.calls.write_text("")
        return subprocess.Popen(
            [*self.command, REVERT, str(root), *arguments],
            env={**self.environment, **environment},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, root: Path, *arguments: str, **environment: str) -> tuple[int, str]:
        with self.start(root, *arguments, **environment) as process:
            _, said = process.communicate(timeout=WAIT_S_MAX)
        return process.returncode, said


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Shell:
    return Shell(request.param, tmp_path)


def title(root: Path) -> str:
    return (journal(root) / "manifest").read_text().splitlines()[0]


def test_a49_r9_without_python_all_files_come_back_and_word_is_left(shell: Shell, applied: Path) -> None:
    status, said = shell.run(applied)
    assert (status, files(applied)) == (0, BEFORE)
    assert (applied / "etc/config/system").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in journal(applied).iterdir()] == ["lock"]
    assert (applied / "etc/dusk/undone").stat().st_mode & 0o777 == 0o600
    with serving(applied) as helper:
        ident, times, why, _ = notes.read(helper.dusk)
    assert (ident, times) == ("ab12", 1)
    assert why in said
    assert "put back without the daemon: firewall system wireless" in why
    assert shell.run(applied) == (0, "")


def test_without_an_unfinished_apply_nothing_is_done_or_said(shell: Shell, root: Path) -> None:
    assert shell.run(root) == (0, "")
    with serving(root):
        assert shell.run(root) == (0, "")
    assert files(root) == BEFORE


def test_a10_a_kill_at_any_call_leaves_each_file_old_or_new_and_the_next_run_puts_all_back(
    shell: Shell, root: Path
) -> None:
    seen = set()
    for point in range(1, 999, 7 if EFFORT_FACTOR == 1 else 1):
        apply(root)
        status, _ = shell.run(root, DUSK_KILL_AT=str(point))
        left = files(root)
        assert all(left[name] in (BEFORE[name], AFTER[name]) for name in BEFORE)
        seen.add(sum(left[name] == BEFORE[name] for name in BEFORE))
        assert shell.run(root)[0] == 0
        assert files(root) == BEFORE
        assert (root / "etc/dusk/undone").read_text().startswith("ab12 ")
        if status == 0:
            break
        assert status == -signal.SIGKILL
    assert point > 40
    assert seen == {0, 1, 2, 3}


def test_a10_the_helper_goes_on_where_a_killed_shell_stopped(shell: Shell, root: Path) -> None:
    for point in range(20, 60, 8):
        apply(root)
        shell.run(root, DUSK_KILL_AT=str(point))
        with serving(root) as helper:
            assert helper.answer(b"rollback")[0] == b"ok"
        assert files(root) == BEFORE


def test_a50_what_somebody_changed_since_stays_and_is_told(shell: Shell, applied: Path) -> None:
    (applied / "etc/config/system").write_bytes(b"# mine\n")
    (applied / "etc/config/firewall").unlink()
    (applied / "etc/config/firewall").symlink_to("system")
    status, said = shell.run(applied)
    assert status == 0
    assert (
        "put back without the daemon: wireless; left as somebody changed them since: firewall system" in said
    )
    assert (applied / "etc/config/system").read_bytes() == b"# mine\n"
    assert (applied / "etc/config/wireless").read_bytes() == BEFORE["wireless"]


def manifest(root: Path, *lines: str) -> None:
    (journal(root) / "manifest").write_bytes(sealed("".join(f"{line}\n" for line in lines).encode()))


def _flip(path: Path) -> None:
    text = path.read_bytes()
    path.write_bytes(text[:40] + bytes([text[40] ^ 1]) + text[41:])


def _link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to(path.with_name("moved"))


HOSTILE: dict[str, Callable[[Path], object]] = {
    "a flipped bit": lambda root: _flip(journal(root) / "manifest"),
    "cut short": lambda root: os.truncate(journal(root) / "manifest", 200),
    "empty": lambda root: os.truncate(journal(root) / "manifest", 0),
    "without a last line end": lambda root: os.truncate(
        journal(root) / "manifest", (journal(root) / "manifest").stat().st_size - 1
    ),
    "a link": lambda root: _link(journal(root) / "manifest"),
    "a path": lambda root: manifest(root, "ab12 x", f"../../secret {digest(b'')} {digest(b'secret')}"),
    "an option": lambda root: manifest(root, "ab12 x", f"-rf - {digest(b'secret')}"),
    "no digest": lambda root: manifest(root, "ab12 x", f"system - {'x' * 64}"),
    "four words": lambda root: manifest(root, "ab12 x", f"system - {digest(b'')} {digest(b'')}"),
    "another copy": lambda root: (journal(root) / "old.system").write_bytes(b"hijacked"),
    "no copy": lambda root: (journal(root) / "old.system").unlink(),
    "a linked copy": lambda root: _link(journal(root) / "old.system"),
    "others may write the manifest": lambda root: (journal(root) / "manifest").chmod(0o666),
    "others may write the journal": lambda root: journal(root).chmod(0o777),
    "others may write config": lambda root: (root / "etc/config").chmod(0o775),
    "a linked journal": lambda root: _link(journal(root)),
    "a linked folder": lambda root: _link(root / "etc/dusk"),
}


@pytest.mark.parametrize("lie", HOSTILE)
def test_a51_a_journal_that_is_not_as_root_wrote_it_undoes_nothing(
    shell: Shell, applied: Path, lie: str
) -> None:
    secret = applied / "secret"
    secret.write_bytes(b"secret")
    HOSTILE[lie](applied)
    status, said = shell.run(applied)
    assert (status, files(applied), secret.read_bytes()) == (1, AFTER, b"secret")
    assert said.startswith("dusk-revert: ")
    assert said.count("\n") == 1


def test_a51_the_helper_refuses_a_copy_that_is_not_what_was_there(applied: Path) -> None:
    (journal(applied) / "old.system").write_bytes(b"hijacked")
    with serving(applied) as helper:
        assert helper.answer(b"rollback")[:2] == [b"refused", b"damaged"]
    assert (applied / "etc/config/system").read_bytes() == AFTER["system"]


def test_a31_a_disk_that_refuses_keeps_the_journal_for_the_next_run(shell: Shell, applied: Path) -> None:
    assert shell.run(applied, DUSK_REFUSE="mv")[0] == 2
    assert (journal(applied) / "manifest").exists()
    assert shell.run(applied)[0] == 0
    assert files(applied) == BEFORE


def test_a31_no_room_for_the_note_keeps_no_file_from_coming_back(shell: Shell, applied: Path) -> None:
    (applied / "etc/dusk/new.undone").mkdir()
    status, said = shell.run(applied)
    assert (status, files(applied)) == (0, BEFORE)
    assert "no room for a note" in said


def test_what_was_undone_is_counted_by_shell_and_helper_alike(shell: Shell, root: Path) -> None:
    for times in (1, 2, 3, 4):
        apply(root)
        if times % 2:
            shell.run(root)
        else:
            with serving(root) as helper:
                assert helper.answer(b"rollback", b"one\nline") == [
                    b"ok", b"ab12", b"firewall system wireless", b"", b"ab12", b"%d" % times, b"one line",
                    b"0", b"",
                ]  # fmt: skip
        assert (root / "etc/dusk/undone").read_text().startswith(f"ab12 {times} ")
    apply(root)
    with serving(root) as helper:
        assert helper.answer(b"commit", b"ab12") == [b"ok"]
    assert not (root / "etc/dusk/undone").exists()


@pytest.mark.parametrize("note", [b"", b"\xff\n\n", b"ab12 -1\n", b"ab12 x\n", b"ab12 999999999999999999\n"])
def test_a_note_that_makes_no_sense_keeps_nothing_from_coming_back(
    shell: Shell, applied: Path, note: bytes
) -> None:
    (applied / "etc/dusk/undone").write_bytes(note)
    assert shell.run(applied)[0] == 0
    assert files(applied) == BEFORE


def test_a_linked_note_is_no_note(applied: Path) -> None:
    (applied / "etc/dusk/undone").symlink_to("/etc/passwd")
    with serving(applied) as helper:
        assert helper.answer(b"rollback")[0] == b"ok"
    assert files(applied) == BEFORE


def test_two_that_undo_exclude_each_other(shell: Shell, applied: Path) -> None:
    held = os.open(journal(applied), os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with shell.start(applied) as process:
        wait_until(lambda: shell.calls.read_text().split().count("flock") >= 2)
        assert files(applied) == AFTER
        os.close(held)
        process.communicate(timeout=WAIT_S_MAX)
    assert files(applied) == BEFORE


def wait_until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S_MAX
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def test_a_timer_undoes_what_it_was_started_for_and_reloads_it(shell: Shell, applied: Path) -> None:
    reload = f'echo "$@" "$DUSK_ROOT" >{applied}/reloaded'
    status, said = shell.run(applied, "1", title(applied), DUSK_RELOAD=reload)
    assert (status, files(applied)) == (0, BEFORE)
    assert "not confirmed within 1 s" in said
    assert (applied / "reloaded").read_text() == f"firewall system wireless {applied}\n"


def test_a_timer_leaves_another_apply_alone(shell: Shell, applied: Path) -> None:
    former = title(applied)
    with serving(applied) as helper:
        helper.answer(b"rollback")
    apply(applied)
    assert shell.run(applied, "1", former) == (0, "")
    assert files(applied) == AFTER


def test_a_reload_that_fails_is_told_and_the_files_stay_back(shell: Shell, applied: Path) -> None:
    status, said = shell.run(applied, "1", title(applied), DUSK_RELOAD="exit 3")
    assert (status, files(applied)) == (0, BEFORE)
    assert "the reload ended with 3" in said


def test_r9_a_timer_that_is_killed_in_its_reload_leaves_it_to_the_helper_and_counts_once(
    shell: Shell, applied: Path
) -> None:
    reloading(applied)
    status, _ = shell.run(applied, "1", title(applied), DUSK_RELOAD="kill -9 $PPID")
    assert (status, files(applied)) == (-signal.SIGKILL, BEFORE)
    assert (journal(applied) / "manifest").exists()
    with serving(applied) as helper:
        answer = helper.answer(b"rollback", b"later")
    assert answer[2] == b"firewall system wireless"
    assert answer[5] == b"1", "one try was undone, in two goes"
    assert (applied / "effect").read_bytes() == BEFORE["system"]
    assert not (journal(applied) / "manifest").exists()
    apply(applied)
    shell.run(applied, "1", title(applied), DUSK_RELOAD="kill -9 $PPID")
    shell.run(applied)
    assert (applied / "etc/dusk/undone").read_text().startswith("ab12 2 ")


# --- the helper's timer, for real ----------------------------------------------------------------


def is_killed(process: Path) -> bool:
    """Tell whether a process has SIGKILL before it: nothing of its own runs any more."""
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines())
    return bool(int(status["ShdPnd"], 16) >> signal.SIGKILL - 1 & 1)


def waiting_shells(root: Path) -> list[int]:
    """Return the processes that wait to undo something below a root.

    A child of a killed shell may be there for a moment more than the shell itself: it was killed, too.
    """
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            ours = os.fsencode(REVERT) in words and os.fsencode(root) in words
            killed = ours and is_killed(entry)
        except OSError:
            continue
        if ours and not killed:
            found.append(int(entry.name))
    return found


@asynccontextmanager
async def helped(root: Path) -> AsyncIterator[tuple[HelperClient, int]]:
    """A helper in a process of its own, and its number."""
    pid, read_fd, write_fd = start_helper(str(root))
    client = HelperClient(read_fd, write_fd)
    try:
        yield client, pid
    finally:
        await client.aclose()
        await trio.to_thread.run_sync(os.waitpid, pid, 0)


OLD, NEW = b"config system\n", b"# bad\n"


def reloading(root: Path) -> None:
    (root / "etc/config/dusk").write_text(
        f"config dusk 'main'\n\toption reload 'cat {root}/etc/config/system >{root}/effect'\n"
    )


@pytest.mark.usefixtures("watched")
async def test_a49_r9_a_helper_that_is_killed_is_outlived_by_its_timer(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "WATCH_SPARE_S", 0)
    reloading(root)
    async with helped(root) as (client, pid):
        await client.hello()
        await client.apply("ab", {"system": (OLD, NEW)}, window_s=1.0)
        await client.reload()
        assert (root / "effect").read_bytes() == NEW
        os.kill(pid, signal.SIGKILL)
    await trio.to_thread.run_sync(wait_until, lambda: not waiting_shells(root))
    assert (root / "etc/config/system").read_bytes() == OLD
    assert (root / "effect").read_bytes() == OLD
    async with helped(root) as (client, _):
        assert await client.hello() == Undone("", (), ())
        why = "it was not confirmed within 1 s; put back without the daemon: system"
        assert client.restored == Restored("ab", 1, why)


@pytest.mark.usefixtures("watched")
async def test_a_confirmed_apply_leaves_no_process(root: Path) -> None:
    async with helped(root) as (client, _):
        await client.hello()
        await client.apply("ab", {"system": (OLD, NEW)})
        assert waiting_shells(root)
        await client.commit("ab")
        assert waiting_shells(root) == []
        await client.apply("ac", {"system": (NEW, OLD)})
        await client.rollback()
        assert waiting_shells(root) == []
    assert (root / "etc/config/system").read_bytes() == NEW


@pytest.mark.usefixtures("watched")
async def test_r9_the_end_of_the_daemon_puts_back_reloads_and_leaves_no_process(root: Path) -> None:
    reloading(root)
    async with helped(root) as (client, _):
        await client.hello()
        await client.apply("ab", {"system": (OLD, NEW)})
        await client.reload()
    assert waiting_shells(root) == []
    assert (root / "etc/config/system").read_bytes() == OLD
    assert (root / "effect").read_bytes() == OLD
    async with helped(root) as (client, _):
        await client.hello()
        assert client.restored == Restored("ab", 1, "the daemon ended before it was confirmed")


@pytest.mark.usefixtures("watched")
def test_without_a_shell_nothing_is_written(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError("no memory for a process")

    monkeypatch.setattr(os, "posix_spawn", refuse)
    with serving(root) as helper:
        answer = helper.answer(b"apply", b"ab", b"system", digest(OLD).encode(), NEW)
    assert answer == [b"refused", b"storage", b"no memory for a process"]
    assert files(root) == BEFORE


def test_how_long_a_daemon_may_wait_is_bounded(root: Path) -> None:
    watch = Watch(str(root))
    found = []
    for seconds in (b"-5", b"90", b"1000000000"):
        watch.prepare((seconds,), b"", [])
        found.append(watch.wait_s)
    assert found == [61, 150, 3660]
