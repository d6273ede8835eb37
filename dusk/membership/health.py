"""How a device is now: what it answers to *health* (`specs/asking.md`).

It is shown to people, and nothing rests on it.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from dusk import codec
from dusk.errors import UntrustedInput
from dusk.lazy import dataclass
from dusk.limits import (
    HEALTH_ADDRESSES_MAX,
    HEALTH_INTERFACES_MAX,
    HEALTH_RADIOS_MAX,
    HEALTH_TEXT_BYTES_MAX,
    NUMBER_MAX,
    TOLD_BYTES_MAX,
)

HEALTH = "health"
"""The question."""
_WHAT = "health"
_TEXT = codec.text_to(HEALTH_TEXT_BYTES_MAX)
_NUMBER = codec.number(0, NUMBER_MAX)
_INTERFACE = codec.Row(
    "interface",
    name=_TEXT,
    up=codec.FLAG,
    mac=_TEXT,
    addresses=codec.texts_to(HEALTH_ADDRESSES_MAX, HEALTH_TEXT_BYTES_MAX),
    received=_NUMBER,
    sent=_NUMBER,
    errors=_NUMBER,
)
_RADIO = codec.Row(
    "radio",
    name=_TEXT,
    band=_TEXT,
    channel=_NUMBER,
    up=codec.FLAG,
    clients=codec.Place((int, type(None)), 0, NUMBER_MAX),
)


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface.

    Attributes:
        name: its kernel name.
        is_up: whether it carries.
        mac: its hardware address, empty where it has none.
        addresses: with the lengths of their networks.
        received_bytes, sent_bytes, errors: since it is there.
    """

    name: str
    is_up: bool
    mac: str
    addresses: tuple[str, ...]
    received_bytes: int
    sent_bytes: int
    errors: int


@dataclass(frozen=True, slots=True)
class Radio:
    """A radio.

    Attributes:
        name: of its section in the file ``wireless``.
        band: such as ``5g``.
        channel: 0 where it is not known.
        is_up: whether it is on.
        clients: how many stations are connected, never which; None where that is not known.
    """

    name: str
    band: str
    channel: int
    is_up: bool
    clients: int | None


@dataclass(frozen=True, slots=True)
class Health:
    """How a device is; what it cannot tell is empty.

    Attributes:
        uptime_s: since it was started.
        load: of the last 1, 5 and 15 minutes, in hundredths.
        memory_kib: in all, and what programs can have.
        flash_kib: of the file system that keeps the settings: in all, and free.
        time_s: its wall time, seconds since 1970.
        is_trusted: whether anything vouches for that (R11).
        interfaces, radios: sorted by name.
    """

    uptime_s: int
    load: tuple[int, ...]
    memory_kib: tuple[int, ...]
    flash_kib: tuple[int, ...]
    time_s: int
    is_trusted: bool
    interfaces: tuple[Interface, ...]
    radios: tuple[Radio, ...]


def encode_health(health: Health) -> bytes:
    """Return the answer."""
    interfaces = [
        [i.name, i.is_up, i.mac, i.addresses, i.received_bytes, i.sent_bytes, i.errors]
        for i in health.interfaces
    ]
    radios = [[r.name, r.band, r.channel, r.is_up, r.clients] for r in health.radios]
    figures = (health.uptime_s, health.load, health.memory_kib, health.flash_kib)
    return codec.pack((*figures, health.time_s, health.is_trusted, interfaces, radios))


def decode_health(data: bytes) -> Health:
    """Read what :func:`encode_health` wrote.

    Raises:
        UntrustedInput: anything else.
    """
    row = codec.fields(codec.unpack(data, size_max=TOLD_BYTES_MAX), 8, _WHAT)
    return Health(
        codec.integer(row[0], 0, NUMBER_MAX, _WHAT),
        _figures(row[1], 3),
        _figures(row[2], 2),
        _figures(row[3], 2),
        codec.integer(row[4], 0, NUMBER_MAX, _WHAT),
        codec.boolean(row[5], _WHAT),
        _named(row[6], HEALTH_INTERFACES_MAX, _interface),
        _named(row[7], HEALTH_RADIOS_MAX, lambda value: Radio(*_RADIO.read(value))),
    )


def _interface(value: object) -> Interface:
    name, is_up, mac, addresses, *counters = _INTERFACE.read(value)
    return Interface(name, is_up, mac, tuple(addresses), *counters)


def _figures(value: object, count: int) -> tuple[int, ...]:
    """Read so many numbers, or none."""
    found = codec.items(value, count, _WHAT)
    if found and len(found) != count:
        raise UntrustedInput("health: too few figures")
    return tuple(codec.integer(number, 0, NUMBER_MAX, _WHAT) for number in found)


def _named(value: object, count_max: int, read: Callable[[object], Any]) -> tuple[Any, ...]:
    """Read things that rise by name."""
    found = tuple(read(item) for item in codec.items(value, count_max, _WHAT))
    names: Sequence[str] = [thing.name for thing in found]
    if any(one >= other for one, other in pairwise(names)):
        raise UntrustedInput("health: not sorted by name")
    return found
