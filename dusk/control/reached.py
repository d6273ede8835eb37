"""How far the devices are that a rollout has reached, by what they say of themselves."""

from collections.abc import Collection, Sequence

from dusk.changelog.log import Log
from dusk.changelog.released import Waits, head_before
from dusk.changelog.rollouts import Rollout
from dusk.changelog.views import members
from dusk.control import names
from dusk.control.desk import Desk, Json, Peer
from dusk.ids import DeviceId
from dusk.listing import listed

ID_DIGITS = 8
"""Of a rollout's id, as people read it; so many at least name one."""
_FAILED = "failed"
_NAMED_MAX = 5
"""Routers by name in a line; the others are counted."""


def absent(desk: Desk, concerned: Sequence[str], failures_max: int) -> list[str]:
    """Return a line for people where more routers are not heard than may be missing when all switch together.

    Args:
        desk: the daemon.
        concerned: names of the devices.
        failures_max: so many may be missing.
    """
    state, peers = desk.log.state, desk.peers()
    devices = {name: names.device_id(state, name) for name in concerned}
    there = {device for device, peer in peers.items() if peer.online} | {desk.device_id}
    away = [name for name, device in devices.items() if device not in there]
    if len(away) <= failures_max:
        return []
    goes = f"`dusk rollout abort ID`, and `--failures {len(away)}` with the next commit, goes without them"
    return [f"not heard now: {listed(away, _NAMED_MAX)}. Nobody switches before all are ready; {goes}"]


def how_far(log: Log, waits: Waits, rollout: Rollout, device: DeviceId, peer: Peer | None) -> Json:
    """Return how far a device is with a rollout, in a word, and why it failed."""
    if not waits.has_reached(rollout, device) and not rollout.plan.together:
        return {"state": "waits", "reason": ""}
    before = head_before(log, rollout).seq
    said = stage(peer, before)
    return {**said, "state": "switched"} if _is_switched(rollout, peer, before) else said


def _is_switched(rollout: Rollout, peer: Peer | None, before: int) -> bool:
    """Tell whether a device has switched with others, and waits for word that it stays."""
    is_applied = peer is not None and peer.online and peer.apply_state in ("applied", "confirming")
    return rollout.plan.together and is_applied and peer is not None and peer.applied_seq <= before


def stage(peer: Peer | None, before: int) -> Json:
    """Return how far a device is with what comes behind a position, in a word, and why it failed."""
    if peer is not None and peer.applied_seq > before:
        return {"state": "applied", "reason": ""}
    if peer is None or not peer.online:
        return {"state": "offline", "reason": ""}
    if peer.apply_state == "failed" and peer.judged_seq <= before:
        return {"state": "applying", "reason": ""}
    # of the apply machine "applied" is not what is called so here: nothing has confirmed it yet
    state = "applying" if peer.apply_state in ("committed", "applied") else peer.apply_state
    return {"state": state, "reason": peer.reason}


def is_stuck(desk: Desk, name: str) -> bool:
    """Tell whether a rollout opens no further wave, however many may fail: all of its newest one have.

    Who leads opens no wave behind one that nobody has in effect (`specs/rollout.md`, section 4). Of those
    that switch together there is but one.
    """
    waits = Waits(desk.log.state)
    rollout = next((each for each in waits.rollouts if each.id == name), None)
    if rollout is None or rollout.plan.together or not rollout.progress.opened:
        return False
    wave, before, peers = rollout.progress.opened - 1, head_before(desk.log, rollout).seq, desk.peers()
    found = 0
    for member in members(desk.log.state):
        device = member.device_id
        if waits.wave_of(rollout, device) == wave and waits.concerns(rollout, device):
            if stage(peers.get(device), before)["state"] != _FAILED:
                return False
            found += 1
    return found > 0


def nobody(wave: int) -> str:
    """Return why a rollout is stuck."""
    return f"all of wave {wave} have failed, and nobody there has it in effect"


def waits_for(desk: Desk, devices: Collection[DeviceId]) -> dict[DeviceId, str]:
    """Return device → id of the rollout that it waits for, as people read it."""
    waits = Waits(desk.log.state)
    found = ((device, waits.of(device)) for device in devices)
    return {device: rollout.id[:ID_DIGITS] for device, rollout in found if rollout is not None}
