"""Logs on the disk below a root, for commands that need no daemon."""

from pathlib import Path

from dusk.daemon.frames import MAGIC
from dusk.daemon.frames import encode as encode_frames
from dusk.effects import LogItem
from tests.world import World


def log_file(items: list[LogItem]) -> bytes:
    """Return a log file in which every entry with its head was a batch."""
    data = MAGIC
    for first in range(0, len(items), 2):
        data += encode_frames(items[first : first + 2], len(data))
    return data


def store(root: Path, items: list[LogItem]) -> Path:
    """Write a log file below the root."""
    folder = root / "etc/dusk/node"
    folder.mkdir(parents=True)
    (folder / "log").write_bytes(log_file(items))
    return folder / "log"


def long_world() -> World:
    world = World()
    for number in range(300):
        world.commit(world.set("wifi", "wireless.a.ssid", f"name {number}"))
    return world
