"""When a member asks whether the master lives, and whom (`specs/cycles.md`, section 6)."""

from dataclasses import replace

from dusk.cycle.freshness import CHAIN_CYCLES, Freshness
from dusk.cycle.peers import Peer
from dusk.cycle.station import Station
from dusk.effects import Address, Effect
from dusk.lazy import dataclass
from dusk.limits import SLICE_MEMBERS_MAX

HELLO_S = 1.0
"""First wait for an answer to a HELLO."""
STREAM_AFTER = 4
"""So often all are asked without an answer before a configured address is asked by a stream."""
ASK_BACKOFF_MAX = 8
"""Cycles between two questions to a silent cluster, at most."""
RELAYED_CYCLES = 0.5
"""Who hears the master through others asks again so soon: one lost datagram is no silence."""
PROOF_AFTER_CYCLES = 0.25
PROOF_CYCLES_MIN = 0.5
"""So long behind a START that does not ask it a member asks for a proof, and spread over so much at first."""
CONFIRM_SHARE = 0.5
"""Of the time in which an apply is to be confirmed: over that much many members' first question is spread."""

Him = tuple[Peer, Address] | None
"""The master and where he was heard, if both are known."""


@dataclass(frozen=True, slots=True)
class _Confirming:
    """An apply that an answer is to confirm, at one of many members."""

    since: float
    """When the question has to be asked, or later, monotonic seconds."""
    spread_s: float
    ask_at: float


