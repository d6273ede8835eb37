"""Up to where the log counts for a device: rollouts keep changes from it until they reach it (R2).

A device waits for the oldest rollout that concerns it and has not reached it. For it the log ends before
that rollout, whatever stands behind. Concerned is whoever had, or got, anything of what the rollout
changes, as it was signed: who is given such a thing later by another change has it by that, and nobody
ever falls back to an earlier position. Who joins meanwhile counts as if it had been there.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from dusk.changelog.body import Edit
from dusk.changelog.former import FORMER, Kept, kept_of, says_whom
from dusk.changelog.overlay import Overlay
from dusk.changelog.rollouts import Rollout, under_way, waves_of
from dusk.changelog.sections import SectionKind, device_path, parse_path
from dusk.changelog.state import State
from dusk.changelog.views import Sections, groups_in_effect
from dusk.ids import ChainHash, ChangeId, DeviceId, Head, Seq


class Positions(Protocol):
    """A log, as far as it says where things stand."""

    @property
    def state(self) -> State:
        """What the log says at its head."""

    @property
    def head(self) -> Head:
        """Its newest entry."""

    def head_at(self, seq: int) -> Head | None:
        """Return the head that it had at a position; None where it does not know of which epoch that was."""

    def chain_at(self, seq: int) -> ChainHash | None:
        """Return the chain hash at a position, also at one below its checkpoint."""

    def position_of(self, change: ChangeId) -> Seq | None:
        """Return where a change stands."""


class Released(NamedTuple):
    """What counts for a device.

    Attributes:
        store: the datastore there, for reading.
        head: the position.
        rollout: the id of what it waits for, None where the whole log counts.
    """

    store: State | Overlay
    head: Head
    rollout: str | None


class Waits:
    """Who waits for which rollout, in one state; what is asked of many devices is read once.

    Args:
        state: what the log says; as long as it says that, this is true.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.rollouts = under_way(state)
        self._kept_hashes = [(each.id, state.section_hash(FORMER + each.id)) for each in self.rollouts]
        self._kept: dict[str, tuple[Kept, ...]] = {}
        self._waves: dict[str, dict[str, int]] = {}
        self._views: dict[str, Overlay] = {}
        self._whom: dict[str, tuple[tuple[Sections, _Whom], ...]] = {}
        self._concerned: dict[tuple[str, DeviceId], bool] = {}

    def moved(self, state: State) -> "Waits":
        """Return the same of a state at another head.

        What was read of what is kept is read anew only if that has changed: entries of facts and gates that
        end nothing leave it as it is. Who is in which group is looked up anew.
        """
        moved = Waits(state)
        if state is self._state and moved._kept_hashes == self._kept_hashes:
            moved._kept, moved._waves, moved._views = self._kept, self._waves, self._views
            moved._whom = self._whom
        return moved

    def before(self, rollout: Rollout) -> Overlay:
        """Return the datastore as it was before a rollout: what was kept since, the oldest of each record."""
        if rollout.id not in self._views:
            self._views[rollout.id] = Overlay(self._state, self._edits_before(rollout))
        return self._views[rollout.id]

    def _edits_before(self, rollout: Rollout) -> list[Edit]:
        later = [each for each in self.rollouts if each.number >= rollout.number]
        kept = [one for each in reversed(later) for one in self._kept_for(each)]
        return [Edit(one.section, one.key, one.data, None) for one in kept]

    def _kept_for(self, rollout: Rollout) -> Sequence[Kept]:
        """Return what a rollout keeps, read when somebody wants it: most devices wait for nothing."""
        if rollout.id not in self._kept:
            self._kept[rollout.id] = tuple(kept_of(self._state, rollout.id))
        return self._kept[rollout.id]

    def wave_of(self, rollout: Rollout, device: DeviceId) -> int:
        """Return in which wave a device is, from 0; the last one has all that are not named."""
        if rollout.id not in self._waves:
            self._waves[rollout.id] = waves_of(self._state, rollout.id)
        return self._waves[rollout.id].get(device.hex(), rollout.plan.waves - 1)

    def has_reached(self, rollout: Rollout, device: DeviceId) -> bool:
        """Tell whether the wave of a device was opened."""
        return self.wave_of(rollout, device) < rollout.progress.opened

    def concerns(self, rollout: Rollout, device: DeviceId) -> bool:
        """Tell whether a device had, or got, anything of what a rollout changes."""
        if (rollout.id, device) not in self._concerned:
            self._concerned[rollout.id, device] = self._is_concerned(rollout, device)
        return self._concerned[rollout.id, device]

    def _is_concerned(self, rollout: Rollout, device: DeviceId) -> bool:
        if rollout.id not in self._whom:
            self._whom[rollout.id] = tuple(self._whom_of(rollout))
        return any(whom.has(store, device) for store, whom in self._whom[rollout.id])

    def _whom_of(self, rollout: Rollout) -> Iterator[tuple[Sections, "_Whom"]]:
        """Yield the datastore right before a rollout and the one right behind it, and whom it concerns there.

        Of the one behind it only what says whom something is for is as it was then.
        """
        own = [one for one in self._kept_for(rollout) if one.is_own]
        said = [Edit(one.section, one.key, one.after, None) for one in own if says_whom(*one[:2])]
        behind = Overlay(self._state, [*self._edits_before(rollout), *said])
        for store in (self.before(rollout), behind):
            yield store, _Whom.of(store, {one.section for one in own})

    def of(self, device: DeviceId) -> Rollout | None:
        """Return what a device waits for; a removed one waits for nothing."""
        return next(self._waiting(device), None)

    def staged(self, device: DeviceId) -> tuple[Rollout, Rollout | None] | None:
        """Return what a device is to switch to together with others, and what it would wait for then.

        None: what it waits for, if anything, comes wave by wave.
        """
        waiting = self._waiting(device)
        first = next(waiting, None)
        return None if first is None or not first.plan.together else (first, next(waiting, None))

    def _waiting(self, device: DeviceId) -> Iterator[Rollout]:
        if not self.rollouts or self._state.value(device_path(device), "retired") is not None:
            return iter(())
        return (r for r in self.rollouts if not self.has_reached(r, device) and self.concerns(r, device))

    def switches(self, device: DeviceId) -> tuple[Rollout, ...]:
        """Return the rollouts that a device may not keep yet: most of those that switch together have to."""
        return tuple(r for r in self.rollouts if not r.is_final and self.concerns(r, device))


