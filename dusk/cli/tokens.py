"""Where a session's token is kept: by terminal, or by uid where there is none, or by a word of one's own.

The word is what `VARIABLE` says: a script's, so that its session is neither that of the terminal nor that
of another script. Where no session was opened under it, it is a token itself, as the control socket gives
them out. A token is a secret, for who has it signs; so no command prints one.
"""

import hashlib
import os
import stat
from pathlib import Path

from dusk.errors import Refused

VARIABLE = "DUSK_SESSION"


def load(root: Path) -> str | None:
    """Return the token of this terminal's session, or of the one that is named; None if there is none."""
    word, folder = os.environ.get(VARIABLE) or None, _folder()
    if not folder.is_dir():
        return word
    if not _is_ours(folder) and word is not None:
        return word
    _check(folder)
    try:
        descriptor = os.open(folder / _name(root), os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return word
    with os.fdopen(descriptor, "r") as stream:
        return stream.read().strip() or word


def where() -> str:
    """Say in words what a session that is opened now belongs to."""
    if os.environ.get(VARIABLE):
        return f"in the session that {VARIABLE} names"
    return "on this terminal" if _terminal() else "where there is no terminal, as in scripts of yours"


def store(root: Path, token: str) -> None:
    """Keep a token for this terminal, or under its word, in a folder that is this user's alone."""
    folder = _folder()
    folder.mkdir(mode=0o700, exist_ok=True)
    _check(folder)
    path = folder / _name(root)
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "w") as stream:
        stream.write(token)


def forget(root: Path) -> None:
    """Remove the token that :func:`load` reads."""
    folder = _folder()
    if folder.is_dir() and _is_ours(folder):
        (folder / _name(root)).unlink(missing_ok=True)


def _folder() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir() and Path(runtime).stat().st_uid == os.getuid():
        return Path(runtime) / "dusk"
    return Path("/tmp") / f"dusk-{os.getuid()}"  # noqa: S108 — owner and mode are checked at each use


def _check(folder: Path) -> None:
    """Refuse a folder that somebody else prepared in /tmp."""
    if not _is_ours(folder):
        raise Refused("unsafe-folder", f"{folder} is not a folder of yours alone (0700); remove it")


def _is_ours(folder: Path) -> bool:
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def _name(root: Path) -> str:
    """Name the file by root and the word, or the controlling terminal, which redirections do not change."""
    word = os.environ.get(VARIABLE)
    whose = f"{VARIABLE}={word}" if word else f"{_terminal() or 'none'}"
    name = hashlib.blake2s(f"{root.resolve()}\0{whose}".encode(errors="surrogateescape"), digest_size=10)
    return f"session-{name.hexdigest()}"


def _terminal() -> int:
    """Return the number of the controlling terminal, 0 for none (proc(5), field 7 of stat)."""
    try:
        text = Path("/proc/self/stat").read_text()
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[4])
