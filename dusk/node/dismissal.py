"""That owners removed this device while it was off, and want its secrets off it: proven by a member, kept.

What is proven is in force as long as the own log ends before the entry that says so: a device that gets
to it after all goes by its log. Nothing else follows from it than that secrets come off the files.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dusk.changelog.log import Log
from dusk.changelog.removal import RETIRED, WIPE, Removal, check, read
from dusk.changelog.sections import device_path
from dusk.config.device import Datastore
from dusk.effects import Effect, RemoveFile, StoreFile
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId
from dusk.node.alarms import Alarms

FILE = "removal"
_TEXT = (
    "the owners removed this router while it was off: managed secrets come off its files;"
    " `dusk join` lets it into a cluster again after a reset"
)


class Dismissal:
    """The proof that this device was removed, if somebody had it.

    Args:
        log: the own log.
        own: this device.
        saved: what the file held at the start, if it was there.
        counts_anew: has what the log and the proof say applied.
        alarms: the node's.
    """

    def __init__(
        self,
        log: Log,
        own: DeviceId,
        saved: bytes | None,
        counts_anew: Callable[[], None],
        alarms: Alarms,
    ) -> None:
        self._log, self._own, self._counts_anew, self._alarms = log, own, counts_anew, alarms
        self._removal = None if saved is None else self._checked(saved)
        self._show()

    @property
    def is_proven(self) -> bool:
        """Whether owners removed this device, as its own log does not say."""
        return self._removal is not None

    def over(self, store: Datastore) -> Datastore:
        """Return what counts for this device's files: what the log says, and what is proven."""
        return store if self._removal is None else _Wiped(store, self._own)

    def took(self, unverified: bytes, _now: float) -> list[Effect]:
        """Judge a proof, keep it if it is one, and let secrets come off."""
        if self._removal is not None:
            return []
        self._removal = self._checked(unverified)
        if self._removal is None:
            return []
        self._counts_anew()
        return [StoreFile(FILE, unverified), *self._show()]

    def log_moved(self) -> list[Effect]:
        """Go by the log as soon as that has what was proven, or more."""
        if self._removal is None or self._log.head.seq < self._removal.entry.seq:
            return []
        self._removal = None
        self._counts_anew()
        return [RemoveFile(FILE), *self._alarms.end("wiped")]

    def _checked(self, unverified: bytes) -> Removal | None:
        try:
            removal = read(unverified)
            check(self._log.state, self._log.head, self._own, removal)
        except UntrustedInput:
            return None
        return removal

    def _show(self) -> list[Effect]:
        return self._alarms.tell("wiped", "" if self._removal is None else _TEXT)


class _Wiped:
    """The log's state, but that it says that a device was removed and is wiped."""

    def __init__(self, state: Datastore, own: DeviceId) -> None:
        self._state, self._section = state, device_path(own)

    def value(self, section: str, key: str) -> list[Any] | None:
        """Return a record's decoded value, None where there is none."""
        if section == self._section and key in (RETIRED, WIPE):
            return [True]
        return self._state.value(section, key)

    def records(self, section: str, prefix: str = "") -> Mapping[str, Any]:
        """Return the records of a section by key."""
        return self._state.records(section, prefix)

    def sections(self, prefix: str = "") -> Iterator[str]:
        """Iterate over the paths of sections, sorted."""
        return self._state.sections(prefix)
