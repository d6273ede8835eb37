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

from dusk.changelog import views
from dusk.changelog.body import Change
from dusk.changelog.certificate import Certificate, decode_certificate
from dusk.changelog.entry import (
    APPLIED,
    Entry,
    EntryKind,
    Outcome,
    SignedHead,
    Stamp,
    decode_signed_head,
)
from dusk.changelog.fold import claims_of, judge
from dusk.changelog.genesis import judge_genesis
from dusk.changelog.ground import Ground
from dusk.changelog.history import ForkFound
from dusk.changelog.items import Glanced, pack_entry_item, read_ahead, unpack_entry_item, verified_entry
from dusk.changelog.judging import NOTHING, Judging
from dusk.changelog.kinds import kind_of
from dusk.changelog.milestones import Milestones
from dusk.changelog.settling import Settling
from dusk.changelog.state import State, Undo
from dusk.changelog.stranded import judge_stranded
from dusk.changelog.taking import Taking
from dusk.changelog.trail import Again, Kept, Left, Step, Trail
from dusk.changelog.verdict import Verdict
from dusk.changelog.writing import Carried, compose, touched
from dusk.effects import ItemKind, LogItem
from dusk.errors import Refused, UntrustedInput
from dusk.ids import (
    NO_CLUSTER,
    BootId,
    ChainHash,
    ChangeId,
    ClusterId,
    DeviceId,
    Head,
    KeyId,
    PublicKey,
    Seq,
)
from dusk.keys.signing import NONE_VERIFIED, SignedBytes, Verified, VerifyAhead, verified_before, verified_of

__all__ = ["ForkFound", "Left", "Log", "pack_entry_item", "unpack_entry_item", "verified_entry"]

Judge = Callable[[State, Change, Stamp, Verified], Verdict]


class Log:
    """The verified log of one cluster, with the state that it adds up to.

    Args:
        cluster: the cluster's id; None only for who makes a genesis or reads a log of its own
            disk whose id it takes from there.
        verify_ahead: verifies many signatures at once, before the entries are judged one by
            one; what it leaves out is verified then.
        ground: what it stands on, which nobody else uses; None for an empty log.
    """

    def __init__(
        self,
        cluster: ClusterId | None,
        verify_ahead: VerifyAhead = verified_of,
        ground: Ground | None = None,
    ) -> None:
        self._verify_ahead = verify_ahead
        self.ground = ground = Ground() if ground is None else ground
        """What it is made of; its floor is what it stands on."""
        self.state = ground.state
        self.head: Head = ground.history.head
        self.newest: SignedHead | None = None
        self.leader: DeviceId | None = ground.history.leader
        """Who opened the epoch of the head."""
        self._expected = cluster
        self._cluster = cluster if ground.cluster is None else ground.cluster
        self._history = ground.history
        self._positions = ground.positions
        self._not_applied = ground.not_applied
        self._trail = Trail()
        self._settling = Settling(self.state, self._history, ground.terms, ground.floor)
        self._judging = Judging(self.state, self._history, self._positions)
        self._milestones = Milestones(self.state, self._history, self._not_applied, ground.terms)

    @property
    def cluster(self) -> ClusterId | None:
        """The cluster's id, None while it is not known."""
        return self._cluster

    def chain_at(self, seq: int) -> ChainHash | None:
        """Return the chain hash at a position that we hold."""
        return self._history.chain_at(seq)

    def head_at(self, seq: int) -> Head | None:
        """Return the head that the log had when its entry ``seq`` was the newest."""
        return self._history.head_at(seq)

    def writer_at(self, seq: int) -> DeviceId | None:
        """Return who led the epoch of an entry that we hold."""
        return self._history.writer_at(seq)

    def position_of(self, change: ChangeId) -> Seq | None:
        """Return where a change stands in the log."""
        return self._positions.get(change)

    def outcome_of(self, change: ChangeId) -> Outcome:
        """Return what became of a change that stands in the log."""
        assert change in self._positions
        return self._not_applied.get(change, APPLIED)

    @property
    def not_applied(self) -> tuple[ChangeId, ...]:
        """The changes that stand in the log without effect, in order."""
        return tuple(self._not_applied)

    def device_key(self, device: DeviceId) -> PublicKey | None:
        """Return an active member's key."""
        return self._judging.device_key(device)

    def may_lead(self, device: DeviceId) -> bool:
        """Tell whether a device may open an epoch: an active member in the succession, not frozen."""
        return self._judging.may_lead(device)

    @property
    def leader_boot(self) -> BootId | None:
        """In which run of its device the epoch of the head was opened."""
        return self._history.boot

    @property
    def handed_over(self) -> bool:
        """Whether the leader handed over with the newest entry: nothing but an `open` follows."""
        return self._history.handed_over

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
        if item.kind is ItemKind.ENTRY:
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
        else:
            raise UntrustedInput("log item: of a kind that stands on a device's own disk alone")

    def _take_certificates(self, took: Taking) -> None:
        """Settle what the newest head and the waiting certificates settle, all of it covered now."""
        self._settling.by_head(took.newest)
        self._settling.by_owners(self._milestones.in_force(self.head.seq).seq)
        for certificate in took.waiting:
            if self._settling.take(certificate):
                took.taken.append(certificate.item())
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
        judging.check_position(entry)
        stamp = Stamp(entry.writer, entry.boot, entry.time_s, entry.clock_trusted)
        if entry.seq == 1:
            verdict = judging.first(entry, change, self._cluster)
        else:
            verdict = judging.later(entry, change, stamp, verified)
        if verdict.outcome != entry.outcome:
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
        if entry.kind is EntryKind.OPEN:
            self.leader = entry.writer
        if any(section == "cluster" for section, _ in entry.sections):
            is_role = entry.kind is EntryKind.OPEN and entry.seq > 1
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
        for kept in steps:
            self._trail.add(kept)
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

    @property
    def settled(self) -> Seq:
        """Up to where all holders that have a say have the log on their disks; never falls by itself."""
        return self._settling.settled

    @property
    def certified(self) -> Certificate | None:
        """The newest certificate that was taken; None where heads of a single holder settle."""
        return self._settling.certified

    def certificates_above(self, settled: int) -> tuple[Certificate, ...]:
        """Return the certificates that settle this log for who has settled no more than this, in order."""
        return self._settling.above(settled)

    def required_at(self, seq: int, since: int | None = None) -> frozenset[DeviceId]:
        """Return who must acknowledge entry ``seq``, for one that has settled ``since`` (None: us)."""
        return self._settling.terms.required(seq, self.settled if since is None else since)

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

    @property
    def checkpoint(self) -> Seq:
        """The newest checkpoint that is final; 0 for none. What is below it is needed no more."""
        return self._milestones.in_force(self.settled).seq

    def retake(self, item: LogItem) -> None:
        """Take the next entry of the own disk again, which no head needs to cover.

        Raises:
            Refused, UntrustedInput: it was not verified before.
        """
        claims = self._claims(read_ahead([item]).values())
        self._take_any(item, verified_before(claims))

    # --- leaving a branch (`branches.py`) -----------------------------------------------------

    def reaches(self, seq: int) -> bool:
        """Tell whether all entries behind a position can be taken back."""
        return seq >= self.ground.floor and self._trail.reaches(seq)

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
        self._settling.by_owners(self._milestones.in_force(self.head.seq).seq)
        item = LogItem(ItemKind.HEAD, signed.encode())
        self._trail.cover(item)
        self._trail.trim(self.settled)
        return item
