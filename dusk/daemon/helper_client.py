"""The daemon's side of the helper: one request at a time, each with a deadline."""

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

import trio

from dusk.apply.events import Restored
from dusk.apply.windows import WINDOW_S
from dusk.config.settings import FORMER
from dusk.daemon.say import say
from dusk.effects import (
    CommitFiles,
    FilesRead,
    FilesSeen,
    HelperDone,
    LookAtFiles,
    ReadFiles,
    RollbackFiles,
    WriteFiles,
)
from dusk.errors import Refused, StorageError
from dusk.helper.message import HEADER_BYTES_MAX, encode, sizes
from dusk.lazy import dataclass
from dusk.links import LookUp, Seen, Up

ANSWER_S_MAX = 30.0
"""Longest wait for files: five seconds of waiting for each of a few locks, a slow flash."""
APPLY_S_MAX = 60.0
"""The same for several files that change, with ten seconds for root's hooks before it."""
RELOAD_S_MAX = 40.0
"""The helper itself kills the command after 30 s."""
ROLLBACK_S_MAX = RELOAD_S_MAX + APPLY_S_MAX
"""What is put back is put into effect by the same request."""
HELLO_S_MAX = RELOAD_S_MAX + ROLLBACK_S_MAX
"""The helper waits for the end of a reload that the former daemon left, then undoes what that left."""
HOOKS_RUN = 75
"""Exit status of ``dusk-hook`` while former programs run still."""
PATIENCE_S = 6.0
"""Longer than the helper waits for a second daemon: what takes longer is worth a line."""


@dataclass(frozen=True, slots=True)
class Undone:
    """What a rollback, or the helper's start, put back.

    Args:
        apply_id: the apply that was unfinished; empty if none was.
        restored: packages whose former content is back.
        foreign: packages that somebody else changed since, which stay as they are.
        problem: why nothing could be put back; the next rollback tries again. Else empty.
        reloaded: exit status and last line of errors of the reload; None where nothing was put back.
    """

    apply_id: str
    restored: tuple[str, ...]
    foreign: tuple[str, ...]
    problem: str = ""
    reloaded: tuple[int, str] | None = None


def digest(content: bytes | None) -> bytes:
    """Return how a file that was read is named to the helper; ``-`` for no file."""
    return b"-" if content is None else hashlib.sha256(content).hexdigest().encode()


