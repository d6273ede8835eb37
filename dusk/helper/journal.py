"""One transaction over several UCI files: whole or nothing, whenever the power goes (R7, R9)."""

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack

from dusk.helper import notes
from dusk.helper.files import FILE_BYTES_MAX, Refusal, lock, open_file, read_file, write_file

if sys.version_info >= (3, 12):  # hashlib would load OpenSSL: a third more memory
    from _sha2 import sha256  # type: ignore[import-not-found]  # the stubs leave it out
else:
    from _sha256 import sha256  # type: ignore[import-not-found]  # the stubs leave it out

SPARE_BYTES = 64 * 1024
Facts = os.stat_result | None  # of the file that was there
Judge = Callable[[str, bytes, bytes], None]  # package, old content, new content


def digest(content: bytes | None) -> str:
    """Return SHA-256 in hex, which a shell can compute, too; ``-`` for no file."""
    return "-" if content is None else str(sha256(content).hexdigest())


def sealed(body: bytes) -> bytes:
    """Return a manifest: its lines and their digest, so that no damage passes for less to undo."""
    return body + digest(body).encode() + b"\n"


class Journal:
    """A ``manifest`` in ``folder`` is an apply to the files in ``config`` that nobody committed.

    What was undone is noted in the folder ``dusk``.
    """

    def __init__(self, config: int, folder: int, dusk: int) -> None:
        self.config, self.folder, self.dusk = config, folder, dusk

    def apply(
        self, title: str, wanted: dict[str, tuple[str, bytes]], judge: Judge, begin: Callable[[str], None]
    ) -> list[str]:
        """Write all files (digest of what was read, new content) or none; return what changed.

        ``title`` is the ID and a token. ``judge`` is shown each package that changes, with both
        contents, and may refuse it. ``begin`` is called with the title before the first file is
        touched, once all is there to put it back.

        Raises:
            Refusal: ``unfinished``, ``changed``, ``no-space``, or the judge's; nothing was written.
            OSError: the disk failed; what was written is put back, now or at the next start (R7).
        """
        if self.unfinished()[0]:
            raise Refusal("unfinished", "an earlier apply is neither committed nor rolled back")
        with ExitStack() as held:
            files = {package: self._locked(package, held) for package in sorted(wanted)}
            if changed := [name for name in files if digest(files[name][0]) != wanted[name][0]]:
                raise Refusal("changed", f"{changed[0]} was changed by somebody else since it was read")
            new = {name: wanted[name][1] for name in files if wanted[name][1] != files[name][0]}
            for name, content in new.items():
                judge(name, files[name][0] or b"", content)
            try:
                self._prepare(title, {name: (*files[name], content) for name, content in new.items()})
                begin(title)
                for name in new:
                    # Renaming replaces what we hold locked; a link never what somebody made meanwhile.
                    put = os.link if files[name][0] is None else os.rename
                    put(f"new.{name}", name, src_dir_fd=self.folder, dst_dir_fd=self.config)
                os.fsync(self.config)
            except OSError:
                held.close()
                self.restore("the disk refused to write it", lambda _: [])  # nothing was reloaded yet
                raise
        return list(new)

    def _locked(self, package: str, held: ExitStack) -> tuple[bytes | None, Facts]:
        """Read a file under libuci's lock; libuci renames, so the name must still mean it (A50)."""
        if (file := open_file(self.config, package)) is None:
            return None, None
        lock(held.enter_context(file).fileno(), f"somebody holds the lock on {package}")
        facts = os.fstat(file.fileno())
        if not os.path.samestat(os.stat(package, dir_fd=self.config), facts):
            raise Refusal("changed", f"{package} is being changed by somebody else")
        return file.read(FILE_BYTES_MAX), facts

    def _prepare(self, title: str, files: dict[str, tuple[bytes | None, Facts, bytes]]) -> None:
        """Have all that is needed to go on or back on the disk, the manifest last."""
        self._forget()
        disk = os.fstatvfs(self.folder)
        needed = SPARE_BYTES + sum(len(old or b"") + len(new) for old, _, new in files.values())
        if disk.f_bavail * disk.f_frsize < needed:
            raise Refusal("no-space", f"less than {needed} bytes are free on the disk of etc/dusk")
        lines = [title]
        for package, (old, facts, new) in files.items():
            write_file(self.folder, f"old.{package}", old or b"", facts)
            write_file(self.folder, f"new.{package}", new, facts)
            lines.append(f"\n{package} {digest(old)} {digest(new)}")
        notes.replace_file(self.folder, "manifest", sealed("".join([*lines, "\n"]).encode()))

    def unfinished(self) -> tuple[str, dict[str, tuple[str, str]]]:
        """Return the apply that nobody committed: title (empty: none), package: digests before and after.

        Raises:
            Refusal: ``damaged``.
        """
        if (raw := read_file(self.folder, "manifest")) is None:
            return "", {}
        if raw != sealed(body := raw[:-65]):
            raise Refusal("damaged", "etc/dusk/journal/manifest: see which of old.* to put back, remove it")
        title, *lines = body.decode().splitlines()
        return title, {name: (old, new) for name, old, new in map(str.split, lines)}

    def commit(self, ident: str) -> None:
        """Keep the files: forget how they were.

        Raises:
            Refusal: ``no-journal``: that apply is not the one under way.
        """
        if self.unfinished()[0].split()[:1] != [ident]:
            raise Refusal("no-journal", f"there is no unfinished apply {ident}")
        self._forget()
        notes.forget(self.dusk)

    def restore(
        self, why: str, reload: Callable[[list[str]], list[bytes]]
    ) -> tuple[list[str], list[str], list[str], list[bytes]]:
        """Put back what is still as we wrote it; return [id], packages put back, others', word of the reload.

        ``reload`` is called with the packages put back. The manifest is the one memory of a reload
        that is owed: it goes behind that, whatever ends us.
        """
        title, digests = self.unfinished()
        found = {name: self._put_back(name, *pair) for name, pair in digests.items()}
        os.fsync(self.config)
        ours = [name for name in found if found[name] in digests[name]]  # a cut try may have reloaded nothing
        foreign = [name for name in found if name not in ours]
        if title:
            notes.write(self.dusk, title, why, " ".join(foreign))
        told = reload(ours) if ours else []
        self._forget()
        return title.split()[:1], ours, foreign, told

    def _put_back(self, package: str, old: str, new: str) -> str:
        with ExitStack() as held:
            try:
                found = digest(self._locked(package, held)[0])
            except Refusal as refusal:
                if refusal.args[0] in {"busy", "changed"}:
                    raise
                return "not as we wrote it"
            if found == new and old == "-":
                os.unlink(package, dir_fd=self.config)
            elif found == new:
                if digest(read_file(self.folder, f"old.{package}")) != old:
                    raise Refusal("damaged", f"etc/dusk/journal/old.{package} is not what was there before")
                os.rename(f"old.{package}", package, src_dir_fd=self.folder, dst_dir_fd=self.config)
            return found

    def _forget(self) -> None:
        names = os.listdir(self.folder)
        if "manifest" in names:
            os.unlink("manifest", dir_fd=self.folder)
        os.fsync(self.folder)  # also if a former process removed it, or its sync failed: copies go last
        for name in [name for name in names if name.startswith(("old.", "new."))]:
            os.unlink(name, dir_fd=self.folder)
