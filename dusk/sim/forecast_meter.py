"""Notes when each entry is on each disk and in effect on each device: the watcher of a forecast."""

from dusk.changelog.log import Log
from dusk.effects import Append, ChangeState, Effect, Progress, RemoveFile, StoreFile
from dusk.ids import ChangeId, Seq
from dusk.sim.clock import Clock
from dusk.sim.device import Device
from dusk.sim.disk import DiskEffect


class Meter:
    """Notes moments; it checks nothing.

    Args:
        clock: of the simulation.
        devices: how many.

    Attributes:
        on_disk, in_effect: for each device, the moments at which it first had, or had in effect, the
            entries behind the first position, in their order.
        told: change → when its author was told that it stands on two disks.
        files: names of all small files that were ever stored: changes that were kept are among them.
    """

    def __init__(self, clock: Clock, devices: int) -> None:
        self._clock = clock
        self._first: Seq | None = None
        self.on_disk: list[list[float]] = [[] for _ in range(devices)]
        self.in_effect: list[list[float]] = [[] for _ in range(devices)]
        self.told: dict[ChangeId, float] = {}
        self.files: set[str] = set()

    def begin(self, first: Seq) -> None:
        """Note everything behind a position from now on."""
        self._first = first

    def moment(self, moments: list[float], position: Seq) -> float | None:
        """Return when an entry was there, None if it never was."""
        assert self._first is not None, "it has begun"
        at = position - self._first - 1
        return moments[at] if 0 <= at < len(moments) else None

    def _reach(self, moments: list[float], position: Seq) -> None:
        if self._first is not None:
            moments += [self._clock.now] * (position - self._first - len(moments))

    # --- what devices tell: `dusk.sim.device.Watcher` ------------------------------------------

    def stored(self, device: Device, effect: DiskEffect, was: bytes | None) -> None:  # noqa: ARG002 - of all watchers
        """Note how far a disk goes."""
        if isinstance(effect, Append):
            self._reach(self.on_disk[device.index], device.disk.last)
        elif isinstance(effect, StoreFile | RemoveFile):
            self.files.add(effect.name)

    def sending(self, device: Device, effect: Effect) -> None:  # noqa: ARG002 - of all watchers
        """Note what authors are told."""
        if isinstance(effect, Progress) and effect.state is ChangeState.DURABLE:
            self.told.setdefault(effect.change, self._clock.now)

    def stepped(self, device: Device) -> None:
        """Note how far what is in effect goes."""
        if device.member is not None:
            self._reach(self.in_effect[device.index], device.member.applied.head.seq)

    def lost_disk(self, device: Device) -> None:
        """Nobody loses a disk here."""

    def booted(self, device: Device, log: Log) -> None:
        """Starts are not noted."""
