"""What is physically up on this device, and how a node asks for that."""

from dusk.lazy import dataclass


@dataclass(frozen=True, slots=True)
class Up:
    """What is physically up on this device.

    Attributes:
        interfaces: kernel names, but for those of radios.
        radios: kernel names of radios that send on one interface at least.
        listening: of radios that are switched on and do not send: they may listen for radar first.
    """

    interfaces: frozenset[str] = frozenset()
    radios: frozenset[str] = frozenset()
    listening: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LookUp:
    """An effect: look which interfaces and radios are up."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An input, the answer to ``LookUp``."""

    up: Up
