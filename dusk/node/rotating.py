"""The group key follows the log: who was removed has none that is used from then on (A22).

A key covers a log if it was made for its generation and its newest removal. Who leads makes another
as soon as the log has moved beyond that; the others fetch it by their device keys, which the removed
device's is no more. The START that tells of the removal is the last one that it can read: it waits
for no gap.
"""

from collections.abc import Callable

from dusk.changelog.log import Log
from dusk.cycle.datagrams import Channel
from dusk.cycle.groupkeys import FILE, new_group_key
from dusk.effects import Effect, StoreFile
from dusk.ids import NO_CHAIN, ChainHash, Seq

RandomBytes = Callable[[int], bytes]


def newest_removal(log: Log) -> ChainHash:
    """Return the chain hash of the newest entry that retired a device; ``NO_CHAIN`` before any."""
    found: ChainHash | None = log.state.of_members.get("removal")
    if found is None:
        paths = (path for path in log.state.sections("device/") if path.count("/") == 1)
        records = (log.state.record(path, "retired") for path in paths)
        seqs = (log.position_of(record.base) for record in records if record is not None)
        newest = max((seq for seq in seqs if seq is not None), default=Seq(0))
        found = log.state.of_members["removal"] = (log.chain_at(newest) if newest else None) or NO_CHAIN
    return found


def covers(channel: Channel, log: Log) -> bool:
    """Tell whether the keys cover the log as it is now."""
    keys = channel.keys
    return (log.head.generation, newest_removal(log)) == (keys.generation, keys.removal)


def cover(channel: Channel, log: Log) -> None:
    """Forget the keys that do not cover the log as it is now."""
    if not covers(channel, log):
        channel.keys = channel.keys.covering(log.head.generation, newest_removal(log))


def make_group_key(channel: Channel, random_bytes: RandomBytes) -> list[Effect]:
    """Make a group key where none covers the log; only who leads does."""
    return [] if channel.keys.newest is not None else new_key(channel, random_bytes)


def new_key(channel: Channel, random_bytes: RandomBytes) -> list[Effect]:
    """Make another group key for the log as it is, and seal with it from now on; only who leads does."""
    keys = channel.keys
    channel.keys = keys.taught(new_group_key(random_bytes, keys.generation, keys.removal))
    return store_keys(channel)


def store_keys(channel: Channel) -> list[Effect]:
    """Store the ring, unless the disk has just that: a log that is back from a branch asks again (R12)."""
    data = channel.keys.encode()
    if data == channel.stored:
        return []
    channel.stored = data
    return [StoreFile(FILE, data)]
