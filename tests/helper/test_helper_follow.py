"""Root's programs that follow what happens: only root's, of fixed forms, waited for by nobody (R14, A46)."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dusk.errors import Refused
from dusk.helper.process import Helper
from dusk.helper.running import BESIDE
from tests.helper.test_helper_hooks import hook, said
from tests.helper.test_helper_process import root as root_folder
from tests.helper.test_helper_process import served

root = root_folder
ENDED_S_MAX = 30.0
DEVICE = "0123456789abcdef0123456789abcdef"
APPROVE, REMOVE = ("approve", DEVICE, "attic"), ("remove", DEVICE, "attic-2")
ALARM = ("alarm", "begin", "drift-fight")
TELL = 'echo "$@" >>"$DUSK_ROOT/said"'
DONE, BUSY = [b"ok", b"0", b""], [b"ok", b"75", b""]


@pytest.fixture
def helper(root: Path) -> Iterator[Helper]:
    helper = Helper(str(root))
    yield helper
    helper.lock.close()


def until(condition: Callable[[], bool]) -> None:
    """Wait for what a program does that nobody waits for."""
    end_s = time.monotonic() + ENDED_S_MAX
    while not condition():
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.02)


def told(helper: Helper, *words: str) -> list[bytes]:
    return helper.answer(b"hook", *(word.encode() for word in words))


def is_free(root: Path) -> bool:
    """Tell whether no program runs any more."""
    lock = root / "etc/dusk/journal/hooks"
    return subprocess.run(["flock", "-n", lock, "true"], check=False).returncode == 0


def is_gone(file: Path) -> bool:
    """Tell whether the process that wrote its id there has ended."""
    try:
        return Path(f"/proc/{int(file.read_text())}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("words", [APPROVE, REMOVE, ALARM, ("alarm", "over", "x")])
def test_the_programs_are_told_in_their_order(helper: Helper, root: Path, words: tuple[str, ...]) -> None:
    for name in ("20-b", "10-a"):
        hook(root, words[0], f'{TELL}; echo {name} >>"$DUSK_ROOT/said"', name)
    assert told(helper, *words) == DONE
    until(lambda: is_free(root))
    assert said(root) == [" ".join(words), "10-a", " ".join(words), "20-b"]


def test_nobody_waits_for_a_program_and_the_next_event_waits_for_it(helper: Helper, root: Path) -> None:
    os.mkfifo(root / "go")
    hook(root, "approve", f'{TELL}; read -r _ <"$DUSK_ROOT/go"')
    hook(root, "alarm", TELL)
    assert told(helper, *APPROVE) == DONE
    assert helper.answer(b"read", b"system")[0] == b"ok"
    assert told(helper, *ALARM) == told(helper, *APPROVE) == BUSY
    (root / "go").write_text("\n")
    until(lambda: told(helper, *ALARM) == DONE)
    until(lambda: is_free(root))
    assert said(root) == [" ".join(APPROVE), " ".join(ALARM)]


def test_what_a_program_leaves_behind_ends_with_it(helper: Helper, root: Path) -> None:
    hook(root, "approve", 'sleep 600 >/dev/null 2>&1 & echo $! >"$DUSK_ROOT/left"')
    assert told(helper, *APPROVE) == DONE
    until(lambda: (root / "left").exists() and is_free(root))
    until(lambda: is_gone(root / "left"))


def test_without_programs_nothing_is_run_and_no_lock_is_made(helper: Helper, root: Path) -> None:
    hook(root, "approve", TELL)
    assert told(helper, *REMOVE) == DONE
    assert not (root / "etc/dusk/journal/hooks").exists()


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("alarm",),
        ("alarm", "begin"),
        ("alarm", "begin", "drift", "more"),
        ("alarm", "ends", "drift"),
        ("alarm", "begin", "Drift"),
        ("alarm", "begin", "a" * 33),
        ("alarm", "begin", "a_b"),
        ("pre-apply", "begin", "drift"),
        ("../alarm", "begin", "drift"),
        ("", "begin", "drift"),
        ("approve", DEVICE, "attic; id"),
        ("approve", DEVICE, "-attic"),
        ("approve", DEVICE, "attic-"),
        ("approve", DEVICE, "at--tic"),
        ("approve", DEVICE, "a" * 64),
        ("approve", DEVICE, "attic\n"),
        ("approve", DEVICE, ""),
        ("approve", DEVICE.upper(), "attic"),
        ("approve", DEVICE[1:], "attic"),
        ("remove", DEVICE + "0", "attic"),
        ("remove", "$(id)", "attic"),
    ],
)
def test_a46_what_has_another_form_is_told_to_no_program(
    helper: Helper, root: Path, words: tuple[str, ...]
) -> None:
    for kind in ("alarm", "approve", "remove", "pre-apply"):
        hook(root, kind, TELL)
    answer = told(helper, *words)
    assert answer[0] == b"refused" or answer[1:] == [b"1", b"hooks are told of nothing of this form"]
    assert not (root / "etc/dusk/journal/hooks").exists(), "it was judged before anything else"


def test_a46_the_script_judges_by_itself_too(root: Path) -> None:
    hook(root, "approve", TELL)
    for name in ("attic; id", "attic\nid", "../attic", "$(id)", "a" * 64, ""):
        ended = subprocess.run(
            ["/bin/sh", f"{BESIDE}/dusk-hook", "approve", DEVICE, name],
            env={"PATH": os.environ["PATH"], "DUSK_ROOT": str(root)},
            start_new_session=True,
            check=False,
        )
        assert ended.returncode == 1


def _link(path: Path) -> None:
    path.rename(path.with_name(".moved"))
    path.symlink_to(".moved")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.parent.chmod(0o775),
        lambda path: path.parent.parent.chmod(0o777),
        lambda path: _link(path.parent),
        lambda path: _link(path.parent.parent),
    ],
)
def test_a51_a_folder_that_is_not_roots_alone_is_refused(
    helper: Helper, root: Path, spoil: Callable[[Path], object]
) -> None:
    spoil(hook(root, "approve", TELL))
    answer = told(helper, *APPROVE)
    assert answer[:2] == [b"ok", b"1"]
    assert b"must be root's alone to write" in answer[2]
    assert said(root) == []


async def test_the_daemon_hears_whether_they_began(root: Path) -> None:
    os.mkfifo(root / "go")
    path = hook(root, "approve", 'read -r _ <"$DUSK_ROOT/go"')
    async with served(root) as client:
        await client.hello()
        assert await client.hook(*APPROVE)
        assert not await client.hook(*APPROVE)
        path.parent.chmod(0o777)
        with pytest.raises(Refused, match="alone to write"):
            await client.hook(*APPROVE)
        with pytest.raises(Refused, match="is not a name"):
            await client.hook("approve", DEVICE, "attic; id")
    (root / "go").write_text("\n")
    until(lambda: is_free(root))


@pytest.fixture(params=[["/bin/sh"], ["busybox", "sh"]], ids=["sh", "ash"])
def ran(request: pytest.FixtureRequest, root: Path) -> Callable[..., list[str]]:
    """Return what runs the script to the end of its programs, and gives what the system's log has then."""
    (root / "etc/dusk/journal").mkdir(parents=True, mode=0o700)
    logger = root / "bin/logger"
    logger.parent.mkdir()
    logger.write_text('#!/bin/sh\necho "$@" >>"$DUSK_ROOT/log"\n')
    logger.chmod(0o755)
    text = Path(f"{BESIDE}/dusk-hook").read_text()
    assert "sleep 30\n" in text

    def run(seconds: int = 30) -> list[str]:
        words = [
            *request.param,
            "-c",
            text.replace("sleep 30\n", f"sleep {seconds}\n"),
            "dusk-hook",
            *APPROVE,
        ]
        environment = {"PATH": f"{logger.parent}:{os.environ['PATH']}", "DUSK_ROOT": str(root)}
        ended = subprocess.run(
            words, env=environment, start_new_session=True, capture_output=True, timeout=60, check=True
        )
        assert ended.stderr == b""
        until(lambda: is_free(root))
        log = root / "log"
        return log.read_text().splitlines() if log.exists() else []

    return run


