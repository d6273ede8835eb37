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

from collections.abc import Callable, Iterable, Sequence

from dusk import limits
from dusk.changelog import views
from dusk.changelog.body import Change
from dusk.changelog.book import Book
from dusk.changelog.certificate import Certificate, decode_certificate
from dusk.changelog.entry import (
    APPLIED,
    OPEN,
    Entry,
    EntryKind,
    SignedHead,
    Stamp,
    decode_signed_head,
)
from dusk.changelog.expiring import judge_expiry
from dusk.changelog.fold import claims_of, judge
from dusk.changelog.gating import judge_gate
from dusk.changelog.genesis import judge_genesis
from dusk.changelog.history import ForkFound
from dusk.changelog.items import Glanced, pack_entry_item, read_ahead, unpack_entry_item, verified_entry
from dusk.changelog.judging import NOTHING
from dusk.changelog.kinds import kind_of
from dusk.changelog.state import State, Undo
from dusk.changelog.stranded import judge_stranded
from dusk.changelog.taking import Taking
from dusk.changelog.trail import Again, Kept, Left, Step
from dusk.changelog.verdict import Verdict
from dusk.changelog.witness import Witness, decode_witness, witnesses_of
from dusk.changelog.writing import Carried, compose, touched
from dusk.effects import ItemKind, LogItem
from dusk.errors import Refused, UntrustedInput
from dusk.ids import (
    NO_CLUSTER,
    ClusterId,
    KeyId,
    Seq,
)
from dusk.keys.signing import NONE_VERIFIED, SignedBytes, Verified, verified_before

__all__ = ["ForkFound", "Left", "Log", "pack_entry_item", "unpack_entry_item", "verified_entry"]

_ENTRY = ItemKind.ENTRY
Judge = Callable[[State, Change, Stamp, Verified], Verdict]


