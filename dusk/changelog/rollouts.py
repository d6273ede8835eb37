"""Rollouts: a change that reaches devices wave by wave (`specs/rollout.md`).

A device that a rollout has not reached stays where the log was before it (R2: a function of the log
alone). So while one is under way the state keeps what each record was that is changed from there on
(`dusk.changelog.former`). That is hashed and handed on with the checkpoint, as all of the state is.

Only the fold writes that and the records ``progress`` and ``switch``. Waves are opened by entries without
a change (`dusk.changelog.gating`); everything else that becomes of a rollout is signed by people.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from dusk import codec, limits
from dusk.changelog.body import Change, Operation, Value
from dusk.changelog.entry import CHANGE, OutcomeCode, Stamp
from dusk.changelog.former import (
    FORMER,
    OF,
    PART,
    ROLLOUT,
    Keeping,
    by_fold,
    check_returns,
    is_kept,
    kept_of,
)
from dusk.changelog.kinds import kind_of
from dusk.changelog.state import RecordWrite, State
from dusk.changelog.verdict import Verdict
from dusk.errors import Refused
from dusk.ids import ChangeId, DeviceId

PLAN, ORDER, PROGRESS = "plan", "order", "progress"
TOGETHER, SWITCH = "together", "switch"
GO, HOLD, ABORT, FORCE = "go", "hold", "abort", "force"
DONE = "done"
OPEN_WORD, STOP_WORD = "open", "stop "
SWITCH_WORD, STAY_WORD, BACK_WORD = "switch", "stay", "back "
STAGED, SWITCHED, STAYED = 0, 1, 2
"""How far such a rollout is, in the place of waves that were opened."""
_AT_ONCE = (GO, 0)


class Plan(NamedTuple):
    """What was signed: how many waves there are, and how many devices may fail before it stops.

    Attributes:
        together: whether all of the one wave switch in one moment.
    """

    waves: int
    failures_max: int
    together: bool = False


class Order(NamedTuple):
    """What a person said last.

    Attributes:
        word: `GO`, `HOLD`, `ABORT` or `FORCE`.
        not_before_s: of `GO`, the time before which nothing begins; 0 for none.
        failures_max: of `GO`, how many devices may fail from now on; None: as the plan says.
    """

    word: str
    not_before_s: int
    failures_max: int | None


class Progress(NamedTuple):
    """How far it is.

    Attributes:
        opened: waves that have begun; of one by which all switch together `STAGED`, `SWITCHED` or `STAYED`.
        ended: `DONE`, `ABORT` or `FORCE`; empty while it is under way.
        stopped_by: hex id of the device for whose failure it stands still, or empty.
    """

    opened: int
    ended: str
    stopped_by: str


class Rollout(NamedTuple):
    """One that is under way; ``number`` says which began first, ``change`` is the one that is rolled out."""

    id: str
    number: int
    change: ChangeId
    plan: Plan
    order: Order
    progress: Progress

    @property
    def runs(self) -> bool:
        """Whether gates may open or close anything."""
        return self.order.word == GO and not self.progress.stopped_by

    @property
    def is_halfway(self) -> bool:
        """Whether all were told to switch: that is brought to an end also where a person says hold."""
        return self.plan.together and self.progress.opened != STAGED

    @property
    def is_final(self) -> bool:
        """Whether who has it may keep it: of those that switch together only once most of them did."""
        return not self.plan.together or self.progress.opened == STAYED

    @property
    def failures_max(self) -> int:
        """How many devices may fail before it stops."""
        return self.plan.failures_max if self.order.failures_max is None else self.order.failures_max


# --- reading -------------------------------------------------------------------------------------


def under_way(state: State) -> tuple[Rollout, ...]:
    """Return the rollouts that have not ended, the oldest first."""
    found = (_read(state, path.removeprefix(FORMER)) for path in state.sections(FORMER))
    return tuple(sorted(found, key=lambda rollout: rollout.number))


def _read(state: State, name: str) -> Rollout:
    row = state.value(FORMER + name, OF)
    plan, progress = plan_of(state, name), progress_of(state, name)
    assert row is not None, "the fold writes both"
    assert plan is not None, "the fold writes both"
    return Rollout(name, row[0], ChangeId(row[1]), plan, order_of(state, name), progress)


def plan_of(state: State, name: str) -> Plan | None:
    """Return the plan of a rollout, also of one that has ended; None where there never was one."""
    row = state.value(ROLLOUT + name, PLAN)
    together = state.record(ROLLOUT + name, TOGETHER) is not None
    return None if row is None else Plan(row[0], row[1], together)


def order_of(state: State, name: str) -> Order:
    """Return what a person said of a rollout last; who said nothing let it go."""
    row = state.value(ROLLOUT + name, ORDER)
    return Order(GO, 0, None) if row is None else Order(*row)


def progress_of(state: State, name: str) -> Progress:
    """Return how far a rollout is, or was when it ended."""
    row = state.value(ROLLOUT + name, PROGRESS)
    assert row is not None, "each that has a plan has it"
    return Progress(row[0], row[1], row[2])


def switched_by(state: State, name: str) -> DeviceId | None:
    """Return who led when all were last told to switch together; None if they never were."""
    row = state.value(ROLLOUT + name, SWITCH)
    return None if row is None else DeviceId(row[0])


def waves_of(state: State, name: str) -> dict[str, int]:
    """Return hex id → wave (from 0) of the devices that are named; all others are in the last one."""
    parts = (record.data for record in state.records(ROLLOUT + name, PART).values())
    return waves_in(data for data in parts if data is not None)


def waves_in(parts: Iterable[bytes]) -> dict[str, int]:
    """Return the same of the values of such records."""
    found: dict[str, int] = {}
    for data in parts:
        wave, devices = codec.unpack(data, size_max=limits.VALUE_BYTES_MAX)
        found.update(dict.fromkeys((device.hex() for device in devices), wave))
    return found


# --- what a change does to rollouts --------------------------------------------------------------


def check_rollouts(state: State, change: Change, stamp: Stamp) -> None:
    """Check what a change does to rollouts, before its authority is looked at.

    Raises:
        Refused: ``bad-value``, ``too-many-rollouts``, ``rollout-over``, ``not-put-back``, or
            ``clock-unknown`` where a time is given to a writer that knows none (R11).
    """
    pairs = list(zip(change.body.operations, change.values, strict=True))
    own = [(o, v) for o, v in pairs if o.section.startswith((ROLLOUT, FORMER))]
    if not own:
        return
    sections = {o.section for o, _ in own}
    if len(sections) != 1 or any(v is None or _is_of_fold(o) for o, v in own):
        raise Refused("bad-value", "a change is about one rollout, and takes nothing of it away")
    name, values = sections.pop().removeprefix(ROLLOUT), {o.key: v for o, v in own}
    if ORDER in values and _row(values[ORDER])[1] and not stamp.clock_trusted:
        raise Refused("clock-unknown", f"rollout {name}: who leads has no clock to start it by")
    if PLAN in values:
        _check_begun(state, change, name, values)
    elif set(values) != {ORDER}:
        raise Refused("bad-value", f"rollout {name}: its waves stand in the change that begins it")
    elif not state.records(FORMER + name):
        raise Refused("rollout-over", f"rollout {name} has ended, or never was")
    elif _row(values[ORDER])[0] == ABORT:
        _check_put_back(state, change, name)


def _is_of_fold(operation: Operation) -> bool:
    return operation.section.startswith(FORMER) or operation.key in (PROGRESS, SWITCH)


def _check_begun(state: State, change: Change, name: str, values: dict[str, Value | None]) -> None:
    if state.record(ROLLOUT + name, PLAN) is not None or kind_of(change) is not CHANGE:
        raise Refused("bad-value", f"rollout {name}: begun once, by a change of settings")
    if not any(is_kept(o.section, o.key) for o in change.body.operations):
        raise Refused("bad-value", f"rollout {name}: there is nothing to roll out")
    waves, named = _row(values[PLAN])[0], list[bytes]()
    if TOGETHER in values and waves != 1:
        raise Refused("bad-value", f"rollout {name}: who switch together are one wave")
    for key, value in values.items():
        if key.startswith(PART):
            wave, devices = _row(value)
            named += devices
            if wave >= waves:
                raise Refused("bad-value", f"rollout {name}: there is no wave {wave + 1}")
    if len(set(named)) != len(named):
        raise Refused("bad-value", f"rollout {name}: a device in two waves")
    if ORDER in values and _row(values[ORDER])[0] in (ABORT, FORCE):
        raise Refused("bad-value", f"rollout {name}: it cannot end as it begins")
    check_returns(state, change.body.operations)
    if len(under_way(state)) >= limits.ROLLOUTS_MAX:
        raise Refused("too-many-rollouts", f"{limits.ROLLOUTS_MAX} rollouts are under way already")


def _check_put_back(state: State, change: Change, name: str) -> None:
    """Check that who aborts a rollout takes back what it brought, as far as nobody has changed that since."""
    (rollout,) = (each for each in under_way(state) if each.id == name)
    written = {(o.section, o.key) for o in change.body.operations}
    for kept in kept_of(state, name):
        record = state.record(kept.section, kept.key)
        stands = record is not None and record.base == rollout.change
        if stands and (kept.section, kept.key) not in written:
            raise Refused("not-put-back", f"{kept.section} {kept.key}: stays as rollout {name} made it")


def followed(state: State, change: Change, verdict: Verdict) -> Verdict:
    """Return a verdict with what the fold itself does to rollouts behind a change that counts.

    Args:
        state: what the log says before it.
        change: it was checked.
        verdict: what it does.

    Raises:
        Refused: ``rollout-full``: more waits behind rollouts than is kept.
    """
    running = under_way(state)
    own = {o.key: (o.section, v) for o, v in _about(change)}
    if verdict.outcome.code is not OutcomeCode.APPLIED:
        return verdict
    keeping = Keeping(state, running)
    writes: list[RecordWrite] = []
    begun = ""
    if PLAN in own:
        begun = own[PLAN][0].removeprefix(ROLLOUT)
        writes.append(progress_write(begun, Progress(_at_once(own), "", ""), change.id))
        keeping.begin(begun, change.id)
    elif ORDER in own:
        rollout = next(each for each in running if ROLLOUT + each.id == own[ORDER][0])
        writes += _ordered(state, rollout, Order(*_row(own[ORDER][1])), keeping)
    keeping.keep(verdict.writes, begun)
    return verdict._replace(writes=(*verdict.writes, *writes, *keeping.writes()))


def _about(change: Change) -> Iterator[tuple[Operation, Value | None]]:
    pairs = zip(change.body.operations, change.values, strict=True)
    return ((o, v) for o, v in pairs if o.section.startswith(ROLLOUT))


def _at_once(own: dict[str, tuple[str, Value | None]]) -> int:
    """Return how many waves begin with the change itself: the first, unless a person or a time begins.

    Those that switch together stage it first.
    """
    if TOGETHER in own:
        return STAGED
    return int(ORDER not in own or tuple(_row(own[ORDER][1])[:2]) == _AT_ONCE)


def _ordered(state: State, rollout: Rollout, order: Order, keeping: Keeping) -> list[RecordWrite]:
    opened, _, stopped_by = rollout.progress
    if order.word in (ABORT, FORCE):
        keeping.end(rollout.id)
        after = Progress(opened, order.word, stopped_by)
    elif order.word == HOLD:
        return []
    else:
        begins = not (order.not_before_s or rollout.plan.together)
        after = Progress(max(opened, 1) if begins else opened, "", "")
    return [progress_write(rollout.id, after, base_of(state, rollout.id))]


def progress_write(name: str, progress: Progress, base: ChangeId) -> RecordWrite:
    """Return what the fold writes of how far a rollout is."""
    return RecordWrite(ROLLOUT + name, PROGRESS, by_fold(progress, base))


def base_of(state: State, name: str) -> ChangeId:
    """Return the change that began a rollout: the base of all that the fold writes of it."""
    record = state.record(ROLLOUT + name, PLAN)
    assert record is not None, "it has a plan"
    return record.base


def _row(value: Value | None) -> list[Any]:
    assert value is not None, "it was looked at"
    return codec.unpack(value.data, size_max=limits.VALUE_BYTES_MAX)
