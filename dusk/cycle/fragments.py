"""Batches in pieces: cut for DATA, and put together again within a bounded memory.

DATA is sealed with the group key alone, so a hostile member may send any. It can keep a batch
from being complete, which catch-up repairs, but never more memory than the bound, and never
an entry: the chain decides about those.
"""

from collections.abc import Sequence
from dataclasses import field

from dusk import codec, limits
from dusk.cycle.messages import CHAIN_PREFIX_BYTES, Fragment, Held
from dusk.effects import Address, ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import Head, Seq
from dusk.lazy import dataclass

_STREAM_BYTES_MAX = limits.FRAGMENT_BYTES_MAX * limits.FRAGMENTS_MAX


def cut_batch(entries: Sequence[LogItem], head: Head) -> tuple[Fragment, ...]:
    """Cut entries that end at ``head`` into pieces; empty if they are too many for DATA."""
    stream = codec.pack([item.data for item in entries])
    if len(stream) > limits.DATA_BYTES_MAX:
        return ()
    size = limits.FRAGMENT_BYTES_MAX
    chunks = [stream[at : at + size] for at in range(0, len(stream), size)]
    prefix = head.chain[:CHAIN_PREFIX_BYTES]
    return tuple(
        Fragment(head.epoch, head.seq, prefix, index, len(chunks), chunk)
        for index, chunk in enumerate(chunks)
    )


@dataclass(slots=True)
class _Batch:
    """One batch on its way in."""

    trusted: bool
    count: int
    chunks: dict[int, bytes] = field(default_factory=dict)
    entries: tuple[LogItem, ...] | None = None
    """What it holds, once complete and read."""


class Reassembly:
    """Puts DATA together, in any order, from any source.

    At most ``BATCHES_MAX`` batches of at most ``FRAGMENTS_MAX`` pieces are held. Batches are
    kept apart by source, so that pieces from elsewhere do not spoil the master's; to make
    room, those from elsewhere go first, then the oldest.
    """

    def __init__(self) -> None:
        self._batches: dict[tuple[str, Seq, bytes], _Batch] = {}

    def add(self, fragment: Fragment, source: Address, *, trusted: bool) -> bool:
        """Take a piece.

        Args:
            fragment: the piece.
            source: where it came from.
            trusted: whether that is where the master was heard from.

        Returns:
            Whether a batch became complete by it.

        Raises:
            UntrustedInput: it contradicts other pieces, the complete batch is not a list of
                entries, or there is no room for pieces from elsewhere.
        """
        place = (source.host, fragment.last, fragment.chain)
        batch = self._batches.get(place)
        if batch is None:
            self._make_room(trusted=trusted)
            batch = self._batches[place] = _Batch(trusted, fragment.count)
        if batch.count != fragment.count:
            raise UntrustedInput("DATA: pieces of two sizes")
        if fragment.index in batch.chunks or batch.entries is not None:
            return False
        batch.chunks[fragment.index] = fragment.chunk
        if len(batch.chunks) < batch.count:
            return False
        try:
            batch.entries = _read(b"".join(batch.chunks[index] for index in range(batch.count)))
        except UntrustedInput:
            del self._batches[place]
            raise
        batch.chunks.clear()
        return True

    def entries_up_to(self, head: Head, own: Seq) -> tuple[LogItem, ...] | None:
        """Return entries that lead from ``own`` to ``head``, or None while some are missing.

        What they hold is not verified; there may be some at or below ``own`` before them.
        """
        found: list[tuple[LogItem, ...]] = []
        wanted, prefix = head.seq, head.chain[:CHAIN_PREFIX_BYTES]
        while wanted > own:
            batch = self._complete(wanted, prefix)
            if batch is None:
                return None
            found.append(batch)
            wanted, prefix = Seq(wanted - len(batch)), b""
        return tuple(item for batch in reversed(found) for item in batch)

    def held(self, own: Seq) -> tuple[Held, ...]:
        """Return which pieces of the master's batches behind ``own`` are here."""
        return tuple(
            Held(chain, _bits(batch))
            for (_, last, chain), batch in self._batches.items()
            if batch.trusted and last > own
        )

    def forget(self, own: Seq) -> None:
        """Drop what ends at or below our own position."""
        self._batches = {place: batch for place, batch in self._batches.items() if place[1] > own}

    def clear(self) -> None:
        """Drop everything; what was put together did not verify."""
        self._batches.clear()

    def _complete(self, last: Seq, prefix: bytes) -> tuple[LogItem, ...] | None:
        """Return a complete batch that ends here, with this chain if that is known."""
        fitting = [
            batch
            for (_, seq, chain), batch in self._batches.items()
            if seq == last and chain.startswith(prefix) and batch.entries
        ]
        best = next((batch for batch in fitting if batch.trusted), fitting[0] if fitting else None)
        return None if best is None else best.entries

    def _make_room(self, *, trusted: bool) -> None:
        if len(self._batches) < limits.BATCHES_MAX:
            return
        if not trusted:
            raise UntrustedInput("DATA: no room for another source")
        elsewhere = (place for place, batch in self._batches.items() if not batch.trusted)
        self._batches.pop(next(elsewhere, next(iter(self._batches))))


def _bits(batch: _Batch) -> int:
    """Return which pieces are here, one bit each."""
    if batch.entries is not None:
        return (1 << batch.count) - 1
    return sum(1 << index for index in batch.chunks)


def _read(stream: bytes) -> tuple[LogItem, ...]:
    """Return the entries of a complete batch; each is verified only by the log."""
    rows = codec.unpack(stream, size_max=_STREAM_BYTES_MAX, depth_max=1)
    entries = tuple(LogItem(ItemKind.ENTRY, codec.blob(row, _STREAM_BYTES_MAX, "DATA entry")) for row in rows)
    if not entries:
        raise UntrustedInput("DATA: an empty batch")
    return entries
