"""Verifies signatures on two cores: libsodium works without Python's lock.

More would not help: what is done with the lock, for each signature, is a tenth of it.
"""

import os
from collections.abc import Sequence
from threading import Thread

from dusk.keys.signing import NONE_VERIFIED, SignedBytes, Verified, VerifyAhead, all_verified, verified_of

CLAIMS_MIN = 16
"""Fewer are verified sooner than a thread starts."""


def verify_ahead_here() -> VerifyAhead:
    """Return what verifies ahead on this machine: on one core there are no halves."""
    return on_two_cores if len(os.sched_getaffinity(0)) > 1 else verified_of


def on_two_cores(claims: Sequence[SignedBytes]) -> Verified:
    """Verify claims here and in one thread; if too few for that, leave them to their turn."""
    if len(claims) < CLAIMS_MIN:
        return NONE_VERIFIED
    parts: list[Verified] = []
    thread = Thread(target=lambda: parts.append(verified_of(claims[1::2])), name="verify")
    thread.start()
    here = verified_of(claims[::2])
    thread.join()
    return all_verified([here, *parts])
