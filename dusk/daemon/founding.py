"""A new cluster: what is written to the disk of its first router, by `dusk init` or by its daemon."""

import os
import time
from pathlib import Path

from dusk.changelog.entry import Stamp, sign_head
from dusk.changelog.genesis import Founding, found
from dusk.changelog.log import Log
from dusk.cycle.groupkeys import FILE as GROUP_KEYS_FILE
from dusk.cycle.groupkeys import GroupKeys, new_group_key
from dusk.daemon import frames, logfiles
from dusk.daemon.clock import is_trusted
from dusk.effects import LogItem
from dusk.errors import Refused
from dusk.ids import NO_CHAIN, BootId, DeviceId
from dusk.lazy import dataclass
from dusk.membership.joiner import JOINING_FILE

NODE = "etc/dusk/node"
_NO_REST = bytes(32)


@dataclass(frozen=True, slots=True)
class Made:
    """A cluster that is on no disk yet.

    Attributes:
        cluster: its id, in hex.
        device: that of its first device, in hex.
        name: that device's name.
        files: what is stored first, name → content.
        items: then the log, which is what makes this router a member.
    """

    cluster: str
    device: str
    name: str
    files: tuple[tuple[str, bytes], ...]
    items: tuple[LogItem, ...]


def make(founding: Founding) -> Made:
    """Make a cluster.

    Raises:
        UntrustedInput: the names cannot stand in the log.
    """
    log, device = Log(None), founding.device
    entry = log.write_genesis(found(founding, os.urandom), _stamp(DeviceId(device.key_id)))
    head = log.signed(sign_head(device, log.state.cluster, log.head, _NO_REST))
    key = new_group_key(os.urandom, log.head.generation, NO_CHAIN)
    files = ((GROUP_KEYS_FILE, GroupKeys((key,)).encode()),)
    return Made(log.state.cluster.hex(), device.key_id.hex(), founding.device_name, files, (entry, head))


def _stamp(device: DeviceId) -> Stamp:
    wall_s = time.time()
    return Stamp(device, BootId(os.urandom(8)), int(wall_s), clock_trusted=is_trusted(wall_s))


def check_no_cluster(root: Path) -> None:
    """Refuse a root that has a log, its own or what it fetched so far."""
    log = root / NODE / logfiles.NAME
    try:
        size = log.lstat().st_size
    except FileNotFoundError:
        size = 0
    if size <= len(frames.MAGIC):
        return
    if os.path.lexists(root / NODE / JOINING_FILE):
        raise _joining(root / NODE / JOINING_FILE)
    raise Refused("cluster-exists", f"this router is in a cluster already ({log}); nothing was changed")


def check_free(root: Path) -> None:
    """Refuse a root that has a cluster, had one until its log was damaged, or is joining one."""
    check_no_cluster(root)
    damaged = root / NODE / logfiles.DAMAGED_NAME
    if os.path.lexists(damaged):
        raise Refused(
            "damaged-log",
            f"this router was in a cluster until its log was damaged ({damaged}); join it again",
        )
    for line in lines_of(root):
        if os.path.lexists(line):
            raise _joining(line)


def lines_of(root: Path) -> tuple[Path, Path]:
    """Return what makes a router join: what was typed, or an image carries; and what is under way."""
    return root / "etc/dusk/join", root / NODE / JOINING_FILE


def _joining(line: Path) -> Refused:
    reason = f"this router is to join a cluster ({line}); `dusk join --cancel` takes that back"
    return Refused("joining", reason)
