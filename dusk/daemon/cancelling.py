"""Taking back a join that was begun: what it brought goes, and the router is in no cluster, as before.

What goes, goes in an order: first the line that is root's, then what was fetched, and last ``joining``,
which is what makes a router join. So whoever is killed on the way is still joining, and says it again.
"""

import os
from pathlib import Path

from dusk.changelog.sections import device_path
from dusk.cycle.groupkeys import FILE as GROUP_KEYS_FILE
from dusk.daemon import logfiles
from dusk.daemon.builder import Builder
from dusk.daemon.disk import told_as_storage
from dusk.daemon.founding import NODE, check_no_cluster, lines_of
from dusk.daemon.identity import FILE as IDENTITY_FILE
from dusk.daemon.identity import decode_identity
from dusk.daemon.settings import Settings
from dusk.daemon.storage import open_storage
from dusk.effects import RemoveFile
from dusk.errors import Refused, StorageError
from dusk.ids import DeviceId
from dusk.membership.joiner import JOINING_FILE
from dusk.node import Node

_PART_BYTES = 64 * 1024
"""Of a log that is read through."""


def is_begun(root: Path) -> bool:
    """Tell whether the disk has what makes a router join, or try to."""
    return any(os.path.lexists(line) for line in lines_of(root))


def is_typed(root: Path) -> bool:
    """Tell whether root's own line is there, which the helper alone removes."""
    return os.path.lexists(lines_of(root)[0])


def not_begun() -> Refused:
    """Return what is said where there is nothing to take back."""
    return Refused("not-joining", "this router is not joining a cluster; nothing was changed")


def is_member() -> Refused:
    """Return what is said where it is too late."""
    return Refused("in-cluster", "this router has joined its cluster already: `dusk leave` takes it out")


def fetched(directory: Path, own: DeviceId) -> list[RemoveFile]:
    """Return what removes all that a join has fetched.

    Group keys are the last thing that a join fetches. What is left of a damaged log by which this device
    was a member stays, and group keys beside it, which may be of then. Any other damaged log was fetched;
    with it goes last what says that this device has to hear others first.

    Args:
        directory: ``etc/dusk/node`` below the root.
        own: this device.
    """
    damaged = directory / logfiles.DAMAGED_NAME
    if not os.path.lexists(damaged):
        return [RemoveFile(GROUP_KEYS_FILE), RemoveFile(logfiles.NAME)]
    if _names(damaged, own):
        return [RemoveFile(logfiles.NAME)]
    cut = [RemoveFile(logfiles.MUST_HEAR_NAME), RemoveFile(GROUP_KEYS_FILE), RemoveFile(logfiles.NAME)]
    return [*cut, RemoveFile(logfiles.DAMAGED_NAME)]


def _names(path: Path, device: DeviceId) -> bool:
    """Tell whether a log, however damaged, says anything of a device; none does of one that only asks."""
    sought, before = device_path(device).encode(), b""
    with told_as_storage(f"cannot read {path}"), path.open("rb") as log:
        while part := log.read(_PART_BYTES):
            if sought in before + part:
                return True
            before = part[-len(sought) :]
    return False


def undone(directory: Path, own: DeviceId) -> list[RemoveFile]:
    """Return what takes a join back on a router that is no member."""
    return [*fetched(directory, own), RemoveFile(JOINING_FILE)]


def undo_stopped(root: Path) -> None:
    """Take a join back in the node's folder, as its user, while no daemon runs or may start there.

    Raises:
        Refused: ``in-cluster``: the log there has this router as a member of another cluster.
        StorageError: the disk refused, or what is there is damaged; the router is still to join.
    """
    directory = root / NODE
    if not os.path.lexists(directory / JOINING_FILE):
        check_no_cluster(root)
        return
    storage, saved = open_storage(directory)
    try:
        if IDENTITY_FILE not in saved.files:
            raise StorageError(f"{directory} has no {IDENTITY_FILE}: start the daemon first")
        key = decode_identity(saved.files[IDENTITY_FILE])
        resident, _ = Builder(key, Settings(), {}, "", "")(saved, 0.0)
        if isinstance(resident, Node):
            raise is_member()
        storage.do(undone(directory, DeviceId(key.key_id)))
    finally:
        storage.close()
