"""What judging a change yields."""

from dataclasses import dataclass

from dusk.changelog.entry import Outcome
from dusk.changelog.state import DerivedWrite, RecordWrite


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome and what an entry with it does to the state."""

    outcome: Outcome
    writes: tuple[RecordWrite, ...]
    derived: tuple[DerivedWrite, ...]
