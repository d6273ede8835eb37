"""Power cuts, splits and failing parts while changes are made in a forecast.

The names and models are those of `dusk.sim.faults`, the strengths are fixed: with random ones two
forecasts could not be compared. Faults that are about what a cluster takes, not about how long
it takes (lost and old disks, clones, attackers, strangers), are for `python -m dusk.sim`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from random import Random
from types import MappingProxyType

from dusk.sim.device import Device, World
from dusk.sim.faults import NONE, Faults

DOWN_S = (1.0, 15.0)
"""How long a device is without power."""
SPLIT_S = (1.0, 25.0)

KINDS: Mapping[str, tuple[str, Mapping[str, float]]] = MappingProxyType({
    "crash": ("somebody loses power every 45 s, for 1 to 15 s", {"crash_s": 45.0}),
    "crash-in-write": ("the power goes in 1 of 100 writes", {"crash_in_write": 0.01}),
    "partition": ("every 60 s some are cut off for 1 to 25 s", {"partition_s": 60.0, "one_way": 0.25}),
    "disk-error": ("1 of 100 writes fails", {"disk_error": 0.01}),
    "slow-disk": ("writes take up to 0.4 s", {"slow_disk_s": 0.4}),
    "stream-break": ("1 of 20 frames ends its stream", {"stream_break": 0.05}),
    "helper-error": ("1 of 10 applies fails", {"helper_error": 0.1}),
    "duplicate": ("1 of 10 datagrams comes twice", {"duplicate": 0.1}),
    "truncate": ("1 of 100 datagrams is cut short", {"truncate": 0.01}),
    "flip": ("1 of 100 datagrams has a wrong bit", {"flip": 0.01}),
    "delay": ("datagrams are up to 0.2 s late", {"delay_s": 0.2}),
})  # fmt: skip
"""Name → for people, and the fields of `Faults`."""


def faults_named(names: Iterable[str]) -> Faults:
    """Return the faults of these names.

    Raises:
        KeyError: there is none of that name.
    """
    fields: dict[str, float] = {}
    for name in names:
        fields |= KINDS[name][1]
    return replace(NONE, **fields)


class Trouble:
    """Lets faults strike from `begin` to `end`.

    Args:
        world, devices: of the simulation.
        faults: which.
        flash_s: what a write takes at most while disks are not slow.
        generator: purpose → randomness of its own.
    """

    def __init__(
        self,
        world: World,
        devices: Sequence[Device],
        faults: Faults,
        flash_s: float,
        generator: Callable[[str], Random],
    ) -> None:
        self._world, self._devices, self._faults = world, devices, faults
        self._generator = generator
        self._usual = replace(NONE, slow_disk_s=flash_s)
        self._is_on = False
        self._set(self._usual)

    def begin(self) -> None:
        """Start."""
        self._is_on = True
        self._set(replace(self._faults, slow_disk_s=max(self._faults.slow_disk_s, self._usual.slow_disk_s)))
        self._repeat(self._faults.crash_s, self._crash, self._generator("crashes"))
        self._repeat(self._faults.partition_s, self._split, self._generator("partitions"))

    def end(self) -> None:
        """Let everything work again; who is without power comes back by itself."""
        self._is_on = False
        self._set(self._usual)
        self._world.network.heal()

    def _set(self, faults: Faults) -> None:
        self._world.network.faults = faults
        for device in self._devices:
            device.faults = faults
            device.helper.error = faults.helper_error

    def _repeat(self, every_s: float, what: Callable[[Random], None], random: Random) -> None:
        """Let something happen again and again; 0: never."""
        if not every_s:
            return

        def happen() -> None:
            if self._is_on:
                what(random)
                self._repeat(every_s, what, random)

        self._world.clock.after(random.expovariate(1 / every_s), happen)

    def _crash(self, random: Random) -> None:
        running = [device for device in self._devices if device.listens]
        if running:
            random.choice(running).crash(random.uniform(*DOWN_S))

    def _split(self, random: Random) -> None:
        count = len(self._devices)
        apart = set(random.sample(range(count), random.randint(1, count // 2)))
        one_way = random.random() < self._faults.one_way
        self._world.transcript.count("mute" if one_way else "partition")
        self._world.network.split(apart, one_way=one_way)
        self._world.clock.after(random.uniform(*SPLIT_S), self._world.network.heal)
