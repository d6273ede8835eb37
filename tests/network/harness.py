"""What the network tests stand on: hosts on a bridge, programs on them, and all their packets."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dusk.demo.net import BRIDGE, Host, Network, NetworkError
from tests.network import capture

__all__ = ["Capture", "Host", "Network", "NetworkError", "capturing", "run_python"]

PROGRAM_TIMEOUT_S = 30.0


class Capture:
    """The packets that crossed the bridge; filled when the block that captures ends."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.frames: list[bytes] = []

    def __contains__(self, needle: bytes) -> bool:
        """Tell whether any packet has these bytes."""
        return any(needle in frame for frame in self.frames)


@contextmanager
def capturing(network: Network, file: Path) -> Iterator[Capture]:
    """Capture every packet on the bridge during the block, into ``file`` (pcap)."""
    program = [sys.executable, "-I", str(Path(capture.__file__)), BRIDGE, str(file)]
    process = _start_with_pipes(network.command_on_the_switch(program))
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        try:
            assert process.stdout.readline() == b"ready\n", "the capture did not start"
            result = Capture(file)
            yield result
        finally:
            process.stdin.close()
            process.wait(PROGRAM_TIMEOUT_S)
    result.frames = capture.frames(file)


def run_python(network: Network, host: Host, source: str) -> subprocess.Popen[bytes]:
    """Start a Python program on a host, with pipes to talk to it."""
    return _start_with_pipes(network.command(host, [sys.executable, "-I", "-c", source]))


def _start_with_pipes(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
