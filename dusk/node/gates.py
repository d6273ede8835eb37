"""When who leads opens a rollout's next wave, ends it, or stops it (`specs/rollout.md`, section 4).

Decided from what devices report and sign; what was decided before stands in the log, so whoever takes the
lead over goes on from there. Nothing is opened on the word of silence: a wave that nobody has in effect
opens no other.
"""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import NamedTuple

from dusk.apply.windows import RADAR_TIMES
from dusk.changelog.log import Log
from dusk.changelog.released import Waits, head_before
from dusk.changelog.rollouts import DONE, OPEN_WORD, ROLLOUT, STOP_WORD, Rollout
from dusk.changelog.views import members
from dusk.effects import WallClock
from dusk.ids import DeviceId, Seq

LOOK_S = 0.5
"""Between two looks at the devices while a rollout is under way."""
LOST_WINDOWS = 1.0 + RADAR_TIMES
"""So many apply windows a device that was there may be silent; then it counts as one that failed."""
_BRAKED = frozenset({"held", "off"})
_FAILED = "failed"


class Report(NamedTuple):
    """What a device says: the position in effect, the state of its apply, and which that is about."""

    seq: Seq
    state: str
    judged: Seq


class Gate(NamedTuple):
    """What is to be written: the section of a rollout, and the word of the entry."""

    section: str
    word: str


class _Stage(Enum):
    """How far one device is."""

    DONE = "done"
    FAILED = "failed"
    PENDING = "pending"
    AWAY = "away"
    """It follows when it returns, or lets go of the brake."""


class Gates:
    """Looks at the devices of the waves that were opened, while this device leads.

    Args:
        log: the log.
        waits: gives who waits for what, at the log's head.
        report: gives what a member, or this device, said last; None for nothing yet.
        online: gives who is there.
        window_s: how long an apply waits for contact.
    """

    def __init__(
        self,
        log: Log,
        *,
        waits: Callable[[], Waits],
        report: Callable[[DeviceId], Report | None],
        online: Callable[[float], set[DeviceId]],
        window_s: float,
    ) -> None:
        self._log, self._waits, self._report, self._online = log, waits, report, online
        self._window_s = window_s
        self._leads_since: float | None = None
        self._look_at = float("-inf")
        self._seen: dict[str, dict[DeviceId, float]] = {}
        """Rollout → who was there since it is watched, and when last."""

    @property
    def deadline(self) -> float | None:
        """When `due` is wanted; None while nothing is under way, or another leads."""
        return self._look_at if self._leads_since is not None and self._runs() else None

    def follows(self) -> None:
        """Note that this device does not lead: who was there meanwhile is not known to it."""
        self._leads_since = None
        self._seen.clear()

    def _runs(self) -> bool:
        return any(rollout.runs for rollout in self._waits().rollouts)

    def due(self, clock: WallClock, now: float) -> Iterator[Gate]:
        """Yield what is to be written now, while this device leads; the caller writes each at once."""
        if self._leads_since is None:
            self._leads_since = now
        if now < self._look_at or not self._runs():
            return
        self._look_at = now + LOOK_S
        there = self._online(now)
        for rollout in self._waits().rollouts:
            for device in there:
                self._seen.setdefault(rollout.id, {})[device] = now
            word = self._word(rollout, clock, now) if rollout.runs else None
            if word is not None:
                yield Gate(ROLLOUT + rollout.id, word)

    def _word(self, rollout: Rollout, clock: WallClock, now: float) -> str | None:
        """Return what is to be written of a rollout, None for nothing yet."""
        if not rollout.progress.opened:
            has_come = clock.trusted and int(now + clock.offset_s) >= rollout.order.not_before_s
            return OPEN_WORD if has_come else None
        waits = self._waits()
        wave = rollout.progress.opened - 1
        stages: dict[DeviceId, _Stage] = {}
        newest: list[_Stage] = []
        for member in members(self._log.state):
            device = member.device_id
            if waits.has_reached(rollout, device) and waits.concerns(rollout, device):
                stages[device] = self._stage(rollout, device, now)
                newest += [stages[device]] if waits.wave_of(rollout, device) == wave else []
        failed = [device for device, stage in stages.items() if stage is _Stage.FAILED]
        if len(failed) > rollout.failures_max:
            return STOP_WORD + failed[0].hex()
        if _Stage.PENDING in stages.values() or (newest and _Stage.DONE not in newest):
            return None
        return DONE if rollout.progress.opened == rollout.plan.waves else OPEN_WORD

    def _stage(self, rollout: Rollout, device: DeviceId, now: float) -> _Stage:
        report, before = self._report(device), head_before(self._log, rollout).seq
        if report is not None and report.seq > before:
            return _Stage.DONE
        if report is not None and report.state == _FAILED and report.judged > before:
            return _Stage.FAILED
        if report is not None and report.state in _BRAKED:
            return _Stage.AWAY
        seen_at = self._seen.get(rollout.id, {}).get(device)
        if seen_at is not None:
            is_lost = now - seen_at > LOST_WINDOWS * self._window_s
            return _Stage.FAILED if is_lost else _Stage.PENDING
        assert self._leads_since is not None, "only who leads looks"
        is_known = now - self._leads_since > self._window_s
        return _Stage.AWAY if is_known else _Stage.PENDING
