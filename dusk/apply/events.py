"""What the apply machine is told, and the kinds that its table knows."""

from collections.abc import Callable
from enum import StrEnum

from dusk.effects import FilesRead, HelperDone
from dusk.ids import Head
from dusk.lazy import dataclass
from dusk.links import Seen

Compute = Callable[[dict[str, bytes | None]], dict[str, bytes]]
"""Local files → resulting files of all managed packages; raises ``ConfigError``."""


class Mode(StrEnum):
    """Whether this device applies what the log says."""

    RUN = "run"
    HOLD = "held"
    """The brake: for a time, shown everywhere."""
    OFF = "off"
    """Option ``apply`` is 0: the log is held, no file is changed."""


@dataclass(frozen=True, slots=True)
class Target:
    """The log says something new, there was contact, and this is what should be in the files.

    Args:
        head: the head that the managed config is of.
        packages: UCI packages that it manages.
        compute: gives the resulting files from the local ones.
        is_staged: whether it is only to be seen that it can be done: it is to be done together with others.
        is_shared: whether it is done together with others: then it is in effect once most have it, even
            where no file changes.
    """

    head: Head
    packages: tuple[str, ...]
    compute: Compute
    is_staged: bool = False
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class Contact:
    """A signed peer has answered what was sent after the reload, or after what it wrote was put back."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """The machine's deadline has come.

    Args:
        there: whether anybody was heard in the last cycle: nothing begins without.
        missing: what did not come, where something was waited for.
    """

    there: bool = True
    missing: str = "no contact"


@dataclass(frozen=True, slots=True)
class Restored:
    """Before this start an apply was undone, by the helper or by the shell, and none was confirmed since.

    Args:
        apply_id: which.
        times: how often in a row; 1 or more.
        reason: why, in one line.
    """

    apply_id: str
    times: int = 1
    reason: str = "it was not confirmed before the daemon or the device stopped"


@dataclass(frozen=True, slots=True)
class SetMode:
    """The brake or the option was changed."""

    mode: Mode


Event = Target | Contact | Deadline | Restored | SetMode | FilesRead | Seen | HelperDone


class Kind(StrEnum):
    """Rows of the table: an event, and for the helper's answers how they went."""

    TARGET = "target"
    CONTACT = "contact"
    DEADLINE = "deadline"
    RESTORED = "restored at start"
    MODE = "mode"
    FILES_READ = "files read"
    SEEN = "looked"
    WRITTEN = "written"
    RELOAD_FAILED = "reload failed"
    CHANGED = "changed meanwhile"
    REFUSED = "write refused"
    COMMITTED = "made final"
    COMMIT_FAILED = "not made final"
    ROLLED_BACK = "put back"
    ROLLBACK_FAILED = "not put back"


_PLAIN = {
    Target: Kind.TARGET,
    Contact: Kind.CONTACT,
    Deadline: Kind.DEADLINE,
    Restored: Kind.RESTORED,
    SetMode: Kind.MODE,
    FilesRead: Kind.FILES_READ,
    Seen: Kind.SEEN,
}


def kind_of(event: Event) -> Kind:
    """Return the row of the table that an event belongs to."""
    if not isinstance(event, HelperDone):
        return _PLAIN[type(event)]
    if event.request == "commit":
        return Kind.COMMITTED if event.error is None else Kind.COMMIT_FAILED
    if event.request == "rollback":
        gone = event.error is None or event.error.startswith("no-journal:")
        return Kind.ROLLED_BACK if gone else Kind.ROLLBACK_FAILED
    if event.error is not None:
        return Kind.CHANGED if event.error.startswith("changed:") else Kind.REFUSED
    return Kind.RELOAD_FAILED if event.reload_exit else Kind.WRITTEN
