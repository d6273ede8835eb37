"""What the first writer does before it leads: it asks whether others know more of its cluster (A28).

Its disk may be an older one than it had: a copy that was put back, a flash that lost its end.
Then the others hold entries that it signed and has forgotten, and whatever it wrote at their
positions would be a fork. So it asks all who hear, several times, as datagrams get lost, and
longer while not all of those that its log knows have answered; longest where it has no group key,
as after a checkpoint took the place of a log of before a removal: then others have to ask it.
"""

from collections.abc import Callable

from dusk.cycle.station import Station
from dusk.effects import Effect
from dusk.ids import DeviceId, Seq

LISTEN_S = 0.5
"""How long it listens behind the first question, and behind whatever somebody brought."""
QUESTIONS = 4
"""Questions in that time: as many as stay open at once."""
ASK_AGAIN_S = 0.12
ROUNDS_MAX = 3
"""So often it listens while some of the members that its log knows do not answer."""
ROUNDS_UNHEARD_MAX = 24
"""So often while none of them does: longer than they leave whom they cannot read alone (10 s)."""
ROUNDS_BEHIND_MAX = 6
"""So often if its disk was proven old or cut: its log does not know who joined since, so whom to await."""
KNOCKS_MAX = 24
"""So often it listens while it has no group key, and only knocks: longer than members let that be (10 s)."""
AWAITED_MIN = 2
"""Members that have to answer for one round to be enough: who knows fewer may have an old disk."""
AWAITED_MAX = 16
"""Members that have to answer for one round to be enough, if there are so many."""
STRANGERS_MAX = 8
"""So many that our log does not know are asked by a stream at one position, and who asks us in one round."""
FETCH_S = 5.0
"""How long it waits for what somebody said to have."""
HINTS_S_MAX = STRANGERS_MAX * FETCH_S
"""So long in all, at one position, while nothing proves that anybody has more: anybody can send hints."""


class Listening:
    """A device that is about to lead.

    Args:
        station: this device in its cycle.
        ask: sends one question to all who hear.

    Attributes:
        lead_at: when it leads, if nothing more is heard; None: it leads, or it may not.
    """

    def __init__(self, station: Station, ask: Callable[[float], list[Effect]]) -> None:
        self.lead_at: float | None = None
        self._station, self._ask = station, ask
        self._questions_at: list[float] = []
        self._rounds = self._knocks = 0
        self._asked_at: Seq | None = None
        """Head of our log at the last round: whoever brought more may lack what another has."""
        self._is_new = False
        self._was_behind = False
        self._answered: set[DeviceId] = set()
        self._strangers: set[str] = set()
        self._hints_until = float("-inf")
        self._asked_back: set[str] = set()

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` is wanted, monotonic seconds."""
        if self.lead_at is None:
            return None
        return min([self.lead_at, *self._questions_at])

    def begin(self, now: float, *, is_new: bool = False, was_behind: bool = False) -> list[Effect]:
        """Lead soon.

        Args:
            now: monotonic seconds.
            is_new: whether nobody can have heard of this cluster yet: it leads at once.
            was_behind: whether another member had to bring what this disk had lost.
        """
        self._rounds = self._knocks = 0
        self._answered = set()
        self._is_new, self._was_behind = is_new, was_behind
        self._strangers, self._hints_until = set(), now + HINTS_S_MAX
        self.lead_at = now if is_new else now + LISTEN_S
        return self.ask_all(now)

    def ask_all(self, now: float) -> list[Effect]:
        """Begin a round of questions, if there is a link to ask on."""
        if self.lead_at is None or self._is_new or not self._station.links:
            return []
        self.lead_at, self._asked_at = max(self.lead_at, now + LISTEN_S), self._station.log.head.seq
        self._asked_back = set()
        if self._station.can_send:
            self._rounds += 1
            again = range(1, QUESTIONS) if self._rounds <= ROUNDS_BEHIND_MAX else ()
            self._questions_at = [now + ASK_AGAIN_S * number for number in again]
        else:
            self._knocks += 1
        return self._ask(now)

    def answered(self, device: DeviceId) -> None:
        """Note that a member that the log knows has told where it is."""
        self._answered.add(device)

    def is_new_stranger(self, host: str) -> bool:
        """Tell whether who answers from there, unknown to our log, was not asked yet at our position.

        Any of them may be the only one that has the newest entry; each is asked once, a few in all (R10).
        """
        if host in self._strangers or len(self._strangers) >= STRANGERS_MAX:
            return False
        self._strangers.add(host)
        return True

    def asks_back(self, host: str) -> bool:
        """Tell whether a member that asks us from there is asked in turn: each once a round, a few in all.

        What both would say to all may be sealed with keys that the other has no more, or not yet.
        """
        if self.lead_at is None or host in self._asked_back or len(self._asked_back) >= STRANGERS_MAX:
            return False
        self._asked_back.add(host)
        return True

    def somebody_has_more(self, now: float, *, is_hint: bool = False) -> None:
        """Wait for what is fetched now, for a hint no longer than for all of them at one position (A3)."""
        if self.lead_at is None or (is_hint and now >= self._hints_until):
            return
        self.lead_at, self._questions_at = now + FETCH_S, []

    def log_moved(self, now: float) -> None:
        """Listen on: there may be more, and whoever was asked may have it now."""
        self._strangers, self._hints_until = set(), now + HINTS_S_MAX
        if self.lead_at is not None:
            self.lead_at, self._was_behind = now + LISTEN_S, True

    def tick(self, now: float) -> list[Effect]:
        """Ask again, or begin another round where one is not enough."""
        if self.lead_at is None:
            return []
        if self._questions_at and now >= self._questions_at[0]:
            del self._questions_at[0]
            return self._ask(now)
        return self.ask_all(now) if now >= self.lead_at and self._wants_more else []

    @property
    def _wants_more(self) -> bool:
        station = self._station
        if self._is_new:
            return False
        if self._asked_at != station.log.head.seq:
            return True
        if not station.can_send:
            return self._knocks < KNOCKS_MAX
        if self._was_behind:
            return self._rounds < ROUNDS_BEHIND_MAX
        # Who knows nobody, or one alone, cannot tell whether all have answered: they may have joined since.
        others = station.peers.count - 1
        is_unheard = others > 0 and not self._answered
        rounds_max = ROUNDS_UNHEARD_MAX if is_unheard else ROUNDS_MAX
        awaited = max(AWAITED_MIN, min(others, AWAITED_MAX))
        return len(self._answered) < awaited and self._rounds < rounds_max

    def is_over(self, now: float) -> bool:
        """Tell whether to lead now; once."""
        if self.lead_at is None or now < self.lead_at:
            return False
        self.lead_at, self._questions_at = None, []
        return True
