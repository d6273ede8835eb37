"""Whether and when a member answers a START (`specs/cycles.md`, section 4): holders first, then the slice."""

from dusk.cycle.heard import asked_by
from dusk.cycle.messages import Rest
from dusk.cycle.peers import Peers


def is_asked(peers: Peers, rest: Rest) -> bool:
    """Tell whether this device answers a START: its slice, or a place in the succession."""
    if peers.own_index is None:
        return False
    return peers.own_index in asked_by(rest) or peers.own_place is not None


def slot_s(peers: Peers, rest: Rest, fraction: float) -> float:
    """Return when this device's slot is, in seconds from the START.

    Args:
        peers: the members, and which of them is this device.
        rest: what the START asks of whom.
        fraction: from 0 to 1: where inside the slot.
    """
    holders, place = len(peers.succession), peers.own_place
    if place is None:
        place = holders + max(0, (peers.own_index or 0) - rest.slice_first)
    return rest.window_ms / 1000 * (place + fraction) / max(1, holders + rest.slice_count)
