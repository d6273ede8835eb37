"""The apply machine: a table of states and events, and what is done in each case (R7, R9).

Nothing is asked of the helper before its former answer is here, so that an answer can only
belong to the state that waits for it. A newer target that arrives meanwhile waits.
"""

# All acts of the table have one signature, and the table below the class names them:
# ruff: noqa: ARG002, SLF001

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum

from dusk.apply.attempt import Attempt
from dusk.apply.events import Deadline, Event, Kind, Mode, Restored, SetMode, Target, kind_of
from dusk.apply.hashes import apply_id, keyed_hash
from dusk.apply.standing import in_words, missing
from dusk.apply.verdict import Verdict
from dusk.apply.windows import WINDOWS, Windows
from dusk.config.settings import FORMER
from dusk.effects import CommitFiles, FilesRead, HelperDone, ReadFiles, RollbackFiles, WriteFiles
from dusk.effects import Event as Notice
from dusk.errors import ConfigError
from dusk.ids import Head, Seq
from dusk.lazy import dataclass
from dusk.links import LookUp, Seen

BACKOFF_S = (30.0, 120.0, 600.0)
"""Waits before each retry of a soft failure; after the last one it is hard."""
HEAR_S = 5.0
"""Between two looks whether anybody is there, when a retry is due: without contact nothing begins."""
LOOK_S = 1.0
"""Between two looks at what has come up again."""
ROLLBACK_RETRY_S = 30.0
"""Between tries to put files back when the disk refuses."""
CHANGED_RETRIES_MAX = 3
"""How often files are computed anew because somebody edits them at the same moment."""

OTHERS_LOOK_S = 5.0
"""Between two looks at whether somebody else is done."""
PATIENCE_S = {"luci:": 180.0, "staged:": 300.0}
"""Code of the helper's refusal → how long somebody else is waited for: LuCI takes 90 s to roll back."""

_MAY_HAVE_WRITTEN = ("storage:", "busy:")
"""Errors that do not say how far the helper came: to no file, to some, or to a reload that did not begin."""

Action = ReadFiles | LookUp | WriteFiles | CommitFiles | RollbackFiles | Notice


class State(StrEnum):
    """Where an apply is; the values are what statuses show."""

    IDLE = "idle"
    STAGED = "staged"
    """Files are asked for, computed, handed to the helper."""
    READY = "ready"
    """Files were computed, and are to be written when all switch together."""
    WAITING = "waiting"
    """Somebody else is about to change the files: LuCI, or who staged edits."""
    APPLIED = "applied"
    """Files are written and services reloaded; a contact would confirm."""
    CONFIRMING = "confirming"
    """There was contact; the helper makes it final."""
    COMMITTED = "committed"
    ROLLING_BACK = "rolling-back"
    FAILED = "failed"
    HELD = "held"
    OFF = "off"


RESTING = frozenset(
    {State.IDLE, State.READY, State.WAITING, State.COMMITTED, State.FAILED, State.HELD, State.OFF}
)


