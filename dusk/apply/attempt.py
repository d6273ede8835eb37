"""One try to bring files to a target."""

from dataclasses import field

from dusk.apply.windows import Changes
from dusk.lazy import dataclass
from dusk.links import Up


@dataclass(slots=True)
class Attempt:
    """One way of the current target through the states."""

    ident: str = ""
    packages: dict[str, bytes] = field(default_factory=dict)
    changes: Changes = field(default_factory=dict)
    wireless: bytes | None = None
    """That package as it is to be, if it is known."""
    window_s: float = 0.0
    until: float = 0.0
    before: Up = Up()
    down: tuple[str, ...] | None = None
    """What is not up again; None before the first look."""
    is_heard: bool = False
    changed_count: int = 0
    is_retry: bool = False
    is_outside: bool = False
    """Whether what went wrong is nothing that these settings could do: a disk, a power cut."""
    is_refused: bool = False
    """Whether the helper refused it, before any service was reloaded: nothing of these settings was tried."""
    is_unchanged: bool = False
    """No file has to change: nothing was asked of the helper."""
