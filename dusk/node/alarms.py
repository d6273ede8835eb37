"""What is wrong now, for people: a line for each word, there until what it says is over."""

from collections.abc import Callable

from dusk.changelog.rewinds import LostBranch
from dusk.effects import Effect, Event
from dusk.ids import ChainHash
from dusk.lazy import dataclass
from dusk.limits import BRANCHES_MAX
from dusk.node.forks import chains_of

QUIET_CYCLES = 20.0
QUIET_S_MIN = 30.0
"""What was not seen again for so long is over."""


def undone_by_owners(fork: int, settled: int) -> list[Effect]:
    """Tell that owners forced a role from below what was final here, if they did (R4).

    Args:
        fork: behind which entry the log is another one now.
        settled: up to where it was final before.
    """
    if settled <= fork:
        return []
    text = f"owners forced a role behind version {fork}: what was final here up to {settled} does not stand"
    return [Event("undone", text, loud=True)]


class Alarms:
    """The alarms of a node.

    Args:
        lines: word → line for people, of what is wrong now; the node's, others put theirs there too.
        cycle_s: gives the length of a cycle, seconds.

    Attributes:
        refusals: branches that are refused.
    """

    def __init__(self, lines: dict[str, str], cycle_s: Callable[[], float]) -> None:
        self._lines, self.cycle_s = lines, cycle_s
        self._seen_at: dict[str, float] = {}
        self.refusals = Refusals(self)

    @property
    def quiet_s(self) -> float:
        """For how long something must not be seen to be over, seconds."""
        return max(QUIET_S_MIN, QUIET_CYCLES * self.cycle_s())

    def is_on(self, word: str) -> bool:
        """Tell whether it is shown now."""
        return word in self._lines

    def tell(self, word: str, text: str) -> list[Effect]:
        """Show a line until it is another or ended; an empty one ends it."""
        if self._lines.get(word, "") == text:
            return []
        if not text:
            return self.end(word)
        self._lines[word] = text
        return [Event(word, text, loud=True)]

    def saw(self, word: str, text: str, now: float) -> list[Effect]:
        """Show what was seen just now until it is seen no more; meanwhile its first line stays."""
        self._seen_at[word] = now
        return [] if self.is_on(word) else self.tell(word, text)

    def end(self, word: str) -> list[Effect]:
        """Show it no more, and tell that it is over."""
        text = self._lines.pop(word, None)
        self._seen_at.pop(word, None)
        return [] if text is None else [Event(word, f"over: {text}", loud=True)]

    def step(self, now: float) -> list[Effect]:
        """End what was not seen for long enough."""
        over = [word for word, at in self._seen_at.items() if now - at >= self.quiet_s]
        return [effect for word in over for effect in self.end(word)]


@dataclass(slots=True)
class _Branch:
    """A branch that was refused: since when it is shown, and when it was shown last."""

    since: float
    seen_at: float
    fork: int
    is_yielding: bool


class Refusals:
    """Branches that would undo what is final here (rule 0): shown to people, unless nobody needs them.

    Who stands on one that is lower by the same rules goes over to ours and need not be shown; one
    that does not, though it is there all the time, does not play by the rules.

    Args:
        alarms: the node's.
    """

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms
        self._branches: dict[ChainHash, _Branch] = {}
        """By the first entry: what was refused once may have grown."""
        self._first_of: dict[ChainHash, ChainHash] = {}

    def refused(self, lost: LostBranch, now: float, *, is_yielding: bool) -> list[Effect]:
        """Note that a branch was judged and refused."""
        chains = chains_of(lost)
        branch = self._branches.pop(chains[0], None)
        if branch is None or now - branch.seen_at >= self._alarms.quiet_s:
            branch = _Branch(now, now, lost.seq, is_yielding)
        branch.is_yielding = is_yielding
        self._branches[chains[0]] = branch
        self._first_of[chains[-1]] = chains[0]
        while len(self._branches) > BRANCHES_MAX:
            del self._branches[next(iter(self._branches))]
        while len(self._first_of) > BRANCHES_MAX:
            del self._first_of[next(iter(self._first_of))]
        return self._show(branch, now)

    def shown(self, chain: ChainHash, now: float) -> list[Effect]:
        """Note that somebody shows the end of a branch, which may be one that was refused before."""
        branch = self._branches.get(self._first_of.get(chain, chain))
        return [] if branch is None else self._show(branch, now)

    def _show(self, branch: _Branch, now: float) -> list[Effect]:
        branch.seen_at = now
        text = f"another history would undo what is final, behind entry {branch.fork}; it is refused"
        if not branch.is_yielding:
            return self._alarms.saw("conflict", text, now)
        if now - branch.since < self._alarms.quiet_s:
            return []
        return self._alarms.saw("conflict", f"{text}, and who holds it does not give way", now)
