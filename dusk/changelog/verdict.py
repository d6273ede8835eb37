"""What judging a change yields."""

from typing import NamedTuple

from dusk.changelog.entry import Outcome
from dusk.changelog.state import DerivedWrite, RecordWrite


class Verdict(NamedTuple):
    """An outcome and what an entry with it does to the state."""

    outcome: Outcome
    writes: tuple[RecordWrite, ...]
    derived: tuple[DerivedWrite, ...]
