"""The whole way of a key that no router has: a real daemon, `dusk` as it is typed, and a terminal (A57)."""

import fcntl
import json
import os
import pty
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.daemon.test_service import daemon, free_port, until, write_settings
from tests.daemons import answers

SECONDS_MAX = 60.0
pytestmark = [pytest.mark.needs("system_user")] if os.geteuid() == 0 else []


class Site:
    """A router with its daemon, and Ann's own machine, from which she reaches it over ssh."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root, self.home = root, home
        for name in ("bin", "runtime"):
            (home / name).mkdir(mode=0o700)
        ssh = home / "bin/ssh"
        ssh.write_text(f"#!/bin/sh\nexec {sys.executable} -m dusk --root {root} relay\n")
        ssh.chmod(0o755)
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("DUSK")},
            "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
            "XDG_RUNTIME_DIR": str(home / "runtime"),
        }

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "dusk", *words]

    def dusk(self, *words: str) -> str:
        """Run a command on the router."""
        return self._run(self.command("--root", str(self.root), *words))

    def ann(self, *words: str) -> str:
        """Run a command on Ann's machine, with nobody to ask."""
        return self._run(
            self.command("--via", "ssh://root@attic", "--key-file", str(self.home / "ann.key"), *words)
        )

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            timeout=SECONDS_MAX,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ann_at_a_terminal(self, says: str, *words: str) -> tuple[int, str]:
        """Run a command on Ann's machine where she is asked; returns its exit code and what she saw."""
        master, slave = pty.openpty()
        command = self.command("--via", "ssh://root@attic", "--key-file", str(self.home / "ann.key"), *words)
        process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.environment,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0),  # noqa: PLW1509 — no thread of ours
        )
        os.close(slave)
        seen = b""
        while b"(yes/no)" not in seen:
            seen += os.read(master, 4096)
        os.write(master, says.encode() + b"\n")
        code = process.wait(SECONDS_MAX)
        os.close(master)
        return code, seen.decode().replace("\r\n", "\n")


@contextmanager
def _site(home: Path) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="dusk-test-") as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "etc/config").mkdir(parents=True)
        write_settings(root, free_port())
        site = Site(root, home)
        (home / "password").write_text("correct horse battery\n")
        first = ("--cluster", "home", "--user", "alice", "--password-file", str(home / "password"))
        site.dusk("init", *first, "--phrase-file", str(home / "phrase"))
        with daemon(root):
            until(lambda: answers(root))
            yield site


def test_a57_who_keeps_the_key_at_home_sees_signs_and_leaves_nothing_on_the_router(tmp_path: Path) -> None:
    with _site(tmp_path) as site:
        key = tmp_path / "ann.key"
        (tmp_path / "ann.pub").write_text(site.dusk("key", "create", str(key)))
        site.dusk("login", "alice", "--password-file", str(tmp_path / "password"))
        site.dusk("user", "add", "ann", "--public-key", str(tmp_path / "ann.pub"))
        site.dusk("owner", "add", "ann")

        site.ann("set", "policy/wifi", "wireless.default_radio0.ssid=Home")
        code, seen = site.ann_at_a_terminal("no", "commit", "-m", "name our network")
        assert code == 1
        assert "set/wireless.default_radio0.ssid: 'Home'" in seen
        assert "message: 'name our network'" in seen
        code, _ = site.ann_at_a_terminal("yes", "commit", "-m", "name our network")
        assert code == 0
        newest = json.loads(site.dusk("log", "-n", "1", "--json"))[0]
        assert (newest["author"], newest["message"], newest["outcome"]) == (
            "ann",
            "name our network",
            "applied",
        )

        assert site.ann("--unseen", "joinkey", "create", "--file", "-").startswith("dusk-join-2:")
        assert site.ann("whoami") == "ann\n"
        assert (tmp_path / "ann.key.cluster").is_file()
        assert len(list((tmp_path / "runtime").rglob("session-*"))) == 1, "alice's; none of ann's"
        secret = key.read_bytes().strip()
        files = [p for p in site.root.rglob("*") if p.is_file()]
        assert files
        assert not any(secret in p.read_bytes() for p in files)


def test_r15_a57_a_secret_that_is_typed_at_home_is_seen_by_no_router(tmp_path: Path) -> None:
    with _site(tmp_path) as site:
        key, secret = tmp_path / "ann.key", "correct horse battery staple"
        (tmp_path / "psk").write_text(secret)
        (tmp_path / "ann.pub").write_text(site.dusk("key", "create", str(key)))
        site.dusk("login", "alice", "--password-file", str(tmp_path / "password"))
        site.dusk("user", "add", "ann", "--public-key", str(tmp_path / "ann.pub"))
        site.dusk("owner", "add", "ann")

        typed = f"wireless.lan.key=@{tmp_path / 'psk'}"
        site.ann("set", "policy/wifi", "wireless.lan=wifi-iface", typed)
        assert "(secret)" in site.ann("draft")
        code, seen = site.ann_at_a_terminal("yes", "commit", "-m", "our key")
        assert code == 0
        assert "a secret, sealed" in seen
        assert secret not in seen
        files = [p for p in site.root.rglob("*") if p.is_file()]
        assert not any(secret.encode() in p.read_bytes() for p in files), "nobody may read it yet"

        site.ann("policy", "assign", "wifi", "--all")
        site.ann("--unseen", "commit", "-m", "for all")
        here = json.loads(site.dusk("device", "list", "--json"))[0]["name"]
        revealed = site.ann("effective", here, "wireless.lan.key", "--reveal", "--json")
        (shown,) = json.loads(revealed)["options"]
        assert shown["values"] == [secret]
        assert "(secret)" in site.dusk("effective", here, "wireless.lan.key")