class Asking:
    """The questions of a device that follows.

    Args:
        station: this device.
        freshness: draws the challenges.
        now: monotonic seconds; it asks at once.
    """

    def __init__(self, station: Station, freshness: Freshness, now: float) -> None:
        self.at = now
        """When the next question is due, unless something is heard, monotonic seconds."""
        self._station, self._freshness = station, freshness
        self._wait_s = HELLO_S
        self._asked_him = False
        """Whether the master was asked since he was heard."""
        self._missed_at = now
        """When a START counts as missed."""
        self._proof_at: float | None = None
        """When the master is, or was, asked for the proof that is due; None: none is, or an answer asks."""
        self._proof_cycles = PROOF_CYCLES_MIN
        """Over how many cycles the next such question is spread."""
        self._is_odd = False
        """Whether the last question was one that a member passes on to the master (`replies`)."""
        self._unheard = 0
        """How often all were asked since who leads was heard."""
        self._confirming: _Confirming | None = None

    def confirm(self, him: Him, now: float) -> list[Effect]:
        """Ask now whether the master lives, as an apply that waits for its contact does, or a boot.

        Who hears him asks him alone at first: all members apply at once, and as many multicasts
        would cost the link more than the change did. Without an answer soon all are asked.
        """
        return self._ask_him(him, now, HELLO_S) if self._freshness.is_fresh(now) else self.ask_all(him, now)

    def confirm_within(self, him: Him, now: float, within_s: float) -> list[Effect]:
        """Ask for an answer to a question of now or later, as `confirm` does; one of many members in time.

        Of more than a slice each asks at a moment by chance, until it was answered: in a cycle no more
        of them than a START asks. One that is asked by a START before has the question in its answer.

        Args:
            him: the master.
            now: monotonic seconds.
            within_s: after that an answer is of no use.
        """
        if not self._is_one_of_many:
            return self.confirm(him, now)
        spread_s = min(self._slices * self._freshness.cycle_s, CONFIRM_SHARE * within_s)
        self._confirming = _Confirming(now, spread_s, now + self._station.fraction() * spread_s)
        return []

    @property
    def challenge_due(self) -> bool:
        """Whether an answer to a START should carry a challenge."""
        return self._freshness.proof_due or self._confirms is not None

    @property
    def deadline(self) -> float:
        """When ``ask`` is wanted, monotonic seconds."""
        confirming = self._confirms
        return self.at if confirming is None else min(self.at, confirming.ask_at)

    @property
    def _confirms(self) -> "_Confirming | None":
        """What an answer is still to confirm."""
        confirming = self._confirming
        return None if confirming is None or self._freshness.asked_at >= confirming.since else confirming

    def ask(self, him: Him, now: float) -> list[Effect]:
        """Ask the master alone, and all who hear only if he was asked since he was heard last.

        A START is lost to many at once: as many multicasts would cost the link the square of the
        members. For a proof he is asked once: the next START is there before others could help.
        """
        confirming = self._confirms
        if confirming is not None and confirming.ask_at <= now < self.at:
            again_s = confirming.spread_s * (0.5 + self._station.fraction())
            self._confirming = replace(confirming, ask_at=now + max(HELLO_S, again_s))
            return self.ask_master(him, now)
        if him is not None and self._proof_at is not None and self._proof_at <= now < self._missed_at:
            self.at = self._missed_at
            return self.ask_master(him, now)
        again_s = min(HELLO_S, self._freshness.cycle_s)
        return self.ask_all(him, now) if self._asked_him else self._ask_him(him, now, again_s)

    def _ask_him(self, him: Him, now: float, again_s: float) -> list[Effect]:
        """Ask the master alone; without an answer soon, or if nobody knows where he is, all are asked."""
        if him is None:
            return self.ask_all(him, now)
        asked = self.ask_master(him, now)
        self._freshness.missed(now)
        self._asked_him = True
        again_at = now + again_s * (0.75 + self._station.fraction() / 2)
        self.at = again_at if self.at <= now else min(self.at, again_at)
        return asked

    def ask_all(self, him: Him, now: float) -> list[Effect]:
        """Ask the master if he is known, and all who hear; again later, ever more rarely."""
        station, freshness = self._station, self._freshness
        freshness.missed(now)
        self._unheard += 1
        self.at = now + self._wait_s * (0.75 + station.fraction() / 2)
        cycles_max = max(ASK_BACKOFF_MAX, self._slices)
        self._wait_s = min(2 * self._wait_s, cycles_max * max(freshness.cycle_s, HELLO_S))
        self._is_odd = not self._is_odd
        challenge = freshness.challenge(now, is_odd=self._is_odd)
        asked = [] if him is None else station.ask(*him, challenge)
        if station.peers.own_place is not None:
            asked += station.ask_known(challenge, besides=None if him is None else him[0].device_id)
        return [*station.hello(challenge), *asked]

    def ask_master(self, him: Him, now: float) -> list[Effect]:
        """Ask the master alone, if it is known where he is."""
        return [] if him is None else self._station.ask(*him, self._freshness.challenge(now))

    def by_stream(self) -> Address | None:
        """Return a configured address to ask by a stream, where all were asked often and nobody answered.

        Who missed that the group key was made anew can read nobody's START there, nor be read.
        """
        addresses = self._station.contacts.addresses
        if self._unheard < STREAM_AFTER or not addresses:
            return None
        return addresses[self._unheard % len(addresses)]

    def seek(self, now: float) -> list[Effect]:
        """Ask at configured addresses, and members, that are silent, for who leads and so hears nobody."""
        station, cycle_s = self._station, self._freshness.cycle_s
        silent, missing = station.contacts.silent(cycle_s, now), station.whereabouts.missing(cycle_s, now)
        if not silent and not missing:
            return []
        challenge = self._freshness.challenge(now, is_odd=True)
        return [*station.hello_to(silent, challenge), *station.ask_at(missing, challenge)]

    # --- what was heard ----------------------------------------------------------------------

    def heard(self, now: float) -> None:
        """Note a START or PONG of who leads: the next one is waited for.

        Of many members each waits for up to a cycle more. One that missed a START alone hears the next
        one by then; where all missed it, their questions do not come at once.
        """
        late = self._station.fraction() if self._is_one_of_many else 0.0
        self._unheard = 0
        self.at = self._missed_at = now + (CHAIN_CYCLES + late) * self._freshness.cycle_s

    @property
    def _is_one_of_many(self) -> bool:
        """Whether only some STARTs ask this device."""
        return self._slices > 1 and self._station.peers.own_place is None

    @property
    def _slices(self) -> float:
        """How many slices the members make; not above 1 where all answer each START."""
        return self._station.peers.count / SLICE_MEMBERS_MAX

    def heard_fresh(self) -> None:
        """Note that it was a fresh one."""
        self._asked_him, self._unheard = False, 0
        self._wait_s = max(HELLO_S, self._freshness.cycle_s)
        if not self._freshness.proof_due:
            self._proof_at, self._proof_cycles = None, PROOF_CYCLES_MIN

    def heard_through_others(self, now: float) -> None:
        """Note that only word of who leads came: all are asked again soon."""
        self._asked_him, self.at = True, now + RELAYED_CYCLES * self._freshness.cycle_s

    def plan_proof(self, now: float, *, is_asked: bool) -> None:
        """Where no answer to a START carries the challenge that is due, ask the master by itself.

        Of many members only a slice answers, and a proof that waited for its turn came too late.
        Where all need one at once, as after a START that nobody heard, the link could not carry all
        questions and answers of a cycle, nor the next START: each question that was not answered
        spreads the next over twice as many cycles, up to as many as there are slices.
        """
        self._asked_him = False
        if is_asked or not self._freshness.proof_due:
            return
        if self._proof_at is None or self._proof_at <= now:
            spread = self._station.fraction() * self._proof_cycles
            self._proof_at = now + (PROOF_AFTER_CYCLES + spread) * self._freshness.cycle_s
            self._proof_cycles = min(2 * self._proof_cycles, max(PROOF_CYCLES_MIN, self._slices))
        self.at = min(self.at, self._proof_at)
