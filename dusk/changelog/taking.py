"""What a log has taken of the items that came together."""

from dataclasses import field

from dusk.changelog.certificate import Certificate
from dusk.changelog.entry import SignedHead
from dusk.changelog.settling import Mark
from dusk.changelog.trail import Kept
from dusk.changelog.witness import Witness
from dusk.effects import LogItem
from dusk.lazy import dataclass


@dataclass(slots=True)
class Taking:
    """What one call of `Log.extend` took so far, and how much of it a signed head covers.

    Certificates and witnesses wait while entries that no head covers stand before them.
    """

    newest: SignedHead | None
    mark: Mark
    steps: list[Kept] = field(default_factory=list)
    taken: list[LogItem] = field(default_factory=list)
    covered: int = 0
    covered_steps: int = 0
    waiting: list[Certificate | Witness] = field(default_factory=list)

    @property
    def open_steps(self) -> list[Kept]:
        """The steps that no head covers."""
        return self.steps[self.covered_steps :]

    def cover(self) -> None:
        """Count what was taken up to here."""
        self.covered, self.covered_steps = len(self.taken), len(self.steps)
