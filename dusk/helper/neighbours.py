"""Who else is about to change files: LuCI, and people who staged edits (A50). It reads, and asks to wait."""

import os
import stat
from collections.abc import Callable

from dusk.helper.files import Refusal

NOTHING_THERE = (FileNotFoundError, NotADirectoryError)  # a disk that refuses is told, as anywhere
STAGED_BYTES_MAX = 64 * 1024
GENERATED_CHARACTERS = 9  # "cfg", two digits of a place, four of a hash


def look(root: str, packages: list[str]) -> None:
    """Ask to wait while somebody's change would be lost, or would undo ours.

    rpcd's rollback copies whole files back from its snapshot. Names of anonymous sections are made of
    place and content, so what was staged for one finds another, or none, once the file is another.

    Raises:
        Refusal: ``luci``, ``staged``.
    """
    rpcd = f"{root}/var/run/rpcd"
    if _names(f"{rpcd}/snapshot-files"):
        raise Refusal("luci", "waiting for a LuCI confirm")
    sessions = [f"{rpcd}/{name}" for name in _names(rpcd) if name.startswith("uci-")]
    for place in (f"{root}/tmp/.uci", *sessions):  # noqa: S108  # it is where uci stages, and only read
        for package in packages:
            if _touches_anonymous(_read(place, package)):
                raise Refusal("staged", f"waiting for edits that somebody staged in {package}")


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except NOTHING_THERE:
        return []


def _is_ours(path: str, is_kind: Callable[[int], bool]) -> bool:
    try:
        facts = os.stat(path, follow_symlinks=False)
    except NOTHING_THERE:
        return False
    return is_kind(facts.st_mode) and facts.st_uid == os.geteuid()


def _read(folder: str, name: str) -> bytes:
    """Return a file of ours in a folder of ours, nothing for what is none: others shall not make us wait."""
    path = f"{folder}/{name}"
    # The folder first: whoever makes one in /tmp before us may make it a link that leads to itself.
    if not _is_ours(folder, stat.S_ISDIR) or not _is_ours(path, stat.S_ISREG):
        return b""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        return file.read(STAGED_BYTES_MAX)


def _touches_anonymous(staged: bytes) -> bool:
    """Tell whether a line of ``[-@+^|~]PACKAGE.SECTION[.OPTION][=VALUE]`` is about a section of the file."""
    added = set()
    for line in staged.splitlines():
        section = b"".join(line.partition(b"=")[0].split(b".")[1:2])
        is_generated = len(section) == GENERATED_CHARACTERS and section.startswith(b"cfg")
        if line.startswith(b"+"):
            added.add(section)
        elif is_generated and section not in added:
            return True
    return False
