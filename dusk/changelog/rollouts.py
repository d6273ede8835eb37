"""Rollouts: a change that reaches devices wave by wave, and what the fold keeps (`specs/rollout.md`).

A device that a rollout has not reached stays where the log was before it (R2: a function of the log
alone). So while one is under way the state keeps, in a section ``former/ID``, what each record was that is
changed from there on. That is hashed and handed on with the checkpoint, as all of the state is. When the
rollout has ended, it goes without a trace, or to the rollout before it, which needs it still.

Only the fold writes ``former/ID`` and the record ``progress``. Waves are opened by entries without a change
(`dusk.changelog.gating`); everything else that becomes of a rollout is signed by people.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from dusk import codec, limits
from dusk.changelog.body import SALT_BYTES, Change, Operation, Value
from dusk.changelog.entry import CHANGE, OutcomeCode, Stamp
from dusk.changelog.kinds import kind_of
from dusk.changelog.sections import SectionKind, parse_path
from dusk.changelog.state import NO_TRACE, Record, RecordWrite, State
from dusk.changelog.verdict import Verdict
from dusk.errors import Refused
from dusk.ids import ChangeId, DeviceId, labelled_hash

ROLLOUT, FORMER = "rollout/", "former/"
PLAN, ORDER, PROGRESS, PART = "plan", "order", "progress", "part/"
TOGETHER, SWITCH = "together", "switch"
OF, WAS = "of", "was/"
GO, HOLD, ABORT, FORCE = "go", "hold", "abort", "force"
DONE = "done"
OPEN_WORD, STOP_WORD = "open", "stop "
SWITCH_WORD, STAY_WORD, BACK_WORD = "switch", "stay", "back "
STAGED, SWITCHED, STAYED = 0, 1, 2
"""How far such a rollout is, in the place of waves that were opened."""
_AT_ONCE = (GO, 0)
_RECORDS = {
    SectionKind.POLICY: ("",),
    SectionKind.ASSIGNMENT: ("to",),
    SectionKind.GROUP: ("",),
    SectionKind.CLUSTER: ("var/", "wrap/", "secrets"),
    SectionKind.DEVICE: ("groups",),
    SectionKind.DEVICE_CONFIG: ("",),
}
"""What the managed config of a device depends on, but for what it says of itself."""
_WHOM = frozenset({SectionKind.ASSIGNMENT, SectionKind.GROUP, SectionKind.DEVICE})


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


class Kept(NamedTuple):
    """What a record was before the first change that an unreached device does not have.

    Attributes:
        data: its value then; None where there was none.
        is_own: whether the rollout itself changed it, and not what came behind.
        after: of an own record that says whom something is for, what the rollout made it; else None.
    """

    section: str
    key: str
    data: bytes | None
    is_own: bool
    after: bytes | None


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


def kept_of(state: State, name: str) -> Iterator[Kept]:
    """Yield what a rollout keeps of records that were changed since it began."""
    for key in state.records(FORMER + name, WAS):
        row = state.value(FORMER + name, key)
        assert row is not None, "records that are listed have values"
        yield Kept(*row)


def waves_of(state: State, name: str) -> dict[str, int]:
    """Return hex id → wave (from 0) of the devices that are named; all others are in the last one."""
    found: dict[str, int] = {}
    for key in state.records(ROLLOUT + name, PART):
        row = state.value(ROLLOUT + name, key)
        assert row is not None, "records that are listed have values"
        found.update(dict.fromkeys((device.hex() for device in row[1]), row[0]))
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
    if len(under_way(state)) >= limits.ROLLOUTS_MAX:
        raise Refused("too-many-rollouts", f"{limits.ROLLOUTS_MAX} rollouts are under way already")


def _check_put_back(state: State, change: Change, name: str) -> None:
    """Check that who aborts a rollout takes back what it brought, as far as nobody has changed that since."""
    (rollout,) = (each for each in under_way(state) if each.id == name)
    written = {(o.section, o.key) for o in change.body.operations}
    for kept in kept_of(state, name):
        record = state.record(kept.section, kept.key)
        stands = record is not None and record.base == rollout.change
        if kept.is_own and stands and (kept.section, kept.key) not in written:
            raise Refused("not-put-back", f"{kept.section} {kept.key}: stays as rollout {name} made it")


def is_kept(section: str, key: str) -> bool:
    """Tell whether a device that waits has a record as it was: its managed config depends on it."""
    prefixes = _RECORDS.get(parse_path(section).kind, ())
    return any(key.startswith(prefix) for prefix in prefixes)


def says_whom(section: str, key: str) -> bool:
    """Tell whether a record says which devices something is for."""
    kind = parse_path(section).kind
    return kind in _WHOM and (kind is not SectionKind.GROUP or key.startswith("member/"))


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
    if verdict.outcome.code is not OutcomeCode.APPLIED or not (running or PLAN in own):
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


def _ordered(state: State, rollout: Rollout, order: Order, keeping: "Keeping") -> list[RecordWrite]:
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


def by_fold(row: Sequence[object], base: ChangeId) -> Record:
    """Return a record that the fold writes: nobody has signed it, so it has no salt of its own."""
    value = Value(bytes(SALT_BYTES), codec.pack(row))
    return Record(value.data, value.hash, base, value.salt)


class Keeping:
    """What is kept for the rollouts under way, while one entry changes it.

    Args:
        state: what the log says before the entry.
        running: the rollouts under way there, the oldest first.
    """

    def __init__(self, state: State, running: Sequence[Rollout]) -> None:
        self._state = state
        self._order = [rollout.id for rollout in running]
        self._changes = {rollout.id: rollout.change for rollout in running}
        self._next = 1 + max((rollout.number for rollout in running), default=0)
        self._written: dict[tuple[str, str], Record] = {}

    def begin(self, name: str, change: ChangeId) -> None:
        """Keep for one more rollout from now on."""
        self._order.append(name)
        self._changes[name] = change
        self._written[FORMER + name, OF] = by_fold((self._next, change), change)

    def end(self, name: str) -> None:
        """Keep nothing for a rollout any more; the one before it needs what that kept."""
        at = self._order.index(name)
        self._order.remove(name)
        before = self._order[at - 1] if at else None
        for key in sorted(self._state.records(FORMER + name)):
            if before is not None and key != OF and self._state.record(FORMER + before, key) is None:
                row = self._state.value(FORMER + name, key)
                assert row is not None, "records that are listed have values"
                passed = Kept(*row)._replace(is_own=False, after=None)
                self._written[FORMER + before, key] = by_fold(passed, self._changes[before])
            self._written[FORMER + name, key] = NO_TRACE

    def keep(self, writes: Sequence[RecordWrite], begun: str) -> None:
        """Keep what records were that an entry writes.

        Args:
            writes: what it writes.
            begun: the rollout that begins with it, if one does.

        Raises:
            Refused: ``rollout-full``.
        """
        if not self._order:
            return
        for write in writes:
            if not is_kept(write.section, write.key) or self._joins(write):
                continue  # a device that joins is what it is, for who waits too
            self._keep_one(write, is_own=self._order[-1] == begun)
            if write.section.startswith("assignment/"):
                self._take_over(write)
        if self._written:  # what was kept before had room
            self._check_room()

    def _keep_one(self, write: RecordWrite, *, is_own: bool) -> None:
        """Keep for the newest rollout what one record was, unless it is kept already."""
        section, key, record = write
        name = self._order[-1]
        place = (FORMER + name, WAS + place_of(section, key))
        if place in self._written or self._state.record(*place) is not None:
            return
        was = self._state.record(section, key)
        after = record.data if is_own and says_whom(section, key) else None
        row = Kept(section, key, None if was is None else was.data, is_own, after)
        self._written[place] = by_fold(row, self._changes[name])

    def _joins(self, write: RecordWrite) -> bool:
        """Tell whether a record is of a device alone that is none before the entry."""
        path = parse_path(write.section)
        if path.kind is SectionKind.GROUP and write.key.startswith("member/"):
            return self._is_new(write.key.removeprefix("member/"))
        return path.kind in (SectionKind.DEVICE, SectionKind.DEVICE_CONFIG) and self._is_new(path.name)

    def _is_new(self, device: str) -> bool:
        return self._state.record(f"device/{device}", "key") is None

    def _take_over(self, write: RecordWrite) -> None:
        """Name who takes a device's place beside it in all that is kept of an assignment."""
        section, key, record = write
        was = self._state.record(section, key)
        before, behind = _listed(None if was is None else was.data), _listed(record.data)
        left, come = before - behind, frozenset(filter(self._is_new, behind - before))
        place = WAS + place_of(section, key)
        for name in self._order if left and come else ():
            kept = self._written.get((FORMER + name, place)) or self._state.record(FORMER + name, place)
            if kept is not None and kept.data is not None:
                row = Kept(*codec.unpack(kept.data, size_max=limits.VALUE_BYTES_MAX))
                row = row._replace(data=_beside(row.data, left, come), after=_beside(row.after, left, come))
                self._written[FORMER + name, place] = by_fold(row, self._changes[name])

    def _check_room(self) -> None:
        """Refuse what would make the state grow without bound while a rollout stands still."""
        kept = {
            (FORMER + name, key): record
            for name in self._order
            for key, record in self._state.records(FORMER + name).items()
        }
        sizes = [
            len(record.data or b"") for record in (kept | self._written).values() if record is not NO_TRACE
        ]
        if len(sizes) > limits.FORMER_RECORDS_MAX or sum(sizes) > limits.FORMER_BYTES_MAX:
            raise Refused("rollout-full", "too much waits behind rollouts: end one by abort or force")
        if max(sizes, default=0) > limits.VALUE_BYTES_MAX:
            raise Refused("rollout-full", "a value this long cannot change while a rollout is under way")

    def writes(self) -> list[RecordWrite]:
        """Return what changes of what is kept."""
        return [RecordWrite(section, key, record) for (section, key), record in self._written.items()]


def _listed(data: bytes | None) -> frozenset[str]:
    """Return the devices that an assignment names, if it is to devices."""
    to, names, _priority = ("", (), 0) if data is None else codec.unpack(data, size_max=len(data))
    return frozenset(names if to == "devices" else ())


def _beside(data: bytes | None, left: AbstractSet[str], come: AbstractSet[str]) -> bytes | None:
    """Return an assignment that names some devices beside those whose places they take."""
    listed = _listed(data)
    if data is None or listed.isdisjoint(left):
        return data
    to, _names, priority = codec.unpack(data, size_max=len(data))
    return codec.pack((to, sorted(listed | come), priority))


def place_of(section: str, key: str) -> str:
    """Return under which name a record is kept."""
    return labelled_hash(b"dusk.former", section.encode(), b"\0", key.encode())[:16].hex()


def _row(value: Value | None) -> list[Any]:
    assert value is not None, "it was looked at"
    return codec.unpack(value.data, size_max=limits.VALUE_BYTES_MAX)
