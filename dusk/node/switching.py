"""When all switch together, and whether that stays (`specs/rollout.md`, section 5).

Nobody is told to switch before all that it concerns are ready, but for as many as a person lets be missing.
It stays once who led then and most of those that it concerns are heard to have switched; else it goes back,
and only where most of them are heard: a device that is alone decides nothing for the others.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from dusk.changelog.rollouts import BACK_WORD, STAY_WORD, STOP_WORD, SWITCH_WORD
from dusk.ids import DeviceId, Seq

SWITCH_CYCLES = 3.0
SWITCH_S_MIN = 2.0
"""From the word to the switch, at least: so that it reaches all first, whose datagrams may be lost."""
READY, FAILED = "ready", "failed"
BRAKED = frozenset({"held", "off"})
_APPLIED = frozenset({"applied", "confirming"})


def delay_s(cycle_s: float) -> float:
    """Return how long after the word a device switches, seconds."""
    return max(SWITCH_S_MIN, SWITCH_CYCLES * cycle_s)


class Report(NamedTuple):
    """What a device says: what is in effect, its apply, the position that this is about, what it holds."""

    seq: Seq
    state: str
    judged: Seq
    holds: Seq


class Seen(NamedTuple):
    """One of the devices that a switch concerns, as who leads sees it.

    Attributes:
        device: which.
        report: what it said last; None for nothing yet.
        is_there: whether it is heard.
        is_lost: whether it was not heard for so long that nobody waits for it.
        did: whether it was seen to have switched before; it may be back since.
    """

    device: DeviceId
    report: Report | None
    is_there: bool
    is_lost: bool
    did: bool = False

    def is_ready(self, before: Seq) -> bool:
        """Tell whether it could switch now."""
        report = self.report
        return self.is_there and report is not None and report.state == READY and report.judged > before

    @property
    def is_unable(self) -> bool:
        """Whether it could not switch now: also if what it failed to apply came before."""
        is_stuck = self.report is not None and self.report.state in (FAILED, *BRAKED)
        return self.is_lost or is_stuck

    def has_failed(self, before: Seq) -> bool:
        """Tell whether it did not switch, and will not by itself before something is decided."""
        report = self.report
        is_about = report is not None and (report.state != FAILED or report.judged > before)
        return self.is_lost or (self.is_unable and is_about)

    def has_switched(self, before: Seq) -> bool:
        """Tell whether it has switched: it is in effect, or applied and heard since."""
        report = self.report
        if report is None:
            return False
        applied = self.is_there and report.state in _APPLIED and report.judged > before
        return applied or report.seq > before


class Switch(NamedTuple):
    """A switch as who leads sees it.

    Attributes:
        seen: the devices that it concerns.
        before: the position before it.
        own: who looks, and leads.
        failures_max: so many may be missing.
    """

    seen: Sequence[Seen]
    before: Seq
    own: DeviceId
    failures_max: int

    def _most(self, count: int) -> bool:
        return 2 * count > len(self.seen) or not self.seen

    def staged_word(self) -> str | None:
        """Return what is to be written while it is staged: that all switch, or that one cannot."""
        unable = [one.device for one in self.seen if one.is_unable]
        ready = [one.device for one in self.seen if one.is_ready(self.before)]
        if self.own in unable:
            return STOP_WORD + self.own.hex()
        if len(unable) > self.failures_max:
            return STOP_WORD + unable[0].hex()
        if len(ready) + len(unable) < len(self.seen):
            return None
        return SWITCH_WORD if self._most(len(ready)) else STOP_WORD + unable[0].hex()

    def recall_word(self, seq: Seq, holders: AbstractSet[DeviceId]) -> str | None:
        """Return that it is called off, where too many lack the word shortly before they are to follow it.

        Args:
            seq: where the word stands.
            holders: those that may lead and are there: one that lacks it would go on without it.
        """
        lacking = [one.device for one in self.seen if one.report is None or one.report.holds < seq]
        is_missed = len(lacking) > self.failures_max or not holders.isdisjoint(lacking)
        return BACK_WORD + lacking[0].hex() if is_missed else None

    def switched_word(self, led: DeviceId) -> str | None:
        """Return that it stays, or goes back; None while that is open.

        Args:
            led: who led when all were told to switch.
        """
        missing = [one for one in self.seen if not one.has_switched(self.before)]
        if self._most(len(self.seen) - len(missing)) and led not in self._devices(missing):
            return STAY_WORD
        unable = self._devices(one for one in missing if one.has_failed(self.before))
        is_over = not {led, self.own}.isdisjoint(unable) or not self._most(len(self.seen) - len(unable))
        if not is_over or not self._most(sum(one.is_there for one in self.seen)):
            return None
        never = self._devices(one for one in missing if not one.did) or self._devices(missing)
        return BACK_WORD + (led if led in never else never[0]).hex()

    def _devices(self, seen: Iterable[Seen]) -> list[DeviceId]:
        return [one.device for one in seen]
