"""Who hears the master's STARTs, by which family, and who needs a copy by unicast.

Copies: a member that missed a START gets one copy; each time that it misses again without a
copy, twice as many as before, up to 64. So a lost datagram costs one copy, and a member
that multicast does not reach is probed ever more rarely.

Families: an interface gets IPv6 alone if all that answer from it do so by IPv6. IPv4 answers
do not tell their interface, so one of them asks for IPv4 on all. Every 60 cycles, and while
somebody online is missing, both are used.
"""

from dusk.cycle.peers import FAMILY_4, FAMILY_6, Peer, family_of
from dusk.cycle.station import Station
from dusk.effects import Effect, Link, SendDatagram
from dusk.ids import DeviceId
from dusk.limits import SLICE_MEMBERS_MAX

ONLINE_CYCLES = 3.5
"""A member is online if it was heard within this many cycles (times the number of slices)."""
BOTH_FAMILIES_CYCLES = 60
COPY_SPAN_MAX = 64
COPIES_MAX = 64
"""Unicast copies of one START."""
GIVEN_UP_MISSES = 20
"""A member silent for longer gets a copy only every tenth cycle."""


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

    def online(self, now: float, cycle_s: float) -> list[Peer]:
        """Return those that were heard lately."""
        after = now - online_s(cycle_s, self._station.peers.count)
        others = self._station.peers.others
        return [peer for peer in others if peer.heard_at is not None and peer.heard_at > after]

    def judge(self, asked: range, answered: set[DeviceId], copied: set[DeviceId], online: list[Peer]) -> None:
        """Note who missed a START.

        Args:
            asked: indices of the members that were to answer.
            answered: who did; holders of the succession may, without being asked.
            copied: who got a unicast copy.
            online: who was heard lately.
        """
        for peer in self._station.peers.others:
            got_copy = peer.device_id in copied
            if peer.device_id in answered:
                peer.missed = 0
                peer.copy_span = peer.copy_span if got_copy else 0
            elif peer.index in asked:
                peer.missed += 1
                if not got_copy:
                    peer.copy_span = min(COPY_SPAN_MAX, 2 * peer.copy_span or 1)
                    peer.copies_left = peer.copy_span
        self._somebody_missing = any(peer.missed for peer in online)

    def copies(self, datagram: bytes, cycle: int) -> tuple[list[Effect], set[DeviceId]]:
        """Return the unicast copies of a START, and who gets one."""
        effects: list[Effect] = []
        copied: set[DeviceId] = set()
        others = self._station.peers.others
        turn = cycle * COPIES_MAX % len(others) if len(others) > COPIES_MAX else 0
        for peer in others[turn:] + others[:turn]:
            if peer.address is None or not (peer.copies_left or peer.missed):
                continue
            if peer.missed > GIVEN_UP_MISSES and (cycle + peer.index) % 10:
                continue
            if len(effects) == COPIES_MAX:
                break
            peer.copies_left = max(0, peer.copies_left - 1)
            copied.add(peer.device_id)
            effects.append(SendDatagram(datagram, peer.address))
        return effects, copied

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
