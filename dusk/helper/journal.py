"""One transaction over several files: whole or nothing, whenever the power goes (R7, R9)."""

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack

from dusk.helper import notes
from dusk.helper.files import Refusal, read_file
from dusk.helper.places import Found, Places, read_copy, write_copy

if sys.version_info >= (3, 12):  # hashlib would load OpenSSL: a third more memory
    from _sha2 import sha256  # type: ignore[import-not-found]  # the stubs leave it out
else:
    from _sha256 import sha256  # type: ignore[import-not-found]  # the stubs leave it out

SPARE_BYTES = 64 * 1024
Wanted = tuple[str, bytes | None]
Judge = Callable[[str, bytes, bytes], None]  # package, old content, new content


def digest(content: bytes | None) -> str:
    """Return SHA-256 in hex, which a shell can compute, too; ``-`` for no file."""
    return "-" if content is None else str(sha256(content).hexdigest())


def sealed(body: bytes) -> bytes:
    """Return a manifest: its lines and their digest, so that no damage passes for less to undo."""
    return body + digest(body).encode() + b"\n"


class Journal:
    """A ``manifest`` in ``folder`` is an apply to files that nobody committed.

    What was undone is noted in the folder ``dusk``.
    """

    def __init__(self, places: Places, folder: int, dusk: int) -> None:
        self.places, self.folder, self.dusk = places, folder, dusk

    def apply(
        self, title: str, wanted: dict[str, Wanted], judge: Judge, begin: Callable[[str], None]
    ) -> list[str]:
        """Write all files (digest of what was read, new content or None) or none; return what changed.

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
            files = {package: self.places.find(package, held) for package in sorted(wanted)}
            if changed := [name for name in files if digest(files[name].content) != wanted[name][0]]:
                raise Refusal("changed", f"{changed[0]} was changed by somebody else since it was read")
            new = {name: wanted[name][1] for name in files if wanted[name][1] != files[name].content}
            for name, content in new.items():
                judge(name, files[name].content or b"", content or b"")
            try:
                self._prepare(title, {name: (files[name], content) for name, content in new.items()})
                begin(title)
                for name, content in new.items():
                    files[name].become(self.folder, "new", name, is_there=content is not None)
                for folder in dict.fromkeys(files[name].folder for name in new):
                    os.fsync(folder)
            except OSError:
                held.close()
                self.restore("the disk refused to write it", lambda _: [])  # nothing was reloaded yet
                raise
        return list(new)

    def _prepare(self, title: str, files: dict[str, tuple[Found, bytes | None]]) -> None:
        """Have all that is needed to go on or back on the disk, the manifest last."""
        self._forget()
        disk = os.fstatvfs(self.folder)
        needed = SPARE_BYTES + sum(len(old.content or b"") + len(new or b"") for old, new in files.values())
        if disk.f_bavail * disk.f_frsize < needed:
            raise Refusal("no-space", f"less than {needed} bytes are free on the disk of etc/dusk")
        lines = [title]
        for package, (old, new) in files.items():
            write_copy(self.folder, "old", package, old.content or b"", old.facts)
            write_copy(self.folder, "new", package, new or b"", old.facts)
            lines.append(f"\n{package} {digest(old.content)} {digest(new)}")
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
                file = self.places.find(package, held, is_back=True)
            except Refusal as refusal:
                if refusal.args[0] in {"busy", "changed"}:
                    raise
                return "not as we wrote it"
            if (found := digest(file.content)) == new:
                if old != "-" and digest(read_copy(self.folder, package)) != old:
                    raise Refusal("damaged", f"etc/dusk/journal/old.{package} is not what was there before")
                file.become(self.folder, "old", package, is_there=old != "-")
            os.fsync(file.folder)  # also of what a former try put back, which was cut
            return found

    def _forget(self) -> None:
        names = os.listdir(self.folder)
        if "manifest" in names:
            os.unlink("manifest", dir_fd=self.folder)
        os.fsync(self.folder)  # also if a former process removed it, or its sync failed: copies go last
        for name in [name for name in names if name.startswith(("old.", "new."))]:
            os.unlink(name, dir_fd=self.folder)
