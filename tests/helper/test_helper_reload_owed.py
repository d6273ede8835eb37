"""A reload that a rollback owes outlives whoever was to do it: else old files lie there unread (R9)."""

import os
import signal
from pathlib import Path

import pytest
import trio

from dusk.apply.events import Restored
from dusk.daemon.helper_client import Undone
from dusk.daemon.helper_start import start_helper
from dusk.helper.journal import digest
from dusk.helper.message import encode
from tests.helper.test_dusk_revert import NEW, OLD, helped, reloading, serving, waiting_shells


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc/config").mkdir(parents=True)
    (tmp_path / "etc/config/system").write_bytes(OLD)
    return tmp_path


@pytest.mark.usefixtures("watched")
def test_r9_a_reload_that_could_not_be_begun_is_owed_until_it_was(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of memory: the files are back, and what runs is what cut the router off."""

    def refuse(*_: object, **__: object) -> int:
        raise OSError("no memory for a process")

    reloading(root)
    with serving(root) as helper:
        assert helper.answer(b"apply", b"ab", b"system", digest(OLD).encode(), NEW)[0] == b"ok"
        with monkeypatch.context() as patched:
            patched.setattr(os, "posix_spawn", refuse)
            refusal = [b"refused", b"storage", b"no memory for a process"]
            assert helper.answer(b"rollback") == refusal
            assert helper.answer(b"rollback") == refusal
        assert (root / "etc/config/system").read_bytes() == OLD
        assert waiting_shells(root), "the timer goes on: the daemon may be the next to be killed"
        answer = helper.answer(b"rollback")
        assert (answer[2], answer[5], answer[7:]) == (b"system", b"1", [b"0", b""])
    assert (root / "effect").read_bytes() == OLD
    assert waiting_shells(root) == []


async def test_r9_a_helper_that_is_killed_in_the_reload_of_a_rollback_does_it_at_the_next_start(
    root: Path,
) -> None:
    reloading(root)
    async with helped(root) as (client, _):
        await client.hello()
        await client.apply("ab", {"system": (OLD, NEW)})
        await client.reload()
        await client.commit("ab")
    os.mkfifo(root / "began")
    (root / "etc/config/dusk").write_text(
        f"config dusk 'main'\n\toption reload 'echo $$ >{root}/began; exec sleep 60'\n"
    )
    pid, read_fd, write_fd = start_helper(str(root))
    fields = (b"apply", b"ac", b"system", digest(NEW).encode(), b"# worse\n")
    os.write(write_fd, encode(*fields) + encode(b"rollback"))
    reload = int(await trio.to_thread.run_sync((root / "began").read_bytes))
    os.kill(pid, signal.SIGKILL)
    os.kill(reload, signal.SIGKILL)
    await trio.to_thread.run_sync(os.waitpid, pid, 0)
    os.close(read_fd)
    os.close(write_fd)
    reloading(root)
    (root / "effect").unlink()
    async with helped(root) as (client, _):
        assert await client.hello() == Undone("ac", ("system",), (), reloaded=(0, ""))
        assert client.restored == Restored("ac", 1, "it was not confirmed before a stop")
    assert (root / "effect").read_bytes() == NEW


async def test_r9_a_daemon_that_ends_behind_its_order_to_roll_back_leaves_no_reload_out(root: Path) -> None:
    reloading(root)
    pid, read_fd, write_fd = start_helper(str(root))
    for fields in ((), (b"apply", b"ab", b"system", digest(OLD).encode(), NEW)):
        os.write(write_fd, encode(*fields) if fields else b"")
        await trio.to_thread.run_sync(os.read, read_fd, 1000)
    os.write(write_fd, encode(b"rollback"))
    os.close(write_fd)
    os.close(read_fd)
    await trio.to_thread.run_sync(os.waitpid, pid, 0)
    assert (root / "effect").read_bytes() == OLD
