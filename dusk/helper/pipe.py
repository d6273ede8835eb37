"""The helper's process: nothing of its starter's, two pipes, and the loop that answers."""

import fcntl
import os
import resource
from io import BufferedReader, BufferedWriter

from dusk.helper.files import Refusal
from dusk.helper.message import HEADER_BYTES_MAX, encode, first_line, sizes
from dusk.helper.process import Helper


def serve(root: str, requests: BufferedReader, answers: BufferedWriter) -> None:
    """Be the helper: undo what is unfinished and greet with that (R7, R9), then answer until the end.

    A message that breaks the form, or is cut short, ends the helper, and with it the daemon's
    connection to it. At the end nothing is left unconfirmed, and no process of ours is left.
    """
    try:
        helper = Helper(root)
    except (Refusal, OSError) as error:
        code, reason = error.args if isinstance(error, Refusal) else ("storage", str(error))
        answers.write(encode(b"failed", code.encode(), os.fsencode(reason)))
        return
    answers.write(encode(*helper.answer(b"rollback", b"it was not confirmed before a stop")))
    answers.flush()
    try:
        while header := requests.readline(HEADER_BYTES_MAX):
            fields = [requests.read(size) for size in sizes(header)]
            if header != first_line(map(len, fields)):
                raise ValueError("a request is cut short")
            answers.write(encode(*helper.answer(*fields)))
            answers.flush()
    finally:
        helper.answer(b"rollback", b"the daemon ended before it was confirmed")


def become_helper(root: str, requests: int, answers: int) -> None:
    """Be the helper until the requests end; for a process that was just forked, which ends with it.

    It has an own session and no descriptor but the standard ones and the pipes, as 3 and 4.
    """
    try:
        os.setsid()
        os.chdir("/")
        os.umask(0o022)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 5) for fd in (requests, answers)]
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for target, fd in zip((3, 4), high, strict=True):
            os.dup2(fd, target, inheritable=False)
        os.closerange(5, os.sysconf("SC_OPEN_MAX"))
        with open(3, "rb") as source, open(4, "wb") as sink:
            serve(root, source, sink)
        os._exit(0)
    except (OSError, ValueError) as error:
        os.write(2, os.fsencode(f"dusk helper: {error}\n"))
    finally:
        os._exit(1)
