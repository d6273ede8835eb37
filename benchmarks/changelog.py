"""P4: what a device that was away pays for each entry that it fetches."""

import gc
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from nacl import bindings

from benchmarks.measure import Row, keep_profile
from benchmarks.sustained import changes_of
from dusk.catchup.chunks import entries_in, thin, up_to_last_head
from dusk.catchup.messages import Items, decode_reply, encode
from dusk.changelog.body import Change
from dusk.changelog.log import Log
from dusk.daemon.opening import open_store
from dusk.daemon.verifying import verify_ahead_here
from dusk.ids import Seq
from dusk.limits import CHUNK_BYTES_MAX
from tests.world import World

CHANGES = 10_000
ROUNDS = 3


class _Away:
    """A log of ten thousand changes, as chunks on their way to a device that was away."""

    def __init__(self) -> None:
        self.world = World()
        device = self.world.master
        self.changes = changes_of(self.world, device, CHANGES, first_counter=2)
        for change in self.changes:
            self.world.write(change)
        self.chunks = self._chunks()

    def _chunks(self) -> list[bytes]:
        """Cut the log as a server does that reads it from its disk."""
        with tempfile.TemporaryDirectory(prefix="dusk-bench-") as folder:
            store = open_store(Path(folder)).store
            store.append(self.world.items)
            chunks, first = [], 1
            while first <= store.last:
                items = thin(store.read_items(Seq(first), CHUNK_BYTES_MAX))
                first += entries_in(items)
                chunks.append(encode(Items(items, more=first <= store.last)))
            store.close()
        return chunks

    def take(self) -> None:
        """Do what a client's exchange and its daemon do with the chunks, the fsyncs included."""
        with tempfile.TemporaryDirectory(prefix="dusk-bench-") as folder:
            store, log = open_store(Path(folder)).store, Log(self.world.cluster, verify_ahead_here())
            for chunk in self.chunks:
                message = decode_reply(chunk)
                assert isinstance(message, Items)
                store.append(log.extend(up_to_last_head(message.items)))
            store.close()
        assert log.head == self.world.log.head


def _seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _verifier(changes: list[Change]) -> Callable[[], None]:
    """Return what verifies as many signatures, of messages of the same length, and nothing else."""
    public, secret = bindings.crypto_sign_seed_keypair(bytes(32))
    signed = [bindings.crypto_sign(change.body_bytes, secret) for change in changes]
    verify = bindings.crypto_sign_open

    def run() -> None:
        for message in signed:
            verify(message, public)

    return run


def rows() -> list[Row]:
    """P4: decoded, verified, folded and stored, beside as many bare verifications; rounds in turn."""
    away = _Away()
    verify = _verifier(away.changes)
    gc.collect()
    gc.freeze()  # who made the changes is not on the device that fetches them: the collector leaves it be
    pairs = [(_seconds(verify), _seconds(away.take)) for _ in range(ROUNDS)]
    gc.unfreeze()
    taken = [pair[1] for pair in pairs]
    bare = min(pair[0] for pair in pairs)
    name = f"catch-up of {CHANGES:,} changes, stored (y: verify)"
    return [Row("P4", name, min(taken), "s", bare, limit_ratio=1.5, samples=tuple(taken))]


def profile(folder: Path) -> None:
    """Keep a profile of a catch-up."""
    keep_profile(_Away().take, folder / "P4.txt")
