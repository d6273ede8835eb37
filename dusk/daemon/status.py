"""What ``dusk status`` and the list of devices show of this node's present state."""

from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from dusk.apply.machine import State
from dusk.changelog import views
from dusk.changelog.sections import device_path
from dusk.control.desk import Json, Peer
from dusk.control.roles import role_of
from dusk.cycle.peers import Peer as Heard
from dusk.ids import DeviceId, Head, Seq
from dusk.listing import listed
from dusk.membership.joiner import Joiner
from dusk.node import Node

NAMES_SHOWN_MAX = 5
"""Of devices, in one line."""
_REMOVED = (
    "this router was removed from the cluster: it gets no settings any more, and keeps those that it has;"
    " `dusk leave --yes`, or a factory reset, and a join key make it a member again"
)
_NOTHING: Json = {
    "cluster": None,
    "device": None,
    "name": None,
    "role": "joining",
    "epoch": 0,
    "head": {"seq": 0, "hash": None},
    "settled": 0,
    "checkpoint": 0,
    "store_bytes": 0,
    "master": None,
    "members": 0,
    "online": 0,
    "apply": {"state": "idle", "head": 0, "reason": ""},
    "alarms": [],
}


def status_of(resident: object, trouble: str, alarms: Sequence[str], now: float) -> Json:
    """Return the fields of ``dusk status``; `contract` of the control API.

    Args:
        resident: what lives in the core: node, joiner, nothing.
        trouble: why there is no node, empty if there is one.
        alarms: lines of the shell.
        now: monotonic seconds.
    """
    if isinstance(resident, Node):
        return _of_node(resident, alarms, now)
    if isinstance(resident, Joiner):
        joining = resident.status(now)
        refused = [f"not let in: {resident.refusal}"] if resident.refusal else []
        return {**_NOTHING, **joining, "alarms": [*refused, *alarms]}
    text = trouble or "in no cluster: dusk init, or dusk join --file F"
    return {**_NOTHING, "role": "none", "alarms": [text, *alarms]}


def _of_node(node: Node, alarms: Sequence[str], now: float) -> Json:
    state, head = node.log.state, node.log.head
    own, online = views.member(state, node.device_id), node.online(now)
    applied, succession = node.applied, views.succession(state)
    around = [line for _, lines in _around(node, online, now) for line in lines]
    return {
        "cluster": views.cluster_name(state),
        "device": node.device_id.hex(),
        "name": None if own is None else own.name,
        "role": "removed" if node.is_removed(now) else _role(node, succession),
        "epoch": head.epoch,
        "head": {"seq": head.seq, "hash": head.chain.hex()},
        "settled": node.settled,
        "checkpoint": node.log.floor,
        "store_bytes": 0,
        "master": name_of(node, node.master),
        "members": node.peers.count,
        "online": len(online),
        "apply": {"state": applied.state, "head": applied.head.seq, "reason": _reason(node, now)},
        "alarms": [*node.alarms.values(), *alarms, *around],
    }


def words_of(resident: object, trouble: str, shell: Collection[str], now: float) -> set[str]:
    """Return a word for each alarm that stands (`specs/hooks.md`), and for an apply that failed here.

    Args:
        resident: as of `status_of`.
        trouble: as of `status_of`.
        shell: words of the shell's alarms.
        now: monotonic seconds.
    """
    if not isinstance(resident, Node):
        return {*shell, *(["trouble"] if trouble else [])}
    around = _around(resident, resident.online(now), now)
    here = ["apply"] if resident.applied.state == State.FAILED else []
    return {*resident.alarms, *shell, *here, *(word for word, lines in around if lines)}


def _around(node: Node, online: AbstractSet[DeviceId], now: float) -> list[tuple[str, Sequence[str]]]:
    """Return what is wrong around this node, word and lines for people."""
    if node.is_removed(now):
        found: list[tuple[str, Sequence[str]]] = [("removed", [_REMOVED])]
    elif not node.fresh(now):
        found = [("stale", ["stale: the master is not heard"])]
    else:
        found = [("away", _away(node, online, now)), ("multicast", _unreached(node))]
    alone = waits_alone(node, now)
    return [*found, ("others", failures(node)), *_drifted(node), ("alone", [alone] if alone else [])]


def _reason(node: Node, now: float) -> str:
    """Say why the newest version is not in effect here, if it is not."""
    applied = node.applied
    if applied.reason or not applied.waiting or applied.state in (State.HELD, State.OFF):
        return applied.reason
    if waits_alone(node, now):
        return "waits until another member is heard: who hears nobody changes nothing"
    return "waits until the other members have applied it"


def waits_alone(node: Node, now: float) -> str:
    """Say that nothing is applied here as long as nobody is heard, if so; else nothing."""
    if not node.applied.waiting or node.contact_since(now - 1.5 * views.cycle_ms(node.log.state) / 1000):
        return ""
    return (
        f"version {node.log.head.seq} waits here until another router is heard: "
        "one that hears nobody changes nothing"
    )


def _role(node: Node, succession: Sequence[DeviceId]) -> str:
    leader = node.log.leader if node.master is None else node.master
    is_over = leader == node.device_id and not node.leads  # it starts again, and does not lead yet
    return role_of(succession, None if is_over else leader, node.device_id)


def failures(node: Node) -> list[str]:
    """Name the other members that could not apply what they tried last, as far as they are known."""
    names: dict[Seq, list[str]] = {}
    for peer in node.peers.others:
        if peer.status is not None and peer.status.state == "failed":
            names.setdefault(peer.status.judged, []).append(name_of(node, peer.device_id) or "?")
    return [_failure(sorted(who), seq) for seq, who in sorted(names.items())]


