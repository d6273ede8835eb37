"""Who hears the master's STARTs, and by which family; who needs a copy is in `elsewhere.py`.

Families: an interface gets IPv6 alone if all that answer from it do so by IPv6. IPv4 answers
do not tell their interface, so one of them asks for IPv4 on all. Every 60 cycles, and while
somebody online is missing, both are used.
"""

from dusk.cycle.peers import FAMILY_4, FAMILY_6, Peer, family_of
from dusk.cycle.station import Station
from dusk.effects import Link
from dusk.ids import DeviceId
from dusk.limits import SLICE_MEMBERS_MAX

ONLINE_CYCLES = 3.5
"""A member is online if it was heard within this many cycles (times the number of slices)."""
BOTH_FAMILIES_CYCLES = 60


def online_s(cycle_s: float, members: int) -> float:
    """Return for how long a member counts as online after it was heard."""
    return ONLINE_CYCLES * cycle_s * max(1, -(-members // SLICE_MEMBERS_MAX))


class Audience:
    """The members as the master reaches them.

    Args:
        station: this device.
    """

    def __init__(self, station: Station) -> None:
        self._station = station
        self._somebody_missing = True
        self._judged = 0

    def online(self, now: float, cycle_s: float) -> list[Peer]:
        """Return those that were heard lately."""
        after = now - online_s(cycle_s, self._station.peers.count)
        others = self._station.peers.others
        return [peer for peer in others if peer.heard_at is not None and peer.heard_at > after]

    def silent_cycles(self, device: DeviceId, now: float, cycle_s: float, since: float) -> int:
        """Return for how many cycles a member was not heard, times the number of slices; 0 for who is none.

        Args:
            device: who.
            now: monotonic seconds.
            cycle_s: seconds.
            since: when this device began to lead, monotonic seconds.
        """
        peer = self._station.peers.get(device)
        if peer is None:
            return 0
        heard_at = since if peer.heard_at is None else max(since, peer.heard_at)
        turn_s = online_s(cycle_s, self._station.peers.count) / ONLINE_CYCLES
        return min(peer.missed, self._judged, int((now - heard_at) / turn_s))

    def judge(self, asked: range, answered: set[DeviceId], online: list[Peer]) -> None:
        """Note who missed a START.

        Args:
            asked: indices of the members that were to answer.
            answered: who did; holders of the succession may, without being asked.
            online: who was heard lately.
        """
        self._judged += 1
        for peer in self._station.peers.others:
            if peer.device_id in answered:
                peer.missed = 0
            elif peer.index in asked:
                peer.missed += 1
        self._somebody_missing = any(peer.missed for peer in online)

    def links(self, cycle: int, online: list[Peer]) -> tuple[Link, ...]:
        """Return where a START goes by multicast."""
        links = self._station.links
        if self._somebody_missing or cycle % BOTH_FAMILIES_CYCLES == 0:
            return links
        wanted = _wanted(links, online)
        served = {link.interface for link in wanted}
        return wanted + _one_family(tuple(link for link in links if link.interface not in served))


def _wanted(links: tuple[Link, ...], online: list[Peer]) -> tuple[Link, ...]:
    """Return the links that somebody answers from."""
    hosts = [peer.address.host for peer in online if peer.address is not None]
    scopes = {host.rpartition("%")[2] for host in hosts if "%" in host}
    families = {family_of(peer.address) for peer in online if peer.address and "%" not in peer.address.host}
    return tuple(
        link
        for link in links
        if link.family in families or (link.family == FAMILY_6 and link.interface in scopes)
    )


def _one_family(links: tuple[Link, ...]) -> tuple[Link, ...]:
    """Return one link for each interface, IPv6 if it has that."""
    by_six = {link.interface for link in links if link.family == FAMILY_6}
    return tuple(link for link in links if link.family != FAMILY_4 or link.interface not in by_six)
