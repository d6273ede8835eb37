"""Where members are: collected by who leads, handed to those that may lead, kept across restarts.

Only where members stand on several networks: on one link multicast finds everybody, and nothing
of this is sent or written. What is kept is written rarely (R12): when it has changed, once an hour
at most, and when the daemon stops.
"""

from collections.abc import Callable, Mapping, Sequence

from dusk.catchup.exchanges import Exchanges
from dusk.catchup.messages import Addresses as Table
from dusk.cycle.far_messages import can_be_routed
from dusk.cycle.leader import Leader
from dusk.cycle.peers import Peer
from dusk.cycle.station import Station
from dusk.cycle.whereabouts import FILE, Row, decode_table, encode_table
from dusk.effects import Address, Effect, StoreFile
from dusk.ids import BootId, DeviceId
from dusk.keys.signing import x25519_public
from dusk.limits import ADDRESSES_MAX

LOOK_CYCLES = 12.0
LOOK_S_MIN = 60.0
"""What changed is handed over so much later at most."""
STORE_S = 3600.0
"""Between two writes of the file, while the daemon runs."""
ELSEWHERE_LOOKS = 3
"""A member that answers from another address than before, seen so often in a row, has moved."""


def as_written_here(address: Address, scope: str) -> Address:
    """Return a member's address as it is written here: a link is named by each device itself.

    Args:
        address: as another member told it.
        scope: the link by which this device hears that one; empty if it is none.
    """
    host, there, _ = address.host.partition("%")
    return Address(f"{host}%{scope}" if there and scope else address.host, address.port)


class Addresses:
    """The table of one device.

    Args:
        station: this device in its cycle.
        files: the small files of its folder.
        leader: gives the leader, while this device leads.
        cycle_s: gives the length of a cycle.
    """

    def __init__(
        self,
        station: Station,
        files: Mapping[str, bytes],
        leader: Callable[[], Leader | None],
        cycle_s: Callable[[], float],
    ) -> None:
        self._station, self._leader, self._cycle_s = station, leader, cycle_s
        self._stored = files.get(FILE, encode_table(()))
        self._stored_at = float("-inf")
        self._look_at = float("-inf")
        self._moved: dict[DeviceId, int] = {}
        self._told: dict[DeviceId, tuple[BootId | None, Table]] = {}
        if FILE in files:
            station.whereabouts.told(decode_table(files[FILE]))

    @property
    def may_lead(self) -> bool:
        """Whether the table is for this device."""
        return self._station.peers.own_place is not None

    def took(self, rows: Sequence[Row]) -> None:
        """Take the table of who leads; this device may lead."""
        own_id = self._station.peers.own_id
        self._station.whereabouts.told(row for row in rows if row[0] != own_id)

    def look(self, exchanges: Exchanges, now: float) -> list[Effect]:
        """Collect, hand over and keep what has changed, now and then."""
        if now < self._look_at:
            return []
        self._look_at = now + max(LOOK_S_MIN, LOOK_CYCLES * self._cycle_s())
        leader, effects = self._leader(), []
        if leader is not None and leader.elsewhere.unreached:
            self._collect(leader, now)
            effects = self._hand_over(leader, exchanges, now)
        return effects + (self.store(now) if now - self._stored_at >= STORE_S else [])

    def store(self, now: float) -> list[Effect]:
        """Keep what has changed."""
        data = encode_table(self._station.whereabouts.table)
        if data == self._stored:
            return []
        self._stored, self._stored_at = data, now
        return [StoreFile(FILE, data)]

    # --- at who leads ------------------------------------------------------------------------

    def _collect(self, leader: Leader, now: float) -> None:
        """Take down where members answer from; those that multicast does not reach first."""
        peers, table = self._station.peers, dict(self._station.whereabouts.table)
        online = [peer for peer in map(peers.get, leader.online(now)) if peer is not None]
        for peer in sorted(online, key=lambda peer: not leader.elsewhere.is_far(peer)):
            at = self._worth_noting(peer, table.get(peer.device_id))
            if at is not None and (peer.device_id in table or len(table) < ADDRESSES_MAX):
                table[peer.device_id] = at
        self._station.whereabouts.told(table.items())

    def _worth_noting(self, peer: Peer, known: Address | None) -> Address | None:
        """Return a member's address if it is new; one that has several is not noted with each in turn."""
        if peer.address == known or peer.address is None or not can_be_routed(peer.address.host):
            self._moved.pop(peer.device_id, None)
            return None
        looks = self._moved[peer.device_id] = self._moved.get(peer.device_id, 0) + 1
        return peer.address if known is None or looks >= ELSEWHERE_LOOKS else None

    def _hand_over(self, leader: Leader, exchanges: Exchanges, now: float) -> list[Effect]:
        table, online = Table(self._station.whereabouts.table), set(leader.online(now))
        effects: list[Effect] = []
        for peer in self._station.peers.holders():
            if peer.device_id in online and self._told.get(peer.device_id) != (peer.boot, table):
                effects += self._tell(exchanges, peer, table, now)
        return effects

    def _tell(self, exchanges: Exchanges, peer: Peer, table: Table, now: float) -> list[Effect]:
        told = peer.boot, table

        def delivered() -> None:
            self._told[peer.device_id] = told

        def is_whom(static_public: bytes) -> bool:
            return static_public == x25519_public(peer.public)

        if peer.address is None:
            return []
        return exchanges.tell(peer.address, table, now, is_whom=is_whom, delivered=delivered)
