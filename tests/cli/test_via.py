"""``--via`` and ``dusk relay``: the same commands, through ssh."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dusk.cli.options import UsageError
from dusk.cli.via import parse_via
from tests.cli.test_commands import assert_refused
from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ssh://attic", ["--", "attic", "dusk relay"]),
        ("ssh://root@192.0.2.1:2222", ["-p", "2222", "--", "root@192.0.2.1", "dusk relay"]),
        (
            "ssh://root@[fe80::1%br-lan]/tmp/a b",
            ["--", "root@fe80::1%br-lan", "dusk --root '/tmp/a b' relay"],
        ),
        ("ssh://attic/", ["--", "attic", "dusk relay"]),
    ],
)
def test_what_ssh_is_started_with(text: str, words: list[str]) -> None:
    assert parse_via(text).command() == ["ssh", "-T", "-e", "none", *words]


@pytest.mark.parametrize(
    "text",
    [
        "attic",
        "http://attic",
        "ssh://",
        "ssh://-oProxyCommand=x",
        "ssh://-x@attic",
        "ssh://attic:0",
        "ssh://attic:70000",
        "ssh://a b",
        "ssh://attic/\n",
        "ssh://a;b",
    ],
)
def test_what_is_no_place_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match="via"):
        parse_via(text)


@pytest.mark.usefixtures("logged_in")
def test_a_command_works_on_a_router_elsewhere(dusk: "Dusk", ssh: Path) -> None:
    via = ("--via", "ssh://root@attic")
    assert dusk(*via, "user", "list").out.splitlines()[1].split()[0] == "alice"
    assert ssh.read_text() == "-T -e none -- root@attic dusk relay\n"
    assert dusk("set", *via, "policy/wifi", "wireless.x.ssid=Home").code == 0
    assert "policy/wifi" in dusk(*via, "draft").out


def test_sessions_of_two_places_are_two(
    dusk: "Dusk", ssh: Path, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not ssh.exists()
    monkeypatch.delenv("DUSK_SESSION", raising=False)
    assert_refused(dusk("--via", "ssh://attic", "whoami"), "nobody is logged in")
    assert desk.people


@pytest.mark.usefixtures("ssh")
@pytest.mark.parametrize("command", ["daemon", "init", "verify", "simulate", "demo", "relay"])
def test_what_needs_no_daemon_is_for_this_machine(dusk: "Dusk", command: str) -> None:
    refused = dusk("--via", "ssh://attic", command)
    assert (refused.code, "on the router itself" in refused.err) == (2, True)


def test_an_ssh_that_fails_is_said_in_a_line(
    dusk: "Dusk", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ssh"
    program.write_text("#!/bin/sh\nexit 255\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert_refused(
        dusk("--via", "ssh://attic", "status"), "ssh to attic closed the connection: it did not get there"
    )
    program.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert_refused(dusk("--via", "ssh://attic", "status"), "ssh")


def test_a_relay_without_a_daemon_says_so(root: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "dusk", "--root", str(root), "relay"],
        input=b"",
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, b"no daemon answers" in ended.stderr) == (1, True)
