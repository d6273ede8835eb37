"""One replica's log: verifies entries and signed heads, and writes them (R1, R2, R5–R7).

Rules, as `extend` and `write` check them:

- seq rises by exactly one, the previous chain hash is ours, generation and mandate stay, the
  epoch rises only in an ``open`` entry and then by at most 2²⁰ (A5).
- An epoch's entries are all by the device that opened it. It is in the succession of the state
  before, or in a genesis makes itself the succession. Once it is retired it writes no more
  (A25); it may still sign the head of the entry that retired it.
- Outcome, section hashes and derived hash are what this replica computes itself.
- Nothing counts before a head that covers it was signed by its epoch's writer. Verification
  is whole or nothing: after an error the log is what it was.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from dusk import codec, limits
from dusk.changelog.body import Change, decode_change
from dusk.changelog.entry import (
    APPLIED,
    Entry,
    EntryKind,
    Glance,
    Outcome,
    SignedHead,
    Stamp,
    decode_entry,
    decode_signed_head,
    glance,
)
from dusk.changelog.fold import claims_of, judge
from dusk.changelog.genesis import judge_genesis
from dusk.changelog.state import HolderKind, State, Undo
from dusk.changelog.trail import Again, Kept, Step, Trail
from dusk.changelog.verdict import Verdict
from dusk.effects import ItemKind, LogItem
from dusk.errors import Refused, UntrustedInput
from dusk.ids import (
    EMPTY_HEAD,
    NO_CLUSTER,
    ChainHash,
    ChangeId,
    ClusterId,
    DeviceId,
    Head,
    KeyId,
    PublicKey,
    Seq,
)
from dusk.keys.signing import NONE_VERIFIED, SignedBytes, Verified, VerifyAhead, verified_of

_ITEM_BYTES_MAX = limits.ENTRY_BYTES_MAX + limits.CHANGE_BYTES_MAX + 64
_ITEM = codec.Row(
    "log item",
    entry=codec.blob_to(limits.ENTRY_BYTES_MAX),
    change=codec.blob_to(limits.CHANGE_BYTES_MAX, or_nil=True),
)
_NOTHING = Verdict(APPLIED, (), ())


class ForkFound(UntrustedInput):
    """Another log differs from ours at a position that we hold; ours stays (R5)."""


class Left(NamedTuple):
    """A branch that the log left, and may come back to: entries with what they wrote, newest head."""

    again: tuple[Again, ...]
    newest: SignedHead | None

    @property
    def items(self) -> tuple[LogItem, ...]:
        """The branch as the disk has it: entries and signed heads."""
        return tuple(item for again in self.again for item in again.kept.items)


class _Glanced(NamedTuple):
    """An entry of which only that is known which its log cannot know, with its change."""

    entry_bytes: bytes
    own: Glance
    change: Change


def pack_entry_item(entry: Entry, change: Change | None) -> LogItem:
    """Return an entry as it is stored and sent."""
    body = None if change is None else change.encode()
    return LogItem(ItemKind.ENTRY, codec.pack((entry.encoded, body)))


def unpack_entry_item(data: bytes) -> tuple[Entry, Change | None]:
    """Read a stored entry with its change.

    Raises:
        UntrustedInput: not the encoding, or the change is not the entry's.
    """
    entry_bytes, change_bytes = _ITEM.decode(data, size_max=_ITEM_BYTES_MAX)
    entry = decode_entry(entry_bytes)
    if change_bytes is None:
        if entry.change is not None or entry.signatures is not None:
            raise UntrustedInput(f"entry {entry.seq}: its change is missing")
        return entry, None
    change = decode_change(change_bytes)
    if (entry.change, entry.signatures) != (change.id, change.signatures_hash):
        raise UntrustedInput(f"entry {entry.seq}: carries another change than it names")
    return entry, change


def verified_entry(item: LogItem) -> Entry:
    """Return the entry of an item that the log has taken; its change was read then, and is not again."""
    return decode_entry(_ITEM.decode(item.data, size_max=_ITEM_BYTES_MAX)[0])


def _glance_at(item: LogItem) -> _Glanced | None:
    """Read an item as far as an entry with a change needs it; None for one without.

    Raises:
        UntrustedInput: this much cannot be read.
    """
    entry_bytes, change_bytes = _ITEM.decode(item.data, size_max=_ITEM_BYTES_MAX)
    if change_bytes is None:
        return None
    return _Glanced(entry_bytes, glance(entry_bytes), decode_change(change_bytes))


def _read_ahead(items: Sequence[LogItem]) -> Mapping[int, _Glanced]:
    """Read what stands at each place; from the first on that cannot be read, all wait for their turn.

    To read all and then to judge all is faster than in turns: the code of one step stays in the
    processor's first cache (reading alone then takes a third less), and so does libsodium's.
    """
    read: dict[int, _Glanced] = {}
    try:
        for at, item in enumerate(items):
            glanced = _glance_at(item) if item.kind is ItemKind.ENTRY else None
            if glanced is not None:
                read[at] = glanced
    except UntrustedInput:
        pass
    return read


class Log:
    """The verified log of one cluster, with the state that it adds up to.

    Args:
        cluster: the cluster's id; None only for who makes a genesis or reads a log of its own
            disk whose id it takes from there.
        verify_ahead: verifies many signatures at once, before the entries are judged one by
            one; what it leaves out is verified then.
    """

    def __init__(self, cluster: ClusterId | None, verify_ahead: VerifyAhead = verified_of) -> None:
        self._verify_ahead = verify_ahead
        self.state = State()
        self.head: Head = EMPTY_HEAD
        self.newest: SignedHead | None = None
        self.leader: DeviceId | None = None
        """Who opened the epoch of the head."""
        self._expected = cluster
        self._cluster = cluster
        self._chains: list[ChainHash] = [EMPTY_HEAD.chain]
        self._positions: dict[ChangeId, Seq] = {}
        self._not_applied: dict[ChangeId, Outcome] = {}
        self._trail = Trail()

    @property
    def cluster(self) -> ClusterId | None:
        """The cluster's id, None while it is not known."""
        return self._cluster

    @property
    def settled(self) -> Seq:
        """Up to where all that must hold the log have said so."""
        return Seq(0) if self.newest is None else self.newest.head.seq

    def chain_at(self, seq: int) -> ChainHash | None:
        """Return the chain hash at a position that we hold."""
        return self._chains[seq] if 0 <= seq < len(self._chains) else None

    def position_of(self, change: ChangeId) -> Seq | None:
        """Return where a change stands in the log."""
        return self._positions.get(change)

    def outcome_of(self, change: ChangeId) -> Outcome:
        """Return what became of a change that stands in the log."""
        assert change in self._positions
        return self._not_applied.get(change, APPLIED)

    def device_key(self, device: DeviceId) -> PublicKey | None:
        """Return an active member's key."""
        holder = self.state.holder(KeyId(device))
        if holder is None or holder.kind is not HolderKind.DEVICE or not holder.active:
            return None
        return holder.public

    # --- verifying ---------------------------------------------------------------------------

    def extend(self, items: Sequence[LogItem]) -> tuple[LogItem, ...]:
        """Verify outside items and take those that a signed head among them covers.

        Args:
            items: entries and signed heads in log order; what we hold already is skipped.

        Returns:
            The items that were taken, to be appended to the disk.

        Raises:
            ForkFound: they differ from what we hold.
            UntrustedInput: anything in them is wrong; nothing was taken.
        """
        steps: list[Kept] = []
        taken: list[LogItem] = []
        covered, covered_steps = 0, 0
        newest = self.newest
        read = _read_ahead(items)
        verified = self._verify_ahead(self._claims(read.values()))
        try:
            for at, item in enumerate(items):
                if item.kind is ItemKind.ENTRY:
                    step = self._take_expected(read.get(at), verified) or self._take_any(item, verified)
                    if step is not None:
                        steps.append(Kept(step, item))
                        taken.append(item)
                elif (signed := self._take_head(item)) is not None:
                    newest = signed
                    if steps[covered_steps:]:
                        steps[-1].head = item
                        taken.append(item)
                        covered, covered_steps = len(taken), len(steps)
        except UntrustedInput:
            self._undo(steps)
            raise
        except Refused as error:
            self._undo(steps)
            raise UntrustedInput(f"entry {self.head.seq + 1}: {error.reason}") from None
        self._undo(steps[covered_steps:])
        if covered:
            self.newest = newest
            self._keep(*steps[:covered_steps])
        return tuple(taken[:covered])

    def _claims(self, read: Iterable[_Glanced]) -> list[SignedBytes]:
        """Return what is to be verified of entries that are new."""
        new = (glanced.change for glanced in read if glanced.own.seq > self.head.seq)
        return [claim for change in new for claim in claims_of(self.state, change)]

    def _take_any(self, item: LogItem, verified: Verified) -> Step | None:
        """Verify the next entry and take it; None for one that we hold."""
        entry, change = unpack_entry_item(item.data)
        if entry.seq <= self.head.seq:
            if self.chain_at(entry.seq) != entry.head.chain:
                raise ForkFound(f"entry {entry.seq}: differs from ours")
            return None
        return self._take(entry, change, verified)

    def _take_expected(self, glanced: _Glanced | None, verified: Verified) -> Step | None:
        """Take an entry whose bytes are those that we would have written in its writer's place.

        Nearly all are, and to compare all at once takes half the time of reading and judging
        each part. None, with nothing taken, for what has to be read to say what it is.
        """
        if self.leader is None or glanced is None or glanced.own.seq != self.head.seq + 1:
            return None
        own, change = glanced.own, glanced.change
        stamp = Stamp(self.leader, own.boot, own.time_s, own.clock_trusted)
        try:
            entry, undo = self._make(change, stamp, verified)
        except Refused:
            return None
        if entry.encoded != glanced.entry_bytes:
            self.state.undo(undo)
            return None
        return self._advance(entry, undo)

    def _take_head(self, item: LogItem) -> SignedHead | None:
        """Verify a signed head; None for one below what we hold, whose signature is past use."""
        signed = decode_signed_head(item.data)
        if signed.head.seq < self.head.seq:
            if self.chain_at(signed.head.seq) != signed.head.chain:
                raise ForkFound(f"signed head {signed.head.seq}: differs from ours")
            return None
        self.check_head(signed)
        return signed

    def check_head(self, signed: SignedHead) -> None:
        """Check that a signed head is exactly ours, by its epoch's writer.

        Raises:
            UntrustedInput: it is another head, or not signed by the leader of its epoch.
        """
        if signed.head != self.head:
            raise UntrustedInput(f"signed head {signed.head.seq}: not the head of these entries")
        if not self.signed_by_leader(signed):
            raise UntrustedInput(f"signed head {signed.head.seq}: not signed by its epoch's writer")

    def signed_by_leader(self, signed: SignedHead) -> bool:
        """Tell whether the leader of our head's epoch signed this, be it retired since."""
        holder = None if self.leader is None else self.state.holder(KeyId(self.leader))
        return holder is not None and signed.signed_by(holder.public, self.state.cluster)

    def _take(self, entry: Entry, change: Change | None, verified: Verified) -> Step:
        """Verify one entry against the state and take it; raises with nothing taken."""
        self._check_position(entry)
        stamp = Stamp(entry.writer, entry.boot, entry.time_s, entry.clock_trusted)
        verdict = self._judge(entry, change, stamp, verified)
        if verdict.outcome != entry.outcome:
            raise UntrustedInput(f"entry {entry.seq}: its outcome is not ours")
        undo = self.state.take(verdict.writes, verdict.derived)
        if (self._touched(verdict), self.state.derived_hash) != (entry.sections, entry.derived):
            self.state.undo(undo)
            raise UntrustedInput(f"entry {entry.seq}: its hashes are not those of our state")
        return self._advance(entry, undo)

    def _check_position(self, entry: Entry) -> None:
        ours = self.head
        if (entry.seq, entry.previous) != (ours.seq + 1, ours.chain):
            raise UntrustedInput(f"entry {entry.seq}: does not follow our entry {ours.seq}")
        if (entry.generation, entry.mandate) != (ours.generation, ours.mandate):
            raise UntrustedInput(f"entry {entry.seq}: generation or mandate changed without cause")
        if entry.kind is EntryKind.OPEN:
            if not ours.epoch < entry.epoch <= ours.epoch + limits.EPOCH_JUMP_MAX:
                raise UntrustedInput(f"entry {entry.seq}: epoch {entry.epoch} does not follow {ours.epoch}")
        elif entry.epoch != ours.epoch or entry.writer != self.leader:
            raise UntrustedInput(f"entry {entry.seq}: not by the writer of its epoch")

    def _judge(self, entry: Entry, change: Change | None, stamp: Stamp, verified: Verified) -> Verdict:
        if entry.seq == 1:
            return self._judge_first(entry, change)
        if entry.kind is EntryKind.OPEN:
            if change is not None or not self.may_lead(entry.writer):
                raise UntrustedInput(f"entry {entry.seq}: opened by who may not lead")
            return _NOTHING
        if entry.kind is not EntryKind.CHANGE or change is None:
            raise UntrustedInput(f"entry {entry.seq}: a kind that this version does not write")
        if change.id in self._positions:
            raise UntrustedInput(f"entry {entry.seq}: its change stands in the log already")
        if self.device_key(entry.writer) is None:
            raise UntrustedInput(f"entry {entry.seq}: its writer was retired before")
        return judge(self.state, change, stamp, verified)

    def _judge_first(self, entry: Entry, change: Change | None) -> Verdict:
        if change is None:  # before it nobody leads, so its kind can only be to open
            raise UntrustedInput("entry 1: not a genesis")
        if self._cluster not in (None, entry.digest):
            raise UntrustedInput("entry 1: the genesis of another cluster")
        return judge_genesis(change, entry.writer)

    def may_lead(self, device: DeviceId) -> bool:
        """Tell whether a device may write: an active member in the succession."""
        row = self.state.value("cluster", "succession")
        return row is not None and device in row[0] and self.device_key(device) is not None

    def _touched(self, verdict: Verdict) -> tuple[tuple[str, bytes], ...]:
        return tuple((s, self.state.section_hash(s)) for s in sorted({w.section for w in verdict.writes}))

    def _advance(self, entry: Entry, undo: Undo) -> Step:
        """Stand behind an entry whose writes are taken; returns what takes it back."""
        step = Step(undo, self.head, self.leader, entry.change)
        if entry.seq == 1:
            self._cluster = self.state.cluster = ClusterId(entry.digest)
        if entry.kind is EntryKind.OPEN:
            self.leader = entry.writer
        if entry.change is not None:
            self._positions[entry.change] = entry.seq
            if entry.outcome != APPLIED:
                self._not_applied[entry.change] = entry.outcome
        self.head = entry.head
        self._chains.append(entry.head.chain)
        return step

    def _keep(self, *steps: Kept) -> None:
        for kept in steps:
            self._trail.add(kept)
        self._trail.trim(self.settled)

    def _undo(self, steps: Sequence[Kept]) -> None:
        for kept in reversed(steps):
            step = kept.step
            self.state.undo(step.undo)
            self.head, self.leader = step.head, step.leader
            self._chains.pop()
            if step.change is not None:
                del self._positions[step.change]
                self._not_applied.pop(step.change, None)
        if self.head.seq == 0:
            self.state.cluster, self._cluster = NO_CLUSTER, self._expected

    # --- leaving a branch (`branches.py`) -----------------------------------------------------

    def reaches(self, seq: int) -> bool:
        """Tell whether all entries behind a position can be taken back."""
        return self._trail.reaches(seq)

    def leave(self, seq: int) -> Left:
        """Take back all entries behind a position that is within reach; `restore` undoes that.

        What is left is a log without a signed head of its own: the caller extends or restores it.
        """
        again: list[Again] = []
        newest = self.newest
        while self.head.seq > seq:
            kept = self._trail.pop()
            again.append(Again(kept, *self.state.writes_of(kept.step.undo)))
            self._undo([kept])
        return Left(tuple(reversed(again)), newest)

    def restore(self, left: Left) -> None:
        """Come back to a branch that was left; it was verified when it was taken."""
        for kept, writes, derived in left.again:
            step = self._advance(verified_entry(kept.item), self.state.take(writes, derived))
            self._trail.add(Kept(step, kept.item, kept.head))
        self.newest = left.newest

    # --- writing -----------------------------------------------------------------------------

    def write_open(self, stamp: Stamp) -> LogItem:
        """Open the next epoch as its leader; the caller may lead."""
        assert self.may_lead(stamp.writer)
        return self._written(None, *self._compose(EntryKind.OPEN, self.head.epoch + 1, None, _NOTHING, stamp))

    def write_genesis(self, change: Change, stamp: Stamp) -> LogItem:
        """Write the first entry of a cluster.

        Raises:
            Refused: the change does not make a cluster.
        """
        assert self.head.seq == 0
        verdict = judge_genesis(change, stamp.writer)
        return self._written(change, *self._compose(EntryKind.OPEN, 1, change, verdict, stamp))

    def write_change(self, change: Change, stamp: Stamp) -> tuple[LogItem, Entry]:
        """Judge a change and write its entry; the caller leads.

        Raises:
            Refused: no entry carries it; nothing was written and neither its id nor its
                counter is used up (A54: junk costs no flash).
        """
        assert self.leader == stamp.writer
        entry, undo = self._make(change, stamp, NONE_VERIFIED)
        return self._written(change, entry, undo), entry

    def _written(self, change: Change | None, entry: Entry, undo: Undo) -> LogItem:
        item = pack_entry_item(entry, change)
        self._keep(Kept(self._advance(entry, undo), item))
        return item

    def _make(self, change: Change, stamp: Stamp, verified: Verified) -> tuple[Entry, Undo]:
        """Judge a change, take its writes and make its entry; raises with nothing taken."""
        if change.id in self._positions:
            raise Refused("known", f"this change stands in the log, at {self._positions[change.id]}")
        if self.device_key(stamp.writer) is None:
            raise Refused("not-writer", "this device was retired and writes no more")
        verdict = judge(self.state, change, stamp, verified)
        return self._compose(EntryKind.CHANGE, self.head.epoch, change, verdict, stamp)

    def _compose(
        self, kind: EntryKind, epoch: int, change: Change | None, verdict: Verdict, stamp: Stamp
    ) -> tuple[Entry, Undo]:
        """Take a verdict's writes and make the entry that says so."""
        undo = self.state.take(verdict.writes, verdict.derived)
        entry = Entry(
            generation=self.head.generation,
            mandate=self.head.mandate,
            epoch=epoch,
            seq=Seq(self.head.seq + 1),
            previous=self.head.chain,
            writer=stamp.writer,
            boot=stamp.boot,
            time_s=stamp.time_s,
            clock_trusted=stamp.clock_trusted,
            kind=kind,
            change=None if change is None else change.id,
            signatures=None if change is None else change.signatures_hash,
            outcome=verdict.outcome,
            sections=self._touched(verdict),
            derived=self.state.derived_hash,
        )
        return entry, undo

    def signed(self, signed: SignedHead) -> LogItem:
        """Take the head that this device, leading, signed for what it wrote."""
        assert signed.head == self.head
        self.newest = signed
        item = LogItem(ItemKind.HEAD, signed.encode())
        self._trail.cover(item)
        self._trail.trim(self.settled)
        return item
