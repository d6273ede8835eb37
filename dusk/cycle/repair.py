"""The master's side of repair: batches that were sent, and which of their pieces to send again.

Bounds: a member gets at most so many repairs of one batch, repairs have a pause between them,
and each is of at most so many datagrams. So a hostile member that asks for everything for ever
costs a known number of bytes for each batch, and nothing without one (A6, A15).
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import field

from dusk.cycle.messages import Request
from dusk.cycle.peers import Peer
from dusk.ids import DeviceId, Head, Seq
from dusk.lazy import dataclass
from dusk.limits import BATCHES_MAX, FRAGMENTS_MAX

GATHER_S = 0.015
"""From the first question to the repair: others lack the same."""
GAP_S = 0.04
"""Least time between two repairs."""
REPAIRS_MAX = 10
"""Repairs of one batch for one member."""
DATAGRAMS_MAX = 2 * FRAGMENTS_MAX
"""In one repair; the rest waits for the next."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries on the air: positions ``first`` to ``last``, sealed in pieces; none if too large for DATA."""

    first: Seq
    last: Seq
    chain: bytes
    datagrams: tuple[bytes, ...]
    repairs: Counter[DeviceId] = field(default_factory=Counter)
    """How often somebody was given pieces of it again."""


class Repairs:
    """The newest batches, and who lacks which piece of them."""

    def __init__(self) -> None:
        self.due_at: float | None = None
        """When :meth:`take` is wanted, monotonic seconds."""
        self._batches: deque[Batch] = deque(maxlen=BATCHES_MAX)
        self._wanted: dict[tuple[Seq, int], dict[DeviceId, Peer]] = {}
        self._taken_at = float("-inf")

    def sent(self, batches: Iterable[Batch]) -> None:
        """Keep batches for repair, the oldest make room."""
        self._batches.extend(batches)
        oldest = self._batches[0].first if self._batches else 0
        self._wanted = {key: peers for key, peers in self._wanted.items() if key[0] >= oldest}

    def reaches(self, head: Head) -> bool:
        """Tell whether the batch that ends at a head was sent as DATA and is kept."""
        return (
            bool(self._batches) and self._batches[-1].last == head.seq and bool(self._batches[-1].datagrams)
        )

    def since(self, seq: Seq) -> list[bytes]:
        """Return all pieces of the batches from a position on."""
        return [datagram for batch in self._batches if batch.last >= seq for datagram in batch.datagrams]

    def heard(self, peer: Peer, request: Request | None, now: float) -> None:
        """Take what a member's newest answer asks for; it replaces what it asked for before."""
        if self._wanted:
            self._forget(peer)
        if request is None:
            return
        lacking = [batch for batch in self._batches if batch.last > peer.stored]
        if not self._lead_on(peer, lacking):
            return
        held = {each.chain: each.pieces for each in request.held}
        for batch in lacking:
            if batch.repairs[peer.device_id] < REPAIRS_MAX:
                self._want(peer, batch, held.get(batch.chain, 0))
        if self._wanted and self.due_at is None:
            self.due_at = max(now + GATHER_S, self._taken_at + GAP_S)

    def _lead_on(self, peer: Peer, lacking: Sequence[Batch]) -> bool:
        """Tell whether these batches lead on from what a member has; else that is for catch-up."""
        whole = bool(lacking) and lacking[0].first <= peer.stored + 1
        return whole and all(batch.datagrams for batch in lacking)

    def _want(self, peer: Peer, batch: Batch, held: int) -> None:
        missing = [index for index in range(len(batch.datagrams)) if not held >> index & 1]
        if missing:
            batch.repairs[peer.device_id] += 1
        for index in missing:
            self._wanted.setdefault((batch.last, index), {})[peer.device_id] = peer

    def _forget(self, peer: Peer) -> None:
        for peers in self._wanted.values():
            peers.pop(peer.device_id, None)
        self._wanted = {key: peers for key, peers in self._wanted.items() if peers}

    def take(self, now: float) -> list[tuple[bytes, Peer | None]]:
        """Return what to send now: a piece, and the only member that lacks it, or None for several."""
        pieces = {batch.last: batch.datagrams for batch in self._batches}
        keys = sorted(self._wanted)[:DATAGRAMS_MAX]
        found = [(key, self._wanted.pop(key)) for key in keys]
        self._taken_at = now
        self.due_at = now + GAP_S if self._wanted else None
        return [(pieces[last][index], _only(peers)) for (last, index), peers in found]


def _only(peers: dict[DeviceId, Peer]) -> Peer | None:
    """Return the only one; None of several."""
    return next(iter(peers.values())) if len(peers) == 1 else None
