"""P17: what a log takes on the disk once it was compacted, and what of it outlives a new image."""

import tempfile
import time
from pathlib import Path

from benchmarks.measure import Row
from benchmarks.sustained import changes_of
from dusk import codec, limits
from dusk.changelog.attesting import to_attest
from dusk.changelog.foundation import kept_entries
from dusk.daemon.storage import Storage, open_storage
from dusk.effects import Append, Compact, UseCompacted
from tests.world import World

CHANGES = 10_000
SMALL_FILES_BYTES = 1024
"""Identity, status key and group keys: a hundred bytes, 32, and four keys of some hundred."""


def _grown() -> World:
    """Return a cluster after so many changes, and its owner's word for the state."""
    world = World()
    for change in changes_of(world, world.master, CHANGES, first_counter=2):
        world.write(change)
    edit = to_attest(world.log, world.owner.key_id)
    assert edit is not None, "there is enough to attest"
    world.commit(edit)
    return world


def _compact(storage: Storage, world: World) -> float:
    """Compact the log as the daemon does; returns what the first part took, which runs beside all else."""
    effect = Compact(world.cluster, world.log.checkpoint, ())
    storage.do([effect])
    began = time.perf_counter()
    storage.made(storage.job(effect).run(world.cluster))
    took_s = time.perf_counter() - began
    storage.do([UseCompacted(effect.seq)])
    return took_s


def rows() -> list[Row]:
    """P17: the node's folder after ten thousand changes, all of which is kept for a new image today."""
    world = _grown()
    with tempfile.TemporaryDirectory(prefix="dusk-bench-") as folder:
        storage, _ = open_storage(Path(folder))
        storage.do([Append(tuple(world.items))])
        before, took_s = storage.store.size_bytes, _compact(storage, world)
        foundation = storage.store.reading.foundation()
        whole = storage.store.size_bytes + SMALL_FILES_BYTES
        storage.close()
    assert foundation is not None, "it was compacted"
    row = codec.unpack(foundation, size_max=limits.FOUNDATION_BYTES_MAX)
    needed = len(foundation) - sum(len(part) for part in row if isinstance(part, bytes)) + SMALL_FILES_BYTES
    assert kept_entries(foundation), "the owners' chain is in it"
    mib, kib = 2**20, 2**10
    what = f"after {CHANGES:,} changes over 200 records"
    return [
        Row("P17", f"log {what}, compacted (y: not)", whole / mib, "MiB", before / mib, limit=1.5),
        Row("P17", "kept for a new image: all of it", whole / kib, "KiB", limit=256),
        Row("", "of it keys, owners' chain, state: what would do", needed / kib, "KiB"),
        Row("", f"compacting {CHANGES:,} changes at once, beside all else", took_s, "s"),
    ]
