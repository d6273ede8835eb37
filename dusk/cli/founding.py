"""Writing a new cluster to the disk, as the daemon's user (`dusk init`)."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from dusk.changelog.genesis import Founding
from dusk.daemon import disk, founding, opening, privileges
from dusk.daemon.identity import FILE as IDENTITY_FILE
from dusk.daemon.identity import decode_identity, encode_identity, node_label
from dusk.daemon.smallfiles import SmallFiles
from dusk.errors import DuskError, Refused
from dusk.keys.phrase import recovery_key
from dusk.keys.sealed import seal_user_key
from dusk.keys.signing import SigningKey
from dusk.membership.names import decide_name

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
    folder = plan.root / founding.NODE
    files = SmallFiles(folder)
    try:
        founding.check_free(plan.root)
        made = founding.make(_founding(plan, _device_key(files)))
        for name, content in made.files:
            files.store(name, content)
    finally:
        files.close()
    opened = opening.open_store(folder)
    try:
        opened.store.append(made.items)
    finally:
        opened.store.close()
    return Made(made.cluster, made.device, made.name)


def _founding(plan: Plan, device: SigningKey) -> Founding:
    owner = SigningKey.from_seed(os.urandom(32))
    sealed = seal_user_key(
        owner.seed, plan.password.encode(), salt=os.urandom(16), nonce=os.urandom(24), name=plan.user
    )
    return Founding(
        name=plan.cluster,
        user=plan.user,
        owner=owner,
        sealed=sealed,
        device=device,
        device_name=decide_name(plan.device_name, "", ()),
        label=node_label(plan.root),
        recovery=recovery_key(plan.phrase).public,
        cycle_ms=plan.cycle_ms,
        auto_backup=plan.auto_backup,
    )


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
