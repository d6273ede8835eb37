"""Users' drafts on the disk: written by a thread, since a slow flash must not hold the loop."""

from pathlib import Path

import trio

from dusk.daemon.smallfiles import SmallFiles

FOLDER = "drafts/_"
"""Before the user's name, which may begin with a dot as no small file may."""


class Drafts:
    """Drafts as last stored; one method that stores runs at a time.

    It opens the folder anew each time: the node's own files may be closed meanwhile.

    Args:
        directory: ``etc/dusk/node`` below the root.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._unsaved: dict[str, bytes | None] = {}

    def read(self, user: str) -> bytes | None:
        """Return a user's draft.

        Raises:
            StorageError: it cannot be read.
        """
        if user in self._unsaved:
            return self._unsaved[user]
        files = SmallFiles(self._directory)
        try:
            return files.read(FOLDER + user)
        finally:
            files.close()

    def store(self, user: str, data: bytes | None) -> None:
        """Take a draft, or that there is none any more, for ``save``."""
        self._unsaved[user] = data

    def forget(self) -> None:
        """Forget what was stored and not saved: the method failed."""
        self._unsaved.clear()

    async def save(self) -> None:
        """Bring what was stored to the disk.

        Raises:
            StorageError: the former draft is still there.
        """
        if not self._unsaved:
            return
        try:
            await trio.to_thread.run_sync(_write, self._directory, dict(self._unsaved))
        finally:
            self._unsaved.clear()


def _write(directory: Path, drafts: dict[str, bytes | None]) -> None:
    files = SmallFiles(directory)
    try:
        for user, data in drafts.items():
            if data is None:
                files.remove(FOLDER + user)
            else:
                files.store(FOLDER + user, data)
    finally:
        files.close()
