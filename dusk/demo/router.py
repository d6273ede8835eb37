"""One router of the demo: a root folder, its UCI files, a daemon, and the commands typed on it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dusk.demo import files
from dusk.demo.place import Place

COMMAND_TIMEOUT_S = 90.0
"""The longest command is a commit, which itself waits up to 60 s."""
STOP_TIMEOUT_S = 10.0
"""For a clean stop; then it is killed."""
STATUS_EXITS = (0, 3)
"""Healthy, or degraded: a cluster with one holder of the succession says so."""


class DemoError(Exception):
    """The demo cannot go on; the text is one line for people."""


class Router:
    """A router at ``number`` (from 1) below ``base``.

    Args:
        place: where its daemon runs.
        base: the demo's folder.
        number: counted from 1.
    """

    def __init__(self, place: Place, base: Path, number: int) -> None:
        self.number = number
        self.name = f"router-{number}"
        self.root = base / self.name
        self.fresh = files.fresh(number)
        self._place = place
        self._daemon: subprocess.Popen[bytes] | None = None
        self._log = base / f"{self.name}.log"
        self._make_files()

    def _make_files(self) -> None:
        self.config.mkdir(parents=True)
        for package, text in self.fresh.items():
            (self.config / package).write_text(text)
        spot = self._place.spot(self.number)
        reload = shutil.which("true") or "/bin/true"  # there is no service here to be reloaded
        text = files.own_settings(self.name, spot.interface, spot.address, reload)
        (self.config / "dusk").write_text(text)
        for file in self.config.iterdir():
            file.chmod(0o600)

    @property
    def config(self) -> Path:
        """Its UCI files."""
        return self.root / "etc" / "config"

    def place_join_key(self, line: bytes) -> None:
        """Put a join key where an image carries it."""
        folder = self.root / "etc" / "dusk"
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        descriptor = os.open(folder / "join", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(line)

    def arguments(self, *words: str) -> list[str]:
        """Return the command line of ``dusk`` on this router."""
        return [sys.executable, "-m", "dusk", "--root", str(self.root), *words]

    def dusk(self, *words: str, exits: tuple[int, ...] = (0,)) -> str:
        """Run a command as a person would, and return what it printed.

        Raises:
            DemoError: it ended otherwise than by one of ``exits``.
        """
        with self.start(*words) as process:
            return finish(process, f"dusk {' '.join(words)}", exits)

    @contextmanager
    def start(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """Start a command without waiting; it does not outlive the block.

        It belongs to no terminal, so Ctrl-C is ours alone.
        """
        with subprocess.Popen(
            self.arguments(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()
                process.wait()

    def ask(self, *words: str, exits: tuple[int, ...] = (0,)) -> dict[str, Any]:
        """Run a command with ``--json`` and return its document."""
        answer = json.loads(self.dusk(*words, "--json", exits=exits))
        if not isinstance(answer, dict):
            raise DemoError(f"dusk {' '.join(words)} --json: not an object")
        return answer

    def status(self) -> dict[str, Any] | None:
        """Return its status, or None as long as the daemon does not answer."""
        with self.start("status", "--json") as process:
            out, _ = process.communicate(timeout=COMMAND_TIMEOUT_S)
        if process.returncode not in STATUS_EXITS:
            return None
        answer: dict[str, Any] = json.loads(out)
        return answer

    def power_on(self) -> None:
        """Start its daemon."""
        command = self._place.command(self.number, self.arguments("daemon"))
        with self._log.open("ab") as log:
            self._daemon = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def check_alive(self) -> None:
        """Raise DemoError with the daemon's last words if it ended by itself."""
        if self._daemon is not None and self._daemon.poll() is not None:
            lines = self._log.read_text(errors="replace").strip().splitlines()
            last = lines[-1] if lines else "it said nothing"
            raise DemoError(f"the daemon of {self.name} ended by itself: {last}")

    def was_killed(self) -> str | None:
        """Return, once, the name of the signal by which somebody ended its daemon: the router is off then."""
        code = None if self._daemon is None else self._daemon.poll()
        if code is None or code >= 0:
            return None
        self._daemon = None
        return signal.Signals(-code).name

    def cut_power(self) -> None:
        """Kill its daemon as a power cut would."""
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait()
            self._daemon = None

    def ask_to_stop(self) -> None:
        """Ask its daemon to end, without waiting."""
        if self._daemon is not None:
            self._daemon.send_signal(signal.SIGTERM)

    def wait_for_end(self) -> bool:
        """Wait for a daemon that was asked to stop; return whether it ended cleanly by itself."""
        if self._daemon is None:
            return True
        try:
            clean = self._daemon.wait(STOP_TIMEOUT_S) == 0
        except subprocess.TimeoutExpired:
            clean = False
        self.cut_power()
        return clean


def finish(process: subprocess.Popen[bytes], what: str, exits: tuple[int, ...] = (0,)) -> str:
    """Wait for a command and return what it printed.

    Raises:
        DemoError: it took too long, or ended otherwise than by one of ``exits``.
    """
    try:
        out, complaint = process.communicate(timeout=COMMAND_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise DemoError(f"{what}: no answer in {COMMAND_TIMEOUT_S:.0f} s") from None
    if process.returncode not in exits:
        lines = complaint.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise DemoError(f"{what}: exit {process.returncode}: {lines[-1]}")
    return out.decode()
