"""Giving up root for good (R14): folders made, ids changed, capabilities gone, and all of it checked."""

import ctypes
import os
import pwd
import resource
import signal
from pathlib import Path

from dusk.errors import Refused
from dusk.lazy import dataclass

PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 4, 24, 38, 47
PR_SET_PDEATHSIG = 1
PR_CAP_AMBIENT_CLEAR_ALL = 4
CAPABILITY_VERSION_3 = 0x20080522
CAPABILITIES_MAX = 64
EINVAL = 22


@dataclass(frozen=True, slots=True)
class Account:
    """A system user without rights."""

    name: str
    uid: int
    gid: int


def account_for_daemon(name: str = "dusk") -> Account | None:
    """Return the user to become; None if there is no root to give up.

    In a user namespace in which that user does not exist, root is an ordinary user outside:
    then there is none either, and only the capabilities are given up.

    Raises:
        Refused: started as root without such a user: the daemon never stays root.
    """
    if os.geteuid() != 0 or _is_somebody_outside():
        return None
    try:
        entry = pwd.getpwnam(name)
    except KeyError as error:
        make = f"useradd --system --no-create-home --shell /usr/sbin/nologin {name}"
        raise Refused("no-user", f"there is no system user {name} to run as: {make}") from error
    if entry.pw_uid == 0:
        raise Refused("no-user", f"the system user {name} is root itself: give it another uid")
    return Account(name, entry.pw_uid, entry.pw_gid)


def _is_somebody_outside() -> bool:
    """Return whether uid 0 here is one ordinary user's uid, and the only one there is."""
    lines = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    return [(inside, count) for inside, _, count in lines] == [("0", "1")] and lines[0][1] != "0"


def prepare_folders(root: str, account: Account | None) -> None:
    """Make ``etc/dusk`` (0711), ``etc/dusk/node`` and ``var/run/dusk``, the last two the daemon's own.

    So are the folders in ``etc/dusk/node``: where files were put back from an archive that has no folders,
    as after a new image, root has made them.

    Raises:
        Refused: one of them is a link, no folder, or somebody else's.
        OSError: the disk failed.
    """
    uid, gid = (account.uid, account.gid) if account else (os.geteuid(), os.getegid())
    base = Path(root)
    umask = os.umask(0o022)  # the daemon's user passes through the folders above, whatever root's umask is
    try:
        _folder(base / "etc/dusk", 0o711, os.geteuid(), os.getegid())
        _folder(base / "etc/dusk/node", 0o700, uid, gid)
        for inner in filter(_is_folder, (base / "etc/dusk/node").iterdir()):
            _folder(inner, 0o700, uid, gid)
        _folder(base / "var/run/dusk", 0o755, uid, gid)
    finally:
        os.umask(umask)
    for parent in (base / "etc/dusk", base / "etc", base):  # all that is promised is found by these names
        _bring_names(parent)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _bring_names(path: Path) -> None:
    """Bring the names in a folder to the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno != EINVAL:  # a disk that cannot sync folders is no disk that we made any on
            raise
    finally:
        os.close(fd)


def _folder(path: Path, mode: int, uid: int, gid: int) -> None:
    """Make a folder, or take one of root's or the wanted owner; a link is not followed (A35, A51)."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    try:
        path.mkdir(mode=mode, exist_ok=True)
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        hint = "; run this as root, or give a root that is yours: --root DIR"
        what = hint if isinstance(error, PermissionError) else ""
        raise Refused("untrusted", f"no folder at {path}: {error.strerror}{what}") from error
    try:
        owner = os.fstat(fd).st_uid
        if owner not in {uid, os.geteuid()}:
            raise Refused("untrusted", f"{path} belongs to uid {owner}, not to {uid}: remove it or chown it")
        os.fchown(fd, uid, gid)
        os.fchmod(fd, mode)
    finally:
        os.close(fd)


def drop(account: Account | None) -> None:
    """Become the account, for good; everything must be imported before.

    The bounding set goes first, since that needs the capability that goes with the ids.

    Raises:
        Refused: something is left; the process must end.
    """
    try:
        if os.geteuid() == 0:
            _drop_bounding_set()
        if account is not None:
            os.setgroups([])
            os.setresgid(account.gid, account.gid, account.gid)
            os.setresuid(account.uid, account.uid, account.uid)
        _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
        _clear_capabilities()
        _prctl(PR_SET_NO_NEW_PRIVS, 1)
        _prctl(PR_SET_DUMPABLE, 0)
    except OSError as error:
        raise Refused("not-dropped", f"the rights of root could not be given up: {error}") from error
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    check_dropped(account, Path("/proc/self/status").read_text())


def end_with_parent(parent: int) -> None:
    """Have the kernel end this process when its parent ends; after the drop, which would clear it.

    Args:
        parent: its process id, taken before the fork: if it has gone already, nothing is begun.

    Raises:
        Refused: the parent is gone.
    """
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise Refused("interrupted", "the command that began this is gone")


def check_dropped(account: Account | None, status: str) -> None:
    """Refuse if ``/proc/self/status`` shows any right that should be gone.

    Raises:
        Refused: names what is left.
    """
    facts = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    wanted = {"CapInh": "0", "CapPrm": "0", "CapEff": "0", "CapAmb": "0", "NoNewPrivs": "1"}
    if account is not None:
        ids = {"Uid": f"{account.uid} " * 4, "Gid": f"{account.gid} " * 4}
        wanted |= {"CapBnd": "0", "Groups": "", **ids}
    left = [name for name, value in wanted.items() if _plain(facts.get(name, "?")) != _plain(value)]
    if left:
        raise Refused("not-dropped", f"rights are left after giving up root: {', '.join(left)}")


def _plain(value: str) -> list[str]:
    return [word.lstrip("0") for word in value.split()]


def _drop_bounding_set() -> None:
    for capability in range(CAPABILITIES_MAX):
        try:
            _prctl(PR_CAPBSET_DROP, capability)
        except OSError as error:
            if error.errno == EINVAL:  # the kernel knows no more
                return
            raise


def _clear_capabilities() -> None:
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    _checked(_LIBC.capset(header, (ctypes.c_uint32 * 6)()))


def _prctl(option: int, argument: int) -> None:
    zero = ctypes.c_ulong(0)
    _checked(_LIBC.prctl(option, ctypes.c_ulong(argument), zero, zero, zero))


def _checked(result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


_LIBC = ctypes.CDLL(None, use_errno=True)
