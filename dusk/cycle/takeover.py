"""Who leads when the master is not heard: a table of states and events (`specs/cycles.md`, section 9).

A holder of the succession that hears no fresh START asks all members. Whoever hears the master
passes the question on to him and the START that answers it back, so that a dead link between
two devices makes no second master (A44). Recordings are no contact: only what proves itself
fresh is told to this machine (A3). What members show to have is fetched before leading (A28).
"""

# All acts of the table have one signature, and the table below the class names them:
# ruff: noqa: ARG002, SLF001

from collections.abc import Callable, Sequence
from enum import StrEnum

from dusk.cycle.freshness import CHAIN_CYCLES
from dusk.effects import Address
from dusk.ids import DeviceId, Seq
from dusk.lazy import dataclass

ASK_CYCLES = 1.5
"""How long answers are waited for: the master's next START, and the way there and back."""
QUESTIONS = 4
"""Questions in that time, each with a challenge of its own: datagrams get lost."""
RANK_CYCLES = 1.0
RANK_S = 1.0
"""How much longer each further place waits: the one before has opened its epoch by then."""
FETCH_S = 2.0
"""How long one member is given to hand over what it showed to have."""
FETCHES_MAX = 3
"""So many are tried; then what nobody hands over is nobody's."""


class State(StrEnum):
    """Where a device stands."""

    OUTSIDE = "outside"
    """It may not lead: no place in the succession, or a log that was cut."""
    WATCHING = "watching"
    """The master was heard lately."""
    ASKING = "asking"
    SYNCING = "syncing"
    """Nobody leads; somebody showed more than we have."""
    LEADING = "leading"


class Kind(StrEnum):
    """Kinds of events, by their names in the table."""

    PLACED = "placed"
    """The place in the succession, or the master, has changed."""
    HEARD = "heard"
    """Fresh word of another that leads: a START, a PONG, a START passed on."""
    TOLD = "told"
    """A member's PONG, with a signed head."""
    MOVED = "log moved"
    HANDED = "handed over"
    """A leader handed over, and we are first."""
    LED = "opened"
    """We opened an epoch, whatever made us."""
    DEPOSED = "stepped down"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Placed:
    """How many holders would lead before us; None: we may not lead."""

    rank: int | None


@dataclass(frozen=True, slots=True)
class Heard:
    """Fresh word of another leader."""


@dataclass(frozen=True, slots=True)
class Told:
    """What an authentic PONG shows.

    Attributes:
        device: who sent it.
        seq: of its signed head.
        address: where it came from.
        acknowledges: whether its sender is a holder: those are asked first.
    """

    device: DeviceId
    seq: Seq
    address: Address
    acknowledges: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """Our log's newest position, which others' are compared with."""

    seq: Seq


@dataclass(frozen=True, slots=True)
class Happened:
    """An event that says nothing more."""

    kind: Kind


Event = Placed | Heard | Told | Moved | Happened

HANDED, LED, DEPOSED, DEADLINE = map(Happened, (Kind.HANDED, Kind.LED, Kind.DEPOSED, Kind.DEADLINE))

_KINDS = {Placed: Kind.PLACED, Heard: Kind.HEARD, Told: Kind.TOLD, Moved: Kind.MOVED}


