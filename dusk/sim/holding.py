"""What each device's disk holds: one branch that stands, those that it left, and what proves them final.

Whatever a device forgets itself is remembered here. The items of a disk are followed by a few
lines of their own, not by those of the store.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dusk import codec
from dusk.changelog.certificate import decode_certificate
from dusk.changelog.entry import decode_signed_head, pack_head
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash, ChangeId, DeviceId, KeyId, PublicKey, Seq
from dusk.sim.broken import RuleBroken
from dusk.sim.choice import Side
from dusk.sim.history import History
from dusk.sim.tree import NOWHERE, Logged, behind, is_on, proven_by


@dataclass(slots=True)
class Holding:
    """What is on one device's disk.

    Attributes:
        name, index, device: of the device.
        path: the entries that stand there, in order, covered by a signed head or not.
        stored: how many of them are covered.
        proven: up to where the disk itself proves that they are final.
        all: every entry on it, also of branches that it left.
        kept: changes that its outbox ever had; they may not be lost.
        just_left: what the log left in this round: messages of before the switch leave behind it.
    """

    name: str
    index: int
    device: DeviceId
    path: list[Logged] = field(default_factory=list)
    stored: Seq = NOWHERE
    proven: Seq = NOWHERE
    all: set[Logged] = field(default_factory=set)
    kept: set[ChangeId] = field(default_factory=set)
    just_left: set[Logged] = field(default_factory=set)

    @property
    def head(self) -> Logged | None:
        """The newest entry that is covered."""
        return self.path[self.stored - 1] if self.stored else None

    @property
    def side(self) -> Side:
        """What it has to defend against another branch."""
        return Side(self.head, self.proven)

    def at(self, seq: int) -> Logged | None:
        """Return the covered entry at a position."""
        return self.path[seq - 1] if 1 <= seq <= self.stored else None

    def lose(self, device: DeviceId) -> None:
        """Forget all: the disk is another one now, perhaps with another key."""
        self.device = device
        for logged in self.all:
            logged.on.discard(self.index)
        self.path, self.all, self.kept = [], set(), set()
        self.stored = self.proven = NOWHERE


class Shelf:
    """Follows what is written to logs.

    Args:
        history: judges what is new.
        publics: key id → public key, of every device.
    """

    def __init__(self, history: History, publics: Mapping[KeyId, PublicKey]) -> None:
        self._history, self._publics = history, publics
        self._heads: dict[bytes, ChainHash] = {}
        self._certificates: dict[bytes, Logged] = {}

    def append(self, holding: Holding, items: Sequence[LogItem]) -> None:
        """Take what was appended as one write.

        Raises:
            RuleBroken: an entry may not stand there, or the device gave up what it may not.
        """
        before = holding.side
        for item in items:
            self._take(holding, item)
        self._history.check_switch(holding.name, before, holding.head)

    def reread(
        self,
        holding: Holding,
        items: Sequence[LogItem],
        left: Iterable[LogItem] = (),
        below: ChainHash | None = None,
    ) -> None:
        """Take a disk as it is at a start: nothing that was durable may be missing.

        Args:
            holding: what is known of it.
            items: all of its log.
            left: what stood on branches that do not stand any more.
            below: chain hash of the checkpoint that the log stands on.

        Raises:
            RuleBroken: something is.
        """
        before = holding.side
        holding.path, holding.stored, holding.proven = [], NOWHERE, NOWHERE
        if below is not None:
            self._stand_on(holding, below)
        for item in whole(items):
            self._take(holding, item)
        for item in left:
            if item.kind is ItemKind.ENTRY:
                logged = self._history.see(item)
                holding.all.add(logged)
                logged.on.add(holding.index)
        self._history.check_switch(holding.name, before, holding.head)
        if holding.proven < before.settled and holding.head is before.head:
            raise RuleBroken("R4", f"{holding.name} forgot that entry {before.settled} is final")

    def _stand_on(self, holding: Holding, below: ChainHash) -> None:
        """Begin at a checkpoint: it stands for all before it, which is final (R4, A42)."""
        logged = self._history.at(below)
        if logged is None or not logged.settled:
            raise RuleBroken("R4", f"{holding.name} stands on a checkpoint that is not final, or of no log")
        holding.path = behind(None, logged)
        holding.all.update(holding.path)
        for each in holding.path:
            each.on.add(holding.index)
            each.ever.add(holding.index)
        holding.stored = holding.proven = logged.seq

    def _take(self, holding: Holding, item: LogItem) -> None:
        match item.kind:
            case ItemKind.ENTRY:
                self._entry(holding, item)
            case ItemKind.HEAD:
                self._head(holding, item)
            case ItemKind.CERTIFICATE:
                certified = self.certificate(item.data)
                if certified.seq <= len(holding.path) and holding.path[certified.seq - 1] is certified:
                    holding.proven = max(holding.proven, certified.seq)
                    self._by_head(holding)  # what stands behind it may be its leader's alone
            case ItemKind.REWIND:
                self._rewind(holding, item)
            case ItemKind.WITNESS:
                self._witness(holding, item)

    def _entry(self, holding: Holding, item: LogItem) -> None:
        is_new = not self._history.knows(item)
        logged = self._history.see(item)
        if is_new and logged.entry.writer != holding.device:
            raise RuleBroken("R8", f"{holding.name} has entry {logged.seq} before its writer stored it")
        last = holding.path[-1] if holding.path else None
        if logged.parent is not last:
            behind = 0 if last is None else last.seq
            raise RuleBroken("R7", f"{holding.name} appends entry {logged.seq} behind {behind}")
        holding.path.append(logged)
        holding.all.add(logged)

    def _head(self, holding: Holding, item: LogItem) -> None:
        """Cover what stands there by the word of its epoch's leader (R6)."""
        if not holding.path:
            raise RuleBroken("R6", f"{holding.name} has a head of nothing")
        logged = holding.path[-1]
        self.check_head(holding.name, logged, item)
        for each in holding.path[holding.stored :]:
            each.on.add(holding.index)
            each.ever.add(holding.index)
        holding.stored = logged.seq
        self._by_head(holding)

    def _by_head(self, holding: Holding) -> None:
        """Take the newest signed head for what its leader alone has a say in (R4)."""
        logged = holding.head
        if logged is None:
            return
        self._history.cover(logged)
        base = holding.path[holding.proven - 1] if holding.proven else None
        news = holding.path[holding.proven :]
        if base is None or len(base.holders) == 1 or any(_is_another_term(base, each) for each in news):
            holding.proven = max(holding.proven, proven_by(base, news, {logged.leader}))

    def _witness(self, holding: Holding, item: LogItem) -> None:
        """Take the word for a branch that was left for what its signers had a say in before the fork."""
        seq, _, kind, data = codec.unpack(item.data, size_max=len(item.data))
        is_certificate = kind == ItemKind.CERTIFICATE
        chain = (decode_certificate(data) if is_certificate else decode_signed_head(data)).head.chain
        logged = self._history.at(chain)
        if logged is None or not 1 <= seq <= len(holding.path) or not is_on(logged, holding.path[seq - 1]):
            raise RuleBroken("R4", f"{holding.name} keeps a word that proves nothing of entry {seq}")
        signers = {logged.leader}
        if is_certificate:
            self.certificate(data)
            signers = {device for device, _ in decode_certificate(data).acks}
        else:
            self.check_head(holding.name, logged, LogItem(ItemKind.HEAD, data))
        base = holding.path[holding.proven - 1] if holding.proven else None
        news = holding.path[holding.proven : seq]
        holding.proven = max(holding.proven, proven_by(base, news, signers))

    def check_head(self, name: str, logged: Logged, item: LogItem) -> None:
        """Check that a signed head is an entry's, by who leads there (R6).

        Raises:
            RuleBroken: it is not.
        """
        if self._heads.get(item.data) == logged.chain:
            return
        try:
            signed = decode_signed_head(item.data)
        except UntrustedInput as error:
            raise RuleBroken("R6", f"{name} has a head that nobody can read: {error}") from None
        public = self._publics[KeyId(logged.leader)]
        if signed.head != logged.entry.head or not signed.signed_by(public, self._history.cluster):
            raise RuleBroken("R6", f"{name} has a head at {logged.seq} that its leader did not sign")
        self._heads[item.data] = logged.chain

    def certificate(self, data: bytes) -> Logged:
        """Take a certificate from a disk or the wire, and return the entry that it is about.

        Raises:
            RuleBroken: not all have signed it who must (R4).
        """
        if data not in self._certificates:
            try:
                found = decode_certificate(data)
            except UntrustedInput as error:
                raise RuleBroken("R4", f"a certificate that nobody can read: {error}") from None
            head, acks = pack_head(found.head), dict(found.acks)
            self._certificates[data] = self._history.certify(head, found.head.chain, acks)
        return self._certificates[data]

    def _rewind(self, holding: Holding, item: LogItem) -> None:
        """Go back to the fork; what stood behind it stays on the disk, and does not stand any more."""
        seq, _ = codec.unpack(item.data, size_max=len(item.data))
        if seq > len(holding.path):
            raise RuleBroken("R7", f"{holding.name} goes back to entry {seq} of {len(holding.path)}")
        del holding.path[seq:]
        holding.stored = min(holding.stored, Seq(seq))
        holding.proven = min(holding.proven, Seq(seq))


def whole(items: Iterable[LogItem]) -> list[LogItem]:
    """Return the items of a disk up to a rewind without all the items that it counts."""
    found = list(items)
    for place, item in enumerate(found):
        if item.kind is ItemKind.REWIND:
            _, count = codec.unpack(item.data, size_max=len(item.data))
            if len(found) - place - 1 < count:
                return found[:place]
    return found


def _is_another_term(base: Logged, logged: Logged) -> bool:
    """Tell whether an entry sets another succession than stood at the base, or sets one by force."""
    return logged.is_forced or logged.holders != base.holders
