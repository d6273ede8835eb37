"""Real daemons as processes of their own, on loopback."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dusk.cli.client import Client
from tests.daemons import answers

STARTED_S_MAX = 30.0
pytestmark = [pytest.mark.needs("system_user")] if os.geteuid() == 0 else []


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does; its own signal is a line that we poll for."""
    end_s = time.monotonic() + STARTED_S_MAX
    while not condition():
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.6.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def root() -> Iterator[Path]:
    """A root that the daemon's user can reach: folders of pytest are closed to others."""
    with tempfile.TemporaryDirectory(prefix="dusk-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "etc/config").mkdir(parents=True)
        write_settings(folder, free_port())
        yield folder


def write_settings(root: Path, port: int, more: str = "") -> None:
    text = (
        "config dusk 'main'\n\tlist interface 'lo'\n\tlist address '127.0.6.1'\n"
        f"\toption port '{port}'\n\toption reload 'true'\n{more}"
    )
    (root / "etc/config/dusk").write_text(text)


@contextlib.contextmanager
def daemon(root: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "dusk", "--root", str(root), "daemon"]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "DUSK_DEBUG": "0"}
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(STARTED_S_MAX)
        assert process.stderr is not None
        process.stderr.close()


def refusal(root: Path) -> str:
    with daemon(root) as process:
        assert process.wait(STARTED_S_MAX) == 1
        assert process.stderr is not None
        said = process.stderr.read()
    assert said.count("\n") == 1, said
    return said


def test_a_daemon_starts_without_a_cluster_answers_and_stops_cleanly(root: Path) -> None:
    with daemon(root) as process:
        until(lambda: answers(root))
        process.send_signal(signal.SIGTERM)
        assert process.wait(STARTED_S_MAX) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    assert not (root / "var/run/dusk/control.sock").exists()
    identity = root / "etc/dusk/node/identity"
    first = identity.read_bytes()
    assert identity.stat().st_mode & 0o777 == 0o600
    with daemon(root):
        until(lambda: answers(root))
    assert identity.read_bytes() == first


def test_new_settings_are_taken_at_sighup_and_wrong_ones_change_nothing(root: Path) -> None:
    with daemon(root) as process:
        until(lambda: answers(root))
        assert process.stderr is not None
        write_settings(root, 70_000)
        process.send_signal(signal.SIGHUP)
        lines = iter(process.stderr.readline, "")
        stayed = next(line for line in lines if "settings stay" in line)
        assert "dusk.main.port is '70000'" in stayed
        port = free_port()
        write_settings(root, port)
        process.send_signal(signal.SIGHUP)
        next(line for line in lines if "settings read again" in line)

        def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.6.1", port)) == 0

        until(listens)


def test_a_second_daemon_on_one_root_is_one_clear_line(root: Path) -> None:
    with daemon(root):
        until(lambda: answers(root))
        assert "another dusk daemon runs" in refusal(root)
        assert answers(root)


def test_a_taken_port_is_one_clear_line_at_the_start(root: Path) -> None:
    port = free_port()
    write_settings(root, port)
    with socket.socket() as other:
        other.bind(("127.0.6.1", port))
        other.listen()
        assert f"port {port} on 127.0.6.1 is taken by another program" in refusal(root)


def test_a_damaged_identity_is_one_clear_line_and_stays(root: Path) -> None:
    with daemon(root):
        until(lambda: answers(root))
    identity = root / "etc/dusk/node/identity"
    identity.write_bytes(b"damaged")
    assert "identity is damaged" in refusal(root)
    assert identity.read_bytes() == b"damaged"


@pytest.mark.parametrize(
    ("more", "message"),
    [("\toption enabled '0'\n", "takes no part"), ("\toption colour 'red'\n", "colour is no option")],
)
def test_settings_that_forbid_a_start_are_one_clear_line(root: Path, more: str, message: str) -> None:
    write_settings(root, free_port(), more)
    assert message in refusal(root)


def test_a35_a_join_key_that_others_may_read_is_refused(root: Path) -> None:
    (root / "etc/dusk").mkdir()
    join = root / "etc/dusk/join"
    join.write_text("dusk-join-2:x")
    join.chmod(0o644)
    assert "mode 0600" in refusal(root)


def test_a_log_of_which_nothing_is_left_is_said_with_what_to_do_and_is_kept(root: Path) -> None:
    with daemon(root):
        until(lambda: answers(root))
    log = root / "etc/dusk/node/log"
    log.write_bytes(b"no log at all")
    with daemon(root):
        until(lambda: answers(root))
        client = Client(root)
        until(lambda: "take etc/dusk/node from a backup" in str(client.call("status")["alarms"]))
        client.close()
    assert (log.parent / "log.damaged").read_bytes() == b"no log at all"
