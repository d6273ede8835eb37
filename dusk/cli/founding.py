"""Writing a new cluster to the disk, as the daemon's user (`dusk init`)."""

import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from dusk.changelog.entry import Stamp, sign_head
from dusk.changelog.genesis import Founding, found
from dusk.changelog.log import Log
from dusk.changelog.sections import COMPONENT
from dusk.cycle.groupkeys import FILE as GROUP_KEYS_FILE
from dusk.cycle.groupkeys import GroupKeys, new_group_key
from dusk.daemon import disk, frames, logfiles, opening, privileges
from dusk.daemon.clock import is_trusted
from dusk.daemon.identity import FILE as IDENTITY_FILE
from dusk.daemon.identity import decode_identity, encode_identity, node_label
from dusk.daemon.smallfiles import SmallFiles
from dusk.errors import DuskError, Refused
from dusk.ids import NO_CHAIN, BootId, DeviceId
from dusk.keys.phrase import recovery_key
from dusk.keys.sealed import seal_user_key
from dusk.keys.signing import SigningKey
from dusk.membership.names import decide_name

NODE = "etc/dusk/node"
CYCLE_S_MIN, CYCLE_S_MAX = 0.2, 3600.0
CLUSTER_NAME_CHARACTERS_MAX = 63
_NO_REST = bytes(32)
_ANSWER_BYTES_MAX = 4096


@dataclass(frozen=True, slots=True)
class Plan:
    """What ``dusk init`` was asked for; ``repr`` hides the secrets."""

    root: Path
    cluster: str
    user: str
    password: str = field(repr=False)
    phrase: str = field(repr=False)
    cycle_ms: int
    device_name: str
    """Read by root: the files that say it need not be for the daemon's user."""
    auto_backup: bool = True


@dataclass(frozen=True, slots=True)
class Made:
    """The new cluster's and device's id in hex, and the device's name."""

    cluster: str
    device: str
    name: str


def check_names(cluster: str, user: str, cycle_s: float) -> None:
    """Refuse what could not stand in the log, before anything is asked or made."""
    if not cluster or not cluster.isprintable() or len(cluster.encode()) > CLUSTER_NAME_CHARACTERS_MAX:
        raise Refused("bad-name", f"{cluster!r} is no name for a cluster: 1 to 63 bytes of plain text")
    if COMPONENT.match(user) is None:
        raise Refused("bad-name", f"{user!r} is no name for a user: 1 to 63 of a-z 0-9 . _ -")
    if not CYCLE_S_MIN <= cycle_s <= CYCLE_S_MAX:
        raise Refused("bad-cycle", f"a cycle of {cycle_s:g} s: from {CYCLE_S_MIN} s to {CYCLE_S_MAX:.0f} s")


def check_no_cluster(root: Path) -> None:
    """Refuse a root that has a log."""
    log = root / NODE / logfiles.NAME
    try:
        size = log.lstat().st_size
    except FileNotFoundError:
        size = 0
    if size > len(frames.MAGIC):
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
    if (root / "etc/dusk/join").exists():
        raise Refused(
            "joining", f"this router is to join a cluster ({root / 'etc/dusk/join'}); remove that first"
        )


def write_as(account: privileges.Account | None, plan: Plan) -> Made:
    """Make the cluster as the daemon's user.

    Root writes nothing below ``etc/dusk/node`` itself: a child gives up root for good and does.

    Raises:
        Refused: what the child says.
    """
    if account is None:
        return write(plan)
    reading, writing = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = _in_child(account, plan, parent, reading, writing)
        finally:
            os._exit(code)  # whatever happens, this copy never goes on as the command line
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        answer = stream.read(_ANSWER_BYTES_MAX).decode(errors="replace").split("\n")
    _, status = os.waitpid(child, 0)
    if status != 0 or len(answer) != 3:
        raise Refused("init-failed", answer[0] or "the process that writes as the daemon's user died")
    return Made(*answer)


def _in_child(account: privileges.Account, plan: Plan, parent: int, reading: int, writing: int) -> int:
    """Give up root, make the cluster, answer in three lines, or in one with the reason."""
    os.close(reading)
    code = 1
    try:
        os.chdir(plan.root)  # the daemon's user may not pass through the folders above
        privileges.drop(account)
        privileges.end_with_parent(parent)
        made = write(replace(plan, root=Path()))
        answer, code = f"{made.cluster}\n{made.device}\n{made.name}", 0
    except (DuskError, OSError) as error:
        answer = " ".join(str(error).split())
    os.write(writing, answer.encode()[:_ANSWER_BYTES_MAX])
    return code


def write(plan: Plan) -> Made:
    """Make the cluster; the log comes last, for it is what makes this router a member.

    Raises:
        StorageError: the disk refused; there is no cluster.
        UntrustedInput: the names cannot stand in the log.
    """
    folder = plan.root / NODE
    files = SmallFiles(folder)
    try:
        check_free(plan.root)
        device = _device_key(files)
        log = Log(None)
        owner = SigningKey.from_seed(os.urandom(32))
        name = decide_name(plan.device_name, "", ())
        change = found(_founding(plan, owner, device, name), os.urandom)
        stamp = _stamp(DeviceId(device.key_id))
        entry = log.write_genesis(change, stamp)
        head = log.signed(sign_head(device, log.state.cluster, log.head, _NO_REST))
        key = new_group_key(os.urandom, log.head.generation, NO_CHAIN)
        files.store(GROUP_KEYS_FILE, GroupKeys((key,)).encode())
    finally:
        files.close()
    opened = opening.open_store(folder)
    try:
        opened.store.append((entry, head))
    finally:
        opened.store.close()
    return Made(log.state.cluster.hex(), device.key_id.hex(), name)


def _founding(plan: Plan, owner: SigningKey, device: SigningKey, name: str) -> Founding:
    sealed = seal_user_key(
        owner.seed, plan.password.encode(), salt=os.urandom(16), nonce=os.urandom(24), name=plan.user
    )
    return Founding(
        name=plan.cluster,
        user=plan.user,
        owner=owner,
        sealed=sealed,
        device=device,
        device_name=name,
        label=node_label(plan.root),
        recovery=recovery_key(plan.phrase).public,
        cycle_ms=plan.cycle_ms,
        auto_backup=plan.auto_backup,
    )


def _stamp(device: DeviceId) -> Stamp:
    wall_s = time.time()
    return Stamp(device, BootId(os.urandom(8)), int(wall_s), clock_trusted=is_trusted(wall_s))


def _device_key(files: SmallFiles) -> SigningKey:
    """Return the device's key, made now if it never had one."""
    data = files.read(IDENTITY_FILE)
    if data is not None:
        return decode_identity(data)
    seed = os.urandom(32)
    files.store(IDENTITY_FILE, encode_identity(seed))
    return SigningKey.from_seed(seed)


def store_join_line(root: Path, line: str) -> Path:
    """Store a join key for the daemon as ``etc/dusk/join`` (0600).

    Raises:
        StorageError: the disk refused.
    """
    path = root / "etc/dusk/join"
    with disk.told_as_storage(f"cannot write {path}"):
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            disk.replace(folder, path.name, line.encode() + b"\n")
        finally:
            os.close(folder)
    return path
