"""Nobody takes over from a leader that it could hear, be it through one other member (A44).

Only judged where nothing but cut links disturbs: then a START, or the answer to a question, comes
through in time. A device that starts has to hear first, so it is judged some cycles later.

Nor is who cannot read what the leader seals: that is told by a stream alone, and what faults did to
streams outlasts them, for who gave no answer, or seems to have lied, is left alone for minutes. And
where both logs have parted, nothing is taken over: each leads its own. That is a fork, which heals
as such, or is for people to end.
"""

from collections.abc import Iterable, Sequence
from itertools import takewhile

from dusk.changelog import views
from dusk.changelog.entry import EntryKind
from dusk.cycle.groupkeys import FILE as GROUP_KEYS_FILE
from dusk.cycle.groupkeys import GroupKeys, decode_group_keys
from dusk.node import Node
from dusk.sim.broken import RuleBroken
from dusk.sim.device import Device
from dusk.sim.network import Network
from dusk.sim.tree import Logged

LINK_FAULTS = frozenset({"partition_s", "one_way", "duplicate", "clock_s", "edit_s", "stale", "stranger"})
"""What may be on while this is judged: it hinders no datagram on a link that is there, and no device."""
CYCLES, STEADY_S = 5.0, 4.0
"""For so many cycles and seconds a path must have been there: to hear, or to ask, takes three cycles."""


class Leaders:
    """Watches who opens epochs.

    Args:
        network: what devices hear each other by.
        devices: all of them, also those that come later.
    """

    def __init__(self, network: Network, devices: Sequence[Device]) -> None:
        self._network, self._devices = network, devices
        self._opened_at: dict[int, float] = {}

    def opened(self, device: Device, news: Iterable[Logged]) -> None:
        """Take what a device wrote.

        Raises:
            RuleBroken: it took the lead from a device that leads, and that it could hear.
        """
        for logged in news:
            if logged.entry.kind is EntryKind.OPEN:
                self._check(device, logged)
                self._opened_at[device.index] = self._network.now

    def _check(self, device: Device, logged: Logged) -> None:
        before, node = logged.parent, device.member
        if before is None or before.is_handover or logged.is_forced or node is None:
            return
        for other in self._devices:
            if other is device or other.device_id not in before.holders or other.member is None:
                continue
            if other.member.log.chain_at(before.seq) != before.chain or not reads(device, other):
                continue
            since = self._network.now - max(map(_judged_s, (node, other.member)))
            if self._leads(other, since) and self._could_hear(device, other, since):
                raise RuleBroken("A44", f"{device.name} takes over from {other.name}, which it could hear")

    def _leads(self, device: Device, since: float) -> bool:
        opened_at = self._opened_at.get(device.index, 0.0)  # the founder leads from the beginning
        return device.member is not None and device.member.leads and opened_at < since

    def _could_hear(self, device: Device, leader: Device, since: float) -> bool:
        """Tell whether a path was there ever since, and nothing else disturbed."""
        network = self._network
        is_steady = set(network.faults.on) <= LINK_FAULTS and network.steady_since < since
        if not is_steady or max(device.started_at, leader.started_at) >= since:
            return False
        return network.joined_since(since, device, leader) or any(
            _hears(between, leader, since)
            and network.joined_since(since, between, leader)
            and network.joined_since(since, between, device)
            for between in self._devices
            if between not in (device, leader)
        )


def _hears(member: Device, leader: Device, since: float) -> bool:
    node = member.member
    is_there = node is not None and member.started_at < since and node.fresh(member.now)
    return is_there and node is not None and node.master == leader.device_id


def reads(device: Device, leader: Device) -> bool:
    """Tell whether a device has the group key that another seals with."""
    key = _ring(leader).newest
    return key is not None and _ring(device).find(key.id) is not None


def _ring(device: Device) -> GroupKeys:
    stored = device.disk.files.get(GROUP_KEYS_FILE)
    return GroupKeys() if stored is None else decode_group_keys(stored)


def _judged_s(node: Node) -> float:
    """Return for how long all must have been as it is."""
    return CYCLES * views.cycle_ms(node.log.state) / 1000 + STEADY_S


def is_handed_back(since: Logged | None, head: Logged | None) -> bool:
    """Tell whether all that was written is that who stood in handed back, and that the first leads then."""
    assert head is not None, "they agreed"
    news = list(takewhile(lambda logged: logged is not since, head.back()))
    is_back = head.is_handover or head.leader == head.holders[0]
    pairs = ((logged, logged.parent) for logged in news)
    return bool(news) and is_back and all(new.is_handover or (old and old.is_handover) for new, old in pairs)
