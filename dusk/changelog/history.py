"""What a log keeps of every position: its chain hash, of which epoch it is, and who the owners were."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from dusk.changelog.entry import HANDOVER, OPEN, Entry, trust_behind
from dusk.errors import UntrustedInput
from dusk.ids import EMPTY_HEAD, BootId, ChainHash, ChangeId, DeviceId, Head, Named, Seq


class ForkFound(UntrustedInput):
    """Another log differs from ours at a position that we hold; ours stays (R5)."""


class Epoch(NamedTuple):
    """An `open`: its entry, what every entry of the epoch says of itself, and who leads."""

    seq: Seq
    generation: int
    mandate: int
    epoch: int
    writer: DeviceId
    boot: BootId


class Trusted(NamedTuple):
    """An entry that wrote section `trust`: where, in which generation, and the section's hash behind it."""

    seq: Seq
    generation: int
    hash: bytes


class Passed(NamedTuple):
    """The entries from the first on up to some position: of each the chain hash and the change's id."""

    chains: Sequence[ChainHash]
    changes: Sequence[ChangeId | None]


class History:
    """Chain hashes by position, and the epochs and changes of the owners, of which there are few."""

    def __init__(self) -> None:
        self._chains: list[ChainHash] = [EMPTY_HEAD.chain]
        self._changes: list[ChangeId | None] = [None]
        self._epochs: list[Epoch] = []
        self._handovers: list[Seq] = []
        self.trusted: list[Trusted] = []
        """The entries that wrote section `trust`, from the first one on, also where the others are gone."""

    @classmethod
    def up_to(cls, passed: "Passed", epoch: Epoch, *, handed_over: bool) -> "History":
        """Return the history of a log of which the entries up to some position are gone."""
        history = cls()
        history._chains += passed.chains
        history._changes += passed.changes
        history._epochs.append(epoch)
        if handed_over:
            history._handovers.append(Seq(len(passed.chains)))
        return history

    @property
    def head(self) -> Head:
        """The head of the log."""
        return self.head_at(len(self._chains) - 1) or EMPTY_HEAD

    @property
    def leader(self) -> DeviceId | None:
        """Who opened the epoch of the head."""
        return self._epochs[-1].writer if self._epochs else None

    @property
    def handed_over(self) -> bool:
        """Whether the newest entry is a handover: what follows is another epoch."""
        return bool(self._handovers) and self._handovers[-1] == len(self._chains) - 1

    @property
    def epoch(self) -> Epoch:
        """The newest epoch; there is one."""
        return self._epochs[-1]

    def changes(self, first: int, last: int) -> list[ChangeId | None]:
        """Return the ids of the changes of entries ``first`` to ``last``; None for one without."""
        return self._changes[first : last + 1]

    def add(self, entry: Entry) -> None:
        """Take the next entry."""
        self._chains.append(entry.head.chain)
        self._changes.append(entry.change)
        if entry.kind is OPEN:
            position = (entry.generation, entry.mandate, entry.epoch)
            self._epochs.append(Epoch(entry.seq, *position, entry.writer, entry.boot))
        elif entry.kind is HANDOVER:
            self._handovers.append(entry.seq)
        trust = trust_behind(entry)
        if trust is not None:
            self.trusted.append(Trusted(entry.seq, entry.generation, trust))

    def pop(self) -> None:
        """Forget the newest entry."""
        self._chains.pop()
        self._changes.pop()
        if self._epochs[-1].seq == len(self._chains):
            self._epochs.pop()
        if self._handovers and self._handovers[-1] == len(self._chains):
            self._handovers.pop()
        if self.trusted and self.trusted[-1].seq == len(self._chains):
            self.trusted.pop()

    def named(self, seq: int) -> Named | None:
        """Return an entry that we hold as others may know it; the generation rises with `trust` alone."""
        chain = self.chain_at(seq)
        place = bisect_right(self.trusted, seq, key=lambda trusted: trusted.seq)
        if chain is None or not place:
            return None
        last = self.trusted[place - 1]
        return Named(last.generation, Seq(seq), chain, last.hash)

    def chain_at(self, seq: int) -> ChainHash | None:
        """Return the chain hash at a position that we hold."""
        return self._chains[seq] if 0 <= seq < len(self._chains) else None

    def head_at(self, seq: int) -> Head | None:
        """Return the head that the log had when its entry ``seq`` was the newest."""
        chain, epoch = self.chain_at(seq), self._epoch_at(seq)
        if chain is None or epoch is None:
            return None
        return Head(epoch.generation, epoch.mandate, epoch.epoch, Seq(seq), chain)

    def writer_at(self, seq: int) -> DeviceId | None:
        """Return who led the epoch of an entry that we hold."""
        epoch = self._epoch_at(seq)
        return None if epoch is None or seq >= len(self._chains) else epoch.writer

    def check(self, seq: int, chain: ChainHash, what: str) -> None:
        """Compare a position that we hold.

        Raises:
            ForkFound: it is another one.
        """
        if self.chain_at(seq) != chain:
            raise ForkFound(f"{what} {seq}: differs from ours")

    @property
    def boot(self) -> BootId | None:
        """Return in which run of its device the newest epoch was opened."""
        return self._epochs[-1].boot if self._epochs else None

    def _epoch_at(self, seq: int) -> Epoch | None:
        place = bisect_right(self._epochs, seq, key=lambda epoch: epoch.seq)
        return self._epochs[place - 1] if place else None
