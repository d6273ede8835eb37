"""What the state keeps while rollouts are under way: what records were (`specs/rollout.md`, section 2).

A device that a rollout has not reached stays where the log was before it, so each record that is changed
from there on is kept as it was, in a section ``former/ID``. What is kept goes without a trace when the
rollout ends, or to the rollout before it, which needs it still; and so do the waves, which nobody asks for
any more. Only the fold writes here.
"""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, Protocol

from dusk import codec, limits
from dusk.changelog.body import SALT_BYTES, Operation, Value
from dusk.changelog.sections import SectionKind, parse_path
from dusk.changelog.selector import SELECT
from dusk.changelog.state import NO_TRACE, Record, RecordWrite, State
from dusk.errors import Refused
from dusk.ids import ChangeId, labelled_hash

ROLLOUT, FORMER = "rollout/", "former/"
PART, OF, WAS = "part/", "of", "was/"
_OPERATION_BYTES = 128
"""What an operation takes in a change besides section, key and value, and then some."""
_RECORDS = {
    SectionKind.POLICY: ("",),
    SectionKind.ASSIGNMENT: ("to", "local"),
    SectionKind.GROUP: ("",),
    SectionKind.CLUSTER: ("var/", "wrap/", "secrets"),
    SectionKind.DEVICE: ("groups",),
    SectionKind.DEVICE_CONFIG: ("",),
}
"""What the managed config of a device depends on, but for what it says of itself."""
_WHOM = frozenset({SectionKind.ASSIGNMENT, SectionKind.GROUP, SectionKind.DEVICE})


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


def kept_of(state: State, name: str) -> Iterator[Kept]:
    """Yield what a rollout keeps of records that were changed since it began."""
    for key in state.records(FORMER + name, WAS):
        row = state.value(FORMER + name, key)
        assert row is not None, "records that are listed have values"
        yield Kept(*row)


def is_kept(section: str, key: str) -> bool:
    """Tell whether a device that waits has a record as it was: its managed config depends on it."""
    prefixes = _RECORDS.get(parse_path(section).kind, ())
    return any(key.startswith(prefix) for prefix in prefixes)


def says_whom(section: str, key: str) -> bool:
    """Tell whether a record says which devices something is for."""
    kind = parse_path(section).kind
    return kind in _WHOM and (kind is not SectionKind.GROUP or key == SELECT or key.startswith("member/"))


def check_returns(state: State, operations: Iterable[Operation]) -> None:
    """Check that one change could put back all that a rollout is about to change: who aborts it has one.

    Args:
        state: what the log says before it.
        operations: of the change that begins it.

    Raises:
        Refused: ``rollout-full``.
    """
    size = 0
    for operation in operations:
        if is_kept(operation.section, operation.key):
            was = state.record(operation.section, operation.key)
            size += len(operation.section.encode()) + len(operation.key.encode()) + _OPERATION_BYTES
            size += 0 if was is None else len(was.data or b"")
    if size > limits.PUT_BACK_BYTES_MAX:
        raise Refused("rollout-full", "too much to put back by one change: roll it out in parts")


class Running(Protocol):
    """A rollout under way, as far as something is kept for it."""

    @property
    def id(self) -> str:
        """Its name below `ROLLOUT`."""

    @property
    def number(self) -> int:
        """Which began first."""

    @property
    def change(self) -> ChangeId:
        """The one that is rolled out."""


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

    def __init__(self, state: State, running: Sequence[Running]) -> None:
        self._state = state
        self._order = [rollout.id for rollout in running]
        self._changes = {rollout.id: rollout.change for rollout in running}
        self._next = 1 + max((rollout.number for rollout in running), default=0)
        self._written: dict[tuple[str, str], Record] = {}
        self._ended: list[RecordWrite] = []

    def begin(self, name: str, change: ChangeId) -> None:
        """Keep for one more rollout from now on."""
        self._order.append(name)
        self._changes[name] = change
        self._written[FORMER + name, OF] = by_fold((self._next, change), change)

    def end(self, name: str) -> None:
        """Keep nothing for a rollout any more; the one before it needs what that kept, nobody its waves."""
        parts = self._state.records(ROLLOUT + name, PART)
        self._ended += [RecordWrite(ROLLOUT + name, key, NO_TRACE) for key in sorted(parts)]
        at = self._order.index(name)
        self._order.remove(name)
        before = self._order[at - 1] if at else None
        for key in sorted(self._state.records(FORMER + name)):
            if before is not None and self._state.record(FORMER + before, key) is None:
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
        if write.key.startswith("member/"):
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
        own = {FORMER + name for name in self._order}
        written = {place: record for place, record in self._written.items() if place[0] in own}
        former = [self._state.record(*place) for place in written]
        sizes = [self._state.size(section) for section in own]
        count = sum(size.records for size in sizes) + former.count(None)
        size_bytes = sum(size.data_bytes for size in sizes)
        size_bytes += sum(len(record.data or b"") for record in written.values())
        size_bytes -= sum(len(record.data or b"") for record in former if record is not None)
        if count > limits.FORMER_RECORDS_MAX or size_bytes > limits.FORMER_BYTES_MAX:
            raise Refused("rollout-full", "too much waits behind rollouts: end one by abort or force")
        if any(len(record.data or b"") > limits.VALUE_BYTES_MAX for record in written.values()):
            raise Refused("rollout-full", "a value this long cannot change while a rollout is under way")

    def writes(self) -> list[RecordWrite]:
        """Return what changes of what is kept, and of the waves of what ends."""
        kept = [RecordWrite(section, key, record) for (section, key), record in self._written.items()]
        return [*self._ended, *kept]


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