def _failure(names: list[str], seq: Seq) -> str:
    who = listed(names, NAMES_SHOWN_MAX)
    return f"{who} could not apply version {seq}: `dusk device show {names[0]}` says why"


def _drifted(node: Node) -> list[tuple[str, Sequence[str]]]:
    """Name the other members where somebody changed what is managed, and those that change nothing now."""
    known = [(peer.device_id, peer.status) for peer in node.peers.others if peer.status is not None]
    drift = sorted(name_of(node, device) or "?" for device, status in known if status.drift)
    held = sorted(name_of(node, device) or "?" for device, status in known if status.state == "held")
    found: list[tuple[str, Sequence[str]]] = []
    if drift:
        line = f"changed by hand on {listed(drift, NAMES_SHOWN_MAX)}: `dusk drift {drift[0]}`"
        found.append(("changed", [line]))
    if held:
        found.append(("on-hold", [f"on hold, so nothing is applied there: {listed(held, NAMES_SHOWN_MAX)}"]))
    return found


def _away(node: Node, online: AbstractSet[DeviceId], now: float) -> list[str]:
    """Name the holders that are not heard: what they have not acknowledged is not final (A55)."""
    log = node.log
    awaited = log.required_at(log.head.seq) if log.settled < log.head.seq else frozenset()
    away = {*views.succession(log.state), *awaited} - online
    waits = f"nothing above version {log.settled} is final until it is"
    will_wait = "no later version is final until it is"
    return [f"{_away_words(node, d, now)}: {waits if d in awaited else will_wait}" for d in sorted(away)]


def _unreached(node: Node) -> list[str]:
    """Name the members that multicast reached before, or should, as they share the link."""
    unreached = {} if node.elsewhere is None else node.elsewhere.unreached
    peers = ((node.peers.get(device), died) for device, died in sorted(unreached.items()))
    near = [peer for peer, died in peers if peer is not None and (died or _shares_link(peer))]
    return [f"multicast does not reach {name_of(node, peer.device_id)}: served one by one" for peer in near]


def _shares_link(peer: Heard) -> bool:
    """Tell whether a member answers from an address that has a meaning on one link only."""
    return peer.address is not None and "%" in peer.address.host


def _away_words(node: Node, device: DeviceId, now: float) -> str:
    heard = node.peers.get(device)
    seen_s = None if heard is None else _peer(heard, set(), now).seen_s_ago
    since = "" if seen_s is None else f" for {seen_s:.0f} s"
    return f"{name_of(node, device)} is not heard{since}"


def name_of(node: Node, device: DeviceId | None) -> str | None:
    """Return a device's name, None if the log knows none."""
    row = None if device is None else node.log.state.value(device_path(device), "name")
    return None if row is None else str(row[0])  # and not its groups: a status names many


def peers_of(node: Node, now: float) -> dict[DeviceId, Peer]:
    """Return what is known of each member at this moment, this device included."""
    online = node.online(now)
    known = {heard.device_id: _peer(heard, online, now) for heard in node.peers.others}
    for device, way in _ways(node).items():
        known[device] = replace(known[device], way=way)
    known[node.device_id] = _own(node, now)
    master = None if node.leads or not node.fresh(now) else node.master
    if master in known:
        known[master] = _leading(known[master], node)
    return known


def _ways(node: Node) -> dict[DeviceId, str]:
    """Return how each other member hears this device, if it leads."""
    ways = {} if node.elsewhere is None else node.elsewhere.ways
    return {device: _way(node, device, relay) for device, relay in ways.items()}


def _way(node: Node, device: DeviceId, relay: DeviceId | None) -> str:
    if relay is None:
        return "alone"
    return "multicast" if relay == device else f"relay {name_of(node, relay)}"


def _leading(peer: Peer, node: Node) -> Peer:
    """Add what follows from hearing the master's STARTs: it is there, and has what it wrote here."""
    cycle_s = views.cycle_ms(node.log.state) / 1000
    seen_s_ago = cycle_s if peer.seen_s_ago is None else min(peer.seen_s_ago, cycle_s)
    return replace(peer, head_seq=max(peer.head_seq, node.log.head.seq), seen_s_ago=seen_s_ago)


def _own(node: Node, now: float) -> Peer:
    head: Head = node.applied.head
    return Peer(
        online=True,
        head_seq=node.log.head.seq,
        applied_seq=head.seq,
        apply_state=node.applied.state,
        reason=_reason(node, now),
        alarms=tuple(sorted(node.alarms)),
        seen_s_ago=0.0,
        judged_seq=node.applied.judged,
        drift=len(node.applied.drift),
        files=tuple(sorted(node.applied.hashes.items())),
    )


def _peer(heard: Heard, online: set[DeviceId], now: float) -> Peer:
    status, told = heard.status, heard.hearsay
    times = (heard.heard_at, None if told is None else told.heard_at)
    seen_at = max((at for at in times if at is not None), default=None)
    return Peer(
        online=heard.device_id in online,
        head_seq=heard.holds,
        applied_seq=Seq(0) if status is None else status.seq,
        apply_state="unknown" if status is None else status.state,
        reason="" if status is None else status.reason,
        alarms=() if status is None else status.alarms,
        seen_s_ago=None if seen_at is None else max(0.0, now - seen_at),
        judged_seq=Seq(0) if status is None else status.judged,
        drift=0 if status is None else status.drift,
        files=() if status is None else status.files,
    )
