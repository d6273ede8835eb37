"""What a command writes where no daemon runs: a new cluster, a join key, that a join is taken back."""

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from dusk.changelog.genesis import Founding
from dusk.daemon import cancelling, disk, founding, opening, privileges
from dusk.daemon.identity import FILE as IDENTITY_FILE
from dusk.daemon.identity import decode_identity, encode_identity, node_label
from dusk.daemon.smallfiles import SmallFiles
from dusk.errors import DuskError, Refused
from dusk.keys.phrase import recovery_key
from dusk.keys.sealed import seal_user_key
from dusk.keys.signing import SigningKey
from dusk.membership.names import decide_name

_ANSWER_BYTES_MAX = 4096
UNKNOWN = "outcome-unknown"
"""The word of a refusal that does not say that nothing was written."""
_LOCK_S_MAX = 5.0
_LOOK_S = 0.05


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


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Hold what a daemon of this root holds while it runs: none begins meanwhile, nor another such command.

    Args:
        root: with its folders prepared (`privileges.prepare_folders`).

    Raises:
        Refused: ``busy``: somebody else has it.
        StorageError: the disk refused.
    """
    path = root / "etc/dusk/journal"
    with disk.told_as_storage(f"cannot use {path}"):
        path.mkdir(mode=0o700, exist_ok=True)
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fd = os.open("lock", os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
        finally:
            os.close(folder)
    try:
        _lock(fd, f"a daemon, or another command that makes a cluster or joins one, is at work at {root}")
        yield
    finally:
        os.close(fd)


def _lock(fd: int, busy: str) -> None:
    deadline_s = time.monotonic() + _LOCK_S_MAX
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline_s:
                reason = f"{busy}: look at `dusk status`, or say it again in a moment; nothing was changed"
                raise Refused("busy", reason) from None
            time.sleep(_LOOK_S)


def write_as(account: privileges.Account | None, plan: Plan) -> Made:
    """Make the cluster as the daemon's user, alone at that root.

    Raises:
        Refused: what the child says; or ``busy``.
    """

    def work(root: Path) -> Sequence[str]:
        made = write(replace(plan, root=root))
        return made.cluster, made.device, made.name

    with alone(plan.root):
        cluster, device, name = _run_as(account, plan.root, "init-failed", work)
    return Made(cluster, device, name)


def cancel_as(account: privileges.Account | None, root: Path) -> None:
    """Take a join back where no daemon runs: root's line, then what the daemon's user has of it.

    Raises:
        Refused: ``not-joining``; it is too late; or ``busy``.
        StorageError: the disk refused.
    """
    if not cancelling.is_begun(root):
        raise cancelling.not_begun()
    privileges.prepare_folders(str(root), account)

    def work(below: Path) -> Sequence[str]:
        cancelling.undo_stopped(below)
        return ("",)

    with alone(root):
        remove_join_line(root)
        _run_as(account, root, "not-cancelled", work)


def _run_as(
    account: privileges.Account | None, root: Path, failed: str, work: Callable[[Path], Sequence[str]]
) -> Sequence[str]:
    """Do work below a root as the daemon's user, and return its lines.

    Root writes nothing below ``etc/dusk/node`` itself: a child gives up root for good and does.

    Raises:
        Refused: what the child says, by the word ``failed``; or `UNKNOWN`.
    """
    if account is None:
        return work(root)
    reading, writing = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            code = _in_child(account, root, work, parent, writing)
        finally:
            os._exit(code)  # whatever happens, this copy never goes on as the command line
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as stream:
            answer = stream.read(_ANSWER_BYTES_MAX).decode(errors="replace")
    except BaseException:  # Ctrl-C, too: what is said next is said of a disk that nobody writes any more
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    _, status = os.waitpid(child, 0)
    if status != 0 and not answer:
        raise Refused(UNKNOWN, "the process that writes as the daemon's user died; look at `dusk status`")
    if status != 0:
        raise Refused(failed, answer)
    return answer.split("\n")


def _in_child(
    account: privileges.Account, root: Path, work: Callable[[Path], Sequence[str]], parent: int, writing: int
) -> int:
    """Give up root, do the work, answer in its lines, or in one with the reason."""
    code = 1
    try:
        os.chdir(root)  # the daemon's user may not pass through the folders above
        privileges.drop(account)
        privileges.end_with_parent(parent)
        answer, code = "\n".join(work(Path())), 0
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


def remove_join_line(root: Path) -> None:
    """Remove ``etc/dusk/join``, if it is there.

    Raises:
        StorageError: it may still be there.
    """
    path = root / "etc/dusk/join"
    with disk.told_as_storage(f"cannot remove {path}"), suppress(FileNotFoundError):
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            disk.unlink(folder, path.name)
            disk.sync_directory(folder)
        finally:
            os.close(folder)
