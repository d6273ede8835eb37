"""What is known of the whole state at a position at which owners may attest it."""

from typing import NamedTuple

from dusk.ids import ChainHash, KeyId


class Milestone(NamedTuple):
    """One such position.

    Args:
        chain: the chain hash there.
        state: hash of the whole state there.
        used: hash over the ids of all changes up to there, with what became of them.
        owners, quorum: who could attest it then, and how many of them must.
    """

    chain: ChainHash
    state: bytes
    used: bytes
    owners: frozenset[KeyId]
    quorum: int
