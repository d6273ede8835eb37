"""The helper's requests: few, each checked here whatever the daemon thinks (R14, A46)."""

import fcntl
import os
from io import FileIO

from dusk.helper import notes
from dusk.helper.beside import check_path, load, wanted_of
from dusk.helper.files import FILE_BYTES_MAX, Refusal, check_owned, lock, open_folder
from dusk.helper.journal import Journal
from dusk.helper.places import FORMER, Places
from dusk.helper.running import BEFORE_S_MAX, RELOAD_S_MAX, Watch, reload_command, run

WHY_MAX = 400  # characters of a reason: a note has to stay a file that can be read
REQUESTS = frozenset(b"read apply reload commit rollback join_done device hook".split())


def name(raw: bytes) -> str:
    """Return a name that can be neither a path nor an option of a command.

    Raises:
        Refusal: ``bad-name``.
    """
    if len(raw) > 64 or raw[:1] == b"-" or not raw.translate(None, b"_-").isalnum():
        raise Refusal("bad-name", f"{raw[:64]!r} is not a name")
    return raw.decode()


class Helper:
    """One root folder, held against a second daemon; the methods in ``REQUESTS`` are its requests."""

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)
        top = os.open(self.root, os.O_DIRECTORY)
        check_owned(os.fstat(top), self.root)
        etc = open_folder(top, "etc", 0o755)
        self.config, self.dusk = open_folder(etc, "config", 0o755), open_folder(etc, "dusk", 0o711)
        self.folder = open_folder(self.dusk, "journal", 0o700)
        others = f"another dusk daemon runs on {self.root}: stop it first"
        # A reload goes on when its daemon dies, and holds the folder: cut short, it would stay undone.
        lock(self.folder, others, RELOAD_S_MAX)
        fcntl.flock(self.folder, fcntl.LOCK_UN)
        self.lock = FileIO(os.open("lock", os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=self.folder))
        lock(self.lock.fileno(), others)
        self.places = Places(top, self.config, self.dusk, self.folder)
        self.journal = Journal(self.places, self.folder, self.dusk)
        self.watch = Watch(self.root)
        self.changed: list[str] = []

    def _package(self, raw: bytes, *readable: bytes) -> str:
        """Return a package that may be managed, or that may be read at least."""
        package = check_path(raw) if raw.startswith(b"file:") else name(raw)
        if raw not in readable and package != FORMER:
            load(self.dusk).check_package(package)
        return package

    def read(self, raw: bytes) -> list[bytes]:
        """Return ``+`` and the file of a package, Dusk's own too, or ``-`` if there is none."""
        content = self.places.read(self._package(raw, b"dusk"))
        return [b"-" if content is None else b"+" + content]

    def apply(self, ident: bytes, *rest: bytes) -> list[bytes]:
        """Write files: package, digest of what was read (``-``: no file), new content of each.

        A file beside UCI is removed by nothing at all. A last field says how many seconds after the reload
        the daemon waits for contact.
        """
        count = len(rest) // 3 * 3
        files = zip(rest[:count:3], rest[1:count:3], rest[2:count:3], strict=True)
        wanted = {self._package(raw): (old.decode(), wanted_of(raw, new)) for raw, old, new in files}
        if any(len(new or b"") > FILE_BYTES_MAX for _, new in wanted.values()):
            raise Refusal("too-large", f"a file would have over {FILE_BYTES_MAX} bytes")
        self.watch.prepare(rest[count:], reload_command(self.config, self.root), list(wanted))
        title = f"{name(ident)} {os.urandom(8).hex()}"
        self.changed = self.journal.apply(title, wanted, load(self.dusk).check_content, self.watch.begin)
        return [" ".join(self.changed).encode()]

    def reload(self) -> list[bytes]:
        """Put what an apply wrote into effect; return the status and the last line of errors."""
        return self.watch.reload(self.watch.phase, self.config, self.changed)

    def commit(self, ident: bytes) -> list[bytes]:
        """Keep what an apply wrote."""
        self.journal.commit(name(ident))
        self.watch.end()
        return []

    def rollback(self, why: bytes = b"the daemon put it back") -> list[bytes]:
        """Undo what is unfinished, and reload that; return its id, the packages put back, others' packages.

        Then which apply was undone last, even if by the shell, how often in a row, and why; then, if
        anything was put back, the status of the reload and the last line of errors.
        """
        line = " ".join(why.decode().split())[:WHY_MAX]
        *undone, told = self.journal.restore(line, lambda back: self.watch.reload("back", self.config, back))
        self.watch.end()
        noted = [f"{part}".encode() for part in notes.read(self.dusk)[:3]]
        return [*(" ".join(part).encode() for part in undone), *noted, *told]

    def join_done(self) -> list[bytes]:
        """Remove the join key."""
        os.unlink("join", dir_fd=self.dusk)
        os.fsync(self.dusk)
        return []

    def device(self, word: bytes) -> list[bytes]:
        """Do one of the fixed things of ``dusk-device``; return its status and last error line."""
        return run("dusk-device", [name(word)], self.root, RELOAD_S_MAX)

    def hook(self, *words: bytes) -> list[bytes]:
        """Start root's programs that follow what happened; return as ``device``, before they end."""
        return run("dusk-hook", [name(word) for word in words], self.root, BEFORE_S_MAX)

    def answer(self, request: bytes = b"", *fields: bytes) -> list[bytes]:
        """Do one request, alone on the folder; a refusal and a failing disk are answers, too."""
        try:
            if request not in REQUESTS:
                raise Refusal("bad-request", "there is no such request")
            if request != b"read":
                lock(self.folder, "another dusk daemon is starting, or dusk-revert puts files back")
            return [b"ok", *getattr(self, request.decode())(*fields)]
        except Refusal as refusal:
            code, reason = refusal.args
        except (OSError, TypeError, ValueError) as error:
            code, reason = "storage" if isinstance(error, OSError) else "bad-request", str(error)
        finally:
            fcntl.flock(self.folder, fcntl.LOCK_UN)
        return [b"refused", code.encode(), os.fsencode(reason)]
