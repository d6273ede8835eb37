"""What people end by hand: a recovery behind a fork that the other side has compacted (R2, R4).

Whose log stands on a checkpoint behind the fork cannot go back there, whoever recovered the cluster on the
other side (`specs/log.md`, section 12): the two stay apart, and say so. Then somebody takes the devices of
the side that was not recovered in anew, as new ones.

Or a device was let in on a side that lost, by a join key of which the other side made the last use: nobody
there knows it, and it says so (alarm `turned-away`, A45).

Or what a device compacted to is no checkpoint any more, since a recovery from an older head undid the
owners' word for it. Who has nothing yet gets no log from such a device until an owner commits, and attests
anew: `asks` says so. Nothing else may need people.
"""

from collections.abc import Sequence

from dusk.changelog import views
from dusk.changelog.attesting import is_undone
from dusk.sim.broken import RuleBroken
from dusk.sim.checks import Checks
from dusk.sim.device import Device
from dusk.sim.tree import Logged, behind, fork_of

BY_HAND_S = 60.0
"""So long after all faults people wait for devices to come to one head by themselves."""


def to_take_in(checks: Checks, devices: Sequence[Device]) -> list[Device]:
    """Return the devices that a person takes in anew, as their side was left behind by a recovery.

    Raises:
        RuleBroken: nobody was told of it (R2).
    """
    members = [(device, head) for device in devices if device.member and (head := checks.head_of(device))]
    if not members:
        return []
    standing = max((head for _, head in members), key=lambda head: head.rank)
    apart = [(device, fork) for device, head in members if (fork := _fork(standing, head)) is not None]
    if not any(_is_below(device, fork) for device, fork in apart):
        return []
    if not any(device.index in checks.told_of_fork for device in devices):
        raise RuleBroken("R2", "a history that was recovered and another stay apart, and nobody is told")
    return [device for device, _ in apart]


def turned_away(checks: Checks, devices: Sequence[Device]) -> list[Device]:
    """Return the devices that a person lets in anew, as those whose logs part from theirs do not know them.

    One that has not told so is not among them: it has to come back by itself, or nobody knows why not (R2).
    """
    members = [(device, checks.head_of(device), node) for device in devices if (node := device.member)]
    found = []
    for device, head, _ in members:
        others = [node for _, other, node in members if fork_of(head, other) not in (head, other)]
        is_known = any(node.log.device_key(device.device_id) for node in others)
        if device.index in checks.told_turned_away and others and not is_known:
            found.append(device)
    return found


def stands_on_undone(device: Device) -> bool:
    """Tell whether a device stands on what a recovery made no checkpoint any more."""
    return device.member is not None and is_undone(device.member.log.state, device.member.log.floor)


def left_by_a_holder(devices: Sequence[Device]) -> list[Device]:
    """Return the holders that are left, who leads first, where another is gone for good; else nobody."""
    leading = [device for device in devices if device.member is not None and device.member.leads]
    if len(leading) != 1 or leading[0].member is None:
        return []
    log = leading[0].member.log
    members = {device.device_id: device for device in devices if device.member is not None}
    if log.required_at(log.head.seq) <= members.keys():
        return []
    others = [members[each] for each in views.succession(log.state) if each in members]
    return [leading[0], *(device for device in others if device is not leading[0])]


def _fork(standing: Logged, head: Logged) -> Logged | None:
    """Return where a log parts from one that was recovered behind that; None if it does not."""
    fork = fork_of(standing, head)
    if fork is head or not any(each.is_recovery for each in behind(fork, standing)):
        return None
    return fork


def _is_below(device: Device, fork: Logged) -> bool:
    """Tell whether a device stands on a checkpoint behind a fork."""
    return device.member is not None and device.member.log.floor > fork.seq
