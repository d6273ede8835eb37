"""When a member asks whether the master lives, and whom (`specs/cycles.md`, section 6)."""

from dusk.cycle.freshness import CHAIN_CYCLES, Freshness
from dusk.cycle.peers import Peer
from dusk.cycle.station import Station
from dusk.effects import Address, Effect

HELLO_S = 1.0
"""First wait for an answer to a HELLO."""
STREAM_AFTER = 4
"""So often all are asked without an answer before a configured address is asked by a stream."""
ASK_BACKOFF_MAX = 8
"""Cycles between two questions to a silent cluster, at most."""
RELAYED_CYCLES = 0.5
"""Who hears the master through others asks again so soon: one lost datagram is no silence."""

Him = tuple[Peer, Address] | None
"""The master and where he was heard, if both are known."""


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
        self._is_odd = False
        """Whether the last question was one that a member passes on to the master (`replies`)."""
        self._unheard = 0
        """How often all were asked since who leads was heard."""

    def confirm(self, him: Him, now: float) -> list[Effect]:
        """Ask now whether the master lives, as an apply that waits for its contact does, or a boot.

        Who hears him asks him alone at first: all members apply at once, and as many multicasts
        would cost the link more than the change did. Without an answer soon all are asked.
        """
        return self._ask_him(him, now, HELLO_S) if self._freshness.is_fresh(now) else self._ask_all(him, now)

    def ask(self, him: Him, now: float) -> list[Effect]:
        """Ask the master alone, and all who hear only if he was asked since he was heard last.

        A START is lost to many at once: as many multicasts would cost the link the square of the
        members.
        """
        again_s = min(HELLO_S, self._freshness.cycle_s)
        return self._ask_all(him, now) if self._asked_him else self._ask_him(him, now, again_s)

    def _ask_him(self, him: Him, now: float, again_s: float) -> list[Effect]:
        """Ask the master alone; without an answer soon, or if nobody knows where he is, all are asked."""
        if him is None:
            return self._ask_all(him, now)
        asked = self.ask_master(him, now)
        self._freshness.missed(now)
        self._asked_him = True
        again_at = now + again_s * (0.75 + self._station.fraction() / 2)
        self.at = again_at if self.at <= now else min(self.at, again_at)
        return asked

    def _ask_all(self, him: Him, now: float) -> list[Effect]:
        """Ask the master if he is known, and all who hear; again later, ever more rarely."""
        station, freshness = self._station, self._freshness
        freshness.missed(now)
        self._unheard += 1
        self.at = now + self._wait_s * (0.75 + station.fraction() / 2)
        self._wait_s = min(2 * self._wait_s, ASK_BACKOFF_MAX * max(freshness.cycle_s, HELLO_S))
        self._is_odd = not self._is_odd
        challenge = freshness.challenge(now, is_odd=self._is_odd)
        asked = [] if him is None else station.ask(*him, challenge)
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
        """Ask at the configured addresses that are silent, for who leads and so hears nobody."""
        station = self._station
        silent = station.contacts.silent(self._freshness.cycle_s, now)
        return station.hello_to(silent, self._freshness.challenge(now, is_odd=True)) if silent else []

    # --- what was heard ----------------------------------------------------------------------

    def heard(self, now: float) -> None:
        """Note a START or PONG of who leads: the next one is waited for."""
        self.at, self._unheard = now + CHAIN_CYCLES * self._freshness.cycle_s, 0

    def heard_fresh(self) -> None:
        """Note that it was a fresh one."""
        self._asked_him, self._unheard = False, 0
        self._wait_s = max(HELLO_S, self._freshness.cycle_s)

    def heard_through_others(self, now: float) -> None:
        """Note that only word of who leads came: all are asked again soon."""
        self._asked_him, self.at = True, now + RELAYED_CYCLES * self._freshness.cycle_s

    def plan_proof(self, now: float, *, is_asked: bool) -> None:
        """Where no answer to a START carries the challenge that is due, ask the master by itself.

        Of many members only a slice answers, and a proof that waited for its turn came too late.
        """
        self._asked_him = False
        if self._freshness.proof_due and not is_asked:
            self.at = now + self._freshness.cycle_s * (0.25 + self._station.fraction() / 2)
