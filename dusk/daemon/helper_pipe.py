"""The pipes between daemon and helper, and the fork; imports as little as the helper itself.

A message is a line with the sizes of its fields in bytes, and the fields.
"""

import fcntl
import os
import resource
from io import BufferedReader, BufferedWriter

HEADER_BYTES_MAX = 2048
MESSAGE_BYTES_MAX = 4 * 1024 * 1024
"""All managed files of a router, many times over."""


def encode(*fields: bytes) -> bytes:
    """Return a message."""
    return b" ".join(b"%d" % len(field) for field in fields) + b"\n" + b"".join(fields)


def sizes(header: bytes) -> list[int]:
    """Return the sizes in a message's first line, of bounded sum (R10); ``ValueError`` if they are not."""
    found = [int(size) for size in header.split()]
    if not header.endswith(b"\n") or min(found) < 0 or sum(found) > MESSAGE_BYTES_MAX:
        raise ValueError(f"a message is cut short or has over {MESSAGE_BYTES_MAX} bytes")
    return found


def serve(root: str, requests: BufferedReader, answers: BufferedWriter) -> None:
    """Be the helper: undo what is unfinished and greet with that (R7, R9), then answer until the end.

    A message that breaks the form ends the helper, and with it the daemon's connection to it.
    """
    from dusk.helper.files import Refusal
    from dusk.helper.process import Helper

    try:
        helper = Helper(root)
    except Refusal as refusal:
        code, reason = refusal.args
        answers.write(encode(b"failed", code.encode(), os.fsencode(reason)))
        return
    except OSError as error:
        answers.write(encode(b"failed", b"storage", os.fsencode(str(error))))
        return
    answer = helper.answer(b"rollback")
    while True:
        answers.write(encode(*answer))
        answers.flush()
        if not (header := requests.readline(HEADER_BYTES_MAX)):
            return
        answer = helper.answer(*[requests.read(size) for size in sizes(header)])


def start_helper(root: str) -> tuple[int, int, int]:
    """Fork the helper; call it while the process is a bare Python, so that it stays as small.

    Args:
        root: the folder that all its paths are below.

    Returns:
        Its process id, the descriptor to read answers from and the one to write requests to.
        It ends when the latter is closed.
    """
    requests, to_helper = os.pipe()
    from_helper, answers = os.pipe()
    pid = os.fork()
    if pid:
        os.close(requests)
        os.close(answers)
        return pid, from_helper, to_helper
    exit_status = 1
    try:
        _become_helper(requests, answers)
        with open(3, "rb") as source, open(4, "wb") as sink:
            serve(root, source, sink)
        exit_status = 0
    except (OSError, ValueError) as error:
        os.write(2, os.fsencode(f"dusk helper: {error}\n"))
    finally:
        os._exit(exit_status)


def _become_helper(requests: int, answers: int) -> None:
    """Have an own session and no descriptor but the standard ones and the pipes, as 3 and 4."""
    os.setsid()
    os.umask(0o022)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 5) for fd in (requests, answers)]
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for target, fd in zip((3, 4), high, strict=True):
        os.dup2(fd, target, inheritable=False)
    os.closerange(5, os.sysconf("SC_OPEN_MAX"))
