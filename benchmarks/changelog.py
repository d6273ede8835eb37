"""The log: what a device that was away pays for each entry that it fetches."""

from benchmarks.measure import Row, seconds
from dusk.changelog.body import CHANGE_LABEL, Change
from dusk.changelog.entry import sign_head
from dusk.changelog.log import Log
from dusk.effects import ItemKind, LogItem
from dusk.keys.signing import verify
from tests.world import NO_REST, World

ENTRIES = 2000
RECORDS, SECTIONS = 200, 20


def _written(world: World) -> tuple[list[LogItem], Change]:
    """Write changes to records in turn; return all entries under one signed head, and the last change."""
    items, change = world.items[:1], None
    for number in range(ENTRIES):
        record = number * 7 % RECORDS
        edit = world.set(f"p{record % SECTIONS}", f"system.s{record // SECTIONS}.x", str(number))
        change = world.change(edit)
        items.append(world.log.write_change(change, world.stamp())[0])
    assert change is not None
    head = sign_head(world.master, world.cluster, world.log.head, NO_REST)
    return [*items, LogItem(ItemKind.HEAD, head.encode())], change


def rows() -> list[Row]:
    """P4 without the disk: decode, verify and fold entries, beside verifying their signatures alone."""
    world = World()
    items, change = _written(world)
    signature = change.signatures[0].signature
    bare = seconds(
        lambda: verify(world.owner.public, CHANGE_LABEL, world.cluster, change.body_bytes, signature)
    )
    taken = seconds(lambda: Log(world.cluster).extend(items)) / ENTRIES
    name = "P4 in part: an entry verified and folded, not stored (bare: verify)"
    return [Row(name, taken * 1e6, "µs", bare * 1e6, limit_ratio=1.5)]
