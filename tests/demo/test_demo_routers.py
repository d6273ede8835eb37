"""A demo's router whose daemon ends while somebody plays with it."""

import subprocess
import sys
from pathlib import Path

import pytest

from dusk.demo.place import LoopbackPlace
from dusk.demo.router import DemoError, Router


class Instead(LoopbackPlace):
    """A place where something else runs in the daemon's stead."""

    def __init__(self, program: str) -> None:
        super().__init__()
        self._program = program

    def command(self, number: int, arguments: list[str]) -> list[str]:
        del number, arguments
        return [sys.executable, "-c", self._program]


def started(base: Path, program: str) -> tuple[Router, "subprocess.Popen[bytes]"]:
    router = Router(Instead(program), base, 1)
    router.power_on()
    daemon = router._daemon
    assert daemon is not None
    return router, daemon


def test_a_killed_router_is_off_and_said_so_once(tmp_path: Path) -> None:
    router, daemon = started(tmp_path, "import time; time.sleep(60)")
    assert router.was_killed() is None
    daemon.kill()
    daemon.wait()
    assert router.was_killed() == "SIGKILL"
    assert router.was_killed() is None
    router.check_alive()


def test_one_that_ended_by_itself_ends_the_demo_with_its_last_words(tmp_path: Path) -> None:
    router, daemon = started(tmp_path, "raise SystemExit('the disk is gone')")
    daemon.wait()
    assert router.was_killed() is None
    with pytest.raises(DemoError, match="router-1 ended by itself: the disk is gone"):
        router.check_alive()