class _Whom(NamedTuple):
    """Whose managed config depends on some sections: everybody's, of some devices, or of some groups."""

    is_all: bool
    devices: frozenset[str]
    groups: frozenset[str]

    @classmethod
    def of(cls, store: Sections, sections: Iterable[str]) -> "_Whom":
        """Read that from a datastore, once for all devices: a policy may have thousands of settings."""
        is_all, devices, groups = False, set[str](), set[str]()
        for path in map(parse_path, sections):
            if path.kind in (SectionKind.DEVICE, SectionKind.DEVICE_CONFIG):
                devices.add(path.name)
            elif path.kind is SectionKind.GROUP:
                groups.add(path.name)
            elif path.kind is SectionKind.CLUSTER:
                is_all = True
            else:
                for key in ("to", "local"):  # who has a policy, and who is given back what it said
                    to, names, _priority = store.value(f"assignment/{path.name}", key) or ("devices", (), 0)
                    is_all = is_all or to == "all"
                    (groups if to == "groups" else devices).update(names)
        return cls(is_all, frozenset(devices), frozenset(groups))

    def has(self, store: Sections, device: DeviceId) -> bool:
        """Tell whether a device is among them, in the groups in which that datastore has it."""
        if self.is_all or device.hex() in self.devices:
            return True
        return bool(self.groups) and not self.groups.isdisjoint(groups_in_effect(store, device))


def released(log: Positions, device: DeviceId, waits: Waits | None = None) -> Released:
    """Return what counts for a device at a log's head.

    Args:
        log: the log.
        device: any device.
        waits: what was read of the log's state already.
    """
    waits = waits or Waits(log.state)
    rollout = waits.of(device)
    if rollout is None:
        return Released(log.state, log.head, None)
    return Released(waits.before(rollout), head_before(log, rollout), rollout.id)


def staged(log: Positions, device: DeviceId, waits: Waits) -> Released | None:
    """Return what would count for a device if all switched now that it waits to switch with.

    It stages that, says whether it is ready, and may read the secrets of it (`specs/rollout.md`, section 5).

    Args:
        log: the log.
        device: any device.
        waits: what was read of the log's state.

    Returns:
        None where it waits for no such switch.
    """
    found = waits.staged(device)
    if found is None:
        return None
    ready_for, behind = found
    if behind is None:
        return Released(log.state, log.head, ready_for.id)
    return Released(waits.before(behind), head_before(log, behind), ready_for.id)


def head_before(log: Positions, rollout: Rollout) -> Head:
    """Return the head that a log had right before a rollout began.

    A log that stands on a checkpoint knows the epoch of that alone. What was opened before has epoch 0
    there; position and chain hash, which are all that is told of it, are the same for everybody (R2).
    """
    began = log.position_of(rollout.change)
    assert began is not None, "its change stands in the log"
    seq = Seq(began - 1)
    chain = log.chain_at(seq)
    assert chain is not None, "of every position the chain hash is kept"
    return log.head_at(seq) or Head(0, 0, 0, seq, chain)
