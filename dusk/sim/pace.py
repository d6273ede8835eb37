"""Checkpoints as often as a short simulation needs them."""

from collections.abc import Iterator
from contextlib import contextmanager

from dusk import limits

STEP, RETENTION = 8, 4


@contextmanager
def quick_checkpoints() -> Iterator[None]:
    """Let owners attest every few entries, and keep few behind a checkpoint, for as long as this lasts."""
    former = limits.CHECKPOINT_STEP, limits.RETENTION_ENTRIES
    limits.CHECKPOINT_STEP, limits.RETENTION_ENTRIES = STEP, RETENTION
    try:
        yield
    finally:
        limits.CHECKPOINT_STEP, limits.RETENTION_ENTRIES = former