def kind_of(event: Event) -> Kind:
    """Return an event's column in the table."""
    return event.kind if isinstance(event, Happened) else _KINDS[type(event)]


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask all members whether anybody leads, with a new challenge."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """Catch up from there."""

    address: Address


@dataclass(frozen=True, slots=True)
class Lead:
    """Open an epoch."""


Action = Ask | Fetch | Lead


def takeover_s(cycle_s: float, holders: int) -> float:
    """Return how long it takes until the last of the succession leads, once all before it fell silent.

    Args:
        cycle_s: seconds.
        holders: how many there are; one alone comes back as soon as a first backup would lead.
    """
    more = max(holders - 2, 0)
    return (CHAIN_CYCLES + ASK_CYCLES) * cycle_s + more * (RANK_CYCLES * cycle_s + RANK_S)


def rank(succession: Sequence[DeviceId], own: DeviceId, master: DeviceId | None) -> int | None:
    """Return how many holders would lead before this device if the master were silent.

    Args:
        succession: in order.
        own: this device.
        master: who was heard last; it is not waited for.
    """
    if own not in succession:
        return None
    return sum(1 for device in succession[: succession.index(own)] if device != master)


class Takeover:
    """Decides when this device leads.

    Args:
        cycle_s: seconds.
        now: monotonic seconds; the wait begins here.

    Attributes:
        state: where this device stands.
        cycle_s: to be set anew when the log says so.
    """

    def __init__(self, cycle_s: float, now: float) -> None:
        self.state = State.OUTSIDE
        self.cycle_s = cycle_s
        self._rank = 0
        self._since = now
        """When the master was heard; when asking, or the fetch under way, began."""
        self._asked = 0
        self._fetches = 0
        self._own = Seq(0)
        self._goal = Seq(0)
        """What the member that is fetched from showed."""
        self._told: dict[DeviceId, Told] = {}

    @property
    def deadline(self) -> float | None:
        """When ``DEADLINE`` is wanted, monotonic seconds; None: never."""
        match self.state:
            case State.WATCHING:
                return self._since + CHAIN_CYCLES * self.cycle_s
            case State.ASKING:
                return self._since + (self._ask_at if self._asked < QUESTIONS else self._ask_s)
            case State.SYNCING:
                return self._since + FETCH_S
            case _:
                return None

    @property
    def _ask_s(self) -> float:
        """How long to ask in all."""
        return ASK_CYCLES * self.cycle_s + self._rank * (RANK_CYCLES * self.cycle_s + RANK_S)

    @property
    def _ask_at(self) -> float:
        """When the next question is due, behind the first."""
        return self._ask_s * self._asked / QUESTIONS

    def handle(self, event: Event, now: float) -> list[Action]:
        """Take one event; return what is to be done, in order."""
        step = TABLE[self.state, kind_of(event)]
        actions = step.act(self, event, now)
        assert self.state in step.then, (self.state, kind_of(event))
        return actions

    # --- the acts of the table -----------------------------------------------------------

    def _stay(self, event: Event, now: float) -> list[Action]:
        return []

    def _note(self, event: Event, now: float) -> list[Action]:
        assert isinstance(event, Moved)
        self._own = event.seq
        return []

    def _place(self, event: Event, now: float) -> list[Action]:
        assert isinstance(event, Placed)
        if event.rank is None:
            self.state = State.OUTSIDE
            return []
        self._rank = event.rank
        return self._watch(event, now) if self.state is State.OUTSIDE else []

    def _watch(self, event: Event, now: float) -> list[Action]:
        self.state, self._since = State.WATCHING, now
        self._told = {}
        return []

    def _begin_asking(self, event: Event, now: float) -> list[Action]:
        self.state, self._since, self._asked = State.ASKING, now, 1
        return [Ask()]

    def _remember(self, event: Event, now: float) -> list[Action]:
        assert isinstance(event, Told)
        self._told[event.device] = event
        return []

    def _ask_on(self, event: Event, now: float) -> list[Action]:
        if self._asked < QUESTIONS:
            self._asked += 1
            return [Ask()]
        self._fetches = 0
        return self._fetch_or_lead(now)

    def _fetch_or_lead(self, now: float) -> list[Action]:
        """Fetch from the member that showed most, holders before others of the same; else lead."""
        more = [told for told in self._told.values() if told.seq > self._own]
        if not more or self._fetches >= FETCHES_MAX:
            return self._open()
        best = max(more, key=lambda told: (told.seq, told.acknowledges))
        del self._told[best.device]
        self.state, self._since, self._goal = State.SYNCING, now, best.seq
        self._fetches += 1
        return [Fetch(best.address)]

    def _next(self, event: Event, now: float) -> list[Action]:
        return self._fetch_or_lead(now)

    def _fetched(self, event: Event, now: float) -> list[Action]:
        """Note what came; wait on while it is not all."""
        self._note(event, now)
        self._since = now
        return self._fetch_or_lead(now) if self._own >= self._goal else []

    def _open(self) -> list[Action]:
        self.state, self._told = State.LEADING, {}
        return [Lead()]

    def _take(self, event: Event, now: float) -> list[Action]:
        return self._open()

    def _led(self, event: Event, now: float) -> list[Action]:
        self.state, self._told = State.LEADING, {}
        return []


@dataclass(frozen=True, slots=True)
class Step:
    """One cell of the table: what is done, and in which states it can end."""

    act: Callable[[Takeover, Event, float], list[Action]]
    then: frozenset[State]


def _step(act: Callable[[Takeover, Event, float], list[Action]], *then: State) -> Step:
    return Step(act, frozenset(then))


_ROWS: dict[tuple[State, Kind], Step] = {
    (State.WATCHING, Kind.HEARD): _step(Takeover._watch, State.WATCHING),
    (State.WATCHING, Kind.DEADLINE): _step(Takeover._begin_asking, State.ASKING),
    (State.ASKING, Kind.HEARD): _step(Takeover._watch, State.WATCHING),
    (State.ASKING, Kind.TOLD): _step(Takeover._remember, State.ASKING),
    (State.ASKING, Kind.DEADLINE): _step(Takeover._ask_on, State.ASKING, State.SYNCING, State.LEADING),
    (State.SYNCING, Kind.HEARD): _step(Takeover._watch, State.WATCHING),
    (State.SYNCING, Kind.TOLD): _step(Takeover._remember, State.SYNCING),
    (State.SYNCING, Kind.MOVED): _step(Takeover._fetched, State.SYNCING, State.LEADING),
    (State.SYNCING, Kind.DEADLINE): _step(Takeover._next, State.SYNCING, State.LEADING),
    (State.LEADING, Kind.DEPOSED): _step(Takeover._watch, State.WATCHING),
}
_MAY_LEAD = (State.WATCHING, State.ASKING, State.SYNCING)
_ROWS |= {(state, Kind.HANDED): _step(Takeover._take, State.LEADING) for state in _MAY_LEAD}
_ROWS |= {(state, Kind.LED): _step(Takeover._led, State.LEADING) for state in set(State) - {State.LEADING}}
_ROWS |= {(state, Kind.MOVED): _step(Takeover._note, state) for state in set(State) - {State.SYNCING}}
_ROWS |= {(state, Kind.PLACED): _step(Takeover._place, state, State.OUTSIDE) for state in State}
_ROWS[State.OUTSIDE, Kind.PLACED] = _step(Takeover._place, State.OUTSIDE, State.WATCHING)

TABLE: dict[tuple[State, Kind], Step] = {
    (state, kind): _ROWS.get((state, kind), _step(Takeover._stay, state)) for state in State for kind in Kind
}
"""Every state with every kind of event; what has no row of its own changes nothing."""