class Applier:
    """Brings files to a target and back.

    Args:
        key: 32 bytes that keep the hashes in statuses from being guessed at.
        windows: how long a change may be unconfirmed.
        backoff_s: waits before the retries of a soft failure.

    Attributes:
        state: where the apply is.
        deadline: when to send ``Deadline``, on the caller's monotonic clock; None: never.
        head: the head in effect, None before anything was committed.
        reason: why the last target failed or what goes on, in one line; else empty.
        hard: a failure that is retried only for other content.
        hashes: package → keyed hash of the resulting file in effect.
        finished: how many applies have ended well.
        verdict: what a later run has to know of the content that failed last; None: the newest is in effect.
    """

    def __init__(
        self,
        key: bytes,
        windows: Windows = WINDOWS,
        backoff_s: tuple[float, ...] = BACKOFF_S,
    ) -> None:
        self.state = State.IDLE
        self.deadline: float | None = None
        self.head: Head | None = None
        self.reason = ""
        self.hard = False
        self.hashes: dict[str, bytes] = {}
        self.finished = 0
        self.verdict: Verdict | None = None
        self._key, self._windows, self._backoff_s = key, windows, backoff_s
        self._mode = Mode.RUN
        self._target: Target | None = None
        self._next: Target | None = None
        self._attempt = Attempt()
        self._retry_at: float | None = None
        self._waits_since: float | None = None
        self._patience_s = 0.0
        self._heard = False
        self._turned_away: Verdict | None = None
        """What the helper refused last, and how often in a row; a later run need not know."""

    def handle(self, event: Event, now: float) -> list[Action]:
        """Take one event; return what the helper is to do, in order.

        A deadline that was not asked for is none: it would ask the helper for what is under way already.
        """
        if isinstance(event, Deadline) and self.deadline is None:
            return []
        step = TABLE[self.state, kind_of(event)]
        actions = step.act(self, event, now)
        assert self.state in step.then, (self.state, kind_of(event))
        return actions

    def advance(self, head: Head) -> None:
        """Take a head at which the newest target is what it was: its content is not tried again."""
        newest = self._next or self._target
        if newest is None:
            return
        if self.head == newest.head:
            self.head = head
        if self._next is None:
            self._target = replace(newest, head=head)
        else:
            self._next = replace(newest, head=head)

    def recall(self, verdict: Verdict, now: float) -> None:
        """Take what a former run knew, before anything else."""
        self.verdict, self.hard, self.reason = verdict, verdict.is_hard, verdict.reason
        wait_s = self._backoff_s[min(verdict.failures, len(self._backoff_s)) - 1]
        self._retry_at = None if verdict.is_hard else now + wait_s

    @property
    def wants_contact(self) -> bool:
        """Whether an answer of a peer would say something: of what was applied, or that it is there again."""
        is_to_retry = self.state is State.FAILED and not self.hard and not self._heard
        return self.state is State.APPLIED or is_to_retry

    @property
    def tried(self) -> Seq:
        """The position of the target that the state is about; 0 before any."""
        return Seq(0) if self._target is None else self._target.head.seq

    @property
    def stages(self) -> bool:
        """Whether the state is about a target that is only to be seen to be possible."""
        return self._target is not None and self._target.is_staged

    @property
    def _is_shared(self) -> bool:
        return self._target is not None and self._target.is_shared

    # --- the acts of the table -----------------------------------------------------------

    def _stay(self, event: Event, now: float) -> list[Action]:
        return []

    def _remember(self, event: Event, now: float) -> list[Action]:
        assert isinstance(event, Target)
        self._next = event
        return []

    def _begin(self, event: Event, now: float) -> list[Action]:
        self._remember(event, now)
        return self._next_target()

    def _switch(self, event: Event, now: float) -> list[Action]:
        assert isinstance(event, SetMode)
        if event.mode is self._mode:
            return []
        self._mode = event.mode
        if self.state not in RESTING:
            return []
        self._next = self._next or self._target
        self._rest(State.IDLE)
        return self._next_target()

    def _next_target(self) -> list[Action]:
        """From a resting state: take up what waits, if the brake is off."""
        if self._mode is not Mode.RUN:
            self._next = self._next or self._target
            return self._rest(State(self._mode))
        if self._next is None:
            return []
        self._target, self._next = self._next, None
        return self._stage(Attempt())

    def _stage(self, attempt: Attempt) -> list[Action]:
        assert self._target is not None
        self._attempt, self.state, self.deadline = attempt, State.STAGED, None
        return [ReadFiles(self._target.packages)]

    def _rest(self, state: State) -> list[Action]:
        self.state, self.deadline = state, None
        return []

    def _compute(self, event: Event, now: float) -> list[Action]:
        assert isinstance(event, FilesRead)
        assert self._target is not None
        try:
            files = self._target.compute(event.files)
        except ConfigError as error:
            return self._fail(str(error), now, hard=True)
        ident = apply_id(self._key, files)
        last = self._turned_away
        known = last if last is not None and last.ident == ident else self._known(ident)
        if known is not None and (known.is_hard or not self._attempt.is_retry):
            return self._stay_failed(known)
        self.hard = False
        self._attempt.ident, self._attempt.packages = ident, files
        if self._target.is_staged:
            self.reason = ""
            return [*self._rest(State.READY), *self._next_target()]
        changes = {name: (event.files.get(name), new) for name, new in files.items()}
        changes = {name: pair for name, pair in changes.items() if pair[0] != pair[1]}
        wireless = event.files.get("wireless")
        self._attempt.changes, self._attempt.wireless = changes, files.get("wireless", wireless)
        self._attempt.window_s = self._windows.of(changes, wireless)
        if not changes and self._target.is_shared:
            return self._await_others(now)
        if not changes:
            return self._finish(event, now)
        insists = self._waits_since is not None and now >= self._waits_since + self._patience_s
        told = f"no longer {self.reason}: what the log says is applied now"
        notices: list[Action] = [Notice("waited", told, loud=True)] if insists else []
        return [*notices, WriteFiles(ident, changes, self._attempt.window_s, insists)]

    def _known(self, ident: str) -> Verdict | None:
        return self.verdict if self.verdict is not None and self.verdict.ident == ident else None

    def _stay_failed(self, known: Verdict) -> list[Action]:
        """Go on as if nothing had been tried since this content failed."""
        self.reason, self.hard = known.reason, known.is_hard
        self._rest(State.FAILED)
        self.deadline = None if self.hard else self._retry_at
        return self._next_target()

    def _again(self, event: Event, now: float) -> list[Action]:
        assert isinstance(event, HelperDone)
        count = self._attempt.changed_count + 1
        if count > CHANGED_RETRIES_MAX:
            return self._refused(event, now)
        return self._stage(Attempt(changed_count=count, is_retry=self._attempt.is_retry))

    def _refused(self, event: Event, now: float) -> list[Action]:
        assert isinstance(event, HelperDone)
        error = event.error or ""
        self._attempt.is_refused = True
        if error.startswith("unfinished:"):
            return self._roll_back("an earlier apply was not finished")
        if error.startswith(_MAY_HAVE_WRITTEN):  # else the next try would find nothing to change, and be done
            return self._roll_back(error)
        for code, patience_s in PATIENCE_S.items():
            if error.startswith(code):
                return self._wait_for_others(error.removeprefix(code).strip(), patience_s, now)
        return self._fail(error, now, hard=False)

    def _wait_for_others(self, reason: str, patience_s: float, now: float) -> list[Action]:
        """Let somebody else end first, but not for ever: what several targets waited counts together."""
        self._waits_since = now if self._waits_since is None else self._waits_since
        self._patience_s = patience_s
        self._rest(State.WAITING)
        self.reason, self.deadline = reason, now + OTHERS_LOOK_S
        return self._next_target()

    def _look_again(self, event: Event, now: float) -> list[Action]:
        return self._stage(Attempt(is_retry=self._attempt.is_retry))

    def _await_contact(self, event: Event, now: float) -> list[Action]:
        assert isinstance(event, HelperDone)
        if self._waits_since is not None:
            self._waits_since, self.reason = None, ""
        attempt = self._attempt
        self.state, attempt.until, attempt.before = State.APPLIED, now + attempt.window_s, event.up
        return self._look(now)

    def _await_others(self, now: float) -> list[Action]:
        """Wait with those that switch at the same moment: here no file changes."""
        attempt = self._attempt
        self.state, attempt.until, attempt.is_unchanged = State.APPLIED, now + attempt.window_s, True
        return self._look(now)

    def _look(self, now: float) -> list[Action]:
        self.deadline = min(now + LOOK_S, self._attempt.until)
        return [LookUp()]

    def _heard_after_reload(self, event: Event, now: float) -> list[Action]:
        self._attempt.is_heard = True
        return self._confirm_if_whole(event, now)

    def _seen(self, event: Event, now: float) -> list[Action]:
        assert isinstance(event, Seen)
        attempt = self._attempt
        attempt.down = missing(attempt.before, event.up, attempt.changes, attempt.wireless)
        return self._confirm_if_whole(event, now)

    def _confirm_if_whole(self, event: Event, now: float) -> list[Action]:
        """Confirm once a peer has answered and all that was up is up again."""
        is_whole = self._attempt.is_heard and self._attempt.down == ()
        return self._confirm(event, now) if is_whole else []

    def _confirm(self, event: Event, now: float) -> list[Action]:
        if self._attempt.is_unchanged:
            return self._finish(event, now)
        self.state, self.deadline = State.CONFIRMING, None
        return [CommitFiles(self._attempt.ident)]

    def _finish(self, event: Event, now: float) -> list[Action]:
        assert self._target is not None
        files = self._attempt.packages
        shown = (pair for pair in files.items() if pair[0] != FORMER)
        self.hashes = {name: keyed_hash(self._key, name, content) for name, content in shown}
        self.head, self.reason, self.hard = self._target.head, "", False
        self.verdict, self._attempt, self._waits_since = None, Attempt(), None
        self._turned_away = None
        self.finished += 1
        return [*self._rest(State.COMMITTED), *self._next_target()]

    def _reload_failed(self, event: Event, now: float) -> list[Action]:
        assert isinstance(event, HelperDone)
        said = f": {event.reload_line}" if event.reload_line else ""
        return self._roll_back(f"the reload ended with {event.reload_exit}{said}")

    def _look_or_give_up(self, event: Event, now: float) -> list[Action]:
        assert isinstance(event, Deadline)
        attempt = self._attempt
        if now < attempt.until:
            return self._look(now)
        window = f"within {attempt.window_s:g} s after the reload"
        if attempt.is_heard and attempt.down:
            return self._roll_back(f"{in_words(attempt.down)} did not come up again {window}")
        reason = f"{event.missing} {window}"
        attempt.is_outside = self._is_shared  # the others may be there the next time
        return self._fail(reason, now, hard=False) if attempt.is_unchanged else self._roll_back(reason)

    def _not_final(self, event: Event, now: float) -> list[Action]:
        assert isinstance(event, HelperDone)
        self._attempt.is_outside = True
        return self._roll_back(event.error or "")

    def _roll_back(self, reason: str) -> list[Action]:
        self.reason, self.state, self.deadline = reason, State.ROLLING_BACK, None
        return [RollbackFiles(self._attempt.ident)]

    def _retry_rollback_later(self, event: Event, now: float) -> list[Action]:
        self.deadline = now + ROLLBACK_RETRY_S
        return []

    def _retry_rollback(self, event: Event, now: float) -> list[Action]:
        return self._roll_back(self.reason)

    def _rolled_back(self, event: Event, now: float) -> list[Action]:
        return self._fail(self.reason, now, hard=self.hard)

    def _fail(self, reason: str, now: float, *, hard: bool) -> list[Action]:
        """Note a failure: hard if it is a retry's, for that began only once peers were heard again.

        What the settings cannot be blamed for is retried three times: a site whose power goes twice
        has no bad settings (A48).
        """
        attempt = self._attempt
        known = self._known(attempt.ident)
        failures = 0 if known is None else known.failures
        if attempt.is_refused:
            return self._fail_untried(reason, now, failures)
        was_blamed = known is not None and known.is_blamed
        is_blamed = was_blamed or not attempt.is_outside
        self.hard = hard or (was_blamed and not attempt.is_outside) or failures >= len(self._backoff_s)
        self.reason, self._heard, self._waits_since = reason, False, None
        self.verdict = self._turned_away = None
        if attempt.ident:  # what cannot be computed is not tried at all
            self.verdict = Verdict(attempt.ident, failures + 1, is_blamed, self.hard, reason)
        self._rest(State.FAILED)
        self._retry_at = None if self.hard else now + self._backoff_s[failures]
        self.deadline = self._retry_at
        return self._next_target()

    def _fail_untried(self, reason: str, now: float, failures: int) -> list[Action]:
        """Note a refusal: it says nothing of the settings, so nothing gets hard by it, however often."""
        ident, last = self._attempt.ident, self._turned_away
        times = 1 if last is None or last.ident != ident else last.failures + 1
        self._turned_away = Verdict(ident, times, is_blamed=False, is_hard=False, reason=reason)
        self.reason, self.hard, self._heard, self._waits_since = reason, False, False, None
        self._rest(State.FAILED)
        self.deadline = self._retry_at = (
            now + self._backoff_s[min(failures + times, len(self._backoff_s)) - 1]
        )
        return self._next_target()

    def _heard_again(self, event: Event, now: float) -> list[Action]:
        self._heard = True
        return []

    def _retry(self, event: Event, now: float) -> list[Action]:
        """Try again, if peers were heard since the rollback and are now; else soon, and it counts nothing."""
        assert isinstance(event, Deadline)
        if self._target is None:
            return self._rest(State.FAILED)
        is_there = self._heard and event.there
        if not (is_there or self._is_shared):  # who switches with others looks for them where they are to be
            self.deadline = self._retry_at = now + HEAR_S
            return []
        return self._stage(Attempt(is_retry=True))

    def _interrupted(self, event: Event, now: float) -> list[Action]:
        assert isinstance(event, Restored)
        known = self._known(event.apply_id)
        if known is not None and known.failures >= event.times:  # the former run saw it fail, and kept more
            return self._stay_failed(known)
        self._attempt = Attempt(ident=event.apply_id, is_outside=True)
        is_blamed, is_hard = (known.is_blamed, known.is_hard) if known is not None else (False, False)
        self.verdict = Verdict(event.apply_id, event.times - 1, is_blamed, is_hard, event.reason)
        return self._fail(event.reason, now, hard=is_hard)


