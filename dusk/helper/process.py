"""The helper's requests: few, each checked here whatever the daemon thinks (R14, A46)."""

import os
import shlex
import time
from io import FileIO

from dusk.helper.files import Refusal, check_owned, lock, open_folder, read_file
from dusk.helper.journal import Journal

RELOAD_S_MAX = 30.0
SIGKILL = 9  # the signal module would bring in much
REQUESTS = frozenset(b"read apply reload commit rollback join_done".split())


def name(raw: bytes) -> str:
    """Return a name that cannot be a path."""
    if len(raw) > 64 or not raw.translate(None, b"_-").isalnum():
        raise Refusal("bad-name", f"{raw[:64]!r} is not a name")
    return raw.decode()


class Helper:
    """One root folder, held against a second daemon; the methods in ``REQUESTS`` are its requests."""

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)
        check_owned(os.stat(self.root), self.root)
        etc = open_folder(os.open(self.root, os.O_DIRECTORY), "etc", 0o755)
        self.config, self.dusk = open_folder(etc, "config", 0o755), open_folder(etc, "dusk", 0o711)
        folder = open_folder(self.dusk, "journal", 0o700)
        file = FileIO(os.open("lock", os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=folder))
        self.lock = lock(file, f"another dusk daemon runs on {self.root}: stop it first")
        self.journal = Journal(self.config, folder)
        self.changed: list[str] = []

    def read(self, *names: bytes) -> list[bytes]:
        """Return ``+`` and the file of each package, Dusk's own too, or ``-`` where there is none."""
        contents = (read_file(self.config, name(raw)) for raw in names)
        return [b"-" if content is None else b"+" + content for content in contents]

    def apply(self, ident: bytes, *rest: bytes) -> list[bytes]:
        """Write files: package, digest of what was read (``-``: no file), new content of each."""
        allow = read_file(self.dusk, "allow")
        for raw in rest[::3]:
            if raw == b"dusk" or (allow is not None and raw not in allow.split()):
                raise Refusal("not-allowed", f"etc/dusk/allow does not let {raw[:64]!r} be managed")
        files = zip(rest[::3], rest[1::3], rest[2::3], strict=True)
        wanted = {name(raw): (old.decode(), new) for raw, old, new in files}
        self.changed = self.journal.apply(name(ident), wanted)
        return [" ".join(self.changed).encode()]

    def reload(self) -> list[bytes]:
        """Run root's command with what changed last as ``$@``; return its status and last error line."""
        settings = (read_file(self.config, "dusk") or b"").decode("latin-1")
        words = [line.split(None, 2) for line in settings.splitlines()]
        values = ["".join(word[2:]) for word in words if word[:2] == ["option", "reload"]]
        command = " ".join(shlex.split(" ".join(values[-1:]), comments=True)).encode("latin-1")
        ours, theirs = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        null = (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDWR, 0)
        actions = [null, (os.POSIX_SPAWN_DUP2, 0, 1), (os.POSIX_SPAWN_DUP2, theirs, 2)]
        arguments: list[str | bytes] = ["sh", "-c", command, "dusk-reload", *self.changed]
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DUSK_ROOT": self.root}
        child = os.posix_spawn("/bin/sh", arguments, env, file_actions=actions, setpgroup=0)
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
        except OSError as error:
            code, reason = "storage", str(error)
        except (TypeError, ValueError) as error:
            code, reason = "bad-request", str(error)
        return [b"refused", code.encode(), os.fsencode(reason)]
