"""When who leads opens a rollout's next wave, ends it, or stops it (`specs/rollout.md`, section 4).

Decided from what devices report and sign; what was decided before stands in the log, so whoever takes the
lead over goes on from there. Nothing is opened on the word of silence: a wave that nobody has in effect
opens no other.
"""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import NamedTuple

from dusk.apply.windows import Windows
from dusk.changelog.former import ROLLOUT
from dusk.changelog.log import Log
from dusk.changelog.released import Waits, head_before
from dusk.changelog.rollouts import (
    DONE,
    OPEN_WORD,
    STAGED,
    STAYED,
    STOP_WORD,
    SWITCH_WORD,
    Rollout,
    switched_by,
)
from dusk.changelog.views import members, succession
from dusk.cycle.audience import online_s
from dusk.effects import WallClock
from dusk.ids import DeviceId, Seq
from dusk.node.switching import BRAKED, FAILED, Report, Seen, Switch, delay_s

LOOK_S = 0.5
"""Between two looks at the devices while a rollout is under way."""


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
        windows: say how long a device that was there may be silent; then it counts as one that failed.
        own: this device.
        cycle_s: gives the length of a cycle, seconds.
        reloaded_at: gives when this device reloaded what waits to be confirmed; None: nothing does.
    """

    def __init__(
        self,
        log: Log,
        *,
        waits: Callable[[], Waits],
        report: Callable[[DeviceId], Report | None],
        online: Callable[[float], set[DeviceId]],
        windows: Windows,
        own: DeviceId,
        cycle_s: Callable[[], float],
        reloaded_at: Callable[[], float | None],
    ) -> None:
        self._log, self._waits, self._report, self._online = log, waits, report, online
        self._windows, self._own, self._cycle_s, self._reloaded_at = windows, own, cycle_s, reloaded_at
        self._told: dict[str, tuple[float, Seq]] = {}
        """Rollout → when this device told all to switch, and where that stands, until that was looked at."""
        self._watched: dict[str, float] = {}
        """Rollout → since when this device looks at it."""
        self._switched: dict[str, set[DeviceId]] = {}
        """Rollout → who was seen to have switched since all were told to, and may be back."""
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
        self._watched.clear()
        self._told.clear()
        self._switched.clear()

    def _runs(self) -> bool:
        return any(rollout.runs or rollout.is_halfway for rollout in self._waits().rollouts)

    def due(self, clock: WallClock, now: float) -> Iterator[Gate]:
        """Yield what is to be written now, while this device leads; the caller writes each at once."""
        if self._leads_since is None:
            self._leads_since = now
        if now < self._look_at or not self._runs():
            return
        self._look_at = now + LOOK_S
        there = self._online(now)
        for rollout in self._waits().rollouts:
            self._watched.setdefault(rollout.id, now)
            for device in there:
                self._seen.setdefault(rollout.id, {})[device] = now
            is_looked_at = rollout.runs or rollout.is_halfway
            word = self._word(rollout, clock, now) if is_looked_at else None
            if word == SWITCH_WORD:
                self._switched[rollout.id] = set()
                self._told[rollout.id] = now, Seq(self._log.head.seq + 1)
            if word is not None:
                yield Gate(ROLLOUT + rollout.id, word)

    def _word(self, rollout: Rollout, clock: WallClock, now: float) -> str | None:
        """Return what is to be written of a rollout, None for nothing yet."""
        at_s, opened = rollout.order.not_before_s, rollout.progress.opened
        has_come = not at_s or (clock.trusted and int(now + clock.offset_s) >= at_s)
        if rollout.plan.together and opened != STAYED:
            return self._switch_word(rollout, now) if has_come or opened else None
        if not opened:
            return OPEN_WORD if has_come else None
        return self._wave_word(rollout, now)

    def _switch_word(self, rollout: Rollout, now: float) -> str | None:
        """Return what is to be written of one by which all switch together, until it stays."""
        state, before = self._log.state, head_before(self._log, rollout).seq
        there, waits = self._online(now), self._waits()
        concerned = (m.device_id for m in members(state) if waits.concerns(rollout, m.device_id))
        seen = [self._look(rollout, device, there, now) for device in concerned]
        switch = Switch(seen, before, self._own, rollout.failures_max)
        if rollout.progress.opened == STAGED:
            return switch.staged_word()
        told = self._told.get(rollout.id)
        if told is not None and now >= told[0] + delay_s(self._cycle_s()) / 2:
            del self._told[rollout.id]
            return switch.recall_word(told[1], there.intersection(succession(state)))
        did = self._switched.setdefault(rollout.id, set())
        did.update(one.device for one in seen if one.has_switched(before))
        led = switched_by(state, rollout.id)
        assert led is not None, "all were told to switch"
        return switch.switched_word(led)

    def _look(self, rollout: Rollout, device: DeviceId, there: set[DeviceId], now: float) -> Seen:
        """Look at one device; this one is heard once it could be, since it reloaded."""
        reloaded_at, is_there = self._reloaded_at(), device in there
        if device == self._own and reloaded_at is not None:
            is_there = now - reloaded_at > online_s(self._cycle_s(), len(there))
        seen_at = self._seen.get(rollout.id, {}).get(device, self._watched[rollout.id])
        is_staged = rollout.progress.opened == STAGED  # nobody changes anything yet
        patience_s = self._windows.silence() if is_staged else self._windows.patience()
        did = device in self._switched.get(rollout.id, ())
        return Seen(device, self._report(device), is_there, now - seen_at > patience_s, did)

    def _wave_word(self, rollout: Rollout, now: float) -> str | None:
        """Return what is to be written of one whose first wave was opened, or by which all have switched."""
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
        if rollout.plan.together:  # it stays, whoever did not follow
            return None if _Stage.PENDING in stages.values() else DONE
        if len(failed) > rollout.failures_max:
            return STOP_WORD + failed[0].hex()
        if _Stage.PENDING in stages.values() or (newest and _Stage.DONE not in newest):
            return None
        return DONE if rollout.progress.opened == rollout.plan.waves else OPEN_WORD

    def _stage(self, rollout: Rollout, device: DeviceId, now: float) -> _Stage:
        report, before = self._report(device), head_before(self._log, rollout).seq
        if report is not None and report.seq > before:
            return _Stage.DONE
        if report is not None and report.state == FAILED and report.judged > before:
            return _Stage.FAILED
        if report is not None and report.state in BRAKED:
            return _Stage.AWAY
        seen_at = self._seen.get(rollout.id, {}).get(device)
        if seen_at is not None:
            is_lost = now - seen_at > self._windows.patience()
            return _Stage.FAILED if is_lost else _Stage.PENDING
        assert self._leads_since is not None, "only who leads looks"
        is_known = now - self._leads_since > self._windows.silence()
        return _Stage.AWAY if is_known else _Stage.PENDING
