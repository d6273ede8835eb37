"""What all routers of a forecast share, as they would each have the same: verified logs, and disks.

Equal heads mean equal logs and states (R2), so one object stands for all who are there: its
*snapshot*. A snapshot is never changed. Who takes entries gets the snapshot behind them; the first
one there makes it, by a copy that shares what the entries do not touch and by `Log.extend` itself,
so each choice of snapshot and bytes is verified by the real log, once. Who writes has a log of its own.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, MutableSequence, Sequence
from dataclasses import fields, is_dataclass
from functools import wraps
from types import FunctionType, MethodType
from typing import Any, TypeVar, overload
from weakref import WeakValueDictionary

from dusk.changelog.entry import SignedHead
from dusk.changelog.log import Log
from dusk.changelog.state import State, Undo
from dusk.effects import ItemKind, LogItem
from dusk.ids import Head
from dusk.sim.disk import Disk

T = TypeVar("T")

WRITES = (
    "give_up",
    "leave",
    "restore",
    "retake",
    "signed",
    "stay",
    "take_certificate",
    "witness",
    "write_change",
    "write_genesis",
    "write_expiry",
    "write_gate",
    "write_handover",
    "write_open",
    "write_stranded",
)
"""Methods of a log, besides `extend`, that change it."""


class _Branch(State):
    """A state whose sections are those of another one until it writes to them."""

    _own: set[str]

    def _section(self, path: str) -> Any:  # noqa: ANN401 - sections are the state's own matter
        held = super()._section(path)
        if path not in self._own:
            self._own.add(path)
            held = self._sections[path] = _rebuilt(held, dict)
        return held

    def undo(self, undo: Undo) -> None:
        """Take one `take` back; undo them newest first."""
        for section, _, _ in undo.records:
            self._section(section)
        super().undo(undo)


def _rebuilt(value: Any, copied: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - any dataclass
    """Return a dataclass of the same fields, its dictionaries copied."""
    made = object.__new__(type(value))
    for field in fields(value):
        held = getattr(value, field.name)
        setattr(made, field.name, copied(held) if isinstance(held, dict) else held)
    return made


def fork(log: Log) -> Log:
    """Return a log that says the same and goes its own way; the other is not to be changed any more."""
    made: Log = _Fork().copied(log)
    return made


class _Fork:
    """Copies what can change, all the way down, and shares what cannot, and sections.

    The values of one dictionary, or list, are all of one kind.
    """

    def __init__(self) -> None:
        self._made: dict[int, Any] = {}

    def copied(self, value: Any) -> Any:  # noqa: ANN401 - whatever a log is made of
        """Return a copy, the same one for the same object."""
        if not _can_change(value):
            return value
        if id(value) not in self._made:
            self._copy(value)
        return self._made[id(value)]

    def _copy(self, value: Any) -> None:  # noqa: ANN401 - whatever a log is made of
        made: Any
        if isinstance(value, MethodType):
            made = MethodType(value.__func__, self.copied(value.__self__))
        elif isinstance(value, dict):
            made = {key: self.copied(held) for key, held in value.items()} if _is_deep(value) else dict(value)
        elif isinstance(value, list | set | deque):
            made = type(value)(map(self.copied, value)) if _is_deep(value) else value.copy()
        else:
            self._copy_object(value)
            return
        self._made[id(value)] = made

    def _copy_object(self, value: Any) -> None:  # noqa: ANN401 - whatever a log is made of
        kind = type(value)
        is_state, is_log = isinstance(value, State), isinstance(value, Log)
        made = object.__new__(_Branch if is_state else Log if is_log else kind)
        self._made[id(value)] = made
        if is_dataclass(value):
            for field in fields(value):
                setattr(made, field.name, self.copied(getattr(value, field.name)))
            return
        held = dict(vars(value))
        if is_state:
            vars(made).update(
                _sections=dict(held.pop("_sections")), _own=set(), of_members=held["of_members"]
            )
            del held["of_members"]
            held.pop("_own", None)
        held.pop("_snapshot", None)
        vars(made).update({name: self.copied(part) for name, part in held.items()})


def _is_deep(values: Iterable[Any]) -> bool:
    of_dict = values.values() if isinstance(values, dict) else values
    return _can_change(next(iter(of_dict), None))


def _can_change(value: object) -> bool:
    if isinstance(value, dict | list | set | deque | MethodType):
        return True
    if isinstance(value, FunctionType | type | tuple):
        return False
    if is_dataclass(value):
        return type(value).__setattr__ is object.__setattr__  # a frozen one has its own, which refuses
    return hasattr(value, "__dict__")


class Snapshot:
    """A verified log that does not change any more.

    Args:
        all_of_them: the snapshots of this forecast.
        log: it.
    """

    def __init__(self, all_of_them: "Snapshots", log: Log) -> None:
        self.log = log
        self._all = all_of_them
        self._behind: dict[tuple[LogItem, ...], tuple[tuple[LogItem, ...], Snapshot]] = {}

    def extended(self, items: tuple[LogItem, ...]) -> tuple[tuple[LogItem, ...], "Snapshot"]:
        """Return which of these items the log takes, and the snapshot behind them.

        Raises:
            UntrustedInput: as `Log.extend`.
        """
        found = self._behind.get(items)
        if found is None:
            self._all.verified += 1
            log = fork(self.log)
            taken = log.extend(items)
            found = self._behind[items] = (taken, self._all.of(log))
        return found


class Snapshots:
    """All logs that somebody is at: at most one for each signed head."""

    def __init__(self) -> None:
        self.verified = 0
        """How often `Log.extend` was called: it does not grow with the number of routers."""
        self._known: WeakValueDictionary[tuple[Head, SignedHead | None], Snapshot] = WeakValueDictionary()

    def of(self, log: Log) -> Snapshot:
        """Return the snapshot that says what a log says, which nobody changes from now on."""
        key = log.head, log.newest
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = Snapshot(self, log)
        return known


class Replica(Log):
    """One router's log: the snapshot that it is at, until it writes.

    Its own attributes are those of the snapshot's log, so all that reads works as it is; what
    writes makes the log its own first.

    Args:
        snapshot: where it begins.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot: Snapshot | None = None
        self._be_at(snapshot)

    def _be_at(self, snapshot: Snapshot) -> None:
        vars(self).clear()
        vars(self).update(vars(snapshot.log), _snapshot=snapshot)

    def be_own(self) -> None:
        """Make the log its own."""
        if self._snapshot is not None:
            made = fork(self)
            vars(self).clear()
            vars(self).update(vars(made), _snapshot=None)

    def extend(self, items: Sequence[LogItem]) -> tuple[LogItem, ...]:
        """Verify outside items and take those that a signed head among them covers.

        Raises:
            UntrustedInput: as `Log.extend`.
        """
        if self._snapshot is None:
            return super().extend(items)
        taken, snapshot = self._snapshot.extended(tuple(items))
        self._be_at(snapshot)
        return taken


