"""What a node is told about its own device."""

from dusk.apply.events import Mode
from dusk.config.way import FRESH
from dusk.effects import Address
from dusk.lazy import dataclass
from dusk.membership.facts import Facts


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """This device's own settings, as the shell reads them.

    Args:
        mode: whether it applies what the log says.
        facts: what it says about itself.
        apply_window_s: within which an apply is confirmed, at the least; longer windows follow from it.
        contacts: where to ask when nobody is heard by multicast.
        interfaces: kernel names of those that Dusk is on; what is made exclusive spares them.
    """

    mode: Mode = Mode.RUN
    facts: Facts | None = None
    apply_window_s: float = 90.0
    contacts: tuple[Address, ...] = ()
    interfaces: tuple[str, ...] = FRESH.interfaces
