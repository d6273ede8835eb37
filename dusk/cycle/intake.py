"""What a START announced and is not here yet: its DATA, when to ask for pieces, when to give up.

A member that lacks pieces says in its RESPOND which ones it holds: first in its slot, then
again after a random pause while some are missing. What the master repeats for one member goes
to all that lack it, and whoever hears a piece that it lacked puts its next question off: so
one question serves many (`specs/cycles.md`, section 6).

DATA whose START does not come, nor a repetition of it, shows that one was lost: then the master
is asked, and the signed head in its PONG does what the START would have done.
"""

from dusk.cycle.fragments import Reassembly
from dusk.cycle.messages import Fragment, Request, Start
from dusk.cycle.station import NOTHING, Advance, Behind, Station, Step
from dusk.effects import Address, LogItem
from dusk.ids import Head, Seq
from dusk.limits import REQUESTS_MAX

REPAIR_S = 0.5
"""How long to wait for missing DATA before a stream is tried too."""
NO_DATA_JITTER_S = 0.2
"""Spread of catch-ups when a batch was too large for DATA."""
FAR_BEHIND = 256
"""A gap of so many entries is not waited for."""
ASK_AGAIN_S = 0.08
"""Between two questions for missing pieces: more than a repair takes; ± 25 %."""
PUT_OFF_S = 0.03
"""A piece that came puts the next question off by this: the others are on their way."""

LOST_START_S = 0.2
"""DATA without its START for so long, up to twice that: the master is asked, and again so much later."""
LOST_START_ASKS_MAX = 3
"""Such questions between two STARTs: whoever has the group key can send DATA (A15)."""


class Intake:
    """A member's wait for the entries up to the newest START's head.

    Args:
        station: this device.
    """

    def __init__(self, station: Station) -> None:
        self._station = station
        self._reassembly = Reassembly()
        self._wanted: Start | None = None
        self._source: Address | None = None
        self._behind_at: float | None = None
        self._ask_at: float | None = None
        self._asks = 0
        self._lost_start_at: float | None = None
        self._lost_start_asks = 0

    @property
    def ask_at(self) -> float | None:
        """When to ask again for missing pieces, monotonic seconds."""
        return self._ask_at

    @property
    def lost_start_at(self) -> float | None:
        """When to ask the master for the head that DATA has no START for, monotonic seconds."""
        return self._lost_start_at

    @property
    def behind_at(self) -> float | None:
        """When :meth:`give_up` is wanted, monotonic seconds; None: nothing that was announced is to come."""
        return self._behind_at

    # --- what is announced -------------------------------------------------------------------

    def announced(self, start: Start, source: Address, now: float) -> Step:
        """Take a START whose head is above ours."""
        missing = start.head.seq - self._station.log.head.seq
        self._wanted, self._source = start, source
        self._ask_at, self._asks = None, 0
        self._start_came()
        if self._behind_at is None:
            wait_s = REPAIR_S if start.rest.data else NO_DATA_JITTER_S * self._station.fraction()
            self._behind_at = now + (0.0 if missing > FAR_BEHIND else wait_s)
        return self._try_advance()

    def nothing_wanted(self) -> None:
        """Note that the newest START's head is here."""
        self._wanted = self._source = self._behind_at = self._ask_at = None
        self._start_came()

    def _start_came(self) -> None:
        self._lost_start_at, self._lost_start_asks = None, 0

    # --- what comes --------------------------------------------------------------------------

    def on_fragment(self, fragment: Fragment, source: Address, now: float, *, trusted: bool) -> Step:
        """Take a piece.

        Args:
            fragment: the piece.
            source: where it came from.
            now: monotonic seconds.
            trusted: whether that is where the master was heard from.

        Raises:
            UntrustedInput: contradicting, or without room.
        """
        if fragment.last <= self._station.log.head.seq:
            return NOTHING
        is_complete = self._reassembly.add(fragment, source, trusted=trusted)
        if self._ask_at is not None:
            self._ask_at = max(self._ask_at, now + PUT_OFF_S * (1 + self._station.fraction()))
        if trusted and self._wanted is None and self._lost_start_asks == 0 and self._lost_start_at is None:
            self._lost_start_at = now + LOST_START_S * (1 + self._station.fraction())
        return self._try_advance() if is_complete else NOTHING

    def _try_advance(self) -> Step:
        if self._wanted is None:
            return NOTHING
        entries = self.lead_to(self._wanted.head)
        return NOTHING if entries is None else Step(outcome=Advance(entries, self._wanted.signed_head))

    def lead_to(self, head: Head) -> tuple[LogItem, ...] | None:
        """Return entries from DATA that lead to a head; None while some are missing."""
        return self._reassembly.entries_up_to(head, self._station.log.head.seq)

    def asked_for_start(self, now: float) -> None:
        """Note a question for a lost START; plan the next one."""
        self._lost_start_asks += 1
        again_at = now + LOST_START_S * (1 + self._station.fraction())
        self._lost_start_at = again_at if self._lost_start_asks < LOST_START_ASKS_MAX else None

    def stored(self, now: float) -> None:
        """Note that our log has grown, however it did."""
        own: Seq = self._station.log.head.seq
        self._reassembly.forget(own)
        if not self._reassembly.held(own):
            self._lost_start_at = None
        if self._wanted is None:
            return
        if self._wanted.head.seq <= own:
            self.nothing_wanted()
        elif self._behind_at is not None:
            self._behind_at = now + REPAIR_S

    def refused(self) -> Step:
        """Note that the log refused what DATA brought: catch up instead."""
        self._reassembly.clear()
        return self.give_up()

    def give_up(self) -> Step:
        """Stop waiting for DATA alone; pieces that come yet are taken."""
        wanted, source = self._wanted, self._source
        self._behind_at = None
        if wanted is None or source is None:
            return NOTHING
        return Step(outcome=Behind(source, wanted.head))

    # --- what is asked for -------------------------------------------------------------------

    def ask(self, now: float) -> Request | None:
        """Return what an answer sent now says about missing pieces; None if none can be asked for."""
        self._ask_at = None
        if self._wanted is None or not self._wanted.rest.data or self._asks >= REQUESTS_MAX:
            return None
        self._asks += 1
        self._ask_at = now + ASK_AGAIN_S * (0.75 + self._station.fraction() / 2)
        return Request(self._asks, self._reassembly.held(self._station.log.head.seq))
