"""A device's root helper: UCI files with a journal (`dusk/helper` is the real one)."""

from collections.abc import Callable, Mapping
from random import Random

from dusk.apply.events import Restored
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
from dusk.links import Up

HelperEffect = ReadFiles | LookAtFiles | WriteFiles | CommitFiles | RollbackFiles
HelperAnswer = FilesRead | FilesSeen | HelperDone

HELPER_S = 0.02
"""What a request to the helper takes, up to ten times as long."""

WHOLE = Up(frozenset({"br-lan", "wan"}), frozenset({"phy0"}))
"""All that a router has."""
Journal = tuple[str, dict[str, tuple[bytes | None, bytes]]]
"""An apply's id; package → (content before, content written)."""
FRESH_FILES = {
    "system": b"config system\n\toption hostname 'OpenWrt'\n\toption timezone 'UTC'\n",
    "wireless": (
        b"config wifi-device 'radio0'\n\toption type 'mac80211'\n\toption channel '36'\n\n"
        b"# our network\nconfig wifi-iface 'default_radio0'\n"
        b"\toption device 'radio0'\n\toption ssid 'OpenWrt'\n"
    ),
    "network": b"config interface 'lan'\n\toption proto 'static'\n\toption ipaddr '192.168.1.1'\n",
}
"""A router out of the box, as far as people here change it."""


class Helper:
    """Does one request after the other.

    Attributes:
        files: package → content.
        error: share of requests that fail.
        failures: how many did.
        stays_down: share of reloads after which an interface or a radio does not come up.
        downs: how many did not.
        up: what is up now.
    """

    def __init__(
        self, random: Random, files: Mapping[str, bytes] = FRESH_FILES, journal: Journal | None = None
    ) -> None:
        self.files = dict(files)
        self.error = 0.0
        self.failures = 0
        self.stays_down = 0.0
        self.downs = 0
        self.up = WHOLE
        self._random = random
        self._journal = journal
        self._undone: Restored | None = None

    def do(self, effect: HelperEffect) -> HelperAnswer:
        """Do a request and return the answer."""
        match effect:
            case ReadFiles(packages):
                return FilesRead({package: self.files.get(package) for package in packages})
            case LookAtFiles(packages):
                return FilesSeen({package: self.files.get(package) for package in packages})
            case WriteFiles(ident, files, _):
                return self._write(ident, files)
            case CommitFiles(ident):
                return self._commit(ident)
            case RollbackFiles(ident):
                self.restore()
                return HelperDone("rollback", ident, None, 0, "")

    def take_faults_of(self, other: "Helper") -> None:
        """Go on failing as another did."""
        self.error, self.failures = other.error, other.failures
        self.stays_down, self.downs = other.stays_down, other.downs

    def copy(self) -> "Helper":
        """Return what a copy of the flash made now has of it."""
        copy = Helper(self._random, self.files, self._journal)
        copy._undone = self._undone
        return copy

    def _fails(self) -> bool:
        if self._random.random() >= self.error:
            return False
        self.failures += 1
        return True

    def _write(self, ident: str, files: dict[str, tuple[bytes | None, bytes]]) -> HelperDone:
        if self._journal is not None:
            return HelperDone("write", ident, "unfinished: an earlier apply", None, "")
        if any(self.files.get(package) != read for package, (read, _) in files.items()):
            return HelperDone("write", ident, "changed: by somebody else", None, "")
        if self._fails():
            return HelperDone("write", ident, "storage: no space", None, "")
        self._journal = (ident, files)
        self.files.update({package: new for package, (_, new) in files.items()})
        failed, before = self._fails(), self.up
        self._reload()
        return HelperDone("write", ident, None, int(failed), "service crashed" if failed else "", before)

    def _reload(self) -> None:
        """Bring everything up anew; now and then one does not come."""
        self.up = WHOLE
        if self.stays_down and self._random.random() < self.stays_down:
            self.downs += 1
            is_radio = self._random.random() < 0.5
            self.up = Up(WHOLE.interfaces) if is_radio else Up(frozenset({"br-lan"}), WHOLE.radios)

    def _commit(self, ident: str) -> HelperDone:
        if self._journal is None or self._journal[0] != ident:
            return HelperDone("commit", ident, "no-journal: nothing to commit", None, "")
        if self._fails():
            return HelperDone("commit", ident, "storage: I/O error", None, "")
        self._journal = self._undone = None
        return HelperDone("commit", ident, None, None, "")

    @property
    def is_under_way(self) -> bool:
        """Whether something is written that is not final."""
        return self._journal is not None

    def restore(self) -> Restored | None:
        """Put back what an unfinished apply changed; return what was undone last, and never made final."""
        if self._journal is None:
            return self._undone
        ident, files = self._journal
        former = self._undone
        times = former.times + 1 if former is not None and former.apply_id == ident else 1
        self._journal, self._undone = None, Restored(ident, times)
        self.up = WHOLE
        for package, (before, written) in files.items():
            if self.files.get(package) != written:
                continue  # somebody has edited it since: not ours any more
            if before is None:
                del self.files[package]
            else:
                self.files[package] = before
        return self._undone


class Requests:
    """What a device asks of its helper: one request after the other, each answered in its time.

    Args:
        helper: gives the helper as it is now; with another disk comes another one.
        random: for how long each takes.
        plan: does something later in this life of the device.
        deliver: gives the device the answer.
    """

    def __init__(
        self,
        helper: Callable[[], Helper],
        random: Random,
        plan: Callable[[float, Callable[[], None]], None],
        deliver: Callable[[HelperAnswer], None],
    ) -> None:
        self._helper, self._random, self._plan, self._deliver = helper, random, plan, deliver
        self._waiting: list[HelperEffect] = []

    def add(self, effect: HelperEffect) -> None:
        """Ask for something, behind what was asked before."""
        self._waiting.append(effect)
        if len(self._waiting) == 1:
            self._plan_next()

    def forget(self) -> None:
        """End with a life of the device."""
        self._waiting.clear()

    def _plan_next(self) -> None:
        self._plan(self._random.uniform(HELPER_S, 10 * HELPER_S), self._answer)

    def _answer(self) -> None:
        answer = self._helper().do(self._waiting.pop(0))
        if self._waiting:
            self._plan_next()
        self._deliver(answer)