def test_a_program_that_fails_is_said_with_its_last_line_and_keeps_no_other_from_running(
    root: Path, ran: Callable[..., list[str]]
) -> None:
    hook(root, "approve", "printf 'one\\nno\\033[1m \\001way' >&2; exit 3", "10-a")
    hook(root, "approve", f"head -c 1000000 /dev/zero >&2; echo; echo {'x' * 5000} >&2; exit 4", "20-b")
    hook(root, "approve", "exit 5", "30-c")
    hook(root, "approve", f"{TELL}; echo fine >&2", "40-d")
    before = "-t dusk -p daemon.err hook: approve/"
    assert ran() == [
        f"{before}10-a ended with 3: no[1m way",
        f"{before}20-b ended with 4: {'x' * 300}",
        f"{before}30-c ended with 5",
    ]
    assert said(root) == [" ".join(APPROVE)]


def test_a_program_that_hangs_is_killed_with_its_children(root: Path, ran: Callable[..., list[str]]) -> None:
    hook(root, "approve", 'sleep 600 & echo $! >"$DUSK_ROOT/left"; wait')
    assert ran(1) == ["-t dusk -p daemon.err hook: approve: killed after 30 s"]
    until(lambda: is_gone(root / "left"))
    (root / "log").unlink()
    hook(root, "approve", TELL)
    assert ran() == []
    assert said(root) == [" ".join(APPROVE)], "it holds nobody up"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.chmod(0o777),
        lambda path: path.chmod(0o644),
        _link,
        lambda path: (path.unlink(), path.mkdir()),
    ],
)
def test_a51_a_file_that_is_no_program_of_roots_alone_is_passed_over_and_said(
    root: Path, ran: Callable[..., list[str]], spoil: Callable[[Path], object]
) -> None:
    spoil(hook(root, "approve", 'touch "$DUSK_ROOT/run"'))
    hook(root, "approve", TELL, "20-good")
    must = "must be a program, and root's alone to write"
    assert ran() == [f"-t dusk -p daemon.err hook: approve/10-ours {must}"]
    assert not (root / "run").exists()
    assert said(root) == [" ".join(APPROVE)]
