"""The helper's requests: few, each checked here whatever the daemon thinks (R14, A46)."""

import fcntl
import os
import time
from io import FileIO

from dusk.helper.files import FILE_BYTES_MAX, Refusal, check_owned, lock, open_folder, read_file
from dusk.helper.journal import Journal
from dusk.helper.policy import load

RELOAD_S_MAX = 30.0
SIGKILL = 9  # the signal module would bring in much
OFTEN_IGNORED = (1, 2, 3, 13, 15, 17, 25)  # HUP INT QUIT PIPE TERM CHLD XFSZ: Python's or our starter's
REQUESTS = frozenset(b"read apply reload commit rollback join_done".split())


def name(raw: bytes) -> str:
    """Return a name that can be neither a path nor an option of a command.

    Raises:
        Refusal: ``bad-name``.
    """
    if len(raw) > 64 or raw[:1] == b"-" or not raw.translate(None, b"_-").isalnum():
        raise Refusal("bad-name", f"{raw[:64]!r} is not a name")
    return raw.decode()


def run(command: bytes, arguments: list[str], root: str) -> list[bytes]:
    """Run a shell command in a process group of its own; return its status and last line of errors."""
    ours, theirs = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    null = (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDWR, 0)
    child = os.posix_spawn(
        "/bin/sh",
        [b"sh", b"-c", command, b"dusk-reload", *map(os.fsencode, arguments)],
        {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DUSK_ROOT": root},
        file_actions=[null, (os.POSIX_SPAWN_DUP2, 0, 1), (os.POSIX_SPAWN_DUP2, theirs, 2)],
        setpgroup=0,
        setsigmask=(),
        setsigdef=OFTEN_IGNORED,
    )
    os.close(theirs)
    ended, status, tail, deadline_s = 0, 0, b"", time.monotonic() + RELOAD_S_MAX
    with FileIO(ours) as errors:
        while not ended and time.monotonic() < deadline_s:
            time.sleep(0.01)
            ended, status = os.waitpid(child, os.WNOHANG)
            tail = (tail + (errors.read(65536) or b""))[-400:]
    if not ended:
        os.killpg(child, SIGKILL)
        status, tail = os.waitpid(child, 0)[1], b"killed after %d s" % RELOAD_S_MAX
    return [b"%d" % os.waitstatus_to_exitcode(status), tail.strip().rpartition(b"\n")[2]]


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
        self.journal = Journal(self.config, self.folder)
        self.changed: list[str] = []

    def _package(self, raw: bytes, *readable: bytes) -> str:
        """Return the name of a package that may be managed, or that may be read at least."""
        if raw not in readable:
            load(self.dusk).check_package(name(raw))
        return name(raw)

    def read(self, raw: bytes) -> list[bytes]:
        """Return ``+`` and the file of a package, Dusk's own too, or ``-`` if there is none."""
        content = read_file(self.config, self._package(raw, b"dusk"))
        return [b"-" if content is None else b"+" + content]

    def apply(self, ident: bytes, *rest: bytes) -> list[bytes]:
        """Write files: package, digest of what was read (``-``: no file), new content of each."""
        files = zip(rest[::3], rest[1::3], rest[2::3], strict=True)
        wanted = {self._package(raw): (old.decode(), new) for raw, old, new in files}
        if any(len(new) > FILE_BYTES_MAX for _, new in wanted.values()):
            raise Refusal("too-large", f"a file would have over {FILE_BYTES_MAX} bytes")
        self.changed = self.journal.apply(name(ident), wanted, load(self.dusk).check_content)
        return [" ".join(self.changed).encode()]

    def reload(self) -> list[bytes]:
        """Run root's command with what changed last as ``$@``; return its status and last error line."""
        from dusk.helper.uci import sections

        found = sections(read_file(self.config, "dusk") or b"")
        command = [b"", *(value for *_, options in found for value in options.get(b"reload", []))][-1]
        lock(self.folder, "another dusk daemon is starting")
        try:
            return run(command, self.changed, self.root)
        finally:
            fcntl.flock(self.folder, fcntl.LOCK_UN)

    def commit(self, ident: bytes) -> list[bytes]:
        """Keep what an apply wrote."""
        self.journal.commit(name(ident))
        return []

    def rollback(self) -> list[bytes]:
        """Undo what is unfinished; return its id, the packages put back, others' packages."""
        undone = self.journal.restore()
        self.changed = undone[1]
        return [" ".join(part).encode() for part in undone]

    def join_done(self) -> list[bytes]:
        """Remove the join key."""
        os.unlink("join", dir_fd=self.dusk)
        os.fsync(self.dusk)
        return []

    def answer(self, request: bytes = b"", *fields: bytes) -> list[bytes]:
        """Do one request; a refusal and a failing disk are answers, too."""
        try:
            if request not in REQUESTS:
                raise Refusal("bad-request", "there is no such request")
            return [b"ok", *getattr(self, request.decode())(*fields)]
        except Refusal as refusal:
            code, reason = refusal.args
        except (OSError, TypeError, ValueError) as error:
            code, reason = "storage" if isinstance(error, OSError) else "bad-request", str(error)
        return [b"refused", code.encode(), os.fsencode(reason)]
