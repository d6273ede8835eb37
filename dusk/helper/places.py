"""Where a package's file is, and what stands there: in ``etc/config``, or at the path of ``file:PATH`` (A51).

A file beside UCI is read and written as its mode as ``ls`` shows it, a line end, and its content, so that
one digest covers both; nothing at all stands for no file.
"""

import os
import stat
from contextlib import ExitStack
from errno import ELOOP, ENOENT, ENOTDIR

from dusk.helper.files import FILE_BYTES_MAX, Refusal, check_owned, lock, open_file, write_file

MARK = "file:"
FORMER = "dusk-local"  # ``local`` in the journal: what the daemon remembers of former values, for root alone
NO_FOLDER = (ENOENT, ENOTDIR, ELOOP)
MODES = {  # the owner reads, and nobody else writes
    stat.filemode(stat.S_IFREG | mode).encode(): mode for mode in range(0o1000) if mode & 0o422 == 0o400
}


class Found:
    """A file in a folder that is open; ``content`` is as the daemon is shown it, None for no file."""

    def __init__(self, folder: int, name: str, facts: os.stat_result | None, content: bytes | None) -> None:
        self.folder, self.name, self.facts, self.content = folder, name, facts, content

    def become(self, journal: int, kind: str, package: str, *, is_there: bool) -> None:
        """Put a journal's copy there, or remove what is."""
        if not is_there:
            return os.unlink(self.name, dir_fd=self.folder)
        # Renaming replaces what we hold locked; a link never what somebody made meanwhile.
        put = os.rename if self.content is not None else os.link
        return put(copy_name(kind, package), self.name, src_dir_fd=journal, dst_dir_fd=self.folder)


def copy_name(kind: str, package: str) -> str:
    """Return how the journal calls its copy of a file, ``old`` or ``new``."""
    return f"{kind}.{package.replace('/', '%')}"


def write_copy(journal: int, kind: str, package: str, content: bytes, like: os.stat_result | None) -> None:
    """Write a copy with owner and mode of another file; one beside UCI has a mode of its own."""
    if package.startswith(MARK):
        line, _, content = content.partition(b"\n")
        ours = (0o600, 0, 0, 0, os.geteuid(), os.getegid(), 0, 0, 0, 0)
        mode, *_, uid, gid = (like or ours)[:6]
        like = os.stat_result((MODES.get(line, mode), 0, 0, 0, uid, gid, 0, 0, 0, 0))
    write_file(journal, copy_name(kind, package), content, like)


def read_copy(journal: int, package: str) -> bytes | None:
    """Return the journal's copy of what was there, as it was shown."""
    if (file := open_file(journal, copy_name("old", package))) is None:
        return None
    with file:
        return _shown(package, os.fstat(file.fileno()), file.read(FILE_BYTES_MAX))


def _shown(package: str, facts: os.stat_result, content: bytes) -> bytes:
    mode = stat.filemode(facts.st_mode).encode() + b"\n" if package.startswith(MARK) else b""
    return mode + content


class Places:
    """Folders below ``top``: no links, all of them ours alone."""

    def __init__(self, top: int, config: int, dusk: int, journal: int) -> None:
        self.top, self.config, self.own, self.journal = top, config, (config, dusk), journal

    def find(self, package: str, held: ExitStack, *, locks: bool = True, is_back: bool = False) -> Found:
        """Return what is there, under libuci's lock unless ``locks`` is off, as long as ``held`` holds.

        libuci renames, so the name must still mean the file (A50). ``is_back`` is for who undoes: what we
        just made may have two names.

        Raises:
            Refusal: ``not-allowed``, ``not-a-file``, ``untrusted``, ``busy``, ``changed``.
        """
        folder, name = self._folder(package, held)
        if (file := open_file(folder, name)) is None:
            return Found(folder, name, None, None)
        held.enter_context(file)
        if locks:
            lock(file.fileno(), f"somebody holds the lock on {package}")
        facts = os.fstat(file.fileno())
        if locks and not os.path.samestat(os.stat(name, dir_fd=folder), facts):
            raise Refusal("changed", f"{package} is being changed by somebody else")
        if package.startswith(MARK) and (facts.st_mode & 0o7000 or (facts.st_nlink > 1 and not is_back)):
            raise Refusal("not-a-file", f"{package} has another name, too, or a set-uid bit")
        return Found(folder, name, facts, _shown(package, facts, file.read(FILE_BYTES_MAX)))

    def read(self, package: str) -> bytes | None:
        """Return what is there, of which nobody is asked to wait for a lock."""
        with ExitStack() as held:
            return self.find(package, held, locks=False).content

    def _folder(self, package: str, held: ExitStack) -> tuple[int, str]:
        """Open the folders of a path one after the other; return the last, and the file's name."""
        if not package.startswith(MARK):
            return (self.journal, "local") if package == FORMER else (self.config, package)
        folder, (_, *names, name) = self.top, package.split("/")
        for part in names:
            try:
                folder = os.open(part, os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            except OSError as error:
                if error.errno not in NO_FOLDER:
                    raise
                raise Refusal(
                    "not-allowed", f"{package}: {part} is not there, or no folder but a link"
                ) from None
            held.callback(os.close, folder)
            check_owned(facts := os.fstat(folder), part)
            if any(os.path.samestat(facts, os.fstat(own)) for own in self.own):
                raise Refusal("not-allowed", f"{package}: nothing in etc/config and etc/dusk is managed so")
        if os.fstat(folder).st_dev != os.fstat(self.config).st_dev:
            raise Refusal("not-allowed", f"{package} is on another disk than etc/config")
        return folder, name
