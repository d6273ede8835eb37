"""A note of root's about what was undone: the daemon shows it, and stays off that config (R9).

``undone``: a line with the apply's id, how often it was undone in a row and the token of its last try, and
a line that says why. The shell writes it, too. Files count more than the word about them: no error here
keeps an apply from its end.
"""

import os
from contextlib import suppress

from dusk.helper.files import Refusal, read_file, write_file


def replace_file(folder: int, name: str, content: bytes) -> None:
    """Write a file anew, whole or not at all, through to the disk."""
    if "new." in os.listdir(folder):  # of a former try that was cut
        os.unlink("new.", dir_fd=folder)
    write_file(folder, "new.", content)
    os.rename("new.", name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)


def read(folder: int) -> tuple[str, int, str, str]:
    """Return which apply was undone last (empty: none since a commit), how often, why, and its token."""
    note = b""
    with suppress(OSError, Refusal):
        note = read_file(folder, "undone") or b""
    title, _, why = note.decode(errors="replace").partition("\n")
    ident, times, token = [*title.split(" "), "", "", ""][:3]
    return ident, int(times) if times.isdecimal() else 0, " ".join(why.split()), token


def write(folder: int, title: str, why: str, foreign: str) -> None:
    """Note that an apply was undone, and which packages were not, for somebody changed them since.

    A try that is undone in several goes, for one was cut, counts once: the token in its title is its own.
    """
    former, times, _, last = read(folder)
    ident, _, token = title.partition(" ")
    count = 1 if former != ident else times + (token != last)
    why += f"; left as somebody changed them since: {foreign}" if foreign else ""
    with suppress(OSError):
        replace_file(folder, "undone", f"{ident} {max(1, count)} {token}\n{why}\n".encode())


def forget(folder: int) -> None:
    """Remove the note: an apply was confirmed."""
    with suppress(OSError):
        os.unlink("undone", dir_fd=folder)
        os.fsync(folder)  # else a power cut has the confirmed apply count as undone
