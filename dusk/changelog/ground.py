"""What a log stands on: nothing, or the state at a checkpoint with what is kept of all before it."""

from dataclasses import field

from dusk.changelog.entry import Outcome
from dusk.changelog.history import History
from dusk.changelog.state import State
from dusk.changelog.terms import Terms
from dusk.ids import ChangeId, ClusterId, Seq
from dusk.lazy import dataclass

NOWHERE = Seq(0)


@dataclass(slots=True)
class Ground:
    """The parts of a log; of a new one they are empty.

    Attributes:
        state: what its entries add up to.
        history: chain hashes, changes and epochs.
        terms: successions.
        positions: change → where it stands.
        not_applied: change without effect → why.
        cluster: the cluster's id, None while it is not known.
        floor: below this position no entry is here, nor can be taken back.
    """

    state: State = field(default_factory=State)
    history: History = field(default_factory=History)
    terms: Terms = field(default_factory=Terms)
    positions: dict[ChangeId, Seq] = field(default_factory=dict)
    not_applied: dict[ChangeId, Outcome] = field(default_factory=dict)
    cluster: ClusterId | None = None
    floor: Seq = NOWHERE
