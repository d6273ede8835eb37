"""Where members are, as far as this device has learnt it: hints, and nothing rests on them.

What is said here may be old, or a lie of who led. So nothing but a question goes to such an address,
one to a member at a time, and what comes back is what it would be without the hint (A15, A44).

Two things are learnt. Where a member's answer to a question of ours came from, which is good for
this run. And the table: addresses beyond any one link, of who was heard to lead from elsewhere, and,
at a device that may lead, of all as who leads tells it. A new leader has heard nobody: those of
another network would not hear its multicast, nor know where it is.
"""

from collections.abc import Iterable
from itertools import pairwise

from dusk import codec, limits
from dusk.cycle.far_messages import HOST_BYTES_MAX, can_be_routed
from dusk.cycle.peers import Peers
from dusk.effects import Address
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId

FILE = "addresses"
Row = tuple[DeviceId, Address]
SEEK_AFTER_CYCLES = 1.2
"""Who opened an epoch has by then heard all that its multicast reaches."""
SEEK_PAUSE_CYCLES = 10.0
"""It looks again so much later when nobody is to be asked."""
SILENT_CYCLES = 2.5
"""A member that was heard so lately is not asked."""
SOUGHT_AT_ONCE = 16
TRIES_MAX = 6
"""One that does not answer is asked after 1, 2, 4 … cycles, and so often in an epoch."""
_ROW = codec.Row(
    "address",
    device=codec.size(16),
    host=codec.text_to(HOST_BYTES_MAX),
    port=codec.number(1, 65535),
)


def encode_table(rows: Iterable[Row]) -> bytes:
    """Return a table as it is kept."""
    return codec.pack(tuple((device, at.host, at.port) for device, at in rows))


def decode_table(data: bytes) -> tuple[Row, ...]:
    """Read what :func:`encode_table` wrote."""
    size_max = limits.ADDRESSES_MAX * (HOST_BYTES_MAX + 24) + 8
    return table_from_rows(codec.unpack(data, size_max=size_max, depth_max=2))


def table_from_rows(value: object) -> tuple[Row, ...]:
    """Read the rows of a table: rising ids, and addresses of one device that can be routed."""
    found = [_ROW.read(row) for row in codec.items(value, limits.ADDRESSES_MAX, "addresses")]
    if any(not can_be_routed(host) for _, host, _ in found):
        raise UntrustedInput("addresses: not the address of one device that can be routed")
    devices = [DeviceId(device) for device, _, _ in found]
    if any(one >= other for one, other in pairwise(devices)):
        raise UntrustedInput("addresses: not in rising order")
    return tuple((DeviceId(device), Address(host, port)) for device, host, port in found)


class Whereabouts:
    """What one device has learnt.

    Args:
        peers: the members: of nobody else anything is kept.
    """

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._heard: dict[DeviceId, Address] = {}
        self._table: dict[DeviceId, Address] = {}
        self._places: frozenset[Address] = frozenset()
        self._turn = 0
        self._seek_at: float | None = None
        self._tries: dict[DeviceId, tuple[int, float]] = {}

    # --- what is learnt ----------------------------------------------------------------------

    def heard(self, device: DeviceId, address: Address) -> None:
        """Note where a member's answer to an open question of ours came from."""
        self._heard.pop(device, None)
        self._heard[device] = address
        if len(self._heard) > limits.ADDRESSES_MAX:
            del self._heard[next(iter(self._heard))]
        self._places = frozenset((*self._heard.values(), *self._table.values()))

    def leads_elsewhere(self, device: DeviceId, address: Address) -> None:
        """Note where who leads sent a START to this device alone."""
        if self._table.get(device) != address and can_be_routed(address.host):
            self.told([*((d, at) for d, at in self.table if d != device), (device, address)])

    def told(self, rows: Iterable[Row]) -> None:
        """Take a table in the place of the former one."""
        self._table = dict(sorted(rows, key=lambda row: row[0])[: limits.ADDRESSES_MAX])
        self._places = frozenset((*self._heard.values(), *self._table.values()))

    def has(self, address: Address) -> bool:
        """Tell whether anybody answered from an address, or is said to be there."""
        return address in self._places

    @property
    def table(self) -> tuple[Row, ...]:
        """What is worth keeping, by rising id, of those that are members."""
        return tuple((device, at) for device, at in self._table.items() if device in self._peers)

    def of(self, device: DeviceId) -> list[Address]:
        """Return where a member answered from, and where it is said to be."""
        known = (self._heard.get(device), self._table.get(device))
        return [at for at in dict.fromkeys(known) if at is not None]

    # --- whom to ask -------------------------------------------------------------------------

    def elsewhere(self) -> tuple[Address, ...]:
        """Return where those are that may lead."""
        return tuple(at for device, at in self.table if device in self._peers.succession)

    def some(self, count: int, besides: DeviceId | None) -> list[Row]:
        """Return a few members, in turn, with where each was heard or is said to be."""
        known = {**self._table, **self._heard}
        rows = [row for row in known.items() if row[0] in self._peers and row[0] != besides]
        if not rows:
            return []
        turn = self._turn % len(rows)
        self._turn += count
        return [*rows[turn:], *rows[:turn]][:count]

    def leads_anew(self, cycle_s: float, now: float) -> None:
        """Note that this device opens an epoch."""
        self._tries.clear()
        self._seek_at = now + SEEK_AFTER_CYCLES * cycle_s

    @property
    def deadline(self) -> float | None:
        """When who leads looks for members that it does not hear; None: never."""
        return self._seek_at if self._table else None

    def missing(self, cycle_s: float, now: float) -> list[Row]:
        """Return whom to ask now, for who leads: members of the table that it does not hear."""
        if self.deadline is None or now < self.deadline:
            return []
        silent = [row for row in self.table if self._is_silent(row[0], now - SILENT_CYCLES * cycle_s)]
        asked = [row for row in silent if self._is_due(row[0], now)][:SOUGHT_AT_ONCE]
        for device, _ in asked:
            tries, _ = self._tries.get(device, (0, 0.0))
            self._tries[device] = tries + 1, now + 0.9 * cycle_s * 2**tries
        self._seek_at = now + (cycle_s if asked else SEEK_PAUSE_CYCLES * cycle_s)
        return asked

    def _is_silent(self, device: DeviceId, since: float) -> bool:
        peer = self._peers.get(device)
        return peer is not None and (peer.heard_at is None or peer.heard_at < since)

    def _is_due(self, device: DeviceId, now: float) -> bool:
        tries, at = self._tries.get(device, (0, now))
        return tries < TRIES_MAX and now >= at
