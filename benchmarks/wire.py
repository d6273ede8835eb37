"""P8, P9, P10: datagrams and disk effects of whole nodes in virtual time: exact, without noise."""

from benchmarks.measure import Row
from dusk.changelog import views
from dusk.cycle.messages import Kind
from dusk.effects import Append, RemoveFile, SendDatagram, SendMulticast, StoreFile
from tests.node.site import Box, Site
from tests.world import World

MEMBERS, AUDIENCE, HOUR_NODES = 100, 50, 5
CYCLE_S = 5.0
SETTLE_S = 30.0
HOUR_S = 3600.0
VALUE_BYTES = 800
KIND_AT = 8


def _datagrams(box: Box) -> list[bytes]:
    """Return what a node has sent by UDP; a multicast counts once, as on one link with one family."""
    return [effect.data for effect in box.effects if isinstance(effect, SendDatagram | SendMulticast)]


def _longest(boxes: list[Box], kind: Kind) -> int:
    return max(len(data) for box in boxes for data in _datagrams(box) if data[KIND_AT] == kind)


def _settled(size: int) -> Site:
    """Return a cluster whose start is over; nothing of what it sent so far is counted."""
    site = Site(size)
    assert views.cycle_ms(site.world.log.state) == 1000 * CYCLE_S
    site.run(SETTLE_S)
    for box in site.all:
        box.effects.clear()
    return site


def sizes() -> list[Row]:
    """P8: the longest START and RESPOND of four idle cycles."""
    site = _settled(MEMBERS)
    site.run(4 * CYCLE_S)
    start, respond = _longest([site.master], Kind.START), _longest(site.all[1:], Kind.RESPOND)
    return [
        Row("P8", f"UDP payload of an idle START, {MEMBERS} members", start, "B", limit=256),
        Row("P8", f"UDP payload of an idle RESPOND, {MEMBERS} members", respond, "B", limit=160),
    ]


def _one_change(world: World, site: Site) -> tuple[int, int]:
    """Commit one change at the master; return its size and what the master sent for it, bytes."""
    change = world.change(world.set("wifi", "wireless.a.ssid", "x" * VALUE_BYTES), counter=1000)
    box = site.master
    box.do(box.node.submit(change, site.now))
    seq = box.node.log.head.seq + 1
    site.until(lambda: all(other.node.log.head.seq >= seq for other in site.all), 10.0)
    site.run(0.9 * CYCLE_S)
    return len(change.encode()), sum(map(len, _datagrams(box)))


def change_bytes() -> list[Row]:
    """P9: all that the leader sends from a commit to shortly before the next idle START."""
    site = _settled(AUDIENCE)
    size, sent = _one_change(site.world, site)
    name = f"sent by the leader: {size} B change to {AUDIENCE} members (y: change)"
    return [Row("P9", name, sent, "B", size, limit_ratio=2.5)]


def writes() -> list[Row]:
    """P10: disk effects in a simulated hour of idle cycles."""
    site = _settled(HOUR_NODES)
    for _ in range(round(HOUR_S / 60)):
        site.run(60.0)
        for box in site.all:
            box.effects[:] = [e for e in box.effects if isinstance(e, Append | StoreFile | RemoveFile)]
    count = sum(len(box.effects) for box in site.all)
    return [Row("P10", f"disk writes of {HOUR_NODES} nodes in a simulated idle hour", count, "", limit=0)]
