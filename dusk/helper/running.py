"""What the helper runs: root's commands, and the shell that puts files back without Python (R9)."""

import os
import time
from io import FileIO

from dusk.helper import neighbours
from dusk.helper.files import Refusal, read_file
from dusk.helper.places import FORMER

RELOAD_S_MAX = 30.0
SIGKILL = 9  # the signal module would bring in much
OFTEN_IGNORED = (1, 2, 3, 13, 15, 17, 25)  # HUP INT QUIT PIPE TERM CHLD XFSZ: Python's or our starter's
BESIDE = os.path.dirname(__file__)  # scripts there are as trusted as this code
REVERT = f"{BESIDE}/dusk-revert"
BEFORE_S_MAX = 10.0
OPENWRT = "/etc/openwrt_release"
WATCH_S_DEFAULT, WATCH_S_MAX = 900, 3600
WATCH_SPARE_S = 60  # the reload takes up to 30 s, and the daemon itself puts back first


def spawn(arguments: list[str | bytes], environment: dict[str, str | bytes], errors: int) -> int:
    """Start a shell in a process group of its own, with nothing of ours but where its errors go."""
    null = (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDWR, 0)
    return os.posix_spawn(
        "/bin/sh",
        [b"sh", *arguments],
        {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment},
        file_actions=[null, (os.POSIX_SPAWN_DUP2, 0, 1), (os.POSIX_SPAWN_DUP2, errors, 2)],
        setpgroup=0,
        setsigmask=(),
        setsigdef=OFTEN_IGNORED,
    )


def run(script: str, arguments: list[str | bytes], root: str, wait_s: float) -> list[bytes]:
    """Run a script beside this code, for so long at most; return its status and last line of errors.

    ``dusk-apply`` gets a phase, the reload command and packages: it does what the phase has.
    """
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    child = spawn([f"{BESIDE}/{script}", *arguments], {"DUSK_ROOT": root}, theirs)
    os.close(theirs)
    ended, status, tail, deadline_s = 0, 0, b"", time.monotonic() + wait_s
    with FileIO(ours) as errors:
        while not ended and time.monotonic() < deadline_s:
            time.sleep(0.01)
            ended, status = os.waitpid(child, os.WNOHANG)
            tail = (tail + (errors.read(65536) or b""))[-400:]
    if not ended:
        os.killpg(child, SIGKILL)
        status, tail = os.waitpid(child, 0)[1], b"killed after %d s" % wait_s
    return [b"%d" % os.waitstatus_to_exitcode(status), tail.strip().rpartition(b"\n")[2]]


def reload_command(config: int, root: str) -> bytes:
    """Return root's command that puts changed files into effect; on OpenWrt there is one without that."""
    from dusk.helper.uci import sections  # here, for it brings ``re``

    found = sections(read_file(config, "dusk") or b"")
    named = [value for *_, options in found for value in options.get(b"reload", [])]
    if named or root != "/" or not os.path.exists(OPENWRT):
        return [b"", *named][-1]
    with open(f"{BESIDE}/dusk-reload", "rb") as script:  # its text, for that is there without Python, too
        return script.read()


class Watch:
    """The shell that waits, and puts the files back if nobody confirmed them, whatever becomes of us."""

    def __init__(self, root: str) -> None:
        self.root, self.child, self.phase = root, 0, "back"
        self.wait_s, self.command = WATCH_S_DEFAULT, b""

    def prepare(self, options: tuple[bytes, ...], command: bytes, packages: list[str]) -> None:
        """Look at who else changes files, ask root's hooks, and say when and how the shell puts back.

        ``options`` are how many seconds contact is waited for, and ``insist`` of who has waited for others.

        Raises:
            Refusal: ``luci``, ``staged``, ``hook``.
        """
        if options[1:] == (b"insist",):
            options = options[:1]
        else:
            neighbours.look(self.root, packages)
        seconds = int(*options) if options else WATCH_S_DEFAULT
        self.wait_s, self.command = max(1, min(seconds, WATCH_S_MAX)) + WATCH_SPARE_S, command
        if os.path.exists(f"{self.root}/etc/dusk/hooks.d/pre-apply"):
            status, line = run("dusk-apply", ["before", b"", *packages], self.root, BEFORE_S_MAX)
            if status != b"0":
                raise Refusal("hook", line.decode(errors="replace") or f"a hook ended with {int(status)}")

    def begin(self, title: str) -> None:
        """Start it for the apply with this title; the shell acts on no other."""
        self.end()
        self.phase = "after"
        arguments: list[str | bytes] = [REVERT, self.root, str(self.wait_s), title]
        self.child = spawn(arguments, {"DUSK_RELOAD": self.command}, 0)

    def reload(self, phase: str, config: int, packages: list[str]) -> list[bytes]:
        """Reload what has changed, as the phase says; return the status and last line of errors."""
        packages = [package for package in packages if package != FORMER]
        command = self.command if self.child else reload_command(config, self.root)
        return run("dusk-apply", [phase, command, *packages], self.root, RELOAD_S_MAX)

    def end(self) -> None:
        """End it; it does nothing just now, for we hold the folder."""
        self.phase = "back"
        if self.child:
            os.killpg(self.child, SIGKILL)
            os.waitpid(self.child, 0)
            self.child = 0
