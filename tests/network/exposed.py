"""A router to which everything can happen: paused, with another disk, with a clock that jumps."""

import mmap
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from dusk.daemon import logfiles
from dusk.demo.place import Place
from tests.network import skewed
from tests.network.cluster import Machine


class Exposed(Machine):
    """A router whose disk and clock are ours, too.

    Attributes:
        is_paused: whether its daemon was stopped in its tracks; it answers nobody then.
        lost: folders that were its disk before it got another one; what it promised may stand there.
    """

    def __init__(self, place: Place, base: Path, number: int) -> None:
        self._clock = base / f"router-{number}.clock"
        self._copy = base / f"router-{number}.copy"
        self._clock.write_bytes(skewed.FORM.pack(0.0))
        self.is_paused = False
        self.lost: list[Path] = []
        super().__init__(place, base, number)

    def arguments(self, *words: str) -> list[str]:
        """Return the command line of ``dusk``; the daemon's clock is the one that jumps."""
        if words != ("daemon",):
            return super().arguments(*words)
        return [sys.executable, skewed.__file__, str(self._clock), "--root", str(self.root), *words]

    # --- what happens to its processes --------------------------------------------------------

    def pause(self) -> None:
        """Stop its daemon in its tracks."""
        os.kill(self.pid, signal.SIGSTOP)
        self.is_paused = True

    def go_on(self) -> None:
        """Let it go on as if nothing had been, if it is paused."""
        if self.is_paused and self.is_on:
            os.kill(self.pid, signal.SIGCONT)
        self.is_paused = False

    def cut_power(self) -> None:
        """Kill its processes; nothing of them is paused any more."""
        super().cut_power()
        self.is_paused = False

    def ask_to_stop(self) -> None:
        """Ask its daemon to end; a paused one would not hear it."""
        self.go_on()
        super().ask_to_stop()

    # --- what happens to its clock ------------------------------------------------------------

    def set_wall_clock(self, wall_s: float) -> None:
        """Let its wall clock jump to a time, also while it runs."""
        with self._clock.open("r+b") as file:
            file.write(skewed.FORM.pack(wall_s - time.time()))

    # --- what happens to its disk; it is off --------------------------------------------------

    @property
    def has_copy(self) -> bool:
        """Whether an earlier copy of its disk is there."""
        return self._copy.exists()

    def keep_copy(self) -> None:
        """Copy its disk as it is now."""
        if self.has_copy:
            shutil.rmtree(self._copy)
        _copy(self.root / "etc", self._copy)

    def put_copy_back(self) -> None:
        """Give it the earlier copy of its disk."""
        self._lose(self.root / "etc")
        _copy(self._copy, self.root / "etc")

    def empty_disk(self, join_line: bytes, *, keeps_key: bool) -> None:
        """Take from it all that its node knows, but for a join key.

        Args:
            join_line: the join key that its image carries.
            keeps_key: whether it is the same device as before, and knows nothing; else the copy goes, too.
        """
        identity = (self.node_folder / "identity").read_bytes()
        owner = self.node_folder.stat()
        self._lose(self.node_folder)
        (self.root / "etc/dusk/join").unlink(missing_ok=True)
        self.place_join_key(join_line)
        if not keeps_key and self.has_copy:
            shutil.rmtree(self._copy)  # of a device that is removed once this one is let in at its place
        if keeps_key:
            self.node_folder.mkdir(mode=0o700)
            file = self.node_folder / "identity"
            file.touch(mode=0o600)
            file.write_bytes(identity)
            for path in (self.node_folder, file):
                os.chown(path, owner.st_uid, owner.st_gid)

    def _lose(self, folder: Path) -> None:
        gone = self.root.parent / f"{self.name}.lost-{len(self.lost) + 1}"
        folder.rename(gone)
        self.lost.append(gone)

    def holds(self, change: str) -> bool:
        """Tell whether a change, by its id in hex, stands on its disk or on one that it lost."""
        wanted = bytes.fromhex(change)
        files = [self.node_folder / name for name in LOGS]
        files += [file for folder in self.lost for name in LOGS for file in folder.rglob(name)]
        return any(_has(file, wanted) for file in files)


LOGS = (logfiles.NAME, logfiles.DAMAGED_NAME)


def _has(file: Path, wanted: bytes) -> bool:
    """Look for bytes in a file from its end on: what is asked for was written just now."""
    with (
        suppress(FileNotFoundError, ValueError),  # an empty file has no map
        file.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        return data.rfind(wanted) >= 0
    return False


def _copy(here: Path, there: Path) -> None:
    """Copy a folder with owners and modes."""
    subprocess.run(["cp", "-a", str(here), str(there)], check=True)