class HelperClient:
    """Requests to the helper.

    Args:
        read_fd: the descriptor that answers come from.
        write_fd: the descriptor that requests go to; both are closed with this object.
        look: tells which interfaces and radios are up.
    """

    def __init__(self, read_fd: int, write_fd: int, look: Callable[[], Up] = Up) -> None:
        self.problem = ""
        """Why an unfinished apply cannot be put back; empty if none is known."""
        self.restored: Restored | None = None
        """What was undone last, by whomever, and nothing was confirmed since."""
        self._is_open = False
        """Whether an apply was written, or part of it, and neither kept nor put back since."""
        self._read_fd, self._look = read_fd, look
        self._answers = trio.lowlevel.FdStream(read_fd)
        self._requests = trio.lowlevel.FdStream(write_fd)
        self._turn = trio.Lock()
        self._received = bytearray()
        self._shield: trio.CancelScope | None = None
        self._is_stopping = False
        self.broken = trio.Event()
        """Set once the helper answers no more: no request will ever be answered."""

    async def aclose(self) -> None:
        """Close both pipes; the helper then ends."""
        await self._requests.aclose()
        await self._answers.aclose()

    async def watch(self) -> None:
        """Wait until the helper answers no more; cancelled, it lets a request under way be cut short, too.

        Raises:
            StorageError: it does not. Who starts the daemon again starts another helper, which puts back
                what is unfinished.
        """
        try:
            await self.broken.wait()
            raise StorageError("the helper stopped answering")
        finally:
            self._is_stopping = True
            if self._shield is not None:
                self._shield.shield = False

    async def hello(self) -> Undone:
        """Wait for the greeting: what the helper's start put back (R7, R9).

        Raises:
            Refused: this root cannot be served: a second daemon, untrusted folders.
            StorageError: the same, because of the disk.
        """
        with trio.move_on_after(PATIENCE_S) as patience:
            await trio.lowlevel.wait_readable(self._read_fd)
        if patience.cancelled_caught:
            say("waiting: a reload that another dusk daemon began here has not ended, or a file is locked")
        answer = await self._exchange((), HELLO_S_MAX)
        if answer[0] == b"refused":
            with _as_asked():
                self.problem = answer[2].decode(errors="replace")
            return Undone("", (), (), self.problem)
        return self._undone(_checked(answer))

    async def read(self, packages: Iterable[str]) -> dict[str, bytes | None]:
        """Return package → content of its file, None where there is none."""
        files: dict[str, bytes | None] = {}
        for name in packages:
            answer = await self._ask((b"read", name.encode()), ANSWER_S_MAX)
            with _as_asked():
                (field,) = answer
            files[name] = field[1:] if field[:1] == b"+" else None
        return files

    async def _read_if_allowed(self, packages: Iterable[str]) -> dict[str, bytes | None]:
        """Return what `read` does, without what the helper keeps to itself: no apply hangs on that."""
        files: dict[str, bytes | None] = {}
        for name in packages:
            with suppress(Refused):
                files |= await self.read((name,))
        return files

    async def settings(self) -> bytes | None:
        """Return ``etc/config/dusk``, None if there is none."""
        return (await self.read(("dusk",)))["dusk"]

    async def apply(
        self,
        apply_id: str,
        files: dict[str, tuple[bytes | None, bytes]],
        window_s: float = WINDOW_S,
        *,
        insists: bool = False,
    ) -> tuple[str, ...]:
        """Write files, package → (content as read, new content), all or none; return what changed.

        A while after the window the files come back without the daemon, too.
        """
        fields = [(name.encode(), digest(old), new) for name, (old, new) in files.items()]
        flat = [field for triple in fields for field in triple]
        options = (b"%d" % math.ceil(window_s), *([b"insist"] if insists else []))
        self._is_open = True
        answer = await self._ask((b"apply", apply_id.encode(), *flat, *options), APPLY_S_MAX)
        self.problem = ""  # nothing was unfinished
        with _as_asked():
            return tuple(answer[0].decode().split())

    async def reload(self) -> tuple[int, str]:
        """Run the reload command; return its exit status and last line of errors."""
        return await self._run((b"reload",), RELOAD_S_MAX)

    async def commit(self, apply_id: str) -> None:
        """Keep what an apply wrote."""
        await self._ask((b"commit", apply_id.encode()), ANSWER_S_MAX)
        self._is_open = False

    async def rollback(self) -> Undone:
        """Put back what the unfinished apply wrote, and have it put into effect."""
        try:
            undone = self._undone(await self._ask((b"rollback",), ROLLBACK_S_MAX))
        except (Refused, StorageError) as error:
            self.problem = str(error)
            raise
        self.problem, self._is_open = "", False
        return undone

    async def let_go(self) -> Restored | None:
        """Put back what a node that is gone wrote, and had not made final; return what the next one is told.

        It would take the files for what was confirmed, and the next power cut would put them back (R9).
        """
        if not self._is_open:
            return None
        try:
            undone = await self.rollback()
        except (Refused, StorageError):
            return None  # `problem` says it, and no apply begins before that has ended
        return self.restored if undone.restored else None

    async def undo_again(self) -> None:
        """Try again to put back, or into effect, what could not be at the start; nobody else asks for it."""
        if self.problem:
            with suppress(Refused, StorageError):  # `problem` says it
                await self.rollback()

    async def join_done(self) -> None:
        """Remove ``etc/dusk/join``."""
        await self._ask((b"join_done",), ANSWER_S_MAX)

    async def device(self, word: str) -> str:
        """Have the helper do one of the fixed things that a machine does; return its last line.

        Raises:
            Refused: ``failed`` with what was said, as on a machine that is no OpenWrt router.
            StorageError: the helper does not answer.
        """
        status, said = await self._run((b"device", word.encode()), RELOAD_S_MAX)
        if status:
            raise Refused("failed", said or f"{word} ended with {status}")
        return said

    async def hook(self, *words: str) -> bool:
        """Have root's own programs follow what has happened; return false while former ones run still.

        Raises:
            Refused: ``hook`` with why they are not run, or what the helper itself refuses.
            StorageError: the helper does not answer.
        """
        status, said = await self._run((b"hook", *(word.encode() for word in words)), ANSWER_S_MAX)
        if status not in (0, HOOKS_RUN):
            raise Refused("hook", said or f"dusk-hook ended with {status}")
        return status == 0

    async def perform(
        self, effect: ReadFiles | LookAtFiles | LookUp | WriteFiles | CommitFiles | RollbackFiles
    ) -> FilesRead | FilesSeen | HelperDone | Seen:
        """Do what a node asked for; a failure is in the result, as ``code: reason``."""
        match effect:
            case ReadFiles(packages):
                needed = packages.index(FORMER) if FORMER in packages else len(packages)
                try:
                    files = await self.read(packages[:needed])
                    return FilesRead({**files, **await self._read_if_allowed(packages[needed:])})
                except (Refused, StorageError) as error:
                    return HelperDone("read", "", _line(error), None, "")
            case LookAtFiles(packages):
                try:
                    return FilesSeen(await self.read(packages))
                except (Refused, StorageError):  # an apply would say why
                    return FilesSeen(None)
            case LookUp():
                return Seen(self._look())
            case WriteFiles(apply_id):
                return await self._change("write", apply_id, effect)
            case CommitFiles(apply_id):
                return await self._change("commit", apply_id)
            case RollbackFiles(apply_id):
                return await self._change("rollback", apply_id)

    async def _change(self, request: str, apply_id: str, written: WriteFiles | None = None) -> HelperDone:
        try:
            if request == "commit":
                await self.commit(apply_id)
                return HelperDone(request, apply_id, None, None, "")
            if written is not None:
                await self.apply(apply_id, written.files, written.window_s, insists=written.insists)
                up = self._look()
                return HelperDone(request, apply_id, None, *await self.reload(), up)
            undone = await self.rollback()
            return HelperDone(request, apply_id, None, *(undone.reloaded or (None, "")))
        except (Refused, StorageError) as error:
            return HelperDone(request, apply_id, _line(error), None, "")

    def _undone(self, fields: list[bytes]) -> Undone:
        with _as_asked():
            told, reloaded = fields[:6], fields[6:]
            apply_id, restored, foreign, last_id, times, why = (field.decode() for field in told)
            self.restored = Restored(last_id, max(1, int(times)), why) if last_id else None
            ended = (int(reloaded[0]), reloaded[1].decode(errors="replace")) if reloaded else None
        return Undone(apply_id, tuple(restored.split()), tuple(foreign.split()), reloaded=ended)

    async def _run(self, fields: Sequence[bytes], wait_s: float) -> tuple[int, str]:
        """Have a program run; return its exit status and last line of errors."""
        answer = await self._ask(fields, wait_s)
        with _as_asked():
            exit_status, line = answer
            return int(exit_status), line.decode(errors="replace")

    async def _ask(self, fields: Sequence[bytes], wait_s: float) -> list[bytes]:
        return _checked(await self._exchange(fields, wait_s))

    async def _exchange(self, fields: Sequence[bytes], wait_s: float) -> list[bytes]:
        async with self._turn:
            if self.broken.is_set():
                raise StorageError("the helper stopped answering: restart the daemon")
            # What is cut short cannot be taken up again: who gives up, as for an order, waits to its end.
            with trio.CancelScope(shield=not self._is_stopping) as self._shield:
                try:
                    with trio.fail_after(wait_s):
                        if fields:
                            await self._requests.send_all(encode(*fields))
                        return await self._answer()
                except (trio.TooSlowError, trio.BrokenResourceError, ValueError) as error:
                    self.broken.set()
                    raise StorageError(f"the helper does not answer: {error}") from error
            raise AssertionError("nobody cancels the shield itself")

    async def _answer(self) -> list[bytes]:
        header = await self._take(None)
        return [await self._take(size) for size in sizes(header)]

    async def _take(self, size: int | None) -> bytes:
        """Return so many bytes, or a line."""
        while True:
            end = self._received.find(b"\n") + 1 if size is None else size
            if 0 < end <= len(self._received) or size == 0:
                taken = bytes(self._received[:end])
                del self._received[:end]
                return taken
            if size is None and len(self._received) > HEADER_BYTES_MAX:
                raise ValueError("an answer without an end")
            part = await self._answers.receive_some(65536)
            if not part:
                raise ValueError("it has ended")
            self._received += part


@contextmanager
def _as_asked() -> Iterator[None]:
    """Tell an answer of another form than was asked for as a helper that fails."""
    try:
        yield
    except (LookupError, ValueError) as error:
        raise StorageError(f"the helper's answer cannot be read: {error}") from error


def _checked(answer: list[bytes]) -> list[bytes]:
    if answer[0] == b"ok":
        return answer[1:]
    with _as_asked():
        code, reason = answer[1].decode(), answer[2].decode(errors="replace")
    if code == "storage":
        raise StorageError(reason)
    raise Refused(code, reason)


def _line(error: Refused | StorageError) -> str:
    return f"{error.code if isinstance(error, Refused) else 'storage'}: {error}"