@dataclass(frozen=True, slots=True)
class Step:
    """One cell of the table: what is done, and in which states it can end."""

    act: Callable[[Applier, Event, float], list[Action]]
    then: frozenset[State]


def _step(act: Callable[[Applier, Event, float], list[Action]], *then: State) -> Step:
    return Step(act, frozenset(then))


_FAILING = (State.FAILED, State.STAGED, State.HELD, State.OFF)
_FINISHED = (State.COMMITTED, State.STAGED, State.HELD, State.OFF)
_SWITCHED = (State.IDLE, State.STAGED, State.HELD, State.OFF)

_ROWS: dict[tuple[State, Kind], Step] = {
    (State.IDLE, Kind.TARGET): _step(Applier._begin, State.STAGED),
    (State.IDLE, Kind.RESTORED): _step(Applier._interrupted, *_FAILING),
    (State.COMMITTED, Kind.TARGET): _step(Applier._begin, State.STAGED),
    (State.READY, Kind.TARGET): _step(Applier._begin, State.STAGED),
    (State.FAILED, Kind.TARGET): _step(Applier._begin, State.STAGED),
    (State.FAILED, Kind.CONTACT): _step(Applier._heard_again, State.FAILED),
    (State.FAILED, Kind.DEADLINE): _step(Applier._retry, State.STAGED, State.FAILED),
    (State.HELD, Kind.TARGET): _step(Applier._remember, State.HELD),
    (State.HELD, Kind.RESTORED): _step(Applier._interrupted, State.HELD),
    (State.OFF, Kind.TARGET): _step(Applier._remember, State.OFF),
    (State.OFF, Kind.RESTORED): _step(Applier._interrupted, State.OFF),
    (State.STAGED, Kind.FILES_READ): _step(
        Applier._compute,
        State.STAGED,
        State.READY,
        State.APPLIED,
        State.COMMITTED,
        State.FAILED,
        State.HELD,
        State.OFF,
    ),
    (State.STAGED, Kind.WRITTEN): _step(Applier._await_contact, State.APPLIED),
    (State.STAGED, Kind.RELOAD_FAILED): _step(Applier._reload_failed, State.ROLLING_BACK),
    (State.STAGED, Kind.CHANGED): _step(Applier._again, *_FAILING),
    (State.STAGED, Kind.REFUSED): _step(Applier._refused, State.ROLLING_BACK, State.WAITING, *_FAILING),
    (State.WAITING, Kind.TARGET): _step(Applier._begin, State.STAGED),
    (State.WAITING, Kind.DEADLINE): _step(Applier._look_again, State.STAGED),
    (State.APPLIED, Kind.CONTACT): _step(
        Applier._heard_after_reload, State.APPLIED, State.CONFIRMING, *_FINISHED
    ),
    (State.APPLIED, Kind.SEEN): _step(Applier._seen, State.APPLIED, State.CONFIRMING, *_FINISHED),
    (State.APPLIED, Kind.DEADLINE): _step(
        Applier._look_or_give_up, State.APPLIED, State.ROLLING_BACK, *_FAILING
    ),
    (State.CONFIRMING, Kind.COMMITTED): _step(Applier._finish, *_FINISHED),
    (State.CONFIRMING, Kind.COMMIT_FAILED): _step(Applier._not_final, State.ROLLING_BACK),
    (State.ROLLING_BACK, Kind.ROLLED_BACK): _step(Applier._rolled_back, *_FAILING),
    (State.ROLLING_BACK, Kind.ROLLBACK_FAILED): _step(Applier._retry_rollback_later, State.ROLLING_BACK),
    (State.ROLLING_BACK, Kind.DEADLINE): _step(Applier._retry_rollback, State.ROLLING_BACK),
}
_ROWS |= {(state, Kind.MODE): _step(Applier._switch, state, *_SWITCHED) for state in RESTING}
_ROWS |= {(state, Kind.MODE): _step(Applier._switch, state) for state in set(State) - RESTING}
_ROWS |= {(state, Kind.TARGET): _step(Applier._remember, state) for state in set(State) - RESTING}

TABLE: dict[tuple[State, Kind], Step] = {
    (state, kind): _ROWS.get((state, kind), _step(Applier._stay, state)) for state in State for kind in Kind
}
"""Every state with every kind of event; what has no row of its own changes nothing."""