def _owning(name: str) -> Callable[..., Any]:
    method: Callable[..., Any] = getattr(Log, name)

    @wraps(method)
    def write(self: Replica, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - those of the method
        self.be_own()
        return method(self, *arguments, **named)

    return write


for _name in WRITES:
    setattr(Replica, _name, _owning(_name))


class _Tail(MutableSequence[T]):
    """Values of which the first are shared; all are its own once one of those is to change."""

    def __init__(self, shared: tuple[T, ...]) -> None:
        self._shared, self._own = shared, list[T]()

    def __len__(self) -> int:
        return len(self._shared) + len(self._own)

    def __iter__(self) -> Iterator[T]:
        yield from self._shared
        yield from self._own

    @overload
    def __getitem__(self, at: int) -> T: ...

    @overload
    def __getitem__(self, at: slice) -> MutableSequence[T]: ...

    def __getitem__(self, at: int | slice) -> T | MutableSequence[T]:
        if isinstance(at, slice):
            first, end, step = at.indices(len(self))
            behind = len(self._shared)
            if first >= behind:
                return self._own[first - behind : end - behind : step]
            return [*self._shared, *self._own][at]
        at = range(len(self))[at]
        return self._shared[at] if at < len(self._shared) else self._own[at - len(self._shared)]

    def _flatten(self) -> list[T]:
        self._own, self._shared = [*self._shared, *self._own], ()
        return self._own

    def __setitem__(self, at: Any, item: Any) -> None:  # noqa: ANN401 - an item, or several
        self._flatten()[at] = item

    def __delitem__(self, at: int | slice) -> None:
        del self._flatten()[at]

    def insert(self, at: int, item: T) -> None:
        """Put an item before a place."""
        self._flatten().insert(at, item)

    def append(self, item: T) -> None:
        """Put an item at the end."""
        self._own.append(item)

    def clear(self) -> None:
        """Forget all."""
        self._shared, self._own = (), []


class Flash(Disk):
    """A disk whose first items are also on all the others.

    Args:
        items, starts: `Disk.shared` of one that has them.
    """

    def __init__(self, items: tuple[LogItem, ...], starts: tuple[int, ...]) -> None:
        super().__init__()
        self._ready = len(items)
        self._written, self.items, self._starts = _Tail(items), _Tail(items), _Tail(starts)

    def recover(self) -> int:
        """Cut what no signed head covers; most disks have nothing to cut, which their last item shows.

        Returns:
            How many items were cut.
        """
        is_clean = not self.branches and self._written[-1].kind is ItemKind.HEAD
        if is_clean and not any(item.kind is ItemKind.REWIND for item in self._written[self._ready :]):
            return 0
        return super().recover()