class Log(Book):
    """The verified log of one cluster, with the state that it adds up to."""

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
        took = Taking(self.newest, self._settling.mark())
        read = read_ahead(items)
        verified = self._verify_ahead(self._claims(read.values()))
        try:
            for at, item in enumerate(items):
                self._take_item(item, read.get(at), verified, took)
            self._undo(took.open_steps)
            del took.steps[took.covered_steps :], took.taken[took.covered :]
            self._take_certificates(took)
        except UntrustedInput:
            self._take_back(took)
            raise
        except Refused as error:
            self._take_back(took)
            raise UntrustedInput(f"entry {self.head.seq + 1}: {error.reason}") from None
        self.newest = took.newest
        self._keep(*took.steps)
        return tuple(took.taken)

    def _take_item(self, item: LogItem, glanced: Glanced | None, verified: Verified, took: Taking) -> None:
        """Verify one item behind those before it."""
        if item.kind is _ENTRY:
            step = self._take_expected(glanced, verified) or self._take_any(item, verified)
            if step is not None:
                took.steps.append(Kept(step, item))
                took.taken.append(item)
        elif item.kind is ItemKind.HEAD:
            signed = self._take_head(item)
            if signed is not None:
                took.newest = signed
                if took.open_steps:
                    took.steps[-1].head = item
                    took.taken.append(item)
                self._take_certificates(took)
        elif item.kind is ItemKind.CERTIFICATE:
            took.waiting.append(decode_certificate(item.data))
            if not took.open_steps:
                self._take_certificates(took)
        elif item.kind is ItemKind.WITNESS:
            took.waiting.append(decode_witness(item.data))
        else:
            raise UntrustedInput("log item: of a kind that stands on a device's own disk alone")

    def _take_certificates(self, took: Taking) -> None:
        """Settle what the newest head and the waiting certificates settle, all of it covered now."""
        self._settling.by_head(took.newest)
        for word in took.waiting:
            settles = self._settling
            if settles.by_witness(word) if isinstance(word, Witness) else settles.take(word):
                took.taken.append(word.item())
                self._settling.by_head(took.newest)
        took.waiting.clear()
        took.cover()

    def _take_back(self, took: Taking) -> None:
        """Be again what this log was before."""
        self._undo(took.steps)
        self._settling.restore(took.mark)

    def _claims(self, read: Iterable[Glanced]) -> list[SignedBytes]:
        """Return what is to be verified of entries that are new."""
        new = (glanced.change for glanced in read if glanced.own.seq > self.head.seq)
        return [claim for change in new for claim in claims_of(self.state, change)]

    def _take_any(self, item: LogItem, verified: Verified) -> Step | None:
        """Verify the next entry and take it; None for one that we hold."""
        entry, change = unpack_entry_item(item.data)
        if entry.seq <= self.head.seq:
            self._history.check(entry.seq, entry.head.chain, "entry")
            return None
        return self._take(entry, change, verified)

    def _take_expected(self, glanced: Glanced | None, verified: Verified) -> Step | None:
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
            self._history.check(signed.head.seq, signed.head.chain, "signed head")
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
        judging = self._judging
        judging.check_position(entry, change)
        stamp = Stamp(entry.writer, entry.boot, entry.time_s, entry.clock_trusted, entry.absent)
        if entry.seq == 1:
            verdict = judging.first(entry, change, self._cluster)
        else:
            verdict = judging.later(entry, change, stamp, verified)
        if (verdict.outcome, verdict.absent) != (entry.outcome, entry.absent):
            raise UntrustedInput(f"entry {entry.seq}: its outcome is not ours")
        undo = self.state.take(verdict.writes, verdict.derived)
        if (touched(self.state, verdict), self.state.derived_hash) != (entry.sections, entry.derived):
            self.state.undo(undo)
            raise UntrustedInput(f"entry {entry.seq}: its hashes are not those of our state")
        return self._advance(entry, undo)

    def _advance(self, entry: Entry, undo: Undo) -> Step:
        """Stand behind an entry whose writes are taken; returns what takes it back."""
        step = Step(undo, self.head, self.leader, entry.change)
        if entry.seq == 1:
            self._cluster = self.state.cluster = ClusterId(entry.digest)
        if entry.kind is OPEN:
            self.leader = entry.writer
        if "cluster" in dict(entry.sections):
            is_role = entry.kind is OPEN and entry.seq > 1
            self._settling.terms.add(entry.seq, views.succession(self.state), forced=is_role)
        if entry.change is not None:
            self._positions[entry.change] = entry.seq
            if entry.outcome != APPLIED:
                self._not_applied[entry.change] = entry.outcome
        self.head = entry.head
        self._history.add(entry)
        self._milestones.add(entry)
        return step

    def _keep(self, *steps: Kept) -> None:
        self._trail.add(*steps)
        self._trail.trim(self.settled)

    def _undo(self, steps: Sequence[Kept]) -> None:
        for kept in reversed(steps):
            step = kept.step
            self.state.undo(step.undo)
            self.head, self.leader = step.head, step.leader
            self._history.pop()
            if step.change is not None:
                del self._positions[step.change]
                self._not_applied.pop(step.change, None)
        self._settling.terms.cut(self.head.seq)
        self._milestones.cut(self.head.seq)
        if self.head.seq == 0:
            self.state.cluster, self._cluster = NO_CLUSTER, self._expected

    # --- settling ----------------------------------------------------------------------------

    def take_certificate(self, certificate: Certificate) -> bool:
        """Verify a certificate and raise the settled position to its entry.

        Returns:
            Whether the settled position rose: then the certificate belongs on the disk.

        Raises:
            ForkFound: it is about another entry than ours at that position.
            UntrustedInput: we have no such entry, a holder's acknowledgement is missing, or one
                of them is wrong or of who is no holder.
        """
        is_new = self._settling.take(certificate)
        self._settling.by_head(self.newest)
        self._trail.trim(self.settled)
        return is_new

    # --- checkpoints -------------------------------------------------------------------------

    def give_up(self, seq: Seq) -> None:
        """Go back below a checkpoint no more: what is there is dropped from the disk."""
        self.ground.floor = seq

    def retake(self, item: LogItem) -> list[tuple[str, str]]:
        """Take the next entry of the own disk again, which no head needs to cover.

        Returns:
            Section and key of each record that it wrote.

        Raises:
            Refused, UntrustedInput: it was not verified before.
        """
        claims = self._claims(read_ahead([item]).values())
        step = self._take_any(item, verified_before(claims))
        return [] if step is None else [(section, key) for section, key, _before in step.undo.records]

    # --- leaving a branch (`branches.py`) -----------------------------------------------------

    def leave(self, seq: int) -> Left:
        """Take back all entries behind a position that is within reach; `restore` undoes that.

        What is left has no signed head of its own: the caller extends it and stays, or restores it.
        """
        self._trail.hold()
        again: list[Again] = []
        newest, mark = self.newest, self._settling.mark()
        while self.head.seq > seq:
            kept = self._trail.pop()
            again.append(Again(kept, *self.state.writes_of(kept.step.undo)))
            self._undo([kept])
        self.newest = None
        self._settling.fall(Seq(seq))
        return Left(Seq(seq), tuple(reversed(again)), newest, mark)

    def witness(self, left: Left) -> tuple[LogItem, ...]:
        """Return what the disk needs to prove by a word for what was left what is settled; often nothing.

        What is signed behind the fork does not stand any more, before it stands what it settled (R4).
        """
        settling = self._settling
        former, settling.witness = settling.witness, None
        if former is not None and former.seq <= left.seq:
            settling.witness = former
        owed = settling.owed()
        if not owed or any(
            kept.head is not None and owed == {verified_entry(kept.item).writer}
            for kept in self._trail.behind(self.settled - 1)
        ):
            return ()
        found = next(
            filter(settling.shows, witnesses_of(left.seq, left.items, owed, left.mark.certificates, former)),
            None,
        )
        if found is None or len(found.digests) > limits.BRANCH_STEPS_MAX:
            return ()
        settling.witness = found
        return (found.item(),)

    def restore(self, left: Left) -> None:
        """Come back to a branch that was left; it was verified when it was taken."""
        while self.head.seq > left.seq:
            self._undo([self._trail.pop()])
        for kept, writes, derived in left.again:
            step = self._advance(verified_entry(kept.item), self.state.take(writes, derived))
            self._trail.add(Kept(step, kept.item, kept.head))
        self.newest = left.newest
        self._settling.restore(left.mark)
        self.stay()

    def stay(self) -> None:
        """Go on from here: what was left is not come back to."""
        self._trail.release(self.settled)

    # --- writing -----------------------------------------------------------------------------

    def write_open(self, stamp: Stamp, role: Change | None = None, *, epoch_above: int = 0) -> LogItem:
        """Open the next epoch as its leader.

        Args:
            stamp: the caller's, who may lead, or will by the role.
            role: owners' word that the caller leads, which the entry carries.
            epoch_above: an epoch that was heard of or led before; it is not opened again.

        Raises:
            Refused: the role is worth nothing here.
        """
        assert role is not None or self.may_lead(stamp.writer)
        if role is not None:
            self._judging.check_new(role)
        carried = Carried(EntryKind.OPEN, role, self._judging.opening(role, stamp))
        return self._written(role, *compose(self.state, self.head, carried, stamp, epoch_above))

    def check_role(self, role: Change, stamp: Stamp) -> None:
        """Refuse a role that `write_open` could not carry here; changes nothing."""
        self._judging.check_new(role)
        self._judging.opening(role, stamp)

    def write_genesis(self, change: Change, stamp: Stamp) -> LogItem:
        """Write the first entry of a cluster.

        Raises:
            Refused: the change does not make a cluster.
        """
        assert self.head.seq == 0
        carried = Carried(EntryKind.OPEN, change, judge_genesis(change, stamp.writer))
        return self._written(change, *compose(self.state, self.head, carried, stamp))

    def write_change(self, change: Change, stamp: Stamp) -> tuple[LogItem, Entry]:
        """Judge a change and write its entry; the caller leads.

        Raises:
            Refused: no entry carries it; nothing was written and neither its id nor its
                counter is used up (A54: junk costs no flash).
        """
        assert self.leader == stamp.writer
        entry, undo = self._make(change, stamp, NONE_VERIFIED)
        return self._written(change, entry, undo), entry

    def write_stranded(self, change: Change, stamp: Stamp) -> tuple[LogItem, Entry]:
        """Write a change of a branch that lost, be it as rejected; the caller leads.

        Raises:
            Refused: no entry carries it even so: somebody who is not known signed, or nobody.
        """
        assert self.leader == stamp.writer
        entry, undo = self._make(change, stamp, NONE_VERIFIED, judge_stranded)
        return self._written(change, entry, undo), entry

    def write_handover(self, stamp: Stamp) -> LogItem:
        """End the epoch that the caller leads, for the first of the succession to open the next.

        Raises:
            Refused: the caller writes no more.
        """
        assert self.leader == stamp.writer
        self._judging.check_writes(stamp.writer)
        carried = Carried(EntryKind.HANDOVER, None, NOTHING)
        return self._written(None, *compose(self.state, self.head, carried, stamp))

    def write_expiry(self, section: str, stamp: Stamp) -> LogItem:
        """Write that a join key or a proposal has ended by time; the caller leads.

        Raises:
            Refused: it has not.
        """
        assert self.leader == stamp.writer
        self._judging.check_writes(stamp.writer)
        carried = Carried(EntryKind.EXPIRE, None, judge_expiry(self.state, section, stamp))
        return self._written(None, *compose(self.state, self.head, carried, stamp))

    def write_gate(self, section: str, word: str, stamp: Stamp) -> LogItem:
        """Open a rollout's next wave, end it, or stop it; the caller leads.

        Raises:
            Refused: that cannot be done there now.
        """
        assert self.leader == stamp.writer
        self._judging.check_writes(stamp.writer)
        carried = Carried(EntryKind.GATE, None, judge_gate(self.state, section, word, stamp))
        return self._written(None, *compose(self.state, self.head, carried, stamp))

    def _written(self, change: Change | None, entry: Entry, undo: Undo) -> LogItem:
        item = pack_entry_item(entry, change)
        self._keep(Kept(self._advance(entry, undo), item))
        return item

    def _make(
        self, change: Change, stamp: Stamp, verified: Verified, judge_it: Judge = judge
    ) -> tuple[Entry, Undo]:
        """Judge a change, take its writes and make its entry; raises with nothing taken."""
        self._judging.check_new(change)
        self._judging.check_writes(stamp.writer)
        carried = Carried(kind_of(change), change, judge_it(self.state, change, stamp, verified))
        return compose(self.state, self.head, carried, stamp)

    def signed(self, signed: SignedHead) -> LogItem:
        """Take the head that this device, leading, signed for what it wrote."""
        assert signed.head == self.head
        self.newest = signed
        self._settling.by_head(signed)
        item = LogItem(ItemKind.HEAD, signed.encode())
        self._trail.cover(item)
        self._trail.trim(self.settled)
        return item
