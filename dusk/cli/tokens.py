"""Where a session's token is kept: by terminal, or by uid where there is none."""

import hashlib
import os
import stat
from pathlib import Path

from dusk.errors import Refused

VARIABLE = "DUSK_SESSION"


def load(root: Path) -> str | None:
    """Return the token of this terminal's session, or None."""
    if token := os.environ.get(VARIABLE):
        return token
    folder = _folder()
    if not folder.is_dir():
        return None
    _check(folder)
    try:
        descriptor = os.open(folder / _name(root), os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    with os.fdopen(descriptor, "r") as stream:
        return stream.read().strip() or None


def store(root: Path, token: str) -> None:
    """Keep a token for this terminal, in a folder that is this user's alone."""
    folder = _folder()
    folder.mkdir(mode=0o700, exist_ok=True)
    _check(folder)
    path = folder / _name(root)
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "w") as stream:
        stream.write(token)


def forget(root: Path) -> None:
    """Remove the token of this terminal."""
    folder = _folder()
    if folder.is_dir():
        _check(folder)
        (folder / _name(root)).unlink(missing_ok=True)


def _folder() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir() and Path(runtime).stat().st_uid == os.getuid():
        return Path(runtime) / "dusk"
    return Path("/tmp") / f"dusk-{os.getuid()}"  # noqa: S108 — owner and mode are checked at each use


def _check(folder: Path) -> None:
    """Refuse a folder that somebody else prepared in /tmp."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        reason = f"{folder} is not a folder of yours alone (0700); remove it, or set {VARIABLE}"
        raise Refused("unsafe-folder", reason)


def _name(root: Path) -> str:
    """Name the file by root and controlling terminal, which redirections do not change."""
    where = f"{root.resolve()}\0{_terminal() or 'none'}".encode()
    return f"session-{hashlib.blake2s(where, digest_size=10).hexdigest()}"


def _terminal() -> int:
    """Return the number of the controlling terminal, 0 for none (proc(5), field 7 of stat)."""
    try:
        text = Path("/proc/self/stat").read_text()
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[4])
