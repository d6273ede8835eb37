"""The page of one router of the demo, as `dusk web` serves it on this machine."""

import json
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from dusk.demo.router import DemoError, Router

START_TIMEOUT_S = 30.0


class Page:
    """A running `dusk web`.

    Args:
        process: the command; its standard output is read here.

    Attributes:
        url: what to open, once, by whoever reads it; empty where the page cannot be shown.
        trouble: why not, in a line.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.url, self.trouble = self._address()

    def _address(self) -> tuple[str, str]:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        if not select.select([self._process.stdout], [], [], START_TIMEOUT_S)[0]:
            return "", f"`dusk web` did not start in {START_TIMEOUT_S:.0f} s"
        line = self._process.stdout.readline()
        if line:
            return str(json.loads(line)["url"]), ""
        said = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        return "", said[-1] if said else "`dusk web` ended without a word"

    def check_alive(self) -> None:
        """Raise DemoError if a page that was shown has ended by itself."""
        if self.url and self._process.poll() is not None:
            raise DemoError("`dusk web` ended by itself")


@contextmanager
def shown(router: Router, port: int) -> Iterator[Page]:
    """Serve a router's page on loopback as long as the block runs.

    Args:
        router: whose daemon it asks.
        port: TCP port; 0 takes any that is free.
    """
    with router.start("--json", "web", "--listen", f"127.0.0.1:{port}") as process:
        yield Page(process)
