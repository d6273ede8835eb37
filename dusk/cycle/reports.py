"""What members say of themselves in a RESPOND: run, status, health."""

from dusk.cycle.messages import Respond
from dusk.cycle.peers import Peer
from dusk.cycle.status import Status, decode_health, open_status
from dusk.effects import Effect, Event
from dusk.ids import ClusterId


def read_status(peer: Peer, respond: Respond, cluster: ClusterId, *, newest: bool) -> Status | None:
    """Return the status in an answer if it is newer than what we have; verified.

    Args:
        peer: whose.
        respond: its answer.
        cluster: the cluster.
        newest: whether the answer is known to be younger than all others of this member; then
            its status is, too, also if the member has started again and counts anew.

    Raises:
        UntrustedInput: not signed by that device, or status or health are malformed.
    """
    if respond.health is not None:
        decode_health(respond.health)
    if respond.status is None or respond.status == peer.status_bytes:
        return None
    status = open_status(respond.status, peer.public, cluster)
    older = peer.status is not None and status.version <= peer.status.version
    return None if older and not newest else status


def take_report(peer: Peer, respond: Respond, status: Status | None) -> list[Effect]:
    """Note an answer that was verified; tells if a device seems to exist twice (A21)."""
    peer.settled = respond.settled
    if respond.health is not None:
        peer.health = respond.health
    if status is not None and respond.status is not None:
        peer.status, peer.status_bytes = status, respond.status
    if respond.boot == peer.boot:
        return []
    effects: list[Effect] = []
    if respond.boot == peer.former_boot:
        text = f"two devices answer with the key of {peer.device_id.hex()}"
        effects.append(Event("clone", text, loud=True))
    peer.former_boot, peer.boot = peer.boot, respond.boot
    return effects
