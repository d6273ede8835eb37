"""Checkpoints, and absence, as soon as a short simulation needs them."""

from collections.abc import Iterator
from contextlib import contextmanager

from dusk import limits

STEP, RETENTION, ABSENT_CYCLES = 8, 4, 6


@contextmanager
def quick_checkpoints() -> Iterator[None]:
    """Let owners attest every few entries, keep few behind a checkpoint, and call members absent soon."""
    former = limits.CHECKPOINT_STEP, limits.RETENTION_ENTRIES, limits.ABSENT_CYCLES_MIN
    limits.CHECKPOINT_STEP, limits.RETENTION_ENTRIES = STEP, RETENTION
    limits.ABSENT_CYCLES_MIN = ABSENT_CYCLES
    try:
        yield
    finally:
        limits.CHECKPOINT_STEP, limits.RETENTION_ENTRIES, limits.ABSENT_CYCLES_MIN = former
