"""Who is there, as a node knows it: the leader by what it hears, the others by the leader's word."""

from dusk.cycle.follower import Follower
from dusk.cycle.leader import Leader
from dusk.cycle.peers import Peers
from dusk.ids import DeviceId


def online(peers: Peers, leader: Leader | None, follower: Follower, now: float) -> set[DeviceId]:
    """Return the members that are known to be there, this device included.

    Args:
        peers: the other members.
        leader: this device's cycles, if it leads.
        follower: what it hears if it does not.
        now: monotonic seconds.
    """
    if leader is not None:
        return {peers.own_id, *leader.online(now)}
    if follower.master is None or not follower.fresh(now):
        return {peers.own_id}
    return {peers.own_id, follower.master, *(d for d in follower.present(now) if d in peers)}


def contact_since(peers: Peers, leader: Leader | None, follower: Follower, moment: float) -> bool:
    """Tell whether a signed peer was heard after a moment; a cluster of one needs none."""
    if peers.count == 1:
        return True
    return follower.contact_since(moment) if leader is None else leader.heard_at > moment


def answered_since(peers: Peers, leader: Leader | None, follower: Follower, moment: float) -> bool:
    """Tell whether a signed peer has answered what this device sent after a moment; alone, none need.

    That a peer is heard is not enough: what keeps our own words from leaving would be confirmed.
    """
    if peers.count == 1 or follower.answered_since(moment):
        return True
    return leader is not None and leader.asked_at >= moment
